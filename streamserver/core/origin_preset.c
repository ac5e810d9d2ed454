/*
 * origin_preset.c: the tunables of an origin's engine in one place; docs/ORIGIN.md has their reasons.
 *
 * Program and simulator take them from here and fill in only what is theirs: table of ids, identity,
 * the tracker's seed, trace.
 */
#include "common/time_us.h"
#include "streamserver/core/origin.h"

/* The origin's own limit of links is the lower one. 65,536 files: 256 GB of songs of 4 MB. 256 MiB: 16
 * million pairs, 4,096 links with 4,000 files each. Announcing: a whole cache at once, twice; then
 * three tracks a second begun, finished and dropped. Looking up: a queue of 500 at once, then two
 * batches of 32 a second. */
#define PRESET_TRACKER(holders, answers)                                                           \
    {                                                                                              \
        .shard_count = 1, .link_max = TRACKER_LINKS_MAX, .link_files_max = 65536,                  \
        .holders_max = (holders), .answer_max = (answers), .heap_bytes_max = UINT64_C(256) << 20,  \
        .announce_keys = {.per_s = 200, .burst = 131072},                                          \
        .lookup_keys = {.per_s = 64, .burst = 512},                                                \
    }

/* Of 50 contacts in an answer one file never takes all. */
const struct tracker_config tracker_config_default = PRESET_TRACKER(0, 32);
const struct tracker_config tracker_config_players = PRESET_TRACKER(20, 10);

const struct origin_config origin_config_default = {
    /* A worker's share of descriptors; each link costs some hundred bytes here. */
    .link_max = 4096,
    /* 16 MiB of reads under way: a chunk each for a quarter of the links. */
    .slot_count = 1024,
    /* A player's pipeline of 2 MiB in requests of one row has 16 of them, look-ups besides. */
    .request_max = 64,
    /* 10 ms at 100 Mbit/s: what is urgent waits no longer behind what is not. */
    .link_queue_bytes = 128u * 1024u,
    .fragment_bytes_max = CHUNK_BYTES,
    /* Players ping every minute when nothing else is to be said. */
    .idle_us = 180 * TIME_US_PER_S,
    .hello_us = 10 * TIME_US_PER_S,
    .has_tracker = true,
    .tracker = PRESET_TRACKER(0, 32),
};
