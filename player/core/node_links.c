/*
 * node_links.c: what goes over links, and when to connect.
 *
 * Responsible for the first flight, for dispatching messages, for whoever breaks the protocol, for
 * silence, and for reconnecting to the origin. What is asked for is node_plan.c's, what chunks do
 * is node_chunks.c's.
 *
 * Happy path: CONNECT -> LINK_UP -> HELLO, OPEN and REQUESTs in one flight -> their HELLO ->
 * CHECK_IDENTITY -> NOTE_LINK. Failure modes: the attempt fails or the link is lost (backoff, what
 * was asked for is missing again); it is not who it was (BYE_IDENTITY, no more attempts); it breaks
 * the protocol (BYE_PROTOCOL) or gives wrong bytes (BYE_BAD_DATA), backoff; it is silent (PING,
 * then BYE_IDLE).
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

/* That peers may have outstanding at us. */
#define PEER_REQUESTS_MAX 32u
/* Links that are kept for the origin and for those that we dial. */
#define LINKS_SPARE 4u

struct p2p_message *node_links_send(struct node *node, struct link *link, enum p2p_type type)
{
    struct node_effect *effect = node_effect(node, NODE_EFFECT_SEND);
    effect->send.link = link->number;
    effect->send.message.type = type;
    return &effect->send.message;
}

void node_links_sent(struct node *node, const struct p2p_message *message)
{
    node->accounting.summary.sent_bytes += p2p_message_frame_bytes(message);
}

static void send_hello(struct node *node, struct link *link, uint16_t listen_port)
{
    struct p2p_message *message = node_links_send(node, link, P2P_HELLO);
    struct p2p_hello *hello = &message->hello;
    hello->version = P2P_VERSION;
    hello->listen_port = listen_port;
    hello->form = P2P_IDENTITY_NONE;
    memcpy(hello->nonce, link->nonce, P2P_NONCE_BYTES);
    if (node->config.with_peers) {
        memcpy(hello->peer_id, node->config.peer_id, HASH_BYTES);
        hello->features = P2P_FEATURE_OVERLAY;
    }
    if (node->config.with_peers && node->config.give_slot_count > 0) {
        hello->features |= P2P_FEATURE_GIVES;
        hello->request_max = link->kind == NODE_LINK_PEER ? PEER_REQUESTS_MAX : 0;
    }
    if (link->kind == NODE_LINK_PEER) {
        hello->observed_family = link->address.family;
        hello->observed_port = link->address.port;
        memcpy(hello->observed_address, link->address.address, sizeof hello->observed_address);
    }
    node_links_sent(node, message);
}

/* A peer's that began it. NULL: there is no place for it. */
static struct link *accept_link(struct node *node, const struct node_event *event)
{
    uint32_t number = event->link_up.link;
    bool may = node->config.with_peers && event->link_up.link_kind == NODE_LINK_PEER &&
               node->links.count + LINKS_SPARE < NODE_LINKS_MAX;
    struct link *link = may ? links_accept(&node->links, number) : NULL;
    if (link == NULL) {
        struct node_effect *effect = node_effect(node, NODE_EFFECT_DISCONNECT);
        effect->disconnect.link = number;
        effect->disconnect.reason = P2P_BYE_FULL;
    }
    return link;
}

static void origin_up(struct node *node)
{
    for (struct file *file = node->files.first; file != NULL; file = file->next) {
        file->refused = 0; /* another life of the origin */
    }
}

void node_links_up(struct node *node, const struct node_event *event)
{
    struct link *link = links_find(&node->links, event->link_up.link);
    if (link == NULL && event->link_up.link >= NODE_LINK_INCOMING) {
        link = accept_link(node, event);
    } else if (link != NULL && link->state != LINK_CONNECTING) {
        link = NULL;
    }
    if (link == NULL) {
        return;
    }
    NODE_TRACE(node, "link %u up", link->number);
    links_asked(link, node->now_us);
    link->state = LINK_UP;
    memcpy(link->nonce, event->link_up.nonce, P2P_NONCE_BYTES);
    link->address = event->link_up.address;
    if (link->kind == NODE_LINK_PEER) {
        memcpy(link->peer_id, event->link_up.peer_id, HASH_BYTES);
    } else {
        origin_up(node);
    }
    send_hello(node, link, event->link_up.listen_port);
    node_peers_linked(node, link);
    if (link->kind == NODE_LINK_ORIGIN) {
        node_give_linked(node, link);
    }
    node->is_plan_due = true; /* the first requests go in the same flight */
}

