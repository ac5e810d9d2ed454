/*
 * http_server.h: HTTP/1.1 for reading (GET and HEAD), and the door through which links come.
 *
 * Takes connected sockets (listener.h), plain or TLS. A stream with ALPN refrain/1, and one whose
 * request is GET /v1/link with Upgrade: refrain/1 (answered with 101), is handed over as a link.
 * Everything else is requests: keep-alive; pipelined requests are answered in order, the next is
 * looked at when the one before has been answered. It never waits: files are read without blocking
 * or on libuv's threads, and a slow reader costs at most NET_HTTP_QUEUE_BYTES and one piece.
 *
 * Answers given here, each with {"error":"..."}: 400 malformed, no or two Hosts; 405 with Allow; 408
 * headers too slow; 413 a body; 414 request line over 8 KiB; 426 /v1/link without Upgrade; 431
 * headers over 16 KiB or 64; 501 unknown method; 503 over connections_max; 505 not HTTP/1.0 or 1.1.
 * After 400, 408, 413, 414, 431, 501, 503, 505 the connection closes; after 405 when the request brings
 * a body.
 */
#ifndef COMMON_NET_HTTP_SERVER_H
#define COMMON_NET_HTTP_SERVER_H

#include "common/net/stream.h"

#include <sys/types.h>

#define NET_HTTP_LINE_BYTES_MAX 8192u /* request target */
#define NET_HTTP_HEADERS_BYTES_MAX 16384u
#define NET_HTTP_HEADERS_MAX 64u
#define NET_HTTP_VALUE_BYTES_MAX 512u /* of the headers that a handler sees; longer: 431 */
#define NET_HTTP_QUEUE_BYTES (256u * 1024u)
#define NET_HTTP_PIECE_BYTES 65536u /* of a file, read at a time */
#define NET_HTTP_HEADER_US_DEFAULT (10 * TIME_US_PER_S)
#define NET_HTTP_IDLE_US_DEFAULT (60 * TIME_US_PER_S)
#define NET_HTTP_STALL_US_DEFAULT (30 * TIME_US_PER_S)
#define NET_HTTP_CONNECTIONS_DEFAULT 4096u

struct net_http_server;
struct net_http_exchange; /* one request that is to be answered */

/* Texts are terminated and borrowed for the call. Headers that are absent are NULL. */
struct net_http_request {
    bool is_head; /* HEAD: answer as for GET, the server leaves the body out */
    bool is_tls;
    const char *path;  /* begins with '/', as received (not percent-decoded), without the query */
    const char *query; /* behind the '?', as received; "" when there is none */
    const char *host;
    const char *range;
    const char *if_none_match;
    const char *if_range;
    const char *accept;
    const struct net_address *peer;
};

/* A body that comes bit by bit from somewhere that may take its time. All on the loop's thread. */
struct net_http_body;
struct net_http_feed {
    /* Put up to `bytes` (1 to NET_HTTP_PIECE_BYTES) from `offset` of the body on into `buffer` and call
     * net_http_fed(body, ...), from here or later. One at a time. */
    void (*want)(void *context, struct net_http_body *body, uint64_t offset, uint8_t *buffer,
                 size_t bytes);
    /* Exactly once, the last call: nothing more is wanted. A `want` that is not answered yet still has
     * to be (its buffer lives until then). */
    void (*done)(void *context);
    void *context;
};

struct net_http_answer {
    int status;                /* 200 to 599 */
    const char *content_type;  /* NULL = application/json */
    const char *etag;          /* with quotes; NULL = none */
    const char *cache_control; /* NULL = no-store */
    const char *extra;         /* more header lines, each with CRLF; NULL = none */
    bool is_ranged;            /* status 200 only: the server applies Range and If-Range, says
                                  Accept-Ranges, 206 or 416 */
    /* The whole body, from memory (copied) when fd < 0, else from a file. If-None-Match of `etag`
     * is applied by the server (304) when status is 200. */
    const void *body;
    uint64_t body_bytes;
    int fd;                           /* the server closes it, in every case; -1 = none */
    const struct net_http_feed *feed; /* copied; instead of body and fd; NULL = none */
    uint64_t fd_offset;               /* where the body begins in the file */
};

struct net_http_handler {
    /* Answer now or later, exactly once, also when the connection has gone meanwhile. */
    void (*request)(void *context, struct net_http_exchange *exchange,
                    const struct net_http_request *request);
    /* A stream is to be a link: call net_link_adopt(stream, bytes, count, ...), or
     * net_stream_close. The stream is the callee's; `bytes` are borrowed for the call. */
    void (*link)(void *context, struct net_stream *stream, const uint8_t *bytes, size_t count);
    /* All connections have gone after net_http_server_close; the server is freed on return. */
    void (*closed)(void *context);
};

struct net_http_config {
    struct net_tls *tls;      /* borrowed; NULL = plain */
    uint64_t header_us;       /* from connection or request's first byte to the last header; 0 =
                                 default 10 s. Until a first byte comes on a kept connection: */
    uint64_t idle_us;         /* 0 = default 60 s */
    uint64_t stall_us;        /* the reader takes nothing of an answer; 0 = default 30 s */
    uint32_t connections_max; /* 0 = default 4,096; links that were handed over do not count */
    struct net_stream_limits link_limits; /* of streams that become links; zeros = defaults */
};

/* ERROR_NO_MEMORY. */
int net_http_server_new(struct net_loop *loop, const struct net_http_config *config,
                        const struct net_http_handler *handler, void *context,
                        struct net_http_server **ret_server);
/* Takes an accepted socket; on failure it has been closed. Fits net_listener_accepted. */
void net_http_server_take(void *server, int fd);
/* Answers and frees the exchange. Body memory and texts are copied. A file that ends too early or
 * cannot be read breaks the connection, so that the reader notices. */
void net_http_answer(struct net_http_exchange *exchange, const struct net_http_answer *answer);
/* Answers a feed's `want`: how many bytes were put there (1 or more), or a negative number: the body
 * can't be had, and the connection breaks. */
void net_http_fed(struct net_http_body *body, ssize_t bytes);
/* A short JSON error with the status's own words: {"error":"not found"}. `text` replaces them when
 * not NULL (plain ASCII without quotes, backslashes and control characters: asserted). */
void net_http_answer_error(struct net_http_exchange *exchange, int status, const char *text);
/* Connections being served now. */
uint32_t net_http_server_connections(const struct net_http_server *server);
/* Closes all connections; `closed` follows when they have gone and all exchanges are answered. */
void net_http_server_close(struct net_http_server *server);

#endif
