/*
 * test_output.c: the mixing thread with decks made of numbers: order of events, gapless WAV files,
 * failures, seeks, formats that differ. The decks are this file's: deck.h's functions without
 * GStreamer behind them.
 */
#include "player/gst/output.h"

#include "common/error.h"
#include "media/gst/deck.h"
#include "media/gst/init.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define RATE 8000u
#define BLOCK 500u

/* --- decks: frame n of a track is the number 1000 * bitrate + n -------------------------------------- */

struct media_deck {
    struct media_file file;
    struct media_deck_config config;
    uint64_t at;
    int16_t frames[BLOCK];
    bool failed;
};

int media_gst_init(void)
{
    return 0;
}

int media_gst_warm(enum media_container container, enum media_codec codec)
{
    (void)container;
    (void)codec;
    return 0;
}

int media_gst_need(const char *element)
{
    (void)element;
    return ERROR_UNSUPPORTED; /* no audio device */
}

uint32_t media_pcm_sample_bytes(enum media_pcm_format format)
{
    return format == MEDIA_PCM_S16 ? 2 : 4;
}

int media_deck_open(const struct media_deck_config *config, struct media_deck **ret_deck)
{
    if (config->file->codec == MEDIA_CODEC_AAC) {
        return ERROR_UNSUPPORTED;
    }
    struct media_deck *deck = calloc(1, sizeof *deck);
    assert_non_null(deck);
    deck->file = *config->file;
    deck->config = *config;
    deck->at = config->position_us * RATE / 1000000;
    *ret_deck = deck;
    return 0;
}

void media_deck_close(struct media_deck *deck)
{
    free(deck);
}

enum media_deck_state media_deck_pull(struct media_deck *deck, uint32_t frames_max,
                                      uint64_t wait_us, struct media_pcm *ret_pcm)
{
    (void)wait_us;
    if (deck->at >= deck->file.samples) {
        return MEDIA_DECK_END;
    }
    if (deck->file.codec == MEDIA_CODEC_MP3 && deck->at >= deck->file.samples / 2) {
        deck->failed = true;
        return MEDIA_DECK_FAILED;
    }
    uint64_t left = deck->file.samples - deck->at;
    uint32_t count = left < BLOCK ? (uint32_t)left : BLOCK;
    count = count < frames_max ? count : frames_max;
    for (uint32_t i = 0; i < count; i++) {
        deck->frames[i] = (int16_t)(1000 * deck->file.bitrate_bps + deck->at + i);
    }
    *ret_pcm = (struct media_pcm){.frames = deck->frames, .count = count, .first_frame = deck->at};
    deck->at += count;
    return MEDIA_DECK_PCM;
}

bool media_deck_info(struct media_deck *deck, struct media_pcm_info *ret_info)
{
    *ret_info = (struct media_pcm_info){
        .format = MEDIA_PCM_S16, .channels = 1, .bits = 16, .rate_hz = deck->file.rate_hz};
    return true;
}

void media_deck_seek(struct media_deck *deck, uint64_t position_us)
{
    deck->at = position_us * RATE / 1000000;
}

int media_deck_error(struct media_deck *deck, char *ret_text)
{
    (void)ret_text;
    return deck->failed ? ERROR_MALFORMED : 0;
}

/* --- the listener ------------------------------------------------------------------------------------------ */

struct scene {
    struct output *output;
    char path[64];
    pthread_mutex_t mutex;
    pthread_cond_t posted;
    char told[4000];
    unsigned closed;
};

static void post(void *context, const struct output_event *event)
{
    static const char *const names[] = {"start",  "at",     "stall", "resume", "end",
                                        "failed", "closed", "null",  "broken"};
    struct scene *scene = context;
    pthread_mutex_lock(&scene->mutex);
    size_t used = strlen(scene->told);
    if (event->kind == OUTPUT_EVENT_CLOSED) {
        scene->closed++;
    } else if (event->kind != OUTPUT_EVENT_POSITION) {
        snprintf(scene->told + used, sizeof scene->told - used, "%s %u.", names[event->kind],
                 event->entry);
    }
    pthread_cond_signal(&scene->posted);
    pthread_mutex_unlock(&scene->mutex);
}

