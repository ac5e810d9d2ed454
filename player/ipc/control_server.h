/*
 * control_server.h: JSON lines from front ends and scripts over a Unix socket (docs/CLI.md has the
 * protocol).
 *
 * Responsible for the socket, for who may connect (the same user), for lines and their bounds, for
 * "do" and the form of "id", and for what is said to a client. What a verb means, who subscribed to
 * what and the answers' envelope are the caller's.
 *
 * Happy path: control_server_open -> greeting to each client -> handle(request) ->
 * control_server_say(answer) -> gone(client) -> control_server_close. Failure modes: a line that is no request gets an error answer; one that is too
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

struct control_hooks {
    /* A client asks: `verb` is the name of what is to be done, `request` the whole object (borrowed; its
     * "id", if it has one, is a whole number). The answer goes through control_server_say, now or
     * later. `client` is a number that is never used again. */
    void (*handle)(void *context, uint32_t client, const char *verb, const json_t *request);
    /* The client is no longer there. Not called from control_server_close on. */
    void (*gone)(void *context, uint32_t client);
    void *context;
};

/* Listens in the state folder, whose lock the caller holds: a socket that is there already belongs to
 * nobody and is replaced. `version` is told to clients; `hooks` is copied. ERROR_NO_MEMORY,
 * ERROR_DENIED, ERROR_SYSTEM (errno). */
int control_server_open(struct net_loop *loop, const char *state, const char *version,
                        const struct control_hooks *hooks, struct control_server **ret_server);
/* Sends one line; takes the reference of `object`. A client that has gone is passed over, one that does
 * not read is closed. */
void control_server_say(struct control_server *server, uint32_t client, json_t *object);
/* Takes the socket away and closes all clients; memory is freed by the loop. NULL is fine. */
void control_server_close(struct control_server *server);

#endif
