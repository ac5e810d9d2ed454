/*
 * test_evict_queue.c: FIFO, LRU, CLOCK and SIEVE in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evict_row_check(&rows[i]);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        evict_random_run("fifo", seed);
        evict_random_run("lru", seed);
        evict_random_run("clock", seed);
        evict_random_run("sieve", seed);
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
