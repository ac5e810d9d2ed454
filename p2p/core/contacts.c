/*
 * contacts.c: a bounded table of contacts, who of them is tried next, and their backoff.
 *
 * Responsible for what contacts.h says. Promise is a small number from who told us, what it is said
 * to hold and how dialling went; who leaves a full table is the one with the least, the longest
 * unheard among equals. Those busy or linked never leave. The few that are busy are listed by
 * their ids, since the table moves its entries.
 */
#include "p2p/core/contacts.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <string.h>

#define ADDRESSES_FRESH_US (600 * TIME_US_PER_S)
#define FAILURES_MAX 30u

void contacts_init(struct contacts *contacts, const struct contacts_config *config, uint64_t seed)
{
    assert(config->max > CONTACTS_BUSY_MAX);
    *contacts = (struct contacts){.config = *config};
    table_init(&contacts->table, sizeof(struct contact), HASH_BYTES, seed);
}

void contacts_deinit(struct contacts *contacts)
{
    table_deinit(&contacts->table);
}

struct contact *contacts_find(const struct contacts *contacts, const uint8_t *peer_id)
{
    return table_get(&contacts->table, peer_id);
}

static bool is_busy(const struct contact *contact)
{
    return contact->state == CONTACTS_ASKED || contact->state == CONTACTS_DIALLING;
}

/* What it is worth to remember one: larger stays longer. */
static uint32_t promise_of(const struct contact *contact)
{
    uint32_t promise = 4u * contact->source;
    promise += contact->whole != 0 ? 16 : contact->part != 0 ? 12 : 0;
    promise += (contact->flags & P2P_CONTACT_REACHABLE) != 0 ? 2 : 0;
    uint32_t lost = 6u * contact->failures;
    return promise > lost ? promise - lost : 0;
}

/* The one to leave a full table, or NULL when all are busy or linked. */
static struct contact *find_least(const struct contacts *contacts)
{
    struct contact *least = NULL;
    uint32_t least_promise = 0;
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        if (each->state != CONTACTS_IDLE) {
            continue;
        }
        uint32_t promise = promise_of(each);
        if (least == NULL || promise < least_promise ||
            (promise == least_promise && each->heard_us < least->heard_us)) {
            least = each;
            least_promise = promise;
        }
    }
    return least;
}

/* True when a newcomer of this source has a place (which is made). */
static bool make_room(struct contacts *contacts, enum contacts_source source)
{
    if (contacts->table.count < contacts->config.max) {
        return true;
    }
    struct contact *least = find_least(contacts);
    if (least == NULL || promise_of(least) > 4u * source) {
        return false;
    }
    contacts_forget(contacts, least->peer_id);
    return true;
}

/* Copies the dialable addresses; returns how many there are. */
static uint32_t take_addresses(const struct p2p_contact *heard, struct p2p_address *ret_addresses)
{
    uint32_t count = 0;
    memset(ret_addresses, 0, P2P_CONTACT_ADDRESSES_MAX * sizeof ret_addresses[0]);
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        if (heard->addresses[i].family == 0) {
            break;
        }
        if (p2p_address_is_dialable(&heard->addresses[i])) {
            ret_addresses[count++] = heard->addresses[i];
        }
    }
    return count;
}

