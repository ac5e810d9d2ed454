/*
 * tracker_set.h: a compact set of numbers below 2^31, each with one bit.
 *
 * Two numbers stand in the set itself, up to TRACKER_LEAF_MAX in an array in the order of adding,
 * more in a trie of 16 such sets by the bits of a mix of the number. Arrays grow by a quarter, so a
 * number costs 4 to 6 bytes; no operation touches more than one array and a path of 8, so none
 * stalls, however large the set is. 16 bytes when empty. A zeroed set is empty.
 *
 * Memory is counted in the caller's counter as what the allocator really takes.
 */
#ifndef STREAMSERVER_CORE_TRACKER_SET_H
#define STREAMSERVER_CORE_TRACKER_SET_H

#include "common/prng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKER_VALUE_MAX (UINT32_MAX >> 1)
#define TRACKER_FLAG (UINT32_C(1) << 31) /* of a sampled or visited item: its bit */
#define TRACKER_LEAF_MAX 254u

struct tracker_set {
    uint32_t count;
    uint16_t capacity; /* of items */
    uint8_t kind;      /* private */
    union {
        uint32_t few[2];
        uint32_t *items;
        struct tracker_set *children;
    };
};

void tracker_set_clear(struct tracker_set *set, size_t *memory);
/* *ret_flag may be NULL. */
bool tracker_set_find(const struct tracker_set *set, uint32_t value, bool *ret_flag);
/* Adds a number that is not in it (asserted in the parts that it looks at). ERROR_NO_MEMORY: the
 * set is as it was. */
int tracker_set_add(struct tracker_set *set, uint32_t value, bool flag, size_t *memory);
/* Makes room for so many more at once, as far as one array goes; only a hint. */
void tracker_set_reserve(struct tracker_set *set, uint32_t more, size_t *memory);
/* Changes the bit of a number that is in it. */
void tracker_set_mark(struct tracker_set *set, uint32_t value, bool flag);
/* Makes a number that is in it the newest; the set has never had more than TRACKER_LEAF_MAX. */
void tracker_set_renew(struct tracker_set *set, uint32_t value, bool flag);
/* True when it was in it. */
bool tracker_set_remove(struct tracker_set *set, uint32_t value, size_t *memory);
/* Some number of a set that is not empty, without its bit: the oldest while there are at most
 * TRACKER_LEAF_MAX and never were more; the same until something changes. */
uint32_t tracker_set_first(const struct tracker_set *set);
/* Items (numbers with TRACKER_FLAG) by chance, all when there are no more than `most`: each is as
 * likely as any other, though some come in runs. An item may come twice. Returns how many. */
uint32_t tracker_set_sample(const struct tracker_set *set, struct prng *prng, uint32_t most,
                            uint32_t *ret_items);
/* Calls back with each item. */
void tracker_set_visit(const struct tracker_set *set, void (*visit)(void *context, uint32_t item),
                       void *context);
/* Asserts what must hold inside; returns the memory that it takes besides itself. */
size_t tracker_set_check_invariants(const struct tracker_set *set);

#endif
