/*
 * test_tracker_shard.c: pairs against the plainest model, the last so many holders, and the order
 * of candidates.
 */
#include "streamserver/core/tracker_shard.h"

#include "common/error.h"
#include "tests/lib/tracker_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINKS 40u
#define FILES 60u

struct model {
    struct tracker_shard shard;
    uint8_t has[LINKS][FILES]; /* 0, 1 whole, 2 partial */
    uint32_t pairs;
};

static void assert_model(const struct model *model)
{
    tracker_shard_check_invariants(&model->shard);
    assert_int_equal(model->shard.pairs, model->pairs);
    for (uint32_t file = 0; file < FILES; file++) {
        uint32_t holders = 0;
        for (uint32_t link = 1; link < LINKS; link++) {
            holders += model->has[link][file] != 0;
        }
        assert_int_equal(tracker_shard_holders(&model->shard, 0, tracker_world_key(file)), holders);
    }
    for (uint32_t link = 0; link < LINKS; link++) {
        uint32_t files = 0;
        for (uint32_t file = 0; file < FILES; file++) {
            files += model->has[link][file] != 0;
        }
        assert_int_equal(tracker_shard_file_count(&model->shard, link), files);
    }
}

static void change(struct model *model, struct prng *prng)
{
    uint32_t link = (uint32_t)prng_below(prng, LINKS - 1) + 1;
    uint32_t file = (uint32_t)prng_below(prng, FILES);
    uint64_t key = tracker_world_key(file);
    uint32_t what = (uint32_t)prng_below(prng, 10);
    uint8_t *has = &model->has[link][file];
    if (what < 4) {
        assert_int_equal(tracker_shard_lose(&model->shard, link, key), *has != 0);
        model->pairs -= *has != 0;
        *has = 0;
        return;
    }
    bool was_added = false;
    uint32_t evicted = 0;
    bool is_partial = what < 6;
    bool may_add = what < 9;
    int error =
        tracker_shard_announce(&model->shard, link, key, is_partial, may_add, &was_added, &evicted);
    assert_int_equal(error, *has == 0 && !may_add ? ERROR_FULL : 0);
    if (error == 0) {
        assert_int_equal(was_added, *has == 0);
        assert_int_equal(evicted, TRACKER_NONE);
        model->pairs += *has == 0;
        *has = is_partial ? 2 : 1;
    }
}

static void test_model(void **state)
{
    (void)state;
    static struct model model;
    struct prng prng;
    prng_init(&prng, 11);
    tracker_shard_init(&model.shard, 12, 0);
    assert_false(tracker_shard_lose(&model.shard, 3, 4));
    assert_false(tracker_shard_lose_any(&model.shard, 3));
    for (uint32_t at = 0; at < 20000; at++) {
        change(&model, &prng);
        if (at % 1000 == 0) {
            assert_model(&model);
        }
    }
    assert_model(&model);
    for (uint32_t link = 0; link < LINKS; link++) {
        uint32_t count = tracker_shard_file_count(&model.shard, link);
        while (tracker_shard_lose_any(&model.shard, link)) {
            count--;
        }
        assert_int_equal(count, 0);
    }
    tracker_shard_check_invariants(&model.shard);
    assert_int_equal(model.shard.files.count, 0);
    assert_true(tracker_shard_live_bytes(&model.shard) <= model.shard.memory);
    tracker_shard_deinit(&model.shard);
}

/* The last three that announced it; who announces it again is the newest. */
static void test_holders_max(void **state)
{
    (void)state;
    static const struct {
        uint32_t link;
        uint32_t evicted;
    } rows[] = {
        {1, TRACKER_NONE},
        {2, TRACKER_NONE},
        {3, TRACKER_NONE},
        {4, 1},
        {2, TRACKER_NONE},
        {5, 3},
        {6, 4},
        {7, 2},
    };
    struct tracker_shard shard;
    tracker_shard_init(&shard, 1, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool was_added = false;
        uint32_t evicted = 0;
        assert_int_equal(
            tracker_shard_announce(&shard, rows[i].link, 77, false, true, &was_added, &evicted), 0);
        assert_int_equal(evicted, rows[i].evicted);
        assert_int_equal(was_added, i != 4);
        tracker_shard_check_invariants(&shard);
    }
    assert_int_equal(tracker_shard_holders(&shard, 0, 77), 3);
    assert_int_equal(tracker_shard_holders(&shard, 7, 77), 2);
    tracker_shard_deinit(&shard);
}

