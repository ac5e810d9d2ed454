/*
 * level.c: gain and look-ahead limiter.
 *
 * The limiter: a(n) is what sample n may be multiplied with, m(n) the least of a(n) to a(n + L - 1), r(n)
 * that least with a slow release, and g(n) the mean of r(n - L + 1) to r(n). Each of these r is at most
 * a(n), because its window holds n; so g(n) is, and no sample passes full scale. The mean makes the way
 * down a straight line of length L.
 */
#include "player/gst/level.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The least of the last L values: values that a later one does not undercut, ascending. */
struct least {
    double *values;
    uint64_t *places;
    uint32_t first, count, capacity;
};

struct level {
    struct media_pcm_info info;
    uint32_t ahead;      /* frames: L */
    double amplitude;    /* now */
    double target, step; /* where it goes, by so much a frame */
    bool is_limiting;    /* the limiter holds back what comes */
    float *held;         /* a ring of `ahead` frames, scaled; owned */
    uint64_t in, out;    /* frames into and out of the limiter */
    struct least least;  /* of a */
    double *means;       /* a ring of r; owned */
    double sum, release; /* of the ring; factor a frame */
    double last;         /* r of the frame before */
    uint8_t *buffer;     /* of what is given; owned */
    uint32_t buffer_frames;
};

/* --- samples -------------------------------------------------------------------------------------- */

static double full_scale(const struct level *level)
{
    switch (level->info.format) {
    case MEDIA_PCM_S16:
        return 32768.0;
    case MEDIA_PCM_S24_32:
        return 8388608.0;
    case MEDIA_PCM_S32:
        return 2147483648.0;
    case MEDIA_PCM_F32:
        break;
    }
    return 1.0;
}

static double read_sample(const struct level *level, const void *frames, size_t index)
{
    if (level->info.format == MEDIA_PCM_F32) {
        return (double)((const float *)frames)[index];
    }
    if (level->info.format == MEDIA_PCM_S16) {
        return ((const int16_t *)frames)[index] / full_scale(level);
    }
    return ((const int32_t *)frames)[index] / full_scale(level);
}

/* Integers are rounded, and 1.0 is their largest number. */
static void write_sample(const struct level *level, size_t index, double value)
{
    double scale = full_scale(level);
    if (level->info.format == MEDIA_PCM_F32) {
        ((float *)(void *)level->buffer)[index] = (float)value;
        return;
    }
    double number = rint(value * scale);
    number = number > scale - 1 ? scale - 1 : number;
    number = number < -scale ? -scale : number;
    if (level->info.format == MEDIA_PCM_S16) {
        ((int16_t *)(void *)level->buffer)[index] = (int16_t)number;
    } else {
        ((int32_t *)(void *)level->buffer)[index] = (int32_t)number;
    }
}

/* --- life ----------------------------------------------------------------------------------------- */

struct level *level_new(const struct media_pcm_info *info)
{
    struct level *level = calloc(1, sizeof *level);
    if (level == NULL) {
        return NULL;
    }
    level->info = *info;
    level->ahead = (uint32_t)time_scale(LEVEL_AHEAD_US, info->rate_hz, TIME_US_PER_S);
    level->ahead = level->ahead > 0 ? level->ahead : 1;
    level->release = 1.0 / ((double)LEVEL_RELEASE_US * info->rate_hz / TIME_US_PER_S);
    level->amplitude = level->target = 1.0;
    level->least.capacity = level->ahead;
    level->held = calloc((size_t)level->ahead * info->channels, sizeof *level->held);
    level->least.values = calloc(level->ahead, sizeof *level->least.values);
    level->least.places = calloc(level->ahead, sizeof *level->least.places);
    level->means = calloc(level->ahead, sizeof *level->means);
    if (level->held == NULL || level->least.values == NULL || level->least.places == NULL ||
        level->means == NULL) {
        level_free(level);
        return NULL;
    }
    level_flush(level);
    return level;
}

void level_free(struct level *level)
{
    if (level != NULL) {
        free(level->held);
        free(level->least.values);
        free(level->least.places);
        free(level->means);
        free(level->buffer);
        free(level);
    }
}

void level_flush(struct level *level)
{
    level->in = level->out = 0;
    level->least.first = level->least.count = 0;
    level->last = 1.0;
    level->sum = level->ahead;
    for (uint32_t i = 0; i < level->ahead; i++) {
        level->means[i] = 1.0;
    }
    level->is_limiting = false;
    level->amplitude = level->target;
}

void level_set(struct level *level, double amplitude, double peak)
{
    double frames = (double)time_scale(LEVEL_RAMP_US, level->info.rate_hz, TIME_US_PER_S);
    level->target = amplitude;
    level->step = (amplitude - level->amplitude) / (frames > 1 ? frames : 1);
    if (amplitude > 1.0 && amplitude * (peak > 0 ? peak : 1.0) > 1.0) {
        level->is_limiting = true;
    }
}

uint32_t level_held(const struct level *level)
{
    return (uint32_t)(level->in - level->out);
}

/* --- the limiter ------------------------------------------------------------------------------------ */

