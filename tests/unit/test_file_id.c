/*
 * test_file_id.c: geometry at every border, hexadecimal text, and ids with one root.
 */
#include "media/core/file_id.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    uint64_t bytes;
    uint32_t chunks;
    uint32_t last_chunk_bytes;
    uint32_t rows;
    uint32_t last_row_chunks;
} files[] = {
    {1, 1, 1, 1, 1},
    {64, 1, 64, 1, 1},
    {16383, 1, 16383, 1, 1},
    {16384, 1, 16384, 1, 1},
    {16385, 2, 1, 1, 2},
    {131072, 8, 16384, 1, 8},
    {131073, 9, 1, 2, 1},
    {262144, 16, 16384, 2, 8},
    {1048576, 64, 16384, 8, 8},
    {6000000, 367, 3456, 46, 7},
    {FILE_BYTES_MAX - 1, FILE_CHUNKS_MAX, 16383, FILE_ROWS_MAX, 8},
    {FILE_BYTES_MAX, FILE_CHUNKS_MAX, 16384, FILE_ROWS_MAX, 8},
};

static void test_geometry(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        uint64_t bytes = files[i].bytes;
        assert_int_equal(media_chunk_count(bytes), files[i].chunks);
        assert_int_equal(media_chunk_bytes(bytes, files[i].chunks - 1), files[i].last_chunk_bytes);
        assert_int_equal(media_row_count(bytes), files[i].rows);
        assert_int_equal(media_row_chunks(bytes, files[i].rows - 1), files[i].last_row_chunks);
        if (files[i].chunks > 1) {
            assert_int_equal(media_chunk_bytes(bytes, 0), CHUNK_BYTES);
        }
        if (files[i].rows > 1) {
            assert_int_equal(media_row_chunks(bytes, 0), ROW_CHUNKS);
        }
    }
}

static void test_valid(void **state)
{
    (void)state;
    const struct {
        uint64_t bytes;
        bool valid;
    } lengths[] = {
        {0, false},          {1, true}, {FILE_BYTES_MAX, true}, {FILE_BYTES_MAX + 1, false},
        {UINT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct media_file_id id = {.bytes = lengths[i].bytes};
        assert_int_equal(media_file_id_valid(&id), lengths[i].valid);
    }
}

/* The 64 bytes of a file's two top hashes have its root: only the length tells them apart. */
static void test_one_root_two_lengths(void **state)
{
    (void)state;
    struct media_file_id real = {.root = {1, 2, 3}, .bytes = 6000000};
    struct media_file_id same = real;
    struct media_file_id top = real;
    top.bytes = (uint64_t)2 * HASH_BYTES;
    assert_true(media_file_id_valid(&top));
    assert_true(media_file_id_equal(&real, &same));
    assert_false(media_file_id_equal(&real, &top));
    same.root[31] = 1;
    assert_false(media_file_id_equal(&real, &same));
}

static void test_hex_encode(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x01, 0x9a, 0xff};
    char text[9];
    memset(text, 'x', sizeof text);
    media_hex_encode(bytes, 4, text);
    assert_string_equal(text, "00019aff");
    media_hex_encode(bytes, 0, text);
    assert_string_equal(text, "");
}

static const struct {
    const char *text;
    int error;
} texts[] = {
    {"00019aff", 0},
    {"00019AFF", 0},
    {"", ERROR_MALFORMED},
    {"00019af", ERROR_MALFORMED},
    {"00019aff0", ERROR_MALFORMED},
    {"00019afg", ERROR_MALFORMED},
    {"0001 9af", ERROR_MALFORMED},
    {"+0019aff", ERROR_MALFORMED},
    {"0x019aff", ERROR_MALFORMED},
    {"00019a\xff\xff", ERROR_MALFORMED},
};

static void test_hex_decode(void **state)
{
    (void)state;
    const uint8_t expected[] = {0x00, 0x01, 0x9a, 0xff};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t bytes[4] = {7, 7, 7, 7};
        assert_int_equal(media_hex_decode(texts[i].text, 4, bytes), texts[i].error);
        if (texts[i].error == 0) {
            assert_memory_equal(bytes, expected, 4);
        } else {
            assert_memory_equal(bytes, ((const uint8_t[]){7, 7, 7, 7}), 4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_one_root_two_lengths),
        cmocka_unit_test(test_hex_encode),
        cmocka_unit_test(test_hex_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
