/*
 * store_apply.c: what each operation does to the database, within one transaction.
 *
 * Responsible for rows and file records agreeing with each other, and for old chunks being hashed
 * before a new row takes them over. Not for when, nor for what follows an error (store_writer.c).
 *
 * Failure modes: any error aborts the whole transaction. A page header that is not what the value
 * needs is MDB_CORRUPTED: LMDB would free pages of others by it.
 */
#include "cache/lmdb/store_check.h"
#include "cache/lmdb/store_internal.h"
#include "common/cursor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define USES_KEY "uses"

static int get(MDB_txn *txn, MDB_dbi database, void *key, size_t key_bytes, MDB_val *ret_value)
{
    MDB_val key_value = {.mv_size = key_bytes, .mv_data = key};
    return mdb_get(txn, database, &key_value, ret_value);
}

static int put(MDB_txn *txn, MDB_dbi database, void *key, size_t key_bytes, const void *bytes,
               size_t count)
{
    MDB_val key_value = {.mv_size = key_bytes, .mv_data = key};
    MDB_val value = {.mv_size = count};
    int error = mdb_put(txn, database, &key_value, &value, MDB_RESERVE);
    if (error == 0) {
        memcpy(value.mv_data, bytes, count);
    }
    return error;
}

static int delete (MDB_txn *txn, MDB_dbi database, void *key, size_t key_bytes)
{
    MDB_val key_value = {.mv_size = key_bytes, .mv_data = key};
    return mdb_del(txn, database, &key_value, NULL);
}

static int write_uses(struct store *store, MDB_txn *txn)
{
    uint8_t bytes[8];
    struct writer writer;
    writer_init(&writer, bytes, sizeof bytes);
    writer_u64(&writer, store->uses);
    return put(txn, store->env.meta, USES_KEY, sizeof USES_KEY - 1, bytes, sizeof bytes);
}

/* ---- file records ---- */

struct record {
    uint64_t last_use;
    bool pinned;
};

/* Loads a file's record, its masks into store->masks. MDB_NOTFOUND; one that is damaged counts as
 * not there: its rows are found again as they are written or evicted. */
static int load_record(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                       struct record *ret_record)
{
    uint8_t key[MEDIA_FILE_ID_BYTES];
    MDB_val value;
    struct store_file_view view;
    store_file_key(file, key);
    int error = get(txn, store->env.files, key, sizeof key, &value);
    if (error != 0) {
        return error;
    }
    if (!store_check_value(value.mv_data, value.mv_size, store->env.page_bytes)) {
        return MDB_CORRUPTED;
    }
    if (store_file_decode(value.mv_data, value.mv_size, file->bytes, &view) != 0) {
        return MDB_NOTFOUND;
    }
    for (uint32_t row = 0; row < media_row_count(file->bytes); row++) {
        store->masks[row] =
            view.masks == NULL ? store_full_mask(file->bytes, row) : view.masks[row];
    }
    *ret_record = (struct record){.last_use = view.last_use, .pinned = view.pinned};
    return 0;
}

/* Writes a record with store->masks; takes it out when no chunk is left. */
static int save_record(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                       const struct record *record)
{
    uint8_t key[MEDIA_FILE_ID_BYTES];
    uint32_t rows = media_row_count(file->bytes);
    store_file_key(file, key);
    bool empty = true;
    for (uint32_t row = 0; row < rows && empty; row++) {
        empty = store->masks[row] == 0;
    }
    if (empty) {
        return delete (txn, store->env.files, key, sizeof key);
    }
    uint32_t count = store_file_encode(file->bytes, record->last_use, record->pinned, store->masks,
                                       store->record);
    return put(txn, store->env.files, key, sizeof key, store->record, count);
}

/* ---- rows ---- */

/* Copies those chunks of the stored row that the new one does not bring, each only if it is what
 * the proof says; sets op->rotten otherwise. Gives their mask; pointers go to `chunks`. */
