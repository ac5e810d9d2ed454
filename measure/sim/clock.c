/*
 * clock.c: the heap behind virtual time.
 */
#include "measure/sim/clock.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>

void sim_clock_init(struct sim_clock *clock)
{
    *clock = (struct sim_clock){0};
}

void sim_clock_deinit(struct sim_clock *clock)
{
    free(clock->entries);
    *clock = (struct sim_clock){0};
}

static bool is_before(const struct sim_entry *a, const struct sim_entry *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void sift_up(struct sim_clock *clock, uint32_t place, struct sim_entry entry)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!is_before(&entry, &clock->entries[parent])) {
            break;
        }
        clock->entries[place] = clock->entries[parent];
        place = parent;
    }
    clock->entries[place] = entry;
}

static void sift_down(struct sim_clock *clock, struct sim_entry entry)
{
    uint32_t place = 0;
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= clock->count) {
            break;
        }
        if (child + 1 < clock->count &&
            is_before(&clock->entries[child + 1], &clock->entries[child])) {
            child++;
        }
        if (!is_before(&clock->entries[child], &entry)) {
            break;
        }
        clock->entries[place] = clock->entries[child];
        place = child;
    }
    clock->entries[place] = entry;
}

void sim_clock_post(struct sim_clock *clock, struct sim_entry entry)
{
    if (entry.at_us == TIME_NEVER_US) {
        return;
    }
    if (clock->count == clock->capacity) {
        clock->capacity = clock->capacity == 0 ? 1024 : clock->capacity * 2;
        clock->entries = measure_grow(clock->entries, clock->capacity, sizeof *clock->entries);
    }
    entry.order = clock->posted++;
    entry.at_us = entry.at_us < clock->now_us ? clock->now_us : entry.at_us;
    sift_up(clock, clock->count++, entry);
}

bool sim_clock_next(struct sim_clock *clock, struct sim_entry *ret_entry)
{
    if (clock->count == 0) {
        return false;
    }
    *ret_entry = clock->entries[0];
    assert(ret_entry->at_us >= clock->now_us);
    clock->now_us = ret_entry->at_us;
    clock->count--;
    if (clock->count > 0) {
        sift_down(clock, clock->entries[clock->count]);
    }
    return true;
}
