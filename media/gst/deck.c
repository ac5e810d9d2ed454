/*
 * deck.c: the consumer's side of a decoder chain: trimming, the bounded queue, seeks, the end.
 *
 * Happy path: the chain's thread delivers decoded buffers to our sink pad; each gets the index of
 * its first frame, is cut to [first wanted, samples), and waits in the queue until it is pulled.
 * Failure modes: a source that fails or a damaged stream ends in FAILED with the source's error
 * first; fewer frames than promised is FAILED (ERROR_TRUNCATED); close and seek break every wait.
 *
 * Frames are counted from the start of the stream; only behind a seek the first buffer's time says
 * where it stands. A seek runs on the control thread, because demuxers read while they seek.
 */
#include "media/gst/deck.h"

#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/deck_chain.h"
#include "media/gst/init.h"

#include <assert.h>
#include <errno.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How much earlier than its target a seek lands, so that the decoder has settled there: RFC 7845
 * section 4.6 asks for 80 ms of Opus; a Vorbis block is at most 8192 frames; MP3 frames refer up to
 * 511 bytes back. When that was not enough, the next attempt goes back this much times 16. */
#define SEEK_SETTLE_US_OPUS 100000u
#define SEEK_SETTLE_US_VORBIS 200000u
#define SEEK_SETTLE_US_OTHER 150000u
#define SEEK_RETRY_FACTOR 16u

struct deck_block {
    struct deck_block *next;
    GstBuffer *buffer;
    uint64_t first_frame; /* of the part that is left */
    uint32_t skip;        /* frames of the buffer before it */
    uint32_t count;       /* frames left */
};

struct media_deck {
    struct media_deck_config config;
    struct media_file file; /* the caller's, copied */
    struct deck_chain chain;
    GstPad *sink;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* anything below; monotonic clock */
    atomic_bool cancelled;  /* reads return ERROR_CANCELLED */

    /* All below is guarded by the mutex. */
    struct deck_block *head, *tail;
    uint64_t queued_frames;
    struct media_pcm_info info;
    bool info_known;
    uint32_t frame_bytes;
    GstSegment segment;

    uint64_t next_frame;  /* index of the next decoded frame, unless `resync` */
    uint64_t first_frame; /* frames before it are dropped */
    bool resync;          /* behind a seek: the next buffer's time says its index */
    bool flushing;        /* the chain's pads flush */
    bool discard;         /* a seek is on its way: what comes is of the old place */
    bool touched;         /* the chain has delivered something, or ended */
    bool closing;
    bool ended;
    bool hungry; /* the consumer saw WAIT: wake it */
    bool interrupted;
    int error;
    char error_text[MEDIA_DECK_ERROR_TEXT_BYTES];

    bool control_runs; /* the thread was started */
    pthread_t control;
    bool seek_wanted;      /* a target that control has not taken yet */
    bool seek_active;      /* control is within a seek */
    uint64_t seek_frame;   /* the target */
    uint64_t seek_back_us; /* how far before it to land */

    struct deck_block *held; /* what the consumer looks at; its alone */
    GstMapInfo held_map;
};

uint32_t media_pcm_sample_bytes(enum media_pcm_format format)
{
    return format == MEDIA_PCM_S16 ? 2 : 4;
}

uint64_t media_frame_at(uint64_t position_us, uint32_t rate_hz)
{
    unsigned __int128 scaled = (unsigned __int128)position_us * rate_hz + TIME_US_PER_S / 2;
    return (uint64_t)(scaled / TIME_US_PER_S);
}

static void lock(struct media_deck *deck)
{
    (void)pthread_mutex_lock(&deck->mutex);
}

static void unlock(struct media_deck *deck)
{
    (void)pthread_mutex_unlock(&deck->mutex);
}

/* Tells everybody who waits; unlocks, and wakes the consumer when it has to look again. */
static void unlock_and_tell(struct media_deck *deck)
{
    bool wake = deck->hungry && (deck->head != NULL || deck->ended || deck->error != 0);
    if (wake) {
        deck->hungry = false;
    }
    (void)pthread_cond_broadcast(&deck->changed);
    unlock(deck);
    if (wake && deck->config.wake != NULL) {
        deck->config.wake(deck->config.context);
    }
}

