/*
 * convert.c: GStreamer's audio converter behind two calls.
 *
 * Responsible for the count of frames: what a resampler holds back is pushed out with silence and
 * cut where the entry ends.
 */
#include "player/gst/convert.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <gst/audio/audio.h>
#include <stdlib.h>
#include <string.h>

/* Silence is pushed in pieces of this many frames; a resampler's tail is shorter. */
#define CONVERT_DRAIN_FRAMES 4096u

struct convert {
    GstAudioConverter *converter;
    struct media_pcm_info from, to;
    uint64_t in, out; /* frames so far */
    uint8_t *buffer;  /* out frames; owned */
    size_t capacity;  /* frames */
};

static GstAudioFormat format_of(enum media_pcm_format format)
{
    switch (format) {
    case MEDIA_PCM_S16:
        return GST_AUDIO_FORMAT_S16LE;
    case MEDIA_PCM_S24_32:
        return GST_AUDIO_FORMAT_S24_32LE;
    case MEDIA_PCM_S32:
        return GST_AUDIO_FORMAT_S32LE;
    case MEDIA_PCM_F32:
        break;
    }
    return GST_AUDIO_FORMAT_F32LE;
}

static void fill_info(const struct media_pcm_info *info, GstAudioInfo *ret_info)
{
    GstAudioChannelPosition positions[64];
    bool known = gst_audio_channel_positions_from_mask(
        info->channels, gst_audio_channel_get_fallback_mask(info->channels), positions);
    gst_audio_info_init(ret_info);
    gst_audio_info_set_format(ret_info, format_of(info->format), (gint)info->rate_hz,
                              info->channels, known ? positions : NULL);
}

static size_t frame_bytes(const struct media_pcm_info *info)
{
    return (size_t)media_pcm_sample_bytes(info->format) * info->channels;
}

int convert_new(const struct media_pcm_info *from, const struct media_pcm_info *to,
                struct convert **ret_convert)
{
    struct convert *convert = calloc(1, sizeof *convert);
    if (convert == NULL) {
        return ERROR_NO_MEMORY;
    }
    GstAudioInfo in, out;
    fill_info(from, &in);
    fill_info(to, &out);
    /* Without dither, as all that we write. */
    GstStructure *options =
        gst_structure_new("options", GST_AUDIO_CONVERTER_OPT_DITHER_METHOD,
                          GST_TYPE_AUDIO_DITHER_METHOD, GST_AUDIO_DITHER_NONE, NULL);
    convert->converter = gst_audio_converter_new(GST_AUDIO_CONVERTER_FLAG_NONE, &in, &out, options);
    if (convert->converter == NULL) {
        free(convert);
        return ERROR_UNSUPPORTED;
    }
    convert->from = *from;
    convert->to = *to;
    *ret_convert = convert;
    return 0;
}

void convert_free(struct convert *convert)
{
    if (convert == NULL) {
        return;
    }
    gst_audio_converter_free(convert->converter);
    free(convert->buffer);
    free(convert);
}

static int reserve(struct convert *convert, size_t frames)
{
    if (frames <= convert->capacity) {
        return 0;
    }
    uint8_t *buffer = realloc(convert->buffer, frames * frame_bytes(&convert->to));
    if (buffer == NULL) {
        return ERROR_NO_MEMORY;
    }
    convert->buffer = buffer;
    convert->capacity = frames;
    return 0;
}

/* frames may be NULL: silence. */
static int run(struct convert *convert, const void *frames, uint32_t count, uint32_t *ret_count)
{
    size_t out = gst_audio_converter_get_out_frames(convert->converter, count);
    int error = reserve(convert, out);
    if (error != 0) {
        return error;
    }
    if (out > 0 || frames != NULL) {
        union {
            const void *given;
            gpointer taken; /* GStreamer's prototype is not const, but it only reads */
        } source = {.given = frames};
        gpointer in[1] = {source.taken};
        gpointer to[1] = {convert->buffer};
        if (!gst_audio_converter_samples(convert->converter, GST_AUDIO_CONVERTER_FLAG_NONE,
                                         frames == NULL ? NULL : in, count, to, out)) {
            return ERROR_SYSTEM;
        }
    }
    *ret_count = (uint32_t)out;
    return 0;
}

/* Where the entry ends in the stream's frames: round half up. */
static uint64_t end_of(const struct convert *convert)
{
    return (time_scale(convert->in * 2, convert->to.rate_hz, convert->from.rate_hz) + 1) / 2;
}

int convert_frames(struct convert *convert, const void *frames, uint32_t count,
                   const uint8_t **ret_frames, uint32_t *ret_count)
{
    uint32_t out = 0;
    int error = run(convert, frames, count, &out);
    if (error != 0) {
        return error;
    }
    convert->in += count;
    convert->out += out;
    *ret_frames = convert->buffer;
    *ret_count = out;
    return 0;
}

void convert_drain(struct convert *convert, const uint8_t **ret_frames, uint32_t *ret_count)
{
    *ret_count = 0;
    uint64_t end = end_of(convert);
    uint32_t out = 0;
    if (convert->out >= end || run(convert, NULL, CONVERT_DRAIN_FRAMES, &out) != 0) {
        return;
    }
    uint64_t missing = end - convert->out;
    *ret_frames = convert->buffer;
    *ret_count = missing < out ? (uint32_t)missing : out;
    convert->out += *ret_count;
}
