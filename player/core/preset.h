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

struct node_preset {
    const char *name;

    /* Looking ahead. */
    uint64_t urgent_us;       /* chunks due within this have P2P_PRIORITY_PLAY */
    uint64_t origin_ahead_us; /* how far the origin is asked when peers hold the file */
    uint64_t cold_start_us;   /* how much music a cold start asks the origin for at once; 0 = the
                                     start set alone, then by deadline */
    uint64_t next_search_us;  /* this long before the end, peers are searched for the next track */
    uint64_t next_origin_us;  /* this long before the end, the origin is asked for its start */
    uint32_t lookup_entries;  /* entries of the queue whose manifests are fetched ahead */
    uint32_t head_entries;    /* entries of the queue whose start sets are prefetched */
    uint64_t preroll_us;      /* this long before the end the next chain is opened */
    uint32_t speculation_ppm; /* heads may take this share of the bytes played */
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

    /* The store. */
    uint64_t row_hold_us; /* a row that is not full is stored after this */

    /* Connecting. */
    uint64_t connect_backoff_us; /* after the first failure; doubles */
    uint64_t connect_backoff_max_us;
    uint32_t
        connect_attempts_first; /* failures after which a node that was never connected gives up */
    uint64_t starve_us;         /* a want that waits this long while no source is up fails */

    /* Counting. */
    uint64_t stutter_us; /* a standstill this long is a stutter (docs/CLI.md: 20 ms) */
};

extern const struct node_preset node_preset_refrain;
extern const struct node_preset node_preset_spotify2010;

/* "refrain", "spotify2010"; NULL for another name. */
const struct node_preset *node_preset_find(const char *name);

#endif
