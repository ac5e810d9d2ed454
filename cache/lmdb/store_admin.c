/*
 * store_admin.c: looking after a store from outside: sums, a full verification, removal.
 *
 * Responsible for nothing that a player does while it plays. Transactions are short here too: a
 * verification reads some rows in each, so that a player beside it can reuse its pages.
 */
#include "cache/lmdb/store_admin.h"

#include "cache/lmdb/store_check.h"
#include "cache/lmdb/store_internal.h"
#include "common/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_A_TRANSACTION 64u

static void ignore_stored(void *context, uint64_t token, int error)
{
    (void)context;
    (void)token;
    (void)error;
}

static struct store_config plain_config(const char *folder, uint64_t limit_bytes, bool read_only)
{
    return (struct store_config){.folder = folder,
                                 .limit_bytes = limit_bytes,
                                 .read_only = read_only,
                                 .callbacks = {.stored = ignore_stored}};
}

int store_admin_status(const char *folder, uint64_t limit_bytes, struct store_status *ret_status)
{
    struct store_config config = plain_config(folder, limit_bytes, true);
    struct store *store = NULL;
    int error = store_open(&config, &store);
    if (error == ERROR_NOT_FOUND) {
        *ret_status = (struct store_status){.limit_bytes = limit_bytes};
        return 0;
    }
    if (error != 0) {
        return error;
    }
    error = store_get_status(store, ret_status);
    store_close(store);
    return error;
}

/* ---- verify ---- */

struct bad_row {
    struct media_file_id file;
    uint32_t row;
};

struct verification {
    struct store *store;
    struct store_verify_report report;
    struct bad_row *bad; /* rows to report and take out */
    size_t bad_count;
    size_t bad_capacity;
    int error; /* while files are listed */
};

static int note_bad(struct verification *verification, const struct media_file_id *file,
                    uint32_t row)
{
    if (verification->bad_count == verification->bad_capacity) {
        size_t capacity = verification->bad_capacity == 0 ? 64 : 2 * verification->bad_capacity;
        struct bad_row *bad = realloc(verification->bad, capacity * sizeof *bad);
        if (bad == NULL) {
            return ERROR_NO_MEMORY;
        }
        verification->bad = bad;
        verification->bad_capacity = capacity;
    }
    verification->bad[verification->bad_count++] = (struct bad_row){*file, row};
    verification->report.damaged++;
    return 0;
}

/* The mask that the file's record has for a row; 0 without a sound record. */
static uint8_t recorded_mask(const struct store *store, MDB_txn *txn,
                             const struct media_file_id *file, uint32_t row)
{
    uint8_t key_bytes[MEDIA_FILE_ID_BYTES];
    struct store_file_view view;
    MDB_val value;
    store_file_key(file, key_bytes);
    MDB_val key = {.mv_size = sizeof key_bytes, .mv_data = key_bytes};
    if (mdb_get(txn, store->env.files, &key, &value) != 0 ||
        store_file_decode(value.mv_data, value.mv_size, file->bytes, &view) != 0) {
        return 0;
    }
    return view.masks == NULL ? store_full_mask(file->bytes, row) : view.masks[row];
}

static int verify_row(struct verification *verification, MDB_txn *txn, const MDB_val *key,
                      const MDB_val *value)
{
    const struct store *store = verification->store;
    struct media_file_id file;
    struct store_row_view view;
    uint32_t row = 0;
    verification->report.rows++;
    if (!store_row_key_decode(key->mv_data, key->mv_size, &file, &row)) {
        verification->report.damaged++; /* nobody will ever ask for it */
        return 0;
    }
    if (store_row_decode(value->mv_data, value->mv_size, file.bytes, row, &view) != 0 ||
        store_verify_row(&store->env, txn, &store->hasher, &file, row, &view) != 0 ||
        recorded_mask(store, txn, &file, row) != view.mask) {
        return note_bad(verification, &file, row);
    }
    verification->report.chunks += (uint32_t)__builtin_popcount(view.mask);
    return 0;
}

/* Verifies some rows from `from` on, and puts the key to go on from there. MDB_NOTFOUND: that was
 * all. Else ours. */
