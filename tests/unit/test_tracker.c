/*
 * test_tracker.c: announces and answers in short stories, limits, hostile use, shards, and what it
 * all costs.
 */
#include "streamserver/core/tracker.h"

#include "common/error.h"
#include "common/prng.h"
#include "common/time_us.h"
#include "tests/lib/tracker_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tracker_config small_config(void)
{
    struct tracker_config config = tracker_config_default;
    config.seed = 42;
    return config;
}

static struct tracker_world world;

static void start(const struct tracker_config *config)
{
    tracker_world_start(&world, config);
}

static const char *ask(int letter, const char *files, uint8_t limit)
{
    return tracker_world_lookup(&world, letter, files, limit);
}

static void announce(int letter, const char *whole, const char *partial, const char *lost)
{
    assert_int_equal(tracker_world_announce(&world, letter, false, whole, partial, lost), 0);
}

static void test_story(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    start(&config);
    tracker_world_up(&world, 'z', "198.51.100.1");
    assert_string_equal(ask('z', "1 2", 10), "1=0: | 2=0:");
    tracker_world_up(&world, 'a', "203.0.113.1");
    tracker_world_up(&world, 'b', "198.51.100.2");
    announce('a', "1", "2", "");
    announce('b', "1-3", "", "");
    assert_string_equal(ask('z', "1 2 4", 10), "1=2: b a | 2=2: b a* | 4=0:");
    assert_string_equal(ask('a', "1 2", 10), "1=1: b | 2=1: b"); /* never oneself */
    assert_string_equal(ask('z', "1", 1), "1=2: b");
    tracker_world_listen(&world, 'a', P2P_LISTEN_MAPPED, NULL);
    announce('a', "2", "", ""); /* now all of it */
    announce('b', "", "2", "3");
    assert_string_equal(ask('z', "2 3", 10), "2=2: b* a | 3=0:");
    tracker_world_down(&world, 'b');
    assert_string_equal(ask('z', "1 2", 10), "1=2: a | 2=2: a"); /* gone at once ... */
    assert_false(tracker_work(world.tracker, 100));
    assert_string_equal(ask('z', "1 2", 10), "1=1: a | 2=1: a"); /* ... and from the count */
    assert_int_equal(tracker_world_announce(&world, 'a', true, "7", "", ""), 0); /* afresh */
    assert_string_equal(ask('z', "1", 10), "1=1:");
    while (tracker_work(world.tracker, 1)) {
        tracker_check_invariants(world.tracker);
    }
    assert_string_equal(ask('z', "1 2 7", 10), "1=0: | 2=0: | 7=1: a");
    assert_int_equal(tracker_number(world.tracker, world.links['a']), 'a');
    struct tracker_totals totals;
    tracker_get_totals(world.tracker, &totals);
    assert_int_equal(totals.peers, 2);
    assert_int_equal(totals.files, 1);
    assert_int_equal(totals.pairs, 1);
    tracker_world_end(&world);
}

/* The preset of 2010: the last 20 that played it, 10 of them told. */
static void test_players(void **state)
{
    (void)state;
    struct tracker_config config = tracker_config_players;
    start(&config);
    tracker_world_up(&world, 'Z', "198.51.100.1");
    char expect[] = "1=20:";
    for (int letter = 'a'; letter <= 'z'; letter++) {
        tracker_world_up(&world, letter, "203.0.113.1");
        announce(letter, "1", "", "");
    }
    announce('h', "1", "", ""); /* played again: the newest */
    const char *text = ask('Z', "1", 50);
    assert_memory_equal(text, expect, strlen(expect));
    assert_int_equal(strlen(text), strlen(expect) + 10 * 2);
    for (int letter = 'a'; letter <= 'f'; letter++) {
        assert_null(strchr(text, letter));
    }
    announce('a', "1", "", "");
    announce('b', "1", "", "");
    struct tracker_totals totals;
    tracker_get_totals(world.tracker, &totals);
    assert_int_equal(totals.pairs, 20);
    bool was_told = false;
    for (uint32_t i = 0; i < 50; i++) { /* h is still among them, g and i are not */
        text = ask('Z', "1", 50);
        was_told = was_told || strchr(text, 'h') != NULL;
        assert_null(strchr(text, 'g'));
        assert_null(strchr(text, 'i'));
    }
    assert_true(was_told);
    tracker_world_end(&world);
}