static struct scene *begin(enum output_kind kind, const char *path, bool fast)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    pthread_mutex_init(&scene->mutex, NULL);
    pthread_cond_init(&scene->posted, NULL);
    if (path != NULL) {
        snprintf(scene->path, sizeof scene->path, "%s", path);
    }
    const struct output_config config = {
        .kind = kind, .path = path, .fast = fast, .post = post, .context = scene};
    assert_int_equal(output_open(&config, &scene->output), 0);
    return scene;
}

/* Waits until what was told ends with this. */
static void wait_told(struct scene *scene, const char *end)
{
    pthread_mutex_lock(&scene->mutex);
    for (;;) {
        size_t length = strlen(scene->told);
        if (length >= strlen(end) && strcmp(scene->told + length - strlen(end), end) == 0) {
            break;
        }
        pthread_cond_wait(&scene->posted, &scene->mutex);
    }
    pthread_mutex_unlock(&scene->mutex);
}

static void finish(struct scene *scene, const char *told, unsigned closed)
{
    assert_int_equal(output_free(scene->output), 0);
    assert_string_equal(scene->told, told);
    assert_int_equal(scene->closed, closed);
    pthread_cond_destroy(&scene->posted);
    pthread_mutex_destroy(&scene->mutex);
    free(scene);
}

static struct output_track track(uint32_t entry, uint64_t samples, enum media_codec codec,
                                 uint32_t rate)
{
    return (struct output_track){
        .entry = entry,
        .file = {.codec = codec, .samples = samples, .bitrate_bps = entry, .rate_hz = rate},
        .source = {.bytes = 1}};
}

static char *temporary(void)
{
    static char path[] = "/tmp/refrain-output-XXXXXX";
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    return path;
}

/* Reads the file's samples; how many. */
static size_t read_samples(const char *path, int16_t *ret_samples, size_t most)
{
    uint8_t header[44];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    size_t count = fread(ret_samples, 2, most, file);
    fclose(file);
    assert_memory_equal(header, "RIFF", 4);
    uint32_t data_bytes;
    memcpy(&data_bytes, header + 40, 4);
    assert_int_equal(data_bytes, count * 2);
    unlink(path);
    return count;
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void test_join(void **state)
{
    (void)state;
    static int16_t samples[10000];
    struct scene *scene = begin(OUTPUT_WAV, temporary(), false);
    struct output_track one = track(1, 1234, MEDIA_CODEC_FLAC, RATE);
    struct output_track two = track(2, 777, MEDIA_CODEC_FLAC, RATE);
    assert_int_equal(output_switch(scene->output, &one, 1), 0);
    assert_int_equal(output_prepare(scene->output, &two), 0);
    wait_told(scene, "end 2.");
    char path[64];
    memcpy(path, scene->path, sizeof path);
    finish(scene, "start 1.end 1.start 2.end 2.", 2);
    assert_int_equal(read_samples(path, samples, 10000), 1234 + 777);
    for (int i = 0; i < 1234; i++) {
        assert_int_equal(samples[i], 1000 + i);
    }
    for (int i = 0; i < 777; i++) {
        assert_int_equal(samples[1234 + i], 2000 + i);
    }
}

static void test_failures(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_NULL, NULL, true);
    struct output_track unsupported = track(1, 1000, MEDIA_CODEC_AAC, RATE);
    struct output_track damaged = track(2, 1000, MEDIA_CODEC_MP3, RATE);
    struct output_track good = track(3, 1000, MEDIA_CODEC_FLAC, RATE);
    assert_int_equal(output_switch(scene->output, &unsupported, 1), 0);
    assert_int_equal(output_prepare(scene->output, &damaged), 0);
    assert_int_equal(output_prepare(scene->output, &good), 0);
    wait_told(scene, "end 3.");
    finish(scene, "failed 1.start 2.failed 2.start 3.end 3.", 3);
}

