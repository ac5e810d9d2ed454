/*
 * test_tracker_links.c: who is near whom, how somebody is told to reach another, what rates allow.
 */
#include "streamserver/core/tracker_links.h"

#include "common/error.h"
#include "common/time_us.h"
#include "tests/lib/tracker_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t add(struct tracker_links *links, uint8_t id, const char *address)
{
    static uint32_t number;
    struct tracker_peer peer = {.number = ++number,
                                .observed = tracker_world_address(address, 999),
                                .listen_port = 4000,
                                .flags = P2P_CONTACT_GIVES};
    memset(peer.peer_id, id, sizeof peer.peer_id);
    uint32_t link = TRACKER_NONE;
    assert_int_equal(tracker_links_add(links, &peer, &link), 0);
    return link;
}

static void listen_at(struct tracker_links *links, uint32_t link, uint16_t port, uint8_t flags,
                      const char *first, const char *second)
{
    uint8_t addresses[2 * P2P_ADDRESS_BYTES];
    struct p2p_message message = {.type = P2P_LISTEN,
                                  .listen = {.port = port, .flags = flags, .addresses = addresses}};
    const char *texts[] = {first, second};
    for (uint32_t i = 0; i < 2 && texts[i] != NULL; i++) {
        struct p2p_address address = tracker_world_address(texts[i], port);
        p2p_address_write(addresses, message.listen.count++, &address);
    }
    assert_int_equal(tracker_links_listen(links, link, &message), 0);
}

static const struct {
    const char *a;
    const char *b;
    enum tracker_nearness expect;
} pairs[] = {
    {"198.51.100.7", "198.51.100.7", TRACKER_NEAR_SAME},
    {"198.51.100.7", "198.51.100.8", TRACKER_NEAR_PREFIX},
    {"198.51.100.7", "198.51.101.7", TRACKER_NEAR_WIDE},
    {"198.51.100.7", "198.52.100.7", TRACKER_NEAR_NOT},
    {"2001:db8:1:2::7", "2001:db8:1:2:8::9", TRACKER_NEAR_SAME},
    {"2001:db8:1:2::7", "2001:db8:1:3::7", TRACKER_NEAR_PREFIX},
    {"2001:db8:1:2::7", "2001:db8:9:2::7", TRACKER_NEAR_WIDE},
    {"2001:db8:1:2::7", "2001:db9:1:2::7", TRACKER_NEAR_NOT},
    {"32.1.13.184", "2001:db8::1", TRACKER_NEAR_NOT}, /* the same first bytes */
};

static void test_nearness(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct tracker_links links;
        struct prng prng;
        uint32_t near[TRACKER_NEAR_MAX];
        tracker_links_init(&links, i);
        prng_init(&prng, i);
        uint32_t a = add(&links, 1, pairs[i].a);
        uint32_t b = add(&links, 2, pairs[i].b);
        assert_int_equal(
            tracker_links_nearness(tracker_links_get(&links, a), tracker_links_get(&links, b)),
            pairs[i].expect);
        uint32_t count = tracker_links_near(&links, a, &prng, near);
        assert_int_equal(count, pairs[i].expect != TRACKER_NEAR_NOT);
        assert_true(count == 0 || near[0] == b);
        tracker_links_check_invariants(&links);
        tracker_links_deinit(&links);
    }
}

/* Of many, some by chance; every one is found some day, none twice, never oneself. */
static void test_near_many(void **state)
{
    (void)state;
    struct tracker_links links;
    struct prng prng;
    static uint32_t times[400];
    tracker_links_init(&links, 1);
    prng_init(&prng, 2);
    for (uint32_t i = 0; i < 400; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "10.1.%u.%u", i / 100 == 0 ? 1 : i / 100,
                       i < 50 ? 7 : i % 100 + 100);
        assert_int_equal(add(&links, 3, text), i);
    }
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t near[TRACKER_NEAR_MAX];
        uint32_t count = tracker_links_near(&links, 0, &prng, near);
        bool is_there[400] = {false};
        is_there[0] = true;
        assert_in_range(count, 20, TRACKER_NEAR_MAX);
        for (uint32_t i = 0; i < count; i++) {
            assert_false(is_there[near[i]]);
            is_there[near[i]] = true;
            times[near[i]]++;
        }
    }
    for (uint32_t i = 1; i < 400; i++) {
        assert_true(times[i] > 0);
    }
    assert_true(times[1] > 10 * times[399]); /* the same address before the wide prefix */
    tracker_links_check_invariants(&links);
    tracker_links_deinit(&links);
}

