/*
 * ingest.h: one audio file into the origin: hashed, probed, stored, signed, catalogued.
 *
 * Happy path: hash the source (its track id says whether it is known) -> probe -> write the copy
 * (without pictures that would stand before the sound, unless the bytes are to be kept) -> cover
 * (the picture in the file, or else the one beside it, streamserver/picture.h) ->
 * manifest -> publish, catalogue, settle. The track is durable when ingest_file returns 0.
 * Failure modes: the file is not ours to read, is no audio, is damaged, or changed while it was
 * read: nothing of it stays. The origin's storage fails: the same, and result->is_storage.
 *
 * Several threads may ingest at once.
 */
#ifndef STREAMSERVER_INGEST_H
#define STREAMSERVER_INGEST_H

#include "common/limits.h"
#include "media/core/manifest.h"
#include "streamserver/folder.h"

#include <pthread.h>
#include <stdbool.h>

#define INGEST_TEXT_BYTES 256u

struct ingest {
    const struct folder *folder; /* open for writing */
    bool is_keep_bytes;          /* store the file exactly as it is */
    pthread_mutex_t door;        /* of publishing; init-ed by the caller */
};

struct ingest_result {
    bool is_known;   /* the track was there already; nothing was added */
    bool is_storage; /* the error is the origin's own storage: no other file will fare better */
    uint8_t track_id[TRACK_ID_BYTES];
    uint64_t bytes; /* stored, of the audio file */
    uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];
    size_t manifest_bytes;
    char text[INGEST_TEXT_BYTES]; /* why it failed, for people, without a full stop */
};

/* ERROR_UNSUPPORTED: not audio that we play; ERROR_TRUNCATED, ERROR_MALFORMED: damaged audio;
 * ERROR_TOO_LARGE; ERROR_NOT_FOUND, ERROR_DENIED, ERROR_IO of the source; ERROR_EXISTS: its root is
 * taken by a file of another length; ERROR_NO_MEMORY, ERROR_CRYPTO, ERROR_SYSTEM; with is_storage
 * ERROR_FULL, ERROR_DENIED, ERROR_IO, ERROR_DAMAGED. ret_result->text is set on every error, track
 * id and manifest on success. */
int ingest_file(struct ingest *ingest, const char *path, struct ingest_result *ret_result);

#endif
