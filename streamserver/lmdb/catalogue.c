/*
 * catalogue.c: opening the database, transactions, and the keys of its tables.
 *
 * Responsible for who may have a transaction when, and for refusing what is not ours. Reading is
 * catalogue_read.c's, writing catalogue_add.c's.
 *
 * Failure modes: another process has made the map larger (MDB_MAP_RESIZED: take its size, begin
 * again); readers that were killed hold places (MDB_READERS_FULL: clear them, begin again).
 */
#include "streamserver/lmdb/catalogue_internal.h"

#include "common/cursor.h"
#include "common/error.h"
#include "media/core/track_id.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX 4096u
#define CATALOGUE_VERSION_CHANGES 2u /* the first with a table of changes */
#define FORMAT_KEY "format"
#define FORMAT_MAGIC "RFCATLOG"
#define FORMAT_MAGIC_BYTES 8u
#define FORMAT_BYTES (FORMAT_MAGIC_BYTES + 4u)
#define BEGIN_TRIES 4u
/* LMDB need not have written pages that were taken and given back within one transaction. */
#define UNWRITTEN_PAGES_MAX 16u

static const char *const names[CATALOGUE_DATABASES] = {
    [CATALOGUE_META] = "meta",     [CATALOGUE_TRACKS] = "tracks",   [CATALOGUE_ORDER] = "order",
    [CATALOGUE_ALBUMS] = "albums", [CATALOGUE_FILES] = "files",     [CATALOGUE_ROOTS] = "roots",
    [CATALOGUE_PROOFS] = "proofs", [CATALOGUE_CHANGES] = "changes",
};

int catalogue_error(int status)
{
    switch (status) {
    case MDB_SUCCESS:
        return 0;
    case MDB_NOTFOUND:
        return ERROR_NOT_FOUND;
    case MDB_KEYEXIST:
        return ERROR_EXISTS;
    case MDB_MAP_FULL:
        return ERROR_FULL;
    case MDB_READERS_FULL:
        return ERROR_BUSY;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return ERROR_UNSUPPORTED;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_BAD_TXN:
    case MDB_INCOMPATIBLE:
        return ERROR_DAMAGED;
    default:
        return status > 0 ? error_from_errno(status) : ERROR_IO;
    }
}

/* ---- Transactions ---- */

/* Takes the size that another process gave the map (0), or a new one. */
static int resize_map(struct catalogue *catalogue, size_t bytes)
{
    (void)pthread_rwlock_wrlock(&catalogue->map_lock);
    int status = mdb_env_set_mapsize(catalogue->env, bytes);
    (void)pthread_rwlock_unlock(&catalogue->map_lock);
    return status;
}

int catalogue_begin(struct catalogue *catalogue, unsigned flags, MDB_txn **ret_txn)
{
    int status = MDB_SUCCESS;
    for (unsigned tried = 0; tried < BEGIN_TRIES; tried++) {
        (void)pthread_rwlock_rdlock(&catalogue->map_lock);
        status = mdb_txn_begin(catalogue->env, NULL, flags, ret_txn);
        if (status == MDB_SUCCESS) {
            return 0;
        }
        (void)pthread_rwlock_unlock(&catalogue->map_lock);
        if (status == MDB_MAP_RESIZED) {
            status = resize_map(catalogue, 0);
        } else if (status == MDB_READERS_FULL) {
            status = mdb_reader_check(catalogue->env, NULL);
        }
        if (status != MDB_SUCCESS) {
            return catalogue_error(status);
        }
    }
    return ERROR_BUSY;
}

void catalogue_end(struct catalogue *catalogue, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    (void)pthread_rwlock_unlock(&catalogue->map_lock);
}

int catalogue_commit(struct catalogue *catalogue, MDB_txn *txn)
{
    int status = mdb_txn_commit(txn);
    (void)pthread_rwlock_unlock(&catalogue->map_lock);
    return status;
}

int catalogue_grow(struct catalogue *catalogue)
{
    MDB_envinfo info;
    int status = mdb_env_info(catalogue->env, &info);
    if (status == MDB_SUCCESS) {
        status = info.me_mapsize > SIZE_MAX / 2 ? MDB_MAP_FULL
                                                : resize_map(catalogue, 2 * info.me_mapsize);
    }
    return catalogue_error(status);
}

/* ---- Opening ---- */

static int data_path(const char *path, char ret_path[PATH_BYTES_MAX])
{
    int length = snprintf(ret_path, PATH_BYTES_MAX, "%s/data.mdb", path);
    return length < 0 || (size_t)length >= PATH_BYTES_MAX ? ERROR_TOO_LARGE : 0;
}

