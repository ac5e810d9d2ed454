/*
 * node_peers.c: the overlay, wired in.
 *
 * Responsible for handing the overlay what concerns it (links, messages, contacts, what we look for,
 * what we own), for turning its actions into effects, for whoever misbehaves, and for what the
 * planner may ask the overlay. The overlay decides with whom to link (p2p/core/overlay.h); what is
 * asked of whom is node_plan.c's, what is given node_give.c's.
 *
 * Happy path: the origin's HELLO shows a tracker -> the overlay announces and looks up -> CONNECT ->
 * LINK_UP -> HELLO and INTEREST -> HAVE -> the planner has a source. Failure modes: a link that
 * breaks the protocol, lies, is silent or brings wrong bytes is closed, and counted against its peer
 * id; when the overlay has no memory the node fails as a whole.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

/* Links that are kept for the origin and for a peer that dials us. */
#define LINKS_SPARE 4u
/* Weights of wishes (overlay.h): what plays, what follows, the first behind that, and the last. */
#define WEIGHT_CURRENT 1000u
#define WEIGHT_NEXT 500u
#define WEIGHT_AHEAD 300u
#define WEIGHT_STEP 10u
#define WEIGHT_FETCH 200u
/* Neighbours that are looked at when a manifest is wanted. */
#define ASKED_MAX 8u
/* INTEREST and HAVE take a round trip, and neighbours tell in batches of 250 ms. */
#define NEW_WISH_US (500 * TIME_US_PER_MS)

/* --- what we own ---------------------------------------------------------------------------------*/

static enum p2p_have own_kind(void *context, media_handle file)
{
    const struct node *node = context;
    if (cache_index_complete(node->index, file)) {
        return P2P_HAVE_WHOLE;
    }
    return cache_index_chunk_count(node->index, file) > 0 ? P2P_HAVE_PARTIAL : P2P_HAVE_NONE;
}

static uint8_t own_row_mask(void *context, media_handle file, uint32_t row)
{
    const struct node *node = context;
    return cache_index_row_mask(node->index, file, row);
}

static bool own_next(void *context, uint32_t *place, media_handle *ret_file)
{
    const struct node *node = context;
    return cache_index_next(node->index, place, ret_file);
}

static void tell_listening(struct node *node)
{
    const struct peers *peers = &node->peers;
    if (peers->is_listening) {
        overlay_listening(node->overlay, node->now_us, peers->port, peers->flags, peers->addresses,
                          peers->address_count);
    }
}

/* The overlay, made when it is first needed. False: there is none. */
static bool ensure(struct node *node)
{
    if (node->overlay != NULL || !node->config.with_peers || node->config.offline) {
        return node->overlay != NULL;
    }
    struct overlay_setup setup = {
        .config = node->preset->overlay(),
        .intern = node->config.intern,
        .own = {.context = node, .kind = own_kind, .row_mask = own_row_mask, .next = own_next},
        .seed = prng_u64(&node->prng),
        .gives = node->config.give_slot_count > 0};
    memcpy(setup.peer_id, node->config.peer_id, HASH_BYTES);
    if (overlay_new(&setup, &node->overlay) != 0) {
        node_fail(node);
        return false;
    }
    tell_listening(node);
    node->peers.is_wish_due = true;
    return true;
}

static void must(struct node *node, int rc)
{
    if (rc < 0) {
        node_fail(node);
    }
}

/* --- links ---------------------------------------------------------------------------------------*/

void node_peers_linked(struct node *node, struct link *link)
{
    if (link->kind == NODE_LINK_PEER && ensure(node)) {
        link->is_linked = true;
        must(node, overlay_link_up(node->overlay, node->now_us, link->number, link->is_incoming,
                                   link->peer_id, &link->address));
        node_give_linked(node, link);
        node->peers.is_settle_due = true;
    }
}

void node_peers_unlinked(struct node *node, const struct link *link, int error)
{
    if (node->overlay == NULL) {
        return;
    }
    if (link->kind == NODE_LINK_PEER) {
        must(node, overlay_link_down(node->overlay, node->now_us, link->number, error));
    } else if (link->is_checked) {
        overlay_tracker_down(node->overlay, node->now_us);
    }
    node->peers.is_settle_due = true;
}

