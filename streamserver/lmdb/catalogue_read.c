/*
 * catalogue_read.c: what the catalogue answers.
 *
 * Responsible for short transactions, from which everything is copied, and for never trusting the
 * form of what is stored.
 */
#include "streamserver/lmdb/catalogue_internal.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

static int get(struct catalogue *catalogue, MDB_txn *txn, enum catalogue_database database,
               const void *key_bytes, size_t key_count, MDB_val *ret_value)
{
    MDB_val key = {key_count, (void *)(uintptr_t)key_bytes}; /* LMDB only reads it */
    return catalogue_error(mdb_get(txn, catalogue->databases[database], &key, ret_value));
}

int catalogue_read_root(struct catalogue *catalogue, MDB_txn *txn, const uint8_t root[HASH_BYTES],
                        uint64_t *ret_bytes)
{
    MDB_val value;
    struct cursor cursor;
    int error = get(catalogue, txn, CATALOGUE_ROOTS, root, HASH_BYTES, &value);
    if (error != 0) {
        return error;
    }
    cursor_init(&cursor, value.mv_data, value.mv_size);
    uint64_t bytes = cursor_u64(&cursor);
    if (cursor_failed(&cursor) || cursor_left(&cursor) > 0) {
        return ERROR_DAMAGED;
    }
    *ret_bytes = bytes;
    return 0;
}

int catalogue_get_bytes(struct catalogue *catalogue, const uint8_t root[HASH_BYTES],
                        uint64_t *ret_bytes)
{
    MDB_txn *txn = NULL;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = catalogue_read_root(catalogue, txn, root, ret_bytes);
    catalogue_end(catalogue, txn);
    return error;
}

static int read_manifest(struct catalogue *catalogue, MDB_txn *txn, const uint8_t *track_id,
                         uint8_t ret_manifest[MEDIA_MANIFEST_BYTES_MAX], size_t *ret_bytes)
{
    MDB_val value;
    int error = get(catalogue, txn, CATALOGUE_TRACKS, track_id, TRACK_ID_BYTES, &value);
    if (error != 0) {
        return error;
    }
    if (value.mv_size > MEDIA_MANIFEST_BYTES_MAX) {
        return ERROR_DAMAGED;
    }
    memcpy(ret_manifest, value.mv_data, value.mv_size);
    *ret_bytes = value.mv_size;
    return 0;
}

int catalogue_get_manifest(struct catalogue *catalogue, const uint8_t track_id[TRACK_ID_BYTES],
                           uint8_t ret_manifest[MEDIA_MANIFEST_BYTES_MAX], size_t *ret_bytes)
{
    MDB_txn *txn = NULL;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = read_manifest(catalogue, txn, track_id, ret_manifest, ret_bytes);
    catalogue_end(catalogue, txn);
    return error;
}

static int read_file(struct catalogue *catalogue, MDB_txn *txn, const struct media_file_id *file,
                     enum catalogue_kind *ret_kind, uint8_t ret_track_id[TRACK_ID_BYTES])
{
    uint8_t key[CATALOGUE_FILE_KEY_BYTES];
    MDB_val value;
    struct cursor cursor;
    catalogue_file_key(file, key);
    int error = get(catalogue, txn, CATALOGUE_FILES, key, sizeof key, &value);
    if (error != 0) {
        return error;
    }
    cursor_init(&cursor, value.mv_data, value.mv_size);
    uint8_t kind = cursor_u8(&cursor);
    const uint8_t *track_id = cursor_bytes(&cursor, TRACK_ID_BYTES);
    if (track_id == NULL || cursor_left(&cursor) > 0 || kind < CATALOGUE_AUDIO ||
        kind > CATALOGUE_COVER) {
        return ERROR_DAMAGED;
    }
    *ret_kind = (enum catalogue_kind)kind;
    if (ret_track_id != NULL) {
        memcpy(ret_track_id, track_id, TRACK_ID_BYTES);
    }
    return 0;
}

