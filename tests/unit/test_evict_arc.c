/*
 * test_evict_arc.c: ARC in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    {"arc", 2, "abacbabc", "..x...x."},
    /* What was asked for twice outlives a scan */
    {"arc", 4, "aabbcdefab", ".x.x....xx"},
};

static void test_pictures(void **state)
{
    char met[EVICT_REQUESTS_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evict_row_run(&rows[i], met);
        assert_string_equal(met, rows[i].met);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        assert_true(evict_random_run("arc", seed) > 0);
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
