/*
 * node_give.c: what peers take from us.
 *
 * Responsible for wiring server (their requests, p2p/core/server.h) and give (whose turn, how fast,
 * p2p/core/give.h) into the node: effects for what the server wants looked up, read and sent,
 * answers back to it, round trips and the listener's own buffer for give. Only what is STORED is
 * given. Both are made when the first link to a peer is up, and only when there are give slots.
 *
 * Happy path: REQUEST -> FIND_PROOF, READ -> PROOF and FRAGMENTs as give allows. Failure modes: not
 * held, busy, or not allowed: REJECT; numbers that do not ascend, or who asks and does not read: the
 * link is dropped as one that broke the protocol.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Effects of one step before the server has to wait for the next. */
#define EFFECTS_MAX 192u
#define REQUEST_MAX 64u
#define LINK_QUEUE_BYTES (64u * 1024u)

struct giver {
    struct server *server;
    struct give give;
    uint64_t given_bytes; /* payload */
    uint64_t buffer_us;   /* what give was told last */
    bool is_again;        /* the server has more to do at once */
};

/* --- the server's wishes -------------------------------------------------------------------------*/

static struct link *link_of(struct node *node, const struct server_link *server)
{
    struct link *link = links_find(&node->links, server->number);
    assert(link != NULL && &link->server == server);
    return link;
}

static void find_track(void *context, uint32_t operation, const uint8_t *track_id)
{
    struct node_effect *effect = node_effect(context, NODE_EFFECT_FIND_TRACK);
    effect->find_track.operation = operation;
    memcpy(effect->find_track.track_id, track_id, TRACK_ID_BYTES);
}

static void find_proof(void *context, uint32_t operation, media_handle file, uint32_t row)
{
    struct node_effect *effect = node_effect(context, NODE_EFFECT_FIND_PROOF);
    effect->find_proof.operation = operation;
    effect->find_proof.file = file;
    effect->find_proof.row = row;
}

static void read_chunk(void *context, uint32_t slot, media_handle file, uint32_t chunk)
{
    struct node_effect *effect = node_effect(context, NODE_EFFECT_READ);
    effect->read.slot = slot;
    effect->read.file = file;
    effect->read.chunk = chunk;
}

static void send_message(void *context, struct server_link *server,
                         const struct p2p_message *message, uint32_t frame_bytes, uint32_t slot)
{
    struct node *node = context;
    struct link *link = link_of(node, server);
    struct node_effect *effect = node_effect(node, NODE_EFFECT_SEND);
    effect->send.link = link->number;
    effect->send.message = *message;
    effect->send.slot = slot;
    node_links_sent(node, message);
    give_sent(&node->giver->give, &link->give, frame_bytes, node->now_us);
    if (message->type == P2P_FRAGMENT) {
        link->sent_bytes += message->fragment.bytes;
        node->giver->given_bytes += message->fragment.bytes;
        overlay_sent(node->overlay, node->now_us, link->number, message->fragment.bytes);
    }
}

static void doom(void *context, struct server_link *server)
{
    link_of(context, server)->is_doomed = true;
}

static bool has_room(void *context)
{
    const struct node *node = context;
    return node->effects.count < EFFECTS_MAX;
}

static bool may_send(void *context)
{
    struct node *node = context;
    return give_may_send(&node->giver->give, node->now_us);
}

/* Where only whole files are told of, only they are given. */
static enum server_holding holding(void *context, media_handle file, uint32_t chunk)
{
    const struct node *node = context;
    bool is_told = node->preset->overlay()->partial || cache_index_complete(node->index, file);
    if (!is_told || cache_index_chunk_count(node->index, file) == 0) {
        return SERVER_HOLDS_NOTHING;
    }
    bool is_here = chunk < media_chunk_count(media_intern_id(node->config.intern, file)->bytes) &&
                   cache_index_has_chunk(node->index, file, chunk);
    return is_here ? SERVER_HOLDS_CHUNK : SERVER_LACKS_CHUNK;
}

static const struct server_owner owner = {.find_track = find_track,
                                          .find_proof = find_proof,
                                          .read = read_chunk,
                                          .send = send_message,
                                          .doom = doom,
                                          .has_room = has_room,
                                          .may_send = may_send,
                                          .holding = holding};

/* --- beginning and end ---------------------------------------------------------------------------*/

static void open_link(struct node *node, struct link *link)
{
    struct overlay_neighbour known;
    enum give_kind kind = GIVE_PEER;
    if (link->kind == NODE_LINK_ORIGIN) {
        kind = GIVE_ORIGIN;
    } else if (overlay_get_neighbour(node->overlay, link->number, &known) && known.is_lan) {
        kind = GIVE_LOCAL;
    }
    if (link->is_given_to || link->state != LINK_UP) {
        return;
    }
    link->is_given_to = true;
    if (link->kind == NODE_LINK_PEER) {
        server_link_open(node->giver->server, &link->server, link->number);
        server_link_greet(node->giver->server, &link->server);
    }
    give_link_open(&node->giver->give, &link->give, link->number, kind, node->now_us);
    if (give_link_is_free(&node->giver->give, &link->give)) {
        server_link_set_free(node->giver->server, &link->server);
    }
}