void node_peers_tracker(struct node *node, const struct link *link)
{
    bool is_resting = node->now_us < node->links.origin.tracker_us;
    if ((link->hello.features & P2P_FEATURE_TRACKER) != 0 && !is_resting && ensure(node)) {
        const struct p2p_message hello = {.type = P2P_HELLO, .hello = link->hello};
        must(node, overlay_tracker_up(node->overlay, node->now_us, link->number, &link->address));
        must(node, overlay_message(node->overlay, node->now_us, link->number, &hello));
        node->peers.is_settle_due = true;
    }
}

int node_peers_message(struct node *node, struct link *link, const struct p2p_message *message)
{
    if (node->overlay == NULL || !overlay_takes(message->type)) {
        return ERROR_MALFORMED; /* our HELLO shows no feature that takes it */
    }
    int rc = overlay_message(node->overlay, node->now_us, link->number, message);
    must(node, rc);
    node->peers.is_settle_due = true;
    node->is_plan_due = true; /* somebody may have more than before */
    return rc > 0 ? rc : 0;
}

void node_peers_misbehaved(struct node *node, const struct link *link, enum overlay_fault fault)
{
    if (node->overlay != NULL && link->kind == NODE_LINK_PEER) {
        must(node, overlay_misbehaved(node->overlay, node->now_us, link->number, fault));
        node->peers.is_settle_due = true;
    }
}

/* --- what the shell says -------------------------------------------------------------------------*/

static void take_listening(struct node *node, const struct node_event *event)
{
    struct peers *peers = &node->peers;
    assert(event->listening.address_count <= P2P_LISTEN_ADDRESSES_MAX);
    peers->is_listening = true;
    peers->port = event->listening.port;
    peers->flags = event->listening.flags;
    peers->address_count = event->listening.address_count;
    memcpy(peers->addresses, event->listening.addresses, sizeof peers->addresses);
    if (node->overlay != NULL) {
        tell_listening(node);
    }
}

static void take_contact(struct node *node, const struct node_event *event)
{
    if (ensure(node)) {
        must(node,
             overlay_contact(node->overlay, node->now_us, &event->contact.contact,
                             event->contact.is_lan, event->contact.penalty, event->contact.age_us));
    }
}

/* Links may be dead without a word: each has to answer soon. */
static void take_network(struct node *node)
{
    node_links_test(node);
    links_connector_renew(&node->links.origin, node->now_us);
    if (node->overlay != NULL) {
        overlay_network_changed(node->overlay, node->now_us);
    }
}

void node_peers_event(struct node *node, const struct node_event *event)
{
    if (!node->config.with_peers) {
        return;
    }
    node->peers.is_settle_due = true;
    switch ((int)event->kind) {
    case NODE_EVENT_LISTENING:
        take_listening(node, event);
        break;
    case NODE_EVENT_CONTACT:
        take_contact(node, event);
        break;
    case NODE_EVENT_NETWORK:
        take_network(node);
        break;
    default:
        node_give_event(node, event);
        break;
    }
}

void node_peers_own_changed(struct node *node, media_handle file)
{
    if (node->overlay != NULL) {
        must(node, overlay_own_changed(node->overlay, node->now_us, file));
        node->peers.is_settle_due = true;
    }
}

void node_peers_own_played(struct node *node, media_handle file)
{
    if (node->overlay != NULL) {
        must(node, overlay_own_played(node->overlay, node->now_us, file));
        node->peers.is_settle_due = true;
    }
}

void node_peers_received(struct node *node, struct link *link, media_handle file, uint32_t bytes)
{
    if (link->kind != NODE_LINK_PEER || node->overlay == NULL) {
        return;
    }
    link->received_bytes += bytes;
    node->peers.progress_us = node->now_us;
    overlay_received(node->overlay, node->now_us, link->number, file, bytes);
    node_give_received(node, link, bytes);
}

