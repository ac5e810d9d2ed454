/*
 * catalogue.h: what an origin has: tracks, files and the proofs of their rows, in LMDB.
 *
 * Responsible for DIR/catalogue. Not for the media files themselves (streamserver/folder.h), and
 * not for what a manifest says: it keeps the bytes and reads from them what it sorts by.
 *
 * One process writes at a time (`add`; LMDB's own lock orders several), any number reads at once
 * (`serve`, `ls`); a reader sees each added track whole or not at all, from the moment catalogue_add
 * returned. All functions may be called from any thread. Nothing that is handed out points into
 * the database.
 *
 * Databases, keys -> values (numbers big-endian, so that keys sort):
 *   meta    "format"               -> "RFCATLOG" u32 version (CATALOGUE_VERSION)
 *   changes number u64, from 1 on  -> kind u8, track id 16
 *   tracks  track id 16            -> manifest
 *   order   sort key               -> track id 16
 *   albums  album id 16, disc u16, track u16, title, 0, track id 16 -> track id 16
 *   files   root 32, bytes u64     -> kind u8, track id 16 of the track that brought it
 *   roots   root 32                -> bytes u64
 *   proofs  root 32, row u32       -> leaves u8, uncles u8, hashes 32 each
 * sort key = album artist (artist when there is none), 0, album, 0, disc u16, track u16, title, 0,
 * track id 16. Version 1 has no changes: it is read without them, and gets them when it is opened for
 * writing. Texts in keys are folded as in media/core/track_id.h and cut to
 * CATALOGUE_KEY_TEXT_BYTES_MAX.
 */
#ifndef STREAMSERVER_LMDB_CATALOGUE_H
#define STREAMSERVER_LMDB_CATALOGUE_H

#include "media/core/file_id.h"
#include "media/core/manifest.h"
#include "media/core/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATALOGUE_VERSION 2u
#define CATALOGUE_KEY_TEXT_BYTES_MAX 120u
#define CATALOGUE_MAP_BYTES_DEFAULT ((size_t)1 << 30) /* doubled when it is full */
#define CATALOGUE_READERS_MAX 512u                    /* transactions at once, all processes */
#define CATALOGUE_REVISION_BYTES 32u

struct catalogue;

enum catalogue_kind {
    CATALOGUE_AUDIO = 1,
    CATALOGUE_COVER = 2,
};

/* A file that the media folder holds. */
struct catalogue_file {
    struct media_file_id id;
    enum catalogue_kind kind;
    const struct media_proof *proofs; /* media_row_count(id.bytes) of them; the caller's */
};

/* Numbers are on disk. A change's track is looked at as it is now: what was added may be gone again. */
enum catalogue_change_kind {
    CATALOGUE_ADDED = 1,
    CATALOGUE_REMOVED = 2,
};

struct catalogue_change {
    enum catalogue_change_kind kind;
    uint8_t track_id[TRACK_ID_BYTES];
};

/* A state of the catalogue: the number of its last change, and the first 4 bytes of that change's track id,
 * so that a catalogue that went another way (restored from a backup, made anew) is told apart. 0, 0: the
 * empty one, which every catalogue began as. As text: "0", or "NUMBER-8 hex digits". */
struct catalogue_revision {
    uint64_t number;
    uint32_t mark;
};

struct catalogue_totals {
    uint64_t tracks;
    uint64_t files;
};

/* Makes an empty one in this folder (which exists). ERROR_EXISTS: there is a database, ours or
 * not; ERROR_DENIED, ERROR_FULL, ERROR_IO, ERROR_NO_MEMORY. */
int catalogue_create(const char *path);
/* ERROR_NOT_FOUND: no database here; ERROR_UNSUPPORTED: one, but not ours; ERROR_VERSION: a newer
 * version's; ERROR_DAMAGED; ERROR_DENIED; ERROR_FULL, ERROR_IO, ERROR_NO_MEMORY.
 * `map_bytes` = 0 for the default. */
int catalogue_open(const char *path, bool writable, size_t map_bytes,
                   struct catalogue **ret_catalogue);
void catalogue_close(struct catalogue *catalogue);

/* Adds a track and the files that it brings in one durable transaction. `manifest` is encoded and
 * signed; every file that it names is in `files` or known already. Files that are known with the
 * same length are left as they are.
 * ERROR_EXISTS: the track is known, or a root with another length: see *ret_conflict (the root is
 * known with that many bytes; 0 = it is the track), which is written then only.
 * ERROR_MALFORMED: no manifest, or a file that is neither given nor known.
 * ERROR_FULL: no space on disk; ERROR_IO, ERROR_NO_MEMORY. After an error nothing is added. */
int catalogue_add(struct catalogue *catalogue, const uint8_t *manifest, size_t manifest_bytes,
                  const struct catalogue_file *files, uint32_t file_count, uint64_t *ret_conflict);

/* All of these: ERROR_NOT_FOUND; ERROR_DAMAGED: an entry has not the form above; ERROR_IO. */
int catalogue_get_manifest(struct catalogue *catalogue, const uint8_t track_id[TRACK_ID_BYTES],
                           uint8_t ret_manifest[MEDIA_MANIFEST_BYTES_MAX], size_t *ret_bytes);
/* The file with exactly this root and length. ret_track_id may be NULL. */
int catalogue_get_file(struct catalogue *catalogue, const struct media_file_id *file,
                       enum catalogue_kind *ret_kind, uint8_t ret_track_id[TRACK_ID_BYTES]);
/* The length of the one file with this root. */
int catalogue_get_bytes(struct catalogue *catalogue, const uint8_t root[HASH_BYTES],
                        uint64_t *ret_bytes);
/* `file` has the length that it has here, else ERROR_NOT_FOUND. The proof is not checked. */
int catalogue_get_proof(struct catalogue *catalogue, const struct media_file_id *file, uint32_t row,
                        struct media_proof *ret_proof);
int catalogue_get_totals(struct catalogue *catalogue, struct catalogue_totals *ret_totals);

/* As it is now. ERROR_UNSUPPORTED: the catalogue is of version 1. */
int catalogue_get_revision(struct catalogue *catalogue, struct catalogue_revision *ret_revision);
/* Up to `max` changes behind `since`, in their order; *ret_revision: after the last of them (`since` when
 * there is none). *ret_is_last: no more follow. ERROR_NOT_FOUND: `since` is no state that this catalogue
 * was in; ERROR_UNSUPPORTED as above. */
int catalogue_list_changes(struct catalogue *catalogue, const struct catalogue_revision *since,
                           struct catalogue_change *ret_changes, uint32_t max, uint32_t *ret_count,
                           struct catalogue_revision *ret_revision, bool *ret_is_last);
/* Up to `max` track ids in the order of the sort key, behind the track `after` (NULL: from the
 * start). *ret_count < max: these were the last. ERROR_NOT_FOUND: `after` is no track. */
int catalogue_list(struct catalogue *catalogue, const uint8_t *after,
                   uint8_t (*ret_track_ids)[TRACK_ID_BYTES], uint32_t max, uint32_t *ret_count);
/* The same within an album, by disc, track, title. ERROR_NOT_FOUND: no track has this album, or
 * `after` is not in it. */
int catalogue_list_album(struct catalogue *catalogue, const uint8_t album_id[ALBUM_ID_BYTES],
                         const uint8_t *after, uint8_t (*ret_track_ids)[TRACK_ID_BYTES],
                         uint32_t max, uint32_t *ret_count);

#endif
