/*
 * test_node_chunks.c: stories of chunks: wrong bytes, scarce slots, full disks, rot, eviction.
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

static void play(struct world *world, uint32_t track)
{
    assert_int_equal(world_enqueue(world, 1, track, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
}

/* Wrong bytes once: the link goes, the chunk comes again, nothing wrong is heard or stored. */
static void test_bad_chunk_once(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bad_chunk = 12 + 1;
    play(world, 0);
    while (world->notes[NODE_NOTE_BAD_CHUNK] == 0) {
        assert_int_equal(world_run(world, world->now_us + 1000), 0);
    }
    world->bad_chunk = 0;
    struct node_summary summary;
    world_finish(world, &summary);
    static const char *const story[] = {"wrong bytes in chunk 12 from link 1", "link 1 dropped",
                                        "connect link 2", "end 1", NULL};
    assert_true(world_tells(world, story));
    assert_int_equal(world->notes[NODE_NOTE_BAD_CHUNK], 1);
    assert_int_equal(world->last_note[NODE_NOTE_BAD_CHUNK].link, 1);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    assert_int_equal(summary.stutters, 0);
    world_free(world);
}

/* Wrong again and again: the entry is given up, the next one plays. */
static void test_bad_chunk_always(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bad_chunk = 12 + 1;
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_enqueue(world, 2, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->notes[NODE_NOTE_BAD_CHUNK], node_preset_refrain.bad_chunks_max);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].entry, 1);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_MISMATCH);
    assert_int_equal(world->tracks[1].stored[1] >> 4 & 1, 0);
    assert_int_equal(world->last_note[NODE_NOTE_PLAY].play.track_id[0], 3);
    world_free(world);
}

/* A proof that leads to another root. */
static void test_bad_proof(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    play(world, 0);
    world->tracks[0].proofs[2].hashes[3][5] ^= 1;
    while (world->notes[NODE_NOTE_BAD_CHUNK] == 0) {
        assert_int_equal(world_run(world, world->now_us + 1000), 0);
    }
    assert_true(world->effects[NODE_EFFECT_DISCONNECT] > 0);
    world->tracks[0].proofs[2].hashes[3][5] ^= 1;
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    world_free(world);
}

/* The origin has lost a chunk, or it has rotted there: who waits for it is told, the next plays. */
static void test_rejected(void **state)
{
    (void)state;
    static const struct {
        uint32_t chunk;
        uint8_t reason;
        int error;
    } rows[] = {{0, P2P_REJECT_DAMAGED, ERROR_MISMATCH},
                {1, P2P_REJECT_NOT_HELD, ERROR_NOT_FOUND},
                {5, P2P_REJECT_DAMAGED, ERROR_MISMATCH},
                {8, P2P_REJECT_RANGE, ERROR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t is_fetch = 0; is_fetch < 2; is_fetch++) {
            struct world *world = world_new(plain, true);
            world->rejected = rows[i].chunk + 1;
            world->reject_reason = rows[i].reason;
            assert_int_equal(world_enqueue(world, 1, 2, is_fetch), 0);
            if (is_fetch == 0) {
                assert_int_equal(world_play(world, 1, 0), 0);
            }
            struct node_summary summary;
            world_finish(world, &summary);
            assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
            assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, rows[i].error);
            world_free(world);
        }
    }
}

