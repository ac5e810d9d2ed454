/*
 * store.c: opening and closing the store.
 *
 * Responsible for judging what stands in the folder (ours, nothing, damaged, foreign, newer), and
 * for the order of starting and stopping. Reading is store_read.c, writing store_writer.c, giving
 * disk space back store_compact.c.
 */
#include "cache/lmdb/store_check.h"
#include "cache/lmdb/store_internal.h"
#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX (2 * PATH_MAX + 256)
#define GROW_STEPS 16u /* from the first size of the map to the largest */

void store_say(const struct store *store, const char *format, ...)
{
    if (store->callbacks.message == NULL) {
        return;
    }
    char text[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    store->callbacks.message(store->callbacks.context, text);
}

static void say_why(const struct store *store, int error)
{
    switch (error) {
    case ERROR_VERSION:
        store_say(store,
                  "chunk store %s: made by a newer version; update this one, or remove the store "
                  "with \"refrain cache clear\"",
                  store->folder);
        break;
    case ERROR_FULL:
        store_say(store, "chunk store %s: no space left on the disk; free some", store->folder);
        break;
    case ERROR_DENIED:
        store_say(store,
                  "chunk store %s: not permitted, or on a read-only file system; make it yours, or "
                  "set XDG_CACHE_HOME",
                  store->folder);
        break;
    case ERROR_DAMAGED:
        store_say(store,
                  "chunk store %s: damaged, and it could not be set aside; remove or rename it",
                  store->folder);
        break;
    case ERROR_NOT_FOUND:
        break; /* nothing there to read is nothing to say */
    default:
        store_say(store, "chunk store %s: %s; look at the disk", store->folder, error_text(error));
    }
}

/* Opens the environment; what is damaged or not ours is renamed, and a new one begun. */
static int open_env(struct store *store)
{
    uint64_t map_bytes = store_map_bytes(store->limit_bytes);
    int error = store->read_only ? 0 : store_env_make_folder(store->folder);
    if (error != 0) {
        return error;
    }
    error =
        store_env_open(store->folder, map_bytes, store->read_only, store->check_us, &store->env);
    if (error != ERROR_DAMAGED || store->read_only) {
        return error;
    }
    char aside[PATH_MAX];
    error = store_env_set_aside(store->folder, aside);
    if (error != 0) {
        return error;
    }
    store_say(store, "chunk store %s: damaged or not ours; kept as %s, a new one is begun",
              store->folder, aside);
    error = store_env_make_folder(store->folder);
    return error != 0
               ? error
               : store_env_open(store->folder, map_bytes, false, store->check_us, &store->env);
}

static int load_uses(struct store *store)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(store->env.env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        return store_env_error(error);
    }
    MDB_val key = {.mv_size = 4, .mv_data = "uses"};
    MDB_val value;
    error = mdb_get(txn, store->env.meta, &key, &value);
    if (error == 0) {
        struct cursor cursor;
        cursor_init(&cursor, value.mv_data, value.mv_size);
        store->uses = cursor_u64(&cursor);
    }
    mdb_txn_abort(txn);
    return error == MDB_NOTFOUND ? 0 : store_env_error(error);
}

static int init_conditions(struct store *store)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return ERROR_SYSTEM;
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int error = ERROR_SYSTEM;
    if (pthread_cond_init(&store->wake, &attributes) == 0) {
        error = pthread_cond_init(&store->idle, &attributes) == 0 ? 0 : ERROR_SYSTEM;
        if (error != 0) {
            pthread_cond_destroy(&store->wake);
        }
    }
    pthread_condattr_destroy(&attributes);
    return error;
}

/* The writer must not wait for readers that keep overlapping. */
static int init_env_lock(struct store *store)
{
    pthread_rwlockattr_t attributes;
    if (pthread_rwlockattr_init(&attributes) != 0) {
        return ERROR_SYSTEM;
    }
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int error = pthread_rwlock_init(&store->env_lock, &attributes) == 0 ? 0 : ERROR_SYSTEM;
    pthread_rwlockattr_destroy(&attributes);
    return error;
}

