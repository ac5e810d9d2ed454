/*
 * overlay_hear.c: messages of neighbours and of the tracker.
 *
 * Responsible for what each message changes, and for the paces at which neighbours may make us
 * work. All of it is hostile until bytes prove it: contacts are hints, bounded and cleaned; a HAVE
 * counts for what we asked; answers count from whom was asked.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <string.h>

/* An honest neighbour has P2P_INTEREST_MAX files in its window and changes a few a second. */
#define INTEREST_PACE_US (20 * TIME_US_PER_MS)
#define INTEREST_BURST 512u
/* It tells increments of at most P2P_INTEREST_MAX files every 250 ms. */
#define HAVE_PACE_US (2 * TIME_US_PER_MS)
#define HAVE_BURST 1024u
#define HAVE_ROWS 64u /* of a file; a HAVE of a larger one costs as much more */
/* A port is mapped, or others have reached it: seldom news. */
#define LISTEN_PACE_US (10 * TIME_US_PER_S)
#define LISTEN_BURST 8u

static int flood(struct overlay *overlay)
{
    overlay->counts.floods++;
    return ERROR_MALFORMED;
}

/* --- who is it ---------------------------------------------------------------------------------- */

/* Our address as others see it. The tracker is believed; of neighbours two that do not sit in one
 * prefix must agree, since we tell it to others. */
static void hear_observed(struct overlay *overlay, const struct p2p_message *message,
                          const struct neighbour *teller)
{
    const struct p2p_hello *hello = &message->hello;
    struct p2p_address observed = {.family = hello->observed_family, .port = hello->observed_port};
    memcpy(observed.address, hello->observed_address, sizeof observed.address);
    if (!p2p_address_is_dialable(&observed)) {
        return;
    }
    observed.port = 0;
    bool is_agreed = overlay->claim_teller.family != 0 && teller != NULL &&
                     p2p_address_equal(&overlay->claim, &observed) &&
                     !p2p_address_same_prefix(&overlay->claim_teller, &teller->address);
    if (teller == NULL || (is_agreed && overlay->observed.family == 0)) {
        overlay->observed = observed;
    } else {
        overlay->claim = observed;
        overlay->claim_teller = teller->address;
    }
}

/* Keeps a neighbour that can be dialled as a contact, too. */
static int keep_neighbour(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    struct p2p_contact exported;
    struct contact *contact;
    if (!overlay_export(neighbour, &exported)) {
        return 0;
    }
    exported.flags |= neighbour->is_lan ? P2P_CONTACT_LAN : 0;
    return overlay_put_contact(overlay, now_us, &exported, CONTACTS_SEEN, 0, &contact);
}

static int hear_hello(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                      const struct p2p_message *message)
{
    neighbour->has_hello = true;
    neighbour->features = message->hello.features;
    hear_observed(overlay, message, neighbour);
    if (neighbour->is_incoming && message->hello.listen_port != 0) {
        neighbour->listening = neighbour->address;
        neighbour->listening.port = message->hello.listen_port;
    }
    return keep_neighbour(overlay, now_us, neighbour);
}

static int hear_listen(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                       const struct p2p_message *message)
{
    struct p2p_address listening = neighbour->address;
    listening.port = message->listen.port;
    if (message->listen.port == 0) {
        listening = (struct p2p_address){.family = 0};
    }
    bool is_known = p2p_address_equal(&listening, &neighbour->listening) &&
                    neighbour->is_reached == (message->listen.flags != 0);
    if (is_known || !pace_take(&neighbour->listen_pace, now_us, LISTEN_PACE_US, LISTEN_BURST, 1)) {
        return 0;
    }
    neighbour->listening = listening;
    neighbour->is_reached = message->listen.flags != 0 || neighbour->is_reached;
    return keep_neighbour(overlay, now_us, neighbour);
}

/* --- who has what ------------------------------------------------------------------------------- */

static int hear_interest(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                         const struct p2p_message *message)
{
    struct media_file_id id;
    bool is_wanted;
    if (!pace_take(&neighbour->interest_pace, now_us, INTEREST_PACE_US, INTEREST_BURST,
                   message->interest.count)) {
        return flood(overlay);
    }
    for (uint32_t pass = 0; pass < 2; pass++) { /* those that leave make room for the others */
        for (uint32_t i = 0; i < message->interest.count; i++) {
            p2p_interest_read(message->interest.files, i, &id, &is_wanted);
            if (is_wanted != (pass == 1)) {
                continue;
            }
            if (!is_wanted) {
                interests_drop(&overlay->interests, neighbour->slot, &id);
            } else if (interests_want(&overlay->interests, neighbour->slot, &id) < 0) {
                return ERROR_NO_MEMORY;
            }
        }
    }
    return 0;
}

