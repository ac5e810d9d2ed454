/*
 * stream.c: window, lines and frames of the stream model.
 */
#include "measure/sim/stream.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void sim_stream_init(struct sim_stream *stream)
{
    *stream = (struct sim_stream){.window_bytes = SIM_WINDOW_INITIAL_BYTES,
                                  .threshold_bytes = SIM_WINDOW_BYTES_MAX};
}

void sim_stream_deinit(struct sim_stream *stream)
{
    for (uint32_t i = 0; i < stream->count; i++) {
        free(stream->frames[(stream->first + i) % stream->capacity].list);
    }
    free(stream->frames);
    *stream = (struct sim_stream){0};
}

static void grow(struct sim_stream *stream)
{
    uint32_t capacity = stream->capacity == 0 ? 16 : stream->capacity * 2;
    struct sim_frame *frames = measure_grow(NULL, capacity, sizeof *frames);
    for (uint32_t i = 0; i < stream->count; i++) {
        frames[i] = stream->frames[(stream->first + i) % stream->capacity];
    }
    free(stream->frames);
    stream->frames = frames;
    stream->first = 0;
    stream->capacity = capacity;
}

/* What the message borrows may be gone when it arrives. */
static void own_list(struct sim_frame *frame)
{
    size_t bytes = 0;
    const uint8_t *list = p2p_message_list(&frame->message, &bytes);
    if (list != NULL && bytes > 0) {
        frame->list = measure_grow(NULL, bytes, 1);
        memcpy(frame->list, list, bytes);
        p2p_message_relist(&frame->message, frame->list);
    }
}

void sim_stream_write(struct sim_stream *stream, const struct p2p_message *message,
                      struct sim_content content)
{
    if (stream->count == stream->capacity) {
        grow(stream);
    }
    stream->written += p2p_message_frame_bytes(message);
    uint32_t place = (stream->first + stream->count++) % stream->capacity;
    stream->frames[place] =
        (struct sim_frame){.message = *message, .content = content, .end = stream->written};
    own_list(&stream->frames[place]);
}

uint64_t sim_stream_queued(const struct sim_stream *stream)
{
    return stream->written - stream->sent;
}

static uint64_t time_on_line(uint64_t bytes, const struct sim_line *line)
{
    return time_scale(bytes, TIME_US_PER_S, line->rate);
}

static void lose(struct sim_stream *stream, uint64_t now_us, uint64_t round_trip_us)
{
    if (now_us < stream->recovered_at_us) {
        return;
    }
    stream->recovered_at_us = now_us + round_trip_us;
    stream->window_bytes /= 2;
    if (stream->window_bytes < 2 * SIM_SEGMENT_BYTES) {
        stream->window_bytes = 2 * SIM_SEGMENT_BYTES;
    }
    stream->threshold_bytes = stream->window_bytes;
}

/* What stands in front of a line for so long is more than its queue holds. */
static bool waits_too_long(uint64_t wait_us, const struct sim_line *line)
{
    return time_scale(wait_us, line->rate, TIME_US_PER_S) > line->queue_bytes;
}

bool sim_stream_send(struct sim_stream *stream, uint64_t now_us, struct sim_line *from,
                     uint64_t delay_us, struct sim_burst *ret_burst)
{
    uint64_t in_flight = stream->sent - stream->acknowledged;
    uint64_t bytes = sim_stream_queued(stream);
    if (bytes == 0 || in_flight >= stream->window_bytes) {
        return false;
    }
    uint64_t room = stream->window_bytes - in_flight;
    if (room < SIM_SEGMENT_BYTES && room < bytes) {
        return false; /* less than a segment would go; the next acknowledgement makes room */
    }
    bytes = bytes < room ? bytes : room;
    bytes = bytes < SIM_WINDOW_INITIAL_BYTES ? bytes : SIM_WINDOW_INITIAL_BYTES;
    uint64_t begin_us = from->busy_until_us > now_us ? from->busy_until_us : now_us;
    uint64_t reach_us = begin_us + delay_us;
    from->busy_until_us = begin_us + time_on_line(bytes, from);
    if (waits_too_long(begin_us - now_us, from)) {
        lose(stream, now_us, 2 * delay_us);
        reach_us += 2 * delay_us;
    }
    stream->sent += bytes;
    *ret_burst = (struct sim_burst){.bytes = (uint32_t)bytes, .reach_us = reach_us};
    return true;
}

uint64_t sim_stream_reach(struct sim_stream *stream, uint64_t now_us, uint32_t bytes,
                          const struct sim_line *from, struct sim_line *to, uint64_t delay_us)
{
    uint64_t enter_us = to->busy_until_us > now_us ? to->busy_until_us : now_us;
    uint64_t last_us = now_us + time_on_line(bytes, from); /* of the bytes, to reach this line */
    to->busy_until_us = enter_us + time_on_line(bytes, to);
    uint64_t arrival_us = to->busy_until_us > last_us ? to->busy_until_us : last_us;
    if (waits_too_long(enter_us - now_us, to)) {
        lose(stream, now_us, 2 * delay_us);
        arrival_us += 2 * delay_us;
    }
    if (arrival_us < stream->last_arrival_us) {
        arrival_us = stream->last_arrival_us;
    }
    stream->last_arrival_us = arrival_us;
    return arrival_us;
}

void sim_stream_acknowledge(struct sim_stream *stream, uint32_t bytes)
{
    stream->acknowledged += bytes;
    assert(stream->acknowledged <= stream->delivered);
    uint64_t growth = bytes;
    if (stream->window_bytes >= stream->threshold_bytes) {
        growth = (uint64_t)SIM_SEGMENT_BYTES * bytes / stream->window_bytes;
    }
    uint64_t window = stream->window_bytes + growth;
    stream->window_bytes = window < SIM_WINDOW_BYTES_MAX ? (uint32_t)window : SIM_WINDOW_BYTES_MAX;
}

void sim_stream_deliver(struct sim_stream *stream, uint32_t bytes)
{
    stream->delivered += bytes;
    assert(stream->delivered <= stream->sent);
}

bool sim_stream_take(struct sim_stream *stream, struct sim_frame *ret_frame)
{
    if (stream->count == 0 || stream->frames[stream->first].end > stream->delivered) {
        return false;
    }
    *ret_frame = stream->frames[stream->first];
    stream->first = (stream->first + 1) % stream->capacity;
    stream->count--;
    return true;
}
