/*
 * test_give_limit.c: the bucket, the limit in force, round trips, and the regulator on a model of a
 * listener's line: how full the queue in front of it gets, how much of the line is used, and what is
 * left to another's flow.
 */
#include "p2p/core/give_limit.h"

#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define KIB 1024u

static struct give give;
static struct give_link link_a;
static struct give_link link_b;

static void start(const struct give_config *config)
{
    give_init(&give, config, 0);
    give_link_open(&give, &link_a, 1, GIVE_PEER, 0);
    give_link_open(&give, &link_b, 2, GIVE_PEER, 0);
}

static void end(void)
{
    give_check_invariants(&give);
    give_link_close(&give, &link_a);
    give_link_close(&give, &link_b);
    give_deinit(&give);
}

/* --- the limit in force --------------------------------------------------------------------------*/

static const struct {
    bool is_regulated, is_allowed;
    uint64_t fixed_bytes_per_s;
    uint64_t buffer_us;
    uint64_t limit_bytes_per_s;
    uint32_t fragment_bytes;
} limits[] = {
    {false, true, 0, TIME_NEVER_US, UINT64_MAX, CHUNK_BYTES},
    {false, false, 0, TIME_NEVER_US, 0, 2048},
    {false, true, 300 * KIB, TIME_NEVER_US, 300 * KIB, 2048},
    {false, true, 500 * KIB, TIME_NEVER_US, 500 * KIB, 4096},
    {false, true, 1000 * KIB, TIME_NEVER_US, 1000 * KIB, 8192},
    {false, true, 10000 * KIB, TIME_NEVER_US, 10000 * KIB, CHUNK_BYTES},
    {false, true, 300 * KIB, 3000000, 300 * KIB, 2048},
    {false, true, 300 * KIB, 2999999, 75 * KIB + 1, 2048},
    {false, true, 300 * KIB, 1000000, 75 * KIB + 1, 2048},
    {false, true, 300 * KIB, 999999, 0, 2048},
    {false, true, 0, 2000000, UINT64_MAX, CHUNK_BYTES},
    {true, true, 0, TIME_NEVER_US, 64 * KIB, 2048},
    {true, true, 10 * KIB, TIME_NEVER_US, 10 * KIB, 2048},
    {true, true, 900 * KIB, TIME_NEVER_US, 64 * KIB, 2048},
    {true, true, 0, 2000000, 16 * KIB + 1, 2048},
    {true, true, 0, 0, 0, 2048},
};

static void test_limit_in_force(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct give_config config = give_config_default;
        config.is_regulated = limits[i].is_regulated;
        start(&config);
        give_set(&give, limits[i].is_allowed, limits[i].fixed_bytes_per_s, 5);
        give_buffer(&give, limits[i].buffer_us);
        struct give_status status;
        give_get_status(&give, &status);
        assert_int_equal(status.limit_bytes_per_s, limits[i].limit_bytes_per_s);
        assert_int_equal(give_fragment_bytes(&give), limits[i].fragment_bytes);
        assert_int_equal(give_may_send(&give, 20000), limits[i].limit_bytes_per_s > 0);
        end();
    }
}

/* --- the bucket ----------------------------------------------------------------------------------*/

static const struct {
    uint64_t bytes_per_s;
    uint32_t frame_bytes;
} buckets[] = {
    {1000, 2062}, {65536, 2062}, {250000, 2062}, {250000, 16398}, {5000000, 16398}, {123457, 777},
};

/* Who waits for each deadline sends exactly the limit, and never more than a quantum and a frame at
 * once. */
static void test_bucket(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        struct give_config config = give_config_default;
        config.is_regulated = false;
        start(&config);
        give_set(&give, true, buckets[i].bytes_per_s, 0);
        uint64_t sent = 0;
        uint64_t now_us = 0;
        uint64_t burst_max = buckets[i].bytes_per_s / 100 + buckets[i].frame_bytes;
        while (now_us < 60 * TIME_US_PER_S) {
            uint64_t burst = 0;
            while (give_may_send(&give, now_us)) {
                give_sent(&give, &link_a, buckets[i].frame_bytes, now_us);
                burst += buckets[i].frame_bytes;
            }
            assert_true(burst <= burst_max);
            sent += burst;
            uint64_t deadline_us = give_limit_next_deadline_us(&give, now_us);
            assert_true(deadline_us > now_us);
            assert_true(deadline_us != TIME_NEVER_US);
            now_us = deadline_us;
        }
        uint64_t expected = buckets[i].bytes_per_s * 60;
        assert_in_range(sent, expected - burst_max, expected + 2 * burst_max);
        end();
    }
}

