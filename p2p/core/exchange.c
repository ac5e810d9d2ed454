/*
 * exchange.c: which contacts go to a neighbour, and what is taken of those that come.
 *
 * Responsible for one neighbour's memory of what it was told, and for cleaning what strangers say.
 */
#include "p2p/core/exchange.h"

#include "common/time_us.h"

#include <assert.h>
#include <string.h>

/* What a neighbour may send: one a minute, as docs/PROTOCOL.md says. */
#define HEARD_US (60 * TIME_US_PER_S)

const struct exchange_config exchange_config_default = {
    .count = 10,
    .first_us = 2 * TIME_US_PER_S,
    .every_us = 120 * TIME_US_PER_S,
    .again_us = 600 * TIME_US_PER_S,
    .heard_burst = 3,
    .prefix_max = 4,
};

void exchange_link_init(struct exchange_link *link, const struct exchange_config *config,
                        uint64_t now_us)
{
    assert(config->count > 0 && config->count <= P2P_CONTACTS_MAX);
    assert(config->every_us >= HEARD_US && config->heard_burst > 0 && config->prefix_max > 0);
    memset(link, 0, sizeof *link);
    link->due_us = time_add_us(now_us, config->first_us);
}

bool exchange_clean(struct p2p_contact *contact, bool is_near)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        const struct p2p_address address = contact->addresses[i];
        if (p2p_address_is_dialable(&address) && (is_near || !p2p_address_is_local(&address))) {
            contact->addresses[kept++] = address;
        }
    }
    for (uint32_t i = kept; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        contact->addresses[i] = (struct p2p_address){0};
    }
    if (!is_near) {
        contact->flags &= (uint8_t)~P2P_CONTACT_LAN;
    }
    return kept > 0;
}

/* ---- Telling ---- */

static uint32_t tag_of(const uint8_t *peer_id)
{
    return (uint32_t)peer_id[0] << 24 | (uint32_t)peer_id[1] << 16 | (uint32_t)peer_id[2] << 8 |
           peer_id[3];
}

static bool was_told(const struct exchange_link *link, uint32_t tag)
{
    for (uint32_t i = 0; i < link->told_count; i++) {
        if (link->told[i] == tag) {
            return true;
        }
    }
    return false;
}

/* Writes a contact behind those written already, if it may be told. */
static bool tell_one(struct exchange_link *link, uint64_t now_us, bool is_near,
                     const struct p2p_contact *offered, uint8_t *contacts, uint32_t count)
{
    struct p2p_contact contact = *offered;
    uint32_t tag = tag_of(contact.peer_id);
    if (link->told_count == EXCHANGE_TOLD_MAX || was_told(link, tag) ||
        !exchange_clean(&contact, is_near)) {
        return false;
    }
    contact.flags &= (uint8_t)~P2P_CONTACT_LAN; /* near to us is not near to them */
    p2p_contact_write(contacts, count, &contact);
    link->since_us = link->told_count == 0 ? now_us : link->since_us;
    link->told[link->told_count++] = tag;
    return true;
}

uint32_t exchange_tell(struct exchange_link *link, const struct exchange_config *config,
                       uint64_t now_us, struct prng *prng, const uint8_t to[HASH_BYTES],
                       const struct p2p_address *to_address, const struct p2p_contact *offered,
                       uint32_t offered_count, uint8_t *contacts)
{
    if (now_us < link->due_us) {
        return 0;
    }
    link->due_us = time_add_us(now_us, config->every_us);
    if (link->told_count > 0 && time_add_us(link->since_us, config->again_us) <= now_us) {
        link->told_count = 0;
    }
    bool is_near = p2p_address_is_local(to_address);
    uint32_t count = 0;
    uint32_t start = offered_count == 0 ? 0 : (uint32_t)prng_below(prng, offered_count);
    for (uint32_t i = 0; i < 2 * offered_count && count < config->count; i++) {
        const struct p2p_contact *contact = &offered[(start + i) % offered_count];
        bool is_reachable = (contact->flags & P2P_CONTACT_REACHABLE) != 0;
        bool is_its_turn = is_reachable == (i < offered_count); /* these in the first round */
        if (is_its_turn && memcmp(contact->peer_id, to, HASH_BYTES) != 0) {
            count += tell_one(link, now_us, is_near, contact, contacts, count);
        }
    }
    return count;
}

/* ---- Hearing ---- */

/* How many of those taken have an address in this one's prefix. */
static uint32_t count_prefix(const struct p2p_contact *taken, uint32_t count,
                             const struct p2p_address *address)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_same = false;
        for (uint32_t k = 0; k < P2P_CONTACT_ADDRESSES_MAX; k++) {
            is_same = is_same || p2p_address_same_prefix(&taken[i].addresses[k], address);
        }
        same += is_same;
    }
    return same;
}

/* Whether one more of this peer, and of its prefixes, is taken. */
static bool has_room(const struct exchange_config *config, const struct p2p_contact *taken,
                     uint32_t count, const struct p2p_contact *contact)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(taken[i].peer_id, contact->peer_id, HASH_BYTES) == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < p2p_contact_address_count(contact); i++) {
        const struct p2p_address *address = &contact->addresses[i];
        if (!p2p_address_is_local(address) &&
            count_prefix(taken, count, address) >= config->prefix_max) {
            return false;
        }
    }
    return true;
}

uint32_t exchange_take(struct exchange_link *link, const struct exchange_config *config,
                       uint64_t now_us, const uint8_t us[HASH_BYTES],
                       const struct p2p_address *from_address, const struct p2p_message *message,
                       struct p2p_contact *ret_contacts, bool *ret_flood)
{
    assert(message->type == P2P_EXCHANGE);
    *ret_flood = !pace_take(&link->heard, now_us, HEARD_US, config->heard_burst, 1);
    bool is_near = p2p_address_is_local(from_address);
    uint32_t count = 0;
    for (uint32_t i = 0; !*ret_flood && i < message->exchange.count; i++) {
        struct p2p_contact contact;
        p2p_contact_read(message->exchange.contacts, i, &contact);
        /* Nobody can tell us who is in our network: that we hear ourselves. */
        contact.flags &= (uint8_t)~P2P_CONTACT_LAN;
        if (memcmp(contact.peer_id, us, HASH_BYTES) != 0 && exchange_clean(&contact, is_near) &&
            has_room(config, ret_contacts, count, &contact)) {
            ret_contacts[count++] = contact;
        }
    }
    return count;
}
