/*
 * node_late.c: what was asked for and comes too late.
 *
 * Responsible for links that were asked and bring nothing (taken back, and doubted for a while), for
 * chunks that their link will bring after they are due (taken back when another would bring them in
 * time), and for hedges: a late chunk that is due next is asked for a second time, elsewhere, at most
 * one a second of music; who brings it first cancels the other. Only where there are peers: a lone
 * origin has nobody beside it. docs/PLANNER.md, "Late".
 *
 * A hedge's life: asked (a slot is promised) -> filling -> whole: the first request is cancelled, the
 * chunk is HASHING as any other; or the first one is whole before: the hedge is cancelled, what came
 * of it was a duplicate.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

#define DOUBTS_MAX 4u      /* then the link is given up */
#define PATIENCE_FACTOR 4u /* with what is not urgent */
#define RTTS_STALLED 4u    /* a silence is no stall before */
#define CHUNKS_LOOKED_AT 64u

/* --- hedges --------------------------------------------------------------------------------------*/

struct hedge *node_late_find(struct node *node, const struct file *file, uint32_t chunk)
{
    for (uint32_t i = 0; i < node->late.hedge_count; i++) {
        struct hedge *hedge = &node->late.hedges[i];
        if (hedge->file == file && hedge->chunk == chunk) {
            return hedge;
        }
    }
    return NULL;
}

static struct hedge *find_request(struct node *node, uint32_t link, uint32_t request)
{
    for (uint32_t i = 0; i < node->late.hedge_count; i++) {
        struct hedge *hedge = &node->late.hedges[i];
        if (hedge->link == link && hedge->request == request) {
            return hedge;
        }
    }
    return NULL;
}

static void forget(struct node *node, struct hedge *hedge)
{
    *hedge = node->late.hedges[--node->late.hedge_count];
}

/* Bytes of it that have come. */
static uint32_t filled(const struct node *node, const struct hedge *hedge)
{
    return hedge->slot == SLOT_NONE ? 0 : node->slots.list[hedge->slot].filled;
}

void node_late_dropped(struct node *node, struct link *link, uint32_t request)
{
    struct hedge *hedge = find_request(node, link->number, request);
    assert(hedge != NULL);
    uint32_t come = filled(node, hedge);
    link->requests.bytes -= files_chunk_bytes(hedge->file, hedge->chunk) - come;
    if (hedge->slot == SLOT_NONE) {
        slots_forgo(&node->slots);
    } else {
        node->accounting.summary.duplicate_bytes += come;
        slots_give(&node->slots, hedge->slot);
    }
    forget(node, hedge);
    node->is_plan_due = true;
}

void node_late_arrived(struct node *node, const struct file *file, uint32_t chunk)
{
    const struct hedge *hedge = node_late_find(node, file, chunk);
    struct link *link = hedge == NULL ? NULL : links_find(&node->links, hedge->link);
    if (link != NULL) {
        node_plan_cancel(node, link, hedge->request);
    }
}

/* Who was asked first loses: its request is cancelled, with all that is still to come of it. */
static void cancel_first(struct node *node, struct file *file, uint32_t chunk)
{
    const struct row *row = files_row(file, chunk);
    uint32_t at = chunk % ROW_CHUNKS;
    if (files_state(file, chunk) == CHUNK_FILLING) {
        node->accounting.summary.duplicate_bytes += node->slots.list[row->slots[at]].filled;
    }
    struct link *link = links_find(&node->links, row->links[at]);
    node_plan_cancel(node, link, row->requests[at]);
}

/* The hedge is whole: its slot holds the chunk. */
static void adopt(struct node *node, struct link *link, struct file *file, uint32_t chunk,
                  uint32_t slot)
{
    enum chunk_state state = files_state(file, chunk);
    if (state == CHUNK_REQUESTED || state == CHUNK_FILLING) {
        cancel_first(node, file, chunk);
    }
    bool is_needed = files_state(file, chunk) == CHUNK_MISSING && file->rows != NULL;
    struct row *row = is_needed ? files_open_row(&node->files, file, chunk / ROW_CHUNKS) : NULL;
    if (row == NULL) {
        node->accounting.summary.duplicate_bytes += files_chunk_bytes(file, chunk);
        slots_give(&node->slots, slot);
        return;
    }
    uint32_t at = chunk % ROW_CHUNKS;
    row->slots[at] = slot;
    row->links[at] = link->number;
    row->requests[at] = 0;
    files_set_state(file, chunk, CHUNK_HASHING);
    files_set_source(file, chunk,
                     link->kind == NODE_LINK_ORIGIN ? NODE_SOURCE_ORIGIN : NODE_SOURCE_PEERS);
    struct node_effect *effect = node_effect(node, NODE_EFFECT_HASH);
    effect->hash.slot = slot;
    effect->hash.bytes = files_chunk_bytes(file, chunk);
}

