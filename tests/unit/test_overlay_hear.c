/*
 * test_overlay_hear.c: what messages change, and what hostile ones do not. overlay_bench.h has the
 * language.
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

static bool has(uint32_t link, char file, uint32_t chunk)
{
    return overlay_has(bench.overlay, link, bench_file(&bench, file), chunk);
}

static void test_have_of_what_was_asked(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.hides_searches = true;
    bench_begin(&bench);
    bench_wish(&bench, "A!");
    bench_up(&bench, 7, 'b', true);
    assert_int_equal(bench_have(&bench, 7, 'A', "all"), 0); /* before we asked */
    assert_false(has(7, 'A', 0));
    bench_expect(&bench, "7:interest+A");
    bench_have(&bench, 7, 'A', "xx..x");
    assert_true(has(7, 'A', 1));
    assert_false(has(7, 'A', 2));
    bench_have_more(&bench, 7, 'A', "..x");
    assert_true(has(7, 'A', 2));
    assert_int_equal(overlay_count_holders(bench.overlay, bench_file(&bench, 'A'), 2), 1);
    bench_have(&bench, 7, 'A', "..........xxxxxxxxxx");
    assert_false(has(7, 'A', 2));      /* these, and nothing else */
    bench_have(&bench, 7, 'B', "all"); /* not wished for */
    assert_false(has(7, 'B', 0));
    bench_have(&bench, 7, 'A', "none");
    assert_false(has(7, 'A', 12));
    bench_end(&bench);
}

static void test_who_lies_is_not_asked_again(void **state)
{
    (void)state;
    media_handle file;
    bench_start(&bench);
    bench_begin(&bench);
    file = bench_file(&bench, 'A');
    bench_wish(&bench, "A!");
    bench_up(&bench, 7, 'b', true);
    bench_settle(&bench);
    bench_have(&bench, 7, 'A', "all");
    for (uint32_t chunk = 0; chunk < 2; chunk++) {
        assert_int_equal(overlay_not_held(bench.overlay, bench.now_us, 7, file, chunk), 0);
    }
    overlay_received(bench.overlay, bench.now_us, 7, file, CHUNK_BYTES); /* a good one between */
    for (uint32_t chunk = 3; chunk < 5; chunk++) {
        assert_int_equal(overlay_not_held(bench.overlay, bench.now_us, 7, file, chunk), 0);
    }
    assert_true(has(7, 'A', 9));
    assert_int_equal(overlay_not_held(bench.overlay, bench.now_us, 7, file, 6), 0);
    assert_false(has(7, 'A', 9));
    bench_have(&bench, 7, 'A', "all"); /* it says so again */
    assert_false(has(7, 'A', 9));
    bench_wait_ms(&bench, 62000);
    bench_have(&bench, 7, 'A', "all");
    assert_true(has(7, 'A', 9));
    bench_end(&bench);
}

/* Lies of several files are a ban. */
static void test_who_goes_on_lying_is_banned(void **state)
{
    (void)state;
    struct overlay_status status;
    bench_start(&bench);
    bench_begin(&bench);
    bench_wish(&bench, "A!BCDE");
    bench_up(&bench, 7, 'b', false);
    bench_settle(&bench);
    for (int each = 'A'; each < 'F'; each++) {
        bench_have(&bench, 7, (char)each, "all");
        for (uint32_t chunk = 0; chunk < 3; chunk++) {
            overlay_not_held(bench.overlay, bench.now_us, 7, bench_file(&bench, (char)each), chunk);
        }
    }
    overlay_get_status(bench.overlay, &status);
    assert_true(status.lies >= 3);
    assert_int_equal(status.banned, 1);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "drop:7/protocol"), 1);
    assert_true(bench_count(&bench, "remember:b/") > 0);
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_up(&bench, 8, 'b', true); /* it tries again */
    bench_expect(&bench, "drop:8/protocol");
    bench_end(&bench);
}

static void test_floods_break_the_protocol(void **state)
{
    (void)state;
    uint32_t taken = 0;
    bench_start(&bench);
    bench_begin(&bench);
    bench_wish(&bench, "A!");
    bench_up(&bench, 7, 'b', true);
    bench_settle(&bench);
    while (taken < 5000 && bench_have(&bench, 7, 'A', "all") == 0) {
        taken++;
    }
    assert_in_range(taken, 200, 2000);
    bench_up(&bench, 8, 'c', true);
    for (taken = 0; taken < 5000 && bench_interest(&bench, 8, "+A-A") == 0;) {
        taken++;
    }
    assert_in_range(taken, 64, 1000);
    bench_end(&bench);
}

