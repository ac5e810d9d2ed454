/*
 * test_server_send.c: fragments, windows, slots, fair shares, and reads that fail.
 */
#include "common/error.h"
#include "tests/lib/server_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;

static void start_with(uint32_t window_bytes, uint32_t fragment_bytes, uint32_t slots)
{
    struct server_config config = bench_config();
    config.link_queue_bytes = window_bytes;
    config.fragment_bytes_max = fragment_bytes;
    config.slot_count = slots;
    bench_start(&bench, &config);
}

static const struct {
    uint32_t window_bytes, fragment_bytes, slots;
} shapes[] = {
    {65536, CHUNK_BYTES, 4}, {65536, 2048, 4}, {SERVER_LINK_QUEUE_BYTES_MIN, 2048, 1},
    {4096, 2048, 1},         {1, 5000, 1},     {1000000, 16383, 16},
};

/* Whatever window, fragments and slots: all bytes come, in order, never above the window. */
static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        start_with(shapes[i].window_bytes, shapes[i].fragment_bytes, shapes[i].slots);
        bench_join(&bench, 1);
        bench_join(&bench, 2);
        bench.holds_rooms = true;
        bench_ask(&bench, 1, 1, 1, 0, 21, 2, true);
        bench_ask(&bench, 1, 2, 2, 1, 2, 0, true);
        bench_open(&bench, 2, 1, 1, true);
        for (int turn = 0; turn < 2000; turn++) {
            for (uint32_t link = 1; link <= 2; link++) {
                /* Control may stand above, and a window below a frame takes one. */
                assert_true(bench.links[link].queued_bytes <=
                            shapes[i].window_bytes + CHUNK_BYTES + 14 + 3 * 750);
                bench_drain(&bench, link, 1500);
            }
        }
        assert_true(bench_is_served(&bench, 1, 1));
        assert_true(bench_is_served(&bench, 1, 2));
        assert_true(bench_is_served(&bench, 2, 1));
        bench_end(&bench);
    }
}

/* A link that does not read takes its window and then nothing: the slots are for the others. */
static void test_stalled_link_holds_no_slot(void **state)
{
    (void)state;
    start_with(SERVER_LINK_QUEUE_BYTES_MIN, 2048, 1);
    bench_join(&bench, 1);
    bench_join(&bench, 2);
    bench.holds_rooms = true;
    bench_ask(&bench, 1, 1, 1, 0, 21, 0, true);
    uint64_t stuck = bench.links[1].queued_bytes;
    assert_true(stuck > CHUNK_BYTES && stuck <= SERVER_LINK_QUEUE_BYTES_MIN);
    bench_ask(&bench, 2, 1, 1, 0, 21, 3, true);
    for (int turn = 0; turn < 30; turn++) {
        bench_drain(&bench, 2, UINT64_MAX);
    }
    assert_true(bench_is_served(&bench, 2, 1));
    assert_int_equal(bench.links[1].queued_bytes, stuck);
    bench_end(&bench);
}

/* Who asks much and calls it urgent gets what the modest one gets, chunk for chunk. */
static void test_fair_between_links(void **state)
{
    (void)state;
    start_with(20480, CHUNK_BYTES, 1);
    bench_join(&bench, 1);
    bench_join(&bench, 2);
    bench.holds_answers = true;
    for (uint32_t i = 1; i <= 4; i++) {
        bench_ask(&bench, 1, i, 2, 0, 3, 0, false);
    }
    bench_ask(&bench, 2, 1, 2, 0, 3, 3, false);
    bench_forget_story(&bench);
    bench.holds_answers = false;
    bench_answer(&bench, 0);
    bench_allow(&bench, 0);
    uint32_t served[3] = {0};
    for (const char *at = bench.story; (at = strstr(at, "link ")) != NULL; at += 5) {
        uint32_t link = (uint32_t)(at[5] - '0');
        if (strncmp(at + 6, ": fragment", 10) == 0 && served[2] < 3) {
            served[link]++;
            assert_in_range(served[1] - served[2] + 2, 0, 4);
        }
    }
    assert_int_equal(served[2], 3);
    bench_end(&bench);
}

