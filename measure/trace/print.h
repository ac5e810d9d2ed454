/*
 * print.h: the outcome of a contest as a table, as CSV or as JSON (docs/CACHING.md has the keys).
 */
#ifndef MEASURE_TRACE_PRINT_H
#define MEASURE_TRACE_PRINT_H

#include "measure/trace/contest.h"
#include "measure/trace/options.h"

/* `runs` as command.c lists them: the infinite cache first. */
void print_contest(const struct trace_options *options, const struct history *history,
                   const struct contest_run *runs, uint32_t count);

#endif
