/*
 * test_error.c: every code has a name, a text and a number of its own.
 */
#include "common/error.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    int code;
    const char *name;
    const char *text;
} rows[] = {
    {ERROR_NONE, "ERROR_NONE", "no error"},
    {ERROR_NO_MEMORY, "ERROR_NO_MEMORY", "out of memory"},
    {ERROR_FULL, "ERROR_FULL", "full"},
    {9999, "ERROR_UNKNOWN", "unknown error"},
    {-9999, "ERROR_UNKNOWN", "unknown error"},
};

static void test_names_and_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(error_name(rows[i].code), rows[i].name);
        assert_string_equal(error_text(rows[i].code), rows[i].text);
    }
}

/* Texts stand in the middle of sentences: lower case, no full stop. */
static void test_texts_fit_sentences(void **state)
{
    (void)state;
    for (int code = -100; code <= 100; code++) {
        const char *text = error_text(code);
        assert_true(islower((unsigned char)text[0]));
        assert_int_not_equal(text[strlen(text) - 1], '.');
        for (int other = -100; other < code && strcmp(text, "unknown error") != 0; other++) {
            assert_string_not_equal(text, error_text(other));
            assert_string_not_equal(error_name(code), error_name(other));
        }
    }
}

static const struct {
    int number; /* errno */
    int code;
} numbers[] = {
    {ENOMEM, ERROR_NO_MEMORY}, {ENOENT, ERROR_NOT_FOUND}, {ENOTDIR, ERROR_NOT_FOUND},
    {EEXIST, ERROR_EXISTS},    {ENOTEMPTY, ERROR_EXISTS}, {ENOSPC, ERROR_FULL},
    {EDQUOT, ERROR_FULL},      {EFBIG, ERROR_FULL},       {EACCES, ERROR_DENIED},
    {EPERM, ERROR_DENIED},     {EROFS, ERROR_DENIED},     {ENAMETOOLONG, ERROR_TOO_LARGE},
    {EIO, ERROR_IO},           {EINVAL, ERROR_IO},        {0, ERROR_IO},
};

static void test_from_errno(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(error_from_errno(numbers[i].number), numbers[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_texts),
        cmocka_unit_test(test_texts_fit_sentences),
        cmocka_unit_test(test_from_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
