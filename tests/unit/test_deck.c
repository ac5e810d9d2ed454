/*
 * test_deck.c: decks over the sample album: exact frames, seeks, bounds, and every way to end.
 *
 * "Whole" is the track decoded from its start; whatever a deck gives at frame n must be what the
 * whole has there. argv[1] is the album's folder.
 */
#include "common/error.h"
#include "media/gst/deck.h"
#include "media/gst/probe.h"
#include "tests/lib/memory_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PULL_FRAMES 4096u

static const char *folder;

static const char *const tracks[] = {"3-greensleeves.ogg", "4-drowsy-maggie.opus",
                                     "5-frere-jacques.flac"};
#define TRACKS (sizeof tracks / sizeof tracks[0])

/* A track, and all its PCM. */
struct whole {
    struct memory_source memory;
    struct media_file file;
    uint8_t *pcm; /* owned */
    uint64_t frames;
    uint32_t frame_bytes;
};

static struct media_deck *open_deck_on(struct whole *whole, struct memory_source *memory,
                                       uint64_t position_us)
{
    struct media_deck_config config = {
        .file = &whole->file, .source = memory_source_get(memory), .position_us = position_us};
    struct media_deck *deck = NULL;
    assert_int_equal(media_deck_open(&config, &deck), 0);
    return deck;
}

static struct media_deck *open_deck(struct whole *whole, uint64_t position_us, uint64_t ahead_us)
{
    struct media_deck_config config = {.file = &whole->file,
                                       .source = memory_source_get(&whole->memory),
                                       .position_us = position_us,
                                       .ahead_us = ahead_us};
    struct media_deck *deck = NULL;
    assert_int_equal(media_deck_open(&config, &deck), 0);
    return deck;
}

static enum media_deck_state pull(struct media_deck *deck, struct media_pcm *ret_pcm)
{
    return media_deck_pull(deck, PULL_FRAMES, MEDIA_DECK_WAIT_FOREVER, ret_pcm);
}

static void load(struct whole *whole, const char *name)
{
    *whole = (struct whole){0};
    memory_source_load(&whole->memory, folder, name);
    struct media_source source = memory_source_get(&whole->memory);
    struct media_probe_options options = {.skip_gain = true};
    struct media_probe *probe = NULL;
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
    assert_int_equal(media_probe(&source, &options, &probe, text), 0);
    whole->file = probe->file;
    media_probe_free(probe);

    struct media_deck *deck = open_deck(whole, 0, 0);
    struct media_pcm pcm;
    enum media_deck_state state;
    while ((state = pull(deck, &pcm)) == MEDIA_DECK_PCM) {
        struct media_pcm_info info;
        assert_true(media_deck_info(deck, &info));
        if (whole->pcm == NULL) {
            whole->frame_bytes = media_pcm_sample_bytes(info.format) * info.channels;
            whole->pcm = malloc(whole->file.samples * whole->frame_bytes);
            assert_non_null(whole->pcm);
        }
        assert_int_equal(pcm.first_frame, whole->frames);
        assert_true(pcm.count > 0 && pcm.count <= PULL_FRAMES);
        assert_true(whole->frames + pcm.count <= whole->file.samples);
        memcpy(whole->pcm + whole->frames * whole->frame_bytes, pcm.frames,
               (size_t)pcm.count * whole->frame_bytes);
        whole->frames += pcm.count;
    }
    assert_int_equal(state, MEDIA_DECK_END);
    assert_int_equal(whole->frames, whole->file.samples);
    assert_int_equal(pull(deck, &pcm), MEDIA_DECK_END); /* it stays */
    media_deck_close(deck);
}

static void unload(struct whole *whole)
{
    free(whole->pcm);
    memory_source_deinit(&whole->memory);
}

/* What an Opus decoder gives behind a seek converges to what it would have given; half a second of
 * settling leaves at most the last bit. Everything else is equal. */
static void assert_equals_whole(const struct whole *whole, const struct media_pcm *pcm)
{
    assert_true(pcm->first_frame + pcm->count <= whole->frames);
    const uint8_t *expected = whole->pcm + pcm->first_frame * whole->frame_bytes;
    size_t bytes = (size_t)pcm->count * whole->frame_bytes;
    if (whole->file.codec != MEDIA_CODEC_OPUS) {
        assert_memory_equal(pcm->frames, expected, bytes);
        return;
    }
    for (size_t i = 0; i < bytes / sizeof(int16_t); i++) {
        int16_t got = ((const int16_t *)pcm->frames)[i];
        int16_t wanted = 0;
        memcpy(&wanted, expected + i * sizeof wanted, sizeof wanted);
        assert_true(abs(got - wanted) <= 1);
    }
}

