/*
 * store_compact.c: gives disk space back by a compact copy that takes the database's place.
 *
 * Runs in the writer thread only, so nothing is written meanwhile. Happy path: the copy is made
 * while others read (they share the environment, the copy is one more reader); then env_lock is
 * held exclusively for as long as closing, renaming and opening take, some milliseconds. Failure
 * modes: no room or no copy -> the database stays as it is, and nothing more is tried until the
 * next opening; the new one does not open -> the caller turns writing off, reads give ERROR_IO. An
 * interrupted copy is removed when the store is opened next.
 */
#include "cache/lmdb/store_internal.h"
#include "common/error.h"

#include <limits.h>
#include <unistd.h>

/* A copy is worth while when this much would be given back, and half of what remains. */
#define COMPACT_BYTES_MIN (UINT64_C(16) << 20)

/* Bytes of all pages that hold something. */
static int used_bytes(const struct store *store, uint64_t *ret_bytes)
{
    const MDB_dbi databases[] = {store->env.meta, store->env.files, store->env.rows,
                                 store->env.chunks, store->env.manifests};
    MDB_txn *txn = NULL;
    uint64_t pages = 0;
    int error = mdb_txn_begin(store->env.env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        return store_env_error(error);
    }
    for (size_t i = 0; i < sizeof databases / sizeof databases[0] && error == 0; i++) {
        MDB_stat stat;
        error = mdb_stat(txn, databases[i], &stat);
        if (error == 0) {
            pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        }
    }
    mdb_txn_abort(txn);
    if (error == 0) {
        *ret_bytes = pages * store->env.page_bytes;
    }
    return store_env_error(error);
}

/* Much would be given back, or the limit was lowered; and there is room for the copy. */
static bool is_worthwhile(const struct store *store)
{
    uint64_t file_bytes = 0;
    uint64_t used = 0;
    uint64_t free_bytes = 0;
    if (store_env_file_bytes(&store->env, &file_bytes) != 0 || used_bytes(store, &used) != 0) {
        return false;
    }
    bool fits = used <= store_map_bytes(store->limit_bytes);
    return (file_bytes >= used + used / 2 + COMPACT_BYTES_MIN ||
            (fits && file_bytes > store_map_bytes_max(store->limit_bytes))) &&
           store_free_bytes(store->folder, &free_bytes) == 0 &&
           free_bytes >= used + COMPACT_BYTES_MIN;
}

void store_compact_clean(const struct store *store)
{
    char leftover[PATH_MAX];
    if (store_env_path(store->folder, STORE_ENV_COPY_NAME, leftover)) {
        unlink(leftover);
    }
}

int store_compact(struct store *store)
{
    if (store->copy_failed || !is_worthwhile(store)) {
        return 0;
    }
    if (store_env_copy(store->folder, &store->env) != 0) {
        store->copy_failed = true;
        return 0;
    }
    pthread_rwlock_wrlock(&store->env_lock);
    int error = store_env_swap(store->folder, store_map_bytes(store->limit_bytes), &store->env);
    pthread_rwlock_unlock(&store->env_lock);
    if (store->env.env == NULL) {
        return error;
    }
    store->copy_failed = error != 0;
    store_set_growth(store);
    return 0;
}
