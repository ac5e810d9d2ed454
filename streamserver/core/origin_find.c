/*
 * origin_find.c: look-ups in the catalogue: a track's manifest, a file, a row's proof.
 *
 * Responsible for the operations in flight and for what their answers begin. An operation keeps
 * its number until it is answered, also when its request has gone meanwhile; a request has at most
 * one at a time.
 */
#include "streamserver/core/origin_state.h"

#include <assert.h>
#include <string.h>

bool origin_find_possible(const struct origin *origin)
{
    return origin->operation_free != ORIGIN_NONE;
}

static struct origin_effect *begin(struct origin *origin, struct origin_request *request,
                                   enum origin_effect_kind kind)
{
    assert(request->operation == 0);
    uint32_t place = origin->operation_free;
    assert(place != ORIGIN_NONE);
    struct origin_operation *operation = &origin->operations[place];
    origin->operation_free = operation->next;
    origin->operations_used++;
    *operation = (struct origin_operation){
        .kind = kind, .request = request, .next = ORIGIN_NONE, .is_used = true};
    request->operation = place + 1;
    return origin_effect(origin, kind);
}

/* The request that the answer is for; NULL when it has gone. */
static struct origin_request *end(struct origin *origin, uint32_t number,
                                  enum origin_effect_kind kind)
{
    assert(number >= 1);
    assert(number <= origin->operation_count);
    struct origin_operation *operation = &origin->operations[number - 1];
    assert(operation->is_used);
    assert(operation->kind == kind);
    struct origin_request *request = operation->request;
    *operation = (struct origin_operation){.next = origin->operation_free};
    origin->operation_free = number - 1;
    origin->operations_used--;
    if (request != NULL) {
        request->operation = 0;
    }
    return request;
}

void origin_find_track(struct origin *origin, struct origin_request *request)
{
    struct origin_effect *effect = begin(origin, request, ORIGIN_EFFECT_FIND_TRACK);
    effect->find_track.operation = request->operation;
    memcpy(effect->find_track.track_id, request->track_id, TRACK_ID_BYTES);
    request->stage = ORIGIN_STAGE_FINDING;
}

void origin_find_file(struct origin *origin, struct origin_request *request)
{
    struct origin_effect *effect = begin(origin, request, ORIGIN_EFFECT_FIND_FILE);
    effect->find_file.operation = request->operation;
    effect->find_file.file = request->id;
    request->stage = ORIGIN_STAGE_FINDING;
}

void origin_find_proof(struct origin *origin, struct origin_request *request, uint32_t row)
{
    struct origin_effect *effect = begin(origin, request, ORIGIN_EFFECT_FIND_PROOF);
    effect->find_proof.operation = request->operation;
    effect->find_proof.file = request->file;
    effect->find_proof.row = row;
    request->row_asked = row;
}

/* Takes file 0 and its start set from the manifest. False: the file is not here. */
static bool take_start_set(struct origin *origin, struct origin_request *request,
                           const struct media_manifest *manifest)
{
    const struct media_file *file = &manifest->files[0];
    request->id = file->id;
    request->file = media_intern_find(origin->config.intern, &file->id);
    if (request->file == 0) {
        return false;
    }
    memcpy(request->start_set->runs, file->start_runs,
           file->start_run_count * sizeof file->start_runs[0]);
    request->run_count = file->start_run_count;
    return true;
}

void origin_find_track_found(struct origin *origin, const struct origin_event *event)
{
    struct origin_request *request =
        end(origin, event->track_found.operation, ORIGIN_EFFECT_FIND_TRACK);
    if (request == NULL) {
        return;
    }
    if (event->track_found.manifest == NULL) {
        origin_request_reject(origin, request, P2P_REJECT_UNKNOWN);
        return;
    }
    struct media_manifest manifest;
    uint32_t bytes = event->track_found.manifest_bytes;
    if (bytes > MEDIA_MANIFEST_BYTES_MAX ||
        media_manifest_decode(event->track_found.manifest, bytes, &manifest) != 0) {
        origin_request_reject(origin, request, P2P_REJECT_DAMAGED);
        return;
    }
    struct p2p_message message = {.type = P2P_OPENED,
                                  .opened = {.request = request->number,
                                             .manifest = event->track_found.manifest,
                                             .manifest_bytes = bytes}};
    upload_return(&origin->upload, &request->job, ORIGIN_OPENED_BYTES_MAX);
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: opened %u, manifest of %u bytes", request->link->number, request->number,
               bytes);
    origin_send_control(origin, request->link, &message);
    if (!request->wants_payload) {
        origin_request_drop(origin, request);
    } else if (take_start_set(origin, request, &manifest)) {
        origin_send_start(origin, request);
    } else {
        origin_request_reject(origin, request, P2P_REJECT_NOT_HELD);
    }
}

void origin_find_file_found(struct origin *origin, const struct origin_event *event)
{
    struct origin_request *request =
        end(origin, event->file_found.operation, ORIGIN_EFFECT_FIND_FILE);
    if (request == NULL) {
        return;
    }
    if (event->file_found.file == 0) {
        origin_request_reject(origin, request, P2P_REJECT_UNKNOWN);
        return;
    }
    upload_return(&origin->upload, &request->job, ORIGIN_REJECT_BYTES);
    request->file = event->file_found.file;
    origin_send_start(origin, request);
}

void origin_find_proof_found(struct origin *origin, const struct origin_event *event)
{
    struct origin_request *request =
        end(origin, event->proof_found.operation, ORIGIN_EFFECT_FIND_PROOF);
    if (request == NULL) {
        return;
    }
    const struct media_proof *proof = event->proof_found.proof;
    uint32_t row = request->row_asked;
    if (proof == NULL || proof->leaf_count != media_row_chunks(request->id.bytes, row) ||
        proof->uncle_count != media_proof_uncle_count(request->id.bytes)) {
        origin_request_reject(origin, request, P2P_REJECT_DAMAGED);
        return;
    }
    struct p2p_message message = {.type = P2P_PROOF,
                                  .proof = {.request = request->number, .row = row}};
    message.proof.proof = *proof;
    upload_return(&origin->upload, &request->job,
                  origin_send_proof_frame_bytes(request->id.bytes, row));
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: proof %u: row %u", request->link->number, request->number, row);
    origin_send_control(origin, request->link, &message);
    origin_send_ripen(origin, request);
    origin_send_want(origin, request);
}