/* Who asks for an entry that has failed is told of what: "not now" would be asked again for ever. */
static void test_want_of_a_failed_entry(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->rejected = 1;
    world->reject_reason = P2P_REJECT_DAMAGED;
    assert_int_equal(world_enqueue(world, 1, 2, true), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
    struct node_event event = {.kind = NODE_EVENT_WANT, .now_us = world->now_us};
    event.want.want = 4711;
    event.want.entry = 1;
    event.want.file = 1;
    event.want.count = 1;
    struct node_update update;
    assert_int_equal(node_step(world->node, &event, &update), 0);
    assert_int_equal(update.count, 1);
    assert_int_equal(update.effects[0].kind, NODE_EFFECT_WANT_FAILED);
    assert_int_equal(update.effects[0].want.want, 4711);
    assert_int_equal(update.effects[0].want.error, ERROR_MISMATCH);
    world_free(world);
}

/* Too busy: it is asked again a little later. */
static void test_busy(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->rejected = 3 + 1;
    world->reject_reason = P2P_REJECT_BUSY;
    play(world, 0);
    assert_int_equal(world_run(world, SECONDS(3)), 0);
    assert_in_range(world->requested[0][3], 10, 25); /* each 100 ms and a round trip */
    world->rejected = 0;
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    world_free(world);
}

/* Caching is off, and there are 64 slots for 200 chunks: the slots are the buffer. */
static void test_scarce_slots(void **state)
{
    (void)state;
    struct world *world = world_new((struct world_config){.slot_count = 64}, true);
    play(world, 3);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.played_us, SECONDS(800));
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 200 * CHUNK_BYTES);
    assert_int_equal(world->effects[NODE_EFFECT_STORE_ROW], 0);
    assert_int_equal(world->effects[NODE_EFFECT_STORE_MANIFEST], 0);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(world->requested[3][i], i == 0 || i == 1 || i == 199 ? 0 : 1);
    }
    world_free(world);
}

/* The same backwards: what was released is fetched again, never a deadlock. */
static void test_scarce_slots_seek(void **state)
{
    (void)state;
    struct world *world = world_new((struct world_config){.slot_count = 64}, true);
    play(world, 3);
    static const uint64_t places_s[] = {500, 100, 700, 0, 796, 300};
    for (size_t i = 0; i < sizeof places_s / sizeof places_s[0]; i++) {
        assert_int_equal(world_run(world, world->now_us + SECONDS(30)), 0);
        assert_int_equal(world_command(world, NODE_EVENT_SEEK, SECONDS(places_s[i])), 0);
    }
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    for (uint32_t i = 1; i < world->records; i++) {
        assert_in_range(world->waits_ms[i], 0, 300);
    }
    world_free(world);
}

/* The store is slow: far-ahead fetching waits for slots. */
static void test_slow_store(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.slot_count = 64;
    struct world *world = world_new(config, true);
    world->store_us = SECONDS(3);
    play(world, 3);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 200 * CHUNK_BYTES);
    assert_int_equal(summary.duplicate_bytes, 0);
    world_free(world);
}

/* The disk is full from the second row on: one warning, the music plays on; then there is room. */
static void test_disk_full(void **state)
{
    (void)state;
    struct world_config config = plain;
    config.slot_count = 64;
    struct world *world = world_new(config, true);
    world->store_error = ERROR_FULL;
    play(world, 3);
    assert_int_equal(world_run(world, SECONDS(300)), 0);
    assert_int_equal(world->notes[NODE_NOTE_CACHE_OFF], 1);
    assert_int_equal(world->last_note[NODE_NOTE_CACHE_OFF].error, ERROR_FULL);
    assert_int_equal(world->rows_stored, 0);
    world->store_error = 0;
    struct node_event event = {.kind = NODE_EVENT_CACHE_STATE, .cache_state = {true}};
    assert_int_equal(world_step(world, event), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.tracks, 1);
    assert_true(world->rows_stored > 10);
    assert_int_equal(world->notes[NODE_NOTE_CACHE_OFF], 1);
    world_free(world);
}

/* At 20 KB/s a row takes 6.5 s: it is stored after a second as far as it is, and again. */
static void test_row_hold(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    play(world, 2);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_true(world->rows_stored > 3);
    assert_int_equal(world->tracks[2].stored[0], 0xff);
    assert_int_equal(world->tracks[2].stored[1], 0x01);
    assert_int_equal(summary.duplicate_bytes, 0);
    world_free(world);
}

/* The listener ends it while a part of a row is being written: what came of the row since then is
 * written behind it. */