static void test_more_interests_than_allowed_are_passed_over(void **state)
{
    (void)state;
    uint8_t list[P2P_INTEREST_MAX * P2P_INTEREST_BYTES];
    struct p2p_message message = {.type = P2P_INTEREST, .interest = {.count = 64, .files = list}};
    bench_start(&bench);
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    for (uint8_t round = 0; round < 2; round++) {
        for (uint8_t i = 0; i < P2P_INTEREST_MAX; i++) {
            struct media_file_id id = {.bytes = 5};
            memset(id.root, 100 * round + i, sizeof id.root);
            p2p_interest_write(list, i, &id, true);
        }
        assert_int_equal(bench_hear(&bench, 7, &message), 0);
    }
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "have"), 64); /* all of the first, none of the second */
    bench_end(&bench);
}

static void test_holders_with_suspicion(void **state)
{
    (void)state;
    struct overlay_status status;
    bench_start(&bench);
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_wish(&bench, "A!");
    bench_settle(&bench);
    assert_int_equal(bench_holders(&bench, 9, "A=b"), 0); /* nobody asked under 9 */
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.contacts, 0);
    assert_int_equal(bench_holders(&bench, 1, "A=m B=c"), 0); /* ourselves; not asked for */
    bench_expect(&bench, "");
    bench_holders(&bench, 1, "A=b"); /* a second answer */
    bench_expect(&bench, "");
    bench_end(&bench);
}

static void test_a_peer_is_no_tracker(void **state)
{
    (void)state;
    struct p2p_message message = {.type = P2P_RENDEZVOUS};
    bench_start(&bench);
    bench.config.rendezvous = &rendezvous_config_default;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_contact('b', 0, &message.rendezvous.contact);
    message.rendezvous.role = P2P_RENDEZVOUS_ASK;
    assert_int_equal(bench_hear(&bench, BENCH_TRACKER, &message), ERROR_MALFORMED);
    bench_up(&bench, 7, 'b', true);
    struct p2p_message holders = {.type = P2P_HOLDERS};
    assert_int_equal(overlay_message(bench.overlay, bench.now_us, 7, &holders), ERROR_MALFORMED);
    assert_int_equal(overlay_message(bench.overlay, bench.now_us, 99, &holders), 0);
    bench_end(&bench);
}

static void test_a_million_contacts(void **state)
{
    (void)state;
    struct overlay_status status;
    bench_start(&bench);
    bench.config.exchange = &exchange_config_default;
    bench_begin(&bench);
    size_t most = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        struct p2p_contact contact = {.flags = P2P_CONTACT_REACHABLE};
        memcpy(contact.peer_id, &i, sizeof i);
        contact.peer_id[31] = 1;
        contact.addresses[0] = (struct p2p_address){
            .family = 4, .address = {9, (uint8_t)(i >> 8), (uint8_t)i, 1}, .port = 9};
        overlay_contact(bench.overlay, bench.now_us, &contact, false, 0, 0);
        size_t heap = overlay_heap_bytes(bench.overlay);
        most = heap > most ? heap : most;
    }
    overlay_get_status(bench.overlay, &status);
    assert_int_equal(status.contacts, bench.config.contacts_max);
    assert_true(most < 400 * 1024);
    overlay_check_invariants(bench.overlay);
    bench_end(&bench);
}

/* --- searching ---------------------------------------------------------------------------------- */

static void test_a_search_is_answered_and_passed_on(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_put(&bench, 'K', "all");
    bench_put(&bench, 'L', "xx");
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_up(&bench, 9, 'd', true);
    bench_expect(&bench, "");
    assert_int_equal(bench_search(&bench, 7, 55, 2, 'K', 'b'), 0);
    bench_expect(&bench, "7:found:K=all 8:search:K1 9:search:K1");
    assert_int_equal(bench_search(&bench, 8, 55, 1, 'K', 'b'), 0); /* round about */
    bench_expect(&bench, "");
    assert_int_equal(bench_found(&bench, 8, 55, 'K', 'c'), 0); /* goes back */
    bench_expect(&bench, "7:found:K=all");
    bench_search(&bench, 8, 56, 1, 'L', 'z');
    bench_expect(&bench, "8:found:L=part");
    bench_search(&bench, 8, 57, 1, 'M', 'z');
    bench_expect(&bench, "");
    bench_own(&bench, 'M', "all");
    bench_own(&bench, 'K', "none");
    bench_search(&bench, 8, 58, 1, 'M', 'z');
    bench_search(&bench, 8, 59, 1, 'K', 'z');
    bench_expect(&bench, "8:found:M=all");
    bench_end(&bench);
}

