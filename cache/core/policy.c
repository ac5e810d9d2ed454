/*
 * policy.c: ranks: with probation, least recently used, and first in first out.
 *
 * Not responsible for levels of protection, for clocks, for who is on probation, or for finding the
 * lowest rank (index.c).
 */
#include "cache/core/policy.h"

#define TURNS_MAX 2u

static uint32_t rank_now(uint32_t clock)
{
    return clock;
}

static uint32_t rank_renewed(uint32_t clock, uint32_t rank, uint32_t files)
{
    (void)rank;
    (void)files;
    return clock;
}

static uint32_t rank_kept(uint32_t clock, uint32_t rank, uint32_t files)
{
    (void)clock;
    (void)files;
    return rank;
}

/* A turn more, as a clock's hand would give it. */
static uint32_t rank_put_off(uint32_t clock, uint32_t rank, uint32_t files)
{
    uint32_t turn = files / 2;
    uint32_t due = rank + turn;
    uint32_t latest = clock + TURNS_MAX * turn;
    due = due < latest ? due : latest;
    return due < CACHE_RANK_MAX ? due : CACHE_RANK_MAX;
}

const struct cache_policy cache_policy_probation = {
    .has_probation = true, .arrived = rank_now, .used = rank_put_off};
const struct cache_policy cache_policy_lru = {.arrived = rank_now, .used = rank_renewed};
const struct cache_policy cache_policy_fifo = {.arrived = rank_now, .used = rank_kept};
