/*
 * history.h: what was asked for, one request after the other: a trace in memory.
 *
 * Arrays by request, so that a replay reads 8 bytes a request in order. Objects are numbered in the
 * order in which they first come.
 */
#ifndef MEASURE_TRACE_HISTORY_H
#define MEASURE_TRACE_HISTORY_H

#include "common/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_REQUESTS_MAX (UINT32_MAX - 1)

struct history {
    uint32_t request_count, capacity;
    uint32_t *objects; /* which; owned, as all here */
    uint32_t *bytes;   /* that were asked for, from its beginning; at least 1 */
    uint32_t *times_s;
    uint32_t *sizes;   /* of the whole object, at least `bytes` */
    uint32_t *since_s; /* since when it was known that it would come (it stood in the queue); its
                            own time = not before */
    uint32_t
        *next_uses; /* number of the next request for it, UINT32_MAX = none; by history_finish */
    uint32_t object_count, object_capacity;
    uint64_t *ids;        /* by object: as its source calls it */
    struct table numbers; /* from ids to objects */
    uint64_t passed_over; /* lines that ask for nothing: 0 bytes, or 4 GiB and more */
    bool has_queue;       /* some since_s differs from its time */
    bool is_plays;        /* objects are audio files, requests are plays of them */
};

void history_init(struct history *ret_history);
void history_deinit(struct history *history);

struct history_request {
    uint64_t id;
    uint64_t bytes;
    uint64_t size; /* 0 = bytes */
    uint64_t time_s;
    uint64_t since_s; /* UINT64_MAX = time_s */
};
/* ERROR_NO_MEMORY; ERROR_TOO_LARGE: more than HISTORY_REQUESTS_MAX. */
int history_add(struct history *history, const struct history_request *request);
/* After the last one. ERROR_NO_MEMORY. */
int history_finish(struct history *history);

/* All requests ask for as many bytes: then Belady's bound is exact. */
bool history_is_uniform(const struct history *history);
/* Bytes of all objects, each as large as was ever asked for: what an infinite cache holds. */
uint64_t history_footprint_bytes(const struct history *history);

#endif
