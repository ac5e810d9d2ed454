/*
 * origin_request.c: what a link asks for, from the message to its end; the memory of requests.
 *
 * Responsible for accepting OPEN, REQUEST and CANCEL within a link's bounds, for rejecting, and for
 * giving back all that a request held. What it waits for and sends is in origin_find.c and
 * origin_send.c.
 */
#include "streamserver/core/origin_state.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One more block of places; a place of either pool begins with nothing that must survive. */
static void *pool_grow(struct origin *origin, size_t place_bytes)
{
    size_t bytes = sizeof(struct origin_block) + ORIGIN_POOL_BLOCK * place_bytes;
    struct origin_block *block = calloc(1, bytes);
    if (block == NULL) {
        return NULL;
    }
    block->next = origin->blocks;
    origin->blocks = block;
    origin->pool_bytes += bytes;
    return block + 1;
}

static struct origin_request *request_take(struct origin *origin)
{
    if (origin->request_free == NULL) {
        struct origin_request *places = pool_grow(origin, sizeof *places);
        for (uint32_t i = 0; places != NULL && i < ORIGIN_POOL_BLOCK; i++) {
            places[i].next = origin->request_free;
            origin->request_free = &places[i];
        }
    }
    struct origin_request *request = origin->request_free;
    if (request != NULL) {
        origin->request_free = request->next;
        origin->requests_used++;
        *request = (struct origin_request){
            .slot_first = ORIGIN_NONE, .slot_last = ORIGIN_NONE, .row_asked = ORIGIN_NONE};
    }
    return request;
}

static struct origin_runs *runs_take(struct origin *origin)
{
    if (origin->runs_free == NULL) {
        struct origin_runs *places = pool_grow(origin, sizeof *places);
        for (uint32_t i = 0; places != NULL && i < ORIGIN_POOL_BLOCK; i++) {
            places[i].next = origin->runs_free;
            origin->runs_free = &places[i];
        }
    }
    struct origin_runs *runs = origin->runs_free;
    if (runs != NULL) {
        origin->runs_free = runs->next;
        origin->runs_used++;
    }
    return runs;
}

static void tell_busy(struct origin *origin, struct origin_link *link, uint32_t number)
{
    struct p2p_message message = {.type = P2P_REJECT,
                                  .reject = {.request = number, .reason = P2P_REJECT_BUSY}};
    origin->totals.rejects++;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: reject %u: %s", link->number, number, p2p_reject_text(P2P_REJECT_BUSY));
    origin_send_control(origin, link, &message);
}

/* Numbers ascend, so that none is used twice; false: the link broke that, and is doomed. */
static bool take_number(struct origin *origin, struct origin_link *link, uint32_t number)
{
    if (number <= link->last_request) {
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        return false;
    }
    link->last_request = number;
    origin->totals.requests++;
    return true;
}

/* A request on its link with its first unit wanted. *ret_request is NULL when the link has too
 * many; before our HELLO nothing can be rejected, and nobody asks for that much: the link goes. */
static int accept(struct origin *origin, struct origin_link *link,
                  const struct p2p_message *message, uint8_t priority,
                  struct origin_request **ret_request)
{
    *ret_request = NULL;
    uint32_t number = message->type == P2P_OPEN ? message->open.request : message->request.request;
    if (!take_number(origin, link, number)) {
        return 0;
    }
    if (link->upload.job_count >= origin->config.request_max) {
        if (link->stage == ORIGIN_LINK_OPEN) {
            tell_busy(origin, link, number);
        } else {
            origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        }
        return 0;
    }
    struct origin_request *request = request_take(origin);
    if (request == NULL) {
        return ERROR_NO_MEMORY;
    }
    request->link = link;
    request->number = number;
    request->type = message->type;
    int error = upload_job_add(&origin->upload, &link->upload, &request->job, priority);
    assert(error == 0); /* job_max is request_max */
    *ret_request = request;
    return 0;
}

