/*
 * deck_stream.c: what a deck's chain reads and delivers, on the chain's thread.
 *
 * Responsible for the index of every frame. Frames are counted from the start of the stream; only
 * behind a seek the first buffer's time says where it stands. At the start of a Vorbis stream the
 * first page settles what is cut off in front: its granule position may be less than what its
 * packets give (Vorbis I, appendix A.2), or packets of sound stand on the headers' page, which
 * reference decoders pass over.
 */
#include "media/gst/deck_internal.h"

#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/ogg.h"

#include <assert.h>
#include <gst/audio/audio.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads the first page's place and granule position. What can't be read, the demuxer complains
 * about: then nothing is settled. */
static void look_at_start(struct media_deck *deck)
{
    struct ogg_start start;
    int error = ogg_start_read(&deck->config.source, &start);
    deck_lock(deck);
    if (error == 0 && (start.first.flags & OGG_FLAG_END) == 0 && start.first.packets_ended > 1) {
        deck->first_packets = start.stray_packets + start.first.packets_ended;
        deck->first_granule = start.first.granule;
    } else {
        deck->settling = false;
    }
    deck_unlock(deck);
}

int deck_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    struct media_deck *deck = context;
    if (atomic_load(&deck->cancelled)) {
        return ERROR_CANCELLED;
    }
    if (!deck->looked && deck->file.codec == MEDIA_CODEC_VORBIS) {
        deck->looked = true;
        look_at_start(deck);
    }
    int error = deck->config.source.read_at(deck->config.source.context, offset, buffer, bytes);
    /* Cancelled, but not by us: the chain would wait for a flush that never comes. */
    bool stray = error == ERROR_CANCELLED && !atomic_load(&deck->cancelled);
    return stray ? ERROR_CLOSED : error;
}

void deck_source_unlock(void *context)
{
    struct media_deck *deck = context;
    atomic_store(&deck->cancelled, true);
    if (deck->config.source.unlock != NULL) {
        deck->config.source.unlock(deck->config.source.context);
    }
}

void deck_source_unlock_stop_locked(struct media_deck *deck)
{
    if (deck->config.source.unlock_stop != NULL) {
        deck->config.source.unlock_stop(deck->config.source.context);
    }
    atomic_store(&deck->cancelled, false);
}

void deck_source_unlock_stop(void *context)
{
    struct media_deck *deck = context;
    deck_lock(deck);
    /* Who interrupted for good, or for another seek, is not overruled by the chain's own flush. */
    if (!deck->closing && !(deck->seek_active && deck->seek_wanted)) {
        deck_source_unlock_stop_locked(deck);
    }
    deck_unlock(deck);
}

static enum media_pcm_format format_of(const GstAudioInfo *audio)
{
    switch ((int)GST_AUDIO_INFO_FORMAT(audio)) {
    case GST_AUDIO_FORMAT_S16LE:
        return MEDIA_PCM_S16;
    case GST_AUDIO_FORMAT_S24_32LE:
        return MEDIA_PCM_S24_32;
    case GST_AUDIO_FORMAT_S32LE:
        return MEDIA_PCM_S32;
    default:
        return MEDIA_PCM_F32;
    }
}

static bool fits_the_manifest(const struct media_deck *deck, const GstAudioInfo *audio)
{
    return deck->file.samples == 0 || (GST_AUDIO_INFO_RATE(audio) == (int)deck->file.rate_hz &&
                                       GST_AUDIO_INFO_CHANNELS(audio) == (int)deck->file.channels);
}

/* What was said of the format before holds for good: who pulls counts in its frames. */
static bool is_as_before(const struct media_deck *deck, const GstAudioInfo *audio)
{
    return !deck->info_known || (deck->info.format == format_of(audio) &&
                                 GST_AUDIO_INFO_CHANNELS(audio) == (int)deck->info.channels &&
                                 GST_AUDIO_INFO_RATE(audio) == (int)deck->info.rate_hz);
}

static bool take_caps(struct media_deck *deck, GstCaps *caps)
{
    GstAudioInfo audio;
    bool known = gst_audio_info_from_caps(&audio, caps);
    deck_lock(deck);
    if (!known || GST_AUDIO_INFO_CHANNELS(&audio) > 8) {
        deck_fail_locked(deck, ERROR_UNSUPPORTED, "the decoder gives a format that is not known");
        known = false;
    } else if (!fits_the_manifest(deck, &audio)) {
        deck_fail_locked(deck, ERROR_MALFORMED, "rate or channels are not those of the manifest");
        known = false;
    } else if (!is_as_before(deck, &audio)) {
        deck_fail_locked(deck, ERROR_MALFORMED, "the format changes in the middle of the file");
        known = false;
    } else {
        enum media_pcm_format format = format_of(&audio);
        deck->info = (struct media_pcm_info){
            .format = format,
            .channels = (uint8_t)GST_AUDIO_INFO_CHANNELS(&audio),
            .bits = (uint8_t)(format == MEDIA_PCM_F32 ? 0 : GST_AUDIO_INFO_DEPTH(&audio)),
            .rate_hz = (uint32_t)GST_AUDIO_INFO_RATE(&audio)};
        deck->frame_bytes = (uint32_t)GST_AUDIO_INFO_BPF(&audio);
        deck->info_known = true;
    }
    deck_unlock_and_tell(deck);
    return known;
}

