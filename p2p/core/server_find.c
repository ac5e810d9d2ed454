/*
 * server_find.c: look-ups in the catalogue: a track's manifest, a file, a row's proof.
 *
 * Responsible for the operations in flight and for what their answers begin. An operation keeps
 * its number until it is answered, also when its request has gone meanwhile; a request has at most
 * one at a time.
 */
#include "p2p/core/server_state.h"

#include <assert.h>
#include <string.h>

bool server_find_possible(const struct server *server)
{
    return server->operation_free != SERVER_NONE;
}

static uint32_t begin(struct server *server, struct server_request *request, enum server_find kind)
{
    assert(request->operation == 0);
    uint32_t place = server->operation_free;
    assert(place != SERVER_NONE);
    struct server_operation *operation = &server->operations[place];
    server->operation_free = operation->next;
    server->operations_used++;
    *operation = (struct server_operation){
        .kind = kind, .request = request, .next = SERVER_NONE, .is_used = true};
    request->operation = place + 1;
    return request->operation;
}

/* The request that the answer is for; NULL when it has gone. */
static struct server_request *end(struct server *server, uint32_t number, enum server_find kind)
{
    assert(number >= 1);
    assert(number <= server->operation_count);
    struct server_operation *operation = &server->operations[number - 1];
    assert(operation->is_used);
    assert(operation->kind == kind);
    struct server_request *request = operation->request;
    *operation = (struct server_operation){.next = server->operation_free};
    server->operation_free = number - 1;
    server->operations_used--;
    if (request != NULL) {
        request->operation = 0;
    }
    return request;
}

void server_find_track(struct server *server, struct server_request *request)
{
    uint32_t operation = begin(server, request, SERVER_FIND_TRACK);
    request->stage = SERVER_STAGE_FINDING;
    server->config.owner->find_track(server->config.context, operation, request->track_id);
}

void server_find_file(struct server *server, struct server_request *request)
{
    uint32_t operation = begin(server, request, SERVER_FIND_FILE);
    request->stage = SERVER_STAGE_FINDING;
    server->config.owner->find_file(server->config.context, operation, &request->id);
}

void server_find_proof(struct server *server, struct server_request *request, uint32_t row)
{
    uint32_t operation = begin(server, request, SERVER_FIND_PROOF);
    request->row_asked = row;
    server->config.owner->find_proof(server->config.context, operation, request->file, row);
}

/* Takes file 0 and its start set from the manifest. False: the file is not here. */
static bool take_start_set(struct server *server, struct server_request *request,
                           const struct media_manifest *manifest)
{
    const struct media_file *file = &manifest->files[0];
    request->id = file->id;
    request->file = media_intern_find(server->config.intern, &file->id);
    if (request->file == 0) {
        return false;
    }
    memcpy(request->start_set->runs, file->start_runs,
           file->start_run_count * sizeof file->start_runs[0]);
    request->run_count = file->start_run_count;
    return true;
}

/* OPENED; false: what was found is no manifest. */
static bool tell_opened(struct server *server, struct server_request *request, const uint8_t *bytes,
                        uint32_t count, struct media_manifest *ret_manifest)
{
    if (count > MEDIA_MANIFEST_BYTES_MAX ||
        media_manifest_decode(bytes, count, ret_manifest) != 0) {
        return false;
    }
    struct p2p_message message = {
        .type = P2P_OPENED,
        .opened = {.request = request->number, .manifest = bytes, .manifest_bytes = count}};
    upload_return(&server->upload, &request->job, SERVER_OPENED_BYTES_MAX);
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: opened %u, manifest of %u bytes", server->config.trace_word,
               request->link->number, request->number, count);
    server_control(server, request->link, &message);
    return true;
}

void server_track_found(struct server *server, uint32_t operation, const uint8_t *manifest,
                        uint32_t manifest_bytes)
{
    struct server_request *request = end(server, operation, SERVER_FIND_TRACK);
    struct media_manifest decoded;
    if (request == NULL) {
        return;
    }
    if (manifest == NULL) {
        server_request_reject(server, request, P2P_REJECT_UNKNOWN);
    } else if (!tell_opened(server, request, manifest, manifest_bytes, &decoded)) {
        server_request_reject(server, request, P2P_REJECT_DAMAGED);
    } else if (!request->wants_payload) {
        server_request_drop(server, request);
    } else if (take_start_set(server, request, &decoded)) {
        server_send_start(server, request);
    } else {
        server_request_reject(server, request, P2P_REJECT_NOT_HELD);
    }
}

void server_file_found(struct server *server, uint32_t operation, media_handle file)
{
    struct server_request *request = end(server, operation, SERVER_FIND_FILE);
    if (request == NULL) {
        return;
    }
    if (file == 0) {
        server_request_reject(server, request, P2P_REJECT_UNKNOWN);
        return;
    }
    upload_return(&server->upload, &request->job, SERVER_REJECT_BYTES);
    request->file = file;
    server_send_start(server, request);
}

/* Why there is no proof: the row has gone since it was asked for, or something has rotted. */
static enum p2p_reject lack_of_proof(const struct server *server,
                                     const struct server_request *request)
{
    uint32_t chunk = request->slot_first != SERVER_NONE ? server->slots[request->slot_first].chunk
                                                        : request->row_asked * ROW_CHUNKS;
    return server_ask(server, request->file, chunk) == SERVER_HOLDS_CHUNK ? P2P_REJECT_DAMAGED
                                                                          : P2P_REJECT_NOT_HELD;
}

void server_proof_found(struct server *server, uint32_t operation, const struct media_proof *proof)
{
    struct server_request *request = end(server, operation, SERVER_FIND_PROOF);
    if (request == NULL) {
        return;
    }
    uint32_t row = request->row_asked;
    if (proof == NULL || proof->leaf_count != media_row_chunks(request->id.bytes, row) ||
        proof->uncle_count != media_proof_uncle_count(request->id.bytes)) {
        server_request_reject(server, request, lack_of_proof(server, request));
        return;
    }
    struct p2p_message message = {.type = P2P_PROOF,
                                  .proof = {.request = request->number, .row = row}};
    message.proof.proof = *proof;
    upload_return(&server->upload, &request->job,
                  server_send_proof_frame_bytes(request->id.bytes, row));
    trace_line(server->config.trace, server->now_us, server->config.trace_node,
               "%slink %u: proof %u: row %u", server->config.trace_word, request->link->number,
               request->number, row);
    server_control(server, request->link, &message);
    server_send_ripen(server, request);
    server_send_want(server, request);
}
