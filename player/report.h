/*
 * report.h: what the listener reads: lines for people, JSON lines for scripts, messages on stderr.
 *
 * docs/CLI.md is the contract of the JSON lines. With --json standard output has nothing else.
 */
#ifndef PLAYER_REPORT_H
#define PLAYER_REPORT_H

#include "player/core/node.h"

#include <stdbool.h>
#include <stdint.h>

/* A track's words; borrowed; never NULL. */
struct report_track {
    const char *id; /* 32 hex digits */
    const char *title, *artist;
    uint64_t duration_us; /* 0 = unknown */
};

/* Whoever else is to hear what report_error says; NULL: nobody. */
void report_listen(void (*hear)(void *context, const char *message), void *context);
/* "refrain: " and the message on stderr, behind the end of an unfinished progress line. */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether people look at standard output, and JSON does not go there. */
bool report_is_terminal(bool json);

/* {"event":"started",...} */
void report_started_json(const struct report_track *track);
/* {"event":"ready",...}; peer_id (HASH_BYTES) NULL: without peers. */
void report_ready_json(const uint8_t *peer_id, uint16_t port);
/* {"event":"play",...} */
void report_play_json(const struct node_play_record *play);
/* {"event":"fetched",...} */
void report_fetched_json(const struct report_track *track, const char *path, uint64_t bytes);
/* {"event":"error",...}: thing and reason, and the exit code that it would have alone. */
/* What a name may mean, from a JSON list of {"kind","name","by","target"}: for people on standard error. */
void report_choices(const char *choices);
/* As report_error_json, with "choices". */
void report_choices_json(const char *message, const char *choices, int exit_code);
void report_error_json(const char *track_id, const char *message, int exit_code);
/* {"event":"summary",...} */
void report_summary_json(const struct node_summary *summary);

/* "ready: peer 1a2b3c4d takes links at port 7000", or that it has no peers. */
void report_ready(const uint8_t *peer_id, uint16_t port);
/* "Artist - Title (3:08)" */
void report_started(const struct report_track *track);
/* Tracks, time, shares by source, the median of the waits, stutters; nothing when nothing was played. And
 * what peers were given, if anything. `waits_us` is sorted here. */
void report_summary(const struct node_summary *summary, uint64_t given_bytes, uint64_t *waits_us,
                    uint32_t wait_count, bool fetched);
/* The one line that is written again and again. */
void report_progress(const struct report_track *track, const struct node_status *status,
                     const struct node_summary *summary);
/* A fetch's bar: bytes of `whole`. */
void report_fetch_progress(const struct report_track *track, uint64_t bytes, uint64_t whole);
/* Takes the progress line away. */
void report_progress_clear(void);

#endif
