/*
 * remote.h: a player's control socket (docs/CLI.md), as the lab uses it: commands go out, answers are
 * counted.
 */
#ifndef MEASURE_LAB_REMOTE_H
#define MEASURE_LAB_REMOTE_H

#include <stdint.h>

struct remote {
    int socket;              /* descriptor, non-blocking; -1: not connected */
    uint32_t asked, refused; /* commands that were sent; answers that said no */
    char line[4096];
    uint32_t line_bytes;
};

/* Connects to the engine of the state folder $XDG_STATE_HOME = `state`. ERROR_NOT_FOUND: it does not
 * listen yet. ERROR_SYSTEM. */
int remote_open(struct remote *remote, const char *state);
void remote_close(struct remote *remote);
/* Plays these tracks (ids in hex), the first one now. ERROR_CLOSED. */
int remote_play(struct remote *remote, const char *const ids[], uint32_t count);
int remote_next(struct remote *remote);
/* Reads what was answered. ERROR_CLOSED: the player has gone. */
int remote_read(struct remote *remote);

#endif