/* Holders of a popular file share the load. */
static void test_fair(void **state)
{
    (void)state;
    enum { HOLDERS = 2000, ROUNDS = 4000, LIMIT = 10 };
    static uint32_t told[HOLDERS];
    struct tracker_config config = small_config();
    start(&config);
    uint8_t key[P2P_KEY_BYTES];
    p2p_key_write(key, 0, 99);
    struct p2p_message message = {.type = P2P_ANNOUNCE, .announce = {.whole = 1, .keys = key}};
    for (uint32_t i = 0; i < HOLDERS; i++) {
        struct tracker_peer peer = {.number = i, .listen_port = 1, .flags = P2P_CONTACT_GIVES};
        uint32_t link = TRACKER_LINK_NONE;
        peer.peer_id[0] = 1;
        peer.peer_id[1] = (uint8_t)(i / 256);
        peer.peer_id[2] = (uint8_t)i;
        peer.observed = (struct p2p_address){
            .family = 4, .address = {(uint8_t)(i / 256 + 1), (uint8_t)i, 1, 1}, .port = 1};
        assert_int_equal(tracker_link_up(world.tracker, &peer, &link), 0);
        assert_int_equal(tracker_announce(world.tracker, 0, &link, &message), 0);
    }
    tracker_world_up(&world, 'z', "198.51.100.1");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct p2p_message lookup = {
            .type = P2P_LOOKUP, .lookup = {.lookup = 1, .limit = LIMIT, .count = 1, .keys = key}};
        struct tracker_answer answer;
        tracker_lookup(world.tracker, round * TIME_US_PER_S, world.links['z'], &lookup,
                       TRACKER_ANSWER_BYTES_MAX, &answer);
        assert_int_equal(answer.contact_count, LIMIT);
        for (uint32_t i = 0; i < answer.contact_count; i++) {
            struct p2p_contact contact;
            p2p_contact_read(answer.contacts, i, &contact);
            told[contact.peer_id[1] * 256u + contact.peer_id[2]]++;
        }
    }
    uint32_t mean = ROUNDS * LIMIT / HOLDERS;
    for (uint32_t i = 0; i < HOLDERS; i++) {
        assert_in_range(told[i], 1, 3 * mean);
    }
    tracker_world_end(&world);
}

/* The lists of many files share 50 contacts: every file gets its first before any its second, and
 * who holds several stands in all their lists. */
static void test_many_files(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.answer_max = 50;
    start(&config);
    tracker_world_up(&world, '~', "198.51.100.1");
    for (int letter = '!'; letter <= '}'; letter++) { /* 93 players, three for each file */
        char files[8];
        (void)snprintf(files, sizeof files, "%d", (letter - '!') % 31 + 1);
        tracker_world_up(&world, letter, "203.0.113.1");
        announce(letter, files, "", "");
    }
    const char *text = ask('~', "1-31", 50);
    uint32_t listed = 0;
    char expect[8];
    for (uint32_t file = 1; file <= 31; file++) {
        (void)snprintf(expect, sizeof expect, "%u=3: ", (unsigned)file);
        assert_non_null(strstr(text, expect));
    }
    for (const char *at = text; *at != '\0'; at++) {
        listed += at[0] == ' ' && at[1] != '|' && (at[2] == ' ' || at[2] == '\0');
    }
    assert_int_equal(listed, 50);
    for (int letter = '!'; letter <= '}'; letter++) {
        announce(letter, "1-31", "", "");
    }
    text = ask('~', "1-31", 10);
    const char *first = strchr(text, ':') + 1;
    size_t bytes = strcspn(first, "|") - 1;
    uint32_t same = 0;
    for (const char *at = text; at != NULL; at = strchr(at + 1, '|')) {
        same += memcmp(strchr(at, ':') + 1, first, bytes) == 0;
    }
    assert_int_equal(bytes, 20);
    assert_in_range(same, 1, 31);
    tracker_world_end(&world);
}

