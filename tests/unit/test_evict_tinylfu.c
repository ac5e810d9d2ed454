/*
 * test_evict_tinylfu.c: W-TinyLFU in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    /* Newcomers do not pass the door */
    {"w-tinylfu", 4, "aabbcdefab", ".x.x....xx"},
    /* ... until they were asked for more often */
    {"w-tinylfu", 4, "abcdeeeab", "......x.."},
};

static void test_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evict_row_check(&rows[i]);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        evict_random_run("w-tinylfu", seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
