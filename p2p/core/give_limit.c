/*
 * give_limit.c: how fast: one bucket for all that peers take, and the regulator that yields.
 *
 * Responsible for the limit in force, for tokens, for round trips and what follows from them, as
 * give.h promises. Not for whose turn it is.
 */
#include "p2p/core/give_limit.h"

#include <assert.h>
#include <stddef.h>

#define BYTES_PER_S_MAX (UINT64_C(1) << 40)
#define NO_LIMIT UINT64_MAX
#define TICK_US UINT64_C(1000) /* no deadline is nearer than what timers can keep */
/* Growth an interval, of the best; slower forgetting of the best while the line is full. */
#define GROWTH_PART 32u
#define FORGET_PART 256u
#define GROWTH_BYTES_MIN 1024u
#define MUTE_INTERVALS 4u
#define RANKS 4u

void give_limit_init(struct give *give, uint64_t now_us)
{
    give->limit = (struct give_limit){.is_probing = true,
                                      .bytes_per_s = give->config.start_bytes_per_s,
                                      .best_bytes_per_s = give->config.start_bytes_per_s,
                                      .tokens_us = now_us,
                                      .interval_end_us = TIME_NEVER_US,
                                      .delay_us = GIVE_UNKNOWN_US};
}

uint64_t give_limit_now(const struct give *give)
{
    const struct give_limit *limit = &give->limit;
    if (!give->is_allowed || give->buffer_us < give->config.stop_below_us) {
        return 0;
    }
    uint64_t bytes_per_s = give->config.is_regulated ? limit->bytes_per_s : NO_LIMIT;
    if (limit->fixed_bytes_per_s > 0 && limit->fixed_bytes_per_s < bytes_per_s) {
        bytes_per_s = limit->fixed_bytes_per_s;
    }
    if (bytes_per_s != NO_LIMIT && give->buffer_us < give->config.slow_below_us) {
        bytes_per_s = bytes_per_s / 4 + 1;
    }
    return bytes_per_s;
}

/* --- the bucket ----------------------------------------------------------------------------------*/

void give_limit_count(struct give *give, uint64_t now_us)
{
    struct give_limit *limit = &give->limit;
    uint64_t bytes_per_s = give_limit_now(give);
    assert(now_us >= limit->tokens_us);
    uint64_t span_us = now_us - limit->tokens_us;
    limit->tokens_us = now_us;
    if (bytes_per_s == 0 || bytes_per_s == NO_LIMIT) {
        return;
    }
    bytes_per_s = bytes_per_s < BYTES_PER_S_MAX ? bytes_per_s : BYTES_PER_S_MAX;
    int64_t most = (int64_t)(bytes_per_s * GIVE_QUANTUM_US);
    /* After a second whatever was owed is forgiven: the clock may have slept for a year. */
    int64_t more = (int64_t)(bytes_per_s * time_min_us(span_us, TIME_US_PER_S));
    limit->tokens =
        span_us >= TIME_US_PER_S || limit->tokens + more > most ? most : limit->tokens + more;
}

bool give_may_send(struct give *give, uint64_t now_us)
{
    struct give_limit *limit = &give->limit;
    uint64_t bytes_per_s = give_limit_now(give);
    give_limit_count(give, now_us);
    bool may = bytes_per_s > 0 && (bytes_per_s == NO_LIMIT || limit->tokens > 0);
    limit->is_thirsty = !may && bytes_per_s > 0;
    /* Only what the regulator's own limit refuses is a reason to raise it. */
    limit->was_thirsty =
        limit->was_thirsty || (limit->is_thirsty && bytes_per_s == limit->bytes_per_s);
    return may;
}

void give_sent(struct give *give, struct give_link *link, uint64_t frame_bytes, uint64_t now_us)
{
    if (give_link_is_free(give, link)) {
        return;
    }
    give_limit_count(give, now_us);
    give->limit.sent_bytes += frame_bytes;
    if (give_limit_now(give) != NO_LIMIT) {
        give->limit.tokens -= (int64_t)(frame_bytes * TIME_US_PER_S);
    }
}

