/*
 * test_tracker_index.c: keys and their sets against the plainest model, and what growing costs.
 */
#include "streamserver/core/tracker_index.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(count, bytes);
}

#define KEYS 3000u

/* Keys as a stranger would pick them: alike in most bits. */
static uint64_t key_of(uint32_t number)
{
    return (uint64_t)number << 32;
}

static void test_model(void **state)
{
    (void)state;
    static uint32_t values[KEYS]; /* in the key's set; 0 = the key is not there */
    struct tracker_index index;
    struct prng prng;
    size_t memory = 0;
    tracker_index_init(&index, 3);
    prng_init(&prng, 4);
    assert_int_equal(tracker_index_find(&index, 1), TRACKER_NONE);
    tracker_index_remove_value(&index, 1, 1, &memory);
    for (uint32_t at = 0; at < 40000; at++) {
        uint32_t number = (uint32_t)prng_below(&prng, KEYS);
        uint32_t percent = at < 20000 ? 80 : 30;
        if (prng_below(&prng, 100) < percent) {
            assert_int_equal(
                tracker_index_add_value(&index, key_of(number), values[number] + 1, &memory), 0);
            values[number]++;
        } else if (values[number] > 0) {
            tracker_index_remove_value(&index, key_of(number), values[number]--, &memory);
        }
    }
    assert_int_equal(tracker_index_check_invariants(&index), memory);
    uint32_t count = 0;
    for (uint32_t number = 0; number < KEYS; number++) {
        uint32_t record = tracker_index_find(&index, key_of(number));
        assert_int_equal(record != TRACKER_NONE, values[number] > 0);
        if (record != TRACKER_NONE) {
            assert_int_equal(tracker_index_get(&index, record)->set.count, values[number]);
            assert_int_equal(tracker_index_put(&index, key_of(number), &memory), record);
            count++;
        }
    }
    assert_int_equal(index.count, count);
    tracker_index_deinit(&index, &memory);
    assert_int_equal(memory, 0);
}

/* Adding the same again changes nothing. */
static void test_again(void **state)
{
    (void)state;
    struct tracker_index index;
    size_t memory = 0;
    tracker_index_init(&index, 3);
    assert_int_equal(tracker_index_add_value(&index, 9, 5, &memory), 0);
    size_t before = memory;
    assert_int_equal(tracker_index_add_value(&index, 9, 5, &memory), 0);
    assert_int_equal(memory, before);
    assert_int_equal(tracker_index_get(&index, tracker_index_find(&index, 9))->set.count, 1);
    tracker_index_remove_value(&index, 9, 4, &memory); /* not in it */
    assert_int_equal(index.count, 1);
    tracker_index_deinit(&index, &memory);
}

/* As many chains as records, whatever the number; a record costs what the header says. */
static void test_growth(void **state)
{
    (void)state;
    struct tracker_index index;
    size_t memory = 0;
    tracker_index_init(&index, 1);
    uint32_t longest = 0;
    for (uint32_t number = 0; number < 100000; number++) {
        assert_int_not_equal(tracker_index_put(&index, key_of(number), &memory), TRACKER_NONE);
        assert_int_equal(index.head_count, index.count == 1 ? 1 : index.count);
    }
    for (uint32_t number = 0; number < 100000; number++) {
        uint32_t length = 1;
        uint32_t at = tracker_index_find(&index, key_of(number));
        while (tracker_index_get(&index, at)->next != TRACKER_NONE) {
            at = tracker_index_get(&index, at)->next;
            length++;
        }
        longest = length > longest ? length : longest;
    }
    assert_in_range(longest, 2, 16);
    assert_true(memory <= 100000 * (TRACKER_RECORD_COST + 1) + 65536);
    tracker_index_deinit(&index, &memory);
    assert_int_equal(memory, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct tracker_index index;
    size_t memory = 0;
    uint32_t failed = 0;
    tracker_index_init(&index, 1);
    for (uint32_t number = 0; number < 5000; number++) {
        int error = ERROR_NO_MEMORY;
        for (unsigned nth = 1; error != 0; nth++) {
            fail_at = nth;
            error = tracker_index_add_value(&index, key_of(number), 1, &memory);
            failed += error != 0;
            fail_at = 0;
        }
        if (number % 256 < 3) { /* where blocks are made */
            assert_int_equal(tracker_index_check_invariants(&index), memory);
        }
    }
    assert_true(failed > 10);
    assert_int_equal(index.count, 5000);
    tracker_index_deinit(&index, &memory);
    assert_int_equal(memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
