/*
 * evict_arc.c: the adaptive replacement cache, in bytes.
 *
 * Megiddo, Modha: "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003, figure 4. Its lists
 * T1 (asked for once), T2 (more often), B1, B2 (ghosts of both) are measured in bytes; with objects of
 * one size it is the published algorithm.
 */
#include "cache/core/evict_state.h"

#define T1 0u
#define T2 1u
#define B1 2u
#define B2 3u

static void hit(struct evict *evict, uint32_t object)
{
    evict_move(evict, T2, object);
}

/* How many times the object's size the target moves: by the ghosts' proportion, at least once. */
static uint64_t step(uint64_t other_bytes, uint64_t own_bytes, uint64_t bytes)
{
    return own_bytes >= other_bytes || own_bytes == 0 ? bytes : bytes * (other_bytes / own_bytes);
}

static void miss(struct evict *evict, uint32_t object)
{
    uint64_t b1_bytes = evict->lists[B1].bytes;
    uint64_t b2_bytes = evict->lists[B2].bytes;
    if (evict->objects[object].where == B1 + 1) {
        uint64_t up = step(b2_bytes, b1_bytes, evict->incoming_bytes);
        uint64_t room = evict->limit_bytes - evict->target_bytes;
        evict->target_bytes += up < room ? up : room;
    } else if (evict->objects[object].where == B2 + 1) {
        uint64_t down = step(b1_bytes, b2_bytes, evict->incoming_bytes);
        evict->target_bytes -= down < evict->target_bytes ? down : evict->target_bytes;
    }
}

static void insert(struct evict *evict, uint32_t object)
{
    evict_move(evict, evict->objects[object].where == 0 ? T1 : T2, object);
    uint64_t t1_bytes = evict->lists[T1].bytes;
    evict_trim_ghosts(evict, B1, t1_bytes < evict->limit_bytes ? evict->limit_bytes - t1_bytes : 0);
    uint64_t rest = t1_bytes + evict->lists[T2].bytes + evict->lists[B1].bytes;
    evict_trim_ghosts(evict, B2, rest < 2 * evict->limit_bytes ? 2 * evict->limit_bytes - rest : 0);
}

/* The paper's REPLACE. */
static uint32_t evict_one(struct evict *evict)
{
    const struct evict_list *t1 = &evict->lists[T1];
    bool is_second = evict->objects[evict->incoming].where == B2 + 1;
    bool from_t1 = t1->count > 0 &&
                   (t1->bytes > evict->target_bytes ||
                    (is_second && t1->bytes == evict->target_bytes) || evict->lists[T2].count == 0);
    uint32_t object = evict->lists[from_t1 ? T1 : T2].tail;
    evict_move(evict, from_t1 ? B1 : B2, object);
    return object;
}

const struct evict_policy evict_policy_arc = {.name = "arc",
                                              .ghost_lists = 1u << B1 | 1u << B2,
                                              .hit = hit,
                                              .miss = miss,
                                              .insert = insert,
                                              .evict = evict_one};
