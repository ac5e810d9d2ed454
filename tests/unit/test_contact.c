/*
 * test_contact.c: a contact's form, its bytes, and what kind of address an address is.
 */
#include "p2p/core/contact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "192.0.2.1" or eight groups "2001:db8:0:0:0:0:0:1"; port 7373. */
static struct p2p_address address(const char *text)
{
    struct p2p_address address = {.family = strchr(text, ':') == NULL ? 4 : 6, .port = 7373};
    char *end = NULL;
    const char *at = text;
    for (unsigned i = 0; i < (address.family == 4 ? 4u : 8u); i++) {
        unsigned long number = strtoul(at, &end, address.family == 4 ? 10 : 16);
        if (address.family == 4) {
            address.address[i] = (uint8_t)number;
        } else {
            address.address[2 * i] = (uint8_t)(number >> 8);
            address.address[2 * i + 1] = (uint8_t)number;
        }
        at = end + 1;
    }
    assert_int_equal(*end, '\0');
    return address;
}

static struct p2p_contact contact(const char *first, const char *second, const char *third)
{
    struct p2p_contact contact = {.peer_id = {7, [31] = 9}, .flags = P2P_CONTACT_REACHABLE | 0x80};
    const char *texts[] = {first, second, third};
    for (unsigned i = 0; i < 3 && texts[i] != NULL; i++) {
        contact.addresses[i] = address(texts[i]);
    }
    return contact;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[3 * P2P_CONTACT_BYTES];
    const struct p2p_contact contacts[] = {
        contact("192.0.2.1", "2001:db8:0:0:0:0:0:1", "10.0.0.7"),
        contact(NULL, NULL, NULL),
        contact("192.0.2.9", NULL, NULL),
    };
    for (uint32_t i = 0; i < 3; i++) {
        p2p_contact_write(bytes, i, &contacts[i]);
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct p2p_contact read;
        p2p_contact_read(bytes, i, &read);
        assert_memory_equal(read.peer_id, contacts[i].peer_id, HASH_BYTES);
        assert_int_equal(read.flags, contacts[i].flags);
        for (uint32_t k = 0; k < P2P_CONTACT_ADDRESSES_MAX; k++) {
            assert_true(p2p_address_equal(&read.addresses[k], &contacts[i].addresses[k]));
        }
    }
    assert_int_equal(p2p_contact_address_count(&contacts[0]), 3);
    assert_int_equal(p2p_contact_address_count(&contacts[1]), 0);
    assert_int_equal(p2p_contact_address_count(&contacts[2]), 1);
}

/* By hand, so that reader and writer cannot be wrong together. */
static void test_drawn(void **state)
{
    (void)state;
    const uint8_t drawn[P2P_CONTACT_BYTES] = {
        [0] = 7,     [31] = 9, [32] = 5,    [33] = 4,    [34] = 192, [35] = 168,
        [36] = 1,    [37] = 2, [50] = 0x1c, [51] = 0xcd, [52] = 6,   [53] = 0xfe,
        [54] = 0x80, [68] = 1, [69] = 0,    [70] = 80};
    struct p2p_contact read;
    p2p_contact_read(drawn, 0, &read);
    assert_int_equal(read.flags, 5);
    assert_int_equal(read.addresses[0].port, 7373);
    assert_int_equal(read.addresses[0].address[3], 2);
    assert_int_equal(read.addresses[1].family, 6);
    assert_int_equal(read.addresses[1].address[15], 1);
    assert_int_equal(read.addresses[1].port, 80);
    assert_int_equal(p2p_contact_address_count(&read), 2);
    assert_true(p2p_contact_ok(&read));
    uint8_t again[P2P_CONTACT_BYTES];
    p2p_contact_write(again, 0, &read);
    assert_memory_equal(again, drawn, sizeof drawn);
}

