/*
 * test_utf8.c: every edge of the table, and every code point against an encoder.
 */
#include "common/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    bool valid;
} rows[] = {
    {"", true},
    {"plain", true},
    {"Caf\xc3\xa9", true},
    {"\x80", false},
    {"\xc0\xaf", false},
    {"\xc1\xbf", false},
    {"\xc3", false},
    {"\xc3x", false},
    {"\xe0\x9f\xbf", false},
    {"\xe2\x82", false},
    {"\xed\xa0\x80", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf0\x9f\x8e\xb5", true},
    {"\xf0\x9f\x8e", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xff", false},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(utf8_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
    }
    assert_true(utf8_valid(NULL, 0));
    assert_false(utf8_valid("a\0b", 3));
}

/* Number of bytes, or 0 for what no text may hold. */
static size_t encode(uint32_t point, uint8_t ret_bytes[4])
{
    if (point < 0x80) {
        ret_bytes[0] = (uint8_t)point;
        return point == 0 ? 0 : 1;
    }
    if (point < 0x800) {
        ret_bytes[0] = (uint8_t)(0xc0 | point >> 6);
        ret_bytes[1] = (uint8_t)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        ret_bytes[0] = (uint8_t)(0xe0 | point >> 12);
        ret_bytes[1] = (uint8_t)(0x80 | (point >> 6 & 63));
        ret_bytes[2] = (uint8_t)(0x80 | (point & 63));
        return point >= 0xd800 && point < 0xe000 ? 0 : 3;
    }
    ret_bytes[0] = (uint8_t)(0xf0 | point >> 18);
    ret_bytes[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    ret_bytes[2] = (uint8_t)(0x80 | (point >> 6 & 63));
    ret_bytes[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

static void test_all_points(void **state)
{
    (void)state;
    for (uint32_t point = 1; point < 0x110000; point++) {
        uint8_t bytes[4];
        size_t count = encode(point, bytes);
        bool is_valid = utf8_valid(bytes, count == 0 ? 3 : count);
        if (is_valid != (count > 0) || (count > 1 && utf8_valid(bytes, count - 1))) {
            fail_msg("U+%04X", point);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_all_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
