/*
 * test_node_play.c: stories of playing: cold, cached, mixed, gapless, seeking, pausing, stopping.
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

static void test_cold_start(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {"start 1",
                                        "connect link 1",
                                        "link 1 up",
                                        "open 1 with the start set",
                                        "switch 1: 0 of 40",
                                        "request 2: chunks 2+6, priority 0\n",
                                        "sound 1",
                                        "end 1",
                                        NULL};
    assert_true(world_tells(world, story));
    /* Each chunk once, all of them from the origin. */
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 0);
    assert_int_equal(summary.duplicate_bytes, 0);
    assert_true(summary.overhead_bytes < 8192);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(summary.played_us, SECONDS(160));
    assert_int_equal(summary.stutters, 0);
    /* TCP and TLS (two round trips), one more, the start set at 1 MB/s, the sound's own clock. */
    assert_int_equal(world->records, 1);
    assert_int_equal(world->cached[0], NODE_CACHED_NONE);
    assert_in_range(world->waits_ms[0], 100, 250);
    assert_true(world->tracks[0].has_manifest);
    for (uint32_t row = 0; row < 5; row++) {
        assert_int_equal(world->tracks[0].stored[row], 0xff);
    }
    world_free(world);
}

/* Everything is here: the origin may be away. */
static void test_cached_start(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 0, 40);
    world->is_origin_away = true;
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 40 * CHUNK_BYTES);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 0);
    assert_int_equal(summary.received_bytes, 0);
    assert_int_equal(world->cached[0], NODE_CACHED_FULL);
    assert_in_range(world->waits_ms[0], 0, 101); /* two ticks of the toy sound */
    assert_int_equal(world->effects[NODE_EFFECT_TOUCH_FILE], 1);
    assert_int_equal(world->effects[NODE_EFFECT_STORE_ROW], 0);
    world_free(world);
}

static void test_mixed(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 0, 13);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 13 * CHUNK_BYTES);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 27 * CHUNK_BYTES);
    assert_int_equal(summary.duplicate_bytes, 0);
    assert_int_equal(world->cached[0], NODE_CACHED_HEAD);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(world->requested[0][i], i < 13 ? 0 : 1);
    }
    world_free(world);
}

static void test_gapless(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_enqueue(world, 2, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {"switch 1", "sound 1", "prepare 2", "end 1",
                                        "sound 2",  "end 2",   NULL};
    assert_true(world_tells(world, story));
    assert_int_equal(world->effects[NODE_EFFECT_SWITCH], 1);
    assert_int_equal(world->effects[NODE_EFFECT_PREPARE], 1);
    assert_int_equal(summary.tracks, 2);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], (20 + 9) * CHUNK_BYTES);
    assert_int_equal(summary.played_us, SECONDS(80 + 36));
    assert_int_equal(world->records, 2);
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.cause, NODE_CAUSE_AUTO);
    assert_in_range(world->waits_ms[1], 0, 51);
    /* 10 s before the end at 80 s, which began at about 1.15 s. */
    assert_int_equal(world_times_told(world, "switch"), 1);
    world_free(world);
}

/* Other entries follow than those that were queued, and prepared. */
static void test_cut(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 1, 20);
    world_cache(world, 2, 9);
    world_cache(world, 0, 40);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_enqueue(world, 2, 2, false), 0);
    assert_int_equal(world_play(world, 1, SECONDS(72)), 0);
    assert_int_equal(world_run(world, SECONDS(2)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_PREPARE], 1);
    struct node_event event = {.kind = NODE_EVENT_CUT, .cut = {.entry = 1}};
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world->effects[NODE_EFFECT_UNPREPARE], 1);
    assert_int_equal(world_enqueue(world, 3, 0, false), 0);
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_PREPARE], 2);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 3);
    assert_true(status.playing);
    /* What plays is never cut away, and what stands before it is forgotten. */
    event.cut.entry = 0;
    assert_int_equal(world_step(world, event), 0);
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 3);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 2);
    world_free(world);
}

/* Behind the end there is nothing: it is sought a second before it. */
static void test_behind_the_end(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 1, 20);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(2)), 0);
    assert_int_equal(world_command(world, NODE_EVENT_SEEK, SECONDS(500)), 0);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 1);
    assert_int_equal(status.position_us, SECONDS(79));
    world_free(world);
}

/* The join is heard before the end is reported: still one wait of nothing, both heard whole. */
static void test_join_first(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 1, 20);
    world_cache(world, 2, 9);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_enqueue(world, 2, 2, false), 0);
    assert_int_equal(world_play(world, 1, SECONDS(72)), 0);
    assert_int_equal(world_run(world, SECONDS(2)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_PREPARE], 1);
    struct node_event event = {.kind = NODE_EVENT_SOUND_STARTED, .sound_started = {2, 0}};
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world->last_note[NODE_NOTE_STARTED].entry, 2);
    event = (struct node_event){.kind = NODE_EVENT_SOUND_ENDED, .sound = {.entry = 1}};
    assert_int_equal(world_step(world, event), 0);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 2);
    assert_true(status.playing);
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    assert_int_equal(summary.played_us, SECONDS(8));
    world_free(world);
}

