/*
 * memory_source.c: bytes in memory as a media_source, with its faults.
 */
#include "tests/lib/memory_source.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH_BYTES 4096u

static bool allowed(const struct memory_source *memory, uint64_t offset, uint32_t bytes)
{
    if (memory->only == NULL) {
        return true;
    }
    for (uint64_t chunk = offset / CHUNK_BYTES; chunk <= (offset + bytes - 1) / CHUNK_BYTES;
         chunk++) {
        bool inside = false;
        for (uint32_t i = 0; i < memory->only_count; i++) {
            const struct media_run *run = &memory->only[i];
            inside = inside || (chunk >= run->first && chunk < run->first + run->count);
        }
        if (!inside) {
            return false;
        }
    }
    return true;
}

static int read_locked(struct memory_source *memory, uint64_t offset, void *buffer, uint32_t bytes)
{
    while (offset + bytes > memory->blocked_from && !memory->unlocked) {
        memory->waits = true;
        (void)pthread_cond_broadcast(&memory->changed);
        (void)pthread_cond_wait(&memory->changed, &memory->mutex);
        memory->waits = false;
    }
    if (memory->unlocked) {
        return ERROR_CANCELLED;
    }
    if (memory->error != 0) {
        return memory->error;
    }
    if (!allowed(memory, offset, bytes)) {
        return ERROR_OFFLINE;
    }
    memcpy(buffer, memory->bytes + offset, bytes);
    memory->read_bytes += bytes;
    return 0;
}

static int memory_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    struct memory_source *memory = context;
    assert_true(bytes > 0 && offset + bytes <= memory->count);
    (void)pthread_mutex_lock(&memory->mutex);
    int error = read_locked(memory, offset, buffer, bytes);
    (void)pthread_mutex_unlock(&memory->mutex);
    return error;
}

static void set_unlocked(struct memory_source *memory, bool unlocked)
{
    (void)pthread_mutex_lock(&memory->mutex);
    memory->unlocked = unlocked;
    (void)pthread_cond_broadcast(&memory->changed);
    (void)pthread_mutex_unlock(&memory->mutex);
}

static void memory_unlock(void *context)
{
    set_unlocked(context, true);
}

static void memory_unlock_stop(void *context)
{
    set_unlocked(context, false);
}

void memory_source_init(struct memory_source *memory, const void *bytes, uint64_t count)
{
    *memory = (struct memory_source){.count = count, .blocked_from = UINT64_MAX};
    memory->bytes = malloc(count);
    assert_non_null(memory->bytes);
    memcpy(memory->bytes, bytes, count);
    (void)pthread_mutex_init(&memory->mutex, NULL);
    (void)pthread_cond_init(&memory->changed, NULL);
}

void memory_source_load(struct memory_source *memory, const char *folder, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    (void)fclose(file);
    memory_source_init(memory, bytes, (uint64_t)size);
    free(bytes);
}

void memory_source_deinit(struct memory_source *memory)
{
    (void)pthread_cond_destroy(&memory->changed);
    (void)pthread_mutex_destroy(&memory->mutex);
    free(memory->bytes);
}

struct media_source memory_source_get(struct memory_source *memory)
{
    return (struct media_source){.bytes = memory->count,
                                 .read_at = memory_read_at,
                                 .unlock = memory_unlock,
                                 .unlock_stop = memory_unlock_stop,
                                 .context = memory};
}

void memory_source_set_error(struct memory_source *memory, int error)
{
    (void)pthread_mutex_lock(&memory->mutex);
    memory->error = error;
    (void)pthread_mutex_unlock(&memory->mutex);
}

void memory_source_block_from(struct memory_source *memory, uint64_t offset)
{
    (void)pthread_mutex_lock(&memory->mutex);
    memory->blocked_from = offset;
    (void)pthread_cond_broadcast(&memory->changed);
    (void)pthread_mutex_unlock(&memory->mutex);
}

void memory_source_wait_for_reader(struct memory_source *memory)
{
    (void)pthread_mutex_lock(&memory->mutex);
    while (!memory->waits) {
        (void)pthread_cond_wait(&memory->changed, &memory->mutex);
    }
    (void)pthread_mutex_unlock(&memory->mutex);
}
