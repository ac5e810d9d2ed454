/*
 * queue.h: bytes that wait to be written, in one piece, so that they leave in large records.
 *
 * A linear buffer with a moving head: what is taken out in front leaves room that is used again
 * when the tail meets the end. Memory grows by doubling up to the bytes that are held, and is given
 * back when the queue runs empty, so that an idle connection holds none.
 */
#ifndef COMMON_NET_QUEUE_H
#define COMMON_NET_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct net_queue {
    uint8_t *memory; /* owned; NULL when capacity is 0 */
    size_t capacity;
    size_t head; /* first byte held; head <= tail <= capacity */
    size_t tail; /* one past the last */
};

void net_queue_init(struct net_queue *queue);
void net_queue_deinit(struct net_queue *queue);
size_t net_queue_bytes(const struct net_queue *queue);
/* The bytes held, in one piece; valid until the next call that changes the queue. */
const uint8_t *net_queue_peek(const struct net_queue *queue);
/* Appends a copy of all parts, or nothing: ERROR_FULL: more than bytes_max would be held;
 * ERROR_NO_MEMORY. */
int net_queue_append(struct net_queue *queue, const struct iovec *parts, size_t count,
                     size_t bytes_max);
/* Takes out bytes in front; count <= net_queue_bytes (asserted). */
void net_queue_consume(struct net_queue *queue, size_t count);

#endif
