/*
 * test_own_keys.c: files are found by their keys, whatever came and went.
 */
#include "common/prng.h"
#include "p2p/core/message.h"
#include "p2p/core/own_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES 300u

static struct media_intern *intern;
static media_handle files[FILES];
static uint64_t keys_of[FILES];

static void make_files(void)
{
    struct prng prng;
    prng_init(&prng, 3);
    intern = media_intern_new(1);
    assert_non_null(intern);
    for (uint32_t i = 0; i < FILES; i++) {
        struct media_file_id id = {.bytes = 1000 + i};
        for (uint32_t k = 0; k < HASH_BYTES; k++) {
            id.root[k] = (uint8_t)prng_u64(&prng);
        }
        files[i] = media_intern_put(intern, &id);
        keys_of[i] = p2p_file_key(&id);
    }
}

static void test_made_and_kept_up(void **state)
{
    (void)state;
    struct own_keys keys;
    bool is_here[FILES] = {false};
    struct prng prng;
    make_files();
    prng_init(&prng, 9);
    own_keys_init(&keys, intern);
    assert_int_equal(own_keys_add(&keys, files[0]), 0); /* not made yet: nothing happens */
    assert_int_equal(keys.count, 0);
    for (uint32_t i = 0; i < FILES / 2; i++) {
        assert_int_equal(own_keys_append(&keys, files[i]), 0);
        is_here[i] = true;
    }
    own_keys_sort(&keys);
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t i = (uint32_t)prng_below(&prng, FILES);
        if (prng_below(&prng, 2) == 0) {
            assert_int_equal(own_keys_add(&keys, files[i]), 0);
            is_here[i] = true;
        } else {
            own_keys_remove(&keys, files[i]);
            is_here[i] = false;
        }
        own_keys_check_invariants(&keys);
    }
    for (uint32_t i = 0; i < FILES; i++) {
        assert_int_equal(own_keys_find(&keys, keys_of[i]), is_here[i] ? files[i] : 0);
        assert_int_equal(own_keys_find(&keys, keys_of[i] + 1), 0);
    }
    assert_true(own_keys_heap_bytes(&keys) <= FILES * 5 + 64 * 4);
    own_keys_deinit(&keys);
    media_intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_made_and_kept_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
