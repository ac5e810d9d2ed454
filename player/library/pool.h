/*
 * pool.h: each different text once, as an offset into one block of bytes.
 *
 * Found by a seeded hash, so that a stranger who picks the texts cannot make it slow.
 */
#ifndef PLAYER_LIBRARY_POOL_H
#define PLAYER_LIBRARY_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_BYTES_MAX (1u << 30)

struct pool {
    char *bytes; /* owned; texts with a NUL behind each; offset 0 is "" */
    uint32_t used, capacity;
    uint32_t *places; /* owned; offset + 1, 0 = free; a power of two of them */
    uint32_t place_count, count;
    uint64_t seed[2];
};

/* ERROR_NO_MEMORY. */
int pool_init(struct pool *pool, uint64_t seed);
void pool_deinit(struct pool *pool);
/* The text's offset. ERROR_NO_MEMORY; ERROR_TOO_LARGE: all texts together. */
int pool_add(struct pool *pool, const char *text, uint32_t *ret_offset);
/* Valid until the next pool_add. */
const char *pool_text(const struct pool *pool, uint32_t offset);

#endif
