/*
 * stream.h: one connection, plain or TLS: bytes in, bytes out, one end.
 *
 * Happy path of a client: net_stream_connect -> (resolve, connect, handshake) -> opened -> read,
 * room, ... -> net_stream_close -> closed. A server's starts with net_stream_accept.
 *
 * Failure modes: whatever goes wrong at any time (name not found, refused, reset, handshake,
 * time-out) ends in exactly one `closed` with the error and, from net_stream_text, its words. If
 * net_stream_connect or _accept itself fails, no callback comes. No callback is ever called from
 * inside net_stream_connect, _write, _finish, _close, _pause or _resume. After net_stream_close
 * only `closed` comes. The stream frees itself when `closed` returns. docs/NETWORK.md has the
 * states.
 *
 * Writing: bytes are copied into the queue (at most queue_bytes_max) and leave at the end of the
 * loop's turn, so that what is written in one turn leaves together. The socket takes them late
 * (TCP_NOTSENT_LOWAT): what is urgent may still go before what the caller holds back. What is
 * written before `opened` leaves in the first flight; with TLS, right behind our Finished.
 */
#ifndef COMMON_NET_STREAM_H
#define COMMON_NET_STREAM_H

#include "common/net/address.h"
#include "common/net/loop.h"
#include "common/net/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define NET_HOST_BYTES_MAX 253u /* of a DNS name; RFC 1035, 2.3.4 */
#define NET_STREAM_QUEUE_BYTES_DEFAULT (1024u * 1024u)
#define NET_STREAM_UNSENT_BYTES_DEFAULT (64u * 1024u)
#define NET_STREAM_CONNECT_US_DEFAULT (10 * TIME_US_PER_S)
#define NET_STREAM_ATTEMPT_US_DEFAULT (2 * TIME_US_PER_S)
#define NET_STREAM_HANDSHAKE_US_DEFAULT (10 * TIME_US_PER_S)
#define NET_STREAM_LINGER_US_DEFAULT (2 * TIME_US_PER_S)
/* Read for one stream in one turn of the loop, then the others get theirs. */
#define NET_STREAM_TURN_BYTES (256u * 1024u)

struct net_stream;

struct net_stream_limits {
    size_t queue_bytes_max; /* written and not yet taken by the socket; 0 = default 1 MiB */
    uint32_t unsent_bytes;  /* TCP_NOTSENT_LOWAT; 0 = default 64 KiB */
    uint64_t connect_us;    /* resolve and connect, all addresses; 0 = default 10 s */
    uint64_t attempt_us;    /* one address while others are left to try; 0 = default 2 s */
    uint64_t handshake_us;  /* 0 = default 10 s */
    uint64_t linger_us;     /* net_stream_finish: from the last byte that was taken
                               until the other side ends too; 0 = default 2 s */
};

/* Set them all but `ended` and `room`, which may be NULL. */
struct net_stream_handler {
    /* Connected and shaken hands. An accepted plain stream calls it too, in its first turn. */
    void (*opened)(void *context);
    /* Bytes, borrowed for the call, 1 to NET_LOOP_SCRATCH_BYTES. */
    void (*read)(void *context, const uint8_t *bytes, size_t count);
    /* The other side sends no more; we may still write. NULL: the stream closes with
     * ERROR_CLOSED. */
    void (*ended)(void *context);
    /* The socket took bytes; `queued_bytes` are left. At most once a turn. */
    void (*room)(void *context, size_t queued_bytes);
    /* The last call. 0: we closed it. ERROR_CLOSED: the other side did, in order.
     * ERROR_UNREACHABLE: refused, no route, reset; ERROR_NOT_FOUND: no such host name;
     * ERROR_TIMEOUT; ERROR_CRYPTO: the handshake or a record failed; ERROR_MISMATCH: another peer
     * than expected; ERROR_NO_MEMORY. */
    void (*closed)(void *context, int error);
};

/* Hears nothing: for a stream that is between two owners, or closing without one. */
extern const struct net_stream_handler net_stream_nobody;

