/*
 * test_script.c: listeners of the lab do what the published figures say, and the same each time.
 */
#include "measure/lab/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TRACKS 50u
#define PLAYS 100000u
#define DURATION_US (188 * TIME_US_PER_S)

static void test_rank(void **state)
{
    (void)state;
    uint32_t by_rank[TRACKS], again[TRACKS], other[TRACKS];
    bool is_there[TRACKS] = {false};
    script_rank(3, TRACKS, by_rank);
    script_rank(3, TRACKS, again);
    script_rank(4, TRACKS, other);
    assert_memory_equal(by_rank, again, sizeof by_rank);
    assert_memory_not_equal(by_rank, other, sizeof by_rank);
    for (uint32_t i = 0; i < TRACKS; i++) {
        assert_true(by_rank[i] < TRACKS && !is_there[by_rank[i]]);
        is_there[by_rank[i]] = true;
    }
}

struct counts {
    uint32_t clicks, popular, nexts, listens, within_5_s, within_30_s, before_end;
};

static void count(struct counts *counts, const struct script_step *step)
{
    counts->clicks += step->act == SCRIPT_CLICK;
    counts->popular += step->act == SCRIPT_CLICK && step->track < 6;
    counts->nexts += step->act == SCRIPT_NEXT;
    counts->listens += step->act == SCRIPT_LISTEN;
    counts->within_5_s += step->after_us < 5 * TIME_US_PER_S;
    counts->within_30_s += step->after_us < 30 * TIME_US_PER_S;
    counts->before_end += step->after_us < DURATION_US;
}

static void test_shares(void **state)
{
    (void)state;
    uint32_t by_rank[TRACKS];
    struct script script;
    struct counts counts = {0};
    for (uint32_t i = 0; i < TRACKS; i++) {
        by_rank[i] = i;
    }
    script_init(&script, 1, by_rank, TRACKS);
    for (uint32_t i = 0; i < PLAYS; i++) {
        struct script_step step = script_next(&script, DURATION_US);
        count(&counts, &step);
        assert_true(step.act != SCRIPT_LISTEN || step.after_us == DURATION_US);
        assert_true(step.act != SCRIPT_NEXT || step.after_us < DURATION_US);
    }
    assert_in_range(counts.clicks, 38500, 39500);
    assert_in_range(counts.popular, 33900, 34800); /* 88 % of them, on 12 % of 50 tracks */
    assert_in_range(counts.within_5_s, 23500, 24500);
    assert_in_range(counts.within_30_s, 34500, 35500);
    assert_in_range(counts.before_end, 48500, 49500);
    assert_int_equal(counts.clicks + counts.nexts + counts.listens, PLAYS);
}

static void test_short_tracks(void **state)
{
    (void)state;
    static const uint64_t durations_us[] = {1, TIME_US_PER_S, 10 * TIME_US_PER_S,
                                            30 * TIME_US_PER_S};
    uint32_t only = 0;
    struct script script;
    script_init(&script, 2, &only, 1);
    struct script_step first = script_begin(&script);
    assert_int_equal(first.act, SCRIPT_CLICK);
    assert_true(first.after_us < SCRIPT_ARRIVAL_US && first.track == 0);
    for (size_t i = 0; i < sizeof durations_us / sizeof durations_us[0]; i++) {
        for (uint32_t play = 0; play < 1000; play++) {
            struct script_step step = script_next(&script, durations_us[i]);
            assert_true(step.after_us <= durations_us[i] && step.track == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_short_tracks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
