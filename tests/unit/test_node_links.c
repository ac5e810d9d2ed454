/*
 * test_node_links.c: stories of links: lost, never there, silent, false, misbehaving.
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

static void test_first_flight(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 1);
    assert_int_equal(world->effects[NODE_EFFECT_LOAD_MANIFEST], 1);
    /* Until the link is up, and no further: nothing was answered yet. */
    assert_int_equal(world_run(world, world->now_us + 2 * world->rtt_us), 0);
    assert_int_equal(world->sent[P2P_HELLO], 1);
    assert_int_equal(world->sent[P2P_OPEN], 1);
    world_free(world);
}

/* With the head in the cache the first flight asks for what is missing. */
static void test_first_flight_with_head(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    world_cache(world, 0, 8);
    assert_int_equal(world_start(world), 0);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + 2 * world->rtt_us), 0);
    assert_int_equal(world->sent[P2P_HELLO], 1);
    assert_int_equal(world->sent[P2P_OPEN], 0);
    assert_true(world->sent[P2P_REQUEST] > 0);
    assert_int_equal(world->requested[0][39], 1); /* of the start set, what is missing */
    world_free(world);
}

/* The link is lost in the middle of the track and comes back: unheard, nothing fetched twice. */
static void test_lost_mid_track(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 50000;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(6)), 0);
    world->is_origin_away = true;
    assert_int_equal(world_break_link(world), 0);
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    assert_true(world->effects[NODE_EFFECT_CONNECT] > 2);
    assert_int_equal(world->last_note[NODE_NOTE_LINK].error, ERROR_IO);
    world->is_origin_away = false;
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->last_note[NODE_NOTE_LINK].error, 0);
    assert_int_equal(world->notes[NODE_NOTE_LINK], 3); /* up, lost, up */
    assert_int_equal(summary.stutters, 0);
    assert_int_equal(summary.duplicate_bytes, 0);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], 40 * CHUNK_BYTES);
    world_free(world);
}

/* Everything is here when the link is lost: it comes back all the same, while somebody listens,
 * and is kept. */
static void test_link_is_kept(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(20)), 0);
    assert_int_equal(world_break_link(world), 0);
    assert_int_equal(world_run(world, SECONDS(22)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 2);
    assert_int_equal(world->sent[P2P_PING], 0);
    assert_int_equal(world_run(world, SECONDS(150)), 0);
    assert_int_equal(world->sent[P2P_PING], 2);
    struct node_summary summary;
    world_finish(world, &summary);
    /* Nobody listens: it may be closed. */
    assert_int_equal(world_run(world, world->now_us + SECONDS(900)), 0);
    assert_int_equal(world->sent[P2P_PING], 2);
    assert_int_equal(world_break_link(world), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(960)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 2);
    world_free(world);
}

/* The origin is never there: after the attempts of the preset the entry fails. */
static void test_never_comes(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->is_origin_away = true;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    uint64_t begin_us = world->now_us;
    struct node_summary summary;
    assert_int_equal(world_run(world, begin_us + SECONDS(5)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT],
                     node_preset_refrain.connect_attempts_first);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_CLOSED);
    assert_int_equal(world->notes[NODE_NOTE_LINK], 1);
    world_finish(world, &summary);
    /* Another click is another try. */
    world->is_origin_away = false;
    assert_int_equal(world_play(world, 1, 0), 0);
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 1);
    world_free(world);
}

/* The origin goes for good in the middle: the buffer plays on, then the want starves. */
static void test_starves(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->bytes_per_s = 20000;
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(10)), 0);
    world->is_origin_away = true;
    assert_int_equal(world_break_link(world), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_CLOSED);
    assert_int_equal(world->effects[NODE_EFFECT_WANT_FAILED], 1);
    assert_true(summary.played_us > SECONDS(20));
    assert_true(summary.played_us < SECONDS(100));
    world_free(world);
}

static void test_false_identity(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->is_origin_false = true;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(world->effects[NODE_EFFECT_CONNECT], 1);
    assert_int_equal(world->effects[NODE_EFFECT_DISCONNECT], 1);
    assert_int_equal(world->last_note[NODE_NOTE_ENTRY_FAILED].error, ERROR_DENIED);
    assert_int_equal(world->last_note[NODE_NOTE_LINK].error, ERROR_DENIED);
    world_free(world);
}

