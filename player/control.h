/*
 * control.h: what front ends and scripts may ask of a running engine (docs/CLI.md, "The control
 * socket").
 *
 * Responsible for the verbs. What `play` has been told on its command line may be steered (next, seek,
 * pause, resume, stop); a daemon takes "play" besides; of `fetch` only status, peers and quit are to be
 * had. Envelope and socket are player/ipc's.
 */
#ifndef PLAYER_CONTROL_H
#define PLAYER_CONTROL_H

#include "player/playing.h"

#define CONTROL_TARGETS_MAX 1024u

struct control;

/* Opens the socket of the session's state folder. `playing` (NULL: nothing is played) and `session` are
 * borrowed until control_close. NULL: it can't be had; that was told, and the engine goes on. */
struct control *control_open(struct session *session, struct playing *playing);
/* Before session_close: it waits for the memory's end. Accepts NULL. */
void control_close(struct control *control);

#endif