/* Contacts are left out until the answer fits. */
static void test_bytes_max(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    start(&config);
    tracker_world_up(&world, 'z', "198.51.100.1");
    for (int letter = 'a'; letter <= 'h'; letter++) {
        tracker_world_up(&world, letter, "203.0.113.1");
        announce(letter, "1-32", "", "");
    }
    uint8_t keys[P2P_LOOKUP_MAX * P2P_KEY_BYTES];
    for (uint32_t i = 0; i < P2P_LOOKUP_MAX; i++) {
        p2p_key_write(keys, i, tracker_world_key(i + 1));
    }
    struct p2p_message lookup = {
        .type = P2P_LOOKUP,
        .lookup = {.lookup = 1, .limit = 50, .count = P2P_LOOKUP_MAX, .keys = keys}};
    for (uint32_t most = TRACKER_ANSWER_BYTES_MIN; most < 2400; most += 7) {
        struct tracker_answer answer;
        world.now_us += TIME_US_PER_S;
        tracker_lookup(world.tracker, world.now_us, world.links['z'], &lookup, most, &answer);
        uint32_t bytes = answer.contact_count * P2P_CONTACT_BYTES + answer.file_bytes;
        assert_true(bytes <= most);
        assert_int_equal(answer.file_count, P2P_LOOKUP_MAX);
        assert_true(answer.contact_count == 8 || bytes + P2P_CONTACT_BYTES + 2 > most ||
                    answer.file_bytes + 2u > most - bytes);
    }
    tracker_world_end(&world);
}

static void test_rates(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.announce_keys = (struct tracker_rate){.per_s = 1, .burst = 5};
    config.lookup_keys = (struct tracker_rate){.per_s = 1, .burst = 4};
    start(&config);
    tracker_world_up(&world, 'a', "203.0.113.1");
    tracker_world_up(&world, 'z', "198.51.100.1");
    announce('a', "1-4", "", "");
    announce('a', "5-9", "", "");
    assert_string_equal(ask('z', "1 5 6", 5), "1=1: a | 5=1: a | 6=0:");
    assert_string_equal(ask('z', "1 2", 5), "1=1: a | 2=1:"); /* counted, without contacts */
    world.now_us = TIME_US_PER_S;
    assert_string_equal(ask('z', "1 2", 5), "1=1: a | 2=1:");
    struct tracker_totals totals;
    tracker_get_totals(world.tracker, &totals);
    assert_int_equal(totals.dropped_keys, 4);
    assert_int_equal(totals.denied_keys, 2);
    assert_int_equal(totals.lookup_keys, 7);
    assert_int_equal(totals.told_contacts, 4);
    tracker_world_end(&world);
}

static void test_limits(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.link_max = 2;
    config.link_files_max = 10;
    start(&config);
    tracker_world_up(&world, 'a', "203.0.113.1");
    tracker_world_up(&world, 'b', "203.0.113.1");
    struct tracker_peer peer = {.observed = tracker_world_address("203.0.113.1", 1)};
    uint32_t link = TRACKER_LINK_NONE;
    assert_int_equal(tracker_link_up(world.tracker, &peer, &link), ERROR_FULL);
    announce('a', "1-14", "", "");
    announce('a', "20", "3", "1");  /* 20 is too many; 3 is known; then 1 goes */
    announce('a', "21 22", "", ""); /* room for one */
    assert_string_equal(ask('b', "1 3 10 11 20 21 22", 5),
                        "1=0: | 3=1: a* | 10=1: a | 11=0: | 20=0: | 21=1: a | 22=0:");
    tracker_world_down(&world, 'a');
    tracker_world_up(&world, 'c', "203.0.113.1"); /* though a is not taken apart yet */
    announce('c', "10", "", "");
    assert_string_equal(ask('b', "10", 5), "10=2: c");
    tracker_world_end(&world);
}

