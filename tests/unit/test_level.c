/*
 * test_level.c: nothing is changed at full volume, nothing clips, no frame is added or lost.
 */
#include "player/gst/level.h"

#include "common/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RATE 48000u
#define FRAMES 24000u

uint32_t media_pcm_sample_bytes(enum media_pcm_format format)
{
    return format == MEDIA_PCM_S16 ? 2 : 4;
}

static const struct media_pcm_info stereo16 = {MEDIA_PCM_S16, 2, 16, RATE};
static const struct media_pcm_info mono_float = {MEDIA_PCM_F32, 1, 0, RATE};

/* Pushes all in pieces of `piece` frames, drains, gives the output; owned by the caller. */
static uint8_t *run(struct level *level, const void *frames, uint32_t count, uint32_t frame_bytes,
                    uint32_t piece)
{
    uint8_t *all = malloc((size_t)count * frame_bytes);
    const uint8_t *out;
    uint32_t given = 0;
    uint32_t done = 0;
    assert_non_null(all);
    for (uint32_t at = 0; at < count; at += piece) {
        uint32_t now = count - at < piece ? count - at : piece;
        assert_int_equal(level_frames(level, (const uint8_t *)frames + (size_t)at * frame_bytes,
                                      now, &out, &given),
                         0);
        assert_true(done + given <= count);
        memcpy(all + (size_t)done * frame_bytes, out, (size_t)given * frame_bytes);
        done += given;
        assert_int_equal(done + level_held(level), at + now);
    }
    level_drain(level, &out, &given);
    assert_int_equal(done + given, count);
    if (given > 0) {
        memcpy(all + (size_t)done * frame_bytes, out, (size_t)given * frame_bytes);
    }
    assert_int_equal(level_held(level), 0);
    return all;
}

static int16_t *noise(uint32_t samples, uint64_t seed)
{
    struct prng prng;
    int16_t *frames = calloc(samples, sizeof *frames);
    assert_non_null(frames);
    prng_init(&prng, seed);
    for (uint32_t i = 0; i < samples; i++) {
        frames[i] = (int16_t)((int32_t)prng_below(&prng, 65536) - 32768);
    }
    return frames;
}

static void test_full_volume_is_bit_for_bit(void **state)
{
    (void)state;
    int16_t *frames = noise(2 * FRAMES, 1);
    struct level *level = level_new(&stereo16);
    level_set(level, level_of_percent(100), 0);
    uint8_t *out = run(level, frames, FRAMES, 4, 700);
    assert_memory_equal(out, frames, FRAMES * 4);
    free(out);
    level_set(level, 0.5, 0);
    level_flush(level);
    level_set(level, 1.0, 0);
    level_flush(level); /* back: bit for bit again */
    out = run(level, frames, FRAMES, 4, 700);
    assert_memory_equal(out, frames, FRAMES * 4);
    free(out);
    free(frames);
    level_free(level);
}

static void test_quieter(void **state)
{
    (void)state;
    int16_t *frames = noise(2 * FRAMES, 2);
    struct level *level = level_new(&stereo16);
    level_set(level, 0.25, 0);
    uint8_t *out = run(level, frames, FRAMES, 4, 333);
    const int16_t *samples = (const int16_t *)(const void *)out;
    for (uint32_t i = 2 * 2000; i < 2 * FRAMES; i++) { /* behind the ramp */
        assert_true(fabs(samples[i] - frames[i] * 0.25) <= 0.5);
    }
    int32_t steepest = 0;
    for (uint32_t i = 0; i < 2 * 960; i++) {
        assert_true(abs(samples[i]) <= abs(frames[i]));
        steepest = abs(samples[i]) > steepest ? abs(samples[i]) : steepest;
    }
    assert_true(steepest > 16000); /* it is no step */
    free(out);
    free(frames);
    level_free(level);
}

