/*
 * time_us.h: moments and spans in microseconds.
 *
 * A moment is a uint64_t of microseconds on the monotonic clock of whoever drives the engine; a
 * core never reads a clock (docs/ARCHITECTURE.md). TIME_NEVER_US is "no deadline", and arithmetic
 * saturates there, so that min() over deadlines needs no special case.
 */
#ifndef COMMON_TIME_US_H
#define COMMON_TIME_US_H

#include <stdint.h>

#define TIME_NEVER_US UINT64_MAX
#define TIME_US_PER_MS UINT64_C(1000)
#define TIME_US_PER_S UINT64_C(1000000)

/* moment + span; TIME_NEVER_US when either is, or when the sum would pass it. */
static inline uint64_t time_add_us(uint64_t moment_us, uint64_t span_us)
{
    return span_us > TIME_NEVER_US - moment_us ? TIME_NEVER_US : moment_us + span_us;
}

/* How long until `moment_us`, 0 when it has passed; TIME_NEVER_US when it never comes. */
static inline uint64_t time_until_us(uint64_t now_us, uint64_t moment_us)
{
    if (moment_us == TIME_NEVER_US) {
        return TIME_NEVER_US;
    }
    return moment_us > now_us ? moment_us - now_us : 0;
}

static inline uint64_t time_min_us(uint64_t a_us, uint64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* value * numerator / denominator (denominator > 0) without overflow in between; rounds down and
 * saturates at UINT64_MAX. */
static inline uint64_t time_scale(uint64_t value, uint64_t numerator, uint64_t denominator)
{
    unsigned __int128 product = (unsigned __int128)value * numerator / denominator;
    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

#endif
