/*
 * test_overlay_connect.c: who is dialled when, and who must go. overlay_bench.h has the language.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/exchange.h"
#include "p2p/core/rendezvous.h"
#include "tests/lib/overlay_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct overlay_bench bench;

static void test_a_click_is_one_lookup_and_one_connect(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:announce!");
    bench_wish(&bench, "A!");
    bench_expect(&bench, "t:lookup1:A");
    bench_wait_ms(&bench, 40);
    assert_int_equal(bench_holders(&bench, 1, "A=bc/d"), 0);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 3);
    bench_wait_ms(&bench, 40);
    bench_up(&bench, 101, 'b', false);
    bench_expect(&bench, "101:interest+A");
    bench_end(&bench);
}

static void test_no_more_sources_than_wanted(void **state)
{
    (void)state;
    static const struct {
        const char *wishes, *holders;
        uint32_t connects;
    } rows[] = {
        {"A!", "A=abcdefghijkl", 8},
        {"A", "A=abcdefghijkl", 8}, /* what plays */
        {"AB", "B=abcdefghijkl", 3},
        {"AB!", "B=abcdefghijkl", 8},
        {"AB", "B=/abcdefghijkl", 9}, /* a part is a third of a source */
        {"AB", "A=abcdefghijkl B=abcdefghijkl", 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench_start(&bench);
        bench_begin(&bench);
        bench_tracker_up(&bench);
        bench_wish(&bench, rows[i].wishes);
        bench_settle(&bench);
        bench_holders(&bench, 1, rows[i].holders);
        bench_settle(&bench);
        assert_int_equal(bench_count(&bench, "connect:"), rows[i].connects);
        bench_end(&bench);
    }
}

static void test_a_failed_dial_is_followed_by_the_next_contact(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.sources_urgent = 1;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    bench_holders(&bench, 1, "A=b/c");
    bench_expect(&bench, "connect:b#101"); /* whole before a part */
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "connect:c#102");
    bench_wait_ms(&bench, 4000);                       /* never answers */
    bench_expect(&bench, "drop:102/done t:lookup2:A"); /* and the tracker is asked again */
    bench_down(&bench, 102, ERROR_CLOSED);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 16000); /* backoffs are over */
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 1);
    bench_end(&bench);
}

static void test_addresses_one_after_the_other(void **state)
{
    (void)state;
    struct p2p_contact contact;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    bench_contact('b', P2P_CONTACT_REACHABLE, &contact);
    bench_address('q', &contact.addresses[1]);
    bench_address('r', &contact.addresses[2]);
    assert_int_equal(overlay_contact(bench.overlay, bench.now_us, &contact, false, 0, 0), 0);
    bench_expect(&bench, "connect:b#101");
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "connect:b#102");
    bench_down(&bench, 102, ERROR_UNREACHABLE);
    bench_expect(&bench, "connect:b#103");
    bench_down(&bench, 103, ERROR_UNREACHABLE);
    bench_expect(&bench, "");
    bench_end(&bench);
}

static void test_another_peer_id_is_not_dialled_again_at_once(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    bench_contact_heard(&bench, 'b', false);
    bench_expect(&bench, "connect:b#101");
    bench_down(&bench, 101, ERROR_MISMATCH);
    bench_expect(&bench, "");
    bench_end(&bench);
}

static void test_lan_first(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    for (int peer = 'a'; peer < 'f'; peer++) {
        bench_contact_heard(&bench, (char)peer, peer == 'd');
    }
    bench_expect(&bench, "connect:d#101");
    bench_end(&bench);
}

/* Whoever is in our own network is linked with, wishes or not. */
static void test_lan_is_always_dialled(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_contact_heard(&bench, 'b', false);
    bench_expect(&bench, "");
    bench_contact_heard(&bench, 'c', true);
    bench_expect(&bench, "connect:c#101");
    bench_end(&bench);
}

/* A tracker that knows only dead peers: never more attempts than named, at a time and in all. */
static void test_dead_peers_are_no_flood(void **state)
{
    (void)state;
    uint32_t made = 0;
    uint64_t begin_us;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!BCDEFGH");
    bench_settle(&bench);
    begin_us = bench.now_us;
    bench_holders(&bench, 1,
                  "A=abcdefgh B=ijklnopq C=rstuvwxy D=abcdefgh E=ijklnopq F=rstuvwxy G=abc H=z");
    for (uint32_t i = 0; i < 600; i++) {
        struct overlay_status status;
        bench_settle(&bench);
        made += bench_count(&bench, "connect:");
        overlay_get_status(bench.overlay, &status);
        assert_true(status.attempts <= bench.config.attempts_max);
        assert_int_equal(status.attempts_made, made);
        uint64_t s = (bench.now_us - begin_us) / TIME_US_PER_S;
        assert_true(made <= bench.config.attempts_burst + bench.config.attempts_per_s * (s + 1));
        bench_wait_ms(&bench, 100);
    }
    assert_true(made > 24); /* it did not give up either */
    bench_end(&bench);
}