static void fail_locked(struct media_deck *deck, int error, const char *text)
{
    if (deck->error == 0 && !deck->ended) {
        deck->error = error;
        (void)snprintf(deck->error_text, sizeof deck->error_text, "%s", text);
    }
}

static void free_block(struct deck_block *block)
{
    gst_buffer_unref(block->buffer);
    free(block);
}

static void drop_queue_locked(struct media_deck *deck)
{
    while (deck->head != NULL) {
        struct deck_block *block = deck->head;
        deck->head = block->next;
        free_block(block);
    }
    deck->tail = NULL;
    deck->queued_frames = 0;
}

/* ---- the source, as the chain sees it ---- */

static int deck_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    struct media_deck *deck = context;
    if (atomic_load(&deck->cancelled)) {
        return ERROR_CANCELLED;
    }
    return deck->config.source.read_at(deck->config.source.context, offset, buffer, bytes);
}

static void deck_unlock(void *context)
{
    struct media_deck *deck = context;
    atomic_store(&deck->cancelled, true);
    if (deck->config.source.unlock != NULL) {
        deck->config.source.unlock(deck->config.source.context);
    }
}

static void deck_unlock_stop(void *context)
{
    struct media_deck *deck = context;
    lock(deck);
    bool closing = deck->closing;
    unlock(deck);
    if (closing) {
        return;
    }
    if (deck->config.source.unlock_stop != NULL) {
        deck->config.source.unlock_stop(deck->config.source.context);
    }
    atomic_store(&deck->cancelled, false);
}

/* ---- what the chain delivers ---- */

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