static uint8_t keep_chunks(struct store *store, struct store_op *op, const MDB_val *value,
                           const uint8_t *chunks[ROW_CHUNKS])
{
    struct store_row_view view;
    uint8_t kept = 0;
    if (store_row_decode(value->mv_data, value->mv_size, op->file.bytes, op->row, &view) != 0) {
        op->rotten = true;
        return 0;
    }
    for (uint32_t nth = 0; nth < ROW_CHUNKS; nth++) {
        if (((view.mask & ~op->mask) >> nth & 1) == 0) {
            continue;
        }
        uint8_t hash[HASH_BYTES];
        uint32_t bytes = 0;
        const uint8_t *chunk = store_row_chunk(&view, op->file.bytes, op->row, nth, &bytes);
        uint8_t *copy = store->row + (size_t)nth * CHUNK_BYTES;
        memcpy(copy, chunk, bytes);
        store->hasher.chunk(store->hasher.context, copy, bytes, hash);
        if (memcmp(hash, op->proof.hashes[nth], HASH_BYTES) != 0) {
            op->rotten = true;
            continue;
        }
        chunks[nth] = copy;
        kept |= (uint8_t)(1u << nth);
    }
    return kept;
}

static int write_row(struct store *store, MDB_txn *txn, const struct store_op *op, uint8_t mask,
                     const uint8_t *const chunks[ROW_CHUNKS], void *key)
{
    uint64_t file_bytes = op->file.bytes;
    MDB_val key_value = {.mv_size = STORE_ROW_KEY_BYTES, .mv_data = key};
    MDB_val value = {.mv_size = store_row_bytes(file_bytes, op->row, mask)};
    int error = mdb_put(txn, store->env.rows, &key_value, &value, MDB_RESERVE);
    if (error != 0) {
        return error;
    }
    uint8_t *at = store_row_encode(file_bytes, op->row, mask, &op->proof, value.mv_data);
    for (uint32_t nth = 0; nth < ROW_CHUNKS; nth++) {
        if ((mask >> nth & 1) != 0) {
            uint32_t bytes = media_chunk_bytes(file_bytes, op->row * ROW_CHUNKS + nth);
            memcpy(at, chunks[nth], bytes);
            at += bytes;
        }
    }
    assert(at == (uint8_t *)value.mv_data + value.mv_size);
    return 0;
}

static int apply_put_row(struct store *store, MDB_txn *txn, struct store_op *op)
{
    uint8_t key[STORE_ROW_KEY_BYTES];
    const uint8_t *chunks[ROW_CHUNKS];
    MDB_val value;
    uint8_t mask = op->mask;
    store_row_key(&op->file, op->row, key);
    memcpy(chunks, op->chunks, sizeof chunks);
    int error = get(txn, store->env.rows, key, sizeof key, &value);
    if (error == 0) {
        if (!store_check_value(value.mv_data, value.mv_size, store->env.page_bytes)) {
            return MDB_CORRUPTED;
        }
        mask |= keep_chunks(store, op, &value, chunks);
        /* A value that shrank would keep more pages than it needs. */
        error = delete (txn, store->env.rows, key, sizeof key);
    }
    if (error != 0 && error != MDB_NOTFOUND) {
        return error;
    }
    error = write_row(store, txn, op, mask, chunks, key);
    if (error != 0) {
        return error;
    }
    struct record record = {0};
    error = load_record(store, txn, &op->file, &record);
    if (error == MDB_NOTFOUND) {
        memset(store->masks, 0, media_row_count(op->file.bytes));
        record.last_use = ++store->uses;
    } else if (error != 0) {
        return error;
    }
    store->masks[op->row] = mask;
    return save_record(store, txn, &op->file, &record);
}

