/*
 * test_server.c: links that are greeted, held back and let go; what a player holds and lacks; the
 * owner's limit on sending; memory that fails.
 */
#include "common/error.h"
#include "common/prng.h"
#include "tests/lib/server_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, bytes);
}

static struct bench bench;

static void start(void)
{
    struct server_config config = bench_config();
    bench_start(&bench, &config);
}

static void start_player(uint32_t held_1, uint32_t held_2)
{
    struct server_config config = bench_config();
    bench_start_player(&bench, &config, held_1, held_2);
    bench_join(&bench, 1);
}

/* What comes in the first flight waits for our HELLO. */
static void test_nothing_before_our_hello(void **state)
{
    (void)state;
    start();
    bench_up(&bench, 1);
    bench_open(&bench, 1, 1, 1, true);
    bench_expect(&bench, "link 1: open 1 with start set\n");
    assert_int_equal(bench.pending_count, 0);
    bench_greet(&bench, 1);
    assert_true(bench_is_served(&bench, 1, 1));
    bench_end(&bench);
}

static void test_too_many_before_our_hello(void **state)
{
    (void)state;
    start();
    bench_up(&bench, 1);
    for (uint32_t i = 1; i <= 5; i++) {
        assert_true(bench.links[1].is_up);
        bench_ask(&bench, 1, i, 1, 0, 1, 0, false);
    }
    assert_true(bench.links[1].is_doomed);
    bench_end(&bench);
}

/* A link that is held back at any moment gets nothing meanwhile, and all of it afterwards. */
static void test_held_back(void **state)
{
    (void)state;
    for (uint32_t answers = 0; answers <= 14; answers++) {
        start();
        bench_join(&bench, 1);
        bench_join(&bench, 2);
        bench.holds_answers = true;
        bench_ask(&bench, 1, 1, 1, 0, 9, 0, true);
        for (uint32_t i = 0; i < answers && bench.pending_count > 0; i++) {
            bench_answer(&bench, 0);
        }
        bench_serve(&bench, 1, false);
        uint64_t payload_bytes = bench.payload_bytes;
        bench_answer_all(&bench);
        assert_int_equal(bench.payload_bytes, payload_bytes);
        bench_ask(&bench, 2, 1, 2, 0, 3, 0, true);
        bench_pong(&bench, 1); /* control goes all the same */
        bench_answer_all(&bench);
        bench.holds_answers = false;
        bench_serve(&bench, 1, true);
        assert_true(bench_is_served(&bench, 1, 1));
        assert_true(bench_is_served(&bench, 2, 1));
        bench_end(&bench);
    }
}

static void test_reject_all(void **state)
{
    (void)state;
    start();
    bench_join(&bench, 1);
    bench.holds_answers = true;
    bench_ask(&bench, 1, 1, 1, 0, 9, 0, true);
    bench_ask(&bench, 1, 2, 1, 0, 9, 2, true);
    bench_open(&bench, 1, 3, 1, true);
    bench_answer(&bench, 0);
    bench_reject(&bench, 1, P2P_REJECT_BUSY);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(bench.links[1].requests[i].rejected, P2P_REJECT_BUSY);
    }
    assert_int_equal(server_link_requests(&bench.links[1].server), 0);
    bench_refuse(&bench, 1, 4);
    assert_int_equal(bench.links[1].requests[4].rejected, P2P_REJECT_BUSY);
    bench_answer_all(&bench);
    bench_ask(&bench, 1, 5, 1, 0, 9, 0, true);
    bench_answer_all(&bench);
    assert_true(bench_is_served(&bench, 1, 5));
    bench_refuse(&bench, 1, 5); /* a number twice */
    assert_true(bench.links[1].is_doomed);
    bench_end(&bench);
}