static void note_link(struct node *node, uint32_t number, int error)
{
    struct node_note *note = node_note(node, NODE_NOTE_LINK, 0);
    note->link = number;
    note->error = error;
}

void node_links_down(struct node *node, uint32_t number, int error)
{
    struct link *link = links_find(&node->links, number);
    if (link == NULL) {
        return;
    }
    struct connector *origin = &node->links.origin;
    bool was_up = link->is_checked;
    bool is_origin = link->kind == NODE_LINK_ORIGIN;
    NODE_TRACE(node, "link %u down: %s", number, error_name(error));
    link->state = LINK_CLOSING;
    node->is_start_due = true;
    node_plan_forget(node, link);
    node_peers_unlinked(node, link, error);
    node_give_unlinked(node, link);
    links_remove(&node->links, number);
    node->is_plan_due = true;
    if (!is_origin) {
        return;
    }
    int why = error != 0 ? error : ERROR_CLOSED;
    if (origin->is_refused) {
        why = ERROR_DENIED;
    }
    if (why == ERROR_MALFORMED) {
        links_connector_broke(origin, node->preset, node->now_us);
    }
    links_connector_failed(origin, node->preset, &node->prng, node->now_us, why);
    if (was_up || !origin->is_told || why == ERROR_DENIED) {
        origin->is_told = true;
        note_link(node, number, why);
    }
}

void node_links_drop(struct node *node, struct link *link, uint8_t reason)
{
    assert(link->state == LINK_UP);
    NODE_TRACE(node, "link %u dropped: %s", link->number, p2p_bye_text(reason));
    link->state = LINK_CLOSING;
    node->is_start_due = true;
    node_plan_forget(node, link);
    node_give_unlinked(node, link);
    struct node_effect *effect = node_effect(node, NODE_EFFECT_DISCONNECT);
    effect->disconnect.link = link->number;
    effect->disconnect.reason = reason;
}

void node_links_let_go(struct node *node, struct link *link, uint8_t reason)
{
    if (link->state == LINK_UP) {
        node_links_drop(node, link, reason);
    } else if (link->state == LINK_CONNECTING) {
        link->state = LINK_CLOSING;
        struct node_effect *effect = node_effect(node, NODE_EFFECT_DISCONNECT);
        effect->disconnect.link = link->number;
        effect->disconnect.reason = reason;
    }
}

void node_links_misbehaved(struct node *node, struct link *link, int error)
{
    struct node_note *note = node_note(node, NODE_NOTE_PEER_MISBEHAVED, 0);
    note->link = link->number;
    note->error = error;
    if (link->kind == NODE_LINK_ORIGIN) {
        links_connector_broke(&node->links.origin, node->preset, node->now_us);
    }
    node_peers_misbehaved(node, link, OVERLAY_FAULT_PROTOCOL);
    node_links_drop(node, link, P2P_BYE_PROTOCOL);
}

void node_links_brought_wrong(struct node *node, struct link *link)
{
    node_peers_misbehaved(node, link, OVERLAY_FAULT_BAD_CHUNK);
    node_links_drop(node, link, P2P_BYE_BAD_DATA);
}

static void refuse(struct node *node, struct link *link)
{
    node->links.origin.is_refused = true;
    node->links.origin.error = ERROR_DENIED;
    node_links_drop(node, link, P2P_BYE_IDENTITY);
}