/* Keys that nobody else will ever have, as many as it can. */
static uint32_t announce_nonsense(uint32_t *link, uint64_t from, uint32_t messages)
{
    static uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    struct p2p_message message = {.type = P2P_ANNOUNCE,
                                  .announce = {.whole = P2P_ANNOUNCE_KEYS_MAX, .keys = keys}};
    struct tracker_totals before;
    struct tracker_totals after;
    tracker_get_totals(world.tracker, &before);
    for (uint32_t i = 0; i < messages; i++) {
        for (uint32_t at = 0; at < P2P_ANNOUNCE_KEYS_MAX; at++) {
            p2p_key_write(keys, at, ++from * UINT64_C(0xd1342543de82ef95));
        }
        assert_int_equal(tracker_announce(world.tracker, 0, link, &message), 0);
    }
    tracker_get_totals(world.tracker, &after);
    return (uint32_t)(after.announced_keys - before.announced_keys);
}

/* Nonsense fills a share of the memory and no more; who comes later still gets room. */
static void test_nonsense(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.heap_bytes_max = 4u << 20;
    start(&config);
    uint32_t first = 0;
    for (int letter = 'a'; letter <= 'h'; letter++) {
        tracker_world_up(&world, letter, "203.0.113.1");
        uint32_t got = announce_nonsense(&world.links[letter], (uint64_t)letter << 32, 100);
        first = first == 0 ? got : first;
        assert_in_range(got, 1000, 60000);
    }
    assert_true(tracker_heap_bytes(world.tracker) < 2 * config.heap_bytes_max);
    tracker_world_up(&world, 'z', "198.51.100.1");
    announce('z', "1-900", "", "");
    assert_string_equal(ask('a', "1 900", 5), "1=1: z | 900=1: z");
    size_t full_bytes = tracker_heap_bytes(world.tracker);
    for (int letter = 'a'; letter <= 'h'; letter++) {
        tracker_world_down(&world, letter);
    }
    while (tracker_work(world.tracker, 10000)) {
    }
    tracker_check_invariants(world.tracker);
    assert_true(tracker_heap_bytes(world.tracker) < full_bytes);
    /* The next ones get as much as the first: nothing of it is left. */
    tracker_world_up(&world, 'a', "203.0.113.1");
    assert_in_range(announce_nonsense(&world.links['a'], 5, 100), first * 9 / 10, first);
    tracker_world_end(&world);
}

/* A link with very many files goes: every step is short, and it answers nobody from the start. */
static void test_large_link_goes(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.announce_keys.per_s = 0;
    start(&config);
    tracker_world_up(&world, 'a', "203.0.113.1");
    tracker_world_up(&world, 'z', "203.0.113.1");
    assert_int_equal(announce_nonsense(&world.links['a'], 0, 100), 65536);
    announce('a', "1", "", "");
    tracker_world_down(&world, 'a');
    struct tracker_totals totals;
    tracker_get_totals(world.tracker, &totals);
    assert_int_equal(totals.pairs, 0);
    uint32_t steps = 1;
    uint64_t files = totals.files;
    while (tracker_work(world.tracker, 1024)) {
        tracker_get_totals(world.tracker, &totals);
        assert_in_range(files - totals.files, 1, 1024);
        files = totals.files;
        steps++;
    }
    assert_int_equal(steps, 65);
    tracker_get_totals(world.tracker, &totals);
    assert_int_equal(totals.files, 0);
    tracker_world_end(&world);
}

/* Links that come, tell, start afresh and go, faster than they are taken apart. */
static void test_come_and_go(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    config.announce_keys.per_s = 0;
    struct prng prng;
    start(&config);
    prng_init(&prng, 3);
    tracker_world_up(&world, 'z', "198.51.100.1");
    for (uint32_t round = 0; round < 3000; round++) {
        int letter = (int)('a' + prng_below(&prng, 20));
        uint32_t *link = &world.links[letter];
        bool is_up = *link != TRACKER_LINK_NONE;
        uint64_t what = prng_below(&prng, 4);
        if (!is_up) {
            tracker_world_up(&world, letter, what == 0 ? "198.51.100.1" : "203.0.113.1");
        } else if (what == 0) {
            tracker_world_down(&world, letter);
        } else if (what == 1) {
            assert_int_equal(tracker_world_announce(&world, letter, true, "1-20", "21-60", ""), 0);
        } else {
            announce(letter, "50-70", "5", "9-12");
        }
        (void)tracker_work(world.tracker, (uint32_t)prng_below(&prng, 60));
        (void)ask('z', "1 9 21 50 70", 10);
        if (round % 50 == 0) {
            tracker_check_invariants(world.tracker);
        }
    }
    tracker_world_end(&world);
}

