/*
 * node_world_parts.h: what node_world.c and node_catalogue.c share. Private to them.
 */
#ifndef TESTS_LIB_NODE_WORLD_PARTS_H
#define TESTS_LIB_NODE_WORLD_PARTS_H

#include "tests/lib/node_world.h"

#define PENDING_MAX 4096u

enum pending_kind {
    PENDING_EVENT,
    PENDING_FRAME, /* from the node, to the origin */
    PENDING_PUMP,
    PENDING_SOUND,
};

struct world_pending {
    uint64_t at_us;
    uint64_t order;
    enum pending_kind kind;
    uint32_t link; /* frames and messages */
    struct node_event event;
    struct p2p_message message;
};

/* The digest of a chunk; the index of a track (WORLD_TRACKS: an id that nobody knows). */
void world_leaf(uint32_t track, uint32_t chunk, uint8_t *ret_hash);
uint32_t world_track_by_handle(const struct world *world, media_handle handle);
uint32_t world_track_by_id(const struct world *world, const uint8_t *id);

#endif
