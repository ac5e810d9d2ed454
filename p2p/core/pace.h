/*
 * pace.h: how often something may happen, in one number.
 *
 * The generic cell rate algorithm (ITU-T I.371): a pace is the moment at which everything taken so
 * far would have been earned at one unit each interval_us. Something more may be taken while that
 * moment lies at most `burst` intervals ahead. 0 is a pace of which nothing was taken.
 */
#ifndef P2P_CORE_PACE_H
#define P2P_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t earned_us;
};

/* Takes `count` units, or none. interval_us > 0; burst >= count, else it is always false. */
bool pace_take(struct pace *pace, uint64_t now_us, uint64_t interval_us, uint32_t burst,
               uint32_t count);
/* The moment from which one unit can be taken; not after now_us when it can be now. */
uint64_t pace_next_us(const struct pace *pace, uint64_t interval_us, uint32_t burst);

#endif
