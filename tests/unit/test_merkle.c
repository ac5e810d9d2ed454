/*
 * test_merkle.c: roots against the plainest definition, proofs of every row, and what must not
 * pass as a proof. The hash is a toy; tests/integration/test_ids.py has SHA-256 and libtorrent.
 */
#include "media/core/merkle.h"

#include "common/error.h"
#include "tests/lib/toy_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

/* The linker sends the allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
void *__wrap_calloc(size_t count, size_t bytes)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, bytes);
}

#define LEAVES_MAX 600u

static uint8_t leaves[LEAVES_MAX][HASH_BYTES];

static int make_leaves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES_MAX; i++) {
        toy_hash((const uint8_t *)&i, sizeof i, leaves[i]);
    }
    return 0;
}

/* BEP 52 word for word: pad the leaves to a power of two, then hash level by level. */
static void plain_root(uint32_t count, uint8_t ret_root[HASH_BYTES])
{
    uint32_t width = 1;
    while (width < count) {
        width *= 2;
    }
    uint8_t(*nodes)[HASH_BYTES] = __real_calloc(width, HASH_BYTES);
    assert_non_null(nodes);
    memcpy(nodes, leaves, (size_t)count * HASH_BYTES);
    for (; width > 1; width /= 2) {
        for (uint32_t i = 0; i < width / 2; i++) {
            uint8_t parent[HASH_BYTES];
            toy_pair(NULL, nodes[(size_t)2 * i], parent);
            memcpy(nodes[i], parent, HASH_BYTES);
        }
    }
    memcpy(ret_root, nodes[0], HASH_BYTES);
    free(nodes);
}

static void test_root(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= LEAVES_MAX; count += count < 70 ? 1 : 53) {
        uint8_t root[HASH_BYTES];
        uint8_t expected[HASH_BYTES];
        media_merkle_root(&toy_hasher, leaves, count, root);
        plain_root(count, expected);
        assert_memory_equal(root, expected, HASH_BYTES);
    }
}

static const struct {
    uint64_t bytes;
    uint32_t uncles;
} shapes[] = {
    {1, 0},
    {CHUNK_BYTES, 0},
    {CHUNK_BYTES + 1, 0},
    {3 * CHUNK_BYTES, 0},
    {ROW_BYTES, 0},
    {ROW_BYTES + 1, 1},
    {2 * ROW_BYTES, 1},
    {2 * ROW_BYTES + 1, 2},
    {3 * ROW_BYTES + 5 * CHUNK_BYTES + 17, 2},
    {5 * ROW_BYTES, 3},
    {6000000, 6},
    {UINT64_C(73) * ROW_BYTES + 1, 7},
};

static struct media_file_id id_of(uint64_t bytes)
{
    struct media_file_id id = {.bytes = bytes};
    media_merkle_root(&toy_hasher, leaves, media_chunk_count(bytes), id.root);
    return id;
}

static struct media_proof *proofs_of(uint64_t bytes)
{
    struct media_proof *proofs = __real_calloc(media_row_count(bytes), sizeof *proofs);
    assert_non_null(proofs);
    assert_int_equal(media_proof_make_all(&toy_hasher, leaves, bytes, proofs), 0);
    return proofs;
}

static void test_every_row_is_proven(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint64_t bytes = shapes[i].bytes;
        struct media_file_id id = id_of(bytes);
        struct media_proof *proofs = proofs_of(bytes);
        assert_int_equal(media_proof_uncle_count(bytes), shapes[i].uncles);
        for (uint32_t row = 0; row < media_row_count(bytes); row++) {
            assert_int_equal(proofs[row].leaf_count + proofs[row].uncle_count,
                             media_proof_hash_count(bytes, row));
            assert_memory_equal(proofs[row].hashes, leaves[row * ROW_CHUNKS],
                                (size_t)proofs[row].leaf_count * HASH_BYTES);
            assert_int_equal(media_proof_check(&toy_hasher, &id, row, &proofs[row]), 0);
        }
        free(proofs);
    }
}

