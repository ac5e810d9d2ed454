/*
 * control_status.h: what "status" and "peers" answer on the control socket, and what `refrain status`
 * and `refrain peers` therefore read (docs/CLI.md draws the fields).
 */
#ifndef PLAYER_CONTROL_STATUS_H
#define PLAYER_CONTROL_STATUS_H

#include "player/session.h"

#include <jansson.h>

/* New references; NULL: out of memory. */
json_t *control_status(const struct session *session);
json_t *control_peers(const struct session *session);

#endif
