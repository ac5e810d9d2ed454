/*
 * evict_lists.c: doubly linked lists of objects, by number, with their bytes.
 */
#include "cache/core/evict_state.h"

#include <assert.h>

void evict_push(struct evict *evict, uint32_t list, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    struct evict_list *queue = &evict->lists[list];
    assert(entry->where == 0 && list <= EVICT_LISTS);
    entry->prev = EVICT_NONE;
    entry->next = queue->head;
    if (queue->head != EVICT_NONE) {
        evict->objects[queue->head].prev = object;
    } else {
        queue->tail = object;
    }
    queue->head = object;
    queue->bytes += entry->bytes;
    queue->count++;
    entry->where = (uint8_t)(list + 1);
}

void evict_unlink(struct evict *evict, uint32_t object)
{
    struct evict_object *entry = &evict->objects[object];
    if (entry->where == 0) {
        return;
    }
    struct evict_list *queue = &evict->lists[entry->where - 1u];
    if (entry->prev != EVICT_NONE) {
        evict->objects[entry->prev].next = entry->next;
    } else {
        queue->head = entry->next;
    }
    if (entry->next != EVICT_NONE) {
        evict->objects[entry->next].prev = entry->prev;
    } else {
        queue->tail = entry->prev;
    }
    queue->bytes -= entry->bytes;
    queue->count--;
    entry->where = 0;
}

void evict_move(struct evict *evict, uint32_t list, uint32_t object)
{
    evict_unlink(evict, object);
    evict_push(evict, list, object);
}

void evict_trim_ghosts(struct evict *evict, uint32_t list, uint64_t bytes_max)
{
    while (evict->lists[list].bytes > bytes_max) {
        uint32_t object = evict->lists[list].tail;
        evict_unlink(evict, object);
        evict->objects[object].bytes = 0;
        evict->objects[object].mark = 0;
    }
}