/* Pulls `frames` (or up to the end) and compares; the first must be `first`. Returns how many. */
static uint64_t compare(struct media_deck *deck, const struct whole *whole, uint64_t first,
                        uint64_t frames)
{
    uint64_t done = 0;
    while (done < frames) {
        struct media_pcm pcm;
        enum media_deck_state state = pull(deck, &pcm);
        if (state == MEDIA_DECK_END) {
            assert_int_equal(first + done, whole->frames);
            break;
        }
        assert_int_equal(state, MEDIA_DECK_PCM);
        assert_int_equal(pcm.first_frame, first + done);
        assert_equals_whole(whole, &pcm);
        done += pcm.count;
    }
    return done;
}

static void test_frame_at(void **state)
{
    static const struct {
        uint64_t position_us;
        uint32_t rate_hz;
        uint64_t frame;
    } rows[] = {
        {0, 44100, 0},
        {1000000, 44100, 44100},
        {11, 44100, 0},
        {12, 44100, 1},
        {UINT64_C(86400000000), 192000, UINT64_C(16588800000)},
        {500000, 1, 1},
        {499999, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(media_frame_at(rows[i].position_us, rows[i].rate_hz), rows[i].frame);
    }
}

/* Positions in thousandths of the length: opening there, and seeking there, give the same frames
 * as the whole. */
static void test_positions(void **state)
{
    static const uint32_t per_mille[] = {0, 1, 7, 500, 333, 999, 250, 42};
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        uint64_t length_us = media_file_duration_us(&whole.file);
        struct memory_source other;
        memory_source_init(&other, whole.memory.bytes, whole.memory.count);
        struct media_deck *sought = open_deck_on(&whole, &other, 0);
        for (size_t j = 0; j < sizeof per_mille / sizeof per_mille[0]; j++) {
            uint64_t position_us = length_us * per_mille[j] / 1000;
            uint64_t frame = media_frame_at(position_us, whole.file.rate_hz);
            struct media_deck *opened = open_deck(&whole, position_us, 0);
            assert_true(compare(opened, &whole, frame, 50000) > 0);
            media_deck_close(opened);
            media_deck_seek(sought, position_us);
            assert_true(compare(sought, &whole, frame, 50000) > 0);
        }
        media_deck_close(sought);
        memory_source_deinit(&other);
        unload(&whole);
    }
}

static void test_seek_to_the_edges(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        uint64_t rate_hz = whole.file.rate_hz;
        uint64_t last_us = (whole.frames - 1) * 1000000 / rate_hz + 1;
        struct media_deck *deck = open_deck(&whole, last_us, 0);
        struct media_pcm pcm;
        assert_int_equal(compare(deck, &whole, media_frame_at(last_us, whole.file.rate_hz), 10), 1);
        assert_int_equal(pull(deck, &pcm), MEDIA_DECK_END);
        /* Back from the end, past the end, and back from there. */
        media_deck_seek(deck, 0);
        assert_int_equal(compare(deck, &whole, 0, 20000) >= 20000, 1);
        media_deck_seek(deck, UINT64_C(1) << 40);
        assert_int_equal(pull(deck, &pcm), MEDIA_DECK_END);
        media_deck_seek(deck, 1000000);
        assert_int_equal(compare(deck, &whole, rate_hz, UINT64_MAX), whole.frames - rate_hz);
        media_deck_close(deck);
        deck = open_deck(&whole, UINT64_C(1) << 40, 0);
        assert_int_equal(pull(deck, &pcm), MEDIA_DECK_END);
        media_deck_close(deck);
        unload(&whole);
    }
}

/* Only the last of several seeks counts, whatever the earlier ones were doing. */
static void test_seeks_replace_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        struct media_deck *deck = open_deck(&whole, 5000000, 0);
        for (uint32_t j = 0; j < 40; j++) {
            media_deck_seek(deck, (j * 7919u) % 20000u * 1000u);
            if (j % 8 == 0) {
                assert_true(
                    compare(deck, &whole,
                            media_frame_at((j * 7919u) % 20000u * 1000u, whole.file.rate_hz),
                            100) > 0);
            }
        }
        media_deck_seek(deck, 3000000);
        assert_true(compare(deck, &whole, whole.file.rate_hz * UINT64_C(3), 100000) >= 100000);
        media_deck_close(deck);
        unload(&whole);
    }
}

