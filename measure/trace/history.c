/*
 * history.c: growing arrays, and the numbers of objects.
 */
#include "measure/trace/history.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096u
#define TABLE_SEED 1u /* a measurement's own file: nobody picks ids against it */

struct number_entry {
    uint64_t id;
    uint32_t object;
    uint32_t unused; /* 0 */
};

void history_init(struct history *ret_history)
{
    *ret_history = (struct history){0};
    table_init(&ret_history->numbers, sizeof(struct number_entry), sizeof(uint64_t), TABLE_SEED);
}

void history_deinit(struct history *history)
{
    free(history->objects);
    free(history->bytes);
    free(history->times_s);
    free(history->sizes);
    free(history->since_s);
    free(history->next_uses);
    free(history->ids);
    table_deinit(&history->numbers);
    *history = (struct history){0};
}

/* ERROR_NO_MEMORY: the array is as it was. */
static int widen(void *array_place, size_t item_bytes, uint32_t capacity)
{
    void *array = NULL;
    memcpy(&array, array_place, sizeof array);
    array = realloc(array, (size_t)capacity * item_bytes);
    if (array == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(array_place, &array, sizeof array);
    return 0;
}

static uint32_t doubled(uint32_t capacity)
{
    if (capacity == 0) {
        return FIRST_CAPACITY;
    }
    return capacity > UINT32_MAX / 2 ? UINT32_MAX : capacity * 2;
}

static int grow_requests(struct history *history)
{
    uint32_t capacity = doubled(history->capacity);
    uint32_t **arrays[] = {&history->objects, &history->bytes, &history->times_s, &history->sizes,
                           &history->since_s};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        if (widen(arrays[i], sizeof(uint32_t), capacity) != 0) {
            return ERROR_NO_MEMORY;
        }
    }
    history->capacity = capacity;
    return 0;
}

/* The object's number; a new one for a new id. ERROR_NO_MEMORY. */
static int number_of(struct history *history, uint64_t id, uint32_t *ret_object)
{
    bool is_new = false;
    if (history->object_count == history->object_capacity) {
        uint32_t capacity = doubled(history->object_capacity);
        if (widen(&history->ids, sizeof(uint64_t), capacity) != 0) {
            return ERROR_NO_MEMORY;
        }
        history->object_capacity = capacity;
    }
    struct number_entry *entry = table_put(&history->numbers, &id, &is_new);
    if (entry == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (is_new) {
        entry->object = history->object_count;
        history->ids[history->object_count++] = id;
    }
    *ret_object = entry->object;
    return 0;
}

static uint32_t clamped(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

int history_add(struct history *history, const struct history_request *request)
{
    uint64_t size = request->size > request->bytes ? request->size : request->bytes;
    if (request->bytes == 0 || size > UINT32_MAX) {
        history->passed_over++;
        return 0;
    }
    if (history->request_count >= HISTORY_REQUESTS_MAX) {
        return ERROR_TOO_LARGE;
    }
    uint32_t object = 0;
    if ((history->request_count == history->capacity && grow_requests(history) != 0) ||
        number_of(history, request->id, &object) != 0) {
        return ERROR_NO_MEMORY;
    }
    uint32_t place = history->request_count++;
    history->objects[place] = object;
    history->bytes[place] = (uint32_t)request->bytes;
    history->sizes[place] = (uint32_t)size;
    history->times_s[place] = clamped(request->time_s);
    history->since_s[place] = history->times_s[place];
    if (request->since_s < request->time_s) {
        history->since_s[place] = clamped(request->since_s);
        history->has_queue = true;
    }
    return 0;
}

int history_finish(struct history *history)
{
    uint32_t *last = malloc((history->object_count + 1u) * sizeof *last);
    uint32_t *next_uses = malloc((history->request_count + 1u) * sizeof *next_uses);
    if (last == NULL || next_uses == NULL) {
        free(last);
        free(next_uses);
        return ERROR_NO_MEMORY;
    }
    memset(last, 0xff, (history->object_count + 1u) * sizeof *last);
    for (uint32_t i = history->request_count; i-- > 0;) {
        next_uses[i] = last[history->objects[i]];
        last[history->objects[i]] = i;
    }
    free(last);
    free(history->next_uses);
    history->next_uses = next_uses;
    return 0;
}

bool history_is_uniform(const struct history *history)
{
    uint32_t i = 1;
    while (i < history->request_count && history->bytes[i] == history->bytes[0]) {
        i++;
    }
    return i >= history->request_count;
}

uint64_t history_footprint_bytes(const struct history *history)
{
    uint64_t sum = 0;
    uint32_t *largest = calloc(history->object_count + 1u, sizeof *largest);
    for (uint32_t i = 0; largest != NULL && i < history->request_count; i++) {
        uint32_t *known = &largest[history->objects[i]];
        if (history->bytes[i] > *known) {
            sum += history->bytes[i] - *known;
            *known = history->bytes[i];
        }
    }
    free(largest);
    return sum;
}