/* Who waited for tokens and is gone: nobody is called for them again and again. */
static void test_thirst_of_nobody(void **state)
{
    (void)state;
    struct give_config config = give_config_default;
    config.is_regulated = false;
    start(&config);
    give_set(&give, true, 100000, 0);
    while (give_may_send(&give, 10000)) {
        give_sent(&give, &link_a, 2062, 10000);
    }
    struct give_action actions[GIVE_ACTIONS_MAX];
    assert_int_equal(give_settle(&give, 10000, actions), 0);
    uint64_t deadline_us = give_next_deadline_us(&give, 10000);
    assert_in_range(deadline_us, 11000, 40000);
    assert_int_equal(give_next_deadline_us(&give, deadline_us), TIME_NEVER_US);
    end();
}

/* After a long rest there is one quantum, not an hour's worth. */
static void test_rest_saves_nothing(void **state)
{
    (void)state;
    struct give_config config = give_config_default;
    config.is_regulated = false;
    start(&config);
    give_set(&give, true, 100000, 0);
    uint64_t now_us = 3600 * TIME_US_PER_S;
    uint32_t frames = 0;
    for (; give_may_send(&give, now_us); frames++) {
        give_sent(&give, &link_a, 100, now_us);
    }
    assert_int_equal(frames, 10);
    end();
}

/* Who was thirsty and has gone since is waited for once, not again and again. */
static void test_nobody_comes(void **state)
{
    (void)state;
    struct give_config config = give_config_default;
    config.is_regulated = false;
    start(&config);
    give_set(&give, true, 100000, 0);
    while (give_may_send(&give, 1000)) {
        give_sent(&give, &link_a, 2062, 1000);
    }
    uint64_t deadline_us = give_limit_next_deadline_us(&give, 1000);
    assert_true(deadline_us > 1000 && deadline_us != TIME_NEVER_US);
    assert_true(give_limit_next_deadline_us(&give, deadline_us) > deadline_us);
    end();
}

static void test_local_links_are_free(void **state)
{
    (void)state;
    struct give_link near;
    start(&give_config_default);
    give_link_open(&give, &near, 3, GIVE_LOCAL, 0);
    assert_true(give_link_is_free(&give, &near));
    assert_false(give_link_is_free(&give, &link_a));
    assert_true(give_may_send(&give, 10000));
    give_sent(&give, &near, 10000000, 10000);
    assert_true(give_may_send(&give, 10000));
    give_rtt(&give, &near, 1000, 10000);
    give_link_close(&give, &near);
    end();
}

/* --- round trips ---------------------------------------------------------------------------------*/

static void test_base(void **state)
{
    (void)state;
    const uint64_t span_us = give_config_default.base_us;
    start(&give_config_default);
    assert_int_equal(give_limit_base_us(&link_a), GIVE_UNKNOWN_US);
    give_rtt(&give, &link_a, 50000, 0);
    give_rtt(&give, &link_a, 40000, 1);
    give_rtt(&give, &link_a, 45000, span_us);
    assert_int_equal(give_limit_base_us(&link_a), 40000);
    give_rtt(&give, &link_a, 60000, 3 * span_us);
    assert_int_equal(give_limit_base_us(&link_a), 40000); /* the last ten minutes */
    give_rtt(&give, &link_a, 70000, 4 * span_us);
    assert_int_equal(give_limit_base_us(&link_a), 45000); /* the first span has gone */
    give_rtt(&give, &link_a, UINT64_MAX, 1000 * span_us);
    assert_int_equal(give_limit_base_us(&link_a), GIVE_UNKNOWN_US - 1);
    end();
}