static const struct {
    uint32_t held; /* bits of f1 */
    uint32_t first;
    uint16_t count;
    uint8_t rejected;
    uint64_t payload_bytes; /* that comes, before a rejection too */
} holdings[] = {
    {0x1fffff, 0, 21, 0, 20 * CHUNK_BYTES + 100},
    {0x000001, 0, 1, 0, CHUNK_BYTES},
    {0x000000, 0, 1, P2P_REJECT_UNKNOWN, 0},
    {0x000002, 0, 1, P2P_REJECT_NOT_HELD, 0},
    {0x000002, 0, 2, P2P_REJECT_NOT_HELD, 0},
    {0x000007, 0, 4, P2P_REJECT_NOT_HELD, 3 * CHUNK_BYTES},
    {0x0000ff, 0, 9, P2P_REJECT_NOT_HELD, 8 * CHUNK_BYTES}, /* at the end of a row */
    {0x1ffeff, 6, 9, P2P_REJECT_NOT_HELD, 2 * CHUNK_BYTES},
    {0x100000, 20, 1, 0, 100},
    {0x1fffff, 20, 2, P2P_REJECT_RANGE, 0},
};

/* What a player holds comes, and a clean reject for the rest. */
static void test_holdings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof holdings / sizeof holdings[0]; i++) {
        for (int proofs = 0; proofs <= 1; proofs++) {
            start_player(holdings[i].held, 1);
            bench_ask(&bench, 1, 1, 1, holdings[i].first, holdings[i].count, 0, proofs != 0);
            assert_true(bench.links[1].requests[1].is_over);
            assert_int_equal(bench.links[1].requests[1].rejected, holdings[i].rejected);
            assert_int_equal(bench.payload_bytes, holdings[i].payload_bytes);
            assert_true(bench.links[1].is_up);
            bench_end(&bench);
        }
    }
}

static const struct {
    uint32_t held;
    uint8_t rejected;
    uint64_t payload_bytes;
} opens[] = {
    {0x1fffff, 0, 3 * CHUNK_BYTES + 100},
    {0x100007, 0, 3 * CHUNK_BYTES + 100},
    {0x000007, P2P_REJECT_NOT_HELD, 2 * CHUNK_BYTES}, /* 0+2, 20+1, 2+1 */
    {0x000001, P2P_REJECT_NOT_HELD, CHUNK_BYTES},
    {0x1ffffe, P2P_REJECT_NOT_HELD, 0},
    {0x000000, P2P_REJECT_NOT_HELD, 0}, /* the manifest is here, nothing else */
};

static void test_opens_of_a_player(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) {
        start_player(opens[i].held, 0);
        bench_open(&bench, 1, 1, 1, true);
        assert_true(bench.links[1].requests[1].is_opened);
        assert_true(bench.links[1].requests[1].is_over);
        assert_int_equal(bench.links[1].requests[1].rejected, opens[i].rejected);
        assert_int_equal(bench.payload_bytes, opens[i].payload_bytes);
        bench_open(&bench, 1, 2, 9, false);
        assert_int_equal(bench.links[1].requests[2].rejected, P2P_REJECT_UNKNOWN);
        bench_ask(&bench, 1, 3, 9, 0, 1, 0, false); /* a file without a handle */
        assert_int_equal(bench.links[1].requests[3].rejected, P2P_REJECT_UNKNOWN);
        assert_true(bench.links[1].is_up);
        bench_end(&bench);
    }
}

/* The store evicts while a request is answered: no lie, no damage. */
static void test_evicted_meanwhile(void **state)
{
    (void)state;
    for (uint32_t answers = 0; answers <= 11; answers++) {
        start_player(0x1fffff, 0);
        bench.holds_answers = true;
        bench_ask(&bench, 1, 1, 1, 0, 9, 0, true);
        for (uint32_t i = 0; i < answers && bench.pending_count > 0; i++) {
            bench_answer(&bench, 0);
        }
        bench.held[0] = 0x100000;
        bench.has_no_proofs = true;
        bench.read_error = ERROR_NOT_FOUND;
        bench_answer_all(&bench);
        const struct asker_request *request = &bench.links[1].requests[1];
        assert_true(request->is_over);
        if (request->rejected != 0) {
            assert_int_equal(request->rejected, P2P_REJECT_NOT_HELD);
        }
        assert_int_equal(server_link_requests(&bench.links[1].server), 0);
        bench_end(&bench);
    }
}

/* Nothing goes without leave; each leave lets one fragment go; what is read waits. */
static void test_leave_to_send(void **state)
{
    (void)state;
    start_player(0x1fffff, 0);
    bench.budget_bytes = 0;
    bench_ask(&bench, 1, 1, 1, 0, 3, 0, false);
    assert_int_equal(bench.payload_bytes, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        bench_allow(&bench, 1);
        assert_int_equal(bench.payload_bytes, i * CHUNK_BYTES);
    }
    assert_true(bench_is_served(&bench, 1, 1));
    bench_end(&bench);
}