/* Their first message. 0, or the protocol is broken. */
static int take_hello(struct node *node, struct link *link, const struct p2p_message *message)
{
    const struct p2p_hello *hello = &message->hello;
    bool is_peer = link->kind == NODE_LINK_PEER;
    if (link->has_hello || hello->version == 0 || (hello->request_max == 0 && !is_peer) ||
        (is_peer && memcmp(hello->peer_id, link->peer_id, HASH_BYTES) != 0)) {
        return ERROR_MALFORMED;
    }
    link->has_hello = true;
    link->hello = *hello;
    link->request_max = hello->request_max;
    node->is_plan_due = true;
    if (is_peer) {
        link->is_checked = true;
        return node_peers_message(node, link, message);
    }
    if (hello->form == P2P_IDENTITY_NONE) {
        refuse(node, link);
        return 0;
    }
    struct node_effect *effect = node_effect(node, NODE_EFFECT_CHECK_IDENTITY);
    effect->check_identity.link = link->number;
    effect->check_identity.hello = &link->hello;
    effect->check_identity.nonce = link->nonce;
    return 0;
}

void node_links_identity(struct node *node, uint32_t number, bool is_valid)
{
    struct link *link = links_find(&node->links, number);
    if (link == NULL || link->state != LINK_UP || !link->has_hello || link->is_checked) {
        return;
    }
    if (!is_valid) {
        NODE_TRACE(node, "link %u is not who it was", number);
        refuse(node, link);
        return;
    }
    link->is_checked = true;
    if (link->kind == NODE_LINK_ORIGIN) {
        links_connector_succeeded(&node->links.origin);
        note_link(node, number, 0);
        node_peers_tracker(node, link);
    }
}

/* The first answer to a question that nothing stood before times the round trip. */
static void time_answer(struct node *node, struct link *link, uint32_t number)
{
    struct request *request = requests_find(&link->requests, number);
    if (request == NULL || request->is_answered) {
        return;
    }
    request->is_answered = true;
    if (request->is_alone) {
        rate_round_trip(&link->rate, time_until_us(request->sent_us, node->now_us));
    }
}

static int take_opened(struct node *node, struct link *link, const struct p2p_message *message)
{
    struct request *request = requests_find(&link->requests, message->opened.request);
    if (request == NULL) {
        return requests_was_used(&link->requests, message->opened.request) ? 0 : ERROR_MALFORMED;
    }
    if (request->kind != REQUEST_OPEN) {
        return ERROR_MALFORMED;
    }
    return node_tracks_opened(node, link, request, message->opened.manifest,
                              message->opened.manifest_bytes);
}

/* It concerns this peer alone: others, or the origin, are asked. */
static void peer_rejects(struct node *node, struct link *link, const struct request *request,
                         uint8_t reason)
{
    const struct node_preset *preset = node->preset;
    NODE_TRACE(node, "link %u rejects: %s", link->number, p2p_reject_text(reason));
    uint32_t chunk = node_plan_first_left(node, link, request);
    node_plan_take_back(node, link, request->number);
    if (request->file != 0 && reason != P2P_REJECT_BUSY) {
        node_peers_not_held(node, link, request->file, chunk);
    }
    uint64_t pause_us = reason == P2P_REJECT_BUSY ? preset->peer_busy_us : preset->busy_us;
    if (request->kind != REQUEST_OPEN) {
        link->busy_until_us = time_add_us(node->now_us, pause_us);
    }
    node->is_plan_due = true;
}

static int take_reject(struct node *node, struct link *link, const struct p2p_message *message)
{
    const struct request *found = requests_find(&link->requests, message->reject.request);
    if (found == NULL) {
        return requests_was_used(&link->requests, message->reject.request) ? 0 : ERROR_MALFORMED;
    }
    struct request request = *found;
    uint8_t reason = message->reject.reason;
    if (link->kind == NODE_LINK_PEER) {
        peer_rejects(node, link, &request, reason);
        return 0;
    }
    if (reason == P2P_REJECT_BUSY) {
        link->busy_until_us = time_add_us(node->now_us, node->preset->busy_us);
    }
    if (request.kind == REQUEST_OPEN) {
        node_tracks_rejected(node, request.track_id, reason);
    }
    node_plan_take_back(node, link, request.number);
    struct file *file = request.file == 0 ? NULL : files_find(&node->files, request.file);
    if (file != NULL && reason != P2P_REJECT_BUSY) {
        NODE_TRACE(node, "rejected: %s", p2p_reject_text(reason));
        file->refused = reason == P2P_REJECT_DAMAGED ? ERROR_MISMATCH : ERROR_NOT_FOUND;
        if (!node_peers_have(node, file->handle)) {
            node_tracks_refused(node, file);
        }
    }
    node->is_plan_due = true;
    return 0;
}