/* --- round trips ---------------------------------------------------------------------------------*/

uint32_t give_limit_base_us(const struct give_link *link)
{
    uint32_t base_us = GIVE_UNKNOWN_US;
    for (uint32_t i = 0; i < GIVE_BASES; i++) {
        base_us = link->bases[i] < base_us ? link->bases[i] : base_us;
    }
    return base_us;
}

static void age_bases(const struct give *give, struct give_link *link, uint64_t now_us)
{
    uint64_t spans = (now_us - link->base_since_us) / give->config.base_us;
    link->base_since_us += spans * give->config.base_us;
    for (; spans > 0; spans = spans > GIVE_BASES ? GIVE_BASES : spans - 1) {
        for (uint32_t i = GIVE_BASES - 1; i > 0; i--) {
            link->bases[i] = link->bases[i - 1];
        }
        link->bases[0] = GIVE_UNKNOWN_US;
    }
}

void give_rtt(struct give *give, struct give_link *link, uint64_t rtt_us, uint64_t now_us)
{
    uint32_t sample_us = rtt_us < GIVE_UNKNOWN_US - 1 ? (uint32_t)rtt_us : GIVE_UNKNOWN_US - 1;
    age_bases(give, link, now_us);
    if (sample_us < link->bases[0]) {
        link->bases[0] = sample_us;
    }
    uint32_t delay_us = sample_us - give_limit_base_us(link);
    if (delay_us < link->delay_us) {
        link->delay_us = delay_us;
    }
    link->samples += link->samples < GIVE_SAMPLES_MIN;
    link->pinged_us = TIME_NEVER_US;
}

/* The lowest delay that links of at least so many samples have measured in this interval. */
static uint32_t lowest_delay(const struct give *give, uint32_t samples)
{
    uint32_t delay_us = GIVE_UNKNOWN_US;
    for (const struct give_link *link = give->first; link != NULL; link = link->next) {
        if (!give_link_is_free(give, link) && link->samples >= samples &&
            link->delay_us < delay_us) {
            delay_us = link->delay_us;
        }
    }
    return delay_us;
}

/* A PING is out for so long that it says more about its link than about our line. */
static bool is_mute(const struct give *give, const struct give_link *link, uint64_t now_us)
{
    uint32_t base_us = give_limit_base_us(link);
    uint64_t patience_us =
        MUTE_INTERVALS * give->config.interval_us + (base_us == GIVE_UNKNOWN_US ? 0 : base_us);
    return link->pinged_us != TIME_NEVER_US && now_us - link->pinged_us > patience_us;
}

/* The lowest delay that PINGs that are out must have met by now, when that is above the target. */
static uint32_t delay_of_unanswered(const struct give *give, uint64_t now_us)
{
    uint64_t lowest_us = GIVE_UNKNOWN_US;
    for (const struct give_link *link = give->first; link != NULL; link = link->next) {
        uint32_t base_us = give_limit_base_us(link);
        if (link->pinged_us == TIME_NEVER_US || base_us == GIVE_UNKNOWN_US ||
            is_mute(give, link, now_us) || give_link_is_free(give, link)) {
            continue;
        }
        uint64_t out_us = now_us - link->pinged_us;
        uint64_t delay_us = out_us > base_us ? out_us - base_us : 0;
        if (delay_us <= give->config.target_us) {
            return GIVE_UNKNOWN_US; /* it may yet come in time */
        }
        lowest_us = delay_us < lowest_us ? delay_us : lowest_us;
    }
    return (uint32_t)lowest_us;
}

static uint32_t delay_now(const struct give *give, uint64_t now_us)
{
    uint32_t delay_us = lowest_delay(give, GIVE_SAMPLES_MIN);
    if (delay_us == GIVE_UNKNOWN_US) {
        delay_us = lowest_delay(give, 1);
    }
    return delay_us == GIVE_UNKNOWN_US ? delay_of_unanswered(give, now_us) : delay_us;
}

