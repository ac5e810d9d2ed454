/*
 * test_exchange.c: whom a neighbour is told of and how often; what is taken of what it tells.
 */
#include "p2p/core/exchange.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define OFFERED 60u

static const struct exchange_config *const config = &exchange_config_default;
static const struct p2p_address far = {.family = 4, .address = {203, 0, 113, 5}, .port = 9};
static const struct p2p_address near = {.family = 4, .address = {10, 0, 0, 5}, .port = 9};
static const uint8_t us[HASH_BYTES] = {0xee, 0xee};

static struct p2p_contact offered[OFFERED];
static uint8_t records[P2P_CONTACTS_MAX * P2P_CONTACT_BYTES];
static struct prng prng;

static struct p2p_contact contact(uint32_t number, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct p2p_contact contact = {.peer_id = {(uint8_t)number, 1, 2, 3, 4}};
    contact.addresses[0] = (struct p2p_address){.family = 4, .address = {a, b, c, d}, .port = 7373};
    return contact;
}

/* Every third is reachable; each in a prefix of its own. */
static int setup(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < OFFERED; i++) {
        offered[i] = contact(1 + i, 198, 51, (uint8_t)i, 1);
        offered[i].flags = i % 3 == 0 ? P2P_CONTACT_REACHABLE | P2P_CONTACT_LAN : P2P_CONTACT_LAN;
    }
    prng_init(&prng, 7);
    return 0;
}

static uint32_t tell(struct exchange_link *link, uint64_t now_us, uint32_t count)
{
    return exchange_tell(link, config, now_us, &prng, us, &far, offered, count, records);
}

static struct p2p_contact told(uint32_t index)
{
    struct p2p_contact contact;
    p2p_contact_read(records, index, &contact);
    assert_true(p2p_contact_ok(&contact));
    assert_int_equal(contact.flags & P2P_CONTACT_LAN, 0);
    return contact;
}

/* At its time, the reachable first, nobody twice, until all it can remember were told. */
static void test_tell(void **state)
{
    (void)state;
    bool seen[OFFERED + 1] = {false};
    struct exchange_link link;
    exchange_link_init(&link, config, 1000);
    assert_int_equal(link.due_us, 1000 + config->first_us);
    assert_int_equal(tell(&link, link.due_us - 1, OFFERED), 0);
    uint64_t now_us = link.due_us;
    uint64_t first_us = now_us;
    for (uint32_t round = 0; round < 4; round++) {
        assert_int_equal(tell(&link, now_us, OFFERED), config->count);
        assert_int_equal(tell(&link, now_us, OFFERED), 0); /* not at once again */
        assert_int_equal(link.due_us, now_us + config->every_us);
        for (uint32_t i = 0; i < config->count; i++) {
            struct p2p_contact contact = told(i);
            assert_false(seen[contact.peer_id[0]]);
            seen[contact.peer_id[0]] = true;
            assert_int_equal((contact.flags & P2P_CONTACT_REACHABLE) != 0, round < 2);
        }
        now_us = link.due_us;
    }
    assert_int_equal(tell(&link, now_us, OFFERED), 0); /* 40 of 60 */
    assert_true(first_us + config->again_us > now_us);
    now_us = link.due_us;
    assert_true(first_us + config->again_us <= now_us);
    assert_int_equal(tell(&link, now_us, OFFERED), config->count);
}

/* Chance decides among equals, and the seed decides chance. */
static void test_chance(void **state)
{
    (void)state;
    uint8_t first[sizeof records];
    uint32_t different = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct exchange_link link;
        exchange_link_init(&link, config, 0);
        prng_init(&prng, seed / 2);
        assert_int_equal(tell(&link, link.due_us, OFFERED), config->count);
        size_t bytes = (size_t)config->count * P2P_CONTACT_BYTES;
        if (seed % 2 == 1) {
            assert_memory_equal(first, records, bytes);
        } else {
            different += seed > 0 && memcmp(first, records, bytes) != 0;
            memcpy(first, records, bytes);
        }
    }
    assert_true(different > 5);
}

static void test_not_told(void **state)
{
    (void)state;
    struct p2p_contact few[4] = {
        contact(1, 198, 51, 100, 1),
        contact(2, 10, 0, 0, 9),   /* local */
        contact(3, 224, 0, 0, 1),  /* nobody dials that */
        {.peer_id = {0xee, 0xee}}, /* the neighbour itself */
    };
    few[3].addresses[0] = far;
    struct exchange_link link;
    exchange_link_init(&link, config, 0);
    uint64_t now_us = link.due_us;
    assert_int_equal(exchange_tell(&link, config, now_us, &prng, us, &far, few, 4, records), 1);
    assert_int_equal(told(0).peer_id[0], 1);
    exchange_link_init(&link, config, 0);
    assert_int_equal(exchange_tell(&link, config, now_us, &prng, us, &near, few, 4, records), 2);
    assert_int_equal(exchange_tell(&link, config, link.due_us, &prng, us, &near, few, 0, records),
                     0);
}