/* --fast: no clock, and the next chain is there before the end comes. */
static void test_fast(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.fast = true;
    struct world *world = world_new(config, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_enqueue(world, 3, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], (40 + 20 + 9) * CHUNK_BYTES);
    assert_int_equal(summary.duplicate_bytes, 0);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(world->effects[NODE_EFFECT_SWITCH], 1);
    assert_int_equal(world->effects[NODE_EFFECT_PREPARE], 2);
    assert_int_equal(summary.played_us, SECONDS(160 + 80 + 36));
    world_free(world);
}

static void test_seek_uncached(void **state)
{
    (void)state;
    struct world_config config = plain;
    struct world *world = world_new(config, true);
    world->bytes_per_s = 20000; /* a chunk takes 0.8 s of its 4 */
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(10)), 0);
    assert_int_equal(world_command(world, NODE_EVENT_SEEK, SECONDS(600)), 0);
    static const char *const story[] = {"seek 1 to 600000 ms", "cancel", "switch 1", "request",
                                        "chunks 150+",         NULL};
    assert_int_equal(world_run(world, SECONDS(16)), 0);
    assert_true(world_tells(world, story));
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.cause, NODE_CAUSE_CLICK);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_true(status.playing);
    assert_true(status.position_us > SECONDS(600));
    struct node_summary summary;
    assert_int_equal(world_command(world, NODE_EVENT_SEEK, SECONDS(798)), 0);
    world_finish(world, &summary);
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.cause, NODE_CAUSE_SEEK);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(world->records, 3);
    world_free(world);
}

/* A pause is nobody's wait, and fetching goes on in it. */
static void test_pause(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_command(world, NODE_EVENT_PAUSE, 0), 0);
    assert_int_equal(world_run(world, SECONDS(100)), 0);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_true(status.paused);
    assert_int_equal(status.buffered_us, SECONDS(160));
    assert_int_equal(world_command(world, NODE_EVENT_RESUME, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_in_range(world->waits_ms[0], 0, 300);
    assert_int_equal(summary.played_us, SECONDS(160));
    world_free(world);
}

static void test_stop(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(10)), 0);
    uint32_t requests = world->sent[P2P_REQUEST];
    assert_int_equal(world_command(world, NODE_EVENT_STOP, 0), 0);
    assert_true(world->sent[P2P_CANCEL] > 0);
    assert_int_equal(world->effects[NODE_EFFECT_SILENCE], 1);
    assert_int_equal(world->notes[NODE_NOTE_PLAY], 1);
    assert_int_equal(world_run(world, SECONDS(100)), 0);
    assert_int_equal(world->sent[P2P_REQUEST], requests);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 0);
    /* What was verified went into the store, nothing lies about. */
    assert_int_equal(world->effects[NODE_EFFECT_READY], world->effects[NODE_EFFECT_RELEASE]);
    assert_true(world->rows_stored > 0);
    /* The queue is still there. */
    world->bytes_per_s = 1000000;
    assert_int_equal(world_play(world, 1, SECONDS(780)), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 2);
    world_free(world);
}

/* Neither a stop nor another start leaves the output paused. */
static void test_pause_ends(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(3)), 0);
    assert_int_equal(world_command(world, NODE_EVENT_PAUSE, 0), 0);
    assert_true(world->is_paused);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_false(world->is_paused);
    assert_int_equal(world_run(world, SECONDS(5)), 0);
    assert_int_equal(world_command(world, NODE_EVENT_PAUSE, 0), 0);
    assert_int_equal(world_command(world, NODE_EVENT_STOP, 0), 0);
    assert_false(world->is_paused);
    world_free(world);
}

/* The line becomes slower than the music: it stutters, says so, and comes to its end. */
static void test_stutter(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 6000; /* 4,096 would do */
    assert_int_equal(world_enqueue(world, 1, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(12)), 0);
    world->bytes_per_s = 2000;
    struct node_summary summary;
    world_finish(world, &summary);
    assert_true(summary.stutters > 0);
    assert_true(summary.stall_us > 0);
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.stutters, summary.stutters);
    assert_int_equal(summary.played_us, SECONDS(36));
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 9 * CHUNK_BYTES);
    world_free(world);
}

/* The other entry is asked for before the first was heard: no record of the first. */
static void test_skip(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + 70 * TIME_US_PER_MS), 0);
    assert_int_equal(world_play(world, 2, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->records, 1);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 20 * CHUNK_BYTES);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cold_start),    cmocka_unit_test(test_cached_start),
        cmocka_unit_test(test_mixed),         cmocka_unit_test(test_gapless),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_behind_the_end),
        cmocka_unit_test(test_join_first),    cmocka_unit_test(test_fast),
        cmocka_unit_test(test_seek_uncached), cmocka_unit_test(test_pause),
        cmocka_unit_test(test_stop),          cmocka_unit_test(test_stutter),
        cmocka_unit_test(test_skip),          cmocka_unit_test(test_pause_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