/* Connects to a name or a numeric address; the addresses of a name are tried in turn. `tls` is
 * borrowed until closed; NULL = plain. `limits` may be NULL. ERROR_NO_MEMORY, ERROR_MALFORMED (host
 * is empty or too long, port is 0), ERROR_SYSTEM. */
int net_stream_connect(struct net_loop *loop, const char *host, uint16_t port, struct net_tls *tls,
                       enum net_offer offer, const struct net_stream_limits *limits,
                       const struct net_stream_handler *handler, void *context,
                       struct net_stream **ret_stream);
/* Takes a connected socket, whose fd is the stream's from now on, also when this fails.
 * ERROR_NO_MEMORY, ERROR_SYSTEM. */
int net_stream_accept(struct net_loop *loop, int fd, struct net_tls *tls,
                      const struct net_stream_limits *limits,
                      const struct net_stream_handler *handler, void *context,
                      struct net_stream **ret_stream);
/* Likewise, with a peer at the other end. `tls` is a peer's context: a server's waits for the other
 * side to begin (`expected`: NULL), a client's begins and closes with ERROR_MISMATCH when the other
 * side's key has another hash than `expected` (copied). */
int net_stream_meet(struct net_loop *loop, int fd, struct net_tls *tls, const uint8_t *expected,
                    const struct net_stream_limits *limits,
                    const struct net_stream_handler *handler, void *context,
                    struct net_stream **ret_stream);
/* Hands the stream to another owner: later callbacks are its. */
void net_stream_set_handler(struct net_stream *stream, const struct net_stream_handler *handler,
                            void *context);

/* Replaces queue_bytes_max and unsent_bytes (0 = default) of a stream that changes its purpose. */
void net_stream_set_limits(struct net_stream *stream, const struct net_stream_limits *limits);

/* Queues a copy of all parts, or nothing. ERROR_FULL: they would pass queue_bytes_max.
 * ERROR_CLOSED: closing or finishing. ERROR_NO_MEMORY. */
int net_stream_write(struct net_stream *stream, const struct iovec *parts, size_t count);
/* Not yet taken by the socket. */
size_t net_stream_queued_bytes(const struct net_stream *stream);
/* No `read` until resume (bytes wait in the socket). Counts nothing: twice is once. */
void net_stream_pause(struct net_stream *stream);
void net_stream_resume(struct net_stream *stream);
/* The largest `count` of one `read` call; NET_LOOP_SCRATCH_BYTES at first. */
void net_stream_set_read_max(struct net_stream *stream, size_t bytes);
/* Sends what is queued, tells the other side that no more comes, waits for its end (what it still
 * sends is dropped; linger_us after the last progress at most) and closes with 0, or with the error that
 * came in between. No `read`, `ended`, `room` any more. */
void net_stream_finish(struct net_stream *stream);
/* Closes now; what is queued is dropped. `closed` comes with 0 in a later turn. Twice is once. */
void net_stream_close(struct net_stream *stream);

bool net_stream_is_tls(const struct net_stream *stream);
bool net_stream_is_open(const struct net_stream *stream); /* between `opened` and any end */
/* After `opened`; NONE for a plain stream. */
enum net_protocol net_stream_protocol(const struct net_stream *stream);
bool net_stream_resumed(const struct net_stream *stream);
/* After `opened`: SHA-256 of the other side's key. False: plain, or no certificate. */
bool net_stream_peer_key_hash(const struct net_stream *stream, uint8_t ret_hash[HASH_BYTES]);
/* The other end as we see it; family 0 before the first address is tried. */
const struct net_address *net_stream_peer_address(const struct net_stream *stream);
/* Application bytes, without TLS and TCP. */
uint64_t net_stream_bytes_in(const struct net_stream *stream);
uint64_t net_stream_bytes_out(const struct net_stream *stream); /* taken by the socket */
/* Why it ended, in words: "connection refused". Valid inside `closed`. */
const char *net_stream_text(const struct net_stream *stream);
struct net_loop *net_stream_loop(const struct net_stream *stream);

#endif
