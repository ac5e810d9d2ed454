/*
 * test_store_format.c: keys, rows and file records there and back, what is refused, and limits.
 */
#include "cache/lmdb/store.h"
#include "cache/lmdb/store_format.h"
#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* 11 chunks, the last of 100 bytes. */
#define BYTES (10 * CHUNK_BYTES + 100)

static const struct {
    uint64_t free_mib;
    uint64_t file_mib;
    uint64_t limit_mib;
} defaults[] = {
    {0, 0, 50},          {100, 0, 50},     {500, 0, 50},          {510, 0, 51},
    {300, 300, 60},      {1000, 0, 100},   {102400, 0, 10240},    {102300, 0, 10230},
    {1 << 20, 0, 10240}, {0, 10240, 1024}, {92160, 10240, 10240},
};

static void test_default_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        uint64_t limit =
            store_default_limit_bytes(defaults[i].free_mib * MIB, defaults[i].file_mib * MIB);
        assert_int_equal(limit / MIB, defaults[i].limit_mib);
    }
    assert_int_equal(store_default_limit_bytes(UINT64_MAX, UINT64_MAX), STORE_LIMIT_BYTES_MAX);
}

static const uint64_t limits[] = {MIB, 50 * MIB, 64 * MIB, 500 * MIB, 10 * GIB, 1000 * GIB};

/* The sizes fit each other: with its payload at the limit the file keeps within 1.10 x of it. */
static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t limit = limits[i];
        uint64_t payload = store_payload_limit_bytes(limit);
        uint64_t map = store_map_bytes(limit);
        assert_true(payload >= limit / 10 * 9);
        assert_true(map <= limit);
        assert_true(map * 10 <= limit / 10 * 9 * 11); /* at 90 % full, too */
        if (limit >= STORE_LIMIT_BYTES_MIN) {
            assert_true(map - payload / 50 * 51 > store_commit_bytes(limit));
        }
        assert_in_range(store_map_bytes_max(limit), map, limit + limit / 10);
        assert_in_range(store_commit_bytes(limit), ROW_BYTES, STORE_COMMIT_BYTES);
    }
}

static struct media_file_id an_id(void)
{
    struct media_file_id id = {.bytes = BYTES};
    memset(id.root, 0x5a, sizeof id.root);
    return id;
}

static void test_keys(void **state)
{
    (void)state;
    struct media_file_id id = an_id();
    struct media_file_id seen;
    uint8_t key[STORE_ROW_KEY_BYTES];
    uint32_t row = 0;
    store_row_key(&id, 1, key);
    assert_true(store_row_key_decode(key, sizeof key, &seen, &row));
    assert_true(media_file_id_equal(&id, &seen));
    assert_int_equal(row, 1);
    assert_true(store_file_key_decode(key, MEDIA_FILE_ID_BYTES, &seen));
    assert_true(media_file_id_equal(&id, &seen));
    assert_false(store_file_key_decode(key, MEDIA_FILE_ID_BYTES - 1, &seen));
    assert_false(store_file_key_decode(key, sizeof key, &seen));
    assert_false(store_row_key_decode(key, MEDIA_FILE_ID_BYTES, &seen, &row));
    store_row_key(&id, 2, key); /* beyond the end */
    assert_false(store_row_key_decode(key, sizeof key, &seen, &row));
    memset(key + HASH_BYTES, 0, 8); /* no bytes */
    assert_false(store_file_key_decode(key, MEDIA_FILE_ID_BYTES, &seen));
}

static const struct {
    uint32_t row;
    uint8_t mask;
    uint32_t payload_bytes;
    uint32_t bytes; /* of the row's value: header, hashes, tails */
} rows[] = {
    {0, 0xff, ROW_BYTES, 4 + 9 * 32 + 8 * 16},
    {0, 0x01, CHUNK_BYTES, 4 + 9 * 32 + 8 * 16},
    {0, 0x90, 2 * CHUNK_BYTES, 4 + 9 * 32 + 8 * 16},
    {1, 0x07, 2 * CHUNK_BYTES + 100, 4 + 4 * 32 + 3 * 16},
    {1, 0x04, 100, 4 + 4 * 32 + 3 * 16},
    {1, 0x03, 2 * CHUNK_BYTES, 4 + 4 * 32 + 3 * 16},
};

