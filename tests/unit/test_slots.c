/*
 * test_slots.c: promises, and the rest that a slot takes before it is used again.
 */
#include "player/core/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_promises(void **state)
{
    (void)state;
    struct slots slots;
    assert_int_equal(slots_init(&slots, 3), 0);
    assert_true(slots_promise(&slots));
    assert_true(slots_promise(&slots));
    assert_true(slots_promise(&slots));
    assert_false(slots_promise(&slots));
    slots_forgo(&slots);
    assert_int_equal(slots_available(&slots), 1);
    uint32_t first = slots_take(&slots, 7, 1);
    uint32_t second = slots_take(&slots, 7, 2);
    assert_int_not_equal(first, second);
    assert_int_equal(slots.list[second].chunk, 2);
    assert_int_equal(slots_available(&slots), 1);
    slots_check_invariants(&slots);
    slots_deinit(&slots);
}

static void test_rest(void **state)
{
    (void)state;
    struct slots slots;
    assert_int_equal(slots_init(&slots, 1), 0);
    assert_true(slots_promise(&slots));
    uint32_t slot = slots_take(&slots, 7, 1);
    slots_give(&slots, slot);
    slots_check_invariants(&slots);
    /* Within the step its FILL would come before its RELEASE. */
    assert_false(slots_promise(&slots));
    slots_settle(&slots);
    slots_check_invariants(&slots);
    assert_true(slots_promise(&slots));
    assert_int_equal(slots_take(&slots, 8, 0), slot);
    assert_false(slots.list[slot].is_ready);
    slots_deinit(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
