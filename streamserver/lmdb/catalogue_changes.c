/*
 * catalogue_changes.c: what has changed, in order, so that copies of the catalogue are brought up to date
 * with little traffic.
 *
 * Failure modes: a catalogue of version 1 that is only read has no changes (ERROR_UNSUPPORTED); a state that
 * this catalogue never was in (ERROR_NOT_FOUND): its copy is to be made anew.
 */
#include "streamserver/lmdb/catalogue_internal.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

void catalogue_change_key(uint64_t number, uint8_t ret_key[CATALOGUE_CHANGE_KEY_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_key, CATALOGUE_CHANGE_KEY_BYTES);
    writer_u64(&writer, number);
    assert(writer_used(&writer) == CATALOGUE_CHANGE_KEY_BYTES);
}

/* A row of the table. ERROR_DAMAGED. */
static int read_row(const MDB_val *key, const MDB_val *value, uint64_t *ret_number,
                    struct catalogue_change *ret_change)
{
    struct cursor cursor;
    cursor_init(&cursor, key->mv_data, key->mv_size);
    uint64_t number = cursor_u64(&cursor);
    if (cursor_failed(&cursor) || cursor_left(&cursor) > 0) {
        return ERROR_DAMAGED;
    }
    cursor_init(&cursor, value->mv_data, value->mv_size);
    uint8_t kind = cursor_u8(&cursor);
    const uint8_t *track_id = cursor_bytes(&cursor, TRACK_ID_BYTES);
    if (track_id == NULL || cursor_left(&cursor) > 0 || kind < CATALOGUE_ADDED ||
        kind > CATALOGUE_REMOVED) {
        return ERROR_DAMAGED;
    }
    ret_change->kind = (enum catalogue_change_kind)kind;
    memcpy(ret_change->track_id, track_id, TRACK_ID_BYTES);
    *ret_number = number;
    return 0;
}

static struct catalogue_revision revision_of(uint64_t number, const uint8_t *track_id)
{
    return (struct catalogue_revision){number, (uint32_t)track_id[0] << 24 |
                                                   (uint32_t)track_id[1] << 16 |
                                                   (uint32_t)track_id[2] << 8 | track_id[3]};
}

/* Of the last row; zeros without one. */
static int read_last(MDB_cursor *cursor, struct catalogue_revision *ret_revision)
{
    MDB_val key, value;
    uint64_t number;
    struct catalogue_change change;
    int status = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (status == MDB_NOTFOUND) {
        *ret_revision = (struct catalogue_revision){0};
        return 0;
    }
    int error =
        status != MDB_SUCCESS ? catalogue_error(status) : read_row(&key, &value, &number, &change);
    if (error == 0) {
        *ret_revision = revision_of(number, change.track_id);
    }
    return error;
}

int catalogue_put_change(struct catalogue *catalogue, MDB_txn *txn, enum catalogue_change_kind kind,
                         const uint8_t *track_id)
{
    MDB_cursor *cursor = NULL;
    struct catalogue_revision last;
    uint8_t key_bytes[CATALOGUE_CHANGE_KEY_BYTES];
    uint8_t value_bytes[CATALOGUE_CHANGE_VALUE_BYTES] = {(uint8_t)kind};
    MDB_dbi database = catalogue->databases[CATALOGUE_CHANGES];
    int status = mdb_cursor_open(txn, database, &cursor);
    if (status != MDB_SUCCESS) {
        return status;
    }
    int error = read_last(cursor, &last);
    mdb_cursor_close(cursor);
    if (error != 0) {
        return MDB_CORRUPTED;
    }
    memcpy(value_bytes + 1, track_id, TRACK_ID_BYTES);
    catalogue_change_key(last.number + 1, key_bytes);
    MDB_val key = {sizeof key_bytes, key_bytes};
    MDB_val value = {sizeof value_bytes, value_bytes};
    return mdb_put(txn, database, &key, &value, MDB_NOOVERWRITE);
}

/* --- reading ----------------------------------------------------------------------------------------- */

int catalogue_get_revision(struct catalogue *catalogue, struct catalogue_revision *ret_revision)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    if (!catalogue->has_changes) {
        return ERROR_UNSUPPORTED;
    }
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = catalogue_error(mdb_cursor_open(txn, catalogue->databases[CATALOGUE_CHANGES], &cursor));
    if (error == 0) {
        error = read_last(cursor, ret_revision);
        mdb_cursor_close(cursor);
    }
    catalogue_end(catalogue, txn);
    return error;
}

