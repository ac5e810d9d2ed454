/*
 * rate.h: how fast and how far a source is, in integers.
 *
 * Responsible for two estimates: bytes a second while something is outstanding (a sample runs from
 * one arrival to a later one, so that neither the first round trip nor idle time counts), and the
 * round trip of a question that nothing stood before. Smoothed as RFC 6298 does the round trip.
 */
#ifndef PLAYER_CORE_RATE_H
#define PLAYER_CORE_RATE_H

#include <stdint.h>

struct rate {
    uint64_t bytes_per_s;     /* 0 = not yet measured */
    uint64_t rtt_us;          /* smoothed; 0 = not yet measured */
    uint64_t rtt_min_us;      /* the shortest; 0 = not yet measured */
    uint64_t lateness_us;     /* mean, of arrivals behind what was expected */
    uint64_t sample_start_us; /* when the first arrival of the sample came; 0 = waits for it */
    uint64_t sample_bytes;    /* that came after it */
};

/* Bytes arrived while something was outstanding. */
void rate_received(struct rate *rate, uint64_t now_us, uint64_t bytes);
/* Nothing is outstanding any more: the sample ends. */
void rate_idle(struct rate *rate, uint64_t now_us);
/* A question was answered after this time. */
void rate_round_trip(struct rate *rate, uint64_t rtt_us);
/* Something was expected at one moment and came at another. What comes sooner is not late. */
void rate_expected(struct rate *rate, uint64_t expected_us, uint64_t actual_us);
/* How long `bytes` will take from the source, the round trip not counted; UINT64_MAX when the rate
 * is not known. */
uint64_t rate_span_us(const struct rate *rate, uint64_t bytes);

#endif
