/*
 * wants.h: decoders' threads that wait for chunks.
 *
 * Responsible for who waits for what since when. A want leaves when it is answered (the caller
 * emits WANT_MET or WANT_FAILED) or dropped.
 */
#ifndef PLAYER_CORE_WANTS_H
#define PLAYER_CORE_WANTS_H

#include "player/core/node.h"

struct want {
    uint32_t number; /* the caller's */
    uint32_t entry;
    media_handle file;
    uint32_t first_chunk;
    uint32_t count;
    uint64_t since_us;
};

struct wants {
    struct want list[NODE_WANTS_MAX]; /* in the order of asking */
    uint32_t count;
};

/* There must be room, and the number must not be outstanding (both asserted). */
struct want *wants_add(struct wants *wants);
/* The index of this number; wants->count when it is not outstanding. */
uint32_t wants_index(const struct wants *wants, uint32_t number);
void wants_remove(struct wants *wants, uint32_t index);
/* True when somebody waits for this chunk. */
bool wants_chunk(const struct wants *wants, media_handle file, uint32_t chunk);
void wants_check_invariants(const struct wants *wants);

#endif