/* The size of fragments may change at any moment; the charge is right all the same. */
static void test_fragment_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {2048, 16384, 4096, 2048, 8192, 16384};
    for (uint32_t answers = 0; answers <= 14; answers++) {
        start_player(0x1fffff, 0);
        bench.holds_answers = true;
        bench.holds_rooms = true;
        bench_ask(&bench, 1, 1, 1, 0, 21, 0, true);
        for (uint32_t i = 0; i < 400; i++) {
            server_set_fragment_bytes(bench.server, sizes[(answers + i) % 6]);
            if (bench.pending_count > 0 && i % 3 != 0) {
                bench_answer(&bench, answers % bench.pending_count);
            } else {
                bench_drain(&bench, 1, 3000 + 1000 * answers);
            }
        }
        assert_true(bench_is_served(&bench, 1, 1));
        assert_true(bench.largest_fragment_bytes == CHUNK_BYTES);
        bench_end(&bench);
    }
    start_player(0x1fffff, 0);
    server_set_fragment_bytes(bench.server, 2048);
    bench_ask(&bench, 1, 1, 1, 0, 21, 0, true);
    assert_true(bench_is_served(&bench, 1, 1));
    assert_int_equal(bench.largest_fragment_bytes, 2048);
    bench_end(&bench);
}

/* A link that is free needs no leave, goes before who waits for it, and gets whole chunks. */
static void test_free_link(void **state)
{
    (void)state;
    start_player(0x1fffff, 0);
    bench_up(&bench, 2);
    server_link_set_free(bench.server, &bench.links[2].server);
    bench_greet(&bench, 2);
    bench.budget_bytes = 0;
    server_set_fragment_bytes(bench.server, 2048);
    bench_ask(&bench, 1, 1, 1, 0, 3, 0, true);
    bench_ask(&bench, 2, 1, 1, 0, 21, 3, true);
    assert_true(bench_is_served(&bench, 2, 1));
    assert_int_equal(bench.payload_bytes, 20 * CHUNK_BYTES + 100);
    assert_int_equal(bench.largest_fragment_bytes, CHUNK_BYTES);
    bench_serve(&bench, 2, false); /* held back all the same */
    bench_ask(&bench, 2, 2, 1, 0, 1, 0, false);
    assert_false(bench_is_served(&bench, 2, 2));
    bench_serve(&bench, 2, true);
    assert_true(bench_is_served(&bench, 2, 2));
    bench_allow(&bench, UINT32_MAX);
    assert_true(bench_is_served(&bench, 1, 1));
    bench_end(&bench);
}

static void random_event(struct prng *prng, uint32_t *numbers)
{
    uint32_t link = 1 + (uint32_t)prng_below(prng, 4);
    switch (prng_below(prng, 14)) {
    case 0:
    case 1:
        if (numbers[link] + 1 < ASKER_REQUESTS) {
            bench_ask(&bench, link, ++numbers[link], 1 + (uint32_t)prng_below(prng, 3),
                      (uint32_t)prng_below(prng, 22), (uint16_t)(1 + prng_below(prng, 9)),
                      (uint8_t)prng_below(prng, 4), prng_below(prng, 2) == 0);
        }
        break;
    case 2:
        if (numbers[link] + 1 < ASKER_REQUESTS) {
            bench_open(&bench, link, ++numbers[link], (uint32_t)prng_below(prng, 4),
                       prng_below(prng, 2) == 0);
        }
        break;
    case 3:
        bench_cancel(&bench, link, 1 + (uint32_t)prng_below(prng, numbers[link] + 1));
        break;
    case 4:
        bench_serve(&bench, link, prng_below(prng, 3) > 0);
        break;
    case 5:
        if (prng_below(prng, 4) == 0) {
            bench_reject(&bench, link, P2P_REJECT_BUSY);
        }
        break;
    case 6:
        bench.held[0] = (uint32_t)prng_below(prng, 1u << 21);
        bench.has_no_proofs = prng_below(prng, 8) == 0;
        bench.read_error = prng_below(prng, 8) == 0 ? ERROR_NOT_FOUND : 0;
        break;
    case 7:
        server_set_fragment_bytes(bench.server, 2048u << prng_below(prng, 4));
        break;
    case 8:
        bench.budget_bytes = 0;
        break;
    case 9:
        bench_allow(&bench, prng_below(prng, 40000));
        break;
    case 10:
        bench_drain(&bench, link, prng_below(prng, 40000));
        break;
    default:
        if (bench.pending_count > 0) {
            bench_answer(&bench, (uint32_t)prng_below(prng, bench.pending_count));
        }
        break;
    }
}

