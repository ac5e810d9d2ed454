/*
 * range.h: half-open ranges [begin, end) of indices, and a small sorted set of them.
 *
 * A set keeps its ranges sorted, disjoint and not adjacent (what touches is merged). It holds at
 * most `capacity` ranges in memory that the caller gives, so that it never allocates.
 */
#ifndef COMMON_RANGE_H
#define COMMON_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
    uint32_t begin; /* first index inside */
    uint32_t end;   /* first index outside; begin == end is empty */
};

struct range_set {
    struct range *ranges; /* the caller's memory */
    uint32_t capacity;
    uint32_t count;
};

static inline uint32_t range_length(struct range range)
{
    return range.end - range.begin;
}

static inline bool range_contains(struct range range, uint32_t index)
{
    return index >= range.begin && index < range.end;
}

/* What both have in common; empty (begin == end) when nothing. */
struct range range_intersect(struct range a, struct range b);

void range_set_init(struct range_set *set, struct range *memory, uint32_t capacity);
/* Adds a range (an empty one changes nothing). ERROR_FULL: it would take one range more than
 * there is memory for; the set is as it was. */
int range_set_add(struct range_set *set, struct range range);
/* Takes a range out. ERROR_FULL: a hole would take one range more; the set is as it was. */
int range_set_subtract(struct range_set *set, struct range range);
bool range_set_contains(const struct range_set *set, uint32_t index);
/* The first index >= `from` that is not in the set. */
uint32_t range_set_first_gap(const struct range_set *set, uint32_t from);
/* How many indices it holds. */
uint64_t range_set_total(const struct range_set *set);
void range_set_check_invariants(const struct range_set *set);

#endif
