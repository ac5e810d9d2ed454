/*
 * store_internal.h: the store's own state, shared by its source files and nobody else.
 *
 * Who may touch what: `env` under env_lock (shared: a transaction; exclusive: resize, reopen; the
 * writer thread, the only one that takes it exclusively, needs no lock for its own transactions);
 * fields from `lock` on under `lock`; `uses` and the scratch buffers by the writer thread alone.
 * Order of locks: env_lock before verified.lock; `lock` is never held with another.
 */
#ifndef CACHE_LMDB_STORE_INTERNAL_H
#define CACHE_LMDB_STORE_INTERNAL_H

#include "cache/lmdb/store.h"
#include "cache/lmdb/store_env.h"
#include "cache/lmdb/store_format.h"
#include "cache/lmdb/store_verified.h"

#include <pthread.h>

enum store_op_kind {
    STORE_OP_PUT_ROW,
    STORE_OP_EVICT_FILE,
    STORE_OP_EVICT_ROW,
    STORE_OP_TOUCH,
    STORE_OP_PIN,
    STORE_OP_PUT_MANIFEST,
};

/* One queued operation; owned by the list that it is in. */
struct store_op {
    struct store_op *next;
    enum store_op_kind kind;
    uint64_t queued_us;
    struct media_file_id file;
    uint32_t row;
    uint8_t mask;
    bool pinned;
    bool is_main;
    bool rotten; /* found while it was applied: what was stored of the row was dropped */
    uint64_t token;
    const uint8_t *chunks[ROW_CHUNKS]; /* the caller's, until the answer */
    struct media_proof proof;
    uint8_t track_id[TRACK_ID_BYTES];
    uint32_t manifest_bytes;
    uint8_t manifest[]; /* manifest_bytes of them */
};

struct store_op_list {
    struct store_op *first;
    struct store_op *last;
    uint32_t count;
    uint64_t bytes; /* of payload */
};

struct store {
    char *folder;
    uint64_t limit_bytes;
    bool read_only;
    uint64_t check_us; /* of the structure check, in opening */
    struct store_hasher hasher;
    struct store_callbacks callbacks;

    struct store_env env;
    pthread_rwlock_t env_lock;
    struct store_verified verified;

    /* The writer thread's own. */
    uint64_t map_bytes_max;  /* how large the map may become */
    uint64_t map_step_bytes; /* by how much it grows at once */
    uint64_t uses;           /* number of the last use */
    bool has_evicted;        /* since it was last asked whether the file should be compact */
    bool copy_failed;        /* no more compact copies before the next opening */
    uint8_t *masks;          /* FILE_ROWS_MAX */
    uint8_t *record;         /* STORE_FILE_BYTES_MAX */
    bool must_reopen;        /* LMDB refuses to write until the environment is opened again */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;        /* the writer: there is work, or it must hurry */
    pthread_cond_t idle;        /* flushers: a batch is over */
    struct store_op_list queue; /* waiting */
    struct store_op_list held;  /* kept until writing works again; no puts */
    uint64_t accepted;          /* operations ever queued, and one that stands for the opening's */
    uint64_t finished;          /* of those, carried out or held */
    uint64_t flush_until;       /* hurry while `finished` is below */
    bool closing;
    int off; /* 0: writing is on; else why not */
};

/* ---- store_writer.c ---- */

/* Starts the writer thread. ERROR_SYSTEM. */
int store_writer_start(struct store *store);
/* Carries out what is queued, and joins the thread. */
void store_writer_stop(struct store *store);
void store_op_list_push(struct store_op_list *list, struct store_op *op);
struct store_op *store_op_list_pop(struct store_op_list *list); /* NULL: empty */

/* ---- store_apply.c: in the writer thread; what they return is LMDB's or the system's ---- */

/* One transaction with all of these operations, from `first` up to `end` (not included). Sets
 * `rotten` of those that found rot. On an error nothing has changed. */
int store_apply(struct store *store, struct store_op *first, const struct store_op *end);
/* A transaction that changes nothing: pages that were freed before become usable. */
int store_apply_nothing(struct store *store);

/* ---- store_read.c ---- */

/* Copies a chunk of the row out of its two places; ret_buffer has CHUNK_BYTES. ERROR_MISMATCH: it is
 * not there as the row's mask says. */
int store_copy_chunk(const struct store_env *env, MDB_txn *txn, const struct media_file_id *file,
                     uint32_t chunk, const struct store_row_view *view, uint8_t *ret_buffer);
/* Checks every chunk of a row against its proof, and the proof against the file. ERROR_MISMATCH. */
int store_verify_row(const struct store_env *env, MDB_txn *txn, const struct store_hasher *hasher,
                     const struct media_file_id *file, uint32_t row,
                     const struct store_row_view *view);

/* ---- store_compact.c: in the writer thread, on a structure that was checked ---- */

/* Puts a compact copy in the place of the database, if that is worth while and can be done. ERROR_*
 * only when the environment is not open any more. */
int store_compact(struct store *store);
/* Removes a copy that was interrupted. */
void store_compact_clean(const struct store *store);

/* ---- store.c ---- */

/* Decides how far the map may grow, from its size now. A file that is larger than the limit (which
 * was lowered) needs some pages, too: nothing can be evicted without. */
void store_set_growth(struct store *store);

/* Says one sentence for people, if anybody listens. */
void store_say(const struct store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