static int apply_evict_row(struct store *store, MDB_txn *txn, const struct store_op *op)
{
    uint8_t key[STORE_ROW_KEY_BYTES];
    MDB_val value;
    store_row_key(&op->file, op->row, key);
    int error = get(txn, store->env.rows, key, sizeof key, &value);
    if (error == 0) {
        if (!store_check_value(value.mv_data, value.mv_size, store->env.page_bytes)) {
            return MDB_CORRUPTED;
        }
        error = delete (txn, store->env.rows, key, sizeof key);
    }
    if (error != 0 && error != MDB_NOTFOUND) {
        return error;
    }
    struct record record;
    error = load_record(store, txn, &op->file, &record);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    store->masks[op->row] = 0;
    return save_record(store, txn, &op->file, &record);
}

/* Deletes all rows of a file that are there, whatever its record says. */
static int delete_rows(struct store *store, MDB_txn *txn, const struct media_file_id *file)
{
    uint8_t first[STORE_ROW_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    store_row_key(file, 0, first);
    int error = mdb_cursor_open(txn, store->env.rows, &cursor);
    if (error != 0) {
        return error;
    }
    while (error == 0) {
        MDB_val key = {.mv_size = sizeof first, .mv_data = first};
        MDB_val value;
        error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        if (error != 0 || key.mv_size < MEDIA_FILE_ID_BYTES ||
            memcmp(key.mv_data, first, MEDIA_FILE_ID_BYTES) != 0) {
            break;
        }
        error = store_check_value(value.mv_data, value.mv_size, store->env.page_bytes)
                    ? mdb_cursor_del(cursor, 0)
                    : MDB_CORRUPTED;
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

static int apply_evict_file(struct store *store, MDB_txn *txn, const struct store_op *op)
{
    uint8_t key[MEDIA_FILE_ID_BYTES];
    int error = delete_rows(store, txn, &op->file);
    if (error != 0) {
        return error;
    }
    store_file_key(&op->file, key);
    error = delete (txn, store->env.files, key, sizeof key);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Touch and pin: the record alone. */
static int apply_record(struct store *store, MDB_txn *txn, const struct store_op *op)
{
    struct record record;
    int error = load_record(store, txn, &op->file, &record);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    if (op->kind == STORE_OP_PIN) {
        record.pinned = op->pinned;
    } else {
        record.last_use = ++store->uses;
    }
    return save_record(store, txn, &op->file, &record);
}

static int apply_op(struct store *store, MDB_txn *txn, struct store_op *op)
{
    op->rotten = false;
    switch (op->kind) {
    case STORE_OP_PUT_ROW:
        store_verified_forget_row(&store->verified, &op->file, op->row);
        return apply_put_row(store, txn, op);
    case STORE_OP_EVICT_ROW:
        store_verified_forget_row(&store->verified, &op->file, op->row);
        return apply_evict_row(store, txn, op);
    case STORE_OP_EVICT_FILE:
        store_verified_forget_file(&store->verified, &op->file);
        return apply_evict_file(store, txn, op);
    case STORE_OP_TOUCH:
    case STORE_OP_PIN:
        return apply_record(store, txn, op);
    case STORE_OP_PUT_MANIFEST:
        return put(txn, store->env.manifests, op->track_id, sizeof op->track_id, op->manifest,
                   op->manifest_bytes);
    }
    assert(0 && "a kind of operation");
    return EINVAL;
}

int store_apply(struct store *store, struct store_op *first, const struct store_op *end)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(store->env.env, NULL, 0, &txn);
    if (error != 0) {
        return error;
    }
    store_verified_begin_change(&store->verified);
    for (struct store_op *op = first; op != end && error == 0; op = op->next) {
        error = apply_op(store, txn, op);
    }
    if (error == 0) {
        error = write_uses(store, txn);
    }
    if (error == 0) {
        error = mdb_txn_commit(txn);
    } else {
        mdb_txn_abort(txn);
    }
    store_verified_end_change(&store->verified);
    return error;
}

int store_apply_nothing(struct store *store)
{
    return store_apply(store, NULL, NULL);
}
