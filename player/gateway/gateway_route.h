/*
 * gateway_route.h: what a request to the gateway asks for, and whether it may (docs/DESKTOP.md).
 *
 * Pure. A gateway listens on the loopback address, where every user and every web page that a browser
 * shows can send requests. So a request has to name the token, and its Host has to be this machine: a
 * name that somebody made to point here (DNS rebinding) is refused.
 */
#ifndef PLAYER_GATEWAY_GATEWAY_ROUTE_H
#define PLAYER_GATEWAY_GATEWAY_ROUTE_H

#include "common/limits.h"

#include <stdint.h>

#define GATEWAY_TOKEN_DIGITS 32u

/* The status of the answer: 200 and *ret_track_id; 403: wrong host or token; 404: no such path.
 * `path` and `query` as struct net_http_request has them; `host` may be NULL; `token` has
 * GATEWAY_TOKEN_DIGITS characters. Paths: /TOKEN/tracks/ID and /tracks/ID?token=TOKEN; an extension
 * behind the ID (".ogg") is passed over: some players go by it. */
int gateway_route(const char *path, const char *query, const char *host, const char *token,
                  uint8_t ret_track_id[TRACK_ID_BYTES]);

#endif