static bool is_same_addresses(const struct p2p_address *a, const struct p2p_address *b)
{
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        if (!p2p_address_equal(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

static void renew(struct contact *contact, uint64_t now_us, const struct p2p_contact *heard,
                  const struct p2p_address *addresses, enum contacts_source source)
{
    bool is_fresh = now_us - contact->heard_us < ADDRESSES_FRESH_US;
    if (source < contact->source && is_fresh && contact->failures == 0) {
        return;
    }
    bool is_same = is_same_addresses(addresses, contact->addresses);
    if (!is_same && contact->state == CONTACTS_IDLE) {
        memcpy(contact->addresses, addresses, sizeof contact->addresses);
        contact->address_at = 0;
        if (source > CONTACTS_FOUND) { /* strangers cannot make us dial it again by rumours */
            contact->failures = 0;
            contact->retry_us = now_us < contact->retry_us ? now_us : contact->retry_us;
        }
    }
    contact->flags = heard->flags;
    contact->source = contact->source > source ? contact->source : (uint8_t)source;
    contact->heard_us = now_us;
}

int contacts_put(struct contacts *contacts, uint64_t now_us, const struct p2p_contact *heard,
                 enum contacts_source source, struct contact **ret_contact)
{
    struct p2p_address addresses[P2P_CONTACT_ADDRESSES_MAX];
    if (take_addresses(heard, addresses) == 0) {
        *ret_contact = NULL;
        return 0;
    }
    struct contact *contact = contacts_find(contacts, heard->peer_id);
    if (contact != NULL) {
        renew(contact, now_us, heard, addresses, source);
        *ret_contact = contact;
        return 0;
    }
    if (!make_room(contacts, source)) {
        *ret_contact = NULL;
        return 0;
    }
    contact = table_put(&contacts->table, heard->peer_id, NULL);
    if (contact == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(contact->addresses, addresses, sizeof contact->addresses);
    contact->flags = heard->flags;
    contact->source = (uint8_t)source;
    contact->heard_us = now_us;
    contact->retry_us = now_us;
    *ret_contact = contact;
    return 0;
}

void contacts_forget(struct contacts *contacts, const uint8_t *peer_id)
{
    struct contact *contact = contacts_find(contacts, peer_id);
    if (contact != NULL) {
        uint8_t key[HASH_BYTES];
        assert(contact->state == CONTACTS_IDLE);
        memcpy(key, contact->peer_id, sizeof key); /* peer_id may point into the entry */
        table_remove(&contacts->table, key);
    }
}

void contacts_hold(struct contact *contact, uint32_t slot, bool is_whole)
{
    uint64_t bit = UINT64_C(1) << slot;
    contact->whole = is_whole ? contact->whole | bit : contact->whole & ~bit;
    contact->part = is_whole ? contact->part & ~bit : contact->part | bit;
}

void contacts_clear_slots(struct contacts *contacts, uint64_t slots)
{
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        each->whole &= ~slots;
        each->part &= ~slots;
    }
}

static void busy_add(struct contacts *contacts, const struct contact *contact)
{
    assert(contacts->busy_count < CONTACTS_BUSY_MAX);
    memcpy(contacts->busy[contacts->busy_count++], contact->peer_id, HASH_BYTES);
}

static void busy_remove(struct contacts *contacts, const struct contact *contact)
{
    uint32_t at = 0;
    while (at < contacts->busy_count &&
           memcmp(contacts->busy[at], contact->peer_id, HASH_BYTES) != 0) {
        at++;
    }
    assert(at < contacts->busy_count);
    contacts->busy_count--;
    for (; at < contacts->busy_count; at++) {
        memcpy(contacts->busy[at], contacts->busy[at + 1], HASH_BYTES);
    }
}

/* IDLE from whatever it was. */
static void make_idle(struct contacts *contacts, struct contact *contact)
{
    if (is_busy(contact)) {
        busy_remove(contacts, contact);
    } else if (contact->state == CONTACTS_LINKED) {
        contacts->linked_count--;
    }
    contact->state = CONTACTS_IDLE;
    contact->link = 0;
    contact->is_arranged = false;
    contact->is_asked = false;
}

void contacts_asked(struct contact *contact, uint64_t now_us)
{
    assert(contact->state == CONTACTS_DIALLING);
    assert(contact->is_asked);
    contact->state = CONTACTS_ASKED;
    contact->state_us = now_us;
    contact->link = 0;
}

void contacts_dialling(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                       bool is_arranged)
{
    assert(contact->state != CONTACTS_LINKED);
    if (contact->state == CONTACTS_IDLE) {
        busy_add(contacts, contact);
    }
    contact->state = CONTACTS_DIALLING;
    contact->state_us = now_us;
    contact->is_arranged = is_arranged;
    contact->link = 0;
}

void contacts_linked(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                     uint32_t link)
{
    make_idle(contacts, contact);
    contact->state = CONTACTS_LINKED;
    contact->link = link;
    contact->failures = 0;
    contact->source = contact->source > CONTACTS_SEEN ? contact->source : CONTACTS_SEEN;
    contact->heard_us = now_us;
    contacts->linked_count++;
}

void contacts_unlinked(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                       uint64_t retry_in_us)
{
    assert(contact->state == CONTACTS_LINKED);
    make_idle(contacts, contact);
    contact->heard_us = now_us;
    contact->retry_us = time_add_us(now_us, retry_in_us);
}

void contacts_failed(struct contacts *contacts, struct contact *contact, uint64_t now_us,
                     struct prng *prng)
{
    assert(is_busy(contact));
    bool was_dialled = contact->state == CONTACTS_DIALLING;
    make_idle(contacts, contact);
    if (was_dialled) {
        contact->address_at++;
        if (contact->address_at < P2P_CONTACT_ADDRESSES_MAX &&
            contact->addresses[contact->address_at].family != 0) {
            contact->retry_us = now_us;
            return;
        }
    }
    contact->address_at = 0;
    uint64_t backoff_us = contacts->config.backoff_us;
    for (uint32_t i = 0; i < contact->failures && backoff_us < contacts->config.backoff_max_us;
         i++) {
        backoff_us *= 2;
    }
    backoff_us = time_min_us(backoff_us, contacts->config.backoff_max_us);
    backoff_us = backoff_us / 2 + prng_below(prng, backoff_us / 2 + 1);
    contact->retry_us = time_add_us(now_us, backoff_us);
    contact->failures = (uint8_t)(contact->failures + (contact->failures < FAILURES_MAX));
}

void contacts_released(struct contacts *contacts, struct contact *contact)
{
    assert(is_busy(contact));
    make_idle(contacts, contact);
}

void contacts_retry_all(struct contacts *contacts)
{
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        each->retry_us = 0;
        each->address_at = each->state == CONTACTS_IDLE ? 0 : each->address_at;
    }
}

/* What speaks for dialling one now, for the wishes in `slots`. */
static uint32_t rank_of(const struct contact *contact, uint64_t slots)
{
    uint32_t rank = 64;
    rank += (contact->flags & P2P_CONTACT_LAN) != 0 ? 24 : 0;
    rank += (contact->whole & slots) != 0 ? 6 : 0;
    rank += (contact->flags & P2P_CONTACT_REACHABLE) != 0 ? 4 : 0;
    rank += (contact->flags & P2P_CONTACT_GIVES) != 0 ? 2 : 0;
    rank += contact->source >= CONTACTS_MEMORY ? 1 : 0;
    uint32_t lost = 16u * (contact->failures < 3 ? contact->failures : 3u);
    return rank - lost;
}

struct contact *contacts_pick(const struct contacts *contacts, uint64_t now_us, uint64_t slots,
                              contacts_may *may, void *context, struct prng *prng)
{
    struct contact *best = NULL;
    uint32_t best_rank = 0;
    uint32_t equals = 0;
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        if (each->state != CONTACTS_IDLE || each->retry_us > now_us ||
            (slots != 0 && ((each->whole | each->part) & slots) == 0)) {
            continue;
        }
        uint32_t rank = rank_of(each, slots);
        if ((best != NULL && rank < best_rank) || !may(context, each)) {
            continue;
        }
        equals = best != NULL && rank == best_rank ? equals + 1 : 1;
        if (equals == 1 || prng_below(prng, equals) == 0) {
            best = each;
            best_rank = rank;
        }
    }
    return best;
}

uint64_t contacts_available(const struct contacts *contacts, uint64_t now_us, uint64_t *ret_next_us)
{
    uint64_t available = 0;
    uint64_t next_us = TIME_NEVER_US;
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        if (each->state != CONTACTS_IDLE) {
            continue;
        }
        if (each->retry_us > now_us) {
            next_us = time_min_us(next_us, each->retry_us);
        } else {
            available |= each->whole | each->part;
        }
    }
    *ret_next_us = next_us;
    return available;
}

