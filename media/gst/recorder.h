/*
 * recorder.h: which chunks of a file a decoder really reads, and in which order.
 *
 * That is how the start set of a manifest is found (docs/MEDIA.md): a deck runs over the recorder
 * until three seconds of sound are out.
 */
#ifndef MEDIA_GST_RECORDER_H
#define MEDIA_GST_RECORDER_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Stands between a deck and a source and notes which chunks are read, in the order in which they
 * are first needed. */
struct media_recorder {
    struct media_source inner; /* reads and unlocks are passed on */
    pthread_mutex_t mutex;     /* of all below */
    uint32_t chunk_count;
    uint32_t *order;      /* chunk_count places: chunks by first use; owned */
    uint32_t order_count; /* places used */
    uint64_t *seen;       /* a bit a chunk; owned */
    uint64_t read_bytes;  /* all reads together */
    bool stopped;         /* nothing is noted any more */
};

/* ERROR_NO_MEMORY. `inner` is copied. */
int media_recorder_init(struct media_recorder *recorder, const struct media_source *inner);
void media_recorder_deinit(struct media_recorder *recorder);
/* The source to give to a deck; the recorder outlives it. */
struct media_source media_recorder_source(struct media_recorder *recorder);
/* From now on reads pass through unnoted. Any thread. */
void media_recorder_stop(struct media_recorder *recorder);
/* What was read, as disjoint runs in order of first use; chunks that follow each other in the file
 * and were needed one after the other make one run. When there would be more than `runs_max`, the
 * runs with the smallest holes between them are joined. Returns the number of runs. */
uint32_t media_recorder_runs(struct media_recorder *recorder, struct media_run *ret_runs,
                             uint32_t runs_max);

#endif
