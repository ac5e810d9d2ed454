/*
 * test_terminal_text.c: names are harmless, and as wide as terminals show them.
 */
#include "player/terminal_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    uint32_t point;
    unsigned count;
} decode_rows[] = {
    {"", 0, 0},
    {"a", 'a', 1},
    {"\xc3\xa9", 0xe9, 2},
    {"\xe9\x9f\xb3", 0x97f3, 3},
    {"\xf0\x9f\x8e\xb5", 0x1f3b5, 4},
    {"\xc3", 0, 0},
    {"\xe9\x9f", 0, 0},
    {"\x80", 0, 0},
    {"\xe0\x80\xaf", 0, 0},     /* overlong */
    {"\xed\xa0\x80", 0, 0},     /* a surrogate */
    {"\xf4\x90\x80\x80", 0, 0}, /* above the last one */
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof decode_rows / sizeof decode_rows[0]; i++) {
        uint32_t point = 0;
        assert_int_equal(terminal_text_decode(decode_rows[i].text, &point), decode_rows[i].count);
        assert_int_equal(point, decode_rows[i].point);
    }
}

static const struct {
    const char *text, *expect;
} plain_rows[] = {
    {"", ""},
    {"Gymnop\xc3\xa9"
     "die",
     "Gymnop\xc3\xa9"
     "die"},
    {"\x1b[2Jgone", "?[2Jgone"},
    {"a\tb\nc\x7f", "a?b?c?"},
    {"\xc2\x9b"
     "31m",
     "?31m"},
    {"\xff\xc3+", "?"
                  "?+"},
    {"\xe2\x80\xae"
     "gpj",
     "?gpj"}, /* right to left from here */
};

static void test_plain(void **state)
{
    (void)state;
    char text[64];
    for (size_t i = 0; i < sizeof plain_rows / sizeof plain_rows[0]; i++) {
        assert_string_equal(terminal_text_plain(plain_rows[i].text, text, sizeof text),
                            plain_rows[i].expect);
    }
    assert_string_equal(terminal_text_plain("abc\xc3\xa9", text, 5), "abc");
    assert_string_equal(terminal_text_plain("abc\xc3\xa9", text, 6), "abc\xc3\xa9");
    assert_string_equal(terminal_text_plain("abc", text, 1), "");
}

static const struct {
    const char *text;
    unsigned columns; /* of all of it */
    unsigned cut;
    const char *expect;
} width_rows[] = {
    {"", 0, 5, ""},
    {"plain", 5, 3, "pla"},
    {"plain", 5, 5, "plain"},
    {"plain", 5, 0, ""},
    {"e\xcc\x81x", 2, 1, "e\xcc\x81"},                  /* the accent stays with its letter */
    {"\xe9\x9f\xb3\xe6\xa5\xbd", 4, 3, "\xe9\x9f\xb3"}, /* no half character */
    {"a\xea\xb0\x80", 3, 2, "a"},                       /* Hangul */
    {"\xf0\x9f\x8e\xb5!", 3, 2, "\xf0\x9f\x8e\xb5"},    /* a note */
    {"\xe3\x81\x8b\xe3\x82\x99x", 3, 2, "\xe3\x81\x8b\xe3\x82\x99"}, /* voiced by a mark */
    {"\xff\xff", 2, 1, "\xff"},
};

static void test_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof width_rows / sizeof width_rows[0]; i++) {
        char text[64];
        assert_int_equal(terminal_text_columns(width_rows[i].text), width_rows[i].columns);
        assert_in_range(snprintf(text, sizeof text, "%s", width_rows[i].text), 0, 63);
        terminal_text_cut(text, width_rows[i].cut);
        assert_string_equal(text, width_rows[i].expect);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
