/*
 * test_origin_tracker.c: players tell the origin what they have and ask it for others: stories over
 * links, with sockets that do not take bytes, early questions, rendezvous, and what strangers do.
 */
#include "common/error.h"
#include "tests/lib/origin_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct bench bench;

static void start(void)
{
    struct origin_config config = bench_config();
    config.link_max = BENCH_LINKS;
    config.has_tracker = true;
    config.tracker = tracker_config_default;
    config.tracker.seed = 7;
    bench_start(&bench, &config);
}

/* The last HOLDERS as "holders: links", files apart by " | ". */
static const char *heard(uint32_t link)
{
    static char text[1024];
    struct p2p_message message;
    assert_int_equal(p2p_message_decode(P2P_HOLDERS, bench.links[link].holders,
                                        bench.links[link].holders_bytes, &message),
                     0);
    struct p2p_holders_file file;
    uint32_t at = 0;
    size_t length = 0;
    text[0] = '\0';
    while (p2p_holders_next(&message, &at, &file)) {
        length += (size_t)snprintf(&text[length], sizeof text - length,
                                   "%s%u:", length == 0 ? "" : " | ", (unsigned)file.holders);
        for (uint32_t i = 0; i < file.listed; i++) {
            struct p2p_contact contact;
            p2p_contact_read(message.holders.contacts, file.contacts[i], &contact);
            length +=
                (size_t)snprintf(&text[length], sizeof text - length, " %u", contact.peer_id[0]);
        }
        assert_true(length < sizeof text);
    }
    return text;
}

static void test_story(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 1);
    assert_int_equal(bench.links[1].hello_features, P2P_FEATURE_GIVES | P2P_FEATURE_TRACKER);
    bench_join_peer(&bench, 2, 2, 0);
    bench_join_peer(&bench, 3, 2, 0);
    bench.story[0] = '\0';
    bench.story_bytes = 0;
    bench_announce(&bench, 1, true, 1, 3);
    bench_announce(&bench, 2, true, 3, 4);
    bench_lookup(&bench, 3, 1, 4);
    bench_expect(&bench, "link 1: has 3 files, lost 0\n"
                         "link 2: has 2 files, lost 0\n"
                         "link 3: holders of 4 files, contacts 2\n");
    assert_string_equal(heard(3), "1: 1 | 1: 1 | 2: 2 1 | 1: 2");
    bench_announce(&bench, 2, true, 4, 4);
    bench_down(&bench, 1);
    bench_lookup(&bench, 3, 1, 4);
    assert_string_equal(heard(3), "0: | 0: | 0: | 1: 2");
    struct origin_totals totals;
    origin_get_totals(bench.origin, &totals);
    assert_int_equal(totals.tracker.peers, 2);
    assert_int_equal(totals.tracker.files, 1);
    assert_int_equal(totals.tracker.pairs, 1);
    assert_int_equal(totals.misbehaved, 0);
    bench_end(&bench);
}

/* Without a peer id nothing that is said about files is heard, and nobody is let go for it. */
static void test_no_part(void **state)
{
    (void)state;
    start();
    bench_join(&bench, 1);
    bench_join_peer(&bench, 2, 2, 0);
    bench_announce(&bench, 1, true, 1, 3);
    bench_lookup(&bench, 1, 1, 3);
    bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 2);
    struct p2p_message listen = {.type = P2P_LISTEN, .listen = {.port = 1}};
    bench_say(&bench, 1, &listen);
    assert_true(bench.links[1].is_up);
    assert_int_equal(bench.links[1].holders_count, 0);
    assert_int_equal(bench.links[2].rendezvous_count[P2P_RENDEZVOUS_INVITE], 0);
    bench_lookup(&bench, 2, 1, 3);
    assert_string_equal(heard(2), "0: | 0: | 0:");
    bench_end(&bench);

    struct origin_config config = bench_config(); /* an origin without a tracker */
    bench_start(&bench, &config);
    bench_join_peer(&bench, 1, 1, 1);
    assert_int_equal(bench.links[1].hello_features, P2P_FEATURE_GIVES);
    bench_announce(&bench, 1, true, 1, 3);
    bench_lookup(&bench, 1, 1, 3);
    assert_true(bench.links[1].is_up);
    assert_int_equal(bench.links[1].holders_count, 0);
    bench_end(&bench);
}

/* In the first flight, before our HELLO could go: one LOOKUP waits for it. */
static void test_early(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 0);
    bench_announce(&bench, 1, true, 1, 3);
    bench.holds_answers = true;
    bench_join_peer(&bench, 2, 2, 0);
    bench_announce(&bench, 2, true, 2, 2);
    bench_lookup(&bench, 2, 1, 2);
    bench_lookup(&bench, 2, 3, 3); /* passed over */
    bench_meet(&bench, 2, P2P_RENDEZVOUS_ASK, 1);
    assert_int_equal(bench.links[2].holders_count, 0);
    bench_answer_all(&bench);
    assert_int_equal(bench.links[2].holders_count, 1);
    assert_string_equal(heard(2), "1: 1 | 1: 1");
    bench_join_peer(&bench, 3, 2, 0);
    bench_lookup(&bench, 3, 1, 2);
    bench_down(&bench, 3); /* nothing is kept for it */
    bench_answer_all(&bench);
    bench_end(&bench);
}

