/*
 * neighbours.h: records of the links to peers that are up, and how useful each is.
 *
 * Responsible for the records, their slots (0 to OVERLAY_LINKS_MAX - 1, steady while a link is up,
 * so that others can keep a bit for each), for counting, the score, and who leaves when there are
 * too many. Not for what they hold (holders.h) nor for connecting.
 *
 * The score is about the future first: what is wished for and held there; then what passed between
 * us in the last window, both ways, and the round trip. Windows are two buckets, the older one
 * fading, so that a score needs no history.
 */
#ifndef P2P_CORE_NEIGHBOURS_H
#define P2P_CORE_NEIGHBOURS_H

#include "p2p/core/exchange.h"
#include "p2p/core/overlay.h"
#include "p2p/core/pace.h"
#include "p2p/core/rendezvous.h"
#include "p2p/core/search.h"

#define NEIGHBOURS_DROP_NONE 0u

/* A sum over about the last window_us. */
struct neighbours_window {
    uint64_t begin_us;
    uint64_t now;    /* since begin_us */
    uint64_t before; /* in the window before that */
};

struct neighbour {
    uint32_t link;
    uint32_t slot;
    uint8_t peer_id[HASH_BYTES];
    struct p2p_address address;   /* the link's other end */
    struct p2p_address listening; /* where it can be dialled; family 0: not known or nowhere */
    struct p2p_address local;     /* of its own interfaces, the first it told; family 0: none */
    uint32_t features;            /* of its HELLO */
    bool has_hello;
    bool is_incoming;
    bool is_lan;
    bool is_random;     /* one of those that stay whatever their score */
    bool is_listen_due; /* it is to be told where we can be dialled */
    bool is_reached;    /* others can dial it: we did, or it said so */
    uint8_t drop;       /* enum p2p_bye: to be dropped by the next settle; NEIGHBOURS_DROP_NONE */
    bool is_dropped;    /* the DROP is out; nothing is sent or believed any more */
    uint64_t up_us;
    uint64_t rtt_us;
    uint64_t received_bytes, sent_bytes; /* in all */
    struct neighbours_window received, sent, answers;
    int64_t score;            /* as neighbours_score last found it */
    uint32_t holder_bytes;    /* of row masks kept for it (holders.h) */
    uint64_t interested;      /* wishes, by slot, that it was told of */
    uint64_t interest_due_us; /* TIME_NEVER_US: it knows all our wishes */
    uint64_t interest_last_us;
    uint64_t remember_due_us;
    struct pace have_pace, interest_pace, listen_pace;
    struct exchange_link exchange;
    struct search_gate search_gate;
    struct rendezvous_gate rendezvous_gate;
};

struct neighbours_config {
    uint64_t score_window_us;
    uint32_t score_received_per_mib;
    uint32_t score_sent_per_mib;
    uint32_t score_answer;
    uint32_t score_lan;
    uint32_t score_rtt_per_100ms;
    uint64_t grace_us;
};

struct neighbours {
    struct neighbours_config config;
    uint32_t links[OVERLAY_LINKS_MAX];          /* 0 = the slot is free */
    struct neighbour *slots[OVERLAY_LINKS_MAX]; /* owned */
    uint32_t count;
    uint32_t dropped_count; /* of these, is_dropped */
};

void neighbours_init(struct neighbours *neighbours, const struct neighbours_config *config);
void neighbours_deinit(struct neighbours *neighbours);

/* ERROR_FULL: all slots are taken. ERROR_NO_MEMORY. */
int neighbours_add(struct neighbours *neighbours, uint64_t now_us, uint32_t link,
                   const uint8_t *peer_id, struct neighbour **ret_neighbour);
/* holder_bytes must be back at zero (asserted). */
void neighbours_remove(struct neighbours *neighbours, struct neighbour *neighbour);

/* NULL: none. The first two also find those that are to be dropped. */
struct neighbour *neighbours_find(const struct neighbours *neighbours, uint32_t link);
struct neighbour *neighbours_find_peer(const struct neighbours *neighbours, const uint8_t *peer_id);
/* The next in order of slots that is not being dropped: *slot begins as 0. */
struct neighbour *neighbours_next(const struct neighbours *neighbours, uint32_t *slot);
/* Those not being dropped. */
uint32_t neighbours_count(const struct neighbours *neighbours);
/* Marks it to be dropped for this reason (the first reason stays). */
void neighbours_drop(struct neighbours *neighbours, struct neighbour *neighbour, uint8_t reason);

void neighbours_window_add(struct neighbours_window *window, uint64_t now_us, uint64_t window_us,
                           uint64_t amount);
uint64_t neighbours_window_sum(const struct neighbours_window *window, uint64_t now_us,
                               uint64_t window_us);

/* Sets neighbour->score; `overlap` is the weight of the wishes that it holds (holders.h). */
int64_t neighbours_score(const struct neighbours *neighbours, struct neighbour *neighbour,
                         uint64_t now_us, uint64_t overlap);
/* Whom to drop of those whose scores are set: the least score, the youngest among equals, neither
 * random ones nor those in their grace. NULL: nobody. */
struct neighbour *neighbours_worst(const struct neighbours *neighbours, uint64_t now_us);
/* Makes the number of random ones `wanted`, if there are so many: the oldest that were not
 * marked become so; the youngest marked cease. */
void neighbours_mark_random(struct neighbours *neighbours, uint32_t wanted);

/* Of two links with one peer, should the older one stay? `own_id` is ours. The initiator with the
 * lower id wins; of two by the same initiator the newer. */
bool neighbours_older_stays(const uint8_t *own_id, const uint8_t *peer_id, bool older_is_incoming,
                            bool newer_is_incoming);

size_t neighbours_heap_bytes(const struct neighbours *neighbours);
void neighbours_check_invariants(const struct neighbours *neighbours);

#endif
