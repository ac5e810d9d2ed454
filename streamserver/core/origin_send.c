/*
 * origin_send.c: from a request's runs to frames: reads into slots, fragments out of them.
 *
 * Responsible for the order within a request (chunks ascend, a row's proof stands before its first
 * fragment) and for the read-ahead of slots. Whose turn it is says p2p/core/upload.
 *
 * Failure modes: a read that fails rejects the request; no free slot or operation, or no room for
 * effects: the pump stops and goes on with the next event.
 */
#include "streamserver/core/origin_state.h"

#include "common/error.h"

#include <assert.h>

static const struct media_run *run_of(const struct origin_request *request, uint32_t at)
{
    return request->start_set != NULL ? &request->start_set->runs[at] : &request->run;
}

static uint32_t next_chunk(const struct origin_request *request)
{
    return run_of(request, request->run_at)->first + request->chunk_at;
}

/* Has a run before this one touched the row? Then its proof has gone already. */
static bool row_was_met(const struct origin_request *request, uint32_t row)
{
    for (uint32_t i = 0; i < request->run_at; i++) {
        const struct media_run *run = run_of(request, i);
        if (row >= run->first / ROW_CHUNKS && row <= (run->first + run->count - 1) / ROW_CHUNKS) {
            return true;
        }
    }
    return false;
}

static bool needs_proof(const struct origin_request *request, uint32_t row)
{
    return request->wants_proofs && row != request->row_asked && !row_was_met(request, row);
}

uint32_t origin_send_chunk_frame_bytes(const struct origin *origin, uint32_t chunk_bytes)
{
    uint32_t most = origin->config.fragment_bytes_max;
    return chunk_bytes + (chunk_bytes + most - 1) / most * ORIGIN_FRAGMENT_OVERHEAD_BYTES;
}

uint32_t origin_send_proof_frame_bytes(uint64_t file_bytes, uint32_t row)
{
    return ORIGIN_FRAME_HEADER_BYTES + ORIGIN_PROOF_HEADER_BYTES +
           media_proof_hash_count(file_bytes, row) * HASH_BYTES;
}

/* Frame bytes of the next unit: the next chunk, with its row's proof when that has not gone. None
 * while a proof is looked up and the next chunk is of another row. */
static uint32_t next_unit(const struct origin *origin, const struct origin_request *request)
{
    if (request->stage != ORIGIN_STAGE_STREAMING || request->run_at == request->run_count) {
        return 0;
    }
    uint32_t chunk = next_chunk(request);
    uint32_t row = chunk / ROW_CHUNKS;
    if (request->operation != 0 && row != request->row_asked) {
        return 0;
    }
    uint32_t bytes =
        origin_send_chunk_frame_bytes(origin, media_chunk_bytes(request->id.bytes, chunk));
    if (needs_proof(request, row)) {
        bytes += origin_send_proof_frame_bytes(request->id.bytes, row);
    }
    return bytes;
}

void origin_send_want(struct origin *origin, struct origin_request *request)
{
    upload_job_want(&origin->upload, &request->job, next_unit(origin, request));
}

uint64_t origin_send_run_bytes(uint64_t file_bytes, const struct media_run *run)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        bytes += media_chunk_bytes(file_bytes, run->first + i);
    }
    return bytes;
}

void origin_send_start(struct origin *origin, struct origin_request *request)
{
    request->stage = ORIGIN_STAGE_STREAMING;
    request->todo_bytes = 0;
    for (uint32_t i = 0; i < request->run_count; i++) {
        request->todo_bytes += origin_send_run_bytes(request->id.bytes, run_of(request, i));
    }
    origin_send_want(origin, request);
    origin_request_finish_if_done(origin, request); /* an empty start set */
}

void origin_send_control(struct origin *origin, struct origin_link *link,
                         const struct p2p_message *message)
{
    assert(link->stage == ORIGIN_LINK_OPEN);
    size_t bytes = p2p_message_frame_bytes(message);
    struct origin_effect *effect = origin_effect(origin, ORIGIN_EFFECT_SEND);
    effect->send.link = link->number;
    effect->send.slot = 0;
    effect->send.slot_offset = 0;
    effect->send.message = *message;
    origin->totals.overhead_bytes += bytes;
    if (upload_control(&origin->upload, &link->upload, (uint32_t)bytes) != 0) {
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL); /* asks and does not read */
    }
}

void origin_send_ripen(struct origin *origin, struct origin_request *request)
{
    for (uint32_t at = request->slot_first; at != ORIGIN_NONE; at = origin->slots[at].next) {
        struct origin_slot *slot = &origin->slots[at];
        bool lacks_proof =
            request->operation != 0 && slot->chunk / ROW_CHUNKS == request->row_asked;
        if (slot->state != ORIGIN_SLOT_FILLED || lacks_proof) {
            return;
        }
        if (!slot->is_counted) {
            slot->is_counted = true;
            upload_ready(&origin->upload, &request->job,
                         origin_send_chunk_frame_bytes(origin, slot->bytes));
        }
    }
}

void origin_send_read_done(struct origin *origin, const struct origin_event *event)
{
    assert(event->read_done.slot < origin->config.slot_count);
    struct origin_slot *slot = &origin->slots[event->read_done.slot];
    assert(slot->state == ORIGIN_SLOT_READING);
    struct origin_request *request = slot->request;
    if (request == NULL) {
        origin_slot_free(origin, event->read_done.slot);
        return;
    }
    slot->state = ORIGIN_SLOT_FILLED;
    if (event->read_done.error != 0) {
        bool is_gone = event->read_done.error == ERROR_NOT_FOUND;
        origin_request_reject(origin, request, is_gone ? P2P_REJECT_NOT_HELD : P2P_REJECT_DAMAGED);
        return;
    }
    origin_send_ripen(origin, request);
}