struct holder {
    char letter;
    const char *address;
    uint8_t flags;
    bool is_partial;
};

/* In the order of the answer to someone at 198.51.100.7. */
static const struct holder holders[] = {
    {'a', "198.51.100.7", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, false},
    {'b', "198.51.100.7", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, true},
    {'c', "198.51.100.7", P2P_CONTACT_GIVES, false},
    {'d', "198.51.100.8", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, true},
    {'e', "198.51.100.9", P2P_CONTACT_GIVES, false},
    {'f', "198.51.7.7", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, true},
    {'g', "203.0.113.1", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, false},
    {'h', "203.0.113.2", P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, true},
    {'i', "198.51.7.8", P2P_CONTACT_GIVES, true},
    {'j', "203.0.113.3", P2P_CONTACT_GIVES, false},
    {'k', "203.0.113.4", P2P_CONTACT_GIVES, true},
    {'l', "198.51.100.7", P2P_CONTACT_REACHABLE, false}, /* serves nobody */
};

#define HOLDERS (sizeof holders / sizeof *holders)

static uint32_t add_holder(struct tracker_links *links, const struct holder *holder)
{
    struct tracker_peer peer = {.number = (uint32_t)holder->letter,
                                .observed = tracker_world_address(holder->address, 1),
                                .listen_port = 4000,
                                .flags = holder->flags & P2P_CONTACT_GIVES};
    uint32_t link = TRACKER_NONE;
    memset(peer.peer_id, holder->letter, sizeof peer.peer_id);
    assert_int_equal(tracker_links_add(links, &peer, &link), 0);
    tracker_links_get(links, link)->flags = holder->flags;
    return link;
}

/* Whatever the order of announcing and the chance. */
static void test_order(void **state)
{
    (void)state;
    static const struct holder asker = {.letter = 'z', .address = "198.51.100.7"};
    for (uint32_t round = 0; round < 24; round++) {
        struct tracker_links links;
        struct tracker_shard shard;
        bool was_added = false;
        uint32_t evicted = 0;
        tracker_links_init(&links, round);
        tracker_shard_init(&shard, round, 0);
        struct tracker_query query = {.links = &links, .chance = round * 7919};
        query.asker = add_holder(&links, &asker);
        for (uint32_t i = 0; i < HOLDERS; i++) {
            const struct holder *holder = &holders[(i * 5 + round) % HOLDERS];
            uint32_t link = add_holder(&links, holder);
            assert_int_equal(tracker_shard_announce(&shard, link, 5, holder->is_partial, true,
                                                    &was_added, &evicted),
                             0);
        }
        /* The asker has it too, and one that has gone. */
        (void)tracker_shard_announce(&shard, query.asker, 5, false, true, &was_added, &evicted);
        uint32_t gone = add_holder(&links, &holders[0]);
        (void)tracker_shard_announce(&shard, gone, 5, false, true, &was_added, &evicted);
        tracker_links_leave(&links, gone);

        static struct tracker_candidates candidates;
        tracker_shard_find(&shard, &query, 5, &candidates);
        assert_int_equal(candidates.holders, HOLDERS + 1);
        for (uint32_t i = 0; i < HOLDERS; i++) {
            uint32_t link = TRACKER_NONE;
            bool is_partial = false;
            assert_true(tracker_candidates_next(&candidates, &link, &is_partial));
            assert_int_equal(tracker_links_get(&links, link)->number, holders[i].letter);
            assert_int_equal(is_partial, holders[i].is_partial);
        }
        uint32_t link = TRACKER_NONE;
        bool is_partial = false;
        assert_false(tracker_candidates_next(&candidates, &link, &is_partial));
        tracker_shard_find(&shard, &query, 6, &candidates); /* nobody has it */
        assert_int_equal(candidates.holders, 0);
        assert_int_equal(candidates.count, 0);
        tracker_shard_deinit(&shard);
        tracker_links_deinit(&links);
    }
}