static void test_stop_loses_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    world->store_us = SECONDS(10);
    play(world, 1);
    assert_int_equal(world_run(world, SECONDS(6)), 0);
    assert_true(node_is_storing(world->node));
    assert_int_equal(world_step(world, (struct node_event){.kind = NODE_EVENT_STOP}), 0);
    while (node_is_storing(world->node)) {
        assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
        assert_in_range(world->now_us, 0, SECONDS(60));
    }
    /* The first row: its two chunks of the start set, then those that followed. */
    assert_int_equal(world->tracks[1].stored[0] & 0x0f, 0x0f);
    world_free(world);
}

/* Room for 30 chunks: the oldest leave first, what plays and what is next stays. */
static void test_eviction(void **state)
{
    (void)state;
    struct world *world =
        world_new((struct world_config){.cache_limit_bytes = 30 * CHUNK_BYTES}, false);
    world_cache(world, 1, 20);
    world_cache(world, 2, 9);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 2, false), 0);
    assert_int_equal(world_enqueue(world, 2, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(30)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_EVICT_FILE], 1);
    assert_int_equal(world->tracks[1].stored[0], 0);
    assert_int_equal(world->tracks[2].stored[0], 0xff);
    struct node_summary summary;
    world_finish(world, &summary);
    /* 40 chunks do not fit: the rest of the file is only played. */
    assert_int_equal(summary.tracks, 2);
    assert_int_equal(summary.stutters, 0);
    uint32_t stored = 0;
    for (uint32_t i = 0; i < 40; i++) {
        stored += world->tracks[0].stored[i / 8] >> (i % 8) & 1;
    }
    assert_in_range(stored, 14, 30);
    world_free(world);
}

/* A reader finds a rotten row: it leaves the store, and comes again from the origin. */
static void test_rotten(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 0, 40);
    assert_int_equal(world_start(world), 0);
    play(world, 0);
    assert_int_equal(world_run(world, SECONDS(5)), 0);
    struct node_event event = {.kind = NODE_EVENT_ROTTEN};
    event.rotten.file = world->tracks[0].handle;
    event.rotten.row = 2;
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world->effects[NODE_EFFECT_EVICT_ROW], 1);
    assert_int_equal(world->tracks[0].stored[2], 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 32 * CHUNK_BYTES);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 8 * CHUNK_BYTES);
    assert_int_equal(world->tracks[0].stored[2], 0xff);
    world_free(world);
}

/* A want is answered once, also by nobody's fault. */
static void test_wants(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    play(world, 0);
    assert_int_equal(world_run(world, world->now_us + 80000), 0);
    world->next_want = 1000;
    struct node_event want = {.kind = NODE_EVENT_WANT};
    want.want.entry = 1;
    want.want.file = world->tracks[0].handle;
    want.want.first_chunk = 36;
    want.want.count = 4;
    for (want.want.want = 1; want.want.want <= 3; want.want.want++) {
        assert_int_equal(world_step(world, want), 0);
    }
    struct node_event dropped = {.kind = NODE_EVENT_WANT_DROPPED, .want_dropped = {2}};
    assert_int_equal(world_step(world, dropped), 0);
    assert_int_equal(world_step(world, dropped), 0);
    uint32_t met = world->effects[NODE_EFFECT_WANT_MET];
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_true(world->effects[NODE_EFFECT_WANT_MET] >= met + 2);
    want.want.want = 4; /* it is here now */
    met = world->effects[NODE_EFFECT_WANT_MET];
    assert_int_equal(world_step(world, want), 0);
    assert_int_equal(world->effects[NODE_EFFECT_WANT_MET], met + 1);
    want.want.file = world->tracks[3].handle; /* nobody plays it */
    want.want.want = 5;
    assert_int_equal(world_step(world, want), 0);
    assert_int_equal(world->effects[NODE_EFFECT_WANT_FAILED], 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_chunk_once),
        cmocka_unit_test(test_bad_chunk_always),
        cmocka_unit_test(test_bad_proof),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_want_of_a_failed_entry),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_scarce_slots),
        cmocka_unit_test(test_scarce_slots_seek),
        cmocka_unit_test(test_slow_store),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_row_hold),
        cmocka_unit_test(test_stop_loses_nothing),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_rotten),
        cmocka_unit_test(test_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
