/*
 * test_overlay_tell.c: what is told to whom, and not too often. overlay_bench.h has the language.
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

static void test_interest_is_told_in_increments(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.hides_searches = true;
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_expect(&bench, "");
    bench_wish(&bench, "A!B");
    bench_expect(&bench, "7:interest+A+B");
    bench_wish(&bench, "B!C");
    bench_expect(&bench, ""); /* nothing new is urgent */
    bench_wait_ms(&bench, 100);
    bench_expect(&bench, "7:interest-A+C");
    bench_wish(&bench, "BC");
    bench_wait_ms(&bench, 100);
    bench_expect(&bench, "");
    bench_wish(&bench, "D!");
    bench_expect(&bench, "7:interest-B-C+D"); /* at once */
    bench_wish(&bench, "D!B");                /* back before anybody was told otherwise */
    bench_wish(&bench, "D!");
    bench_wait_ms(&bench, 100);
    bench_expect(&bench, "");
    bench_end(&bench);
}

static void test_a_new_neighbour_hears_all(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.hides_searches = true;
    bench_begin(&bench);
    bench_wish(&bench, "A!B");
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_expect(&bench, "7:interest+A+B 8:interest+A+B");
    bench_hello(&bench, 8, P2P_FEATURE_GIVES, 0); /* takes no part in the overlay */
    bench_wish(&bench, "C!");
    bench_expect(&bench, "7:interest-A-B+C");
    bench_end(&bench);
}

static void test_have_is_told_in_batches(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_put(&bench, 'A', "all");
    bench_put(&bench, 'B', "xxx");
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_interest(&bench, 7, "+A+B+C");
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "7:have A=all"), 1);
    assert_int_equal(bench_count(&bench, "7:have B=0-2"), 1);
    assert_int_equal(bench_count(&bench, "7:have C=none"), 1);
    bench_wait_ms(&bench, 1000);
    bench_own(&bench, 'B', "xxxx");
    bench_expect(&bench, "7:have B+3-3");
    bench_own(&bench, 'B', "xxxxx");
    bench_own(&bench, 'B', "xxxxx.x");
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 250);
    bench_expect(&bench, "7:have B+4-4,6-6");
    bench_own(&bench, 'D', "all"); /* nobody asked */
    bench_own(&bench, 'B', "all");
    bench_wait_ms(&bench, 250);
    bench_expect(&bench, "7:have B=all");
    bench_interest(&bench, 8, "+B");
    bench_expect(&bench, "8:have B=all");
    bench_own(&bench, 'B', "....xxxxxxxx");
    bench_wait_ms(&bench, 250);
    bench_expect(&bench, "7:have B=4-11 8:have B=4-11");
    bench_own(&bench, 'B', "....xxxx"); /* less: all anew */
    bench_wait_ms(&bench, 250);
    bench_expect(&bench, "7:have B=4-7 8:have B=4-7");
    bench_interest(&bench, 7, "-B");
    bench_own(&bench, 'B', "none");
    bench_wait_ms(&bench, 250);
    bench_expect(&bench, "8:have B=none");
    bench_end(&bench);
}

static void test_only_whole_files_as_published(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.partial = false;
    bench_put(&bench, 'A', "xxx");
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_interest(&bench, 7, "+A");
    bench_expect(&bench, "7:have A=none t:announce!");
    bench_wait_ms(&bench, 3000);
    bench_own(&bench, 'A', "xxxx");
    bench_expect(&bench, "t:announce:-A"); /* not whole, whatever it was */
    bench_wait_ms(&bench, 3000);
    bench_own(&bench, 'A', "xxxxx");
    bench_expect(&bench, "");
    bench_own(&bench, 'A', "all");
    bench_wait_ms(&bench, 3000);
    bench_expect(&bench, "7:have A=all t:announce:A");
    bench_end(&bench);
}

static void test_lookups_back_off(void **state)
{
    (void)state;
    uint32_t count = 0;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!B");
    bench_expect(&bench, "t:lookup1:AB t:announce!");
    for (uint32_t i = 0; i < 600; i++) { /* ten minutes of nobody */
        bench_wait_ms(&bench, 1000);
        bench_settle(&bench);
        count += bench_count(&bench, "lookup");
    }
    /* The urgent one for itself: its second LOOKUP, soon, waits for the first to time out. */
    assert_in_range(count, 6, 18);
    bench_wish(&bench, "AB!"); /* a click */
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "lookup"), 1);
    bench_end(&bench);
}

static void test_enough_sources_are_not_looked_up(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.sources_urgent = 1;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_up(&bench, 7, 'b', true);
    bench_settle(&bench);
    bench_have(&bench, 7, 'A', "all");
    for (uint32_t i = 0; i < 60; i++) {
        bench_wait_ms(&bench, 1000);
        bench_settle(&bench);
        assert_int_equal(bench_count(&bench, "lookup"), 0);
    }
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "lookup"), 1);
    bench_end(&bench);
}

