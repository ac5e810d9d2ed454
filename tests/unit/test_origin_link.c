/*
 * test_origin_link.c: greetings, silence, too many links, links that go in the middle.
 */
#include "common/error.h"
#include "tests/lib/origin_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;

static void start(void)
{
    struct origin_config config = bench_config();
    bench_start(&bench, &config);
}

/* A first message that is no HELLO, and a version that cannot be. */
static void test_first_message(void **state)
{
    (void)state;
    for (int type = P2P_HELLO; type <= P2P_FOUND; type++) {
        start();
        bench_up(&bench, 1, false);
        struct p2p_message message = {.type = (enum p2p_type)type};
        bench_say(&bench, 1, &message); /* the HELLO among them has version 0 */
        assert_int_equal(bench.links[1].bye, P2P_BYE_PROTOCOL);
        bench_end(&bench);
    }
}

/* Our HELLO: the form follows the link, the nonce and address are those of LINK_UP. */
static void test_hello(void **state)
{
    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        start();
        struct p2p_message theirs = {.type = P2P_HELLO, .hello = {.version = 9, .nonce = {42}}};
        struct origin_event event = {.kind = ORIGIN_EVENT_LINK_UP};
        struct origin_update update;
        event.link_up.link = 1;
        event.link_up.is_tls = is_tls != 0;
        event.link_up.nonce[0] = 7;
        event.link_up.address_family = 6;
        event.link_up.address[15] = 1;
        event.link_up.port = 4711;
        assert_int_equal(origin_step(bench.origin, &event, &update), 0);
        assert_int_equal(update.count, 0);
        event = (struct origin_event){.kind = ORIGIN_EVENT_MESSAGE};
        event.message.link = 1;
        event.message.message = &theirs;
        assert_int_equal(origin_step(bench.origin, &event, &update), 0);
        assert_int_equal(update.count, 1);
        assert_int_equal(update.effects[0].kind, ORIGIN_EFFECT_SIGN);
        assert_int_equal(update.effects[0].sign.form,
                         is_tls != 0 ? P2P_IDENTITY_TLS : P2P_IDENTITY_NONCE);
        assert_int_equal(update.effects[0].sign.nonce[0], 42);
        event = (struct origin_event){.kind = ORIGIN_EVENT_SIGNED};
        event.signed_hello.link = 1;
        event.signed_hello.signature[63] = 3;
        assert_int_equal(origin_step(bench.origin, &event, &update), 0);
        assert_int_equal(update.count, 1);
        const struct p2p_message *ours = &update.effects[0].send.message;
        assert_int_equal(ours->type, P2P_HELLO);
        assert_int_equal(ours->hello.version, P2P_VERSION);
        assert_int_equal(ours->hello.nonce[0], 7);
        assert_int_equal(ours->hello.request_max, 4);
        assert_int_equal(ours->hello.observed_family, 6);
        assert_int_equal(ours->hello.observed_address[15], 1);
        assert_int_equal(ours->hello.observed_port, 4711);
        assert_int_equal(ours->hello.form, update.effects[0].send.message.hello.form);
        assert_int_equal(ours->hello.identity[0], 0x1d);
        assert_int_equal(ours->hello.signature[63], 3);
        origin_free(bench.origin);
        media_intern_free(bench.intern);
    }
}

/* What is asked before our HELLO waits for it, a PING too; the link may go meanwhile. */
static void test_asked_before_our_hello(void **state)
{
    (void)state;
    start();
    bench.holds_answers = true;
    bench_up(&bench, 1, true);
    bench_hello(&bench, 1);
    bench_ping(&bench, 1, 5);
    bench_ask(&bench, 1, 1, 9, 0, 1, 0, false); /* to be rejected, but not before our HELLO */
    bench_open(&bench, 1, 2, 2, false);
    bench_cancel(&bench, 1, 2);
    assert_int_equal(bench.frame_bytes, 0);
    bench_answer_all(&bench);
    assert_int_equal(bench.links[1].pongs, 1);
    assert_int_equal(bench.links[1].requests[1].rejected, P2P_REJECT_UNKNOWN);
    assert_false(bench.links[1].requests[2].is_opened);

    bench_up(&bench, 2, true);
    bench_hello(&bench, 2);
    bench_down(&bench, 2);
    bench_answer_all(&bench); /* SIGNED for a link that has gone */
    bench_end(&bench);
}

/* More than request_max before our HELLO cannot even be rejected. */
static void test_too_much_before_our_hello(void **state)
{
    (void)state;
    start();
    bench.holds_answers = true;
    bench_up(&bench, 1, true);
    bench_hello(&bench, 1);
    for (uint32_t i = 1; i <= 4; i++) {
        bench_open(&bench, 1, i, 1, true);
        assert_true(bench.links[1].is_up);
    }
    bench_open(&bench, 1, 5, 1, true);
    assert_int_equal(bench.links[1].bye, P2P_BYE_PROTOCOL);
    bench_answer_all(&bench);
    bench_end(&bench);
}