/* Links without number that came, told something and went: nothing of them is left. */
static void test_dead_links(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    start(&config);
    tracker_world_up(&world, 'z', "198.51.100.1");
    size_t peak = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        struct tracker_peer peer = {.number = i, .listen_port = 1, .flags = P2P_CONTACT_GIVES};
        uint8_t keys[2 * P2P_KEY_BYTES];
        struct p2p_message message = {.type = P2P_ANNOUNCE, .announce = {.whole = 2, .keys = keys}};
        uint32_t link = TRACKER_LINK_NONE;
        p2p_key_write(keys, 0, tracker_world_key(1));
        p2p_key_write(keys, 1, i);
        memcpy(peer.peer_id, &i, sizeof i);
        peer.observed = (struct p2p_address){.family = 4, .port = 1};
        memcpy(peer.observed.address, &i, sizeof i);
        assert_int_equal(tracker_link_up(world.tracker, &peer, &link), 0);
        assert_int_equal(tracker_announce(world.tracker, i, &link, &message), 0);
        tracker_link_down(world.tracker, link);
        (void)tracker_work(world.tracker, 3);
        size_t bytes = tracker_heap_bytes(world.tracker);
        peak = bytes > peak ? bytes : peak;
    }
    assert_true(peak < 300000);
    assert_string_equal(ask('z', "1", 10), "1=0:");
    tracker_world_end(&world);
}

static void test_find_peer(void **state)
{
    (void)state;
    struct tracker_config config = small_config();
    start(&config);
    tracker_world_up(&world, 'a', "203.0.113.1");
    tracker_world_up(&world, 'b', "203.0.113.2");
    uint8_t id[HASH_BYTES];
    memset(id, 'b', sizeof id);
    uint32_t other = tracker_find_peer(world.tracker, id);
    assert_int_equal(tracker_number(world.tracker, other), 'b');
    struct p2p_contact contact;
    tracker_contact(world.tracker, other, world.links['a'], &contact);
    assert_memory_equal(contact.peer_id, id, sizeof id);
    assert_int_equal(contact.addresses[0].port, 4000);
    memset(id, 'x', sizeof id);
    assert_int_equal(tracker_find_peer(world.tracker, id), TRACKER_LINK_NONE);
    tracker_world_end(&world);
}

/* One history, told to trackers with different numbers of shards; every answer is compared. */
static void test_shards(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 4, 7, TRACKER_SHARDS_MAX};
    static char answers[sizeof counts / sizeof *counts][600000];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct tracker_config config = small_config();
        struct prng prng;
        config.shard_count = counts[i];
        config.announce_keys.per_s = 0;
        config.lookup_keys.per_s = 0;
        start(&config);
        prng_init(&prng, 9);
        size_t at = 0;
        for (uint32_t round = 0; round < 1500; round++) {
            int letter = (int)('!' + prng_below(&prng, 90));
            char address[32];
            (void)snprintf(address, sizeof address, "203.%u.113.%u", (unsigned)prng_below(&prng, 2),
                           (unsigned)prng_below(&prng, 9));
            char files[32];
            uint32_t file = (uint32_t)prng_below(&prng, 12);
            (void)snprintf(files, sizeof files, "%u-%u", (unsigned)file, (unsigned)file + 9);
            uint64_t what = prng_below(&prng, 8);
            if (world.links[letter] == TRACKER_LINK_NONE) {
                tracker_world_up(&world, letter, address);
                announce(letter, files, "", "");
            } else if (what == 0) {
                tracker_world_down(&world, letter);
            } else if (what < 3) {
                announce(letter, "", files, "3 4");
            } else {
                const char *text = ask(letter, files, 12);
                at += (size_t)snprintf(&answers[i][at], sizeof answers[i] - at, "%s\n", text);
                assert_true(at < sizeof answers[i] - TRACKER_WORLD_TEXT_BYTES);
            }
            while (tracker_work(world.tracker, 100)) {
            }
        }
        assert_true(at > 100000);
        assert_string_equal(answers[i], answers[0]);
        tracker_world_end(&world);
    }
}

