/*
 * test_lookups.c: when which wish is asked for, as rows of {at, what, slots}. Slots are letters, a
 * is slot 0.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/lookups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct overlay_config config;
static struct lookups lookups;

static uint64_t slots_of(const char *letters)
{
    uint64_t slots = 0;
    for (; *letters != '\0'; letters++) {
        slots |= UINT64_C(1) << (*letters - 'a');
    }
    return slots;
}

static void start(void)
{
    config = *overlay_config_refrain();
    lookups_init(&lookups, &config);
}

static void test_story(void **state)
{
    (void)state;
    static const struct {
        uint32_t at_ms;
        char what; /* + wished, - gone, u urgent, T tracker up, t down, s what is due is asked,
                      a answer to the last, l the same, but too late */
        const char *slots;
    } rows[] = {
        {0, '+', "ab"},    {0, 's', ""}, /* no tracker */
        {10, 'T', ""},     {10, 's', "ab"},  {10, 's', ""},       {60, 'a', "ab"},
        {100, 's', ""},    {100, '+', "c"},  {100, 's', "c"},     {110, '+', "d"},
        {120, 's', ""},                     /* not so soon after the last */
        {120, 'u', "d"},   {120, 's', "d"}, /* but what is urgent */
        {130, '-', "c"},   {140, 'a', "d"},  {810, 's', ""},      {820, 's', "d"},
        {840, 'a', "d"},   {1600, 's', ""}, /* soon, for the second time */
        {3200, 's', ""},                    /* c's has timed out by now */
        {5010, 's', "ab"},                  /* backoff */
        {8010, 's', "d"},  {12000, 'l', ""}, {15010, 's', "ab"},  {15020, 't', ""},
        {15030, 's', ""},  {20000, 'T', ""}, {20000, 's', "abd"},
    };
    uint32_t last = 0;
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t now_us = rows[i].at_ms * TIME_US_PER_MS;
        uint64_t slots = slots_of(rows[i].slots);
        uint64_t answered = 0;
        lookups_expire(&lookups, now_us);
        switch (rows[i].what) {
        case '+':
            lookups_change(&lookups, now_us, 0, slots);
            break;
        case '-':
            lookups_change(&lookups, now_us, slots, 0);
            break;
        case 'u':
            lookups_set_urgent(&lookups, now_us, (uint32_t)__builtin_ctzll(slots), true);
            break;
        case 'T':
            lookups_tracker_up(&lookups, now_us);
            break;
        case 't':
            lookups_tracker_down(&lookups);
            break;
        case 'a':
            assert_int_equal(lookups_answered(&lookups, last, &answered), 0);
            assert_int_equal(answered, slots);
            break;
        case 'l':
            assert_int_equal(lookups_answered(&lookups, last, &answered), ERROR_NOT_FOUND);
            break;
        default:
            assert_int_equal(lookups_due(&lookups, now_us, UINT64_MAX), slots);
            assert_true((slots != 0) == (lookups_next_us(&lookups, UINT64_MAX) <= now_us));
            if (slots != 0) {
                last = lookups_sent(&lookups, now_us, slots);
            }
            break;
        }
        lookups_check_invariants(&lookups);
    }
}

static void test_nobody_in_need(void **state)
{
    (void)state;
    start();
    lookups_change(&lookups, 1, 0, slots_of("abc"));
    lookups_tracker_up(&lookups, 1);
    assert_int_equal(lookups_due(&lookups, 1, 0), 0);
    assert_int_equal(lookups_due(&lookups, 1, slots_of("b")), slots_of("b"));
    assert_true(lookups_next_us(&lookups, 0) == TIME_NEVER_US);
}

static void test_a_batch_is_bounded_and_urgent_first(void **state)
{
    (void)state;
    start();
    lookups_change(&lookups, 1, 0, UINT64_MAX);
    lookups_tracker_up(&lookups, 1);
    lookups_set_urgent(&lookups, 1, 63, true);
    uint64_t due = lookups_due(&lookups, 1, UINT64_MAX);
    assert_int_equal(__builtin_popcountll(due), P2P_LOOKUP_MAX);
    assert_true(due >> 63 == 1);
}

static void test_only_so_many_under_way(void **state)
{
    (void)state;
    uint32_t sent = 0;
    start();
    lookups_tracker_up(&lookups, 1);
    for (uint32_t slot = 0; slot < 20; slot++) {
        uint64_t now_us = 1 + slot * 100 * TIME_US_PER_MS;
        lookups_change(&lookups, now_us, 0, UINT64_C(1) << slot);
        uint64_t due = lookups_due(&lookups, now_us, UINT64_MAX);
        if (due != 0) {
            lookups_sent(&lookups, now_us, due);
            sent++;
        }
        lookups_check_invariants(&lookups);
    }
    assert_int_equal(sent, LOOKUPS_OPEN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_nobody_in_need),
        cmocka_unit_test(test_a_batch_is_bounded_and_urgent_first),
        cmocka_unit_test(test_only_so_many_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
