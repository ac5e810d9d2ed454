/*
 * test_policy.c: what rank each policy gives.
 */
#include "cache/core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *name;
    uint32_t arrived; /* at 7 */
    uint32_t used;    /* at 9, of rank 7 */
} rows[] = {
    {"lru", 7, 9},
    {"fifo", 7, 7},
};

static void test_ranks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cache_policy *policy = cache_policy_find(rows[i].name);
        assert_non_null(policy);
        assert_string_equal(policy->name, rows[i].name);
        assert_int_equal(policy->arrived(7), rows[i].arrived);
        assert_int_equal(policy->used(9, 7), rows[i].used);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    assert_null(cache_policy_find(""));
    assert_null(cache_policy_find("LRU"));
    assert_null(cache_policy_find("lru2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
