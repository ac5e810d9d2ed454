/*
 * overlay_events.c: what the node tells: links, wishes, our own files, counts, faults.
 *
 * Responsible for keeping the parts in step with what happened. What follows is decided in
 * overlay_connect.c and overlay_tell.c at the next settle.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A link that was gone so soon was not wanted by the other side, or broken. */
#define SHORT_LINK_US (10 * TIME_US_PER_S)
#define RETRY_US (2 * TIME_US_PER_S)
/* Who gave us this much is worth remembering. */
#define USEFUL_BYTES (UINT64_C(1) << 20)

void overlay_dialling(struct overlay *overlay, uint64_t now_us, const uint8_t *peer_id,
                      uint32_t link)
{
    overlay_begin(overlay, now_us);
    struct contact *contact = contacts_find(&overlay->contacts, peer_id);
    if (contact == NULL || contact->state != CONTACTS_DIALLING || contact->link != 0) {
        return;
    }
    contact->link = link;
    if (link == 0) {
        contacts_released(&overlay->contacts, contact);
        contact->retry_us = time_add_us(now_us, RETRY_US);
        overlay->connect_us = time_min_us(overlay->connect_us, contact->retry_us);
        overlay->is_needy_stale = true;
    }
}

/* Somebody began a link with us that we had not asked for: then others can, too. */
static void note_reached(struct overlay *overlay, const struct neighbour *neighbour,
                         const struct contact *contact)
{
    bool was_asked = contact != NULL && contact->state != CONTACTS_IDLE;
    bool is_near = p2p_address_is_local(&neighbour->address) && overlay->observed.family != 0 &&
                   !p2p_address_is_local(&overlay->observed);
    if (neighbour->is_incoming && !was_asked && !is_near && overlay->listen_port != 0 &&
        (overlay->listen_flags & P2P_LISTEN_REACHED) == 0) {
        overlay->listen_flags |= P2P_LISTEN_REACHED;
        overlay->is_listen_due = true;
    }
}

static bool is_lan(const struct overlay *overlay, const struct neighbour *neighbour,
                   const struct contact *contact)
{
    if ((contact != NULL && (contact->flags & P2P_CONTACT_LAN) != 0) ||
        p2p_address_is_loopback(&neighbour->address)) {
        return true;
    }
    for (uint32_t i = 0; i < overlay->listen_count; i++) {
        if (p2p_address_is_local(&neighbour->address) &&
            p2p_address_same_prefix(&neighbour->address, &overlay->listen_addresses[i])) {
            return true;
        }
    }
    return false;
}

static void start_neighbour(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    neighbour->interest_due_us = now_us;
    overlay->due_us = now_us;
    neighbour->remember_due_us = time_add_us(now_us, overlay->config->remember_us);
    if (overlay->config->exchange != NULL) {
        exchange_link_init(&neighbour->exchange, overlay->config->exchange, now_us);
    }
    if (neighbours_count(&overlay->neighbours) > overlay->config->degree_soft) {
        overlay->prune_us =
            time_min_us(overlay->prune_us, time_add_us(now_us, overlay->config->prune_us));
    }
}

int overlay_link_up(struct overlay *overlay, uint64_t now_us, uint32_t link, bool is_incoming,
                    const uint8_t *peer_id, const struct p2p_address *address)
{
    struct neighbour *neighbour;
    overlay_begin(overlay, now_us);
    overlay_look_again(overlay);
    if (memcmp(peer_id, overlay->peer_id, HASH_BYTES) == 0) {
        return overlay_drop_link(overlay, link, P2P_BYE_DONE);
    }
    int error = neighbours_add(&overlay->neighbours, now_us, link, peer_id, &neighbour);
    if (error != 0) {
        return error == ERROR_FULL ? overlay_drop_link(overlay, link, P2P_BYE_FULL) : error;
    }
    struct contact *contact = contacts_find(&overlay->contacts, peer_id);
    neighbour->is_incoming = is_incoming;
    neighbour->address = *address;
    neighbour->is_lan = is_lan(overlay, neighbour, contact);
    if (!is_incoming) {
        neighbour->listening = *address;
        neighbour->is_reached = contact != NULL && !contact->is_arranged;
    }
    note_reached(overlay, neighbour, contact);
    if (overlay->config->rendezvous != NULL) {
        rendezvous_done(&overlay->rendezvous, peer_id);
    }
    start_neighbour(overlay, now_us, neighbour);
    neighbour->is_listen_due = overlay->listen_flags != 0;
    error = overlay_admit(overlay, now_us, neighbour);
    if (contact != NULL && neighbour->drop == NEIGHBOURS_DROP_NONE) {
        contacts_linked(&overlay->contacts, contact, now_us, link);
    } else if (contact != NULL && contact->state == CONTACTS_DIALLING && contact->link == link) {
        contacts_released(&overlay->contacts, contact);
        contact->retry_us = time_add_us(now_us, overlay->config->contact_backoff_us);
    }
    return error;
}

