/*
 * peer_listener.h: a listening socket for peers, with limits on those who have not shown who they are.
 *
 * Takes IPv6 and IPv4 where the machine has both. A connection counts as half-open from accepting
 * it until its handshake is over; beyond PEER_LISTENER_HALF_OPEN_MAX in all, or
 * PEER_LISTENER_PER_ADDRESS_MAX of one IPv4 address or one IPv6 /64, it is closed at once, and costs
 * nothing more than that.
 *
 * Happy path: peer_listener_open -> accepted(link) for each link that is up -> peer_listener_close.
 * Failure modes: open fails with a condition and words; see common/net/listener.h.
 */
#ifndef P2P_UV_PEER_LISTENER_H
#define P2P_UV_PEER_LISTENER_H

#include "common/net/listener.h"
#include "p2p/uv/peer_link.h"

#define PEER_LISTENER_HALF_OPEN_MAX 32u
#define PEER_LISTENER_PER_ADDRESS_MAX 4u

struct peer_listener;

/* `link` is up, and the callee's: it sets a handler (peer_link_set_handler) or closes it. Its peer id is
 * proven, and not our own. */
typedef void peer_listener_accepted(void *context, struct peer_link *link);

/* Listens on `port`, 0 = any free one. `identity` is borrowed until all its links have closed. Errors as
 * net_listener_open, with words in ret_text. */
int peer_listener_open(struct net_loop *loop, struct peer_identity *identity, uint16_t port,
                       peer_listener_accepted *accepted, void *context,
                       struct peer_listener **ret_listener, char ret_text[NET_LISTENER_TEXT_BYTES]);
uint16_t peer_listener_port(const struct peer_listener *listener);
uint32_t peer_listener_half_open(const struct peer_listener *listener);
/* No callback any more; half-open links close, those that were given away stay. Memory is freed by the
 * loop. NULL is fine. */
void peer_listener_close(struct peer_listener *listener);

#endif
