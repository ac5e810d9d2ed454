/*
 * overlay_connect.c: whom to dial next, when to ask a broker, and who must go.
 *
 * Responsible for the choice: wishes in their order, for each as many sources as the config says,
 * the most promising contact first, a few at a time. Not for the contacts' records (contacts.h) nor
 * for the score (neighbours.h).
 *
 * Happy path: dial -> LINK_UP. Failure modes: no answer (connect_timeout_us), refused, another
 * peer id: the next address; when rendezvous_us has passed, or the dial failed, a broker is asked to
 * have both sides dial; when that came to nothing too, backoff.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <string.h>

/* A new link's HAVE is awaited so long before the neighbour counts as without the file. */
#define YOUNG_US (2 * TIME_US_PER_S)
/* When a CONNECT could not be carried out, or nothing may be dialled for other reasons. */
#define RETRY_US (1 * TIME_US_PER_S)
/* Who holds a part is a third of a source: who plays the same now may lack what we lack, but it is
 * good to know all of them. */
#define WHOLE_WORTH 3u
/* Attempts that may be begun at one look. */
#define DIALS_MAX 16u

static uint64_t bit_of(const struct holders_wish *wish)
{
    return UINT64_C(1) << wish->slot;
}

uint32_t overlay_count_up(const struct holders_wish *wish)
{
    return wish->whole_count + wish->part_count;
}

/* Who may soon be up: how many of them are said to hold the whole file, and a part. */
static void find_coming(const struct overlay *overlay, uint64_t now_us,
                        const struct holders_wish *wish, uint32_t *ret_whole, uint32_t *ret_part)
{
    uint64_t bit = bit_of(wish);
    uint32_t slot = 0;
    *ret_whole = 0;
    *ret_part = 0;
    for (uint32_t i = 0; i < overlay->contacts.busy_count; i++) {
        const struct contact *contact = contacts_busy(&overlay->contacts, i);
        *ret_whole += (contact->whole & bit) != 0;
        *ret_part += (contact->part & bit) != 0;
    }
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        if (wish->holdings[each->slot].is_heard || now_us - each->up_us >= YOUNG_US) {
            continue;
        }
        const struct contact *contact = contacts_find(&overlay->contacts, each->peer_id);
        *ret_whole += contact != NULL && (contact->whole & bit) != 0;
        *ret_part += contact != NULL && (contact->part & bit) != 0;
    }
}

uint32_t overlay_count_coming(const struct overlay *overlay, uint64_t now_us,
                              const struct holders_wish *wish)
{
    uint32_t whole;
    uint32_t part;
    find_coming(overlay, now_us, wish, &whole, &part);
    return whole + part;
}

static uint32_t worth_coming(const struct overlay *overlay, uint64_t now_us,
                             const struct holders_wish *wish)
{
    uint32_t whole;
    uint32_t part;
    find_coming(overlay, now_us, wish, &whole, &part);
    return WHOLE_WORTH * whole + part;
}
/* What plays is the heaviest wish, urgent or not. */
static uint32_t wanted_sources(const struct overlay *overlay, const struct holders_wish *wish)
{
    bool is_first = wish == holders_at(&overlay->holders, 0);
    return wish->is_urgent || is_first ? overlay->config->sources_urgent
                                       : overlay->config->sources_ahead;
}

void overlay_find_needy(struct overlay *overlay, uint64_t now_us)
{
    overlay->needy = 0;
    for (uint32_t i = 0; i < overlay->holders.count; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        uint32_t wanted = WHOLE_WORTH * wanted_sources(overlay, wish);
        uint32_t up = WHOLE_WORTH * wish->whole_count + wish->part_count;
        if (up < wanted && up + worth_coming(overlay, now_us, wish) < wanted) {
            overlay->needy |= bit_of(wish);
        }
    }
    overlay->is_needy_stale = false;
}

/* --- brokers ------------------------------------------------------------------------------------ */

static int ask_one(struct overlay *overlay, uint64_t now_us, struct rendezvous_gate *gate,
                   uint32_t link, struct contact *contact)
{
    struct p2p_message message;
    if (link == 0 ||
        !rendezvous_ask(&overlay->rendezvous, now_us, gate, link, contact->peer_id, &message)) {
        return 0;
    }
    struct p2p_message *out = outbox_send(overlay->outbox, link, P2P_RENDEZVOUS);
    if (out == NULL) {
        return ERROR_NO_MEMORY;
    }
    *out = message;
    return 0;
}

