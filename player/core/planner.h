/*
 * planner.h: which chunks next, from which source, with which priority. docs/PLANNER.md.
 *
 * Pure choice over what it is shown: demands in the order of their importance (node_plan.c makes
 * them from wants, play point and queue), and sources with their rate, delay and room. It changes
 * nothing; the caller asks again after it has carried out what it was told.
 */
#ifndef PLAYER_CORE_PLANNER_H
#define PLAYER_CORE_PLANNER_H

#include "p2p/core/message.h"
#include "player/core/files.h"

#define PLANNER_DEMANDS_MAX 192u
#define PLANNER_SOURCES_MAX NODE_LINKS_MAX
/* MISSING chunks of one demand that are looked at when sources lack the first ones. */
#define PLANNER_LOOK_MAX 256u

struct planner_demand {
    struct file *file;
    uint32_t begin, end;  /* chunks; those that are not MISSING are passed over */
    uint8_t priority;     /* enum p2p_priority; PLAY may use the slots that are kept for it */
    uint64_t due_us;      /* when the play point reaches `begin` */
    uint64_t step_us;     /* and how much later each further chunk */
    bool is_speculative;  /* charged to the budget of heads (window.h) */
    uint8_t use_percent;  /* speculative: how likely it is that it will be played */
    bool is_rarest_first; /* in order of rows' holders, not of rows */
    bool is_sought;       /* more holders of the file may come any moment */
};

struct planner_source {
    enum node_source kind; /* PEERS or ORIGIN */
    uint32_t link;
    uint64_t bytes_per_s; /* 0 = not known */
    uint64_t delay_us;    /* until the first byte of an answer; 0 = not known */
    uint64_t lateness_us; /* how long after what is expected it comes, on the mean */
    uint64_t outstanding_bytes;
    uint64_t limit_bytes;   /* that should be outstanding at most */
    uint32_t requests_left; /* that it may still be asked */
    /* Which chunks of the row it has, the first in the lowest bit. NULL: everything. */
    uint8_t (*row_mask)(const void *context, media_handle file, uint32_t row);
    const void *context;
};

struct planner_view {
    const struct node_preset *preset;
    uint64_t now_us;
    struct planner_demand *demands;
    uint32_t demand_count;
    struct planner_source *sources;
    uint32_t source_count;
    uint32_t slots_available;
    uint32_t slots_count;
    /* Where there are peers; else false, and the rest is not looked at. */
    bool with_peers;
    uint32_t salt; /* so that not all begin with the same of several rarest rows */
    /* How far ahead the origin is asked for a chunk that no peer has. */
    uint64_t (*ahead_us)(const void *context, media_handle file, uint32_t chunk);
    /* Peers that have the chunk. */
    uint32_t (*count_holders)(const void *context, media_handle file, uint32_t chunk);
    const void *context;
};

struct planner_run {
    struct file *file;
    uint32_t first_chunk;
    uint32_t count;
    uint8_t priority;
    bool wants_proofs;
    bool is_speculative;
    uint32_t source; /* index */
};

/* How many bytes should be outstanding at a source of this rate and delay. */
uint64_t planner_pipeline_bytes(const struct node_preset *preset, uint64_t bytes_per_s,
                                uint64_t delay_us);
/* The same for a peer. */
uint64_t planner_peer_pipeline_bytes(const struct node_preset *preset, uint64_t bytes_per_s);
/* How long until a chunk would be here that is asked for at once. */
uint64_t planner_expected_us(const struct planner_source *source);
bool planner_has(const struct planner_source *source, const struct file *file, uint32_t chunk);
/* True when a non-urgent request could be made of some source: a cheap test before the demands are
 * made. */
bool planner_has_room(const struct planner_view *view, bool is_urgent);
/* True: *ret_run is the next request to make. False: nothing is to be asked now. */
bool planner_next(const struct planner_view *view, struct planner_run *ret_run);

#endif
