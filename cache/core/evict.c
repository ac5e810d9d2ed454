/*
 * evict.c: a request against a cache of numbers: what is there, what must leave, what comes in.
 *
 * Responsible for sums and for protection, whatever the policy. Not for who leaves (evict_*.c).
 *
 * Protection works on top of any policy: one that would leave and is protected is set aside ("held")
 * and the policy asked again; it comes back as a newcomer when its protection ends.
 */
#include "cache/core/evict_state.h"
#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A word of the sketch has 16 counters; there are 8 counters or more an object. */
#define SKETCH_OBJECTS_PER_WORD 2u
#define SKETCH_WORDS_MAX (UINT32_C(1) << 24)

const struct evict_policy *const evict_policies[] = {&evict_policy_fifo,
                                                     &evict_policy_lru,
                                                     &evict_policy_clock,
                                                     &evict_policy_sieve,
                                                     &evict_policy_lfu,
                                                     &evict_policy_gdsf,
                                                     &evict_policy_arc,
                                                     &evict_policy_qdlp,
                                                     &evict_policy_s3fifo,
                                                     &evict_policy_tinylfu,
                                                     &evict_policy_ours,
                                                     &evict_policy_belady,
                                                     NULL};

const struct evict_policy *evict_policy_find(const char *name)
{
    for (const struct evict_policy *const *policy = evict_policies; *policy != NULL; policy++) {
        if (strcmp((*policy)->name, name) == 0) {
            return *policy;
        }
    }
    return NULL;
}

const char *evict_policy_name(const struct evict_policy *policy)
{
    return policy->name;
}

bool evict_policy_is_bound(const struct evict_policy *policy)
{
    return policy->is_bound;
}

