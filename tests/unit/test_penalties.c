/*
 * test_penalties.c: who is banned, for how long, and who cannot be made to be forgotten.
 */
#include "p2p/core/penalties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (UINT64_C(3600) * TIME_US_PER_S)
#define BAN_POINTS 100u

static struct penalties penalties;

static void start(void)
{
    penalties_init(&penalties, BAN_POINTS, HOUR);
}

static void end(void)
{
    penalties_check_invariants(&penalties);
    penalties_deinit(&penalties);
}

static const uint8_t *peer(uint32_t number)
{
    static uint8_t id[HASH_BYTES];
    memset(id, 0x11, sizeof id);
    id[0] = (uint8_t)(number >> 8);
    id[31] = (uint8_t)number;
    return id;
}

/* 198.51.N.1: a prefix for each N. */
static const struct p2p_address *at(uint8_t prefix)
{
    static struct p2p_address address;
    address = (struct p2p_address){.family = 4, .address = {198, 51, prefix, 1}, .port = 1};
    return &address;
}

static void add(uint64_t now_us, uint32_t number, const struct p2p_address *address,
                enum penalty penalty)
{
    assert_int_equal(penalties_add(&penalties, now_us, peer(number), address, penalty), 0);
    penalties_check_invariants(&penalties);
}

static bool is_banned(uint64_t now_us, uint32_t number)
{
    return penalties_is_banned(&penalties, now_us, peer(number), NULL);
}

/* Halving each hour, in a straight line between. */
static void test_decay(void **state)
{
    (void)state;
    static const struct {
        uint64_t at_us;
        uint32_t points;
    } rows[] = {
        {0, 60},
        {1, 60},
        {HOUR / 2, 45},
        {HOUR, 30},
        {HOUR * 3 / 2, 23},
        {2 * HOUR, 15},
        {4 * HOUR, 4},
        {6 * HOUR, 1},
        {8 * HOUR, 0},
        {100 * HOUR, 0},
        {TIME_NEVER_US - 1, 0},
    };
    start();
    add(0, 1, NULL, PENALTY_PROTOCOL);
    uint32_t before = 60;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(penalties_get(&penalties, rows[i].at_us, peer(1)), rows[i].points);
    }
    for (uint64_t now_us = 0; now_us < 10 * HOUR; now_us += HOUR / 37) {
        uint32_t points = penalties_get(&penalties, now_us, peer(1));
        assert_true(points <= before); /* it never rises by itself */
        before = points;
    }
    assert_int_equal(penalties_get(&penalties, 0, peer(2)), 0);
    end();
}

/* How many misdeeds at the same moment make a ban; a rotten chunk costs less than two lies. */
static void test_bans(void **state)
{
    (void)state;
    static const struct {
        enum penalty penalty;
        uint32_t count;
    } rows[] = {
        {PENALTY_SILENT, 7}, {PENALTY_BAD_CHUNK, 3}, {PENALTY_LIE, 4},
        {PENALTY_FLOOD, 3},  {PENALTY_PROTOCOL, 2},
    };
    _Static_assert(sizeof rows / sizeof rows[0] == PENALTY_KINDS, "one of each");
    for (size_t i = 0; i < PENALTY_KINDS; i++) {
        start();
        for (uint32_t n = 1; n <= rows[i].count; n++) {
            assert_false(is_banned(5, 1));
            add(5, 1, NULL, rows[i].penalty);
        }
        assert_true(is_banned(5, 1));
        assert_false(is_banned(5, 2));
        assert_false(is_banned(5 + 4 * HOUR, 1));
        end();
    }
    assert_true(penalties_points(PENALTY_BAD_CHUNK) < 2 * penalties_points(PENALTY_LIE));
}

/* What is far apart never adds up to a ban; a ban ends however much was done. */
static void test_time_heals(void **state)
{
    (void)state;
    start();
    for (uint64_t day = 0; day < 30; day++) {
        add(day * 24 * HOUR, 1, at(1), PENALTY_PROTOCOL);
        assert_false(is_banned(day * 24 * HOUR, 1));
    }
    uint64_t now_us = 1000 * HOUR;
    for (uint32_t i = 0; i < 10000; i++) {
        add(now_us, 2, NULL, PENALTY_PROTOCOL);
    }
    assert_int_equal(penalties_get(&penalties, now_us, peer(2)), PENALTIES_POINTS_MAX);
    assert_true(is_banned(now_us + 3 * HOUR, 2));
    assert_false(is_banned(now_us + 4 * HOUR, 2));
    end();
}

