/*
 * overlay.c: making and ending an overlay, settling, the next deadline, and what the parts share.
 *
 * Responsible for the order of a settle and for the two outboxes. Events stand in overlay_events.c,
 * overlay_state.h says what is where.
 */
#include "p2p/core/overlay.h"

#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void assert_config(const struct overlay_config *config)
{
    assert(config->degree_low <= config->degree_soft);
    assert(config->degree_soft <= config->degree_hard);
    assert(config->degree_hard < OVERLAY_LINKS_MAX);
    assert(config->degree_random <= config->degree_soft);
    assert(config->attempts_max > 0 && config->attempts_max <= CONTACTS_BUSY_MAX / 2);
    assert(config->attempts_burst > 0 && config->attempts_per_s > 0);
    assert(config->lookup_limit > 0 && config->lookup_limit <= P2P_CONTACTS_MAX);
    assert(config->prune_us > 0);
    assert(config->search != NULL);
}

static void init_parts(struct overlay *overlay)
{
    const struct overlay_config *config = overlay->config;
    const struct contacts_config contacts = {.max = config->contacts_max,
                                             .backoff_us = config->contact_backoff_us,
                                             .backoff_max_us = config->contact_backoff_max_us};
    const struct neighbours_config neighbours = {.score_window_us = config->score_window_us,
                                                 .score_received_per_mib =
                                                     config->score_received_per_mib,
                                                 .score_sent_per_mib = config->score_sent_per_mib,
                                                 .score_answer = config->score_answer,
                                                 .score_lan = config->score_lan,
                                                 .score_rtt_per_100ms = config->score_rtt_per_100ms,
                                                 .grace_us = config->grace_us};
    contacts_init(&overlay->contacts, &contacts, prng_u64(&overlay->prng));
    neighbours_init(&overlay->neighbours, &neighbours);
    holders_init(&overlay->holders, overlay->intern, config->holder_bytes_max, config->lies_max,
                 config->distrust_us);
    interests_init(&overlay->interests, overlay->intern, prng_u64(&overlay->prng));
    lookups_init(&overlay->lookups, config);
    announce_init(&overlay->announce, config, &overlay->own, overlay->intern);
    penalties_init(&overlay->penalties, config->ban_points, config->penalty_half_life_us);
    search_init(&overlay->search, config->search);
    if (config->rendezvous != NULL) {
        rendezvous_init(&overlay->rendezvous, config->rendezvous);
    }
    own_keys_init(&overlay->own_keys, overlay->intern);
    outbox_init(&overlay->outboxes[0]);
    outbox_init(&overlay->outboxes[1]);
}

int overlay_new(const struct overlay_setup *setup, struct overlay **ret_overlay)
{
    assert_config(setup->config);
    assert(!p2p_peer_id_is_none(setup->peer_id));
    struct overlay *overlay = calloc(1, sizeof *overlay);
    if (overlay == NULL) {
        return ERROR_NO_MEMORY;
    }
    overlay->config = setup->config;
    overlay->intern = setup->intern;
    overlay->own = setup->own;
    overlay->gives = setup->gives;
    memcpy(overlay->peer_id, setup->peer_id, HASH_BYTES);
    prng_init(&overlay->prng, setup->seed);
    overlay->outbox = &overlay->outboxes[0];
    overlay->prune_us = TIME_NEVER_US;
    overlay->expire_us = TIME_NEVER_US;
    overlay->due_us = TIME_NEVER_US;
    overlay->connect_us = TIME_NEVER_US;
    init_parts(overlay);
    *ret_overlay = overlay;
    return 0;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        struct neighbour *each = overlay->neighbours.slots[slot];
        if (each != NULL) {
            holders_forget(&overlay->holders, slot, &each->holder_bytes);
            interests_forget(&overlay->interests, slot);
        }
    }
    outbox_deinit(&overlay->outboxes[0]);
    outbox_deinit(&overlay->outboxes[1]);
    own_keys_deinit(&overlay->own_keys);
    penalties_deinit(&overlay->penalties);
    announce_deinit(&overlay->announce);
    interests_deinit(&overlay->interests);
    holders_deinit(&overlay->holders);
    neighbours_deinit(&overlay->neighbours);
    contacts_deinit(&overlay->contacts);
    free(overlay->unwished);
    free(overlay);
}

/* --- what the parts share ----------------------------------------------------------------------- */

void overlay_begin(struct overlay *overlay, uint64_t now_us)
{
    assert(now_us >= overlay->now_us);
    overlay->now_us = now_us;
}

void overlay_charges(const struct overlay *overlay, uint32_t *ret_charges[OVERLAY_LINKS_MAX])
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        struct neighbour *each = overlay->neighbours.slots[slot];
        ret_charges[slot] = each == NULL ? NULL : &each->holder_bytes;
    }
}

