/*
 * evict_s3fifo.c: a small queue that most pass only once, a main one, and ghosts: S3-FIFO and QD-LP.
 *
 * S3-FIFO: Yang, Zhang, Qiu, Yue, Rashmi: "FIFO Queues are All You Need for Cache Eviction", SOSP 2023,
 * algorithm 1. QD-LP-FIFO: Yang, Qiu, Zhang, Yue, Rashmi: "FIFO can be Better than LRU", HotOS 2023,
 * section 4. They differ in how often one must have been asked for in the small queue to come into the
 * main one: twice, and once.
 */
#include "cache/core/evict_state.h"

#define SMALL 0u
#define MAIN 1u
#define GHOSTS 2u
#define SMALL_DIVISOR 10u /* the small queue has a tenth */
#define MARK_MAX 3u

static uint64_t small_bytes_max(const struct evict *evict)
{
    return evict->limit_bytes / SMALL_DIVISOR;
}

static void hit(struct evict *evict, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    entry->mark = entry->mark < MARK_MAX ? (uint8_t)(entry->mark + 1) : (uint8_t)MARK_MAX;
}

static void insert(struct evict *evict, uint32_t object)
{
    bool is_ghost = evict->objects[object].where == GHOSTS + 1;
    evict_unlink(evict, object);
    evict->objects[object].mark = 0;
    evict_push(evict, is_ghost ? MAIN : SMALL, object);
}

/* A clock with counters up to three. */
static uint32_t evict_main(struct evict *evict)
{
    for (;;) {
        uint32_t object = evict->lists[MAIN].tail;
        if (evict->objects[object].mark == 0) {
            evict_unlink(evict, object);
            return object;
        }
        evict->objects[object].mark--;
        evict_move(evict, MAIN, object);
    }
}

/* Those asked for often enough go over to the main queue; the first that was not leaves. */
static uint32_t evict_any(struct evict *evict, uint32_t mark_min)
{
    uint64_t main_bytes_max = evict->limit_bytes - small_bytes_max(evict);
    while (evict->lists[SMALL].count > 0 &&
           (evict->lists[SMALL].bytes >= small_bytes_max(evict) || evict->lists[MAIN].count == 0)) {
        uint32_t object = evict->lists[SMALL].tail;
        if (evict->objects[object].mark < mark_min) {
            evict_move(evict, GHOSTS, object);
            evict_trim_ghosts(evict, GHOSTS, main_bytes_max);
            return object;
        }
        evict->objects[object].mark = 0;
        evict_move(evict, MAIN, object);
        if (evict->lists[MAIN].bytes > main_bytes_max) {
            return evict_main(evict);
        }
    }
    return evict->lists[MAIN].count > 0 ? evict_main(evict) : EVICT_NONE;
}

static uint32_t evict_s3fifo(struct evict *evict)
{
    return evict_any(evict, 2);
}

static uint32_t evict_qdlp(struct evict *evict)
{
    return evict_any(evict, 1);
}

const struct evict_policy evict_policy_s3fifo = {.name = "s3-fifo",
                                                 .ghost_lists = 1u << GHOSTS,
                                                 .hit = hit,
                                                 .insert = insert,
                                                 .evict = evict_s3fifo};
const struct evict_policy evict_policy_qdlp = {.name = "qd-lp",
                                               .ghost_lists = 1u << GHOSTS,
                                               .hit = hit,
                                               .insert = insert,
                                               .evict = evict_qdlp};