/* How long a fragment is on a line of this limit. */
static uint64_t fragment_us(const struct give *give)
{
    return give_fragment_bytes(give) * TIME_US_PER_S / give->limit.bytes_per_s;
}

/* A fragment delays a PING by itself: on a slow line that is no queue. */
static uint64_t target_us(const struct give *give)
{
    uint64_t target = give->config.target_us;
    uint64_t fragment = fragment_us(give) * 3 / 2;
    return fragment <= target ? target : time_min_us(fragment, 2 * target);
}

/* --- the regulator -------------------------------------------------------------------------------*/

static void probe(struct give *give, uint64_t delay_us)
{
    struct give_limit *limit = &give->limit;
    if (delay_us > target_us(give) / 2) {
        limit->is_probing = false;
        limit->bytes_per_s -= limit->bytes_per_s / 3; /* what it was two steps before */
        limit->best_bytes_per_s = limit->bytes_per_s;
    } else if (limit->was_thirsty) {
        limit->bytes_per_s += limit->bytes_per_s / 4;
    }
}

static void grow(struct give *give, uint64_t delay_us)
{
    struct give_limit *limit = &give->limit;
    uint64_t half_us = target_us(give) / 2;
    uint64_t step = limit->best_bytes_per_s / GROWTH_PART;
    step = step > GROWTH_BYTES_MIN ? step : GROWTH_BYTES_MIN;
    limit->bytes_per_s += time_scale(step, half_us - delay_us, half_us);
    if (limit->best_bytes_per_s < limit->bytes_per_s) {
        limit->best_bytes_per_s = limit->bytes_per_s;
    }
}

static void yield_room(struct give *give, uint64_t delay_us)
{
    struct give_limit *limit = &give->limit;
    uint64_t target = target_us(give);
    uint64_t over_us = time_min_us(delay_us - target, 2 * target);
    limit->bytes_per_s -= time_scale(limit->bytes_per_s, over_us, 4 * target);
    limit->best_bytes_per_s -= limit->best_bytes_per_s / FORGET_PART;
}

/* What we send faster than the line takes: the delay grows by that part of the time. */
static void take_back(struct give *give, uint64_t delay_us)
{
    struct give_limit *limit = &give->limit;
    uint64_t span_us = limit->interval_end_us - limit->interval_us;
    /* Whether a PING meets a fragment is chance; it matters where a fragment takes long. */
    uint64_t chance_us = fragment_us(give) > give->config.target_us / 2 ? fragment_us(give) : 0;
    if (limit->delay_us == GIVE_UNKNOWN_US || delay_us <= limit->delay_us + chance_us) {
        return;
    }
    uint64_t more_us = time_min_us(delay_us - limit->delay_us - chance_us, span_us);
    limit->bytes_per_s -= time_scale(limit->bytes_per_s, more_us, span_us);
}

static void decide(struct give *give, uint64_t now_us)
{
    struct give_limit *limit = &give->limit;
    uint32_t delay_us = delay_now(give, now_us);
    uint64_t most = time_scale(limit->bytes_per_s, now_us - limit->interval_us, TIME_US_PER_S);
    limit->was_thirsty = limit->was_thirsty && limit->sent_bytes >= most / 2;
    give_limit_count(give, now_us);
    if (delay_us != GIVE_UNKNOWN_US) {
        if (limit->is_probing) {
            probe(give, delay_us);
        } else if (delay_us > target_us(give)) {
            yield_room(give, delay_us);
        } else if (limit->was_thirsty && delay_us < target_us(give) / 2) {
            grow(give, delay_us);
        }
        if (!limit->is_probing && limit->was_thirsty) {
            take_back(give, delay_us);
        }
    }
    limit->delay_us = delay_us;
    uint64_t floor = give->config.floor_bytes_per_s;
    limit->bytes_per_s = limit->bytes_per_s > floor ? limit->bytes_per_s : floor;
    limit->bytes_per_s =
        limit->bytes_per_s < BYTES_PER_S_MAX ? limit->bytes_per_s : BYTES_PER_S_MAX;
    give->is_changed = give->is_changed || give->waiting_count > 0;
}

