/*
 * playing.h: what `play` and `daemon` tell of what is heard.
 *
 * Responsible for the words and the JSON lines that notes of the engine become, and for which entry
 * sounds. Not responsible for when a run ends.
 */
#ifndef PLAYER_PLAYING_H
#define PLAYER_PLAYING_H

#include "player/session.h"

struct playing {
    struct session *session; /* borrowed */
    uint32_t current;        /* entry that sounds, or sounded last; 0 = none yet */
    uint64_t *waits_us;      /* one a play record; owned */
    uint32_t wait_count, wait_capacity;
};

/* Tells of a note; QUEUE_ENDED is the caller's. */
void playing_note(struct playing *playing, const struct node_note *note);
/* The entry behind the one that plays, or is about to, starts now. False: there is none. */
bool playing_next(struct playing *playing);
/* The last line. */
void playing_summary(struct playing *playing, const struct node_summary *summary);
void playing_deinit(struct playing *playing);

#endif
