/*
 * test_origin.c: the engine's door: a whole conversation, what a player may not say, totals, the
 * bounds of links, memory that fails, and the same trace twice.
 */
#include "common/error.h"
#include "tests/lib/origin_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
    struct origin_config config = bench_config();
    bench_start(&bench, &config);
}

/* A click: hello and open in the first flight, before our hello could go. */
static void test_a_click(void **state)
{
    (void)state;
    start();
    bench.holds_answers = true;
    bench_up(&bench, 1, true);
    bench_hello(&bench, 1);
    bench_open(&bench, 1, 1, 1, true);
    bench_expect(&bench, "link 1: up, tls\n"
                         "link 1: hello, version 1\n"
                         "link 1: open 1 with start set\n");
    assert_int_equal(bench.pending_count, 1);
    bench_answer(&bench, 0); /* the signature: our hello goes, the track is looked up */
    assert_true(bench.links[1].is_greeted);
    assert_int_equal(bench.pending_count, 1);
    assert_int_equal(bench.pending[0].kind, ORIGIN_EFFECT_FIND_TRACK);
    bench_answer(&bench, 0);
    bench_expect(&bench, "link 1: opened 1, manifest of 323 bytes\n"
                         "link 1: read 1: chunk 0\n"
                         "link 1: read 1: chunk 1\n");
    /* The proof of row 0 and two reads wait; what is read first waits for the proof. */
    assert_int_equal(bench.pending_count, 3);
    bench_answer(&bench, 1);
    bench_expect(&bench, "");
    bench_answer_all(&bench);
    bench_expect(&bench, "link 1: proof 1: row 0\n"
                         "link 1: fragment 1: chunk 0 at 0, 16384 bytes\n"
                         "link 1: read 1: chunk 20\n"
                         "link 1: fragment 1: chunk 1 at 0, 16384 bytes\n"
                         "link 1: proof 1: row 2\n"
                         "link 1: read 1: chunk 2\n"
                         "link 1: fragment 1: chunk 20 at 0, 100 bytes\n"
                         "link 1: fragment 1: chunk 2 at 0, 16384 bytes\n");
    assert_true(bench_is_served(&bench, 1, 1));
    bench_down(&bench, 1);
    bench_expect(&bench, "link 1: down, 0 requests dropped\n");
    bench_end(&bench);
}

/* What an origin never asks for, and what may come once only. */
static const struct {
    enum p2p_type type;
    uint8_t bye; /* 0: it stays */
} messages[] = {
    {P2P_HELLO, P2P_BYE_PROTOCOL},
    {P2P_OPENED, P2P_BYE_PROTOCOL},
    {P2P_FRAGMENT, P2P_BYE_PROTOCOL},
    {P2P_PROOF, P2P_BYE_PROTOCOL},
    {P2P_REJECT, P2P_BYE_PROTOCOL},
    {P2P_CANCEL, 0},
    {P2P_PING, 0},
    {P2P_PONG, 0},
    {P2P_BYE, P2P_BYE_DONE},
    {P2P_LISTEN, 0},
    {P2P_INTEREST, P2P_BYE_PROTOCOL},
    {P2P_HAVE, P2P_BYE_PROTOCOL},
    {P2P_ANNOUNCE, 0},
    {P2P_LOOKUP, 0},
    {P2P_HOLDERS, P2P_BYE_PROTOCOL},
    {P2P_EXCHANGE, P2P_BYE_PROTOCOL},
    {P2P_RENDEZVOUS, 0},
    {P2P_SEARCH, P2P_BYE_PROTOCOL},
    {P2P_FOUND, P2P_BYE_PROTOCOL},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct origin_totals totals;
        start();
        bench_join(&bench, 1);
        bench_join(&bench, 2);
        struct p2p_message message = {.type = messages[i].type};
        bench_say(&bench, 1, &message);
        assert_int_equal(bench.links[1].bye, messages[i].bye);
        assert_int_equal(bench.links[1].is_up, messages[i].bye == 0);
        assert_int_equal(bench.links[1].pongs, messages[i].type == P2P_PING);
        assert_true(bench.links[2].is_up);
        origin_get_totals(bench.origin, &totals);
        assert_int_equal(totals.misbehaved, messages[i].bye == P2P_BYE_PROTOCOL);
        assert_int_equal(totals.links_now, messages[i].bye == 0 ? 2 : 1);
        /* Events that crossed the DISCONNECT do nothing. */
        bench_say(&bench, 1, &message);
        bench_drain(&bench, 1, 0);
        bench_down(&bench, 1);
        bench_end(&bench);
    }
}

static void test_totals(void **state)
{
    (void)state;
    struct origin_totals totals;
    start();
    bench_join(&bench, 1);
    bench_open(&bench, 1, 1, 2, true);
    bench_open(&bench, 1, 2, 9, true);
    bench.holds_answers = true;
    bench_ask(&bench, 1, 3, 1, 0, 2, 0, false);
    bench_cancel(&bench, 1, 3);
    bench_answer_all(&bench);
    origin_get_totals(bench.origin, &totals);
    assert_int_equal(totals.links, 1);
    assert_int_equal(totals.links_now, 1);
    assert_int_equal(totals.requests, 3);
    assert_int_equal(totals.rejects, 1);
    assert_int_equal(totals.payload_bytes, 3 * CHUNK_BYTES);
    assert_int_equal(totals.cancelled_bytes, 2 * CHUNK_BYTES);
    assert_int_equal(totals.misbehaved, 0);
    bench_end(&bench);
}

