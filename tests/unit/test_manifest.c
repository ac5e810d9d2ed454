/*
 * test_manifest.c: the form of a manifest byte for byte, round trips, every bound broken once, and
 * truncation at each byte.
 */
#include "media/core/manifest.h"

#include "common/cursor.h"
#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char longest[MEDIA_TEXT_BYTES_MAX + 1]; /* one byte more than is allowed */

static struct media_text text_of(const char *text)
{
    return (struct media_text){text, (uint16_t)strlen(text)};
}

static struct media_manifest plain(void)
{
    struct media_manifest manifest = {
        .title = text_of("Caf\xc3\xa9"),
        .artist = text_of("Artist"),
        .album = text_of("Album"),
        .track_number = 3,
        .track_count = 12,
        .disc_number = 1,
        .year = 1999,
        .cover = {.root = {5}, .bytes = 77777},
        .file_count = 2,
    };
    memset(manifest.origin, 0x11, sizeof manifest.origin);
    memset(manifest.track_id, 0x22, sizeof manifest.track_id);
    memset(manifest.album_id, 0x33, sizeof manifest.album_id);
    memset(manifest.signature, 0x44, sizeof manifest.signature);
    manifest.files[0] = (struct media_file){
        .id = {.root = {1}, .bytes = 3000000},
        .source = {.root = {2}, .bytes = 3600000},
        .codec = MEDIA_CODEC_VORBIS,
        .container = MEDIA_CONTAINER_OGG,
        .channels = 2,
        .rate_hz = 44100,
        .bitrate_bps = 128000,
        .samples = 8290800,
        .track_gain = -1536,
        .album_gain = MEDIA_GAIN_UNKNOWN,
        .peak = 65000,
        .start_run_count = 2,
        .start_runs = {{182, 2}, {0, 5}},
    };
    manifest.files[1] = manifest.files[0];
    manifest.files[1].id.root[1] = 9;
    manifest.files[1].codec = MEDIA_CODEC_FLAC;
    manifest.files[1].container = MEDIA_CONTAINER_FLAC;
    manifest.files[1].bits = 16;
    return manifest;
}

static struct media_manifest fullest(void)
{
    struct media_manifest manifest = plain();
    struct media_text text = {longest, MEDIA_TEXT_BYTES_MAX};
    struct media_text mbid = {longest, MEDIA_MBID_BYTES_MAX};
    manifest.title = manifest.artist = manifest.album_artist = manifest.album = manifest.genre =
        text;
    manifest.recording_mbid = manifest.release_mbid = mbid;
    manifest.file_count = MEDIA_FILES_MAX;
    for (unsigned i = 0; i < MEDIA_FILES_MAX; i++) {
        struct media_file *file = &manifest.files[i];
        *file = manifest.files[0];
        file->id.root[1] = (uint8_t)i;
        file->id.bytes = FILE_BYTES_MAX;
        file->start_run_count = MEDIA_START_RUNS_MAX;
        for (unsigned run = 0; run < MEDIA_START_RUNS_MAX; run++) {
            file->start_runs[run] = (struct media_run){FILE_CHUNKS_MAX - 1 - run, 1};
        }
    }
    return manifest;
}

static size_t encode(const struct media_manifest *manifest, uint8_t *buffer)
{
    size_t bytes = 0;
    assert_int_equal(media_manifest_encode(manifest, buffer, MEDIA_MANIFEST_BYTES_MAX, &bytes), 0);
    return bytes;
}

static void assert_text_equal(struct media_text a, struct media_text b)
{
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
}

static void assert_file_equal(const struct media_file *a, const struct media_file *b)
{
    assert_true(media_file_id_equal(&a->id, &b->id));
    assert_true(media_file_id_equal(&a->source, &b->source));
    assert_int_equal(a->codec, b->codec);
    assert_int_equal(a->container, b->container);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->bits, b->bits);
    assert_int_equal(a->rate_hz, b->rate_hz);
    assert_int_equal(a->bitrate_bps, b->bitrate_bps);
    assert_int_equal(a->samples, b->samples);
    assert_int_equal(a->track_gain, b->track_gain);
    assert_int_equal(a->album_gain, b->album_gain);
    assert_int_equal(a->peak, b->peak);
    assert_int_equal(a->start_run_count, b->start_run_count);
    for (unsigned i = 0; i < a->start_run_count; i++) {
        assert_int_equal(a->start_runs[i].first, b->start_runs[i].first);
        assert_int_equal(a->start_runs[i].count, b->start_runs[i].count);
    }
}

