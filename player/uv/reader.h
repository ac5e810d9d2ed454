/*
 * reader.h: how decoders' threads get verified bytes.
 *
 * A read looks at the engine's READY slots, then at the store; what is in neither is asked for
 * with a want, and the thread sleeps until the node has answered it (WANT_MET: it looks again;
 * WANT_FAILED: the read fails) or the file was unlocked (flush, seek, stop, end of the run).
 *
 * Threads: reader_file_read runs on any thread, one at a time per file. Everything else is the
 * engine's thread's. `post` is called from reading threads, without any lock of ours held, and
 * may only hand on.
 */
#ifndef PLAYER_UV_READER_H
#define PLAYER_UV_READER_H

#include "common/limits.h"
#include "media/core/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wants for one chunk that may end without it. One does when what came was evicted before we looked,
 * or when the node has no use for a want just now (a seek passed it); several in a row are rare. */
#define READER_ROUNDS_MAX 64u

struct reader;
struct reader_file;

enum reader_post_kind {
    READER_POST_WANT = 0, /* -> node's WANT */
    READER_POST_DROPPED,  /* -> WANT_DROPPED */
    READER_POST_READ,     /* -> READ: once for each chunk of a reader_file */
    READER_POST_ROTTEN,   /* -> ROTTEN: the store's row does not match its proof */
};

struct reader_post {
    enum reader_post_kind kind;
    uint32_t want; /* WANT, DROPPED */
    uint32_t entry;
    media_handle file;
    uint32_t first_chunk; /* WANT, READ; ROTTEN: any chunk of the row */
    uint32_t count;
};

/* Copies one verified chunk out of the store. 0; ERROR_NOT_FOUND; ERROR_MISMATCH: it was there and
 * is rotten; other errors count as not found. Any thread. */
typedef int reader_store_read(void *context, const struct media_file_id *id, uint32_t chunk,
                              uint8_t *ret_bytes);

struct reader_config {
    uint8_t *slots; /* slot_count * CHUNK_BYTES; the engine's, outlives the reader */
    uint32_t slot_count;
    uint64_t seed; /* of the table of chunks */
    reader_store_read *store_read;
    void (*post)(void *context, const struct reader_post *post);
    void *context; /* of both */
};

/* ERROR_NO_MEMORY. */
int reader_new(const struct reader_config *config, struct reader **ret_reader);
/* All files must be closed. Accepts NULL. */
void reader_free(struct reader *reader);

/* The slot holds this verified chunk until reader_release. ERROR_NO_MEMORY. */
int reader_ready(struct reader *reader, media_handle file, uint32_t chunk, uint32_t slot);
/* Nobody looks at the slot any more when this returns. A slot that is not ready: no change. */
void reader_release(struct reader *reader, uint32_t slot);
/* The node's answers. A want that nobody waits for any more is passed over. */
void reader_want_met(struct reader *reader, uint32_t want);
void reader_want_failed(struct reader *reader, uint32_t want, int error);
/* A file for one deck. ERROR_NO_MEMORY. */
int reader_file_open(struct reader *reader, uint32_t entry, media_handle handle,
                     const struct media_file_id *id, struct reader_file **ret_file);
/* Nobody may be reading. Accepts NULL. */
void reader_file_close(struct reader_file *file);

/* The three of media_source (media/gst/pull_source.h), whose context is the reader_file.
 * unlock: every read ends with ERROR_CANCELLED, now and later, until unlock_stop. Any thread. */
void reader_file_unlock(void *file);
void reader_file_unlock_stop(void *file);
/* Copies [offset, offset + count), which must lie within the file. Blocks. 0; ERROR_CANCELLED;
 * ERROR_OFFLINE, ERROR_NOT_FOUND, ERROR_CLOSED: what the node said; ERROR_TIMEOUT: READER_ROUNDS_MAX
 * wants were answered and the chunk was never there. Any thread, one at a time for each file. */
int reader_file_read(void *file, uint64_t offset, void *ret_bytes, uint32_t count);

#endif
