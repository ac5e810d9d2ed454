/*
 * test_probe.c: what the probe says of the sample album, and of files that are not what they seem.
 *
 * argv[1] is the album's folder; what stands in the tables is what render.sh put there.
 */
#include "common/error.h"
#include "media/gst/deck.h"
#include "media/gst/probe.h"
#include "media/gst/remux.h"
#include "tests/lib/memory_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PULL_FRAMES 8192u

static const char *folder;

static const struct {
    const char *name;
    const char *title;
    const char *artist;
    uint16_t track;
    uint16_t year;
    enum media_container container;
    enum media_codec codec;
    uint32_t rate_hz;
    uint8_t bits;
    bool cover;
} album[] = {
    {"1-minuet.ogg", "Minuet in G", "Christian Petzold", 1, 1725, MEDIA_CONTAINER_OGG,
     MEDIA_CODEC_VORBIS, 44100, 0, false},
    {"2-gymnopedie.ogg", "Gymnopédie No. 1", "Erik Satie", 2, 1888, MEDIA_CONTAINER_OGG,
     MEDIA_CODEC_VORBIS, 44100, 0, false},
    {"4-drowsy-maggie.opus", "Drowsy Maggie", "Traditional", 4, 1850, MEDIA_CONTAINER_OGG,
     MEDIA_CODEC_OPUS, 48000, 16, false},
    {"5-frere-jacques.flac", "Frère Jacques", "Traditional", 5, 1780, MEDIA_CONTAINER_FLAC,
     MEDIA_CODEC_FLAC, 22050, 16, true},
};
#define TRACKS (sizeof album / sizeof album[0])

static int probe(struct memory_source *memory, struct media_probe **ret_probe, char *ret_text)
{
    struct media_source source = memory_source_get(memory);
    return media_probe(&source, NULL, ret_probe, ret_text);
}

static void test_album(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct memory_source memory;
        memory_source_load(&memory, folder, album[i].name);
        struct media_probe *found = NULL;
        char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
        assert_int_equal(probe(&memory, &found, text), 0);
        assert_string_equal(text, "");
        assert_string_equal(found->tags.title, album[i].title);
        assert_string_equal(found->tags.artist, album[i].artist);
        assert_string_equal(found->tags.album, "Refrains");
        assert_string_equal(found->tags.album_artist, "The Refrain Sampler");
        assert_int_equal(found->tags.track_number, album[i].track);
        assert_int_equal(found->tags.track_count, 6);
        assert_int_equal(found->tags.disc_number, 1);
        assert_int_equal(found->tags.year, album[i].year);
        const struct media_file *file = &found->file;
        assert_int_equal(file->container, album[i].container);
        assert_int_equal(file->codec, album[i].codec);
        assert_int_equal(file->rate_hz, album[i].rate_hz);
        assert_int_equal(file->bits, album[i].bits);
        assert_int_equal(file->channels, 2);
        assert_int_equal(file->id.bytes, memory.count);
        /* The mean bitrate times the length is the file, but for its headers and cover. */
        double bytes = file->bitrate_bps / 8.0 * (double)found->duration_us / 1e6;
        assert_true(bytes <= (double)memory.count && bytes > (double)memory.count - 40000);
        /* render.sh makes the tracks equally loud. */
        assert_true(found->gain_computed);
        assert_true(file->track_gain > 1 * 256 && file->track_gain < 2 * 256);
        assert_int_equal(file->album_gain, MEDIA_GAIN_UNKNOWN);
        assert_true(file->peak > 65536 / 5 && file->peak < 65536);
        assert_int_equal(found->cover != NULL, album[i].cover);
        assert_int_equal(found->picture_bytes > 0, album[i].cover);
        media_probe_free(found);
        memory_source_deinit(&memory);
    }
}

static void test_cover(void **state)
{
    (void)state;
    struct memory_source memory;
    struct memory_source cover;
    memory_source_load(&memory, folder, "5-frere-jacques.flac");
    memory_source_load(&cover, folder, "cover.png");
    struct media_probe *found = NULL;
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
    assert_int_equal(probe(&memory, &found, text), 0);
    assert_string_equal(found->cover_mime, "image/png");
    assert_int_equal(found->cover_bytes, cover.count);
    assert_memory_equal(found->cover, cover.bytes, cover.count);
    media_probe_free(found);
    memory_source_deinit(&cover);
    memory_source_deinit(&memory);
}

