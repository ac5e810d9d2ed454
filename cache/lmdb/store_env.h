/*
 * store_env.h: the LMDB environment of a store: opening, judging, setting aside, compacting it.
 *
 * Internal to cache/lmdb. One store_env is one open environment with its five databases; who may
 * have a transaction in it, and when it may be resized, is decided above (store_internal.h).
 */
#ifndef CACHE_LMDB_STORE_ENV_H
#define CACHE_LMDB_STORE_ENV_H

#include "cache/lmdb/store.h"

#include <lmdb.h>

#define STORE_ENV_COPY_NAME "data.new"
#define STORE_SET_ASIDE_MAX 99u /* FOLDER.damaged-1 to -99 */

struct store_env {
    MDB_env *env; /* NULL: not open */
    MDB_dbi meta;
    MDB_dbi files;
    MDB_dbi rows;
    MDB_dbi chunks;
    MDB_dbi manifests;
    uint32_t page_bytes;
    uint64_t map_bytes; /* of the map now */
    bool checked;       /* the whole structure was walked; else the writer does it first */
};

/* What LMDB or the system said, as one of our codes: ERROR_FULL, ERROR_DENIED, ERROR_NOT_FOUND,
 * ERROR_NO_MEMORY, ERROR_DAMAGED, ERROR_VERSION, ERROR_IO, ERROR_SYSTEM; 0 for 0. */
int store_env_error(int lmdb_error);

/* Opens what is in the folder (which exists), or begins it. Errors as store_open's; ERROR_DAMAGED
 * also for a database that is not ours. The structure check may take `check_us` before. */
int store_env_open(const char *folder, uint64_t map_bytes, bool read_only, uint64_t check_us,
                   struct store_env *ret_env);
void store_env_close(struct store_env *env); /* nothing when it is not open */

/* Leaves a mark in the folder, so that the next opening takes the database for damaged. */
void store_env_mark_damaged(const char *folder);
/* Makes the folder and its parents, mode 0700. */
int store_env_make_folder(const char *folder);
/* Renames the folder; ret_name has PATH_MAX bytes. ERROR_DAMAGED: it could not be renamed. */
int store_env_set_aside(const char *folder, char *ret_name);
/* Writes a compact copy beside the database; nobody may write to it meanwhile, everybody may read.
 * On an error there is no copy. */
int store_env_copy(const char *folder, const struct store_env *env);
/* Puts that copy in the place of the database, which is closed for it and opened again with a map
 * of `map_bytes`: nobody may have a transaction. When the copy could not be put there, the old one
 * is opened; when nothing could be opened, env->env is NULL. Its structure is still to be checked. */
int store_env_swap(const char *folder, uint64_t map_bytes, struct store_env *env);

/* Bytes of data.mdb. */
int store_env_file_bytes(const struct store_env *env, uint64_t *ret_bytes);
/* "FOLDER/NAME"; false: too long. ret_path has PATH_MAX bytes. */
bool store_env_path(const char *folder, const char *name, char *ret_path);

#endif
