/*
 * test_search.c: each search once, answers only back along the link that asked, nothing for liars.
 */
#include "p2p/core/search.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BOTH (SEARCH_ANSWER | SEARCH_FORWARD)
#define PEERS 100u

static struct search search;
static struct search_gate gates[PEERS]; /* by link; link n is peer n's */

static void start(void)
{
    search_init(&search, &search_config_default);
    memset(gates, 0, sizeof gates);
}

static struct p2p_contact contact(uint32_t number)
{
    return (struct p2p_contact){.peer_id = {(uint8_t)number, 7}, .flags = P2P_CONTACT_GIVES};
}

static struct p2p_message asked(uint64_t query, uint8_t hops, uint32_t searcher)
{
    return (struct p2p_message){.type = P2P_SEARCH, .search = {query, hops, 5, contact(searcher)}};
}

static unsigned take(uint64_t now_us, uint32_t link, uint64_t query, uint8_t hops,
                     uint32_t searcher)
{
    struct p2p_message message = asked(query, hops, searcher);
    struct p2p_contact from = contact(link);
    unsigned taken = search_take(&search, now_us, &gates[link], link, from.peer_id, &message);
    search_check_invariants(&search);
    return taken;
}

static enum search_found found(uint64_t now_us, uint32_t link, uint64_t query, uint64_t key,
                               uint32_t holder, uint32_t *ret_link)
{
    struct p2p_message message = {.type = P2P_FOUND,
                                  .found = {query, key, P2P_HAVE_WHOLE, contact(holder)}};
    struct p2p_contact from = contact(link);
    enum search_found result =
        search_found(&search, now_us, &gates[link], link, from.peer_id, &message, ret_link);
    search_check_invariants(&search);
    return result;
}

static void test_take(void **state)
{
    (void)state;
    static const struct {
        uint32_t link;
        uint64_t query;
        uint8_t hops;
        uint32_t searcher;
        unsigned expected;
    } rows[] = {
        {1, 100, 2, 1, BOTH},
        {1, 100, 2, 1, SEARCH_PASS_OVER}, /* again */
        {2, 100, 1, 1, SEARCH_PASS_OVER}, /* the same by another way */
        {2, 101, 1, 9, SEARCH_ANSWER},    /* from a neighbour's neighbour: no further */
        {3, 102, 1, 3, SEARCH_ANSWER},    /* its own, with a radius of one */
        {4, 103, 2, 9, SEARCH_BREACH},    /* only the searcher itself says 2 */
        {4, 103, 1, 9, SEARCH_ANSWER},    /* and the breach is not remembered */
    };
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned taken = take(5, rows[i].link, rows[i].query, rows[i].hops, rows[i].searcher);
        if (taken != rows[i].expected) {
            fail_msg("row %zu: %u", i, taken);
        }
    }
}

/* To all but the asker and the searcher; one hop fewer. */
static void test_forward(void **state)
{
    (void)state;
    const struct p2p_message message = asked(100, 2, 1);
    struct p2p_message onward;
    struct p2p_contact one = contact(1), two = contact(2);
    assert_false(search_goes_to(&message, 1, 1, one.peer_id));
    assert_false(search_goes_to(&message, 1, 8, one.peer_id)); /* a second link with it */
    assert_true(search_goes_to(&message, 1, 2, two.peer_id));
    assert_true(search_goes_to(&message, 0, 2, two.peer_id)); /* our own */
    search_forward(&message, &onward);
    assert_int_equal(onward.search.hops, 1);
    assert_int_equal(onward.search.query, 100);
    assert_int_equal(onward.search.key, 5);
    assert_memory_equal(onward.search.contact.peer_id, one.peer_id, HASH_BYTES);
    struct p2p_message answer;
    search_answer(&message, P2P_HAVE_PARTIAL, &two, &answer);
    assert_int_equal(answer.type, P2P_FOUND);
    assert_int_equal(answer.found.query, 100);
    assert_int_equal(answer.found.key, 5);
    assert_int_equal(answer.found.kind, P2P_HAVE_PARTIAL);
    assert_memory_equal(answer.found.contact.peer_id, two.peer_id, HASH_BYTES);
}

