/*
 * test_evict_heap.c: the heap against a plain search for the least.
 */
#include "cache/core/evict_state.h"
#include "common/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS 60u
#define STEPS 5000u

static uint32_t least(const uint64_t *keys)
{
    uint32_t found = 0;
    for (uint32_t i = 1; i < OBJECTS; i++) {
        found = keys[i] < keys[found] ? i : found;
    }
    return found;
}

static void test_against_search(void **state)
{
    (void)state;
    struct evict_object objects[OBJECTS];
    struct evict_heap_entry heap[OBJECTS];
    uint64_t keys[OBJECTS];
    struct prng prng;
    memset(objects, 0, sizeof objects);
    memset(keys, 0xff, sizeof keys);
    struct evict evict = {.objects = objects, .object_count = OBJECTS, .heap = heap};
    prng_init(&prng, 3);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t object = (uint32_t)prng_below(&prng, OBJECTS);
        uint64_t choice = prng_below(&prng, 4);
        if (choice < 2) {
            keys[object] = prng_below(&prng, UINT32_MAX) * OBJECTS + object; /* no ties */
            evict_heap_put(&evict, object, keys[object]);
        } else if (choice == 2 && keys[object] != UINT64_MAX) {
            evict_heap_remove(&evict, object);
            keys[object] = UINT64_MAX;
        } else if (choice == 3 && evict.heap_count > 0) {
            uint64_t key = 0;
            uint32_t wanted = least(keys);
            assert_int_equal(evict_heap_pop(&evict, &key), wanted);
            assert_int_equal(key, keys[wanted]);
            keys[wanted] = UINT64_MAX;
        }
        assert_int_equal(evict.lists[0].count, evict.heap_count);
    }
    assert_true(evict.heap_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_search)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
