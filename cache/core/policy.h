/*
 * policy.h: in which order cached files leave.
 *
 * A policy gives each file a rank when it arrives and when it is used; among files of one level of
 * protection (cache/core/index.h) the lowest rank leaves first. With probation a newcomer waits in a
 * part of its own, first in, first out, and gets its rank from the policy when it has been played
 * again. The index owns ranks, parts and clocks, so that a policy has no state. Pure functions.
 */
#ifndef CACHE_CORE_POLICY_H
#define CACHE_CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Ranks have 22 bits. When a clock comes to the end the index halves its ranks and the clock: only
 * files that were used one directly after the other may then tie. */
#define CACHE_RANK_MAX ((UINT32_C(1) << 22) - 1)
/* Probation has this part of the limit. */
#define CACHE_PROBATION_DIVISOR 10u

struct cache_policy {
    bool has_probation;
    /* The rank of a file that arrives at `clock`. Without probation the clock counts arrivals and
     * uses, with it those who came into the main part; from 1. */
    uint32_t (*arrived)(uint32_t clock);
    /* The new rank of a file of `rank` that is used at `clock`, among so many files. */
    uint32_t (*used)(uint32_t clock, uint32_t rank, uint32_t files);
};

/* Quick demotion, lazy promotion (Yang et al., "FIFO can be Better than LRU", HotOS 2023), in ranks: a
 * file of the main part is due when half as many have come as there are, and each use puts that off
 * again, twice at most. docs/CACHING.md compares it with others. */
extern const struct cache_policy cache_policy_probation;
/* Least recently used first. */
extern const struct cache_policy cache_policy_lru;
/* First in, first out: the baseline that any policy must beat. */
extern const struct cache_policy cache_policy_fifo;

#endif
