/*
 * store_read.c: chunks, proofs, manifests and lists, out of short read transactions.
 *
 * Responsible for never giving a byte that was not hashed since the store was opened. A row that
 * does not match is not repaired here: whoever reads it reports it, and the node decides.
 */
#include "cache/lmdb/store_internal.h"
#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Takes env_lock and begins a transaction; on an error neither is held. */
static int begin_read(struct store *store, MDB_txn **ret_txn)
{
    pthread_rwlock_rdlock(&store->env_lock);
    int error = ERROR_IO; /* it could not be opened again */
    if (store->env.env != NULL) {
        error = store_env_error(mdb_txn_begin(store->env.env, NULL, MDB_RDONLY, ret_txn));
    }
    if (error != 0) {
        pthread_rwlock_unlock(&store->env_lock);
    }
    return error;
}

static void end_read(struct store *store, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&store->env_lock);
}

/* mdb_get, with ERROR_NOT_FOUND for a key that is not there. */
static int get(MDB_txn *txn, MDB_dbi database, void *key, size_t key_bytes, MDB_val *ret_value)
{
    MDB_val key_value = {.mv_size = key_bytes, .mv_data = key};
    int error = mdb_get(txn, database, &key_value, ret_value);
    return error == MDB_NOTFOUND ? ERROR_NOT_FOUND : store_env_error(error);
}

int store_copy_chunk(const struct store_env *env, MDB_txn *txn, const struct media_file_id *file,
                     uint32_t chunk, const struct store_row_view *view, uint8_t *ret_buffer)
{
    uint8_t key[STORE_CHUNK_KEY_BYTES];
    MDB_val value;
    uint32_t bytes = media_chunk_bytes(file->bytes, chunk);
    uint32_t body_bytes = store_body_bytes(bytes);
    store_chunk_key(file, chunk, key);
    if (get(txn, env->chunks, key, sizeof key, &value) != 0 || value.mv_size != body_bytes) {
        return ERROR_MISMATCH;
    }
    memcpy(ret_buffer, value.mv_data, body_bytes);
    memcpy(ret_buffer + body_bytes, view->tails + (size_t)(chunk % ROW_CHUNKS) * STORE_TAIL_BYTES,
           store_tail_bytes(bytes));
    return 0;
}

int store_verify_row(const struct store_env *env, MDB_txn *txn, const struct store_hasher *hasher,
                     const struct media_file_id *file, uint32_t row,
                     const struct store_row_view *view)
{
    struct media_proof proof;
    store_row_proof(view, file->bytes, row, &proof);
    if (media_proof_check(&hasher->pair, file, row, &proof) != 0) {
        return ERROR_MISMATCH;
    }
    for (uint32_t nth = 0; nth < ROW_CHUNKS; nth++) {
        if ((view->mask >> nth & 1) == 0) {
            continue;
        }
        uint8_t hash[HASH_BYTES];
        uint8_t buffer[CHUNK_BYTES];
        uint32_t chunk = row * ROW_CHUNKS + nth;
        if (store_copy_chunk(env, txn, file, chunk, view, buffer) != 0) {
            return ERROR_MISMATCH;
        }
        hasher->chunk(hasher->context, buffer, media_chunk_bytes(file->bytes, chunk), hash);
        if (memcmp(hash, proof.hashes[nth], HASH_BYTES) != 0) {
            return ERROR_MISMATCH;
        }
    }
    return 0;
}

/* Finds a row and makes sure that it was verified; the view lives as long as the transaction. */
static int find_row(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                    uint32_t row, bool verified, struct store_row_view *ret_view)
{
    uint8_t key[STORE_ROW_KEY_BYTES];
    MDB_val value;
    store_row_key(file, row, key);
    int error = get(txn, store->env.rows, key, sizeof key, &value);
    if (error != 0) {
        return error;
    }
    if (store_row_decode(value.mv_data, value.mv_size, file->bytes, row, ret_view) != 0) {
        return ERROR_MISMATCH;
    }
    return verified ? 0 : store_verify_row(&store->env, txn, &store->hasher, file, row, ret_view);
}