static uint32_t pings_of(uint64_t now_us, bool ret_is_pinged[static 4])
{
    struct give_action actions[GIVE_ACTIONS_MAX];
    uint32_t count = give_settle(&give, now_us, actions);
    uint32_t pings = 0;
    memset(ret_is_pinged, 0, 4);
    for (uint32_t i = 0; i < count; i++) {
        if (actions[i].kind == GIVE_PING) {
            ret_is_pinged[actions[i].link->number - 1] = true;
            pings++;
        }
    }
    return pings;
}

/* Who measures: idle peers, then the origin, then who is served; nobody while nobody is served. */
static void test_witnesses(void **state)
{
    (void)state;
    bool is_pinged[4];
    struct give_link near;
    struct give_link origin;
    start(&give_config_default);
    give_link_open(&give, &near, 3, GIVE_LOCAL, 0);
    give_link_open(&give, &origin, 4, GIVE_ORIGIN, 0);
    assert_int_equal(pings_of(1, is_pinged), 0);
    assert_int_equal(give_next_deadline_us(&give, 1), TIME_NEVER_US);
    assert_true(give_asks(&give, &link_a, 3));
    assert_int_equal(pings_of(3, is_pinged), 2);
    assert_true(is_pinged[1] && is_pinged[3]);
    assert_int_equal(pings_of(100003, is_pinged), 0); /* they are out still */
    give_rtt(&give, &link_b, 40000, 100004);
    assert_true(give_asks(&give, &link_b, 100005));
    assert_int_equal(pings_of(200003, is_pinged),
                     1); /* the origin's is out, both peers are served */
    assert_true(is_pinged[0]);
    give_answered(&give, &link_a, 200004);
    give_answered(&give, &link_b, 200004);
    assert_int_equal(pings_of(300003, is_pinged), 0);
    assert_int_equal(pings_of(400003, is_pinged), 0);
    assert_int_equal(give_next_deadline_us(&give, 400003), TIME_NEVER_US); /* it rests */
    give_link_close(&give, &origin);
    give_link_close(&give, &near);
    end();
}

/* Two idle peers vanish: others measure soon, and what they say counts. */
static void test_mute_witnesses(void **state)
{
    (void)state;
    bool is_pinged[4];
    struct give_link asker;
    struct give_link origin;
    start(&give_config_default);
    give_link_open(&give, &asker, 3, GIVE_PEER, 0);
    give_link_open(&give, &origin, 4, GIVE_ORIGIN, 0);
    give_rtt(&give, &link_a, 30000, 0);
    give_rtt(&give, &link_b, 30000, 0);
    assert_true(give_asks(&give, &asker, 1));
    assert_int_equal(pings_of(1, is_pinged), 2);
    assert_true(is_pinged[0] && is_pinged[1]);
    uint64_t now_us = 1;
    for (uint32_t i = 0; i < 4; i++) {
        now_us += 100000;
        assert_int_equal(pings_of(now_us, is_pinged), 0);
    }
    uint64_t cut = give_limit_now(&give);
    assert_true(cut < give_config_default.start_bytes_per_s);
    now_us += 100000;
    assert_int_equal(pings_of(now_us, is_pinged), 2);
    assert_true(is_pinged[2] && is_pinged[3]);
    assert_int_equal(give_limit_now(&give), cut); /* who is mute says nothing */
    give_link_close(&give, &origin);
    give_link_close(&give, &asker);
    end();
}

/* --- the regulator on a line ---------------------------------------------------------------------*/

#define QUEUE_MAX 4096u
#define ACKS_MAX 4096u
#define FOREIGN_BYTES 1500u
#define PING_BYTES 80u

enum owner {
    OWNER_US = 1,
    OWNER_FOREIGN,
    OWNER_PING,
};

struct packet {
    enum owner owner;
    uint32_t bytes;
    uint64_t at_us; /* when it was sent; of an answer, when it comes */
    struct give_link *link;
};

/* A line of `bytes_per_s` behind a queue that drops at its tail; what passes it is answered after
 * `base_us`. The foreign flow is ack-clocked: its window grows by a packet a round trip and halves
 * when a packet is dropped (RFC 5681). */
