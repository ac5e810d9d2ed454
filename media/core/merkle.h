/*
 * merkle.h: BEP 52's tree over a file's chunks, and proofs for its rows.
 *
 * Leaves are SHA-256 of each chunk; missing leaves up to the next power of two are 32 zero bytes;
 * a parent is the hash of its two children's 64 bytes. A file of one chunk has its leaf as root.
 *
 * A proof is for one row (8 aligned chunks): the leaf hashes of the row's real chunks, then the
 * uncles from below to above. Its shape follows from (bytes, row) alone, so that a proof for
 * another length cannot fit. 128 KiB of a 6 MB file: 8 + 6 hashes, 448 bytes.
 */
#ifndef MEDIA_CORE_MERKLE_H
#define MEDIA_CORE_MERKLE_H

#include "common/limits.h"
#include "media/core/file_id.h"

#include <stddef.h>
#include <stdint.h>

/* Injected: the hash of 64 bytes (two children). SHA-256 in the programs; the simulator may use
 * something cheaper, with files whose ids were made by the same function. */
struct media_hasher {
    void (*pair)(void *context, const uint8_t children[2 * HASH_BYTES],
                 uint8_t ret_hash[HASH_BYTES]);
    void *context;
};

#define MEDIA_PROOF_UNCLES_MAX 15u /* log2(FILE_ROWS_MAX) */
#define MEDIA_PROOF_HASHES_MAX (ROW_CHUNKS + MEDIA_PROOF_UNCLES_MAX)

struct media_proof {
    uint8_t leaf_count;                                 /* = media_row_chunks(bytes, row) */
    uint8_t uncle_count;                                /* = media_proof_uncle_count(bytes) */
    uint8_t hashes[MEDIA_PROOF_HASHES_MAX][HASH_BYTES]; /* leaves, then uncles from below */
};

/* How many uncles a row of a file of this length has: 0 for up to 8 chunks. */
uint32_t media_proof_uncle_count(uint64_t bytes);
/* Hashes in a proof for this row: leaves + uncles. */
uint32_t media_proof_hash_count(uint64_t bytes, uint32_t row);

/* The root over `leaf_count` (>= 1) leaf hashes; O(leaf_count) hashes, O(log) memory. */
void media_merkle_root(const struct media_hasher *hasher, const uint8_t (*leaves)[HASH_BYTES],
                       uint32_t leaf_count, uint8_t ret_root[HASH_BYTES]);

/* Makes the proofs of all rows of a file in one pass. `ret_proofs` has media_row_count(bytes)
 * entries. ERROR_NO_MEMORY. */
int media_proof_make_all(const struct media_hasher *hasher, const uint8_t (*leaves)[HASH_BYTES],
                         uint64_t bytes, struct media_proof *ret_proofs);

/* 0: the proof's leaves are those of that row of the file (root, bytes). ERROR_MALFORMED: its
 * shape is not that of (bytes, row). ERROR_MISMATCH: it leads to another root. */
int media_proof_check(const struct media_hasher *hasher, const struct media_file_id *file,
                      uint32_t row, const struct media_proof *proof);

#endif
