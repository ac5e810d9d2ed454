/*
 * test_init.c: which elements can be had, without GStreamer's registry.
 */
#include "common/error.h"
#include "media/gst/init.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <gst/gst.h>

static void test_known_elements(void **state)
{
    static const char *const names[] = {"oggdemux", "vorbisdec",    "opusdec",    "flacparse",
                                        "flacdec",  "audioconvert", "rganalysis", "oggdemux"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(media_gst_need(names[i]), 0);
        GstElement *element = gst_element_factory_make(names[i], NULL);
        assert_non_null(element);
        gst_object_unref(gst_object_ref_sink(element));
    }
}

static void test_only_what_is_needed_is_loaded(void **state)
{
    (void)state;
    assert_int_equal(media_gst_init(), 0);
    GstPlugin *playback = gst_registry_find_plugin(gst_registry_get(), "playback");
    assert_null(playback);
}

static void test_unknown_element(void **state)
{
    (void)state;
    assert_int_equal(media_gst_need("nosuchelement"), ERROR_UNSUPPORTED);
    assert_int_equal(media_gst_need("nosuchelement"), ERROR_UNSUPPORTED);
    assert_int_equal(media_gst_need("identity"), 0); /* not in our table: found by the scan */
}

static void test_warm(void **state)
{
    (void)state;
    assert_int_equal(media_gst_warm(MEDIA_CONTAINER_OGG, MEDIA_CODEC_VORBIS), 0);
    assert_int_equal(media_gst_warm(MEDIA_CONTAINER_FLAC, MEDIA_CODEC_FLAC), 0);
    assert_int_equal(media_gst_warm(MEDIA_CONTAINER_FLAC, MEDIA_CODEC_OPUS), ERROR_UNSUPPORTED);
    assert_int_equal(media_gst_need_typefind(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_elements),
        cmocka_unit_test(test_only_what_is_needed_is_loaded),
        cmocka_unit_test(test_warm),
        cmocka_unit_test(test_unknown_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