struct line {
    uint64_t bytes_per_s, buffer_bytes, base_us;
    struct packet queue[QUEUE_MAX];
    uint32_t first, count;
    uint64_t queued_bytes;
    uint64_t room_bytes_us; /* part of a byte that the line could have carried */
    struct packet answers[ACKS_MAX];
    uint32_t answer_first, answer_count;
    bool has_foreign;
    uint64_t foreign_window, foreign_out, foreign_grown;
    uint64_t foreign_lost_us;
    bool has_demand;
    uint64_t carried[OWNER_PING + 1];
    uint64_t delay_sum_us, delay_count, delay_max_us; /* of the queue */
    uint64_t high_count;                              /* times that it was above 30 ms */
};

static struct line line;

/* False: dropped. */
static bool put(enum owner owner, uint32_t bytes, uint64_t now_us, struct give_link *link)
{
    if (line.queued_bytes + bytes > line.buffer_bytes) {
        if (owner == OWNER_FOREIGN) {
            line.foreign_out -= bytes;
            if (now_us >= line.foreign_lost_us + line.base_us) {
                line.foreign_window = line.foreign_window / 2 + FOREIGN_BYTES;
                line.foreign_lost_us = now_us;
            }
        }
        return false;
    }
    assert_true(line.count < QUEUE_MAX);
    line.queue[(line.first + line.count++) % QUEUE_MAX] =
        (struct packet){owner, bytes, now_us, link};
    line.queued_bytes += bytes;
    return true;
}

/* A packet has passed the line: what waited, and the answer to come. */
static void passed(const struct packet *packet, uint64_t now_us)
{
    line.carried[packet->owner] += packet->bytes;
    if (packet->owner == OWNER_US) {
        return;
    }
    assert_true(line.answer_count < ACKS_MAX);
    struct packet answer = *packet;
    answer.at_us = packet->owner == OWNER_PING ? packet->at_us : now_us;
    line.answers[(line.answer_first + line.answer_count++) % ACKS_MAX] = answer;
    line.answers[(line.answer_first + line.answer_count - 1) % ACKS_MAX].bytes =
        (uint32_t)(now_us - packet->at_us); /* what it waited */
}

static void carry(uint64_t now_us, uint64_t span_us)
{
    line.room_bytes_us += line.bytes_per_s * span_us;
    while (line.count > 0 && line.queue[line.first].bytes * TIME_US_PER_S <= line.room_bytes_us) {
        struct packet *packet = &line.queue[line.first];
        line.room_bytes_us -= packet->bytes * TIME_US_PER_S;
        line.queued_bytes -= packet->bytes;
        passed(packet, now_us);
        line.first = (line.first + 1) % QUEUE_MAX;
        line.count--;
    }
    if (line.count == 0) {
        line.room_bytes_us = 0;
    }
}

static void answered(const struct packet *answer, uint64_t now_us)
{
    if (answer->owner == OWNER_PING) {
        give_rtt(&give, answer->link, line.base_us + answer->bytes, now_us);
        return;
    }
    line.foreign_out -= FOREIGN_BYTES;
    line.foreign_grown += FOREIGN_BYTES;
    if (line.foreign_grown >= line.foreign_window) {
        line.foreign_grown = 0;
        line.foreign_window += FOREIGN_BYTES;
    }
}

static void take_answers(uint64_t now_us)
{
    while (line.answer_count > 0) {
        struct packet answer = line.answers[line.answer_first];
        uint64_t at_us = answer.owner == OWNER_PING ? answer.at_us + answer.bytes : answer.at_us;
        if (at_us + line.base_us > now_us) {
            return;
        }
        line.answer_first = (line.answer_first + 1) % ACKS_MAX;
        line.answer_count--;
        answered(&answer, now_us);
    }
}

