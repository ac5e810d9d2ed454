/*
 * test_store_verified.c: a mark counts only when no change since its ticket touched the row.
 *
 * A script: "?" takes a ticket (and the row must not be known), "!" the same and it must be known,
 * "m" marks with the last ticket, "(" begins a change, ")" ends it, "r" forgets the row, "o" another
 * one, "f" the file.
 */
#include "cache/lmdb/store_verified.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const scripts[] = {
    "?m!!",                                       /* once hashed, known */
    "?(rm)?",                                     /* marked while a change of it is on */
    "?(mr)?",                                     /* and just before it is touched */
    "?(r)m?",                                     /* a change of it began and ended in between */
    "(r?m)?",                                     /* a ticket of the change */
    "(?rm)?",                                     /* a ticket of before it was touched */
    "(r?)m?",                                     /* a ticket of a change that ended */
    "(r)?m!",                                     /* behind it */
    "?(o)m!",                                     /* another row was changed */
    "?(om)!",                                     /* while the change is on */
    "(o?m)!",                                     /* a ticket of such a change */
    "?m(r)?",    "?m(f)?m!", "?m()!",  "?(f)m?",  /* the file has gone and may have come back */
    "?(fm)?",    "(f?m)?",   "(f)?m!", "?m(r?)?", /* forgotten at once, not when the change ends */
    "?(r)(o)m?",                                  /* two changes since */
    "?(o)(o)m!",
};

static void run(const char *script)
{
    const struct media_file_id file = {.bytes = 200 * ROW_BYTES, .root = {1}};
    const uint32_t row = 130;
    struct store_verified verified;
    uint32_t ticket = 0;
    assert_int_equal(store_verified_init(&verified), 0);
    for (const char *at = script; *at != '\0'; at++) {
        switch (*at) {
        case '?':
        case '!':
            assert_int_equal(store_verified_ask(&verified, &file, row, &ticket), *at == '!');
            break;
        case 'm':
            store_verified_mark(&verified, &file, row, ticket);
            break;
        case '(':
            store_verified_begin_change(&verified);
            break;
        case ')':
            store_verified_end_change(&verified);
            break;
        case 'r':
            store_verified_forget_row(&verified, &file, row);
            break;
        case 'o':
            store_verified_forget_row(&verified, &file, row + 1);
            break;
        default:
            store_verified_forget_file(&verified, &file);
        }
    }
    store_verified_deinit(&verified);
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        run(scripts[i]);
    }
}

static void test_rows_are_apart(void **state)
{
    (void)state;
    const struct media_file_id a = {.bytes = 100 * ROW_BYTES, .root = {1}};
    const struct media_file_id b = {.bytes = 100 * ROW_BYTES + 1, .root = {1}};
    struct store_verified verified;
    uint32_t ticket = 0;
    assert_int_equal(store_verified_init(&verified), 0);
    assert_false(store_verified_ask(&verified, &a, 64, &ticket));
    store_verified_mark(&verified, &a, 64, ticket);
    for (uint32_t row = 0; row < 100; row++) {
        assert_int_equal(store_verified_ask(&verified, &a, row, &ticket), row == 64);
        assert_false(store_verified_ask(&verified, &b, row, &ticket)); /* another length */
    }
    store_verified_deinit(&verified);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_rows_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