static bool take_caps(struct media_deck *deck, GstCaps *caps)
{
    GstAudioInfo audio;
    bool known = gst_audio_info_from_caps(&audio, caps);
    lock(deck);
    if (!known || GST_AUDIO_INFO_CHANNELS(&audio) > 8) {
        fail_locked(deck, ERROR_UNSUPPORTED, "the decoder gives a format that is not known");
        known = false;
    } else if (!fits_the_manifest(deck, &audio)) {
        fail_locked(deck, ERROR_MALFORMED, "rate or channels are not those of the manifest");
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
    unlock_and_tell(deck);
    return known;
}

/* Waits while the deck may not decode further. False: flush. */
static bool wait_for_room_locked(struct media_deck *deck)
{
    uint64_t limit = time_scale(deck->config.ahead_us, deck->info.rate_hz, TIME_US_PER_S);
    while (!deck->flushing && !deck->closing && (deck->discard || deck->queued_frames > limit)) {
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

static void end_locked(struct media_deck *deck)
{
    if (deck->file.samples != 0 && deck->next_frame < deck->file.samples) {
        fail_locked(deck, ERROR_TRUNCATED, "the sound ends before its promised length");
    } else if (deck->error == 0) {
        deck->ended = true;
    }
}

/* Cuts a buffer of `count` frames at `index` to what is wanted, and queues it. */
static void queue_locked(struct media_deck *deck, GstBuffer *buffer, uint64_t index, uint64_t count)
{
    uint64_t end = index + count;
    if (deck->file.samples != 0 && end > deck->file.samples) {
        end = deck->file.samples;
    }
    uint64_t begin = index < deck->first_frame ? deck->first_frame : index;
    if (begin >= end) {
        return;
    }
    struct deck_block *block = calloc(1, sizeof *block);
    if (block == NULL) {
        fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
        return;
    }
    *block = (struct deck_block){.buffer = gst_buffer_ref(buffer),
                                 .first_frame = begin,
                                 .skip = (uint32_t)(begin - index),
                                 .count = (uint32_t)(end - begin)};
    if (deck->tail == NULL) {
        deck->head = block;
    } else {
        deck->tail->next = block;
    }
    deck->tail = block;
    deck->queued_frames += block->count;
}

/* A seek landed behind its target: control tries again from further back. */
static bool landed_too_late_locked(struct media_deck *deck, uint64_t index)
{
    if (!deck->resync || index <= deck->first_frame || deck->seek_wanted) {
        return false;
    }
    deck->seek_back_us *= SEEK_RETRY_FACTOR;
    deck->seek_wanted = true;
    deck->discard = true;
    return true;
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
    deck->resync = false;
    uint64_t count = gst_buffer_get_size(buffer) / deck->frame_bytes;
    queue_locked(deck, buffer, index, count);
    deck->next_frame = index + count;
    if (deck->file.samples != 0 && deck->next_frame >= deck->file.samples) {
        end_locked(deck);
        return GST_FLOW_EOS;
    }
    return deck->error != 0 ? GST_FLOW_ERROR : GST_FLOW_OK;
}

static GstFlowReturn on_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    (void)parent;
    struct media_deck *deck = gst_pad_get_element_private(pad);
    lock(deck);
    deck->touched = true;
    (void)pthread_cond_broadcast(&deck->changed);
    GstFlowReturn flow = deck->info_known ? take_pcm_locked(deck, buffer) : GST_FLOW_NOT_NEGOTIATED;
    unlock_and_tell(deck);
    gst_buffer_unref(buffer);
    return flow;
}

static void on_end_of_stream(struct media_deck *deck)
{
    int error = media_pull_source_error(deck->chain.elements[0]);
    lock(deck);
    deck->touched = true;
    if (deck->discard || deck->flushing || deck->closing) {
        unlock_and_tell(deck);
        return;
    }
    if (error != 0) {
        fail_locked(deck, error, error_text(error));
    } else if (!deck->info_known) {
        fail_locked(deck, ERROR_MALFORMED, "no sound was found");
    } else {
        end_locked(deck);
    }
    unlock_and_tell(deck);
}

static void on_flush(struct media_deck *deck, bool begins)
{
    lock(deck);
    deck->flushing = begins;
    drop_queue_locked(deck);
    deck->ended = false;
    if (!begins) {
        deck->discard = deck->seek_wanted;
        deck->resync = true;
        gst_segment_init(&deck->segment, GST_FORMAT_TIME);
    }
    unlock_and_tell(deck);
}

static void take_tags(struct media_deck *deck, GstEvent *event)
{
    GstTagList *tags = NULL;
    gst_event_parse_tag(event, &tags);
    if (deck->config.tags != NULL) {
        deck->config.tags(deck->config.context, tags);
    }
}

static gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event)
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
        lock(deck);
        gst_event_copy_segment(event, &deck->segment);
        unlock(deck);
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

static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, gpointer context)
{
    (void)bus;
    struct media_deck *deck = context;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        char text[MEDIA_DECK_ERROR_TEXT_BYTES];
        int error = error_of_message(message, text, sizeof text);
        int source_error = media_pull_source_error(deck->chain.elements[0]);
        lock(deck);
        deck->touched = true;
        if (!deck->discard && !deck->flushing && !deck->closing) {
            fail_locked(deck, source_error != 0 ? source_error : error,
                        source_error != 0 ? error_text(source_error) : text);
        }
        unlock_and_tell(deck);
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

/* ---- seeking ---- */

static uint64_t settle_us(enum media_codec codec)
{
    if (codec == MEDIA_CODEC_OPUS) {
        return SEEK_SETTLE_US_OPUS;
    }
    return codec == MEDIA_CODEC_VORBIS ? SEEK_SETTLE_US_VORBIS : SEEK_SETTLE_US_OTHER;
}

/* One attempt: the chain flushes and goes on before the target. */
static bool send_seek(struct media_deck *deck, uint64_t frame, uint64_t back_us)
{
    uint64_t target_ns = gst_util_uint64_scale(frame, GST_SECOND, deck->info.rate_hz);
    uint64_t back_ns = back_us > target_ns / 1000 ? target_ns : back_us * 1000;
    GstEvent *event = gst_event_new_seek(
        1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
        (gint64)(target_ns - back_ns), GST_SEEK_TYPE_NONE, -1);
    return gst_pad_push_event(deck->sink, event);
}

/* Takes the target and carries the seek out. Called and returns locked. */
static void seek_locked(struct media_deck *deck)
{
    deck->seek_wanted = false;
    deck->seek_active = true;
    deck->first_frame = deck->seek_frame;
    uint64_t frame = deck->seek_frame;
    uint64_t back_us = deck->seek_back_us;
    unlock(deck);
    deck_unlock_stop(deck);
    bool sent = send_seek(deck, frame, back_us);
    lock(deck);
    deck->seek_active = false;
    if (!sent && !deck->seek_wanted && !deck->closing) {
        int error = media_pull_source_error(deck->chain.elements[0]);
        fail_locked(deck, error != 0 ? error : ERROR_MALFORMED, "can't be sought in");
        deck->hungry = true;
    }
}

static void *control_main(void *context)
{
    struct media_deck *deck = context;
    lock(deck);
    while (!deck->closing) {
        if (!deck->seek_wanted || !deck->touched || !deck->info_known || deck->error != 0) {
            (void)pthread_cond_wait(&deck->changed, &deck->mutex);
            continue;
        }
        seek_locked(deck);
        unlock_and_tell(deck);
        lock(deck);
    }
    unlock(deck);
    return NULL;
}

/* Notes the target, and starts control when there is none. False: no thread to be had. */
static bool want_seek_locked(struct media_deck *deck, uint64_t frame)
{
    if (!deck->control_runs) {
        deck->control_runs = pthread_create(&deck->control, NULL, control_main, deck) == 0;
    }
    deck->seek_frame = frame;
    deck->seek_back_us = settle_us(deck->file.codec);
    deck->seek_wanted = true;
    deck->discard = true;
    deck->ended = false;
    drop_queue_locked(deck);
    return deck->control_runs;
}

/* ---- the consumer ---- */

static void release_held(struct media_deck *deck)
{
    if (deck->held != NULL) {
        gst_buffer_unmap(deck->held->buffer, &deck->held_map);
        free_block(deck->held);
        deck->held = NULL;
    }
}

void media_deck_seek(struct media_deck *deck, uint64_t position_us)
{
    release_held(deck);
    lock(deck);
    uint32_t rate_hz = deck->file.samples != 0 ? deck->file.rate_hz : deck->info.rate_hz;
    uint64_t frame = media_frame_at(position_us, rate_hz);
    bool interrupt = deck->seek_active;
    if (!want_seek_locked(deck, frame)) {
        fail_locked(deck, ERROR_SYSTEM, "no thread for a seek");
    } else if (deck->file.samples != 0 && frame >= deck->file.samples) {
        deck->seek_wanted = false;
        deck->ended = true;
    }
    unlock_and_tell(deck);
    if (interrupt) {
        deck_unlock(deck);
    }
}

static void copy_config(struct media_deck *deck, const struct media_deck_config *config)
{
    deck->config = *config;
    deck->file = *config->file;
    deck->config.file = &deck->file;
    if (deck->config.ahead_us == 0) {
        deck->config.ahead_us = MEDIA_DECK_AHEAD_US_DEFAULT;
    } else if (deck->config.ahead_us > MEDIA_DECK_AHEAD_US_MAX) {
        deck->config.ahead_us = MEDIA_DECK_AHEAD_US_MAX;
    }
    deck->hungry = true;
    gst_segment_init(&deck->segment, GST_FORMAT_TIME);
}

static void init_waiting(struct media_deck *deck)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&deck->mutex, NULL);
    (void)pthread_cond_init(&deck->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void make_sink(struct media_deck *deck)
{
    GstCaps *caps = deck_chain_caps(deck->file.codec);
    GstPadTemplate *wanted = gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps);
    gst_object_ref_sink(wanted);
    gst_caps_unref(caps);
    deck->sink = gst_pad_new_from_template(wanted, "sink");
    gst_object_unref(wanted);
    gst_object_ref_sink(deck->sink);
    gst_pad_set_element_private(deck->sink, deck);
    gst_pad_set_chain_function(deck->sink, on_buffer);
    gst_pad_set_event_function(deck->sink, on_event);
    (void)gst_pad_set_active(deck->sink, TRUE);
}

