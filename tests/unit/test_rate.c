/*
 * test_rate.c: estimates from arrivals, as rows of {at, bytes}.
 */
#include "common/time_us.h"
#include "player/core/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* 16 KiB each 10 ms are 1,638,400 bytes a second, however long the first took. */
static void test_steady(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (uint64_t i = 0; i < 50; i++) {
        rate_received(&rate, 1000000 + i * 10000, 16384);
    }
    assert_int_equal(rate.bytes_per_s, 1638400);
    assert_int_equal(rate_span_us(&rate, 1638400), 1000000);
}

static void test_idle_does_not_count(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (uint64_t round = 0; round < 5; round++) {
        uint64_t begin_us = 1000000 + round * 60 * TIME_US_PER_S;
        for (uint64_t i = 0; i < 10; i++) {
            rate_received(&rate, begin_us + i * 10000, 16384);
        }
        rate_idle(&rate, begin_us + 90000);
    }
    assert_in_range(rate.bytes_per_s, 1600000, 1638400);
}

static void test_follows(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (uint64_t i = 0; i < 20; i++) {
        rate_received(&rate, 1000000 + i * 10000, 16384);
    }
    for (uint64_t i = 0; i < 400; i++) {
        rate_received(&rate, 1200000 + i * 100000, 16384);
    }
    assert_in_range(rate.bytes_per_s, 160000, 170000);
}

static void test_unknown(void **state)
{
    (void)state;
    struct rate rate = {0};
    assert_int_equal(rate_span_us(&rate, 1), TIME_NEVER_US);
    rate_idle(&rate, 5);
    assert_int_equal(rate.bytes_per_s, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct rate rate = {0};
    rate_round_trip(&rate, 80000);
    assert_int_equal(rate.rtt_us, 80000);
    rate_round_trip(&rate, 40000);
    assert_int_equal(rate.rtt_us, 75000);
    assert_int_equal(rate.rtt_min_us, 40000);
    rate_round_trip(&rate, 0);
    assert_int_equal(rate.rtt_min_us, 1);
}

static void test_lateness(void **state)
{
    (void)state;
    struct rate rate = {0};
    rate_expected(&rate, 1000, 9000);
    assert_int_equal(rate.lateness_us, 2000);
    rate_expected(&rate, 9000, 1000); /* too early is no worse than in time */
    assert_int_equal(rate.lateness_us, 1500);
    for (int i = 0; i < 50; i++) {
        rate_expected(&rate, 5000, 5000);
    }
    assert_true(rate.lateness_us < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady),     cmocka_unit_test(test_idle_does_not_count),
        cmocka_unit_test(test_follows),    cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_lateness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
