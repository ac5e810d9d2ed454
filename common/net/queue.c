/*
 * queue.c: the linear byte queue.
 */
#include "common/net/queue.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096u
/* An empty queue keeps this much at most. */
#define CAPACITY_KEPT 16384u

void net_queue_init(struct net_queue *queue)
{
    *queue = (struct net_queue){.memory = NULL};
}

void net_queue_deinit(struct net_queue *queue)
{
    free(queue->memory);
    net_queue_init(queue);
}

size_t net_queue_bytes(const struct net_queue *queue)
{
    return queue->tail - queue->head;
}

const uint8_t *net_queue_peek(const struct net_queue *queue)
{
    return queue->memory + queue->head;
}

static void move_to_front(struct net_queue *queue)
{
    size_t held = net_queue_bytes(queue);
    memmove(queue->memory, queue->memory + queue->head, held);
    queue->head = 0;
    queue->tail = held;
}

static int make_room(struct net_queue *queue, size_t bytes)
{
    if (bytes <= queue->capacity - queue->tail) {
        return 0;
    }
    size_t needed = net_queue_bytes(queue) + bytes;
    /* Moving is worth it when at least as much is free as is moved. */
    if (needed <= queue->capacity && queue->head >= net_queue_bytes(queue)) {
        move_to_front(queue);
        return 0;
    }
    size_t capacity = queue->capacity < CAPACITY_MIN ? CAPACITY_MIN : queue->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    uint8_t *memory = malloc(capacity);
    if (memory == NULL) {
        return ERROR_NO_MEMORY;
    }
    size_t held = net_queue_bytes(queue);
    if (held > 0) {
        memcpy(memory, queue->memory + queue->head, held);
    }
    free(queue->memory);
    *queue = (struct net_queue){.memory = memory, .capacity = capacity, .tail = held};
    return 0;
}

int net_queue_append(struct net_queue *queue, const struct iovec *parts, size_t count,
                     size_t bytes_max)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > bytes_max - total) {
            return ERROR_FULL;
        }
        total += parts[i].iov_len;
    }
    size_t held = net_queue_bytes(queue);
    if (held > bytes_max || total > bytes_max - held) {
        return ERROR_FULL;
    }
    int error = make_room(queue, total);
    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0) {
            memcpy(queue->memory + queue->tail, parts[i].iov_base, parts[i].iov_len);
            queue->tail += parts[i].iov_len;
        }
    }
    assert(queue->tail <= queue->capacity);
    return 0;
}

void net_queue_consume(struct net_queue *queue, size_t count)
{
    assert(count <= net_queue_bytes(queue));
    queue->head += count;
    if (queue->head < queue->tail) {
        return;
    }
    queue->head = 0;
    queue->tail = 0;
    if (queue->capacity > CAPACITY_KEPT) {
        net_queue_deinit(queue);
    }
}
