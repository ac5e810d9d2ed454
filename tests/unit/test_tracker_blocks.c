/*
 * test_tracker_blocks.c: entries stay where they are, are zero at first, and cost what is said.
 */
#include "streamserver/core/tracker_blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The linker sends the allocations here: fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(count, bytes);
}

#define ENTRIES 5000u

static void test_growth(void **state)
{
    (void)state;
    static uint32_t *where[ENTRIES];
    struct tracker_blocks blocks;
    size_t memory = 0;
    tracker_blocks_init(&blocks, sizeof(uint32_t));
    assert_int_equal(tracker_blocks_entries(&blocks), 0);
    for (uint32_t entry = 0; entry < ENTRIES; entry++) {
        assert_true(tracker_blocks_reach(&blocks, entry, &memory));
        assert_true(tracker_blocks_entries(&blocks) > entry);
        where[entry] = tracker_blocks_get(&blocks, entry);
        assert_int_equal(*where[entry], 0);
        *where[entry] = entry + 1;
        assert_int_equal(tracker_blocks_bytes(&blocks), memory);
    }
    assert_true(tracker_blocks_reach(&blocks, 7, &memory)); /* there already */
    for (uint32_t entry = 0; entry < ENTRIES; entry++) {
        assert_ptr_equal(tracker_blocks_get(&blocks, entry), where[entry]);
        assert_int_equal(*where[entry], entry + 1);
    }
    assert_true(memory <= (ENTRIES + TRACKER_BLOCK) * 5);
    tracker_blocks_deinit(&blocks, &memory);
    assert_int_equal(memory, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct tracker_blocks blocks;
    size_t memory = 0;
    uint32_t failed = 0;
    tracker_blocks_init(&blocks, 12);
    for (uint32_t block = 0; block < 40; block++) {
        bool is_there = false;
        for (unsigned nth = 1; !is_there; nth++) {
            fail_at = nth;
            is_there = tracker_blocks_reach(&blocks, block * TRACKER_BLOCK, &memory);
            fail_at = 0;
            failed += !is_there;
            assert_int_equal(tracker_blocks_entries(&blocks), (block + is_there) * TRACKER_BLOCK);
            assert_int_equal(tracker_blocks_bytes(&blocks), memory);
        }
    }
    assert_true(failed > 40); /* a block each, and a directory now and then */
    tracker_blocks_deinit(&blocks, &memory);
    assert_int_equal(memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