static void test_one_prefix_is_not_stormed(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 20;
    bench.config.attempts_prefix = 2;
    bench_begin(&bench);
    for (int peer = 'a'; peer < 'h'; peer++) {
        struct p2p_contact contact;
        bench_contact((char)peer, P2P_CONTACT_REACHABLE, &contact);
        contact.addresses[0].address[2] = 'p'; /* all in one /24 */
        contact.addresses[0].address[3] = (uint8_t)peer;
        overlay_contact(bench.overlay, bench.now_us, &contact, false, 0, 0);
    }
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 2);
    bench_end(&bench);
}

static void test_a_dial_that_cannot_be_made_is_made_later(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    bench.refuses_dials = true;
    bench_contact_heard(&bench, 'b', false);
    bench_expect(&bench, "connect:b#0");
    bench.refuses_dials = false;
    bench_expect(&bench, "");
    assert_true(overlay_next_deadline_us(bench.overlay) <= bench.now_us + 2 * TIME_US_PER_S);
    bench_wait_ms(&bench, 2000);
    bench_expect(&bench, "connect:b#101");
    bench_end(&bench);
}

/* --- brokers ------------------------------------------------------------------------------------ */

static void start_with_broker(void)
{
    bench_start(&bench);
    bench.config.rendezvous = &rendezvous_config_default;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    bench_holders(&bench, 1, "A=b");
    bench_expect(&bench, "connect:b#101");
}

static void test_a_slow_dial_is_backed_by_a_broker(void **state)
{
    (void)state;
    start_with_broker();
    bench_wait_ms(&bench, 299);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 1);
    bench_expect(&bench, "t:ask:b");
    bench_wait_ms(&bench, 50);
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_GO, 'b'), 0);
    bench_expect(&bench, "drop:101/done connect:b#102*");
    bench_down(&bench, 101, ERROR_CLOSED);
    bench_up(&bench, 102, 'b', false);
    bench_expect(&bench, "102:interest+A");
    bench_end(&bench);
}

static void test_a_failed_dial_asks_a_broker_and_waits(void **state)
{
    (void)state;
    start_with_broker();
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "t:ask:b");
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_GO, 'b'), 0);
    bench_expect(&bench, "connect:b#102*");
    bench_end(&bench);
}

static void test_a_broker_that_cannot_help(void **state)
{
    (void)state;
    start_with_broker();
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "t:ask:b");
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_AWAY, 'b'), 0);
    bench_expect(&bench, "");
    struct overlay_status status;
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.attempts, 0);
    bench_end(&bench);
}

static void test_a_broker_that_is_silent(void **state)
{
    (void)state;
    struct overlay_status status;
    start_with_broker();
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "t:ask:b");
    assert_true(overlay_next_deadline_us(bench.overlay) < bench.now_us + 10 * TIME_US_PER_S);
    for (uint32_t i = 0; i < 50; i++) {
        bench_wait_ms(&bench, 100);
        bench_settle(&bench);
        assert_int_equal(bench_count(&bench, "ask"), 0);
    }
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.attempts, 0);
    bench_end(&bench);
}

/* As published: only who is asked for dials. */
static void test_without_punching_the_other_side_dials(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.rendezvous = &rendezvous_config_default;
    bench.config.rendezvous_us = 0;
    bench.config.rendezvous_punch = false;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    bench_holders(&bench, 1, "A=b");
    bench_expect(&bench, "connect:b#101");
    bench_expect(&bench, "t:ask:b");
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_GO, 'b'), 0);
    bench_expect(&bench, "");
    bench_up(&bench, 0x80000001u, 'b', true);
    bench_expect(&bench, "2147483649:interest+A");
    bench_end(&bench);
}

/* --- who must go -------------------------------------------------------------------------------- */