static void give_some(uint64_t now_us)
{
    struct give_action actions[GIVE_ACTIONS_MAX];
    if (line.has_demand) {
        assert_true(give_asks(&give, &link_a, now_us));
    } else {
        give_answered(&give, &link_a, now_us);
    }
    uint32_t count = give_settle(&give, now_us, actions);
    for (uint32_t i = 0; i < count; i++) {
        if (actions[i].kind == GIVE_PING) {
            (void)put(OWNER_PING, PING_BYTES, now_us, actions[i].link);
        }
    }
    while (line.has_demand && link_a.stage == GIVE_SERVED && give_may_send(&give, now_us)) {
        uint32_t bytes = give_fragment_bytes(&give) + 14;
        give_sent(&give, &link_a, bytes, now_us);
        (void)put(OWNER_US, bytes, now_us, NULL);
    }
}

/* What somebody else's packet would meet now. */
static void look_at_queue(void)
{
    uint64_t delay_us = line.queued_bytes * TIME_US_PER_S / line.bytes_per_s;
    line.delay_sum_us += delay_us;
    line.delay_count++;
    line.high_count += delay_us > 30000;
    line.delay_max_us = delay_us > line.delay_max_us ? delay_us : line.delay_max_us;
}

/* Runs to this moment and forgets what was counted before. */
static void run(uint64_t *now_us, uint64_t until_us)
{
    memset(line.carried, 0, sizeof line.carried);
    line.delay_sum_us = line.delay_count = line.delay_max_us = line.high_count = 0;
    for (; *now_us < until_us; *now_us += 500) {
        carry(*now_us, 500);
        take_answers(*now_us);
        give_some(*now_us);
        look_at_queue();
        bool is_taken = line.has_foreign;
        while (is_taken && line.foreign_out + FOREIGN_BYTES <= line.foreign_window) {
            line.foreign_out += FOREIGN_BYTES;
            is_taken = put(OWNER_FOREIGN, FOREIGN_BYTES, *now_us, NULL);
        }
    }
}

static uint32_t percent(uint64_t part, uint64_t span_us)
{
    return (uint32_t)(part * 100 / (line.bytes_per_s * span_us / TIME_US_PER_S));
}

static void start_line(uint64_t bytes_per_s, uint64_t base_us, uint64_t buffer_us)
{
    memset(&line, 0, sizeof line);
    line.bytes_per_s = bytes_per_s;
    line.base_us = base_us;
    line.buffer_bytes = bytes_per_s * buffer_us / TIME_US_PER_S;
    line.has_demand = true;
    line.foreign_window = 10 * FOREIGN_BYTES;
    start(&give_config_default);
}

static const struct {
    uint64_t bytes_per_s, base_us, buffer_us;
    uint32_t warm_s;        /* until the line's end is found */
    uint32_t high_permille; /* the share of time in which the queue may be above 30 ms */
} lines[] = {
    {250000, 40000, 300000, 5, 10},    /* 2 Mbit/s, 40 ms */
    {250000, 10000, 1000000, 5, 10},   /* a bloated one */
    {250000, 150000, 300000, 8, 250},  /* far away: what is measured is old */
    {62500, 40000, 500000, 5, 1000},   /* a fragment alone takes 33 ms */
    {1250000, 40000, 300000, 5, 10},   /* 10 Mbit/s */
    {12500000, 20000, 200000, 10, 10}, /* 100 Mbit/s */
};

/* The queue stays low and the line is used. */
static void test_idle_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        uint64_t now_us = 0;
        uint64_t warm_us = lines[i].warm_s * TIME_US_PER_S;
        start_line(lines[i].bytes_per_s, lines[i].base_us, lines[i].buffer_us);
        run(&now_us, warm_us);
        uint64_t worst_us = line.delay_max_us;
        run(&now_us, warm_us + 60 * TIME_US_PER_S);
        uint64_t mean_us = line.delay_sum_us / line.delay_count;
        uint32_t used = percent(line.carried[OWNER_US], 60 * TIME_US_PER_S);
        print_message("%5u kbit/s, %3u ms: %3u %% used, queue %2u ms on average, %3u at most, "
                      "%3u while probing; above 30 ms: %u of 1000\n",
                      (uint32_t)(lines[i].bytes_per_s / 125), (uint32_t)(lines[i].base_us / 1000),
                      used, (uint32_t)(mean_us / 1000), (uint32_t)(line.delay_max_us / 1000),
                      (uint32_t)(worst_us / 1000),
                      (uint32_t)(line.high_count * 1000 / line.delay_count));
        assert_true(used >= 80);
        assert_true(mean_us < (lines[i].bytes_per_s < 250000 ? 60000 : 30000));
        assert_true(line.high_count * 1000 <= line.delay_count * lines[i].high_permille);
        end();
    }
}

