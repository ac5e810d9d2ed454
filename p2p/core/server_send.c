/*
 * server_send.c: from a request's runs to frames: reads into slots, fragments out of them.
 *
 * Responsible for the order within a request (chunks ascend, a row's proof stands before its first
 * fragment) and for the read-ahead of slots. Whose turn it is says p2p/core/upload.
 *
 * Failure modes: a read that fails rejects the request; no free slot or operation, or no room for
 * effects: the pump stops and goes on with the next event.
 */
#include "p2p/core/server_state.h"

#include "common/error.h"

#include <assert.h>

static const struct media_run *run_of(const struct server_request *request, uint32_t at)
{
    return request->start_set != NULL ? &request->start_set->runs[at] : &request->run;
}

static uint32_t next_chunk(const struct server_request *request)
{
    return run_of(request, request->run_at)->first + request->chunk_at;
}

/* Has a run before this one touched the row? Then its proof has gone already. */
static bool row_was_met(const struct server_request *request, uint32_t row)
{
    for (uint32_t i = 0; i < request->run_at; i++) {
        const struct media_run *run = run_of(request, i);
        if (row >= run->first / ROW_CHUNKS && row <= (run->first + run->count - 1) / ROW_CHUNKS) {
            return true;
        }
    }
    return false;
}

static bool needs_proof(const struct server_request *request, uint32_t row)
{
    return request->wants_proofs && row != request->row_asked && !row_was_met(request, row);
}

uint32_t server_send_chunk_frame_bytes(uint32_t chunk_bytes, uint32_t fragment_bytes)
{
    uint32_t fragments = (chunk_bytes + fragment_bytes - 1) / fragment_bytes;
    return chunk_bytes + fragments * SERVER_FRAGMENT_OVERHEAD_BYTES;
}

uint32_t server_send_proof_frame_bytes(uint64_t file_bytes, uint32_t row)
{
    return SERVER_FRAME_HEADER_BYTES + SERVER_PROOF_HEADER_BYTES +
           media_proof_hash_count(file_bytes, row) * HASH_BYTES;
}

/* Frame bytes of the next unit: the next chunk, with its row's proof when that has not gone. None
 * while a proof is looked up and the next chunk is of another row. */
static uint32_t next_unit(const struct server *server, struct server_request *request)
{
    if (request->stage != SERVER_STAGE_STREAMING || request->run_at == request->run_count) {
        return 0;
    }
    uint32_t chunk = next_chunk(request);
    uint32_t row = chunk / ROW_CHUNKS;
    if (request->operation != 0 && row != request->row_asked) {
        return 0;
    }
    request->fragment_bytes =
        (uint16_t)(request->link->upload.is_free ? server->config.fragment_bytes_max
                                                 : server->fragment_bytes);
    uint32_t bytes = server_send_chunk_frame_bytes(media_chunk_bytes(request->id.bytes, chunk),
                                                   request->fragment_bytes);
    if (needs_proof(request, row)) {
        bytes += server_send_proof_frame_bytes(request->id.bytes, row);
    }
    return bytes;
}

void server_send_want(struct server *server, struct server_request *request)
{
    upload_job_want(&server->upload, &request->job, next_unit(server, request));
}

uint64_t server_send_run_bytes(uint64_t file_bytes, const struct media_run *run)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        bytes += media_chunk_bytes(file_bytes, run->first + i);
    }
    return bytes;
}

void server_send_start(struct server *server, struct server_request *request)
{
    request->stage = SERVER_STAGE_STREAMING;
    request->todo_bytes = 0;
    for (uint32_t i = 0; i < request->run_count; i++) {
        request->todo_bytes += server_send_run_bytes(request->id.bytes, run_of(request, i));
    }
    server_send_want(server, request);
    server_request_finish_if_done(server, request); /* an empty start set */
}

void server_control(struct server *server, struct server_link *link,
                    const struct p2p_message *message)
{
    assert(link->is_greeted);
    assert(message->type != P2P_FRAGMENT);
    uint32_t bytes = (uint32_t)p2p_message_frame_bytes(message);
    server->config.owner->send(server->config.context, link, message, bytes, 0);
    server->totals.overhead_bytes += bytes;
    if (upload_control(&server->upload, &link->upload, bytes) != 0) {
        server_doom(server, link); /* asks and does not read */
    }
}

