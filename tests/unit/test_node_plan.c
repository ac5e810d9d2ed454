/*
 * test_node_plan.c: stories of the order of requests, and of what is cancelled.
 */
#include "common/error.h"
#include "player/core/node_state.h"
#include "tests/lib/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)

static const struct world_config plain = {.cache_limit_bytes = 64 * MIB};

static void test_time_and_place(void **state)
{
    (void)state;
    struct file file = {.bytes = 10 * CHUNK_BYTES, .chunk_count = 10};
    static const struct {
        uint64_t position_us;
        uint32_t chunk;
    } rows[] = {{0, 0}, {999, 0}, {1000, 1}, {9999, 9}, {10000, 9}, {99999, 9}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(node_plan_chunk_at(&file, 10000, rows[i].position_us), rows[i].chunk);
    }
    assert_int_equal(node_plan_time_of(&file, 10000, 3), 3000);
    assert_int_equal(node_plan_chunk_at(&file, 0, 5), 0);
}

/* From the middle: start set, from there to the end, then what lies before. */
static void test_order(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 200000;
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, SECONDS(400)), 0);
    assert_int_equal(world_run(world, SECONDS(30)), 0);
    static const char *const story[] = {"open 1 with the start set",
                                        "chunks 100+4, priority 0",
                                        "chunks 104+8, priority 1",
                                        "chunks 192+7, priority 1",
                                        "chunks 2+6, priority 2",
                                        "chunks 96+4, priority 2",
                                        NULL};
    assert_true(world_tells(world, story));
    for (uint32_t i = 0; i < 200; i++) {
        assert_true(world->requested[3][i] <= 1);
    }
    world_free(world);
}

/* The next track is asked for when the end is near, not before. */
static void test_next_track(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.speculation_bytes = 0;
    preset.speculation_ppm = 0;
    struct world_config config = plain;
    config.preset = &preset;
    struct world *world = world_new(config, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(130)), 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(world->requested[1][i], 0);
    }
    assert_int_equal(world_run(world, SECONDS(133)), 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(world->requested[1][i], 1);
    }
    world_free(world);
}

/* Look-ahead counts time of music: with a short entry between, the one behind it is near too. */
static void test_short_entries(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.speculation_bytes = 0;
    preset.speculation_ppm = 0;
    preset.head_entries = 0;
    preset.next_origin_us = SECONDS(60);
    struct world_config config = plain;
    config.preset = &preset;
    struct world *world = world_new(config, true);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0); /* 80 s */
    assert_int_equal(world_enqueue(world, 2, 2, false), 0); /* 36 s */
    assert_int_equal(world_enqueue(world, 3, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(50)), 0);
    assert_int_equal(world->requested[2][5], 1);
    assert_int_equal(world->requested[0][5], 0);
    assert_int_equal(world_run(world, SECONDS(60)), 0);
    assert_int_equal(world->requested[0][5], 1);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 3);
    world_free(world);
}

/* The published preset: 15 s at a cold start, the next track at 10 s before the end. */
static void test_spotify2010(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.preset = &node_preset_spotify2010;
    struct world *world = world_new(config, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(150)), 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(world->requested[1][i], 0);
    }
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 60 * CHUNK_BYTES);
    assert_true(world_times_told(world, "priority 0") > 0);
    world_free(world);
}

/* A want in the middle of what was asked for far ahead, on a slow line: that is cancelled, the
 * wanted row comes first. */
static void test_overtake(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 30000;
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(9)), 0);
    uint32_t far = 0;
    while (far < 200 && world->requested[3][far + 1] == 0) {
        far++;
    }
    while (far < 190 && world->requested[3][far + 1] > 0) {
        far++;
    }
    struct node_event want = {.kind = NODE_EVENT_WANT};
    want.want.want = 777;
    want.want.entry = 1;
    want.want.file = world->tracks[3].handle;
    want.want.first_chunk = far;
    want.want.count = 1;
    uint32_t cancels = world->sent[P2P_CANCEL];
    assert_int_equal(world_step(world, want), 0);
    assert_int_equal(world->sent[P2P_CANCEL], cancels + 1);
    assert_int_equal(world->requested[3][far], 2);
    uint32_t met = world->effects[NODE_EFFECT_WANT_MET];
    assert_int_equal(world_run(world, world->now_us + 1300000), 0);
    assert_true(world->effects[NODE_EFFECT_WANT_MET] > met);
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    assert_int_equal(summary.stutters, 0);
    world_free(world);
}

/* On a fast line a seek cancels nothing: it would be here sooner than it can be asked for again. */
static void test_seek_on_fast_line(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000000;
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + 200000), 0);
    assert_int_equal(world_command(world, NODE_EVENT_SEEK, SECONDS(500)), 0);
    assert_int_equal(world->sent[P2P_CANCEL], 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.duplicate_bytes, 0);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 200 * CHUNK_BYTES);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_and_place),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_next_track),        cmocka_unit_test(test_short_entries),
        cmocka_unit_test(test_spotify2010),       cmocka_unit_test(test_overtake),
        cmocka_unit_test(test_seek_on_fast_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
