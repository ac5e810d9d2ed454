/*
 * store_admin.h: what `refrain cache status|verify|clear` do.
 *
 * Status may run while a player holds the store in another process. Verify with `repair` and clear
 * need the engine lock of the state folder, which the caller holds.
 */
#ifndef CACHE_LMDB_STORE_ADMIN_H
#define CACHE_LMDB_STORE_ADMIN_H

#include "cache/lmdb/store.h"

/* Sums; all zero when there is no database yet. `folder` and `limit_bytes` as in store_config.
 * ERROR_VERSION, ERROR_DENIED, ERROR_DAMAGED, ERROR_IO, ERROR_NO_MEMORY. */
int store_admin_status(const char *folder, uint64_t limit_bytes, struct store_status *ret_status);

struct store_verify_report {
    uint64_t rows;    /* that were read and hashed */
    uint64_t chunks;  /* in them, right ones */
    uint64_t damaged; /* rows that do not match their proof, their key or their file's record */
    uint64_t removed; /* of the damaged ones; 0 without `repair` */
};

/* Called for each damaged row. */
typedef void store_each_damaged(void *context, const struct media_file_id *file, uint32_t row);

/* Hashes every row. With `repair` damaged rows are taken out. `each` may be NULL.
 * 0 also when rows are damaged; errors as store_open's. All zero when there is no database. */
int store_admin_verify(const char *folder, const struct store_hasher *hasher, bool repair,
                       store_each_damaged *each, void *context,
                       struct store_verify_report *ret_report);

/* Takes the database away, and those that were set aside as damaged. *ret_freed_bytes: of files.
 * ERROR_DENIED, ERROR_IO. */
int store_admin_clear(const char *folder, uint64_t *ret_freed_bytes);

#endif
