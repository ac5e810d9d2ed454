/*
 * test_node_peers.c: a node among peers: finding them, getting from them, giving up on those that
 * are away, silent, slow, busy, lying or rotten; always with whole tracks heard.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)

static const struct world_config among = {.cache_limit_bytes = 64 * MIB, .with_peers = true};

/* Plays track 0 to its end among peers as they were made. */
static void play(struct world *world, struct node_summary *ret_summary)
{
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(400)), 0);
    node_get_summary(world->node, ret_summary);
    if (ret_summary->stutters > 0 || world->notes[NODE_NOTE_QUEUE_ENDED] != 1) {
        world_print(world);
    }
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 0);
    assert_int_equal(ret_summary->tracks, 1);
    assert_int_equal(ret_summary->stutters, 0);
    uint64_t bytes = 0;
    for (int i = 0; i < NODE_SOURCES; i++) {
        bytes += ret_summary->bytes[i];
    }
    assert_int_equal(bytes, 40 * CHUNK_BYTES);
    assert_true(ret_summary->duplicate_bytes <= bytes / 50);
}

static void test_one_peer(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    uint32_t peer = world_add_peer(world, 0, 40);
    struct node_summary summary;
    play(world, &summary);
    /* The start set comes from the origin at once, the rest from the peer. */
    assert_true(summary.bytes[NODE_SOURCE_PEERS] >= 36 * CHUNK_BYTES);
    assert_true(summary.bytes[NODE_SOURCE_ORIGIN] >= 3 * CHUNK_BYTES);
    assert_int_equal(world->peers[peer].links, 1);
    assert_true(world->lookups >= 1);
    assert_int_equal(world->notes[NODE_NOTE_PEER_MISBEHAVED], 0);
    world_free(world);
}

/* One of two is no good; the other has all. What it costs is at most so many chunks of the origin's
 * and no standstill (play asserts that). */
static const struct {
    const char *what;
    bool is_away, is_silent, is_liar, is_rotten, is_busy;
    uint64_t bytes_per_s;
    uint32_t peers_min; /* chunks that peers bring in spite of it */
} bad_peers[] = {
    {"away", .is_away = true, .peers_min = 34}, {"silent", .is_silent = true, .peers_min = 30},
    {"lies", .is_liar = true, .peers_min = 30}, {"wrong bytes", .is_rotten = true, .peers_min = 30},
    {"busy", .is_busy = true, .peers_min = 30}, {"trickles", .bytes_per_s = 1500, .peers_min = 30},
};

static void test_bad_peers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_peers / sizeof bad_peers[0]; i++) {
        struct world *world = world_new(among, true);
        uint32_t bad = world_add_peer(world, 0, 40);
        struct world_peer *peer = &world->peers[bad];
        peer->is_away = bad_peers[i].is_away;
        peer->is_silent = bad_peers[i].is_silent;
        peer->is_liar = bad_peers[i].is_liar;
        peer->is_rotten = bad_peers[i].is_rotten;
        peer->is_busy = bad_peers[i].is_busy;
        if (peer->is_liar) {
            memset(peer->has, 0, sizeof peer->has);
        }
        if (bad_peers[i].bytes_per_s > 0) {
            peer->bytes_per_s = bad_peers[i].bytes_per_s;
        }
        uint32_t other = world_add_peer(world, 0, 40);
        if (peer->is_rotten) {
            world->peers[other].bytes_per_s = 30000; /* so that the bad one is asked, too */
        }
        struct node_summary summary;
        play(world, &summary);
        if (summary.bytes[NODE_SOURCE_PEERS] < bad_peers[i].peers_min * CHUNK_BYTES) {
            printf("%s: %u chunks of peers\n", bad_peers[i].what,
                   (unsigned)(summary.bytes[NODE_SOURCE_PEERS] / CHUNK_BYTES));
            world_print(world);
        }
        assert_true(summary.bytes[NODE_SOURCE_PEERS] >= bad_peers[i].peers_min * CHUNK_BYTES);
        assert_int_equal(world->notes[NODE_NOTE_BAD_CHUNK] > 0, peer->is_rotten);
        if (peer->is_rotten) {
            assert_in_range(peer->links, 1, 3); /* dropped; by and by not dialled any more */
        }
        world_free(world);
    }
}

