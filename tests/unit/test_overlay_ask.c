/*
 * test_overlay_ask.c: the questions that a planner asks. overlay_bench.h has the language.
 */
#include "common/error.h"
#include "tests/lib/overlay_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct overlay_bench bench;

static void start(void)
{
    bench_start(&bench);
    bench_begin(&bench);
    bench_wish(&bench, "A!B");
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_up(&bench, 9, 'd', true);
    bench_settle(&bench);
    bench_have(&bench, 7, 'A', "all");
    bench_have(&bench, 8, 'A', "xx");
    bench_have(&bench, 9, 'B', "all");
}

static void test_holding(void **state)
{
    (void)state;
    struct overlay_holding holding;
    start();
    assert_true(overlay_holding(bench.overlay, 7, bench_file(&bench, 'A'), &holding));
    assert_true(holding.is_whole);
    assert_null(holding.row_masks);
    assert_true(overlay_holding(bench.overlay, 8, bench_file(&bench, 'A'), &holding));
    assert_false(holding.is_whole);
    assert_int_equal(holding.row_masks[0], 3);
    assert_int_equal(holding.row_masks[1], 0);
    assert_false(overlay_holding(bench.overlay, 9, bench_file(&bench, 'A'), &holding));
    assert_false(overlay_holding(bench.overlay, 99, bench_file(&bench, 'A'), &holding));
    assert_false(overlay_holding(bench.overlay, 7, bench_file(&bench, 'C'), &holding));
    bench_end(&bench);
}

static void test_chunks(void **state)
{
    (void)state;
    static const struct {
        char file;
        uint32_t chunk;
        bool in_7, in_8;
        uint32_t holders;
    } rows[] = {
        {'A', 0, true, true, 2},   {'A', 1, true, true, 2},    {'A', 2, true, false, 1},
        {'A', 19, true, false, 1}, {'A', 20, false, false, 0}, {'B', 0, false, false, 1},
        {'C', 0, false, false, 0},
    };
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        media_handle file = bench_file(&bench, rows[i].file);
        assert_int_equal(overlay_has(bench.overlay, 7, file, rows[i].chunk), rows[i].in_7);
        assert_int_equal(overlay_has(bench.overlay, 8, file, rows[i].chunk), rows[i].in_8);
        assert_int_equal(overlay_count_holders(bench.overlay, file, rows[i].chunk),
                         rows[i].holders);
    }
    bench_end(&bench);
}

static void test_sources(void **state)
{
    (void)state;
    struct overlay_sources sources;
    start();
    bench_tracker_up(&bench);
    bench_settle(&bench);
    overlay_get_sources(bench.overlay, bench_file(&bench, 'A'), &sources);
    assert_int_equal(sources.up, 2);
    assert_true(sources.is_looking);
    bench_holders(&bench, 1, "A=bcdefghijkl");
    bench_settle(&bench);
    overlay_get_sources(bench.overlay, bench_file(&bench, 'A'), &sources);
    assert_int_equal(sources.up, 2);
    assert_int_equal(sources.connecting, 7);
    assert_int_equal(sources.holders, 11);
    assert_int_equal(sources.known, 2); /* d, linked, has yet to say; six are dialled */
    assert_true(sources.is_looking);
    overlay_get_sources(bench.overlay, bench_file(&bench, 'C'), &sources);
    assert_int_equal(sources.up + sources.connecting + sources.known + sources.holders, 0);
    assert_false(sources.is_looking);
    for (uint32_t i = 0; i < 20; i++) { /* nobody answers */
        bench_wait_ms(&bench, 1000);
        bench_settle(&bench);
    }
    overlay_get_sources(bench.overlay, bench_file(&bench, 'B'), &sources);
    assert_int_equal(sources.up, 1);
    assert_false(sources.is_looking);
    bench_end(&bench);
}

