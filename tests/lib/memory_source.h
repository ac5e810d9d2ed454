/*
 * memory_source.h: a media_source over bytes in memory, that can be made to block, fail or refuse.
 */
#ifndef TESTS_LIB_MEMORY_SOURCE_H
#define TESTS_LIB_MEMORY_SOURCE_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_source {
    uint8_t *bytes; /* owned */
    uint64_t count;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    uint64_t read_bytes;   /* by all reads that succeeded */
    uint64_t blocked_from; /* reads that reach this offset wait for unlock; UINT64_MAX = none */
    bool waits;            /* a read waits now */
    bool unlocked;
    int error;                    /* every read returns it; 0 = none */
    const struct media_run *only; /* reads outside of these runs return ERROR_OFFLINE; NULL = all */
    uint32_t only_count;
};

/* Copies the bytes. */
void memory_source_init(struct memory_source *memory, const void *bytes, uint64_t count);
/* Reads FOLDER/NAME whole; fails the test when it can't. */
void memory_source_load(struct memory_source *memory, const char *folder, const char *name);
void memory_source_deinit(struct memory_source *memory);
struct media_source memory_source_get(struct memory_source *memory);
void memory_source_set_error(struct memory_source *memory, int error);
void memory_source_block_from(struct memory_source *memory, uint64_t offset);
/* Returns when a read waits. */
void memory_source_wait_for_reader(struct memory_source *memory);

#endif
