/*
 * store_apply.c: what each operation does to the database, within one transaction.
 *
 * Responsible for chunks, rows and file records agreeing with each other. Not for when, nor for what
 * follows an error (store_writer.c).
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

/* Deletes what stands under a key, if anything does. */
static int delete_checked(struct store *store, MDB_txn *txn, MDB_dbi database, void *key,
                          size_t key_bytes)
{
    MDB_val value;
    int error = get(txn, database, key, key_bytes, &value);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    if (!store_check_value(value.mv_data, value.mv_size, store->env.page_bytes)) {
        return MDB_CORRUPTED;
    }
    return delete (txn, database, key, key_bytes);
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

/* Loads a file's record, its masks into store->masks. MDB_NOTFOUND; one that is damaged counts as
 * not there: its rows are found again as they are written or evicted. */
static int load_record(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                       struct store_use *ret_record)
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
    *ret_record = view.use;
    return 0;
}

/* Writes a record with store->masks; takes it out when no chunk is left. */
static int save_record(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                       const struct store_use *record)
{
    uint8_t key[MEDIA_FILE_ID_BYTES];
    uint32_t rows = media_row_count(file->bytes);
    store_file_key(file, key);
    bool empty = true;
    for (uint32_t row = 0; row < rows && empty; row++) {
        empty = store->masks[row] == 0;
    }
    if (empty) {
        return delete_checked(store, txn, store->env.files, key, sizeof key);
    }
    uint32_t count = store_file_encode(file->bytes, record, store->masks, store->record);
    return put(txn, store->env.files, key, sizeof key, store->record, count);
}

/* ---- rows and chunks ---- */

static int put_chunk(struct store *store, MDB_txn *txn, const struct store_op *op, uint32_t nth)
{
    uint8_t key[STORE_CHUNK_KEY_BYTES];
    uint32_t chunk = op->row * ROW_CHUNKS + nth;
    uint32_t bytes = media_chunk_bytes(op->file.bytes, chunk);
    store_chunk_key(&op->file, chunk, key);
    /* One that stands there may be rotten, its length included; it is taken out, not overwritten. */
    int error = delete_checked(store, txn, store->env.chunks, key, sizeof key);
    return error != 0 ? error
                      : put(txn, store->env.chunks, key, sizeof key, op->chunks[nth],
                            store_body_bytes(bytes));
}

static int delete_chunks(struct store *store, MDB_txn *txn, const struct media_file_id *file,
                         uint32_t row, uint8_t mask)
{
    int error = 0;
    for (uint32_t nth = 0; nth < ROW_CHUNKS && error == 0; nth++) {
        if ((mask >> nth & 1) != 0) {
            uint8_t key[STORE_CHUNK_KEY_BYTES];
            store_chunk_key(file, row * ROW_CHUNKS + nth, key);
            error = delete_checked(store, txn, store->env.chunks, key, sizeof key);
        }
    }
    return error;
}

/* What is known of the row so far: its mask and tails. One that is rotten is forgotten with the
 * chunks that the operation does not bring. */
static int load_row(struct store *store, MDB_txn *txn, struct store_op *op, uint8_t *key,
                    uint8_t *ret_mask, uint8_t ret_tails[ROW_CHUNKS * STORE_TAIL_BYTES])
{
    struct store_row_view view;
    MDB_val value;
    uint64_t bytes = op->file.bytes;
    *ret_mask = 0;
    memset(ret_tails, 0, ROW_CHUNKS * STORE_TAIL_BYTES);
    int error = get(txn, store->env.rows, key, STORE_ROW_KEY_BYTES, &value);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    if (store_row_decode(value.mv_data, value.mv_size, bytes, op->row, &view) != 0) {
        op->rotten = true;
        error = delete_checked(store, txn, store->env.rows, key, STORE_ROW_KEY_BYTES);
        return error != 0 ? error
                          : delete_chunks(store, txn, &op->file, op->row,
                                          (uint8_t)(store_full_mask(bytes, op->row) & ~op->mask));
    }
    *ret_mask = view.mask;
    memcpy(ret_tails, view.tails, (size_t)media_row_chunks(bytes, op->row) * STORE_TAIL_BYTES);
    return 0;
}

