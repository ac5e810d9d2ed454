/*
 * test_wants.c: who waits for which chunk.
 */
#include "player/core/wants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(struct wants *wants, uint32_t number, media_handle file, uint32_t first,
                uint32_t count)
{
    struct want *want = wants_add(wants);
    want->number = number;
    want->file = file;
    want->first_chunk = first;
    want->count = count;
}

static void test_chunks(void **state)
{
    (void)state;
    struct wants wants = {0};
    add(&wants, 5, 1, 10, 2);
    add(&wants, 3, 2, 0, 1);
    wants_check_invariants(&wants);
    static const struct {
        media_handle file;
        uint32_t chunk;
        bool is_wanted;
    } rows[] = {{1, 9, false},  {1, 10, true}, {1, 11, true},
                {1, 12, false}, {2, 0, true},  {2, 10, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(wants_chunk(&wants, rows[i].file, rows[i].chunk), rows[i].is_wanted);
    }
    assert_int_equal(wants_index(&wants, 3), 1);
    wants_remove(&wants, wants_index(&wants, 5));
    assert_int_equal(wants_index(&wants, 3), 0);
    assert_int_equal(wants_index(&wants, 5), wants.count);
    assert_false(wants_chunk(&wants, 1, 10));
}

static void test_full(void **state)
{
    (void)state;
    struct wants wants = {0};
    for (uint32_t i = 1; i <= NODE_WANTS_MAX; i++) {
        add(&wants, i, 1, i, 1);
    }
    wants_check_invariants(&wants);
    while (wants.count > 0) {
        wants_remove(&wants, wants.count / 2);
        wants_check_invariants(&wants);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
