/*
 * test_prng.c: the numbers are the published ones, everywhere, and even.
 */
#include "common/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* splitmix64's first outputs for seed 1234567 (Rosetta Code, and Vigna's splitmix64.c). */
static const uint64_t seeded[4] = {
    UINT64_C(6457827717110365317),
    UINT64_C(3203168211198807973),
    UINT64_C(9817491932198370423),
    UINT64_C(4593380528125082431),
};

/* xoshiro256** from the state {1, 2, 3, 4} (the vectors of the rand_xoshiro crate). */
static const uint64_t drawn[10] = {
    UINT64_C(11520),
    UINT64_C(0),
    UINT64_C(1509978240),
    UINT64_C(1215971899390074240),
    UINT64_C(1216172134540287360),
    UINT64_C(607988272756665600),
    UINT64_C(16172922978634559625),
    UINT64_C(8476171486693032832),
    UINT64_C(10595114339597558777),
    UINT64_C(2904607092377533576),
};

static void test_vectors(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1234567);
    assert_memory_equal(prng.state, seeded, sizeof seeded);
    prng = (struct prng){{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++) {
        assert_true(prng_u64(&prng) == drawn[i]);
    }
}

/* Fixed seeds, so these counts are the same in every run; the bounds are 6 sigma wide. */
static const uint64_t bounds[] = {1, 2, 3, 7, 10};

static void test_below_is_even(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct prng prng;
        prng_init(&prng, i);
        int64_t counts[10] = {0};
        for (int draw = 0; draw < 60000; draw++) {
            uint64_t value = prng_below(&prng, bounds[i]);
            assert_true(value < bounds[i]);
            counts[value]++;
        }
        int64_t expected = 60000 / (int64_t)bounds[i];
        for (uint64_t value = 0; value < bounds[i]; value++) {
            assert_in_range(counts[value] - expected + 1000, 0, 2000);
        }
    }
}

/* A bound just above half the range shows modulo bias at once: the lower half twice as often. */
static void test_below_has_no_bias(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 9);
    uint64_t bound = (UINT64_C(1) << 63) + (UINT64_C(1) << 62);
    int low = 0;
    for (int draw = 0; draw < 30000; draw++) {
        low += prng_below(&prng, bound) < UINT64_C(1) << 62;
    }
    assert_in_range(low, 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_below_has_no_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
