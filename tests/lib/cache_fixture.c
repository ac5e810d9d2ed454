/*
 * cache_fixture.c: content from the generator seeded by file and chunk.
 */
#include "tests/lib/cache_fixture.h"

#include "common/net/crypto.h"
#include "common/prng.h"

#include <stdlib.h>
#include <string.h>

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(bytes, count, ret_hash);
}

struct store_hasher cache_fixture_hasher(void)
{
    return (struct store_hasher){.chunk = hash_chunk, .pair = {.pair = crypto_sha256_pair}};
}

uint32_t cache_fixture_chunk(const struct cache_fixture *fixture, uint32_t chunk,
                             uint8_t *ret_buffer)
{
    uint32_t bytes = media_chunk_bytes(fixture->id.bytes, chunk);
    struct prng prng;
    prng_init(&prng, (uint64_t)fixture->number << 32 | chunk);
    for (uint32_t at = 0; at < bytes; at += 8) {
        uint64_t word = prng_u64(&prng);
        memcpy(ret_buffer + at, &word, bytes - at < 8 ? bytes - at : 8);
    }
    return bytes;
}

bool cache_fixture_init(struct cache_fixture *fixture, uint32_t number, uint64_t bytes)
{
    *fixture = (struct cache_fixture){.number = number, .id.bytes = bytes};
    uint32_t chunks = media_chunk_count(bytes);
    struct store_hasher hasher = cache_fixture_hasher();
    uint8_t(*leaves)[HASH_BYTES] = calloc(chunks, sizeof *leaves);
    fixture->proofs = calloc(media_row_count(bytes), sizeof *fixture->proofs);
    bool made = leaves != NULL && fixture->proofs != NULL;
    for (uint32_t chunk = 0; chunk < chunks && made; chunk++) {
        uint8_t buffer[CHUNK_BYTES];
        uint32_t count = cache_fixture_chunk(fixture, chunk, buffer);
        crypto_sha256(buffer, count, leaves[chunk]);
    }
    if (made) {
        media_merkle_root(&hasher.pair, (const uint8_t(*)[HASH_BYTES])leaves, chunks,
                          fixture->id.root);
        made = media_proof_make_all(&hasher.pair, (const uint8_t(*)[HASH_BYTES])leaves, bytes,
                                    fixture->proofs) == 0;
    }
    free(leaves);
    if (!made) {
        cache_fixture_deinit(fixture);
    }
    return made;
}

void cache_fixture_deinit(struct cache_fixture *fixture)
{
    free(fixture->proofs);
    fixture->proofs = NULL;
}

void cache_fixture_row(const struct cache_fixture *fixture, uint32_t row, uint8_t mask,
                       uint8_t *buffer, const uint8_t *ret_chunks[ROW_CHUNKS])
{
    for (uint32_t nth = 0; nth < ROW_CHUNKS; nth++) {
        ret_chunks[nth] = NULL;
        if ((mask >> nth & 1) != 0) {
            ret_chunks[nth] = buffer + (size_t)nth * CHUNK_BYTES;
            cache_fixture_chunk(fixture, row * ROW_CHUNKS + nth,
                                buffer + (size_t)nth * CHUNK_BYTES);
        }
    }
}

bool cache_fixture_is_chunk(const struct cache_fixture *fixture, uint32_t chunk,
                            const uint8_t *bytes, uint32_t count)
{
    uint8_t buffer[CHUNK_BYTES];
    return cache_fixture_chunk(fixture, chunk, buffer) == count &&
           memcmp(buffer, bytes, count) == 0;
}
