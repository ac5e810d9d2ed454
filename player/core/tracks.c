/*
 * tracks.c: memory of manifests.
 *
 * Responsible for finding, keeping and freeing; see tracks.h.
 */
#include "player/core/tracks.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void free_track(struct track *track)
{
    free(track->bytes);
    free(track);
}

void tracks_deinit(struct tracks *tracks)
{
    for (uint32_t i = 0; i < tracks->count; i++) {
        free_track(tracks->list[i]);
    }
    memset(tracks, 0, sizeof *tracks);
}

struct track *tracks_find(const struct tracks *tracks, const uint8_t *track_id)
{
    for (uint32_t i = 0; i < tracks->count; i++) {
        if (memcmp(tracks->list[i]->id, track_id, TRACK_ID_BYTES) == 0) {
            return tracks->list[i];
        }
    }
    return NULL;
}

struct track *tracks_add(struct tracks *tracks, const uint8_t *track_id)
{
    assert(tracks_find(tracks, track_id) == NULL);
    struct track *track = tracks->count == TRACKS_MAX ? NULL : calloc(1, sizeof *track);
    if (track == NULL) {
        return NULL;
    }
    memcpy(track->id, track_id, TRACK_ID_BYTES);
    tracks->list[tracks->count++] = track;
    return track;
}

int tracks_set_manifest(struct track *track, const uint8_t *bytes, uint32_t count)
{
    assert(track->bytes == NULL);
    if (count == 0 || count > MEDIA_MANIFEST_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    uint8_t *copy = calloc(1, count);
    if (copy == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(copy, bytes, count);
    int rc = media_manifest_decode(copy, count, &track->manifest);
    if (rc == 0 && memcmp(track->manifest.track_id, track->id, TRACK_ID_BYTES) != 0) {
        rc = ERROR_MISMATCH;
    }
    if (rc != 0) {
        free(copy);
        return rc;
    }
    track->bytes = copy;
    track->count = count;
    return 0;
}

void tracks_clear_manifest(struct track *track)
{
    free(track->bytes);
    track->bytes = NULL;
    track->count = 0;
    track->file = 0;
    track->file_index = 0;
}

void tracks_sweep(struct tracks *tracks)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < tracks->count; i++) {
        struct track *track = tracks->list[i];
        bool waits = track->state == TRACK_LOADING || track->state == TRACK_CHECKING;
        if (track->is_marked || waits) {
            tracks->list[kept++] = track;
        } else {
            free_track(track);
        }
    }
    tracks->count = kept;
}

size_t tracks_heap_bytes(const struct tracks *tracks)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < tracks->count; i++) {
        bytes += sizeof *tracks->list[i] + tracks->list[i]->count;
    }
    return bytes;
}

void tracks_check_invariants(const struct tracks *tracks)
{
    assert(tracks->count <= TRACKS_MAX);
    for (uint32_t i = 0; i < tracks->count; i++) {
        const struct track *track = tracks->list[i];
        assert(tracks_find(tracks, track->id) == track);
        bool is_known = track->state == TRACK_CHECKING || track->state == TRACK_READY;
        assert(is_known == (track->bytes != NULL));
        assert(is_known == (track->file != 0));
        assert((track->state == TRACK_FAILED) == (track->error != 0));
        assert(!is_known || track->file_index < track->manifest.file_count);
    }
}
