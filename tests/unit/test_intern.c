/*
 * test_intern.c: one handle an id, also for ids that share a root; cost; failing memory.
 */
#include "media/core/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends the allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
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

static struct media_file_id numbered(uint32_t number)
{
    struct media_file_id id = {.bytes = 1 + number / 2}; /* two of each length */
    for (unsigned i = 0; i < 4; i++) {
        id.root[i * 8] = (uint8_t)(number >> (8 * i));
    }
    return id;
}

static void test_handles(void **state)
{
    (void)state;
    struct media_intern *intern = media_intern_new(3);
    assert_non_null(intern);
    for (uint32_t i = 0; i < 5000; i++) {
        struct media_file_id id = numbered(i);
        assert_int_equal(media_intern_find(intern, &id), 0);
        assert_int_equal(media_intern_put(intern, &id), i + 1);
        assert_int_equal(media_intern_put(intern, &id), i + 1);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct media_file_id id = numbered(i);
        assert_int_equal(media_intern_find(intern, &id), i + 1);
        assert_true(media_file_id_equal(media_intern_id(intern, i + 1), &id));
    }
    media_intern_free(intern);
    media_intern_free(NULL);
}

static void test_one_root_two_lengths(void **state)
{
    (void)state;
    struct media_intern *intern = media_intern_new(1);
    struct media_file_id real = {.root = {9, 9, 9}, .bytes = 6000000};
    struct media_file_id top = real; /* the file made of the two top hashes */
    top.bytes = (uint64_t)2 * HASH_BYTES;
    media_handle handle = media_intern_put(intern, &real);
    assert_int_equal(media_intern_find(intern, &top), 0);
    assert_int_not_equal(media_intern_put(intern, &top), handle);
    assert_int_equal(media_intern_find(intern, &real), handle);
    media_intern_free(intern);
}

/* An id that the table itself lent stays right when the put moves it. */
static void test_lent_id(void **state)
{
    (void)state;
    struct media_intern *intern = media_intern_new(1);
    for (uint32_t i = 0; i < 100; i++) {
        struct media_file_id id = numbered(i);
        assert_int_equal(media_intern_put(intern, &id), i + 1);
        assert_int_equal(media_intern_put(intern, media_intern_id(intern, 1)), 1);
    }
    media_intern_free(intern);
}

static void test_no_memory(void **state)
{
    (void)state;
    fail_at = 1;
    assert_null(media_intern_new(1));
    struct media_intern *intern = media_intern_new(1);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct media_file_id id = numbered(i);
        for (unsigned nth = 1; nth <= 2; nth++) {
            fail_at = nth;
            media_handle handle = media_intern_put(intern, &id);
            fail_at = 0;
            if (handle == 0) {
                refused++;
                assert_int_equal(media_intern_find(intern, &id), 0);
            }
        }
        assert_int_equal(media_intern_put(intern, &id), i + 1);
        for (uint32_t j = 0; j <= i; j++) {
            struct media_file_id known = numbered(j);
            assert_int_equal(media_intern_find(intern, &known), j + 1);
        }
    }
    assert_true(refused > 5);
    media_intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles),
        cmocka_unit_test(test_one_root_two_lengths),
        cmocka_unit_test(test_lent_id),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