/* A tone at -1 dB with 12 dB more: no sample passes full scale, and the tone keeps its form. */
static void test_nothing_clips(void **state)
{
    (void)state;
    float *frames = calloc(FRAMES, sizeof *frames);
    struct level *level = level_new(&mono_float);
    double amplitude = pow(10, 12 / 20.0);
    assert_non_null(frames);
    for (uint32_t i = 0; i < FRAMES; i++) {
        double loud = i > 6000 && i < 12000 ? 0.9 : 0.1;
        frames[i] = (float)(loud * sin(i * 0.13));
    }
    level_set(level, amplitude, 0);
    level_flush(level);
    level_set(level, amplitude, 0);
    uint8_t *out = run(level, frames, FRAMES, 4, 480);
    const float *samples = (const float *)(const void *)out;
    double highest = 0;
    double steepest = 0;
    for (uint32_t i = 1; i < FRAMES; i++) {
        highest = fabs((double)samples[i]) > highest ? fabs((double)samples[i]) : highest;
        double before = fabs((double)frames[i - 1]) > 0.02 && fabs((double)frames[i]) > 0.02
                            ? (double)samples[i - 1] / (double)frames[i - 1]
                            : 0;
        double change = before != 0 ? fabs((double)samples[i] / (double)frames[i] - before) : 0;
        steepest = change > steepest ? change : steepest;
    }
    assert_true(highest <= 1.0);
    assert_true(highest > 0.95);  /* and not turned down for nothing */
    assert_true(steepest < 0.05); /* of a gain of 4: it glides */
    assert_true(fabs((double)samples[3000] - (double)frames[3000] * amplitude) < 1e-3);
    free(out);
    free(frames);
    level_free(level);
}

static void test_noise_never_clips(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        int16_t *frames = noise(2 * FRAMES, seed);
        struct level *level = level_new(&stereo16);
        level_set(level, 1.0 + 0.4 * (double)seed, 0);
        uint8_t *out = run(level, frames, FRAMES, 4, (uint32_t)(100 * seed + 1));
        free(out); /* run has counted the frames; integers can't pass full scale: they saturate */
        level_free(level);
        free(frames);
    }
}

/* Enough headroom is known: the limiter stays out of it, nothing is held back. */
static void test_known_peak(void **state)
{
    (void)state;
    float frame = 0.25f;
    const uint8_t *out;
    uint32_t given;
    struct level *level = level_new(&mono_float);
    level_set(level, 2.0, 0.5);
    assert_int_equal(level_frames(level, &frame, 1, &out, &given), 0);
    assert_int_equal(given, 1);
    assert_int_equal(level_held(level), 0);
    level_set(level, 2.0, 0.6);
    assert_int_equal(level_frames(level, &frame, 1, &out, &given), 0);
    assert_int_equal(given, 0);
    assert_int_equal(level_held(level), 1);
    level_free(level);
}

static void test_of_file(void **state)
{
    (void)state;
    double peak = -1;
    struct media_file file = {
        .track_gain = -6 * 256, .album_gain = MEDIA_GAIN_UNKNOWN, .peak = 32768};
    assert_true(fabs(level_of_file(&file, false, &peak) - 0.50119) < 1e-4);
    assert_true(fabs(level_of_file(&file, true, &peak) - 0.50119) < 1e-4);
    assert_true(peak == 0.5);
    file.track_gain = MEDIA_GAIN_UNKNOWN;
    assert_true(level_of_file(&file, true, &peak) == 1.0);
    file.album_gain = 100 * 256;
    assert_true(level_of_file(&file, true, &peak) == 10.0); /* no gain is believed beyond 20 dB */
    assert_true(level_of_percent(100) == 1.0 && level_of_percent(0) == 0.0);
    assert_true(level_of_percent(50) == 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_volume_is_bit_for_bit),
        cmocka_unit_test(test_quieter),
        cmocka_unit_test(test_nothing_clips),
        cmocka_unit_test(test_noise_never_clips),
        cmocka_unit_test(test_known_peak),
        cmocka_unit_test(test_of_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
