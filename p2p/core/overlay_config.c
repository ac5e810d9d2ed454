/*
 * overlay_config.c: the tunables of both presets. docs/OVERLAY.md has the reason of each number.
 */
#include "common/time_us.h"
#include "p2p/core/exchange.h"
#include "p2p/core/overlay.h"
#include "p2p/core/rendezvous.h"
#include "p2p/core/search.h"

static const struct overlay_config refrain = {
    .degree_low = 6,
    .degree_soft = 50,
    .degree_hard = 60,
    .degree_random = 4,
    .prune_us = 10 * TIME_US_PER_S,
    .grace_us = 30 * TIME_US_PER_S,
    .attempts_max = 12,
    .attempts_burst = 24,
    .attempts_per_s = 4,
    .attempts_prefix = 6,
    .connect_timeout_us = 4 * TIME_US_PER_S,
    .contact_backoff_us = 15 * TIME_US_PER_S,
    .contact_backoff_max_us = 30 * 60 * TIME_US_PER_S,
    .contacts_max = 1000,
    .sources_urgent = 8,
    .sources_ahead = 3,
    .score_window_us = 10 * 60 * TIME_US_PER_S,
    .score_overlap_percent = 100,
    .score_received_per_mib = 20,
    .score_sent_per_mib = 5,
    .score_answer = 2,
    .score_lan = 200,
    .score_rtt_per_100ms = 10,
    .interest_us = 100 * TIME_US_PER_MS,
    .have_us = 250 * TIME_US_PER_MS,
    .partial = true,
    .holder_bytes_max = 64 * 1024,
    .lies_max = 3,
    .distrust_us = 60 * TIME_US_PER_S,
    .announce_cache = true,
    .announce_us = 2 * TIME_US_PER_S,
    .lookup_limit = 20,
    .lookup_us = 50 * TIME_US_PER_MS,
    .lookup_timeout_us = 3 * TIME_US_PER_S,
    .lookup_backoff_us = 5 * TIME_US_PER_S,
    .lookup_backoff_max_us = 2 * 60 * TIME_US_PER_S,
    .own_lookup_us = 5 * TIME_US_PER_S,
    .own_lookup_max_us = 10 * 60 * TIME_US_PER_S,
    .search_parallel = false,
    .search_wait_us = 1 * TIME_US_PER_S,
    .search_backoff_us = 30 * TIME_US_PER_S,
    .search_backoff_max_us = 10 * 60 * TIME_US_PER_S,
    .search_wishes = 3,
    .search = &search_config_default,
    .exchange = &exchange_config_default,
    .rendezvous = &rendezvous_config_default,
    .rendezvous_us = 300 * TIME_US_PER_MS,
    .rendezvous_punch = true,
    .ban_points = 100,
    .penalty_half_life_us = 30 * 60 * TIME_US_PER_S,
    .remember_us = 10 * 60 * TIME_US_PER_S,
};

static const struct overlay_config spotify2010 = {
    .degree_low = 6,
    .degree_soft = 50,
    .degree_hard = 60,
    .degree_random = 0,
    .prune_us = 10 * TIME_US_PER_S,
    .grace_us = 30 * TIME_US_PER_S,
    .attempts_max = 12,
    .attempts_burst = 24,
    .attempts_per_s = 4,
    .attempts_prefix = 60,
    .connect_timeout_us = 4 * TIME_US_PER_S,
    .contact_backoff_us = 15 * TIME_US_PER_S,
    .contact_backoff_max_us = 30 * 60 * TIME_US_PER_S,
    .contacts_max = 1000,
    .sources_urgent = 20,
    .sources_ahead = 20,
    .score_window_us = 60 * 60 * TIME_US_PER_S,
    .score_overlap_percent = 100,
    .score_received_per_mib = 20,
    .score_sent_per_mib = 20,
    .score_answer = 20,
    .score_lan = 0,
    .score_rtt_per_100ms = 0,
    .interest_us = 100 * TIME_US_PER_MS,
    .have_us = 250 * TIME_US_PER_MS,
    .partial = false,
    .holder_bytes_max = 64 * 1024,
    .lies_max = 3,
    .distrust_us = 60 * TIME_US_PER_S,
    .announce_cache = false,
    .announce_us = 2 * TIME_US_PER_S,
    .lookup_limit = 10,
    .lookup_us = 50 * TIME_US_PER_MS,
    .lookup_timeout_us = 3 * TIME_US_PER_S,
    .lookup_backoff_us = 30 * TIME_US_PER_S,
    .lookup_backoff_max_us = 2 * 60 * TIME_US_PER_S,
    .search_parallel = true,
    .search_wait_us = 3 * TIME_US_PER_S,
    .search_backoff_us = 30 * TIME_US_PER_S,
    .search_backoff_max_us = 10 * 60 * TIME_US_PER_S,
    .search_wishes = OVERLAY_WISHES_MAX,
    .search = &search_config_default,
    .exchange = NULL,
    .rendezvous = &rendezvous_config_default,
    .rendezvous_us = 0,
    .rendezvous_punch = false,
    .ban_points = 100,
    .penalty_half_life_us = 30 * 60 * TIME_US_PER_S,
    .remember_us = 10 * 60 * TIME_US_PER_S,
};

const struct overlay_config *overlay_config_refrain(void)
{
    return &refrain;
}

const struct overlay_config *overlay_config_spotify2010(void)
{
    return &spotify2010;
}
