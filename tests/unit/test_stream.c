/*
 * test_stream.c: the stream model against what can be worked out by hand.
 */
#include "measure/sim/stream.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DELAY_US 10000u

static const struct p2p_message chunk = {.type = P2P_FRAGMENT, .fragment = {.bytes = CHUNK_BYTES}};

/* Sends over both lines. */
static bool send(struct sim_stream *stream, uint64_t now_us, struct sim_line *from,
                 struct sim_line *to, uint32_t *ret_bytes, uint64_t *ret_arrival_us)
{
    struct sim_burst burst;
    if (!sim_stream_send(stream, now_us, from, DELAY_US, &burst)) {
        return false;
    }
    *ret_bytes = burst.bytes;
    *ret_arrival_us = sim_stream_reach(stream, burst.reach_us, burst.bytes, from, to, DELAY_US);
    return true;
}

/* Sends all that was written, acknowledging a delay after each arrival; gives the last arrival. */
static uint64_t run(struct sim_stream *stream, struct sim_line *from, struct sim_line *to,
                    uint32_t *ret_bursts)
{
    uint32_t bytes[1024];
    uint64_t arrival_us[1024];
    uint32_t sent = 0, done = 0;
    uint64_t now_us = 0;
    for (;;) {
        while (sent < 1024 && send(stream, now_us, from, to, &bytes[sent], &arrival_us[sent])) {
            sent++;
        }
        if (done == sent) {
            break;
        }
        sim_stream_deliver(stream, bytes[done]);
        now_us = arrival_us[done] + DELAY_US;
        sim_stream_acknowledge(stream, bytes[done]);
        done++;
    }
    *ret_bursts = sent;
    return arrival_us[done - 1];
}

static void write_chunks(struct sim_stream *stream, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sim_stream_write(stream, &chunk, (struct sim_content){.file = 1, .chunk = i});
    }
}

static void one_small_message_takes_line_and_delay(void **state)
{
    (void)state;
    struct sim_stream stream;
    struct sim_line from = {.rate = 1000, .queue_bytes = 100000};
    struct sim_line to = {.rate = 1000000, .queue_bytes = 100000};
    const struct p2p_message ping = {.type = P2P_PING};
    uint32_t bursts = 0;
    sim_stream_init(&stream);
    sim_stream_write(&stream, &ping, (struct sim_content){0});
    /* A frame of 12 bytes at 1,000 bytes/s, then the delay; the faster line adds nothing. */
    assert_int_equal(run(&stream, &from, &to, &bursts), 12000 + DELAY_US);
    assert_int_equal(bursts, 1);
    sim_stream_deinit(&stream);
}

static void slow_start_doubles_the_window(void **state)
{
    static const struct {
        uint32_t chunks;
        uint32_t round_trips; /* at 10, 20, 40, ... segments each */
    } rows[] = {{0, 0}, {2, 1}, {5, 2}, {11, 3}, {24, 4}};
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_stream stream;
        struct sim_line from = {.rate = UINT64_C(10000000000), .queue_bytes = 1u << 30};
        struct sim_line to = from;
        uint32_t bursts = 0;
        sim_stream_init(&stream);
        write_chunks(&stream, rows[i].chunks + 1);
        uint64_t end_us = run(&stream, &from, &to, &bursts);
        assert_in_range(end_us, DELAY_US + (rows[i].round_trips > 0 ? 2 : 0) * DELAY_US,
                        DELAY_US + rows[i].round_trips * 2 * DELAY_US + 2 * DELAY_US + 1000);
        sim_stream_deinit(&stream);
    }
}

static void a_long_transfer_fills_the_thinner_line(void **state)
{
    (void)state;
    struct sim_stream stream;
    struct sim_line from = {.rate = 12500000, .queue_bytes = 1u << 20};
    struct sim_line to = {.rate = 1250000, .queue_bytes = 256u << 10};
    uint32_t bursts = 0;
    sim_stream_init(&stream);
    write_chunks(&stream, 300);
    uint64_t ideal_us = time_scale(stream.written, TIME_US_PER_S, to.rate);
    uint64_t end_us = run(&stream, &from, &to, &bursts);
    assert_in_range(end_us, ideal_us, ideal_us + ideal_us / 5);
    sim_stream_deinit(&stream);
}

static void a_full_queue_halves_the_window_and_loses_nothing(void **state)
{
    (void)state;
    struct sim_stream stream;
    struct sim_line from = {.rate = 125000000, .queue_bytes = 1u << 20};
    struct sim_line to = {.rate = 125000, .queue_bytes = 8u << 10};
    uint32_t bursts = 0;
    sim_stream_init(&stream);
    write_chunks(&stream, 40);
    run(&stream, &from, &to, &bursts);
    assert_int_equal(stream.delivered, stream.written);
    assert_true(stream.threshold_bytes < SIM_WINDOW_BYTES_MAX);
    sim_stream_deinit(&stream);
}

static void frames_arrive_whole_and_in_order(void **state)
{
    (void)state;
    struct sim_stream stream;
    struct sim_frame frame;
    uint32_t bytes = 0;
    uint64_t arrival_us = 0;
    struct sim_line line = {.rate = 1000000, .queue_bytes = 1u << 20};
    struct sim_line other = line;
    uint32_t taken = 0;
    sim_stream_init(&stream);
    write_chunks(&stream, 40);
    while (send(&stream, 0, &line, &other, &bytes, &arrival_us)) {
        sim_stream_deliver(&stream, bytes);
        sim_stream_acknowledge(&stream, bytes);
        while (sim_stream_take(&stream, &frame)) {
            assert_int_equal(frame.content.chunk, taken++);
            assert_true(frame.end <= stream.delivered);
        }
    }
    assert_int_equal(taken, 40);
    assert_int_equal(sim_stream_queued(&stream), 0);
    sim_stream_deinit(&stream);
}

static void a_slow_sender_leaves_the_line_to_others(void **state)
{
    (void)state;
    struct sim_stream slow, fast;
    struct sim_line trickle = {.rate = 1000, .queue_bytes = 1u << 20};
    struct sim_line quick = {.rate = 1250000, .queue_bytes = 1u << 20};
    struct sim_line to = {.rate = 1250000, .queue_bytes = 256u << 10};
    uint32_t bytes = 0;
    uint64_t slow_us = 0, fast_us = 0;
    sim_stream_init(&slow);
    sim_stream_init(&fast);
    write_chunks(&slow, 1);
    write_chunks(&fast, 1);
    assert_true(send(&slow, 0, &trickle, &to, &bytes, &slow_us));
    assert_true(send(&fast, 0, &quick, &to, &bytes, &fast_us));
    assert_true(slow_us > 14 * TIME_US_PER_S);
    assert_true(fast_us < 50 * TIME_US_PER_MS);
    sim_stream_deinit(&slow);
    sim_stream_deinit(&fast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_small_message_takes_line_and_delay),
        cmocka_unit_test(slow_start_doubles_the_window),
        cmocka_unit_test(a_long_transfer_fills_the_thinner_line),
        cmocka_unit_test(a_full_queue_halves_the_window_and_loses_nothing),
        cmocka_unit_test(frames_arrive_whole_and_in_order),
        cmocka_unit_test(a_slow_sender_leaves_the_line_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