int node_late_fragment(struct node *node, struct link *link, struct request *request,
                       const struct p2p_message *message)
{
    struct hedge *hedge = find_request(node, link->number, request->number);
    assert(hedge != NULL);
    struct file *file = hedge->file;
    uint32_t chunk = hedge->chunk;
    uint32_t bytes = message->fragment.bytes;
    if (message->fragment.chunk != chunk || bytes == 0 ||
        message->fragment.offset != filled(node, hedge) ||
        message->fragment.offset + bytes > files_chunk_bytes(file, chunk)) {
        return ERROR_MALFORMED;
    }
    if (hedge->slot == SLOT_NONE) {
        hedge->slot = slots_take(&node->slots, file->handle, chunk);
    }
    struct slot *slot = &node->slots.list[hedge->slot];
    struct node_effect *effect = node_effect(node, NODE_EFFECT_FILL);
    effect->fill.slot = hedge->slot;
    effect->fill.offset = message->fragment.offset;
    effect->fill.bytes = bytes;
    slot->filled = (uint16_t)(slot->filled + bytes);
    link->requests.bytes -= bytes;
    if (slot->filled == files_chunk_bytes(file, chunk)) {
        uint32_t number = hedge->slot;
        forget(node, hedge);
        requests_remove(&link->requests, request->number);
        adopt(node, link, file, chunk, number);
        node->is_plan_due = true;
    }
    return 0;
}

static bool hedge_chunk(struct node *node, struct file *file, uint32_t chunk, struct link *other)
{
    const struct row *row = files_row(file, chunk);
    if (links_requests_left(other) == 0 || !slots_promise(&node->slots)) {
        return false;
    }
    struct request *request = node_plan_new_request(node, other, REQUEST_HEDGE);
    request->priority = P2P_PRIORITY_PLAY;
    request->file = file->handle;
    request->first_chunk = chunk;
    request->count = 1;
    request->left = 1;
    request->wants_proofs = !row->has_proof;
    other->requests.bytes += files_chunk_bytes(file, chunk);
    node->late.hedges[node->late.hedge_count++] = (struct hedge){.file = file,
                                                                 .chunk = chunk,
                                                                 .link = other->number,
                                                                 .request = request->number,
                                                                 .slot = SLOT_NONE};
    node->late.next_hedge_us = time_add_us(node->now_us, node->preset->hedge_interval_us);
    node_plan_send(node, other, request, file);
    NODE_TRACE(node, "hedge chunk %u on link %u", chunk, other->number);
    return true;
}

/* --- late ----------------------------------------------------------------------------------------*/

static uint64_t rate_of(const struct node *node, const struct link *link)
{
    return link->rate.bytes_per_s > 0 ? link->rate.bytes_per_s : node->preset->peer_bytes_per_s;
}

/* How long until the chunk is here, from the link that was asked for it. Who has brought nothing for
 * longer than it should take is taken to need as long again. */
static uint64_t comes_in_us(const struct node *node, const struct link *link,
                            const struct request *request, uint32_t chunk)
{
    uint64_t rate = rate_of(node, link);
    uint64_t bytes = node_plan_bytes_before(link, request, chunk) + CHUNK_BYTES;
    uint64_t span_us = time_scale(bytes, TIME_US_PER_S, rate);
    uint64_t delay_us = link->rate.rtt_us > 0 ? link->rate.rtt_us : node->preset->peer_delay_us;
    uint64_t first_us = time_add_us(request->sent_us, delay_us);
    uint64_t heard_us = link->progress_us > request->sent_us ? link->progress_us : request->sent_us;
    uint64_t usual_us = time_add_us(delay_us, time_scale(CHUNK_BYTES, TIME_US_PER_S, rate));
    uint64_t overdue_us = time_until_us(time_add_us(heard_us, usual_us), node->now_us);
    uint64_t wait_us = request->is_answered ? 0 : time_until_us(node->now_us, first_us);
    return time_add_us(time_add_us(span_us, wait_us), overdue_us);
}

/* Asks no more of it for a while; what it was asked for is missing again. */
static void doubt(struct node *node, struct link *link)
{
    NODE_TRACE(node, "link %u brings nothing: taken back", link->number);
    for (uint32_t i = 0; i < link->requests.count;) {
        if (link->requests.list[i].kind == REQUEST_OPEN && link->kind == NODE_LINK_PEER) {
            i++;
            continue;
        }
        node_plan_cancel(node, link, link->requests.list[i].number);
        i = 0;
    }
    if (link->kind == NODE_LINK_PEER && link->doubts >= DOUBTS_MAX) {
        node_peers_misbehaved(node, link, OVERLAY_FAULT_SILENT);
        node_links_drop(node, link, P2P_BYE_IDLE);
        return;
    }
    uint64_t pause_us = time_scale(node->preset->doubt_us, UINT64_C(1) << link->doubts, 1);
    link->busy_until_us = time_add_us(node->now_us, pause_us);
    link->doubts += link->doubts < DOUBTS_MAX;
    node_links_ping(node, link);
}

