/*
 * test_evict_rank.c: LFU, GDSF and the bound in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evict_row_check(&rows[i]);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        evict_random_run("lfu", seed);
        evict_random_run("gdsf", seed);
        evict_random_run("belady", seed);
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