/* What the policy needs besides objects. ERROR_NO_MEMORY. */
static int make_extras(struct evict *evict)
{
    if (evict->policy->has_heap) {
        evict->heap = calloc(evict->object_count + 1u, sizeof *evict->heap);
        if (evict->heap == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    if (evict->policy->has_sketch) {
        evict->sketch_words = 1;
        while (evict->sketch_words < SKETCH_WORDS_MAX &&
               evict->sketch_words < evict->object_count / SKETCH_OBJECTS_PER_WORD + 1) {
            evict->sketch_words *= 2;
        }
        evict->sketch = calloc(evict->sketch_words, sizeof *evict->sketch);
        if (evict->sketch == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    return 0;
}

int evict_new(const struct evict_config *config, struct evict **ret_evict)
{
    assert(config->policy != NULL && config->limit_bytes > 0);
    assert(config->object_count <= EVICT_OBJECTS_MAX);
    struct evict *evict = calloc(1, sizeof *evict);
    if (evict == NULL) {
        return ERROR_NO_MEMORY;
    }
    evict->policy = config->policy;
    evict->object_count = config->object_count;
    evict->limit_bytes = config->limit_bytes;
    evict->seed = config->seed;
    evict->hand = EVICT_NONE;
    for (uint32_t i = 0; i <= EVICT_LISTS; i++) {
        evict->lists[i].head = evict->lists[i].tail = EVICT_NONE;
    }
    evict->objects = calloc(config->object_count + 1u, sizeof *evict->objects);
    if (evict->objects == NULL || make_extras(evict) != 0) {
        evict_free(evict);
        return ERROR_NO_MEMORY;
    }
    *ret_evict = evict;
    return 0;
}

void evict_free(struct evict *evict)
{
    if (evict == NULL) {
        return;
    }
    free(evict->sketch);
    free(evict->heap);
    free(evict->objects);
    free(evict);
}

/* Some of it is in the cache. */
static bool is_there(const struct evict *evict, const struct evict_object *object)
{
    return object->where != 0 && (evict->policy->ghost_lists >> (object->where - 1u) & 1) == 0;
}

static bool is_held(const struct evict_object *object)
{
    return object->where == EVICT_HELD + 1;
}

/* Nothing is there but what is held. */
static bool is_policy_empty(const struct evict *evict)
{
    return evict->used_bytes == evict->lists[EVICT_HELD].bytes;
}

/* One object leaves; what is protected last. EVICT_NONE: the policy refuses the newcomer. */
static uint32_t choose(struct evict *evict)
{
    while (!is_policy_empty(evict)) {
        uint32_t object = evict->policy->evict(evict);
        if (object == EVICT_NONE || evict->objects[object].protections == 0) {
            return object;
        }
        evict_move(evict, EVICT_HELD, object);
    }
    uint32_t object = evict->lists[EVICT_HELD].tail;
    assert(object != EVICT_NONE);
    evict_unlink(evict, object);
    return object;
}

/* Makes room for what comes in. False: the policy refuses it. */
static bool make_room(struct evict *evict)
{
    while (evict->used_bytes + evict->incoming_bytes > evict->limit_bytes) {
        uint32_t object = choose(evict);
        if (object == EVICT_NONE) {
            return false;
        }
        uint32_t bytes = evict->objects[object].bytes;
        evict->used_bytes -= bytes;
        if (object == evict->incoming) {
            /* Its own beginning went: it comes in whole. */
            evict->incoming_bytes += bytes;
        }
        if (evict->objects[object].where == 0) {
            evict->objects[object].bytes = 0;
        }
    }
    return true;
}

/* More of one that is there. */
static void grow(struct evict *evict, struct evict_object *object)
{
    object->bytes += evict->incoming_bytes;
    evict->lists[object->where - 1u].bytes += evict->incoming_bytes;
}

static void take_in(struct evict *evict, uint32_t number, uint32_t bytes)
{
    struct evict_object *object = &evict->objects[number];
    evict->incoming = number;
    evict->incoming_bytes = bytes - (is_there(evict, object) ? object->bytes : 0);
    if (!is_there(evict, object) && evict->policy->miss != NULL) {
        evict->policy->miss(evict, number);
    }
    if (bytes > evict->limit_bytes || !make_room(evict)) {
        return;
    }
    if (is_there(evict, object)) {
        grow(evict, object);
    } else {
        uint8_t where = object->where;
        if (where != 0) {
            /* A ghost's list counts the bytes that it had. */
            evict->lists[where - 1u].bytes += bytes;
            evict->lists[where - 1u].bytes -= object->bytes;
        }
        object->bytes = bytes;
        evict->policy->insert(evict, number);
    }
    evict->used_bytes += evict->incoming_bytes;
}

uint32_t evict_request(struct evict *evict, const struct evict_request *request)
{
    assert(request->object < evict->object_count && request->bytes > 0);
    struct evict_object *object = &evict->objects[request->object];
    uint32_t had = is_there(evict, object) ? object->bytes : 0;
    evict->asked_bytes = request->bytes;
    evict->next_use = request->next_use;
    evict->request_count++;
    if (had > 0 && !is_held(object)) {
        evict->policy->hit(evict, request->object);
    }
    if (had < request->bytes) {
        take_in(evict, request->object, request->bytes);
        return had;
    }
    return request->bytes;
}

void evict_protect(struct evict *evict, uint32_t object, bool is_protected)
{
    assert(object < evict->object_count);
    struct evict_object *entry = &evict->objects[object];
    if (is_protected) {
        assert(entry->protections < UINT16_MAX);
        entry->protections++;
        return;
    }
    assert(entry->protections > 0);
    entry->protections--;
    if (entry->protections == 0 && is_held(entry)) {
        evict_unlink(evict, object);
        evict->policy->insert(evict, object);
    }
}

uint64_t evict_used_bytes(const struct evict *evict)
{
    return evict->used_bytes;
}

void evict_check_invariants(const struct evict *evict)
{
    uint64_t there_bytes = 0;
    uint64_t list_bytes[EVICT_LISTS + 1] = {0};
    uint32_t list_counts[EVICT_LISTS + 1] = {0};
    for (uint32_t i = 0; i < evict->object_count; i++) {
        const struct evict_object *object = &evict->objects[i];
        there_bytes += is_there(evict, object) ? object->bytes : 0;
        if (object->where != 0) {
            list_bytes[object->where - 1u] += object->bytes;
            list_counts[object->where - 1u]++;
        }
    }
    assert(there_bytes == evict->used_bytes && evict->used_bytes <= evict->limit_bytes);
    for (uint32_t i = 0; i <= EVICT_LISTS; i++) {
        assert(list_bytes[i] == evict->lists[i].bytes && list_counts[i] == evict->lists[i].count);
    }
    assert(!evict->policy->has_heap || evict->heap_count == evict->lists[0].count);
}
