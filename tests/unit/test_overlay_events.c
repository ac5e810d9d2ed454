/*
 * test_overlay_events.c: what the node tells, and that the parts stay in step. overlay_bench.h has
 * the language.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/rendezvous.h"
#include "tests/lib/overlay_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct overlay_bench bench;

static void test_a_link_that_goes_takes_its_word_along(void **state)
{
    (void)state;
    struct overlay_sources sources;
    bench_start(&bench);
    bench_begin(&bench);
    bench_wish(&bench, "A!");
    bench_up(&bench, 7, 'b', true);
    bench_settle(&bench);
    bench_have(&bench, 7, 'A', "xxx");
    bench_interest(&bench, 7, "+A+B");
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_down(&bench, 7, ERROR_CLOSED); /* not known any more */
    overlay_get_sources(bench.overlay, bench_file(&bench, 'A'), &sources);
    assert_int_equal(sources.up, 0);
    bench_own(&bench, 'B', "all");
    bench_wait_ms(&bench, 1000);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "have"), 0);
    bench_end(&bench);
}

/* Who comes over loopback is on this machine, in our own network, though nobody announced it. */
static void test_loopback_is_our_own_network(void **state)
{
    (void)state;
    static const struct {
        uint8_t first;
        bool is_lan;
    } rows[] = {{127, true}, {126, false}, {10, false}};
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address address = {
            .family = 4, .port = 4000, .address = {rows[i].first, 0, 0, 1}};
        struct overlay_neighbour known;
        uint8_t id[HASH_BYTES] = {9};
        bench_start(&bench);
        bench_begin(&bench);
        assert_int_equal(overlay_link_up(bench.overlay, bench.now_us, 7, true, id, &address), 0);
        assert_true(overlay_get_neighbour(bench.overlay, 7, &known));
        assert_int_equal(known.is_lan, rows[i].is_lan);
        bench_end(&bench);
    }
}

static void test_all_holders_gone_at_once(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    bench_holders(&bench, 1, "A=bcdefghijkl");
    bench_settle(&bench);
    for (uint32_t link = 101; link < 109; link++) {
        bench_down(&bench, link, ERROR_CLOSED);
    }
    bench_settle(&bench); /* the others, at once */
    assert_int_equal(bench_count(&bench, "connect:"), 3);
    bench_end(&bench);
}

static void test_the_tracker_comes_and_goes(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_put(&bench, 'K', "all");
    bench_begin(&bench);
    bench_wish(&bench, "A!");
    bench_expect(&bench, "");
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:lookup1:A t:announce!K");
    overlay_tracker_down(bench.overlay, bench.now_us);
    overlay_tracker_down(bench.overlay, bench.now_us);
    bench_own(&bench, 'L', "all");
    bench_wait_ms(&bench, 60000);
    bench_expect(&bench, "");
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:lookup2:A t:announce!KL"); /* all afresh */
    bench_tracker_up(&bench);                          /* a new link without a word between */
    bench_expect(&bench, "t:lookup3:A t:announce!KL");
    bench_end(&bench);
}

static void test_increments_to_the_tracker(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:announce!");
    bench_own(&bench, 'A', "x");
    bench_expect(&bench, "t:announce:/A");
    bench_own(&bench, 'A', "xx");
    bench_own(&bench, 'B', "all");
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 2000);
    bench_expect(&bench, "t:announce:B");
    bench_own(&bench, 'A', "all");
    bench_own(&bench, 'B', "none");
    bench_wait_ms(&bench, 2000);
    bench_expect(&bench, "t:announce:A-B");
    bench_end(&bench);
}

/* As published: the tracker hears who plays, not who has. */
static void test_played_only(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.announce_cache = false;
    bench_put(&bench, 'A', "all");
    bench_put(&bench, 'B', "all");
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:announce!");
    bench_own(&bench, 'C', "all");
    bench_wait_ms(&bench, 5000);
    bench_expect(&bench, "");
    for (uint32_t i = 0; i < 2; i++) { /* each time */
        overlay_own_played(bench.overlay, bench.now_us, bench_file(&bench, 'A'));
        bench_wait_ms(&bench, 5000);
        bench_expect(&bench, "t:announce:A");
    }
    bench_end(&bench);
}