static bool is_stalled(const struct node *node, const struct link *link)
{
    const struct node_preset *preset = node->preset;
    uint64_t since_us = link->progress_us;
    bool is_urgent = false;
    uint32_t chunks = 0;
    for (uint32_t i = 0; i < link->requests.count; i++) {
        const struct request *request = &link->requests.list[i];
        if (request->kind == REQUEST_OPEN) {
            continue;
        }
        /* The first that was sent since it last brought something. */
        since_us = chunks == 0 && request->sent_us > since_us ? request->sent_us : since_us;
        is_urgent = is_urgent || request->priority == P2P_PRIORITY_PLAY;
        chunks++;
    }
    uint64_t patience_us = link->kind == NODE_LINK_ORIGIN ? preset->request_timeout_us
                           : is_urgent                    ? preset->stall_us
                                                          : PATIENCE_FACTOR * preset->stall_us;
    uint64_t round_us = time_scale(link->rate.rtt_us, RTTS_STALLED, 1);
    patience_us = patience_us > round_us ? patience_us : round_us;
    return chunks > 0 && time_until_us(since_us, node->now_us) >= patience_us;
}

/* Takes back from whoever brings nothing. True when somebody is still asked. */
static bool look_at_links(struct node *node)
{
    bool is_asked = false;
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        if (link->state != LINK_UP || link->requests.count == 0) {
            continue;
        }
        if (is_stalled(node, link) && (link->kind == NODE_LINK_PEER || node_peers_may_help(node))) {
            doubt(node, link);
        }
        is_asked = true;
    }
    return is_asked;
}

/* A chunk of the current track that somebody was asked for. */
static void look_at_chunk(struct node *node, struct file *file, uint32_t chunk, uint64_t left_us)
{
    const struct row *row = files_row(file, chunk);
    struct link *link = links_find(&node->links, row->links[chunk % ROW_CHUNKS]);
    struct request *request = requests_find(&link->requests, row->requests[chunk % ROW_CHUNKS]);
    uint64_t comes_us = comes_in_us(node, link, request, chunk);
    if (comes_us <= left_us || node_late_find(node, file, chunk) != NULL) {
        return;
    }
    struct link *other = node_sources_other(node, file, chunk, link->number);
    if (other == NULL || node_sources_expected_us(node, other) >= comes_us / 2) {
        return; /* nobody would be much sooner */
    }
    bool may_hedge = node->preset->hedge_us > 0 && node->now_us >= node->late.next_hedge_us &&
                     node->late.hedge_count < HEDGES_MAX;
    if (left_us <= node->preset->hedge_us && may_hedge && hedge_chunk(node, file, chunk, other)) {
        return;
    }
    if (link->kind == NODE_LINK_PEER && files_state(file, chunk) == CHUNK_REQUESTED &&
        request->kind == REQUEST_CHUNKS) {
        NODE_TRACE(node, "chunk %u would come too late from link %u", chunk, link->number);
        /* Who has brought nothing since is taken to be as fast as was guessed, and would be asked
         * for the same again. */
        if (link->progress_us <= request->sent_us) {
            uint64_t until_us = time_add_us(node->now_us, node->preset->doubt_us);
            link->busy_until_us = link->busy_until_us > until_us ? link->busy_until_us : until_us;
        }
        node_plan_cancel(node, link, request->number);
    }
}

static void look_at_current(struct node *node)
{
    const struct play *play = &node->play;
    const struct track *track = node_play_track(node);
    struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached || play->phase < PLAY_SWITCHED) {
        return;
    }
    uint64_t duration_us = play->head.duration_us;
    uint64_t position_us = playhead_position_us(&play->head, node->now_us);
    uint32_t from = node_plan_chunk_at(file, duration_us, position_us);
    uint32_t end = node_plan_chunk_at(file, duration_us,
                                      time_add_us(position_us, node->preset->late_horizon_us));
    from = play->read_chunk > from ? play->read_chunk : from;
    for (uint32_t i = 0; i < CHUNKS_LOOKED_AT && from + i <= end && from + i < file->chunk_count;
         i++) {
        enum chunk_state state = files_state(file, from + i);
        if (state == CHUNK_REQUESTED || state == CHUNK_FILLING) {
            uint64_t at_us = node_plan_time_of(file, duration_us, from + i);
            look_at_chunk(node, file, from + i, time_until_us(position_us, at_us));
        }
    }
}

void node_late_settle(struct node *node)
{
    if (node->overlay == NULL || node->now_us < node->late.look_us) {
        return;
    }
    node->late.look_us = TIME_NEVER_US;
    if (look_at_links(node)) {
        look_at_current(node);
        node->late.look_us = time_add_us(node->now_us, node->preset->late_look_us);
    }
}

void node_late_check_invariants(const struct node *node)
{
    for (uint32_t i = 0; i < node->late.hedge_count; i++) {
        const struct hedge *hedge = &node->late.hedges[i];
        struct link *link = links_find(&node->links, hedge->link);
        assert(link != NULL && link->state == LINK_UP);
        const struct request *request = requests_find(&link->requests, hedge->request);
        assert(request != NULL && request->kind == REQUEST_HEDGE);
        assert(request->first_chunk == hedge->chunk && request->file == hedge->file->handle);
        assert(hedge->slot == SLOT_NONE || node->slots.list[hedge->slot].chunk == hedge->chunk);
        assert(files_state(hedge->file, hedge->chunk) < CHUNK_HASHING);
    }
}