static void print_contact(const struct tracker_links *links, uint32_t link, uint32_t reader,
                          char *text, size_t bytes)
{
    struct p2p_contact contact;
    tracker_links_contact(links, link, reader, &contact);
    assert_true(p2p_contact_ok(&contact));
    size_t at = (size_t)snprintf(text, bytes, "%s%s%s",
                                 (contact.flags & P2P_CONTACT_REACHABLE) != 0 ? "R" : "",
                                 (contact.flags & P2P_CONTACT_LAN) != 0 ? "L" : "",
                                 (contact.flags & P2P_CONTACT_GIVES) != 0 ? "G" : "");
    for (uint32_t i = 0; i < p2p_contact_address_count(&contact); i++) {
        const struct p2p_address *address = &contact.addresses[i];
        if (address->family == 4) {
            at += (size_t)snprintf(&text[at], bytes - at, " %u.%u.%u.%u:%u", address->address[0],
                                   address->address[1], address->address[2], address->address[3],
                                   address->port);
        } else {
            at += (size_t)snprintf(&text[at], bytes - at, " v6:%u..%u:%u", address->address[0],
                                   address->address[15], address->port);
        }
    }
}

static const struct {
    const char *reader, *reader_local;
    const char *link;
    uint16_t port;
    uint8_t flags;
    const char *first, *second;
    const char *expect;
} reach[] = {
    /* Elsewhere: the observed address and the port that it told; never its own ones. */
    {"198.51.100.1", NULL, "203.0.113.9", 5000, 0, "192.168.1.4", NULL, "G 203.0.113.9:5000"},
    {"198.51.100.1", NULL, "203.0.113.9", 5000, P2P_LISTEN_MAPPED, NULL, NULL,
     "RG 203.0.113.9:5000"},
    {"198.51.100.1", NULL, "203.0.113.9", 5000, P2P_LISTEN_REACHED, NULL, NULL,
     "RG 203.0.113.9:5000"},
    /* No NAT: one of its own addresses is the observed one. */
    {"198.51.100.1", NULL, "203.0.113.9", 5000, 0, "10.0.0.1", "203.0.113.9",
     "RG 203.0.113.9:5000"},
    /* Takes no links: no address, whatever it says. */
    {"198.51.100.1", NULL, "203.0.113.9", 0, P2P_LISTEN_MAPPED, "203.0.113.9", NULL, "G"},
    /* The same network: its own addresses first, those beside the reader's before others. */
    {"203.0.113.9", NULL, "203.0.113.9", 5000, 0, "192.168.1.4", NULL,
     "LG 192.168.1.4:5000 203.0.113.9:5000"},
    {"203.0.113.9", "192.168.1.2", "203.0.113.9", 5000, 0, "172.17.0.1", "192.168.1.4",
     "LG 192.168.1.4:5000 172.17.0.1:5000 203.0.113.9:5000"},
    /* An address that both have is a bridge's on each machine, not a way. */
    {"203.0.113.9", "172.17.0.1", "203.0.113.9", 5000, 0, "172.17.0.1", "192.168.1.4",
     "LG 172.17.0.1:5000 192.168.1.4:5000 203.0.113.9:5000"},
    /* IPv6 and one machine: no NAT between them. */
    {"2001:db8:1:1::5", NULL, "2001:db8:1:1::9", 5000, 0, "192.168.1.4", NULL,
     "LG v6:32..9:5000 192.168.1.4:5000"},
    {"127.0.0.1", NULL, "127.0.0.1", 5000, 0, NULL, NULL, "LG 127.0.0.1:5000"},
    /* What nobody can dial is not told. */
    {"203.0.113.9", NULL, "203.0.113.9", 5000, 0, "224.0.0.1", NULL, "LG 203.0.113.9:5000"},
};

static void test_contact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reach / sizeof *reach; i++) {
        struct tracker_links links;
        char text[200];
        tracker_links_init(&links, i);
        uint32_t reader = add(&links, 1, reach[i].reader);
        uint32_t link = add(&links, 2, reach[i].link);
        listen_at(&links, reader, 4001, 0, reach[i].reader_local, NULL);
        listen_at(&links, link, 1, P2P_LISTEN_MAPPED, "10.9.9.9", NULL); /* replaced by the next */
        listen_at(&links, link, reach[i].port, reach[i].flags, reach[i].first, reach[i].second);
        print_contact(&links, link, reader, text, sizeof text);
        assert_string_equal(text, reach[i].expect);
        tracker_links_check_invariants(&links);
        tracker_links_deinit(&links);
    }
}