static void forget_unwished(struct overlay *overlay, uint32_t slot)
{
    for (uint32_t i = 0; i < overlay->unwished_count; i++) {
        overlay->unwished[i].slots &= ~(UINT64_C(1) << slot);
    }
}

static int neighbour_down(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    int error = 0;
    overlay->own_lookup_at_us =
        time_min_us(overlay->own_lookup_at_us, time_add_us(now_us, overlay->config->own_lookup_us));
    if (neighbour->received_bytes >= USEFUL_BYTES) {
        error = overlay_remember(overlay, now_us, neighbour);
    }
    struct contact *contact = contacts_find(&overlay->contacts, neighbour->peer_id);
    if (contact != NULL && contact->state == CONTACTS_LINKED && contact->link == neighbour->link) {
        bool is_short = now_us - neighbour->up_us < SHORT_LINK_US;
        bool is_ours = neighbour->drop != NEIGHBOURS_DROP_NONE;
        contacts_unlinked(&overlay->contacts, contact, now_us,
                          is_short || is_ours ? 4 * overlay->config->contact_backoff_us : RETRY_US);
    }
    search_link_down(&overlay->search, neighbour->link);
    if (overlay->config->rendezvous != NULL) {
        rendezvous_link_down(&overlay->rendezvous, now_us, neighbour->link);
    }
    holders_forget(&overlay->holders, neighbour->slot, &neighbour->holder_bytes);
    interests_forget(&overlay->interests, neighbour->slot);
    forget_unwished(overlay, neighbour->slot);
    neighbours_remove(&overlay->neighbours, neighbour);
    return error;
}

int overlay_link_down(struct overlay *overlay, uint64_t now_us, uint32_t link, int error)
{
    overlay_begin(overlay, now_us);
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    if (neighbour != NULL) {
        overlay_look_again(overlay);
        return neighbour_down(overlay, now_us, neighbour);
    }
    struct contact *contact = contacts_find_link(&overlay->contacts, link);
    return contact == NULL ? 0 : overlay_attempt_failed(overlay, now_us, contact, error);
}

int overlay_tracker_up(struct overlay *overlay, uint64_t now_us, uint32_t link,
                       const struct p2p_address *address)
{
    assert(link != 0);
    if (overlay->tracker != 0) {
        overlay_tracker_down(overlay, now_us);
    }
    overlay_begin(overlay, now_us);
    overlay->tracker = link;
    overlay->tracker_address = *address;
    memset(&overlay->tracker_gate, 0, sizeof overlay->tracker_gate);
    overlay->is_listen_due = overlay->is_listen_due || overlay->listen_port != 0;
    lookups_tracker_up(&overlay->lookups, now_us);
    overlay->own_lookup_wait_us = overlay->config->own_lookup_us;
    overlay->own_lookup_at_us = time_add_us(now_us, overlay->config->own_lookup_us);
    announce_tracker_up(&overlay->announce, now_us);
    overlay_look_again(overlay);
    return 0;
}

void overlay_tracker_down(struct overlay *overlay, uint64_t now_us)
{
    overlay_begin(overlay, now_us);
    if (overlay->tracker == 0) {
        return;
    }
    if (overlay->config->rendezvous != NULL) {
        rendezvous_link_down(&overlay->rendezvous, now_us, overlay->tracker);
    }
    overlay->tracker = 0;
    lookups_tracker_down(&overlay->lookups);
    announce_tracker_down(&overlay->announce);
    overlay_look_again(overlay);
}

