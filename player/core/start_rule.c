/*
 * start_rule.c: history in a ring, and playbacks a second at a time.
 *
 * Responsible for arithmetic only; see start_rule.h. Integers only.
 */
#include "player/core/start_rule.h"

#include "common/limits.h"
#include "common/time_us.h"

#include <assert.h>
#include <stddef.h>

#define SAMPLE_US TIME_US_PER_S
/* A silence counts as so many samples at most. */
#define SILENCE_SAMPLES_MAX 10u
/* Samples that make a chain; before, the only state is early_rate(). */
#define CHAIN_SAMPLES_MIN 4u
/* Behind the second that plays: what decoders read ahead, or one block if that is more. */
#define AHEAD_S 1u
/* A chunk counts when it is whole. One is always on its way; and its last bytes may stand in a TLS
 * record with most of the next one, so that two come together after twice the time. */
#define ON_THE_WAY_BYTES (2u * CHUNK_BYTES)
/* Of a playback; what is later is as good as this. */
#define HORIZON_S 600u
/* So many sources that alone would be enough: they do not fail together. */
#define SUFFICIENT_SOURCES 2u

/* Level 0: below 2 KiB/s; then half an octave each: powers of two, and 1.5 times these. */
static uint32_t level_of(uint32_t units)
{
    uint32_t level = 0;
    uint32_t bound = 8; /* 2 KiB/s */
    while (level + 1 < START_LEVELS && units >= bound) {
        level++;
        bound = level % 2 == 1 ? bound + bound / 2 : bound / 3 * 4;
    }
    return level;
}

static uint32_t sample_at(const struct start_rule *rule, uint32_t index)
{
    return rule->ring[(rule->first + index) % START_SAMPLES_MAX];
}

static void forget_oldest(struct start_rule *rule)
{
    uint32_t units = sample_at(rule, 0);
    uint32_t level = level_of(units);
    rule->counts[level]--;
    rule->sums[level] -= units;
    if (rule->count > 1) {
        rule->moves[level][level_of(sample_at(rule, 1))]--;
    }
    rule->first = (rule->first + 1) % START_SAMPLES_MAX;
    rule->count--;
}

static void add_sample(struct start_rule *rule, uint64_t bytes_per_s)
{
    uint64_t units = time_min_us(bytes_per_s / START_UNIT_BYTES, UINT16_MAX);
    uint32_t level = level_of((uint32_t)units);
    if (rule->count == START_SAMPLES_MAX) {
        forget_oldest(rule);
    }
    if (rule->count > 0) {
        rule->moves[level_of(sample_at(rule, rule->count - 1))][level]++;
    }
    rule->ring[(rule->first + rule->count) % START_SAMPLES_MAX] = (uint16_t)units;
    rule->count++;
    rule->counts[level]++;
    rule->sums[level] += (uint32_t)units;
}

void start_rule_received(struct start_rule *rule, uint64_t now_us, uint64_t bytes)
{
    if (rule->last_us != 0) {
        rule->span_us += time_until_us(rule->last_us, now_us);
        rule->bytes += bytes;
    }
    rule->last_us = now_us > 0 ? now_us : 1;
    if (rule->span_us < SAMPLE_US) {
        return;
    }
    uint64_t bytes_per_s = time_scale(rule->bytes, TIME_US_PER_S, rule->span_us);
    uint64_t samples = time_min_us(rule->span_us / SAMPLE_US, SILENCE_SAMPLES_MAX);
    for (uint64_t i = 0; i < samples; i++) {
        add_sample(rule, bytes_per_s);
    }
    rule->span_us = 0;
    rule->bytes = 0;
}

void start_rule_idle(struct start_rule *rule)
{
    rule->last_us = 0;
}

static uint64_t level_bytes_per_s(const struct start_rule *rule, uint32_t level)
{
    return (uint64_t)rule->sums[level] * START_UNIT_BYTES / rule->counts[level];
}

