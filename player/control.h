/*
 * control.h: what front ends and scripts may ask of a running engine (docs/CLI.md, "The control
 * socket").
 *
 * Responsible for finding who does a verb (control_verbs.h has the tables), for answers and for who is
 * told what. The socket is player/ipc's; faces in this process come through player/front.
 */
#ifndef PLAYER_CONTROL_H
#define PLAYER_CONTROL_H

#include "player/playing.h"

#include <jansson.h>

#define CONTROL_TARGETS_MAX 1024u

struct control;

/* An answer or an event for a face in this process; `object` is borrowed for the call. */
typedef void control_say(void *context, const json_t *object);

/* Opens the socket of the session's state folder. `playing` (NULL: nothing is played) and `session` are
 * borrowed until control_close. NULL: out of memory. A socket that can't be had was told, and the
 * control serves faces of this process alone. */
struct control *control_open(struct session *session, struct playing *playing);
/* Tells "bye" and forgets all faces. Before session_close: it waits for the memory's end. Accepts
 * NULL. */
void control_close(struct control *control);

/* A face in this process; its number, 0 when out of memory. `say` may be called from inside
 * control_ask. */
uint32_t control_join(struct control *control, control_say *say, void *context);
void control_leave(struct control *control, uint32_t face);
/* As a line on the socket: `request` has "do" and may have "id"; borrowed. */
void control_ask(struct control *control, uint32_t face, const json_t *request);

/* What "gateway" answers: {"url","token","tracks"} (docs/CLI.md). It is opened when it is not yet, at
 * `port` (0: any that is free). NULL: *ret_error says why; borrowed until the next call. */
json_t *control_open_gateway(struct control *control, uint16_t port, const char **ret_error);

#endif