/* Counted by hand: what a link and its requests cost. */
static void test_heap(void **state)
{
    (void)state;
    start();
    size_t empty = origin_heap_bytes(bench.origin);
    bench_join(&bench, 1);
    size_t one = origin_heap_bytes(bench.origin);
    assert_true(one > empty && one - empty < 1024);
    bench_open(&bench, 1, 1, 2, true);
    size_t busy = origin_heap_bytes(bench.origin);
    for (uint32_t i = 2; i < 50; i++) {
        bench_open(&bench, 1, i, 2, true);
    }
    assert_int_equal(origin_heap_bytes(bench.origin), busy); /* the pools are used again */
    (void)printf(
        "origin: %zu bytes empty, %zu an idle link, %zu with the first block of requests\n", empty,
        one - empty, busy - one);
    bench_end(&bench);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct origin_config config = bench_config();
    struct media_intern *intern = media_intern_new(1);
    config.intern = intern;
    unsigned failed = 0;
    for (unsigned nth = 1; nth <= 4; nth++) {
        struct origin *origin = NULL;
        fail_at = nth;
        int error = origin_new(&config, &origin);
        failed += error == ERROR_NO_MEMORY;
        assert_true(error == 0 || (error == ERROR_NO_MEMORY && origin == NULL));
        fail_at = 0;
        origin_free(origin);
    }
    assert_int_equal(failed, 4);
    media_intern_free(intern);
    origin_free(NULL);
}

/* A step that gets no memory says so, and the engine can be freed. */
static void test_no_memory_in_a_step(void **state)
{
    (void)state;
    struct origin_update update;
    struct p2p_message open = {.type = P2P_OPEN, .open = {.request = 1, .flags = 1}};
    struct origin_event events[2] = {{.kind = ORIGIN_EVENT_LINK_UP},
                                     {.kind = ORIGIN_EVENT_MESSAGE}};
    events[0].link_up.link = 7;
    events[1].message.link = 1;
    events[1].message.message = &open;
    for (int i = 0; i < 2; i++) {
        for (unsigned nth = 1; nth <= 2; nth++) {
            start();
            bench_join(&bench, 1);
            fail_at = nth;
            int error = origin_step(bench.origin, &events[i], &update);
            assert_true(error == ERROR_NO_MEMORY || fail_at > 0);
            assert_true(error != 0 || nth > 1);
            fail_at = 0;
            bench_end(&bench);
        }
    }
}

static uint64_t run_once(void)
{
    start();
    for (uint32_t link = 1; link <= 4; link++) {
        bench_join(&bench, link);
    }
    bench.holds_answers = true;
    for (uint32_t i = 1; i <= 12; i++) {
        bench_at(&bench, i * 1000);
        bench_ask(&bench, 1 + i % 4, i, 1 + i % 2, i % 3, 1, (uint8_t)(i % 4), i % 2 == 0);
    }
    bench_answer_all(&bench);
    uint64_t hash = bench.trace.hash;
    bench_end(&bench);
    return hash;
}

static void test_same_trace_twice(void **state)
{
    (void)state;
    assert_true(run_once() == run_once());
}

/* Ten thousand links, one event each in turn: what a step costs (printed, not judged: the clock of
 * a shared machine is no verdict), and that none is forgotten. */
static void test_many_links(void **state)
{
    (void)state;
    enum { LINKS = 10000 };
    struct media_intern *intern = media_intern_new(1);
    struct origin_config config = bench_config();
    struct origin *origin = NULL;
    struct origin_update update;
    struct p2p_message hello = {.type = P2P_HELLO, .hello = {.version = 1}};
    struct p2p_message ping = {.type = P2P_PING};
    struct timespec from, to;
    config.intern = intern;
    config.link_max = LINKS;
    assert_int_equal(origin_new(&config, &origin), 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t link = 1; link <= LINKS; link++) {
            struct origin_event event = {.now_us = round};
            event.kind = round == 0   ? ORIGIN_EVENT_LINK_UP
                         : round == 2 ? ORIGIN_EVENT_SIGNED
                                      : ORIGIN_EVENT_MESSAGE;
            if (round == 0) {
                event.link_up.link = link;
            } else if (round == 2) {
                event.signed_hello.link = link;
            } else {
                event.message.link = link;
                event.message.message = round == 1 ? &hello : &ping;
            }
            assert_int_equal(origin_step(origin, &event, &update), 0);
            assert_int_equal(update.count, round != 0);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    int64_t ns = (to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec);
    (void)printf("origin: %lld ns a step with %d links, %zu bytes a link\n",
                 (long long)ns / (4 * LINKS), LINKS, origin_heap_bytes(origin) / LINKS);
    origin_check_invariants(origin);
    origin_free(origin);
    media_intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_click),          cmocka_unit_test(test_messages),
        cmocka_unit_test(test_totals),           cmocka_unit_test(test_heap),
        cmocka_unit_test(test_no_memory),        cmocka_unit_test(test_no_memory_in_a_step),
        cmocka_unit_test(test_same_trace_twice), cmocka_unit_test(test_many_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
