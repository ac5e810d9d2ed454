/*
 * evict_queue.c: the policies with one queue: FIFO, LRU, CLOCK and SIEVE.
 *
 * CLOCK: a second chance (Corbato 1968). SIEVE: Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler
 * than LRU", NSDI 2024, algorithm 1.
 */
#include "cache/core/evict_state.h"

#define QUEUE 0u

static void hit_nothing(struct evict *evict, uint32_t object)
{
    (void)evict;
    (void)object;
}

static void hit_front(struct evict *evict, uint32_t object)
{
    evict_move(evict, QUEUE, object);
}

static void hit_mark(struct evict *evict, uint32_t object)
{
    evict->objects[object].mark = 1;
}

static void insert(struct evict *evict, uint32_t object)
{
    evict->objects[object].mark = 0;
    evict_push(evict, QUEUE, object);
}

static uint32_t evict_last(struct evict *evict)
{
    uint32_t object = evict->lists[QUEUE].tail;
    evict_unlink(evict, object);
    return object;
}

static uint32_t evict_clock(struct evict *evict)
{
    for (;;) {
        uint32_t object = evict->lists[QUEUE].tail;
        if (evict->objects[object].mark == 0) {
            return evict_last(evict);
        }
        evict->objects[object].mark = 0;
        evict_move(evict, QUEUE, object);
    }
}

/* The hand goes from the tail to the head, past what was visited, and stays where it took one. */
static uint32_t evict_sieve(struct evict *evict)
{
    uint32_t object = evict->hand != EVICT_NONE ? evict->hand : evict->lists[QUEUE].tail;
    while (evict->objects[object].mark != 0) {
        evict->objects[object].mark = 0;
        object = evict->objects[object].prev;
        if (object == EVICT_NONE) {
            object = evict->lists[QUEUE].tail;
        }
    }
    evict->hand = evict->objects[object].prev;
    evict_unlink(evict, object);
    return object;
}

const struct evict_policy evict_policy_fifo = {
    .name = "fifo", .hit = hit_nothing, .insert = insert, .evict = evict_last};
const struct evict_policy evict_policy_lru = {
    .name = "lru", .hit = hit_front, .insert = insert, .evict = evict_last};
const struct evict_policy evict_policy_clock = {
    .name = "clock", .hit = hit_mark, .insert = insert, .evict = evict_clock};
const struct evict_policy evict_policy_sieve = {
    .name = "sieve", .hit = hit_mark, .insert = insert, .evict = evict_sieve};
