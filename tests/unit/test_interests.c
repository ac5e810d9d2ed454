/*
 * test_interests.c: who wants to hear of what, and who is to be told all or only what is new.
 */
#include "common/error.h"
#include "p2p/core/interests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct media_intern *intern;
static struct interests interests;

static struct media_file_id id_of(uint32_t number)
{
    struct media_file_id id = {.bytes = 20 * CHUNK_BYTES};
    memcpy(id.root, &number, sizeof number);
    return id;
}

static void start(void)
{
    intern = media_intern_new(1);
    assert_non_null(intern);
    interests_init(&interests, intern, 3);
}

static void finish(void)
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        interests_forget(&interests, slot);
        interests_check_invariants(&interests);
    }
    assert_int_equal(interests.table.count, 0);
    interests_deinit(&interests);
    media_intern_free(intern);
}

static int want(uint32_t slot, uint32_t number)
{
    struct media_file_id id = id_of(number);
    int error = interests_want(&interests, slot, &id);
    interests_check_invariants(&interests);
    return error;
}

/* What is due: "number:fresh slots" a record, e.g. "7:3". */
static void expect(bool with_dirty, uint32_t number, uint64_t fresh, bool is_dirty)
{
    uint32_t place = 0;
    const struct interest *interest = interests_next(&interests, with_dirty, &place);
    if (number == 0) {
        assert_null(interest);
        return;
    }
    struct media_file_id id = id_of(number);
    assert_non_null(interest);
    assert_true(media_file_id_equal(&interest->id, &id));
    assert_int_equal(interest->fresh, fresh);
    assert_int_equal(interest->is_dirty, is_dirty);
    assert_null(interests_next(&interests, with_dirty, &place));
}

static struct interest *record(uint32_t number)
{
    struct media_file_id id = id_of(number);
    uint64_t key = p2p_file_key(&id);
    return table_get(&interests.table, &key);
}

static void test_story(void **state)
{
    (void)state;
    uint8_t masks[3] = {1, 2, 3};
    struct media_file_id id = id_of(7);
    start();
    expect(true, 0, 0, false);
    assert_int_equal(want(0, 7), 0);
    assert_int_equal(want(1, 7), 0);
    expect(false, 7, 3, false);
    assert_int_equal(record(7)->file, 0); /* nobody here knows it */
    assert_int_equal(interests_told(&interests, record(7), P2P_HAVE_NONE, NULL, 0), 0);
    expect(true, 0, 0, false);
    media_handle file = media_intern_put(intern, &id);
    interests_changed(&interests, file);
    assert_int_equal(record(7)->file, file);
    expect(false, 0, 0, false); /* what is new waits for its time */
    expect(true, 7, 0, true);
    assert_int_equal(interests_told(&interests, record(7), P2P_HAVE_PARTIAL, masks, 0), 0);
    expect(true, 0, 0, false);
    assert_memory_equal(record(7)->told_masks, masks, 3);
    assert_int_equal(want(1, 7), 0); /* again: all again */
    expect(false, 7, 2, false);
    assert_int_equal(interests_told(&interests, record(7), P2P_HAVE_WHOLE, NULL, 2), 0);
    expect(false, 7, 2, false); /* there was no room for it */
    interests_drop(&interests, 1, &id);
    interests_drop(&interests, 1, &id);
    expect(true, 0, 0, false);
    interests_drop(&interests, 0, &id);
    assert_null(record(7));
    interests_changed(&interests, file); /* nobody is interested */
    expect(true, 0, 0, false);
    finish();
}

static void test_bounds(void **state)
{
    (void)state;
    start();
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        for (uint32_t i = 0; i < P2P_INTEREST_MAX; i++) {
            struct media_file_id id = id_of(1 + 64 * slot + i);
            assert_int_equal(interests_want(&interests, slot, &id), 0);
        }
        assert_int_equal(want(slot, 99999), ERROR_FULL);
        assert_int_equal(want(slot, 1 + 64 * slot), 0); /* what it has it may say again */
    }
    assert_true(interests_heap_bytes(&interests) < 1024 * 1024);
    finish();
}

static void test_two_files_with_one_key(void **state)
{
    (void)state;
    struct media_file_id other = id_of(7);
    other.root[20] = 1; /* beyond what the key is made of */
    start();
    assert_int_equal(want(0, 7), 0);
    assert_int_equal(interests_want(&interests, 1, &other), ERROR_EXISTS);
    interests_drop(&interests, 0, &other); /* another file: nothing happens */
    assert_non_null(record(7));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_two_files_with_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
