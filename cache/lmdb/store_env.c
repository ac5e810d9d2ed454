/*
 * store_env.c: one LMDB environment, opened only after its structure was found sound.
 *
 * Happy path: the file is walked (store_check.c), opened, its format mark read; no byte is written
 * for a database that exists. Failure modes: damaged or foreign -> ERROR_DAMAGED and the caller
 * sets it aside; newer -> ERROR_VERSION; killed while the first transaction was written -> an empty
 * database, begun again.
 */
#include "cache/lmdb/store_env.h"

#include "cache/lmdb/store_check.h"
#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASES 5u
#define READERS_MAX 254u /* transactions at once, of all processes */
#define DAMAGED_NAME "damaged"
#define FORMAT_KEY "format"
#define FORMAT_TEXT "refrain chunks"
#define FORMAT_TEXT_BYTES (sizeof FORMAT_TEXT - 1)
#define FORMAT_BYTES (FORMAT_TEXT_BYTES + 2)

int store_env_error(int lmdb_error)
{
    switch (lmdb_error) {
    case 0:
        return 0;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERROR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case ENOENT:
        return ERROR_NOT_FOUND;
    case ENOMEM:
        return ERROR_NO_MEMORY;
    case MDB_VERSION_MISMATCH:
        return ERROR_VERSION;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
    case MDB_NOTFOUND:
        return ERROR_DAMAGED;
    case EIO:
    case MDB_PANIC:
        return ERROR_IO;
    default:
        return ERROR_SYSTEM;
    }
}

bool store_env_path(const char *folder, const char *name, char *ret_path)
{
    int length = snprintf(ret_path, PATH_MAX, "%s/%s", folder, name);
    return length > 0 && length < PATH_MAX;
}

int store_env_make_folder(const char *folder)
{
    char path[PATH_MAX];
    size_t length = strlen(folder);
    if (length == 0 || length >= sizeof path) {
        return ERROR_SYSTEM;
    }
    memcpy(path, folder, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            char kept = path[i];
            path[i] = '\0';
            if (mkdir(path, 0700) != 0 && errno != EEXIST) {
                return errno == ENOTDIR ? ERROR_DENIED : store_env_error(errno);
            }
            path[i] = kept;
        }
    }
    return 0;
}

int store_env_set_aside(const char *folder, char *ret_name)
{
    struct stat status;
    for (unsigned i = 1; i <= STORE_SET_ASIDE_MAX; i++) {
        int length = snprintf(ret_name, PATH_MAX, "%s.damaged-%u", folder, i);
        if (length < 0 || length >= PATH_MAX) {
            break;
        }
        if (lstat(ret_name, &status) != 0 && errno == ENOENT) {
            return rename(folder, ret_name) == 0 ? 0 : ERROR_DAMAGED;
        }
    }
    return ERROR_DAMAGED;
}

