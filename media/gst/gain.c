/*
 * gain.c: PCM -> audioconvert ! audioresample ! rganalysis -> the gain in its tags.
 */
#include "media/gst/gain.h"

#include "common/error.h"
#include "media/gst/init.h"

#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS 3u

struct gain {
    GstElement *elements[ELEMENTS];
    GstPad *source; /* ours: PCM goes in here */
    GstPad *sink;   /* ours: what comes out is dropped */
    uint32_t frame_bytes;
    uint32_t rate_hz;
    uint64_t frames;
    bool found;
    double gain_db;
    double peak;
};

static GstFlowReturn drop_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void)pad;
    (void)parent;
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void)parent;
    struct gain *gain = gst_pad_get_element_private(pad);
    if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
        GstTagList *tags = NULL;
        gst_event_parse_tag(event, &tags);
        gain->found = gst_tag_list_get_double(tags, GST_TAG_TRACK_GAIN, &gain->gain_db) &&
                      gst_tag_list_get_double(tags, GST_TAG_TRACK_PEAK, &gain->peak);
    }
    gst_event_unref(event);
    return TRUE;
}

static GstPad *own_pad(struct gain *gain, GstPadDirection direction)
{
    GstPad *pad = gst_pad_new(NULL, direction);
    gst_object_ref_sink(pad);
    gst_pad_set_element_private(pad, gain);
    if (direction == GST_PAD_SINK) {
        gst_pad_set_chain_function(pad, drop_buffer);
        gst_pad_set_event_function(pad, take_event);
    }
    (void)gst_pad_set_active(pad, TRUE);
    return pad;
}

static bool link_to(GstPad *from, GstElement *element)
{
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    bool linked = gst_pad_link_full(from, pad, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK;
    gst_object_unref(pad);
    return linked;
}

static bool link_from(GstElement *element, GstPad *to)
{
    GstPad *pad = gst_element_get_static_pad(element, "src");
    bool linked = gst_pad_link_full(pad, to, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK;
    gst_object_unref(pad);
    return linked;
}

static bool link_between(GstElement *from, GstElement *to)
{
    GstPad *pad = gst_element_get_static_pad(from, "src");
    bool linked = link_to(pad, to);
    gst_object_unref(pad);
    return linked;
}

static int make_chain(struct gain *gain)
{
    static const char *const names[ELEMENTS] = {"audioconvert", "audioresample", "rganalysis"};
    for (uint32_t i = 0; i < ELEMENTS; i++) {
        int error = media_gst_need(names[i]);
        if (error != 0) {
            return error;
        }
        gain->elements[i] = gst_element_factory_make(names[i], NULL);
        if (gain->elements[i] == NULL) {
            return ERROR_NO_MEMORY;
        }
        gst_object_ref_sink(gain->elements[i]);
        if (i > 0 && !link_between(gain->elements[i - 1], gain->elements[i])) {
            return ERROR_SYSTEM;
        }
        (void)gst_element_set_state(gain->elements[i], GST_STATE_PAUSED);
    }
    bool linked = link_to(gain->source, gain->elements[0]) &&
                  link_from(gain->elements[ELEMENTS - 1], gain->sink);
    return linked ? 0 : ERROR_SYSTEM;
}

static GstAudioFormat gst_format(enum media_pcm_format format)
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

/* What must stand before the first buffer of a stream. */
static bool begin_stream(struct gain *gain, const struct media_pcm_info *info)
{
    GstAudioInfo audio;
    gst_audio_info_init(&audio);
    gst_audio_info_set_format(&audio, gst_format(info->format), (gint)info->rate_hz, info->channels,
                              NULL);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    GstCaps *caps = gst_audio_info_to_caps(&audio);
    bool taken = gst_pad_push_event(gain->source, gst_event_new_stream_start("gain")) &&
                 gst_pad_push_event(gain->source, gst_event_new_caps(caps)) &&
                 gst_pad_push_event(gain->source, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
    return taken;
}

int gain_new(const struct media_pcm_info *info, struct gain **ret_gain)
{
    if (info->channels > 2) {
        return ERROR_UNSUPPORTED;
    }
    int error = media_gst_init();
    if (error != 0) {
        return error;
    }
    struct gain *gain = calloc(1, sizeof *gain);
    if (gain == NULL) {
        return ERROR_NO_MEMORY;
    }
    gain->frame_bytes = media_pcm_sample_bytes(info->format) * info->channels;
    gain->rate_hz = info->rate_hz;
    gain->source = own_pad(gain, GST_PAD_SRC);
    gain->sink = own_pad(gain, GST_PAD_SINK);
    error = make_chain(gain);
    if (error == 0 && !begin_stream(gain, info)) {
        error = ERROR_SYSTEM;
    }
    if (error != 0) {
        gain_free(gain);
        return error;
    }
    *ret_gain = gain;
    return 0;
}

void gain_free(struct gain *gain)
{
    if (gain == NULL) {
        return;
    }
    (void)gst_pad_set_active(gain->source, FALSE);
    (void)gst_pad_set_active(gain->sink, FALSE);
    for (uint32_t i = 0; i < ELEMENTS; i++) {
        if (gain->elements[i] != NULL) {
            (void)gst_element_set_state(gain->elements[i], GST_STATE_NULL);
            gst_object_unref(gain->elements[i]);
        }
    }
    gst_object_unref(gain->source);
    gst_object_unref(gain->sink);
    free(gain);
}

int gain_add(struct gain *gain, const struct media_pcm *pcm)
{
    size_t bytes = (size_t)pcm->count * gain->frame_bytes;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    if (buffer == NULL) {
        return ERROR_NO_MEMORY;
    }
    (void)gst_buffer_fill(buffer, 0, pcm->frames, bytes);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(gain->frames, GST_SECOND, gain->rate_hz);
    GST_BUFFER_OFFSET(buffer) = gain->frames;
    gain->frames += pcm->count;
    return gst_pad_push(gain->source, buffer) == GST_FLOW_OK ? 0 : ERROR_SYSTEM;
}

int gain_finish(struct gain *gain, double *ret_gain_db, double *ret_peak)
{
    (void)gst_pad_push_event(gain->source, gst_event_new_eos());
    if (!gain->found) {
        return ERROR_NOT_FOUND;
    }
    *ret_gain_db = gain->gain_db;
    *ret_peak = gain->peak;
    return 0;
}
