/*
 * test_recorder.c: reads by chunk, and the runs that they make.
 *
 * A row reads "0 5-7 1": chunks in the order in which they are read; "5-7" is one read of three.
 * The runs are written "first+count".
 */
#include "common/error.h"
#include "media/gst/recorder.h"
#include "tests/lib/memory_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 40u

static const struct {
    const char *reads;
    uint32_t runs_max;
    const char *runs;
} rows[] = {
    {"", 32, ""},
    {"0", 32, "0+1"},
    {"0 0 0", 32, "0+1"},
    {"0 1 2", 32, "0+3"},
    {"0-2 2-4", 32, "0+5"},
    {"0 39 1 2", 32, "0+1 39+1 1+2"},   /* a demuxer looks at the end */
    {"3 2 1 0", 32, "3+1 2+1 1+1 0+1"}, /* backwards is not one run */
    {"0 10 20", 2, "0+11 20+1"},        /* the smaller hole is filled */
    {"0 10 12 30", 3, "0+1 10+3 30+1"},
    {"12 0 10", 2, "10+3 0+1"},  /* it stands where the earlier of both stood */
    {"0 4 8 5 6", 2, "0+7 8+1"}, /* 5 and 6 touch what is there */
    {"0 2 4 6 8 10 12 14", 1, "0+15"},
    {"39 0", 1, "0+40"},
};

static void read_row(const struct media_source *source, const char *reads)
{
    uint8_t buffer[CHUNKS * 16];
    for (const char *at = reads; *at != '\0';) {
        char *end = NULL;
        unsigned long first = strtoul(at, &end, 10);
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        /* The last byte of the first chunk to the first of the last: an edge that is easy to lose. */
        uint64_t offset = first * CHUNK_BYTES + (first == last ? 7 : CHUNK_BYTES - 1);
        uint32_t bytes = first == last ? 1 : (uint32_t)(last * CHUNK_BYTES + 1 - offset);
        uint8_t *big = bytes > sizeof buffer ? malloc(bytes) : NULL;
        assert_int_equal(
            source->read_at(source->context, offset, big != NULL ? big : buffer, bytes), 0);
        free(big);
        at = *end == ' ' ? end + 1 : end;
    }
}

static void show(const struct media_run *runs, uint32_t count, char *ret_text, size_t capacity)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        int length = snprintf(ret_text + used, capacity - used, "%s%u+%u", i > 0 ? " " : "",
                              runs[i].first, runs[i].count);
        used += (size_t)length;
    }
}

static void test_runs(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(CHUNKS, CHUNK_BYTES);
    assert_non_null(zeros);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory;
        memory_source_init(&memory, zeros, (uint64_t)CHUNKS * CHUNK_BYTES);
        struct media_source inner = memory_source_get(&memory);
        struct media_recorder recorder;
        assert_int_equal(media_recorder_init(&recorder, &inner), 0);
        struct media_source source = media_recorder_source(&recorder);
        read_row(&source, rows[i].reads);
        struct media_run runs[MEDIA_START_RUNS_MAX];
        uint32_t count = media_recorder_runs(&recorder, runs, rows[i].runs_max);
        assert_true(count <= rows[i].runs_max);
        char text[200];
        show(runs, count, text, sizeof text);
        assert_string_equal(text, rows[i].runs);
        media_recorder_deinit(&recorder);
        memory_source_deinit(&memory);
    }
    free(zeros);
}

static void test_stop_and_errors(void **state)
{
    (void)state;
    uint8_t bytes[3 * CHUNK_BYTES] = {0};
    struct memory_source memory;
    memory_source_init(&memory, bytes, sizeof bytes);
    struct media_source inner = memory_source_get(&memory);
    struct media_recorder recorder;
    assert_int_equal(media_recorder_init(&recorder, &inner), 0);
    struct media_source source = media_recorder_source(&recorder);
    assert_int_equal(source.bytes, sizeof bytes);
    read_row(&source, "0");
    media_recorder_stop(&recorder);
    read_row(&source, "2"); /* passes through, unnoted */
    assert_int_equal(memory.read_bytes, 2);
    assert_int_equal(recorder.read_bytes, 1);
    memory_source_set_error(&memory, ERROR_NOT_FOUND);
    assert_int_equal(source.read_at(source.context, 0, bytes, 1), ERROR_NOT_FOUND);
    source.unlock(source.context);
    assert_int_equal(source.read_at(source.context, 0, bytes, 1), ERROR_CANCELLED);
    source.unlock_stop(source.context);
    assert_int_equal(source.read_at(source.context, 0, bytes, 1), ERROR_NOT_FOUND);
    struct media_run runs[MEDIA_START_RUNS_MAX];
    assert_int_equal(media_recorder_runs(&recorder, runs, MEDIA_START_RUNS_MAX), 1);
    media_recorder_deinit(&recorder);
    memory_source_deinit(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_stop_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
