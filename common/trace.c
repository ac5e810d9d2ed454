/*
 * trace.c: formats trace lines and keeps their running hash.
 *
 * Responsible for the hash being the same on every machine for the same lines. Not for where the
 * lines go (the sink).
 */
#include "common/trace.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t fnv_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

/* The `count` low bytes of a number, lowest first. */
static uint64_t fnv_number(uint64_t hash, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        hash = fnv_byte(hash, (uint8_t)(value >> (8 * i)));
    }
    return hash;
}

void trace_init(struct trace *trace, trace_sink *sink, void *context)
{
    *trace = (struct trace){.hash = FNV_OFFSET, .sink = sink, .context = context};
}

void trace_line(struct trace *trace, uint64_t now_us, uint32_t node, const char *format, ...)
{
    if (trace == NULL) {
        return;
    }
    char line[TRACE_LINE_BYTES_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert(length >= 0); /* only a broken format fails, and formats are ours */

    trace->hash = fnv_number(trace->hash, now_us, 8);
    trace->hash = fnv_number(trace->hash, node, 4);
    for (const char *at = line; *at != '\0'; at++) {
        trace->hash = fnv_byte(trace->hash, (uint8_t)*at);
    }
    /* The end of a line counts too: "ab" + "c" is not "a" + "bc". */
    trace->hash = fnv_byte(trace->hash, 0);
    trace->lines++;
    if (trace->sink != NULL) {
        trace->sink(trace->context, now_us, node, line);
    }
}