static void test_faults_ban(void **state)
{
    (void)state;
    static const struct {
        enum overlay_fault fault;
        uint32_t times; /* that it takes */
    } rows[] = {
        {OVERLAY_FAULT_SILENT, 7}, {OVERLAY_FAULT_BAD_CHUNK, 3}, {OVERLAY_FAULT_PROTOCOL, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench_start(&bench);
        bench.config.degree_low = 1;
        bench_begin(&bench);
        bench_up(&bench, 7, 'b', true);
        bench_hello(&bench, 7, 7, 7000);
        bench_settle(&bench);
        for (uint32_t k = 0; k < rows[i].times; k++) {
            assert_int_equal(bench_count(&bench, "drop:"), 0);
            overlay_misbehaved(bench.overlay, bench.now_us, 7, rows[i].fault);
            bench_settle(&bench);
            assert_int_equal(bench_count(&bench, "remember:b/"), 1);
        }
        assert_int_equal(bench_count(&bench, "drop:7/protocol"), 1);
        bench_down(&bench, 7, ERROR_CLOSED);
        bench_wait_ms(&bench, 120000);
        bench_expect(&bench, ""); /* never dialled while it is banned */
        bench_end(&bench);
    }
}

static void test_remembered_misbehaviour(void **state)
{
    (void)state;
    struct p2p_contact contact;
    bench_start(&bench);
    bench.config.degree_low = 2;
    bench_begin(&bench);
    bench_contact('b', P2P_CONTACT_REACHABLE, &contact);
    overlay_contact(bench.overlay, bench.now_us, &contact, false, 150, 0);
    bench_contact('c', P2P_CONTACT_REACHABLE, &contact);
    overlay_contact(bench.overlay, bench.now_us, &contact, false, 150, 3600 * TIME_US_PER_S);
    bench_expect(&bench, "connect:c#101"); /* two half-lives ago */
    bench_end(&bench);
}

static void test_the_useful_are_remembered(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', false);
    bench_up(&bench, 8, 'c', false);
    bench_settle(&bench);
    overlay_received(bench.overlay, bench.now_us, 7, bench_file(&bench, 'A'), 2u << 20);
    bench_wait_ms(&bench, 600000);
    overlay_received(bench.overlay, bench.now_us, 7, bench_file(&bench, 'A'), 100);
    bench_expect(&bench, "remember:b/0");
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_down(&bench, 8, ERROR_CLOSED);
    bench_expect(&bench, "remember:b/0");
    bench_end(&bench);
}

static void test_a_changed_network_forgives_backoffs(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    bench_contact_heard(&bench, 'b', false);
    bench_expect(&bench, "connect:b#101");
    bench_down(&bench, 101, ERROR_UNREACHABLE);
    bench_expect(&bench, "");
    overlay_network_changed(bench.overlay, bench.now_us);
    bench_expect(&bench, "connect:b#102");
    bench_end(&bench);
}

static void test_wishes_keep_what_is_known(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.hides_searches = true;
    bench_begin(&bench);
    bench_wish(&bench, "A!B");
    bench_up(&bench, 7, 'b', true);
    bench_settle(&bench);
    bench_have(&bench, 7, 'B', "xx");
    bench_wish(&bench, "B!CD"); /* the next song plays */
    assert_true(overlay_has(bench.overlay, 7, bench_file(&bench, 'B'), 1));
    assert_false(overlay_has(bench.overlay, 7, bench_file(&bench, 'A'), 1));
    bench_wish(&bench, "");
    bench_wait_ms(&bench, 100);
    bench_expect(&bench, "7:interest-A-B");
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_link_that_goes_takes_its_word_along),
        cmocka_unit_test(test_loopback_is_our_own_network),
        cmocka_unit_test(test_all_holders_gone_at_once),
        cmocka_unit_test(test_the_tracker_comes_and_goes),
        cmocka_unit_test(test_increments_to_the_tracker),
        cmocka_unit_test(test_played_only),
        cmocka_unit_test(test_faults_ban),
        cmocka_unit_test(test_remembered_misbehaviour),
        cmocka_unit_test(test_the_useful_are_remembered),
        cmocka_unit_test(test_a_changed_network_forgives_backoffs),
        cmocka_unit_test(test_wishes_keep_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
