/*
 * test_playhead.c: where the play point is.
 */
#include "common/time_us.h"
#include "player/core/playhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_moves(void **state)
{
    (void)state;
    struct playhead head = {0};
    playhead_place(&head, 100, 1000, 5000);
    assert_int_equal(playhead_position_us(&head, 900), 1000);
    playhead_move(&head, 1000);
    assert_int_equal(playhead_position_us(&head, 1500), 1500);
    assert_int_equal(playhead_left_us(&head, 1500), 3500);
    playhead_report(&head, 2000, 1900); /* the output is a little behind */
    assert_int_equal(playhead_position_us(&head, 2100), 2000);
    playhead_halt(&head, 2100);
    assert_int_equal(playhead_position_us(&head, 9999), 2000);
    playhead_move(&head, 10000);
    assert_int_equal(playhead_position_us(&head, 99999), 5000);
    playhead_halt(&head, 99999);
    assert_int_equal(playhead_heard_us(&head, 99999), 4000);
}

static void test_when(void **state)
{
    (void)state;
    struct playhead head = {0};
    playhead_place(&head, 0, 0, 10000);
    assert_int_equal(playhead_when_us(&head, 0, 4000), TIME_NEVER_US);
    playhead_move(&head, 0);
    assert_int_equal(playhead_when_us(&head, 0, 4000), 6000);
    assert_int_equal(playhead_when_us(&head, 1000, 4000), 6000);
    assert_int_equal(playhead_when_us(&head, 7000, 4000), 7000);
}

/* With --fast the clock says nothing about the position. */
static void test_unsynced(void **state)
{
    (void)state;
    struct playhead head = {.is_unsynced = true};
    playhead_place(&head, 0, 0, 10000);
    playhead_move(&head, 0);
    assert_int_equal(playhead_position_us(&head, 5000), 0);
    playhead_report(&head, 5001, 9000);
    assert_int_equal(playhead_position_us(&head, 5001), 9000);
    assert_int_equal(playhead_when_us(&head, 5001, 500), TIME_NEVER_US);
    assert_int_equal(playhead_when_us(&head, 5001, 1000), 5001);
    assert_int_equal(playhead_heard_us(&head, 5001), 9000);
}

/* The output is behind what the clock said, as after a standstill: nothing is heard twice. */
static void test_backwards(void **state)
{
    (void)state;
    struct playhead head = {0};
    playhead_place(&head, 0, 5000, 10000);
    playhead_move(&head, 0);
    playhead_halt(&head, 2000);
    playhead_report(&head, 2100, 6000);
    assert_int_equal(playhead_heard_us(&head, 2100), 1000);
    playhead_report(&head, 9000, 20000);
    assert_int_equal(playhead_position_us(&head, 9000), 10000);
    assert_int_equal(playhead_heard_us(&head, 9000), 5000);
    playhead_place(&head, 9000, 3000, 10000); /* a seek */
    playhead_report(&head, 9001, 3500);
    assert_int_equal(playhead_heard_us(&head, 9001), 5500);
    playhead_report(&head, 9002, 1000); /* behind its beginning: that can't be heard */
    assert_int_equal(playhead_heard_us(&head, 9002), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_unsynced),
        cmocka_unit_test(test_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
