/*
 * tracker_blocks.c: blocks of entries, and a directory of blocks that doubles.
 */
#include "streamserver/core/tracker_blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_DIRECTORY_MIN 8u

size_t tracker_memory_cost(size_t bytes)
{
    size_t cost = (bytes + sizeof(size_t) + 15) & ~(size_t)15;
    return cost < 32 ? 32 : cost;
}

void tracker_blocks_init(struct tracker_blocks *blocks, size_t entry_bytes)
{
    *blocks = (struct tracker_blocks){.entry_bytes = (uint32_t)entry_bytes};
}

static uint32_t directory_capacity(uint32_t count)
{
    uint32_t capacity = count == 0 ? 0 : BLOCKS_DIRECTORY_MIN;
    while (capacity < count) {
        capacity *= 2;
    }
    return capacity;
}

size_t tracker_blocks_bytes(const struct tracker_blocks *blocks)
{
    return blocks->count * tracker_memory_cost((size_t)TRACKER_BLOCK * blocks->entry_bytes) +
           directory_capacity(blocks->count) * sizeof(void *);
}

void tracker_blocks_deinit(struct tracker_blocks *blocks, size_t *memory)
{
    *memory -= tracker_blocks_bytes(blocks);
    for (uint32_t i = 0; i < blocks->count; i++) {
        free(blocks->blocks[i]);
    }
    free(blocks->blocks);
    blocks->blocks = NULL;
    blocks->count = 0;
}

static bool add_block(struct tracker_blocks *blocks)
{
    void *block = calloc(TRACKER_BLOCK, blocks->entry_bytes);
    if (block == NULL) {
        return false;
    }
    uint32_t capacity = directory_capacity(blocks->count + 1);
    if (capacity != directory_capacity(blocks->count)) {
        void **larger = calloc(capacity, sizeof *larger);
        if (larger == NULL) {
            free(block);
            return false;
        }
        if (blocks->count > 0) {
            memcpy(larger, blocks->blocks, blocks->count * sizeof *larger);
        }
        free(blocks->blocks);
        blocks->blocks = larger;
    }
    blocks->blocks[blocks->count++] = block;
    return true;
}

bool tracker_blocks_reach(struct tracker_blocks *blocks, uint32_t entry, size_t *memory)
{
    while (entry / TRACKER_BLOCK >= blocks->count) {
        size_t before = tracker_blocks_bytes(blocks);
        if (!add_block(blocks)) {
            return false;
        }
        *memory += tracker_blocks_bytes(blocks) - before;
    }
    return true;
}

uint32_t tracker_blocks_entries(const struct tracker_blocks *blocks)
{
    return blocks->count * TRACKER_BLOCK;
}

void *tracker_blocks_get(const struct tracker_blocks *blocks, uint32_t entry)
{
    assert(entry / TRACKER_BLOCK < blocks->count);
    uint8_t *block = blocks->blocks[entry / TRACKER_BLOCK];
    return &block[(size_t)(entry % TRACKER_BLOCK) * blocks->entry_bytes];
}