/* A deck that gets nothing but the start set gives three seconds of sound. */
static void test_start_set_suffices(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct memory_source memory;
        memory_source_load(&memory, folder, album[i].name);
        struct media_probe *found = NULL;
        char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
        assert_int_equal(probe(&memory, &found, text), 0);
        uint64_t chunks = 0;
        for (uint32_t j = 0; j < found->file.start_run_count; j++) {
            chunks += found->file.start_runs[j].count;
        }
        assert_true(chunks < memory.count / CHUNK_BYTES);
        memory.only = found->file.start_runs;
        memory.only_count = found->file.start_run_count;
        struct media_deck_config config = {.file = &found->file,
                                           .source = memory_source_get(&memory)};
        struct media_deck *deck = NULL;
        assert_int_equal(media_deck_open(&config, &deck), 0);
        uint64_t frames = 0;
        struct media_pcm pcm;
        enum media_deck_state now;
        while ((now = media_deck_pull(deck, PULL_FRAMES, MEDIA_DECK_WAIT_FOREVER, &pcm)) ==
               MEDIA_DECK_PCM) {
            frames += pcm.count;
        }
        assert_int_equal(now, MEDIA_DECK_FAILED);
        assert_int_equal(media_deck_error(deck, NULL), ERROR_OFFLINE);
        assert_true(frames >= 3 * (uint64_t)album[i].rate_hz);
        media_deck_close(deck);
        media_probe_free(found);
        memory_source_deinit(&memory);
    }
}

/* A file cut anywhere, or with one byte wrong, is not taken. */
static void test_damage(void **state)
{
    static const struct {
        const char *name;
        uint32_t keep_per_mille; /* of the file's bytes */
        uint32_t flip_per_mille; /* where a byte is wrong; 0 = nowhere */
        int error;
    } rows[] = {
        {"1-minuet.ogg", 900, 0, ERROR_TRUNCATED},
        {"1-minuet.ogg", 1, 0, ERROR_TRUNCATED},
        {"1-minuet.ogg", 999, 0, ERROR_TRUNCATED},
        {"1-minuet.ogg", 1000, 500, ERROR_MALFORMED},
        {"1-minuet.ogg", 1000, 990, ERROR_MALFORMED},
        {"4-drowsy-maggie.opus", 500, 0, ERROR_TRUNCATED},
        {"4-drowsy-maggie.opus", 1000, 300, ERROR_MALFORMED},
        {"5-frere-jacques.flac", 500, 0, ERROR_TRUNCATED},
        {"5-frere-jacques.flac", 999, 0, ERROR_TRUNCATED},
        {"5-frere-jacques.flac", 10, 0, ERROR_TRUNCATED}, /* within the cover */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory;
        memory_source_load(&memory, folder, rows[i].name);
        memory.bytes[memory.count * rows[i].flip_per_mille / 1000] ^=
            rows[i].flip_per_mille > 0 ? 0x10 : 0;
        memory.count = memory.count * rows[i].keep_per_mille / 1000;
        struct media_probe *found = NULL;
        char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
        assert_int_equal(probe(&memory, &found, text), rows[i].error);
        assert_null(found);
        assert_true(text[0] != '\0');
        memory_source_deinit(&memory);
    }
}

static void test_not_audio(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
    } rows[] = {
        {"x", 1},
        {"This is a letter, not a song. It is long enough to be looked at in earnest.", 75},
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16},
        {"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0", 24},
        {"\xff\xd8\xff\xe0\0\x10JFIF", 10},
        {"OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\7\x80theora", 35},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_source memory;
        memory_source_init(&memory, rows[i].bytes, rows[i].count);
        struct media_probe *found = NULL;
        char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
        assert_int_equal(probe(&memory, &found, text), ERROR_UNSUPPORTED);
        assert_true(text[0] != '\0');
        memory_source_deinit(&memory);
    }
}