int overlay_contact(struct overlay *overlay, uint64_t now_us, const struct p2p_contact *contact,
                    bool is_lan_now, uint32_t penalty, uint64_t age_us)
{
    struct p2p_contact clean = *contact;
    struct contact *taken = NULL;
    overlay_begin(overlay, now_us);
    if (p2p_peer_id_is_none(clean.peer_id) || !exchange_clean(&clean, true)) {
        return 0;
    }
    if (penalty > 0) {
        int error = penalties_restore(&overlay->penalties, now_us, clean.peer_id,
                                      &clean.addresses[0], penalty, age_us);
        if (error != 0) {
            return error;
        }
    }
    clean.flags =
        is_lan_now ? clean.flags | P2P_CONTACT_LAN : clean.flags & (uint8_t)~P2P_CONTACT_LAN;
    return overlay_put_contact(overlay, now_us, &clean, is_lan_now ? CONTACTS_LAN : CONTACTS_MEMORY,
                               0, &taken);
}

void overlay_listening(struct overlay *overlay, uint64_t now_us, uint16_t port, uint8_t flags,
                       const struct p2p_address *addresses, uint32_t address_count)
{
    overlay_begin(overlay, now_us);
    assert(address_count <= P2P_LISTEN_ADDRESSES_MAX);
    uint8_t reached = port == overlay->listen_port ? overlay->listen_flags & P2P_LISTEN_REACHED : 0;
    overlay->listen_port = port;
    overlay->listen_flags = flags | reached;
    overlay->listen_count = (uint8_t)address_count;
    if (address_count > 0) {
        memcpy(overlay->listen_addresses, addresses, address_count * sizeof addresses[0]);
    }
    overlay->is_listen_due = true;
}

void overlay_network_changed(struct overlay *overlay, uint64_t now_us)
{
    overlay_begin(overlay, now_us);
    contacts_retry_all(&overlay->contacts);
    overlay->observed = (struct p2p_address){.family = 0};
    overlay->listen_flags &= (uint8_t)~P2P_LISTEN_REACHED;
    overlay_look_again(overlay);
}

/* --- wishes ------------------------------------------------------------------------------------- */

static bool are_same(const struct overlay *overlay, const struct overlay_wish *wishes,
                     uint32_t count)
{
    if (count != overlay->holders.count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        if (wish->file != wishes[i].file || wish->weight != wishes[i].weight ||
            wish->is_urgent != wishes[i].is_urgent) {
            return false;
        }
    }
    return true;
}

static bool is_among(const struct overlay_wish *wishes, uint32_t count, media_handle file)
{
    for (uint32_t i = 0; i < count; i++) {
        if (wishes[i].file == file) {
            return true;
        }
    }
    return false;
}