int overlay_ask_broker(struct overlay *overlay, uint64_t now_us, struct contact *contact)
{
    if (overlay->config->rendezvous == NULL || !overlay_may_send(overlay)) {
        return 0;
    }
    contact->is_asked = true;
    struct neighbour *teller = neighbours_find(&overlay->neighbours, contact->told_link);
    if (teller != NULL && teller->drop == NEIGHBOURS_DROP_NONE) {
        int error = ask_one(overlay, now_us, &teller->rendezvous_gate, teller->link, contact);
        if (error != 0 || rendezvous_is_waiting(&overlay->rendezvous, now_us, contact->peer_id)) {
            return error;
        }
    }
    return ask_one(overlay, now_us, &overlay->tracker_gate, overlay->tracker, contact);
}

int overlay_broker_failed(struct overlay *overlay, uint64_t now_us, struct contact *contact)
{
    int error = overlay_ask_broker(overlay, now_us, contact);
    if (error == 0 && contact->state == CONTACTS_ASKED &&
        !rendezvous_is_waiting(&overlay->rendezvous, now_us, contact->peer_id)) {
        error = overlay_attempt_failed(overlay, now_us, contact, ERROR_UNREACHABLE);
    }
    return error;
}

static int expire_brokers(struct overlay *overlay, uint64_t now_us)
{
    uint8_t peer_id[HASH_BYTES];
    while (overlay->config->rendezvous != NULL &&
           rendezvous_expired(&overlay->rendezvous, now_us, peer_id)) {
        struct contact *contact = contacts_find(&overlay->contacts, peer_id);
        int error = contact != NULL && (contact->state == CONTACTS_ASKED ||
                                        contact->state == CONTACTS_DIALLING)
                        ? overlay_broker_failed(overlay, now_us, contact)
                        : 0;
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* --- attempts ----------------------------------------------------------------------------------- */

static bool is_awaited(const struct overlay *overlay, uint64_t now_us,
                       const struct contact *contact)
{
    return overlay->config->rendezvous != NULL &&
           rendezvous_is_waiting(&overlay->rendezvous, now_us, contact->peer_id);
}

bool overlay_take_attempt(struct overlay *overlay, uint64_t now_us)
{
    const struct overlay_config *config = overlay->config;
    return overlay->contacts.busy_count < config->attempts_max &&
           pace_take(&overlay->attempts_pace, now_us, TIME_US_PER_S / config->attempts_per_s,
                     config->attempts_burst, 1);
}

int overlay_dial(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                 const struct p2p_address *arranged)
{
    if (!overlay_may_send(overlay)) {
        return 0;
    }
    struct overlay_action *action = outbox_add(overlay->outbox, OVERLAY_CONNECT);
    if (action == NULL) {
        return ERROR_NO_MEMORY;
    }
    contacts_export(contact, &action->connect.contact);
    if (arranged != NULL) {
        action->connect.contact.addresses[0] = *arranged;
    }
    action->connect.is_arranged = arranged != NULL && overlay->config->rendezvous_punch;
    contacts_dialling(&overlay->contacts, contact, now_us, arranged != NULL);
    overlay->counts.attempts_made++;
    overlay->is_needy_stale = true;
    uint64_t look_us = overlay->config->rendezvous != NULL && arranged == NULL
                           ? overlay->config->rendezvous_us
                           : overlay->config->connect_timeout_us;
    overlay->expire_us = time_min_us(overlay->expire_us, time_add_us(now_us, look_us));
    return 0;
}

static bool has_next_address(const struct contact *contact)
{
    uint32_t next = contact->address_at + 1u;
    return next < P2P_CONTACT_ADDRESSES_MAX && contact->addresses[next].family != 0;
}

int overlay_attempt_failed(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                           int error)
{
    overlay->counts.attempts_failed++;
    overlay_look_again(overlay);
    if (error == ERROR_EXISTS) { /* the other side's dial came in first: its LINK_UP tells */
        contacts_released(&overlay->contacts, contact);
        return 0;
    }
    if (contact->state == CONTACTS_ASKED || contact->is_arranged || error == ERROR_MISMATCH) {
        contact->address_at = P2P_CONTACT_ADDRESSES_MAX - 1;
        contacts_failed(&overlay->contacts, contact, now_us, &overlay->prng);
        return 0;
    }
    if (has_next_address(contact) && overlay_may_send(overlay)) {
        contact->address_at++;
        return overlay_dial(overlay, now_us, contact, NULL);
    }
    int fatal = contact->is_asked ? 0 : overlay_ask_broker(overlay, now_us, contact);
    if (contact->is_asked && is_awaited(overlay, now_us, contact)) {
        contacts_asked(contact, now_us);
        overlay->expire_us = time_min_us(overlay->expire_us,
                                         time_add_us(now_us, overlay->config->connect_timeout_us));
    } else {
        contacts_failed(&overlay->contacts, contact, now_us, &overlay->prng);
    }
    return fatal;
}

/* One that is being dialled: what has become due of it? *ret_next_us: when something else will. */
static int expire_one(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                      uint64_t *ret_next_us)
{
    const struct overlay_config *config = overlay->config;
    if (contact->state == CONTACTS_ASKED) { /* no broker helped in time */
        *ret_next_us = time_add_us(contact->state_us, config->connect_timeout_us);
        return *ret_next_us > now_us
                   ? 0
                   : overlay_attempt_failed(overlay, now_us, contact, ERROR_TIMEOUT);
    }
    bool may_ask = config->rendezvous != NULL && !contact->is_arranged && !contact->is_asked;
    uint64_t over_us = time_add_us(contact->state_us, config->connect_timeout_us);
    uint64_t ask_us =
        may_ask ? time_add_us(contact->state_us, config->rendezvous_us) : TIME_NEVER_US;
    *ret_next_us = ask_us > now_us ? time_min_us(ask_us, over_us) : over_us;
    if (over_us <= now_us && contact->link != 0) {
        int error = overlay_drop_link(overlay, contact->link, P2P_BYE_DONE);
        return error != 0 ? error : overlay_attempt_failed(overlay, now_us, contact, ERROR_TIMEOUT);
    }
    return ask_us <= now_us ? overlay_ask_broker(overlay, now_us, contact) : 0;
}

static int expire(struct overlay *overlay, uint64_t now_us)
{
    int error = expire_brokers(overlay, now_us);
    if (error != 0 || overlay->expire_us > now_us) {
        return error;
    }
    overlay->expire_us = TIME_NEVER_US;
    for (uint32_t i = overlay->contacts.busy_count; i > 0; i--) { /* they may leave meanwhile */
        uint64_t next_us = TIME_NEVER_US;
        error = expire_one(overlay, now_us, contacts_busy(&overlay->contacts, i - 1), &next_us);
        if (error != 0) {
            return error;
        }
        next_us = next_us > now_us ? next_us : time_add_us(now_us, RETRY_US);
        overlay->expire_us = time_min_us(overlay->expire_us, next_us);
    }
    return 0;
}

/* --- the choice --------------------------------------------------------------------------------- */

struct overlay_may {
    const struct overlay *overlay;
    uint64_t now_us;
    bool only_lan;
};

static bool may_dial(void *context, const struct contact *contact)
{
    const struct overlay_may *may = context;
    const struct overlay *overlay = may->overlay;
    const struct p2p_address *address = &contact->addresses[contact->address_at];
    if (may->only_lan && (contact->flags & P2P_CONTACT_LAN) == 0) {
        return false;
    }
    if (overlay_is_banned(overlay, may->now_us, contact->peer_id, address)) {
        return false;
    }
    if (p2p_address_is_local(address)) {
        return true;
    }
    uint32_t same = 0;
    for (uint32_t i = 0; i < overlay->contacts.busy_count; i++) {
        const struct contact *busy = contacts_busy(&overlay->contacts, i);
        same += p2p_address_same_prefix(&busy->addresses[busy->address_at], address);
    }
    return same < overlay->config->attempts_prefix;
}

static void score_all(struct overlay *overlay, uint64_t now_us)
{
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        uint64_t overlap = time_scale(holders_overlap(&overlay->holders, each->slot),
                                      overlay->config->score_overlap_percent, 100);
        neighbours_score(&overlay->neighbours, each, now_us, overlap);
    }
}

/* How many links and attempts there may be, to dial for a wish. */
static uint32_t limit_of(const struct overlay *overlay, const struct holders_wish *wish)
{
    const struct overlay_config *config = overlay->config;
    return wish->is_urgent ? config->degree_hard
                           : config->degree_soft + (config->degree_hard - config->degree_soft) / 2;
}

/* All places are taken, and an urgent wish has nobody: the least useful neighbour makes room. */
static void make_room(struct overlay *overlay, uint64_t now_us, const struct holders_wish *wish)
{
    score_all(overlay, now_us);
    struct neighbour *worst = neighbours_worst(&overlay->neighbours, now_us);
    if (worst != NULL && worst->score < (int64_t)wish->weight) {
        neighbours_drop(&overlay->neighbours, worst, P2P_BYE_FULL);
    }
}

/* Whom to dial now, or NULL. */
static struct contact *choose(struct overlay *overlay, uint64_t now_us, uint64_t available)
{
    struct overlay_may may = {.overlay = overlay, .now_us = now_us};
    for (uint32_t i = 0; i < overlay->holders.count; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        if ((overlay->needy & available & bit_of(wish)) == 0) {
            continue;
        }
        uint32_t taken = neighbours_count(&overlay->neighbours) + overlay->contacts.busy_count;
        if (taken >= overlay->config->degree_hard && wish->is_urgent &&
            overlay_count_up(wish) == 0 && overlay_count_coming(overlay, now_us, wish) == 0) {
            make_room(overlay, now_us, wish);
            taken = neighbours_count(&overlay->neighbours) + overlay->contacts.busy_count;
        }
        struct contact *contact = taken < limit_of(overlay, wish)
                                      ? contacts_pick(&overlay->contacts, now_us, bit_of(wish),
                                                      may_dial, &may, &overlay->prng)
                                      : NULL;
        if (contact != NULL) {
            return contact;
        }
    }
    uint32_t taken = neighbours_count(&overlay->neighbours) + overlay->contacts.busy_count;
    may.only_lan = taken >= overlay->config->degree_low; /* who is near is always worth a link */
    return taken < overlay->config->degree_soft
               ? contacts_pick(&overlay->contacts, now_us, 0, may_dial, &may, &overlay->prng)
               : NULL;
}

int overlay_connect(struct overlay *overlay, uint64_t now_us)
{
    int error = expire(overlay, now_us);
    if (error != 0 || overlay->connect_us > now_us) {
        return error;
    }
    uint64_t next_us;
    overlay->connect_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < DIALS_MAX; i++) {
        overlay_find_needy(overlay, now_us);
        uint64_t available = contacts_available(&overlay->contacts, now_us, &next_us);
        struct contact *contact = choose(overlay, now_us, available);
        if (contact == NULL) {
            overlay->connect_us = time_min_us(
                next_us, overlay->needy == 0 ? TIME_NEVER_US : time_add_us(now_us, YOUNG_US));
            break;
        }
        if (!overlay_may_send(overlay) || !overlay_take_attempt(overlay, now_us)) {
            overlay->connect_us = time_add_us(now_us, RETRY_US / 4);
            break;
        }
        error = overlay_dial(overlay, now_us, contact, NULL);
        if (error != 0) {
            return error;
        }
        overlay->connect_us = now_us;
    }
    overlay_find_needy(overlay, now_us);
    return 0;
}