/* Another's flow gets the line, and when it ends we have it again. */
static void test_yields(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t now_us = 0;
        start_line(lines[i].bytes_per_s, lines[i].base_us, lines[i].buffer_us);
        line.has_demand = false;
        line.has_foreign = true;
        run(&now_us, 20 * TIME_US_PER_S);
        run(&now_us, 80 * TIME_US_PER_S);
        uint64_t alone = line.carried[OWNER_FOREIGN];
        line.has_foreign = false;
        line.has_demand = true;
        run(&now_us, 100 * TIME_US_PER_S);
        line.has_foreign = true;
        run(&now_us, 110 * TIME_US_PER_S);
        run(&now_us, 170 * TIME_US_PER_S);
        uint64_t beside = line.carried[OWNER_FOREIGN];
        line.has_foreign = false;
        run(&now_us, 180 * TIME_US_PER_S);
        run(&now_us, 200 * TIME_US_PER_S);
        uint32_t again = percent(line.carried[OWNER_US], 20 * TIME_US_PER_S);
        print_message("%5u kbit/s, %3u ms: beside us a flow keeps %u of 1000; afterwards %u %% "
                      "used\n",
                      (uint32_t)(lines[i].bytes_per_s / 125), (uint32_t)(lines[i].base_us / 1000),
                      (uint32_t)(beside * 1000 / alone), again);
        assert_true(beside * 100 >= alone * 95);
        assert_true(again >= 80);
        end();
    }
}

/* Demand that comes and goes neither raises the limit beyond the line nor loses it. */
static void test_bursts(void **state)
{
    (void)state;
    uint64_t now_us = 0;
    start_line(250000, 40000, 300000);
    run(&now_us, 5 * TIME_US_PER_S);
    for (uint32_t i = 0; i < 50; i++) {
        line.has_demand = i % 2 == 0;
        run(&now_us, now_us + (100 + 37 * i) * TIME_US_PER_MS);
        if (line.has_demand && i > 10) {
            assert_true(line.delay_sum_us / line.delay_count < 30000);
            assert_true(percent(line.carried[OWNER_US], (100 + 37 * i) * TIME_US_PER_MS) >= 70);
        }
    }
    end();
}

/* Nobody answers a PING any more: the limit falls to the floor, and is not lost for ever. */
static void test_silence(void **state)
{
    (void)state;
    struct give_action actions[GIVE_ACTIONS_MAX];
    start(&give_config_default);
    uint64_t now_us = 1000;
    for (uint32_t i = 0; i < 20; i++, now_us += 100000) { /* answered at once: it grows */
        assert_true(give_asks(&give, &link_a, now_us));
        while (give_may_send(&give, now_us)) {
            give_sent(&give, &link_a, 2062, now_us);
        }
        uint32_t count = give_settle(&give, now_us, actions);
        for (uint32_t j = 0; j < count; j++) {
            if (actions[j].kind == GIVE_PING) {
                give_rtt(&give, actions[j].link, 30000, now_us);
            }
        }
    }
    for (uint32_t i = 0; i < 100; i++, now_us += 100000) {
        (void)give_settle(&give, now_us, actions);
        while (give_may_send(&give, now_us)) {
            give_sent(&give, &link_a, 2062, now_us);
        }
    }
    assert_int_equal(give_limit_now(&give), give_config_default.floor_bytes_per_s);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_in_force),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_thirst_of_nobody),
        cmocka_unit_test(test_rest_saves_nothing),
        cmocka_unit_test(test_nobody_comes),
        cmocka_unit_test(test_local_links_are_free),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_witnesses),
        cmocka_unit_test(test_mute_witnesses),
        cmocka_unit_test(test_idle_line),
        cmocka_unit_test(test_yields),
        cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