/* What TLS proved is what it must say. */
static void test_identity(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 2);
    assert_false(bench.links[1].is_up);
    assert_int_equal(bench.links[1].bye, P2P_BYE_IDENTITY);
    bench_join_peer(&bench, 2, 1, 2);
    assert_true(bench.links[2].is_up);
    bench_end(&bench);
}

static void test_rendezvous(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 0);
    bench_join_peer(&bench, 2, 2, 0);
    bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 2);
    assert_int_equal(bench.links[2].rendezvous_count[P2P_RENDEZVOUS_INVITE], 1);
    assert_int_equal(bench.links[1].rendezvous_count[P2P_RENDEZVOUS_GO], 1);
    assert_int_equal(bench.links[2].contact.peer_id[0], 1);
    assert_int_equal(bench.links[2].contact.addresses[0].address[2], 1);
    assert_int_equal(bench.links[2].contact.addresses[0].port, 4000);
    assert_int_equal(bench.links[1].contact.peer_id[31], 2);
    bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 3); /* nobody */
    bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 1); /* itself */
    assert_int_equal(bench.links[1].rendezvous_count[P2P_RENDEZVOUS_AWAY], 2);
    struct origin_totals totals;
    origin_get_totals(bench.origin, &totals);
    assert_int_equal(totals.meetings, 1);
    bench_meet(&bench, 1, P2P_RENDEZVOUS_GO, 2); /* we asked nobody */
    assert_false(bench.links[1].is_up);
    assert_int_equal(bench.links[1].bye, P2P_BYE_PROTOCOL);
    bench_end(&bench);
}

/* A flood of ASKs: at a pace, answered or not; the one that is asked for hears no more of it. */
static void test_rendezvous_flood(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 0);
    bench_join_peer(&bench, 2, 2, 0);
    for (uint32_t i = 0; i < 500; i++) {
        bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 2);
    }
    uint32_t invited = bench.links[2].rendezvous_count[P2P_RENDEZVOUS_INVITE];
    assert_in_range(invited, 1, 32);
    assert_true(bench.links[1].is_up);
    bench_at(&bench, 10 * TIME_US_PER_S);
    bench_meet(&bench, 1, P2P_RENDEZVOUS_ASK, 2);
    assert_int_equal(bench.links[2].rendezvous_count[P2P_RENDEZVOUS_INVITE], invited + 1);
    bench_end(&bench);
}

/* Sockets that take nothing: answers become shorter and end; nobody is let go, not even who is
 * asked for. */
static void test_who_does_not_read(void **state)
{
    (void)state;
    start();
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        bench_join_peer(&bench, link, (uint8_t)link, 0);
        bench_announce(&bench, link, true, 1, 32);
    }
    bench.holds_rooms = true;
    for (uint32_t i = 0; i < 300; i++) {
        bench_lookup(&bench, 1, 1, 32);
        bench_meet(&bench, 2, P2P_RENDEZVOUS_ASK, 1);
        bench_at(&bench, bench.now_us + TIME_US_PER_S / 10);
        assert_true(bench.links[1].is_up);
        assert_true(bench.links[2].is_up);
    }
    uint64_t most = bench_config().link_queue_bytes + 16384u;
    assert_in_range(bench.links[1].queued_bytes, most - 1000, most);
    uint32_t before = bench.links[1].holders_count;
    bench.holds_rooms = false;
    bench_drain(&bench, 1, UINT64_MAX);
    bench_lookup(&bench, 1, 1, 32);
    assert_int_equal(bench.links[1].holders_count, before + 1);
    assert_memory_equal(heard(1), "7: ", 3);
    bench_end(&bench);
}

/* More at once than a step may take apart: the rest follows in the next ones, at once. */
static void test_large_link_goes(void **state)
{
    (void)state;
    start();
    bench_join_peer(&bench, 1, 1, 0);
    bench_join_peer(&bench, 2, 2, 0);
    for (uint32_t i = 0; i < 10; i++) {
        bench_announce(&bench, 1, false, 1 + 900 * i, 900 * (i + 1));
    }
    struct origin_totals totals;
    origin_get_totals(bench.origin, &totals);
    assert_int_equal(totals.tracker.pairs, 9000);
    size_t full_bytes = origin_heap_bytes(bench.origin);
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_DOWN};
    struct origin_update update;
    event.link_down.link = 1;
    bench.links[1].is_up = false;
    assert_int_equal(origin_step(bench.origin, &event, &update), 0);
    uint32_t steps = 1;
    while (update.next_deadline_us <= bench.now_us) {
        origin_get_totals(bench.origin, &totals);
        assert_int_equal(totals.tracker.pairs, 0);
        assert_in_range(totals.tracker.files, 9000 - steps * 1024, 9000 - steps * 1024);
        event = (struct origin_event){.kind = ORIGIN_EVENT_TICK};
        assert_int_equal(origin_step(bench.origin, &event, &update), 0);
        steps++;
    }
    assert_int_equal(steps, 9);
    assert_true(origin_heap_bytes(bench.origin) < full_bytes);
    bench_lookup(&bench, 2, 1, 1);
    assert_string_equal(heard(2), "0:");
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_no_part),
        cmocka_unit_test(test_early),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_rendezvous),
        cmocka_unit_test(test_rendezvous_flood),
        cmocka_unit_test(test_who_does_not_read),
        cmocka_unit_test(test_large_link_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