static void test_two_decks_at_once(void **state)
{
    (void)state;
    struct whole wholes[2];
    struct media_deck *decks[2];
    uint64_t done[2] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        load(&wholes[i], tracks[i]);
        decks[i] = open_deck(&wholes[i], 0, 0);
    }
    for (bool going = true; going;) {
        going = false;
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t count = compare(decks[i], &wholes[i], done[i], 1);
            done[i] += count;
            going = going || count > 0;
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(done[i], wholes[i].frames);
        media_deck_close(decks[i]);
        unload(&wholes[i]);
    }
}

/* A deck that nobody pulls from decodes as far as it may, and reads no further. */
static void test_ahead_is_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        whole.memory.read_bytes = 0;
        struct media_deck *deck = open_deck(&whole, 0, 500000);
        media_deck_wait_full(deck);
        uint64_t ready = media_deck_ready_frames(deck);
        /* Vorbis' first page is decoded whole; it has less than two seconds. */
        assert_true(ready > whole.file.rate_hz / 2 && ready < whole.file.rate_hz * UINT64_C(2));
        struct media_pcm pcm;
        assert_int_equal(media_deck_pull(deck, 16, 0, &pcm), MEDIA_DECK_PCM);
        assert_int_equal(pcm.count, 16);
        assert_int_equal(media_deck_ready_frames(deck), ready - 16);
        media_deck_close(deck);
        assert_true(whole.memory.read_bytes < whole.memory.count / 2);
        unload(&whole);
    }
}

struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t rung;
    uint32_t count;
};

static void ring(void *context)
{
    struct bell *bell = context;
    (void)pthread_mutex_lock(&bell->mutex);
    bell->count++;
    (void)pthread_cond_broadcast(&bell->rung);
    (void)pthread_mutex_unlock(&bell->mutex);
}

static void wait_for_ring(struct bell *bell, uint32_t count)
{
    (void)pthread_mutex_lock(&bell->mutex);
    while (bell->count < count) {
        (void)pthread_cond_wait(&bell->rung, &bell->mutex);
    }
    (void)pthread_mutex_unlock(&bell->mutex);
}

/* A consumer that never blocks: it sleeps on the bell, and each WAIT is answered by one. */
static void test_wakes(void **state)
{
    (void)state;
    struct whole whole;
    load(&whole, tracks[0]);
    struct bell bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct media_deck_config config = {.file = &whole.file,
                                       .source = memory_source_get(&whole.memory),
                                       .wake = ring,
                                       .context = &bell};
    struct media_deck *deck = NULL;
    assert_int_equal(media_deck_open(&config, &deck), 0);
    uint64_t done = 0;
    for (uint32_t rings = 0;;) {
        struct media_pcm pcm;
        enum media_deck_state now = media_deck_pull(deck, UINT32_MAX, 0, &pcm);
        if (now == MEDIA_DECK_END) {
            break;
        }
        if (now == MEDIA_DECK_WAIT) {
            wait_for_ring(&bell, ++rings);
            continue;
        }
        assert_int_equal(now, MEDIA_DECK_PCM);
        assert_equals_whole(&whole, &pcm);
        done += pcm.count;
    }
    assert_int_equal(done, whole.frames);
    assert_true(bell.count > 0);
    media_deck_close(deck);
    unload(&whole);
}

/* Bytes that do not come: pulls wait or return, close and seek do not care. */
static void test_waiting_for_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        memory_source_block_from(&whole.memory, 0);
        struct media_deck *deck = open_deck(&whole, i == 0 ? 0 : 2000000, 0);
        memory_source_wait_for_reader(&whole.memory);
        struct media_pcm pcm;
        assert_int_equal(media_deck_pull(deck, PULL_FRAMES, 0, &pcm), MEDIA_DECK_WAIT);
        assert_int_equal(media_deck_pull(deck, PULL_FRAMES, 1000, &pcm), MEDIA_DECK_WAIT);
        media_deck_seek(deck, 1000000);
        memory_source_block_from(&whole.memory, UINT64_MAX);
        assert_true(compare(deck, &whole, whole.file.rate_hz, 1000) > 0);
        memory_source_block_from(&whole.memory, 0);
        media_deck_seek(deck, 15000000); /* the seek itself reads */
        memory_source_wait_for_reader(&whole.memory);
        media_deck_seek(deck, 16000000);
        memory_source_block_from(&whole.memory, UINT64_MAX);
        assert_true(compare(deck, &whole, whole.file.rate_hz * UINT64_C(16), 1000) > 0);
        memory_source_block_from(&whole.memory, 0);
        media_deck_seek(deck, 20000000);
        memory_source_wait_for_reader(&whole.memory);
        media_deck_close(deck); /* returns */
        unload(&whole);
    }
}

