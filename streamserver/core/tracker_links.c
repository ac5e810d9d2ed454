/*
 * tracker_links.c: a table of links, found by number, by address prefix and by peer id.
 *
 * Responsible for numbers and what is found by them. A link stands in the table of prefixes three
 * times, under the hash of each width of its address; who looks near a link asks under the same.
 *
 * Failure mode: a link that cannot be put under all its names is not added at all.
 */
#include "streamserver/core/tracker_links.h"

#include "common/error.h"
#include "common/table.h"
#include "common/time_us.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_PLACES_MAX (TRACKER_LINKS_MAX * 2u) /* those that are up, and those that have gone */
#define LINKS_NEAR_SAME 32u                       /* looked at of each width */
#define LINKS_NEAR_PREFIX 32u
#define LINKS_NEAR_WIDE 16u
#define LINKS_CLAIMS 64u /* of one peer id, looked at */

_Static_assert(LINKS_NEAR_SAME + LINKS_NEAR_PREFIX + LINKS_NEAR_WIDE == TRACKER_NEAR_MAX,
               "all that is near");

void tracker_links_init(struct tracker_links *links, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    *links = (struct tracker_links){.free_first = TRACKER_NONE};
    tracker_blocks_init(&links->links, sizeof(struct tracker_link));
    links->seed[0] = prng_u64(&prng);
    links->seed[1] = prng_u64(&prng);
    tracker_index_init(&links->places, prng_u64(&prng));
    tracker_index_init(&links->peers, prng_u64(&prng));
}

struct tracker_link *tracker_links_get(const struct tracker_links *links, uint32_t link)
{
    assert(link < links->used_count);
    return tracker_blocks_get(&links->links, link);
}

static size_t locals_cost(uint32_t count)
{
    return count == 0 ? 0 : tracker_memory_cost(count * P2P_ADDRESS_BYTES);
}

static void forget_locals(struct tracker_links *links, struct tracker_link *link)
{
    links->memory -= locals_cost(link->local_count);
    free(link->locals);
    link->locals = NULL;
    link->local_count = 0;
}

void tracker_links_deinit(struct tracker_links *links)
{
    for (uint32_t i = 0; i < links->used_count; i++) {
        forget_locals(links, tracker_links_get(links, i));
    }
    tracker_index_deinit(&links->places, &links->memory);
    tracker_index_deinit(&links->peers, &links->memory);
    tracker_blocks_deinit(&links->links, &links->memory);
    assert(links->memory == 0);
}

static int take_place(struct tracker_links *links, uint32_t *ret_link)
{
    uint32_t link = links->free_first;
    if (link != TRACKER_NONE) {
        links->free_first = tracker_links_get(links, link)->next;
        *ret_link = link;
        return 0;
    }
    if (links->used_count == LINKS_PLACES_MAX) {
        return ERROR_FULL;
    }
    if (!tracker_blocks_reach(&links->links, links->used_count, &links->memory)) {
        return ERROR_NO_MEMORY;
    }
    *ret_link = links->used_count++;
    return 0;
}

static void give_place(struct tracker_links *links, uint32_t link)
{
    *tracker_links_get(links, link) = (struct tracker_link){.next = links->free_first};
    links->free_first = link;
}

/* Bytes of the address that are the same in all of one nearness. */
static uint32_t prefix_bytes(uint8_t family, enum tracker_nearness nearness)
{
    uint32_t short_bytes = 4 - (uint32_t)nearness; /* /32, /24, /16 */
    return family == 4 ? short_bytes : short_bytes * 2;
}

static uint64_t place_key(const struct tracker_links *links, const struct p2p_address *address,
                          enum tracker_nearness nearness)
{
    uint8_t place[10] = {(uint8_t)nearness, address->family};
    memcpy(&place[2], address->address, prefix_bytes(address->family, nearness));
    return table_hash(links->seed, place, sizeof place);
}

static uint64_t peer_key(const uint8_t peer_id[HASH_BYTES])
{
    uint64_t key;
    memcpy(&key, peer_id, sizeof key);
    return key;
}

