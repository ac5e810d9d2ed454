/*
 * contest.h: runs a history through caches: every policy at every size, on all cores.
 *
 * Ratios, named as people who measure need them told apart. Of plays of audio files
 * (history.is_plays): request = chunks of 16 KiB that were there of those asked for; byte; play =
 * plays of which everything was there; first = plays whose first chunk was there. Of other histories
 * a request is one object: request = those that were there whole, byte; play and first are the same
 * as request.
 */
#ifndef MEASURE_TRACE_CONTEST_H
#define MEASURE_TRACE_CONTEST_H

#include "cache/core/evict.h"
#include "measure/trace/history.h"

#define CONTEST_PPM 1000000u

struct contest_tally {
    uint64_t requests, request_hits;
    uint64_t bytes, byte_hits;
    uint64_t plays, play_hits, first_hits;
};

/* One policy at one size. */
struct contest_run {
    const struct evict_policy *policy; /* NULL: an infinite cache */
    uint64_t limit_bytes;
    bool with_queue;           /* what is known to come is protected (history.since_s) */
    uint32_t sample_ppm;       /* of the objects that are looked at; CONTEST_PPM = all */
    struct contest_tally all;  /* from the first request, into an empty cache */
    struct contest_tally warm; /* behind the warm-up */
    uint64_t
        compulsory_requests; /* requests of `all` for what had never come before, in its units */
    uint64_t elapsed_us;
};

/* Carries out all runs on `jobs` threads; the runs' first four fields are given. `warm_up`: so many
 * requests come before `warm`. ERROR_NO_MEMORY. */
int contest_run(const struct history *history, struct contest_run *runs, uint32_t count,
                uint32_t warm_up, uint32_t jobs);

/* hits / all in millionths; with sampling corrected by what the sample has too much or too little of
 * the requests (Waldspurger et al.: "Efficient MRC Construction with SHARDS", FAST 2015, section 3.3).
 * 0 when there are none. */
uint32_t contest_ratio_ppm(uint64_t hits, uint64_t seen, uint64_t all, uint32_t sample_ppm);

#endif
