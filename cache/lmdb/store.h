/*
 * store.h: the durable chunk store: verified rows of files, in one LMDB environment.
 *
 * Responsible for: rows that survive kill -9, reads that are never wrong, group commit, setting a
 * damaged database aside. Not for: what to keep (cache/core/index), who may write (the program
 * holds the engine lock of the state folder before it opens the store), names of tracks.
 *
 * FOLDER/data.mdb, FOLDER/lock.mdb (LMDB 0.9). Numbers big-endian. Five named databases:
 *   meta       "format"  -> "refrain chunks" 14, format u16 (STORE_FORMAT)
 *              "uses"    -> u64, the number of the last use
 *   files      file id 40                      -> last use u64, flags u8 (1: pinned, 2: complete, 4: main),
 *                                                 chunks u32, then a mask a row unless complete
 *   rows       file id 40, row u32             -> format u8 (1), mask u8, leaves u8, uncles u8,
 *                                                 hashes 32 each, the last 16 bytes of each chunk
 *                                                 (zeros for one that is short or not there)
 *   chunks     file id 40, chunk u32           -> a chunk of 16 KiB without its last 16 bytes; a
 *                                                 shorter one whole
 *   manifests  track id 16                     -> the manifest's bytes
 * LMDB puts 16 bytes before a large value: 16,368 bytes fill 4 pages of 4 KiB, 16,384 would take a
 * fifth. So every chunk takes the same 4 pages, free places always fit, and a chunk is written
 * once, whether its row comes at once or in parts. A row certifies itself: its proof leads to the
 * file id in its key, its chunks to the proof.
 *
 * Versions: a database of a newer format is refused (ERROR_VERSION), never changed. One that is
 * not ours, or damaged, is renamed FOLDER.damaged-N and a new one begun; `message` says so.
 *
 * Threads: store_read, store_load_manifest and the put and evict calls may come from any thread.
 * Callbacks come on the store's writer thread, or within store_open and store_close; they must only
 * post, and must not call the store. No pointer into LMDB leaves this component.
 *
 * The limit is what the file may take of the disk: the payload that the node may keep is
 * store_payload_limit_bytes(limit), a little less, so that pages between transactions have room.
 * LMDB's file never shrinks: when most of it is free, or the limit was lowered and what is left
 * fits, the writer thread puts a compact copy in its place. It looks when the store was opened (and
 * its structure checked), and after evictions when nothing waits to be written. Puts wait for the
 * copy, and so does store_close; reads wait for the rename only.
 */
#ifndef CACHE_LMDB_STORE_H
#define CACHE_LMDB_STORE_H

#include "common/limits.h"
#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_FORMAT 1u
#define STORE_LIMIT_BYTES_MIN (UINT64_C(50) << 20)
#define STORE_LIMIT_BYTES_MAX (UINT64_C(10) << 30)  /* of the default; a listener may set more */
#define STORE_LIMIT_BYTES_LEAST (UINT64_C(1) << 20) /* what a listener sets is raised to this */
#define STORE_COMMIT_US UINT64_C(200000) /* an operation waits at most this long for others */
#define STORE_COMMIT_BYTES                                                                         \
    (UINT64_C(16) << 20) /* in one transaction: what came while one was synced */
#define STORE_HURRY_BYTES (UINT64_C(1) << 20) /* so much does not wait for more */
#define STORE_QUEUE_MAX 65536u                /* operations waiting */
#define STORE_MANIFEST_BYTES_MAX 8192u

struct store;

/* Injected; called from several threads at once. */
struct store_hasher {
    /* SHA-256 of a chunk. */
    void (*chunk)(void *context, const uint8_t *bytes, size_t count, uint8_t ret_hash[HASH_BYTES]);
    void *context;
    struct media_hasher pair;
};

struct store_callbacks {
    void *context;
    /* The one answer to a store_put_row that returned 0. error: 0 = it is on the disk; ERROR_FULL:
     * the disk or the map is full or failed, and writing is off until store_retry; ERROR_CLOSED:
     * the store was closed before; ERROR_DAMAGED: the database is damaged, writing stays off. From
     * now on the chunks' buffers are the caller's again. */
    void (*stored)(void *context, uint64_t token, int error);
    /* When chunks were added to a row, what the store knew of it was found rotten and dropped. Comes
     * after `stored` for that put: whoever keeps an index strikes out the row and evicts it. */
    void (*rotten)(void *context, const struct media_file_id *file, uint32_t row);
    /* One sentence for people: "THING: REASON; CURE", without the program's name. */
    void (*message)(void *context, const char *text);
};

struct store_config {
    const char *folder;   /* made if need be, with its parents; copied */
    uint64_t limit_bytes; /* of the file */
    bool read_only; /* nothing is made, changed or set aside; puts and the like: ERROR_DENIED */
    bool
        check_later; /* the writer thread alone walks the structure (store_check.h), as it does with
                       * a store that opening has no time for; not with read_only (asserted) */
    struct store_hasher hasher;
    struct store_callbacks
        callbacks; /* `stored` is needed unless read_only, the others may be NULL */
};

/*
 * Opens the store; once in a process for a folder.
 *   ERROR_VERSION    made by a newer version: left as it is
 *   ERROR_FULL       no room on the disk to begin a database
 *   ERROR_DENIED     the folder may not be written (or read); try read_only
 *   ERROR_NOT_FOUND  read_only, and there is nothing
 *   ERROR_DAMAGED    damaged or not ours, and it could not be set aside (or read_only)
 *   ERROR_IO, ERROR_NO_MEMORY, ERROR_SYSTEM
 * In all these cases a player plays on without a cache. `message` has told why.
 */