/* A read of the next chunk into a free slot, behind those of the request that are under way. */
static void read_chunk(struct origin *origin, struct origin_request *request)
{
    uint32_t place = origin->slot_free;
    struct origin_slot *slot = &origin->slots[place];
    uint32_t chunk = next_chunk(request);
    origin->slot_free = slot->next;
    origin->slots_used++;
    *slot = (struct origin_slot){.state = ORIGIN_SLOT_READING,
                                 .next = ORIGIN_NONE,
                                 .request = request,
                                 .chunk = chunk,
                                 .bytes = media_chunk_bytes(request->id.bytes, chunk)};
    if (request->slot_first == ORIGIN_NONE) {
        request->slot_first = place;
    } else {
        origin->slots[request->slot_last].next = place;
    }
    request->slot_last = place;
    if (++request->chunk_at == run_of(request, request->run_at)->count) {
        request->run_at++;
        request->chunk_at = 0;
    }
    struct origin_effect *effect = origin_effect(origin, ORIGIN_EFFECT_READ);
    effect->read.slot = place;
    effect->read.file = request->file;
    effect->read.chunk = chunk;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: read %u: chunk %u", request->link->number, request->number, chunk);
}

/* False: no slot or operation is free. */
static bool fetch_chunk(struct origin *origin, struct origin_request *request)
{
    uint32_t row = next_chunk(request) / ROW_CHUNKS;
    bool with_proof = needs_proof(request, row);
    if (origin->slot_free == ORIGIN_NONE || (with_proof && !origin_find_possible(origin))) {
        return false;
    }
    if (with_proof) {
        origin_find_proof(origin, request, row);
    }
    read_chunk(origin, request);
    upload_fetch(&origin->upload, &request->job, next_unit(origin, request));
    return true;
}

static bool begin_open(struct origin *origin, struct origin_request *request)
{
    if (!origin_find_possible(origin)) {
        return false;
    }
    origin_find_track(origin, request);
    upload_fetch(&origin->upload, &request->job, 0);
    return true;
}

static bool begin_chunks(struct origin *origin, struct origin_request *request)
{
    if (!media_file_id_valid(&request->id)) {
        origin_request_reject(origin, request, P2P_REJECT_UNKNOWN);
        return true;
    }
    if (!origin_request_is_within(&request->id, &request->run)) {
        origin_request_reject(origin, request, P2P_REJECT_RANGE);
        return true;
    }
    request->file = media_intern_find(origin->config.intern, &request->id);
    if (request->file != 0) {
        origin_send_start(origin, request);
        return true;
    }
    if (!origin_find_possible(origin)) {
        return false;
    }
    origin_find_file(origin, request);
    upload_fetch(&origin->upload, &request->job, 0);
    return true;
}

static bool fetch_one(struct origin *origin)
{
    struct upload_job *job = upload_next_fetch(&origin->upload);
    struct origin_request *request = (struct origin_request *)job;
    if (request == NULL) {
        return false;
    }
    if (request->stage == ORIGIN_STAGE_STREAMING) {
        return fetch_chunk(origin, request);
    }
    assert(request->stage == ORIGIN_STAGE_BEGIN);
    return request->type == P2P_OPEN ? begin_open(origin, request) : begin_chunks(origin, request);
}

static void send_fragment(struct origin *origin, struct origin_request *request, uint32_t most)
{
    uint32_t place = request->slot_first;
    struct origin_slot *slot = &origin->slots[place];
    assert(slot->is_counted);
    uint32_t bytes = slot->bytes - slot->sent;
    if (bytes > origin->config.fragment_bytes_max) {
        bytes = origin->config.fragment_bytes_max;
    }
    assert(bytes + ORIGIN_FRAGMENT_OVERHEAD_BYTES <= most);
    struct origin_effect *effect = origin_effect(origin, ORIGIN_EFFECT_SEND);
    effect->send.link = request->link->number;
    effect->send.slot = place;
    effect->send.slot_offset = slot->sent;
    effect->send.message.type = P2P_FRAGMENT;
    effect->send.message.fragment.request = request->number;
    effect->send.message.fragment.chunk = slot->chunk;
    effect->send.message.fragment.offset = (uint16_t)slot->sent;
    effect->send.message.fragment.bytes = (uint16_t)bytes;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: fragment %u: chunk %u at %u, %u bytes", request->link->number,
               request->number, slot->chunk, slot->sent, bytes);
    slot->sent += bytes;
    request->todo_bytes -= bytes;
    origin->totals.payload_bytes += bytes;
    origin->totals.overhead_bytes += ORIGIN_FRAGMENT_OVERHEAD_BYTES;
    upload_sent(&origin->upload, &request->job, bytes + ORIGIN_FRAGMENT_OVERHEAD_BYTES);
    if (slot->sent == slot->bytes) {
        request->slot_first = slot->next;
        origin_slot_free(origin, place);
        origin_request_finish_if_done(origin, request);
    }
}

static bool send_one(struct origin *origin)
{
    uint32_t most = 0;
    struct upload_job *job = upload_next_send(&origin->upload, &most);
    if (job == NULL) {
        return false;
    }
    send_fragment(origin, (struct origin_request *)job, most);
    return true;
}

void origin_send_pump(struct origin *origin)
{
    do {
        if (!origin_has_room(origin)) {
            origin->has_more = true;
            return;
        }
    } while (send_one(origin) || fetch_one(origin));
}
