/*
 * files.h: what the node has of each file that matters now, chunk by chunk, and the rows that are
 * being filled.
 *
 * A chunk's states, and who moves it (node_chunks.c):
 *
 *   MISSING -> REQUESTED -> FILLING -> HASHING -> READY -> STORING -> STORED
 *      ^           |           |          |         |  ^      |          |
 *      |           +-----------+----------+         |  +------+ failed   |
 *      +---------- cancelled, lost, wrong ----------+                    |
 *      +------------------- released, evicted, rotten -------------------+
 *
 * A row is open while one of its chunks is REQUESTED to STORING, or while its proof may be needed
 * again. A file is attached while an entry of the window uses it (window.h); when it is detached
 * it drains: nothing is asked for any more, what is verified is stored. Its record stays, with one
 * byte a chunk, because what came from where counts for the whole run.
 */
#ifndef PLAYER_CORE_FILES_H
#define PLAYER_CORE_FILES_H

#include "cache/core/index.h"
#include "common/table.h"
#include "media/core/intern.h"
#include "media/core/merkle.h"
#include "player/core/node.h"

/* Records that are kept of files not attached; beyond, the oldest is forgotten, and its chunks
 * count as cached from then on. */
#define FILES_KEPT_MAX 4096u

enum chunk_state {
    CHUNK_MISSING = 0,
    CHUNK_REQUESTED = 1, /* a slot is promised */
    CHUNK_FILLING = 2,   /* in a slot; so are the next three */
    CHUNK_HASHING = 3,
    CHUNK_READY = 4,
    CHUNK_STORING = 5,
    CHUNK_STORED = 6, /* in the store, in no slot */
};

struct file;

struct row {
    struct file *file;
    uint32_t index;
    bool has_proof;                /* checked */
    uint8_t storing_mask;          /* given in the STORE_ROW that is outstanding; 0 = none */
    uint32_t slots[ROW_CHUNKS];    /* FILLING to STORING; else SLOT_NONE */
    uint32_t links[ROW_CHUNKS];    /* REQUESTED, FILLING: who was asked, */
    uint32_t requests[ROW_CHUNKS]; /* in which request */
    uint32_t proof_link;           /* has_proof == false: who was asked for the proof, */
    uint32_t proof_request;        /* in which request; 0 = nobody was */
    uint8_t hashed_mask;           /* HASHING chunks whose digest waits for the proof */
    uint8_t digests[ROW_CHUNKS][HASH_BYTES]; /* of those */
    uint64_t hold_until_us;                  /* TIME_NEVER_US: not on the hold list */
    struct row *hold_next, *hold_prev;       /* rows with READY chunks, by hold_until_us */
    struct media_proof proof;
};

struct file {
    media_handle handle;
    uint64_t bytes;
    uint32_t chunk_count;
    uint32_t row_count;
    uint8_t *chunks;        /* owned; low 3 bits: the state, then as FILE_SOURCE_SHIFT and below */
    struct row **rows;      /* owned; NULL = no row of it is open and it is not attached */
    uint32_t rows_open;     /* not NULL in rows */
    uint32_t held_count;    /* chunks READY, STORING or STORED */
    uint32_t missing_count; /* chunks MISSING */
    uint32_t first_missing; /* no chunk before it is MISSING */
    uint32_t bad_count;     /* wrong chunks that came */
    bool is_attached;
    bool is_marked;   /* while the window is made */
    bool is_trusted;  /* a manifest with a valid signature names it: it may be stored */
    int refused;      /* the origin has not got it: ERROR_NOT_FOUND; or damaged: ERROR_MISMATCH */
    bool has_no_room; /* the limit leaves no room to store more of it */
    struct file *next;
};

/* In a chunk's byte: where it came from (enum node_source), counted once in the summary, read by
 * some decoder, counted as read in the summary. */
#define FILE_STATE_MASK 7u
#define FILE_SOURCE_SHIFT 3
#define FILE_SOURCE_MASK (3u << FILE_SOURCE_SHIFT)
#define FILE_COUNTED 0x20u
#define FILE_READ 0x40u
#define FILE_USED 0x80u

struct files {
    const struct media_intern *intern; /* borrowed */
    const struct cache_index *index;   /* borrowed */
    struct table table;                /* handle -> struct file */
    struct file *first, *last;         /* in the order of their making */
    uint32_t count;
    struct row *hold_first, *hold_last;
    size_t heap_bytes; /* of files and rows */
};

void files_init(struct files *files, const struct media_intern *intern,
                const struct cache_index *index, uint64_t seed);
void files_deinit(struct files *files);

/* NULL: no record. */
struct file *files_find(const struct files *files, media_handle handle);
/* The file's record, made if need be, attached, its STORED chunks as the index has them. NULL: out
 * of memory. */
struct file *files_attach(struct files *files, media_handle handle);
/* No REQUESTED or FILLING chunk may be left. Frees the rows when none is open (so does the last
 * files_close_row later). */
void files_detach(struct files *files, struct file *file);
/* Forgets the oldest records beyond FILES_KEPT_MAX. */
void files_trim(struct files *files);
/* Brings the STORED and MISSING chunks of an attached file in line with the index. */
void files_sync(struct files *files, struct file *file);

static inline enum chunk_state files_state(const struct file *file, uint32_t chunk)
{
    return (enum chunk_state)(file->chunks[chunk] & FILE_STATE_MASK);
}

static inline bool files_holds(const struct file *file, uint32_t chunk)
{
    return files_state(file, chunk) >= CHUNK_READY;
}

static inline enum node_source files_source(const struct file *file, uint32_t chunk)
{
    return (enum node_source)((file->chunks[chunk] & FILE_SOURCE_MASK) >> FILE_SOURCE_SHIFT);
}

static inline uint32_t files_chunk_bytes(const struct file *file, uint32_t chunk)
{
    return media_chunk_bytes(file->bytes, chunk);
}

static inline struct row *files_row(const struct file *file, uint32_t chunk)
{
    return file->rows == NULL ? NULL : file->rows[chunk / ROW_CHUNKS];
}

void files_set_state(struct file *file, uint32_t chunk, enum chunk_state state);
void files_set_source(struct file *file, uint32_t chunk, enum node_source source);
/* The first MISSING chunk in [from, end), or `end`. */
uint32_t files_next_missing(struct file *file, uint32_t from, uint32_t end);
/* The first chunk in [from, end) that is not held, or `end`. */
uint32_t files_next_lacking(const struct file *file, uint32_t from, uint32_t end);
bool files_holds_all(const struct file *file, uint32_t first, uint32_t count);

/* The row, opened if need be. NULL: out of memory. The file has rows. */
struct row *files_open_row(struct files *files, struct file *file, uint32_t index);
/* Which chunks of a row are in this state. */
uint8_t files_row_mask(const struct row *row, enum chunk_state state);
/* Frees the row when nothing needs it: no chunk is on the way, in a slot, or missing in a file
 * that is attached while the proof is here. */
void files_close_row(struct files *files, struct row *row);

/* Puts a row on the hold list until a moment not before that of the last one put there; or takes
 * it off. No change when it is there already, or not. */
void files_hold(struct files *files, struct row *row, uint64_t until_us);
void files_unhold(struct files *files, struct row *row);

size_t files_heap_bytes(const struct files *files);
void files_check_invariants(const struct files *files);

#endif
