/*
 * control_server.h: JSON lines from front ends and scripts over a Unix socket (docs/CLI.md has the
 * protocol).
 *
 * Responsible for the socket, for who may connect (the same user), for lines and their bounds, for
 * the envelope {"id", "do"} and its answers. What a verb means is the caller's.
 *
 * Happy path: control_server_open -> greeting to each client -> handle(request) -> answer ->
 * control_server_close. Failure modes: a line that is no request gets an error answer; one that is too
 * long, or a client that does not read, is closed. Nothing a client sends ends the engine.
 */
#ifndef PLAYER_IPC_CONTROL_SERVER_H
#define PLAYER_IPC_CONTROL_SERVER_H

#include "common/net/loop.h"

#include <jansson.h>

#define CONTROL_VERSION 1
#define CONTROL_CLIENTS_MAX 16u
#define CONTROL_LINE_BYTES_MAX 65536u
#define CONTROL_QUEUE_BYTES_MAX (1u << 20) /* answers that a client has not read */

struct control_server;

/* Does what is asked: `verb` is its name, `request` the whole object (borrowed). Returns an object with
 * the answer's fields besides "id" and "ok" (may be empty), which the server takes; or NULL, then
 * *ret_error is the reason ("THING: REASON; CURE"), borrowed until the next call. */
typedef json_t *control_handle(void *context, const char *verb, const json_t *request,
                               const char **ret_error);

/* Listens in the state folder, whose lock the caller holds: a socket that is there already belongs to
 * nobody and is replaced. `version` is told to clients. ERROR_NO_MEMORY, ERROR_DENIED, ERROR_SYSTEM
 * (errno). */
int control_server_open(struct net_loop *loop, const char *state, const char *version,
                        control_handle *handle, void *context, struct control_server **ret_server);
/* Takes the socket away and closes all clients; memory is freed by the loop. NULL is fine. */
void control_server_close(struct control_server *server);

#endif
