/*
 * origin.c: the engine's door: a step, and what is asked about the whole.
 *
 * Responsible for the order within a step: the event, then what silence has ended, then what can be
 * sent and fetched, then the burial of links that are let go. The work is in origin_link.c,
 * origin_request.c, origin_find.c and origin_send.c.
 */
#include "streamserver/core/origin.h"

#include "common/error.h"
#include "streamserver/core/origin_state.h"

#include <assert.h>
#include <stdlib.h>

static bool config_is_valid(const struct origin_config *config)
{
    return config->intern != NULL && config->link_max > 0 && config->slot_count >= 1 &&
           config->slot_count <= 65536 && config->request_max >= 1 &&
           config->request_max <= ORIGIN_REQUEST_MAX && config->fragment_bytes_max >= 2048 &&
           config->fragment_bytes_max <= CHUNK_BYTES && config->idle_us > 0 && config->hello_us > 0;
}

static void chain_free_places(struct origin *origin)
{
    for (uint32_t i = 0; i < origin->config.slot_count; i++) {
        origin->slots[i].next = i + 1 < origin->config.slot_count ? i + 1 : ORIGIN_NONE;
    }
    for (uint32_t i = 0; i < origin->operation_count; i++) {
        origin->operations[i].next = i + 1 < origin->operation_count ? i + 1 : ORIGIN_NONE;
    }
}

int origin_new(const struct origin_config *config, struct origin **ret_origin)
{
    assert(config_is_valid(config));
    struct origin *origin = calloc(1, sizeof *origin);
    if (origin == NULL) {
        return ERROR_NO_MEMORY;
    }
    origin->config = *config;
    origin->operation_count =
        config->slot_count > ORIGIN_OPERATIONS_MIN ? config->slot_count : ORIGIN_OPERATIONS_MIN;
    origin->slots = calloc(config->slot_count, sizeof *origin->slots);
    origin->operations = calloc(origin->operation_count, sizeof *origin->operations);
    origin->effects = calloc(ORIGIN_EFFECTS_MAX, sizeof *origin->effects);
    if (origin->slots == NULL || origin->operations == NULL || origin->effects == NULL) {
        goto err_after_calloc;
    }
    chain_free_places(origin);
    uint32_t fragment_bytes = config->fragment_bytes_max + ORIGIN_FRAGMENT_OVERHEAD_BYTES;
    struct upload_config upload = {.window_bytes = config->link_queue_bytes,
                                   .fragment_bytes = fragment_bytes,
                                   .quantum_bytes = CHUNK_BYTES + fragment_bytes,
                                   .control_bytes = ORIGIN_CONTROL_BYTES,
                                   .job_max = config->request_max};
    upload_init(&origin->upload, &upload);
    table_init(&origin->links, sizeof(struct origin_link_entry), sizeof(uint32_t), 0);
    origin->silent_new.span_us = config->hello_us;
    origin->silent_open.span_us = config->idle_us;
    *ret_origin = origin;
    return 0;

err_after_calloc:
    free(origin->slots);
    free(origin->operations);
    free(origin->effects);
    free(origin);
    return ERROR_NO_MEMORY;
}

static void forget_all(struct origin *origin, const struct origin_silence *silence)
{
    while (silence->first != NULL) {
        origin_link_forget(origin, silence->first);
    }
}

void origin_free(struct origin *origin)
{
    if (origin == NULL) {
        return;
    }
    forget_all(origin, &origin->silent_new);
    forget_all(origin, &origin->silent_open);
    assert(origin->requests_used == 0);
    assert(origin->runs_used == 0);
    assert(origin->links.count == 0);
    upload_deinit(&origin->upload);
    table_deinit(&origin->links);
    while (origin->blocks != NULL) {
        struct origin_block *block = origin->blocks;
        origin->blocks = block->next;
        free(block);
    }
    free(origin->slots);
    free(origin->operations);
    free(origin->effects);
    free(origin);
}

struct origin_effect *origin_effect(struct origin *origin, enum origin_effect_kind kind)
{
    assert(origin->effect_count < ORIGIN_EFFECTS_MAX);
    struct origin_effect *effect = &origin->effects[origin->effect_count++];
    effect->kind = kind;
    return effect;
}

bool origin_has_room(const struct origin *origin)
{
    return origin->effect_count + origin->doomed_count + ORIGIN_EFFECTS_SPARE < ORIGIN_EFFECTS_MAX;
}

