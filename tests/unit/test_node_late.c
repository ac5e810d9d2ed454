/*
 * test_node_late.c: what comes too late is asked for elsewhere, or twice, and never waited for.
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

static const struct world_config among = {.cache_limit_bytes = 64 * MIB, .with_peers = true};

static struct world *playing(uint32_t peers, uint64_t bytes_per_s)
{
    struct world *world = world_new(among, true);
    for (uint32_t i = 0; i < peers; i++) {
        world->peers[world_add_peer(world, 3, 200)].bytes_per_s = bytes_per_s;
    }
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    return world;
}

/* Goes on to the end of the track, without a standstill and with few duplicates. */
static void finish(struct world *world)
{
    struct node_summary summary;
    assert_int_equal(world_run(world, world->now_us + SECONDS(1200)), 0);
    node_get_summary(world->node, &summary);
    if (summary.stutters > 0) {
        world_print(world);
    }
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    assert_int_equal(summary.stutters, 0);
    assert_true(summary.duplicate_bytes <= 200 * CHUNK_BYTES / 50);
    world_free(world);
}

/* The peers go silent in the middle of what they were asked for, links up: taken back. */
static void test_falls_silent(void **state)
{
    (void)state;
    struct world *world = playing(2, 6000);
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    world->peers[0].is_silent = true;
    assert_int_equal(world_run(world, SECONDS(60)), 0);
    assert_true(world_times_told(world, "brings nothing: taken back") > 0);
    world->peers[1].is_silent = true;
    finish(world);
}

/* A peer that was fast becomes slower than the music: what is due soon comes from the origin. */
static void test_slows_down(void **state)
{
    (void)state;
    struct world *world = playing(1, 40000);
    assert_int_equal(world_run(world, SECONDS(2)), 0);
    world->peers[0].bytes_per_s = 1000;
    finish(world);
}

/* The origin says nothing any more; its link is up. Peers bring what it was asked for. */
static void test_origin_falls_silent(void **state)
{
    (void)state;
    struct world *world = playing(2, 20000);
    assert_int_equal(world_run(world, SECONDS(3)), 0);
    world->is_origin_silent = true;
    world->silent_link = world->link;
    finish(world);
}

/* Due now, and nothing comes from who was asked: asked for twice, at most once a second; who brings
 * it first is enough. */
static void test_hedges(void **state)
{
    (void)state;
    struct world *world = playing(2, 100000);
    world->bytes_per_s = 3000; /* the origin is the slowest of all */
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    assert_int_equal(world_times_told(world, "hedge chunk"), 0);
    assert_int_equal(world_enqueue(world, 2, 0, false), 0);
    world_peer_gets(world, 0, 0, 0, 40);
    world_peer_gets(world, 1, 0, 0, 40);
    assert_int_equal(world_play(world, 2, SECONDS(80)), 0);
    for (uint32_t i = 0; i < 100 && world->peers[0].job_count == 0; i++) {
        assert_int_equal(world_run(world, world->now_us + 20 * TIME_US_PER_MS), 0);
    }
    world->peers[0].is_silent = true;
    assert_int_equal(world_run(world, world->now_us + SECONDS(10)), 0);
    assert_in_range(world_times_told(world, "hedge chunk"), 1, 10);
    struct node_summary summary;
    assert_int_equal(world_run(world, world->now_us + SECONDS(200)), 0);
    node_get_summary(world->node, &summary);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    assert_true(summary.duplicate_bytes <= 4 * CHUNK_BYTES);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_falls_silent),
        cmocka_unit_test(test_slows_down),
        cmocka_unit_test(test_origin_falls_silent),
        cmocka_unit_test(test_hedges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