/* The level that follows, drawn from what followed it before; itself when nothing did. */
static uint32_t next_level(const struct start_rule *rule, uint32_t level, struct prng *prng)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < START_LEVELS; i++) {
        all += rule->moves[level][i];
    }
    if (all == 0) {
        return level;
    }
    uint64_t drawn = prng_below(prng, all);
    uint32_t next = 0;
    while (drawn >= rule->moves[level][next]) {
        drawn -= rule->moves[level][next];
        next++;
    }
    return next;
}

/* The rate of now, but not above the mean of all that came so far, the second that is not over
 * included: a rate that was measured over two chunks doubles when they come together. */
static uint64_t early_rate(const struct start_rule *rule, uint64_t rate_bytes_per_s)
{
    uint64_t span_us = rule->span_us + (uint64_t)rule->count * SAMPLE_US;
    uint64_t bytes = rule->bytes;
    for (uint32_t level = 0; level < START_LEVELS; level++) {
        bytes += (uint64_t)rule->sums[level] * START_UNIT_BYTES;
    }
    return span_us == 0 ? rate_bytes_per_s
                        : time_min_us(rate_bytes_per_s, time_scale(bytes, TIME_US_PER_S, span_us));
}

/* One playback; with a chain of one state when `prng` is NULL. True: it came to a standstill. */
static bool underruns(const struct start_rule *rule, const struct start_need *need,
                      struct prng *prng)
{
    uint64_t have = need->buffered_bytes;
    uint64_t missing = need->missing_bytes;
    uint64_t rate = need->rate_bytes_per_s;
    uint64_t ahead = AHEAD_S * need->music_bytes_per_s;
    if (ahead < need->block_bytes) {
        ahead = need->block_bytes;
    }
    uint32_t level = level_of((uint32_t)time_min_us(rate / START_UNIT_BYTES, UINT16_MAX));
    for (uint32_t second = 0; second < HORIZON_S && missing > 0; second++) {
        uint64_t come = time_min_us(rate, missing);
        have += come;
        missing -= come;
        if (missing > 0 && have < need->music_bytes_per_s + ahead + ON_THE_WAY_BYTES) {
            return true;
        }
        have -= time_min_us(have, need->music_bytes_per_s);
        if (prng != NULL) {
            level = next_level(rule, level, prng);
            rate = rule->counts[level] > 0 ? level_bytes_per_s(rule, level) : rate;
        }
    }
    return false;
}

/* The slowest that was seen, and now, is fast enough: nothing can underrun. */
static bool is_always_enough(const struct start_rule *rule, const struct start_need *need)
{
    if (need->rate_bytes_per_s < need->music_bytes_per_s) {
        return false;
    }
    if (need->sufficient >= SUFFICIENT_SOURCES) {
        return true;
    }
    for (uint32_t level = 0; level < START_LEVELS; level++) {
        if (rule->counts[level] > 0 && rule->count >= CHAIN_SAMPLES_MIN) {
            return level_bytes_per_s(rule, level) >= need->music_bytes_per_s;
        }
    }
    return true;
}

/* Before there is a chain. */
static bool may_play_early(const struct start_rule *rule, const struct start_need *need)
{
    struct start_need early = *need;
    early.rate_bytes_per_s = early_rate(rule, need->rate_bytes_per_s);
    return is_always_enough(rule, &early) || !underruns(rule, &early, NULL);
}

bool start_rule_may_play(const struct start_rule *rule, const struct node_preset *preset,
                         const struct start_need *need, struct prng *prng)
{
    assert(need->rate_bytes_per_s > 0);
    if (need->missing_bytes == 0) {
        return true;
    }
    if (rule->count < CHAIN_SAMPLES_MIN) {
        return may_play_early(rule, need);
    }
    if (is_always_enough(rule, need)) {
        return true;
    }
    uint32_t bad = 0;
    for (uint32_t i = 0; i < preset->start_playbacks; i++) {
        bad += underruns(rule, need, prng);
        if (bad > preset->start_underruns_max) {
            return false;
        }
    }
    return true;
}