/* What a player says on an open link; an origin asks for nothing, so answers are impossible. */
static int message_open(struct origin *origin, struct origin_link *link,
                        const struct p2p_message *message)
{
    switch (message->type) {
    case P2P_OPEN:
        return origin_request_open(origin, link, message);
    case P2P_REQUEST:
        return origin_request_chunks(origin, link, message);
    case P2P_CANCEL:
        origin_request_cancel(origin, link, message->cancel.request);
        return 0;
    case P2P_PING:
        link->owes_pong = true; /* before our HELLO only the last counts */
        link->pong_token = message->ping.token;
        return 0;
    case P2P_PONG:
    case P2P_LISTEN: /* what a tracker takes may have left before our HELLO said that we are none */
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_RENDEZVOUS:
        return 0;
    case P2P_BYE:
        origin_link_doom(origin, link, P2P_BYE_DONE);
        return 0;
    case P2P_HELLO:
    case P2P_OPENED:
    case P2P_FRAGMENT:
    case P2P_PROOF:
    case P2P_REJECT:
    case P2P_INTEREST: /* what only peers say to each other */
    case P2P_HAVE:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_SEARCH:
    case P2P_FOUND:
    default:
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        return 0;
    }
}

static int handle_message(struct origin *origin, const struct origin_event *event)
{
    struct origin_link *link = origin_link_find(origin, event->message.link);
    const struct p2p_message *message = event->message.message;
    if (link == NULL) {
        return 0;
    }
    if (link->stage == ORIGIN_LINK_NEW) {
        if (message->type == P2P_HELLO) {
            origin_link_hello(origin, link, &message->hello);
        } else {
            origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        }
        return 0;
    }
    origin_link_heard(origin, link);
    int error = message_open(origin, link, message);
    if (error == 0 && link->owes_pong && link->stage == ORIGIN_LINK_OPEN) {
        struct p2p_message pong = {.type = P2P_PONG, .pong = {.token = link->pong_token}};
        link->owes_pong = false;
        origin_send_control(origin, link, &pong);
    }
    return error;
}

static void handle_room(struct origin *origin, const struct origin_event *event)
{
    struct origin_link *link = origin_link_find(origin, event->room.link);
    if (link == NULL) {
        return;
    }
    if (event->room.queued_bytes < link->upload.queued_bytes && link->stage == ORIGIN_LINK_OPEN) {
        origin_link_heard(origin, link); /* the other side takes bytes: it is there */
    }
    upload_room(&origin->upload, &link->upload, event->room.queued_bytes);
}

static int handle(struct origin *origin, const struct origin_event *event)
{
    switch (event->kind) {
    case ORIGIN_EVENT_TICK:
        return 0;
    case ORIGIN_EVENT_LINK_UP:
        return origin_link_up(origin, event);
    case ORIGIN_EVENT_LINK_DOWN:
        origin_link_down(origin, event->link_down.link, event->link_down.error);
        return 0;
    case ORIGIN_EVENT_MESSAGE:
        return handle_message(origin, event);
    case ORIGIN_EVENT_ROOM:
        handle_room(origin, event);
        return 0;
    case ORIGIN_EVENT_SIGNED:
        origin_link_signed(origin, event);
        return 0;
    case ORIGIN_EVENT_TRACK_FOUND:
        origin_find_track_found(origin, event);
        return 0;
    case ORIGIN_EVENT_FILE_FOUND:
        origin_find_file_found(origin, event);
        return 0;
    case ORIGIN_EVENT_PROOF_FOUND:
        origin_find_proof_found(origin, event);
        return 0;
    case ORIGIN_EVENT_READ_DONE:
        origin_send_read_done(origin, event);
        return 0;
    case ORIGIN_EVENT_KINDS:
        break;
    }
    assert(0 && "an event kind of origin.h");
    return 0;
}

int origin_step(struct origin *origin, const struct origin_event *event,
                struct origin_update *ret_update)
{
    assert(!origin->is_stepping);
    assert(event->now_us >= origin->now_us);
    origin->is_stepping = true;
    origin->now_us = event->now_us;
    origin->effect_count = 0;
    origin->has_more = false;
    int error = handle(origin, event);
    if (error == 0) {
        origin_link_expire(origin);
        origin_link_bury(origin);
        origin_send_pump(origin);
        origin_link_bury(origin);
        uint64_t deadline_us = origin_link_next_deadline_us(origin);
        *ret_update = (struct origin_update){.effects = origin->effects,
                                             .count = origin->effect_count,
                                             .next_deadline_us =
                                                 origin->has_more ? origin->now_us : deadline_us};
    }
    origin->is_stepping = false;
    return error;
}

void origin_get_totals(const struct origin *origin, struct origin_totals *ret_totals)
{
    *ret_totals = origin->totals;
    ret_totals->links_now = origin->links.count;
}

