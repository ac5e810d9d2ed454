/*
 * test_overlay.c: overlays among themselves, over a toy network with a toy tracker; and one that
 * runs out of memory at every point.
 *
 * Player i has peer id 0x10 + i in all bytes and lives at 198.51.i.1:7000; a link takes 20 ms to
 * come up, a message 20 ms to arrive. Everything is encoded and decoded on its way.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAYERS 12u
#define LINKS 4096u
#define EVENTS 8192u
#define DELAY_US (20 * TIME_US_PER_MS)
#define FILE_BYTES (20u * CHUNK_BYTES)

/* The allocation that fails, counted from now; 0 = none. */
static uint32_t fail_at;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, size);
}

struct player {
    struct overlay *overlay;
    bool holds; /* the one file, whole */
};

struct wire {
    uint32_t ends[2]; /* the player that dialled, and the other */
    bool is_up, is_closed;
};

enum happening { HAPPENS_UP, HAPPENS_MESSAGE, HAPPENS_DOWN };

struct event {
    uint64_t at_us;
    enum happening kind;
    uint32_t link;
    uint32_t to; /* which end: 0 or 1 */
    uint8_t type;
    uint8_t *body; /* owned */
    size_t bytes;
};

struct net {
    struct media_intern *intern;
    media_handle file;
    struct player players[PLAYERS];
    struct wire wires[LINKS];
    uint32_t wire_count;
    struct event events[EVENTS]; /* a queue: delays are equal */
    uint32_t first, last;
    uint64_t now_us;
    uint64_t digest; /* of all that was done */
    uint64_t sent_bytes;
};

static struct net net;

static uint32_t player_of(const uint8_t *peer_id)
{
    return peer_id[0] - 0x10u;
}

static void name(uint32_t player, struct p2p_contact *ret_contact)
{
    *ret_contact = (struct p2p_contact){.flags = P2P_CONTACT_GIVES};
    memset(ret_contact->peer_id, (int)(0x10 + player), HASH_BYTES);
    ret_contact->addresses[0] =
        (struct p2p_address){.family = 4, .address = {198, 51, (uint8_t)player, 1}, .port = 7000};
}

static enum p2p_have kind_of(void *context, media_handle file)
{
    const struct player *player = context;
    return file == net.file && player->holds ? P2P_HAVE_WHOLE : P2P_HAVE_NONE;
}

static uint8_t row_mask_of(void *context, media_handle file, uint32_t row)
{
    return kind_of(context, file) == P2P_HAVE_NONE ? 0 : row < 2 ? 0xff : 0x0f;
}

static bool next_file(void *context, uint32_t *place, media_handle *ret_file)
{
    const struct player *player = context;
    *ret_file = net.file;
    return (*place)++ == 0 && player->holds;
}

static void net_start(const struct overlay_config *config, uint64_t seed)
{
    struct media_file_id id = {.root = {7}, .bytes = FILE_BYTES};
    memset(&net, 0, sizeof net);
    net.now_us = TIME_US_PER_S;
    net.intern = media_intern_new(1);
    assert_non_null(net.intern);
    net.file = media_intern_put(net.intern, &id);
    for (uint32_t i = 0; i < PLAYERS; i++) {
        struct p2p_contact contact;
        struct overlay_setup setup = {.config = config,
                                      .intern = net.intern,
                                      .own = {.context = &net.players[i],
                                              .kind = kind_of,
                                              .row_mask = row_mask_of,
                                              .next = next_file},
                                      .seed = seed + i,
                                      .gives = true};
        name(i, &contact);
        memcpy(setup.peer_id, contact.peer_id, HASH_BYTES);
        assert_int_equal(overlay_new(&setup, &net.players[i].overlay), 0);
        overlay_listening(net.players[i].overlay, net.now_us, 7000, 0, NULL, 0);
    }
}

static void net_end(void)
{
    for (; net.first != net.last; net.first++) {
        free(net.events[net.first % EVENTS].body);
    }
    for (uint32_t i = 0; i < PLAYERS; i++) {
        overlay_free(net.players[i].overlay);
    }
    media_intern_free(net.intern);
}

static struct event *happen(enum happening kind, uint32_t link, uint32_t to)
{
    assert_true(net.last - net.first < EVENTS);
    struct event *event = &net.events[net.last++ % EVENTS];
    *event = (struct event){.at_us = net.now_us + DELAY_US, .kind = kind, .link = link, .to = to};
    return event;
}

static uint32_t number_at(uint32_t link, uint32_t end)
{
    return end == 0 ? link : 0x80000000u | link;
}

