/*
 * preset.c: the two sets of tunables. docs/PLANNER.md has the reason of each number.
 *
 * Responsible for assembling them, and for nothing else.
 */
#include "player/core/preset.h"

#include "cache/core/policy.h"
#include "common/time_us.h"
#include "p2p/core/give.h"
#include "p2p/core/overlay.h"

#include <stddef.h>
#include <string.h>

#define KIB 1024u
#define MIB (1024u * 1024u)

const struct node_preset node_preset_refrain = {
    .name = "refrain",
    .urgent_us = 3 * TIME_US_PER_S,
    .origin_ahead_us = 0,
    .ahead_us = 20 * TIME_US_PER_S,
    .ahead_growth = 3,
    .cold_start_us = 0,
    .next_search_us = 60 * TIME_US_PER_S,
    .next_origin_us = 30 * TIME_US_PER_S,
    .next_ahead_us = 15 * TIME_US_PER_S,
    .lookup_entries = 16,
    .head_entries = 3,
    .preroll_us = 10 * TIME_US_PER_S,
    .speculation_ppm = 30000,
    .speculation_bytes = 256 * KIB,
    .lookup_open_max = 2,
    .start_playbacks = 100,
    .start_underruns_max = 1,
    .request_chunks = 16,
    .pipeline_bytes_min = 256 * KIB,
    .pipeline_bytes_max = 2 * MIB,
    .pipeline_bdp_percent = 200,
    .request_timeout_us = 2 * TIME_US_PER_S,
    .link_timeout_us = 10 * TIME_US_PER_S,
    .link_keep_us = 60 * TIME_US_PER_S,
    .overtake_us = 100 * TIME_US_PER_MS,
    .busy_us = 100 * TIME_US_PER_MS,
    .slots_urgent_percent = 25,
    .bad_chunks_max = 3,
    .origin_margin_us = 1500 * TIME_US_PER_MS,
    .origin_alone_us = 60 * TIME_US_PER_S,
    .origin_wait_us = 3 * TIME_US_PER_S,
    .origin_use_percent = 50,
    .search_entries = 16,
    .rarest_us = 10 * TIME_US_PER_S,
    .peer_pipeline_us = 1 * TIME_US_PER_S,
    .peer_pipeline_bytes = 64 * KIB,
    .peer_bytes_per_s = 64 * KIB,
    .peer_delay_us = 150 * TIME_US_PER_MS,
    .peer_busy_us = 1500 * TIME_US_PER_MS,
    .late_horizon_us = 10 * TIME_US_PER_S,
    .late_look_us = 100 * TIME_US_PER_MS,
    .stall_us = 1 * TIME_US_PER_S,
    .doubt_us = 2 * TIME_US_PER_S,
    .hedge_us = 1500 * TIME_US_PER_MS,
    .hedge_interval_us = 1 * TIME_US_PER_S,
    .overlay = overlay_config_refrain,
    .give = &give_config_default,
    .cache_policy = &cache_policy_probation,
    .row_hold_us = 1 * TIME_US_PER_S,
    .connect_backoff_us = 250 * TIME_US_PER_MS,
    .connect_backoff_max_us = 30 * TIME_US_PER_S,
    .connect_attempts_first = 3,
    .tracker_rest_us = 60 * TIME_US_PER_S,
    .starve_us = 30 * TIME_US_PER_S,
    .stutter_us = 20 * TIME_US_PER_MS,
};

/* Four slots whatever the line, no yielding, and nothing while the own buffer is low. */
static const struct give_config give_spotify2010 = {
    .slots_min = 4,
    .slots_max = 4,
    .slot_bytes_per_s = 64 * KIB,
    .wait_us = 2 * TIME_US_PER_S,
    .tenure_us = 10 * TIME_US_PER_S,
    .merit_half_us = 600 * TIME_US_PER_S,
    .is_regulated = false,
    .start_bytes_per_s = 256 * KIB,
    .floor_bytes_per_s = 16 * KIB,
    .target_us = 25 * TIME_US_PER_MS,
    .interval_us = 100 * TIME_US_PER_MS,
    .base_us = 150 * TIME_US_PER_S,
    .slow_below_us = 0,
    .stop_below_us = 3 * TIME_US_PER_S,
    .retry_us = 2 * TIME_US_PER_S,
};

const struct node_preset node_preset_spotify2010 = {
    .name = "spotify2010",
    .urgent_us = 3 * TIME_US_PER_S,
    .origin_ahead_us = 15 * TIME_US_PER_S,
    .ahead_us = TIME_NEVER_US,
    .ahead_growth = 0,
    .cold_start_us = 15 * TIME_US_PER_S,
    .next_search_us = 30 * TIME_US_PER_S,
    .next_origin_us = 10 * TIME_US_PER_S,
    .next_ahead_us = TIME_NEVER_US,
    .lookup_entries = 1,
    .head_entries = 0,
    .preroll_us = 10 * TIME_US_PER_S,
    .speculation_ppm = 0,
    .speculation_bytes = 0,
    .lookup_open_max = 1,
    .start_playbacks = 100,
    .start_underruns_max = 1,
    .request_chunks = 16,
    .pipeline_bytes_min = 32 * KIB,
    .pipeline_bytes_max = 2 * MIB,
    .pipeline_bdp_percent = 0,
    .request_timeout_us = 2 * TIME_US_PER_S,
    .link_timeout_us = 10 * TIME_US_PER_S,
    .link_keep_us = 60 * TIME_US_PER_S,
    .overtake_us = 100 * TIME_US_PER_MS,
    .busy_us = 100 * TIME_US_PER_MS,
    .slots_urgent_percent = 25,
    .bad_chunks_max = 3,
    .origin_margin_us = 0,
    .origin_alone_us = TIME_NEVER_US,
    .origin_wait_us = TIME_NEVER_US,
    .origin_use_percent = 0,
    .search_entries = 0,
    .rarest_us = TIME_NEVER_US,
    .peer_pipeline_us = 2 * TIME_US_PER_S,
    .peer_pipeline_bytes = 32 * KIB,
    .peer_bytes_per_s = 64 * KIB,
    .peer_delay_us = 150 * TIME_US_PER_MS,
    .peer_busy_us = 1500 * TIME_US_PER_MS,
    .late_horizon_us = 10 * TIME_US_PER_S,
    .late_look_us = 100 * TIME_US_PER_MS,
    .stall_us = 1 * TIME_US_PER_S,
    .doubt_us = 2 * TIME_US_PER_S,
    .hedge_us = 0,
    .hedge_interval_us = 1 * TIME_US_PER_S,
    .overlay = overlay_config_spotify2010,
    .give = &give_spotify2010,
    .cache_policy = &cache_policy_lru,
    .row_hold_us = 1 * TIME_US_PER_S,
    .connect_backoff_us = 250 * TIME_US_PER_MS,
    .connect_backoff_max_us = 30 * TIME_US_PER_S,
    .connect_attempts_first = 3,
    .tracker_rest_us = 60 * TIME_US_PER_S,
    .starve_us = 30 * TIME_US_PER_S,
    .stutter_us = 20 * TIME_US_PER_MS,
};

const struct node_preset *node_preset_find(const char *name)
{
    static const struct node_preset *const presets[] = {&node_preset_refrain,
                                                        &node_preset_spotify2010};
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(presets[i]->name, name) == 0) {
            return presets[i];
        }
    }
    return NULL;
}