int catalogue_get_file(struct catalogue *catalogue, const struct media_file_id *file,
                       enum catalogue_kind *ret_kind, uint8_t ret_track_id[TRACK_ID_BYTES])
{
    MDB_txn *txn = NULL;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = read_file(catalogue, txn, file, ret_kind, ret_track_id);
    catalogue_end(catalogue, txn);
    return error;
}

static int read_proof(struct catalogue *catalogue, MDB_txn *txn, const struct media_file_id *file,
                      uint32_t row, struct media_proof *ret_proof)
{
    uint8_t key[CATALOGUE_PROOF_KEY_BYTES];
    MDB_val value;
    struct cursor cursor;
    catalogue_proof_key(file, row, key);
    int error = get(catalogue, txn, CATALOGUE_PROOFS, key, sizeof key, &value);
    if (error != 0) {
        return error == ERROR_NOT_FOUND ? ERROR_DAMAGED : error;
    }
    cursor_init(&cursor, value.mv_data, value.mv_size);
    uint8_t leaves = cursor_u8(&cursor);
    uint8_t uncles = cursor_u8(&cursor);
    if (leaves != media_row_chunks(file->bytes, row) ||
        uncles != media_proof_uncle_count(file->bytes) ||
        cursor_left(&cursor) != (size_t)(leaves + uncles) * HASH_BYTES) {
        return ERROR_DAMAGED;
    }
    ret_proof->leaf_count = leaves;
    ret_proof->uncle_count = uncles;
    cursor_copy(&cursor, ret_proof->hashes, (size_t)(leaves + uncles) * HASH_BYTES);
    return 0;
}

int catalogue_get_proof(struct catalogue *catalogue, const struct media_file_id *file, uint32_t row,
                        struct media_proof *ret_proof)
{
    MDB_txn *txn = NULL;
    uint64_t bytes = 0;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = catalogue_read_root(catalogue, txn, file->root, &bytes);
    if (error == 0 && (bytes != file->bytes || row >= media_row_count(bytes))) {
        error = ERROR_NOT_FOUND;
    }
    error = error != 0 ? error : read_proof(catalogue, txn, file, row, ret_proof);
    catalogue_end(catalogue, txn);
    return error;
}

static int count_entries(struct catalogue *catalogue, MDB_txn *txn,
                         enum catalogue_database database, uint64_t *ret_count)
{
    MDB_stat stat;
    int status = mdb_stat(txn, catalogue->databases[database], &stat);
    if (status == MDB_SUCCESS) {
        *ret_count = stat.ms_entries;
    }
    return catalogue_error(status);
}

int catalogue_get_totals(struct catalogue *catalogue, struct catalogue_totals *ret_totals)
{
    MDB_txn *txn = NULL;
    struct catalogue_totals totals = {0};
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = count_entries(catalogue, txn, CATALOGUE_TRACKS, &totals.tracks);
    error = error != 0 ? error : count_entries(catalogue, txn, CATALOGUE_FILES, &totals.files);
    catalogue_end(catalogue, txn);
    if (error == 0) {
        *ret_totals = totals;
    }
    return error;
}

/* ---- Lists ---- */

typedef void key_of(const struct media_manifest *manifest, struct catalogue_key *ret_key);

/* The key of a listed track, from its manifest. */
static int read_key(struct catalogue *catalogue, MDB_txn *txn, const uint8_t *track_id,
                    key_of *make_key, struct catalogue_key *ret_key)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest manifest;
    size_t count = 0;
    int error = read_manifest(catalogue, txn, track_id, bytes, &count);
    if (error != 0) {
        return error;
    }
    if (media_manifest_decode(bytes, count, &manifest) != 0) {
        return ERROR_DAMAGED;
    }
    make_key(&manifest, ret_key);
    return 0;
}

static bool starts_with(const MDB_val *key, const uint8_t *prefix, size_t prefix_count)
{
    return key->mv_size >= prefix_count && memcmp(key->mv_data, prefix, prefix_count) == 0;
}