/* A read that says "cancelled" though nobody cancelled it. */
static int cancelled_read(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    (void)context;
    (void)offset;
    (void)buffer;
    (void)bytes;
    return ERROR_CANCELLED;
}

static void test_stray_cancel(void **state)
{
    (void)state;
    struct whole whole;
    load(&whole, tracks[0]);
    struct media_deck_config config = {
        .file = &whole.file, .source = {.bytes = whole.memory.count, .read_at = cancelled_read}};
    struct media_deck *deck = NULL;
    assert_int_equal(media_deck_open(&config, &deck), 0);
    struct media_pcm pcm;
    assert_int_equal(pull(deck, &pcm), MEDIA_DECK_FAILED);
    assert_int_equal(media_deck_error(deck, NULL), ERROR_CLOSED);
    media_deck_close(deck);
    unload(&whole);
}

static void assert_fails(struct whole *whole, int error)
{
    struct media_deck *deck = open_deck(whole, 0, 0);
    struct media_pcm pcm;
    enum media_deck_state state;
    while ((state = pull(deck, &pcm)) == MEDIA_DECK_PCM) {
    }
    assert_int_equal(state, MEDIA_DECK_FAILED);
    char text[MEDIA_DECK_ERROR_TEXT_BYTES] = "";
    assert_int_equal(media_deck_error(deck, text), error);
    assert_true(text[0] != '\0');
    assert_int_equal(pull(deck, &pcm), MEDIA_DECK_FAILED); /* it stays */
    media_deck_close(deck);
}

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACKS; i++) {
        struct whole whole;
        load(&whole, tracks[i]);
        memory_source_set_error(&whole.memory, ERROR_OFFLINE);
        assert_fails(&whole, ERROR_OFFLINE);
        memory_source_set_error(&whole.memory, 0);

        whole.file.samples += 1; /* the manifest promises more than there is */
        assert_fails(&whole, ERROR_TRUNCATED);
        whole.file.samples -= 1;

        whole.file.channels = 1;
        assert_fails(&whole, ERROR_MALFORMED);
        whole.file.channels = 2;

        memset(whole.memory.bytes, 0x55, whole.memory.count);
        struct media_deck *deck = open_deck(&whole, 0, 0);
        struct media_pcm pcm;
        assert_int_equal(pull(deck, &pcm), MEDIA_DECK_FAILED);
        media_deck_close(deck);
        unload(&whole);
    }
}

/* A source that fails in the middle: what came before it is given, then the failure. */
static void test_failure_in_the_middle(void **state)
{
    (void)state;
    struct whole whole;
    load(&whole, tracks[0]);
    struct media_deck *deck = open_deck(&whole, 0, 0);
    media_deck_wait_full(deck);
    memory_source_set_error(&whole.memory, ERROR_NOT_FOUND);
    uint64_t ready = media_deck_ready_frames(deck);
    assert_true(compare(deck, &whole, 0, ready) >= ready);
    struct media_pcm pcm;
    enum media_deck_state now;
    while ((now = pull(deck, &pcm)) == MEDIA_DECK_PCM) {
        assert_equals_whole(&whole, &pcm);
    }
    assert_int_equal(now, MEDIA_DECK_FAILED);
    assert_int_equal(media_deck_error(deck, NULL), ERROR_NOT_FOUND);
    media_deck_close(deck);
    unload(&whole);
}

static void test_unknown_chain(void **state)
{
    (void)state;
    struct whole whole;
    load(&whole, tracks[0]);
    whole.file.container = MEDIA_CONTAINER_FLAC;
    struct media_deck_config config = {.file = &whole.file,
                                       .source = memory_source_get(&whole.memory)};
    struct media_deck *deck = NULL;
    assert_int_equal(media_deck_open(&config, &deck), ERROR_UNSUPPORTED);
    assert_null(deck);
    media_deck_close(NULL);
    unload(&whole);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_at),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_seek_to_the_edges),
        cmocka_unit_test(test_seeks_replace_each_other),
        cmocka_unit_test(test_two_decks_at_once),
        cmocka_unit_test(test_ahead_is_bounded),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_waiting_for_bytes),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failure_in_the_middle),
        cmocka_unit_test(test_stray_cancel),
        cmocka_unit_test(test_unknown_chain),
    };
    if (count != 2) {
        return 2;
    }
    folder = words[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
