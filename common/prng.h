/*
 * prng.h: the one source of chance in an engine; seeded by its caller, never from the world.
 *
 * xoshiro256** seeded by splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021). Not for secrets: nonces and keys come from the shell.
 */
#ifndef COMMON_PRNG_H
#define COMMON_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_u64(struct prng *prng);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

#endif
