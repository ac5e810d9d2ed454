/*
 * evict_rank.c: the policies that give each object a number and let the least one go: LFU, GDSF, and
 * Belady's bound.
 *
 * GDSF: Cherkasova: "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy",
 * HP 1998: priority = frequency / size, aged by the priority of the last one that left.
 * Belady: "A Study of Replacement Algorithms for a Virtual-Storage Computer", IBM Systems Journal 1966:
 * who is needed last leaves first; a newcomer that is needed later still does not come in. Exact for
 * objects of one size; for others a good bound, but none that is proven.
 */
#include "cache/core/evict_state.h"

#include <assert.h>

#define FREQUENCY_MAX 255u
#define GDSF_UNIT (UINT64_C(1) << 40) /* priority of one request for one byte */
#define GDSF_FLOOR_MAX (UINT64_C(1) << 62)

static void count(struct evict *evict, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    entry->mark = entry->mark < FREQUENCY_MAX ? (uint8_t)(entry->mark + 1) : (uint8_t)FREQUENCY_MAX;
}

static uint32_t evict_least(struct evict *evict)
{
    uint64_t key;
    return evict_heap_pop(evict, &key);
}

/* Of those asked for equally often the one whose last request is longest ago. */
static void lfu_hit(struct evict *evict, uint32_t object)
{
    count(evict, object);
    evict_heap_put(evict, object,
                   (uint64_t)evict->objects[object].mark << 32 | evict->request_count);
}

static void lfu_insert(struct evict *evict, uint32_t object)
{
    evict->objects[object].mark = 0;
    lfu_hit(evict, object);
}

static void gdsf_hit(struct evict *evict, uint32_t object)
{
    count(evict, object);
    const struct evict_object *entry = &evict->objects[object];
    evict_heap_put(evict, object, evict->floor + entry->mark * (GDSF_UNIT / entry->bytes));
}

static void gdsf_insert(struct evict *evict, uint32_t object)
{
    evict->objects[object].mark = 0;
    gdsf_hit(evict, object);
}

static uint32_t gdsf_evict(struct evict *evict)
{
    uint32_t object = evict_heap_pop(evict, &evict->floor);
    if (evict->floor > GDSF_FLOOR_MAX) {
        for (uint32_t i = 0; i < evict->heap_count; i++) {
            evict->heap[i].key -= evict->floor;
        }
        evict->floor = 0;
    }
    return object;
}

/* Needed later = less. */
static uint64_t belady_key(const struct evict *evict)
{
    return EVICT_NEVER - evict->next_use;
}

static void belady_hit(struct evict *evict, uint32_t object)
{
    evict_heap_put(evict, object, belady_key(evict));
}

static uint32_t belady_evict(struct evict *evict)
{
    assert(evict->heap_count > 0);
    if (evict->heap[0].key > belady_key(evict)) {
        return EVICT_NONE;
    }
    return evict_least(evict);
}

const struct evict_policy evict_policy_lfu = {
    .name = "lfu", .has_heap = true, .hit = lfu_hit, .insert = lfu_insert, .evict = evict_least};
const struct evict_policy evict_policy_gdsf = {
    .name = "gdsf", .has_heap = true, .hit = gdsf_hit, .insert = gdsf_insert, .evict = gdsf_evict};
const struct evict_policy evict_policy_belady = {.name = "belady",
                                                 .has_heap = true,
                                                 .is_bound = true,
                                                 .hit = belady_hit,
                                                 .insert = belady_hit,
                                                 .evict = belady_evict};