void node_peers_not_held(struct node *node, const struct link *link, media_handle file,
                         uint32_t chunk)
{
    if (node->overlay != NULL) {
        must(node, overlay_not_held(node->overlay, node->now_us, link->number, file, chunk));
        node->peers.is_settle_due = true;
    }
}

/* --- wishes --------------------------------------------------------------------------------------*/

struct wishes {
    struct overlay_wish list[OVERLAY_WISHES_MAX];
    uint32_t count;
};

/* Each file once, with the weight and urgency of the most important that uses it. */
static void wish(struct wishes *wishes, media_handle file, uint32_t weight, bool is_urgent)
{
    uint32_t at = 0;
    while (at < wishes->count && wishes->list[at].file != file) {
        at++;
    }
    if (at == OVERLAY_WISHES_MAX) {
        return;
    }
    if (at == wishes->count) {
        wishes->list[wishes->count++] = (struct overlay_wish){.file = file};
    }
    struct overlay_wish merged = wishes->list[at];
    merged.weight = merged.weight > weight ? merged.weight : weight;
    merged.is_urgent = merged.is_urgent || is_urgent;
    for (; at > 0 && wishes->list[at - 1].weight < merged.weight; at--) {
        wishes->list[at] = wishes->list[at - 1];
    }
    wishes->list[at] = merged;
}

static uint32_t weight_of(enum window_role role, uint32_t index)
{
    switch (role) {
    case WINDOW_CURRENT:
        return WEIGHT_CURRENT;
    case WINDOW_NEXT:
        return WEIGHT_NEXT;
    case WINDOW_FETCH:
        return WEIGHT_FETCH;
    case WINDOW_LENT:
        return WEIGHT_NEXT;
    case WINDOW_HEAD:
    case WINDOW_LOOKUP:
        break;
    }
    uint32_t off = index * WEIGHT_STEP;
    return off < WEIGHT_AHEAD ? WEIGHT_AHEAD - off : WEIGHT_STEP;
}

/* Are its holders looked for at this time? */
static bool is_sought(const struct node *node, const struct window_item *item, uint32_t index)
{
    if (item->role == WINDOW_CURRENT || item->role >= WINDOW_FETCH ||
        index <= node->preset->search_entries) {
        return true;
    }
    return item->role == WINDOW_NEXT && node->play.phase == PLAY_SOUNDING &&
           playhead_left_us(&node->play.head, node->now_us) <= node->preset->next_search_us;
}

static bool is_wish_urgent(const struct node *node, enum window_role role)
{
    const struct play *play = &node->play;
    if (role == WINDOW_CURRENT) {
        return play->phase < PLAY_SOUNDING || play->is_stalled || play->is_held;
    }
    return role >= WINDOW_FETCH && play->entry == 0;
}

static void make_wishes(const struct node *node, struct wishes *wishes)
{
    wishes->count = 0;
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        const struct track *track = node_track_of(node, item->entry);
        if (track == NULL || track->file == 0 || track->state == TRACK_FAILED ||
            cache_index_complete(node->index, track->file) || !is_sought(node, item, i)) {
            continue;
        }
        wish(wishes, track->file, weight_of(item->role, i), is_wish_urgent(node, item->role));
    }
}

/* How many hold what is wished for no more: for who leaves the cache first. */
static void keep_counts(struct node *node, const struct wishes *wishes)
{
    const struct peers *peers = &node->peers;
    for (uint32_t i = 0; i < peers->wish_count; i++) {
        bool stays = false;
        for (uint32_t j = 0; j < wishes->count && !stays; j++) {
            stays = wishes->list[j].file == peers->wishes[i].file;
        }
        struct overlay_sources sources;
        overlay_get_sources(node->overlay, peers->wishes[i].file, &sources);
        if (!stays && sources.holders > 0) {
            cache_index_set_holders(node->index, peers->wishes[i].file, sources.holders);
        }
    }
}

static bool is_same(const struct peers *peers, const struct wishes *wishes)
{
    if (peers->wish_count != wishes->count) {
        return false;
    }
    for (uint32_t i = 0; i < wishes->count; i++) {
        const struct overlay_wish *a = &peers->wishes[i];
        const struct overlay_wish *b = &wishes->list[i];
        if (a->file != b->file || a->weight != b->weight || a->is_urgent != b->is_urgent) {
            return false;
        }
    }
    return true;
}