void store_env_mark_damaged(const char *folder)
{
    char path[PATH_MAX];
    if (store_env_path(folder, DAMAGED_NAME, path)) {
        int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
}

/* ERROR_DAMAGED: a mark of something else; ERROR_VERSION: a newer one of ours. */
static int read_format(MDB_txn *txn, MDB_dbi meta)
{
    MDB_val key = {.mv_size = sizeof FORMAT_KEY - 1, .mv_data = FORMAT_KEY};
    MDB_val value;
    int error = mdb_get(txn, meta, &key, &value);
    if (error != 0) {
        return store_env_error(error);
    }
    const uint8_t *bytes = value.mv_data;
    if (value.mv_size < FORMAT_BYTES || memcmp(bytes, FORMAT_TEXT, FORMAT_TEXT_BYTES) != 0) {
        return ERROR_DAMAGED;
    }
    unsigned format = (unsigned)bytes[FORMAT_TEXT_BYTES] << 8 | bytes[FORMAT_TEXT_BYTES + 1];
    return format > STORE_FORMAT ? ERROR_VERSION : format == STORE_FORMAT ? 0 : ERROR_DAMAGED;
}

static int write_format(MDB_txn *txn, MDB_dbi meta)
{
    uint8_t bytes[FORMAT_BYTES] = FORMAT_TEXT;
    bytes[FORMAT_TEXT_BYTES] = (uint8_t)(STORE_FORMAT >> 8);
    bytes[FORMAT_TEXT_BYTES + 1] = (uint8_t)(STORE_FORMAT & 0xff);
    MDB_val key = {.mv_size = sizeof FORMAT_KEY - 1, .mv_data = FORMAT_KEY};
    MDB_val value = {.mv_size = sizeof bytes, .mv_data = bytes};
    return store_env_error(mdb_put(txn, meta, &key, &value, 0));
}

/* Opens the five databases in a transaction, making them with MDB_CREATE. */
static int open_databases(MDB_txn *txn, unsigned flags, struct store_env *env)
{
    const struct {
        const char *name;
        MDB_dbi *handle;
    } databases[DATABASES] = {{"meta", &env->meta},
                              {"files", &env->files},
                              {"rows", &env->rows},
                              {"chunks", &env->chunks},
                              {"manifests", &env->manifests}};
    for (size_t i = 0; i < DATABASES; i++) {
        int error = mdb_dbi_open(txn, databases[i].name, flags, databases[i].handle);
        if (error != 0) {
            return store_env_error(error);
        }
    }
    return 0;
}

/* True when nothing was ever put into it. */
static int ask_empty(MDB_txn *txn, bool *ret_empty)
{
    MDB_dbi main_database;
    MDB_stat stat;
    int error = mdb_dbi_open(txn, NULL, 0, &main_database);
    if (error == 0) {
        error = mdb_stat(txn, main_database, &stat);
    }
    if (error != 0) {
        return store_env_error(error);
    }
    *ret_empty = stat.ms_entries == 0;
    return 0;
}

static int begin_database(struct store_env *env)
{
    MDB_txn *txn = NULL;
    int error = store_env_error(mdb_txn_begin(env->env, NULL, 0, &txn));
    if (error != 0) {
        return error;
    }
    error = open_databases(txn, MDB_CREATE, env);
    if (error == 0) {
        error = write_format(txn, env->meta);
    }
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    /* Music waits for this one, and nothing is lost with an empty database: the first row's
     * transaction brings it to the disk. */
    mdb_env_set_flags(env->env, MDB_NOSYNC, 1);
    error = mdb_txn_commit(txn);
    mdb_env_set_flags(env->env, MDB_NOSYNC, 0);
    return error == EIO ? ERROR_FULL : store_env_error(error);
}

/* Looks at what was opened: ours, empty (begun here), foreign or newer. */
static int judge(struct store_env *env, bool read_only)
{
    MDB_txn *txn = NULL;
    bool empty = false;
    int error = store_env_error(mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn));
    if (error != 0) {
        return error;
    }
    error = ask_empty(txn, &empty);
    if (error == 0 && !empty) {
        error = open_databases(txn, 0, env);
        error = error != 0 ? error : read_format(txn, env->meta);
    }
    if (error != 0 || empty) {
        mdb_txn_abort(txn);
        return error != 0 ? error : read_only ? ERROR_NOT_FOUND : begin_database(env);
    }
    return store_env_error(mdb_txn_commit(txn)); /* writes nothing; keeps the handles */
}

static int open_environment(const char *folder, bool read_only, struct store_env *env)
{
    int error = mdb_env_create(&env->env);
    if (error != 0) {
        env->env = NULL;
        return store_env_error(error);
    }
    error = mdb_env_set_maxdbs(env->env, DATABASES);
    error = error != 0 ? error : mdb_env_set_maxreaders(env->env, READERS_MAX);
    error = error != 0 ? error : mdb_env_set_mapsize(env->env, env->map_bytes);
    if (error == 0) {
        error = mdb_env_open(env->env, folder, MDB_NOTLS | (read_only ? MDB_RDONLY : 0), 0600);
    }
    if (error == 0) {
        int dead = 0;
        error = mdb_reader_check(env->env, &dead);
    }
    return store_env_error(error);
}