static void leave_tables(struct tracker_links *links, uint32_t number)
{
    const struct tracker_link *link = tracker_links_get(links, number);
    for (enum tracker_nearness near = TRACKER_NEAR_SAME; near < TRACKER_NEAR_NOT; near++) {
        tracker_index_remove_value(&links->places, place_key(links, &link->address, near), number,
                                   &links->memory);
    }
    tracker_index_remove_value(&links->peers, peer_key(link->peer_id), number, &links->memory);
}

static int enter_tables(struct tracker_links *links, uint32_t number)
{
    const struct tracker_link *link = tracker_links_get(links, number);
    int error =
        tracker_index_add_value(&links->peers, peer_key(link->peer_id), number, &links->memory);
    for (enum tracker_nearness near = TRACKER_NEAR_SAME; error == 0 && near < TRACKER_NEAR_NOT;
         near++) {
        error = tracker_index_add_value(&links->places, place_key(links, &link->address, near),
                                        number, &links->memory);
    }
    if (error != 0) {
        leave_tables(links, number);
    }
    return error;
}

/* Others can dial it: a device forwards its port, it was reached, or there is no NAT at all. */
static bool is_reachable(const struct tracker_link *link, uint8_t listen_flags)
{
    if (link->address.port == 0) {
        return false;
    }
    if ((listen_flags & (P2P_LISTEN_MAPPED | P2P_LISTEN_REACHED)) != 0) {
        return true;
    }
    for (uint32_t i = 0; i < link->local_count; i++) {
        struct p2p_address local;
        p2p_address_read(link->locals, i, &local);
        if (local.family == link->address.family &&
            memcmp(local.address, link->address.address, sizeof local.address) == 0) {
            return true;
        }
    }
    return false;
}

int tracker_links_add(struct tracker_links *links, const struct tracker_peer *peer,
                      uint32_t *ret_link)
{
    assert(peer->observed.family == 4 || peer->observed.family == 6);
    assert((peer->flags & ~P2P_CONTACT_GIVES) == 0);
    uint32_t number = TRACKER_NONE;
    int error = take_place(links, &number);
    if (error != 0) {
        return error;
    }
    struct tracker_link *link = tracker_links_get(links, number);
    *link = (struct tracker_link){.state = TRACKER_LINK_UP,
                                  .flags = peer->flags,
                                  .address = peer->observed,
                                  .number = peer->number,
                                  .next = TRACKER_NONE};
    link->address.port = peer->listen_port;
    memcpy(link->peer_id, peer->peer_id, sizeof link->peer_id);
    error = enter_tables(links, number);
    if (error != 0) {
        give_place(links, number);
        return error;
    }
    links->up_count++;
    *ret_link = number;
    return 0;
}

void tracker_links_leave(struct tracker_links *links, uint32_t number)
{
    struct tracker_link *link = tracker_links_get(links, number);
    assert(link->state == TRACKER_LINK_UP);
    leave_tables(links, number);
    forget_locals(links, link);
    link->state = TRACKER_LINK_GONE;
    links->up_count--;
    links->gone_count++;
}

int tracker_links_replace(struct tracker_links *links, uint32_t number, uint32_t *ret_link)
{
    uint32_t other = TRACKER_NONE;
    int error = take_place(links, &other);
    if (error != 0) {
        return error;
    }
    struct tracker_link *old = tracker_links_get(links, number);
    struct tracker_link *link = tracker_links_get(links, other);
    assert(old->state == TRACKER_LINK_UP);
    *link = *old;
    link->pairs = 0;
    error = enter_tables(links, other);
    if (error != 0) {
        give_place(links, other);
        return error;
    }
    old->locals = NULL; /* they have moved */
    old->local_count = 0;
    links->up_count++;
    tracker_links_leave(links, number);
    *ret_link = other;
    return 0;
}

