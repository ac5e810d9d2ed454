/*
 * test_time_us.c: arithmetic on moments saturates at never.
 */
#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NEVER TIME_NEVER_US

static const struct {
    uint64_t a;
    uint64_t b;
    uint64_t sum;     /* time_add_us(a, b) */
    uint64_t until;   /* time_until_us(a, b): now a, moment b */
    uint64_t minimum; /* time_min_us(a, b) */
} pairs[] = {
    {0, 0, 0, 0, 0},
    {5, 7, 12, 2, 5},
    {7, 5, 12, 0, 5},
    {NEVER, 1, NEVER, 0, 1},
    {1, NEVER, NEVER, NEVER, 1},
    {NEVER, NEVER, NEVER, NEVER, NEVER},
    {NEVER - 5, 5, NEVER, 0, 5},
    {NEVER - 5, 4, NEVER - 1, 0, 4},
    {NEVER - 5, 6, NEVER, 0, 6},
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(time_add_us(pairs[i].a, pairs[i].b) == pairs[i].sum);
        assert_true(time_until_us(pairs[i].a, pairs[i].b) == pairs[i].until);
        assert_true(time_min_us(pairs[i].a, pairs[i].b) == pairs[i].minimum);
    }
}

static const struct {
    uint64_t value;
    uint64_t numerator;
    uint64_t denominator;
    uint64_t result;
} scales[] = {
    {0, 5, 3, 0},
    {10, 1, 3, 3},
    {10, 2, 3, 6},
    {16384, TIME_US_PER_S, 1000000, 16384},
    {UINT64_C(1) << 32, TIME_US_PER_S, 1, (UINT64_C(1) << 32) * 1000000},
    {NEVER, NEVER, NEVER, NEVER},
    {NEVER, 1, 2, NEVER / 2},
    {NEVER, 2, 1, NEVER},
    {NEVER, NEVER, 1, NEVER},
};

static void test_scale(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        assert_true(time_scale(scales[i].value, scales[i].numerator, scales[i].denominator) ==
                    scales[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
