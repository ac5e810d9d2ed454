/*
 * line.h: packets on their way through the lab's network, in virtual or real time.
 *
 * Hosts hang on one router, each by a line of its own. A packet waits for its sender's line, takes
 * its time on it, crosses to the router (delay), waits for the receiver's line, takes its time on
 * that, and is delivered. A line's queue has a bound in bytes; what does not fit is dropped, and so
 * is a share of all packets by chance (loss). Order on a line is kept.
 *
 * Responsible for when which packet arrives. Knows no socket and no clock: relay.c has these.
 */
#ifndef MEASURE_LAB_LINE_H
#define MEASURE_LAB_LINE_H

#include "common/prng.h"
#include "common/time_us.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_PACKET_BYTES_MAX 1600u
#define LINE_PACKETS_MAX 65536u /* on their way at a time; more are dropped */

struct line_host {
    uint64_t up_bytes_per_s, down_bytes_per_s; /* > 0 */
    uint64_t delay_us;                         /* one way between the host and the router */
    uint32_t queue_bytes;                      /* that may wait for either line */
    uint32_t loss_ppm;                         /* of its packets, in either direction */
};

struct line_packet {
    uint64_t due_us; /* at the router, then at the receiver */
    uint64_t number; /* of those that are due at the same time the first goes first */
    uint32_t from, to;
    bool is_at_router;
    uint16_t bytes;
    uint8_t payload[LINE_PACKET_BYTES_MAX];
};

struct line_state {
    struct line_host host;
    uint64_t up_busy_until_us, down_busy_until_us;
    uint64_t sent_bytes, received_bytes, dropped_packets, lost_packets;
};

struct line_set {
    struct line_state *hosts; /* owned */
    uint32_t host_count;
    struct line_packet **heap; /* the soonest first; owned */
    uint32_t count, capacity;
    uint64_t last_number;
    struct prng prng;
};

/* ERROR_NO_MEMORY. */
int line_set_init(struct line_set *lines, const struct line_host *hosts, uint32_t host_count,
                  uint64_t seed);
void line_set_deinit(struct line_set *lines);
/* A host sends a packet; it is copied. False: dropped or lost. */
bool line_set_send(struct line_set *lines, uint64_t now_us, uint32_t from, uint32_t to,
                   const uint8_t *bytes, uint16_t count);
/* When line_set_next has something to do; TIME_NEVER_US: nothing is on its way. */
uint64_t line_set_next_us(const struct line_set *lines);
/* The next packet that has arrived by now, the caller's to free; NULL: none. */
struct line_packet *line_set_next(struct line_set *lines, uint64_t now_us);

#endif
