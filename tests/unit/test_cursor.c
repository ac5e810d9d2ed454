/*
 * test_cursor.c: reads stop at the end, writes stop at the capacity, both remember it.
 */
#include "common/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};

static uint64_t read_width(struct cursor *cursor, unsigned width)
{
    switch (width) {
    case 1:
        return cursor_u8(cursor);
    case 2:
        return cursor_u16(cursor);
    case 3:
        return cursor_u24(cursor);
    case 4:
        return cursor_u32(cursor);
    default:
        return cursor_u64(cursor);
    }
}

static void write_width(struct writer *writer, unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        writer_u8(writer, (uint8_t)value);
        break;
    case 2:
        writer_u16(writer, (uint16_t)value);
        break;
    case 3:
        writer_u24(writer, (uint32_t)value);
        break;
    case 4:
        writer_u32(writer, (uint32_t)value);
        break;
    default:
        writer_u64(writer, value);
        break;
    }
}

static const struct {
    unsigned width; /* bytes of the number */
    uint64_t value; /* what the first bytes of `bytes` read as */
} numbers[] = {
    {1, 0x01}, {2, 0x0102}, {3, 0x010203}, {4, 0x01020304}, {8, UINT64_C(0x0102030405060708)},
};

static void test_numbers_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        unsigned width = numbers[i].width;
        for (size_t given = 0; given <= width + 1; given++) {
            struct cursor cursor;
            cursor_init(&cursor, bytes, given);
            uint64_t value = read_width(&cursor, width);
            assert_int_equal(value, given < width ? 0 : numbers[i].value);
            assert_int_equal(cursor_failed(&cursor), given < width);
            assert_int_equal(cursor_left(&cursor), given < width ? 0 : given - width);
        }
    }
}

static void test_numbers_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        unsigned width = numbers[i].width;
        for (size_t room = 0; room <= width + 1; room++) {
            uint8_t buffer[10];
            memset(buffer, 0xee, sizeof buffer);
            struct writer writer;
            writer_init(&writer, buffer, room);
            write_width(&writer, width, numbers[i].value);
            size_t written = room < width ? 0 : width;
            assert_int_equal(writer_failed(&writer), room < width);
            assert_int_equal(writer_used(&writer), written);
            assert_memory_equal(buffer, bytes, written);
            assert_int_equal(buffer[written], 0xee);
        }
    }
}

static void test_failure_is_final(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, bytes, 3);
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_true(cursor_failed(&cursor));
    assert_int_equal(cursor_u8(&cursor), 0); /* though there were bytes for this one */
    assert_null(cursor_bytes(&cursor, 0));
    uint8_t copy[4] = {1, 1, 1, 1};
    cursor_copy(&cursor, copy, 2);
    assert_memory_equal(copy, ((const uint8_t[]){0, 0, 1, 1}), 4);

    uint8_t buffer[3] = {0};
    struct writer writer;
    writer_init(&writer, buffer, sizeof buffer);
    writer_u32(&writer, 7);
    writer_u8(&writer, 7);
    assert_true(writer_failed(&writer));
    assert_int_equal(writer_used(&writer), 0);
    assert_memory_equal(buffer, ((const uint8_t[]){0, 0, 0}), 3);
}

static void test_bytes(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, bytes, sizeof bytes);
    assert_ptr_equal(cursor_bytes(&cursor, 4), bytes);
    uint8_t copy[4];
    cursor_copy(&cursor, copy, 4);
    assert_memory_equal(copy, bytes + 4, 4);
    assert_null(cursor_bytes(&cursor, SIZE_MAX)); /* a length from the network may be anything */
    assert_true(cursor_failed(&cursor));
}

static void test_nothing(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, NULL, 0);
    cursor_bytes(&cursor, 0);
    cursor_copy(&cursor, NULL, 0);
    assert_false(cursor_failed(&cursor));
    assert_int_equal(cursor_left(&cursor), 0);

    struct writer writer;
    writer_init(&writer, NULL, 0);
    writer_bytes(&writer, NULL, 0);
    assert_false(writer_failed(&writer));
    assert_int_equal(writer_used(&writer), 0);
    writer_u8(&writer, 0);
    assert_true(writer_failed(&writer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_read),     cmocka_unit_test(test_numbers_written),
        cmocka_unit_test(test_failure_is_final), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
