/*
 * test_give.c: slots: who is served, who waits and for how long, who is told to come back later.
 */
#include "p2p/core/give.h"

#include "common/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#define LINKS 16u
#define S TIME_US_PER_S
#define MS TIME_US_PER_MS

static struct give give;
static struct give_link links[LINKS];
static uint32_t link_count;

/* Four slots, no limit, no yielding; links a, b, c, ... */
static void start(uint32_t count)
{
    struct give_config config = give_config_default;
    config.slots_max = 4;
    config.is_regulated = false;
    give_init(&give, &config, 0);
    link_count = count;
    for (uint32_t i = 0; i < count; i++) {
        give_link_open(&give, &links[i], i, GIVE_PEER, 0);
    }
}

static void end(void)
{
    for (uint32_t i = 0; i < link_count; i++) {
        give_link_close(&give, &links[i]);
    }
    give_deinit(&give);
}

/* These ask, each a letter. */
static void ask(const char *who, uint64_t now_us)
{
    for (; *who != '\0'; who++) {
        assert_true(give_asks(&give, &links[*who - 'a'], now_us));
    }
}

/* What is decided now: "+a" served, "-b" held back, "!c" busy. */
static void expect(uint64_t now_us, const char *decided)
{
    static const char signs[] = {'?', '+', '-', '!', '?'};
    char text[4 * GIVE_ACTIONS_MAX] = "";
    size_t at = 0;
    struct give_action actions[GIVE_ACTIONS_MAX];
    uint32_t count = give_settle(&give, now_us, actions);
    for (uint32_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%c%c", i > 0 ? " " : "",
                               signs[actions[i].kind], 'a' + (int)actions[i].link->number);
    }
    assert_string_equal(text, decided);
    give_check_invariants(&give);
    assert_true(give_next_deadline_us(&give, now_us) > now_us);
}

static uint64_t deadline_us(uint64_t now_us)
{
    return give_next_deadline_us(&give, now_us);
}

/* Who gets a slot at once was never held back: there is nothing to say. */
static void test_enough_slots(void **state)
{
    (void)state;
    start(4);
    ask("abcd", 1);
    expect(1, "");
    assert_int_equal(give.served_count, 4);
    assert_int_equal(deadline_us(1), TIME_NEVER_US);
    ask("abcd", 2); /* asking again changes nothing */
    expect(2, "");
    end();
}

static void test_waiting_is_bounded(void **state)
{
    (void)state;
    start(10);
    ask("abcd", 1);
    expect(1, "");
    ask("efgh", 2);
    expect(2, "-e -f -g -h");
    assert_true(give_asks(&give, &links[8], 3) == false); /* as many wait as there are slots */
    assert_int_equal(deadline_us(3), 1 + 500 * MS);       /* the slot that goes round */
    expect(2 + 500 * MS - 1, "");
    expect(2 + 500 * MS, "!e !f !g !h");
    ask("e", 3 + 500 * MS); /* it may ask again */
    expect(3 + 500 * MS, "");
    expect(3 + 1000 * MS, "!e");
    end();
}

static void test_a_slot_is_free_when_all_is_answered(void **state)
{
    (void)state;
    start(6);
    ask("abcd", 1);
    expect(1, "");
    ask("ef", 2);
    expect(2, "-e -f");
    give_answered(&give, &links[1], 3);
    expect(3, "+e");
    give_link_close(&give, &links[0]);
    expect(4, "+f");
    link_count = 6;
    give_link_open(&give, &links[0], 0, GIVE_PEER, 5);
    end();
}

/* When somebody waits, a slot is lost after its time, to who gave more; the fourth goes round. */
static void test_givers_first(void **state)
{
    (void)state;
    start(8);
    give_received(&give, &links[0], 1000, 1);
    give_received(&give, &links[1], 3000, 1);
    give_received(&give, &links[2], 5000, 1);
    give_received(&give, &links[4], 4000, 1);
    ask("abcd", 1);
    expect(1, "");
    uint64_t t = 1 + 2 * S;
    ask("e", t - 100 * MS);
    expect(t - 100 * MS, "-e");
    assert_int_equal(deadline_us(t - 100 * MS), t);
    /* d has the slot that goes round and loses it; e and a change the regular one next. */
    expect(t, "-d +e");
    ask("f", t + 1);
    expect(t + 1, "-f");
    give_answered(&give, &links[3], t + 2);
    expect(t + 2, "");
    expect(t + 500 * MS + 1, "!f"); /* it gave nothing: a, b and c keep theirs */
    give_answered(&give, &links[4], t + S);
    ask("e", t + S);
    expect(t + S, "");
    end();
}