static void send(uint32_t link, uint32_t to, const struct p2p_message *message)
{
    struct event *event = happen(HAPPENS_MESSAGE, link, to);
    event->type = (uint8_t)message->type;
    event->body = malloc(P2P_FRAME_BODY_BYTES_MAX);
    assert_non_null(event->body);
    assert_int_equal(
        p2p_message_encode(message, event->body, P2P_FRAME_BODY_BYTES_MAX, &event->bytes), 0);
    net.sent_bytes += p2p_message_frame_bytes(message);
}

static void say_hello(uint32_t link, uint32_t from)
{
    struct p2p_contact contact;
    struct p2p_message hello = {.type = P2P_HELLO};
    name(net.wires[link].ends[from], &contact);
    hello.hello.version = P2P_VERSION;
    hello.hello.features = P2P_FEATURE_GIVES | P2P_FEATURE_OVERLAY;
    hello.hello.request_max = 8;
    hello.hello.listen_port = 7000;
    memcpy(hello.hello.peer_id, contact.peer_id, HASH_BYTES);
    send(link, 1 - from, &hello);
}

static void close_wire(uint32_t link)
{
    if (!net.wires[link].is_closed) {
        net.wires[link].is_closed = true;
        happen(HAPPENS_DOWN, link, 0);
        happen(HAPPENS_DOWN, link, 1);
    }
}

static void act(uint32_t player, const struct overlay_action *action)
{
    net.digest = net.digest * 1099511628211u + action->kind * 977u + player;
    if (action->kind == OVERLAY_CONNECT) {
        uint32_t link = ++net.wire_count;
        assert_true(link < LINKS);
        net.wires[link].ends[0] = player;
        net.wires[link].ends[1] = player_of(action->connect.contact.peer_id);
        overlay_dialling(net.players[player].overlay, net.now_us, action->connect.contact.peer_id,
                         link);
        happen(HAPPENS_UP, link, 0);
        net.digest += net.wires[link].ends[1];
    } else if (action->kind == OVERLAY_SEND) {
        uint32_t link = action->send.link & 0x7fffffffu;
        uint32_t end = action->send.link == link ? 0 : 1;
        assert_int_equal(net.wires[link].ends[end], player);
        if (!net.wires[link].is_closed) {
            send(link, 1 - end, &action->send.message);
        }
        net.digest += action->send.message.type * 31u;
    } else if (action->kind == OVERLAY_DROP) {
        close_wire(action->drop.link & 0x7fffffffu);
    }
}

static void settle(uint32_t player)
{
    struct overlay_actions actions;
    uint32_t rounds = 0;
    do {
        assert_int_equal(overlay_settle(net.players[player].overlay, net.now_us, &actions), 0);
        overlay_check_invariants(net.players[player].overlay);
        for (uint32_t i = 0; i < actions.count; i++) {
            act(player, &actions.actions[i]);
        }
        assert_true(++rounds < 50);
    } while (actions.count > 0);
}

static void come_up(uint32_t link)
{
    struct wire *wire = &net.wires[link];
    if (wire->is_closed) {
        return;
    }
    wire->is_up = true;
    for (uint32_t end = 0; end < 2; end++) {
        struct p2p_contact other;
        name(wire->ends[1 - end], &other);
        other.addresses[0].port = end == 0 ? 7000 : 40000;
        assert_int_equal(overlay_link_up(net.players[wire->ends[end]].overlay, net.now_us,
                                         number_at(link, end), end == 1, other.peer_id,
                                         &other.addresses[0]),
                         0);
    }
    say_hello(link, 0);
    say_hello(link, 1);
    settle(wire->ends[0]);
    settle(wire->ends[1]);
}

static void take(struct event *event)
{
    struct p2p_message message;
    uint32_t player = net.wires[event->link].ends[event->to];
    struct overlay *overlay = net.players[player].overlay;
    uint32_t number = number_at(event->link, event->to);
    if (event->kind == HAPPENS_UP) {
        come_up(event->link);
    } else if (event->kind == HAPPENS_DOWN) {
        assert_int_equal(overlay_link_down(overlay, net.now_us, number, ERROR_CLOSED), 0);
    } else if (!net.wires[event->link].is_closed) {
        assert_int_equal(p2p_message_decode(event->type, event->body, event->bytes, &message), 0);
        assert_int_equal(overlay_message(overlay, net.now_us, number, &message), 0);
    }
    free(event->body);
    event->body = NULL;
    settle(player);
}

static uint64_t next_us(uint32_t *ret_player)
{
    uint64_t next = TIME_NEVER_US;
    for (uint32_t i = 0; i < PLAYERS; i++) {
        uint64_t each = overlay_next_deadline_us(net.players[i].overlay);
        if (each < next) {
            next = each;
            *ret_player = i;
        }
    }
    return next;
}