static void test_crossing_links(void **state)
{
    (void)state;
    /* We are m. The link whose initiator has the lower id stays; of two by one side the newer. */
    static const struct {
        char peer;
        bool first_incoming, second_incoming;
        uint32_t dropped;
    } rows[] = {
        {'b', false, true, 7}, {'b', true, false, 8}, {'x', false, true, 8},
        {'x', true, false, 7}, {'x', true, true, 7},  {'b', false, false, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        bench_start(&bench);
        bench_begin(&bench);
        bench_up(&bench, 7, rows[i].peer, rows[i].first_incoming);
        bench_expect(&bench, "");
        bench_up(&bench, 8, rows[i].peer, rows[i].second_incoming);
        snprintf(text, sizeof text, "drop:%u/done", rows[i].dropped);
        bench_expect(&bench, text);
        bench_down(&bench, rows[i].dropped, ERROR_CLOSED);
        bench_expect(&bench, "");
        struct overlay_neighbour neighbour;
        assert_true(overlay_get_neighbour(bench.overlay, 15 - rows[i].dropped, &neighbour));
        bench_end(&bench);
    }
}

static void test_ourselves_are_dropped(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_up(&bench, 7, 'm', true);
    bench_expect(&bench, "drop:7/done");
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_end(&bench);
}

/* A full house of links 201, 202, ... with peers from 'A' on. */
static void fill(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bench_up(&bench, 201 + i, (char)('A' + i < 'a' ? 'A' + i : 'n' + i - 32), true);
        bench_hello(&bench, 201 + i, 7, 7000);
    }
    bench_settle(&bench);
}

static void test_full_house(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_soft = 8;
    bench.config.degree_hard = 10;
    bench.config.degree_random = 2;
    bench.config.attempts_max = 4;
    bench_begin(&bench);
    fill(10);
    bench_up(&bench, 301, 'z', true); /* in the grace of all others */
    bench_expect(&bench, "drop:301/full");
    bench_down(&bench, 301, ERROR_CLOSED);
    bench_wait_ms(&bench, 40000);
    bench_settle(&bench); /* pruning: two leave */
    assert_int_equal(bench_count(&bench, "drop:"), 2);
    assert_int_equal(bench_count(&bench, "/full"), 2);
    struct overlay_status status;
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.neighbours, 8);
    bench_end(&bench);
}

static void test_the_useful_stay(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_soft = 3;
    bench.config.degree_hard = 6;
    bench.config.degree_random = 0;
    bench_begin(&bench);
    bench_wish(&bench, "A!B");
    fill(6);
    bench_have(&bench, 202, 'A', "all");
    bench_have(&bench, 203, 'B', "all");
    bench_have(&bench, 204, 'B', "xx");
    overlay_received(bench.overlay, bench.now_us, 205, bench_file(&bench, 'C'), 40u << 20);
    overlay_rtt(bench.overlay, 206, 900000);
    bench_wait_ms(&bench, 40000);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "drop:201/full"), 1);
    assert_int_equal(bench_count(&bench, "drop:204/full"), 1);
    assert_int_equal(bench_count(&bench, "drop:206/full"), 1);
    assert_int_equal(bench_count(&bench, "drop:"), 3);
    bench_end(&bench);
}

/* An urgent wish with nobody: the least useful neighbour makes room even when all places are
 * taken. */
static void test_room_for_what_is_urgent(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_soft = 4;
    bench.config.degree_hard = 4;
    bench.config.degree_random = 0;
    bench_begin(&bench);
    fill(4);
    bench_wait_ms(&bench, 40000);
    bench_tracker_up(&bench);
    bench_settle(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    bench_holders(&bench, 1, "A=bc");
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "drop:"), 1);
    assert_int_equal(bench_count(&bench, "connect:"), 1);
    bench_end(&bench);
}

static void test_a_few_without_wishes(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 3;
    bench_begin(&bench);
    for (int peer = 'a'; peer < 'k'; peer++) {
        bench_contact_heard(&bench, (char)peer, false);
    }
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 3);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_click_is_one_lookup_and_one_connect),
        cmocka_unit_test(test_no_more_sources_than_wanted),
        cmocka_unit_test(test_a_failed_dial_is_followed_by_the_next_contact),
        cmocka_unit_test(test_addresses_one_after_the_other),
        cmocka_unit_test(test_another_peer_id_is_not_dialled_again_at_once),
        cmocka_unit_test(test_lan_first),
        cmocka_unit_test(test_lan_is_always_dialled),
        cmocka_unit_test(test_dead_peers_are_no_flood),
        cmocka_unit_test(test_one_prefix_is_not_stormed),
        cmocka_unit_test(test_a_dial_that_cannot_be_made_is_made_later),
        cmocka_unit_test(test_a_slow_dial_is_backed_by_a_broker),
        cmocka_unit_test(test_a_failed_dial_asks_a_broker_and_waits),
        cmocka_unit_test(test_a_broker_that_cannot_help),
        cmocka_unit_test(test_a_broker_that_is_silent),
        cmocka_unit_test(test_without_punching_the_other_side_dials),
        cmocka_unit_test(test_crossing_links),
        cmocka_unit_test(test_ourselves_are_dropped),
        cmocka_unit_test(test_full_house),
        cmocka_unit_test(test_the_useful_stay),
        cmocka_unit_test(test_room_for_what_is_urgent),
        cmocka_unit_test(test_a_few_without_wishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