/* Every other length, and every other header, is refused. */
static void assert_others_refused(uint8_t *value, uint32_t count, uint32_t row)
{
    struct store_row_view view;
    for (uint32_t other = 0; other < count + 40; other++) {
        int error = store_row_decode(value, other, BYTES, row, &view);
        assert_int_equal(error, other == count ? 0 : ERROR_MALFORMED);
    }
    static const uint8_t wrong[STORE_ROW_HEADER_BYTES] = {2, 0, 9, 2};
    for (uint32_t at = 0; at < STORE_ROW_HEADER_BYTES; at++) {
        uint8_t right = value[at];
        value[at] = wrong[at];
        assert_int_equal(store_row_decode(value, count, BYTES, row, &view), ERROR_MALFORMED);
        value[at] = right;
    }
}

static void test_rows(void **state)
{
    (void)state;
    uint8_t value[STORE_ROW_BYTES_MAX + 64];
    uint8_t tails[ROW_CHUNKS * STORE_TAIL_BYTES];
    for (size_t i = 0; i < sizeof tails; i++) {
        tails[i] = (uint8_t)(200 - i);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct media_proof proof = {.leaf_count = (uint8_t)media_row_chunks(BYTES, rows[i].row),
                                    .uncle_count = (uint8_t)media_proof_uncle_count(BYTES)};
        for (uint8_t hash = 0; hash < proof.leaf_count + proof.uncle_count; hash++) {
            memset(proof.hashes[hash], hash + 1, HASH_BYTES);
        }
        uint32_t count = store_row_bytes(BYTES, rows[i].row);
        assert_int_equal(count, rows[i].bytes);
        assert_int_equal(store_mask_bytes(BYTES, rows[i].row, rows[i].mask), rows[i].payload_bytes);
        store_row_encode(BYTES, rows[i].row, rows[i].mask, &proof, tails, value);

        struct store_row_view view;
        struct media_proof seen;
        assert_int_equal(store_row_decode(value, count, BYTES, rows[i].row, &view), 0);
        assert_int_equal(view.mask, rows[i].mask);
        assert_memory_equal(view.tails, tails, proof.leaf_count * STORE_TAIL_BYTES);
        store_row_proof(&view, BYTES, rows[i].row, &seen);
        assert_memory_equal(&seen, &proof, sizeof proof);
        assert_others_refused(value, count, rows[i].row);
    }
    value[1] = 0x10; /* a chunk beyond the file's end */
    struct store_row_view view;
    assert_int_equal(store_row_decode(value, rows[5].bytes, BYTES, 1, &view), ERROR_MALFORMED);
}

static void test_chunk_bytes(void **state)
{
    (void)state;
    assert_int_equal(store_body_bytes(CHUNK_BYTES) + 16, 4 * 4096);
    assert_int_equal(store_tail_bytes(CHUNK_BYTES), 16);
    for (uint32_t bytes = 1; bytes < CHUNK_BYTES; bytes++) {
        assert_int_equal(store_body_bytes(bytes), bytes);
        assert_int_equal(store_tail_bytes(bytes), 0);
    }
}

static const struct {
    uint8_t masks[2];
    uint32_t chunks;
    uint32_t bytes; /* of the record */
} files[] = {
    {{0xff, 0x07}, 11, 13},
    {{0xff, 0x03}, 10, 15},
    {{0x00, 0x01}, 1, 15},
    {{0x81, 0x00}, 2, 15},
};

static void test_files(void **state)
{
    (void)state;
    static uint8_t value[STORE_FILE_BYTES_MAX];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct store_file_view view;
        const struct store_use use = {.last_use = 77 + i, .pinned = i % 2 == 1, .is_main = i >= 2};
        uint32_t count = store_file_encode(BYTES, &use, files[i].masks, value);
        assert_int_equal(count, files[i].bytes);
        assert_int_equal(store_file_decode(value, count, BYTES, &view), 0);
        assert_int_equal(view.use.last_use, 77 + i);
        assert_int_equal(view.use.pinned, i % 2 == 1);
        assert_int_equal(view.use.is_main, i >= 2);
        assert_int_equal(view.chunks, files[i].chunks);
        if (files[i].chunks == 11) {
            assert_null(view.masks);
        } else {
            assert_memory_equal(view.masks, files[i].masks, 2);
        }
        for (uint32_t other = 0; other < count + 3; other++) {
            int error = store_file_decode(value, other, BYTES, &view);
            assert_int_equal(error, other == count ? 0 : ERROR_MALFORMED);
        }
        for (uint32_t at = 8; at < count;
             at++) { /* flags, count, masks: all agree or are refused */
            value[at] ^= 0x10;
            assert_int_equal(store_file_decode(value, count, BYTES, &view), ERROR_MALFORMED);
            value[at] ^= 0x10;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_limit), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_keys),          cmocka_unit_test(test_rows),
        cmocka_unit_test(test_files),         cmocka_unit_test(test_chunk_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
