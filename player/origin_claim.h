/*
 * origin_claim.h: is it the origin that it was? For whoever asks an origin over HTTP.
 */
#ifndef PLAYER_ORIGIN_CLAIM_H
#define PLAYER_ORIGIN_CLAIM_H

#include "common/limits.h"
#include "common/net/known_origins.h"
#include "common/net/url.h"

/* Looks at the answer of GET /v1/origin: identity and signature over the TLS key, and what
 * `known_origins` (path) says of the place; an unknown one is pinned. `key_hash`: of the connection's TLS
 * key; NULL: plain, which has nothing that a signature could be bound to (names may be wrong there, what is
 * played never is). 0, or ERROR_DENIED with ret_text: it is somebody else, or shows nothing. */
int origin_claim_check(const char *body, size_t bytes, const uint8_t *key_hash,
                       const struct net_url *url, const char *known_origins,
                       char ret_text[NET_KNOWN_TEXT_BYTES]);

#endif
