/*
 * http_body.h: where an answer's bytes come from: memory, a file or a feed, piece by piece, without waiting;
 * used by http_server.c.
 *
 * A file's piece is taken from the page cache when it is there (RWF_NOWAIT), else read on one of
 * libuv's threads, and `ready` tells when that is done.
 */
#ifndef COMMON_NET_HTTP_BODY_H
#define COMMON_NET_HTTP_BODY_H

#include "common/net/http_server.h"

typedef void net_http_body_ready(void *context);

/* `count` bytes of memory, copied. ERROR_NO_MEMORY. */
int net_http_body_new_memory(const void *bytes, size_t count, struct net_http_body **ret_body);
/* `count` bytes of a file from `offset`. The fd is the body's from now on, also on failure.
 * ERROR_NO_MEMORY. */
int net_http_body_new_file(struct net_loop *loop, int fd, uint64_t offset, uint64_t count,
                           net_http_body_ready *ready, void *context,
                           struct net_http_body **ret_body);
/* `count` bytes of a feed (copied) from `offset`. ERROR_NO_MEMORY: its `done` was called. */
int net_http_body_new_feed(const struct net_http_feed *feed, uint64_t offset, uint64_t count,
                           net_http_body_ready *ready, void *context,
                           struct net_http_body **ret_body);
uint64_t net_http_body_left(const struct net_http_body *body);
/* The next bytes, 1 to NET_HTTP_PIECE_BYTES, in *ret_bytes (borrowed until the next call; the loop's
 * scratch may be used). ERROR_BUSY: `ready` will say when to ask again. ERROR_TRUNCATED: the file is
 * shorter than was said; ERROR_IO; ERROR_NO_MEMORY. Only while something is left (asserted). */
int net_http_body_next(struct net_http_body *body, const uint8_t **ret_bytes, size_t *ret_count);
/* No `ready` any more; what a thread still reads is freed when it is done. NULL is fine. */
void net_http_body_free(struct net_http_body *body);

#endif
