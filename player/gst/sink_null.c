/*
 * sink_null.c: a sink without a device: frames leave by the clock.
 *
 * Responsible for the arithmetic of a sound card that nobody hears: what was written plays at the
 * stream's rate, and a gap in writing moves everything behind it.
 */
#include "common/time_us.h"
#include "player/gst/sink.h"

#include <assert.h>
#include <stdlib.h>

struct sink_null {
    struct sink sink; /* first: a struct sink * is one of these */
    bool fast;
    bool paused;
    uint32_t rate_hz;
    uint64_t written; /* frames */
    uint64_t base;    /* frames that had left at base_us */
    uint64_t base_us;
};

static struct sink_null *self_of(struct sink *sink)
{
    return (struct sink_null *)sink;
}

static int null_start(struct sink *sink, const struct media_pcm_info *info, char *ret_text)
{
    (void)ret_text;
    self_of(sink)->rate_hz = info->rate_hz;
    return 0;
}

static uint64_t null_played(struct sink *sink, uint64_t now_us)
{
    const struct sink_null *self = self_of(sink);
    if (self->fast) {
        return self->written;
    }
    uint64_t gone = self->base;
    if (!self->paused && now_us > self->base_us) {
        gone += time_scale(now_us - self->base_us, self->rate_hz, TIME_US_PER_S);
    }
    return gone < self->written ? gone : self->written;
}

/* From now on the clock counts from here. */
static void rebase(struct sink_null *self, uint64_t now_us)
{
    self->base = null_played(&self->sink, now_us);
    self->base_us = now_us;
}

static int null_write(struct sink *sink, uint64_t now_us, const void *frames, uint32_t count,
                      uint32_t *ret_taken)
{
    (void)frames;
    struct sink_null *self = self_of(sink);
    assert(self->rate_hz > 0);
    uint32_t taken = count;
    if (!self->fast) {
        uint64_t played = null_played(sink, now_us);
        if (played == self->written) {
            rebase(self, now_us); /* the first frame, or the end of a gap */
        }
        uint64_t most = time_scale(SINK_AHEAD_US, self->rate_hz, TIME_US_PER_S);
        uint64_t ahead = self->written - played;
        uint64_t room = ahead < most ? most - ahead : 0;
        taken = room < count ? (uint32_t)room : count;
    }
    self->written += taken;
    *ret_taken = taken;
    return 0;
}

static void null_set_paused(struct sink *sink, uint64_t now_us, bool paused)
{
    struct sink_null *self = self_of(sink);
    rebase(self, now_us);
    self->paused = paused;
}

static void null_flush(struct sink *sink, uint64_t now_us)
{
    struct sink_null *self = self_of(sink);
    self->base = self->written;
    self->base_us = now_us;
}

static int null_descriptor(struct sink *sink)
{
    (void)sink;
    return -1;
}

static int null_free(struct sink *sink)
{
    free(self_of(sink));
    return 0;
}

struct sink *sink_null_new(bool fast)
{
    static const struct sink_vtable vtable = {
        .start = null_start,
        .write = null_write,
        .played = null_played,
        .set_paused = null_set_paused,
        .flush = null_flush,
        .descriptor = null_descriptor,
        .free = null_free,
    };
    struct sink_null *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->sink.vtable = &vtable;
    self->fast = fast;
    return &self->sink;
}
