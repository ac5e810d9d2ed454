/*
 * trace.h: what an engine decided and why, one readable line a decision.
 *
 * The lines are for people and for tests; their running hash (FNV-1a, 64 bits, over moment, node
 * and text) tells whether two runs were the same. A NULL trace costs a comparison. Lines must be
 * made of integers and fixed words only: no pointers, no floating point, no locale.
 */
#ifndef COMMON_TRACE_H
#define COMMON_TRACE_H

#include <stdint.h>

#define TRACE_LINE_BYTES_MAX 200 /* longer lines are cut, and hashed as cut */

typedef void trace_sink(void *context, uint64_t now_us, uint32_t node, const char *line);

struct trace {
    uint64_t hash;    /* of all lines so far */
    uint64_t lines;   /* how many */
    trace_sink *sink; /* may be NULL: hash only */
    void *context;    /* for the sink */
};

void trace_init(struct trace *trace, trace_sink *sink, void *context);
/* Adds a line; does nothing when `trace` is NULL. `node` says which engine speaks. */
void trace_line(struct trace *trace, uint64_t now_us, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
