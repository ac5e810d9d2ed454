/*
 * sink_device.c: a sink on the system's audio device: appsrc ! audioconvert ! audioresample ! SINK.
 *
 * Responsible for finding a device that opens (the sound servers first, then the card; or what
 * $REFRAIN_AUDIO_SINK names, an element with properties as gst-launch writes them), and for a
 * timeline that late frames shift: what comes after a gap gets later time stamps, so that the
 * device drops nothing.
 *
 * Not autoaudiosink: it needs the whole registry of plugins, which costs more than the start of a
 * track (media/gst/init.h). The order below is that of its ranks.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/init.h"
#include "player/gst/sink.h"

#include <assert.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After a gap the device gets this much time before the next frame is due. */
#define DEVICE_RESTART_NS (20 * GST_MSECOND)
/* What has been played by the clock may still stand before a device that is behind (a busy machine):
 * at the end it gets this long. */
#define DEVICE_DRAIN_NS (1 * GST_SECOND)

static const char *const device_candidates[] = {"pulsesink", "alsasink"};

struct sink_device {
    struct sink sink; /* first */
    GstElement *pipeline;
    GstElement *source; /* appsrc; the pipeline's */
    GstBus *bus;
    const char *description; /* NULL: the system's device */
    uint32_t rate_hz;
    uint32_t frame_bytes;
    bool paused;
    uint64_t written;    /* frames */
    uint64_t played;     /* as far as was seen; never goes back */
    uint64_t base_frame; /* has the time stamp base_ns; what follows continues from there */
    uint64_t base_ns;
};

static struct sink_device *self_of(struct sink *sink)
{
    return (struct sink_device *)sink;
}

/* --- finding a device ----------------------------------------------------------------------------- */

/* An element that opens its device, floating; NULL. */
static GstElement *try_element(const char *description)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(description, " "), description);
    if (media_gst_need(name) != 0) {
        return NULL;
    }
    GstElement *element =
        gst_parse_launch_full(description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, NULL);
    if (element == NULL) {
        return NULL;
    }
    if (gst_element_set_state(element, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE) {
        gst_element_set_state(element, GST_STATE_NULL);
        gst_object_unref(gst_object_ref_sink(element));
        return NULL;
    }
    return element;
}

/* A chain of elements as one, with the pad of the first. NULL and ret_text. */
static GstElement *make_bin(const char *description, char *ret_text)
{
    GError *error = NULL;
    const char *at = description;
    while (*at != '\0') {
        char name[64] = "";
        at += strspn(at, "! ");
        size_t bytes = strcspn(at, " !");
        memcpy(name, at, bytes < sizeof name ? bytes : sizeof name - 1);
        (void)media_gst_need(name); /* what there is not is told below */
        at += strcspn(at, "!");
    }
    GstElement *bin = gst_parse_bin_from_description_full(description, TRUE, NULL,
                                                          GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (bin == NULL) {
        snprintf(ret_text, SINK_TEXT_BYTES, "gst:%.80s: %.100s", description,
                 error != NULL ? error->message : "it can't be made");
    }
    g_clear_error(&error);
    return bin;
}

static GstElement *find_sink(const char *description, char *ret_text)
{
    if (description != NULL) {
        return make_bin(description, ret_text);
    }
    const char *chosen = getenv("REFRAIN_AUDIO_SINK");
    if (chosen != NULL && chosen[0] != '\0') {
        GstElement *element = try_element(chosen);
        if (element == NULL) {
            snprintf(ret_text, SINK_TEXT_BYTES, "REFRAIN_AUDIO_SINK=%.100s does not open", chosen);
        }
        return element;
    }
    for (size_t i = 0; i < sizeof device_candidates / sizeof device_candidates[0]; i++) {
        GstElement *element = try_element(device_candidates[i]);
        if (element != NULL) {
            return element;
        }
    }
    snprintf(ret_text, SINK_TEXT_BYTES, "no sound server and no sound card");
    return NULL;
}

/* --- the pipeline ------------------------------------------------------------------------------------ */

static const char *format_name(enum media_pcm_format format)
{
    switch (format) {
    case MEDIA_PCM_S16:
        return "S16LE";
    case MEDIA_PCM_S24_32:
        return "S24_32LE";
    case MEDIA_PCM_S32:
        return "S32LE";
    case MEDIA_PCM_F32:
        break;
    }
    return "F32LE";
}

static GstCaps *make_caps(const struct media_pcm_info *info)
{
    GstCaps *caps = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING,
                                        format_name(info->format), "layout", G_TYPE_STRING,
                                        "interleaved", "rate", G_TYPE_INT, (gint)info->rate_hz,
                                        "channels", G_TYPE_INT, (gint)info->channels, NULL);
    if (info->channels > 2) {
        gst_caps_set_simple(caps, "channel-mask", GST_TYPE_BITMASK,
                            gst_audio_channel_get_fallback_mask(info->channels), NULL);
    }
    return caps;
}