/* When each of the new wishes began to be one. */
static void keep_since(struct node *node, const struct wishes *wishes)
{
    struct peers *peers = &node->peers;
    uint64_t since_us[OVERLAY_WISHES_MAX];
    for (uint32_t i = 0; i < wishes->count; i++) {
        since_us[i] = node->now_us;
        for (uint32_t j = 0; j < peers->wish_count; j++) {
            if (peers->wishes[j].file == wishes->list[i].file) {
                since_us[i] = peers->wished_us[j];
            }
        }
    }
    memcpy(peers->wished_us, since_us, wishes->count * sizeof since_us[0]);
}

static void settle_wishes(struct node *node)
{
    struct peers *peers = &node->peers;
    if (!peers->is_wish_due || node->config.offline) {
        return;
    }
    peers->is_wish_due = false;
    struct wishes wishes;
    make_wishes(node, &wishes);
    if (is_same(peers, &wishes) || !ensure(node)) {
        peers->is_wish_due = false;
        return;
    }
    peers->is_wish_due = false;
    keep_counts(node, &wishes);
    must(node, overlay_set_wishes(node->overlay, node->now_us, wishes.list, wishes.count));
    keep_since(node, &wishes);
    memcpy(peers->wishes, wishes.list, wishes.count * sizeof wishes.list[0]);
    peers->wish_count = wishes.count;
    peers->is_settle_due = true;
}

/* --- what the overlay wants ----------------------------------------------------------------------*/

static void carry_out_connect(struct node *node, const struct overlay_action *action)
{
    const uint8_t *peer_id = action->connect.contact.peer_id;
    struct link *link = node->links.count + LINKS_SPARE > NODE_LINKS_MAX
                            ? NULL
                            : links_add(&node->links, NODE_LINK_PEER);
    overlay_dialling(node->overlay, node->now_us, peer_id, link == NULL ? 0 : link->number);
    if (link == NULL) {
        return;
    }
    memcpy(link->peer_id, peer_id, HASH_BYTES);
    link->address = action->connect.contact.addresses[0];
    struct node_effect *effect = node_effect(node, NODE_EFFECT_CONNECT);
    effect->connect.link = link->number;
    effect->connect.link_kind = NODE_LINK_PEER;
    effect->connect.contact = action->connect.contact;
    effect->connect.is_arranged = action->connect.is_arranged;
    NODE_TRACE(node, "connect link %u to a peer%s", link->number,
               action->connect.is_arranged ? ", arranged" : "");
}

static void carry_out(struct node *node, const struct overlay_action *action)
{
    struct link *link;
    struct node_effect *effect;
    switch (action->kind) {
    case OVERLAY_CONNECT:
        carry_out_connect(node, action);
        break;
    case OVERLAY_SEND:
        link = links_find(&node->links, action->send.link);
        if (link != NULL && link->state == LINK_UP) {
            effect = node_effect(node, NODE_EFFECT_SEND);
            effect->send.link = link->number;
            effect->send.message = action->send.message;
            node_links_sent(node, &effect->send.message);
        }
        break;
    case OVERLAY_DROP:
        link = links_find(&node->links, action->drop.link);
        if (link != NULL) {
            node_links_let_go(node, link, action->drop.reason);
        }
        break;
    case OVERLAY_REMEMBER:
        effect = node_effect(node, NODE_EFFECT_REMEMBER);
        effect->remember.contact = action->remember.contact;
        effect->remember.penalty = action->remember.penalty;
        break;
    }
}

void node_peers_settle(struct node *node)
{
    if (!node->config.with_peers) {
        return;
    }
    settle_wishes(node);
    struct peers *peers = &node->peers;
    if (node->overlay == NULL || node->failed != 0 ||
        (!peers->is_settle_due && overlay_next_deadline_us(node->overlay) > node->now_us)) {
        return;
    }
    struct overlay_actions actions = {0};
    int rc = overlay_settle(node->overlay, node->now_us, &actions);
    if (rc != 0) {
        node_fail(node);
        return;
    }
    for (uint32_t i = 0; i < actions.count; i++) {
        carry_out(node, &actions.actions[i]);
    }
    /* Its messages' lists are borrowed until the next settle, so there is one a step. */
    peers->is_settle_due = actions.count == OVERLAY_ACTIONS_MAX;
}

