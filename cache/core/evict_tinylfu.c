/*
 * evict_tinylfu.c: W-TinyLFU: a small window, and behind it a door that only the more frequent pass.
 *
 * Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on
 * Storage 2017, section 4: the window has 1 %; the main part is a segmented LRU of which 80 % are
 * protected; who leaves the window takes the place of the main part's next victim if it was asked for
 * more often.
 */
#include "cache/core/evict_state.h"

#define WINDOW 0u
#define PROBATION 1u
#define PROTECTED 2u
#define WINDOW_DIVISOR 100u
#define PROTECTED_PERCENT 80u

static uint64_t window_bytes_max(const struct evict *evict)
{
    return evict->limit_bytes / WINDOW_DIVISOR;
}

static void hit(struct evict *evict, uint32_t object)
{
    evict_sketch_add(evict, object);
    if (evict->objects[object].where == WINDOW + 1) {
        evict_move(evict, WINDOW, object);
        return;
    }
    evict_move(evict, PROTECTED, object);
    uint64_t main_bytes = evict->limit_bytes - window_bytes_max(evict);
    while (evict->lists[PROTECTED].bytes > main_bytes / 100 * PROTECTED_PERCENT &&
           evict->lists[PROTECTED].count > 1) {
        evict_move(evict, PROBATION, evict->lists[PROTECTED].tail);
    }
}

static void miss(struct evict *evict, uint32_t object)
{
    evict_sketch_add(evict, object);
}

static void insert(struct evict *evict, uint32_t object)
{
    evict_push(evict, WINDOW, object);
}

static uint32_t main_victim(const struct evict *evict)
{
    return evict->lists[PROBATION].count > 0 ? evict->lists[PROBATION].tail
                                             : evict->lists[PROTECTED].tail;
}

/* The door: the newcomer to the main part against who would have to leave it. */
static bool is_better(const struct evict *evict, uint32_t candidate, uint32_t victim)
{
    return evict_sketch_estimate(evict, candidate) > evict_sketch_estimate(evict, victim);
}

/* With an empty window the newcomer itself stands before the door. */
static uint32_t evict_main(struct evict *evict, bool is_window_full)
{
    uint32_t victim = main_victim(evict);
    if (is_window_full && !is_better(evict, evict->incoming, victim)) {
        return EVICT_NONE;
    }
    evict_unlink(evict, victim);
    return victim;
}

static uint32_t evict_one(struct evict *evict)
{
    const struct evict_list *window = &evict->lists[WINDOW];
    uint64_t main_bytes_max = evict->limit_bytes - window_bytes_max(evict);
    for (;;) {
        uint32_t candidate = window->tail;
        uint32_t victim = main_victim(evict);
        bool is_window_full = window->bytes + evict->incoming_bytes > window_bytes_max(evict);
        uint64_t main_bytes = evict->lists[PROBATION].bytes + evict->lists[PROTECTED].bytes;
        if (candidate == EVICT_NONE || (!is_window_full && victim != EVICT_NONE)) {
            return evict_main(evict, is_window_full);
        }
        if (victim == EVICT_NONE ||
            main_bytes + evict->objects[candidate].bytes <= main_bytes_max) {
            evict_move(evict, PROBATION, candidate);
            continue;
        }
        uint32_t object = is_better(evict, candidate, victim) ? victim : candidate;
        evict_unlink(evict, object);
        return object;
    }
}

const struct evict_policy evict_policy_tinylfu = {.name = "w-tinylfu",
                                                  .has_sketch = true,
                                                  .hit = hit,
                                                  .miss = miss,
                                                  .insert = insert,
                                                  .evict = evict_one};