/* Writes the chunks of the operation and their row. */
static int put_chunks(struct store *store, MDB_txn *txn, struct store_op *op, uint8_t *ret_mask)
{
    uint8_t key[STORE_ROW_KEY_BYTES];
    uint8_t tails[ROW_CHUNKS * STORE_TAIL_BYTES];
    uint8_t value[STORE_ROW_BYTES_MAX];
    uint64_t bytes = op->file.bytes;
    store_row_key(&op->file, op->row, key);
    int error = load_row(store, txn, op, key, ret_mask, tails);
    for (uint32_t nth = 0; nth < ROW_CHUNKS && error == 0; nth++) {
        if ((op->mask >> nth & 1) != 0) {
            uint32_t count = media_chunk_bytes(bytes, op->row * ROW_CHUNKS + nth);
            memcpy(tails + (size_t)nth * STORE_TAIL_BYTES,
                   op->chunks[nth] + store_body_bytes(count), store_tail_bytes(count));
            error = put_chunk(store, txn, op, nth);
        }
    }
    if (error != 0) {
        return error;
    }
    *ret_mask |= op->mask;
    store_row_encode(bytes, op->row, *ret_mask, &op->proof, tails, value);
    return put(txn, store->env.rows, key, sizeof key, value, store_row_bytes(bytes, op->row));
}

static int apply_put_row(struct store *store, MDB_txn *txn, struct store_op *op)
{
    uint8_t mask = 0;
    int error = put_chunks(store, txn, op, &mask);
    if (error != 0) {
        return error;
    }
    struct store_use record = {0};
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
    store_row_key(&op->file, op->row, key);
    int error = delete_checked(store, txn, store->env.rows, key, sizeof key);
    if (error == 0) {
        error =
            delete_chunks(store, txn, &op->file, op->row, store_full_mask(op->file.bytes, op->row));
    }
    if (error != 0) {
        return error;
    }
    struct store_use record;
    error = load_record(store, txn, &op->file, &record);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    store->masks[op->row] = 0;
    return save_record(store, txn, &op->file, &record);
}

/* Deletes all of a file that is in a database, whatever its record says. */
static int delete_range(struct store *store, MDB_txn *txn, MDB_dbi database,
                        const struct media_file_id *file)
{
    uint8_t first[STORE_ROW_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    store_row_key(file, 0, first);
    int error = mdb_cursor_open(txn, database, &cursor);
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
    int error = delete_range(store, txn, store->env.chunks, &op->file);
    if (error == 0) {
        error = delete_range(store, txn, store->env.rows, &op->file);
    }
    if (error != 0) {
        return error;
    }
    store_file_key(&op->file, key);
    return delete_checked(store, txn, store->env.files, key, sizeof key);
}

/* Touch and pin: the record alone. */
static int apply_record(struct store *store, MDB_txn *txn, const struct store_op *op)
{
    struct store_use record;
    int error = load_record(store, txn, &op->file, &record);
    if (error != 0) {
        return error == MDB_NOTFOUND ? 0 : error;
    }
    if (op->kind == STORE_OP_PIN) {
        record.pinned = op->pinned;
    } else {
        record.last_use = ++store->uses;
        record.is_main = op->is_main;
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

/* What was put whole was hashed by who put it: it need not be hashed again before it is read. */
static void know_whole_rows(struct store *store, const struct store_op *first,
                            const struct store_op *end)
{
    for (const struct store_op *op = first; op != end; op = op->next) {
        if (op->kind == STORE_OP_PUT_ROW && op->mask == store_full_mask(op->file.bytes, op->row)) {
            store_verified_put_row(&store->verified, &op->file, op->row);
        } else if (op->kind == STORE_OP_EVICT_ROW) {
            store_verified_forget_row(&store->verified, &op->file, op->row);
        } else if (op->kind == STORE_OP_EVICT_FILE) {
            store_verified_forget_file(&store->verified, &op->file);
        }
    }
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
        if (error == 0) {
            know_whole_rows(store, first, end);
        }
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
