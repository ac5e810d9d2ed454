/*
 * lan.h: who else plays from the same origin in this network? Asked and answered by multicast.
 *
 * In the manner of BEP 14, with a group, a port and a format of our own. One UDP socket for each
 * family; the group is joined on every interface, and announcements leave on every interface, with a
 * time to live of 1: 239.255.73.73 (RFC 2365, 6.1: local scope) and ff02::7265:6672 (RFC 4291, 2.7:
 * link-local), port 7374. Nothing leaves the link.
 *
 *   announcement, 84 bytes, numbers big-endian:
 *     "RFRLAN1\0" 8, cookie u64 (the process's own, random: who hears it ignores itself),
 *     flags u8 (1: I am new here, tell me), zero u8, port u16 (that it takes links on, not 0),
 *     peer id 32, SHA-256 of the origin's identity 32 (zeros: none)
 *   Longer ones are a later version's and read as far as this; others are dropped.
 *
 * Announced: at the start and after addresses have changed (flag 1), every LAN_EVERY_US, and in answer
 * to a newcomer after a pause of up to LAN_ANSWER_US that chance draws, at most one in
 * LAN_ANSWER_EVERY_US. Told: who has the same origin, each once
 * in LAN_TELL_US, at most LAN_HEARD_MAX of them. More than LAN_TURN_MAX datagrams in a turn wait; more than
 * LAN_BUDGET in LAN_ANSWER_EVERY_US are dropped unread.
 *
 * What is heard is a claim like any other: the handshake shows who is there.
 */
#ifndef P2P_UV_LAN_H
#define P2P_UV_LAN_H

#include "common/limits.h"
#include "common/net/address.h"
#include "common/net/loop.h"

#define LAN_PORT 7374u
#define LAN_EVERY_US (300 * TIME_US_PER_S)
#define LAN_ANSWER_US (500 * TIME_US_PER_MS)
#define LAN_ANSWER_EVERY_US (2 * TIME_US_PER_S)
#define LAN_TELL_US (60 * TIME_US_PER_S)
#define LAN_HEARD_MAX 128u
#define LAN_TURN_MAX 16u
#define LAN_BUDGET 256u
#define LAN_INTERFACES_MAX 16u
#define LAN_ANNOUNCEMENT_BYTES 84u

enum { LAN_IS_NEW = 1 }; /* flags */

struct lan;

struct lan_announcement {
    uint64_t cookie;
    uint8_t flags;
    uint16_t port;
    uint8_t peer_id[HASH_BYTES];
    uint8_t origin[HASH_BYTES];
};

struct lan_config {
    uint16_t port; /* of the group; 0 = LAN_PORT. Others are for tests */
    uint16_t listen_port;
    uint8_t peer_id[HASH_BYTES];
    uint8_t origin[HASH_BYTES]; /* SHA-256 of its identity; zeros: none */
    uint64_t seed;              /* of the pauses */
    bool with_loopback;         /* on the loopback interface too; for tests */
};

/* `address` is the sender's, with the port of its announcement. */
typedef void lan_heard(void *context, const uint8_t peer_id[HASH_BYTES],
                       const struct net_address *address);

/* Opens as many families as there are, and announces. ERROR_NO_MEMORY; ERROR_CRYPTO; ERROR_SYSTEM:
 * no socket or no interface at all. */
int lan_open(struct net_loop *loop, const struct lan_config *config, lan_heard *heard,
             void *context, struct lan **ret_lan);
/* Addresses or interfaces have changed, or the machine woke up: joins anew, announces. */
void lan_refresh(struct lan *lan);
/* The origin became known, or the port another one; announces when something changed. */
void lan_set(struct lan *lan, uint16_t listen_port, const uint8_t origin[HASH_BYTES]);
/* The interface on which a link-local IPv6 address was heard; 0 = none. */
uint32_t lan_scope_id(const struct lan *lan, const struct net_address *address);
/* No callback any more. NULL is fine. */
void lan_close(struct lan *lan);

/* The format, apart for its tests. */
void lan_encode(const struct lan_announcement *announcement,
                uint8_t ret_bytes[LAN_ANNOUNCEMENT_BYTES]);
/* ERROR_TRUNCATED, ERROR_MALFORMED (not ours; port 0). */
int lan_decode(const uint8_t *bytes, size_t count, struct lan_announcement *ret_announcement);

#endif
