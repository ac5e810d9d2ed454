/*
 * outcome.h: what the lab's listeners experienced, summed up. docs/LAB.md defines the figures.
 */
#ifndef MEASURE_LAB_OUTCOME_H
#define MEASURE_LAB_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

struct outcome_track {
    char id[33]; /* hex */
    uint64_t bytes, duration_us;
    uint64_t heard_us; /* the most that one listener heard of it from its beginning on */
};

struct outcome {
    struct outcome_track *tracks; /* owned */
    uint32_t track_count;
    uint64_t *click_wait_us; /* of clicks with nothing cached; owned, as the next */
    uint32_t click_count, click_capacity;
    uint64_t *wait_us; /* of all plays */
    uint32_t wait_count, wait_capacity;
    uint32_t plays, waited, stuttered_plays, stutters, failed;
    uint64_t stall_us;
    uint64_t cache_bytes, peers_bytes, origin_bytes; /* payload, by source */
    uint64_t duplicate_bytes, overhead_bytes, played_us;
    uint64_t unread_bytes;   /* counted above, fetched, and read by no decoder so far */
    uint64_t received_bytes; /* whole frames */
    uint64_t peers_payload_bytes, origin_payload_bytes; /* music in them, needed or not */
    uint32_t summaries;                                 /* of players that ended as they should */
    uint64_t origin_sent_bytes;                         /* IP packets that left the origin's host */
    uint64_t cpu_us;                                    /* of all players */
    uint64_t lateness_us;                               /* of the relay, at most */
};

/* A play that waits this long for its first sample waits on the network. */
#define OUTCOME_WAITS_US 100000u

void outcome_deinit(struct outcome *outcome);
void outcome_add_track(struct outcome *outcome, const char *id, uint64_t bytes,
                       uint64_t duration_us);
/* -1: unknown. */
int outcome_find_track(const struct outcome *outcome, const char *id);
/* A listener heard this much of a track. */
void outcome_heard(struct outcome *outcome, uint32_t track, uint64_t heard_us);
/* A start, as the `play` record of docs/CLI.md tells it. */
void outcome_play(struct outcome *outcome, uint64_t wait_us, bool is_click, bool is_cached,
                  uint32_t stutters, uint64_t stall_us);
/* Bytes of what was heard by anybody, each once. */
uint64_t outcome_distinct_bytes(const struct outcome *outcome);
/* In a table, or as one JSON object. */
void outcome_print(struct outcome *outcome, const char *title, bool json);

#endif