/* --- who must go -------------------------------------------------------------------------------- */

static void settle_crossing(struct overlay *overlay, struct neighbour *older,
                            struct neighbour *newer)
{
    bool older_stays = neighbours_older_stays(overlay->peer_id, newer->peer_id, older->is_incoming,
                                              newer->is_incoming);
    neighbours_drop(&overlay->neighbours, older_stays ? newer : older, P2P_BYE_DONE);
}

int overlay_admit(struct overlay *overlay, uint64_t now_us, struct neighbour *newcomer)
{
    struct neighbours *neighbours = &overlay->neighbours;
    uint32_t slot = 0;
    if (overlay_is_banned(overlay, now_us, newcomer->peer_id, &newcomer->address)) {
        overlay->counts.banned++;
        neighbours_drop(neighbours, newcomer, P2P_BYE_PROTOCOL);
        return 0;
    }
    for (struct neighbour *each; (each = neighbours_next(neighbours, &slot)) != NULL;) {
        if (each != newcomer && memcmp(each->peer_id, newcomer->peer_id, HASH_BYTES) == 0) {
            settle_crossing(overlay, each, newcomer);
            return 0;
        }
    }
    if (neighbours_count(neighbours) <= overlay->config->degree_hard) {
        return 0;
    }
    score_all(overlay, now_us);
    struct neighbour *worst = neighbours_worst(neighbours, now_us);
    bool is_worth_it = worst != NULL && (!newcomer->is_incoming || worst->score <= 0);
    if (is_worth_it) {
        neighbours_drop(neighbours, worst, P2P_BYE_FULL);
        return 0;
    }
    newcomer->exchange.due_us = 0;
    int error = overlay_exchange(overlay, now_us, newcomer); /* others that it may try instead */
    neighbours_drop(neighbours, newcomer, P2P_BYE_FULL);
    return error;
}

int overlay_prune(struct overlay *overlay, uint64_t now_us)
{
    if (overlay->prune_us > now_us) {
        return 0;
    }
    struct neighbours *neighbours = &overlay->neighbours;
    overlay->prune_us = TIME_NEVER_US;
    if (neighbours_count(neighbours) <= overlay->config->degree_soft) {
        return 0; /* the next link looks again */
    }
    overlay->prune_us = time_add_us(now_us, overlay->config->prune_us);
    score_all(overlay, now_us);
    neighbours_mark_random(neighbours, overlay->config->degree_random);
    while (neighbours_count(neighbours) > overlay->config->degree_soft) {
        struct neighbour *worst = neighbours_worst(neighbours, now_us);
        if (worst == NULL) {
            return 0;
        }
        neighbours_drop(neighbours, worst, P2P_BYE_FULL);
    }
    return 0;
}
