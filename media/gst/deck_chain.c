/*
 * deck_chain.c: which elements decode what, and how they are linked.
 *
 * Responsible for the table of chains. What comes out is trimmed by deck.c.
 */
#include "media/gst/deck_chain.h"

#include "common/error.h"
#include "media/gst/init.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct chain_row {
    enum media_container container;
    enum media_codec codec;
    bool late_pad;           /* the first element's source pad comes when it has read the header */
    const char *elements[3]; /* behind the source */
};

static const struct chain_row chain_rows[] = {
    {MEDIA_CONTAINER_OGG, MEDIA_CODEC_VORBIS, true, {"oggdemux", "vorbisdec"}},
    {MEDIA_CONTAINER_OGG, MEDIA_CODEC_OPUS, true, {"oggdemux", "opusdec"}},
    {MEDIA_CONTAINER_OGG, MEDIA_CODEC_FLAC, true, {"oggdemux", "flacparse", "flacdec"}},
    {MEDIA_CONTAINER_FLAC, MEDIA_CODEC_FLAC, false, {"flacparse", "flacdec"}},
    {MEDIA_CONTAINER_MPEG, MEDIA_CODEC_MP3, false, {"mpegaudioparse", "mpg123audiodec"}},
    {MEDIA_CONTAINER_MPEG, MEDIA_CODEC_AAC, false, {"aacparse", "faad"}},
    {MEDIA_CONTAINER_MP4, MEDIA_CODEC_AAC, true, {"qtdemux", "aacparse", "faad"}},
    {MEDIA_CONTAINER_MP4, MEDIA_CODEC_MP3, true, {"qtdemux", "mpegaudioparse", "mpg123audiodec"}},
};

#define ROW_ELEMENTS_MAX (sizeof chain_rows[0].elements / sizeof chain_rows[0].elements[0])

static const struct chain_row *find_row(enum media_container container, enum media_codec codec)
{
    for (size_t i = 0; i < sizeof chain_rows / sizeof chain_rows[0]; i++) {
        if (chain_rows[i].container == container && chain_rows[i].codec == codec) {
            return &chain_rows[i];
        }
    }
    return NULL;
}