#define MP3_FRAME_BYTES 417u /* 128 kbit/s at 44,100 Hz, unpadded */
#define MP3_FRAMES 20u

/* Silent frames of MP3, with a Xing header that counts `counted` bytes when that is not 0. */
static void make_mp3(uint8_t *bytes, uint32_t counted)
{
    memset(bytes, 0, (size_t)MP3_FRAMES * MP3_FRAME_BYTES);
    for (uint32_t i = 0; i < MP3_FRAMES; i++) {
        memcpy(bytes + i * MP3_FRAME_BYTES, "\xff\xfb\x90\x64", 4);
    }
    if (counted > 0) {
        memcpy(bytes + 36, "Xing\0\0\0\3\0\0\0\x13", 12);
        for (uint32_t i = 0; i < 4; i++) {
            bytes[48 + i] = (uint8_t)(counted >> (24 - 8 * i));
        }
    }
}

static void test_whole_mp3(void **state)
{
    static const struct {
        uint32_t counted; /* by the Xing header; 0 = there is none */
        uint32_t keep;    /* bytes of the file */
        bool tail;        /* an ID3v1 tag at the end */
        int error;
    } rows[] = {
        {0, MP3_FRAMES * MP3_FRAME_BYTES, false, 0},
        {0, MP3_FRAMES * MP3_FRAME_BYTES, true, 0},
        {0, MP3_FRAMES * MP3_FRAME_BYTES - 1, false, ERROR_TRUNCATED},
        {0, MP3_FRAMES * MP3_FRAME_BYTES - 300, false, ERROR_TRUNCATED},
        {MP3_FRAMES * MP3_FRAME_BYTES, MP3_FRAMES * MP3_FRAME_BYTES, false, 0},
        {MP3_FRAMES * MP3_FRAME_BYTES, 10 * MP3_FRAME_BYTES, false, ERROR_TRUNCATED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[MP3_FRAMES * MP3_FRAME_BYTES + 128];
        make_mp3(bytes, rows[i].counted);
        uint32_t count = rows[i].keep;
        if (rows[i].tail) {
            memset(bytes + count, 0, 128);
            memcpy(bytes + count, "TAGA song", 9);
            count += 128;
        }
        struct memory_source memory;
        memory_source_init(&memory, bytes, count);
        struct media_probe *found = NULL;
        char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
        assert_int_equal(probe(&memory, &found, text), rows[i].error);
        if (rows[i].error == 0) {
            assert_int_equal(found->file.codec, MEDIA_CODEC_MP3);
            assert_int_equal(found->file.rate_hz, 44100);
            assert_true(found->file.samples >= (MP3_FRAMES - 2) * 1152);
            assert_string_equal(found->tags.title, rows[i].tail ? "A song" : "");
            media_probe_free(found);
        }
        memory_source_deinit(&memory);
    }
}

static void test_source_errors_pass_through(void **state)
{
    (void)state;
    struct memory_source memory;
    memory_source_load(&memory, folder, album[0].name);
    memory_source_set_error(&memory, ERROR_IO);
    struct media_probe *found = NULL;
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
    assert_int_equal(probe(&memory, &found, text), ERROR_IO);
    assert_string_equal(text, "input/output error");
    memory_source_deinit(&memory);
}

static void test_sniff(void **state)
{
    static const struct {
        const char *head;
        uint32_t count;
        int error;
        enum media_container container;
        enum media_codec codec;
    } rows[] = {
        {"fLaC\0\0\0\x22", 8, 0, MEDIA_CONTAINER_FLAC, MEDIA_CODEC_FLAC},
        {"\0\0\0\x20"
         "ftypM4A ",
         12, 0, MEDIA_CONTAINER_MP4, MEDIA_CODEC_AAC},
        {"\xff\xfb\x90\x64", 4, 0, MEDIA_CONTAINER_MPEG, MEDIA_CODEC_MP3},
        {"\xff\xf1\x50\x80", 4, 0, MEDIA_CONTAINER_MPEG, MEDIA_CODEC_AAC},
        {"ID3\3\0\0\0\0\0\0", 10, 0, MEDIA_CONTAINER_MPEG, MEDIA_CODEC_MP3},
        {"\xff\xfe\x41\0", 4, ERROR_UNSUPPORTED, 0, 0}, /* UTF-16 text */
        {"\xff\xff\xff\xff", 4, ERROR_UNSUPPORTED, 0, 0},
        {"\xff", 1, ERROR_UNSUPPORTED, 0, 0},
        {"OggS", 4, ERROR_UNSUPPORTED, 0, 0},
        {"", 0, ERROR_UNSUPPORTED, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum media_container container = 0;
        enum media_codec codec = 0;
        assert_int_equal(
            media_sniff((const uint8_t *)rows[i].head, rows[i].count, &container, &codec),
            rows[i].error);
        assert_int_equal(container, rows[i].container);
        assert_int_equal(codec, rows[i].codec);
    }
}

/* Bytes that grow. */
struct sink {
    uint8_t *bytes;
    uint64_t count;
};

static int collect(void *context, const void *bytes, uint32_t count)
{
    struct sink *sink = context;
    sink->bytes = realloc(sink->bytes, sink->count + count);
    assert_non_null(sink->bytes);
    memcpy(sink->bytes + sink->count, bytes, count);
    sink->count += count;
    return 0;
}

static int refuse(void *context, const void *bytes, uint32_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    return ERROR_FULL;
}

static void test_remux_flac(void **state)
{
    (void)state;
    struct memory_source memory;
    memory_source_load(&memory, folder, "5-frere-jacques.flac");
    struct media_source source = memory_source_get(&memory);
    assert_int_equal(media_remux(&source, MEDIA_CONTAINER_FLAC, refuse, NULL), ERROR_FULL);
    struct sink sink = {0};
    assert_int_equal(media_remux(&source, MEDIA_CONTAINER_FLAC, collect, &sink), 0);
    struct media_probe *before = NULL;
    struct media_probe *after = NULL;
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
    assert_int_equal(probe(&memory, &before, text), 0);
    struct memory_source bare;
    memory_source_init(&bare, sink.bytes, sink.count);
    assert_int_equal(probe(&bare, &after, text), 0);
    assert_int_equal(sink.count, memory.count - before->picture_bytes - 4);
    assert_null(after->cover);
    assert_int_equal(after->picture_bytes, 0);
    assert_int_equal(after->file.samples, before->file.samples);
    assert_int_equal(after->file.track_gain, before->file.track_gain);
    assert_memory_equal(&after->tags, &before->tags, sizeof after->tags);
    /* The frames are the same bytes. */
    uint64_t tail = sink.count - 10000;
    assert_memory_equal(sink.bytes + 10000, memory.bytes + (memory.count - tail), tail);

    struct media_source again = memory_source_get(&bare);
    assert_int_equal(media_remux(&again, MEDIA_CONTAINER_FLAC, collect, &sink), ERROR_NOT_FOUND);
    media_probe_free(before);
    media_probe_free(after);
    memory_source_deinit(&bare);
    memory_source_deinit(&memory);
    free(sink.bytes);
}

static void test_remux_without_need(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct memory_source memory;
        memory_source_load(&memory, folder, album[i].name);
        struct media_source source = memory_source_get(&memory);
        if (!album[i].cover) {
            assert_int_equal(media_remux(&source, album[i].container, refuse, NULL),
                             ERROR_NOT_FOUND);
        }
        assert_int_equal(media_remux(&source, MEDIA_CONTAINER_MP4, refuse, NULL),
                         ERROR_UNSUPPORTED);
        memory_source_deinit(&memory);
    }
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_album),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_start_set_suffices),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_not_audio),
        cmocka_unit_test(test_whole_mp3),
        cmocka_unit_test(test_source_errors_pass_through),
        cmocka_unit_test(test_sniff),
        cmocka_unit_test(test_remux_flac),
        cmocka_unit_test(test_remux_without_need),
    };
    if (count != 2) {
        return 2;
    }
    folder = words[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
