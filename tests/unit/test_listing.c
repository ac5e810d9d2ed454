/*
 * test_listing.c: pages of an origin as they should be, as they should not, and an order for people.
 */
#include "player/listing.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static void test_page(void **state)
{
    (void)state;
    static const char body[] =
        "{\"items\":[{\"id\":\"" ID "\",\"title\":\"A\",\"artist\":\"B\",\"album\":\"C\","
        "\"track\":3,\"duration_ms\":1500,\"files\":[],\"album_id\":\"" ID "\"},"
        "{\"id\":\"" ID "\"}],\"next\":\"" ID "\"}";
    struct listing listing;
    char next[200];
    listing_init(&listing);
    assert_int_equal(listing_add_page(&listing, body, sizeof body - 1, next, sizeof next), 0);
    assert_int_equal(listing.count, 2);
    assert_string_equal(listing.tracks[0].title, "A");
    assert_true(listing.tracks[0].duration_us == 1500000);
    assert_int_equal(listing.tracks[0].number, 3);
    assert_int_equal(listing.tracks[0].album_id[0], 0x01);
    assert_string_equal(listing.tracks[1].title, "");
    assert_string_equal(listing.tracks[1].json, "{\"id\":\"" ID "\"}");
    assert_string_equal(next, "/v1/tracks?limit=1000&after=" ID);
    listing_deinit(&listing);
}

static void test_bad_pages(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int error;
    } cases[] = {
        {"{\"items\":[],\"next\":null}", 0},
        {"{\"items\":[]}", 0},
        {"{\"items\":[],\"next\":\"/v1/tracks?after=5\"}", 0},
        {"", ERROR_MALFORMED},
        {"[]", ERROR_MALFORMED},
        {"{\"items\":{}}", ERROR_MALFORMED},
        {"{\"items\":[5]}", ERROR_MALFORMED},
        {"{\"items\":[{\"id\":5}]}", ERROR_MALFORMED},
        {"{\"items\":[{\"id\":\"zz\"}]}", ERROR_MALFORMED},
        {"{\"items\":[{\"id\":\"" ID "\",\"album_id\":\"x\"}]}", ERROR_MALFORMED},
        {"{\"items\":[],\"next\":\"http://elsewhere/\"}", ERROR_MALFORMED},
        {"{\"items\":[],\"next\":\"/a b\"}", ERROR_MALFORMED},
        {"{\"items\":[],\"next\":\"/0123456789012345678901234567890123456789\"}", ERROR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listing listing;
        char next[30];
        listing_init(&listing);
        assert_int_equal(
            listing_add_page(&listing, cases[i].body, strlen(cases[i].body), next, sizeof next),
            cases[i].error);
        listing_deinit(&listing);
    }
}

static void add(struct listing *listing, const char *album, uint16_t disc, uint16_t number,
                const char *title)
{
    struct media_manifest manifest = {.disc_number = disc, .track_number = number, .file_count = 1};
    manifest.album = (struct media_text){album, (uint16_t)strlen(album)};
    manifest.title = (struct media_text){title, (uint16_t)strlen(title)};
    manifest.files[0] = (struct media_file){.id = {.bytes = 1000},
                                            .source = {.bytes = 1000},
                                            .codec = MEDIA_CODEC_FLAC,
                                            .container = MEDIA_CONTAINER_FLAC,
                                            .channels = 2,
                                            .bits = 16,
                                            .rate_hz = 44100,
                                            .bitrate_bps = 500000,
                                            .samples = 44100,
                                            .start_run_count = 1,
                                            .start_runs = {{0, 1}}};
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    assert_int_equal(media_manifest_encode(&manifest, bytes, sizeof bytes, &count), 0);
    assert_int_equal(listing_add_manifest(listing, bytes, count), 0);
    assert_int_equal(listing_add_manifest(listing, bytes, count - 1), 0); /* damaged: passed over */
}

static void test_order(void **state)
{
    (void)state;
    struct listing listing;
    listing_init(&listing);
    add(&listing, "B", 1, 2, "five");
    add(&listing, "A", 2, 1, "three");
    add(&listing, "A", 1, 2, "two");
    add(&listing, "A", 1, 1, "one");
    add(&listing, "B", 1, 1, "four");
    listing_sort(&listing);
    static const char *const expect[] = {"one", "two", "three", "four", "five"};
    assert_int_equal(listing.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_string_equal(listing.tracks[i].title, expect[i]);
    }
    assert_true(listing.tracks[0].duration_us == 1000000);
    assert_non_null(strstr(listing.tracks[0].json,
                           "\"title\":\"one\",\"artist\":\"\",\"album\":\"A\","
                           "\"album_artist\":\"\",\"disc\":1,\"track\":1,"));
    assert_non_null(strstr(listing.tracks[0].json, "\"duration_ms\":1000,\"files\":[{"));
    listing_deinit(&listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_bad_pages),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
