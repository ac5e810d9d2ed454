/*
 * output.h: one stream of sound for a whole run, fed by one thread of ours.
 *
 * The mixing thread opens a deck (media/gst/deck.h) for each entry, pulls its frames and pushes
 * them into ONE sink. Entry n+1's first frame follows entry n's last in the same stream, so that
 * gapless is exact by construction. The first entry's format rules the stream; what differs is
 * converted to it.
 *
 * Sinks:
 *   OUTPUT_AUTO  the system's audio device; where there is none, OUTPUT_EVENT_FELL_BACK and null
 *   OUTPUT_NULL  paced in real time by the clock, without a device
 *   OUTPUT_GST   a description of elements as gst-launch has it, which ends in a sink; without a device
 *                it is BROKEN
 *   OUTPUT_WAV   a WAV file in the decoder's own format, undithered (docs/CLI.md)
 * `fast` paces none of them; OUTPUT_WAV is never paced: whoever reads it sets the pace.
 *
 * Happy path: output_open -> (its thread starts GStreamer) -> output_switch -> STARTED, POSITION...
 * -> output_prepare for the next entry -> ENDED, STARTED with its first frame -> ... -> ENDED.
 * Failure modes: a deck that gives up: FAILED for its entry, sound goes on with the prepared one;
 * the sink that gives up (disk full, device gone, reader of the FIFO gone): BROKEN, once, and
 * everything else is silence.
 *
 * Threads: every function is called from the engine's thread and returns at once, but for
 * output_free, which joins. `post` is called from the mixing thread and may only hand on. A read
 * that blocks inside a deck is broken by the deck, through source.unlock.
 */
#ifndef PLAYER_GST_OUTPUT_H
#define PLAYER_GST_OUTPUT_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

enum output_kind {
    OUTPUT_AUTO = 0,
    OUTPUT_NULL = 1,
    OUTPUT_WAV = 2,
    OUTPUT_GST = 3,
};

/* Which of a file's gains is applied; a limiter sees to it that nothing clips (level.h). */
enum output_gain {
    OUTPUT_GAIN_OFF = 0,
    OUTPUT_GAIN_TRACK,
    OUTPUT_GAIN_ALBUM,
};

#define OUTPUT_PERCENT_MAX 100u

enum output_event_kind {
    OUTPUT_EVENT_STARTED = 0, /* the entry's first frame is at the sink; position_us = where */
    OUTPUT_EVENT_POSITION,    /* the play point, OUTPUT_POSITION_INTERVAL_US apart */
    OUTPUT_EVENT_STALLED,     /* the sink has had nothing for OUTPUT_STALL_US and was not paused */
    OUTPUT_EVENT_RESUMED,     /* after STALLED */
    OUTPUT_EVENT_ENDED,       /* the entry's last frame has left */
    OUTPUT_EVENT_FAILED,      /* the entry's deck gave up: `error` */
    OUTPUT_EVENT_CLOSED,    /* a source is not read any more: `source_context`. Exactly one for each
                                 output_switch and output_prepare; often before ENDED, since a deck
                                 is closed when its last frame was pulled */
    OUTPUT_EVENT_FELL_BACK, /* no audio device: null it is; `text` says why */
    OUTPUT_EVENT_BROKEN,    /* the sink gave up: `error`, `text` */
};

#define OUTPUT_POSITION_INTERVAL_US UINT64_C(250000)
#define OUTPUT_STALL_US UINT64_C(20000)
#define OUTPUT_TEXT_BYTES_MAX 200u

struct output_event {
    enum output_event_kind kind;
    uint64_t now_us;      /* CLOCK_MONOTONIC when it happened; stalls: when they began and ended */
    uint32_t entry;       /* 0: about none */
    uint32_t serial;      /* of the output_switch that the entry belongs to (its own, or the last
                             one before its output_prepare) */
    uint64_t position_us; /* STARTED, POSITION */
    void *source_context; /* CLOSED: that of the output_track */
    int error;            /* FAILED, BROKEN: error.h */
    char text[OUTPUT_TEXT_BYTES_MAX]; /* FELL_BACK, BROKEN; else empty */
};

typedef void output_post(void *context, const struct output_event *event);

struct output_track {
    uint32_t entry;
    uint64_t position_us;       /* output_switch only */
    struct media_file file;     /* copied */
    struct media_source source; /* copied; its context is the caller's until CLOSED */
};

struct output_config {
    enum output_kind kind;
    const char *path; /* OUTPUT_WAV: the file; OUTPUT_GST: the description; copied */
    bool fast;
    output_post *post;
    void *context;
};

/* Starts the mixing thread, which initialises GStreamer by itself. ERROR_NO_MEMORY, ERROR_SYSTEM. */
int output_open(const struct output_config *config, struct output **ret_output);
/* Forgets all entries (no ENDED for them) and plays this one from track->position_us. `serial` is
 * the caller's, larger with each switch: events of an older one may be dropped. ERROR_NO_MEMORY. */
int output_switch(struct output *output, const struct output_track *track, uint32_t serial);
/* Opens this entry's deck; it follows what plays. At most OUTPUT_PREPARED_MAX at a time (asserted).
 * ERROR_NO_MEMORY. */
int output_prepare(struct output *output, const struct output_track *track);
/* Forgets a prepared entry. When its frames are in the stream already, those are heard, and nothing is
 * told of it. ERROR_NO_MEMORY. */
int output_unprepare(struct output *output, uint32_t entry);
/* Forgets all entries. ERROR_NO_MEMORY. */
int output_silence(struct output *output);
/* How loud: 0 to OUTPUT_PERCENT_MAX (asserted); heard when what the sink holds has been played. The gain
 * is that of entries which begin later. ERROR_NO_MEMORY. */
int output_set_level(struct output *output, uint32_t percent, enum output_gain gain);
/* Time stands still at the sink; decks stay open. ERROR_NO_MEMORY. */
int output_set_paused(struct output *output, bool paused);
/* Ends the stream (the WAV header is completed), joins the thread and frees. Accepts NULL. 0, or
 * ERROR_IO when the WAV file could not be completed. */
int output_free(struct output *output);

#define OUTPUT_PREPARED_MAX 4u

/* "auto", "null", "wav:PATH", "gst:ELEMENTS". ERROR_MALFORMED. *ret_path points into `text` or is NULL. */
int output_kind_parse(const char *text, enum output_kind *ret_kind, const char **ret_path);

#endif
