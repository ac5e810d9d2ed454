/*
 * test_server_request.c: what may be asked, what is rejected and why, and cancelling at every
 * moment.
 */
#include "common/error.h"
#include "tests/lib/server_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;

static void start(void)
{
    struct server_config config = bench_config();
    bench_start(&bench, &config);
    bench_join(&bench, 1);
}

static const struct {
    uint32_t file, first;
    uint16_t count;
    uint8_t rejected; /* 0: served */
} asks[] = {
    {1, 0, 1, 0},
    {1, 0, 21, 0},
    {1, 20, 1, 0},
    {2, 0, 3, 0},
    {1, 20, 2, P2P_REJECT_RANGE},
    {1, 21, 1, P2P_REJECT_RANGE},
    {1, UINT32_MAX, 64, P2P_REJECT_RANGE},
    {3, 0, 1, P2P_REJECT_UNKNOWN},
    {9, 0, 1, P2P_REJECT_UNKNOWN},
};

static void test_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        for (int proofs = 0; proofs <= 1; proofs++) {
            start();
            bench_ask(&bench, 1, 1, asks[i].file, asks[i].first, asks[i].count, 0, proofs != 0);
            assert_int_equal(bench.links[1].requests[1].rejected, asks[i].rejected);
            assert_true(asks[i].rejected != 0 || bench_is_served(&bench, 1, 1));
            assert_true(bench.links[1].is_up);
            bench_end(&bench);
        }
    }
}

/* The same root with another length is another file: the two top hashes of f1 are not f1. */
static void test_length_is_part_of_the_name(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        0, 1, 64, CHUNK_BYTES, FILE_BYTES_MAX, FILE_BYTES_MAX + 1, UINT64_MAX};
    start();
    bench_ask(&bench, 1, 1, 1, 0, 1, 0, false);
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct p2p_message message = {.type = P2P_REQUEST,
                                      .request = {.request = i + 2, .count = 1}};
        message.request.file.root[0] = 1;
        message.request.file.bytes = lengths[i];
        bench.links[1].requests[i + 2].is_asked = true;
        bench_say(&bench, 1, &message);
        assert_int_equal(bench.links[1].requests[i + 2].rejected, P2P_REJECT_UNKNOWN);
    }
    bench_end(&bench);
}

static const struct {
    uint32_t first, second;
    bool is_fine;
} numbers[] = {
    {1, 2, true}, {1, 9, true}, {0, 1, false}, {1, 1, false}, {5, 4, false}, {UINT32_MAX, 1, false},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        start();
        bench_open(&bench, 1, numbers[i].first, 1, false);
        bench_ask(&bench, 1, numbers[i].second, 2, 0, 1, 0, false);
        assert_int_equal(bench.links[1].is_up, numbers[i].is_fine);
        assert_int_equal(bench.links[1].is_doomed, !numbers[i].is_fine);
        bench_end(&bench);
    }
}

/* request_max is 4: the fifth is rejected, and room for one is room for one. */
static void test_busy(void **state)
{
    (void)state;
    start();
    bench.holds_answers = true;
    for (uint32_t i = 1; i <= 6; i++) {
        bench_ask(&bench, 1, i, 2, 0, 3, 0, false);
        assert_int_equal(bench.links[1].requests[i].rejected, i > 4 ? P2P_REJECT_BUSY : 0);
    }
    bench_cancel(&bench, 1, 2);
    bench_ask(&bench, 1, 7, 2, 0, 3, 0, false);
    assert_int_equal(bench.links[1].requests[7].rejected, 0);
    bench_answer_all(&bench);
    assert_true(bench_is_served(&bench, 1, 7));
    bench_end(&bench);
}

static void test_cancel_at_every_moment(void **state)
{
    (void)state;
    uint64_t cancelled_before = UINT64_MAX;
    for (uint32_t answers = 0; answers <= 14; answers++) {
        struct server_totals totals;
        start();
        bench.holds_answers = true;
        bench_ask(&bench, 1, 1, 1, 0, 9, 0, true); /* a look-up, two proofs, nine reads */
        for (uint32_t i = 0; i < answers && bench.pending_count > 0; i++) {
            bench_answer(&bench, 0);
        }
        bench_cancel(&bench, 1, 1);
        server_get_totals(bench.server, &totals);
        assert_int_equal(totals.cancelled_bytes + totals.payload_bytes, 9 * CHUNK_BYTES);
        assert_true(totals.cancelled_bytes <= cancelled_before);
        cancelled_before = totals.cancelled_bytes;
        bench_cancel(&bench, 1, 1);    /* twice is harmless */
        bench_cancel(&bench, 1, 1000); /* so is one that was never asked */
        bench_answer_all(&bench);
        bench.holds_answers = false;
        bench_ask(&bench, 1, 2, 1, 0, 21, 0, true);
        assert_true(bench_is_served(&bench, 1, 2));
        bench_end(&bench);
    }
    assert_int_equal(cancelled_before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_length_is_part_of_the_name),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_cancel_at_every_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
