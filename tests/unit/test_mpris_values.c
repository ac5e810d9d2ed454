/*
 * test_mpris_values.c: what the bus is told of what plays.
 */
#include "player/dbus/mpris_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct mpris_now playing = {.state = MPRIS_PLAYING,
                                         .loop = MPRIS_LOOP_TRACK,
                                         .is_shuffled = true,
                                         .volume = 0.5,
                                         .count = 3,
                                         .entry = 7,
                                         .length_us = 9000000,
                                         .position_us = 1000000,
                                         .position_at_us = 500,
                                         .title = "A \"title\"",
                                         .artist = "Somebody",
                                         .url = "refrain://a:1/tracks/0",
                                         .cover = "/a b/c.png"};

/* All of them as GLib writes them. */
static char *all(const struct mpris_now *now, int64_t now_us)
{
    GString *text = g_string_new("");
    for (unsigned i = 0; i < MPRIS_VALUES; i++) {
        GVariant *value = g_variant_ref_sink(mpris_values_make(i, now, now_us));
        char *printed = g_variant_print(value, FALSE);
        g_string_append_printf(text, "%s=%s\n", mpris_values_name(i), printed);
        g_free(printed);
        g_variant_unref(value);
    }
    return g_string_free(text, FALSE);
}

static void test_playing(void **state)
{
    (void)state;
    char *text = all(&playing, 2000500);
    assert_string_equal(
        text, "PlaybackStatus='Playing'\nLoopStatus='Track'\nRate=1.0\nShuffle=true\n"
              "Metadata={'mpris:trackid': <objectpath '/org/refrain/entry/7'>, 'mpris:length': "
              "<int64 9000000>, "
              "'xesam:title': <'A \"title\"'>, 'xesam:artist': <['Somebody']>, "
              "'xesam:url': <'refrain://a:1/tracks/0'>, 'mpris:artUrl': <'file:///a%20b/c.png'>}\n"
              "Volume=0.5\nPosition=3000000\nMinimumRate=1.0\nMaximumRate=1.0\nCanGoNext=true\n"
              "CanGoPrevious=true\nCanPlay=true\nCanPause=true\nCanSeek=true\nCanControl=true\n");
    g_free(text);
}

static void test_stopped(void **state)
{
    (void)state;
    const struct mpris_now stopped = {.volume = 1.0};
    char *text = all(&stopped, 5);
    assert_non_null(strstr(text, "PlaybackStatus='Stopped'\nLoopStatus='None'\n"));
    assert_non_null(strstr(text, "TrackList/NoTrack'>}\n"));
    assert_non_null(strstr(text, "Position=0\n"));
    assert_non_null(strstr(text, "CanSeek=false\n"));
    g_free(text);
}

static void test_position(void **state)
{
    (void)state;
    struct mpris_now now = playing;
    assert_int_equal(mpris_values_position(&now, 500), 1000000);
    assert_int_equal(mpris_values_position(&now, 100000000), 9000000);
    now.state = MPRIS_PAUSED;
    assert_int_equal(mpris_values_position(&now, 100000000), 1000000);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(mpris_values_loop("Playlist"), MPRIS_LOOP_PLAYLIST);
    assert_int_equal(mpris_values_loop("playlist"), -1);
    unsigned told = 0;
    for (unsigned i = 0; i < MPRIS_VALUES; i++) {
        told += mpris_values_is_told(i);
    }
    assert_int_equal(told, MPRIS_VALUES - 2);
    static const char *const root[] = {"CanQuit",           "CanRaise",     "HasTrackList",
                                       "Identity",          "DesktopEntry", "SupportedUriSchemes",
                                       "SupportedMimeTypes"};
    for (size_t i = 0; i < sizeof root / sizeof root[0]; i++) {
        GVariant *value = g_variant_ref_sink(mpris_values_root(root[i]));
        assert_non_null(value);
        g_variant_unref(value);
    }
    assert_null(mpris_values_root("Fullscreen"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_playing), cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_position), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
