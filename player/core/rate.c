/*
 * rate.c: samples and their smoothing.
 *
 * Responsible for arithmetic only; when to ask and what counts is links.h's.
 */
#include "player/core/rate.h"

#include "common/time_us.h"

/* A sample is long enough after a round trip and so much payload, or after so long. */
#define SAMPLE_BYTES_MIN (32u * 1024u)
#define SAMPLE_US_MIN (1 * TIME_US_PER_MS)
#define SAMPLE_US_MAX (200 * TIME_US_PER_MS)
/* Share of a new sample in the estimate: 1/4 of the rate, 1/8 of the round trip. */
#define RATE_SHIFT 2
#define RTT_SHIFT 3
#define LATENESS_SHIFT 2

static uint64_t smooth(uint64_t old, uint64_t sample, unsigned shift)
{
    if (old == 0) {
        return sample;
    }
    return old - (old >> shift) + (sample >> shift);
}

static void end_sample(struct rate *rate, uint64_t elapsed_us)
{
    uint64_t sample = time_scale(rate->sample_bytes, TIME_US_PER_S, elapsed_us);
    rate->bytes_per_s = smooth(rate->bytes_per_s, sample > 0 ? sample : 1, RATE_SHIFT);
}

void rate_received(struct rate *rate, uint64_t now_us, uint64_t bytes)
{
    if (rate->sample_start_us == 0) {
        rate->sample_start_us = now_us > 0 ? now_us : 1;
        rate->sample_bytes = 0;
        return;
    }
    rate->sample_bytes += bytes;
    uint64_t elapsed_us = time_until_us(rate->sample_start_us, now_us);
    uint64_t long_us = rate->rtt_us > SAMPLE_US_MIN ? rate->rtt_us : SAMPLE_US_MIN;
    if ((elapsed_us >= long_us && rate->sample_bytes >= SAMPLE_BYTES_MIN) ||
        elapsed_us >= SAMPLE_US_MAX) {
        end_sample(rate, elapsed_us);
        rate->sample_start_us = now_us;
        rate->sample_bytes = 0;
    }
}

void rate_idle(struct rate *rate, uint64_t now_us)
{
    uint64_t elapsed_us = time_until_us(rate->sample_start_us, now_us);
    if (rate->sample_start_us != 0 && elapsed_us > 0 && rate->sample_bytes >= SAMPLE_BYTES_MIN) {
        end_sample(rate, elapsed_us);
    }
    rate->sample_start_us = 0;
    rate->sample_bytes = 0;
}

void rate_round_trip(struct rate *rate, uint64_t rtt_us)
{
    uint64_t sample = rtt_us > 0 ? rtt_us : 1;
    rate->rtt_us = smooth(rate->rtt_us, sample, RTT_SHIFT);
    if (rate->rtt_min_us == 0 || sample < rate->rtt_min_us) {
        rate->rtt_min_us = sample;
    }
}

void rate_expected(struct rate *rate, uint64_t expected_us, uint64_t actual_us)
{
    uint64_t sample = time_until_us(expected_us, actual_us); /* sooner is not worse */
    rate->lateness_us =
        rate->lateness_us - (rate->lateness_us >> LATENESS_SHIFT) + (sample >> LATENESS_SHIFT);
}

uint64_t rate_span_us(const struct rate *rate, uint64_t bytes)
{
    if (rate->bytes_per_s == 0) {
        return TIME_NEVER_US;
    }
    return time_scale(bytes, TIME_US_PER_S, rate->bytes_per_s);
}