void overlay_own_contact(const struct overlay *overlay, struct p2p_contact *ret_contact)
{
    uint32_t count = 0;
    *ret_contact = (struct p2p_contact){.flags = overlay->gives ? P2P_CONTACT_GIVES : 0};
    memcpy(ret_contact->peer_id, overlay->peer_id, HASH_BYTES);
    if (overlay->listen_port == 0) {
        return;
    }
    if ((overlay->listen_flags & (P2P_LISTEN_MAPPED | P2P_LISTEN_REACHED)) != 0) {
        ret_contact->flags |= P2P_CONTACT_REACHABLE;
    }
    if (overlay->observed.family != 0) {
        ret_contact->addresses[count] = overlay->observed;
        ret_contact->addresses[count++].port = overlay->listen_port;
    }
    for (uint32_t i = 0; i < overlay->listen_count && count < P2P_CONTACT_ADDRESSES_MAX; i++) {
        if (count == 0 ||
            !p2p_address_equal(&ret_contact->addresses[0], &overlay->listen_addresses[i])) {
            ret_contact->addresses[count++] = overlay->listen_addresses[i];
        }
    }
}

bool overlay_export(const struct neighbour *neighbour, struct p2p_contact *ret_contact)
{
    uint32_t count = 0;
    *ret_contact = (struct p2p_contact){.flags = 0};
    memcpy(ret_contact->peer_id, neighbour->peer_id, HASH_BYTES);
    ret_contact->flags |= (neighbour->features & P2P_FEATURE_GIVES) != 0 ? P2P_CONTACT_GIVES : 0;
    ret_contact->flags |= neighbour->is_reached ? P2P_CONTACT_REACHABLE : 0;
    if (neighbour->listening.family != 0) {
        ret_contact->addresses[count++] = neighbour->listening;
    }
    return count > 0;
}

int overlay_put_contact(struct overlay *overlay, uint64_t now_us, const struct p2p_contact *heard,
                        enum contacts_source source, uint32_t told_link,
                        struct contact **ret_contact)
{
    struct contact *contact = NULL;
    if (memcmp(heard->peer_id, overlay->peer_id, HASH_BYTES) == 0) {
        *ret_contact = NULL;
        return 0;
    }
    int error = contacts_put(&overlay->contacts, now_us, heard, source, &contact);
    if (contact != NULL) {
        struct neighbour *linked = neighbours_find_peer(&overlay->neighbours, heard->peer_id);
        contact->told_link = told_link != 0 ? told_link : contact->told_link;
        if (linked != NULL && contact->state != CONTACTS_LINKED) {
            contacts_linked(&overlay->contacts, contact, now_us, linked->link);
        }
        overlay_look_again(overlay);
    }
    *ret_contact = contact;
    return error;
}

/* Is who the tracker says is near really so, as far as we can tell? It is seen at the same outer
 * address as we are, or has an inner one beside one of ours. */
static bool is_beside_us(const struct overlay *overlay, const struct p2p_contact *contact)
{
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        struct p2p_address address = contact->addresses[i];
        address.port = 0;
        if (address.family != 0 && !p2p_address_is_local(&address) &&
            (address.family == 6 ? p2p_address_same_prefix(&address, &overlay->observed)
                                 : p2p_address_equal(&address, &overlay->observed))) {
            return true;
        }
        for (uint32_t k = 0; k < overlay->listen_count; k++) {
            if (p2p_address_same_prefix(&address, &overlay->listen_addresses[k])) {
                return true;
            }
        }
    }
    return false;
}

bool overlay_clean_tracked(const struct overlay *overlay, struct p2p_contact *contact)
{
    const struct p2p_address *tracker = &overlay->tracker_address;
    bool is_near = p2p_address_is_local(tracker);
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        struct p2p_address *address = &contact->addresses[i];
        if ((p2p_address_is_loopback(address) && !p2p_address_is_loopback(tracker)) ||
            (p2p_address_is_link_local(address) && !is_near)) {
            *address = (struct p2p_address){0}; /* taken out below */
        }
    }
    return exchange_clean(contact, is_near || ((contact->flags & P2P_CONTACT_LAN) != 0 &&
                                               is_beside_us(overlay, contact)));
}

bool overlay_is_banned(const struct overlay *overlay, uint64_t now_us, const uint8_t *peer_id,
                       const struct p2p_address *address)
{
    return penalties_is_banned(&overlay->penalties, now_us, peer_id, address);
}

int overlay_drop_link(struct overlay *overlay, uint32_t link, uint8_t reason)
{
    if (outbox_is_full(overlay->outbox)) {
        return 0; /* it stays the node's alone, idle until that closes it */
    }
    struct overlay_action *action = outbox_add(overlay->outbox, OVERLAY_DROP);
    if (action == NULL) {
        return ERROR_NO_MEMORY;
    }
    action->drop.link = link;
    action->drop.reason = reason;
    return 0;
}

