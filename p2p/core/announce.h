/*
 * announce.h: what the tracker is told of our cache: all of it after each connect, then what has
 * changed.
 *
 * Responsible for what is due when, for batches and for the messages. The walk over the cache goes
 * on over several calls; what changes meanwhile is told as an increment, and a walk during which
 * something came or went is followed by another, since places may have moved. A file of which the
 * tracker knows what it is, part or whole, is not told again.
 */
#ifndef P2P_CORE_ANNOUNCE_H
#define P2P_CORE_ANNOUNCE_H

#include "p2p/core/outbox.h"
#include "p2p/core/overlay.h"

#define ANNOUNCE_RECENT_MAX 256u     /* files whose last word is remembered */
#define ANNOUNCE_WALK_BATCHES 4u     /* ANNOUNCEs of the walk in one settle, */
#define ANNOUNCE_WALK_US 50000u      /* and then a pause: 640 KB/s at most */
#define ANNOUNCE_REWALK_US 30000000u /* between two walks */

struct announce_file {
    media_handle file;
    uint8_t told; /* enum p2p_have: NONE, WHOLE, PARTIAL; ANNOUNCE_UNTOLD */
    bool is_dirty;
    bool is_forced; /* told even when nothing is new: it is played */
};

struct announce {
    const struct overlay_config *config;
    const struct overlay_own *own;
    const struct media_intern *intern;
    struct announce_file *recent; /* owned; ANNOUNCE_RECENT_MAX once there is one */
    uint32_t recent_count;
    uint32_t recent_at; /* the next to be replaced, when clean */
    uint32_t dirty_count;
    uint64_t next_us; /* increments not before */
    uint64_t walk_us; /* the walk goes on then; TIME_NEVER_US = no walk */
    uint32_t place;
    bool is_up;
    bool is_begun; /* the fresh ANNOUNCE has left */
    bool is_moved; /* something came or went during the walk */
};

void announce_init(struct announce *announce, const struct overlay_config *config,
                   const struct overlay_own *own, const struct media_intern *intern);
void announce_deinit(struct announce *announce);

void announce_tracker_up(struct announce *announce, uint64_t now_us);
void announce_tracker_down(struct announce *announce);
/* ERROR_NO_MEMORY. */
int announce_changed(struct announce *announce, uint64_t now_us, media_handle file);
int announce_played(struct announce *announce, uint64_t now_us, media_handle file);

/* Sends what is due on the tracker's link; stops when the outbox is full. ERROR_NO_MEMORY. */
int announce_send(struct announce *announce, uint64_t now_us, uint32_t link, struct outbox *outbox);
uint64_t announce_next_us(const struct announce *announce);
/* What of a file may be told: parts only when the config says so. */
enum p2p_have announce_kind(const struct announce *announce, media_handle file);

size_t announce_heap_bytes(const struct announce *announce);
void announce_check_invariants(const struct announce *announce);

#endif
