/*
 * script.c: draws a listener's actions from the published figures.
 */
#include "measure/lab/script.h"

#include <assert.h>

#define PERCENT_CLICK 39u
#define PERCENT_LEFT_5_S 24u
#define PERCENT_LEFT_30_S 35u
#define PERCENT_LEFT_EVER 49u
#define PERCENT_POPULAR_TRACKS 12u
#define PERCENT_POPULAR_CLICKS 88u

void script_rank(uint64_t seed, uint32_t track_count, uint32_t *ret_by_rank)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (uint32_t i = 0; i < track_count; i++) {
        uint32_t at = (uint32_t)prng_below(&prng, i + 1);
        ret_by_rank[i] = ret_by_rank[at];
        ret_by_rank[at] = i;
    }
}

void script_init(struct script *script, uint64_t seed, const uint32_t *by_rank,
                 uint32_t track_count)
{
    assert(track_count > 0 && track_count <= SCRIPT_TRACKS_MAX);
    prng_init(&script->prng, seed);
    script->by_rank = by_rank;
    script->track_count = track_count;
}

static uint32_t pick_track(struct script *script)
{
    uint32_t popular = (script->track_count * PERCENT_POPULAR_TRACKS + 99) / 100;
    uint32_t rest = script->track_count - popular;
    bool is_popular = rest == 0 || prng_below(&script->prng, 100) < PERCENT_POPULAR_CLICKS;
    uint32_t rank = is_popular ? (uint32_t)prng_below(&script->prng, popular)
                               : popular + (uint32_t)prng_below(&script->prng, rest);
    return script->by_rank[rank];
}

struct script_step script_begin(struct script *script)
{
    uint64_t after_us = prng_below(&script->prng, SCRIPT_ARRIVAL_US);
    return (struct script_step){
        .act = SCRIPT_CLICK, .after_us = after_us, .track = pick_track(script)};
}

/* Uniform in [begin, end), the track's end at most. */
static uint64_t draw_between(struct script *script, uint64_t begin_us, uint64_t end_us,
                             uint64_t duration_us)
{
    uint64_t at_us =
        end_us > begin_us ? begin_us + prng_below(&script->prng, end_us - begin_us) : duration_us;
    return at_us < duration_us ? at_us : duration_us;
}

static uint64_t draw_length(struct script *script, uint64_t duration_us)
{
    uint64_t percent = prng_below(&script->prng, 100);
    if (percent < PERCENT_LEFT_5_S) {
        return draw_between(script, 0, 5 * TIME_US_PER_S, duration_us);
    }
    if (percent < PERCENT_LEFT_30_S) {
        return draw_between(script, 5 * TIME_US_PER_S, 30 * TIME_US_PER_S, duration_us);
    }
    if (percent < PERCENT_LEFT_EVER) {
        return draw_between(script, 30 * TIME_US_PER_S, duration_us, duration_us);
    }
    return duration_us;
}

struct script_step script_next(struct script *script, uint64_t duration_us)
{
    struct script_step step = {.after_us = draw_length(script, duration_us)};
    if (prng_below(&script->prng, 100) < PERCENT_CLICK) {
        step.act = SCRIPT_CLICK;
        step.track = pick_track(script);
    } else {
        step.act = step.after_us < duration_us ? SCRIPT_NEXT : SCRIPT_LISTEN;
    }
    return step;
}
