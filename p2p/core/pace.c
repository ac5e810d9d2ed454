/*
 * pace.c: the generic cell rate algorithm of pace.h, and nothing else.
 */
#include "p2p/core/pace.h"

#include "common/time_us.h"

#include <assert.h>

bool pace_take(struct pace *pace, uint64_t now_us, uint64_t interval_us, uint32_t burst,
               uint32_t count)
{
    assert(interval_us > 0);
    uint64_t from_us = pace->earned_us > now_us ? pace->earned_us : now_us;
    uint64_t to_us = time_add_us(from_us, interval_us * count);
    if (to_us > time_add_us(now_us, interval_us * burst)) {
        return false;
    }
    pace->earned_us = to_us;
    return true;
}

uint64_t pace_next_us(const struct pace *pace, uint64_t interval_us, uint32_t burst)
{
    assert(interval_us > 0);
    assert(burst > 0);
    uint64_t ahead_us = interval_us * (burst - 1);
    return pace->earned_us > ahead_us ? pace->earned_us - ahead_us : 0;
}
