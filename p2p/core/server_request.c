/*
 * server_request.c: what a link asks for, from the message to its end; the memory of requests.
 *
 * Responsible for accepting OPEN, REQUEST and CANCEL within a link's bounds, for rejecting, and for
 * giving back all that a request held. What it waits for and sends is in server_find.c and
 * server_send.c.
 */
#include "p2p/core/server_state.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One more block of places; a place of either pool begins with nothing that must survive. */
static void *pool_grow(struct server *server, size_t place_bytes)
{
    size_t bytes = sizeof(struct server_block) + SERVER_POOL_BLOCK * place_bytes;
    struct server_block *block = calloc(1, bytes);
    if (block == NULL) {
        return NULL;
    }
    block->next = server->blocks;
    server->blocks = block;
    server->pool_bytes += bytes;
    return block + 1;
}

static struct server_request *request_take(struct server *server)
{
    if (server->request_free == NULL) {
        struct server_request *places = pool_grow(server, sizeof *places);
        for (uint32_t i = 0; places != NULL && i < SERVER_POOL_BLOCK; i++) {
            places[i].next = server->request_free;
            server->request_free = &places[i];
        }
    }
    struct server_request *request = server->request_free;
    if (request != NULL) {
        server->request_free = request->next;
        server->requests_used++;
        *request = (struct server_request){
            .slot_first = SERVER_NONE, .slot_last = SERVER_NONE, .row_asked = SERVER_NONE};
    }
    return request;
}

static struct server_runs *runs_take(struct server *server)
{
    if (server->runs_free == NULL) {
        struct server_runs *places = pool_grow(server, sizeof *places);
        for (uint32_t i = 0; places != NULL && i < SERVER_POOL_BLOCK; i++) {
            places[i].next = server->runs_free;
            server->runs_free = &places[i];
        }
    }
    struct server_runs *runs = server->runs_free;
    if (runs != NULL) {
        server->runs_free = runs->next;
        server->runs_used++;
    }
    return runs;
}

static void tell_reject(struct server *server, struct server_link *link, uint32_t number,
                        enum p2p_reject reason)
{
    struct p2p_message message = {.type = P2P_REJECT,
                                  .reject = {.request = number, .reason = (uint8_t)reason}};
    server->totals.rejects++;
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: reject %u: %s", server->config.trace_word, link->number, number,
               p2p_reject_text((uint8_t)reason));
    server_control(server, link, &message);
}

/* Numbers ascend, so that none is used twice; false: the link broke that, and is doomed. */
static bool take_number(struct server *server, struct server_link *link, uint32_t number)
{
    if (number <= link->last_request) {
        server_doom(server, link);
        return false;
    }
    link->last_request = number;
    server->totals.requests++;
    return true;
}

static uint32_t number_of(const struct p2p_message *message)
{
    return message->type == P2P_OPEN ? message->open.request : message->request.request;
}

void server_refuse(struct server *server, struct server_link *link,
                   const struct p2p_message *message)
{
    assert(message->type == P2P_OPEN || message->type == P2P_REQUEST);
    if (!take_number(server, link, number_of(message))) {
        return;
    }
    if (link->is_greeted) {
        tell_reject(server, link, number_of(message), P2P_REJECT_BUSY);
    } else {
        server_doom(server, link); /* nothing can be rejected, and nobody asks for that much */
    }
}

/* A request on its link. *ret_request is NULL when the link has too many, or broke the protocol. */
static int take_request(struct server *server, struct server_link *link,
                        const struct p2p_message *message, uint8_t priority,
                        struct server_request **ret_request)
{
    *ret_request = NULL;
    if (link->upload.job_count >= server->config.request_max) {
        server_refuse(server, link, message);
        return 0;
    }
    if (!take_number(server, link, number_of(message))) {
        return 0;
    }
    struct server_request *request = request_take(server);
    if (request == NULL) {
        return ERROR_NO_MEMORY;
    }
    request->link = link;
    request->number = number_of(message);
    request->type = message->type;
    int error = upload_job_add(&server->upload, &link->upload, &request->job, priority);
    assert(error == 0); /* job_max is request_max */
    *ret_request = request;
    return 0;
}

