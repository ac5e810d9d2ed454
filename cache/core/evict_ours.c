/*
 * evict_ours.c: the policy of a player's own cache (cache_policy_probation over cache/core/index.h),
 * for comparison with others.
 *
 * QD-LP in terms of ranks, so that a scan of 8-byte entries can carry it out: who arrives waits in a
 * FIFO of a tenth of the bytes; who is asked for there, or was lately evicted from there, comes into
 * the main part. There an object is due when half as many have come as there are (a turn of a clock's
 * hand, which passes those that are due); each use buys another turn, two at most. Who is due first
 * leaves.
 */
#include "cache/core/evict_state.h"

#define MAIN 0u /* in the heap, by the arrival at which it is due */
#define SMALL 1u
#define GHOSTS 2u
#define SMALL_DIVISOR 10u
#define TURNS_MAX 2u

static uint64_t small_bytes_max(const struct evict *evict)
{
    return evict->limit_bytes / SMALL_DIVISOR;
}

static void enter_main(struct evict *evict, uint32_t object)
{
    evict_unlink(evict, object);
    evict->floor++;
    evict_heap_put(evict, object, evict->floor);
}

static void hit(struct evict *evict, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    if (entry->where == SMALL + 1) {
        enter_main(evict, object);
        return;
    }
    uint64_t turn = evict->heap_count / 2;
    uint64_t due = evict->heap[entry->prev].key + turn;
    uint64_t latest = evict->floor + TURNS_MAX * turn;
    evict_heap_put(evict, object, due < latest ? due : latest);
}

static void insert(struct evict *evict, uint32_t object)
{
    if (evict->objects[object].where == GHOSTS + 1) {
        enter_main(evict, object);
    } else {
        evict_push(evict, SMALL, object);
    }
}

static uint32_t evict_one(struct evict *evict)
{
    const struct evict_list *small = &evict->lists[SMALL];
    if (small->count > 0 && (small->bytes >= small_bytes_max(evict) || evict->heap_count == 0)) {
        uint32_t object = small->tail;
        evict_move(evict, GHOSTS, object);
        evict_trim_ghosts(evict, GHOSTS, evict->limit_bytes - small_bytes_max(evict));
        return object;
    }
    uint64_t key = 0;
    return evict_heap_pop(evict, &key);
}

const struct evict_policy evict_policy_ours = {.name = "refrain",
                                               .ghost_lists = 1u << GHOSTS,
                                               .has_heap = true,
                                               .hit = hit,
                                               .insert = insert,
                                               .evict = evict_one};