uint64_t node_peers_deadline_us(const struct node *node)
{
    if (node->overlay == NULL) {
        return TIME_NEVER_US;
    }
    return node->peers.is_settle_due ? node->now_us : overlay_next_deadline_us(node->overlay);
}

/* --- questions -----------------------------------------------------------------------------------*/

bool node_peers_is_new_wish(const struct node *node, media_handle file)
{
    const struct peers *peers = &node->peers;
    for (uint32_t i = 0; i < peers->wish_count && node_peers_may_help(node); i++) {
        if (peers->wishes[i].file == file) {
            return node->now_us < time_add_us(peers->wished_us[i], NEW_WISH_US);
        }
    }
    return false;
}

bool node_peers_have(const struct node *node, media_handle file)
{
    struct overlay_sources sources = {0};
    if (node->overlay != NULL) {
        overlay_get_sources(node->overlay, file, &sources);
    }
    return sources.up > 0;
}

bool node_peers_may_help(const struct node *node)
{
    struct overlay_status status = {0};
    if (node->overlay != NULL) {
        overlay_get_status(node->overlay, &status);
    }
    return status.neighbours > 0 || status.attempts > 0;
}

struct link *node_peers_asked(const struct node *node, uint32_t tries, uint32_t *ret_count)
{
    uint32_t numbers[ASKED_MAX];
    struct link *able[ASKED_MAX];
    uint32_t count = 0;
    if (node->overlay == NULL) {
        return NULL;
    }
    uint32_t best = overlay_get_best(node->overlay, node->now_us, numbers, ASKED_MAX);
    for (uint32_t i = 0; i < best; i++) {
        struct link *link = links_find(&node->links, numbers[i]);
        if (link != NULL && link->state == LINK_UP && link->has_hello &&
            (link->hello.features & P2P_FEATURE_GIVES) != 0 && links_requests_left(link) > 0 &&
            link->busy_until_us <= node->now_us) {
            able[count++] = link;
        }
    }
    if (count == 0) {
        return NULL;
    }
    *ret_count = count;
    return able[tries % count];
}

static void show_peer(const struct node *node, const struct link *link, uint64_t now_us,
                      struct node_peer *ret_peer)
{
    struct overlay_neighbour known;
    struct node_peer peer = {.link = link->number,
                             .address = link->address,
                             .is_incoming = link->is_incoming,
                             .is_giving = link->requests.count > 0,
                             .is_asking = node_give_is_asked(link),
                             .received_bytes = link->received_bytes,
                             .sent_bytes = link->sent_bytes,
                             .rate_bytes_per_s = link->rate.bytes_per_s,
                             .rtt_us = link->rate.rtt_us};
    (void)now_us;
    memcpy(peer.peer_id, link->peer_id, HASH_BYTES);
    if (node->overlay != NULL && overlay_get_neighbour(node->overlay, link->number, &known)) {
        peer.is_lan = known.is_lan;
        peer.files = known.files;
    }
    *ret_peer = peer;
}

uint32_t node_get_peers(const struct node *node, uint64_t now_us, struct node_peer *ret_peers,
                        uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        if (link->kind != NODE_LINK_PEER || link->state != LINK_UP) {
            continue;
        }
        if (count < capacity) {
            show_peer(node, link, now_us, &ret_peers[count]);
        }
        count++;
    }
    return count;
}

void node_peers_status(const struct node *node, struct node_status *status)
{
    struct overlay_status overlay = {0};
    if (node->overlay != NULL) {
        overlay_get_status(node->overlay, &overlay);
    }
    status->neighbours = overlay.neighbours;
    status->attempts = overlay.attempts;
    status->contacts = overlay.contacts;
    status->observed = overlay.observed;
    status->is_translated = overlay.is_translated;
    node_give_status(node, status);
}