static void test_form(void **state)
{
    (void)state;
    static const struct {
        unsigned at; /* of a contact's bytes: one address, IPv4 */
        uint8_t value;
        bool ok;
    } rows[] = {
        {0, 7, true},                                        /* as it was */
        {32, 0xff, true},                                    /* unknown flags */
        {33, 6, true},    {33, 0, false},                    /* no family, yet an address */
        {33, 5, false},   {33, 0xff, false}, {38, 1, false}, /* behind the four bytes */
        {49, 1, false},   {52, 4, true},  /* 0.0.0.0 port 0 is well formed; dialled it is not */
        {52, 1, false},   {53, 1, false}, /* family 0 with an address */
        {70, 1, false},                   /* and with a port */
        {71, 4, false},                   /* the third behind a second that is none */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[P2P_CONTACT_BYTES];
        struct p2p_contact changed = contact("192.0.2.1", NULL, NULL);
        p2p_contact_write(bytes, 0, &changed);
        bytes[rows[i].at] = rows[i].value;
        p2p_contact_read(bytes, 0, &changed);
        if (p2p_contact_ok(&changed) != rows[i].ok) {
            fail_msg("row %zu", i);
        }
    }
    struct p2p_contact nobody = contact("192.0.2.1", NULL, NULL);
    nobody.peer_id[0] = 0;
    assert_true(p2p_contact_ok(&nobody));
    assert_false(p2p_peer_id_is_none(nobody.peer_id));
    nobody.peer_id[31] = 0;
    assert_false(p2p_contact_ok(&nobody));
    assert_true(p2p_peer_id_is_none(nobody.peer_id));
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool dialable, local;
    } rows[] = {
        {"192.0.2.1", true, false},
        {"8.8.8.8", true, false},
        {"0.0.0.0", false, false},
        {"0.1.2.3", false, false},
        {"127.0.0.1", true, true},
        {"127.255.0.1", true, true},
        {"10.1.2.3", true, true},
        {"11.0.0.1", true, false},
        {"172.15.0.1", true, false},
        {"172.16.0.1", true, true},
        {"172.31.255.255", true, true},
        {"172.32.0.1", true, false},
        {"192.168.0.1", true, true},
        {"192.169.0.1", true, false},
        {"169.254.1.1", true, true},
        {"169.253.1.1", true, false},
        {"223.255.255.255", true, false},
        {"224.0.0.1", false, false},
        {"239.192.152.143", false, false},
        {"240.0.0.1", false, false},
        {"255.255.255.255", false, false},
        {"2001:db8:0:0:0:0:0:1", true, false},
        {"0:0:0:0:0:0:0:0", false, false},
        {"0:0:0:0:0:0:0:1", true, true},
        {"fe80:0:0:0:0:0:0:1", true, true},
        {"febf:0:0:0:0:0:0:1", true, true},
        {"fec0:0:0:0:0:0:0:1", true, false},
        {"fc00:0:0:0:0:0:0:1", true, true},
        {"fdff:0:0:0:0:0:0:1", true, true},
        {"fe00:0:0:0:0:0:0:1", true, false},
        {"ff02:0:0:0:0:0:0:1", false, false},
        {"0:0:0:0:0:ffff:0a00:0001", true, true},   /* 10.0.0.1 within IPv6 */
        {"0:0:0:0:0:ffff:e000:0001", false, false}, /* 224.0.0.1 */
        {"0:0:0:0:0:ffff:c000:0201", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address one = address(rows[i].text);
        if (p2p_address_is_dialable(&one) != rows[i].dialable ||
            p2p_address_is_local(&one) != rows[i].local) {
            fail_msg("%s", rows[i].text);
        }
        one.port = 0;
        assert_false(p2p_address_is_dialable(&one));
    }
    const struct p2p_address none = {0};
    const struct p2p_address odd = {.family = 9, .address = {10}, .port = 1};
    assert_false(p2p_address_is_dialable(&none));
    assert_false(p2p_address_is_dialable(&odd));
    assert_false(p2p_address_is_local(&none));
    assert_false(p2p_address_is_local(&odd));
}

static void test_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.255.0.1", true},
        {"128.0.0.1", false},
        {"10.0.0.1", false},
        {"0:0:0:0:0:0:0:1", true},
        {"0:0:0:0:0:0:0:2", false},
        {"fe80:0:0:0:0:0:0:1", false},
        {"0:0:0:0:0:ffff:7f00:0001", true},
        {"0:0:0:0:0:ffff:0a00:0001", false},
        {"100:0:0:0:0:0:0:1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address one = address(rows[i].text);
        if (p2p_address_is_loopback(&one) != rows[i].is_loopback) {
            fail_msg("%s", rows[i].text);
        }
    }
    const struct p2p_address none = {0};
    assert_false(p2p_address_is_loopback(&none));
}

static void test_link_local(void **state)
{
    (void)state;
    static const char *const wires[] = {"169.254.0.1", "fe80:0:0:0:0:0:0:1", "febf:0:0:0:0:0:0:1",
                                        "0:0:0:0:0:ffff:a9fe:0001"};
    static const char *const others[] = {"169.253.0.1", "10.0.0.1", "127.0.0.1",
                                         "fec0:0:0:0:0:0:0:1", "fc00:0:0:0:0:0:0:1"};
    for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        struct p2p_address one = address(wires[i]);
        assert_true(p2p_address_is_link_local(&one));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct p2p_address one = address(others[i]);
        assert_false(p2p_address_is_link_local(&one));
    }
}

static void test_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.254", true},
        {"192.0.2.1", "192.0.3.1", false},
        {"2001:db8:1:2:0:0:0:1", "2001:db8:1:ffff:5:0:0:1", true},
        {"2001:db8:1:2:0:0:0:1", "2001:db8:2:2:0:0:0:1", false},
        {"192.0.2.1", "2001:db8:1:2:0:0:0:1", false},
        {"192.0.2.1", "0:0:0:0:0:ffff:c000:0207", true},
        {"0:0:0:0:0:ffff:c000:0307", "0:0:0:0:0:ffff:c000:0207", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct p2p_address a = address(rows[i].a);
        struct p2p_address b = address(rows[i].b);
        b.port = 1;
        if (p2p_address_same_prefix(&a, &b) != rows[i].same ||
            p2p_address_same_prefix(&b, &a) != rows[i].same) {
            fail_msg("%s %s", rows[i].a, rows[i].b);
        }
        assert_false(p2p_address_equal(&a, &b));
        b = a;
        assert_true(p2p_address_equal(&a, &b));
        b.port++;
        assert_false(p2p_address_equal(&a, &b));
    }
    struct p2p_address whole = address("2001:db8:1:2:3:4:5:6");
    struct p2p_address prefix;
    assert_true(p2p_address_prefix(&whole, &prefix));
    struct p2p_address expected = address("2001:db8:1:0:0:0:0:0");
    expected.port = 0;
    assert_true(p2p_address_equal(&prefix, &expected));
    const struct p2p_address none = {0};
    assert_false(p2p_address_prefix(&none, &prefix));
    assert_false(p2p_address_same_prefix(&none, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_form),       cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_link_local), cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
