/*
 * policy.c: the policies that need no state: least recently used, and first in first out.
 *
 * Not responsible for levels of protection, for the clock or for finding the lowest rank (index.c).
 */
#include "cache/core/policy.h"

#include <stddef.h>
#include <string.h>

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

const struct cache_policy cache_policy_lru = {
    .name = "lru", .arrived = rank_now, .used = rank_renewed};
const struct cache_policy cache_policy_fifo = {
    .name = "fifo", .arrived = rank_now, .used = rank_kept};

const struct cache_policy *cache_policy_find(const char *name)
{
    static const struct cache_policy *const policies[] = {&cache_policy_lru, &cache_policy_fifo};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (strcmp(policies[i]->name, name) == 0) {
            return policies[i];
        }
    }
    return NULL;
}
