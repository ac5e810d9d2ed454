/*
 * test_evict_queue.c: FIFO, LRU, CLOCK and SIEVE in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    {"fifo", 3, "abcadbea", "...x.x.."},
    {"lru", 3, "abcadbea", "...x...."},
    {"clock", 3, "abcadbea", "...x...."},
    /* a and b have their second chance, c leaves */
    {"clock", 3, "abcabdcb", "...xx..x"},
    /* The hand passes a and takes what came after it */
    {"sieve", 3, "abcadbea", "...x...x"},
    /* Capital letters have two bytes */
    {"lru", 4, "AabcAca", ".....x."},
    /* What can never fit passes by, and nothing leaves for it */
    {"lru", 1, "AaAa", "...x"},
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
        assert_true(evict_random_run("fifo", seed) > 0);
        assert_true(evict_random_run("lru", seed) > 0);
        assert_true(evict_random_run("clock", seed) > 0);
        assert_true(evict_random_run("sieve", seed) > 0);
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