/* Every bit counts: any hash changed, any other row, any other root. */
static void test_changed_proofs_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint64_t bytes = shapes[i].bytes;
        struct media_file_id id = id_of(bytes);
        struct media_proof *proofs = proofs_of(bytes);
        uint32_t rows = media_row_count(bytes);
        for (uint32_t row = 0; row < rows; row++) {
            for (uint32_t hash = 0; hash < media_proof_hash_count(bytes, row); hash++) {
                struct media_proof changed = proofs[row];
                changed.hashes[hash][(row + hash) % HASH_BYTES] ^= 1;
                assert_int_equal(media_proof_check(&toy_hasher, &id, row, &changed),
                                 ERROR_MISMATCH);
            }
            if (row + 1 < rows) {
                int error = media_proof_check(&toy_hasher, &id, row + 1, &proofs[row]);
                assert_true(error == ERROR_MISMATCH || error == ERROR_MALFORMED);
            }
        }
        id.root[0] ^= 1;
        assert_int_equal(media_proof_check(&toy_hasher, &id, 0, &proofs[0]), ERROR_MISMATCH);
        free(proofs);
    }
}

static void test_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint64_t bytes = shapes[i].bytes;
        struct media_file_id id = id_of(bytes);
        struct media_proof *proofs = proofs_of(bytes);
        for (unsigned count = 0; count <= UINT8_MAX; count++) {
            struct media_proof changed = proofs[0];
            changed.leaf_count = (uint8_t)count;
            int expected = changed.leaf_count == proofs[0].leaf_count ? 0 : ERROR_MALFORMED;
            assert_int_equal(media_proof_check(&toy_hasher, &id, 0, &changed), expected);
            changed = proofs[0];
            changed.uncle_count = (uint8_t)count;
            expected = changed.uncle_count == proofs[0].uncle_count ? 0 : ERROR_MALFORMED;
            assert_int_equal(media_proof_check(&toy_hasher, &id, 0, &changed), expected);
        }
        uint32_t rows = media_row_count(bytes);
        assert_int_equal(media_proof_check(&toy_hasher, &id, rows, &proofs[0]), ERROR_MALFORMED);
        assert_int_equal(media_proof_check(&toy_hasher, &id, UINT32_MAX, &proofs[0]),
                         ERROR_MALFORMED);
        struct media_file_id wrong = id;
        wrong.bytes = 0;
        assert_int_equal(media_proof_check(&toy_hasher, &wrong, 0, &proofs[0]), ERROR_MALFORMED);
        wrong.bytes = FILE_BYTES_MAX + 1;
        assert_int_equal(media_proof_check(&toy_hasher, &wrong, 0, &proofs[0]), ERROR_MALFORMED);
        free(proofs);
    }
}

/* The tree's two top hashes, as the 64 bytes of a file, have the root of the real file. */
static void test_the_two_top_hashes(void **state)
{
    (void)state;
    uint64_t bytes = UINT64_C(16) * CHUNK_BYTES;
    struct media_file_id real = id_of(bytes);
    uint8_t top[2 * HASH_BYTES];
    media_merkle_root(&toy_hasher, leaves, 8, top);
    media_merkle_root(&toy_hasher, leaves + 8, 8, top + HASH_BYTES);
    struct media_file_id fake = {.bytes = sizeof top};
    toy_hash(top, sizeof top, fake.root);
    assert_memory_equal(fake.root, real.root, HASH_BYTES); /* the attack is real */
    assert_false(media_file_id_equal(&fake, &real));

    struct media_proof fake_proof = {.leaf_count = 1};
    memcpy(fake_proof.hashes[0], fake.root, HASH_BYTES);
    assert_int_equal(media_proof_check(&toy_hasher, &fake, 0, &fake_proof), 0);
    for (uint32_t row = 0; row < 2; row++) {
        /* Its proof is none of the real file's, and the real file's none of its. */
        assert_int_equal(media_proof_check(&toy_hasher, &real, row, &fake_proof), ERROR_MALFORMED);
        struct media_proof *proofs = proofs_of(bytes);
        assert_int_equal(media_proof_check(&toy_hasher, &fake, row, &proofs[row]), ERROR_MALFORMED);
        free(proofs);
    }
    /* Dressed as two leaves of a file of 16,385 bytes it has the root, but that is a third id. */
    struct media_proof two = {.leaf_count = 2};
    memcpy(two.hashes, top, sizeof top);
    struct media_file_id third = {.bytes = CHUNK_BYTES + 1};
    memcpy(third.root, real.root, HASH_BYTES);
    assert_int_equal(media_proof_check(&toy_hasher, &third, 0, &two), 0);
    assert_int_equal(media_proof_check(&toy_hasher, &real, 0, &two), ERROR_MALFORMED);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct media_proof proof;
    fail_at = 1;
    assert_int_equal(media_proof_make_all(&toy_hasher, leaves, 1, &proof), ERROR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_every_row_is_proven),
        cmocka_unit_test(test_changed_proofs_fail),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_the_two_top_hashes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