/* Begins a transaction with a verified row in it. When this returns 0 the caller ends it. */
static int open_row(struct store *store, const struct media_file_id *file, uint32_t row,
                    MDB_txn **ret_txn, struct store_row_view *ret_view)
{
    if (!media_file_id_valid(file) || row >= media_row_count(file->bytes)) {
        return ERROR_NOT_FOUND;
    }
    uint32_t ticket = 0;
    bool verified = store_verified_ask(&store->verified, file, row, &ticket);
    int error = begin_read(store, ret_txn);
    if (error != 0) {
        return error;
    }
    error = find_row(store, *ret_txn, file, row, verified, ret_view);
    if (error != 0) {
        end_read(store, *ret_txn);
        return error;
    }
    if (!verified) {
        store_verified_mark(&store->verified, file, row, ticket);
    }
    return 0;
}

int store_read(struct store *store, const struct media_file_id *file, uint32_t chunk,
               uint8_t *ret_buffer, uint32_t *ret_bytes)
{
    MDB_txn *txn = NULL;
    struct store_row_view view;
    uint32_t row = chunk / ROW_CHUNKS;
    int error = open_row(store, file, row, &txn, &view);
    if (error != 0) {
        return error;
    }
    if ((view.mask >> (chunk % ROW_CHUNKS) & 1) == 0) {
        error = ERROR_NOT_FOUND;
    } else {
        error = store_copy_chunk(&store->env, txn, file, chunk, &view, ret_buffer);
    }
    if (error == 0) {
        *ret_bytes = media_chunk_bytes(file->bytes, chunk);
    }
    end_read(store, txn);
    return error;
}

int store_read_proof(struct store *store, const struct media_file_id *file, uint32_t row,
                     struct media_proof *ret_proof)
{
    MDB_txn *txn = NULL;
    struct store_row_view view;
    int error = open_row(store, file, row, &txn, &view);
    if (error != 0) {
        return error;
    }
    store_row_proof(&view, file->bytes, row, ret_proof);
    end_read(store, txn);
    return 0;
}

int store_load_manifest(struct store *store, const uint8_t track_id[TRACK_ID_BYTES],
                        uint8_t *ret_buffer, uint32_t *ret_bytes)
{
    MDB_txn *txn = NULL;
    int error = begin_read(store, &txn);
    if (error != 0) {
        return error;
    }
    uint8_t key[TRACK_ID_BYTES];
    MDB_val value;
    memcpy(key, track_id, sizeof key);
    error = get(txn, store->env.manifests, key, sizeof key, &value);
    if (error == 0 && (value.mv_size == 0 || value.mv_size > STORE_MANIFEST_BYTES_MAX)) {
        error = ERROR_NOT_FOUND; /* damaged: fetched anew */
    }
    if (error == 0) {
        memcpy(ret_buffer, value.mv_data, value.mv_size);
        *ret_bytes = (uint32_t)value.mv_size;
    }
    end_read(store, txn);
    return error;
}

int store_list_manifests(struct store *store, store_each_manifest *each, void *context)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int error = begin_read(store, &txn);
    if (error != 0) {
        return error;
    }
    error = mdb_cursor_open(txn, store->env.manifests, &cursor);
    if (error == 0) {
        MDB_val key;
        MDB_val value;
        while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
            if (key.mv_size == TRACK_ID_BYTES && value.mv_size > 0 &&
                value.mv_size <= STORE_MANIFEST_BYTES_MAX) {
                each(context, key.mv_data, value.mv_data, (uint32_t)value.mv_size);
            }
        }
        mdb_cursor_close(cursor);
    }
    end_read(store, txn);
    return error == MDB_NOTFOUND ? 0 : store_env_error(error);
}