static int take_ping(struct node *node, struct link *link, uint64_t token)
{
    struct p2p_message *message = node_links_send(node, link, P2P_PONG);
    message->pong.token = token;
    node_links_sent(node, message);
    return 0;
}

static void take_pong(struct node *node, struct link *link, uint64_t token)
{
    if (link->ping_us != 0 && token == link->ping_token) {
        uint64_t rtt_us = time_until_us(link->ping_us, node->now_us);
        rate_round_trip(&link->rate, rtt_us);
        link->ping_us = 0;
        link->is_under_test = false;
        node_give_rtt(node, link, rtt_us);
        if (node->overlay != NULL && link->kind == NODE_LINK_PEER) {
            overlay_rtt(node->overlay, link->number, rtt_us);
        }
    }
}

/* They close; so do we, in case they only say so. */
static void take_bye(struct node *node, struct link *link, uint8_t reason)
{
    NODE_TRACE(node, "link %u says bye: %s", link->number, p2p_bye_text(reason));
    node_links_drop(node, link, P2P_BYE_DONE);
}

static void count_payload(struct node *node, const struct link *link, uint32_t bytes)
{
    bool is_origin = link->kind == NODE_LINK_ORIGIN;
    node->accounting.summary.payload_bytes[is_origin ? NODE_SOURCE_ORIGIN : NODE_SOURCE_PEERS] +=
        bytes;
}

/* 0, or an error: the link has broken the protocol. */
static int take(struct node *node, struct link *link, const struct p2p_message *message)
{
    if (message->type == P2P_BYE) {
        take_bye(node, link, message->bye.reason);
        return 0;
    }
    if (!link->has_hello && message->type != P2P_HELLO) {
        return ERROR_MALFORMED;
    }
    switch (message->type) {
    case P2P_HELLO:
        return take_hello(node, link, message);
    case P2P_OPENED:
        time_answer(node, link, message->opened.request);
        return take_opened(node, link, message);
    case P2P_FRAGMENT:
        time_answer(node, link, message->fragment.request);
        rate_received(&link->rate, node->now_us, message->fragment.bytes);
        count_payload(node, link, message->fragment.bytes);
        link->progress_us = node->now_us;
        link->doubts = 0;
        start_rule_received(&node->start_rule, node->now_us, message->fragment.bytes);
        return node_chunks_fragment(node, link, message);
    case P2P_PROOF:
        time_answer(node, link, message->proof.request);
        return node_chunks_proof(node, link, message);
    case P2P_REJECT:
        time_answer(node, link, message->reject.request);
        return take_reject(node, link, message);
    case P2P_PING:
        return take_ping(node, link, message->ping.token);
    case P2P_PONG:
        take_pong(node, link, message->pong.token);
        return 0;
    case P2P_OPEN:
    case P2P_REQUEST:
    case P2P_CANCEL:
        return node_give_message(node, link, message);
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        return node_peers_message(node, link, message);
    case P2P_BYE:
    default:
        return ERROR_MALFORMED;
    }
}

void node_links_message(struct node *node, uint32_t number, const struct p2p_message *message)
{
    node->accounting.summary.received_bytes += p2p_message_frame_bytes(message);
    struct link *link = links_find(&node->links, number);
    if (link == NULL || link->state != LINK_UP) {
        return;
    }
    link->quiet_since_us = node->now_us;
    int rc = take(node, link, message);
    if (rc == ERROR_MISMATCH) {
        struct node_note *note = node_note(node, NODE_NOTE_BAD_CHUNK, 0);
        note->link = number;
        note->error = rc;
        node_links_brought_wrong(node, link);
    } else if (rc != 0) {
        node_links_misbehaved(node, link, rc);
    }
}

