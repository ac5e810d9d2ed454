/*
 * test_fold.c: names that people take for the same fold alike.
 */
#include "player/library/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void folds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *folded;
    } rows[] = {
        {"", ""},
        {"Abbey Road", "abbey road"},
        {"  Don't  Stop -- (Live) ", "dont stop live"},
        {"Don\xe2\x80\x99t", "dont"},
        {"Beyonc\xc3\xa9", "beyonce"},
        {"BEYONCE\xcc\x81", "beyonce"},
        {"Sigur R\xc3\xb3s", "sigur ros"},
        {"Mot\xc3\xb6rhead", "motorhead"},
        {"Die \xc3\x84rzte", "die arzte"},
        {"Stra\xc3\x9f"
         "e",
         "strasse"},
        {"\xc3\x86on \xc5\x93uvre", "aeon oeuvre"},
        {"\xc3\x98yvind \xc5\x81ukasz", "oyvind lukasz"},
        {"\xce\x91\xce\xb8\xce\xae\xce\xbd\xce\xb1\xcf\x82",
         "\xce\xb1\xce\xb8\xce\xb7\xce\xbd\xce\xb1\xcf\x83"},
        {"\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3", "abc"},           /* full width */
        {"\xef\xac\x81ve", "five"},                                /* a ligature */
        {"\xe5\x8c\x97\xe4\xba\xac", "\xe5\x8c\x97 \xe4\xba\xac"}, /* Han: a word each */
        {"!!!", "!!!"},
        {"\xc3\xb7", "\xc3\xb7"},
        {"AC/DC", "ac dc"},
        {"a\xff"
         "b",
         "a"}, /* ends where it is no UTF-8 */
        {"\x1b[31m", "31m"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char folded[FOLD_BYTES];
        size_t count = fold_text(rows[i].text, folded, sizeof folded);
        assert_string_equal(folded, rows[i].folded);
        assert_int_equal(count, strlen(rows[i].folded));
    }
}

static void cuts_between_characters(void **state)
{
    (void)state;
    static const char text[] = "abc \xce\xb8\xce\xb7";
    for (size_t capacity = 1; capacity < 12; capacity++) {
        char folded[12];
        size_t count = fold_text(text, folded, capacity);
        assert_true(count < capacity);
        assert_int_equal(strlen(folded), count);
        assert_memory_equal(folded, text, count);
        assert_true(count != 5 && count != 4); /* half a letter, or a space at the end */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds),
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
