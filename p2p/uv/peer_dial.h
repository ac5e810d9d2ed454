/*
 * peer_dial.h: from a peer's address to a connected socket.
 *
 * Plain: one connect. Arranged: the other side dials us at the same moment, because NAT devices stand
 * between us. Both dial from the port that they listen on, so that the packet of each opens its own
 * device for the other's: again and again, every PEER_DIAL_AGAIN_US, since the first packets may be
 * dropped or answered with a reset before the other's device is open (RFC 5128, 3.4; RFC 793,
 * 3.4: simultaneous open).
 *
 * Happy path: peer_dial_open -> done(fd) -> peer_dial_close. Failure modes: exactly one `done` with
 * an error, unless peer_dial_close came first; never from inside peer_dial_open.
 */
#ifndef P2P_UV_PEER_DIAL_H
#define P2P_UV_PEER_DIAL_H

#include "common/net/address.h"
#include "common/net/loop.h"

#define PEER_DIAL_PLAIN_US (5 * TIME_US_PER_S)     /* one connect may take so long */
#define PEER_DIAL_ARRANGED_US (6 * TIME_US_PER_S)  /* all attempts together */
#define PEER_DIAL_AGAIN_US (400 * TIME_US_PER_MS)  /* an attempt, before the next */
#define PEER_DIAL_REFUSED_US (50 * TIME_US_PER_MS) /* after a reset, before the next */

struct peer_dial;

struct peer_dial_config {
    struct net_address address; /* family 4 or 6 and a port (asserted) */
    uint32_t scope_id;          /* interface of a link-local IPv6 address; else 0 */
    bool is_arranged;
    uint16_t
        local_port; /* arranged: the one we listen on (shared: net_listener_share_port); 0 = any */
};

/* error: 0, ERROR_UNREACHABLE, ERROR_TIMEOUT. fd: connected, non-blocking, the callee's; -1 on
 * error. text: words for people on error, borrowed. */
typedef void peer_dial_done(void *context, int error, int fd, const char *text);

/* ERROR_NO_MEMORY. */
int peer_dial_open(struct net_loop *loop, const struct peer_dial_config *config,
                   peer_dial_done *done, void *context, struct peer_dial **ret_dial);
/* No `done` any more; memory is freed by the loop. NULL is fine. */
void peer_dial_close(struct peer_dial *dial);

#endif