/* What is left when there is no chain. */
static void free_deck(struct media_deck *deck)
{
    if (deck->sink != NULL) {
        (void)gst_pad_set_active(deck->sink, FALSE);
        gst_object_unref(deck->sink);
    }
    drop_queue_locked(deck);
    (void)pthread_cond_destroy(&deck->changed);
    (void)pthread_mutex_destroy(&deck->mutex);
    free(deck);
}

/* Where to begin, before anything runs. */
static void set_start(struct media_deck *deck, uint64_t position_us)
{
    uint64_t frame = media_frame_at(position_us, deck->file.rate_hz);
    if (frame == 0) {
        return;
    }
    lock(deck);
    if (deck->file.samples != 0 && frame >= deck->file.samples) {
        deck->discard = true;
        deck->ended = true;
    } else if (!want_seek_locked(deck, frame)) {
        fail_locked(deck, ERROR_SYSTEM, "no thread for a seek");
    }
    unlock(deck);
}

int media_deck_open(const struct media_deck_config *config, struct media_deck **ret_deck)
{
    int error = media_gst_warm(config->file->container, config->file->codec);
    if (error != 0) {
        return error;
    }
    struct media_deck *deck = calloc(1, sizeof *deck);
    if (deck == NULL) {
        return ERROR_NO_MEMORY;
    }
    copy_config(deck, config);
    init_waiting(deck);
    make_sink(deck);
    struct media_source source = {.bytes = config->source.bytes,
                                  .read_at = deck_read_at,
                                  .unlock = deck_unlock,
                                  .unlock_stop = deck_unlock_stop,
                                  .context = deck};
    error = deck_chain_init(&deck->chain, deck->file.container, deck->file.codec, &source,
                            deck->sink, on_message, deck);
    if (error != 0) {
        free_deck(deck);
        return error;
    }
    set_start(deck, config->position_us);
    error = deck_chain_start(&deck->chain);
    if (error != 0) {
        media_deck_close(deck);
        return error;
    }
    *ret_deck = deck;
    return 0;
}

