/*
 * tracker_set.c: numbers in the set, in an array, or in a trie of arrays.
 *
 * Responsible for form and memory. A trie goes back to an array when a third of one is left, so
 * that a set at the border does not change its form with each number.
 *
 * Failure mode: an allocation that fails leaves the set as it was, larger than it must be at worst.
 */
#include "streamserver/core/tracker_set.h"

#include "common/error.h"
#include "streamserver/core/tracker_blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SET_FEW 2u
#define SET_CHILDREN 16u
#define SET_CHILD_BITS 4u
#define SET_TRIE_MIN 80u /* fewer: an array again */
#define SET_DEPTH_MAX 8u /* 32 bits of mix */
#define SET_RUN 8u       /* sampled from one place of an array */

enum set_kind {
    SET_KIND_FEW = 0,
    SET_KIND_ARRAY,
    SET_KIND_TRIE,
};

_Static_assert(sizeof(struct tracker_set) == 16, "a set is 16 bytes");
_Static_assert(TRACKER_LEAF_MAX % 4 == 2, "the largest array fills its block");

/* Different numbers have different mixes (each step can be undone), so a trie ends. The rounds are
 * those of Wellons' search for low bias, "hash-prospector", 2018. */
static uint32_t mix(uint32_t value)
{
    value ^= value >> 16;
    value *= UINT32_C(0x7feb352d);
    value ^= value >> 15;
    value *= UINT32_C(0x846ca68b);
    value ^= value >> 16;
    return value;
}

static struct tracker_set *child_of(const struct tracker_set *trie, uint32_t hash, uint32_t depth)
{
    assert(depth < SET_DEPTH_MAX);
    return &trie->children[hash >> (32 - SET_CHILD_BITS * (depth + 1)) & (SET_CHILDREN - 1)];
}

static const uint32_t *items_of(const struct tracker_set *set)
{
    assert(set->kind != SET_KIND_TRIE);
    return set->kind == SET_KIND_FEW ? set->few : set->items;
}

/* The place of a number in an array, or its count. */
static uint32_t place_of(const struct tracker_set *set, uint32_t value)
{
    const uint32_t *items = items_of(set);
    uint32_t place = 0;
    while (place < set->count && (items[place] & TRACKER_VALUE_MAX) != value) {
        place++;
    }
    return place;
}

/* Room for at least so many, filling the allocator's block. */
static uint32_t fitting_capacity(uint32_t count)
{
    uint32_t capacity = (count + 1) / 4 * 4 + 2;
    return capacity > TRACKER_LEAF_MAX ? TRACKER_LEAF_MAX : capacity;
}