uint32_t server_control_room(const struct server *server, const struct server_link *link)
{
    uint64_t most = (uint64_t)server->config.link_queue_bytes + SERVER_CONTROL_BYTES;
    uint64_t queued = link->upload.queued_bytes;
    return queued < most ? (uint32_t)(most - queued) : 0;
}

void server_send_ripen(struct server *server, struct server_request *request)
{
    for (uint32_t at = request->slot_first; at != SERVER_NONE; at = server->slots[at].next) {
        struct server_slot *slot = &server->slots[at];
        bool lacks_proof =
            request->operation != 0 && slot->chunk / ROW_CHUNKS == request->row_asked;
        if (slot->state != SERVER_SLOT_FILLED || lacks_proof) {
            return;
        }
        if (!slot->is_counted) {
            slot->is_counted = true;
            upload_ready(&server->upload, &request->job,
                         server_send_chunk_frame_bytes(slot->bytes, slot->fragment_bytes));
        }
    }
}

void server_read_done(struct server *server, uint32_t slot_index, int error)
{
    assert(slot_index < server->config.slot_count);
    struct server_slot *slot = &server->slots[slot_index];
    assert(slot->state == SERVER_SLOT_READING);
    struct server_request *request = slot->request;
    if (request == NULL) {
        server_request_free_slot(server, slot_index);
        return;
    }
    slot->state = SERVER_SLOT_FILLED;
    if (error != 0) {
        server_request_reject(server, request,
                              error == ERROR_NOT_FOUND ? P2P_REJECT_NOT_HELD : P2P_REJECT_DAMAGED);
        return;
    }
    server_send_ripen(server, request);
}

/* A read of the next chunk into a free slot, behind those of the request that are under way. */
static void read_chunk(struct server *server, struct server_request *request)
{
    uint32_t place = server->slot_free;
    struct server_slot *slot = &server->slots[place];
    uint32_t chunk = next_chunk(request);
    server->slot_free = slot->next;
    server->slots_used++;
    *slot = (struct server_slot){.state = SERVER_SLOT_READING,
                                 .next = SERVER_NONE,
                                 .request = request,
                                 .chunk = chunk,
                                 .fragment_bytes = request->fragment_bytes,
                                 .bytes = media_chunk_bytes(request->id.bytes, chunk)};
    if (request->slot_first == SERVER_NONE) {
        request->slot_first = place;
    } else {
        server->slots[request->slot_last].next = place;
    }
    request->slot_last = place;
    if (++request->chunk_at == run_of(request, request->run_at)->count) {
        request->run_at++;
        request->chunk_at = 0;
    }
    server->config.owner->read(server->config.context, place, request->file, chunk);
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: read %u: chunk %u", server->config.trace_word, request->link->number,
               request->number, chunk);
}

/* The next chunk is not here: what stands before it is sent, the rest is rejected. */
static void end_early(struct server *server, struct server_request *request, enum p2p_reject reason)
{
    request->rejects_with = (uint8_t)reason;
    request->run_at = request->run_count;
    request->chunk_at = 0;
    request->todo_bytes = 0;
    for (uint32_t at = request->slot_first; at != SERVER_NONE; at = server->slots[at].next) {
        request->todo_bytes += server->slots[at].bytes - server->slots[at].sent;
    }
    upload_job_want(&server->upload, &request->job, 0);
    server_request_finish_if_done(server, request);
}

/* False: no slot or operation is free. */
static bool fetch_chunk(struct server *server, struct server_request *request)
{
    if (server_ask(server, request->file, next_chunk(request)) != SERVER_HOLDS_CHUNK) {
        end_early(server, request, P2P_REJECT_NOT_HELD);
        return true;
    }
    uint32_t row = next_chunk(request) / ROW_CHUNKS;
    bool with_proof = needs_proof(request, row);
    if (server->slot_free == SERVER_NONE || (with_proof && !server_find_possible(server))) {
        return false;
    }
    if (with_proof) {
        server_find_proof(server, request, row);
    }
    read_chunk(server, request);
    upload_fetch(&server->upload, &request->job, next_unit(server, request));
    return true;
}