static void test_found_brings_a_source(void **state)
{
    (void)state;
    bench_start(&bench);
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_hello(&bench, 7, 7, 7000);
    bench_wish(&bench, "A!");
    bench_expect(&bench, "7:interest+A 7:search:A2");
    assert_int_equal(bench_found(&bench, 7, bench.last_query + 1, 'A', 'd'), 0);
    bench_expect(&bench, "");
    assert_int_equal(bench_found(&bench, 7, bench.last_query, 'A', 'd'), 0);
    bench_expect(&bench, "connect:d#101");
    bench_end(&bench);
}

/* --- contacts of neighbours --------------------------------------------------------------------- */

static void test_exchange_keeps_an_overlay_together(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.exchange = &exchange_config_default;
    bench.config.degree_low = 3;
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_hello(&bench, 7, 7, 7000);
    bench_settle(&bench);
    assert_int_equal(bench_exchange(&bench, 7, "cdem"), 0);
    bench_settle(&bench);
    assert_int_equal(bench_count(&bench, "connect:"), 2);
    assert_int_equal(bench_count(&bench, "connect:m"), 0);
    bench_end(&bench);
}

static void test_hello_makes_a_contact(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.degree_low = 1;
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_hello(&bench, 7, 7, 7000);
    bench_settle(&bench);
    bench_down(&bench, 7, ERROR_CLOSED);
    bench_expect(&bench, "");
    bench_wait_ms(&bench, 61000);
    bench_expect(&bench, "connect:b#101"); /* where it said that it listens */
    bench_end(&bench);
}

/* --- rendezvous --------------------------------------------------------------------------------- */

static void test_we_are_a_broker(void **state)
{
    (void)state;
    bench_start(&bench);
    bench.config.rendezvous = &rendezvous_config_default;
    bench_begin(&bench);
    bench_up(&bench, 7, 'b', true);
    bench_up(&bench, 8, 'c', true);
    bench_hello(&bench, 7, 7, 7000);
    bench_hello(&bench, 8, 7, 7000);
    bench_settle(&bench);
    assert_int_equal(bench_rendezvous(&bench, 7, P2P_RENDEZVOUS_ASK, 'c'), 0);
    bench_expect(&bench, "8:invite:b 7:go:c");
    assert_int_equal(bench_rendezvous(&bench, 7, P2P_RENDEZVOUS_ASK, 'x'), 0);
    bench_expect(&bench, "7:away:x");
    bench_end(&bench);
}

static void test_an_invitation_is_followed(void **state)
{
    (void)state;
    uint32_t followed = 0;
    bench_start(&bench);
    bench.config.rendezvous = &rendezvous_config_default;
    bench_begin(&bench);
    bench_tracker_up(&bench);
    bench_settle(&bench);
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_INVITE, 'x'), 0);
    bench_expect(&bench, "connect:x#101*");
    assert_int_equal(bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_INVITE, 'x'), 0);
    bench_expect(&bench, "");
    for (int peer = 'n'; peer <= 'z'; peer++) { /* and no flood */
        bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_INVITE, (char)peer);
        bench_settle(&bench);
        followed += bench_count(&bench, "connect:");
    }
    assert_true(followed < bench.config.attempts_max);
    bench_wait_ms(&bench, 10000);
    bench_settle(&bench);
    bench_rendezvous(&bench, BENCH_TRACKER, P2P_RENDEZVOUS_GO, 'b'); /* nobody asked */
    bench_expect(&bench, "");
    bench_end(&bench);
}

/* "a.b.c.d"; port 7000. NULL: none. */
static struct p2p_address address_of(const char *text)
{
    struct p2p_address address = {.family = 0};
    unsigned bytes[4];
    if (text != NULL) {
        assert_int_equal(sscanf(text, "%u.%u.%u.%u", &bytes[0], &bytes[1], &bytes[2], &bytes[3]),
                         4);
        address.family = 4;
        address.port = 7000;
        for (uint32_t i = 0; i < 4; i++) {
            address.address[i] = (uint8_t)bytes[i];
        }
    }
    return address;
}

