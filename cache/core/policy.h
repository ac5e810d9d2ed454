/*
 * policy.h: in which order cached files leave.
 *
 * A policy gives each file a rank when it arrives and when it is used; among files of one level of
 * protection (cache/core/index.h) the lowest rank leaves first. The index owns the ranks and the
 * clock, so that a policy has no state of its own. Pure functions.
 */
#ifndef CACHE_CORE_POLICY_H
#define CACHE_CORE_POLICY_H

#include <stdint.h>

/* Ranks have 24 bits. When the clock comes to the end the index halves all ranks and the clock:
 * only files that were used one directly after the other may then tie. */
#define CACHE_RANK_MAX ((UINT32_C(1) << 24) - 1)

struct cache_policy {
    /* The rank of a file that arrives at `clock`. The clock counts arrivals and uses, from 1. */
    uint32_t (*arrived)(uint32_t clock);
    /* The new rank of a file of `rank` that is used at `clock`. */
    uint32_t (*used)(uint32_t clock, uint32_t rank);
};

/* Least recently used first. */
extern const struct cache_policy cache_policy_lru;
/* First in, first out: the baseline that any policy must beat. */
extern const struct cache_policy cache_policy_fifo;

#endif
