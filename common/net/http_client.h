/*
 * http_client.h: one connection to one origin, on which one GET follows another.
 *
 * Happy path: net_http_client_open -> net_http_client_get -> done(status, body) -> get ... ->
 * net_http_client_close -> closed. The connection is made by the first GET, kept, and made anew
 * when the other side has closed it between two GETs.
 * Failure modes: each GET that was accepted ends in exactly one `done`: with 0 and the answer,
 * or with an error and words. Redirects are answers like others; they are not followed.
 */
#ifndef COMMON_NET_HTTP_CLIENT_H
#define COMMON_NET_HTTP_CLIENT_H

#include "common/net/stream.h"

#define NET_HTTP_CLIENT_BODY_BYTES_MAX (4u * 1024u * 1024u)
#define NET_HTTP_CLIENT_HEADERS_BYTES_MAX 16384u
#define NET_HTTP_CLIENT_TIMEOUT_US_DEFAULT (30 * TIME_US_PER_S)

struct net_http_client;

struct net_http_client_config {
    const char *host; /* copied */
    uint16_t port;
    struct net_tls *tls;   /* borrowed; NULL = plain */
    uint64_t timeout_us;   /* of one GET in all; 0 = default 30 s */
    size_t body_bytes_max; /* 0 = default 4 MiB */
    /* After each TLS handshake: the other side's key hash. 0 = go on, anything else fails the GET
     * with that error. NULL = any key. */
    int (*check_key)(void *context, const uint8_t key_hash[HASH_BYTES]);
    void *context; /* of check_key */
};

struct net_http_response {
    int error;        /* 0, or as in stream.h, or ERROR_TOO_LARGE (body or headers),
                          ERROR_MALFORMED (no HTTP), ERROR_TRUNCATED, ERROR_TIMEOUT, ERROR_CANCELLED
                          (the client was closed), or check_key's */
    const char *text; /* words for people when error != 0; borrowed for the call */
    int status;       /* 200 ... when error == 0 */
    const char *body; /* terminated by a NUL that is not counted; borrowed for the call */
    size_t body_bytes;
};
typedef void net_http_done(void *context, const struct net_http_response *response);

/* ERROR_NO_MEMORY, ERROR_MALFORMED (host, port). */
int net_http_client_open(struct net_loop *loop, const struct net_http_client_config *config,
                         struct net_http_client **ret_client);
/* `target` begins with '/' (path and query, without spaces and control characters: asserted).
 * ERROR_BUSY: one is under way (a new one may start from inside `done`). ERROR_CLOSED,
 * ERROR_NO_MEMORY, ERROR_SYSTEM. */
int net_http_client_get(struct net_http_client *client, const char *target, net_http_done *done,
                        void *context);
/* A GET under way is done with ERROR_CANCELLED, from inside this call. Memory is freed by the loop.
 * NULL is fine. */
void net_http_client_close(struct net_http_client *client);

#endif