int overlay_remember(struct overlay *overlay, uint64_t now_us, const struct neighbour *neighbour)
{
    struct p2p_contact contact;
    uint32_t penalty = penalties_get(&overlay->penalties, now_us, neighbour->peer_id);
    if (!overlay_export(neighbour, &contact) || !overlay_may_send(overlay)) {
        return 0;
    }
    struct overlay_action *action = outbox_add(overlay->outbox, OVERLAY_REMEMBER);
    if (action == NULL) {
        return ERROR_NO_MEMORY;
    }
    action->remember.contact = contact;
    action->remember.penalty = penalty;
    return 0;
}

/* --- settling ----------------------------------------------------------------------------------- */

static int send_drops(struct overlay *overlay)
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        struct neighbour *each = overlay->neighbours.slots[slot];
        if (each == NULL || each->drop == NEIGHBOURS_DROP_NONE || each->is_dropped ||
            outbox_is_full(overlay->outbox)) {
            continue;
        }
        int error = overlay_drop_link(overlay, each->link, each->drop);
        if (error != 0) {
            return error;
        }
        each->is_dropped = true;
    }
    return 0;
}

int overlay_settle(struct overlay *overlay, uint64_t now_us, struct overlay_actions *ret_actions)
{
    overlay_begin(overlay, now_us);
    lookups_expire(&overlay->lookups, now_us);
    int error = overlay_connect(overlay, now_us);
    error = error != 0 ? error : overlay_prune(overlay, now_us);
    error = error != 0 ? error : overlay_tell(overlay, now_us);
    error = error != 0 ? error : send_drops(overlay);
    if (error != 0) {
        return error;
    }
    struct outbox *full = overlay->outbox;
    overlay->outbox = full == &overlay->outboxes[0] ? &overlay->outboxes[1] : &overlay->outboxes[0];
    outbox_reset(overlay->outbox);
    *ret_actions = (struct overlay_actions){.actions = full->actions, .count = full->count};
    return 0;
}

uint64_t overlay_next_deadline_us(const struct overlay *overlay)
{
    if (overlay->outbox->count > 0 || overlay->is_needy_stale) {
        return overlay->now_us;
    }
    uint64_t next_us = time_min_us(overlay->connect_us, overlay->expire_us);
    next_us = time_min_us(next_us, overlay->prune_us);
    if (overlay->config->rendezvous != NULL) {
        next_us = time_min_us(next_us, rendezvous_next_deadline_us(&overlay->rendezvous));
    }
    return time_min_us(next_us, overlay_tell_next_us(overlay));
}

size_t overlay_heap_bytes(const struct overlay *overlay)
{
    size_t unwished =
        overlay->unwished == NULL ? 0 : OVERLAY_UNWISHED_MAX * sizeof overlay->unwished[0];
    return sizeof *overlay + unwished + contacts_heap_bytes(&overlay->contacts) +
           neighbours_heap_bytes(&overlay->neighbours) + holders_heap_bytes(&overlay->holders) +
           interests_heap_bytes(&overlay->interests) + announce_heap_bytes(&overlay->announce) +
           penalties_heap_bytes(&overlay->penalties) + own_keys_heap_bytes(&overlay->own_keys) +
           overlay->outboxes[0].heap_bytes + overlay->outboxes[1].heap_bytes;
}

void overlay_check_invariants(const struct overlay *overlay)
{
    uint32_t *charges[OVERLAY_LINKS_MAX];
    uint64_t live = 0;
    uint64_t wishes = 0;
    uint32_t slot = 0;
    overlay_charges(overlay, charges);
    contacts_check_invariants(&overlay->contacts);
    neighbours_check_invariants(&overlay->neighbours);
    holders_check_invariants(&overlay->holders, charges);
    interests_check_invariants(&overlay->interests);
    lookups_check_invariants(&overlay->lookups);
    announce_check_invariants(&overlay->announce);
    penalties_check_invariants(&overlay->penalties);
    search_check_invariants(&overlay->search);
    own_keys_check_invariants(&overlay->own_keys);
    for (uint32_t i = 0; i < overlay->holders.count; i++) {
        wishes |= UINT64_C(1) << holders_at(&overlay->holders, i)->slot;
    }
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        live |= UINT64_C(1) << each->slot;
        assert((each->interested & ~wishes) == 0);
        const struct contact *contact = contacts_find(&overlay->contacts, each->peer_id);
        assert(contact == NULL || contact->state == CONTACTS_LINKED);
        assert(contact == NULL || contact->link == each->link);
    }
    for (slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        assert((live >> slot & 1) != 0 || overlay->neighbours.slots[slot] != NULL ||
               overlay->interests.counts[slot] == 0);
    }
    assert(overlay->lookups.is_up == (overlay->tracker != 0));
    assert(overlay->unwished_count <= OVERLAY_UNWISHED_MAX);
}