static void test_holders_in_order(void **state)
{
    (void)state;
    uint32_t links[4];
    start();
    bench_have(&bench, 9, 'A', "x");
    overlay_rtt(bench.overlay, 7, 200000);
    overlay_received(bench.overlay, bench.now_us, 9, bench_file(&bench, 'A'), 1u << 20);
    assert_int_equal(overlay_get_holders(bench.overlay, bench_file(&bench, 'A'), links, 4), 3);
    assert_int_equal(links[0], 9);
    assert_int_equal(links[1], 8);
    assert_int_equal(links[2], 7);
    assert_int_equal(overlay_get_holders(bench.overlay, bench_file(&bench, 'A'), links, 2), 2);
    assert_int_equal(links[0], 9);
    assert_int_equal(overlay_get_holders(bench.overlay, bench_file(&bench, 'C'), links, 4), 0);
    assert_int_equal(overlay_get_best(bench.overlay, bench.now_us, links, 4), 3);
    assert_int_equal(links[0], 7); /* it has all of what is wished for most */
    bench_end(&bench);
}

static void test_neighbour_and_status(void **state)
{
    (void)state;
    struct overlay_neighbour neighbour;
    struct overlay_status status;
    start();
    overlay_sent(bench.overlay, bench.now_us, 7, 500);
    overlay_received(bench.overlay, bench.now_us, 7, bench_file(&bench, 'A'), 700);
    overlay_rtt(bench.overlay, 7, 40000);
    assert_true(overlay_get_neighbour(bench.overlay, 7, &neighbour));
    assert_int_equal(neighbour.sent_bytes, 500);
    assert_int_equal(neighbour.received_bytes, 700);
    assert_int_equal(neighbour.rtt_us, 40000);
    assert_int_equal(neighbour.files, 1);
    assert_int_equal(neighbour.peer_id[0], 'b');
    assert_true(neighbour.is_incoming);
    assert_false(overlay_get_neighbour(bench.overlay, 77, &neighbour));
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.neighbours, 3);
    assert_false(status.is_tracked);
    bench_end(&bench);
}

/* Own addresses, what the tracker sees, and whether a NAT device stands between. */
static void test_translated(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t own[4], seen[4];
        bool is_translated;
    } rows[] = {
        {"behind a router", {192, 168, 1, 5}, {203, 0, 113, 9}, true},
        {"behind a private one", {192, 168, 1, 5}, {10, 0, 0, 9}, true},
        {"a public address", {203, 0, 113, 9}, {203, 0, 113, 9}, false},
        {"the origin is near", {192, 168, 1, 5}, {192, 168, 1, 5}, false},
        {"on one machine", {192, 168, 1, 5}, {127, 0, 0, 1}, false},
        {"no address of our own", {0}, {203, 0, 113, 9}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address own = {.family = 4, .port = 7000};
        struct p2p_message hello = {.type = P2P_HELLO,
                                    .hello = {.version = P2P_VERSION, .request_max = 64}};
        struct overlay_status status;
        start();
        bench_tracker_up(&bench);
        memcpy(own.address, rows[i].own, 4);
        overlay_listening(bench.overlay, bench.now_us, 7000, 0, &own, rows[i].own[0] != 0);
        overlay_get_status(bench.overlay, &status);
        assert_false(status.is_translated); /* not known yet */
        hello.hello.observed_family = 4;
        hello.hello.observed_port = 4000;
        memcpy(hello.hello.observed_address, rows[i].seen, 4);
        assert_int_equal(bench_hear(&bench, BENCH_TRACKER, &hello), 0);
        overlay_get_status(bench.overlay, &status);
        if (status.is_translated != rows[i].is_translated) {
            fail_msg("%s", rows[i].what);
        }
        assert_int_equal(status.observed.family, 4);
        assert_memory_equal(status.observed.address, rows[i].seen, 4);
        bench_end(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holding),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_holders_in_order),
        cmocka_unit_test(test_neighbour_and_status),
        cmocka_unit_test(test_translated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
