/*
 * merkle.c: roots, and proofs of rows, without recursion.
 *
 * Responsible for the shape of the tree. Which function hashes is the caller's choice, and so is
 * what a failed proof means.
 */
#include "media/core/merkle.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROW_LEVEL 3u                                    /* log2(ROW_CHUNKS) */
#define LEVELS_MAX (ROW_LEVEL + MEDIA_PROOF_UNCLES_MAX) /* above the leaves */

_Static_assert(1u << ROW_LEVEL == ROW_CHUNKS, "a row is a subtree");
_Static_assert(1u << LEVELS_MAX == FILE_CHUNKS_MAX, "the largest file's tree");

typedef uint8_t hash_bytes[HASH_BYTES];

/* The smallest level whose subtree covers `count` nodes: ceil(log2(count)). */
static uint32_t levels_over(uint32_t count)
{
    uint32_t levels = 0;
    while (UINT64_C(1) << levels < count) {
        levels++;
    }
    return levels;
}

static void hash_pair(const struct media_hasher *hasher, const hash_bytes left,
                      const hash_bytes right, hash_bytes ret_parent)
{
    uint8_t children[2 * HASH_BYTES];
    memcpy(children, left, HASH_BYTES);
    memcpy(children + HASH_BYTES, right, HASH_BYTES);
    hasher->pair(hasher->context, children, ret_parent);
}

/* Roots of subtrees of missing leaves: zeros[0] is 32 zero bytes, zeros[n] covers 2^n of them. */
static void make_zeros(const struct media_hasher *hasher, uint32_t levels, hash_bytes *ret_zeros)
{
    memset(ret_zeros[0], 0, HASH_BYTES);
    for (uint32_t level = 0; level < levels; level++) {
        hash_pair(hasher, ret_zeros[level], ret_zeros[level], ret_zeros[level + 1]);
    }
}

/* The root of the subtree of `levels` levels whose first leaves are these, the others missing.
 * pending[n] is a whole subtree of 2^n leaves that waits for its right neighbour, as the digits of
 * a binary counter do. */
static void subtree_root(const struct media_hasher *hasher, const hash_bytes *leaves,
                         uint32_t leaf_count, uint32_t levels, hash_bytes ret_root)
{
    hash_bytes pending[LEVELS_MAX + 1];
    hash_bytes zeros[LEVELS_MAX + 1];
    hash_bytes node;
    assert(leaf_count >= 1 && levels <= LEVELS_MAX && leaf_count <= 1u << levels);
    for (uint32_t leaf = 0; leaf < leaf_count; leaf++) {
        memcpy(node, leaves[leaf], HASH_BYTES);
        uint32_t level = 0;
        for (; leaf >> level & 1; level++) {
            hash_pair(hasher, pending[level], node, node);
        }
        memcpy(pending[level], node, HASH_BYTES);
    }
    if (leaf_count == 1u << levels) {
        memcpy(ret_root, pending[levels], HASH_BYTES);
        return;
    }
    /* The count's binary digits say which subtrees wait; missing ones stand to their right. */
    make_zeros(hasher, levels, zeros);
    bool is_begun = false;
    for (uint32_t level = 0; level < levels; level++) {
        bool is_waiting = leaf_count >> level & 1;
        if (is_begun) {
            hash_pair(hasher, is_waiting ? pending[level] : node, is_waiting ? node : zeros[level],
                      node);
        } else if (is_waiting) {
            hash_pair(hasher, pending[level], zeros[level], node);
            is_begun = true;
        }
    }
    memcpy(ret_root, node, HASH_BYTES);
}

uint32_t media_proof_uncle_count(uint64_t bytes)
{
    return levels_over(media_row_count(bytes));
}

uint32_t media_proof_hash_count(uint64_t bytes, uint32_t row)
{
    return media_row_chunks(bytes, row) + media_proof_uncle_count(bytes);
}