/* Waits while the deck may not decode further. False: flush. */
static bool wait_for_room_locked(struct media_deck *deck)
{
    uint64_t limit = time_scale(deck->config.ahead_us, deck->info.rate_hz, TIME_US_PER_S);
    while (!deck->flushing && !deck->closing &&
           (deck->discard || (!deck->settling && deck->queued_frames > limit))) {
        (void)pthread_cond_wait(&deck->changed, &deck->mutex);
    }
    return !deck->flushing && !deck->closing;
}

/* The stream's index of a buffer's first frame. */
static uint64_t index_of_locked(const struct media_deck *deck, GstBuffer *buffer)
{
    GstClockTime time = GST_BUFFER_PTS(buffer);
    if (!deck->resync || !GST_CLOCK_TIME_IS_VALID(time)) {
        return deck->next_frame;
    }
    uint64_t stream_time = gst_segment_to_stream_time(&deck->segment, GST_FORMAT_TIME, time);
    if (!GST_CLOCK_TIME_IS_VALID(stream_time)) {
        stream_time = time; /* before the segment's start: what the decoder settles on */
    }
    return gst_util_uint64_scale_round(stream_time, deck->info.rate_hz, GST_SECOND);
}

/* Queues a block's part within [first wanted, samples), its first frame being `index`; while the
 * start is not settled, all of it. Takes the block. */
static void queue_locked(struct media_deck *deck, struct deck_block *block, int64_t index)
{
    int64_t begin = index;
    int64_t end = index + block->count;
    if (!deck->settling) {
        int64_t wanted = (int64_t)deck->first_frame;
        int64_t samples = (int64_t)deck->file.samples;
        begin = begin < wanted ? wanted : begin;
        end = samples != 0 && end > samples ? samples : end;
    }
    if (begin >= end) {
        deck_free_block(block);
        return;
    }
    block->next = NULL;
    block->first_frame = (uint64_t)begin;
    block->skip += (uint32_t)(begin - index);
    block->count = (uint32_t)(end - begin);
    if (deck->tail == NULL) {
        deck->head = block;
    } else {
        deck->tail->next = block;
    }
    deck->tail = block;
    deck->queued_frames += block->count;
}

/* The first page is decoded: what it has too many was cut off in front of its first frame. */
static void settle_locked(struct media_deck *deck, bool page_whole)
{
    uint64_t excess = 0;
    if (page_whole && deck->next_frame > deck->first_granule) {
        excess = deck->next_frame - deck->first_granule;
    }
    struct deck_block *block = deck->head;
    deck->head = NULL;
    deck->tail = NULL;
    deck->queued_frames = 0;
    deck->settling = false;
    deck->next_frame -= excess;
    while (block != NULL) {
        struct deck_block *next = block->next;
        queue_locked(deck, block, (int64_t)block->first_frame - (int64_t)excess);
        block = next;
    }
}

/* A buffer of the first page was queued. */
static void count_settling_locked(struct media_deck *deck)
{
    deck->settled_buffers++;
    /* The first packet of a Vorbis stream gives no frames, each later one a buffer. */
    if (deck->settled_buffers + 1 == deck->first_packets) {
        settle_locked(deck, true);
    }
}

static void end_locked(struct media_deck *deck)
{
    if (deck->settling) {
        settle_locked(deck, false);
    }
    if (deck->file.samples != 0 && deck->next_frame < deck->file.samples) {
        deck_fail_locked(deck, ERROR_TRUNCATED, "the sound ends before its promised length");
    } else if (deck->error == 0) {
        deck->ended = true;
    }
}

/* A seek landed behind its target: control tries again from further back. */
static bool landed_too_late_locked(struct media_deck *deck, uint64_t index)
{
    if (!deck->resync || index <= deck->first_frame || deck->seek_wanted) {
        return false;
    }
    deck->seek_back_us *= DECK_SEEK_RETRY_FACTOR;
    deck->seek_wanted = true;
    deck->discard = true;
    return true;
}

/* Behind a seek to the start of a Vorbis stream, its first page is settled again. */
static void begin_locked(struct media_deck *deck, uint64_t index)
{
    if (deck->resync && index == 0 && deck->first_packets > 0) {
        deck->settling = true;
        deck->settled_buffers = 0;
    }
    deck->resync = false;
}