static void run(uint64_t span_us)
{
    uint64_t end_us = net.now_us + span_us;
    uint32_t player = 0;
    uint32_t same = 0;
    for (;;) {
        uint64_t deadline_us = next_us(&player);
        struct event *event = &net.events[net.first % EVENTS];
        bool is_event = net.first != net.last && event->at_us <= deadline_us;
        uint64_t at_us = is_event ? event->at_us : deadline_us;
        if (at_us > end_us) {
            break;
        }
        same = at_us > net.now_us ? 0 : same + 1;
        assert_true(same < 5000); /* deadlines go on */
        net.now_us = at_us > net.now_us ? at_us : net.now_us;
        if (is_event) {
            net.first++;
            take(event);
        } else {
            settle(player);
        }
    }
    net.now_us = end_us;
}

static void hear_of(uint32_t player, uint32_t other)
{
    struct p2p_contact contact;
    name(other, &contact);
    assert_int_equal(
        overlay_contact(net.players[player].overlay, net.now_us, &contact, false, 0, 0), 0);
    settle(player);
}

static uint32_t neighbours(uint32_t player)
{
    struct overlay_status status;
    overlay_get_status(net.players[player].overlay, &status);
    return status.neighbours;
}

/* --- the tests ---------------------------------------------------------------------------------- */

/* A chain of acquaintances, no tracker: exchange makes an overlay of it. */
static void test_exchange_grows_an_overlay(void **state)
{
    (void)state;
    net_start(overlay_config_refrain(), 1);
    for (uint32_t i = 1; i < PLAYERS; i++) {
        hear_of(i, i - 1);
    }
    run(600 * TIME_US_PER_S);
    for (uint32_t i = 0; i < PLAYERS; i++) {
        assert_true(neighbours(i) >= overlay_config_refrain()->degree_low);
        assert_true(neighbours(i) < PLAYERS);
    }
    uint64_t bytes = net.sent_bytes;
    run(3600 * TIME_US_PER_S); /* and then it is quiet */
    assert_true(net.sent_bytes - bytes < PLAYERS * 3600u * 20u);
    net_end();
}

/* Both dial each other at the same moment: one link stays. */
static void test_crossing_dials(void **state)
{
    (void)state;
    net_start(overlay_config_refrain(), 2);
    hear_of(3, 4);
    hear_of(4, 3);
    run(10 * TIME_US_PER_S);
    assert_int_equal(neighbours(3), 1);
    assert_int_equal(neighbours(4), 1);
    uint32_t open = 0;
    for (uint32_t link = 1; link <= net.wire_count; link++) {
        open += net.wires[link].is_up && !net.wires[link].is_closed;
        assert_true(net.wires[link].is_closed || net.wires[link].ends[0] == 3);
    }
    assert_int_equal(open, 1);
    net_end();
}

/* The file is two hops away, and no tracker is there: search finds it, a link is made to it. */
static void test_search_finds_what_is_two_hops_away(void **state)
{
    (void)state;
    static struct overlay_config config;
    struct overlay_sources sources;
    struct overlay_wish wish = {.weight = 1000, .is_urgent = true};
    config = *overlay_config_refrain();
    config.degree_low = 1;
    config.exchange = NULL;
    net_start(&config, 3);
    net.players[2].holds = true;
    hear_of(0, 1);
    hear_of(2, 1);
    run(TIME_US_PER_S);
    wish.file = net.file;
    overlay_set_wishes(net.players[0].overlay, net.now_us, &wish, 1);
    settle(0);
    run(300 * TIME_US_PER_MS); /* search, forward, found, back, connect, hello, have */
    overlay_get_sources(net.players[0].overlay, net.file, &sources);
    assert_int_equal(sources.up, 1);
    net_end();
}

/* One gets a file that the others wish for: all hear of it, and it costs little. */
static void test_news_spread(void **state)
{
    (void)state;
    struct overlay_wish wish = {.weight = 1000};
    net_start(overlay_config_refrain(), 4);
    wish.file = net.file;
    for (uint32_t i = 1; i < PLAYERS; i++) {
        hear_of(i, 0);
    }
    run(TIME_US_PER_S);
    for (uint32_t i = 1; i < PLAYERS; i++) {
        overlay_set_wishes(net.players[i].overlay, net.now_us, &wish, 1);
        settle(i);
    }
    run(TIME_US_PER_S);
    assert_int_equal(overlay_count_holders(net.players[5].overlay, net.file, 3), 0);
    net.players[0].holds = true;
    overlay_own_changed(net.players[0].overlay, net.now_us, net.file);
    settle(0);
    run(TIME_US_PER_S);
    for (uint32_t i = 1; i < PLAYERS; i++) {
        assert_int_equal(overlay_count_holders(net.players[i].overlay, net.file, 3), 1);
    }
    net_end();
}

