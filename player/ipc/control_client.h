/*
 * control_client.h: one question to the engine of a state folder, over its control socket.
 *
 * For short programs: it blocks, with a time limit.
 */
#ifndef PLAYER_IPC_CONTROL_CLIENT_H
#define PLAYER_IPC_CONTROL_CLIENT_H

#include <jansson.h>

/* Asks `verb` and gives the answer (a new reference, with "ok"). ERROR_NOT_FOUND: no engine runs there;
 * ERROR_TIMEOUT: it does not answer; ERROR_UNSUPPORTED: it speaks another version; ERROR_DENIED (another
 * user's); ERROR_CLOSED; ERROR_MALFORMED (no such answer); ERROR_NO_MEMORY; ERROR_SYSTEM (errno). */
int control_client_ask(const char *state, const char *verb, json_t **ret_answer);

/* As control_client_ask, any request: {"do":VERB,...}, whose reference is taken. The answer may have
 * "error" instead of "ok". */
int control_client_request(const char *state, json_t *request, json_t **ret_answer);
/* A connected socket, which the caller closes; the engine's greeting comes first on it. Errors as
 * above. */
int control_client_connect(const char *state, int *ret_fd);

#endif
