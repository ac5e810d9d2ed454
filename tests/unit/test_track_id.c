/*
 * test_track_id.c: what is hashed into ids, byte for byte, and addresses good and bad.
 */
#include "media/core/track_id.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct media_text text_of(const char *text)
{
    return (struct media_text){text, (uint16_t)strlen(text)};
}

static void test_track_input(void **state)
{
    (void)state;
    struct media_file_id source = {.bytes = UINT64_C(0x0102030405)};
    memset(source.root, 0xab, HASH_BYTES);
    uint8_t input[MEDIA_TRACK_ID_INPUT_BYTES];
    media_track_id_input(&source, input);
    assert_memory_equal(input, "track", 5);
    assert_memory_equal(input + 5, source.root, HASH_BYTES);
    assert_memory_equal(input + 37, ((const uint8_t[]){0, 0, 0, 1, 2, 3, 4, 5}), 8);
}

static const struct {
    const char *text;
    size_t capacity;
    const char *folded;
} folds[] = {
    {"", 100, ""},
    {"   ", 100, ""},
    {"Abc XYZ", 100, "abc xyz"},
    {"  a \t\r\n b  ", 100, "a b"},
    {"\xc3\x84rger", 100, "\xc3\x84rger"}, /* letters beyond ASCII stay */
    {"abcdef", 3, "abc"},
    {"ab cdef", 3, "ab"},
    {"ab cdef", 4, "ab c"},
    {"a", 0, ""},
};

static void test_fold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
        uint8_t folded[100];
        size_t bytes = media_text_fold(text_of(folds[i].text), folds[i].capacity, folded);
        assert_int_equal(bytes, strlen(folds[i].folded));
        assert_memory_equal(folded, folds[i].folded, bytes);
    }
}

static void test_album_input(void **state)
{
    (void)state;
    uint8_t input[MEDIA_ALBUM_ID_INPUT_BYTES_MAX];
    size_t bytes =
        media_album_id_input(text_of(" The  Band"), text_of("Songs "), text_of("ab-12"), input);
    const char expected[] = "albumthe band\0songs\0ab-12";
    assert_int_equal(bytes, sizeof expected - 1);
    assert_memory_equal(input, expected, bytes);

    char longest[MEDIA_TEXT_BYTES_MAX + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    char mbid[MEDIA_MBID_BYTES_MAX + 1];
    memset(mbid, 'y', sizeof mbid - 1);
    mbid[sizeof mbid - 1] = '\0';
    bytes = media_album_id_input(text_of(longest), text_of(longest), text_of(mbid), input);
    assert_int_equal(bytes, sizeof input);
}

#define ID "00112233445566778899aabbccddeeff"

static const struct {
    const char *text;
    int error;
    const char *host;
    unsigned port;
} addresses[] = {
    {"refrain://example.org/tracks/" ID, 0, "example.org", 7373},
    {"refrain://127.0.0.1:80/tracks/" ID, 0, "127.0.0.1", 80},
    {"refrain://[::1]:65535/tracks/" ID, 0, "::1", 65535},
    {"refrain://[fe80::1]/tracks/" ID, 0, "fe80::1", 7373},
    {"refrain://my_host-2/tracks/" ID, 0, "my_host-2", 7373},
    {"https://example.org/tracks/" ID, ERROR_NOT_FOUND, "", 0},
    {"refrain:/example.org/tracks/" ID, ERROR_NOT_FOUND, "", 0},
    {"", ERROR_NOT_FOUND, "", 0},
    {"refrain://", ERROR_MALFORMED, "", 0},
    {"refrain:///tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://:80/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a:/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a:0/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a:65536/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a:000080/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a:-1/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://user@a/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a b/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a\r\n/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://[::1/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://[]/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://[name]/tracks/" ID, ERROR_MALFORMED, "", 0},
    {"refrain://a", ERROR_MALFORMED, "", 0},
    {"refrain://a/tracks/", ERROR_MALFORMED, "", 0},
    {"refrain://a/tracks/" ID "0", ERROR_MALFORMED, "", 0},
    {"refrain://a/tracks/" ID "/", ERROR_MALFORMED, "", 0},
    {"refrain://a/track/" ID, ERROR_MALFORMED, "", 0},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct media_address address = {0};
        assert_int_equal(media_address_parse(addresses[i].text, &address), addresses[i].error);
        assert_string_equal(address.host, addresses[i].host);
        assert_int_equal(address.port, addresses[i].port);
        assert_int_equal(address.track_id[15], addresses[i].error == 0 ? 0xff : 0);
    }
}

static void test_host_length(void **state)
{
    (void)state;
    for (size_t bytes = MEDIA_HOST_BYTES_MAX - 1; bytes <= MEDIA_HOST_BYTES_MAX + 1; bytes++) {
        char text[400] = "refrain://";
        memset(text + 10, 'h', bytes);
        memcpy(text + 10 + bytes, "/tracks/" ID, sizeof "/tracks/" ID);
        struct media_address address;
        int expected = bytes <= MEDIA_HOST_BYTES_MAX ? 0 : ERROR_MALFORMED;
        assert_int_equal(media_address_parse(text, &address), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_track_input), cmocka_unit_test(test_fold),
        cmocka_unit_test(test_album_input), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_host_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
