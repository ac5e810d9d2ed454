/*
 * asker.c: see asker.h.
 */
#include "tests/lib/asker.h"

#include <assert.h>
#include <string.h>

static const uint64_t file_bytes[ASKER_FILES + 1] = {20 * CHUNK_BYTES + 100, 3 * CHUNK_BYTES, 777};

static const struct {
    uint32_t file;
    uint8_t run_count;
    struct media_run runs[4];
} tracks[ASKER_TRACKS] = {
    {0, 3, {{0, 2}, {20, 1}, {2, 1}}},
    {1, 1, {{0, 3}}},
    {2, 1, {{0, 1}}},
};

struct media_file_id asker_file(uint32_t file)
{
    assert(file <= ASKER_FILES);
    struct media_file_id id = {.bytes = file_bytes[file]};
    id.root[0] = (uint8_t)(file + 1);
    return id;
}

uint32_t asker_track_file(uint32_t track)
{
    assert(track >= 1 && track <= ASKER_TRACKS);
    return tracks[track - 1].file;
}

uint32_t asker_manifest(uint32_t track, uint8_t ret_manifest[static MEDIA_MANIFEST_BYTES_MAX])
{
    struct media_file_id id = asker_file(asker_track_file(track));
    struct media_manifest manifest = {.file_count = 1};
    manifest.track_id[0] = (uint8_t)track;
    manifest.files[0] = (struct media_file){.id = id,
                                            .source = id,
                                            .codec = MEDIA_CODEC_VORBIS,
                                            .container = MEDIA_CONTAINER_OGG,
                                            .channels = 2,
                                            .rate_hz = 44100,
                                            .bitrate_bps = 128000,
                                            .samples = 441000,
                                            .track_gain = MEDIA_GAIN_UNKNOWN,
                                            .album_gain = MEDIA_GAIN_UNKNOWN,
                                            .start_run_count = tracks[track - 1].run_count};
    memcpy(manifest.files[0].start_runs, tracks[track - 1].runs, sizeof tracks[track - 1].runs);
    size_t bytes = 0;
    int error = media_manifest_encode(&manifest, ret_manifest, MEDIA_MANIFEST_BYTES_MAX, &bytes);
    assert(error == 0);
    return (uint32_t)bytes;
}

void asker_proof(uint64_t bytes, uint32_t row, struct media_proof *ret_proof)
{
    *ret_proof = (struct media_proof){.leaf_count = (uint8_t)media_row_chunks(bytes, row),
                                      .uncle_count = (uint8_t)media_proof_uncle_count(bytes)};
}

static struct asker_request *watched(struct asker_request *requests, uint32_t number)
{
    return number < ASKER_REQUESTS ? &requests[number] : NULL;
}

/* The number's request, watched from now on unless it has been used before. */
static struct asker_request *watch(struct asker_request *requests, uint32_t number)
{
    struct asker_request *request = watched(requests, number);
    if (request == NULL || request->is_asked) {
        return NULL;
    }
    *request = (struct asker_request){.is_asked = true};
    return request;
}

struct p2p_message asker_open(struct asker_request *requests, uint32_t number, uint32_t track,
                              bool start)
{
    struct p2p_message message = {
        .type = P2P_OPEN, .open = {.request = number, .flags = start ? P2P_OPEN_START_SET : 0}};
    message.open.track_id[0] = (uint8_t)track;
    struct asker_request *request = watch(requests, number);
    if (request == NULL) {
        return message;
    }
    request->is_open = true;
    request->wants_payload = start;
    request->wants_proofs = start;
    if (track >= 1 && track <= ASKER_TRACKS) {
        request->file = tracks[track - 1].file;
        request->run_count = tracks[track - 1].run_count;
        memcpy(request->runs, tracks[track - 1].runs, sizeof request->runs);
    }
    return message;
}

struct p2p_message asker_ask(struct asker_request *requests, uint32_t number, uint32_t file,
                             uint32_t first, uint16_t count, uint8_t priority, bool proofs)
{
    struct p2p_message message = {.type = P2P_REQUEST,
                                  .request = {.request = number,
                                              .first_chunk = first,
                                              .count = count,
                                              .priority = priority,
                                              .flags = proofs ? P2P_REQUEST_PROOFS : 0}};
    message.request.file.root[0] = (uint8_t)file;
    message.request.file.bytes = file <= ASKER_FILES && file >= 1 ? file_bytes[file - 1] : 5555;
    struct asker_request *request = watch(requests, number);
    if (request != NULL && file >= 1 && file <= ASKER_FILES) {
        request->file = file - 1;
        request->wants_payload = true;
        request->wants_proofs = proofs;
        request->run_count = 1;
        request->runs[0] = (struct media_run){first, count};
    }
    return message;
}

struct p2p_message asker_cancel(struct asker_request *requests, uint32_t number)
{
    struct asker_request *request = watched(requests, number);
    if (request != NULL && request->is_asked && !request->is_over) {
        request->is_cancelled = true;
    }
    return (struct p2p_message){.type = P2P_CANCEL, .cancel = {.request = number}};
}

static void takes_fragment(struct asker_request *request, const struct p2p_message *message)
{
    const struct media_run *run = &request->runs[request->run_at];
    uint32_t chunk = run->first + request->chunk;
    uint32_t total = media_chunk_bytes(file_bytes[request->file], chunk);
    assert(message->fragment.chunk == chunk);
    assert(message->fragment.offset == request->offset);
    assert(message->fragment.bytes >= 1);
    assert(request->offset + message->fragment.bytes <= total);
    assert(!request->wants_proofs || (request->proven & 1u << chunk / ROW_CHUNKS) != 0);
    request->offset += message->fragment.bytes;
    if (request->offset == total) {
        request->offset = 0;
        request->chunk++;
    }
    if (request->chunk == run->count) {
        request->chunk = 0;
        request->run_at++;
        request->is_over = request->run_at == request->run_count;
    }
}

static void takes_proof(struct asker_request *request, const struct p2p_message *message)
{
    assert(request->wants_proofs);
    assert((request->proven & 1u << message->proof.row) == 0); /* once */
    request->proven |= 1u << message->proof.row;
}

static uint32_t number_of(const struct p2p_message *message)
{
    return message->type == P2P_OPENED     ? message->opened.request
           : message->type == P2P_FRAGMENT ? message->fragment.request
           : message->type == P2P_PROOF    ? message->proof.request
                                           : message->reject.request;
}

void asker_takes(struct asker_request *requests, const struct p2p_message *message)
{
    struct asker_request *request = watched(requests, number_of(message));
    if (request == NULL) {
        return;
    }
    assert(request->is_asked);
    assert(!request->is_over);
    if (message->type == P2P_REJECT) {
        request->is_over = true;
        request->rejected = message->reject.reason;
        return;
    }
    assert(!request->is_cancelled);
    if (message->type == P2P_OPENED) {
        assert(request->is_open && !request->is_opened);
        request->is_opened = true;
        request->is_over = !request->wants_payload;
        return;
    }
    assert(!request->is_open || request->is_opened);
    assert(request->run_at < request->run_count);
    if (message->type == P2P_PROOF) {
        takes_proof(request, message);
    } else {
        takes_fragment(request, message);
    }
}

bool asker_is_served(const struct asker_request *request)
{
    return request->is_over && request->rejected == 0;
}