void tracker_links_remove(struct tracker_links *links, uint32_t number)
{
    assert(tracker_links_get(links, number)->state == TRACKER_LINK_GONE);
    assert(tracker_links_get(links, number)->pairs == 0);
    give_place(links, number);
    links->gone_count--;
}

int tracker_links_listen(struct tracker_links *links, uint32_t number,
                         const struct p2p_message *message)
{
    assert(message->type == P2P_LISTEN);
    struct tracker_link *link = tracker_links_get(links, number);
    assert(link->state == TRACKER_LINK_UP);
    uint8_t count = message->listen.count;
    uint8_t *locals = NULL;
    if (count > 0) {
        locals = calloc(count, P2P_ADDRESS_BYTES);
        if (locals == NULL) {
            return ERROR_NO_MEMORY;
        }
        memcpy(locals, message->listen.addresses, (size_t)count * P2P_ADDRESS_BYTES);
    }
    forget_locals(links, link);
    link->locals = locals;
    link->local_count = count;
    links->memory += locals_cost(count);
    link->address.port = message->listen.port;
    link->flags &= (uint8_t)~P2P_CONTACT_REACHABLE;
    link->flags |= is_reachable(link, message->listen.flags) ? P2P_CONTACT_REACHABLE : 0;
    return 0;
}

enum tracker_nearness tracker_links_nearness(const struct tracker_link *a,
                                             const struct tracker_link *b)
{
    if (a->address.family != b->address.family) {
        return TRACKER_NEAR_NOT;
    }
    enum tracker_nearness near = TRACKER_NEAR_SAME;
    while (near < TRACKER_NEAR_NOT && memcmp(a->address.address, b->address.address,
                                             prefix_bytes(a->address.family, near)) != 0) {
        near++;
    }
    return near;
}

static bool is_among(const uint32_t *links, uint32_t count, uint32_t link)
{
    uint32_t at = 0;
    while (at < count && links[at] != link) {
        at++;
    }
    return at < count;
}

uint32_t tracker_links_near(const struct tracker_links *links, uint32_t number, struct prng *prng,
                            uint32_t *ret_links)
{
    static const uint32_t most[TRACKER_NEAR_NOT] = {LINKS_NEAR_SAME, LINKS_NEAR_PREFIX,
                                                    LINKS_NEAR_WIDE};
    const struct tracker_link *link = tracker_links_get(links, number);
    uint32_t count = 0;
    for (enum tracker_nearness near = TRACKER_NEAR_SAME; near < TRACKER_NEAR_NOT; near++) {
        uint32_t record =
            tracker_index_find(&links->places, place_key(links, &link->address, near));
        if (record == TRACKER_NONE) {
            continue;
        }
        uint32_t items[TRACKER_NEAR_MAX];
        uint32_t found = tracker_set_sample(&tracker_index_get(&links->places, record)->set, prng,
                                            most[near], items);
        for (uint32_t i = 0; i < found; i++) {
            uint32_t other = items[i] & TRACKER_VALUE_MAX;
            /* Those that are nearer have had their turn. */
            if (other != number &&
                tracker_links_nearness(link, tracker_links_get(links, other)) == near &&
                !is_among(ret_links, count, other)) {
                ret_links[count++] = other;
            }
        }
    }
    return count;
}

uint32_t tracker_links_find_peer(const struct tracker_links *links,
                                 const uint8_t peer_id[HASH_BYTES], struct prng *prng)
{
    uint32_t record = tracker_index_find(&links->peers, peer_key(peer_id));
    if (record == TRACKER_NONE) {
        return TRACKER_NONE;
    }
    uint32_t items[LINKS_CLAIMS];
    uint32_t count = tracker_set_sample(&tracker_index_get(&links->peers, record)->set, prng,
                                        LINKS_CLAIMS, items);
    uint32_t newest = TRACKER_NONE;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = items[i] & TRACKER_VALUE_MAX;
        const struct tracker_link *link = tracker_links_get(links, number);
        if (memcmp(link->peer_id, peer_id, HASH_BYTES) == 0 &&
            (newest == TRACKER_NONE || link->number > tracker_links_get(links, newest)->number)) {
            newest = number;
        }
    }
    return newest;
}

