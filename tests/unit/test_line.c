/*
 * test_line.c: packets arrive when rates, delays and queues say so, in order, or not at all.
 */
#include "measure/lab/line.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 1 MB/s: a packet of 1,000 bytes takes 1 ms on a line. */
static const struct line_host even = {
    .up_bytes_per_s = 1000000, .down_bytes_per_s = 1000000, .delay_us = 10000, .queue_bytes = 4000};

static const uint8_t payload[LINE_PACKET_BYTES_MAX] = "a packet";

/* The moment at which the next packet arrives, TIME_NEVER_US = none; checks from where. */
static uint64_t next_arrival(struct line_set *lines, uint32_t from)
{
    for (;;) {
        uint64_t at_us = line_set_next_us(lines);
        if (at_us == TIME_NEVER_US) {
            return at_us;
        }
        struct line_packet *packet = line_set_next(lines, at_us);
        if (packet != NULL) {
            assert_int_equal(packet->from, from);
            assert_int_equal(packet->due_us, at_us);
            free(packet);
            return at_us;
        }
    }
}

static void test_times(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct line_host from, to;
        uint32_t packets;
        uint64_t arrivals_us[6]; /* 0 ends */
        uint64_t dropped_up, dropped_down;
    } rows[] = {
        {"one packet: two lines, two delays", even, even, 1, {22000}, 0, 0},
        {"the next one follows at the line's rate", even, even, 3, {22000, 23000, 24000}, 0, 0},
        {"the queue takes 4,000 bytes", even, even, 6, {22000, 23000, 24000, 25000}, 2, 0},
        {"a slow receiver queues too",
         even,
         {.up_bytes_per_s = 1000000,
          .down_bytes_per_s = 100000,
          .delay_us = 0,
          .queue_bytes = 2900},
         4,
         {21000, 31000, 41000},
         0,
         1},
        {"a slow sender sets the pace",
         {.up_bytes_per_s = 250000,
          .down_bytes_per_s = 1000000,
          .delay_us = 1000,
          .queue_bytes = 4000},
         even,
         2,
         {16000, 20000},
         0,
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct line_set lines;
        const struct line_host hosts[2] = {rows[i].from, rows[i].to};
        print_message("%s\n", rows[i].name);
        assert_int_equal(line_set_init(&lines, hosts, 2, 1), 0);
        for (uint32_t n = 0; n < rows[i].packets; n++) {
            line_set_send(&lines, 0, 0, 1, payload, 1000);
        }
        for (size_t n = 0; n < 6 && rows[i].arrivals_us[n] != 0; n++) {
            assert_int_equal(next_arrival(&lines, 0), rows[i].arrivals_us[n]);
        }
        assert_int_equal(next_arrival(&lines, 0), TIME_NEVER_US);
        assert_int_equal(lines.hosts[0].dropped_packets, rows[i].dropped_up);
        assert_int_equal(lines.hosts[1].dropped_packets, rows[i].dropped_down);
        line_set_deinit(&lines);
    }
}

static void test_sharing(void **state)
{
    (void)state;
    /* Two senders at full speed into one receiver: half of each arrives in time, the queue fills. */
    struct line_set lines;
    const struct line_host hosts[3] = {even, even, even};
    assert_int_equal(line_set_init(&lines, hosts, 3, 1), 0);
    for (uint64_t at_us = 0; at_us < 1000000; at_us += 1000) {
        assert_true(line_set_send(&lines, at_us, 0, 2, payload, 1000));
        assert_true(line_set_send(&lines, at_us, 1, 2, payload, 1000));
    }
    uint32_t arrived = 0;
    for (struct line_packet *packet; (packet = line_set_next(&lines, 1011000)) != NULL; arrived++) {
        free(packet);
    }
    assert_in_range(arrived, 985, 991);
    assert_int_equal(lines.hosts[2].received_bytes, arrived * UINT64_C(1000));
    assert_true(lines.hosts[2].dropped_packets > 900);
    line_set_deinit(&lines);
}

static void test_loss(void **state)
{
    (void)state;
    struct line_set lines;
    struct line_host lossy = even;
    lossy.loss_ppm = 100000;
    lossy.queue_bytes = UINT32_MAX;
    const struct line_host hosts[2] = {lossy, even};
    assert_int_equal(line_set_init(&lines, hosts, 2, 7), 0);
    uint32_t sent = 0;
    for (uint64_t at_us = 0; at_us < 10000000; at_us += 1000) {
        sent += line_set_send(&lines, at_us, 0, 1, payload, 1000);
        free(line_set_next(&lines, at_us));
    }
    assert_in_range(sent, 8800, 9200);
    assert_int_equal(lines.hosts[0].lost_packets, 10000 - sent);
    line_set_deinit(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