/* The play head goes before what is prefetched, also between its chunks. */
static void test_urgent_first(void **state)
{
    (void)state;
    start_with(SERVER_LINK_QUEUE_BYTES_MIN, CHUNK_BYTES, 4);
    bench_join(&bench, 1);
    bench_ask(&bench, 1, 1, 1, 0, 1, 0, false);
    bench.holds_rooms = true;
    bench_ask(&bench, 1, 2, 1, 1, 2, P2P_PRIORITY_PREFETCH, false);
    bench_ask(&bench, 1, 3, 1, 9, 1, P2P_PRIORITY_PLAY, false);
    bench_forget_story(&bench);
    bench_drain(&bench, 1, UINT64_MAX);
    bench_drain(&bench, 1, UINT64_MAX);
    bench_expect(&bench, "link 1: read 3: chunk 9\n"
                         "link 1: fragment 3: chunk 9 at 0, 16384 bytes\n"
                         "link 1: read 2: chunk 2\n"
                         "link 1: fragment 2: chunk 2 at 0, 16384 bytes\n");
    bench_end(&bench);
}

/* Reads that are done in another order are sent in that of the chunks. */
static void test_reads_out_of_order(void **state)
{
    (void)state;
    start_with(100000, CHUNK_BYTES, 4);
    bench_join(&bench, 1);
    bench_ask(&bench, 1, 1, 1, 0, 1, 0, false);
    bench.holds_answers = true;
    bench_ask(&bench, 1, 2, 1, 3, 4, 0, false);
    assert_int_equal(bench.pending_count, 4);
    bench_forget_story(&bench);
    for (uint32_t left = 4; left > 0; left--) {
        bench_answer(&bench, left - 1);
    }
    bench_expect(&bench, "link 1: fragment 2: chunk 3 at 0, 16384 bytes\n"
                         "link 1: fragment 2: chunk 4 at 0, 16384 bytes\n"
                         "link 1: fragment 2: chunk 5 at 0, 16384 bytes\n"
                         "link 1: fragment 2: chunk 6 at 0, 16384 bytes\n");
    bench_end(&bench);
}

static const struct {
    int error;
    uint8_t reason;
} failures[] = {
    {ERROR_NOT_FOUND, P2P_REJECT_NOT_HELD},
    {ERROR_DAMAGED, P2P_REJECT_DAMAGED},
    {ERROR_IO, P2P_REJECT_DAMAGED},
};

static void test_failing_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        start_with(65536, CHUNK_BYTES, 4);
        bench_join(&bench, 1);
        bench.read_error = failures[i].error;
        bench_ask(&bench, 1, 1, 1, 0, 21, 0, true);
        assert_int_equal(bench.links[1].requests[1].rejected, failures[i].reason);
        bench.read_error = 0;
        bench_ask(&bench, 1, 2, 1, 0, 21, 0, true);
        assert_true(bench_is_served(&bench, 1, 2));
        bench_end(&bench);
    }
}

/* Who asks for small answers without end and reads none is let go. */
static void test_never_reads(void **state)
{
    (void)state;
    start_with(20480, CHUNK_BYTES, 4);
    bench_join(&bench, 1);
    bench_join(&bench, 2);
    bench.holds_rooms = true;
    uint32_t pongs = 0;
    while (bench.links[1].is_up) {
        bench_pong(&bench, 1);
        assert_true(++pongs < 10000);
    }
    assert_true(bench.links[1].is_doomed);
    assert_true(pongs > 1000);
    assert_true(bench.links[2].is_up);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_stalled_link_holds_no_slot),
        cmocka_unit_test(test_fair_between_links),
        cmocka_unit_test(test_urgent_first),
        cmocka_unit_test(test_reads_out_of_order),
        cmocka_unit_test(test_failing_reads),
        cmocka_unit_test(test_never_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
