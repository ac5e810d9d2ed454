/*
 * test_evict_s3fifo.c: S3-FIFO and QD-LP in pictures, worked out by hand.
 */
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct evict_row rows[] = {
    {"s3-fifo", 10, "abcdefghijaakbabc", "..........xx..xx."},
    /* Asked for twice again: it goes over to the main queue */
    {"s3-fifo", 3, "aaabcdefga", ".xx......x"},
    /* Once again is not enough */
    {"s3-fifo", 3, "aabcdefga", ".x......."},
    /* ... but for QD-LP it is */
    {"qd-lp", 3, "aabcdefga", ".x......x"},
    /* A ghost comes back into the main queue */
    {"s3-fifo", 3, "abcdaefga", "........x"},
    {"qd-lp", 3, "abcdaefga", "........x"},
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
        assert_true(evict_random_run("s3-fifo", seed) > 0);
        assert_true(evict_random_run("qd-lp", seed) > 0);
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