/* Who takes no links is no use to who takes none either. */
static void test_no_way(void **state)
{
    (void)state;
    static const struct holder far = {
        .letter = 'a', .address = "203.0.113.1", .flags = P2P_CONTACT_GIVES};
    static const struct holder asker = {.letter = 'z', .address = "198.51.100.7"};
    struct tracker_links links;
    struct tracker_shard shard;
    static struct tracker_candidates candidates;
    bool was_added = false;
    uint32_t evicted = 0;
    tracker_links_init(&links, 1);
    tracker_shard_init(&shard, 1, 0);
    struct tracker_query query = {.links = &links, .asker = add_holder(&links, &asker)};
    uint32_t link = add_holder(&links, &far);
    (void)tracker_shard_announce(&shard, link, 5, false, true, &was_added, &evicted);
    tracker_links_get(&links, link)->address.port = 0;
    tracker_shard_find(&shard, &query, 5, &candidates);
    assert_int_equal(candidates.count, 1); /* the asker takes links: that one can come to it */
    tracker_links_get(&links, query.asker)->address.port = 0;
    tracker_shard_find(&shard, &query, 5, &candidates);
    assert_int_equal(candidates.count, 0);
    assert_int_equal(candidates.holders, 1);
    tracker_shard_deinit(&shard);
    tracker_links_deinit(&links);
}

/* Of 5,000 holders those that are near are found, though a sample would rarely meet them. */
static void test_near_among_many(void **state)
{
    (void)state;
    struct tracker_links links;
    struct tracker_shard shard;
    static struct tracker_candidates candidates;
    bool was_added = false;
    uint32_t evicted = 0;
    tracker_links_init(&links, 1);
    tracker_shard_init(&shard, 1, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        struct tracker_peer peer = {.number = i, .listen_port = 1, .flags = P2P_CONTACT_GIVES};
        uint32_t link = TRACKER_NONE;
        peer.peer_id[0] = 1;
        peer.observed = (struct p2p_address){
            .family = 4, .address = {10, (uint8_t)(i / 256), (uint8_t)i, 1}, .port = 1};
        assert_int_equal(tracker_links_add(&links, &peer, &link), 0);
        (void)tracker_shard_announce(&shard, link, 5, false, true, &was_added, &evicted);
    }
    static const struct holder asker = {.letter = 'z', .address = "10.3.9.7"};
    struct prng prng;
    uint32_t near[TRACKER_NEAR_MAX];
    prng_init(&prng, 1);
    struct tracker_query query = {.links = &links, .asker = add_holder(&links, &asker)};
    query.near_count = tracker_links_near(&links, query.asker, &prng, near);
    query.near = near;
    tracker_shard_find(&shard, &query, 5, &candidates);
    assert_int_equal(candidates.holders, 5000);
    uint32_t link = TRACKER_NONE;
    bool is_partial = false;
    assert_true(tracker_candidates_next(&candidates, &link, &is_partial));
    assert_int_equal(tracker_links_get(&links, link)->number, 3 * 256 + 9); /* 10.3.9.1 */
    uint32_t count = 1;
    uint32_t before = link;
    while (tracker_candidates_next(&candidates, &link, &is_partial)) {
        assert_int_not_equal(link, before); /* each once */
        before = link;
        count++;
    }
    assert_in_range(count, 40, TRACKER_CANDIDATES_MAX);
    tracker_shard_deinit(&shard);
    tracker_links_deinit(&links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),           cmocka_unit_test(test_holders_max),
        cmocka_unit_test(test_order),           cmocka_unit_test(test_no_way),
        cmocka_unit_test(test_near_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