static int open_env(struct catalogue *catalogue, const char *path, size_t map_bytes)
{
    unsigned flags = MDB_NOTLS | (catalogue->is_writable ? 0 : MDB_RDONLY);
    int status = mdb_env_create(&catalogue->env);
    if (status != MDB_SUCCESS) {
        return catalogue_error(status);
    }
    (void)mdb_env_set_maxdbs(catalogue->env, CATALOGUE_DATABASES);
    (void)mdb_env_set_maxreaders(catalogue->env, CATALOGUE_READERS_MAX);
    status = mdb_env_set_mapsize(catalogue->env, map_bytes);
    if (status == MDB_SUCCESS) {
        status = mdb_env_open(catalogue->env, path, flags, 0644);
    }
    return catalogue_error(status);
}

static struct catalogue *catalogue_new(bool is_writable)
{
    struct catalogue *catalogue = calloc(1, sizeof *catalogue);
    if (catalogue == NULL) {
        return NULL;
    }
    catalogue->is_writable = is_writable;
    if (pthread_rwlock_init(&catalogue->map_lock, NULL) != 0) {
        free(catalogue);
        return NULL;
    }
    return catalogue;
}

void catalogue_close(struct catalogue *catalogue)
{
    if (catalogue != NULL) {
        if (catalogue->env != NULL) {
            mdb_env_close(catalogue->env);
        }
        (void)pthread_rwlock_destroy(&catalogue->map_lock);
        free(catalogue);
    }
}

/* A file that is shorter than its last page would end the process with a signal when it is read. */
static int check_length(struct catalogue *catalogue, off_t file_bytes)
{
    MDB_envinfo info;
    MDB_stat stat;
    int status = mdb_env_info(catalogue->env, &info);
    status = status != MDB_SUCCESS ? status : mdb_env_stat(catalogue->env, &stat);
    if (status != MDB_SUCCESS) {
        return catalogue_error(status);
    }
    uint64_t pages = (uint64_t)file_bytes / stat.ms_psize;
    return info.me_last_pgno + 1 > pages + UNWRITTEN_PAGES_MAX ? ERROR_DAMAGED : 0;
}

static int check_format(struct catalogue *catalogue, MDB_txn *txn)
{
    MDB_val key = {strlen(FORMAT_KEY), FORMAT_KEY};
    MDB_val value;
    struct cursor cursor;
    int status = mdb_get(txn, catalogue->databases[CATALOGUE_META], &key, &value);
    if (status != MDB_SUCCESS) {
        return status == MDB_NOTFOUND ? ERROR_UNSUPPORTED : catalogue_error(status);
    }
    cursor_init(&cursor, value.mv_data, value.mv_size);
    const uint8_t *magic = cursor_bytes(&cursor, FORMAT_MAGIC_BYTES);
    uint32_t version = cursor_u32(&cursor);
    if (magic == NULL || memcmp(magic, FORMAT_MAGIC, FORMAT_MAGIC_BYTES) != 0) {
        return ERROR_UNSUPPORTED;
    }
    if (cursor_failed(&cursor) || version == 0) {
        return ERROR_DAMAGED;
    }
    catalogue->has_changes = version >= CATALOGUE_VERSION_CHANGES;
    return version <= CATALOGUE_VERSION ? 0 : ERROR_VERSION;
}

/* Opens the tables: first the one that says whether the others are ours. */
static int open_databases(struct catalogue *catalogue)
{
    MDB_txn *txn = NULL;
    int error = catalogue_begin(catalogue, MDB_RDONLY, &txn);
    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; error == 0 && i < CATALOGUE_DATABASES; i++) {
        if (i == CATALOGUE_CHANGES && !catalogue->has_changes) {
            continue;
        }
        int status = mdb_dbi_open(txn, names[i], 0, &catalogue->databases[i]);
        if (i == CATALOGUE_META) {
            error = status == MDB_NOTFOUND  ? ERROR_UNSUPPORTED
                    : status != MDB_SUCCESS ? catalogue_error(status)
                                            : check_format(catalogue, txn);
        } else if (status != MDB_SUCCESS) {
            error = status == MDB_NOTFOUND ? ERROR_DAMAGED : catalogue_error(status);
        }
    }
    if (error != 0) {
        catalogue_end(catalogue, txn);
        return error;
    }
    return catalogue_error(catalogue_commit(catalogue, txn)); /* the handles stay */
}

int catalogue_open(const char *path, bool writable, size_t map_bytes,
                   struct catalogue **ret_catalogue)
{
    char data[PATH_BYTES_MAX];
    struct stat status;
    int error = data_path(path, data);
    if (error != 0) {
        return error;
    }
    if (stat(data, &status) != 0) {
        return error_from_errno(errno);
    }
    struct catalogue *catalogue = catalogue_new(writable);
    if (catalogue == NULL) {
        return ERROR_NO_MEMORY;
    }
    /* An empty file is what LMDB would make a database of. */
    error = status.st_size == 0 ? ERROR_UNSUPPORTED : 0;
    error = error != 0 ? error
                       : open_env(catalogue, path,
                                  map_bytes == 0 ? CATALOGUE_MAP_BYTES_DEFAULT : map_bytes);
    error = error != 0 ? error : check_length(catalogue, status.st_size);
    error = error != 0 ? error : open_databases(catalogue);
    if (error == 0 && writable) {
        (void)mdb_reader_check(catalogue->env, NULL); /* places of readers that were killed */
        error = catalogue->has_changes ? 0 : catalogue_upgrade(catalogue);
    }
    if (error != 0) {
        catalogue_close(catalogue);
        return error;
    }
    *ret_catalogue = catalogue;
    return 0;
}