static void test_real_time_and_pause(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_NULL, NULL, false);
    struct output_track one = track(1, RATE / 4, MEDIA_CODEC_FLAC, RATE);
    struct output_track two = track(2, RATE / 4, MEDIA_CODEC_FLAC, RATE);
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    output_switch(scene->output, &one, 1);
    output_prepare(scene->output, &two);
    wait_told(scene, "start 1.");
    output_set_paused(scene->output, true);
    output_set_paused(scene->output, false);
    wait_told(scene, "end 2.");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    long took_ms = (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
    assert_true(took_ms >= 495);
    finish(scene, "start 1.end 1.start 2.end 2.", 2);
}

/* Nothing ever sounded, so that there is no sink: it is told all the same. */
static void test_only_failures(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_NULL, NULL, false);
    struct output_track unsupported = track(1, 1000, MEDIA_CODEC_AAC, RATE);
    assert_int_equal(output_switch(scene->output, &unsupported, 1), 0);
    wait_told(scene, "failed 1.");
    finish(scene, "failed 1.", 1);
}

/* A seek keeps the deck, another entry does not; what was prepared is forgotten. */
static void test_switch(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_NULL, NULL, false);
    struct output_track one = track(1, 100 * RATE, MEDIA_CODEC_FLAC, RATE);
    struct output_track two = track(2, RATE / 10, MEDIA_CODEC_FLAC, RATE);
    output_switch(scene->output, &one, 1);
    output_prepare(scene->output, &two);
    wait_told(scene, "start 1.");
    one.position_us = 99950000; /* 50 ms before the end */
    output_switch(scene->output, &one, 2);
    wait_told(scene, "start 1.end 1.");
    output_switch(scene->output, &two, 3);
    wait_told(scene, "end 2.");
    output_silence(scene->output);
    finish(scene, "start 1.start 1.end 1.start 2.end 2.", 4);
}

static void test_no_device(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_AUTO, NULL, false);
    struct output_track one = track(1, RATE / 100, MEDIA_CODEC_FLAC, RATE);
    output_switch(scene->output, &one, 1);
    wait_told(scene, "end 1.");
    finish(scene, "null 0.start 1.end 1.", 1);
}

static void test_broken(void **state)
{
    (void)state;
    struct scene *scene = begin(OUTPUT_WAV, "/nowhere/at/all.wav", false);
    struct output_track one = track(1, 1000, MEDIA_CODEC_FLAC, RATE);
    output_switch(scene->output, &one, 1);
    wait_told(scene, "broken 0.");
    output_switch(scene->output, &one, 2); /* silence, but its source is given back */
    finish(scene, "broken 0.", 2);
}

/* Twice the rate: half the frames, exactly. */
static void test_other_rate(void **state)
{
    (void)state;
    static int16_t samples[20000];
    struct scene *scene = begin(OUTPUT_WAV, temporary(), false);
    struct output_track one = track(1, 4000, MEDIA_CODEC_FLAC, RATE);
    struct output_track two = track(2, 4001, MEDIA_CODEC_FLAC, 2 * RATE);
    output_switch(scene->output, &one, 1);
    output_prepare(scene->output, &two);
    wait_told(scene, "end 2.");
    char path[64];
    memcpy(path, scene->path, sizeof path);
    finish(scene, "start 1.end 1.start 2.end 2.", 2);
    assert_int_equal(read_samples(path, samples, 20000), 4000 + 2001);
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind; /* -1 = malformed */
        const char *path;
    } cases[] = {
        {"auto", OUTPUT_AUTO, NULL}, {"null", OUTPUT_NULL, NULL}, {"wav:a:b", OUTPUT_WAV, "a:b"},
        {"wav:", -1, NULL},          {"wav", -1, NULL},           {"", -1, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum output_kind kind = OUTPUT_NULL;
        const char *path = NULL;
        int error = output_kind_parse(cases[i].text, &kind, &path);
        assert_int_equal(error, cases[i].kind < 0 ? ERROR_MALFORMED : 0);
        if (cases[i].kind >= 0) {
            assert_int_equal((int)kind, cases[i].kind);
        }
        if (cases[i].path != NULL) {
            assert_string_equal(path, cases[i].path);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),          cmocka_unit_test(test_failures),
        cmocka_unit_test(test_only_failures), cmocka_unit_test(test_real_time_and_pause),
        cmocka_unit_test(test_switch),        cmocka_unit_test(test_no_device),
        cmocka_unit_test(test_broken),        cmocka_unit_test(test_other_rate),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