static GstFlowReturn take_pcm_locked(struct media_deck *deck, GstBuffer *buffer)
{
    if (!wait_for_room_locked(deck)) {
        return GST_FLOW_FLUSHING;
    }
    uint64_t index = index_of_locked(deck, buffer);
    if (landed_too_late_locked(deck, index)) {
        (void)pthread_cond_broadcast(&deck->changed);
        return wait_for_room_locked(deck) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
    }
    struct deck_block *block = calloc(1, sizeof *block);
    if (block == NULL) {
        deck_fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
        return GST_FLOW_ERROR;
    }
    block->buffer = gst_buffer_ref(buffer);
    block->count = (uint32_t)(gst_buffer_get_size(buffer) / deck->frame_bytes);
    deck->next_frame = index + block->count;
    begin_locked(deck, index);
    queue_locked(deck, block, (int64_t)index);
    if (deck->settling) {
        count_settling_locked(deck);
    }
    if (!deck->settling && deck->file.samples != 0 && deck->next_frame >= deck->file.samples) {
        end_locked(deck);
        return GST_FLOW_EOS;
    }
    return deck->error != 0 ? GST_FLOW_ERROR : GST_FLOW_OK;
}

GstFlowReturn deck_on_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void)parent;
    struct media_deck *deck = gst_pad_get_element_private(pad);
    deck_lock(deck);
    deck->touched = true;
    (void)pthread_cond_broadcast(&deck->changed);
    GstFlowReturn flow = deck->info_known ? take_pcm_locked(deck, buffer) : GST_FLOW_NOT_NEGOTIATED;
    deck_unlock_and_tell(deck);
    gst_buffer_unref(buffer);
    return flow;
}

static void on_end_of_stream(struct media_deck *deck)
{
    int error = media_pull_source_error(deck->chain.elements[0]);
    deck_lock(deck);
    deck->touched = true;
    if (deck->discard || deck->flushing || deck->closing) {
        deck_unlock_and_tell(deck);
        return;
    }
    if (error != 0) {
        deck_fail_locked(deck, error, error_text(error));
    } else if (!deck->info_known) {
        deck_fail_locked(deck, ERROR_MALFORMED, "no sound was found");
    } else {
        end_locked(deck);
    }
    deck_unlock_and_tell(deck);
}

static void on_flush(struct media_deck *deck, bool begins)
{
    deck_lock(deck);
    deck->flushing = begins;
    deck_drop_queue_locked(deck);
    deck->ended = false;
    deck->settling = false;
    if (!begins) {
        deck->discard = deck->seek_wanted;
        deck->resync = true;
        gst_segment_init(&deck->segment, GST_FORMAT_TIME);
    }
    deck_unlock_and_tell(deck);
}

static void take_tags(struct media_deck *deck, GstEvent *event)
{
    GstTagList *tags = NULL;
    gst_event_parse_tag(event, &tags);
    if (deck->config.tags != NULL) {
        deck->config.tags(deck->config.context, tags);
    }
}

gboolean deck_on_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    (void)parent;
    struct media_deck *deck = gst_pad_get_element_private(pad);
    gboolean taken = TRUE;
    GstCaps *caps = NULL;
    switch ((int)GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
        gst_event_parse_caps(event, &caps);
        taken = take_caps(deck, caps);
        break;
    case GST_EVENT_SEGMENT:
        deck_lock(deck);
        gst_event_copy_segment(event, &deck->segment);
        deck_unlock(deck);
        break;
    case GST_EVENT_FLUSH_START:
        on_flush(deck, true);
        break;
    case GST_EVENT_FLUSH_STOP:
        on_flush(deck, false);
        break;
    case GST_EVENT_TAG:
        take_tags(deck, event);
        break;
    case GST_EVENT_EOS:
        on_end_of_stream(deck);
        break;
    default:
        break;
    }
    gst_event_unref(event);
    return taken;
}

static int error_of_message(GstMessage *message, char *ret_text, size_t capacity)
{
    GError *error = NULL;
    gst_message_parse_error(message, &error, NULL);
    (void)snprintf(ret_text, capacity, "%s", error->message);
    bool missing = error->domain == GST_CORE_ERROR ||
                   g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
                   g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
    g_error_free(error);
    return missing ? ERROR_UNSUPPORTED : ERROR_MALFORMED;
}

GstBusSyncReply deck_on_message(GstBus *bus, GstMessage *message, gpointer context)
{
    (void)bus;
    struct media_deck *deck = context;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        char text[MEDIA_DECK_ERROR_TEXT_BYTES];
        int error = error_of_message(message, text, sizeof text);
        int source_error = media_pull_source_error(deck->chain.elements[0]);
        deck_lock(deck);
        deck->touched = true;
        if (!deck->discard && !deck->flushing && !deck->closing) {
            deck_fail_locked(deck, source_error != 0 ? source_error : error,
                             source_error != 0 ? error_text(source_error) : text);
        }
        deck_unlock_and_tell(deck);
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}
