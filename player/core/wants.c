/*
 * wants.c: a short array in the order of asking.
 *
 * Responsible for the list only; who answers when is node_chunks.c's.
 */
#include "player/core/wants.h"

#include <assert.h>
#include <string.h>

struct want *wants_add(struct wants *wants)
{
    assert(wants->count < NODE_WANTS_MAX);
    struct want *want = &wants->list[wants->count++];
    memset(want, 0, sizeof *want);
    return want;
}

uint32_t wants_index(const struct wants *wants, uint32_t number)
{
    uint32_t index = 0;
    while (index < wants->count && wants->list[index].number != number) {
        index++;
    }
    return index;
}

void wants_remove(struct wants *wants, uint32_t index)
{
    assert(index < wants->count);
    wants->count--;
    memmove(&wants->list[index], &wants->list[index + 1],
            (wants->count - index) * sizeof wants->list[0]);
}

bool wants_chunk(const struct wants *wants, media_handle file, uint32_t chunk)
{
    for (uint32_t i = 0; i < wants->count; i++) {
        const struct want *want = &wants->list[i];
        if (want->file == file && chunk >= want->first_chunk &&
            chunk - want->first_chunk < want->count) {
            return true;
        }
    }
    return false;
}

void wants_check_invariants(const struct wants *wants)
{
    assert(wants->count <= NODE_WANTS_MAX);
    for (uint32_t i = 0; i < wants->count; i++) {
        assert(wants->list[i].number != 0);
        assert(wants->list[i].count > 0);
        assert(wants_index(wants, wants->list[i].number) == i);
    }
}