/* The tracker first; neighbours are searched when it is away, or knows nobody; or always. */
static void test_when_to_search(void **state)
{
    (void)state;
    static const struct {
        bool parallel, tracker;
        const char *answer; /* to the lookup; NULL = none */
        uint32_t searches;
    } rows[] = {
        {false, false, NULL, 1}, {false, true, NULL, 0}, {false, true, "A=", 1},
        {false, true, "A=c", 0}, {true, true, NULL, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t count = 0;
        bench_start(&bench);
        bench.config.search_parallel = rows[i].parallel;
        bench_begin(&bench);
        bench_up(&bench, 7, 'b', true);
        if (rows[i].tracker) {
            bench_tracker_up(&bench);
        }
        bench_wish(&bench, "A!");
        bench_settle(&bench);
        count += bench_count(&bench, "search:A2");
        if (rows[i].answer != NULL) {
            bench_holders(&bench, 1, rows[i].answer);
        }
        bench_settle(&bench);
        count += bench_count(&bench, "search:A2");
        assert_int_equal(count, rows[i].searches);
        bench_end(&bench);
    }
}

static void test_exchange_after_a_while(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.exchange = &exchange_config_default;
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_hello(&bench, 7, 7, 7000);
    bench_hello(&bench, 8, 7, 0); /* cannot be dialled: is not told */
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 1999);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 1);
    bench_expect(&bench, "8:exchange:b");
    for (uint32_t i = 0; i < 300; i++) { /* five minutes: nothing new, nothing said */
        bench_wait_ms(&bench, 1000);
        bench_expect(&bench, "");
    }
    bench_end(&bench);
}

static void test_where_we_listen(void **state)
{
    (void)state;
    struct p2p_address own = {.family = 4, .address = {192, 168, 1, 5}, .port = 7000};
    bench_start(&bench);
    bench_begin(&bench);
    overlay_listening(bench.overlay, bench.now_us, 7000, 0, &own, 1);
    bench_expect(&bench, "");
    bench_tracker_up(&bench);
    bench_expect(&bench, "t:listen:7000/0 t:announce!");
    bench_up(&bench, 7, 'b', false);
    bench_expect(&bench, "");
    bench_up(&bench, 8, 'c', true); /* unasked: we can be reached */
    bench_expect(&bench, "t:listen:7000/2 7:listen:7000/2 8:listen:7000/2");
    overlay_listening(bench.overlay, bench.now_us, 9000, P2P_LISTEN_MAPPED, &own, 1);
    bench_expect(&bench, "t:listen:9000/1 7:listen:9000/1 8:listen:9000/1");
    bench_end(&bench);
}

/* A full outbox: nothing is lost. */
static void test_what_does_not_fit_is_told_later(void **state)
{
    (void)state;
    bench_start(&bench);
    for (int file = 'A'; file <= 'Z'; file++) {
        bench_put(&bench, (char)file, "x.x.x");
    }
    bench_begin(&bench);
    for (uint32_t i = 0; i < 26; i++) {
        bench_up(&bench, 101 + i, (char)('A' + i), true);
        bench_interest(&bench, 101 + i, "+A+B+C+D+E+F+G+H+I+J+K+L+M+N+O+P+Q+R+S+T+U+V+W+X+Y+Z");
    }
    struct overlay_actions actions;
    uint32_t haves = 0;
    uint32_t settles = 0;
    do {
        assert_int_equal(overlay_settle(bench.overlay, bench.now_us, &actions), 0);
        overlay_check_invariants(bench.overlay);
        haves += actions.count;
        settles++;
        assert_true(actions.count == 0 || settles < 20);
    } while (actions.count > 0);
    assert_int_equal(haves, 26 * 26);
    assert_true(settles > 5);
    bench_end(&bench);
}

/* Who wishes for nothing asks who else has what it has, until it has neighbours enough. */
static void test_who_only_gives_finds_neighbours(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 2;
    bench_put(&bench, 'A', "all");
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_settle(&bench);
    bench_wait_ms(&bench, 4999);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 1);
    bench_expect(&bench, "t:lookup1:A");
    bench_wait_ms(&bench, 4999); /* nobody else has it: again 5, 10, 20 s later */
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 1);
    bench_expect(&bench, "t:lookup2:A");
    assert_int_equal(bench_holders(&bench, 2, "A=bc"), 0);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 2);
    bench_up(&bench, 101, bench.text[8], false);
    bench_up(&bench, 102, bench.text[8] == 'b' ? 'c' : 'b', false);
    bench_settle(&bench);
    bench_wait_ms(&bench, 60000);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "lookup"), 0); /* two are enough */
    bench_down(&bench, 102, ERROR_CLOSED);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 5000);
    bench_settle(&bench); /* whom it knows comes first */
    assert_int_equal(bench_count(&bench, "connect:"), 1);
    assert_int_equal(bench_count(&bench, "lookup"), 0);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interest_is_told_in_increments),
        cmocka_unit_test(test_a_new_neighbour_hears_all),
        cmocka_unit_test(test_have_is_told_in_batches),
        cmocka_unit_test(test_only_whole_files_as_published),
        cmocka_unit_test(test_lookups_back_off),
        cmocka_unit_test(test_enough_sources_are_not_looked_up),
        cmocka_unit_test(test_when_to_search),
        cmocka_unit_test(test_exchange_after_a_while),
        cmocka_unit_test(test_where_we_listen),
        cmocka_unit_test(test_what_does_not_fit_is_told_later),
        cmocka_unit_test(test_who_only_gives_finds_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
