/*
 * evict_heap.c: an indexed heap with four children a node: the least key on top.
 *
 * An object's place stands in its `prev`. List 0 keeps count and bytes of what is in the heap.
 */
#include "cache/core/evict_state.h"

#include <assert.h>

#define CHILDREN 4u

static void set(struct evict *evict, uint32_t place, struct evict_heap_entry entry)
{
    evict->heap[place] = entry;
    evict->objects[entry.object].prev = place;
}

static void sift_up(struct evict *evict, uint32_t place, struct evict_heap_entry entry)
{
    while (place > 0 && evict->heap[(place - 1) / CHILDREN].key > entry.key) {
        set(evict, place, evict->heap[(place - 1) / CHILDREN]);
        place = (place - 1) / CHILDREN;
    }
    set(evict, place, entry);
}

static uint32_t least_child(const struct evict *evict, uint32_t place)
{
    uint32_t least = place * CHILDREN + 1;
    for (uint32_t child = least + 1; child <= place * CHILDREN + CHILDREN; child++) {
        if (child < evict->heap_count && evict->heap[child].key < evict->heap[least].key) {
            least = child;
        }
    }
    return least;
}

static void sift_down(struct evict *evict, uint32_t place, struct evict_heap_entry entry)
{
    while (place * CHILDREN + 1 < evict->heap_count) {
        uint32_t child = least_child(evict, place);
        if (evict->heap[child].key >= entry.key) {
            break;
        }
        set(evict, place, evict->heap[child]);
        place = child;
    }
    set(evict, place, entry);
}

static void enter(struct evict *evict, struct evict_object *entry)
{
    assert(entry->where == 0);
    entry->where = 1;
    evict->lists[0].count++;
    evict->lists[0].bytes += entry->bytes;
}

void evict_heap_put(struct evict *evict, uint32_t object, uint64_t key)
{
    struct evict_object *entry = &evict->objects[object];
    struct evict_heap_entry item = {.key = key, .object = object};
    if (entry->where == 1) {
        if (key < evict->heap[entry->prev].key) {
            sift_up(evict, entry->prev, item);
        } else {
            sift_down(evict, entry->prev, item);
        }
        return;
    }
    enter(evict, entry);
    sift_up(evict, evict->heap_count++, item);
}

void evict_heap_remove(struct evict *evict, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    assert(entry->where == 1);
    uint32_t place = entry->prev;
    struct evict_heap_entry last = evict->heap[--evict->heap_count];
    entry->where = 0;
    evict->lists[0].count--;
    evict->lists[0].bytes -= entry->bytes;
    if (last.object == object) {
        return;
    }
    uint64_t old_key = evict->heap[place].key;
    if (last.key < old_key) {
        sift_up(evict, place, last);
    } else {
        sift_down(evict, place, last);
    }
}

uint32_t evict_heap_pop(struct evict *evict, uint64_t *ret_key)
{
    assert(evict->heap_count > 0);
    uint32_t object = evict->heap[0].object;
    *ret_key = evict->heap[0].key;
    evict_heap_remove(evict, object);
    return object;
}