static int resize(struct tracker_set *set, uint32_t capacity, size_t *memory)
{
    assert(set->kind == SET_KIND_ARRAY);
    assert(capacity >= set->count);
    uint32_t *items = calloc(capacity, sizeof *items);
    if (items == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(items, set->items, set->count * sizeof *items);
    free(set->items);
    *memory -= tracker_memory_cost(set->capacity * sizeof *items);
    *memory += tracker_memory_cost(capacity * sizeof *items);
    set->items = items;
    set->capacity = (uint16_t)capacity;
    return 0;
}

/* From within the set to an array of its own. */
static int become_array(struct tracker_set *set, uint32_t capacity, size_t *memory)
{
    assert(set->kind == SET_KIND_FEW);
    uint32_t *items = calloc(capacity, sizeof *items);
    if (items == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(items, set->few, set->count * sizeof *items);
    set->items = items;
    set->capacity = (uint16_t)capacity;
    set->kind = SET_KIND_ARRAY;
    *memory += tracker_memory_cost(capacity * sizeof *items);
    return 0;
}

/* Adds to a set that is no trie and not at TRACKER_LEAF_MAX. */
static int append(struct tracker_set *set, uint32_t item, size_t *memory)
{
    assert(set->count < TRACKER_LEAF_MAX);
    int error = 0;
    if (set->kind == SET_KIND_FEW && set->count < SET_FEW) {
        set->few[set->count++] = item;
        return 0;
    }
    if (set->kind == SET_KIND_FEW) {
        error = become_array(set, fitting_capacity(SET_FEW + 1), memory);
    } else if (set->count == set->capacity) {
        error = resize(set, fitting_capacity(set->count + set->count / 4 + 1), memory);
    }
    if (error == 0) {
        set->items[set->count++] = item;
    }
    return error;
}

/* From an array to a trie one level deep; `depth` is that of the set. */
static int become_trie(struct tracker_set *set, uint32_t depth, size_t *memory)
{
    struct tracker_set trie = {.count = set->count, .kind = SET_KIND_TRIE};
    trie.children = calloc(SET_CHILDREN, sizeof *trie.children);
    if (trie.children == NULL) {
        return ERROR_NO_MEMORY;
    }
    *memory += tracker_memory_cost(SET_CHILDREN * sizeof *trie.children);
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t item = set->items[i];
        int error = append(child_of(&trie, mix(item & TRACKER_VALUE_MAX), depth), item, memory);
        if (error != 0) {
            tracker_set_clear(&trie, memory);
            return error;
        }
    }
    tracker_set_clear(set, memory);
    *set = trie;
    return 0;
}

void tracker_set_clear(struct tracker_set *set, size_t *memory)
{
    if (set->kind == SET_KIND_TRIE) {
        for (uint32_t i = 0; i < SET_CHILDREN; i++) {
            tracker_set_clear(&set->children[i], memory);
        }
        *memory -= tracker_memory_cost(SET_CHILDREN * sizeof *set->children);
        free(set->children);
    } else if (set->kind == SET_KIND_ARRAY) {
        *memory -= tracker_memory_cost(set->capacity * sizeof *set->items);
        free(set->items);
    }
    *set = (struct tracker_set){0};
}

/* The array in which a number is, or would be. */
static const struct tracker_set *array_of(const struct tracker_set *set, uint32_t value)
{
    if (set->kind == SET_KIND_TRIE) {
        uint32_t hash = mix(value);
        for (uint32_t depth = 0; set->kind == SET_KIND_TRIE; depth++) {
            set = child_of(set, hash, depth);
        }
    }
    return set;
}

bool tracker_set_find(const struct tracker_set *set, uint32_t value, bool *ret_flag)
{
    set = array_of(set, value);
    uint32_t place = place_of(set, value);
    if (place == set->count) {
        return false;
    }
    if (ret_flag != NULL) {
        *ret_flag = (items_of(set)[place] & TRACKER_FLAG) != 0;
    }
    return true;
}

int tracker_set_add(struct tracker_set *set, uint32_t value, bool flag, size_t *memory)
{
    assert(value <= TRACKER_VALUE_MAX);
    struct tracker_set *path[SET_DEPTH_MAX];
    uint32_t hash = mix(value);
    uint32_t depth = 0;
    struct tracker_set *at = set;
    while (at->kind == SET_KIND_TRIE || at->count == TRACKER_LEAF_MAX) {
        if (at->kind != SET_KIND_TRIE && become_trie(at, depth, memory) != 0) {
            return ERROR_NO_MEMORY;
        }
        path[depth] = at;
        at = child_of(at, hash, depth++);
    }
    int error = append(at, value | (flag ? TRACKER_FLAG : 0), memory);
    for (uint32_t i = 0; error == 0 && i < depth; i++) {
        path[i]->count++;
    }
    return error;
}

void tracker_set_reserve(struct tracker_set *set, uint32_t more, size_t *memory)
{
    uint64_t count = (uint64_t)set->count + more;
    if (set->kind == SET_KIND_TRIE || count <= SET_FEW || count > TRACKER_LEAF_MAX) {
        return;
    }
    /* Out of memory: the adding will tell. */
    if (set->kind == SET_KIND_FEW) {
        (void)become_array(set, fitting_capacity((uint32_t)count), memory);
    } else if (count > set->capacity) {
        (void)resize(set, fitting_capacity((uint32_t)count), memory);
    }
}

void tracker_set_mark(struct tracker_set *set, uint32_t value, bool flag)
{
    struct tracker_set *array = (struct tracker_set *)array_of(set, value);
    uint32_t place = place_of(array, value);
    assert(place < array->count);
    uint32_t *items = array->kind == SET_KIND_FEW ? array->few : array->items;
    items[place] = value | (flag ? TRACKER_FLAG : 0);
}

void tracker_set_renew(struct tracker_set *set, uint32_t value, bool flag)
{
    assert(set->kind != SET_KIND_TRIE);
    uint32_t place = place_of(set, value);
    assert(place < set->count);
    uint32_t *items = set->kind == SET_KIND_FEW ? set->few : set->items;
    memmove(&items[place], &items[place + 1], (set->count - 1 - place) * sizeof *items);
    items[set->count - 1] = value | (flag ? TRACKER_FLAG : 0);
}

/* Takes a place out of an array; the others keep their order. */
static void take_out(struct tracker_set *array, uint32_t place, size_t *memory)
{
    uint32_t *items = array->kind == SET_KIND_FEW ? array->few : array->items;
    array->count--;
    memmove(&items[place], &items[place + 1], (array->count - place) * sizeof *items);
    if (array->kind == SET_KIND_FEW) {
        return;
    }
    if (array->count <= SET_FEW) {
        struct tracker_set few = {.count = array->count};
        memcpy(few.few, items, array->count * sizeof *items);
        tracker_set_clear(array, memory);
        *array = few;
    } else if (array->capacity >= 10 && array->count <= array->capacity / 2) {
        (void)resize(array, fitting_capacity(array->count + array->count / 4), memory);
    }
}

struct gathering {
    uint32_t *items;
    uint32_t count;
};

static void gather(void *context, uint32_t item)
{
    struct gathering *gathering = context;
    gathering->items[gathering->count++] = item;
}

/* A trie of few becomes an array; without memory it stays. */
static void fold(struct tracker_set *trie, size_t *memory)
{
    uint32_t capacity = fitting_capacity(trie->count + trie->count / 4);
    struct gathering gathering = {.items = calloc(capacity, sizeof *gathering.items)};
    if (gathering.items == NULL) {
        return;
    }
    tracker_set_visit(trie, gather, &gathering);
    tracker_set_clear(trie, memory);
    *trie = (struct tracker_set){.count = gathering.count,
                                 .capacity = (uint16_t)capacity,
                                 .kind = SET_KIND_ARRAY,
                                 .items = gathering.items};
    *memory += tracker_memory_cost(capacity * sizeof *gathering.items);
}

bool tracker_set_remove(struct tracker_set *set, uint32_t value, size_t *memory)
{
    struct tracker_set *path[SET_DEPTH_MAX];
    uint32_t hash = mix(value);
    uint32_t depth = 0;
    struct tracker_set *at = set;
    while (at->kind == SET_KIND_TRIE) {
        path[depth] = at;
        at = child_of(at, hash, depth++);
    }
    uint32_t place = place_of(at, value);
    if (place == at->count) {
        return false;
    }
    take_out(at, place, memory);
    for (uint32_t i = 0; i < depth; i++) {
        path[i]->count--;
    }
    for (uint32_t i = 0; i < depth; i++) {
        if (path[i]->count < SET_TRIE_MIN) {
            fold(path[i], memory); /* and all below it */
            break;
        }
    }
    return true;
}

uint32_t tracker_set_first(const struct tracker_set *set)
{
    assert(set->count > 0);
    while (set->kind == SET_KIND_TRIE) {
        const struct tracker_set *child = set->children;
        while (child->count == 0) {
            child++;
        }
        set = child;
    }
    return items_of(set)[0] & TRACKER_VALUE_MAX;
}

/* A run from the array that has the item of this rank, beginning there, round its end. */
static uint32_t sample_run(const struct tracker_set *set, uint64_t rank, uint32_t most,
                           uint32_t *ret_items)
{
    while (set->kind == SET_KIND_TRIE) {
        const struct tracker_set *child = set->children;
        while (rank >= child->count) {
            rank -= child->count;
            child++;
        }
        set = child;
    }
    const uint32_t *items = items_of(set);
    uint32_t count = set->count < most ? set->count : most;
    for (uint32_t i = 0; i < count; i++) {
        ret_items[i] = items[(rank + i) % set->count];
    }
    return count;
}

uint32_t tracker_set_sample(const struct tracker_set *set, struct prng *prng, uint32_t most,
                            uint32_t *ret_items)
{
    if (set->count <= most) {
        struct gathering all = {.items = ret_items};
        tracker_set_visit(set, gather, &all);
        return all.count;
    }
    uint32_t count = 0;
    while (count < most) {
        uint32_t left = most - count;
        count += sample_run(set, prng_below(prng, set->count), left < SET_RUN ? left : SET_RUN,
                            &ret_items[count]);
    }
    return count;
}

void tracker_set_visit(const struct tracker_set *set, void (*visit)(void *context, uint32_t item),
                       void *context)
{
    if (set->kind == SET_KIND_TRIE) {
        for (uint32_t i = 0; i < SET_CHILDREN; i++) {
            tracker_set_visit(&set->children[i], visit, context);
        }
        return;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        visit(context, items_of(set)[i]);
    }
}

size_t tracker_set_check_invariants(const struct tracker_set *set)
{
    size_t memory = 0;
    uint64_t count = 0;
    switch ((enum set_kind)set->kind) {
    case SET_KIND_FEW:
        assert(set->count <= SET_FEW);
        break;
    case SET_KIND_ARRAY:
        assert(set->count <= set->capacity);
        assert(set->capacity <= TRACKER_LEAF_MAX);
        memory = tracker_memory_cost(set->capacity * sizeof *set->items);
        break;
    case SET_KIND_TRIE:
        memory = tracker_memory_cost(SET_CHILDREN * sizeof *set->children);
        for (uint32_t i = 0; i < SET_CHILDREN; i++) {
            memory += tracker_set_check_invariants(&set->children[i]);
            count += set->children[i].count;
        }
        assert(count == set->count);
        break;
    }
    return memory;
}
