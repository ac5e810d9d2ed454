/*
 * catalogue_internal.h: what the files of the catalogue share; not for others.
 */
#ifndef STREAMSERVER_LMDB_CATALOGUE_INTERNAL_H
#define STREAMSERVER_LMDB_CATALOGUE_INTERNAL_H

#include "streamserver/lmdb/catalogue.h"

#include <lmdb.h>
#include <pthread.h>

#define CATALOGUE_FILE_KEY_BYTES MEDIA_FILE_ID_BYTES
#define CATALOGUE_FILE_VALUE_BYTES (1u + TRACK_ID_BYTES)
#define CATALOGUE_PROOF_KEY_BYTES (HASH_BYTES + 4u)
#define CATALOGUE_CHANGE_KEY_BYTES 8u
#define CATALOGUE_CHANGE_VALUE_BYTES (1u + TRACK_ID_BYTES)
#define CATALOGUE_PROOF_VALUE_BYTES_MAX (2u + MEDIA_PROOF_HASHES_MAX * HASH_BYTES)
/* Two texts and a title with their ends, two numbers, the id. */
#define CATALOGUE_KEY_BYTES_MAX (3u * (CATALOGUE_KEY_TEXT_BYTES_MAX + 1u) + 4u + TRACK_ID_BYTES)

_Static_assert(CATALOGUE_KEY_BYTES_MAX <= 511, "the longest key that LMDB takes");

enum catalogue_database {
    CATALOGUE_META = 0,
    CATALOGUE_TRACKS,
    CATALOGUE_ORDER,
    CATALOGUE_ALBUMS,
    CATALOGUE_FILES,
    CATALOGUE_ROOTS,
    CATALOGUE_PROOFS,
    CATALOGUE_CHANGES,
    CATALOGUE_DATABASES,
};

struct catalogue {
    MDB_env *env;
    MDB_dbi databases[CATALOGUE_DATABASES];
    /* Held for reading by every transaction, for writing while the map changes its size: LMDB
     * allows that only while this process has no transaction. */
    pthread_rwlock_t map_lock;
    bool is_writable;
    bool has_changes; /* version 2; its table is open */
};

struct catalogue_key {
    uint8_t bytes[CATALOGUE_KEY_BYTES_MAX];
    size_t count;
};

/* A code of common/error.h for one of LMDB's, or for an errno. */
int catalogue_error(int status);
/* `flags`: MDB_RDONLY or 0. On success catalogue_end or catalogue_commit must follow. */
int catalogue_begin(struct catalogue *catalogue, unsigned flags, MDB_txn **ret_txn);
/* Ends a transaction without keeping what it wrote. */
void catalogue_end(struct catalogue *catalogue, MDB_txn *txn);
/* Returns LMDB's status, not ours: MDB_MAP_FULL asks for catalogue_grow and another try. */
int catalogue_commit(struct catalogue *catalogue, MDB_txn *txn);
/* Doubles the map; no transaction of this thread may be open. */
int catalogue_grow(struct catalogue *catalogue);

void catalogue_order_key(const struct media_manifest *manifest, struct catalogue_key *ret_key);
void catalogue_album_key(const struct media_manifest *manifest, struct catalogue_key *ret_key);
void catalogue_file_key(const struct media_file_id *file,
                        uint8_t ret_key[CATALOGUE_FILE_KEY_BYTES]);
void catalogue_proof_key(const struct media_file_id *file, uint32_t row,
                         uint8_t ret_key[CATALOGUE_PROOF_KEY_BYTES]);
void catalogue_change_key(uint64_t number, uint8_t ret_key[CATALOGUE_CHANGE_KEY_BYTES]);
/* Appends a change within a transaction; LMDB's status. */
int catalogue_put_change(struct catalogue *catalogue, MDB_txn *txn, enum catalogue_change_kind kind,
                         const uint8_t *track_id);
/* Makes the table of changes of a version 1 and writes version 2; what is there counts as added in the
 * order of the list. ERROR_*. */
int catalogue_upgrade(struct catalogue *catalogue);
/* Writes the format's own version; LMDB's status. */
int catalogue_write_format(struct catalogue *catalogue, MDB_txn *txn);
/* Reads the length under a root. ERROR_NOT_FOUND, ERROR_DAMAGED, or what catalogue_error gives. */
int catalogue_read_root(struct catalogue *catalogue, MDB_txn *txn, const uint8_t root[HASH_BYTES],
                        uint64_t *ret_bytes);

#endif