/* Who is listening, or takes part in the overlay, keeps an idle link, so that it is not closed. */
static uint64_t keep_us(const struct node *node, const struct link *link)
{
    bool is_kept = node->play.entry != 0 || node->config.with_peers;
    if (!is_kept || link->state != LINK_UP || links_is_waiting(link)) {
        return TIME_NEVER_US;
    }
    return time_add_us(link->quiet_since_us, node->preset->link_keep_us);
}

void node_links_ping(struct node *node, struct link *link)
{
    if (link->state != LINK_UP || link->ping_us != 0) {
        return; /* the answer that is awaited will do */
    }
    links_asked(link, node->now_us);
    link->ping_token = prng_u64(&node->prng);
    link->ping_us = node->now_us;
    struct p2p_message *message = node_links_send(node, link, P2P_PING);
    message->ping.token = link->ping_token;
    node_links_sent(node, message);
    NODE_TRACE(node, "ping link %u", link->number);
}

void node_links_test(struct node *node)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        if (link->state == LINK_UP) {
            link->is_under_test = true;
            link->quiet_since_us = node->now_us;
            node_links_ping(node, link);
        }
    }
}

/* Is the link to the origin wanted? With peers always: its tracker knows where they are. */
static bool is_origin_wanted(const struct node *node)
{
    return node->config.with_peers || node_tracks_need_origin(node);
}

static void connect_origin(struct node *node)
{
    struct connector *origin = &node->links.origin;
    if (node->config.with_peers && origin->is_given_up && node->now_us >= origin->retry_us) {
        links_connector_renew(origin, node->now_us);
    }
    if (node->config.offline || links_origin(&node->links) != NULL ||
        node->links.count == NODE_LINKS_MAX || !links_connector_may(origin, node->now_us) ||
        !is_origin_wanted(node)) {
        return;
    }
    struct link *link = links_add(&node->links, NODE_LINK_ORIGIN);
    if (link == NULL) {
        node_fail(node);
        return;
    }
    if (origin->down_since_us == TIME_NEVER_US) {
        origin->down_since_us = node->now_us;
    }
    struct node_effect *effect = node_effect(node, NODE_EFFECT_CONNECT);
    effect->connect.link = link->number;
    effect->connect.link_kind = NODE_LINK_ORIGIN;
    NODE_TRACE(node, "connect link %u", link->number);
}

/* Who was asked and never said anything is to blame; who went with the network is not. */
static void give_up(struct node *node, struct link *link)
{
    if (link->requests.count > 0 && !link->is_under_test) {
        node_peers_misbehaved(node, link, OVERLAY_FAULT_SILENT);
    }
    node_links_drop(node, link, P2P_BYE_IDLE);
}

void node_links_settle(struct node *node)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        switch (links_duty(link, node->preset, node->now_us)) {
        case LINK_DUTY_NONE:
            if (node->now_us >= keep_us(node, link)) {
                node_links_ping(node, link);
            }
            break;
        case LINK_DUTY_PING:
            node_links_ping(node, link);
            break;
        case LINK_DUTY_GIVE_UP:
            give_up(node, link);
            break;
        }
    }
    connect_origin(node);
}

uint64_t node_links_deadline_us(struct node *node)
{
    uint64_t deadline_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        deadline_us = time_min_us(deadline_us, links_next_deadline_us(link, node->preset));
        deadline_us = time_min_us(deadline_us, keep_us(node, link));
        if (link->busy_until_us > node->now_us) {
            deadline_us = time_min_us(deadline_us, link->busy_until_us);
        }
    }
    const struct connector *origin = &node->links.origin;
    bool is_hopeless = origin->is_refused || (origin->is_given_up && !node->config.with_peers);
    if (!node->config.offline && !is_hopeless && links_origin(&node->links) == NULL &&
        origin->retry_us > node->now_us && is_origin_wanted(node)) {
        deadline_us = time_min_us(deadline_us, origin->retry_us);
    }
    return deadline_us;
}
