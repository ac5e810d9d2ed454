/*
 * slots.h: who holds which of the caller's buffers.
 *
 * Responsible for counting: a slot is free, promised (a chunk was asked for and will need one),
 * taken (a chunk fills it, or is in it), or resting (given back in this step). A slot that was
 * given back rests until the next step, because the effects of a step are sorted by kind and its
 * FILL would overtake the RELEASE.
 *
 * Not responsible for what is in a slot (files.h).
 */
#ifndef PLAYER_CORE_SLOTS_H
#define PLAYER_CORE_SLOTS_H

#include "media/core/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

struct slot {
    uint32_t next;     /* free or resting: the next one of the list */
    media_handle file; /* taken: whose chunk; 0 = not taken */
    uint32_t chunk;
    uint16_t filled; /* bytes that have arrived, from the chunk's beginning; 16,384 at most */
    bool is_ready;   /* READY was said: RELEASE must follow */
};

struct slots {
    struct slot *list; /* owned */
    uint32_t count;
    uint32_t free_first;
    uint32_t free_count;
    uint32_t resting_first;
    uint32_t resting_count;
    uint32_t promised; /* of the free ones; promised <= free_count */
};

/* ERROR_NO_MEMORY. `count` > 0. */
int slots_init(struct slots *slots, uint32_t count);
void slots_deinit(struct slots *slots);
/* A new step begins: what rested is free. */
void slots_settle(struct slots *slots);
/* Free and not promised. */
uint32_t slots_available(const struct slots *slots);
/* Promises one; false when none is available. */
bool slots_promise(struct slots *slots);
/* Takes a promise back. */
void slots_forgo(struct slots *slots);
/* Turns a promise into a slot for this chunk. */
uint32_t slots_take(struct slots *slots, media_handle file, uint32_t chunk);
/* Gives it back; it rests until the next settle. */
void slots_give(struct slots *slots, uint32_t slot);
size_t slots_heap_bytes(const struct slots *slots);
void slots_check_invariants(const struct slots *slots);

#endif