/* A player under anything: the askers get what the contract says, and every request ends once it is
 * let. The bench asserts the one, this the other. */
static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        uint32_t numbers[BENCH_LINKS + 1] = {0};
        struct prng prng;
        prng_init(&prng, seed);
        start_player(0x1fffff, 3);
        for (uint32_t link = 2; link <= 4; link++) {
            bench_up(&bench, link);
            if (link == 4) {
                server_link_set_free(bench.server, &bench.links[link].server);
            }
            bench_greet(&bench, link);
        }
        bench.holds_answers = true;
        bench.holds_rooms = true;
        for (uint32_t turn = 0; turn < 600; turn++) {
            random_event(&prng, numbers);
            bench_forget_story(&bench);
        }
        bench.holds_answers = false;
        bench.holds_rooms = false;
        bench.budget_bytes = UINT64_MAX / 2;
        for (uint32_t link = 1; link <= 4; link++) {
            bench_serve(&bench, link, true);
            bench_forget_story(&bench);
        }
        for (uint32_t link = 1; link <= 4; link++) {
            assert_int_equal(server_link_requests(&bench.links[link].server), 0);
            for (uint32_t i = 1; i <= numbers[link]; i++) {
                assert_true(bench.links[link].requests[i].is_over ||
                            bench.links[link].requests[i].is_cancelled);
            }
        }
        bench_end(&bench);
    }
}

static void test_trace_word(void **state)
{
    (void)state;
    struct server_config config = bench_config();
    config.trace_word = "give ";
    bench_start(&bench, &config);
    bench_join(&bench, 1);
    bench_ask(&bench, 1, 1, 3, 0, 1, 0, false);
    bench_expect(&bench, "give link 1: request 1: chunks 0+1, priority 0\n"
                         "give link 1: reject 1: no such track or file here\n");
    bench_end(&bench);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const struct server_owner owner = {0};
    struct server_config config = bench_config();
    config.intern = media_intern_new(1);
    config.owner = &owner;
    for (unsigned nth = 1; nth <= 3; nth++) {
        struct server *server = NULL;
        fail_at = nth;
        assert_int_equal(server_new(&config, &server), ERROR_NO_MEMORY);
        assert_null(server);
    }
    fail_at = 0;
    media_intern_free((struct media_intern *)config.intern);

    for (unsigned nth = 1; nth <= 2; nth++) { /* a request's place, and its start set's */
        start();
        bench_join(&bench, 1);
        struct p2p_message message = asker_open(bench.links[1].requests, 1, 1, true);
        fail_at = nth;
        assert_int_equal(server_message(bench.server, &bench.links[1].server, &message),
                         ERROR_NO_MEMORY);
        fail_at = 0;
        bench_down(&bench, 1);
        bench_end(&bench);
    }
}

static void test_heap_bytes(void **state)
{
    (void)state;
    start();
    bench_join(&bench, 1);
    size_t before = server_heap_bytes(bench.server);
    bench_ask(&bench, 1, 1, 1, 0, 21, 0, true);
    size_t after = server_heap_bytes(bench.server);
    assert_true(after > before);
    bench_ask(&bench, 1, 2, 1, 0, 21, 0, true);
    assert_int_equal(server_heap_bytes(bench.server), after); /* used again */
    assert_true(after < 16384);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_before_our_hello),
        cmocka_unit_test(test_too_many_before_our_hello),
        cmocka_unit_test(test_held_back),
        cmocka_unit_test(test_reject_all),
        cmocka_unit_test(test_holdings),
        cmocka_unit_test(test_opens_of_a_player),
        cmocka_unit_test(test_evicted_meanwhile),
        cmocka_unit_test(test_leave_to_send),
        cmocka_unit_test(test_fragment_sizes),
        cmocka_unit_test(test_free_link),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_trace_word),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_heap_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
