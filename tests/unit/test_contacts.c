/*
 * test_contacts.c: who is tried next, backoff, and who leaves a full table.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/contacts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct contacts_config config = {
    .max = 40, .backoff_us = 10 * TIME_US_PER_S, .backoff_max_us = 40 * TIME_US_PER_S};

static struct contacts contacts;
static struct prng prng;

static void start(void)
{
    contacts_init(&contacts, &config, 5);
    prng_init(&prng, 5);
}

static void name(uint32_t peer, struct p2p_contact *ret_contact)
{
    *ret_contact = (struct p2p_contact){.flags = P2P_CONTACT_GIVES};
    memcpy(ret_contact->peer_id, &peer, sizeof peer);
    ret_contact->peer_id[31] = 1;
    ret_contact->addresses[0] = (struct p2p_address){
        .family = 4, .address = {1, (uint8_t)(peer >> 8), (uint8_t)peer, 1}, .port = 7};
}

static struct contact *put(uint64_t now_s, uint32_t peer, enum contacts_source source)
{
    struct p2p_contact heard;
    struct contact *contact = NULL;
    name(peer, &heard);
    assert_int_equal(contacts_put(&contacts, now_s * TIME_US_PER_S, &heard, source, &contact), 0);
    contacts_check_invariants(&contacts);
    return contact;
}

static struct contact *find(uint32_t peer)
{
    struct p2p_contact named;
    name(peer, &named);
    return contacts_find(&contacts, named.peer_id);
}

static bool anybody(void *context, const struct contact *contact)
{
    (void)context;
    (void)contact;
    return true;
}

static uint32_t pick(uint64_t now_us, uint64_t slots)
{
    const struct contact *contact = contacts_pick(&contacts, now_us, slots, anybody, NULL, &prng);
    uint32_t peer = 0;
    if (contact != NULL) {
        memcpy(&peer, contact->peer_id, sizeof peer);
    }
    return peer;
}

/* Two contacts each; who is picked for slot 0: 1, 2, or 0 when it is chance. */
static void test_who_is_tried_first(void **state)
{
    (void)state;
    static const struct {
        struct {
            enum contacts_source source;
            uint8_t flags;
            char holds; /* w whole, p part, - nothing */
            uint8_t failures;
        } each[2];
        uint32_t picked;
    } rows[] = {
        {{{CONTACTS_TRACKER, 0, 'p', 0}, {CONTACTS_TRACKER, 0, 'w', 0}}, 2},
        {{{CONTACTS_TRACKER, 0, 'w', 0}, {CONTACTS_LAN, 0, '-', 0}}, 1},
        {{{CONTACTS_TRACKER, 0, 'w', 0}, {CONTACTS_LAN, P2P_CONTACT_LAN, 'p', 0}}, 2},
        {{{CONTACTS_TRACKER, P2P_CONTACT_REACHABLE, 'w', 0}, {CONTACTS_TRACKER, 0, 'w', 0}}, 1},
        {{{CONTACTS_TRACKER, 0, 'w', 1}, {CONTACTS_TRACKER, 0, 'p', 0}}, 2},
        {{{CONTACTS_TRACKER, 0, 'w', 0}, {CONTACTS_SEEN, 0, 'w', 0}}, 2},
        {{{CONTACTS_TRACKER, P2P_CONTACT_GIVES, 'w', 0}, {CONTACTS_TRACKER, 0, 'w', 0}}, 1},
        {{{CONTACTS_TRACKER, 0, 'w', 0}, {CONTACTS_TRACKER, 0, 'w', 0}}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t first = 0;
        start();
        for (uint32_t k = 0; k < 2; k++) {
            struct contact *contact = put(1, k + 1, rows[i].each[k].source);
            contact->flags = rows[i].each[k].flags;
            contact->failures = rows[i].each[k].failures;
            if (rows[i].each[k].holds != '-') {
                contacts_hold(contact, 0, rows[i].each[k].holds == 'w');
            }
        }
        for (uint32_t k = 0; k < 100; k++) {
            first += pick(TIME_US_PER_S, 1) == 1;
        }
        if (rows[i].picked == 0) {
            assert_in_range(first, 20, 80);
        } else {
            assert_int_equal(first, rows[i].picked == 1 ? 100 : 0);
        }
        contacts_deinit(&contacts);
    }
}

static void test_backoff(void **state)
{
    (void)state;
    static const uint32_t bounds_s[][2] = {{5, 10}, {10, 20}, {20, 40}, {20, 40}, {20, 40}};
    uint64_t now_us = TIME_US_PER_S;
    start();
    struct contact *contact = put(1, 1, CONTACTS_TRACKER);
    for (size_t i = 0; i < sizeof bounds_s / sizeof bounds_s[0]; i++) {
        uint64_t next_us;
        assert_int_equal(pick(now_us, 0), 1);
        contacts_dialling(&contacts, contact, now_us, false);
        assert_int_equal(pick(now_us, 0), 0);
        contacts_failed(&contacts, contact, now_us, &prng);
        contacts_check_invariants(&contacts);
        assert_int_equal(contacts_available(&contacts, now_us, &next_us), 0);
        assert_in_range(next_us - now_us, bounds_s[i][0] * TIME_US_PER_S,
                        bounds_s[i][1] * TIME_US_PER_S);
        assert_int_equal(pick(next_us - 1, 0), 0);
        now_us = next_us;
    }
    contacts_dialling(&contacts, contact, now_us, false);
    contacts_linked(&contacts, contact, now_us, 9);
    assert_int_equal(contact->failures, 0);
    contacts_unlinked(&contacts, contact, now_us, 7);
    assert_int_equal(contact->retry_us, now_us + 7);
    contacts_deinit(&contacts);
}

static void test_states(void **state)
{
    (void)state;
    start();
    struct contact *contact = put(1, 1, CONTACTS_TRACKER);
    contacts_dialling(&contacts, contact, 5, false);
    assert_null(contacts_find_link(&contacts, 0));
    contact->link = 77;
    assert_ptr_equal(contacts_find_link(&contacts, 77), contact);
    contact->is_asked = true;
    contacts_asked(contact, 6);
    assert_int_equal(contact->link, 0);
    contacts_check_invariants(&contacts);
    contacts_dialling(&contacts, contact, 7, true);
    assert_true(contact->is_arranged);
    assert_int_equal(contacts.busy_count, 1);
    assert_ptr_equal(contacts_busy(&contacts, 0), contact);
    contacts_released(&contacts, contact);
    assert_false(contact->is_arranged);
    assert_false(contact->is_asked);
    contacts_check_invariants(&contacts);
    contacts_deinit(&contacts);
}

/* A full table: who is busy, linked, near, or said to hold something stays. */
static void test_who_leaves(void **state)
{
    (void)state;
    start();
    contacts_linked(&contacts, put(1, 1, CONTACTS_EXCHANGE), 1, 5);
    contacts_dialling(&contacts, put(1, 2, CONTACTS_EXCHANGE), 1, false);
    put(1, 3, CONTACTS_LAN);
    contacts_hold(put(1, 4, CONTACTS_EXCHANGE), 3, false);
    for (uint32_t i = 0; i < 36; i++) {
        put(2 + i, 100 + i, i == 0 ? CONTACTS_TRACKER : CONTACTS_EXCHANGE);
    }
    assert_int_equal(contacts_count(&contacts), 40);
    for (uint32_t i = 0; i < 1000; i++) { /* rumours replace rumours, the oldest first */
        put(100 + i, 1000 + i, CONTACTS_EXCHANGE);
    }
    assert_int_equal(contacts_count(&contacts), 40);
    for (uint32_t peer = 1; peer <= 4; peer++) {
        assert_non_null(find(peer));
    }
    assert_non_null(find(100)); /* the tracker's */
    assert_null(find(101));
    assert_non_null(find(1999));
    for (uint32_t i = 0; i < 100; i++) {
        put(2000 + i, 3000 + i, CONTACTS_TRACKER);
    }
    assert_non_null(find(1));
    assert_null(put(3000, 9999, CONTACTS_EXCHANGE)); /* only better ones are here now */
    contacts_deinit(&contacts);
}

static void test_whose_addresses_are_believed(void **state)
{
    (void)state;
    struct p2p_contact heard;
    struct contact *contact;
    start();
    contact = put(1, 1, CONTACTS_TRACKER);
    name(1, &heard);
    heard.addresses[0].port = 8;
    contacts_put(&contacts, 2 * TIME_US_PER_S, &heard, CONTACTS_EXCHANGE, &contact);
    assert_int_equal(contact->addresses[0].port, 7); /* a rumour */
    contacts_put(&contacts, 3 * TIME_US_PER_S, &heard, CONTACTS_TRACKER, &contact);
    assert_int_equal(contact->addresses[0].port, 8);
    heard.addresses[0].port = 9;
    contacts_put(&contacts, 3000 * TIME_US_PER_S, &heard, CONTACTS_EXCHANGE, &contact);
    assert_int_equal(contact->addresses[0].port, 9); /* long unheard from the tracker */
    heard.addresses[0].port = 0;
    contacts_put(&contacts, 3000 * TIME_US_PER_S, &heard, CONTACTS_TRACKER, &contact);
    assert_null(contact); /* nothing to dial */
    contacts_deinit(&contacts);
}

static void test_export_begins_with_the_next_address(void **state)
{
    (void)state;
    struct p2p_contact heard;
    struct p2p_contact exported;
    struct contact *contact;
    start();
    name(1, &heard);
    heard.addresses[1] = heard.addresses[0];
    heard.addresses[1].port = 8;
    contacts_put(&contacts, 1, &heard, CONTACTS_TRACKER, &contact);
    contacts_dialling(&contacts, contact, 1, false);
    contacts_failed(&contacts, contact, 1, &prng);
    assert_int_equal(contact->retry_us, 1); /* the next address at once */
    contacts_export(contact, &exported);
    assert_int_equal(exported.addresses[0].port, 8);
    assert_int_equal(exported.addresses[1].port, 7);
    assert_true(p2p_contact_ok(&exported));
    contacts_deinit(&contacts);
}

static void test_slots_are_cleared(void **state)
{
    (void)state;
    uint64_t next_us;
    start();
    contacts_hold(put(1, 1, CONTACTS_TRACKER), 3, true);
    contacts_hold(find(1), 4, false);
    contacts_hold(put(1, 2, CONTACTS_TRACKER), 3, false);
    assert_int_equal(contacts_count_holders(&contacts, 3), 2);
    assert_int_equal(contacts_available(&contacts, TIME_US_PER_S, &next_us), 0x18);
    contacts_clear_slots(&contacts, 1u << 3);
    assert_int_equal(contacts_count_holders(&contacts, 3), 0);
    assert_int_equal(contacts_count_holders(&contacts, 4), 1);
    contacts_deinit(&contacts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_tried_first),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_who_leaves),
        cmocka_unit_test(test_whose_addresses_are_believed),
        cmocka_unit_test(test_export_begins_with_the_next_address),
        cmocka_unit_test(test_slots_are_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