void media_deck_close(struct media_deck *deck)
{
    if (deck == NULL) {
        return;
    }
    release_held(deck);
    lock(deck);
    deck->closing = true;
    (void)pthread_cond_broadcast(&deck->changed);
    unlock(deck);
    deck_unlock(deck);
    if (deck->control_runs) {
        (void)pthread_join(deck->control, NULL);
    }
    deck_chain_deinit(&deck->chain);
    free_deck(deck);
}

static struct timespec moment_after(uint64_t wait_us)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t nanoseconds = (uint64_t)now.tv_nsec + wait_us % TIME_US_PER_S * 1000;
    now.tv_sec += (time_t)(wait_us / TIME_US_PER_S + nanoseconds / 1000000000u);
    now.tv_nsec = (long)(nanoseconds % 1000000000u);
    return now;
}

static bool has_news(const struct media_deck *deck)
{
    return deck->head != NULL || deck->ended || deck->error != 0 || deck->interrupted;
}

/* Waits for news, up to `wait_us`. */
static void wait_for_news_locked(struct media_deck *deck, uint64_t wait_us)
{
    if (wait_us == 0 || has_news(deck)) {
        return;
    }
    bool forever = wait_us > UINT64_C(1) << 50;
    struct timespec until = forever ? (struct timespec){0} : moment_after(wait_us);
    int result = 0;
    while (!has_news(deck) && result != ETIMEDOUT) {
        result = forever ? pthread_cond_wait(&deck->changed, &deck->mutex)
                         : pthread_cond_timedwait(&deck->changed, &deck->mutex, &until);
    }
}

