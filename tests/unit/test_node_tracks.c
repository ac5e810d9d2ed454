/*
 * test_node_tracks.c: stories of manifests: unknown, false, offline, and files that are fetched.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)

static const struct world_config plain = {.cache_limit_bytes = 64 * MIB};

/* An entry that the origin does not know: told, and the next one plays. */
static void test_unknown_track(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->tracks[0].is_unknown = true;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_enqueue(world, 2, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].entry, 1);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_NOT_FOUND);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 9 * CHUNK_BYTES);
    /* The click goes on waiting for whatever sounds first. */
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.cause, NODE_CAUSE_CLICK);
    world_free(world);
}

static void test_nothing_known(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->tracks[0].is_unknown = true;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
    assert_int_equal(summary.tracks, 0);
    assert_int_equal(world->records, 0);
    world_free(world);
}

static void test_offline(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.offline = true;
    struct world *world = world_new(config, false);
    world_cache(world, 1, 20);
    world_cache(world, 2, 4);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0); /* not here at all */
    assert_int_equal(world_enqueue(world, 2, 1, false), 0); /* wholly */
    assert_int_equal(world_enqueue(world, 3, 2, false), 0); /* in part */
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 0);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 2);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_OFFLINE);
    assert_int_equal(world->effects[NODE_EFFECT_WANT_FAILED], 1);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 20 * CHUNK_BYTES);
    world_free(world);
}

static void test_fetch_only(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 1, 5);
    assert_int_equal(world_start(world), 0);
    world->tracks[2].is_unknown = true;
    assert_int_equal(world_enqueue(world, 1, 0, true), 0);
    assert_int_equal(world_enqueue(world, 2, 2, true), 0);
    assert_int_equal(world_enqueue(world, 3, 1, true), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {"fetched 1", "fetched 3", NULL};
    assert_true(world_tells(world, story));
    assert_int_equal(world->notes[NODE_NOTE_FETCHED], 2);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
    assert_int_equal(world->effects[NODE_EFFECT_SWITCH], 0);
    assert_int_equal(summary.tracks, 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(world->tracks[1].stored[i / 8] >> (i % 8) & 1, 1);
        assert_true(world->requested[1][i] <= (i < 5 ? 0 : 1));
    }
    world_free(world);
}

/* Fetched while something plays: what plays comes first. */
static void test_fetch_beside_play(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 10000;
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_enqueue(world, 2, 3, true), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 20 * CHUNK_BYTES);
    assert_int_equal(world->notes[NODE_NOTE_FETCHED], 1);
    world_free(world);
}

/* A cached manifest whose signature does not hold is fetched anew; one from the origin is not
 * taken. */
static void test_false_signature(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 2, 9);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + 100), 0);
    assert_int_equal(world->effects[NODE_EFFECT_CHECK_MANIFEST], 1);
    struct node_event event = {.kind = NODE_EVENT_MANIFEST_CHECKED};
    memset(event.manifest_checked.track_id, 3, TRACK_ID_BYTES);
    assert_int_equal(world_step(world, event), 0);
    static const char *const story[] = {"wrong signature, from the cache", "open 1", NULL};
    while (world->effects[NODE_EFFECT_CHECK_MANIFEST] < 2) {
        assert_int_equal(world_run(world, world->now_us + 100), 0);
    }
    assert_true(world_tells(world, story));
    assert_int_equal(world->effects[NODE_EFFECT_CHECK_MANIFEST], 2);
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_MISMATCH);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->effects[NODE_EFFECT_SWITCH], 0);
    assert_int_equal(world->effects[NODE_EFFECT_STORE_MANIFEST], 0);
    world_free(world);
}

/* Manifests of the queue are fetched ahead, and the next start sets within the budget. */
static void test_look_ahead(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(world_enqueue(world, i + 1, 3 - i, false), 0);
    }
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(60)), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(world->tracks[i].has_manifest);
    }
    assert_int_equal(world->requested[2][0], 1);
    assert_int_equal(world->requested[2][8], 1);
    assert_int_equal(world->requested[2][5], 0);
    uint32_t heads = 0;
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t chunk = 0; chunk < world->tracks[i].chunk_count; chunk++) {
            heads += world->requested[i][chunk];
        }
    }
    assert_int_equal(heads, 9); /* three start sets, within 256 KiB + 3 % of 15 chunks */
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_track),     cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_offline),           cmocka_unit_test(test_fetch_only),
        cmocka_unit_test(test_fetch_beside_play), cmocka_unit_test(test_false_signature),
        cmocka_unit_test(test_look_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
