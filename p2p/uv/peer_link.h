/*
 * peer_link.h: one link to a peer, dialled or accepted, until it closes.
 *
 * TLS 1.3 with certificates of both sides and ALPN refrain/1, then frames at once (common/net/link.h).
 * `up` comes when the other side has shown that it holds the key of its peer id; one that is not
 * the expected one, or ourselves, is closed before.
 *
 * Who is the TLS client: who dialled. When both dial at once (arranged), their connections may meet
 * as one (simultaneous open), or one is accepted by the other's listener; the sockets look the
 * same. So the lower peer id begins at once, and the higher one waits for two round trips and
 * PEER_LINK_TURN_US: does the other side begin, it is the server; else it was accepted, and begins.
 *
 * Happy path: peer_link_dial or peer_link_accept -> up -> frame, room, ... -> peer_link_close or
 * _finish -> closed. Failure modes: exactly one `closed`; no callback from inside a call; a
 * call that fails has no callbacks. The link frees itself when `closed` returns.
 */
#ifndef P2P_UV_PEER_LINK_H
#define P2P_UV_PEER_LINK_H

#include "common/net/link.h"
#include "p2p/uv/peer_dial.h"
#include "p2p/uv/peer_identity.h"

#define PEER_LINK_HANDSHAKE_US (5 * TIME_US_PER_S)
#define PEER_LINK_TURN_US (100 * TIME_US_PER_MS)
/* What the kernel may hold unsent: late enough that what is urgent goes between. */
#define PEER_LINK_UNSENT_BYTES (16u * 1024u)
#define PEER_LINK_QUEUE_BYTES_MAX (512u * 1024u)
#define PEER_LINK_LINGER_US (300 * TIME_US_PER_MS)

struct peer_link;

/* As net_link_handler; all must be set. */
struct peer_link_handler {
    /* The other side's peer id (peer_link_peer_id) is proven; frames can flow. */
    void (*up)(void *context);
    void (*frame)(void *context, uint8_t type, const uint8_t *body, size_t body_bytes);
    void (*room)(void *context, size_t queued_bytes);
    void (*broken)(void *context, int error);
    /* Errors as net_link_handler.closed, and ERROR_MISMATCH: somebody else than expected, or
     * ourselves. */
    void (*closed)(void *context, int error, const char *text);
};

/* Dials. `identity` is borrowed until closed; `expected` (HASH_BYTES, copied): who must be there.
 * ERROR_NO_MEMORY, ERROR_CRYPTO. */
int peer_link_dial(struct net_loop *loop, struct peer_identity *identity,
                   const struct peer_dial_config *dial, const uint8_t *expected,
                   const struct peer_link_handler *handler, void *context,
                   struct peer_link **ret_link);
/* Takes a connected socket, whose fd is the link's from now on, also when this fails.
 * ERROR_NO_MEMORY, ERROR_CRYPTO, ERROR_SYSTEM. */
int peer_link_accept(struct net_loop *loop, struct peer_identity *identity, int fd,
                     const struct peer_link_handler *handler, void *context,
                     struct peer_link **ret_link);

/* Another owner: later callbacks are its. */
void peer_link_set_handler(struct peer_link *link, const struct peer_link_handler *handler,
                           void *context);

/* As in common/net/link.h; before `up` nothing can be sent (ERROR_CLOSED). */
int peer_link_send(struct peer_link *link, uint8_t type, const void *body, size_t body_bytes,
                   const void *payload, size_t payload_bytes);
size_t peer_link_queued_bytes(const struct peer_link *link);
/* Sends what is queued, then closes with 0. Before `up` it closes. */
void peer_link_finish(struct peer_link *link);
void peer_link_close(struct peer_link *link);

bool peer_link_is_up(const struct peer_link *link);
bool peer_link_is_incoming(const struct peer_link *link);
/* Dialled, and not connected yet. */
bool peer_link_is_dialling(const struct peer_link *link);
/* HASH_BYTES, borrowed. After `up` the proven one; before, of a dialled link, the expected one; else
 * NULL. */
const uint8_t *peer_link_peer_id(const struct peer_link *link);
/* The other end's; family 0 when it is not known. */
const struct net_address *peer_link_address(const struct peer_link *link);
bool peer_link_resumed(const struct peer_link *link); /* after `up` */

#endif