/* Adds a(place); returns the least of the last `capacity` ones. */
static double least_add(struct least *least, uint64_t place, double value)
{
    if (least->count > 0 && least->places[least->first] + least->capacity <= place) {
        least->first = (least->first + 1) % least->capacity;
        least->count--;
    }
    while (least->count > 0) {
        uint32_t last = (least->first + least->count - 1) % least->capacity;
        if (least->values[last] < value) {
            break;
        }
        least->count--;
    }
    uint32_t at = (least->first + least->count) % least->capacity;
    least->values[at] = value;
    least->places[at] = place;
    least->count++;
    return least->values[least->first];
}

/* The gain of the frame that leaves when this one, which allows `allowed`, comes in. */
static double next_gain(struct level *level, double allowed)
{
    double most = least_add(&level->least, level->in, allowed);
    double released = level->last + (1.0 - level->last) * level->release;
    level->last = most < released ? most : released;
    uint32_t at = (uint32_t)(level->in % level->ahead);
    level->sum += level->last - level->means[at];
    level->means[at] = level->last;
    return level->sum / level->ahead;
}

/* Takes one frame in (scaled samples, or NULL: silence behind the end), and gives the frame that stands
 * `ahead` - 1 before it, if there is one, as frame `to` of the buffer. */
static bool limit_frame(struct level *level, const float *frame, uint32_t to)
{
    uint32_t channels = level->info.channels;
    double peak = 0;
    for (uint32_t i = 0; frame != NULL && i < channels; i++) {
        peak = fabs((double)frame[i]) > peak ? fabs((double)frame[i]) : peak;
        level->held[(level->in % level->ahead) * channels + i] = frame[i];
    }
    double gain = next_gain(level, peak > 1.0 ? 1.0 / peak : 1.0);
    uint64_t leaves = level->in + 1 - level->ahead;
    bool is_one = level->in + 1 >= level->ahead;
    for (uint32_t i = 0; is_one && i < channels; i++) {
        double sample = (double)level->held[(leaves % level->ahead) * channels + i];
        double limited = sample * gain;
        limited = limited > 1.0 ? 1.0 : limited < -1.0 ? -1.0 : limited; /* rounding */
        write_sample(level, (size_t)to * channels + i, limited);
    }
    level->in++;
    return is_one;
}

/* --- frames ------------------------------------------------------------------------------------------- */

static bool make_room(struct level *level, uint32_t frames)
{
    if (frames <= level->buffer_frames) {
        return true;
    }
    size_t bytes =
        (size_t)frames * media_pcm_sample_bytes(level->info.format) * level->info.channels;
    uint8_t *buffer = realloc(level->buffer, bytes);
    if (buffer == NULL) {
        return false;
    }
    level->buffer = buffer;
    level->buffer_frames = frames;
    return true;
}

/* The amplitude of the next frame. */
static double advance(struct level *level)
{
    double left = level->target - level->amplitude;
    bool is_there = fabs(left) <= fabs(level->step) || level->step == 0;
    level->amplitude = is_there ? level->target : level->amplitude + level->step;
    return level->amplitude;
}

int level_frames(struct level *level, const void *frames, uint32_t count,
                 const uint8_t **ret_frames, uint32_t *ret_count)
{
    uint32_t channels = level->info.channels;
    float scaled[8];
    uint32_t given = 0;
    assert(channels <= 8);
    if (!level->is_limiting && level->amplitude == 1.0 && level->target == 1.0) {
        *ret_frames = frames;
        *ret_count = count;
        return 0;
    }
    if (!make_room(level, count)) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t n = 0; n < count; n++) {
        double amplitude = advance(level);
        for (uint32_t i = 0; i < channels; i++) {
            double sample = read_sample(level, frames, (size_t)n * channels + i) * amplitude;
            scaled[i] = (float)sample;
            if (!level->is_limiting) {
                write_sample(level, (size_t)n * channels + i, sample);
            }
        }
        given += !level->is_limiting || limit_frame(level, scaled, given) ? 1 : 0;
    }
    level->out += level->is_limiting ? given : 0;
    *ret_frames = level->buffer;
    *ret_count = given;
    return 0;
}

void level_drain(struct level *level, const uint8_t **ret_frames, uint32_t *ret_count)
{
    uint32_t held = level_held(level);
    uint32_t given = 0;
    *ret_count = 0;
    if (held > 0 && make_room(level, held)) {
        for (uint32_t i = 0; given < held && i < 2 * level->ahead; i++) {
            given += limit_frame(level, NULL, given) ? 1 : 0;
        }
        *ret_frames = level->buffer;
        *ret_count = given;
    }
    bool was_limiting = level->is_limiting;
    level_flush(level);
    level->is_limiting = was_limiting && level->target > 1.0;
}

/* --- how loud ------------------------------------------------------------------------------------------- */

double level_of_file(const struct media_file *file, bool of_album, double *ret_peak)
{
    int16_t gain = of_album ? file->album_gain : file->track_gain;
    if (gain == MEDIA_GAIN_UNKNOWN) {
        gain = of_album ? file->track_gain : file->album_gain;
    }
    *ret_peak = file->peak / 65536.0;
    if (gain == MEDIA_GAIN_UNKNOWN) {
        return 1.0;
    }
    double db = gain / 256.0;
    db = db > LEVEL_GAIN_DB_MAX ? LEVEL_GAIN_DB_MAX : db;
    return pow(10.0, db / 20.0);
}

double level_of_percent(uint32_t percent)
{
    double part = percent / 100.0;
    return part * part * part;
}
