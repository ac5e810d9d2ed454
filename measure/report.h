/*
 * report.h: what a simulation found, for people and as JSON.
 */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include "measure/sim/world.h"

#include <stdbool.h>

/* The value below which `percent` of the values lie (nearest rank); sorts them. 0 of none. */
uint64_t report_percentile(uint64_t *values, uint32_t count, uint32_t percent);
/* Prints to standard output. `real_us` is how long the run took on the wall's clock. Sorts
 * result->wait_us. */
void report_print(struct sim_result *result, const struct sim_options *options, uint64_t real_us,
                  bool json);

#endif
