/*
 * probe.c: looks at the layout, then lets a deck decode the whole file over a recorder.
 *
 * Happy path: layout -> deck fills three seconds (the recorder's start set) -> pull to the end,
 * counting frames and feeding the gain -> tags, cover -> what the container promised is compared
 * with what came out. Every failure comes with a sentence.
 */
#include "media/gst/probe.h"

#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/deck.h"
#include "media/gst/gain.h"
#include "media/gst/init.h"
#include "media/gst/layout.h"
#include "media/gst/recorder.h"
#include "media/gst/remux.h"
#include "media/gst/tags.h"

#include <assert.h>
#include <gst/gst.h>
#include <gst/tag/tag.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PULL_FRAMES 65536u
struct work {
    const struct media_source *source;
    const struct media_probe_options *options;
    struct media_probe *probe;
    struct layout layout;
    struct media_recorder recorder;
    GstTagList *tags;
    pthread_mutex_t mutex; /* of tags: the deck's thread adds to them */
    struct media_deck *deck;
    struct media_pcm_info info;
    uint64_t frames; /* decoded */
    char *text;      /* the caller's, MEDIA_PROBE_ERROR_TEXT_BYTES */
};

__attribute__((format(printf, 3, 4))) static int fault(struct work *work, int error,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(work->text, MEDIA_PROBE_ERROR_TEXT_BYTES, format, arguments);
    va_end(arguments);
    return error;
}

static void take_tags(void *context, const struct _GstTagList *tags)
{
    struct work *work = context;
    (void)pthread_mutex_lock(&work->mutex);
    gst_tag_list_insert(work->tags, tags, GST_TAG_MERGE_KEEP);
    (void)pthread_mutex_unlock(&work->mutex);
}

static int open_deck(struct work *work)
{
    struct media_file file = {.container = work->layout.container, .codec = work->layout.codec};
    struct media_deck_config config = {.file = &file,
                                       .source = media_recorder_source(&work->recorder),
                                       .ahead_us = MEDIA_START_US,
                                       .tags = take_tags,
                                       .context = work};
    int error = media_deck_open(&config, &work->deck);
    if (error == ERROR_UNSUPPORTED) {
        return fault(work, error, "a plugin of GStreamer is missing for this kind of audio");
    }
    return error;
}

/* Why a deck failed, in the probe's terms. */
static int deck_fault(struct work *work)
{
    char text[MEDIA_DECK_ERROR_TEXT_BYTES];
    int error = media_deck_error(work->deck, text);
    if (error == ERROR_MALFORMED) {
        return fault(work, error, "the sound can't be decoded (%s)", text);
    }
    return fault(work, error, "%s", text);
}

static void record_start(struct work *work)
{
    media_deck_wait_full(work->deck);
    media_recorder_stop(&work->recorder);
    struct media_file *file = &work->probe->file;
    file->start_run_count =
        (uint8_t)media_recorder_runs(&work->recorder, file->start_runs, MEDIA_START_RUNS_MAX);
}

/* Pulls everything. `gain` may be NULL. */
static int decode(struct work *work, struct gain *gain)
{
    for (;;) {
        struct media_pcm pcm;
        enum media_deck_state state =
            media_deck_pull(work->deck, PULL_FRAMES, MEDIA_DECK_WAIT_FOREVER, &pcm);
        if (state == MEDIA_DECK_END) {
            return work->frames > 0 ? 0 : fault(work, ERROR_MALFORMED, "it has no sound");
        }
        if (state != MEDIA_DECK_PCM) {
            return deck_fault(work);
        }
        work->frames += pcm.count;
        int error = gain == NULL ? 0 : gain_add(gain, &pcm);
        if (error != 0) {
            return error;
        }
    }
}

static int decode_with_gain(struct work *work)
{
    struct gain *gain = NULL;
    int error = gain_new(&work->info, &gain);
    if (error == ERROR_UNSUPPORTED) {
        return decode(work, NULL); /* more than two channels: the gain stays unknown */
    }
    if (error != 0) {
        return error;
    }
    error = decode(work, gain);
    double gain_db = 0;
    double peak = 0;
    if (error == 0 && gain_finish(gain, &gain_db, &peak) == 0) {
        work->probe->file.track_gain = tags_gain(gain_db);
        work->probe->file.peak = tags_peak(peak);
        work->probe->gain_computed = true;
    }
    gain_free(gain);
    return error;
}

