/*
 * queue.c: a growing array, searched by halves.
 *
 * Responsible for order and search; see queue.h.
 */
#include "player/core/queue.h"

#include "common/error.h"
#include "player/core/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_CAPACITY_FIRST 16u

void queue_init(struct queue *queue)
{
    memset(queue, 0, sizeof *queue);
}

void queue_deinit(struct queue *queue)
{
    free(queue->list);
    memset(queue, 0, sizeof *queue);
}

static bool grow(struct queue *queue)
{
    uint32_t capacity = queue->capacity == 0 ? QUEUE_CAPACITY_FIRST : queue->capacity * 2;
    struct queue_entry *list = calloc(capacity, sizeof *list);
    if (list == NULL) {
        return false;
    }
    if (queue->count > 0) {
        memcpy(list, queue->list, queue->count * sizeof *list);
    }
    free(queue->list);
    queue->list = list;
    queue->capacity = capacity;
    return true;
}

int queue_add(struct queue *queue, uint32_t number, const uint8_t *track_id, bool is_fetch)
{
    assert(number > 0);
    assert(queue->count == 0 || queue->list[queue->count - 1].number < number);
    if (queue->count == NODE_QUEUE_MAX) {
        return ERROR_FULL;
    }
    if (queue->count == queue->capacity && !grow(queue)) {
        return ERROR_NO_MEMORY;
    }
    struct queue_entry *entry = &queue->list[queue->count++];
    *entry = (struct queue_entry){.number = number, .is_fetch = is_fetch};
    memcpy(entry->track_id, track_id, TRACK_ID_BYTES);
    return 0;
}

/* The index of the first entry whose number is above `number`. */
static uint32_t index_behind(const struct queue *queue, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = queue->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (queue->list[middle].number <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void queue_forget_before(struct queue *queue, uint32_t number)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct queue_entry *entry = &queue->list[i];
        if (entry->number >= number || (entry->is_fetch && !entry->is_done)) {
            queue->list[kept++] = *entry;
        }
    }
    queue->count = kept;
    queue->fetch_first = 0;
}

void queue_cut_behind(struct queue *queue, uint32_t number)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct queue_entry *entry = &queue->list[i];
        if (entry->number <= number || entry->is_fetch) {
            queue->list[kept++] = *entry;
        }
    }
    queue->count = kept;
    queue->fetch_first = 0;
}

struct queue_entry *queue_find(struct queue *queue, uint32_t number)
{
    uint32_t behind = index_behind(queue, number);
    if (behind == 0 || queue->list[behind - 1].number != number) {
        return NULL;
    }
    return &queue->list[behind - 1];
}

struct queue_entry *queue_next_play(struct queue *queue, uint32_t number)
{
    for (uint32_t i = index_behind(queue, number); i < queue->count; i++) {
        struct queue_entry *entry = &queue->list[i];
        if (!entry->is_fetch && !entry->is_done) {
            return entry;
        }
    }
    return NULL;
}

struct queue_entry *queue_next_fetch(struct queue *queue, uint32_t number)
{
    while (queue->fetch_first < queue->count &&
           (!queue->list[queue->fetch_first].is_fetch || queue->list[queue->fetch_first].is_done)) {
        queue->fetch_first++;
    }
    uint32_t behind = index_behind(queue, number);
    for (uint32_t i = behind > queue->fetch_first ? behind : queue->fetch_first; i < queue->count;
         i++) {
        struct queue_entry *entry = &queue->list[i];
        if (entry->is_fetch && !entry->is_done) {
            return entry;
        }
    }
    return NULL;
}

size_t queue_heap_bytes(const struct queue *queue)
{
    return queue->capacity * sizeof *queue->list;
}

void queue_check_invariants(const struct queue *queue)
{
    assert(queue->count <= NODE_QUEUE_MAX);
    assert(queue->count <= queue->capacity);
    for (uint32_t i = 1; i < queue->count; i++) {
        assert(queue->list[i - 1].number < queue->list[i].number);
    }
}
