/*
 * pool.c: interned texts.
 */
#include "player/library/pool.h"

#include "common/error.h"
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define POOL_FIRST_PLACES 256u
#define POOL_FIRST_BYTES 4096u

int pool_init(struct pool *pool, uint64_t seed)
{
    *pool = (struct pool){.seed = {seed, ~seed}};
    pool->bytes = malloc(POOL_FIRST_BYTES);
    pool->places = calloc(POOL_FIRST_PLACES, sizeof *pool->places);
    pool->capacity = POOL_FIRST_BYTES;
    pool->place_count = POOL_FIRST_PLACES;
    uint32_t offset;
    if (pool->bytes == NULL || pool->places == NULL || pool_add(pool, "", &offset) != 0) {
        pool_deinit(pool);
        return ERROR_NO_MEMORY;
    }
    return 0;
}

void pool_deinit(struct pool *pool)
{
    free(pool->bytes);
    free(pool->places);
    *pool = (struct pool){0};
}

/* Where the text stands, or the free place for it. */
static uint32_t place_of(const struct pool *pool, const char *text, size_t count)
{
    uint32_t mask = pool->place_count - 1;
    uint32_t place = (uint32_t)table_hash(pool->seed, text, count) & mask;
    while (pool->places[place] != 0 && strcmp(pool->bytes + pool->places[place] - 1, text) != 0) {
        place = (place + 1) & mask;
    }
    return place;
}

static int grow_places(struct pool *pool)
{
    uint32_t *before = pool->places;
    uint32_t count = pool->place_count;
    uint32_t *places = calloc((size_t)count * 2, sizeof *places);
    if (places == NULL) {
        return ERROR_NO_MEMORY;
    }
    pool->places = places;
    pool->place_count = count * 2;
    for (uint32_t i = 0; i < count; i++) {
        if (before[i] != 0) {
            const char *text = pool->bytes + before[i] - 1;
            places[place_of(pool, text, strlen(text))] = before[i];
        }
    }
    free(before);
    return 0;
}

static int grow_bytes(struct pool *pool, size_t wanted)
{
    if (wanted > POOL_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    size_t capacity = pool->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    char *bytes = realloc(pool->bytes, capacity);
    if (bytes == NULL) {
        return ERROR_NO_MEMORY;
    }
    pool->bytes = bytes;
    pool->capacity = (uint32_t)capacity;
    return 0;
}

int pool_add(struct pool *pool, const char *text, uint32_t *ret_offset)
{
    size_t count = strlen(text);
    uint32_t place = place_of(pool, text, count);
    if (pool->places[place] != 0) {
        *ret_offset = pool->places[place] - 1;
        return 0;
    }
    int error =
        pool->used + count + 1 > pool->capacity ? grow_bytes(pool, pool->used + count + 1) : 0;
    if (error == 0 && pool->count >= pool->place_count / 2) {
        error = grow_places(pool);
        place = error == 0 ? place_of(pool, text, count) : place;
    }
    if (error != 0) {
        return error;
    }
    memcpy(pool->bytes + pool->used, text, count + 1);
    *ret_offset = pool->used;
    pool->places[place] = pool->used + 1;
    pool->used += (uint32_t)count + 1;
    pool->count++;
    return 0;
}

const char *pool_text(const struct pool *pool, uint32_t offset)
{
    assert(offset < pool->used);
    return pool->bytes + offset;
}
