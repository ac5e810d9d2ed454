/*
 * clock.h: virtual time: what happens next, in one order that is the same in every run.
 *
 * A binary heap of small entries by (moment, order of posting). Entries hold numbers only; what an
 * event carries beyond that is kept by whoever posted it. Entries are never withdrawn: the
 * receiver compares a generation and ignores what has become stale.
 */
#ifndef MEASURE_SIM_CLOCK_H
#define MEASURE_SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct sim_entry {
    uint64_t at_us;
    uint64_t order; /* given by sim_clock_post */
    uint32_t kind;  /* enum sim_kind of world.h */
    uint32_t who;   /* listener, where the kind has one */
    uint32_t value; /* of the kind */
    uint32_t generation;
};

struct sim_clock {
    struct sim_entry *entries; /* owned */
    uint32_t count, capacity;
    uint64_t now_us;
    uint64_t posted; /* entries so far */
};

void sim_clock_init(struct sim_clock *clock);
void sim_clock_deinit(struct sim_clock *clock);
/* `at_us` in the past means now; TIME_NEVER_US posts nothing. Ends the program when memory does. */
void sim_clock_post(struct sim_clock *clock, struct sim_entry entry);
/* Takes the earliest entry and sets now_us to it. False: nothing is left. */
bool sim_clock_next(struct sim_clock *clock, struct sim_entry *ret_entry);

#endif