static int take_open(struct server *server, struct server_link *link,
                     const struct p2p_message *message)
{
    struct server_request *request = NULL;
    int error = take_request(server, link, message, P2P_PRIORITY_PLAY, &request);
    if (error != 0 || request == NULL) {
        return error;
    }
    request->wants_payload = (message->open.flags & P2P_OPEN_START_SET) != 0;
    request->wants_proofs = request->wants_payload;
    memcpy(request->track_id, message->open.track_id, sizeof request->track_id);
    if (request->wants_payload) {
        request->start_set = runs_take(server);
        if (request->start_set == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: open %u%s", server->config.trace_word, link->number, request->number,
               request->wants_payload ? " with start set" : "");
    upload_job_want(&server->upload, &request->job, SERVER_OPENED_BYTES_MAX);
    return 0;
}

bool server_request_is_within(const struct media_file_id *id, const struct media_run *run)
{
    uint32_t chunk_count = media_chunk_count(id->bytes);
    return run->first < chunk_count && run->count <= chunk_count - run->first;
}

static int take_chunks(struct server *server, struct server_link *link,
                       const struct p2p_message *message)
{
    struct server_request *request = NULL;
    int error = take_request(server, link, message, message->request.priority, &request);
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
        server_request_is_within(&request->id, &request->run)) {
        request->todo_bytes = server_send_run_bytes(request->id.bytes, &request->run);
    }
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: request %u: chunks %u+%u, priority %u%s", server->config.trace_word,
               link->number, request->number, request->run.first, request->run.count,
               message->request.priority, request->wants_proofs ? ", proofs" : "");
    upload_job_want(&server->upload, &request->job, SERVER_REJECT_BYTES);
    return 0;
}

static struct server_request *find_request(struct server_link *link, uint32_t number)
{
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        struct upload_job *first = link->upload.jobs[priority];
        struct upload_job *job = first;
        while (job != NULL) {
            struct server_request *request = (struct server_request *)job;
            if (request->number == number) {
                return request;
            }
            job = job->next == first ? NULL : job->next;
        }
    }
    return NULL;
}

static void take_cancel(struct server *server, struct server_link *link, uint32_t number)
{
    struct server_request *request = find_request(link, number);
    if (request == NULL) {
        return; /* it crossed our last fragment */
    }
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: cancel %u, %llu bytes not sent", server->config.trace_word, link->number,
               number, (unsigned long long)request->todo_bytes);
    server->totals.cancelled_bytes += request->todo_bytes;
    server_request_drop(server, request);
}

int server_message(struct server *server, struct server_link *link,
                   const struct p2p_message *message)
{
    assert(message->type == P2P_OPEN || message->type == P2P_REQUEST ||
           message->type == P2P_CANCEL);
    if (message->type == P2P_CANCEL) {
        take_cancel(server, link, message->cancel.request);
        return 0;
    }
    return message->type == P2P_OPEN ? take_open(server, link, message)
                                     : take_chunks(server, link, message);
}

void server_request_reject(struct server *server, struct server_request *request,
                           enum p2p_reject reason)
{
    struct server_link *link = request->link;
    uint32_t number = request->number;
    server_request_drop(server, request);
    tell_reject(server, link, number, reason);
}

static struct server_request *first_request(const struct server_link *link)
{
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        if (link->upload.jobs[priority] != NULL) {
            return (struct server_request *)link->upload.jobs[priority];
        }
    }
    return NULL;
}

void server_link_reject(struct server *server, struct server_link *link, enum p2p_reject reason)
{
    assert(link->is_greeted);
    struct server_request *request = NULL;
    while ((request = first_request(link)) != NULL) {
        server_request_reject(server, request, reason);
    }
}

void server_link_drop(struct server *server, struct server_link *link)
{
    struct server_request *request = NULL;
    while ((request = first_request(link)) != NULL) {
        server_request_drop(server, request);
    }
}

void server_request_free_slot(struct server *server, uint32_t slot)
{
    assert(server->slots_used > 0);
    server->slots[slot] = (struct server_slot){.next = server->slot_free};
    server->slot_free = slot;
    server->slots_used--;
}

static void drop_slots(struct server *server, struct server_request *request)
{
    uint32_t next = SERVER_NONE;
    for (uint32_t at = request->slot_first; at != SERVER_NONE; at = next) {
        struct server_slot *slot = &server->slots[at];
        next = slot->next;
        if (slot->state == SERVER_SLOT_READING) {
            slot->request = NULL; /* freed when the read is done */
            slot->next = SERVER_NONE;
        } else {
            server_request_free_slot(server, at);
        }
    }
}

void server_request_drop(struct server *server, struct server_request *request)
{
    drop_slots(server, request);
    if (request->operation != 0) {
        server->operations[request->operation - 1].request = NULL;
    }
    if (request->start_set != NULL) {
        request->start_set->next = server->runs_free;
        server->runs_free = request->start_set;
        server->runs_used--;
    }
    upload_job_remove(&server->upload, &request->job);
    *request = (struct server_request){.next = server->request_free};
    server->request_free = request;
    server->requests_used--;
}

void server_request_finish_if_done(struct server *server, struct server_request *request)
{
    if (request->stage == SERVER_STAGE_STREAMING && request->run_at == request->run_count &&
        request->slot_first == SERVER_NONE && request->operation == 0) {
        assert(request->todo_bytes == 0);
        if (request->rejects_with != 0) {
            server_request_reject(server, request, (enum p2p_reject)request->rejects_with);
        } else {
            server_request_drop(server, request);
        }
    }
}
