/*
 * mem_store.h: what the simulator has in place of the store: which rows a node has stored, with
 * which masks, and which manifests. No payload, no time, no failure but memory.
 */
#ifndef CACHE_MEM_MEM_STORE_H
#define CACHE_MEM_MEM_STORE_H

#include "common/limits.h"
#include "common/table.h"
#include "media/core/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem_store {
    struct table files;     /* handle -> masks of its rows */
    struct table manifests; /* track id -> borrowed bytes */
};

void mem_store_init(struct mem_store *store, uint64_t seed);
void mem_store_deinit(struct mem_store *store);
/* Adds chunks to a row of a file of `row_count` rows (the same in every call for the file).
 * ERROR_NO_MEMORY. */
int mem_store_put_row(struct mem_store *store, media_handle file, uint32_t row_count, uint32_t row,
                      uint8_t mask);
void mem_store_evict_file(struct mem_store *store, media_handle file);
void mem_store_evict_row(struct mem_store *store, media_handle file, uint32_t row);
/* 0 when the row is not stored. */
uint8_t mem_store_row_mask(const struct mem_store *store, media_handle file, uint32_t row);
/* One byte a row, borrowed until the next put or evict; NULL when nothing of the file is stored. */
const uint8_t *mem_store_masks(const struct mem_store *store, media_handle file);
bool mem_store_has_chunk(const struct mem_store *store, media_handle file, uint32_t chunk);
/* The bytes are borrowed: the simulator keeps one copy for all nodes. ERROR_NO_MEMORY. */
int mem_store_put_manifest(struct mem_store *store, const uint8_t track_id[TRACK_ID_BYTES],
                           const uint8_t *bytes, uint32_t count);
/* NULL when it is not there. */
const uint8_t *mem_store_manifest(const struct mem_store *store,
                                  const uint8_t track_id[TRACK_ID_BYTES], uint32_t *ret_count);
size_t mem_store_heap_bytes(const struct mem_store *store);

#endif
