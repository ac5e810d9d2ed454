/*
 * test_pull_source.c: the source element by its pad, and the descriptor source.
 */
#include "common/error.h"
#include "media/gst/init.h"
#include "media/gst/pull_source.h"
#include "tests/lib/memory_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gst/gst.h>

#define FILE_BYTES 40000u
#define TAG_BODY_BYTES 300u
#define TAG_BYTES (10u + TAG_BODY_BYTES)

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8));
}

struct fixture {
    struct memory_source memory;
    GstElement *element;
    GstPad *pad;
};

static void start(struct fixture *fixture, bool with_tag)
{
    uint8_t bytes[FILE_BYTES];
    for (uint32_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] = pattern(i);
    }
    if (with_tag) {
        memcpy(bytes, "ID3\4\0\0\0\0\2\54", 10); /* 2 * 128 + 44 = 300 bytes follow */
    }
    memory_source_init(&fixture->memory, bytes, FILE_BYTES);
    assert_int_equal(media_gst_init(), 0);
    struct media_source source = memory_source_get(&fixture->memory);
    fixture->element = media_pull_source_new(&source, with_tag);
    assert_non_null(fixture->element);
    gst_object_ref_sink(fixture->element);
    fixture->pad = gst_element_get_static_pad(fixture->element, "src");
    assert_true(gst_pad_activate_mode(fixture->pad, GST_PAD_MODE_PULL, TRUE));
}

static void stop(struct fixture *fixture)
{
    (void)gst_pad_activate_mode(fixture->pad, GST_PAD_MODE_PULL, FALSE);
    gst_object_unref(fixture->pad);
    (void)gst_element_set_state(fixture->element, GST_STATE_NULL);
    gst_object_unref(fixture->element);
    memory_source_deinit(&fixture->memory);
}

static void test_reads(void **state)
{
    static const struct {
        uint64_t offset;
        uint32_t bytes;
        bool with_tag;
        GstFlowReturn flow;
        uint32_t got;
    } reads[] = {
        {0, 1, false, GST_FLOW_OK, 1},
        {0, FILE_BYTES, false, GST_FLOW_OK, FILE_BYTES},
        {16383, 2, false, GST_FLOW_OK, 2},
        {FILE_BYTES - 5, 100, false, GST_FLOW_OK, 5}, /* cut at the end */
        {FILE_BYTES, 1, false, GST_FLOW_EOS, 0},
        {FILE_BYTES + 1, 1, false, GST_FLOW_EOS, 0},
        {0, 4, true, GST_FLOW_OK, 4}, /* behind the tag */
        {FILE_BYTES - TAG_BYTES - 5, 100, true, GST_FLOW_OK, 5},
        {FILE_BYTES - TAG_BYTES, 1, true, GST_FLOW_EOS, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        struct fixture fixture;
        start(&fixture, reads[i].with_tag);
        GstBuffer *buffer = NULL;
        GstFlowReturn flow =
            gst_pad_get_range(fixture.pad, reads[i].offset, reads[i].bytes, &buffer);
        assert_int_equal(flow, reads[i].flow);
        if (flow == GST_FLOW_OK) {
            GstMapInfo map;
            assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
            assert_int_equal(map.size, reads[i].got);
            uint64_t at = reads[i].offset + (reads[i].with_tag ? TAG_BYTES : 0);
            assert_int_equal(map.data[0], pattern(at));
            assert_int_equal(map.data[map.size - 1], pattern(at + map.size - 1));
            gst_buffer_unmap(buffer, &map);
            gst_buffer_unref(buffer);
        }
        assert_int_equal(media_pull_source_error(fixture.element), 0);
        stop(&fixture);
    }
}

static void test_first_error_stays(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, false);
    GstBuffer *buffer = NULL;
    memory_source_set_error(&fixture.memory, ERROR_OFFLINE);
    assert_int_equal(gst_pad_get_range(fixture.pad, 0, 10, &buffer), GST_FLOW_ERROR);
    memory_source_set_error(&fixture.memory, ERROR_IO);
    assert_int_equal(gst_pad_get_range(fixture.pad, 0, 10, &buffer), GST_FLOW_ERROR);
    assert_int_equal(media_pull_source_error(fixture.element), ERROR_OFFLINE);
    stop(&fixture);
}

static void *flush(void *context)
{
    struct fixture *fixture = context;
    memory_source_wait_for_reader(&fixture->memory);
    (void)gst_pad_send_event(fixture->pad, gst_event_new_flush_start());
    return NULL;
}

static void test_flush_ends_a_waiting_read(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, false);
    memory_source_block_from(&fixture.memory, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flush, &fixture), 0);
    GstBuffer *buffer = NULL;
    assert_int_equal(gst_pad_get_range(fixture.pad, 0, 10, &buffer), GST_FLOW_FLUSHING);
    (void)pthread_join(thread, NULL);
    assert_int_equal(media_pull_source_error(fixture.element), 0);

    memory_source_block_from(&fixture.memory, UINT64_MAX);
    (void)gst_pad_send_event(fixture.pad, gst_event_new_flush_stop(TRUE));
    assert_int_equal(gst_pad_get_range(fixture.pad, 0, 10, &buffer), GST_FLOW_OK);
    gst_buffer_unref(buffer);
    stop(&fixture);
}

static void test_descriptor(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite("0123456789", 1, 10, file), 10);
    assert_int_equal(fflush(file), 0);
    int fd = fileno(file);
    struct media_source source = media_fd_source(&fd, 20);
    char got[5] = "";
    assert_int_equal(source.read_at(source.context, 3, got, 4), 0);
    assert_string_equal(got, "3456");
    assert_int_equal(source.read_at(source.context, 8, got, 4), ERROR_IO); /* shorter than said */
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_first_error_stays),
        cmocka_unit_test(test_flush_ends_a_waiting_read),
        cmocka_unit_test(test_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