int store_env_open(const char *folder, uint64_t map_bytes, bool read_only, uint64_t check_us,
                   struct store_env *ret_env)
{
    char path[PATH_MAX];
    struct store_env env = {.map_bytes = map_bytes};
    if (!store_env_path(folder, DAMAGED_NAME, path)) {
        return ERROR_SYSTEM;
    }
    if (access(path, F_OK) == 0) {
        return ERROR_DAMAGED;
    }
    if (!store_env_path(folder, "data.mdb", path)) {
        return ERROR_SYSTEM;
    }
    int error = store_check_file(path, check_us, &env.checked);
    if (error == ERROR_NOT_FOUND && !read_only) {
        env.checked = true;
        error = 0;
    }
    if (error != 0) {
        return error;
    }
    MDB_envinfo info;
    MDB_stat stat;
    error = open_environment(folder, read_only, &env);
    if (error == 0) {
        error = judge(&env, read_only);
    }
    if (error == 0) {
        error = store_env_error(mdb_env_info(env.env, &info));
    }
    if (error == 0) {
        error = store_env_error(mdb_env_stat(env.env, &stat));
    }
    if (error != 0) {
        store_env_close(&env);
        return error;
    }
    env.map_bytes = info.me_mapsize; /* larger when the file is */
    env.page_bytes = stat.ms_psize;
    *ret_env = env;
    return 0;
}

void store_env_close(struct store_env *env)
{
    if (env->env != NULL) {
        mdb_env_close(env->env);
        env->env = NULL;
    }
}

int store_env_file_bytes(const struct store_env *env, uint64_t *ret_bytes)
{
    mdb_filehandle_t descriptor;
    struct stat status;
    if (mdb_env_get_fd(env->env, &descriptor) != 0 || fstat(descriptor, &status) != 0) {
        return ERROR_IO;
    }
    *ret_bytes = (uint64_t)status.st_size;
    return 0;
}

/* A compact copy beside the database, on the disk when this returns 0. */
static int copy_compact(const struct store_env *env, const char *path)
{
    MDB_envinfo info;
    int error = store_env_error(mdb_env_info(env->env, &info));
    if (error != 0) {
        return error;
    }
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return store_env_error(errno);
    }
    error = store_env_error(mdb_env_copyfd2(env->env, descriptor, MDB_CP_COMPACT));
    if (error == 0) {
        error = store_check_renumber(descriptor, info.me_last_txnid);
    }
    if (error == 0 && fsync(descriptor) != 0) {
        error = store_env_error(errno);
    }
    close(descriptor);
    if (error != 0) {
        unlink(path);
    }
    return error;
}

static int sync_folder(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return ERROR_IO;
    }
    int error = fsync(descriptor) == 0 ? 0 : ERROR_IO;
    close(descriptor);
    return error;
}

int store_env_copy(const char *folder, const struct store_env *env)
{
    char path[PATH_MAX];
    return store_env_path(folder, STORE_ENV_COPY_NAME, path) ? copy_compact(env, path)
                                                             : ERROR_SYSTEM;
}

int store_env_swap(const char *folder, uint64_t map_bytes, struct store_env *env)
{
    char path[PATH_MAX];
    char copy[PATH_MAX];
    if (!store_env_path(folder, "data.mdb", path) ||
        !store_env_path(folder, STORE_ENV_COPY_NAME, copy)) {
        return ERROR_SYSTEM;
    }
    int error = 0;
    store_env_close(env);
    if (rename(copy, path) != 0) {
        unlink(copy);
        error = ERROR_IO;
    } else {
        error = sync_folder(folder);
    }
    int open_error = store_env_open(folder, map_bytes, false, 0, env);
    return open_error != 0 ? open_error : error;
}