/* Before the wishes change: who was told of those that leave is to be told that they have. */
static int leave_wishes(struct overlay *overlay, const struct overlay_wish *wishes, uint32_t count)
{
    for (uint32_t i = 0; i < overlay->holders.count; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        int error = is_among(wishes, count, wish->file) ? 0 : overlay_unwish(overlay, wish);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* Neighbours are to hear of it: at once when it is urgent. */
static void make_interest_due(struct overlay *overlay, uint64_t now_us, uint64_t gone,
                              bool is_urgent)
{
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        uint64_t gap_us = time_add_us(each->interest_last_us, overlay->config->interest_us);
        uint64_t due_us = is_urgent || gap_us < now_us ? now_us : gap_us;
        each->interested &= ~gone;
        each->interest_due_us = time_min_us(each->interest_due_us, due_us);
        overlay->due_us = time_min_us(overlay->due_us, each->interest_due_us);
    }
}

int overlay_set_wishes(struct overlay *overlay, uint64_t now_us, const struct overlay_wish *wishes,
                       uint32_t count)
{
    uint32_t *charges[OVERLAY_LINKS_MAX];
    uint64_t gone = 0;
    uint64_t fresh = 0;
    bool is_urgent = false;
    overlay_begin(overlay, now_us);
    if (are_same(overlay, wishes, count)) {
        return 0;
    }
    int error = leave_wishes(overlay, wishes, count);
    if (error != 0) {
        return error;
    }
    overlay_charges(overlay, charges);
    error = holders_set(&overlay->holders, wishes, count, charges, &gone, &fresh);
    if ((gone | fresh) != 0) {
        contacts_clear_slots(&overlay->contacts, gone);
        lookups_change(&overlay->lookups, now_us, gone, fresh);
    }
    for (uint32_t i = 0; i < overlay->holders.count; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        bool is_new = (fresh >> wish->slot & 1) != 0;
        lookups_set_urgent(&overlay->lookups, now_us, wish->slot, wish->is_urgent);
        is_urgent = is_urgent || (is_new && wish->is_urgent);
        if (is_new) {
            overlay_rewish(overlay, &wish->id);
        }
    }
    if ((gone | fresh) != 0) {
        make_interest_due(overlay, now_us, gone, is_urgent);
    }
    overlay_look_again(overlay);
    return error;
}

int overlay_own_changed(struct overlay *overlay, uint64_t now_us, media_handle file)
{
    overlay_begin(overlay, now_us);
    interests_changed(&overlay->interests, file);
    int error = announce_changed(&overlay->announce, now_us, file);
    if (error != 0 || !overlay->own_keys.is_made) {
        return error;
    }
    if (overlay->own.kind(overlay->own.context, file) != P2P_HAVE_NONE) {
        return own_keys_add(&overlay->own_keys, file);
    }
    own_keys_remove(&overlay->own_keys, file);
    return 0;
}

int overlay_own_played(struct overlay *overlay, uint64_t now_us, media_handle file)
{
    overlay_begin(overlay, now_us);
    return announce_played(&overlay->announce, now_us, file);
}

/* --- counts and faults -------------------------------------------------------------------------- */

void overlay_received(struct overlay *overlay, uint64_t now_us, uint32_t link, media_handle file,
                      uint32_t bytes)
{
    overlay_begin(overlay, now_us);
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    if (neighbour == NULL) {
        return;
    }
    neighbours_window_add(&neighbour->received, now_us, overlay->config->score_window_us, bytes);
    neighbour->received_bytes += bytes;
    struct holders_wish *wish = holders_find(&overlay->holders, file);
    if (wish != NULL && bytes > 0) {
        holders_gave(wish, neighbour->slot);
    }
}

void overlay_sent(struct overlay *overlay, uint64_t now_us, uint32_t link, uint32_t bytes)
{
    overlay_begin(overlay, now_us);
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    if (neighbour != NULL) {
        neighbours_window_add(&neighbour->sent, now_us, overlay->config->score_window_us, bytes);
        neighbour->sent_bytes += bytes;
    }
}

void overlay_rtt(struct overlay *overlay, uint32_t link, uint64_t rtt_us)
{
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    if (neighbour != NULL) {
        neighbour->rtt_us = rtt_us;
    }
}

int overlay_punish(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                   enum penalty penalty)
{
    int error = penalties_add(&overlay->penalties, now_us, neighbour->peer_id, &neighbour->address,
                              penalty);
    if (error == 0) {
        error = overlay_remember(overlay, now_us, neighbour);
    }
    if (overlay_is_banned(overlay, now_us, neighbour->peer_id, NULL)) {
        overlay->counts.banned += neighbour->drop == NEIGHBOURS_DROP_NONE;
        neighbours_drop(&overlay->neighbours, neighbour, P2P_BYE_PROTOCOL);
    }
    return error;
}

int overlay_not_held(struct overlay *overlay, uint64_t now_us, uint32_t link, media_handle file,
                     uint32_t chunk)
{
    overlay_begin(overlay, now_us);
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    struct holders_wish *wish = holders_find(&overlay->holders, file);
    if (neighbour == NULL || wish == NULL || chunk >= wish->chunk_count ||
        !holders_not_held(&overlay->holders, wish, neighbour->slot, &neighbour->holder_bytes,
                          now_us, chunk)) {
        return 0;
    }
    overlay->counts.lies++;
    overlay_look_again(overlay);
    return overlay_punish(overlay, now_us, neighbour, PENALTY_LIE);
}

int overlay_misbehaved(struct overlay *overlay, uint64_t now_us, uint32_t link,
                       enum overlay_fault fault)
{
    static const enum penalty penalties[] = {
        [OVERLAY_FAULT_PROTOCOL] = PENALTY_PROTOCOL,
        [OVERLAY_FAULT_BAD_CHUNK] = PENALTY_BAD_CHUNK,
        [OVERLAY_FAULT_SILENT] = PENALTY_SILENT,
        [OVERLAY_FAULT_FLOOD] = PENALTY_FLOOD,
    };
    overlay_begin(overlay, now_us);
    assert((size_t)fault < sizeof penalties / sizeof penalties[0]);
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    return neighbour == NULL ? 0 : overlay_punish(overlay, now_us, neighbour, penalties[fault]);
}
