/*
 * sink.h: where the mixing thread's frames go: one interface, three sinks.
 *
 * A sink counts the frames of one stream. `written` frames were taken; `played` of them have left.
 * Silence while nothing is there counts in neither: a stall shifts the timeline, and no frame is
 * dropped for being late. All functions run on the mixing thread; now_us is CLOCK_MONOTONIC.
 */
#ifndef PLAYER_GST_SINK_H
#define PLAYER_GST_SINK_H

#include "media/gst/deck.h"

#include <stdbool.h>
#include <stdint.h>

#define SINK_TEXT_BYTES 200u
/* How far a sink with a clock takes frames ahead of it. */
#define SINK_AHEAD_US UINT64_C(200000)

struct sink;

struct sink_vtable {
    /* Begins the stream. An error and ret_text (for people) when the sink can't. ERROR_IO,
     * ERROR_DENIED, ERROR_NOT_FOUND, ERROR_FULL, ERROR_UNSUPPORTED, ERROR_SYSTEM; ERROR_BUSY: not
     * yet, call again some milliseconds later (a FIFO that nobody reads yet). */
    int (*start)(struct sink *sink, const struct media_pcm_info *info, char *ret_text);
    /* Takes up to `count` frames and says how many; 0 = full now. Errors as start's;
     * ERROR_CLOSED: whoever read it has gone; ERROR_TOO_LARGE: the file may not grow. */
    int (*write)(struct sink *sink, uint64_t now_us, const void *frames, uint32_t count,
                 uint32_t *ret_taken);
    /* Frames that have left by now; never more than were written. */
    uint64_t (*played)(struct sink *sink, uint64_t now_us);
    void (*set_paused)(struct sink *sink, uint64_t now_us, bool paused);
    /* What was written and has not left is forgotten; it counts as played. */
    void (*flush)(struct sink *sink, uint64_t now_us);
    /* A descriptor that becomes writable when there is room; -1: it goes by time. */
    int (*descriptor)(struct sink *sink);
    /* Completes and frees. ERROR_IO, ERROR_FULL. */
    int (*free)(struct sink *sink);
};

struct sink {
    const struct sink_vtable *vtable;
};

/* All return NULL when out of memory. */

/* Paced by the clock; with `fast` by nothing. */
struct sink *sink_null_new(bool fast);
/* A WAV file (sink_wav.c). `path` is copied. */
struct sink *sink_wav_new(const char *path);
/* The system's audio device through GStreamer (sink_device.c), or what `description` says (elements as
 * gst-launch writes them; borrowed until it is freed; NULL: the system's). */
struct sink *sink_device_new(const char *description);

#endif