static uint32_t fetched_chunks(const struct world *world)
{
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    return (uint32_t)((summary.bytes[NODE_SOURCE_PEERS] + summary.bytes[NODE_SOURCE_ORIGIN]) /
                      CHUNK_BYTES);
}

/* What plays is fetched the farther ahead the longer it plays: 20 s and three times what was heard,
 * in whole rows of 32 s. */
static void test_window_grows(void **state)
{
    (void)state;
    static const struct {
        uint64_t heard_us;
        uint32_t chunks; /* of 40, 4 s each; a row's end, and two at the file's end */
    } rows[] = {{SECONDS(1), 10}, {SECONDS(6), 18}, {SECONDS(14), 26}, {SECONDS(40), 40}};
    struct world *world = world_new(among, true);
    world_add_peer(world, 0, 40);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    uint64_t from_us = world->now_us;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(world_run(world, from_us + rows[i].heard_us), 0);
        assert_in_range(fetched_chunks(world), rows[i].chunks - 2, rows[i].chunks);
    }
    world_free(world);
}

/* The same with nobody else: the origin takes over, unheard. */
static void test_bad_peer_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_peers / sizeof bad_peers[0]; i++) {
        struct world *world = world_new(among, true);
        struct world_peer *peer = &world->peers[world_add_peer(world, 0, 40)];
        peer->is_away = bad_peers[i].is_away;
        peer->is_silent = bad_peers[i].is_silent;
        peer->is_liar = bad_peers[i].is_liar;
        peer->is_rotten = bad_peers[i].is_rotten;
        peer->is_busy = bad_peers[i].is_busy;
        if (peer->is_liar) {
            memset(peer->has, 0, sizeof peer->has);
        }
        if (bad_peers[i].bytes_per_s > 0) {
            peer->bytes_per_s = bad_peers[i].bytes_per_s;
        }
        struct node_summary summary;
        play(world, &summary);
        assert_true(summary.bytes[NODE_SOURCE_ORIGIN] >= 20 * CHUNK_BYTES);
        world_free(world);
    }
}

/* All go at once in the middle: the origin brings the rest. */
static void test_all_leave(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    for (uint32_t i = 0; i < 3; i++) {
        world_add_peer(world, 0, 40);
        world->peers[i].bytes_per_s = 5000;
    }
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(15)), 0);
    for (uint32_t i = 0; i < 3; i++) {
        world->peers[i].is_away = true;
        assert_int_equal(world_peer_leaves(world, i), 0);
    }
    assert_int_equal(world_run(world, SECONDS(400)), 0);
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_ENDED], 1);
    assert_int_equal(summary.stutters, 0);
    assert_true(summary.bytes[NODE_SOURCE_PEERS] > 0);
    assert_true(summary.bytes[NODE_SOURCE_ORIGIN] > 4 * CHUNK_BYTES);
    world_free(world);
}

/* The origin goes; peers have what plays, and, signed, the manifest of what comes next. */
static void test_origin_leaves(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    uint32_t peer = world_add_peer(world, 0, 40);
    world_peer_gets(world, peer, 1, 0, 20);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(15)), 0);
    world->is_origin_away = true;
    assert_int_equal(world_break_link(world), 0);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_run(world, SECONDS(500)), 0);
    struct node_summary summary;
    node_get_summary(world->node, &summary);
    if (summary.tracks != 2) {
        world_print(world);
    }
    assert_int_equal(summary.tracks, 2);
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 0);
    world_free(world);
}

/* Parts of a file, of several peers: all of it together. */
static void test_parts(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    world_add_peer(world, 0, 16);
    uint32_t second = world_add_peer(world, 1, 20);
    world_peer_gets(world, second, 0, 16, 24);
    struct node_summary summary;
    play(world, &summary);
    assert_true(summary.bytes[NODE_SOURCE_PEERS] >= 30 * CHUNK_BYTES);
    assert_true(world->peers[0].sent > 0 && world->peers[1].sent > 0);
    world_free(world);
}