/* The queue's first block: whole when it has at most `frames_max` frames, else its first part. */
static struct deck_block *take_block_locked(struct media_deck *deck, uint32_t frames_max)
{
    struct deck_block *head = deck->head;
    struct deck_block *taken = head;
    if (head->count > frames_max) {
        taken = calloc(1, sizeof *taken);
        if (taken == NULL) {
            return NULL;
        }
        *taken = *head;
        taken->buffer = gst_buffer_ref(head->buffer);
        taken->count = frames_max;
        head->first_frame += frames_max;
        head->skip += frames_max;
        head->count -= frames_max;
    } else {
        deck->head = head->next;
        deck->tail = deck->head == NULL ? NULL : deck->tail;
    }
    taken->next = NULL;
    deck->queued_frames -= taken->count;
    return taken;
}

/* What pull answers, without PCM. */
static enum media_deck_state state_locked(struct media_deck *deck)
{
    if (deck->interrupted) {
        deck->interrupted = false;
        return MEDIA_DECK_INTERRUPTED;
    }
    if (deck->error != 0) {
        return MEDIA_DECK_FAILED;
    }
    if (deck->ended) {
        return MEDIA_DECK_END;
    }
    deck->hungry = true;
    return MEDIA_DECK_WAIT;
}

static enum media_deck_state hand_out(struct media_deck *deck, struct deck_block *block,
                                      struct media_pcm *ret_pcm)
{
    if (!gst_buffer_map(block->buffer, &deck->held_map, GST_MAP_READ)) {
        free_block(block);
        lock(deck);
        fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
        unlock(deck);
        return MEDIA_DECK_FAILED;
    }
    deck->held = block;
    *ret_pcm =
        (struct media_pcm){.frames = deck->held_map.data + (size_t)block->skip * deck->frame_bytes,
                           .count = block->count,
                           .first_frame = block->first_frame};
    return MEDIA_DECK_PCM;
}

enum media_deck_state media_deck_pull(struct media_deck *deck, uint32_t frames_max,
                                      uint64_t wait_us, struct media_pcm *ret_pcm)
{
    assert(frames_max > 0);
    release_held(deck);
    lock(deck);
    wait_for_news_locked(deck, wait_us);
    struct deck_block *block = NULL;
    enum media_deck_state state = MEDIA_DECK_WAIT;
    if (deck->head != NULL && !deck->interrupted) {
        block = take_block_locked(deck, frames_max);
        if (block == NULL) {
            fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
            drop_queue_locked(deck);
        }
    }
    if (block == NULL) {
        state = state_locked(deck);
    }
    (void)pthread_cond_broadcast(&deck->changed);
    unlock(deck);
    return block == NULL ? state : hand_out(deck, block, ret_pcm);
}

bool media_deck_info(struct media_deck *deck, struct media_pcm_info *ret_info)
{
    lock(deck);
    bool known = deck->info_known;
    if (known) {
        *ret_info = deck->info;
    }
    unlock(deck);
    return known;
}

uint64_t media_deck_ready_frames(struct media_deck *deck)
{
    lock(deck);
    uint64_t frames = deck->queued_frames;
    unlock(deck);
    return frames;
}

bool media_deck_is_full(struct media_deck *deck)
{
    lock(deck);
    bool full = deck->ended || deck->error != 0;
    if (!full && deck->info_known && !deck->discard) {
        full = deck->queued_frames >
               time_scale(deck->config.ahead_us, deck->info.rate_hz, TIME_US_PER_S);
    }
    unlock(deck);
    return full;
}

void media_deck_interrupt(struct media_deck *deck)
{
    lock(deck);
    deck->interrupted = true;
    (void)pthread_cond_broadcast(&deck->changed);
    unlock(deck);
}

int media_deck_error(struct media_deck *deck, char *ret_text)
{
    lock(deck);
    int error = deck->error;
    if (ret_text != NULL) {
        (void)snprintf(ret_text, MEDIA_DECK_ERROR_TEXT_BYTES, "%s", deck->error_text);
    }
    unlock(deck);
    return error;
}
