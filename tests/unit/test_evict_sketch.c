/*
 * test_evict_sketch.c: estimates are never too low before the counters age, seldom too high, and
 * halve.
 */
#include "cache/core/evict_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS 200u
#define WORDS 128u

static void test_counts(void **state)
{
    (void)state;
    uint64_t words[WORDS] = {0};
    struct evict evict = {.sketch = words,
                          .sketch_words = WORDS,
                          .limit_bytes = UINT64_MAX,
                          .asked_bytes = 1,
                          .seed = 5};
    uint32_t too_high = 0;
    for (uint32_t object = 0; object < OBJECTS; object++) {
        for (uint32_t i = 0; i < object % 20; i++) {
            evict_sketch_add(&evict, object);
        }
    }
    for (uint32_t object = 0; object < OBJECTS; object++) {
        uint32_t wanted = object % 20 < 15 ? object % 20 : 15;
        assert_true(evict_sketch_estimate(&evict, object) >= wanted);
        too_high += evict_sketch_estimate(&evict, object) > wanted;
    }
    assert_in_range(too_high, 0, OBJECTS / 4);
}

static void test_ages(void **state)
{
    (void)state;
    uint64_t words[1] = {0};
    struct evict evict = {
        .sketch = words, .sketch_words = 1, .limit_bytes = 1, .asked_bytes = 1, .seed = 5};
    for (uint32_t i = 1; i < 10; i++) {
        evict_sketch_add(&evict, 1);
        assert_int_equal(evict_sketch_estimate(&evict, 1), i);
    }
    evict_sketch_add(&evict, 1); /* the tenth: ten times the limit was asked for */
    assert_int_equal(evict_sketch_estimate(&evict, 1), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