/* Is one of the reader's own interfaces in the same /24 or /48, and not the very same address (as
 * that of a bridge that many machines have)? */
static bool is_beside(const struct tracker_link *reader, const struct p2p_address *address)
{
    for (uint32_t i = 0; i < reader->local_count; i++) {
        struct p2p_address own;
        p2p_address_read(reader->locals, i, &own);
        if (p2p_address_same_prefix(&own, address) &&
            memcmp(own.address, address->address, sizeof own.address) != 0) {
            return true;
        }
    }
    return false;
}

static uint32_t append_locals(const struct tracker_link *link, const struct tracker_link *reader,
                              bool beside, uint32_t at, struct p2p_contact *contact)
{
    for (uint32_t i = 0; i < link->local_count && at < P2P_CONTACT_ADDRESSES_MAX; i++) {
        struct p2p_address local;
        p2p_address_read(link->locals, i, &local);
        if (p2p_address_is_dialable(&local) && is_beside(reader, &local) == beside) {
            contact->addresses[at++] = local;
        }
    }
    return at;
}

void tracker_links_contact(const struct tracker_links *links, uint32_t number, uint32_t reader,
                           struct p2p_contact *ret_contact)
{
    const struct tracker_link *link = tracker_links_get(links, number);
    const struct tracker_link *to = tracker_links_get(links, reader);
    struct p2p_contact contact = {.flags = link->flags};
    memcpy(contact.peer_id, link->peer_id, sizeof contact.peer_id);
    uint32_t at = 0;
    bool is_dialable = p2p_address_is_dialable(&link->address);
    bool is_near = tracker_links_nearness(link, to) == TRACKER_NEAR_SAME;
    /* Without NAT between them (IPv6, one machine) the observed address is the shortest way. */
    bool is_direct = link->address.family == 6 || link->address.address[0] == 127;
    if (is_dialable && (!is_near || is_direct)) {
        contact.addresses[at++] = link->address;
    }
    if (is_near) {
        contact.flags |= P2P_CONTACT_LAN;
        at = append_locals(link, to, true, at, &contact);
        at = append_locals(link, to, false, at, &contact);
        if (is_dialable && !is_direct && at < P2P_CONTACT_ADDRESSES_MAX) {
            contact.addresses[at++] = link->address;
        }
    }
    *ret_contact = contact;
}

uint32_t tracker_links_take(struct tracker_link *link, enum tracker_allowance which,
                            const struct tracker_rate *rate, uint64_t now_us, uint32_t units)
{
    if (rate->per_s == 0) {
        return units;
    }
    /* "Virtual scheduling": a moment in the future stands for what has been taken. */
    uint64_t unit_us = TIME_US_PER_S / rate->per_s;
    uint64_t spent_us = link->spent_us[which] > now_us ? link->spent_us[which] : now_us;
    uint64_t burst_us = rate->burst * unit_us;
    uint64_t left_us = spent_us - now_us < burst_us ? burst_us - (spent_us - now_us) : 0;
    uint64_t granted = left_us / unit_us < units ? left_us / unit_us : units;
    link->spent_us[which] = spent_us + granted * unit_us;
    return (uint32_t)granted;
}

void tracker_links_check_invariants(const struct tracker_links *links)
{
    uint32_t up = 0;
    uint32_t gone = 0;
    size_t memory = tracker_blocks_bytes(&links->links) +
                    tracker_index_check_invariants(&links->places) +
                    tracker_index_check_invariants(&links->peers);
    for (uint32_t i = 0; i < links->used_count; i++) {
        const struct tracker_link *link = tracker_links_get(links, i);
        memory += locals_cost(link->local_count);
        up += link->state == TRACKER_LINK_UP;
        gone += link->state == TRACKER_LINK_GONE;
        assert(link->state == TRACKER_LINK_UP || link->local_count == 0);
    }
    assert(up == links->up_count);
    assert(gone == links->gone_count);
    assert(memory == links->memory);
}