/* Collects ids from `cursor` on, which stands at an entry when `status` says so. */
static int collect(MDB_cursor *cursor, int status, MDB_val *key, MDB_val *value,
                   const uint8_t *prefix, size_t prefix_count,
                   uint8_t (*ret_track_ids)[TRACK_ID_BYTES], uint32_t max, uint32_t *ret_count)
{
    uint32_t count = 0;
    while (status == MDB_SUCCESS && count < max && starts_with(key, prefix, prefix_count)) {
        if (value->mv_size != TRACK_ID_BYTES) {
            return ERROR_DAMAGED;
        }
        memcpy(ret_track_ids[count++], value->mv_data, TRACK_ID_BYTES);
        status = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    }
    if (status != MDB_SUCCESS && status != MDB_NOTFOUND) {
        return catalogue_error(status);
    }
    *ret_count = count;
    return 0;
}

/* Up to `max` entries of a table whose keys start with the prefix, behind the key `after` (count
 * 0: from the first). ERROR_NOT_FOUND: there is no such key. */
static int scan(struct catalogue *catalogue, MDB_txn *txn, enum catalogue_database database,
                const struct catalogue_key *after, const uint8_t *prefix, size_t prefix_count,
                uint8_t (*ret_track_ids)[TRACK_ID_BYTES], uint32_t max, uint32_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = {prefix_count, (void *)(uintptr_t)prefix};
    MDB_val value;
    int status = mdb_cursor_open(txn, catalogue->databases[database], &cursor);
    if (status != MDB_SUCCESS) {
        return catalogue_error(status);
    }
    if (after->count > 0) {
        key = (MDB_val){after->count, (void *)(uintptr_t)after->bytes};
        status = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
        if (status != MDB_SUCCESS) {
            mdb_cursor_close(cursor);
            return catalogue_error(status);
        }
        status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    } else if (prefix_count > 0) {
        status = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    } else {
        status = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    }
    int error =
        collect(cursor, status, &key, &value, prefix, prefix_count, ret_track_ids, max, ret_count);
    mdb_cursor_close(cursor);
    return error;
}

int catalogue_list(struct catalogue *catalogue, const uint8_t *after,
                   uint8_t (*ret_track_ids)[TRACK_ID_BYTES], uint32_t max, uint32_t *ret_count)
{
    MDB_txn *txn = NULL;
    struct catalogue_key key = {.count = 0};
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    if (after != NULL) {
        error = read_key(catalogue, txn, after, catalogue_order_key, &key);
    }
    error = error != 0 ? error
                       : scan(catalogue, txn, CATALOGUE_ORDER, &key, key.bytes, 0, ret_track_ids,
                              max, ret_count);
    catalogue_end(catalogue, txn);
    return error;
}

int catalogue_list_album(struct catalogue *catalogue, const uint8_t album_id[ALBUM_ID_BYTES],
                         const uint8_t *after, uint8_t (*ret_track_ids)[TRACK_ID_BYTES],
                         uint32_t max, uint32_t *ret_count)
{
    MDB_txn *txn = NULL;
    struct catalogue_key key = {.count = 0};
    uint32_t count = 0;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    if (after != NULL) {
        error = read_key(catalogue, txn, after, catalogue_album_key, &key);
        if (error == 0 && memcmp(key.bytes, album_id, ALBUM_ID_BYTES) != 0) {
            error = ERROR_NOT_FOUND;
        }
    }
    error = error != 0 ? error
                       : scan(catalogue, txn, CATALOGUE_ALBUMS, &key, album_id, ALBUM_ID_BYTES,
                              ret_track_ids, max, &count);
    catalogue_end(catalogue, txn);
    if (error == 0 && count == 0 && after == NULL && max > 0) {
        error = ERROR_NOT_FOUND;
    }
    if (error == 0) {
        *ret_count = count;
    }
    return error;
}