int store_open(const struct store_config *config, struct store **ret_store);
/* Carries out what is queued, calls all callbacks that are due, then frees. Takes NULL. */
void store_close(struct store *store);

/* Each file that the store holds, least recently used first. `row_masks` as in
 * NODE_EVENT_CACHED_FILE (NULL = complete), borrowed for the call; use->last_use counts 1, 2, 3 ...
 * Payload is not read. Files that a reader would refuse (a bad record) are passed over.
 * ERROR_NO_MEMORY, ERROR_IO. No transaction is open during the calls. */
struct store_use {
    uint64_t last_use; /* larger = later */
    bool is_main;      /* as of the last store_touch: it is not on probation any more */
    bool pinned;
};
typedef void store_each_file(void *context, const struct media_file_id *file,
                             const uint8_t *row_masks, const struct store_use *use);
int store_list_files(struct store *store, store_each_file *each, void *context);
/* Each track with a manifest, in order of ids. The callback must not call the store. */
typedef void store_each_manifest(void *context, const uint8_t track_id[TRACK_ID_BYTES],
                                 const uint8_t *bytes, uint32_t count);
int store_list_manifests(struct store *store, store_each_manifest *each, void *context);

/*
 * Copies one chunk out; ret_buffer has CHUNK_BYTES. Any thread; waits for no writer. The first
 * read of a row after each opening (and each change) hashes the whole row against its proof and
 * the file id: about 100 us.
 *   ERROR_NOT_FOUND  it is not stored (`chunk` may be any number)
 *   ERROR_MISMATCH   the row is rotten: nothing was copied; report NODE_EVENT_ROTTEN
 *   ERROR_IO, ERROR_NO_MEMORY
 */
int store_read(struct store *store, const struct media_file_id *file, uint32_t chunk,
               uint8_t *ret_buffer, uint32_t *ret_bytes);
/* Likewise a row's proof, verified. */
int store_read_proof(struct store *store, const struct media_file_id *file, uint32_t row,
                     struct media_proof *ret_proof);
/* ret_buffer has STORE_MANIFEST_BYTES_MAX. The bytes are as they were put: check their signature.
 * ERROR_NOT_FOUND, ERROR_IO. */
int store_load_manifest(struct store *store, const uint8_t track_id[TRACK_ID_BYTES],
                        uint8_t *ret_buffer, uint32_t *ret_bytes);

/*
 * Queues chunks of a row, all verified by the caller. `chunks` holds pointers for the bits of
 * `mask` (at least one; none beyond the file's end); the buffers stay valid and unchanged until
 * `stored`. The proof is copied, the array of pointers too. What is stored of the row already is
 * kept. On the disk within a second.
 * 0: exactly one `stored` follows. ERROR_NO_MEMORY, ERROR_FULL (STORE_QUEUE_MAX), ERROR_DENIED
 * (read_only): none follows.
 */
int store_put_row(struct store *store, const struct media_file_id *file, uint32_t row, uint8_t mask,
                  const uint8_t *const chunks[ROW_CHUNKS], const struct media_proof *proof,
                  uint64_t token);
/* Without answers; carried out in the order of the calls, puts included; kept for the next
 * transaction when one fails. The bytes are copied. ERROR_NO_MEMORY, ERROR_FULL (STORE_QUEUE_MAX),
 * ERROR_DENIED (read_only); put_manifest also ERROR_TOO_LARGE (STORE_MANIFEST_BYTES_MAX). */
int store_evict_file(struct store *store, const struct media_file_id *file);
int store_evict_row(struct store *store, const struct media_file_id *file, uint32_t row);
/* It was used; `is_main` as of cache/core/index.h. */
int store_touch(struct store *store, const struct media_file_id *file, bool is_main);
int store_pin(struct store *store, const struct media_file_id *file, bool pinned);
int store_put_manifest(struct store *store, const uint8_t track_id[TRACK_ID_BYTES],
                       const uint8_t *bytes, uint32_t count);

/* Waits until what was queued before is carried out, and its callbacks have returned; also until
 * the writer thread has done what opening left to it, and the file is compact if evictions made
 * that worth while. 0, or why writing is off (ERROR_FULL, ERROR_DAMAGED). Not for read_only
 * (asserted). */
int store_flush(struct store *store);
/* Writing is allowed again after ERROR_FULL; the next put shows whether it works. Waits for
 * nothing. */
void store_retry(struct store *store);
/* False after ERROR_FULL or ERROR_DAMAGED, until store_retry. */
bool store_writable(struct store *store);

struct store_status {
    uint64_t payload_bytes; /* of chunks */
    uint64_t file_bytes;    /* of data.mdb */
    uint64_t limit_bytes;
    uint32_t files;
    uint64_t chunks;
};

/* Sums over the file records. ERROR_NO_MEMORY, ERROR_IO. */
int store_get_status(struct store *store, struct store_status *ret_status);

/* 10 % of the free disk (what the cache takes already counts as free), within 50 MiB and 10 GiB.
 * Pure. */
uint64_t store_default_limit_bytes(uint64_t free_bytes, uint64_t cache_file_bytes);
/* The payload that fits into a file of `limit_bytes`, with room for pages between transactions: 92 %
 * of it. Pure. */
uint64_t store_payload_limit_bytes(uint64_t limit_bytes);
/* Bytes that this user may still write where `folder` is (or will be: its nearest parent that is
 * there). ERROR_IO. */
int store_free_bytes(const char *folder, uint64_t *ret_bytes);

#endif
