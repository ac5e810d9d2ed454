/*
 * script.h: what a listener of the lab does, and when: clicks, skips, listening on.
 *
 * The figures are those published of Spotify (docs/LAB.md cites them): 39 % of plays
 * are picked at random, the rest follow in order; 24 % of plays are left within 5 s, 35 % within
 * 30 s, 49 % before their end; the top 12 % of tracks get 88 % of the clicks. Seeded: the same seed
 * and the same starts give the same actions.
 */
#ifndef MEASURE_LAB_SCRIPT_H
#define MEASURE_LAB_SCRIPT_H

#include "common/prng.h"
#include "common/time_us.h"

#include <stdbool.h>
#include <stdint.h>

#define SCRIPT_TRACKS_MAX 4096u
#define SCRIPT_ARRIVAL_US (30 * TIME_US_PER_S) /* listeners come within this time */

enum script_act {
    SCRIPT_LISTEN = 0, /* nothing: the next track follows by itself */
    SCRIPT_CLICK,      /* play `track`, and behind it the album's order */
    SCRIPT_NEXT,       /* skip to what follows */
};

struct script_step {
    enum script_act act;
    uint64_t after_us; /* since the play began; LISTEN: the track's end */
    uint32_t track;    /* CLICK */
};

struct script {
    struct prng prng;
    const uint32_t *by_rank; /* tracks, the most popular first; borrowed, the same for all */
    uint32_t track_count;
};

/* Which tracks are popular: a permutation drawn from the seed. */
void script_rank(uint64_t seed, uint32_t track_count, uint32_t *ret_by_rank);
void script_init(struct script *script, uint64_t seed, const uint32_t *by_rank,
                 uint32_t track_count);
/* When the listener comes, and its first click. */
struct script_step script_begin(struct script *script);
/* A track of this length began to sound: what is done about it, and when. */
struct script_step script_next(struct script *script, uint64_t duration_us);

#endif