static void round_trip(const struct media_manifest *manifest)
{
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    uint8_t again[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest decoded;
    size_t bytes = encode(manifest, buffer);
    assert_int_equal(media_manifest_decode(buffer, bytes, &decoded), 0);
    assert_memory_equal(decoded.origin, manifest->origin, PUBLIC_KEY_BYTES);
    assert_memory_equal(decoded.track_id, manifest->track_id, TRACK_ID_BYTES);
    assert_memory_equal(decoded.album_id, manifest->album_id, ALBUM_ID_BYTES);
    assert_memory_equal(decoded.signature, manifest->signature, SIGNATURE_BYTES);
    assert_text_equal(decoded.title, manifest->title);
    assert_text_equal(decoded.artist, manifest->artist);
    assert_text_equal(decoded.album_artist, manifest->album_artist);
    assert_text_equal(decoded.album, manifest->album);
    assert_text_equal(decoded.genre, manifest->genre);
    assert_text_equal(decoded.recording_mbid, manifest->recording_mbid);
    assert_text_equal(decoded.release_mbid, manifest->release_mbid);
    assert_int_equal(decoded.track_number, manifest->track_number);
    assert_int_equal(decoded.track_count, manifest->track_count);
    assert_int_equal(decoded.disc_number, manifest->disc_number);
    assert_int_equal(decoded.year, manifest->year);
    assert_true(media_file_id_equal(&decoded.cover, &manifest->cover));
    assert_int_equal(decoded.file_count, manifest->file_count);
    for (unsigned i = 0; i < decoded.file_count; i++) {
        assert_file_equal(&decoded.files[i], &manifest->files[i]);
    }
    assert_int_equal(encode(&decoded, again), bytes); /* one form only */
    assert_memory_equal(again, buffer, bytes);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct media_manifest manifest = plain();
    round_trip(&manifest);
    manifest = fullest();
    round_trip(&manifest);
    manifest = (struct media_manifest){.file_count = 1};
    manifest.files[0] = plain().files[0];
    round_trip(&manifest); /* no text, no cover */
}

/* Places that the header draws; computed here by hand, not with the encoder's names. */
static void test_form(void **state)
{
    (void)state;
    struct media_manifest manifest = plain();
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = encode(&manifest, buffer);
    assert_memory_equal(buffer, "RFM1", 4);
    assert_memory_equal(buffer + 4, manifest.origin, 32);
    assert_memory_equal(buffer + 36, manifest.track_id, 16);
    assert_memory_equal(buffer + 52, manifest.album_id, 16);
    assert_memory_equal(buffer + 68, "\0\5Caf\xc3\xa9\0\6Artist\0\0\0\5Album\0\0\0\0\0\0", 30);
    assert_memory_equal(buffer + 98, "\0\3\0\14\0\1\7\xcf\0", 9); /* numbers, year, seal */
    assert_int_equal(buffer[107], 5);                             /* the cover's root */
    assert_memory_equal(buffer + 139, "\0\0\0\0\0\1\x2f\xd1", 8);
    assert_int_equal(buffer[147], 2); /* files */
    const uint8_t *file = buffer + 148;
    assert_memory_equal(file + 80, "\1\2\0\1", 4);
    assert_memory_equal(file + 84, "\0\0\xac\x44\0\1\xf4\0", 8);
    assert_memory_equal(file + 92, "\0\0\0\0\0\x7e\x81\xf0", 8);
    assert_memory_equal(file + 100, "\xfa\0\x80\0\0\0\xfd\xe8", 8);
    assert_memory_equal(file + 108, "\2\0\0\0\xb6\0\2\0\0\0\0\0\5", 13);
    assert_int_equal(bytes, 148 + 2 * 121 + 64);
    assert_int_equal(media_manifest_signed_bytes(bytes), bytes - 64);
}

static void test_truncated(void **state)
{
    (void)state;
    struct media_manifest manifest = plain();
    struct media_manifest decoded;
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = encode(&manifest, buffer);
    for (size_t count = 0; count < bytes; count++) {
        /* A copy of exactly this size: the sanitizer sees a read behind its end. */
        uint8_t *cut = test_malloc(count + 1);
        memcpy(cut, buffer, count);
        assert_int_equal(media_manifest_decode(cut, count, &decoded), ERROR_TRUNCATED);
        test_free(cut);
        size_t used = 0;
        assert_int_equal(media_manifest_encode(&manifest, buffer, count, &used), ERROR_TOO_LARGE);
        assert_int_equal(encode(&manifest, buffer), bytes);
    }
    buffer[bytes] = 0;
    assert_int_equal(media_manifest_decode(buffer, bytes + 1, &decoded), ERROR_MALFORMED);
    assert_int_equal(media_manifest_decode(buffer, MEDIA_MANIFEST_BYTES_MAX + 1, &decoded),
                     ERROR_TOO_LARGE);
}

enum { TITLE_AT = 70, SEAL_AT = 106, COVER_AT = 107, COUNT_AT = 147, FILE_AT = 148 };

static const struct {
    size_t at;
    const char *bytes;
    size_t count;
    int error;
} wounds[] = {
    {0, "X", 1, ERROR_MALFORMED},
    {3, "2", 1, ERROR_VERSION},
    {TITLE_AT, "\0", 1, ERROR_MALFORMED},
    {TITLE_AT, "\xff", 1, ERROR_MALFORMED},
    {TITLE_AT, "\x80", 1, ERROR_MALFORMED},             /* a continuation without a lead */
    {TITLE_AT, "\xc0\x80", 2, ERROR_MALFORMED},         /* overlong NUL */
    {TITLE_AT, "\xe0\x80\x80", 3, ERROR_MALFORMED},     /* overlong */
    {TITLE_AT, "\xed\xa0\x80", 3, ERROR_MALFORMED},     /* a surrogate */
    {TITLE_AT, "\xf0\x80\x80\x80", 4, ERROR_MALFORMED}, /* overlong */
    {TITLE_AT, "\xf4\x90\x80\x80", 4, ERROR_MALFORMED}, /* above U+10FFFF */
    {TITLE_AT, "\xf0\x9f\x8e\xb5x", 5, 0},
    {TITLE_AT, "\xed\x9f\xbfxx", 5, 0},
    {TITLE_AT + 4, "\xc3", 1, ERROR_MALFORMED},     /* cut within a character */
    {TITLE_AT - 2, "\x02\x01", 2, ERROR_TRUNCATED}, /* 513 bytes reach behind the end here */
    {SEAL_AT, "\1", 1, ERROR_UNSUPPORTED},
    {COVER_AT + 32, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED}, /* a root without a length */
    {COVER_AT + 32, "\0\0\0\1\0\0\0\1", 8, ERROR_MALFORMED},
    {COUNT_AT, "\0", 1, ERROR_MALFORMED},
    {COUNT_AT, "\1", 1, ERROR_MALFORMED}, /* bytes are left over */
    {COUNT_AT, "\x09", 1, ERROR_MALFORMED},
    {FILE_AT + 32, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED},
    {FILE_AT + 72, "\xff\0\0\0\0\0\0\0", 8, ERROR_MALFORMED},
    {FILE_AT + 80, "\0", 1, ERROR_UNSUPPORTED}, /* codec */
    {FILE_AT + 80, "\6", 1, ERROR_UNSUPPORTED},
    {FILE_AT + 80, "\4", 1, ERROR_MALFORMED}, /* MP3 in Ogg */
    {FILE_AT + 81, "\0", 1, ERROR_MALFORMED}, /* channels */
    {FILE_AT + 81, "\x09", 1, ERROR_MALFORMED},
    {FILE_AT + 82, "\x21", 1, ERROR_MALFORMED},             /* bits */
    {FILE_AT + 83, "\5", 1, ERROR_UNSUPPORTED},             /* container */
    {FILE_AT + 83, "\2", 1, ERROR_MALFORMED},               /* Vorbis in FLAC */
    {FILE_AT + 84, "\0\0\0\0", 4, ERROR_MALFORMED},         /* rate */
    {FILE_AT + 92, "\0\0\0\0\0\0\0\0", 8, ERROR_MALFORMED}, /* samples */
    {FILE_AT + 108, "\0", 1, ERROR_MALFORMED},              /* runs */
    {FILE_AT + 108, "\x21", 1, ERROR_MALFORMED},
    {FILE_AT + 109, "\0\0\0\xb7", 4, ERROR_MALFORMED}, /* first + count passes the end */
    {FILE_AT + 109, "\xff\xff\xff\xff", 4, ERROR_MALFORMED},
    {FILE_AT + 109, "\0\0\0\4", 4, ERROR_MALFORMED}, /* overlaps the other run */
    {FILE_AT + 109, "\0\0\0\5", 4, 0},
    {FILE_AT + 113, "\0\0", 2, ERROR_MALFORMED},   /* an empty run */
    {FILE_AT + 121 + 1, "\0", 1, ERROR_MALFORMED}, /* the second file has the first one's id */
};

static void test_wounds(void **state)
{
    (void)state;
    struct media_manifest manifest = plain();
    struct media_manifest decoded;
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
        size_t bytes = encode(&manifest, buffer);
        memcpy(buffer + wounds[i].at, wounds[i].bytes, wounds[i].count);
        int error = media_manifest_decode(buffer, bytes, &decoded);
        if (error != wounds[i].error) {
            fail_msg("row %zu: %s", i, error_name(error));
        }
    }
}