/* Free riders among givers that never cease: all are served, none for ever. */
static void test_riders_are_not_starved(void **state)
{
    (void)state;
    struct give_action actions[GIVE_ACTIONS_MAX];
    uint64_t served_us[LINKS] = {0};
    uint64_t unserved_us[LINKS] = {0};
    uint64_t longest_us = 0;
    start(12);
    for (uint64_t now_us = 0; now_us < 300 * S; now_us += 50 * MS) {
        for (uint32_t i = 0; i < 12; i++) {
            if (i < 6) { /* a to f give, and ask without end */
                give_received(&give, &links[i], 1000, now_us);
            }
            if (links[i].stage == GIVE_IDLE && (i < 6 || (now_us / (50 * MS) + i) % 20 == 0)) {
                (void)give_asks(&give, &links[i], now_us);
            }
            served_us[i] += links[i].stage == GIVE_SERVED ? 50 * MS : 0;
            unserved_us[i] = links[i].stage == GIVE_SERVED ? 0 : unserved_us[i] + 50 * MS;
            longest_us = unserved_us[i] > longest_us ? unserved_us[i] : longest_us;
        }
        (void)give_settle(&give, now_us, actions);
        give_check_invariants(&give);
    }
    uint64_t givers_us = 0;
    uint64_t riders_us = 0;
    for (uint32_t i = 0; i < 12; i++) {
        *(i < 6 ? &givers_us : &riders_us) += served_us[i];
        assert_true(served_us[i] > 0);
    }
    print_message("givers %u s, riders %u s of slots, longest without one %u s\n",
                  (uint32_t)(givers_us / S), (uint32_t)(riders_us / S), (uint32_t)(longest_us / S));
    assert_true(givers_us > 3 * riders_us);
    assert_true(longest_us < 60 * S);
    end();
}

/* What was given long ago counts less. */
static void test_merit_ages(void **state)
{
    (void)state;
    start(1);
    give_received(&give, &links[0], 1024, 0);
    give_received(&give, &links[0], 0, 119 * S);
    assert_int_equal(links[0].merit_bytes, 1024);
    give_received(&give, &links[0], 0, 121 * S);
    assert_int_equal(links[0].merit_bytes, 512);
    give_received(&give, &links[0], 100, 481 * S);
    assert_int_equal(links[0].merit_bytes, 64 + 100);
    give_received(&give, &links[0], 0, 1000000 * S);
    assert_int_equal(links[0].merit_bytes, 0);
    end();
}

/* Off: all are told at once. A low buffer: they wait, and are told in time. */
static void test_off_and_paused(void **state)
{
    (void)state;
    start(6);
    ask("abcde", 1);
    expect(1, "-e");
    give_set(&give, false, 0, 2);
    expect(2, "!a !b !c !d !e");
    assert_false(give_asks(&give, &links[5], 3));
    give_set(&give, true, 0, 4);
    ask("ab", 5);
    expect(5, "");
    give_buffer(&give, S / 2);
    expect(6, "-a -b");
    ask("c", 7);
    expect(7, "-c");
    give_buffer(&give, 10 * S);
    expect(8, "+a +b +c");
    give_buffer(&give, 0);
    expect(9, "-a -b -c");
    expect(9 + 500 * MS, "!a !b !c");
    end();
}

static void test_local_links_take_no_slot(void **state)
{
    (void)state;
    struct give_link near;
    start(5);
    give_link_open(&give, &near, 15, GIVE_LOCAL, 0);
    ask("abcd", 1);
    expect(1, "");
    give_buffer(&give, 0);
    expect(2, "-a -b -c -d");
    assert_true(give_asks(&give, &near, 3));
    expect(3, "");
    assert_int_equal(near.stage, GIVE_SERVED);
    give_set(&give, false, 0, 4);
    expect(4, "!a !b !c !d !p");
    give_link_close(&give, &near);
    end();
}