static void test_clean(void **state)
{
    (void)state;
    static const struct {
        bool is_near;
        uint8_t first, second; /* of the kept addresses' first byte; 0 = none */
    } rows[] = {{false, 198, 0}, {true, 10, 198}};
    for (size_t i = 0; i < 2; i++) {
        struct p2p_contact dirty = contact(1, 10, 0, 0, 1);
        dirty.flags = 0xff;
        dirty.addresses[1] = (struct p2p_address){.family = 4, .address = {0, 0, 0, 0}, .port = 5};
        dirty.addresses[2] =
            (struct p2p_address){.family = 4, .address = {198, 51, 100, 1}, .port = 5};
        assert_true(exchange_clean(&dirty, rows[i].is_near));
        assert_true(p2p_contact_ok(&dirty));
        assert_int_equal(dirty.addresses[0].address[0], rows[i].first);
        assert_int_equal(dirty.addresses[1].address[0], rows[i].second);
        assert_int_equal(dirty.addresses[2].family, 0);
        assert_int_equal(dirty.flags, rows[i].is_near ? 0xff : 0xff & ~P2P_CONTACT_LAN);
    }
    struct p2p_contact none = contact(1, 10, 0, 0, 1);
    assert_false(exchange_clean(&none, false));
    assert_int_equal(p2p_contact_address_count(&none), 0);
}

static uint32_t take(struct exchange_link *link, uint64_t now_us, const struct p2p_address *from,
                     uint32_t count, struct p2p_contact *ret_contacts, bool *ret_flood)
{
    struct p2p_message message = {.type = P2P_EXCHANGE, .exchange = {(uint8_t)count, records}};
    return exchange_take(link, config, now_us, us, from, &message, ret_contacts, ret_flood);
}

/* Ourselves, doubles, addresses that are none of our business, and too many of one prefix. */
static void test_take(void **state)
{
    (void)state;
    struct p2p_contact heard[] = {
        contact(1, 198, 51, 100, 1), contact(1, 198, 51, 101, 1), /* twice */
        contact(2, 198, 51, 100, 2), contact(3, 10, 0, 0, 1),     /* local */
        contact(4, 198, 51, 100, 3), contact(5, 198, 51, 100, 4),
        contact(6, 198, 51, 100, 5),                            /* the fifth of its prefix */
        contact(7, 198, 51, 99, 5),                             /* and behind another address */
        contact(8, 198, 51, 99, 6),  {.peer_id = {0xee, 0xee}}, /* ourselves */
    };
    const uint32_t count = sizeof heard / sizeof heard[0];
    heard[7].addresses[1] = heard[6].addresses[0];
    heard[9].addresses[0] = far;
    for (uint32_t i = 0; i < count; i++) {
        heard[i].flags = P2P_CONTACT_LAN;
        p2p_contact_write(records, i, &heard[i]);
    }
    static const uint8_t from_far[] = {1, 2, 4, 5, 8};
    static const uint8_t from_near[] = {1, 2, 3, 4, 5, 8};
    for (uint32_t is_near = 0; is_near < 2; is_near++) {
        struct exchange_link link;
        struct p2p_contact taken[P2P_CONTACTS_MAX];
        bool flood = true;
        exchange_link_init(&link, config, 0);
        uint32_t got = take(&link, 5, is_near == 0 ? &far : &near, count, taken, &flood);
        assert_false(flood);
        assert_int_equal(got, is_near == 0 ? sizeof from_far : sizeof from_near);
        for (uint32_t i = 0; i < got; i++) {
            assert_int_equal(taken[i].peer_id[0], is_near == 0 ? from_far[i] : from_near[i]);
            assert_int_equal(taken[i].flags, 0);
        }
    }
}

static void test_flood(void **state)
{
    (void)state;
    struct exchange_link link;
    struct p2p_contact taken[P2P_CONTACTS_MAX];
    bool flood = false;
    exchange_link_init(&link, config, 0);
    p2p_contact_write(records, 0, &offered[0]);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(take(&link, 5, &far, 1, taken, &flood), i < config->heard_burst);
        assert_int_equal(flood, i >= config->heard_burst);
    }
    /* At the pace at which we tell, everything is heard. */
    exchange_link_init(&link, config, 0);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(take(&link, i * config->every_us, &far, 1, taken, &flood), 1);
        assert_false(flood);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tell),     cmocka_unit_test(test_chance),
        cmocka_unit_test(test_not_told), cmocka_unit_test(test_clean),
        cmocka_unit_test(test_take),     cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
