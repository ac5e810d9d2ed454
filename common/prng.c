/*
 * prng.c: xoshiro256** with splitmix64 seeding.
 *
 * Responsible for the same numbers on every machine for the same seed. Not for secrets.
 */
#include "common/prng.h"

#include <assert.h>

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

void prng_init(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        prng->state[i] = mixed ^ mixed >> 31;
    }
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t *state = prng->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    /* The lowest 2^64 mod bound values would make some remainders likelier than others. */
    uint64_t reject = (0 - bound) % bound;
    uint64_t value;
    do {
        value = prng_u64(prng);
    } while (value < reject);
    return value % bound;
}