int catalogue_write_format(struct catalogue *catalogue, MDB_txn *txn)
{
    uint8_t format[FORMAT_BYTES];
    struct writer writer;
    writer_init(&writer, format, sizeof format);
    writer_bytes(&writer, FORMAT_MAGIC, FORMAT_MAGIC_BYTES);
    writer_u32(&writer, CATALOGUE_VERSION);
    assert(writer_used(&writer) == sizeof format);
    MDB_val key = {strlen(FORMAT_KEY), FORMAT_KEY};
    MDB_val value = {sizeof format, format};
    return mdb_put(txn, catalogue->databases[CATALOGUE_META], &key, &value, 0);
}

static int create_databases(struct catalogue *catalogue)
{
    MDB_txn *txn = NULL;
    int error = catalogue_begin(catalogue, 0, &txn);
    if (error != 0) {
        return error;
    }
    int status = MDB_SUCCESS;
    for (unsigned i = 0; status == MDB_SUCCESS && i < CATALOGUE_DATABASES; i++) {
        status = mdb_dbi_open(txn, names[i], MDB_CREATE, &catalogue->databases[i]);
    }
    status = status != MDB_SUCCESS ? status : catalogue_write_format(catalogue, txn);
    if (status != MDB_SUCCESS) {
        catalogue_end(catalogue, txn);
        return catalogue_error(status);
    }
    return catalogue_error(catalogue_commit(catalogue, txn));
}

int catalogue_create(const char *path)
{
    char data[PATH_BYTES_MAX];
    struct stat status;
    int error = data_path(path, data);
    if (error != 0) {
        return error;
    }
    if (stat(data, &status) == 0) {
        return ERROR_EXISTS;
    }
    struct catalogue *catalogue = catalogue_new(true);
    if (catalogue == NULL) {
        return ERROR_NO_MEMORY;
    }
    error = open_env(catalogue, path, CATALOGUE_MAP_BYTES_DEFAULT);
    error = error != 0 ? error : create_databases(catalogue);
    catalogue_close(catalogue);
    return error;
}

/* ---- Keys ---- */

static void write_text(struct writer *writer, struct media_text text)
{
    uint8_t folded[CATALOGUE_KEY_TEXT_BYTES_MAX];
    writer_bytes(writer, folded, media_text_fold(text, sizeof folded, folded));
    writer_u8(writer, 0);
}

static void finish_key(const struct writer *writer, struct catalogue_key *ret_key)
{
    assert(!writer_failed(writer));
    ret_key->count = writer_used(writer);
}

void catalogue_order_key(const struct media_manifest *manifest, struct catalogue_key *ret_key)
{
    struct writer writer;
    bool is_alone = manifest->album_artist.bytes == 0;
    writer_init(&writer, ret_key->bytes, sizeof ret_key->bytes);
    write_text(&writer, is_alone ? manifest->artist : manifest->album_artist);
    write_text(&writer, manifest->album);
    writer_u16(&writer, manifest->disc_number);
    writer_u16(&writer, manifest->track_number);
    write_text(&writer, manifest->title);
    writer_bytes(&writer, manifest->track_id, TRACK_ID_BYTES);
    finish_key(&writer, ret_key);
}

void catalogue_album_key(const struct media_manifest *manifest, struct catalogue_key *ret_key)
{
    struct writer writer;
    writer_init(&writer, ret_key->bytes, sizeof ret_key->bytes);
    writer_bytes(&writer, manifest->album_id, ALBUM_ID_BYTES);
    writer_u16(&writer, manifest->disc_number);
    writer_u16(&writer, manifest->track_number);
    write_text(&writer, manifest->title);
    writer_bytes(&writer, manifest->track_id, TRACK_ID_BYTES);
    finish_key(&writer, ret_key);
}

void catalogue_file_key(const struct media_file_id *file, uint8_t ret_key[CATALOGUE_FILE_KEY_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_key, CATALOGUE_FILE_KEY_BYTES);
    writer_bytes(&writer, file->root, HASH_BYTES);
    writer_u64(&writer, file->bytes);
    assert(writer_used(&writer) == CATALOGUE_FILE_KEY_BYTES);
}

void catalogue_proof_key(const struct media_file_id *file, uint32_t row,
                         uint8_t ret_key[CATALOGUE_PROOF_KEY_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_key, CATALOGUE_PROOF_KEY_BYTES);
    writer_bytes(&writer, file->root, HASH_BYTES);
    writer_u32(&writer, row);
    assert(writer_used(&writer) == CATALOGUE_PROOF_KEY_BYTES);
}