/* Who told us of a holder that proved to be one is the more useful for it. */
static void credit_teller(struct overlay *overlay, uint64_t now_us,
                          const struct neighbour *neighbour)
{
    const struct contact *contact = contacts_find(&overlay->contacts, neighbour->peer_id);
    struct neighbour *teller =
        contact == NULL ? NULL : neighbours_find(&overlay->neighbours, contact->told_link);
    if (teller != NULL) {
        neighbours_window_add(&teller->answers, now_us, overlay->config->score_window_us, 1);
    }
}

static int hear_have(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                     const struct p2p_message *message)
{
    bool is_more = false;
    uint32_t cost = 1 + media_row_count(message->have.file.bytes) / HAVE_ROWS;
    if (!pace_take(&neighbour->have_pace, now_us, HAVE_PACE_US, HAVE_BURST, cost)) {
        return flood(overlay);
    }
    struct holders_wish *wish = holders_find_id(&overlay->holders, &message->have.file);
    if (wish == NULL || (neighbour->interested >> wish->slot & 1) == 0) {
        return 0; /* it crossed our saying that we do not wish for it any more */
    }
    const struct holding *holding = &wish->holdings[neighbour->slot];
    uint8_t kind_before = holding->kind;
    bool was_heard = holding->is_heard;
    int error = holders_have(&overlay->holders, wish, neighbour->slot, &neighbour->holder_bytes,
                             now_us, message, &is_more);
    if (holding->kind != kind_before || !was_heard) {
        overlay_look_again(overlay);
    }
    if (is_more && kind_before == P2P_HAVE_NONE) {
        credit_teller(overlay, now_us, neighbour);
    }
    return error < 0 ? error : 0;
}

/* --- where is it -------------------------------------------------------------------------------- */

static void hear_holders_file(struct overlay *overlay, uint64_t asked,
                              const struct p2p_message *message,
                              const struct p2p_holders_file *file)
{
    struct holders_wish *wish = holders_find_key(&overlay->holders, file->key);
    if (wish == NULL || (asked >> wish->slot & 1) == 0) {
        return;
    }
    overlay->lookups.wishes[wish->slot].holders = file->holders;
    for (uint32_t i = 0; i < file->listed; i++) {
        struct p2p_contact listed;
        p2p_contact_read(message->holders.contacts, file->contacts[i], &listed);
        struct contact *contact = contacts_find(&overlay->contacts, listed.peer_id);
        bool is_whole = file->kinds[i] == P2P_HAVE_WHOLE;
        if (contact != NULL && (is_whole || overlay->config->partial)) {
            contacts_hold(contact, wish->slot, is_whole);
        }
    }
}

static int hear_holders(struct overlay *overlay, uint64_t now_us, const struct p2p_message *message)
{
    struct p2p_holders_file file;
    struct contact *contact;
    uint64_t asked;
    uint32_t at = 0;
    if (lookups_answered(&overlay->lookups, message->holders.lookup, &asked) != 0) {
        return 0; /* nobody asked, or nobody waits any more */
    }
    for (uint32_t i = 0; i < message->holders.contact_count; i++) {
        struct p2p_contact listed;
        p2p_contact_read(message->holders.contacts, i, &listed);
        if (!overlay_clean_tracked(overlay, &listed)) {
            continue;
        }
        int error = overlay_put_contact(overlay, now_us, &listed, CONTACTS_TRACKER, 0, &contact);
        if (error != 0) {
            return error;
        }
    }
    while (p2p_holders_next(message, &at, &file)) {
        hear_holders_file(overlay, asked, message, &file);
    }
    overlay_look_again(overlay);
    return 0;
}

