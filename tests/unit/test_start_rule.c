/*
 * test_start_rule.c: risk of a standstill, for histories of rates in KiB/s.
 */
#include "common/limits.h"
#include "common/time_us.h"
#include "player/core/start_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define KIB 1024u

/* A second of each rate, in turn, so many seconds in all. */
static void live(struct start_rule *rule, const uint32_t *kib_per_s, uint32_t kinds,
                 uint32_t seconds)
{
    memset(rule, 0, sizeof *rule);
    start_rule_received(rule, TIME_US_PER_S, 0);
    for (uint32_t i = 0; i < seconds; i++) {
        start_rule_received(rule, (i + 2) * TIME_US_PER_S, (uint64_t)kib_per_s[i % kinds] * KIB);
    }
}

/* Music of 20 KiB/s, 100 s of it (2,000 KiB). */
static bool may_play(const struct start_rule *rule, uint32_t buffered_kib, uint32_t rate_kib)
{
    struct prng prng;
    prng_init(&prng, 7);
    struct start_need need = {.buffered_bytes = (uint64_t)buffered_kib * KIB,
                              .missing_bytes = (uint64_t)(2000 - buffered_kib) * KIB,
                              .music_bytes_per_s = 20 * KIB,
                              .rate_bytes_per_s = (uint64_t)rate_kib * KIB};
    return start_rule_may_play(rule, &node_preset_refrain, &need, &prng);
}

static const struct {
    uint32_t rates[3];
    uint32_t kinds, seconds;
    uint32_t buffered_kib, rate_kib;
    bool may;
} rows[] = {
    {{0}, 1, 0, 60, 40, true},    /* no history: fast enough now */
    {{0}, 1, 0, 0, 20, true},     /* just enough now */
    {{0}, 1, 0, 60, 16, false},   /* 0.8x: a fifth of it is lacking */
    {{0}, 1, 0, 460, 16, true},   /* here it is */
    {{0}, 1, 0, 420, 16, false},  /* and here not quite */
    {{40}, 1, 60, 20, 40, true},  /* always fast */
    {{16}, 1, 60, 60, 16, false}, /* always 0.8x */
    {{16}, 1, 60, 460, 16, true},      {{22}, 1, 60, 60, 22, true}, /* 1.1x */
    {{11, 33}, 2, 60, 80, 11, true},   /* 1.1x in the mean, in turns: four seconds do */
    {{11, 33}, 2, 60, 60, 11, false},  /* three do not */
    {{5, 5, 60}, 3, 60, 30, 5, false}, /* 1.17x, with two bad seconds in a row */
    {{5, 5, 60}, 3, 60, 400, 5, true},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct start_rule rule;
        live(&rule, rows[i].rates, rows[i].kinds, rows[i].seconds);
        assert_int_equal(rule.count, rows[i].seconds);
        if (may_play(&rule, rows[i].buffered_kib, rows[i].rate_kib) != rows[i].may) {
            print_error("row %zu\n", i);
            fail();
        }
    }
}

/* A decoder that asks for 64 KiB at once stands still with three seconds before it. */
static void test_block(void **state)
{
    (void)state;
    struct start_rule rule = {0};
    struct prng prng;
    prng_init(&prng, 7);
    struct start_need need = {.buffered_bytes = 460 * KIB,
                              .missing_bytes = 1540 * KIB,
                              .music_bytes_per_s = 20 * KIB,
                              .rate_bytes_per_s = 16 * KIB};
    assert_true(start_rule_may_play(&rule, &node_preset_refrain, &need, &prng));
    need.block_bytes = 64 * KIB;
    assert_false(start_rule_may_play(&rule, &node_preset_refrain, &need, &prng));
    need.block_bytes = 20 * KIB; /* no more than the second that is kept anyway */
    assert_true(start_rule_may_play(&rule, &node_preset_refrain, &need, &prng));
}

/* Two chunks at once double the measured rate; what came since the start says that it is a burst. */
static void test_early_burst(void **state)
{
    (void)state;
    struct start_rule rule = {0};
    start_rule_received(&rule, TIME_US_PER_S, 16 * KIB);
    assert_true(may_play(&rule, 60, 20)); /* one arrival is no rate: that of now */
    for (uint32_t i = 1; i <= 3; i++) {
        start_rule_received(&rule, (i + 1) * TIME_US_PER_S, 16 * KIB);
    }
    assert_false(may_play(&rule, 60, 32));
    assert_true(may_play(&rule, 460, 32));
    /* The second that is not over counts, for better and for worse. */
    start_rule_received(&rule, 9 * TIME_US_PER_S / 2, 12 * KIB);
    assert_int_equal(rule.count, 3);
    assert_false(may_play(&rule, 60, 32));
    start_rule_received(&rule, 9 * TIME_US_PER_S / 2, 16 * KIB);
    assert_true(may_play(&rule, 60, 32));  /* 21.7 */
    assert_false(may_play(&rule, 60, 16)); /* never above the rate of now */
}

static void test_nothing_missing(void **state)
{
    (void)state;
    struct start_rule rule = {0};
    struct prng prng;
    prng_init(&prng, 7);
    struct start_need need = {
        .buffered_bytes = 1, .music_bytes_per_s = 1000000, .rate_bytes_per_s = 1};
    assert_true(start_rule_may_play(&rule, &node_preset_refrain, &need, &prng));
}

/* 15 minutes, and no more: an old bad time is forgotten, sums and moves with it. */
static void test_forgets(void **state)
{
    (void)state;
    struct start_rule rule;
    static const uint32_t bad[] = {1, 300};
    live(&rule, bad, 2, 500);
    for (uint32_t i = 0; i < START_SAMPLES_MAX; i++) {
        start_rule_received(&rule, (i + 502) * TIME_US_PER_S, 40 * KIB);
    }
    assert_int_equal(rule.count, START_SAMPLES_MAX);
    uint32_t moves = 0;
    uint32_t levels = 0;
    for (uint32_t i = 0; i < START_LEVELS; i++) {
        levels += rule.counts[i] > 0;
        for (uint32_t j = 0; j < START_LEVELS; j++) {
            moves += rule.moves[i][j];
        }
    }
    assert_int_equal(levels, 1);
    assert_int_equal(moves, START_SAMPLES_MAX - 1);
    assert_true(may_play(&rule, 10, 40));
}

/* Idle time is no sample; a silence in the middle is several. */
static void test_silence(void **state)
{
    (void)state;
    struct start_rule rule = {0};
    start_rule_received(&rule, TIME_US_PER_S, 1000);
    start_rule_idle(&rule);
    start_rule_received(&rule, 100 * TIME_US_PER_S, 1000);
    assert_int_equal(rule.count, 0);
    start_rule_received(&rule, 104 * TIME_US_PER_S, 4096);
    assert_int_equal(rule.count, 4);
    assert_int_equal(rule.ring[0], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_block),
        cmocka_unit_test(test_early_burst), cmocka_unit_test(test_nothing_missing),
        cmocka_unit_test(test_forgets),     cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
