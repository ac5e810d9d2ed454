/*
 * socket.h: moving bytes over a connected, non-blocking socket, plain or TLS alike; used by stream.c.
 *
 * No state of its own but the socket, the channel and the last failure: who waits for what is the
 * stream's.
 */
#ifndef COMMON_NET_SOCKET_H
#define COMMON_NET_SOCKET_H

#include "common/net/tls.h"

#define NET_SOCKET_TEXT_BYTES 160u

struct net_socket {
    int fd;                          /* owned; -1 = none */
    struct net_tls_channel *channel; /* owned; NULL = plain */
    bool read_wants_write;           /* TLS must write before it can read on */
    int error;                       /* after FAILED: ERROR_UNREACHABLE, ERROR_CRYPTO */
    char text[NET_SOCKET_TEXT_BYTES];
};

enum net_socket_outcome {
    NET_SOCKET_MOVED = 0,
    NET_SOCKET_MUST_WAIT, /* the socket takes or gives no more now */
    NET_SOCKET_ENDED,     /* the other side sends no more */
    NET_SOCKET_FAILED,
};

/* Without delay, late in taking bytes (at most `unsent_bytes` wait unsent in the kernel), and aware of
 * an other side that has vanished (40 s). */
void net_socket_tune(const struct net_socket *socket, uint32_t unsent_bytes);
/* Fills the buffer as far as there are bytes; *ret_bytes may be > 0 with every outcome, which is
 * that of the last attempt. MOVED: the buffer is full. */
enum net_socket_outcome net_socket_read(struct net_socket *socket, uint8_t *buffer, size_t capacity,
                                        size_t *ret_bytes);
/* One write; *ret_bytes only when MOVED. After MUST_WAIT: again with the same bytes in front. */
enum net_socket_outcome net_socket_write(struct net_socket *socket, const uint8_t *bytes,
                                         size_t count, size_t *ret_bytes);
/* Says that we send no more. */
void net_socket_end(struct net_socket *socket);
void net_socket_close(struct net_socket *socket);

#endif
