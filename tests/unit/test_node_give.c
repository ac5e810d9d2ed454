/*
 * test_node_give.c: peers ask the node: what is stored is given, with proofs, manifests too; what is
 * not is rejected; nothing is given when that is not allowed.
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

/* A node that holds the first chunks of track 0, and one peer that has dialled it. */
static struct world *with_asker(uint32_t chunks)
{
    struct world *world = world_new(among, false);
    world_cache(world, 0, chunks);
    assert_int_equal(world_start(world), 0);
    world_add_peer(world, 1, 0);
    assert_int_equal(world_peer_dials(world, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_int_equal(world->peers[0].link, NODE_LINK_INCOMING | 1);
    return world;
}

static const struct {
    uint32_t held;         /* chunks of track 0 */
    uint32_t first, count; /* asked for */
    uint32_t chunks;       /* given */
    uint32_t proofs;
    uint8_t reject; /* 0 = none */
} asks[] = {
    {40, 0, 8, 8, 1, 0},
    {40, 4, 8, 8, 2, 0},                    /* two rows */
    {16, 0, 16, 16, 2, 0},                  /* a part of the file is given, too */
    {16, 12, 8, 4, 1, P2P_REJECT_NOT_HELD}, /* as far as it goes */
    {16, 24, 8, 0, 0, P2P_REJECT_NOT_HELD},
    {0, 0, 8, 0, 0, P2P_REJECT_UNKNOWN},
    {40, 38, 4, 0, 0, P2P_REJECT_RANGE},
};

static void test_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct world *world = with_asker(asks[i].held);
        struct world_peer *peer = &world->peers[0];
        assert_int_equal(world_peer_asks(world, 0, 0, asks[i].first, asks[i].count), 0);
        assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
        assert_int_equal(peer->got_bytes, asks[i].chunks * CHUNK_BYTES);
        assert_int_equal(peer->got_proofs, asks[i].proofs);
        assert_int_equal(peer->got_rejects, asks[i].reject != 0);
        assert_int_equal(peer->last_reject, asks[i].reject);
        struct node_status status;
        node_get_status(world->node, world->now_us, &status);
        assert_int_equal(status.given_bytes, peer->got_bytes);
        assert_int_equal(status.served, 0); /* answered: its slot is free */
        struct node_peer shown;
        assert_int_equal(node_get_peers(world->node, world->now_us, &shown, 1), 1);
        assert_int_equal(shown.sent_bytes, peer->got_bytes);
        assert_true(shown.is_incoming);
        world_free(world);
    }
}

static void test_manifests(void **state)
{
    (void)state;
    struct world *world = with_asker(40);
    assert_int_equal(world_peer_opens(world, 0, 0), 0);
    assert_int_equal(world_peer_opens(world, 0, 1), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(2)), 0);
    assert_int_equal(world->peers[0].got_opened, 1);
    assert_int_equal(world->peers[0].got_rejects, 1);
    assert_int_equal(world->peers[0].last_reject, P2P_REJECT_UNKNOWN);
    world_free(world);
}

/* Who wants to hear of a file is told, and told what comes to it. */
static void test_have(void **state)
{
    (void)state;
    struct world *world = with_asker(40);
    assert_int_equal(world_peer_is_interested(world, 0, 0), 0);
    assert_int_equal(world_peer_is_interested(world, 0, 1), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_int_equal(world->peers[0].told[0], P2P_HAVE_WHOLE);
    assert_int_equal(world->peers[0].told[1], P2P_HAVE_NONE);
    assert_int_equal(world_enqueue(world, 1, 1, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(60)), 0);
    assert_int_not_equal(world->peers[0].told[1], P2P_HAVE_NONE);
    assert_int_equal(world_peer_asks(world, 0, 1, 0, 4), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(2)), 0);
    assert_int_equal(world->peers[0].got_bytes, 4 * CHUNK_BYTES);
    world_free(world);
}

static void test_not_allowed(void **state)
{
    (void)state;
    struct world *world = with_asker(40);
    struct node_event event = {.kind = NODE_EVENT_GIVING};
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world_peer_asks(world, 0, 0, 0, 8), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
    assert_int_equal(world->peers[0].got_bytes, 0);
    assert_int_equal(world->peers[0].last_reject, P2P_REJECT_BUSY);
    event.giving.is_allowed = true;
    event.giving.bytes_per_s = 20000; /* a chunk takes most of a second */
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world_peer_asks(world, 0, 0, 0, 4), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_in_range(world->peers[0].got_bytes, 1, 2 * CHUNK_BYTES);
    assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
    assert_int_equal(world->peers[0].got_bytes, 4 * CHUNK_BYTES);
    world_free(world);
}

/* Numbers that do not ascend break the protocol; a link that breaks in the middle costs nothing. */
static void test_breaks(void **state)
{
    (void)state;
    struct world *world = with_asker(40);
    assert_int_equal(world_peer_asks(world, 0, 0, 0, 32), 0);
    assert_int_equal(world_peer_leaves(world, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(5)), 0);
    assert_int_equal(world_peer_dials(world, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    world->peers[0].next_request = 5;
    assert_int_equal(world_peer_asks(world, 0, 0, 0, 8), 0);
    world->peers[0].next_request = 5;
    assert_int_equal(world_peer_asks(world, 0, 0, 8, 8), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_int_equal(world->notes[NODE_NOTE_PEER_MISBEHAVED], 1);
    assert_int_equal(world->peers[0].link, 0);
    world_free(world);
}

/* What is fetched from one peer is given to another: the whole of it in one node. */
static void test_passes_on(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    uint32_t giver = world_add_peer(world, 0, 40);
    uint32_t asker = world_add_peer(world, 1, 0);
    assert_int_equal(world_enqueue(world, 1, 0, true), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
    assert_int_equal(world->notes[NODE_NOTE_FETCHED], 1);
    assert_true(world->peers[giver].sent >= 37);
    assert_int_not_equal(world->peers[asker].link, 0); /* the node has few links: it dialled */
    assert_int_equal(world_peer_asks(world, asker, 0, 0, 40), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
    assert_int_equal(world->peers[asker].got_bytes, 40 * CHUNK_BYTES);
    assert_int_equal(world->peers[asker].got_proofs, 5);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks),   cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_have),   cmocka_unit_test(test_not_allowed),
        cmocka_unit_test(test_breaks), cmocka_unit_test(test_passes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
