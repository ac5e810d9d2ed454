/*
 * deck.c: the consumer's side of a deck: open, pull, seek, close.
 *
 * Happy path: the chain's thread delivers decoded buffers to our sink pad; each gets the index of
 * its first frame, is cut to [first wanted, samples), and waits in the queue until it is pulled.
 * Failure modes: a source that fails or a damaged stream ends in FAILED with the source's error
 * first; fewer frames than promised is FAILED (ERROR_TRUNCATED); close and seek break every wait.
 */
#include "media/gst/deck.h"

#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/deck_internal.h"
#include "media/gst/init.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Longer waits than this are for ever. */
#define WAIT_US_MAX (UINT64_C(1) << 50)

uint32_t media_pcm_sample_bytes(enum media_pcm_format format)
{
    return format == MEDIA_PCM_S16 ? 2 : 4;
}

uint64_t media_frame_at(uint64_t position_us, uint32_t rate_hz)
{
    unsigned __int128 scaled = (unsigned __int128)position_us * rate_hz + TIME_US_PER_S / 2;
    return (uint64_t)(scaled / TIME_US_PER_S);
}

void deck_lock(struct media_deck *deck)
{
    (void)pthread_mutex_lock(&deck->mutex);
}

void deck_unlock(struct media_deck *deck)
{
    (void)pthread_mutex_unlock(&deck->mutex);
}

void deck_unlock_and_tell(struct media_deck *deck)
{
    bool wake = deck->hungry &&
                ((deck->head != NULL && !deck->settling) || deck->ended || deck->error != 0);
    if (wake) {
        deck->hungry = false;
    }
    (void)pthread_cond_broadcast(&deck->changed);
    deck_unlock(deck);
    if (wake && deck->config.wake != NULL) {
        deck->config.wake(deck->config.context);
    }
}

void deck_fail_locked(struct media_deck *deck, int error, const char *text)
{
    if (deck->error == 0 && !deck->ended) {
        deck->error = error;
        (void)snprintf(deck->error_text, sizeof deck->error_text, "%s", text);
    }
}

void deck_free_block(struct deck_block *block)
{
    gst_buffer_unref(block->buffer);
    free(block);
}

void deck_drop_queue_locked(struct media_deck *deck)
{
    while (deck->head != NULL) {
        struct deck_block *block = deck->head;
        deck->head = block->next;
        deck_free_block(block);
    }
    deck->tail = NULL;
    deck->queued_frames = 0;
}

static void release_held(struct media_deck *deck)
{
    if (deck->held != NULL) {
        gst_buffer_unmap(deck->held->buffer, &deck->held_map);
        deck_free_block(deck->held);
        deck->held = NULL;
    }
}

void media_deck_seek(struct media_deck *deck, uint64_t position_us)
{
    release_held(deck);
    deck_lock(deck);
    uint32_t rate_hz = deck->file.samples != 0 ? deck->file.rate_hz : deck->info.rate_hz;
    uint64_t frame = media_frame_at(position_us, rate_hz);
    if (!deck_want_seek_locked(deck, frame)) {
        deck_fail_locked(deck, ERROR_SYSTEM, "no thread for a seek");
    } else if (deck->file.samples != 0 && frame >= deck->file.samples) {
        deck->seek_wanted = false;
        deck->ended = true;
    }
    if (deck->seek_active) {
        deck_source_unlock(deck);
    }
    deck_unlock_and_tell(deck);
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
    deck->settling = deck->file.codec == MEDIA_CODEC_VORBIS;
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
    gst_pad_set_chain_function(deck->sink, deck_on_buffer);
    gst_pad_set_event_function(deck->sink, deck_on_event);
    (void)gst_pad_set_active(deck->sink, TRUE);
}

/* What is left when there is no chain. */
static void free_deck(struct media_deck *deck)
{
    if (deck->sink != NULL) {
        (void)gst_pad_set_active(deck->sink, FALSE);
        gst_object_unref(deck->sink);
    }
    deck_drop_queue_locked(deck);
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
    deck_lock(deck);
    if (deck->file.samples != 0 && frame >= deck->file.samples) {
        deck->discard = true;
        deck->ended = true;
    } else if (!deck_want_seek_locked(deck, frame)) {
        deck_fail_locked(deck, ERROR_SYSTEM, "no thread for a seek");
    }
    deck_unlock(deck);
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
                                  .unlock = deck_source_unlock,
                                  .unlock_stop = deck_source_unlock_stop,
                                  .context = deck};
    error = deck_chain_init(&deck->chain, deck->file.container, deck->file.codec, &source,
                            deck->sink, deck_on_message, deck);
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
    deck_lock(deck);
    deck->closing = true;
    (void)pthread_cond_broadcast(&deck->changed);
    deck_unlock(deck);
    deck_source_unlock(deck);
    if (deck->control_runs) {
        (void)pthread_join(deck->control, NULL);
    }
    deck_chain_deinit(&deck->chain);
    deck_source_unlock_stop_locked(deck); /* nobody reads any more: as it was given */
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
    return (deck->head != NULL && !deck->settling) || deck->ended || deck->error != 0;
}

/* Waits for news, up to `wait_us`. */
static void wait_for_news_locked(struct media_deck *deck, uint64_t wait_us)
{
    if (wait_us == 0 || has_news(deck)) {
        return;
    }
    bool forever = wait_us > WAIT_US_MAX;
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
        deck_free_block(block);
        deck_lock(deck);
        deck_fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
        deck_unlock(deck);
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
    deck_lock(deck);
    wait_for_news_locked(deck, wait_us);
    struct deck_block *block = NULL;
    enum media_deck_state state = MEDIA_DECK_WAIT;
    if (deck->head != NULL && !deck->settling) {
        block = take_block_locked(deck, frames_max);
        if (block == NULL) {
            deck_fail_locked(deck, ERROR_NO_MEMORY, "out of memory");
            deck_drop_queue_locked(deck);
        }
    }
    if (block == NULL) {
        state = state_locked(deck);
    }
    (void)pthread_cond_broadcast(&deck->changed);
    deck_unlock(deck);
    return block == NULL ? state : hand_out(deck, block, ret_pcm);
}

bool media_deck_info(struct media_deck *deck, struct media_pcm_info *ret_info)
{
    deck_lock(deck);
    bool known = deck->info_known;
    if (known) {
        *ret_info = deck->info;
    }
    deck_unlock(deck);
    return known;
}

uint64_t media_deck_ready_frames(struct media_deck *deck)
{
    deck_lock(deck);
    uint64_t frames = deck->settling ? 0 : deck->queued_frames;
    deck_unlock(deck);
    return frames;
}

static bool is_full_locked(const struct media_deck *deck)
{
    if (deck->ended || deck->error != 0) {
        return true;
    }
    return deck->info_known && !deck->discard && !deck->settling &&
           deck->queued_frames >
               time_scale(deck->config.ahead_us, deck->info.rate_hz, TIME_US_PER_S);
}

void media_deck_wait_full(struct media_deck *deck)
{
    deck_lock(deck);
    while (!is_full_locked(deck)) {
        (void)pthread_cond_wait(&deck->changed, &deck->mutex);
    }
    deck_unlock(deck);
}

int media_deck_error(struct media_deck *deck, char *ret_text)
{
    deck_lock(deck);
    int error = deck->error;
    if (ret_text != NULL) {
        (void)snprintf(ret_text, MEDIA_DECK_ERROR_TEXT_BYTES, "%s", deck->error_text);
    }
    deck_unlock(deck);
    return error;
}