static const struct {
    uint32_t at_ms;
    uint32_t units;
    uint32_t granted;
} takes[] = {
    {0, 3, 3},      {0, 10, 7},   {0, 1, 0},    {99, 1, 0},   {100, 5, 1},
    {1100, 99, 10}, {1100, 1, 0}, {1350, 5, 2}, {1400, 1, 1}, {100000, 100, 10},
};

static void test_take(void **state)
{
    (void)state;
    struct tracker_rate rate = {.per_s = 10, .burst = 10};
    struct tracker_rate none = {.per_s = 0};
    struct tracker_link link = {0};
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
        assert_int_equal(tracker_links_take(&link, TRACKER_ALLOW_ANNOUNCE, &rate,
                                            TIME_US_PER_S + takes[i].at_ms * TIME_US_PER_MS,
                                            takes[i].units),
                         takes[i].granted);
    }
    assert_int_equal(tracker_links_take(&link, TRACKER_ALLOW_LOOKUP, &none, 0, 12345), 12345);
}

/* The newest link of a peer id; ids that are alike in their first bytes are kept apart. */
static void test_find_peer(void **state)
{
    (void)state;
    struct tracker_links links;
    struct prng prng;
    uint8_t id[HASH_BYTES];
    tracker_links_init(&links, 1);
    prng_init(&prng, 1);
    uint32_t first = add(&links, 7, "10.0.0.1");
    uint32_t second = add(&links, 7, "10.0.0.2");
    struct tracker_peer alike = {.number = 900, .observed = tracker_world_address("10.0.0.3", 1)};
    memset(alike.peer_id, 7, sizeof alike.peer_id);
    alike.peer_id[31] = 8;
    uint32_t other = TRACKER_NONE;
    assert_int_equal(tracker_links_add(&links, &alike, &other), 0);
    memset(id, 7, sizeof id);
    assert_int_equal(tracker_links_find_peer(&links, id, &prng), second);
    assert_int_equal(tracker_links_find_peer(&links, alike.peer_id, &prng), other);
    tracker_links_leave(&links, second);
    assert_int_equal(tracker_links_find_peer(&links, id, &prng), first);
    tracker_links_leave(&links, first);
    assert_int_equal(tracker_links_find_peer(&links, id, &prng), TRACKER_NONE);
    tracker_links_remove(&links, first);
    uint32_t again = add(&links, 9, "10.0.0.4");
    assert_int_equal(again, first); /* numbers are used again */
    tracker_links_check_invariants(&links);
    tracker_links_deinit(&links);
}

/* A link goes on under another number with all that is known of it. */
static void test_replace(void **state)
{
    (void)state;
    struct tracker_links links;
    char text[200];
    tracker_links_init(&links, 1);
    uint32_t reader = add(&links, 1, "198.51.100.1");
    uint32_t link = add(&links, 2, "203.0.113.9");
    listen_at(&links, link, 5000, P2P_LISTEN_MAPPED, "10.0.0.1", NULL);
    struct tracker_rate rate = {.per_s = 1, .burst = 5};
    (void)tracker_links_take(tracker_links_get(&links, link), TRACKER_ALLOW_ANNOUNCE, &rate, 0, 5);
    uint32_t other = TRACKER_NONE;
    assert_int_equal(tracker_links_replace(&links, link, &other), 0);
    assert_int_not_equal(link, other);
    print_contact(&links, other, reader, text, sizeof text);
    assert_string_equal(text, "RG 203.0.113.9:5000");
    assert_int_equal(
        tracker_links_take(tracker_links_get(&links, other), TRACKER_ALLOW_ANNOUNCE, &rate, 0, 1),
        0);
    assert_int_equal(links.up_count, 2);
    assert_int_equal(links.gone_count, 1);
    tracker_links_check_invariants(&links);
    tracker_links_deinit(&links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearness),  cmocka_unit_test(test_near_many),
        cmocka_unit_test(test_contact),   cmocka_unit_test(test_take),
        cmocka_unit_test(test_find_peer), cmocka_unit_test(test_replace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
