/*
 * test_evict.c: what holds under every policy: partial objects, protection, refusals, no memory.
 */
#include "cache/core/evict.h"
#include "common/error.h"
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, bytes);
}

static struct evict *make(const struct evict_policy *policy, uint64_t limit_bytes)
{
    struct evict *evict = NULL;
    struct evict_config config = {
        .policy = policy, .limit_bytes = limit_bytes, .object_count = 10, .seed = 1};
    assert_int_equal(evict_new(&config, &evict), 0);
    return evict;
}

static uint32_t ask(struct evict *evict, uint32_t object, uint32_t bytes)
{
    /* Soon again, so that the bound keeps it. */
    struct evict_request request = {.object = object, .bytes = bytes, .next_use = 100 - object};
    uint32_t had = evict_request(evict, &request);
    evict_check_invariants(evict);
    return had;
}

static void test_partial(void **state)
{
    (void)state;
    for (const struct evict_policy *const *policy = evict_policies; *policy != NULL; policy++) {
        struct evict *evict = make(*policy, 100);
        assert_int_equal(ask(evict, 1, 10), 0);
        assert_int_equal(ask(evict, 1, 5), 5);
        assert_int_equal(ask(evict, 1, 30), 10);
        assert_int_equal(evict_used_bytes(evict), 30);
        assert_int_equal(ask(evict, 1, 30), 30);
        assert_int_equal(ask(evict, 2, 101), 0); /* can never fit: nothing leaves for it */
        assert_int_equal(evict_used_bytes(evict), 30);
        evict_free(evict);
    }
}

static void test_grows_over_others(void **state)
{
    (void)state;
    struct evict *evict = make(evict_policy_find("lru"), 100);
    ask(evict, 1, 40);
    ask(evict, 2, 40);
    assert_int_equal(ask(evict, 1, 80), 40);
    assert_int_equal(evict_used_bytes(evict), 80);
    assert_int_equal(ask(evict, 1, 80), 80);
    evict_free(evict);
    evict = make(evict_policy_find("fifo"), 100);
    ask(evict, 1, 40);
    ask(evict, 2, 40);
    assert_int_equal(ask(evict, 1, 80),
                     40); /* itself the next to leave: it comes in again, whole */
    assert_int_equal(evict_used_bytes(evict), 80);
    evict_free(evict);
}

static void test_protection(void **state)
{
    (void)state;
    for (const struct evict_policy *const *policy = evict_policies; *policy != NULL; policy++) {
        struct evict *evict = make(*policy, 30);
        evict_protect(evict, 0, true);
        ask(evict, 0, 10);
        for (uint32_t round = 0; round < 3; round++) {
            for (uint32_t object = 1; object < 10; object++) {
                ask(evict, object, 10);
            }
        }
        assert_int_equal(ask(evict, 0, 10), 10);
        evict_protect(evict, 0, false);
        evict_check_invariants(evict);
        evict_free(evict);
    }
    struct evict *evict = make(evict_policy_find("lru"), 20);
    for (uint32_t object = 0; object < 3; object++) {
        evict_protect(evict, object, true);
        ask(evict, object, 10);
    }
    assert_int_equal(ask(evict, 0, 10), 0); /* where all are protected the oldest leaves */
    assert_int_equal(ask(evict, 2, 10), 10);
    evict_free(evict);
}

static void test_names(void **state)
{
    (void)state;
    uint32_t bounds = 0;
    for (const struct evict_policy *const *policy = evict_policies; *policy != NULL; policy++) {
        assert_ptr_equal(evict_policy_find(evict_policy_name(*policy)), *policy);
        bounds += evict_policy_is_bound(*policy);
    }
    assert_int_equal(bounds, 1);
    assert_null(evict_policy_find("lru2"));
}

static void test_no_memory(void **state)
{
    (void)state;
    struct evict *evict = NULL;
    struct evict_config config = {
        .policy = evict_policy_find("w-tinylfu"), .limit_bytes = 1, .object_count = 10};
    for (fail_at = 1; fail_at <= 3; fail_at++) {
        unsigned at = fail_at;
        assert_int_equal(evict_new(&config, &evict), ERROR_NO_MEMORY);
        assert_null(evict);
        fail_at = at;
    }
    fail_at = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial),    cmocka_unit_test(test_grows_over_others),
        cmocka_unit_test(test_protection), cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