void media_merkle_root(const struct media_hasher *hasher, const uint8_t (*leaves)[HASH_BYTES],
                       uint32_t leaf_count, uint8_t ret_root[HASH_BYTES])
{
    assert(leaf_count >= 1 && leaf_count <= FILE_CHUNKS_MAX);
    subtree_root(hasher, leaves, leaf_count, levels_over(leaf_count), ret_root);
}

/* A row's own level: whole rows are subtrees of 8; a file's only row is as small as it can be. */
static uint32_t row_levels(uint64_t bytes)
{
    return media_row_count(bytes) > 1 ? ROW_LEVEL : levels_over(media_chunk_count(bytes));
}

/* Turns `count` nodes of a level into their parents, in place. Returns how many. */
static uint32_t raise_level(const struct media_hasher *hasher, hash_bytes *nodes, uint32_t count,
                            const hash_bytes zero)
{
    for (uint32_t i = 0; i < count; i += 2) {
        hash_pair(hasher, nodes[i], i + 1 < count ? nodes[i + 1] : zero, nodes[i / 2]);
    }
    return (count + 1) / 2;
}

int media_proof_make_all(const struct media_hasher *hasher, const uint8_t (*leaves)[HASH_BYTES],
                         uint64_t bytes, struct media_proof *ret_proofs)
{
    uint32_t rows = media_row_count(bytes);
    uint32_t uncles = media_proof_uncle_count(bytes);
    hash_bytes zeros[LEVELS_MAX + 1];
    hash_bytes *nodes = calloc(rows, sizeof *nodes);
    if (nodes == NULL) {
        return ERROR_NO_MEMORY;
    }
    make_zeros(hasher, ROW_LEVEL + uncles, zeros);
    for (uint32_t row = 0; row < rows; row++) {
        struct media_proof *proof = &ret_proofs[row];
        memset(proof, 0, sizeof *proof);
        proof->leaf_count = (uint8_t)media_row_chunks(bytes, row);
        proof->uncle_count = (uint8_t)uncles;
        memcpy(proof->hashes, leaves[(size_t)row * ROW_CHUNKS],
               (size_t)proof->leaf_count * HASH_BYTES);
        subtree_root(hasher, &leaves[(size_t)row * ROW_CHUNKS], proof->leaf_count,
                     row_levels(bytes), nodes[row]);
    }
    uint32_t count = rows;
    for (uint32_t level = 0; level < uncles; level++) {
        const uint8_t *zero = zeros[ROW_LEVEL + level];
        for (uint32_t row = 0; row < rows; row++) {
            uint32_t sibling = row >> level ^ 1;
            memcpy(ret_proofs[row].hashes[ret_proofs[row].leaf_count + level],
                   sibling < count ? nodes[sibling] : zero, HASH_BYTES);
        }
        count = raise_level(hasher, nodes, count, zero);
    }
    assert(count == 1);
    free(nodes);
    return 0;
}

int media_proof_check(const struct media_hasher *hasher, const struct media_file_id *file,
                      uint32_t row, const struct media_proof *proof)
{
    if (!media_file_id_valid(file) || row >= media_row_count(file->bytes) ||
        proof->leaf_count != media_row_chunks(file->bytes, row) ||
        proof->uncle_count != media_proof_uncle_count(file->bytes)) {
        return ERROR_MALFORMED;
    }
    hash_bytes node;
    subtree_root(hasher, proof->hashes, proof->leaf_count, row_levels(file->bytes), node);
    for (uint32_t level = 0; level < proof->uncle_count; level++) {
        const uint8_t *uncle = proof->hashes[proof->leaf_count + level];
        bool is_right = row >> level & 1;
        hash_pair(hasher, is_right ? uncle : node, is_right ? node : uncle, node);
    }
    return memcmp(node, file->root, HASH_BYTES) == 0 ? 0 : ERROR_MISMATCH;
}