/* Makes server and give. False: no memory. */
static bool begin(struct node *node)
{
    struct giver *giver = calloc(1, sizeof *giver);
    struct server_config config = {.intern = node->config.intern,
                                   .slot_count = node->config.give_slot_count,
                                   .request_max = REQUEST_MAX,
                                   .link_queue_bytes = LINK_QUEUE_BYTES,
                                   .fragment_bytes_max = CHUNK_BYTES,
                                   .owner = &owner,
                                   .context = node,
                                   .trace = node->config.trace,
                                   .trace_node = node->config.trace_node,
                                   .trace_word = "give "};
    if (giver == NULL || server_new(&config, &giver->server) != 0) {
        free(giver);
        return false;
    }
    giver->buffer_us = TIME_NEVER_US;
    give_init(&giver->give, node->preset->give, node->now_us);
    node->giver = giver;
    if (node->peers.is_giving_told) {
        give_set(&giver->give, node->peers.is_giving_allowed, node->peers.give_bytes_per_s,
                 node->now_us);
    }
    server_begin(giver->server, node->now_us);
    struct link *origin = links_origin(&node->links);
    if (origin != NULL) {
        open_link(node, origin);
    }
    return true;
}

void node_give_linked(struct node *node, struct link *link)
{
    if (node->giver == NULL &&
        (link->kind != NODE_LINK_PEER || node->config.give_slot_count == 0)) {
        return;
    }
    if (node->giver == NULL && !begin(node)) {
        node_fail(node);
        return;
    }
    open_link(node, link);
}

void node_give_unlinked(struct node *node, struct link *link)
{
    if (!link->is_given_to) {
        return;
    }
    link->is_given_to = false;
    link->is_doomed = false;
    if (link->kind == NODE_LINK_PEER) {
        server_link_close(node->giver->server, &link->server);
    }
    give_link_close(&node->giver->give, &link->give);
}

void node_give_free(struct node *node)
{
    if (node->giver == NULL) {
        return;
    }
    for (uint32_t i = 0; i < node->links.count; i++) {
        node_give_unlinked(node, node->links.list[i]);
    }
    server_free(node->giver->server);
    give_deinit(&node->giver->give);
    free(node->giver);
    node->giver = NULL;
}

/* --- events --------------------------------------------------------------------------------------*/

void node_give_begin_step(struct node *node)
{
    if (node->giver != NULL) {
        server_begin(node->giver->server, node->now_us);
    }
}

/* Nothing is given: an answer all the same. */
static void refuse_unserved(struct node *node, struct link *link, const struct p2p_message *message)
{
    if (message->type == P2P_CANCEL) {
        return;
    }
    struct p2p_message *reject = node_links_send(node, link, P2P_REJECT);
    reject->reject.request =
        message->type == P2P_OPEN ? message->open.request : message->request.request;
    reject->reject.reason = P2P_REJECT_BUSY;
    node_links_sent(node, reject);
}

int node_give_message(struct node *node, struct link *link, const struct p2p_message *message)
{
    if (link->kind != NODE_LINK_PEER) {
        return ERROR_MALFORMED;
    }
    if (!link->is_given_to) {
        refuse_unserved(node, link, message);
        return 0;
    }
    struct giver *giver = node->giver;
    link->asked_us = node->now_us;
    if (message->type != P2P_CANCEL && !give_asks(&giver->give, &link->give, node->now_us)) {
        server_refuse(giver->server, &link->server, message);
        return 0;
    }
    if (server_message(giver->server, &link->server, message) != 0) {
        node_fail(node);
    }
    return 0;
}

void node_give_received(struct node *node, struct link *link, uint32_t bytes)
{
    if (link->is_given_to) {
        give_received(&node->giver->give, &link->give, bytes, node->now_us);
    }
}

void node_give_rtt(struct node *node, struct link *link, uint64_t rtt_us)
{
    if (link->is_given_to) {
        give_rtt(&node->giver->give, &link->give, rtt_us, node->now_us);
    }
}

static void take_giving(struct node *node, const struct node_event *event)
{
    node->peers.is_giving_told = true;
    node->peers.is_giving_allowed = event->giving.is_allowed;
    node->peers.give_bytes_per_s = event->giving.bytes_per_s;
    if (node->giver != NULL) {
        give_set(&node->giver->give, event->giving.is_allowed, event->giving.bytes_per_s,
                 node->now_us);
    }
}