static uint64_t digest_of(uint64_t seed)
{
    net_start(overlay_config_refrain(), seed);
    for (uint32_t i = 1; i < PLAYERS; i++) {
        hear_of(i, i - 1);
        hear_of(i, (i + 5) % PLAYERS);
    }
    run(120 * TIME_US_PER_S);
    uint64_t digest = net.digest;
    net_end();
    return digest;
}

static void test_the_same_seed_does_the_same(void **state)
{
    (void)state;
    assert_true(digest_of(9) == digest_of(9));
    assert_true(digest_of(9) != digest_of(10));
}

/* --- memory ------------------------------------------------------------------------------------- */

static int story(struct overlay *overlay)
{
    struct overlay_actions actions;
    struct p2p_contact contact;
    uint8_t list[P2P_INTEREST_BYTES];
    uint8_t runs[P2P_HAVE_RUN_BYTES];
    struct p2p_have_run run_of = {.first = 1, .count = 2};
    struct media_file_id id = {.root = {7}, .bytes = FILE_BYTES};
    struct p2p_message interest = {.type = P2P_INTEREST, .interest = {.count = 1, .files = list}};
    struct p2p_message have = {
        .type = P2P_HAVE, .have = {.file = id, .kind = P2P_HAVE_RUNS, .count = 1, .runs = runs}};
    struct overlay_wish wish = {.file = net.file, .weight = 1000, .is_urgent = true};
    p2p_interest_write(list, 0, &id, true);
    p2p_have_run_write(runs, 0, &run_of);
    name(5, &contact);
    int error = overlay_tracker_up(overlay, 10, 1, &(struct p2p_address){0});
    error = error != 0 ? error : overlay_set_wishes(overlay, 10, &wish, 1);
    error = error != 0 ? error : overlay_contact(overlay, 10, &contact, true, 150, 0);
    error = error != 0 ? error : overlay_settle(overlay, 10, &actions);
    error = error != 0
                ? error
                : overlay_link_up(overlay, 11, 2, true, contact.peer_id, &contact.addresses[0]);
    name(6, &contact);
    error = error != 0
                ? error
                : overlay_link_up(overlay, 11, 3, true, contact.peer_id, &contact.addresses[0]);
    error = error != 0 ? error : overlay_settle(overlay, 11, &actions);
    error = error != 0 ? error : overlay_message(overlay, 12, 3, &interest);
    error = error != 0 ? error : overlay_message(overlay, 12, 3, &have);
    error = error != 0 ? error : overlay_own_changed(overlay, 12, net.file);
    error = error != 0 ? error : overlay_misbehaved(overlay, 12, 3, OVERLAY_FAULT_SILENT);
    error = error != 0 ? error : overlay_settle(overlay, 13, &actions);
    error = error != 0 ? error : overlay_set_wishes(overlay, 14, NULL, 0);
    error = error != 0 ? error : overlay_settle(overlay, 5000000, &actions);
    return error != 0 ? error : overlay_link_down(overlay, 5000000, 3, ERROR_CLOSED);
}

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    uint32_t failed = 0;
    bool is_over = false;
    net_start(overlay_config_refrain(), 1);
    for (uint32_t at = 1; !is_over; at++) {
        struct overlay *overlay = NULL;
        struct overlay_setup setup = {.config = overlay_config_refrain(),
                                      .intern = net.intern,
                                      .own = {.context = &net.players[0],
                                              .kind = kind_of,
                                              .row_mask = row_mask_of,
                                              .next = next_file},
                                      .peer_id = {1},
                                      .gives = true};
        net.players[0].holds = true;
        fail_at = at;
        int error = overlay_new(&setup, &overlay);
        error = error != 0 ? error : story(overlay);
        is_over = fail_at > 0;
        fail_at = 0;
        assert_int_equal(error, is_over ? 0 : ERROR_NO_MEMORY);
        failed += error != 0;
        overlay_free(overlay);
    }
    assert_true(failed > 10);
    net_end();
}

static void test_heap(void **state)
{
    (void)state;
    net_start(overlay_config_refrain(), 1);
    size_t fresh = overlay_heap_bytes(net.players[0].overlay);
    print_message("a fresh overlay: %zu bytes\n", fresh);
    assert_true(fresh <= 12 * 1024);
    net_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange_grows_an_overlay),
        cmocka_unit_test(test_crossing_dials),
        cmocka_unit_test(test_search_finds_what_is_two_hops_away),
        cmocka_unit_test(test_news_spread),
        cmocka_unit_test(test_the_same_seed_does_the_same),
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