/* A queue that others hold costs the origin only what is heard first. */
static void test_queue(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    uint32_t peer = world_add_peer(world, 0, 40);
    world_peer_gets(world, peer, 1, 0, 20);
    world_peer_gets(world, peer, 2, 0, 9);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_enqueue(world, i + 1, i, false), 0);
    }
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 3);
    assert_int_equal(summary.stutters, 0);
    assert_true(summary.bytes[NODE_SOURCE_ORIGIN] <= 6 * CHUNK_BYTES);
    assert_int_equal(world->peers[peer].links, 1); /* no new link at a song's change */
    world_free(world);
}

/* The published preset runs by its fields alone. */
static void test_published(void **state)
{
    (void)state;
    struct world_config config = among;
    config.preset = &node_preset_spotify2010;
    struct world *world = world_new(config, true);
    world_add_peer(world, 0, 40);
    struct node_summary summary;
    play(world, &summary);
    assert_true(summary.bytes[NODE_SOURCE_ORIGIN] >= 4 * CHUNK_BYTES); /* 15 s: four chunks */
    assert_true(summary.bytes[NODE_SOURCE_PEERS] >= 24 * CHUNK_BYTES);
    world_free(world);
}

/* With the tier off nothing of it is seen. */
static void test_off(void **state)
{
    (void)state;
    struct world_config config = among;
    config.with_peers = false;
    struct world *world = world_new(config, true);
    world_add_peer(world, 0, 40);
    struct node_summary summary;
    play(world, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    assert_int_equal(world->lookups + world->announced + world->peers[0].links, 0);
    assert_int_equal(world_peer_dials(world, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(1)), 0);
    assert_int_equal(world->peers[0].link, 0);
    world_free(world);
}

static void test_shown(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    world_add_peer(world, 0, 40);
    struct node_summary summary;
    play(world, &summary);
    struct node_peer peers[2];
    assert_int_equal(node_get_peers(world->node, world->now_us, peers, 2), 1);
    assert_memory_equal(peers[0].peer_id, world->peers[0].contact.peer_id, HASH_BYTES);
    assert_int_equal(peers[0].received_bytes, summary.bytes[NODE_SOURCE_PEERS]);
    assert_int_equal(peers[0].sent_bytes, 0);
    assert_false(peers[0].is_incoming);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.neighbours, 1);
    assert_true(status.origin_up);
    assert_int_equal(status.observed.family, 4);
    assert_memory_equal(status.observed.address, "\xcb\0\x71\x09", 4);
    assert_int_equal(status.observed.port, 0);
    assert_int_equal(node_get_peers(world->node, world->now_us, peers, 0), 1);
    world_free(world);
}

/* An origin that breaks the protocol is asked for chunks again, and a minute long not as a tracker. */
static void test_broken_tracker(void **state)
{
    (void)state;
    struct world *world = world_new(among, true);
    world_add_peer(world, 0, 40);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(5)), 0);
    uint32_t lookups = world->lookups;
    assert_true(lookups > 0);
    /* Players say so, origins never. */
    struct p2p_message message = {.type = P2P_SEARCH};
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = world->link;
    event.message.message = &message;
    assert_int_equal(world_step(world, event), 0);
    assert_int_equal(world->notes[NODE_NOTE_PEER_MISBEHAVED], 1);
    assert_int_equal(world_enqueue(world, 2, 1, false), 0);
    assert_int_equal(world_run(world, SECONDS(30)), 0);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_true(status.origin_up);
    assert_int_equal(world->lookups, lookups);
    assert_int_equal(world_run(world, SECONDS(70)), 0);
    assert_int_equal(world_break_link(world), 0);
    assert_int_equal(world_run(world, SECONDS(80)), 0);
    assert_true(world->lookups > lookups);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_peer),     cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_window_grows), cmocka_unit_test(test_bad_peer_alone),
        cmocka_unit_test(test_all_leave),    cmocka_unit_test(test_origin_leaves),
        cmocka_unit_test(test_parts),        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_published),    cmocka_unit_test(test_off),
        cmocka_unit_test(test_shown),        cmocka_unit_test(test_broken_tracker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
