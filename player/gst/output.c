/*
 * output.c: the mixing thread: pulls frames from decks, gives them to the sink, tells what is heard.
 *
 * Responsible for the order of entries in the stream, for positions, stalls and ends as they are
 * heard (not as they are decoded), and for a thread that any command reaches within a millisecond.
 * Not for formats (convert.c), nor for how sound leaves (sink.h).
 *
 * The other threads touch the mailbox only (output_mail.h).
 */
#include "player/gst/output.h"

#include "common/error.h"
#include "common/time_us.h"
#include "media/gst/deck.h"
#include "media/gst/init.h"
#include "player/gst/convert.h"
#include "player/gst/heard.h"
#include "player/gst/level.h"
#include "player/gst/output_mail.h"
#include "player/gst/sink.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_PULL_FRAMES 2048u
/* How often a sink with a clock is looked after while it plays. */
#define OUTPUT_TICK_US UINT64_C(20000)
/* How often a FIFO without a reader is tried. */
#define OUTPUT_RETRY_US UINT64_C(1000)
/* Blocks moved before the mailbox is looked at again. */
#define OUTPUT_BURST 8u
/* What plays and what is prepared. */
#define OUTPUT_QUEUE_MAX (OUTPUT_PREPARED_MAX + 1u)

/* An entry whose frames are still to be pulled. */
struct playing {
    struct output_track track;
    struct media_deck *deck; /* NULL: it could not be opened, `error` says why */
    int error;
    bool started; /* its START mark was set */
};

struct output {
    struct output_config config;
    char *path;
    pthread_t thread;
    struct output_mail mail;