/* Keys are free: the prefix counts too, a quarter. One peer does not ban its neighbours. */
static void test_prefixes(void **state)
{
    (void)state;
    start();
    for (uint32_t n = 0; n < 3; n++) {
        add(7, 1, at(1), PENALTY_PROTOCOL);
    }
    assert_false(penalties_is_banned(&penalties, 7, NULL, at(1)));
    add(7, 2, at(1), PENALTY_PROTOCOL);
    add(7, 3, at(1), PENALTY_PROTOCOL);
    add(7, 4, at(1), PENALTY_PROTOCOL);
    assert_false(penalties_is_banned(&penalties, 7, peer(4), at(1)));
    add(7, 5, at(1), PENALTY_PROTOCOL);
    assert_true(penalties_is_banned(&penalties, 7, NULL, at(1)));
    assert_true(penalties_is_banned(&penalties, 7, peer(99), at(1)));
    assert_false(penalties_is_banned(&penalties, 7, peer(99), at(2)));
    assert_false(penalties_is_banned(&penalties, 7, peer(99), NULL));
    assert_false(penalties_is_banned(&penalties, 7, NULL, NULL));
    assert_false(penalties_is_banned(&penalties, 7 + HOUR, NULL, at(1)));
    end();
}

/* Our own network has one prefix: there only ids count. And no address is no prefix. */
static void test_local_prefixes(void **state)
{
    (void)state;
    const struct p2p_address home = {.family = 4, .address = {192, 168, 1, 5}, .port = 9};
    const struct p2p_address none = {0};
    start();
    for (uint32_t n = 0; n < 100; n++) {
        add(7, n, &home, PENALTY_PROTOCOL);
        add(7, n, &none, PENALTY_PROTOCOL);
    }
    assert_true(is_banned(7, 3));
    assert_false(penalties_is_banned(&penalties, 7, peer(999), &home));
    assert_false(penalties_is_banned(&penalties, 7, peer(999), &none));
    assert_int_equal(penalties.prefixes.count, 0);
    end();
}

/* A ban outlives a thousand strangers of one misdeed each, from a thousand prefixes. */
static void test_flushing(void **state)
{
    (void)state;
    start();
    for (uint32_t n = 0; n < 2; n++) {
        add(1, 1, at(1), PENALTY_PROTOCOL);
    }
    for (uint32_t n = 0; n < 4; n++) {
        add(1, 10 + n, at(1), PENALTY_PROTOCOL);
    }
    for (uint32_t n = 0; n < 1000; n++) {
        add(2 + n, 1000 + n, at((uint8_t)(2 + n % 250)), PENALTY_PROTOCOL);
        assert_true(penalties.peers.count <= PENALTIES_PEERS_MAX);
        assert_true(penalties.prefixes.count <= PENALTIES_PREFIXES_MAX);
    }
    assert_true(is_banned(2000, 1));
    /* The last ones are known: among equals the oldest leaves. */
    assert_int_equal(penalties_get(&penalties, 2000, peer(1999)), 60);
    assert_int_equal(penalties_get(&penalties, 2000, peer(1000)), 0);
    /* A full table is no place for less. */
    add(2001, 5000, NULL, PENALTY_SILENT);
    assert_int_equal(penalties_get(&penalties, 2001, peer(5000)), 0);
    assert_int_equal(penalties_get(&penalties, 2001, peer(1999)), 60);
    /* Later it is. */
    add(2001 + 3 * HOUR, 5000, NULL, PENALTY_SILENT);
    assert_int_equal(penalties_get(&penalties, 2001 + 3 * HOUR, peer(5000)), 15);
    size_t most = (PENALTIES_PEERS_MAX + PENALTIES_PREFIXES_MAX) * sizeof(struct penalty_entry);
    assert_int_equal(penalties_heap_bytes(&penalties), most);
    assert_true(most <= 16384);
    end();
}

static void test_restore(void **state)
{
    (void)state;
    static const struct {
        uint32_t points;
        uint64_t age_us;
        uint32_t expected;
    } rows[] = {
        {120, 0, 120},           {120, HOUR, 60}, {120, 50 * HOUR, 0},
        {120, TIME_NEVER_US, 0}, {0, 0, 0},       {UINT32_MAX, 0, PENALTIES_POINTS_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start();
        assert_int_equal(
            penalties_restore(&penalties, 5, peer(1), at(1), rows[i].points, rows[i].age_us), 0);
        assert_int_equal(penalties_get(&penalties, 5, peer(1)), rows[i].expected);
        assert_int_equal(is_banned(5, 1), rows[i].expected >= BAN_POINTS);
        assert_int_equal(penalties_is_banned(&penalties, 5, NULL, at(1)),
                         rows[i].expected >= BAN_POINTS * PENALTIES_PREFIX_PART);
        /* Told twice, it counts once; told less, not at all. */
        assert_int_equal(
            penalties_restore(&penalties, 5, peer(1), at(1), rows[i].points / 2, rows[i].age_us),
            0);
        assert_int_equal(penalties_get(&penalties, 5, peer(1)), rows[i].expected);
        end();
    }
    start();
    add(5, 1, NULL, PENALTY_BAD_CHUNK);
    assert_int_equal(penalties_restore(&penalties, 5, peer(1), NULL, 100, 0), 0);
    assert_int_equal(penalties_get(&penalties, 5, peer(1)), 100);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decay),          cmocka_unit_test(test_bans),
        cmocka_unit_test(test_time_heals),     cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_local_prefixes), cmocka_unit_test(test_flushing),
        cmocka_unit_test(test_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