/* Puts the cursor on the row of `since`. ERROR_NOT_FOUND: there is no such state. */
static int find_state(MDB_cursor *cursor, const struct catalogue_revision *since)
{
    uint8_t bytes[CATALOGUE_CHANGE_KEY_BYTES];
    MDB_val key = {sizeof bytes, bytes};
    MDB_val value;
    uint64_t number;
    struct catalogue_change change;
    catalogue_change_key(since->number, bytes);
    int error = catalogue_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY));
    error = error != 0 ? error : read_row(&key, &value, &number, &change);
    if (error == 0 && revision_of(number, change.track_id).mark != since->mark) {
        error = ERROR_NOT_FOUND;
    }
    return error;
}

static int collect(MDB_cursor *cursor, MDB_cursor_op first, struct catalogue_change *ret_changes,
                   uint32_t max, uint32_t *ret_count, struct catalogue_revision *ret_revision,
                   bool *ret_is_last)
{
    MDB_val key, value;
    uint32_t count = 0;
    int status = mdb_cursor_get(cursor, &key, &value, first);
    while (status == MDB_SUCCESS && count < max) {
        uint64_t number;
        int error = read_row(&key, &value, &number, &ret_changes[count]);
        if (error != 0) {
            return error;
        }
        *ret_revision = revision_of(number, ret_changes[count++].track_id);
        status = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (status != MDB_SUCCESS && status != MDB_NOTFOUND) {
        return catalogue_error(status);
    }
    *ret_count = count;
    *ret_is_last = status == MDB_NOTFOUND;
    return 0;
}

int catalogue_list_changes(struct catalogue *catalogue, const struct catalogue_revision *since,
                           struct catalogue_change *ret_changes, uint32_t max, uint32_t *ret_count,
                           struct catalogue_revision *ret_revision, bool *ret_is_last)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    if (!catalogue->has_changes) {
        return ERROR_UNSUPPORTED;
    }
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    error = catalogue_error(mdb_cursor_open(txn, catalogue->databases[CATALOGUE_CHANGES], &cursor));
    if (error == 0) {
        bool from_start = since->number == 0;
        error = from_start ? 0 : find_state(cursor, since);
        *ret_revision = *since;
        error = error != 0 ? error
                           : collect(cursor, from_start ? MDB_FIRST : MDB_NEXT, ret_changes, max,
                                     ret_count, ret_revision, ret_is_last);
        mdb_cursor_close(cursor);
    }
    catalogue_end(catalogue, txn);
    return error;
}

/* --- version 1 ------------------------------------------------------------------------------------------ */

static int add_known(struct catalogue *catalogue, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int status = mdb_cursor_open(txn, catalogue->databases[CATALOGUE_ORDER], &cursor);
    if (status != MDB_SUCCESS) {
        return status;
    }
    status = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (status == MDB_SUCCESS) {
        status = value.mv_size == TRACK_ID_BYTES
                     ? catalogue_put_change(catalogue, txn, CATALOGUE_ADDED, value.mv_data)
                     : MDB_CORRUPTED;
        status = status != MDB_SUCCESS ? status : mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return status == MDB_NOTFOUND ? MDB_SUCCESS : status;
}

int catalogue_upgrade(struct catalogue *catalogue)
{
    int status;
    do {
        MDB_txn *txn = NULL;
        int error = catalogue_begin(catalogue, 0, &txn);
        if (error != 0) {
            return error;
        }
        status = mdb_dbi_open(txn, "changes", MDB_CREATE, &catalogue->databases[CATALOGUE_CHANGES]);
        status = status != MDB_SUCCESS ? status : add_known(catalogue, txn);
        status = status != MDB_SUCCESS ? status : catalogue_write_format(catalogue, txn);
        if (status == MDB_SUCCESS) {
            status = catalogue_commit(catalogue, txn);
        } else {
            catalogue_end(catalogue, txn);
        }
        error = status == MDB_MAP_FULL ? catalogue_grow(catalogue) : 0;
        if (error != 0) {
            return error;
        }
    } while (status == MDB_MAP_FULL);
    catalogue->has_changes = status == MDB_SUCCESS;
    return catalogue_error(status);
}