int origin_request_open(struct origin *origin, struct origin_link *link,
                        const struct p2p_message *message)
{
    struct origin_request *request = NULL;
    int error = accept(origin, link, message, P2P_PRIORITY_PLAY, &request);
    if (error != 0 || request == NULL) {
        return error;
    }
    request->wants_payload = (message->open.flags & P2P_OPEN_START_SET) != 0;
    request->wants_proofs = request->wants_payload;
    memcpy(request->track_id, message->open.track_id, sizeof request->track_id);
    if (request->wants_payload) {
        request->start_set = runs_take(origin);
        if (request->start_set == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: open %u%s", link->number, request->number,
               request->wants_payload ? " with start set" : "");
    upload_job_want(&origin->upload, &request->job, ORIGIN_OPENED_BYTES_MAX);
    return 0;
}

bool origin_request_is_within(const struct media_file_id *id, const struct media_run *run)
{
    uint32_t chunk_count = media_chunk_count(id->bytes);
    return run->first < chunk_count && run->count <= chunk_count - run->first;
}

int origin_request_chunks(struct origin *origin, struct origin_link *link,
                          const struct p2p_message *message)
{
    struct origin_request *request = NULL;
    int error = accept(origin, link, message, message->request.priority, &request);
    if (error != 0 || request == NULL) {
        return error;
    }
    request->id = message->request.file;
    request->run =
        (struct media_run){.first = message->request.first_chunk, .count = message->request.count};
    request->run_count = 1;
    request->wants_payload = true;
    request->wants_proofs = (message->request.flags & P2P_REQUEST_PROOFS) != 0;
    if (media_file_id_valid(&request->id) &&
        origin_request_is_within(&request->id, &request->run)) {
        request->todo_bytes = origin_send_run_bytes(request->id.bytes, &request->run);
    }
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: request %u: chunks %u+%u, priority %u%s", link->number, request->number,
               request->run.first, request->run.count, message->request.priority,
               request->wants_proofs ? ", proofs" : "");
    upload_job_want(&origin->upload, &request->job, ORIGIN_REJECT_BYTES);
    return 0;
}

static struct origin_request *find_request(struct origin_link *link, uint32_t number)
{
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        struct upload_job *first = link->upload.jobs[priority];
        struct upload_job *job = first;
        while (job != NULL) {
            struct origin_request *request = (struct origin_request *)job;
            if (request->number == number) {
                return request;
            }
            job = job->next == first ? NULL : job->next;
        }
    }
    return NULL;
}

void origin_request_cancel(struct origin *origin, struct origin_link *link, uint32_t number)
{
    struct origin_request *request = find_request(link, number);
    if (request == NULL) {
        return; /* it crossed our last fragment */
    }
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: cancel %u, %llu bytes not sent", link->number, number,
               (unsigned long long)request->todo_bytes);
    origin->totals.cancelled_bytes += request->todo_bytes;
    origin_request_drop(origin, request);
}

void origin_request_reject(struct origin *origin, struct origin_request *request,
                           enum p2p_reject reason)
{
    struct origin_link *link = request->link;
    struct p2p_message message = {
        .type = P2P_REJECT, .reject = {.request = request->number, .reason = (uint8_t)reason}};
    origin->totals.rejects++;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: reject %u: %s", link->number, request->number,
               p2p_reject_text((uint8_t)reason));
    origin_request_drop(origin, request);
    origin_send_control(origin, link, &message);
}

void origin_slot_free(struct origin *origin, uint32_t slot)
{
    assert(origin->slots_used > 0);
    origin->slots[slot] = (struct origin_slot){.next = origin->slot_free};
    origin->slot_free = slot;
    origin->slots_used--;
}

static void drop_slots(struct origin *origin, struct origin_request *request)
{
    uint32_t next = ORIGIN_NONE;
    for (uint32_t at = request->slot_first; at != ORIGIN_NONE; at = next) {
        struct origin_slot *slot = &origin->slots[at];
        next = slot->next;
        if (slot->state == ORIGIN_SLOT_READING) {
            slot->request = NULL; /* freed when the read is done */
            slot->next = ORIGIN_NONE;
        } else {
            origin_slot_free(origin, at);
        }
    }
}

void origin_request_drop(struct origin *origin, struct origin_request *request)
{
    drop_slots(origin, request);
    if (request->operation != 0) {
        origin->operations[request->operation - 1].request = NULL;
    }
    if (request->start_set != NULL) {
        request->start_set->next = origin->runs_free;
        origin->runs_free = request->start_set;
        origin->runs_used--;
    }
    upload_job_remove(&origin->upload, &request->job);
    *request = (struct origin_request){.next = origin->request_free};
    origin->request_free = request;
    origin->requests_used--;
}

void origin_request_finish_if_done(struct origin *origin, struct origin_request *request)
{
    if (request->stage == ORIGIN_STAGE_STREAMING && request->run_at == request->run_count &&
        request->slot_first == ORIGIN_NONE && request->operation == 0) {
        assert(request->todo_bytes == 0);
        origin_request_drop(origin, request);
    }
}