static int init_locks(struct store *store)
{
    int error = store_verified_init(&store->verified);
    if (error != 0) {
        return error;
    }
    error = init_env_lock(store);
    if (error != 0) {
        goto err_after_verified;
    }
    error = pthread_mutex_init(&store->lock, NULL) == 0 ? 0 : ERROR_SYSTEM;
    if (error != 0) {
        goto err_after_env_lock;
    }
    error = init_conditions(store);
    if (error != 0) {
        goto err_after_lock;
    }
    return 0;

err_after_lock:
    pthread_mutex_destroy(&store->lock);
err_after_env_lock:
    pthread_rwlock_destroy(&store->env_lock);
err_after_verified:
    store_verified_deinit(&store->verified);
    return error;
}

static void deinit_locks(struct store *store)
{
    pthread_cond_destroy(&store->idle);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->lock);
    pthread_rwlock_destroy(&store->env_lock);
    store_verified_deinit(&store->verified);
}

static void free_store(struct store *store)
{
    free(store->record);
    free(store->masks);
    free(store->folder);
    free(store);
}

/* NULL: no memory. */
static struct store *alloc_store(const struct store_config *config)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->folder = strdup(config->folder);
    store->masks = calloc(FILE_ROWS_MAX, 1);
    store->record = calloc(STORE_FILE_BYTES_MAX, 1);
    if (store->folder == NULL || store->masks == NULL || store->record == NULL) {
        free_store(store);
        return NULL;
    }
    store->limit_bytes = config->limit_bytes < STORE_LIMIT_BYTES_LEAST ? STORE_LIMIT_BYTES_LEAST
                                                                       : config->limit_bytes;
    store->read_only = config->read_only;
    store->check_us = config->check_later ? 0 : STORE_CHECK_US_AT_OPEN;
    store->hasher = config->hasher;
    store->callbacks = config->callbacks;
    return store;
}

void store_set_growth(struct store *store)
{
    uint64_t most = store_map_bytes_max(store->limit_bytes);
    uint64_t now = store->env.map_bytes;
    if (now + STORE_LIMIT_BYTES_LEAST / 16 > most) {
        most = now + now / 16 + STORE_LIMIT_BYTES_LEAST;
    }
    store->map_bytes_max = most;
    uint64_t step = (most - now) / GROW_STEPS / store->env.page_bytes * store->env.page_bytes;
    store->map_step_bytes = step > 0 ? step : store->env.page_bytes;
}

/* Brings the opened environment into use. */
static int start(struct store *store)
{
    store_set_growth(store);
    int error = load_uses(store);
    if (error == 0 && !store->read_only) {
        error = store_writer_start(store);
    }
    return error;
}

int store_open(const struct store_config *config, struct store **ret_store)
{
    assert(config->read_only || config->callbacks.stored != NULL);
    assert(!config->read_only || !config->check_later);
    struct store *store = alloc_store(config);
    if (store == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = init_locks(store);
    if (error != 0) {
        goto err_after_alloc;
    }
    error = open_env(store);
    if (error != 0) {
        goto err_after_locks;
    }
    error = start(store);
    if (error != 0) {
        goto err_after_env;
    }
    *ret_store = store;
    return 0;

err_after_env:
    store_env_close(&store->env);
err_after_locks:
    say_why(store, error);
    deinit_locks(store);
err_after_alloc:
    free_store(store);
    return error;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (!store->read_only) {
        store_writer_stop(store);
    }
    store_env_close(&store->env);
    deinit_locks(store);
    free_store(store);
}

int store_free_bytes(const char *folder, uint64_t *ret_bytes)
{
    char path[PATH_MAX];
    struct statvfs status;
    size_t length = strlen(folder);
    if (length == 0 || length >= sizeof path) {
        return ERROR_IO;
    }
    memcpy(path, folder, length + 1);
    while (statvfs(path, &status) != 0) {
        char *slash = strrchr(path, '/');
        if ((errno != ENOENT && errno != ENOTDIR) || strcmp(path, "/") == 0 ||
            strcmp(path, ".") == 0) {
            return ERROR_IO;
        }
        if (slash == NULL) {
            memcpy(path, ".", sizeof "."); /* a relative name of one part */
        } else {
            slash[slash == path ? 1 : 0] = '\0'; /* the root's name is its slash */
        }
    }
    *ret_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return 0;
}
