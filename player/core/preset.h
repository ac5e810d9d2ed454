/*
 * preset.h: all tunables of a listener in one struct, and the presets that assemble them.
 *
 * Nothing else in player/core has a number of its own. Two presets (docs/PLANNER.md): `refrain`,
 * ours, tuned by measurement, and `spotify2010`, the published design, our baseline (Kreitz and
 * Niemela, "Spotify - Large Scale, Low Latency, P2P Music-on-Demand Streaming", P2P 2010).
 */
#ifndef PLAYER_CORE_PRESET_H
#define PLAYER_CORE_PRESET_H

#include <stdbool.h>
#include <stdint.h>

struct cache_policy;
struct overlay_config;
struct give_config;

struct node_preset {
    const char *name;

    /* Looking ahead. */
    uint64_t urgent_us;       /* chunks due within this have P2P_PRIORITY_PLAY */
    uint64_t origin_ahead_us; /* how far the origin is asked when peers hold the file */
    uint64_t ahead_us;        /* where there are peers, what plays is fetched so far ahead, */
    uint32_t ahead_growth;    /* and this many times as far as was heard of it */
    uint64_t cold_start_us;   /* how much music a cold start asks the origin for at once; 0 = the
                                     start set alone, then by deadline */
    uint64_t next_search_us;  /* this long before the end, peers are searched for the next track */
    uint64_t next_origin_us;  /* this long before the end, the origin is asked for its start */
    uint64_t
        next_ahead_us; /* and, where there are peers, so much of it is fetched before it plays */
    uint32_t lookup_entries;    /* entries of the queue whose manifests are fetched ahead */
    uint32_t head_entries;      /* entries of the queue whose start sets are prefetched */
    uint64_t preroll_us;        /* this long before the end the next chain is opened */
    uint32_t speculation_ppm;   /* heads may take this share of the bytes played */
    uint32_t speculation_bytes; /* and this much before anything was played; also the most that
                                     is saved up */
    uint32_t lookup_open_max;   /* look-ups of manifests outstanding at a time */

    /* The start rule (start_rule.h). */
    uint32_t start_playbacks;     /* simulated before sound begins */
    uint32_t start_underruns_max; /* of them that may come to a standstill */

    /* Requests. */
    uint32_t request_chunks;       /* in one request, 1 to P2P_REQUEST_CHUNKS_MAX */
    uint32_t pipeline_bytes_min;   /* outstanding at a source, at least */
    uint32_t pipeline_bytes_max;   /* and at most */
    uint32_t pipeline_bdp_percent; /* of rate x delay; 0 = fixed 2 s of the measured rate */
    uint64_t
        request_timeout_us;   /* silence on an outstanding request after which the link is pinged */
    uint64_t link_timeout_us; /* silence after which the link is given up */
    uint64_t link_keep_us;    /* who is listening pings a link that was idle for so long */
    uint64_t overtake_us;     /* a want that would wait this long behind what we asked for before
                                     cancels that */
    uint64_t busy_us;         /* after REJECT_BUSY the link is asked nothing for so long */
    uint32_t slots_urgent_percent; /* of the slots are kept for what is due within urgent_us */
    uint32_t bad_chunks_max;       /* wrong chunks of one file after which it is given up */

    /* Peers. */
    uint64_t origin_margin_us; /* what a peer would bring less than this before it is due, the
                                      origin may be asked for */
    uint64_t origin_alone_us; /* how far ahead the origin is asked for what no neighbour has, by who
                                     is to fetch it for all */
    uint64_t origin_wait_us;  /* and by the others: they get it from that one */
    uint32_t origin_use_percent; /* heads that are used less often come from peers only */
    uint32_t
        search_entries; /* entries of the queue whose holders are looked for, whatever the time */
    uint64_t rarest_us; /* what is due later is fetched rarest first */
    uint64_t peer_pipeline_us;    /* of a peer's measured rate may be outstanding, */
    uint32_t peer_pipeline_bytes; /* and this much while the rate is not known */
    uint64_t peer_bytes_per_s;    /* taken for the rate of a peer that is not known */
    uint64_t peer_delay_us;       /* and for its delay */
    uint64_t peer_busy_us;        /* after REJECT_BUSY a peer is asked nothing for so long */
    uint64_t late_horizon_us;     /* what is due within this is looked after */
    uint64_t late_look_us;        /* so often */
    uint64_t stall_us;            /* a peer that was asked and brings nothing for so long: taken
                                          back */
    uint64_t doubt_us;            /* and it is asked nothing for so long; doubles */
    uint64_t hedge_us;            /* a late chunk that is due within this is asked for twice; 0 =
                                          never */
    uint64_t hedge_interval_us;   /* of music, for one hedge */
    const struct overlay_config *(*overlay)(void); /* the overlay's own tunables */
    const struct give_config *give;                /* and those of giving */

    /* The store. */
    const struct cache_policy *cache_policy; /* who leaves */
    uint64_t row_hold_us;                    /* a row that is not full is stored after this */

    /* Connecting. */
    uint64_t connect_backoff_us; /* after the first failure; doubles */
    uint64_t connect_backoff_max_us;
    uint32_t
        connect_attempts_first; /* failures after which a node that was never connected gives up */
    uint64_t tracker_rest_us;   /* an origin that broke the protocol is no tracker for so long */
    uint64_t starve_us;         /* a want that waits this long while no source is up fails */

    /* Counting. */
    uint64_t stutter_us; /* a standstill this long is a stutter (docs/CLI.md: 20 ms) */
};

extern const struct node_preset node_preset_refrain;
extern const struct node_preset node_preset_spotify2010;

/* "refrain", "spotify2010"; NULL for another name. */
const struct node_preset *node_preset_find(const char *name);

#endif
