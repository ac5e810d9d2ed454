/*
 * slots.c: two lists through one array.
 *
 * Responsible for the lists and the counts; see slots.h.
 */
#include "player/core/slots.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int slots_init(struct slots *slots, uint32_t count)
{
    assert(count > 0);
    memset(slots, 0, sizeof *slots);
    slots->list = calloc(count, sizeof *slots->list);
    if (slots->list == NULL) {
        return ERROR_NO_MEMORY;
    }
    slots->count = count;
    slots->free_count = count;
    slots->resting_first = SLOT_NONE;
    for (uint32_t i = 0; i < count; i++) {
        slots->list[i].next = i + 1 < count ? i + 1 : SLOT_NONE;
    }
    return 0;
}

void slots_deinit(struct slots *slots)
{
    free(slots->list);
    memset(slots, 0, sizeof *slots);
}

void slots_settle(struct slots *slots)
{
    while (slots->resting_first != SLOT_NONE) {
        uint32_t slot = slots->resting_first;
        slots->resting_first = slots->list[slot].next;
        slots->list[slot].next = slots->free_first;
        slots->free_first = slot;
    }
    slots->free_count += slots->resting_count;
    slots->resting_count = 0;
}

uint32_t slots_available(const struct slots *slots)
{
    return slots->free_count - slots->promised;
}

bool slots_promise(struct slots *slots)
{
    if (slots_available(slots) == 0) {
        return false;
    }
    slots->promised++;
    return true;
}

void slots_forgo(struct slots *slots)
{
    assert(slots->promised > 0);
    slots->promised--;
}

uint32_t slots_take(struct slots *slots, media_handle file, uint32_t chunk)
{
    assert(file != 0);
    assert(slots->promised > 0);
    assert(slots->free_first != SLOT_NONE);
    uint32_t slot = slots->free_first;
    slots->free_first = slots->list[slot].next;
    slots->free_count--;
    slots->promised--;
    slots->list[slot] = (struct slot){.next = SLOT_NONE, .file = file, .chunk = chunk};
    return slot;
}

void slots_give(struct slots *slots, uint32_t slot)
{
    assert(slot < slots->count);
    assert(slots->list[slot].file != 0);
    slots->list[slot] = (struct slot){.next = slots->resting_first};
    slots->resting_first = slot;
    slots->resting_count++;
}

size_t slots_heap_bytes(const struct slots *slots)
{
    return slots->count * sizeof *slots->list;
}

static uint32_t list_length(const struct slots *slots, uint32_t first)
{
    uint32_t length = 0;
    for (uint32_t at = first; at != SLOT_NONE; at = slots->list[at].next) {
        assert(slots->list[at].file == 0);
        length++;
        assert(length <= slots->count);
    }
    return length;
}

void slots_check_invariants(const struct slots *slots)
{
    assert(list_length(slots, slots->free_first) == slots->free_count);
    assert(list_length(slots, slots->resting_first) == slots->resting_count);
    assert(slots->promised <= slots->free_count);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        taken += slots->list[i].file != 0;
    }
    assert(taken + slots->free_count + slots->resting_count == slots->count);
}
