/*
 * range.c: arithmetic on half-open ranges and sorted sets of them.
 *
 * Responsible for keeping a set sorted, disjoint and merged within the caller's memory. What the
 * indices count (chunks, rows, bytes) is the caller's business.
 */
#include "common/range.h"

#include "common/error.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct range range_intersect(struct range a, struct range b)
{
    struct range both = {.begin = a.begin > b.begin ? a.begin : b.begin,
                         .end = a.end < b.end ? a.end : b.end};
    if (both.begin > both.end) {
        both.end = both.begin;
    }
    return both;
}

void range_set_init(struct range_set *set, struct range *memory, uint32_t capacity)
{
    assert(memory != NULL || capacity == 0);
    set->ranges = memory;
    set->capacity = capacity;
    set->count = 0;
}

/* The first range that ends at or after `index` (so that it touches what begins there); count
 * when there is none. */
static uint32_t first_reaching(const struct range_set *set, uint32_t index)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->ranges[middle].end < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Puts `count` ranges (0 to 2) in the place of [first, last). */
static int replace(struct range_set *set, uint32_t first, uint32_t last, const struct range *with,
                   uint32_t count)
{
    uint32_t removed = last - first;
    if (count > removed && count - removed > set->capacity - set->count) {
        return ERROR_FULL;
    }
    uint32_t behind = set->count - last;
    if (behind > 0) {
        memmove(&set->ranges[first + count], &set->ranges[last], behind * sizeof set->ranges[0]);
    }
    for (uint32_t i = 0; i < count; i++) {
        set->ranges[first + i] = with[i];
    }
    set->count = set->count - removed + count;
    return 0;
}

int range_set_add(struct range_set *set, struct range range)
{
    assert(range.begin <= range.end);
    if (range.begin == range.end) {
        return 0;
    }
    uint32_t first = first_reaching(set, range.begin);
    uint32_t last = first;
    while (last < set->count && set->ranges[last].begin <= range.end) {
        last++;
    }
    if (last > first) {
        const struct range *low = &set->ranges[first];
        const struct range *high = &set->ranges[last - 1];
        range.begin = low->begin < range.begin ? low->begin : range.begin;
        range.end = high->end > range.end ? high->end : range.end;
    }
    return replace(set, first, last, &range, 1);
}

int range_set_subtract(struct range_set *set, struct range range)
{
    assert(range.begin <= range.end);
    if (range.begin == range.end) {
        return 0;
    }
    uint32_t first = first_reaching(set, range.begin);
    if (first < set->count && set->ranges[first].end == range.begin) {
        first++; /* touches from below, shares no index */
    }
    uint32_t last = first;
    while (last < set->count && set->ranges[last].begin < range.end) {
        last++;
    }
    if (first == last) {
        return 0;
    }
    struct range rest[2];
    uint32_t count = 0;
    if (set->ranges[first].begin < range.begin) {
        rest[count++] = (struct range){set->ranges[first].begin, range.begin};
    }
    if (set->ranges[last - 1].end > range.end) {
        rest[count++] = (struct range){range.end, set->ranges[last - 1].end};
    }
    return replace(set, first, last, rest, count);
}

bool range_set_contains(const struct range_set *set, uint32_t index)
{
    return range_set_first_gap(set, index) != index;
}

uint32_t range_set_first_gap(const struct range_set *set, uint32_t from)
{
    uint32_t at = first_reaching(set, from);
    if (at < set->count && set->ranges[at].end == from) {
        at++;
    }
    if (at < set->count && range_contains(set->ranges[at], from)) {
        return set->ranges[at].end;
    }
    return from;
}

uint64_t range_set_total(const struct range_set *set)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        total += range_length(set->ranges[i]);
    }
    return total;
}

void range_set_check_invariants(const struct range_set *set)
{
    assert(set->count <= set->capacity);
    for (uint32_t i = 0; i < set->count; i++) {
        assert(set->ranges[i].begin < set->ranges[i].end);
        if (i > 0) {
            assert(set->ranges[i - 1].end < set->ranges[i].begin);
        }
    }
}