/* Keys that all fall into one shard cost that shard what one shard costs. */
static void test_one_shard(void **state)
{
    (void)state;
    size_t bytes[2];
    for (uint32_t spread = 0; spread < 2; spread++) {
        struct tracker_config config = small_config();
        config.shard_count = 4;
        config.announce_keys.per_s = 0;
        start(&config);
        tracker_world_up(&world, 'a', "203.0.113.1");
        tracker_world_up(&world, 'z', "203.0.113.1");
        uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
        struct p2p_message message = {.type = P2P_ANNOUNCE,
                                      .announce = {.whole = P2P_ANNOUNCE_KEYS_MAX, .keys = keys}};
        for (uint32_t round = 0; round < 20; round++) {
            for (uint32_t i = 0; i < P2P_ANNOUNCE_KEYS_MAX; i++) {
                uint64_t number = round * P2P_ANNOUNCE_KEYS_MAX + i;
                p2p_key_write(keys, i, spread == 0 ? number * 4 : number);
            }
            assert_int_equal(tracker_announce(world.tracker, 0, &world.links['a'], &message), 0);
        }
        bytes[spread] = tracker_heap_bytes(world.tracker);
        tracker_world_end(&world);
    }
    assert_in_range(bytes[0], bytes[1] * 8 / 10, bytes[1] * 12 / 10);
}

struct crowd {
    uint32_t peers;
    uint32_t files_each;
    uint32_t files; /* in all; popular ones more often */
};

/* Smaller numbers are more popular: halving the number doubles the density. */
static uint32_t popular(struct prng *prng, uint32_t files)
{
    uint64_t span = prng_below(prng, files) + 1;
    return (uint32_t)prng_below(prng, span);
}

static void fill(const struct crowd *crowd, struct prng *prng)
{
    uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    for (uint32_t i = 0; i < crowd->peers; i++) {
        struct tracker_peer peer = {.number = i, .listen_port = 1, .flags = P2P_CONTACT_GIVES};
        uint64_t chance = prng_u64(prng);
        uint32_t link = TRACKER_LINK_NONE;
        memcpy(peer.peer_id, &i, sizeof i);
        peer.observed = (struct p2p_address){.family = 4, .port = 1};
        memcpy(peer.observed.address, &chance, 4);
        struct p2p_message message = {
            .type = P2P_ANNOUNCE, .announce = {.whole = (uint16_t)crowd->files_each, .keys = keys}};
        for (uint32_t file = 0; file < crowd->files_each; file++) {
            p2p_key_write(keys, file, tracker_world_key(popular(prng, crowd->files)));
        }
        assert_int_equal(tracker_link_up(world.tracker, &peer, &link), 0);
        assert_int_equal(tracker_announce(world.tracker, 0, &link, &message), 0);
    }
}

/* All in, a pair costs at most 16 bytes, and no more in a crowd that is larger. */
static void test_cost(void **state)
{
    (void)state;
    static const struct crowd crowds[] = {
        {1000, 100, 1000}, {5000, 100, 5000}, {20000, 100, 20000}, {2000, 900, 30000}};
    uint64_t cost[sizeof crowds / sizeof *crowds];
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++) {
        struct prng prng;
        struct tracker_config config = small_config();
        prng_init(&prng, i);
        start(&config);
        fill(&crowds[i], &prng);
        struct tracker_totals totals;
        tracker_get_totals(world.tracker, &totals);
        size_t fixed = sizeof(struct tracker_answer) + 65536; /* a lookup's work space */
        cost[i] = (tracker_heap_bytes(world.tracker) - fixed) * 100 / totals.pairs;
        print_message("%u links, %u files: %u pairs, %u.%02u bytes each\n",
                      (unsigned)crowds[i].peers, (unsigned)totals.files, (unsigned)totals.pairs,
                      (unsigned)(cost[i] / 100), (unsigned)(cost[i] % 100));
        assert_true(cost[i] <= 1600);
        tracker_world_end(&world);
    }
    assert_true(cost[2] <= cost[0] * 11 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_players),
        cmocka_unit_test(test_fair),
        cmocka_unit_test(test_many_files),
        cmocka_unit_test(test_bytes_max),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_large_link_goes),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_dead_links),
        cmocka_unit_test(test_find_peer),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_one_shard),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
