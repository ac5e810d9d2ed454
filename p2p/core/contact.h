/*
 * contact.h: how to reach a player: its peer id and up to three addresses.
 *
 * A contact is a hint from somebody else. Who really answers is settled by the handshake, which
 * checks the peer id; whether an address may be dialled at all is p2p_address_is_dialable's.
 */
#ifndef P2P_CORE_CONTACT_H
#define P2P_CORE_CONTACT_H

#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define P2P_CONTACT_ADDRESSES_MAX 3u
#define P2P_ADDRESS_BYTES 19u
#define P2P_CONTACT_BYTES (HASH_BYTES + 1u + P2P_CONTACT_ADDRESSES_MAX * P2P_ADDRESS_BYTES)

struct p2p_address {
    uint8_t family;      /* 4, 6; 0 = none, then all else is 0 */
    uint8_t address[16]; /* IPv4: the first four bytes, the rest zero */
    uint16_t port;
};

enum {
    P2P_CONTACT_REACHABLE = 1, /* takes links from anywhere: its port is open, mapped, or was
                                  reached unasked */
    P2P_CONTACT_LAN = 2,       /* in the receiver's own network: dial its first address */
    P2P_CONTACT_GIVES = 4,     /* serves others */
};

struct p2p_contact {
    uint8_t peer_id[HASH_BYTES]; /* never zeros: who takes no part is nobody's contact */
    uint8_t flags;               /* P2P_CONTACT_*; unknown bits are passed over */
    struct p2p_address
        addresses[P2P_CONTACT_ADDRESSES_MAX]; /* the best first; family 0 ends them */
};

/* Records in a list (message.h). Reading gives what the decoder has checked. */
void p2p_address_read(const uint8_t *addresses, uint32_t index, struct p2p_address *ret_address);
void p2p_address_write(uint8_t *addresses, uint32_t index, const struct p2p_address *address);
void p2p_contact_read(const uint8_t *contacts, uint32_t index, struct p2p_contact *ret_contact);
void p2p_contact_write(uint8_t *contacts, uint32_t index, const struct p2p_contact *contact);

/* The form that the wire draws, the same for both directions: family 4 or 6, behind an IPv4 address
 * zeros, any port; or all zeros. */
bool p2p_address_ok(const struct p2p_address *address);
/* A peer id, every address in its form, none behind one of family 0. */
bool p2p_contact_ok(const struct p2p_contact *contact);
bool p2p_peer_id_is_none(const uint8_t peer_id[HASH_BYTES]);
uint32_t p2p_contact_address_count(const struct p2p_contact *contact);
bool p2p_address_equal(const struct p2p_address *a, const struct p2p_address *b);
/* Family 4 or 6, a port, and neither unspecified, multicast nor broadcast. */
bool p2p_address_is_dialable(const struct p2p_address *address);
/* Loopback, link-local (RFC 3927, RFC 4291), private (RFC 1918) or unique local (RFC 4193): such an
 * address means something only to who is near. */
bool p2p_address_is_local(const struct p2p_address *address);
/* 169.254/16, fe80::/10: means something on one wire only. */
bool p2p_address_is_link_local(const struct p2p_address *address);
/* 127/8 or ::1: the other end is on this very machine, whatever the network. */
bool p2p_address_is_loopback(const struct p2p_address *address);
/* The first three bytes of an IPv4 address, six of an IPv6 one; the rest and the port are zeros.
 * IPv4 within IPv6 counts as IPv4. False: no address. */
bool p2p_address_prefix(const struct p2p_address *address, struct p2p_address *ret_prefix);
/* The same /24 (IPv4) or /48 (IPv6): bans and nearness go by it. */
bool p2p_address_same_prefix(const struct p2p_address *a, const struct p2p_address *b);

#endif
