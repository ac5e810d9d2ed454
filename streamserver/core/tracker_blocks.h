/*
 * tracker_blocks.h: a table that grows by blocks of 256 entries, so that nothing moves and no growth
 * stalls.
 *
 * Entries are zeroed when their block is made; blocks stay until the end.
 */
#ifndef STREAMSERVER_CORE_TRACKER_BLOCKS_H
#define STREAMSERVER_CORE_TRACKER_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKER_BLOCK 256u /* entries */

struct tracker_blocks {
    void **blocks;
    uint32_t count; /* of blocks */
    uint32_t entry_bytes;
};

/* What the allocator takes for so many bytes, head included. */
size_t tracker_memory_cost(size_t bytes);

void tracker_blocks_init(struct tracker_blocks *blocks, size_t entry_bytes);
void tracker_blocks_deinit(struct tracker_blocks *blocks, size_t *memory);
/* There is an entry of this number now. False: no memory. */
bool tracker_blocks_reach(struct tracker_blocks *blocks, uint32_t entry, size_t *memory);
/* How many entries there are. */
uint32_t tracker_blocks_entries(const struct tracker_blocks *blocks);
void *tracker_blocks_get(const struct tracker_blocks *blocks, uint32_t entry);
/* What they take, all in; the sum of what was counted in `memory`. */
size_t tracker_blocks_bytes(const struct tracker_blocks *blocks);

#endif
