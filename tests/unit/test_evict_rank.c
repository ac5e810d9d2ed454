/*
 * test_evict_rank.c: LFU, GDSF and the bound in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    {"lfu", 2, "aabcbab", ".x...xx"},
    {"gdsf", 4, "AabbcAca", "...x..x."},
    /* Of two asked for equally often the larger leaves */
    {"gdsf", 3, "aAbaA", "...x."},
    /* c is never needed again and does not come in */
    {"belady", 2, "abcab", "...xx"},
    {"belady", 2, "abcbacb", "...xx.x"},
    {"belady", 3, "abcdabecda", "....xx.x.x"},
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
        assert_true(evict_random_run("lfu", seed) > 0);
        assert_true(evict_random_run("gdsf", seed) > 0);
        assert_true(evict_random_run("belady", seed) > 0);
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
