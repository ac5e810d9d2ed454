/*
 * test_leaves.c: however the bytes are cut when they come, id and proofs are the same.
 */
#include "streamserver/leaves.h"

#include "common/error.h"
#include "common/net/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX (3u * ROW_BYTES)

static uint8_t content[BYTES_MAX];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < BYTES_MAX; i++) {
        content[i] = (uint8_t)(i * 31 + i / 251);
    }
    return 0;
}

/* The plain way: whole chunks, then the root. */
static struct media_file_id plain_id(uint64_t bytes)
{
    static const struct media_hasher hasher = {crypto_sha256_pair, NULL};
    uint8_t hashes[BYTES_MAX / CHUNK_BYTES][HASH_BYTES];
    struct media_file_id id = {.bytes = bytes};
    uint32_t chunks = media_chunk_count(bytes);
    for (uint32_t i = 0; i < chunks; i++) {
        crypto_sha256(content + (size_t)i * CHUNK_BYTES, media_chunk_bytes(bytes, i), hashes[i]);
    }
    media_merkle_root(&hasher, hashes, chunks, id.root);
    return id;
}

static const uint64_t lengths[] = {1, 64, 16383, 16384, 16385, 131072, 131073, BYTES_MAX - 7};
static const size_t steps[] = {1, 7, 1000, 16384, 20000, BYTES_MAX};

static void test_any_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct media_file_id expected = plain_id(lengths[i]);
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
            struct leaves leaves;
            struct media_file_id id;
            leaves_init(&leaves);
            for (size_t at = 0; at < lengths[i]; at += steps[j]) {
                size_t left = (size_t)lengths[i] - at;
                size_t count = left < steps[j] ? left : steps[j];
                assert_int_equal(leaves_feed(&leaves, content + at, count), 0);
            }
            assert_int_equal(leaves_finish(&leaves, &id), 0);
            assert_true(media_file_id_equal(&id, &expected));
            leaves_deinit(&leaves);
        }
    }
}

static void test_proofs(void **state)
{
    (void)state;
    static const struct media_hasher hasher = {crypto_sha256_pair, NULL};
    struct leaves leaves;
    struct media_file_id id;
    struct media_proof *proofs = NULL;
    leaves_init(&leaves);
    assert_int_equal(leaves_feed(&leaves, content, BYTES_MAX - 7), 0);
    assert_int_equal(leaves_finish(&leaves, &id), 0);
    assert_int_equal(leaves_prove(&leaves, &proofs), 0);
    for (uint32_t row = 0; row < media_row_count(id.bytes); row++) {
        assert_int_equal(media_proof_check(&hasher, &id, row, &proofs[row]), 0);
    }
    free(proofs);
    leaves_deinit(&leaves);
}

static void test_nothing(void **state)
{
    (void)state;
    struct leaves leaves;
    struct media_file_id id;
    leaves_init(&leaves);
    assert_int_equal(leaves_feed(&leaves, content, 0), 0);
    assert_int_equal(leaves_finish(&leaves, &id), ERROR_TRUNCATED);
    leaves_deinit(&leaves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
