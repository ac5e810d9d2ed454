/*
 * test_node_lend.c: entries that another player reads: what is asked for is got, and a little ahead;
 * what is not read is not paid for; the listener's own queue does not notice.
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
#define LENT(n) (NODE_ENTRY_LENT | (n))
#define AHEAD 64u /* chunks; LEND_AHEAD_CHUNKS of node_lend.c */

static const struct world_config plain = {.cache_limit_bytes = 64 * MIB};

static void lend(struct world *world, uint32_t number, uint32_t track)
{
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    event.enqueue.entry = LENT(number);
    event.enqueue.lent = true;
    memset(event.enqueue.track_id, (int)track + 1, TRACK_ID_BYTES);
    assert_int_equal(world_step(world, event), 0);
}

static void drop(struct world *world, uint32_t entry)
{
    struct node_event event = {.kind = NODE_EVENT_DROP};
    event.drop.entry = entry;
    assert_int_equal(world_step(world, event), 0);
}

static void want(struct world *world, uint32_t number, uint32_t track, uint32_t chunk)
{
    static uint32_t wants = 1000;
    struct node_event event = {.kind = NODE_EVENT_WANT};
    event.want.want = ++wants;
    event.want.entry = LENT(number);
    event.want.file = world->tracks[track].handle;
    event.want.first_chunk = chunk;
    event.want.count = 1;
    assert_int_equal(world_step(world, event), 0);
}

static void read_chunk(struct world *world, uint32_t number, uint32_t track, uint32_t chunk)
{
    struct node_event event = {.kind = NODE_EVENT_READ};
    event.read.entry = LENT(number);
    event.read.file = world->tracks[track].handle;
    event.read.first_chunk = chunk;
    event.read.count = 1;
    assert_int_equal(world_step(world, event), 0);
}

static uint32_t requested(const struct world *world, uint32_t track)
{
    uint32_t chunks = 0;
    for (uint32_t i = 0; i < world->tracks[track].chunk_count; i++) {
        chunks += world->requested[track][i];
    }
    return chunks;
}

static void pass(struct world *world, uint64_t span_us)
{
    assert_int_equal(world_run(world, world->now_us + span_us), 0);
}

/* The start set comes with the manifest; from then on a reader is AHEAD of itself, and no more. */
static void test_read_ahead(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    lend(world, 1, 3);
    pass(world, SECONDS(5));
    assert_int_equal(world->effects[NODE_EFFECT_LEND], 1);
    assert_int_equal(requested(world, 3), 0); /* the start set came with the OPEN */
    want(world, 1, 3, 2);
    pass(world, SECONDS(30));
    assert_int_equal(world->effects[NODE_EFFECT_WANT_MET], 1);
    assert_int_equal(requested(world, 3), 1 + AHEAD);
    for (uint32_t i = 2; i < 12; i++) {
        read_chunk(world, 1, 3, i);
    }
    pass(world, SECONDS(30));
    assert_int_equal(requested(world, 3), 10 + AHEAD);
    want(world, 1, 3, 150); /* a seek of the other player's */
    pass(world, SECONDS(30));
    assert_int_equal(world->effects[NODE_EFFECT_WANT_MET], 2);
    assert_int_equal(world->requested[3][149], 0);
    assert_int_equal(world->requested[3][150], 1);
    assert_int_equal(requested(world, 3), 10 + AHEAD + 49); /* 199 came with the start set */
    drop(world, LENT(1));
    pass(world, SECONDS(30));
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    assert_int_equal(summary.tracks, 1);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], 0);
    assert_true(summary.bytes[NODE_SOURCE_ORIGIN] >= 10 * CHUNK_BYTES);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 0);
    world_free(world);
}

/* Dropped in the middle: nothing more is asked for, and what waits is told. */
static void test_drop(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    lend(world, 1, 3);
    pass(world, SECONDS(5));
    want(world, 1, 3, 100);
    pass(world, SECONDS(2));
    uint32_t before = requested(world, 3);
    world->is_origin_silent = true;
    want(world, 1, 3, 60);
    uint32_t asked = requested(world, 3);
    drop(world, LENT(1));
    assert_true(world->effects[NODE_EFFECT_WANT_FAILED] >= 1);
    pass(world, SECONDS(60));
    assert_true(asked >= before);
    assert_int_equal(requested(world, 3), asked);
    drop(world, LENT(1)); /* nothing is there any more */
    world_free(world);
}

/* Wholly cached: nothing is asked of anybody. Not to be had: it is said, once. */
static void test_cached_and_lost(void **state)
{
    (void)state;
    struct world *world =
        world_new((struct world_config){.cache_limit_bytes = 64 * MIB, .offline = true}, false);
    world_cache(world, 1, 20);
    assert_int_equal(world_start(world), 0);
    lend(world, 1, 1);
    lend(world, 2, 0);
    pass(world, SECONDS(2));
    assert_int_equal(world->effects[NODE_EFFECT_LEND], 1);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 1);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].entry, LENT(2));
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_OFFLINE);
    want(world, 1, 1, 19);
    assert_int_equal(world->effects[NODE_EFFECT_WANT_MET], 1);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 0);
    drop(world, LENT(2));
    drop(world, LENT(1));
    world_free(world);
}

/* Beside what plays: that one's sound does not suffer, its queue ends, a STOP leaves the loan. */
static void test_beside_play(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 12000;
    assert_int_equal(world_enqueue(world, 1, 2, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    lend(world, 7, 3);
    pass(world, SECONDS(3));
    want(world, 7, 3, 10);
    pass(world, SECONDS(80));
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    assert_int_equal(world_command(world, NODE_EVENT_STOP, 0), 0);
    uint32_t met = world->effects[NODE_EFFECT_WANT_MET];
    want(world, 7, 3, 120);
    pass(world, SECONDS(30));
    assert_int_equal(world->effects[NODE_EFFECT_WANT_MET], met + 1);
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    assert_int_equal(summary.stutters, 0);
    world_free(world);
}

/* A fetch that is dropped is over, too. */
static void test_drop_fetch(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    assert_int_equal(world_enqueue(world, 1, 3, true), 0);
    pass(world, SECONDS(5));
    drop(world, 1);
    uint32_t asked = requested(world, 3);
    pass(world, SECONDS(600));
    assert_int_equal(requested(world, 3), asked);
    assert_int_equal(world->notes[NODE_NOTE_FETCHED], 0);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_ahead),      cmocka_unit_test(test_drop),
        cmocka_unit_test(test_cached_and_lost), cmocka_unit_test(test_beside_play),
        cmocka_unit_test(test_drop_fetch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
