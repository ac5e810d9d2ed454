/*
 * origin_preset.c: the tunables of an origin's engine in one place; docs/ORIGIN.md has their reasons.
 *
 * Program and simulator take them from here and fill in only what is theirs: table of ids, identity,
 * trace.
 */
#include "common/time_us.h"
#include "streamserver/core/origin.h"

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
};