/* A file while it is sorted. */
struct listed {
    struct media_file_id file;
    struct store_use use;
    uint8_t *masks; /* owned; NULL = complete */
};

struct listing {
    struct listed *files;
    size_t count;
    size_t capacity;
};

static int compare_listed(const void *a, const void *b)
{
    const struct listed *left = a;
    const struct listed *right = b;
    if (left->use.last_use != right->use.last_use) {
        return left->use.last_use < right->use.last_use ? -1 : 1;
    }
    return memcmp(&left->file, &right->file, sizeof left->file);
}

/* Adds a record to the list; one that is damaged is passed over. ERROR_NO_MEMORY. */
static int list_record(struct listing *list, const MDB_val *key, const MDB_val *value)
{
    struct store_file_view view;
    struct listed listed = {.masks = NULL};
    if (!store_file_key_decode(key->mv_data, key->mv_size, &listed.file) ||
        store_file_decode(value->mv_data, value->mv_size, listed.file.bytes, &view) != 0 ||
        view.chunks == 0) {
        return 0;
    }
    listed.use = view.use;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct listed *files = realloc(list->files, capacity * sizeof *files);
        if (files == NULL) {
            return ERROR_NO_MEMORY;
        }
        list->files = files;
        list->capacity = capacity;
    }
    if (view.masks != NULL) {
        uint32_t rows = media_row_count(listed.file.bytes);
        listed.masks = malloc(rows);
        if (listed.masks == NULL) {
            return ERROR_NO_MEMORY;
        }
        memcpy(listed.masks, view.masks, rows);
    }
    list->files[list->count++] = listed;
    return 0;
}

static int list_records(struct store *store, MDB_txn *txn, struct listing *list)
{
    MDB_cursor *cursor = NULL;
    int error = store_env_error(mdb_cursor_open(txn, store->env.files, &cursor));
    if (error != 0) {
        return error;
    }
    MDB_val key;
    MDB_val value;
    int end = 0;
    while (error == 0 && (end = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        error = list_record(list, &key, &value);
    }
    mdb_cursor_close(cursor);
    return error != 0 || end == MDB_NOTFOUND ? error : store_env_error(end);
}

int store_list_files(struct store *store, store_each_file *each, void *context)
{
    MDB_txn *txn = NULL;
    struct listing list = {0};
    int error = begin_read(store, &txn);
    if (error != 0) {
        return error;
    }
    error = list_records(store, txn, &list);
    end_read(store, txn);
    if (error == 0 && list.count > 0) {
        qsort(list.files, list.count, sizeof list.files[0], compare_listed);
        for (size_t i = 0; i < list.count; i++) {
            struct listed *listed = &list.files[i];
            listed->use.last_use = i + 1;
            each(context, &listed->file, listed->masks, &listed->use);
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.files[i].masks);
    }
    free(list.files);
    return error;
}

static void sum_file(void *context, const struct media_file_id *file, const uint8_t *row_masks,
                     const struct store_use *use)
{
    struct store_status *status = context;
    (void)use;
    status->files++;
    if (row_masks == NULL) {
        status->payload_bytes += file->bytes;
        status->chunks += media_chunk_count(file->bytes);
        return;
    }
    for (uint32_t row = 0; row < media_row_count(file->bytes); row++) {
        status->payload_bytes += store_mask_bytes(file->bytes, row, row_masks[row]);
        status->chunks += (uint32_t)__builtin_popcount(row_masks[row]);
    }
}

int store_get_status(struct store *store, struct store_status *ret_status)
{
    struct store_status status = {.limit_bytes = store->limit_bytes};
    int error = store_list_files(store, sum_file, &status);
    if (error != 0) {
        return error;
    }
    pthread_rwlock_rdlock(&store->env_lock);
    error =
        store->env.env == NULL ? ERROR_IO : store_env_file_bytes(&store->env, &status.file_bytes);
    pthread_rwlock_unlock(&store->env_lock);
    if (error == 0) {
        *ret_status = status;
    }
    return error;
}