/* Makes an element inside the pipeline; NULL when there is none of that name. */
static GstElement *add(struct sink_device *self, const char *name)
{
    GstElement *element = media_gst_need(name) == 0 ? gst_element_factory_make(name, NULL) : NULL;
    if (element != NULL) {
        gst_bin_add(GST_BIN(self->pipeline), element);
    }
    return element;
}

static int build(struct sink_device *self, const struct media_pcm_info *info, GstElement *device)
{
    self->pipeline = gst_pipeline_new("output");
    gst_bin_add(GST_BIN(self->pipeline), device);
    self->source = add(self, "appsrc");
    GstElement *convert = add(self, "audioconvert");
    GstElement *resample = add(self, "audioresample");
    if (self->source == NULL || convert == NULL || resample == NULL ||
        !gst_element_link_many(self->source, convert, resample, device, NULL)) {
        return ERROR_UNSUPPORTED;
    }
    GstCaps *caps = make_caps(info);
    g_object_set(self->source, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)0,
                 NULL);
    gst_caps_unref(caps);
    self->bus = gst_element_get_bus(self->pipeline);
    self->rate_hz = info->rate_hz;
    self->frame_bytes = media_pcm_sample_bytes(info->format) * info->channels;
    return 0;
}

static int device_start(struct sink *sink, const struct media_pcm_info *info, char *ret_text)
{
    struct sink_device *self = self_of(sink);
    if (media_gst_init() != 0) {
        snprintf(ret_text, SINK_TEXT_BYTES, "GStreamer does not start");
        return ERROR_UNSUPPORTED;
    }
    GstElement *device = find_sink(self->description, ret_text);
    if (device == NULL) {
        return ERROR_NOT_FOUND;
    }
    int error = build(self, info, device);
    if (error != 0) {
        snprintf(ret_text, SINK_TEXT_BYTES,
                 "GStreamer lacks appsrc, audioconvert or audioresample");
        return error;
    }
    if (gst_element_set_state(self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        snprintf(ret_text, SINK_TEXT_BYTES, "the audio device does not start");
        return ERROR_NOT_FOUND;
    }
    return 0;
}

static bool has_failed(struct sink_device *self)
{
    GstMessage *message = gst_bus_pop_filtered(self->bus, GST_MESSAGE_ERROR);
    if (message == NULL) {
        return false;
    }
    gst_message_unref(message);
    return true;
}

/* --- time ----------------------------------------------------------------------------------------------- */

/* The moment of the pipeline's timeline that is heard now. A query for the position would stop at the
 * last buffer's start. False: the pipeline does not run (it is paused, or fills its buffers). */
static bool is_running(struct sink_device *self, uint64_t *ret_ns)
{
    GstState now;
    if (gst_element_get_state(self->pipeline, &now, NULL, 0) != GST_STATE_CHANGE_SUCCESS ||
        now != GST_STATE_PLAYING) {
        return false;
    }
    GstClock *clock = gst_element_get_clock(self->pipeline);
    if (clock == NULL) {
        return false;
    }
    GstClockTime time = gst_clock_get_time(clock);
    GstClockTime base = gst_element_get_base_time(self->pipeline);
    gst_object_unref(clock);
    *ret_ns = time > base ? time - base : 0;
    return true;
}

static uint64_t device_played(struct sink *sink, uint64_t now_us)
{
    (void)now_us;
    struct sink_device *self = self_of(sink);
    uint64_t heard_ns;
    if (self->played < self->written && is_running(self, &heard_ns) && heard_ns > self->base_ns) {
        uint64_t frames = time_scale(heard_ns - self->base_ns, self->rate_hz, GST_SECOND);
        uint64_t played = self->base_frame + frames;
        played = played < self->written ? played : self->written;
        self->played = played > self->played ? played : self->played;
    }
    return self->played;
}

/* All has been played: what comes next begins a little after now. */
static void restart(struct sink_device *self)
{
    uint64_t heard_ns;
    bool fresh = self->written == self->base_frame; /* nothing since the start or a flush */
    /* Without a clock to ask, what comes next follows what there was. */
    self->base_ns += time_scale(self->written - self->base_frame, GST_SECOND, self->rate_hz);
    self->base_frame = self->written;
    if (!fresh && is_running(self, &heard_ns)) {
        self->base_ns = heard_ns + DEVICE_RESTART_NS;
    }
}

static int device_write(struct sink *sink, uint64_t now_us, const void *frames, uint32_t count,
                        uint32_t *ret_taken)
{
    struct sink_device *self = self_of(sink);
    if (has_failed(self)) {
        return ERROR_IO;
    }
    uint64_t most = time_scale(SINK_AHEAD_US, self->rate_hz, TIME_US_PER_S);
    uint64_t ahead = self->written - device_played(sink, now_us);
    bool gap = ahead == 0;
    if (gap) {
        restart(self);
    }
    uint64_t room = ahead < most ? most - ahead : 0;
    uint32_t taken = room < count ? (uint32_t)room : count;
    *ret_taken = taken;
    if (taken == 0) {
        return 0;
    }
    size_t bytes = (size_t)taken * self->frame_bytes;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    gst_buffer_fill(buffer, 0, frames, bytes);
    uint64_t begin = self->written - self->base_frame;
    GST_BUFFER_PTS(buffer) = self->base_ns + time_scale(begin, GST_SECOND, self->rate_hz);
    GST_BUFFER_DURATION(buffer) = time_scale(taken, GST_SECOND, self->rate_hz);
    if (gap) {
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    }
    GstFlowReturn flow;
    g_signal_emit_by_name(self->source, "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
    if (flow != GST_FLOW_OK && flow != GST_FLOW_FLUSHING) {
        return ERROR_IO;
    }
    self->written += taken;
    return 0;
}

static void device_set_paused(struct sink *sink, uint64_t now_us, bool paused)
{
    struct sink_device *self = self_of(sink);
    device_played(sink, now_us);
    self->paused = paused;
    gst_element_set_state(self->pipeline, paused ? GST_STATE_PAUSED : GST_STATE_PLAYING);
}

static void device_flush(struct sink *sink, uint64_t now_us)
{
    (void)now_us;
    struct sink_device *self = self_of(sink);
    /* READY drops all that is queued and keeps the device. */
    gst_element_set_state(self->pipeline, GST_STATE_READY);
    self->played = self->written;
    self->base_frame = self->written;
    self->base_ns = 0;
    gst_element_set_state(self->pipeline, self->paused ? GST_STATE_PAUSED : GST_STATE_PLAYING);
}

static int device_descriptor(struct sink *sink)
{
    (void)sink;
    return -1;
}

/* All that was written is to be heard, and by the clock has been: the device takes the last of it. */
static void drain(struct sink_device *self)
{
    GstFlowReturn flow;
    if (self->written == self->base_frame || self->played < self->written || self->paused) {
        return;
    }
    g_signal_emit_by_name(self->source, "end-of-stream", &flow);
    GstMessage *message =
        gst_bus_timed_pop_filtered(self->bus, DEVICE_DRAIN_NS, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (message != NULL) {
        gst_message_unref(message);
    }
}

static int device_free(struct sink *sink)
{
    struct sink_device *self = self_of(sink);
    if (self->pipeline != NULL) {
        drain(self);
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
        gst_object_unref(self->pipeline);
    }
    if (self->bus != NULL) {
        gst_object_unref(self->bus);
    }
    free(self);
    return 0;
}

struct sink *sink_device_new(const char *description)
{
    static const struct sink_vtable vtable = {
        .start = device_start,
        .write = device_write,
        .played = device_played,
        .set_paused = device_set_paused,
        .flush = device_flush,
        .descriptor = device_descriptor,
        .free = device_free,
    };
    struct sink_device *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->sink.vtable = &vtable;
    self->description = description;
    return &self->sink;
}