static bool begin_open(struct server *server, struct server_request *request)
{
    if (!server_find_possible(server)) {
        return false;
    }
    server_find_track(server, request);
    upload_fetch(&server->upload, &request->job, 0);
    return true;
}

/* Nothing of the file is here, and nobody need be asked. */
static bool is_unknown(const struct server *server, const struct server_request *request)
{
    if (request->file == 0) {
        return server->config.owner->find_file == NULL;
    }
    return server_ask(server, request->file, request->run.first) == SERVER_HOLDS_NOTHING;
}

static bool begin_chunks(struct server *server, struct server_request *request)
{
    if (!media_file_id_valid(&request->id)) {
        server_request_reject(server, request, P2P_REJECT_UNKNOWN);
        return true;
    }
    if (!server_request_is_within(&request->id, &request->run)) {
        server_request_reject(server, request, P2P_REJECT_RANGE);
        return true;
    }
    request->file = media_intern_find(server->config.intern, &request->id);
    if (is_unknown(server, request)) {
        server_request_reject(server, request, P2P_REJECT_UNKNOWN);
        return true;
    }
    if (request->file != 0) {
        server_send_start(server, request);
        return true;
    }
    if (!server_find_possible(server)) {
        return false;
    }
    server_find_file(server, request);
    upload_fetch(&server->upload, &request->job, 0);
    return true;
}

static bool fetch_one(struct server *server)
{
    struct upload_job *job = upload_next_fetch(&server->upload);
    struct server_request *request = (struct server_request *)job;
    if (request == NULL) {
        return false;
    }
    if (request->stage == SERVER_STAGE_STREAMING) {
        return fetch_chunk(server, request);
    }
    assert(request->stage == SERVER_STAGE_BEGIN);
    return request->type == P2P_OPEN ? begin_open(server, request) : begin_chunks(server, request);
}

static void send_fragment(struct server *server, struct server_request *request, uint32_t most)
{
    uint32_t place = request->slot_first;
    struct server_slot *slot = &server->slots[place];
    assert(slot->is_counted);
    uint32_t bytes = slot->bytes - slot->sent;
    if (bytes > slot->fragment_bytes) {
        bytes = slot->fragment_bytes;
    }
    uint32_t frame_bytes = bytes + SERVER_FRAGMENT_OVERHEAD_BYTES;
    assert(frame_bytes <= most);
    struct p2p_message message = {.type = P2P_FRAGMENT,
                                  .fragment = {.request = request->number,
                                               .chunk = slot->chunk,
                                               .offset = (uint16_t)slot->sent,
                                               .bytes = (uint16_t)bytes}};
    server->config.owner->send(server->config.context, request->link, &message, frame_bytes, place);
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: fragment %u: chunk %u at %u, %u bytes", server->config.trace_word,
               request->link->number, request->number, slot->chunk, slot->sent, bytes);
    slot->sent += bytes;
    request->todo_bytes -= bytes;
    server->totals.payload_bytes += bytes;
    server->totals.overhead_bytes += SERVER_FRAGMENT_OVERHEAD_BYTES;
    upload_sent(&server->upload, &request->job, frame_bytes);
    if (slot->sent == slot->bytes) {
        request->slot_first = slot->next;
        server_request_free_slot(server, place);
        server_request_finish_if_done(server, request);
    }
}

static bool send_one(struct server *server)
{
    const struct server_owner *owner = server->config.owner;
    uint32_t most = 0;
    struct upload_job *job = upload_next_send(&server->upload, false, &most);
    if (job == NULL) { /* no link that is free has anything */
        job = upload_next_send(&server->upload, true, &most);
        if (job != NULL && owner->may_send != NULL && !owner->may_send(server->config.context)) {
            return false;
        }
    }
    if (job == NULL) {
        return false;
    }
    send_fragment(server, (struct server_request *)job, most);
    return true;
}

bool server_pump(struct server *server)
{
    do {
        if (!server->config.owner->has_room(server->config.context)) {
            return true;
        }
    } while (send_one(server) || fetch_one(server));
    return false;
}
