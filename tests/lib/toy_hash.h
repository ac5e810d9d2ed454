/*
 * toy_hash.h: a hash of 32 bytes for tests of cores, which link without a cryptographic library.
 *
 * Not secure. Like SHA-256 it hashes a chunk of 64 bytes and a pair of children to the same value,
 * so that the file made of a tree's two top hashes can be built with it too.
 */
#ifndef TESTS_LIB_TOY_HASH_H
#define TESTS_LIB_TOY_HASH_H

#include "common/limits.h"
#include "media/core/merkle.h"

#include <stddef.h>
#include <stdint.h>

static inline void toy_hash(const uint8_t *bytes, size_t count, uint8_t ret_hash[HASH_BYTES])
{
    for (uint64_t lane = 0; lane < 4; lane++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325) + lane;
        for (size_t i = 0; i < count; i++) {
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
            hash ^= hash >> 29;
        }
        for (unsigned i = 0; i < 8; i++) {
            ret_hash[8 * lane + i] = (uint8_t)(hash >> (8 * i));
        }
    }
}

static inline void toy_pair(void *context, const uint8_t children[2 * HASH_BYTES],
                            uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    toy_hash(children, (size_t)2 * HASH_BYTES, ret_hash);
}

static const struct media_hasher toy_hasher = {toy_pair, NULL};

#endif