static void test_found(void **state)
{
    (void)state;
    const uint64_t life_us = search_config_default.life_us;
    static const struct {
        uint64_t at_us;
        uint32_t link;
        uint64_t query, key;
        uint32_t holder;
        enum search_found expected;
    } rows[] = {
        {6, 2, 100, 5, 2, SEARCH_FOUND_BACK},
        {6, 2, 100, 5, 2, SEARCH_FOUND_NONE}, /* once */
        {6, 3, 100, 5, 3, SEARCH_FOUND_BACK},
        {6, 4, 100, 6, 4, SEARCH_FOUND_BREACH}, /* another key */
        {6, 4, 100, 5, 9, SEARCH_FOUND_BREACH}, /* in another's name */
        {6, 1, 100, 5, 1, SEARCH_FOUND_NONE},   /* the searcher itself */
        {6, 4, 999, 5, 4, SEARCH_FOUND_NONE},   /* nobody asked */
        {6, 4, 101, 5, 4, SEARCH_FOUND_NONE},   /* it was not passed on, so it was not asked */
        {6, 4, 102, 5, 9, SEARCH_FOUND_OURS},   /* passed back by 4: anybody */
        {6, 4, 102, 6, 9, SEARCH_FOUND_BREACH},
        {0, 5, 100, 5, 5, SEARCH_FOUND_BACK}, /* at the last moment */
        {1, 6, 100, 5, 6, SEARCH_FOUND_NONE}, /* too late */
        {1, 6, 102, 5, 9, SEARCH_FOUND_NONE},
    };
    start();
    assert_int_equal(take(5, 1, 100, 2, 1), BOTH);
    assert_int_equal(take(5, 2, 101, 1, 9), SEARCH_ANSWER);
    struct p2p_contact us = contact(77);
    struct p2p_message ours;
    search_begin(&search, 5, 102, 5, &us, &ours);
    assert_int_equal(ours.type, P2P_SEARCH);
    assert_int_equal(ours.search.hops, 2);
    assert_memory_equal(ours.search.contact.peer_id, us.peer_id, HASH_BYTES);
    assert_int_equal(take(5, 3, 102, 1, 77), SEARCH_PASS_OVER); /* it comes round to us */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t back = 99;
        uint64_t at_us = rows[i].at_us == 6 ? 6 : 5 + life_us + rows[i].at_us;
        enum search_found result =
            found(at_us, rows[i].link, rows[i].query, rows[i].key, rows[i].holder, &back);
        if (result != rows[i].expected) {
            fail_msg("row %zu: %d", i, (int)result);
        }
        assert_int_equal(back, result == SEARCH_FOUND_BACK ? 1 : 99);
    }
}

/* The asker goes: nobody gets its answers, even if its link's number comes again. */
static void test_asker_gone(void **state)
{
    (void)state;
    uint32_t back = 0;
    start();
    assert_int_equal(take(5, 1, 100, 2, 1), BOTH);
    search_link_down(&search, 1);
    assert_int_equal(found(6, 2, 100, 5, 2, &back), SEARCH_FOUND_NONE);
    assert_int_equal(take(6, 1, 100, 2, 1), SEARCH_PASS_OVER);
}

/* Fifty are remembered, the oldest leaves; answers are counted. */
static void test_bounds(void **state)
{
    (void)state;
    uint32_t back = 0;
    start();
    for (uint32_t i = 0; i < SEARCH_SEEN_MAX; i++) {
        assert_int_equal(take(5, 1 + i, 100 + i, 2, 1 + i), BOTH);
    }
    assert_int_equal(take(5, 99, 100, 1, 0), SEARCH_PASS_OVER);
    assert_int_equal(take(5, 99, 900, 1, 0), SEARCH_ANSWER);
    assert_int_equal(found(6, 59, 100, 5, 59, &back), SEARCH_FOUND_NONE); /* forgotten */
    assert_int_equal(take(6, 98, 100, 1, 0), SEARCH_ANSWER);
    assert_int_equal(search.count, SEARCH_SEEN_MAX);
    for (uint32_t i = 0; i < SEARCH_FOUND_MAX; i++) {
        assert_int_equal(found(6, 60 + i, 110, 5, 60 + i, &back), SEARCH_FOUND_BACK);
        assert_int_equal(back, 11);
    }
    assert_int_equal(found(6, 90, 110, 5, 90, &back), SEARCH_FOUND_NONE);
    assert_int_equal(found(6, 90, 111, 5, 90, &back), SEARCH_FOUND_BACK);
}

/* Each neighbour at its pace; one that floods costs the others nothing. */
static void test_pace(void **state)
{
    (void)state;
    const struct search_config *config = &search_config_default;
    uint32_t back = 0;
    uint32_t own = 0, forwarded = 0, answers = 0;
    start();
    for (uint64_t i = 0; i < 1000; i++) {
        own += take(5, 1, 1000 + i, 2, 1) == BOTH;
        forwarded += take(5, 1, 5000 + i, 1, 9) == SEARCH_ANSWER;
    }
    assert_int_equal(own, config->own_burst);
    assert_int_equal(forwarded, config->forwarded_burst);
    assert_int_equal(take(5, 2, 1, 2, 2), BOTH);
    assert_int_equal(take(5 + config->own_us, 1, 2, 2, 1), BOTH);
    assert_int_equal(take(5 + config->own_us, 1, 3, 2, 1), SEARCH_PASS_OVER);
    struct p2p_contact us = contact(77);
    struct p2p_message ours;
    search_begin(&search, 5, 102, 5, &us, &ours);
    for (uint32_t i = 0; i < 1000; i++) {
        answers += found(6, 1, 102, 5, i % 200, &back) == SEARCH_FOUND_OURS;
    }
    assert_int_equal(answers, config->found_burst);
    assert_int_equal(found(6, 3, 102, 5, 8, &back), SEARCH_FOUND_OURS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),   cmocka_unit_test(test_forward),
        cmocka_unit_test(test_found),  cmocka_unit_test(test_asker_gone),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
