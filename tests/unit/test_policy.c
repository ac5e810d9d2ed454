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
    uint32_t arrived; /* at 7 */
    uint32_t used;    /* at 9, of rank 7 */
} rows[] = {
    {&cache_policy_lru, 7, 9},
    {&cache_policy_fifo, 7, 7},
};

static void test_ranks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cache_policy *policy = rows[i].policy;
        assert_int_equal(policy->arrived(7), rows[i].arrived);
        assert_int_equal(policy->used(9, 7), rows[i].used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