/* We are 192.168.1.5, seen at 203.0.113.9. Which of what the tracker names is dialled? */
static void test_the_tracker_names_local_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *what, *tracker, *first, *second;
        bool is_lan, is_dialled;
    } rows[] = {
        {"a public address", "198.51.100.1", "203.0.113.77", NULL, false, true},
        {"loopback", "198.51.100.1", "127.0.0.1", NULL, true, false},
        {"loopback, behind our outer address", "198.51.100.1", "127.0.0.1", "203.0.113.9", false,
         true},
        {"loopback, tracker near", "192.168.1.1", "127.0.0.1", NULL, true, false},
        {"loopback, tracker here", "127.0.0.1", "127.0.0.1", NULL, false, true},
        {"link-local", "198.51.100.1", "169.254.1.1", NULL, true, false},
        {"link-local, tracker near", "192.168.1.1", "169.254.1.1", NULL, false, true},
        {"private, called near", "198.51.100.1", "10.0.0.7", NULL, true, false},
        {"private, not called near", "198.51.100.1", "10.0.0.7", "203.0.113.9", false, true},
        {"private, at our outer address", "198.51.100.1", "10.0.0.7", "203.0.113.9", true, true},
        {"private, elsewhere", "198.51.100.1", "10.0.0.7", "203.0.113.10", true, true},
        {"private, beside us", "198.51.100.1", "192.168.1.77", NULL, true, true},
        {"private, tracker near", "10.0.0.1", "10.0.0.7", NULL, false, true},
        {"private, tracker not known", NULL, "10.0.0.7", NULL, true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address tracker = address_of(rows[i].tracker);
        struct p2p_address own = address_of("192.168.1.5");
        struct p2p_message hello = {.type = P2P_HELLO,
                                    .hello = {.version = P2P_VERSION,
                                              .request_max = 64,
                                              .observed_family = 4,
                                              .observed_port = 4000,
                                              .observed_address = {203, 0, 113, 9}}};
        struct p2p_message invite = {.type = P2P_RENDEZVOUS};
        invite.rendezvous.role = P2P_RENDEZVOUS_INVITE;
        bench_contact('x', rows[i].is_lan ? P2P_CONTACT_LAN : 0, &invite.rendezvous.contact);
        invite.rendezvous.contact.addresses[0] = address_of(rows[i].first);
        invite.rendezvous.contact.addresses[1] = address_of(rows[i].second);
        bench_start(&bench);
        bench.config.rendezvous = &rendezvous_config_default;
        bench_begin(&bench);
        assert_int_equal(overlay_tracker_up(bench.overlay, bench.now_us, BENCH_TRACKER, &tracker),
                         0);
        overlay_listening(bench.overlay, bench.now_us, 7000, 0, &own, 1);
        assert_int_equal(bench_hear(&bench, BENCH_TRACKER, &hello), 0);
        bench_settle(&bench);
        assert_int_equal(bench_hear(&bench, BENCH_TRACKER, &invite), 0);
        bench_settle(&bench);
        if (bench_count(&bench, "connect:") != rows[i].is_dialled) {
            fail_msg("%s: %s", rows[i].what, bench.text);
        }
        bench_end(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_have_of_what_was_asked),
        cmocka_unit_test(test_who_lies_is_not_asked_again),
        cmocka_unit_test(test_who_goes_on_lying_is_banned),
        cmocka_unit_test(test_floods_break_the_protocol),
        cmocka_unit_test(test_more_interests_than_allowed_are_passed_over),
        cmocka_unit_test(test_holders_with_suspicion),
        cmocka_unit_test(test_a_peer_is_no_tracker),
        cmocka_unit_test(test_a_million_contacts),
        cmocka_unit_test(test_a_search_is_answered_and_passed_on),
        cmocka_unit_test(test_found_brings_a_source),
        cmocka_unit_test(test_exchange_keeps_an_overlay_together),
        cmocka_unit_test(test_hello_makes_a_contact),
        cmocka_unit_test(test_we_are_a_broker),
        cmocka_unit_test(test_an_invitation_is_followed),
        cmocka_unit_test(test_the_tracker_names_local_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
