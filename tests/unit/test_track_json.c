/*
 * test_track_json.c: the track line of docs/CLI.md, byte for byte.
 */
#include "streamserver/track_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct media_text text_of(const char *text)
{
    return (struct media_text){text, (uint16_t)strlen(text)};
}

static void test_line(void **state)
{
    (void)state;
    struct media_manifest manifest = {.title = text_of("Caf\xc3\xa9 \"1\""),
                                      .artist = text_of("A\\B"),
                                      .track_number = 7,
                                      .file_count = 2};
    manifest.track_id[0] = 0xab;
    manifest.album_id[ALBUM_ID_BYTES - 1] = 0xcd;
    manifest.files[0] = (struct media_file){.id = {.root = {1}, .bytes = UINT64_C(4294967296)},
                                            .codec = MEDIA_CODEC_OPUS,
                                            .rate_hz = 48000,
                                            .samples = 48000 * 3 + 24,
                                            .bitrate_bps = 96000};
    manifest.files[1] = manifest.files[0];
    manifest.files[1].codec = MEDIA_CODEC_FLAC;
    manifest.files[1].id.bytes = 1;
    json_t *json = track_json_new(&manifest);
    assert_non_null(json);
    char *line = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        line, "{\"id\":\"ab000000000000000000000000000000\",\"title\":\"Caf\xc3\xa9 \\\"1\\\"\","
              "\"artist\":\"A\\\\B\",\"album\":\"\",\"album_artist\":\"\",\"disc\":0,\"track\":7,"
              "\"year\":0,\"duration_ms\":3000,\"files\":["
              "{\"id\":\"0100000000000000000000000000000000000000000000000000000000000000\","
              "\"bytes\":4294967296,\"codec\":\"opus\",\"bitrate\":96000},"
              "{\"id\":\"0100000000000000000000000000000000000000000000000000000000000000\","
              "\"bytes\":1,\"codec\":\"flac\",\"bitrate\":96000}],"
              "\"album_id\":\"000000000000000000000000000000cd\",\"cover\":null}");
    free(line);
    json_decref(json);
}

static void test_brief(void **state)
{
    (void)state;
    struct media_manifest manifest = {
        .title = text_of("One"), .artist = text_of("A"), .file_count = 1};
    manifest.track_id[0] = 0xab;
    manifest.files[0] = (struct media_file){.rate_hz = 1000, .samples = 1500};
    json_t *json = track_json_new_brief(&manifest);
    char *line = json_dumps(json, JSON_COMPACT);
    assert_string_equal(line, "{\"id\":\"ab000000000000000000000000000000\",\"title\":\"One\","
                              "\"artist\":\"A\",\"album\":\"\",\"track\":0,\"duration_ms\":1500}");
    free(line);
    json_decref(json);
    manifest.album_artist = text_of("B");
    manifest.disc_number = 2;
    manifest.year = 1969;
    manifest.album_id[0] = 1;
    json = track_json_new_brief(&manifest);
    line = json_dumps(json, JSON_COMPACT);
    assert_string_equal(line, "{\"id\":\"ab000000000000000000000000000000\",\"title\":\"One\","
                              "\"artist\":\"A\",\"album\":\"\",\"album_artist\":\"B\",\"disc\":2,"
                              "\"track\":0,\"year\":1969,\"duration_ms\":1500,"
                              "\"album_id\":\"01000000000000000000000000000000\"}");
    free(line);
    json_decref(json);
}

static void test_cover(void **state)
{
    (void)state;
    struct media_manifest manifest = {.cover = {.root = {0xfe}, .bytes = 28009}, .file_count = 1};
    manifest.files[0] = (struct media_file){.codec = MEDIA_CODEC_OPUS, .rate_hz = 1, .samples = 1};
    json_t *json = track_json_new(&manifest);
    const json_t *cover = json_object_get(json, "cover");
    assert_int_equal(json_integer_value(json_object_get(cover, "bytes")), 28009);
    assert_memory_equal(json_string_value(json_object_get(cover, "id")), "fe00", 4);
    json_decref(json);
}

static void test_codecs(void **state)
{
    (void)state;
    assert_string_equal(track_json_codec(MEDIA_CODEC_VORBIS), "vorbis");
    assert_string_equal(track_json_codec(MEDIA_CODEC_MP3), "mp3");
    assert_string_equal(track_json_codec(MEDIA_CODEC_AAC), "aac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_brief),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_codecs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
