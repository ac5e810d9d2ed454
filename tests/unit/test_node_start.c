/*
 * test_node_start.c: stories of thin lines: when sound is held back, and when it is not.
 *
 * The toy music is 4,096 bytes a second.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)

static const struct world_config plain = {.cache_limit_bytes = 64 * MIB};

static struct world *play_at(struct world_config config, uint64_t bytes_per_s, uint32_t track)
{
    struct world *world = world_new(config, true);
    world->bytes_per_s = bytes_per_s;
    assert_int_equal(world_enqueue(world, 1, track, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    return world;
}

/* 0.8x: it waits until the rest comes in time, and then plays to the end without a standstill. */
static void test_too_slow(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 3277, 1);
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {
        "switch 1", "hold the sound of 1", "let go", "sound 1", "end 1", NULL};
    assert_true(world_tells(world, story));
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.played_us, SECONDS(80));
    /* 100 s of fetching for 80 s of music: 20 s; two chunks of 5 s that may be on their way, and what
     * decoders read ahead. */
    assert_in_range(world->waits_ms[0], 30000, 45000);
    world_free(world);
}

/* 1.3x: nothing is held, nothing stands still. */
static void test_fast_enough(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 5325, 1);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world_times_told(world, "hold"), 0);
    assert_int_equal(world->effects[NODE_EFFECT_SET_PAUSED], 0);
    assert_int_equal(summary.stutters, 0);
    world_free(world);
}

/* The line goes bad while it plays: one standstill, held until it will not come to another. */
static void test_after_standstill(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 8000, 1);
    assert_int_equal(world_run(world, SECONDS(25)), 0);
    world->bytes_per_s = 2048;
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {"sound 1", "hold the sound of 1", "let go", "end 1", NULL};
    assert_true(world_tells(world, story));
    assert_in_range(summary.stutters, 1, 2);
    assert_int_equal(summary.played_us, SECONDS(80));
    assert_true(summary.stall_us > SECONDS(5));
    world_free(world);
}

/* The origin goes while sound is held: what is here is played. */
static void test_origin_goes(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 2048, 1);
    assert_int_equal(world_run(world, SECONDS(40)), 0);
    assert_true(world->is_paused);
    world->is_origin_away = true;
    assert_int_equal(world_break_link(world), 0);
    assert_false(world->is_paused);
    assert_int_equal(world_run(world, SECONDS(42)), 0);
    assert_true(world->is_sounding);
    world_free(world);
}

/* The listener's pause and the hold stand beside each other. */
static void test_with_pause(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 3277, 1);
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    assert_true(world->is_paused);
    uint32_t told = world->effects[NODE_EFFECT_SET_PAUSED];
    assert_int_equal(world_command(world, NODE_EVENT_PAUSE, 0), 0);
    assert_int_equal(world_command(world, NODE_EVENT_RESUME, 0), 0);
    assert_int_equal(world->effects[NODE_EFFECT_SET_PAUSED], told);
    assert_int_equal(world_command(world, NODE_EVENT_PAUSE, 0), 0);
    assert_int_equal(world_run(world, SECONDS(120)), 0);
    assert_true(world->is_paused); /* let go, and still paused */
    assert_int_equal(world_times_told(world, "let go"), 1);
    assert_int_equal(world_command(world, NODE_EVENT_RESUME, 0), 0);
    assert_false(world->is_paused);
    assert_int_equal(world_run(world, SECONDS(125)), 0);
    assert_true(world->is_sounding);
    world_free(world);
}

/* A stop and another start let go. */
static void test_stop(void **state)
{
    (void)state;
    struct world *world = play_at(plain, 2048, 1);
    assert_int_equal(world_run(world, SECONDS(40)), 0);
    assert_true(world->is_paused);
    assert_int_equal(world_command(world, NODE_EVENT_STOP, 0), 0);
    assert_false(world->is_paused);
    world_free(world);
}

/* Nothing is stored and the slots do not hold what the rule asks for: it plays with what they do. */
static void test_slots_full(void **state)
{
    (void)state;
    struct world *world = play_at((struct world_config){.slot_count = 64}, 2000, 3);
    assert_int_equal(world_run(world, SECONDS(1000)), 0);
    assert_int_equal(world->notes[NODE_NOTE_STARTED], 1);
    assert_true(world_times_told(world, "let go") > 0);
    world_free(world);
}

/* With --fast nothing is held. */
static void test_fast(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.fast = true;
    struct world *world = play_at(config, 2048, 2);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->effects[NODE_EFFECT_SET_PAUSED], 0);
    assert_int_equal(summary.stutters, 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_slow),         cmocka_unit_test(test_fast_enough),
        cmocka_unit_test(test_after_standstill), cmocka_unit_test(test_origin_goes),
        cmocka_unit_test(test_with_pause),       cmocka_unit_test(test_stop),
        cmocka_unit_test(test_slots_full),       cmocka_unit_test(test_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
