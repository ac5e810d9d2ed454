/*
 * control_status.h: what "status" and "peers" answer on the control socket, and what `refrain status`
 * and `refrain peers` therefore read (docs/CLI.md draws the fields).
 */
#ifndef PLAYER_CONTROL_STATUS_H
#define PLAYER_CONTROL_STATUS_H

#include "player/playing.h"

#include <jansson.h>

/* New references; NULL: out of memory. `playing` NULL: nothing is played. */
json_t *control_status(const struct session *session, const struct playing *playing);
json_t *control_peers(const struct session *session);
/* "opening", "playing", "waiting", "paused" or "stopped". */
const char *control_state_name(const struct node_status *status);
/* Adds title, artist, album, album_id, year, duration_ms and format. */
void control_put_words(json_t *object, const struct words_track *words);

#endif