/* The frames that the file has: what its container promises, or else what was decoded. */
static int settle_samples(struct work *work)
{
    uint64_t promised = work->layout.samples;
    struct media_file *file = &work->probe->file;
    file->samples = promised != 0 && promised <= work->frames ? promised : work->frames;
    if (promised > work->frames && file->codec == MEDIA_CODEC_FLAC) {
        return fault(work, ERROR_TRUNCATED, "the sound ends early: %llu of %llu frames",
                     (unsigned long long)work->frames, (unsigned long long)promised);
    }
    return 0;
}

static void fill_file(struct work *work)
{
    struct media_probe *probe = work->probe;
    struct media_file *file = &probe->file;
    file->id.bytes = work->source->bytes;
    file->channels = work->info.channels;
    file->bits = work->info.bits;
    file->rate_hz = work->info.rate_hz;
    uint64_t bitrate = time_scale(work->layout.sound_bytes * 8, file->rate_hz, file->samples);
    file->bitrate_bps = bitrate > UINT32_MAX ? UINT32_MAX : (uint32_t)bitrate;
    probe->duration_us = media_file_duration_us(file);
}

static int take_all_tags(struct work *work)
{
    int error = 0;
    if (work->layout.container == MEDIA_CONTAINER_MPEG) {
        error = tags_read_id3(work->source, work->tags);
    }
    if (error == 0) {
        (void)pthread_mutex_lock(&work->mutex);
        error = tags_take(work->tags, work->probe);
        (void)pthread_mutex_unlock(&work->mutex);
    }
    return error;
}

static int run(struct work *work)
{
    struct media_file *file = &work->probe->file;
    file->container = work->layout.container;
    file->codec = work->layout.codec;
    int error = open_deck(work);
    if (error != 0) {
        return error;
    }
    record_start(work);
    if (!media_deck_info(work->deck, &work->info)) {
        return deck_fault(work);
    }
    error = take_all_tags(work); /* tags stand before the sound */
    if (error != 0) {
        return error;
    }
    bool wants_gain = work->options == NULL || !work->options->skip_gain;
    bool has_gain = file->track_gain != MEDIA_GAIN_UNKNOWN;
    error = wants_gain && !has_gain ? decode_with_gain(work) : decode(work, NULL);
    if (error == 0) {
        error = settle_samples(work);
    }
    if (error == 0) {
        fill_file(work);
        error =
            media_remux_picture_bytes(work->source, file->container, &work->probe->picture_bytes);
    }
    return error;
}

static int probe_recognised(struct work *work)
{
    int error = media_gst_init();
    if (error != 0) {
        return fault(work, error, "GStreamer did not start");
    }
    (void)media_gst_need_typefind(); /* without it, only covers are missing */
    gst_tag_register_musicbrainz_tags();
    error = media_recorder_init(&work->recorder, work->source);
    if (error != 0) {
        return error;
    }
    work->tags = gst_tag_list_new_empty();
    (void)pthread_mutex_init(&work->mutex, NULL);
    error = run(work);
    media_deck_close(work->deck);
    (void)pthread_mutex_destroy(&work->mutex);
    gst_tag_list_unref(work->tags);
    media_recorder_deinit(&work->recorder);
    return error;
}

int media_probe(const struct media_source *source, const struct media_probe_options *options,
                struct media_probe **ret_probe, char *ret_text)
{
    struct work work = {.source = source, .options = options, .text = ret_text};
    ret_text[0] = '\0';
    if (source->bytes == 0) {
        return fault(&work, ERROR_UNSUPPORTED, "an empty file");
    }
    if (source->bytes > FILE_BYTES_MAX) {
        return fault(&work, ERROR_TOO_LARGE, "larger than 4 GiB");
    }
    int error = layout_read(source, &work.layout);
    if (error != 0) {
        return fault(&work, error, "%s",
                     work.layout.fault != NULL ? work.layout.fault : error_text(error));
    }
    work.probe = calloc(1, sizeof *work.probe);
    if (work.probe == NULL) {
        return fault(&work, ERROR_NO_MEMORY, "out of memory");
    }
    error = probe_recognised(&work);
    if (error != 0) {
        if (ret_text[0] == '\0') {
            (void)fault(&work, error, "%s", error_text(error));
        }
        media_probe_free(work.probe);
        return error;
    }
    *ret_probe = work.probe;
    return 0;
}

void media_probe_free(struct media_probe *probe)
{
    if (probe != NULL) {
        free(probe->cover);
        free(probe);
    }
}