    /* The mixing thread's own from here. */
    struct sink *sink; /* NULL until the first deck's format is known, and when broken */
    bool broken, quit, paused;
    bool unclocked;                /* --fast or WAV: no stalls, positions by sound */
    struct media_pcm_info info;    /* the stream's */
    struct convert *convert;       /* for the current deck; NULL: same format */
    struct level *level;           /* NULL: no stream yet */
    uint32_t percent;              /* how loud */
    enum output_gain gain;         /* of entries to come */
    double entry_gain, entry_peak; /* of the current one; an amplitude */
    uint32_t serial;
    struct playing queue[OUTPUT_QUEUE_MAX];
    uint32_t queue_count;
    uint64_t written;       /* frames given to the sink */
    const uint8_t *pending; /* frames pulled (and converted) that the sink did not take yet */
    uint32_t pending_count;
    uint64_t retry_us; /* when a sink that was busy is tried again */
    struct heard heard;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TIME_US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/* --- telling ------------------------------------------------------------------------------------ */

static void tell_full(struct output *output, struct output_event event)
{
    event.now_us = now_us();
    event.serial = output->serial;
    output->config.post(output->config.context, &event);
}

/* A heard_tell. */
static void tell(void *context, enum output_event_kind kind, uint32_t entry, uint64_t position_us,
                 int error)
{
    struct output *output = context;
    tell_full(output,
              (struct output_event){
                  .kind = kind, .entry = entry, .position_us = position_us, .error = error});
}

static void tell_closed(struct output *output, const struct output_track *track)
{
    tell_full(output, (struct output_event){.kind = OUTPUT_EVENT_CLOSED,
                                            .entry = track->entry,
                                            .source_context = track->source.context});
}

static void tell_text(struct output *output, enum output_event_kind kind, int error,
                      const char *text)
{
    struct output_event event = {.kind = kind, .error = error};
    snprintf(event.text, sizeof event.text, "%s", text);
    tell_full(output, event);
}

/* --- the queue of entries ------------------------------------------------------------------------ */

static void close_playing(struct output *output, struct playing *playing)
{
    media_deck_close(playing->deck);
    playing->deck = NULL;
    tell_closed(output, &playing->track);
}

/* The first of the queue is done with. */
static void drop_first(struct output *output)
{
    convert_free(output->convert);
    output->convert = NULL;
    output->pending_count = 0;
    close_playing(output, &output->queue[0]);
    output->queue_count--;
    memmove(&output->queue[0], &output->queue[1], output->queue_count * sizeof output->queue[0]);
}

static void forget_all(struct output *output)
{
    while (output->queue_count > 0) {
        drop_first(output);
    }
    output->pending_count = 0; /* what was held back at the end */
    if (output->sink != NULL) {
        output->sink->vtable->flush(output->sink, now_us());
    }
    if (output->level != NULL) {
        level_flush(output->level);
    }
    heard_reset(&output->heard);
}

static void append(struct output *output, const struct output_track *track, uint64_t position_us)
{
    assert(output->queue_count < OUTPUT_QUEUE_MAX);
    struct playing *playing = &output->queue[output->queue_count++];
    *playing = (struct playing){.track = *track};
    playing->track.position_us = position_us;
    struct media_deck_config config = {
        .file = &playing->track.file,
        .source = track->source,
        .position_us = position_us,
        .wake = output_mail_wake,
        .context = &output->mail,
    };
    playing->error = media_deck_open(&config, &playing->deck);
}

static void hear_all(struct output *output)
{
    struct heard_now now = {
        .now_us = now_us(), .written = output->written, .paused = output->paused};
    /* Without a sink nothing was written; an entry that failed at once is told all the same. */
    now.played = output->sink != NULL ? output->sink->vtable->played(output->sink, now.now_us)
                                      : output->written;
    heard_update(&output->heard, &now);
}

/* --- the sink ---------------------------------------------------------------------------------------- */

static void break_sink(struct output *output, int error, const char *text)
{
    char reason[OUTPUT_TEXT_BYTES_MAX];
    if (text[0] == '\0') {
        snprintf(reason, sizeof reason, "%.150s: %s",
                 output->path != NULL ? output->path : "audio device", error_text(error));
        text = reason;
    }
    tell_text(output, OUTPUT_EVENT_BROKEN, error, text);
    output->broken = true;
    forget_all(output);
}

static struct sink *make_sink(const struct output *output, enum output_kind kind)
{
    switch (kind) {
    case OUTPUT_AUTO:
        /* Unsynchronised sound is no use to a device. */
        return output->config.fast ? sink_null_new(true) : sink_device_new(NULL);
    case OUTPUT_GST:
        return sink_device_new(output->path);
    case OUTPUT_WAV:
        return sink_wav_new(output->path);
    case OUTPUT_NULL:
        break;
    }
    return sink_null_new(output->config.fast);
}

/* Makes a sink and begins the stream. Errors as sink_vtable.start's. */
static int start_sink(struct output *output, enum output_kind kind, char *ret_text)
{
    if (output->sink == NULL) {
        output->sink = make_sink(output, kind);
        if (output->sink == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    int error = output->sink->vtable->start(output->sink, &output->info, ret_text);
    if (error != 0) {
        output->sink->vtable->free(output->sink);
        output->sink = NULL;
    }
    return error;
}

/* True when the stream runs. */
static bool need_sink(struct output *output)
{
    if (output->sink != NULL) {
        return true;
    }
    if (now_us() < output->retry_us) {
        return false;
    }
    char text[SINK_TEXT_BYTES] = "";
    int error = start_sink(output, output->config.kind, text);
    if (error == ERROR_BUSY) {
        output->retry_us = now_us() + OUTPUT_RETRY_US;
        return false;
    }
    if (error > 0 && output->config.kind == OUTPUT_AUTO) {
        tell_text(output, OUTPUT_EVENT_FELL_BACK, error, text);
        output->config.kind = OUTPUT_NULL;
        error = start_sink(output, OUTPUT_NULL, text);
    }
    if (error != 0) {
        break_sink(output, error, text);
        return false;
    }
    if (output->paused) {
        output->sink->vtable->set_paused(output->sink, now_us(), true);
    }
    return true;
}

/* Gives the sink what is pending. True when it took something. */
static bool write_pending(struct output *output)
{
    uint32_t taken = 0;
    int error = output->sink->vtable->write(output->sink, now_us(), output->pending,
                                            output->pending_count, &taken);
    if (error != 0) {
        break_sink(output, error, "");
        return false;
    }
    size_t frame_bytes = media_pcm_sample_bytes(output->info.format) * output->info.channels;
    output->pending += taken * frame_bytes;
    output->pending_count -= taken;
    output->written += taken;
    return taken > 0;
}

/* --- pulling ------------------------------------------------------------------------------------------ */

static bool same_format(const struct media_pcm_info *a, const struct media_pcm_info *b)
{
    return a->format == b->format && a->channels == b->channels && a->rate_hz == b->rate_hz;
}

/* Frames of the stream so far, whether they have reached the sink or not. */
static uint64_t stream_frames(const struct output *output)
{
    return output->written + (output->level != NULL ? level_held(output->level) : 0);
}

static void set_level(struct output *output)
{
    if (output->level != NULL) {
        double volume = level_of_percent(output->percent);
        level_set(output->level, volume * output->entry_gain, output->entry_peak);
    }
}

/* What its file says of its loudness. */
static void take_gain(struct output *output, const struct media_file *file)
{
    output->entry_gain = 1;
    output->entry_peak = 0;
    if (output->gain != OUTPUT_GAIN_OFF) {
        output->entry_gain =
            level_of_file(file, output->gain == OUTPUT_GAIN_ALBUM, &output->entry_peak);
    }
    set_level(output);
}

/* What was pulled, as loud as it is to be. */
static int level_pending(struct output *output)
{
    if (output->pending_count == 0) {
        return 0;
    }
    return level_frames(output->level, output->pending, output->pending_count, &output->pending,
                        &output->pending_count);
}

/* The first frames of an entry: its mark, and a converter if it needs one. */
static int begin_entry(struct output *output, struct playing *playing,
                       const struct media_pcm_info *info)
{
    if (output->sink == NULL) {
        output->info = *info;
        output->heard.rate_hz = info->rate_hz;
        level_free(output->level);
        output->level = level_new(info);
        if (output->level == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    if (!same_format(info, &output->info)) {
        int error = convert_new(info, &output->info, &output->convert);
        if (error != 0) {
            return error;
        }
    }
    take_gain(output, &playing->track.file);
    if (stream_frames(output) == 0) {
        level_flush(output->level); /* nothing was heard that it could glide from */
    }
    playing->started = true;
    heard_start(&output->heard, stream_frames(output), playing->track.entry,
                playing->track.position_us);
    return 0;
}

static void end_entry(struct output *output, int error)
{
    heard_end(&output->heard, stream_frames(output), output->queue[0].track.entry, error);
    drop_first(output);
}

/* Frames for the sink; false when there are none. */
static bool take_pcm(struct output *output, const struct media_pcm *pcm)
{
    struct playing *playing = &output->queue[0];
    struct media_pcm_info info;
    bool known = media_deck_info(playing->deck, &info);
    assert(known);
    (void)known;
    int error = playing->started ? 0 : begin_entry(output, playing, &info);
    output->pending = pcm->frames;
    output->pending_count = pcm->count;
    if (error == 0 && output->convert != NULL) {
        error = convert_frames(output->convert, pcm->frames, pcm->count, &output->pending,
                               &output->pending_count);
    }
    if (error == 0) {
        error = level_pending(output);
    }
    if (error != 0) {
        end_entry(output, error);
        return false;
    }
    return true;
}

/* An entry has no more frames, but its converter may. */
static bool take_rest(struct output *output)
{
    if (output->convert != NULL) {
        convert_drain(output->convert, &output->pending, &output->pending_count);
        if (output->pending_count > 0 && level_pending(output) == 0) {
            return true;
        }
    }
    struct playing *playing = &output->queue[0];
    if (!playing->started) {
        /* Nothing to hear at all (a seek to the very end). */
        playing->started = true;
        heard_start(&output->heard, stream_frames(output), playing->track.entry,
                    playing->track.position_us);
    }
    end_entry(output, 0);
    return true;
}

/* Pulls once. True when there may be more to do at once. */
static bool pull(struct output *output)
{
    struct playing *playing = &output->queue[0];
    if (playing->deck == NULL) {
        end_entry(output, playing->error);
        return true;
    }
    struct media_pcm pcm;
    switch (media_deck_pull(playing->deck, OUTPUT_PULL_FRAMES, 0, &pcm)) {
    case MEDIA_DECK_PCM:
        return take_pcm(output, &pcm);
    case MEDIA_DECK_END:
        return take_rest(output);
    case MEDIA_DECK_FAILED:
        end_entry(output, media_deck_error(playing->deck, NULL));
        return true;
    case MEDIA_DECK_WAIT:
        break;
    }
    return false;
}

/* Nothing follows: what is held back is heard. False: nothing was. */
static bool take_held(struct output *output)
{
    if (output->level == NULL || level_held(output->level) == 0) {
        return false;
    }
    level_drain(output->level, &output->pending, &output->pending_count);
    return output->pending_count > 0;
}

/* Moves frames until the sink is full, the decks have none or a burst is done; true for the last. */
static bool move(struct output *output)
{
    for (uint32_t i = 0; i < OUTPUT_BURST; i++) {
        if (output->broken || output->paused) {
            return false;
        }
        if (!heard_has_room(&output->heard)) {
            return false; /* many short entries: first they are heard */
        }
        if (output->pending_count > 0) {
            if (!need_sink(output) || !write_pending(output)) {
                return false;
            }
        } else if (output->queue_count == 0) {
            if (!take_held(output)) {
                return false;
            }
        } else if (!pull(output)) {
            return false;
        }
    }
    return true;
}

/* --- commands ------------------------------------------------------------------------------------------ */

/* The same entry from another place: its deck goes on. */
static bool seek_in_deck(struct output *output, const struct output_track *track)
{
    struct playing *playing = &output->queue[0];
    if (output->queue_count == 0 || playing->track.entry != track->entry || playing->deck == NULL ||
        media_deck_error(playing->deck, NULL) != 0) {
        return false;
    }
    while (output->queue_count > 1) {
        close_playing(output, &output->queue[--output->queue_count]);
    }
    struct playing kept = *playing;
    output->queue_count = 0;
    forget_all(output);
    convert_free(output->convert);
    output->convert = NULL;
    output->pending_count = 0;
    kept.started = false;
    kept.track.position_us = track->position_us;
    output->queue[0] = kept;
    output->queue_count = 1;
    media_deck_seek(kept.deck, track->position_us);
    return true;
}

static void do_switch(struct output *output, const struct command *command)
{
    bool kept = seek_in_deck(output, &command->track);
    if (!kept) {
        forget_all(output);
    }
    output->serial = command->serial;
    if (kept || output->broken) {
        tell_closed(output, &command->track);
        return;
    }
    append(output, &command->track, command->track.position_us);
}

static void do_prepare(struct output *output, const struct command *command)
{
    if (output->broken) {
        tell_closed(output, &command->track);
        return;
    }
    append(output, &command->track, 0);
}

static void do_unprepare(struct output *output, uint32_t entry)
{
    for (uint32_t i = 0; i < output->queue_count; i++) {
        if (output->queue[i].track.entry != entry) {
            continue;
        }
        if (i == 0) {
            drop_first(output);
        } else {
            close_playing(output, &output->queue[i]);
            output->queue_count--;
            memmove(&output->queue[i], &output->queue[i + 1],
                    (output->queue_count - i) * sizeof output->queue[0]);
        }
        break;
    }
    heard_forget(&output->heard, entry);
}

static void do_pause(struct output *output, bool paused)
{
    output->paused = paused;
    if (output->sink != NULL) {
        output->sink->vtable->set_paused(output->sink, now_us(), paused);
    }
}

static void carry_out(struct output *output, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_SWITCH:
        do_switch(output, command);
        break;
    case COMMAND_PREPARE:
        do_prepare(output, command);
        break;
    case COMMAND_UNPREPARE:
        do_unprepare(output, command->track.entry);
        break;
    case COMMAND_LEVEL:
        output->percent = command->percent;
        output->gain = command->gain;
        set_level(output);
        break;
    case COMMAND_SILENCE:
        forget_all(output);
        break;
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
        do_pause(output, command->kind == COMMAND_PAUSE);
        break;
    case COMMAND_QUIT:
        forget_all(output);
        output->quit = true;
        break;
    }
}

static void carry_out_all(struct output *output)
{
    struct command *command = output_mail_take(&output->mail);
    while (command != NULL) {
        struct command *next = command->next;
        carry_out(output, command);
        output_mail_done(&output->mail, command);
        command = next;
    }
}

/* --- the thread ------------------------------------------------------------------------------------------ */

/* How long nothing needs to be done unless somebody wakes us. */
static uint64_t idle_us(const struct output *output)
{
    if (output->broken || output->paused) {
        return TIME_NEVER_US;
    }
    if (output->sink == NULL) {
        return output->pending_count > 0 ? OUTPUT_RETRY_US : TIME_NEVER_US;
    }
    uint64_t frame;
    if (output->pending_count > 0 && output->sink->vtable->descriptor(output->sink) < 0) {
        return OUTPUT_TICK_US; /* a full sink that nobody can wait for */
    }
    if (!heard_is_active(&output->heard, &frame) || output->unclocked) {
        return TIME_NEVER_US;
    }
    uint64_t played = output->sink->vtable->played(output->sink, now_us());
    uint64_t frames = frame > played ? frame - played : 0;
    uint64_t span_us = time_scale(frames, TIME_US_PER_S, output->info.rate_hz);
    return time_min_us(OUTPUT_TICK_US,
                       time_add_us(span_us, 1000)); /* no mark: never, not at once */
}

static void wait_for_work(struct output *output)
{
    struct pollfd descriptors[2] = {{.fd = output->mail.wake, .events = POLLIN}, {.fd = -1}};
    bool full = output->sink != NULL && output->pending_count > 0 && !output->paused;
    if (full) {
        descriptors[1].fd = output->sink->vtable->descriptor(output->sink);
        descriptors[1].events = POLLOUT;
    }
    uint64_t span = idle_us(output);
    struct timespec timeout = {.tv_sec = (time_t)(span / TIME_US_PER_S),
                               .tv_nsec = (long)(span % TIME_US_PER_S) * 1000};
    if (ppoll(descriptors, 2, span == TIME_NEVER_US ? NULL : &timeout, NULL) > 0 &&
        descriptors[0].revents != 0) {
        output_mail_woken(&output->mail);
    }
}

static void *mixing_thread(void *context)
{
    struct output *output = context;
    /* While the first bytes travel: what most tracks need. A failure shows when a deck is opened. */
    media_gst_init();
    if (output_mail_is_empty(&output->mail)) {
        media_gst_warm(MEDIA_CONTAINER_OGG, MEDIA_CODEC_VORBIS);
    }
    while (!output->quit) {
        carry_out_all(output);
        bool more = move(output);
        hear_all(output);
        if (!more && !output->quit) {
            wait_for_work(output);
        }
    }
    return NULL;
}

/* --- the engine's side ----------------------------------------------------------------------------------- */

static int start_thread(struct output *output)
{
    /* A FIFO's reader may go: that is an error of write, not a signal. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&output->thread, NULL, mixing_thread, output);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? 0 : ERROR_SYSTEM;
}

int output_open(const struct output_config *config, struct output **ret_output)
{
    assert(config->post != NULL);
    assert((config->kind == OUTPUT_WAV || config->kind == OUTPUT_GST) == (config->path != NULL));
    int error = ERROR_NO_MEMORY;
    struct output *output = calloc(1, sizeof *output);
    if (output == NULL) {
        return error;
    }
    output->config = *config;
    output->percent = OUTPUT_PERCENT_MAX;
    output->entry_gain = 1;
    output->unclocked = config->fast || config->kind == OUTPUT_WAV;
    heard_init(&output->heard, output->unclocked, tell, output);
    if (config->path != NULL && (output->path = strdup(config->path)) == NULL) {
        goto err_after_alloc;
    }
    error = output_mail_init(&output->mail);
    if (error != 0) {
        goto err_after_alloc;
    }
    error = start_thread(output);
    if (error != 0) {
        goto err_after_mail;
    }
    *ret_output = output;
    return 0;

err_after_mail:
    output_mail_deinit(&output->mail);
err_after_alloc:
    free(output->path);
    free(output);
    return error;
}

int output_switch(struct output *output, const struct output_track *track, uint32_t serial)
{
    const struct command command = {.kind = COMMAND_SWITCH, .serial = serial, .track = *track};
    return output_mail_post(&output->mail, &command);
}

int output_prepare(struct output *output, const struct output_track *track)
{
    const struct command command = {.kind = COMMAND_PREPARE, .track = *track};
    return output_mail_post(&output->mail, &command);
}

int output_unprepare(struct output *output, uint32_t entry)
{
    const struct command command = {.kind = COMMAND_UNPREPARE, .track = {.entry = entry}};
    return output_mail_post(&output->mail, &command);
}

int output_set_level(struct output *output, uint32_t percent, enum output_gain gain)
{
    assert(percent <= OUTPUT_PERCENT_MAX);
    const struct command command = {.kind = COMMAND_LEVEL, .percent = percent, .gain = gain};
    return output_mail_post(&output->mail, &command);
}

int output_silence(struct output *output)
{
    const struct command command = {.kind = COMMAND_SILENCE};
    return output_mail_post(&output->mail, &command);
}

int output_set_paused(struct output *output, bool paused)
{
    const struct command command = {.kind = paused ? COMMAND_PAUSE : COMMAND_RESUME};
    return output_mail_post(&output->mail, &command);
}

int output_free(struct output *output)
{
    if (output == NULL) {
        return 0;
    }
    output_mail_post_quit(&output->mail);
    pthread_join(output->thread, NULL);
    int error = output->sink != NULL ? output->sink->vtable->free(output->sink) : 0;
    output_mail_deinit(&output->mail);
    level_free(output->level);
    free(output->path);
    free(output);
    return error;
}
