/*
 * test_evict_arc.c: ARC in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    {"arc", 2, "abacbabc", "..x...x."},
    /* What was asked for twice outlives a scan */
    {"arc", 4, "aabbcdefab", ".x.x....xx"},
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
        evict_random_run("arc", seed);
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
