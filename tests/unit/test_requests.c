/*
 * test_requests.c: numbers are given once; requests are found until they are removed.
 */
#include "player/core/requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t add(struct requests *requests)
{
    struct request *request = requests_add(requests);
    request->kind = REQUEST_OPEN;
    return request->number;
}

static void test_numbers(void **state)
{
    (void)state;
    struct requests requests;
    requests_init(&requests);
    assert_false(requests_was_used(&requests, 0));
    assert_false(requests_was_used(&requests, 1));
    assert_int_equal(add(&requests), 1);
    assert_int_equal(add(&requests), 2);
    assert_int_equal(add(&requests), 3);
    requests_remove(&requests, 2);
    assert_null(requests_find(&requests, 2));
    assert_true(requests_was_used(&requests, 2));
    assert_false(requests_was_used(&requests, 4));
    assert_int_equal(requests_find(&requests, 3)->number, 3);
    assert_int_equal(add(&requests), 4);
    requests_check_invariants(&requests);
}

static void test_full(void **state)
{
    (void)state;
    struct requests requests;
    requests_init(&requests);
    for (uint32_t i = 1; i <= REQUESTS_MAX; i++) {
        assert_int_equal(add(&requests), i);
    }
    requests_remove(&requests, 1);
    requests_remove(&requests, REQUESTS_MAX);
    assert_int_equal(requests.count, REQUESTS_MAX - 2);
    assert_int_equal(add(&requests), REQUESTS_MAX + 1);
    requests_check_invariants(&requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