/* More to say than one settle holds: the rest follows at once. */
static void test_many_actions(void **state)
{
    (void)state;
    static struct give_link many[40];
    struct give_action actions[GIVE_ACTIONS_MAX];
    struct give_config config = give_config_default;
    config.slots_min = config.slots_max = 40;
    config.is_regulated = false;
    give_init(&give, &config, 0);
    for (uint32_t i = 0; i < 40; i++) {
        give_link_open(&give, &many[i], i, GIVE_PEER, 0);
        assert_true(give_asks(&give, &many[i], 1));
    }
    assert_int_equal(give_settle(&give, 1, actions), 0);
    give_set(&give, false, 0, 2);
    uint32_t told = 0;
    for (uint32_t turns = 0; give_next_deadline_us(&give, 2) <= 2; turns++) {
        told += give_settle(&give, 2, actions);
        assert_true(turns < 5);
    }
    assert_int_equal(told, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(many[i].stage, GIVE_IDLE);
        give_link_close(&give, &many[i]);
    }
    give_deinit(&give);
}

static void random_event(struct prng *prng, uint64_t now_us)
{
    struct give_link *link = &links[prng_below(prng, link_count)];
    switch (prng_below(prng, 9)) {
    case 0:
        give_link_close(&give, link);
        give_link_open(&give, link, (uint32_t)(link - links), (enum give_kind)prng_below(prng, 3),
                       now_us);
        break;
    case 1:
        give_answered(&give, link, now_us);
        break;
    case 2:
        give_received(&give, link, prng_below(prng, 100000), now_us);
        break;
    case 3:
        give_rtt(&give, link, prng_below(prng, 200000), now_us);
        break;
    case 4:
        give_buffer(&give, prng_below(prng, 4) > 0 ? TIME_NEVER_US : prng_below(prng, 6 * S));
        break;
    case 5:
        give_set(&give, prng_below(prng, 8) > 0, prng_below(prng, 2) * 100000, now_us);
        break;
    case 6:
        if (give_may_send(&give, now_us)) {
            give_sent(&give, link, 1 + prng_below(prng, 16398), now_us);
        }
        break;
    default:
        if (link->kind != GIVE_ORIGIN) {
            (void)give_asks(&give, link, now_us);
        }
        break;
    }
}

/* Whatever happens: what must hold holds, nobody waits longer than he may, and what is told to the
 * caller is what is. */
static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng;
        uint64_t now_us = 0;
        prng_init(&prng, seed);
        give_init(&give, &give_config_default, 0);
        link_count = LINKS;
        for (uint32_t i = 0; i < LINKS; i++) {
            give_link_open(&give, &links[i], i, GIVE_PEER, 0);
        }
        for (uint32_t turn = 0; turn < 5000; turn++) {
            struct give_action actions[GIVE_ACTIONS_MAX];
            random_event(&prng, now_us);
            uint32_t count = give_settle(&give, now_us, actions);
            give_check_invariants(&give);
            for (uint32_t i = 0; i < LINKS && count < GIVE_ACTIONS_MAX; i++) {
                assert_true(links[i].stage != GIVE_WAITING ||
                            now_us - links[i].since_us < give_config_default.wait_us);
                assert_true(links[i].stage == GIVE_IDLE ||
                            links[i].is_told_served == (links[i].stage == GIVE_SERVED));
            }
            now_us += prng_below(&prng, 3) == 0 ? prng_below(&prng, S / 2) : 0;
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_slots),
        cmocka_unit_test(test_waiting_is_bounded),
        cmocka_unit_test(test_a_slot_is_free_when_all_is_answered),
        cmocka_unit_test(test_givers_first),
        cmocka_unit_test(test_riders_are_not_starved),
        cmocka_unit_test(test_merit_ages),
        cmocka_unit_test(test_off_and_paused),
        cmocka_unit_test(test_local_links_take_no_slot),
        cmocka_unit_test(test_many_actions),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
