/*
 * cache_fixture.h: files for tests of the cache: any length, content by number, with their proofs.
 *
 * Nothing is kept but the proofs: a chunk is made again whenever it is needed, so that a test can
 * say of any byte that it reads whether it is right.
 */
#ifndef TESTS_LIB_CACHE_FIXTURE_H
#define TESTS_LIB_CACHE_FIXTURE_H

#include "cache/lmdb/store.h"

#include <stdbool.h>

struct cache_fixture {
    uint32_t number;
    struct media_file_id id;
    struct media_proof *proofs; /* one a row; owned */
};

/* SHA-256, for the store. */
struct store_hasher cache_fixture_hasher(void);
/* Makes file `number` of `bytes`. False: no memory. */
bool cache_fixture_init(struct cache_fixture *fixture, uint32_t number, uint64_t bytes);
void cache_fixture_deinit(struct cache_fixture *fixture);
/* The chunk's bytes; `ret_buffer` has CHUNK_BYTES. Gives how many. */
uint32_t cache_fixture_chunk(const struct cache_fixture *fixture, uint32_t chunk,
                             uint8_t *ret_buffer);
/* The chunks of a mask in a buffer of ROW_BYTES, and pointers to them. */
void cache_fixture_row(const struct cache_fixture *fixture, uint32_t row, uint8_t mask,
                       uint8_t *buffer, const uint8_t *ret_chunks[ROW_CHUNKS]);
/* True when the bytes are that chunk. */
bool cache_fixture_is_chunk(const struct cache_fixture *fixture, uint32_t chunk,
                            const uint8_t *bytes, uint32_t count);

#endif
