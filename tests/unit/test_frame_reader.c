/*
 * test_frame_reader.c: frames out of bytes that were cut anywhere; the queue that sends them.
 */
#include "common/error.h"
#include "common/net/link.h"
#include "common/net/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Frames 1:"", 2:"ab", 3:"", 255:"xyz", 4:"q", cut at every pair of places. */
static const uint8_t frames[] = "\x01\0\0\0"
                                "\x02\0\0\x02"
                                "ab"
                                "\x03\0\0\0"
                                "\xff\0\0\x03"
                                "xyz"
                                "\x04\0\0\x01"
                                "q";
#define FRAMES_BYTES (sizeof frames - 1)
#define FRAMES_LOG "1: 2:ab 3: 255:xyz 4:q "

struct got {
    char log[200];
    int stop_after; /* frames; 0 = never */
    int count;
};

static bool take(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct got *got = context;
    size_t used = strlen(got->log);
    snprintf(got->log + used, sizeof got->log - used, "%u:%.*s ", type, (int)body_bytes,
             (const char *)body);
    return ++got->count != got->stop_after;
}

static void push_copy(struct net_frame_reader *reader, const uint8_t *bytes, size_t count,
                      struct got *got, int expected)
{
    /* A copy of exactly that size, so that ASan sees a read beyond. */
    uint8_t *copy = malloc(count + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, count);
    assert_int_equal(net_frame_reader_push(reader, copy, count, take, got), expected);
    free(copy);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t first = 0; first <= FRAMES_BYTES; first++) {
        for (size_t second = first; second <= FRAMES_BYTES; second++) {
            struct net_frame_reader reader;
            struct got got = {.count = 0};
            net_frame_reader_init(&reader);
            push_copy(&reader, frames, first, &got, 0);
            push_copy(&reader, frames + first, second - first, &got, 0);
            push_copy(&reader, frames + second, FRAMES_BYTES - second, &got, 0);
            assert_string_equal(got.log, FRAMES_LOG);
            assert_int_equal(reader.bytes, FRAMES_BYTES);
            assert_int_equal(net_frame_reader_partial_bytes(&reader), 0);
            assert_int_equal(reader.partial_capacity, 0);
            net_frame_reader_deinit(&reader);
        }
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct net_frame_reader reader;
    struct got got = {.count = 0};
    net_frame_reader_init(&reader);
    for (size_t i = 0; i < FRAMES_BYTES; i++) {
        push_copy(&reader, frames + i, 1, &got, 0);
    }
    assert_string_equal(got.log, FRAMES_LOG);
    net_frame_reader_deinit(&reader);
}

static void test_stop(void **state)
{
    (void)state;
    struct net_frame_reader reader;
    struct got got = {.stop_after = 2};
    net_frame_reader_init(&reader);
    push_copy(&reader, frames, FRAMES_BYTES, &got, ERROR_CANCELLED);
    assert_string_equal(got.log, "1: 2:ab ");
    net_frame_reader_deinit(&reader);
}

static void test_lengths(void **state)
{
    (void)state;
    static uint8_t largest[NET_LINK_HEADER_BYTES + NET_LINK_BODY_BYTES_MAX] = {9, 1, 0, 0};
    static const uint8_t beyond[] = {9, 1, 0, 1}, far_beyond[] = {9, 255, 255, 255};
    struct net_frame_reader reader;
    struct got got = {.count = 0};
    for (size_t cut = 0; cut < 5; cut++) {
        net_frame_reader_init(&reader);
        push_copy(&reader, largest, cut, &got, 0);
        push_copy(&reader, largest + cut, sizeof largest - cut, &got, 0);
        assert_int_equal(reader.bytes, sizeof largest);
        net_frame_reader_deinit(&reader);
    }
    assert_int_equal(got.count, 5);
    for (size_t cut = 0; cut < 4; cut++) {
        net_frame_reader_init(&reader);
        push_copy(&reader, beyond, cut, &got, 0);
        push_copy(&reader, beyond + cut, 4 - cut, &got, ERROR_TOO_LARGE);
        net_frame_reader_deinit(&reader);
        net_frame_reader_init(&reader);
        push_copy(&reader, far_beyond, cut, &got, 0);
        push_copy(&reader, far_beyond + cut, 4 - cut, &got, ERROR_TOO_LARGE);
        net_frame_reader_deinit(&reader);
    }
    assert_int_equal(got.count, 5);
}

/* The queue gives back what was put in, whatever the sizes, and keeps its limit. */
static void test_queue(void **state)
{
    (void)state;
    struct net_queue queue;
    uint8_t bytes[5000];
    uint32_t put = 0, taken = 0;
    net_queue_init(&queue);
    for (uint32_t round = 0; round < 2000; round++) {
        size_t count = (round * 7919) % sizeof bytes;
        for (size_t i = 0; i < count; i++) {
            bytes[i] = (uint8_t)(put + i);
        }
        struct iovec parts[2] = {{bytes, count / 2}, {bytes + count / 2, count - count / 2}};
        int error = net_queue_append(&queue, parts, 2, 100000);
        assert_int_equal(error,
                         net_queue_bytes(&queue) == put - taken ? (count > 0 ? ERROR_FULL : 0) : 0);
        put += error == 0 ? (uint32_t)count : 0;
        assert_int_equal(net_queue_bytes(&queue), put - taken);
        assert_true(net_queue_bytes(&queue) <= 100000);
        size_t out = (round * 104729) % 5100;
        out = out < net_queue_bytes(&queue) ? out : net_queue_bytes(&queue);
        for (size_t i = 0; i < out; i++) {
            assert_int_equal(net_queue_peek(&queue)[i], (uint8_t)(taken + i));
        }
        net_queue_consume(&queue, out);
        taken += (uint32_t)out;
    }
    net_queue_consume(&queue, net_queue_bytes(&queue));
    assert_int_equal(queue.capacity, 0);
    struct iovec huge = {bytes, SIZE_MAX};
    assert_int_equal(net_queue_append(&queue, &huge, 1, 100000), ERROR_FULL);
    net_queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut), cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_stop),      cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
