/*
 * stream.h: a model of one direction of a reliable byte stream, as TCP gives it.
 *
 * Frames wait in our queue until the window has room; they leave in bursts of at most ten segments
 * (RFC 6928: the initial window), pass the sender's and the receiver's line (each a rate, a delay
 * and a queue, cut through, shared by all streams over it), arrive in order and are acknowledged.
 * Below the threshold the window grows by what is acknowledged (slow start, RFC 5681), above it by
 * a segment a round trip. A burst that finds the sender's or the receiver's queue full counts as one
 * loss a round trip: the window halves, and the burst arrives a round trip late. An idle stream keeps its
 * window, as an origin set up by docs/ORIGIN.md does.
 *
 * The model says nothing of single packets, of reordering, or of fairness beyond FIFO lines.
 */
#ifndef MEASURE_SIM_STREAM_H
#define MEASURE_SIM_STREAM_H

#include "media/core/intern.h"
#include "p2p/core/message.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_SEGMENT_BYTES 1448u
#define SIM_WINDOW_INITIAL_BYTES (10u * SIM_SEGMENT_BYTES)
#define SIM_WINDOW_BYTES_MAX (4u << 20)

/* One direction of a host's line. */
struct sim_line {
    uint64_t rate;          /* bytes/s, > 0 */
    uint64_t queue_bytes;   /* what may wait in front of it before it drops */
    uint64_t busy_until_us; /* the last byte given to it has left then */
};

/* What stands in for the payload of a chunk: which chunk it is. */
struct sim_content {
    media_handle file; /* 0 = none */
    uint32_t chunk;
};

struct sim_frame {
    struct p2p_message message;
    uint8_t *list;              /* what it borrows, copied; NULL: nothing. Owned */
    struct sim_content content; /* of a FRAGMENT */
    uint64_t end;               /* the stream's byte count behind it */
};

struct sim_stream {
    struct sim_frame *frames; /* ring; owned */
    uint32_t first, count, capacity;
    uint64_t written;   /* bytes given to it */
    uint64_t sent;      /* of these, sent */
    uint64_t delivered; /* of these, arrived */
    uint64_t acknowledged;
    uint32_t window_bytes, threshold_bytes;
    uint64_t recovered_at_us; /* no further loss is counted before */
    uint64_t last_arrival_us; /* order is kept */
};

struct sim_burst {
    uint32_t bytes;
    uint64_t reach_us; /* its first byte reaches the receiver's line */
};

void sim_stream_init(struct sim_stream *stream);
void sim_stream_deinit(struct sim_stream *stream);
/* Appends a frame, with a copy of what the message borrows; it leaves with sim_stream_send. */
void sim_stream_write(struct sim_stream *stream, const struct p2p_message *message,
                      struct sim_content content);
/* Bytes that wait in the queue. */
uint64_t sim_stream_queued(const struct sim_stream *stream);
/* Sends the next burst over the sender's line. False: the window is full or nothing waits. The
 * caller lets it reach the receiver's line at reach_us. */
bool sim_stream_send(struct sim_stream *stream, uint64_t now_us, struct sim_line *from,
                     uint64_t delay_us, struct sim_burst *ret_burst);
/* The burst's first byte is at the receiver's line, its last follows as `from` lets it. Gives the
 * moment at which it has arrived: the caller delivers it then and acknowledges it a delay later. */
uint64_t sim_stream_reach(struct sim_stream *stream, uint64_t now_us, uint32_t bytes,
                          const struct sim_line *from, struct sim_line *to, uint64_t delay_us);
void sim_stream_acknowledge(struct sim_stream *stream, uint32_t bytes);
/* Counts bytes in; then sim_stream_take gives the frames that are complete, one by one. The taker
 * frees frame.list. */
void sim_stream_deliver(struct sim_stream *stream, uint32_t bytes);
bool sim_stream_take(struct sim_stream *stream, struct sim_frame *ret_frame);

#endif
