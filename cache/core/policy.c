/*
 * policy.c: the policies that need no state: least recently used, and first in first out.
 *
 * Not responsible for levels of protection, for the clock or for finding the lowest rank (index.c).
 */
#include "cache/core/policy.h"

static uint32_t rank_now(uint32_t clock)
{
    return clock;
}

static uint32_t rank_renewed(uint32_t clock, uint32_t rank)
{
    (void)rank;
    return clock;
}

static uint32_t rank_kept(uint32_t clock, uint32_t rank)
{
    (void)clock;
    return rank;
}

const struct cache_policy cache_policy_lru = {.arrived = rank_now, .used = rank_renewed};
const struct cache_policy cache_policy_fifo = {.arrived = rank_now, .used = rank_kept};