static int hear_exchange(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                         const struct p2p_message *message)
{
    struct p2p_contact taken[P2P_CONTACTS_MAX];
    struct contact *contact;
    bool is_flood = false;
    if (overlay->config->exchange == NULL) {
        return 0;
    }
    uint32_t count =
        exchange_take(&neighbour->exchange, overlay->config->exchange, now_us, overlay->peer_id,
                      &neighbour->address, message, taken, &is_flood);
    overlay->counts.floods += is_flood;
    for (uint32_t i = 0; i < count; i++) {
        taken[i].flags &= (uint8_t)~P2P_CONTACT_LAN; /* who is near we find ourselves */
        int error = overlay_put_contact(overlay, now_us, &taken[i], CONTACTS_EXCHANGE,
                                        neighbour->link, &contact);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

/* --- searching ---------------------------------------------------------------------------------- */

static int make_own_keys(struct overlay *overlay)
{
    uint32_t place = 0;
    media_handle file;
    while (!overlay->own_keys.is_made && overlay->own.next(overlay->own.context, &place, &file)) {
        int error = own_keys_append(&overlay->own_keys, file);
        if (error != 0) {
            return error;
        }
    }
    if (!overlay->own_keys.is_made) {
        own_keys_sort(&overlay->own_keys);
    }
    return 0;
}

static int send_copy(struct overlay *overlay, uint32_t link, const struct p2p_message *message)
{
    if (!overlay_may_send(overlay)) {
        return 0;
    }
    struct p2p_message *out = outbox_send(overlay->outbox, link, message->type);
    if (out == NULL) {
        return ERROR_NO_MEMORY;
    }
    *out = *message;
    return 0;
}

static int answer_search(struct overlay *overlay, uint32_t link, const struct p2p_message *message)
{
    struct p2p_contact ourselves;
    struct p2p_message answer;
    int error = overlay->gives ? make_own_keys(overlay) : 0;
    media_handle file = overlay->gives ? own_keys_find(&overlay->own_keys, message->search.key) : 0;
    enum p2p_have kind = file == 0 ? P2P_HAVE_NONE : announce_kind(&overlay->announce, file);
    if (error != 0 || kind == P2P_HAVE_NONE) {
        return error;
    }
    overlay_own_contact(overlay, &ourselves);
    search_answer(message, kind, &ourselves, &answer);
    return send_copy(overlay, link, &answer);
}

int overlay_search_out(struct overlay *overlay, uint32_t from_link,
                       const struct p2p_message *message)
{
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        bool takes = !each->has_hello || (each->features & P2P_FEATURE_OVERLAY) != 0;
        if (takes && search_goes_to(message, from_link, each->link, each->peer_id)) {
            int error = send_copy(overlay, each->link, message);
            if (error != 0) {
                return error;
            }
        }
    }
    return 0;
}

static int hear_search(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                       const struct p2p_message *message)
{
    struct p2p_message forward;
    unsigned take = search_take(&overlay->search, now_us, &neighbour->search_gate, neighbour->link,
                                neighbour->peer_id, message);
    if ((take & SEARCH_BREACH) != 0) {
        return ERROR_MALFORMED;
    }
    int error = (take & SEARCH_ANSWER) != 0 ? answer_search(overlay, neighbour->link, message) : 0;
    if (error == 0 && (take & SEARCH_FORWARD) != 0) {
        search_forward(message, &forward);
        error = overlay_search_out(overlay, neighbour->link, &forward);
    }
    return error;
}

/* The answer of a neighbour on its way back: where we see it comes before where it says it is. */
static int pass_back(struct overlay *overlay, const struct neighbour *neighbour, uint32_t link,
                     const struct p2p_message *message)
{
    const struct neighbour *asker = neighbours_find(&overlay->neighbours, link);
    struct p2p_message back = *message;
    struct p2p_contact seen;
    if (asker == NULL || asker->drop != NEIGHBOURS_DROP_NONE) {
        return 0;
    }
    if (overlay_export(neighbour, &seen)) {
        const struct p2p_contact *said = &message->found.contact;
        uint32_t count = 1;
        for (uint32_t i = 0; i < p2p_contact_address_count(said); i++) {
            if (count < P2P_CONTACT_ADDRESSES_MAX &&
                !p2p_address_equal(&said->addresses[i], &seen.addresses[0])) {
                seen.addresses[count++] = said->addresses[i];
            }
        }
        memcpy(back.found.contact.addresses, seen.addresses, sizeof seen.addresses);
    }
    return send_copy(overlay, link, &back);
}

static int hear_found(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                      const struct p2p_message *message)
{
    struct contact *contact = NULL;
    struct p2p_contact found = message->found.contact;
    uint32_t link = 0;
    enum search_found what = search_found(&overlay->search, now_us, &neighbour->search_gate,
                                          neighbour->link, neighbour->peer_id, message, &link);
    if (what == SEARCH_FOUND_BREACH) {
        return ERROR_MALFORMED;
    }
    if (what == SEARCH_FOUND_BACK) {
        return pass_back(overlay, neighbour, link, message);
    }
    struct holders_wish *wish = holders_find_key(&overlay->holders, message->found.key);
    bool is_whole = message->found.kind == P2P_HAVE_WHOLE;
    if (what != SEARCH_FOUND_OURS || wish == NULL || !(is_whole || overlay->config->partial) ||
        !exchange_clean(&found, p2p_address_is_local(&neighbour->address))) {
        return 0;
    }
    int error =
        overlay_put_contact(overlay, now_us, &found, CONTACTS_FOUND, neighbour->link, &contact);
    if (contact != NULL) {
        contacts_hold(contact, wish->slot, is_whole);
    }
    return error;
}

/* --- rendezvous --------------------------------------------------------------------------------- */

/* A neighbour asks us to bring it together with another. */
static int hear_ask(struct overlay *overlay, uint64_t now_us, struct neighbour *asker,
                    const struct p2p_message *message)
{
    struct rendezvous_broker broker = {.is_arranged = false};
    struct p2p_contact asker_contact;
    struct p2p_contact asked_contact;
    struct neighbour *asked =
        neighbours_find_peer(&overlay->neighbours, message->rendezvous.contact.peer_id);
    bool can_be_dialled = overlay_export(asker, &asker_contact);
    if (asked == asker || !can_be_dialled ||
        (asked != NULL && !overlay_export(asked, &asked_contact))) {
        asked = NULL;
    }
    rendezvous_broker(overlay->config->rendezvous, now_us, message, &asker->rendezvous_gate,
                      &asker_contact, asked == NULL ? NULL : &asked->rendezvous_gate,
                      asked == NULL ? NULL : &asked_contact, &broker);
    int error = broker.is_arranged ? send_copy(overlay, asked->link, &broker.invite) : 0;
    if (error == 0 && broker.is_answered) {
        error = send_copy(overlay, asker->link, &broker.answer);
    }
    return error;
}

/* Both sides are to dial now. */
static int dial_arranged(struct overlay *overlay, uint64_t now_us, struct contact *contact,
                         const struct p2p_address *address)
{
    if (contact->state == CONTACTS_DIALLING && contact->link != 0) {
        int error = overlay_drop_link(overlay, contact->link, P2P_BYE_DONE);
        if (error != 0) {
            return error;
        }
    }
    return overlay_dial(overlay, now_us, contact, address);
}

static bool is_dialled_already(const struct contact *contact)
{
    return contact->state == CONTACTS_LINKED ||
           (contact->state == CONTACTS_DIALLING && (contact->is_arranged || contact->link == 0));
}

/* Takes out what who tells us must not name; a neighbour names local addresses when it is near
 * itself. */
static bool clean(const struct overlay *overlay, const struct neighbour *teller,
                  struct p2p_contact *contact)
{
    return teller == NULL ? overlay_clean_tracked(overlay, contact)
                          : exchange_clean(contact, p2p_address_is_local(&teller->address));
}

static int hear_answer(struct overlay *overlay, uint64_t now_us, const struct neighbour *broker,
                       uint32_t link, const struct p2p_message *message)
{
    struct p2p_contact named = message->rendezvous.contact;
    enum rendezvous_taken taken = rendezvous_answered(&overlay->rendezvous, now_us, link, message);
    struct contact *contact = contacts_find(&overlay->contacts, named.peer_id);
    if (taken == RENDEZVOUS_BREACH) {
        return ERROR_MALFORMED;
    }
    if (taken == RENDEZVOUS_NOTHING || contact == NULL || contact->state == CONTACTS_IDLE ||
        is_dialled_already(contact)) {
        return 0;
    }
    if (taken == RENDEZVOUS_NEXT) {
        return overlay_broker_failed(overlay, now_us, contact);
    }
    if (!overlay->config->rendezvous_punch || !clean(overlay, broker, &named)) {
        return 0; /* the other side dials; ours goes on, or is over in time */
    }
    return dial_arranged(overlay, now_us, contact, &named.addresses[0]);
}

static int hear_invite(struct overlay *overlay, uint64_t now_us, const struct neighbour *broker,
                       struct rendezvous_gate *gate, const struct p2p_message *message)
{
    struct p2p_contact named = message->rendezvous.contact;
    struct contact *contact;
    bool is_tracker = broker == NULL;
    if (rendezvous_invited(overlay->config->rendezvous, now_us, gate, overlay->peer_id, message) !=
            RENDEZVOUS_DIAL ||
        !clean(overlay, broker, &named) ||
        overlay_is_banned(overlay, now_us, named.peer_id, &named.addresses[0]) ||
        neighbours_count(&overlay->neighbours) >= overlay->config->degree_hard) {
        return 0;
    }
    int error = overlay_put_contact(overlay, now_us, &named,
                                    is_tracker ? CONTACTS_TRACKER : CONTACTS_EXCHANGE,
                                    is_tracker ? 0 : broker->link, &contact);
    if (error != 0 || contact == NULL || is_dialled_already(contact) ||
        !overlay_take_attempt(overlay, now_us)) {
        return error;
    }
    return dial_arranged(overlay, now_us, contact, &named.addresses[0]);
}

static int hear_rendezvous(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour,
                           uint32_t link, const struct p2p_message *message)
{
    struct rendezvous_gate *gate =
        neighbour == NULL ? &overlay->tracker_gate : &neighbour->rendezvous_gate;
    if (overlay->config->rendezvous == NULL) {
        return 0;
    }
    if (message->rendezvous.role == P2P_RENDEZVOUS_ASK) {
        return neighbour == NULL ? ERROR_MALFORMED : hear_ask(overlay, now_us, neighbour, message);
    }
    return message->rendezvous.role == P2P_RENDEZVOUS_INVITE
               ? hear_invite(overlay, now_us, neighbour, gate, message)
               : hear_answer(overlay, now_us, neighbour, link, message);
}

/* --- the door ----------------------------------------------------------------------------------- */

bool overlay_takes(enum p2p_type type)
{
    return type == P2P_HELLO || (type >= P2P_LISTEN && type <= P2P_INTEREST) || type == P2P_HAVE ||
           (type >= P2P_HOLDERS && type <= P2P_FOUND);
}

static int hear_tracker(struct overlay *overlay, uint64_t now_us, const struct p2p_message *message)
{
    if (message->type == P2P_HELLO) {
        hear_observed(overlay, message, NULL);
        return 0;
    }
    if (message->type == P2P_RENDEZVOUS) {
        return hear_rendezvous(overlay, now_us, NULL, overlay->tracker, message);
    }
    return message->type == P2P_HOLDERS ? hear_holders(overlay, now_us, message) : ERROR_MALFORMED;
}

int overlay_message(struct overlay *overlay, uint64_t now_us, uint32_t link,
                    const struct p2p_message *message)
{
    overlay_begin(overlay, now_us);
    assert(overlay_takes(message->type));
    if (link == overlay->tracker && link != 0) {
        return hear_tracker(overlay, now_us, message);
    }
    struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    if (neighbour == NULL || neighbour->drop != NEIGHBOURS_DROP_NONE) {
        return 0;
    }
    if (message->type == P2P_HELLO) {
        return hear_hello(overlay, now_us, neighbour, message);
    }
    if (message->type == P2P_LISTEN) {
        return hear_listen(overlay, now_us, neighbour, message);
    }
    if (message->type == P2P_INTEREST) {
        return hear_interest(overlay, now_us, neighbour, message);
    }
    if (message->type == P2P_HAVE) {
        return hear_have(overlay, now_us, neighbour, message);
    }
    if (message->type == P2P_EXCHANGE) {
        return hear_exchange(overlay, now_us, neighbour, message);
    }
    if (message->type == P2P_RENDEZVOUS) {
        return hear_rendezvous(overlay, now_us, neighbour, link, message);
    }
    if (message->type == P2P_SEARCH) {
        return hear_search(overlay, now_us, neighbour, message);
    }
    return message->type == P2P_FOUND ? hear_found(overlay, now_us, neighbour, message)
                                      : ERROR_MALFORMED; /* HOLDERS: a peer is no tracker */
}