size_t origin_heap_bytes(const struct origin *origin)
{
    return sizeof *origin + origin->config.slot_count * sizeof *origin->slots +
           origin->operation_count * sizeof *origin->operations +
           ORIGIN_EFFECTS_MAX * sizeof *origin->effects + table_heap_bytes(&origin->links) +
           origin->links.count * sizeof(struct origin_link) + origin->pool_bytes;
}

static void check_slots(const struct origin *origin)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < origin->config.slot_count; i++) {
        const struct origin_slot *slot = &origin->slots[i];
        used += slot->state != ORIGIN_SLOT_FREE;
        assert(slot->state != ORIGIN_SLOT_FREE || slot->request == NULL);
        assert(slot->state != ORIGIN_SLOT_FILLED || slot->request != NULL);
        assert(!slot->is_counted || slot->state == ORIGIN_SLOT_FILLED);
        assert(slot->state != ORIGIN_SLOT_FILLED || slot->sent < slot->bytes);
    }
    assert(used == origin->slots_used);
    uint32_t free_count = 0;
    for (uint32_t at = origin->slot_free; at != ORIGIN_NONE; at = origin->slots[at].next) {
        assert(origin->slots[at].state == ORIGIN_SLOT_FREE);
        free_count++;
        assert(free_count <= origin->config.slot_count);
    }
    assert(free_count + used == origin->config.slot_count);
}

static void check_operations(const struct origin *origin)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < origin->operation_count; i++) {
        const struct origin_operation *operation = &origin->operations[i];
        used += operation->is_used;
        assert(operation->is_used || operation->request == NULL);
        assert(operation->request == NULL || operation->request->operation == i + 1);
    }
    assert(used == origin->operations_used);
}

/* Every slot of a request points back, ready bytes are those of its counted slots. */
static void check_request(const struct origin *origin, const struct origin_request *request)
{
    uint64_t ready_bytes = 0;
    uint64_t slot_bytes = 0;
    bool is_head = true;
    for (uint32_t at = request->slot_first; at != ORIGIN_NONE; at = origin->slots[at].next) {
        const struct origin_slot *slot = &origin->slots[at];
        assert(slot->request == request);
        is_head = is_head && slot->is_counted; /* what is ready stands in front */
        assert(is_head == slot->is_counted);
        slot_bytes += slot->bytes - slot->sent;
        ready_bytes +=
            slot->is_counted ? origin_send_chunk_frame_bytes(origin, slot->bytes - slot->sent) : 0;
        assert(slot->next != ORIGIN_NONE || request->slot_last == at);
    }
    assert(request->job.ready_bytes == ready_bytes);
    assert(slot_bytes <= request->todo_bytes);
    assert(request->run_at <= request->run_count);
    assert(request->stage != ORIGIN_STAGE_FINDING || request->operation != 0);
    assert(request->stage == ORIGIN_STAGE_STREAMING || request->slot_first == ORIGIN_NONE);
}

static uint32_t check_link(const struct origin *origin, const struct origin_link *link)
{
    uint32_t count = 0;
    upload_link_check_invariants(&origin->upload, &link->upload);
    assert(link->upload.is_held == (link->stage != ORIGIN_LINK_OPEN));
    assert(link->doom == 0);
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        const struct upload_job *first = link->upload.jobs[priority];
        const struct upload_job *job = first;
        while (job != NULL) {
            const struct origin_request *request = (const struct origin_request *)job;
            assert(request->link == link);
            check_request(origin, request);
            count++;
            job = job->next == first ? NULL : job->next;
        }
    }
    return count;
}

static uint32_t check_silence(const struct origin *origin, const struct origin_silence *silence,
                              uint32_t *requests)
{
    uint32_t count = 0;
    for (const struct origin_link *link = silence->first; link != NULL; link = link->next) {
        assert(origin_link_find(origin, link->number) == link);
        assert(link->next == NULL ? silence->last == link : link->next->heard_us >= link->heard_us);
        assert((link->stage == ORIGIN_LINK_NEW) == (silence == &origin->silent_new));
        *requests += check_link(origin, link);
        count++;
    }
    return count;
}

void origin_check_invariants(const struct origin *origin)
{
    uint32_t requests = 0;
    uint32_t links = check_silence(origin, &origin->silent_new, &requests) +
                     check_silence(origin, &origin->silent_open, &requests);
    assert(links == origin->links.count);
    assert(links <= origin->config.link_max);
    assert(requests == origin->requests_used);
    assert(origin->doomed == NULL);
    check_slots(origin);
    check_operations(origin);
    table_check_invariants(&origin->links);
    upload_check_invariants(&origin->upload);
}
