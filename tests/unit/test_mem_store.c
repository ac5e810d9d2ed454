/*
 * test_mem_store.c: what was put is there, what was evicted is not.
 */
#include "cache/mem/mem_store.h"
#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The linker sends allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, bytes);
}

static void test_rows(void **state)
{
    (void)state;
    struct mem_store store;
    mem_store_init(&store, 1);
    assert_int_equal(mem_store_row_mask(&store, 1, 0), 0);
    assert_int_equal(mem_store_put_row(&store, 1, 3, 2, 0x05), 0);
    assert_int_equal(mem_store_put_row(&store, 1, 3, 2, 0x80), 0);
    assert_int_equal(mem_store_put_row(&store, 1, 3, 0, 0x01), 0);
    assert_int_equal(mem_store_put_row(&store, 2, 1, 0, 0xff), 0);
    assert_int_equal(mem_store_row_mask(&store, 1, 2), 0x85);
    assert_int_equal(mem_store_row_mask(&store, 1, 3), 0); /* beyond the end */
    assert_true(mem_store_has_chunk(&store, 1, 16));
    assert_false(mem_store_has_chunk(&store, 1, 17));
    assert_true(mem_store_has_chunk(&store, 1, 23));
    mem_store_evict_row(&store, 1, 2);
    assert_false(mem_store_has_chunk(&store, 1, 16));
    assert_true(mem_store_has_chunk(&store, 1, 0));
    mem_store_evict_file(&store, 1);
    mem_store_evict_file(&store, 1);
    mem_store_evict_row(&store, 1, 0);
    assert_false(mem_store_has_chunk(&store, 1, 0));
    assert_true(mem_store_has_chunk(&store, 2, 7));
    assert_in_range(mem_store_heap_bytes(&store), 1, 1000);
    mem_store_deinit(&store);
}

static void test_manifests(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "manifest";
    const uint8_t a[TRACK_ID_BYTES] = {1};
    const uint8_t b[TRACK_ID_BYTES] = {2};
    struct mem_store store;
    uint32_t count = 0;
    mem_store_init(&store, 1);
    assert_null(mem_store_manifest(&store, a, &count));
    assert_int_equal(mem_store_put_manifest(&store, a, bytes, 5), 0);
    assert_ptr_equal(mem_store_manifest(&store, a, &count), bytes);
    assert_int_equal(count, 5);
    assert_null(mem_store_manifest(&store, b, &count));
    mem_store_deinit(&store);
}

static void test_no_memory(void **state)
{
    (void)state;
    const uint8_t track[TRACK_ID_BYTES] = {1};
    struct mem_store store;
    mem_store_init(&store, 1);
    for (unsigned nth = 1; nth <= 2; nth++) {
        fail_at = nth;
        assert_int_equal(mem_store_put_row(&store, 1, 3, 0, 1), ERROR_NO_MEMORY);
        assert_int_equal(mem_store_row_mask(&store, 1, 0), 0);
        fail_at = nth;
        assert_int_equal(mem_store_put_manifest(&store, track, track, 1), ERROR_NO_MEMORY);
        fail_at = 0;
    }
    mem_store_deinit(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
