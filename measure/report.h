/*
 * report.h: what simulations found, for people and as JSON.
 */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include "measure/sim/world.h"

#include <stdbool.h>

#define REPORT_COLUMNS_MAX 4u

/* One simulation. */
struct report_column {
    struct sim_options options;
    struct sim_result result;
    uint64_t real_us; /* how long it took on the wall's clock */
};

/* Prints to standard output: a table, simulations beside each other, or an object a line each.
 * `count` from 1 to REPORT_COLUMNS_MAX. */
void report_print(const struct report_column *columns, uint32_t count, bool json);

#endif
