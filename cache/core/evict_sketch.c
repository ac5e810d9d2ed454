/*
 * evict_sketch.c: how often an object was asked for lately, in half a byte.
 *
 * A count-min sketch with four counters of 4 bits an object, all in one word of 16 of them, so that a
 * look costs one line of memory; conservative update. When ten times the cache's bytes were asked for
 * all counters are halved (Einziger, Friedman, Manes: "TinyLFU", section 3.3).
 */
#include "cache/core/evict_state.h"

#define COUNTER_MAX 15u
#define ROWS 4u
#define AGE_LIMITS 10u /* halved after so many times the cache's limit */
#define ODD_BITS UINT64_C(0x7777777777777777)

/* MurmurHash3's finalizer: every bit of the number moves every bit of the result. */
static uint64_t mix(uint64_t number)
{
    number ^= number >> 33;
    number *= UINT64_C(0xff51afd7ed558ccd);
    number ^= number >> 33;
    number *= UINT64_C(0xc4ceb9fe1a85ec53);
    return number ^ number >> 33;
}

struct spots {
    uint32_t word;
    uint8_t shift[ROWS];
};

/* Each row has four of a word's counters for itself. */
static struct spots find(const struct evict *evict, uint32_t object)
{
    uint64_t hash = mix(evict->seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (object + UINT64_C(1))));
    struct spots spots = {.word = (uint32_t)(hash >> 32) & (evict->sketch_words - 1)};
    for (uint32_t row = 0; row < ROWS; row++) {
        spots.shift[row] = (uint8_t)(4 * (4 * row + (hash >> (2 * row) & 3)));
    }
    return spots;
}

static uint32_t least(uint64_t word, const struct spots *spots)
{
    uint32_t estimate = COUNTER_MAX;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t counter = word >> spots->shift[row] & COUNTER_MAX;
        estimate = counter < estimate ? counter : estimate;
    }
    return estimate;
}

static void age(struct evict *evict)
{
    for (uint32_t i = 0; i < evict->sketch_words; i++) {
        evict->sketch[i] = evict->sketch[i] >> 1 & ODD_BITS;
    }
    evict->sketch_bytes = 0;
}

void evict_sketch_add(struct evict *evict, uint32_t object)
{
    struct spots spots = find(evict, object);
    uint64_t *word = &evict->sketch[spots.word];
    uint32_t estimate = least(*word, &spots);
    for (uint32_t row = 0; row < ROWS && estimate < COUNTER_MAX; row++) {
        if ((*word >> spots.shift[row] & COUNTER_MAX) == estimate) {
            *word += UINT64_C(1) << spots.shift[row];
        }
    }
    evict->sketch_bytes += evict->asked_bytes;
    if (evict->sketch_bytes / AGE_LIMITS >= evict->limit_bytes) {
        age(evict);
    }
}

uint32_t evict_sketch_estimate(const struct evict *evict, uint32_t object)
{
    struct spots spots = find(evict, object);
    return least(evict->sketch[spots.word], &spots);
}