/* --- intervals -----------------------------------------------------------------------------------*/

/* Lower is better: who is idle, then the origin, then who we are sending to, as a PING waits there
 * behind what is queued for its socket; last who does not answer. */
static uint32_t rank(const struct give *give, const struct give_link *link, uint64_t now_us)
{
    return is_mute(give, link, now_us)  ? RANKS - 1
           : link->stage == GIVE_SERVED ? 2
           : link->kind == GIVE_ORIGIN  ? 1
                                        : 0;
}

/* The links that measure: the best, of those the oldest. */
static uint32_t choose_witnesses(const struct give *give, uint64_t now_us,
                                 struct give_link *ret_links[static GIVE_WITNESSES])
{
    uint32_t count = 0;
    for (uint32_t wanted = 0; wanted < RANKS; wanted++) {
        for (struct give_link *link = give->first; link != NULL && count < GIVE_WITNESSES;
             link = link->next) {
            if (!give_link_is_free(give, link) && rank(give, link, now_us) == wanted) {
                ret_links[count++] = link;
            }
        }
    }
    return count;
}

/* An interval lasts as long as an answer takes, within bounds. */
static uint64_t span_us(const struct give *give, struct give_link *const *witnesses, uint32_t count)
{
    uint64_t span = give->config.interval_us;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t base_us = give_limit_base_us(witnesses[i]);
        if (base_us != GIVE_UNKNOWN_US && base_us > span) {
            span = base_us;
        }
    }
    return time_min_us(span, 4 * give->config.interval_us);
}

static uint32_t begin(struct give *give, uint64_t now_us,
                      struct give_link *ret_pings[static GIVE_WITNESSES])
{
    struct give_link *witnesses[GIVE_WITNESSES];
    uint32_t count = choose_witnesses(give, now_us, witnesses);
    uint32_t ping_count = 0;
    give->limit.interval_us = now_us;
    give->limit.interval_end_us = time_add_us(now_us, span_us(give, witnesses, count));
    give->limit.sent_bytes = 0;
    give->limit.was_thirsty = false;
    for (struct give_link *link = give->first; link != NULL; link = link->next) {
        link->delay_us = GIVE_UNKNOWN_US;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct give_link *link = witnesses[i];
        if (link->pinged_us == TIME_NEVER_US ||
            time_add_us(link->pinged_us, give->config.retry_us) <= now_us) {
            link->pinged_us = now_us;
            ret_pings[ping_count++] = link;
        }
    }
    return ping_count;
}

uint32_t give_limit_settle(struct give *give, uint64_t now_us,
                           struct give_link *ret_pings[static GIVE_WITNESSES])
{
    struct give_limit *limit = &give->limit;
    bool is_giving = give->served_count > 0 || limit->sent_bytes > 0;
    bool is_resting = limit->interval_end_us == TIME_NEVER_US;
    if (!give->config.is_regulated || (is_resting && !is_giving) ||
        (!is_resting && now_us < limit->interval_end_us)) {
        return 0;
    }
    if (!is_resting) {
        decide(give, now_us);
    }
    if (!is_giving) {
        limit->interval_end_us = TIME_NEVER_US;
        limit->delay_us = GIVE_UNKNOWN_US;
        return 0;
    }
    return begin(give, now_us, ret_pings);
}

uint64_t give_limit_next_deadline_us(const struct give *give, uint64_t now_us)
{
    const struct give_limit *limit = &give->limit;
    uint64_t bytes_per_s = give_limit_now(give);
    if (!limit->is_thirsty || bytes_per_s == 0) {
        return limit->interval_end_us;
    }
    uint64_t owed = limit->tokens > 0 ? 0 : (uint64_t)-limit->tokens;
    uint64_t wait_us = owed / bytes_per_s + 1;
    uint64_t wet_us = time_add_us(limit->tokens_us, wait_us > TICK_US ? wait_us : TICK_US);
    /* Nobody has come for what has gathered since: the link that was thirsty is gone. */
    return wet_us > now_us ? time_min_us(limit->interval_end_us, wet_us) : limit->interval_end_us;
}