static int verify_some(struct verification *verification, uint8_t from[STORE_ROW_KEY_BYTES])
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int error = mdb_txn_begin(verification->store->env.env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        return store_env_error(error);
    }
    error = mdb_cursor_open(txn, verification->store->env.rows, &cursor);
    if (error != 0) {
        mdb_txn_abort(txn);
        return store_env_error(error);
    }
    MDB_val key = {.mv_size = STORE_ROW_KEY_BYTES, .mv_data = from};
    MDB_val value;
    int found = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (uint32_t i = 0; i < ROWS_A_TRANSACTION && found == 0 && error == 0; i++) {
        error = verify_row(verification, txn, &key, &value);
        found = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (found == 0) {
        size_t bytes = key.mv_size < STORE_ROW_KEY_BYTES ? key.mv_size : STORE_ROW_KEY_BYTES;
        memset(from, 0, STORE_ROW_KEY_BYTES);
        memcpy(from, key.mv_data, bytes);
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return error != 0 ? error : found == MDB_NOTFOUND ? MDB_NOTFOUND : store_env_error(found);
}

/* Rows that a file's record claims and that are not there. */
static void find_missing(void *context, const struct media_file_id *file, const uint8_t *masks,
                         const struct store_use *use)
{
    struct verification *verification = context;
    MDB_txn *txn = NULL;
    (void)use;
    if (verification->error != 0 ||
        mdb_txn_begin(verification->store->env.env, NULL, MDB_RDONLY, &txn) != 0) {
        return;
    }
    for (uint32_t row = 0; row < media_row_count(file->bytes); row++) {
        uint8_t key_bytes[STORE_ROW_KEY_BYTES];
        MDB_val key = {.mv_size = sizeof key_bytes, .mv_data = key_bytes};
        MDB_val value;
        store_row_key(file, row, key_bytes);
        bool claimed = masks == NULL || masks[row] != 0;
        if (claimed && mdb_get(txn, verification->store->env.rows, &key, &value) == MDB_NOTFOUND &&
            verification->error == 0) {
            verification->error = note_bad(verification, file, row);
        }
    }
    mdb_txn_abort(txn);
}

static int verify_all(struct verification *verification)
{
    uint8_t from[STORE_ROW_KEY_BYTES] = {0};
    int error = 0;
    while (error == 0) {
        error = verify_some(verification, from);
    }
    if (error != MDB_NOTFOUND) {
        return error;
    }
    error = store_list_files(verification->store, find_missing, verification);
    return error != 0 ? error : verification->error;
}

static int repair_all(struct verification *verification)
{
    for (size_t i = 0; i < verification->bad_count; i++) {
        const struct bad_row *bad = &verification->bad[i];
        int error = store_evict_row(verification->store, &bad->file, bad->row);
        if (error == ERROR_FULL) { /* of the queue */
            error = store_flush(verification->store);
            error = error != 0 ? error : store_evict_row(verification->store, &bad->file, bad->row);
        }
        if (error != 0) {
            return error;
        }
    }
    int error = store_flush(verification->store);
    if (error == 0) {
        verification->report.removed = verification->bad_count;
    }
    return error;
}

int store_admin_verify(const char *folder, const struct store_hasher *hasher, bool repair,
                       store_each_damaged *each, void *context,
                       struct store_verify_report *ret_report)
{
    char path[PATH_MAX];
    bool complete = false;
    if (!store_env_path(folder, "data.mdb", path)) {
        return ERROR_SYSTEM;
    }
    int error = store_check_file(path, UINT64_MAX, &complete);
    if (error == ERROR_NOT_FOUND) {
        *ret_report = (struct store_verify_report){0};
        return 0;
    }
    if (error != 0) {
        return error;
    }
    struct verification verification = {0};
    struct store_config config = plain_config(folder, STORE_LIMIT_BYTES_MAX, !repair);
    config.hasher = *hasher;
    error = store_open(&config, &verification.store);
    if (error != 0) {
        return error;
    }
    error = verify_all(&verification);
    for (size_t i = 0; i < verification.bad_count && each != NULL; i++) {
        each(context, &verification.bad[i].file, verification.bad[i].row);
    }
    if (error == 0 && repair && verification.bad_count > 0) {
        error = repair_all(&verification);
    }
    store_close(verification.store);
    free(verification.bad);
    if (error == 0) {
        *ret_report = verification.report;
    }
    return error;
}

/* ---- clear ---- */

/* Removes a folder's database; what else may stand in the folder stays. */
static int remove_database(const char *folder, uint64_t *freed_bytes)
{
    static const char *const names[] = {"data.mdb", "data.new", "lock.mdb", "damaged"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX];
        struct stat status;
        if (!store_env_path(folder, names[i], path)) {
            return ERROR_SYSTEM;
        }
        if (lstat(path, &status) != 0) {
            continue;
        }
        if (unlink(path) != 0) {
            return errno == EACCES || errno == EPERM || errno == EROFS ? ERROR_DENIED : ERROR_IO;
        }
        *freed_bytes += (uint64_t)status.st_size;
    }
    rmdir(folder);
    return 0;
}

int store_admin_clear(const char *folder, uint64_t *ret_freed_bytes)
{
    uint64_t freed_bytes = 0;
    int error = remove_database(folder, &freed_bytes);
    for (unsigned i = 1; i <= STORE_SET_ASIDE_MAX && error == 0; i++) {
        char name[PATH_MAX];
        int length = snprintf(name, sizeof name, "%s.damaged-%u", folder, i);
        if (length > 0 && (size_t)length < sizeof name) {
            error = remove_database(name, &freed_bytes);
        }
    }
    if (error == 0) {
        *ret_freed_bytes = freed_bytes;
    }
    return error;
}
