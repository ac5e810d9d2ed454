/*
 * test_server_find.c: what the catalogue answers, and what becomes of it.
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
    uint32_t track;
    bool start_set;
    bool is_opened;
    uint8_t rejected;
    uint64_t payload_bytes;
} opens[] = {
    {1, false, true, 0, 0},
    {1, true, true, 0, 3 * CHUNK_BYTES + 100},
    {2, true, true, 0, 3 * CHUNK_BYTES},
    {3, false, true, 0, 0},
    {3, true, true, P2P_REJECT_NOT_HELD, 0}, /* the manifest is here, the file is not */
    {4, true, false, P2P_REJECT_UNKNOWN, 0},
    {0, false, false, P2P_REJECT_UNKNOWN, 0},
};

static void test_opens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) {
        start();
        bench_open(&bench, 1, 1, opens[i].track, opens[i].start_set);
        const struct asker_request *request = &bench.links[1].requests[1];
        assert_true(request->is_over);
        assert_int_equal(request->is_opened, opens[i].is_opened);
        assert_int_equal(request->rejected, opens[i].rejected);
        assert_int_equal(bench.payload_bytes, opens[i].payload_bytes);
        bench_end(&bench);
    }
}

/* A catalogue that gives nonsense: the request is rejected, nothing of it is sent. */
static void test_damaged_manifest(void **state)
{
    (void)state;
    static const uint32_t cuts[] = {0, 4, 100, 322};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        start();
        assert_true(bench.manifest_bytes[0] > cuts[i]);
        bench.manifest_bytes[0] = cuts[i];
        bench_open(&bench, 1, 1, 1, true);
        assert_false(bench.links[1].requests[1].is_opened);
        assert_int_equal(bench.links[1].requests[1].rejected, P2P_REJECT_DAMAGED);
        bench_end(&bench);
    }
}

static void test_no_proof(void **state)
{
    (void)state;
    start();
    bench.has_no_proofs = true;
    bench_ask(&bench, 1, 1, 1, 0, 3, 0, false);
    assert_true(bench_is_served(&bench, 1, 1));
    bench_ask(&bench, 1, 2, 1, 0, 3, 0, true);
    assert_int_equal(bench.links[1].requests[2].rejected, P2P_REJECT_DAMAGED);
    bench_end(&bench);
}

/* Rows 0, 1, 2 of f1: one proof each, and no chunk of the next row is read before the proof of the
 * one before is here. */
static void test_one_proof_a_row(void **state)
{
    (void)state;
    start();
    bench_ask(&bench, 1, 1, 2, 0, 1, 3, false); /* f1 is looked up now, not later */
    bench_ask(&bench, 1, 2, 1, 6, 1, 3, false);
    bench_forget_story(&bench);
    bench_ask(&bench, 1, 3, 1, 6, 4, 0, true);
    bench_expect(&bench, "link 1: request 3: chunks 6+4, priority 0, proofs\n"
                         "link 1: read 3: chunk 6\n"
                         "link 1: read 3: chunk 7\n"
                         "link 1: proof 3: row 0\n"
                         "link 1: read 3: chunk 8\n"
                         "link 1: fragment 3: chunk 6 at 0, 16384 bytes\n"
                         "link 1: read 3: chunk 9\n"
                         "link 1: fragment 3: chunk 7 at 0, 16384 bytes\n"
                         "link 1: proof 3: row 1\n"
                         "link 1: fragment 3: chunk 8 at 0, 16384 bytes\n"
                         "link 1: fragment 3: chunk 9 at 0, 16384 bytes\n");
    bench_end(&bench);
}

/* More look-ups than there are operations: they wait and are all answered. */
static void test_more_than_operations(void **state)
{
    (void)state;
    struct server_config config = bench_config();
    config.request_max = 60;
    bench_start(&bench, &config);
    for (uint32_t link = 1; link <= 4; link++) {
        bench_join(&bench, link);
    }
    bench.holds_answers = true;
    for (uint32_t link = 1; link <= 4; link++) {
        for (uint32_t i = 1; i <= 60; i++) {
            bench_open(&bench, link, i, 9, false);
        }
    }
    /* A window of 64 KiB takes seven manifests: 28 look-ups, though 240 are asked for. */
    assert_int_equal(bench.pending_count, 28);
    bench_answer_all(&bench);
    for (uint32_t i = 1; i <= 60; i++) {
        assert_int_equal(bench.links[4].requests[i].rejected, P2P_REJECT_UNKNOWN);
    }
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens),
        cmocka_unit_test(test_damaged_manifest),
        cmocka_unit_test(test_no_proof),
        cmocka_unit_test(test_one_proof_a_row),
        cmocka_unit_test(test_more_than_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