void node_give_event(struct node *node, const struct node_event *event)
{
    struct link *link;
    if (event->kind == NODE_EVENT_GIVING) {
        take_giving(node, event);
        return;
    }
    if (node->giver == NULL) {
        return;
    }
    switch ((int)event->kind) {
    case NODE_EVENT_ROOM:
        link = links_find(&node->links, event->room.link);
        if (link != NULL && link->is_given_to && link->kind == NODE_LINK_PEER) {
            server_link_room(node->giver->server, &link->server, event->room.queued_bytes);
        }
        break;
    case NODE_EVENT_TRACK_FOUND:
        server_track_found(node->giver->server, event->track_found.operation,
                           event->track_found.manifest, event->track_found.manifest_bytes);
        break;
    case NODE_EVENT_PROOF_FOUND:
        server_proof_found(node->giver->server, event->proof_found.operation,
                           event->proof_found.proof);
        break;
    case NODE_EVENT_GIVE_READ:
        assert(event->give_read.slot < node->config.give_slot_count);
        server_read_done(node->giver->server, event->give_read.slot, event->give_read.error);
        break;
    default:
        break;
    }
}

/* --- what follows --------------------------------------------------------------------------------*/

/* What the listener's own buffer says: only sound that is there can come to a standstill. */
static void tell_buffer(struct node *node)
{
    if (!node->peers.is_buffer_due) {
        return;
    }
    node->peers.is_buffer_due = false;
    uint64_t buffer_us = node_buffer_us(node);
    if (buffer_us != node->giver->buffer_us) {
        node->giver->buffer_us = buffer_us;
        give_buffer(&node->giver->give, buffer_us);
    }
}

static void carry_out(struct node *node, const struct give_action *action)
{
    struct link *link = links_find(&node->links, action->link->number);
    if (link == NULL || !link->is_given_to) {
        return;
    }
    struct server *server = node->giver->server;
    switch (action->kind) {
    case GIVE_SERVE:
        server_link_serve(server, &link->server, true);
        break;
    case GIVE_HOLD:
        server_link_serve(server, &link->server, false);
        break;
    case GIVE_BUSY:
        server_link_reject(server, &link->server, P2P_REJECT_BUSY);
        break;
    case GIVE_PING:
        node_links_ping(node, link);
        break;
    }
}

/* Who asked and has been answered leaves its slot; who is doomed leaves altogether. */
static void look_at_links(struct node *node)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        if (!link->is_given_to || link->kind != NODE_LINK_PEER) {
            continue;
        }
        if (link->is_doomed) {
            node_links_misbehaved(node, link, ERROR_MALFORMED);
        } else if (link->give.stage != GIVE_IDLE && server_link_requests(&link->server) == 0) {
            give_answered(&node->giver->give, &link->give, node->now_us);
        }
    }
}

void node_give_settle(struct node *node)
{
    struct giver *giver = node->giver;
    if (giver == NULL || node->failed != 0) {
        return;
    }
    tell_buffer(node);
    look_at_links(node);
    struct give_action actions[GIVE_ACTIONS_MAX];
    uint32_t count = give_settle(&giver->give, node->now_us, actions);
    for (uint32_t i = 0; i < count; i++) {
        carry_out(node, &actions[i]);
    }
    server_set_fragment_bytes(giver->server, give_fragment_bytes(&giver->give));
    giver->is_again = server_pump(giver->server) || count == GIVE_ACTIONS_MAX;
    look_at_links(node);
}

uint64_t node_give_deadline_us(const struct node *node)
{
    if (node->giver == NULL) {
        return TIME_NEVER_US;
    }
    return node->giver->is_again ? node->now_us
                                 : give_next_deadline_us(&node->giver->give, node->now_us);
}

bool node_give_is_asked(const struct link *link)
{
    return link->is_given_to && link->kind == NODE_LINK_PEER &&
           server_link_requests(&link->server) > 0;
}

void node_give_status(const struct node *node, struct node_status *status)
{
    if (node->giver == NULL) {
        return;
    }
    struct give_status give;
    give_get_status(&node->giver->give, &give);
    status->give_slots = give.slots;
    status->served = give.served;
    status->give_limit_bytes_per_s = give.limit_bytes_per_s;
    status->given_bytes = node->giver->given_bytes;
}

size_t node_give_heap_bytes(const struct node *node)
{
    return node->giver == NULL ? 0 : sizeof *node->giver + server_heap_bytes(node->giver->server);
}

void node_give_check_invariants(const struct node *node)
{
    if (node->giver == NULL) {
        return;
    }
    server_check_invariants(node->giver->server);
    give_check_invariants(&node->giver->give);
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        if (link->is_given_to && link->kind == NODE_LINK_PEER) {
            server_link_check_invariants(node->giver->server, &link->server);
        }
    }
}
