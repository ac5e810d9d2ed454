/*
 * test_neighbours.c: slots, fading sums, scores, and who leaves first.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/neighbours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct neighbours_config config = {.score_window_us = 100 * TIME_US_PER_S,
                                                .score_received_per_mib = 20,
                                                .score_sent_per_mib = 5,
                                                .score_answer = 2,
                                                .score_lan = 200,
                                                .score_rtt_per_100ms = 10,
                                                .grace_us = 30 * TIME_US_PER_S};

static struct neighbours neighbours;

static struct neighbour *add(uint64_t now_s, uint32_t link)
{
    struct neighbour *neighbour;
    uint8_t peer_id[HASH_BYTES];
    memset(peer_id, (int)link, sizeof peer_id);
    assert_int_equal(neighbours_add(&neighbours, now_s * TIME_US_PER_S, link, peer_id, &neighbour),
                     0);
    neighbours_check_invariants(&neighbours);
    return neighbour;
}

static void remove_all(void)
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        if (neighbours.slots[slot] != NULL) {
            neighbours_remove(&neighbours, neighbours.slots[slot]);
        }
    }
    assert_int_equal(neighbours.count, 0);
    neighbours_deinit(&neighbours);
}

static void test_slots(void **state)
{
    (void)state;
    uint8_t peer_id[HASH_BYTES] = {9};
    struct neighbour *neighbour;
    neighbours_init(&neighbours, &config);
    for (uint32_t i = 0; i < OVERLAY_LINKS_MAX; i++) {
        assert_int_equal(add(1, i + 1)->slot, i);
    }
    assert_int_equal(neighbours_add(&neighbours, 1, 99, peer_id, &neighbour), ERROR_FULL);
    neighbours_remove(&neighbours, neighbours_find(&neighbours, 7));
    assert_null(neighbours_find(&neighbours, 7));
    assert_null(neighbours_find(&neighbours, 0));
    neighbour = add(1, 99);
    assert_int_equal(neighbour->slot, 6);
    assert_ptr_equal(neighbours_find_peer(&neighbours, neighbour->peer_id), neighbour);
    neighbours_drop(&neighbours, neighbour, P2P_BYE_FULL);
    neighbours_drop(&neighbours, neighbour, P2P_BYE_DONE);
    assert_int_equal(neighbour->drop, P2P_BYE_FULL);
    assert_null(neighbours_find_peer(&neighbours, neighbour->peer_id));
    assert_int_equal(neighbours_count(&neighbours), OVERLAY_LINKS_MAX - 1);
    neighbours_check_invariants(&neighbours);
    remove_all();
}

static void test_a_sum_fades(void **state)
{
    (void)state;
    static const struct {
        uint64_t at_s, amount, sum;
    } rows[] = {
        {10, 100, 100}, {50, 100, 200}, {99, 0, 200}, {100, 0, 200}, {150, 0, 100}, {150, 30, 130},
        {199, 0, 32},   {200, 0, 30},   {250, 0, 15}, {300, 0, 0},   {1000, 7, 7},  {5000, 0, 0},
    };
    struct neighbours_window window = {.begin_us = 0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t now_us = rows[i].at_s * TIME_US_PER_S;
        neighbours_window_add(&window, now_us, config.score_window_us, rows[i].amount);
        assert_int_equal(neighbours_window_sum(&window, now_us, config.score_window_us),
                         rows[i].sum);
    }
}

static void test_score(void **state)
{
    (void)state;
    static const struct {
        uint64_t overlap, received_mib, sent_mib, answers, rtt_ms;
        bool is_lan;
        int64_t score;
    } rows[] = {
        {0, 0, 0, 0, 0, false, 0},
        {1000, 0, 0, 0, 0, false, 1000},
        {0, 3, 0, 0, 0, false, 60},
        {0, 0, 3, 0, 0, false, 15},
        {0, 0, 0, 4, 0, false, 8},
        {0, 0, 0, 0, 0, true, 200},
        {0, 0, 0, 0, 250, false, -25},
        {10, 1, 1, 1, 100, true, 227},
        {0, 0, 0, 0, 90000000, false, -1000},
    };
    neighbours_init(&neighbours, &config);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct neighbour *neighbour = add(1, (uint32_t)i + 1);
        uint64_t window_us = config.score_window_us;
        neighbour->is_lan = rows[i].is_lan;
        neighbour->rtt_us = rows[i].rtt_ms * TIME_US_PER_MS;
        neighbours_window_add(&neighbour->received, 1, window_us, rows[i].received_mib << 20);
        neighbours_window_add(&neighbour->sent, 1, window_us, rows[i].sent_mib << 20);
        neighbours_window_add(&neighbour->answers, 1, window_us, rows[i].answers);
        assert_int_equal(neighbours_score(&neighbours, neighbour, 1, rows[i].overlap),
                         rows[i].score);
    }
    remove_all();
}

/* Rows of {up at second, score, random}; who leaves at second 100. */
static void test_worst(void **state)
{
    (void)state;
    static const struct {
        struct {
            uint32_t up_s;
            int64_t score;
            bool is_random;
        } each[3];
        uint32_t worst; /* link; 0 = nobody */
    } rows[] = {
        {{{10, 5, false}, {20, 3, false}, {30, 9, false}}, 2},
        {{{10, 5, false}, {20, 3, true}, {30, 9, false}}, 1},
        {{{10, 5, false}, {80, 3, false}, {90, 1, false}}, 1},
        {{{10, 5, false}, {20, 5, false}, {15, 5, false}}, 2},
        {{{75, 5, false}, {80, 3, false}, {90, 1, false}}, 0},
        {{{10, -5, false}, {20, 3, false}, {30, 9, false}}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        neighbours_init(&neighbours, &config);
        for (uint32_t k = 0; k < 3; k++) {
            struct neighbour *neighbour = add(rows[i].each[k].up_s, k + 1);
            neighbour->score = rows[i].each[k].score;
            neighbour->is_random = rows[i].each[k].is_random;
        }
        const struct neighbour *worst = neighbours_worst(&neighbours, 100 * TIME_US_PER_S);
        assert_int_equal(worst == NULL ? 0 : worst->link, rows[i].worst);
        remove_all();
    }
}

static void test_some_at_random(void **state)
{
    (void)state;
    static const struct {
        uint32_t wanted;
        const char *marked; /* links 1 to 4, the oldest is 3 */
    } rows[] = {{0, "...."}, {1, "..x."}, {3, "xxx."}, {9, "xxxx"}, {2, "x.x."}, {0, "...."}};
    neighbours_init(&neighbours, &config);
    add(20, 1);
    add(30, 2);
    add(10, 3);
    add(40, 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        neighbours_mark_random(&neighbours, rows[i].wanted);
        for (uint32_t k = 0; k < 4; k++) {
            assert_int_equal(neighbours_find(&neighbours, k + 1)->is_random,
                             rows[i].marked[k] == 'x');
        }
    }
    remove_all();
}

/* Both sides come to the same result: exactly one of two crossing links stays. */
static void test_crossing(void **state)
{
    (void)state;
    uint8_t low[HASH_BYTES] = {1};
    uint8_t high[HASH_BYTES] = {2};
    for (uint32_t order = 0; order < 4; order++) {
        /* Link L is begun by low, H by high. Which came up first may differ at the two ends. */
        bool low_sees_l_first = (order & 1) != 0;
        bool high_sees_l_first = (order & 2) != 0;
        bool low_keeps_older =
            neighbours_older_stays(low, high, !low_sees_l_first, low_sees_l_first);
        bool high_keeps_older =
            neighbours_older_stays(high, low, high_sees_l_first, !high_sees_l_first);
        assert_true(low_keeps_older == low_sees_l_first);   /* L stays at low's end, */
        assert_true(high_keeps_older == high_sees_l_first); /* and at high's */
    }
    assert_false(neighbours_older_stays(low, high, true, true));
    assert_false(neighbours_older_stays(low, high, false, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),          cmocka_unit_test(test_a_sum_fades),
        cmocka_unit_test(test_score),          cmocka_unit_test(test_worst),
        cmocka_unit_test(test_some_at_random), cmocka_unit_test(test_crossing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
