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
    PENDING_PEER_FRAME, /* from the node, to a peer */
    PENDING_PEER_PUMP,
};

struct world_pending {
    uint64_t at_us;
    uint64_t order;
    enum pending_kind kind;
    uint32_t link; /* frames and messages */
    uint32_t peer; /* index + 1; 0 = the origin */
    struct node_event event;
    struct p2p_message message;
};

struct world_pending *world_later(struct world *world, uint64_t delay_us, enum pending_kind kind);
struct node_event *world_later_event(struct world *world, uint64_t delay_us,
                                     enum node_event_kind kind);
/* A message of the origin that leaves now. */
struct p2p_message *world_origin_says(struct world *world, uint32_t bytes, enum p2p_type type);

/* node_catalogue.c: the effect of this name. */
void world_load_manifest(struct world *world, const struct node_effect *effect);

/* node_world_peers.c */
void world_peers_init(struct world *world);
/* Index + 1 of the peer whose link this is; 0: none. */
uint32_t world_peer_of(const struct world *world, uint32_t link);
/* Effects that concern peers; false: this one does not. */
bool world_peers_carry_out(struct world *world, const struct node_effect *effect);
/* The origin's HELLO: a tracker's, which sees us at 203.0.113.9. */
void world_greet(struct world *world);
/* An ANNOUNCE or LOOKUP to the origin; false: it is another message. */
bool world_peers_track(struct world *world, const struct p2p_message *message);
void world_peer_frame(struct world *world, uint32_t peer, uint32_t link,
                      const struct p2p_message *message);
void world_peer_pump(struct world *world, uint32_t peer);

/* The digest of a chunk; the index of a track (WORLD_TRACKS: an id that nobody knows). */
void world_leaf(uint32_t track, uint32_t chunk, uint8_t *ret_hash);
uint32_t world_track_by_handle(const struct world *world, media_handle handle);
uint32_t world_track_by_id(const struct world *world, const uint8_t *id);

#endif
