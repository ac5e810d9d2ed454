/*
 * gateway.h: tracks over HTTP on the loopback address, for players that are none of ours
 * (docs/DESKTOP.md).
 *
 * Responsible for requests, for loans of the engine (one for each track that is being read), and for a
 * thread for each answer that is on its way: its bytes come through the engine's reader, which may
 * have to wait for the network. Policy (what is fetched, and when) is the node's.
 *
 * Happy path: gateway_open -> requests ... -> gateway_close -> the loop goes on until it has closed.
 * Failure modes: a track that can't be had is answered with a status; bytes that fail later break the
 * connection; too many tracks or answers at a time: 503.
 *
 * All functions belong to the loop's thread.
 */
#ifndef PLAYER_GATEWAY_GATEWAY_H
#define PLAYER_GATEWAY_GATEWAY_H

#include "common/net/listener.h"
#include "player/gateway/gateway_route.h"
#include "player/uv/engine.h"

/* Answers on their way at a time, each with a thread. */
#define GATEWAY_STREAMS_MAX 24u
/* Requests that wait for their track's manifest. */
#define GATEWAY_WAITING_MAX 64u
/* A track stays on loan so long after its last answer: players ask piece by piece. */
#define GATEWAY_LINGER_US (20 * TIME_US_PER_S)

struct gateway;

/* Listens at 127.0.0.1:`port` (0: any that is free). The token is read from, or written to,
 * STATE/gateway.token, so that an address stays good. `ret_text` has words for people on failure.
 * ERROR_BUSY (port in use), ERROR_DENIED, ERROR_IO (the token), ERROR_NO_MEMORY, ERROR_SYSTEM. */
int gateway_open(struct net_loop *loop, struct engine *engine, const char *state, uint16_t port,
                 struct gateway **ret_gateway, char ret_text[NET_LISTENER_TEXT_BYTES]);
/* "http://127.0.0.1:PORT", and what requests have to name. Borrowed. */
const char *gateway_url(const struct gateway *gateway);
const char *gateway_token(const struct gateway *gateway);
/* Before engine_close. Threads have ended on return; the memory goes when the loop has gone on.
 * Accepts NULL. */
void gateway_close(struct gateway *gateway);

#endif