static void test_link_max(void **state)
{
    (void)state;
    start();
    for (uint32_t link = 1; link <= 4; link++) {
        bench_join(&bench, link);
    }
    bench_up(&bench, 5, true);
    assert_int_equal(bench.links[5].bye, P2P_BYE_FULL);
    bench_hello(&bench, 5); /* crossed */
    bench_down(&bench, 5);
    bench_down(&bench, 1);
    bench_up(&bench, 6, true);
    assert_true(bench.links[6].is_up);
    bench_end(&bench);
}

/* Ten seconds for a HELLO, sixty without a word; words and taken bytes begin the time anew. */
static void test_silence(void **state)
{
    (void)state;
    const uint64_t s = TIME_US_PER_S;
    start();
    bench_up(&bench, 1, true);
    assert_int_equal(bench.deadline_us, 10 * s);
    bench_at(&bench, 4 * s);
    bench_join(&bench, 2);
    bench_at(&bench, 5 * s);
    bench_join(&bench, 3);
    assert_int_equal(bench.deadline_us, 10 * s);
    bench_at(&bench, 10 * s - 1);
    assert_true(bench.links[1].is_up);
    bench_at(&bench, 10 * s);
    assert_int_equal(bench.links[1].bye, P2P_BYE_PROTOCOL);
    assert_int_equal(bench.deadline_us, 64 * s);

    bench_at(&bench, 20 * s);
    bench_ping(&bench, 2, 1);
    assert_int_equal(bench.deadline_us, 65 * s);
    bench.holds_rooms = true;
    bench_at(&bench, 30 * s);
    bench_open(&bench, 3, 1, 2, true);
    bench_at(&bench, 50 * s);
    bench_drain(&bench, 3, 1); /* it takes a byte: it is there */
    assert_int_equal(bench.deadline_us, 80 * s);
    bench_at(&bench, 80 * s);
    assert_int_equal(bench.links[2].bye, P2P_BYE_IDLE);
    bench_drain(&bench, 3, 0); /* it takes nothing */
    bench_at(&bench, 110 * s);
    assert_int_equal(bench.links[3].bye, P2P_BYE_IDLE);
    assert_true(bench.deadline_us == TIME_NEVER_US);
    bench_end(&bench);
}

/* Many fall silent at once: more than one update may hold, none is left. */
static void test_silence_of_many(void **state)
{
    (void)state;
    enum { LINKS = 500 };
    struct origin_config config = bench_config();
    struct media_intern *intern = media_intern_new(1);
    struct origin *origin = NULL;
    struct origin_update update;
    uint32_t byes = 0;
    config.intern = intern;
    config.link_max = LINKS;
    assert_int_equal(origin_new(&config, &origin), 0);
    for (uint32_t link = 1; link <= LINKS; link++) {
        struct origin_event up = {.kind = ORIGIN_EVENT_LINK_UP};
        up.link_up.link = link;
        assert_int_equal(origin_step(origin, &up, &update), 0);
    }
    do {
        struct origin_event tick = {.kind = ORIGIN_EVENT_TICK, .now_us = config.hello_us};
        assert_int_equal(origin_step(origin, &tick, &update), 0);
        assert_true(update.count > 0);
        byes += update.count;
        origin_check_invariants(origin);
    } while (update.next_deadline_us <= config.hello_us);
    assert_int_equal(byes, LINKS);
    origin_free(origin);
    media_intern_free(intern);
}

/* A link goes with reads and look-ups under way: their answers find nobody and free all. */
static void test_down_in_the_middle(void **state)
{
    (void)state;
    for (uint32_t answered = 0; answered <= 5; answered++) {
        start();
        bench_join(&bench, 1);
        bench.holds_answers = true;
        bench_open(&bench, 1, 1, 1, true);
        bench_ask(&bench, 1, 2, 2, 0, 3, 0, true);
        bench_ask(&bench, 1, 3, 1, 4, 9, 2, true);
        for (uint32_t i = 0; i < answered; i++) {
            bench_answer(&bench, bench.pending_count - 1);
        }
        bench_down(&bench, 1);
        bench_answer_all(&bench);
        bench.holds_answers = false;
        bench_join(&bench, 2);
        bench_ask(&bench, 2, 1, 1, 0, 21, 0, true);
        assert_true(bench_is_served(&bench, 2, 1)); /* no slot was lost */
        bench_end(&bench);
    }
}

/* What the shell could not even decode counts as misbehaviour; an ordinary end does not. */
static void test_malformed_counts(void **state)
{
    (void)state;
    static const int errors[] = {ERROR_CLOSED, ERROR_MALFORMED, ERROR_IO, ERROR_TOO_LARGE};
    static const uint64_t counts[] = {0, 1, 1, 2};
    start();
    for (uint32_t i = 0; i < 4; i++) {
        struct origin_totals totals;
        bench_join(&bench, i + 1);
        bench_down_for(&bench, i + 1, errors[i]);
        origin_get_totals(bench.origin, &totals);
        assert_int_equal(totals.misbehaved, counts[i]);
    }
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_message),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_asked_before_our_hello),
        cmocka_unit_test(test_too_much_before_our_hello),
        cmocka_unit_test(test_link_max),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_silence_of_many),
        cmocka_unit_test(test_down_in_the_middle),
        cmocka_unit_test(test_malformed_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
