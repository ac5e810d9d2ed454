/*
 * test_policy.c: what rank each policy gives.
 */
#include "cache/core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const struct cache_policy *policy;
    uint32_t arrived;           /* at 7 */
    uint32_t rank, files, used; /* at 9 */
} rows[] = {
    {&cache_policy_lru, 7, 7, 20, 9},
    {&cache_policy_fifo, 7, 7, 20, 7},
    {&cache_policy_probation, 7, 7, 20, 17},  /* half of 20 later */
    {&cache_policy_probation, 7, 27, 20, 29}, /* at most 20 from now */
    {&cache_policy_probation, 7, 3, 1, 3},
    {&cache_policy_probation, 7, CACHE_RANK_MAX, 2 * CACHE_RANK_MAX, CACHE_RANK_MAX},
};

static void test_ranks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cache_policy *policy = rows[i].policy;
        assert_int_equal(policy->arrived(7), rows[i].arrived);
        assert_int_equal(policy->used(9, rows[i].rank, rows[i].files), rows[i].used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
