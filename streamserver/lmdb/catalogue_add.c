/*
 * catalogue_add.c: a track and its files, all in one transaction.
 *
 * Responsible for the rules of what may stand beside what: one length under a root, every file of
 * a manifest known, a track once.
 *
 * Happy path: decode, write, commit (which syncs). Failure modes: the map is full (grow it, write
 * everything again), the disk is full (nothing was added), a rule is broken (the same).
 */
#include "streamserver/lmdb/catalogue_internal.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

/* What one attempt needs to know, and LMDB's status when it was LMDB that failed. */
struct attempt {
    struct catalogue *catalogue;
    MDB_txn *txn;
    const struct media_manifest *manifest;
    int status;        /* of the last mdb call */
    uint64_t conflict; /* length under a root that is known with another one; 0 = none */
};

/* MDB_NOOVERWRITE: nothing here may replace something. */
static int put(struct attempt *attempt, enum catalogue_database database, const void *key_bytes,
               size_t key_count, const void *value_bytes, size_t value_count)
{
    MDB_val key = {key_count, (void *)(uintptr_t)key_bytes}; /* LMDB only reads both */
    MDB_val value = {value_count, (void *)(uintptr_t)value_bytes};
    attempt->status = mdb_put(attempt->txn, attempt->catalogue->databases[database], &key, &value,
                              MDB_NOOVERWRITE);
    return catalogue_error(attempt->status);
}

static int put_proofs(struct attempt *attempt, const struct catalogue_file *file)
{
    uint32_t rows = media_row_count(file->id.bytes);
    int error = 0;
    for (uint32_t row = 0; error == 0 && row < rows; row++) {
        const struct media_proof *proof = &file->proofs[row];
        uint8_t key[CATALOGUE_PROOF_KEY_BYTES];
        uint8_t value[CATALOGUE_PROOF_VALUE_BYTES_MAX];
        struct writer writer;
        assert(proof->leaf_count == media_row_chunks(file->id.bytes, row));
        assert(proof->uncle_count == media_proof_uncle_count(file->id.bytes));
        catalogue_proof_key(&file->id, row, key);
        writer_init(&writer, value, sizeof value);
        writer_u8(&writer, proof->leaf_count);
        writer_u8(&writer, proof->uncle_count);
        writer_bytes(&writer, proof->hashes,
                     (size_t)(proof->leaf_count + proof->uncle_count) * HASH_BYTES);
        assert(!writer_failed(&writer));
        error = put(attempt, CATALOGUE_PROOFS, key, sizeof key, value, writer_used(&writer));
    }
    return error;
}

static int put_file(struct attempt *attempt, const struct catalogue_file *file)
{
    uint8_t key[CATALOGUE_FILE_KEY_BYTES];
    uint8_t value[CATALOGUE_FILE_VALUE_BYTES];
    uint64_t bytes = 0;
    if (!media_file_id_valid(&file->id)) {
        return ERROR_MALFORMED;
    }
    int error = catalogue_read_root(attempt->catalogue, attempt->txn, file->id.root, &bytes);
    if (error == 0 && bytes != file->id.bytes) {
        attempt->conflict = bytes;
        return ERROR_EXISTS;
    }
    if (error != ERROR_NOT_FOUND) {
        return error; /* 0: it is known, with its proofs */
    }
    catalogue_file_key(&file->id, key);
    value[0] = (uint8_t)file->kind;
    memcpy(value + 1, attempt->manifest->track_id, TRACK_ID_BYTES);
    error = put(attempt, CATALOGUE_FILES, key, sizeof key, value, sizeof value);
    /* The length as in the file's key: u64, big-endian. */
    error = error != 0 ? error
                       : put(attempt, CATALOGUE_ROOTS, file->id.root, HASH_BYTES, key + HASH_BYTES,
                             sizeof key - HASH_BYTES);
    return error != 0 ? error : put_proofs(attempt, file);
}

/* Is the file there, with this length? */
static int check_known(struct attempt *attempt, const struct media_file_id *file)
{
    uint64_t bytes = 0;
    int error = catalogue_read_root(attempt->catalogue, attempt->txn, file->root, &bytes);
    if (error == ERROR_NOT_FOUND || (error == 0 && bytes != file->bytes)) {
        return ERROR_MALFORMED;
    }
    return error;
}

static int check_manifest_files(struct attempt *attempt)
{
    const struct media_manifest *manifest = attempt->manifest;
    int error = manifest->cover.bytes == 0 ? 0 : check_known(attempt, &manifest->cover);
    for (unsigned i = 0; error == 0 && i < manifest->file_count; i++) {
        error = check_known(attempt, &manifest->files[i].id);
    }
    return error;
}

static int put_track(struct attempt *attempt, const uint8_t *bytes, size_t count)
{
    static const uint8_t no_album[ALBUM_ID_BYTES];
    const uint8_t *track_id = attempt->manifest->track_id;
    struct catalogue_key key;
    int error = put(attempt, CATALOGUE_TRACKS, track_id, TRACK_ID_BYTES, bytes, count);
    if (error != 0) {
        return error; /* ERROR_EXISTS: the track is known */
    }
    catalogue_order_key(attempt->manifest, &key);
    error = put(attempt, CATALOGUE_ORDER, key.bytes, key.count, track_id, TRACK_ID_BYTES);
    if (error == 0 && memcmp(attempt->manifest->album_id, no_album, sizeof no_album) != 0) {
        catalogue_album_key(attempt->manifest, &key);
        error = put(attempt, CATALOGUE_ALBUMS, key.bytes, key.count, track_id, TRACK_ID_BYTES);
    }
    if (error == 0) {
        attempt->status =
            catalogue_put_change(attempt->catalogue, attempt->txn, CATALOGUE_ADDED, track_id);
        error = catalogue_error(attempt->status);
    }
    return error;
}

/* One try to write everything. attempt->status is MDB_MAP_FULL when it is worth another. */
static int try_add(struct attempt *attempt, const uint8_t *bytes, size_t count,
                   const struct catalogue_file *files, uint32_t file_count)
{
    attempt->status = MDB_SUCCESS;
    attempt->conflict = 0;
    int error = catalogue_begin(attempt->catalogue, 0, &attempt->txn);
    if (error != 0) {
        return error;
    }
    error = put_track(attempt, bytes, count);
    for (uint32_t i = 0; error == 0 && i < file_count; i++) {
        error = put_file(attempt, &files[i]);
    }
    error = error != 0 ? error : check_manifest_files(attempt);
    if (error != 0) {
        catalogue_end(attempt->catalogue, attempt->txn);
        return error;
    }
    attempt->status = catalogue_commit(attempt->catalogue, attempt->txn);
    return catalogue_error(attempt->status);
}

int catalogue_add(struct catalogue *catalogue, const uint8_t *manifest, size_t manifest_bytes,
                  const struct catalogue_file *files, uint32_t file_count, uint64_t *ret_conflict)
{
    struct media_manifest decoded;
    struct attempt attempt = {.catalogue = catalogue, .manifest = &decoded};
    assert(catalogue->is_writable);
    if (media_manifest_decode(manifest, manifest_bytes, &decoded) != 0) {
        return ERROR_MALFORMED;
    }
    int error = try_add(&attempt, manifest, manifest_bytes, files, file_count);
    while (error != 0 && attempt.status == MDB_MAP_FULL) {
        error = catalogue_grow(catalogue);
        error = error != 0 ? error : try_add(&attempt, manifest, manifest_bytes, files, file_count);
    }
    if (error == ERROR_EXISTS) {
        *ret_conflict = attempt.conflict;
    }
    return error;
}