int media_gst_warm(enum media_container container, enum media_codec codec)
{
    const struct chain_row *row = find_row(container, codec);
    if (row == NULL) {
        return ERROR_UNSUPPORTED;
    }
    for (size_t i = 0; i < ROW_ELEMENTS_MAX && row->elements[i] != NULL; i++) {
        int error = media_gst_need(row->elements[i]);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

GstCaps *deck_chain_caps(enum media_codec codec)
{
    const char *text = NULL;
    switch (codec) {
    case MEDIA_CODEC_OPUS:
        text = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000";
        break;
    case MEDIA_CODEC_VORBIS:
    case MEDIA_CODEC_MP3:
        text = "audio/x-raw,format=F32LE,layout=interleaved";
        break;
    case MEDIA_CODEC_AAC:
        text = "audio/x-raw,format=S16LE,layout=interleaved";
        break;
    case MEDIA_CODEC_FLAC:
        text = "audio/x-raw,format={S16LE,S24_32LE,S32LE},layout=interleaved";
        break;
    }
    assert(text != NULL);
    return gst_caps_from_string(text);
}

/* A demuxer shows its first audio stream: it is linked to what stands behind; others stay loose. */
static void on_pad_added(GstElement *demuxer, GstPad *pad, gpointer next_element)
{
    (void)demuxer;
    GstPad *sink = gst_element_get_static_pad(next_element, "sink");
    if (!gst_pad_is_linked(sink)) {
        (void)gst_pad_link_full(pad, sink, GST_PAD_LINK_CHECK_NOTHING);
    }
    gst_object_unref(sink);
}

static int add_element(struct deck_chain *chain, GstElement *element)
{
    if (element == NULL) {
        return ERROR_NO_MEMORY;
    }
    assert(chain->count < DECK_CHAIN_ELEMENTS_MAX);
    gst_object_ref_sink(element);
    gst_element_set_bus(element, chain->bus);
    chain->elements[chain->count++] = element;
    return 0;
}

static int make_elements(struct deck_chain *chain, const struct chain_row *row,
                         const struct media_source *source)
{
    int error =
        add_element(chain, media_pull_source_new(source, row->container == MEDIA_CONTAINER_MPEG));
    for (size_t i = 0; error == 0 && i < ROW_ELEMENTS_MAX && row->elements[i] != NULL; i++) {
        error = add_element(chain, gst_element_factory_make(row->elements[i], NULL));
    }
    if (error == 0 && row->codec == MEDIA_CODEC_OPUS) {
        /* Off by default here, on in the reference decoder: intensity stereo as it was encoded. */
        g_object_set(chain->elements[chain->count - 1], "phase-inversion", TRUE, NULL);
    }
    return error;
}

static bool link_pads(GstPad *from, GstPad *to)
{
    return gst_pad_link_full(from, to, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK;
}

static bool link_elements(GstElement *from, GstElement *to)
{
    GstPad *source = gst_element_get_static_pad(from, "src");
    GstPad *sink = gst_element_get_static_pad(to, "sink");
    bool linked = link_pads(source, sink);
    gst_object_unref(source);
    gst_object_unref(sink);
    return linked;
}

static int link_all(struct deck_chain *chain, bool late_pad)
{
    for (uint32_t i = 0; i + 1 < chain->count; i++) {
        if (i == 1 && late_pad) {
            (void)g_signal_connect(chain->elements[1], "pad-added", G_CALLBACK(on_pad_added),
                                   chain->elements[2]);
        } else if (!link_elements(chain->elements[i], chain->elements[i + 1])) {
            return ERROR_SYSTEM;
        }
    }
    GstPad *end = gst_element_get_static_pad(chain->elements[chain->count - 1], "src");
    bool linked = link_pads(end, chain->sink);
    gst_object_unref(end);
    return linked ? 0 : ERROR_SYSTEM;
}

int deck_chain_init(struct deck_chain *chain, enum media_container container,
                    enum media_codec codec, const struct media_source *source, GstPad *sink,
                    GstBusSyncHandler on_message, void *context)
{
    const struct chain_row *row = find_row(container, codec);
    if (row == NULL) {
        return ERROR_UNSUPPORTED;
    }
    int error = media_gst_warm(container, codec);
    if (error != 0) {
        return error;
    }
    struct deck_chain made = {.bus = gst_bus_new(), .sink = sink};
    gst_bus_set_sync_handler(made.bus, on_message, context, NULL);
    error = make_elements(&made, row, source);
    if (error == 0) {
        error = link_all(&made, row->late_pad);
    }
    if (error != 0) {
        deck_chain_deinit(&made);
        return error;
    }
    *chain = made;
    return 0;
}

int deck_chain_start(struct deck_chain *chain)
{
    /* From the end to the source, so that whoever is pushed to is awake already. */
    for (uint32_t i = chain->count; i > 0; i--) {
        if (gst_element_set_state(chain->elements[i - 1], GST_STATE_PAUSED) ==
            GST_STATE_CHANGE_FAILURE) {
            return ERROR_SYSTEM;
        }
    }
    return 0;
}

void deck_chain_halt(struct deck_chain *chain)
{
    for (uint32_t i = chain->count; i > 0; i--) {
        (void)gst_element_set_state(chain->elements[i - 1], GST_STATE_READY);
    }
}

void deck_chain_deinit(struct deck_chain *chain)
{
    for (uint32_t i = chain->count; i > 0; i--) {
        (void)gst_element_set_state(chain->elements[i - 1], GST_STATE_NULL);
    }
    gst_bus_set_sync_handler(chain->bus, NULL, NULL, NULL);
    for (uint32_t i = 0; i < chain->count; i++) {
        gst_element_set_bus(chain->elements[i], NULL);
        gst_object_unref(chain->elements[i]);
    }
    gst_object_unref(chain->bus);
    *chain = (struct deck_chain){0};
}