uint32_t contacts_count_holders(const struct contacts *contacts, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << slot;
    uint32_t count = 0;
    uint32_t place = 0;
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        count += each->state == CONTACTS_IDLE && each->failures <= 2 &&
                 ((each->whole | each->part) & bit) != 0;
    }
    return count;
}

struct contact *contacts_busy(const struct contacts *contacts, uint32_t index)
{
    assert(index < contacts->busy_count);
    struct contact *contact = contacts_find(contacts, contacts->busy[index]);
    assert(contact != NULL);
    return contact;
}

struct contact *contacts_find_link(const struct contacts *contacts, uint32_t link)
{
    for (uint32_t i = 0; link != 0 && i < contacts->busy_count; i++) {
        struct contact *contact = contacts_busy(contacts, i);
        if (contact->link == link) {
            return contact;
        }
    }
    return NULL;
}

uint32_t contacts_count(const struct contacts *contacts)
{
    return contacts->table.count;
}

void contacts_export(const struct contact *contact, struct p2p_contact *ret_contact)
{
    *ret_contact = (struct p2p_contact){.flags = contact->flags};
    memcpy(ret_contact->peer_id, contact->peer_id, HASH_BYTES);
    uint32_t count = 0;
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        uint32_t at = (contact->address_at + i) % P2P_CONTACT_ADDRESSES_MAX;
        if (contact->addresses[at].family != 0) {
            ret_contact->addresses[count++] = contact->addresses[at];
        }
    }
}

size_t contacts_heap_bytes(const struct contacts *contacts)
{
    return table_heap_bytes(&contacts->table);
}

void contacts_check_invariants(const struct contacts *contacts)
{
    uint32_t busy = 0;
    uint32_t linked = 0;
    uint32_t place = 0;
    table_check_invariants(&contacts->table);
    assert(contacts->table.count <= contacts->config.max);
    for (struct contact *each; (each = table_next(&contacts->table, &place)) != NULL;) {
        busy += is_busy(each);
        linked += each->state == CONTACTS_LINKED;
        assert(each->addresses[0].family != 0);
        assert(each->address_at < P2P_CONTACT_ADDRESSES_MAX);
        assert((each->whole & each->part) == 0);
        assert(each->state != CONTACTS_LINKED || each->link != 0);
    }
    assert(busy == contacts->busy_count);
    assert(linked == contacts->linked_count);
    for (uint32_t i = 0; i < contacts->busy_count; i++) {
        const struct contact *contact = contacts_find(contacts, contacts->busy[i]);
        assert(contact != NULL);
        assert(is_busy(contact));
    }
}