/* A text of 513 bytes that is really there, which truncation cannot excuse. */
static void test_text_too_long(void **state)
{
    (void)state;
    struct media_manifest manifest = plain();
    struct media_manifest decoded;
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    uint8_t grown[MEDIA_MANIFEST_BYTES_MAX];
    manifest.title = (struct media_text){longest, MEDIA_TEXT_BYTES_MAX};
    size_t bytes = encode(&manifest, buffer);
    memcpy(grown, buffer, TITLE_AT);
    grown[TITLE_AT - 1] = 1; /* 513 */
    grown[TITLE_AT] = 'x';
    memcpy(grown + TITLE_AT + 1, buffer + TITLE_AT, bytes - TITLE_AT);
    assert_int_equal(media_manifest_decode(grown, bytes + 1, &decoded), ERROR_MALFORMED);
    manifest.title.bytes++;
    assert_int_equal(media_manifest_encode(&manifest, buffer, sizeof buffer, &bytes),
                     ERROR_MALFORMED);
    manifest = plain();
    manifest.release_mbid = (struct media_text){longest, MEDIA_MBID_BYTES_MAX + 1};
    assert_int_equal(media_manifest_encode(&manifest, buffer, sizeof buffer, &bytes),
                     ERROR_MALFORMED);
}

static void test_encode_refuses(void **state)
{
    (void)state;
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = 7;
    struct media_manifest manifest = plain();
    manifest.file_count = 0;
    assert_int_equal(media_manifest_encode(&manifest, buffer, sizeof buffer, &bytes),
                     ERROR_MALFORMED);
    manifest = plain();
    manifest.files[1].codec = (enum media_codec)99;
    assert_int_equal(media_manifest_encode(&manifest, buffer, sizeof buffer, &bytes),
                     ERROR_MALFORMED);
    assert_int_equal(bytes, 7);
}

static const struct {
    uint64_t samples;
    uint32_t rate_hz;
    uint64_t duration_us;
} durations[] = {
    {44100, 44100, 1000000},     {1, 44100, 23}, {1, 48000, 21},
    {8290800, 44100, 188000000}, {1, 3, 333333}, {2, 3, 666667},
    {UINT64_MAX, 1, UINT64_MAX},
};

static void test_duration(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        struct media_file file = {.samples = durations[i].samples, .rate_hz = durations[i].rate_hz};
        assert_true(media_file_duration_us(&file) == durations[i].duration_us);
    }
}

int main(void)
{
    memset(longest, 'x', sizeof longest);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),   cmocka_unit_test(test_form),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_wounds),
        cmocka_unit_test(test_text_too_long), cmocka_unit_test(test_encode_refuses),
        cmocka_unit_test(test_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
