/*
 * tracks.h: the manifests of the entries that matter now.
 *
 * A track's states (node_tracks.c moves it):
 *
 *   LOADING  -> CHECKING     the cache has the manifest: is its signature right?
 *   LOADING  -> ABSENT       it has not: the origin must be asked
 *   ABSENT   -> OPENING      an OPEN is outstanding (back to ABSENT when the link is lost)
 *   OPENING  -> CHECKING     OPENED came
 *   CHECKING -> READY | ABSENT (a cached one with a wrong signature) | FAILED
 *   any      -> FAILED       for good, with the reason
 *
 * Manifest and bytes stay where they are while the track lives, because decoders borrow them. A
 * track that the window does not hold any more leaves at the beginning of the next step, and not
 * while an answer about it is outstanding.
 */
#ifndef PLAYER_CORE_TRACKS_H
#define PLAYER_CORE_TRACKS_H

#include "player/core/files.h"

/* Current, prepared, fetched and looked-up entries, and some that wait for an answer. */
#define TRACKS_MAX 128u

enum track_state {
    TRACK_LOADING = 0,
    TRACK_ABSENT,
    TRACK_OPENING,
    TRACK_CHECKING,
    TRACK_READY,
    TRACK_FAILED,
};

struct track {
    uint8_t id[TRACK_ID_BYTES];
    enum track_state state;
    int error;           /* FAILED: why */
    bool is_marked;      /* the window holds it */
    bool is_from_link;   /* the manifest came over a link: it is to be stored */
    bool is_from_peer;   /* and that was a peer's */
    uint32_t peer_tries; /* how often peers were asked for it */
    uint64_t retry_us;   /* no OPEN to a peer before */
    bool is_tried;       /* the origin was asked: the cache's manifest was no good */
    uint8_t *bytes;      /* the manifest's, owned; CHECKING and READY */
    uint32_t count;
    struct media_manifest manifest; /* CHECKING and READY; borrows from bytes */
    uint32_t file_index;            /* the file that is used; from CHECKING on */
    media_handle file;              /* from CHECKING on; 0 before */
    uint32_t held_at_first;         /* chunks of it that were here when it became known */
};

struct tracks {
    struct track *list[TRACKS_MAX]; /* owned; in the order of their making */
    uint32_t count;
};

void tracks_deinit(struct tracks *tracks);
/* NULL: not here. */
struct track *tracks_find(const struct tracks *tracks, const uint8_t *track_id);
/* A new one, LOADING. NULL: out of memory, or TRACKS_MAX. */
struct track *tracks_add(struct tracks *tracks, const uint8_t *track_id);
/* Copies the bytes and reads them. The errors of media_manifest_decode; ERROR_MISMATCH: they are
 * of another track; ERROR_NO_MEMORY. On error the track is as it was. */
int tracks_set_manifest(struct track *track, const uint8_t *bytes, uint32_t count);
/* Frees the manifest. */
void tracks_clear_manifest(struct track *track);
/* Frees those that are not marked and wait for no answer. */
void tracks_sweep(struct tracks *tracks);
/* Of the file that is used. */
static inline const struct media_file *tracks_file(const struct track *track)
{
    return &track->manifest.files[track->file_index];
}
size_t tracks_heap_bytes(const struct tracks *tracks);
void tracks_check_invariants(const struct tracks *tracks);

#endif
