/*
 * store_verified.h: which rows were hashed since the store was opened, so that each is hashed once.
 *
 * Readers and the writer meet here. A reader takes a ticket before its transaction and marks the
 * row after it has hashed it; the mark counts only if no change that ended after the ticket touched
 * this row, so that what a transaction brings is never taken for what was hashed before it. Changes
 * of other rows do not matter: while a file comes the writer is at work all the time.
 * Thread-safe.
 */
#ifndef CACHE_LMDB_STORE_VERIFIED_H
#define CACHE_LMDB_STORE_VERIFIED_H

#include "common/table.h"
#include "media/core/file_id.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store_verified {
    pthread_mutex_t lock;
    struct table files;  /* file id -> a bit a row, and when it was touched last */
    uint32_t generation; /* changes that have ended; it wraps */
    uint32_t outdated;   /* tickets before this one do not count, whatever the row */
    bool changing;       /* a transaction is being committed */
};

/* ERROR_SYSTEM. */
int store_verified_init(struct store_verified *verified);
void store_verified_deinit(struct store_verified *verified);

/* True: the row was hashed and has not changed. False: hash it, then mark it with the ticket. */
bool store_verified_ask(struct store_verified *verified, const struct media_file_id *file,
                        uint32_t row, uint32_t *ret_ticket);
/* Without memory it is not marked, and hashed again. */
void store_verified_mark(struct store_verified *verified, const struct media_file_id *file,
                         uint32_t row, uint32_t ticket);

/* The writer: begin before a commit, forget what it changes, end when it is over. When it is
 * committed, whole rows that the caller of the store has just hashed are known. */
void store_verified_begin_change(struct store_verified *verified);
void store_verified_forget_row(struct store_verified *verified, const struct media_file_id *file,
                               uint32_t row);
void store_verified_forget_file(struct store_verified *verified, const struct media_file_id *file);
void store_verified_put_row(struct store_verified *verified, const struct media_file_id *file,
                            uint32_t row);
void store_verified_end_change(struct store_verified *verified);

#endif