/* An origin that says nothing is pinged, given up, and tried again. */
static void test_silent(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    world->is_origin_silent = true;
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(5)), 0);
    assert_int_equal(world->sent[P2P_PING], 1);
    assert_int_equal(world->effects[NODE_EFFECT_DISCONNECT], 0);
    assert_int_equal(world_run(world, SECONDS(13)), 0);
    assert_int_equal(world->effects[NODE_EFFECT_DISCONNECT], 1);
    world->is_origin_silent = false;
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 1);
    world_free(world);
}

static int give(struct world *world, const struct p2p_message *message)
{
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = world->link;
    event.message.message = message;
    return world_step(world, event);
}

static struct p2p_message fragment(uint32_t request, uint32_t chunk, uint16_t offset,
                                   uint16_t bytes)
{
    struct p2p_message message = {.type = P2P_FRAGMENT};
    message.fragment.request = request;
    message.fragment.chunk = chunk;
    message.fragment.offset = offset;
    message.fragment.bytes = bytes;
    return message;
}

/* Each of these ends the link with BYE_PROTOCOL, and nothing else. */
static void test_misbehaviour(void **state)
{
    (void)state;
    const struct p2p_message rows[] = {
        {.type = P2P_HELLO, .hello = {.version = 1, .request_max = 9, .form = 1}}, /* a second */
        {.type = P2P_OPENED, .opened = {.request = 99}},                           /* never asked */
        {.type = P2P_OPENED, .opened = {.request = 2}},                            /* no OPEN */
        {.type = P2P_REJECT, .reject = {.request = 99, .reason = 1}},              /* never asked */
        {.type = P2P_OPEN, .open = {.request = 1}}, /* we serve nobody */
        {.type = P2P_REQUEST, .request = {.request = 1, .count = 1}},
        {.type = P2P_CANCEL, .cancel = {.request = 1}},
        {.type = P2P_LISTEN}, /* we showed no feature that takes these */
        {.type = P2P_INTEREST},
        {.type = P2P_HAVE},
        {.type = P2P_ANNOUNCE},
        {.type = P2P_LOOKUP},
        {.type = P2P_HOLDERS},
        {.type = P2P_EXCHANGE},
        {.type = P2P_RENDEZVOUS},
        {.type = P2P_SEARCH},
        {.type = P2P_FOUND},
        {.type = P2P_PROOF, .proof = {.request = 2, .row = 77}}, /* beyond the file */
        fragment(99, 0, 0, 1),                                   /* never asked */
        fragment(2, 40, 0, 1),                                   /* beyond the file */
        fragment(2, 5, 0, 0),                                    /* empty */
        fragment(2, 5, 16000, 1000),                             /* beyond the chunk */
        fragment(2, 5, 5, 100),                                  /* a gap */
        fragment(2, 38, 0, 100),                                 /* of another request */
        fragment(3, 8, 0, 100),                                  /* before its proof */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *world = world_new(plain, true);
        world->bytes_per_s = 100000;
        assert_int_equal(world_enqueue(world, 1, 0, false), 0);
        assert_int_equal(world_play(world, 1, 0), 0);
        while (world->sent[P2P_REQUEST] < 2) {
            assert_int_equal(world_run(world, world->now_us + 1000), 0);
        }
        assert_int_equal(give(world, &rows[i]), 0);
        assert_int_equal(world->notes[NODE_NOTE_PEER_MISBEHAVED], 1);
        assert_int_equal(world->effects[NODE_EFFECT_DISCONNECT], 1);
        world_free(world);
    }
}

/* These are harmless. */
static void test_tolerated(void **state)
{
    (void)state;
    const struct p2p_message rows[] = {
        {.type = P2P_PING, .ping = {7}},
        {.type = P2P_PONG, .pong = {7}},
        {.type = P2P_PROOF, .proof = {.request = 2, .row = 3}}, /* not needed */
    };
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + 4 * world->rtt_us), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(give(world, &rows[i]), 0);
    }
    assert_int_equal(world->sent[P2P_PONG], 1);
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_flight),   cmocka_unit_test(test_first_flight_with_head),
        cmocka_unit_test(test_lost_mid_track), cmocka_unit_test(test_link_is_kept),
        cmocka_unit_test(test_never_comes),    cmocka_unit_test(test_starves),
        cmocka_unit_test(test_false_identity), cmocka_unit_test(test_silent),
        cmocka_unit_test(test_misbehaviour),   cmocka_unit_test(test_tolerated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
