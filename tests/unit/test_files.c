/*
 * test_files.c: chunks as pictures: . missing, r requested, f filling, h hashing, R ready,
 * s storing, S stored.
 */
#include "player/core/files.h"
#include "player/core/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct ground {
    struct media_intern *intern;
    struct cache_index *index;
    struct files files;
    media_handle handle; /* of a file of 20 chunks, three rows */
};

static void set_up(struct ground *ground)
{
    ground->intern = media_intern_new(1);
    assert_non_null(ground->intern);
    struct cache_index_config config = {.intern = ground->intern, .limit_bytes = 1u << 30};
    assert_int_equal(cache_index_new(&config, &ground->index), 0);
    struct media_file_id id = {.root = {1}, .bytes = 20 * CHUNK_BYTES - 5};
    ground->handle = media_intern_put(ground->intern, &id);
    files_init(&ground->files, ground->intern, ground->index, 7);
}

static void tear_down(struct ground *ground)
{
    files_deinit(&ground->files);
    cache_index_free(ground->index);
    media_intern_free(ground->intern);
}

static void assert_picture(const struct file *file, const char *picture)
{
    char seen[32] = "";
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        seen[i] = ".rfhRsS"[files_state(file, i)];
    }
    assert_string_equal(seen, picture);
}

static void test_attach(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground);
    assert_int_equal(cache_index_row_stored(ground.index, ground.handle, 1, 0x0f), 0);
    assert_null(files_find(&ground.files, ground.handle));
    struct file *file = files_attach(&ground.files, ground.handle);
    assert_picture(file, "........SSSS........");
    assert_int_equal(file->held_count, 4);
    assert_int_equal(file->missing_count, 16);
    assert_ptr_equal(files_attach(&ground.files, ground.handle), file);
    assert_int_equal(files_chunk_bytes(file, 19), CHUNK_BYTES - 5);
    files_set_source(file, 3, NODE_SOURCE_ORIGIN);
    files_check_invariants(&ground.files);
    files_detach(&ground.files, file);
    /* The record stays, its rows do not; what was evicted meanwhile is missing afterwards. */
    assert_null(file->rows);
    cache_index_remove_file(ground.index, ground.handle);
    assert_ptr_equal(files_attach(&ground.files, ground.handle), file);
    assert_picture(file, "....................");
    assert_int_equal(files_source(file, 3), NODE_SOURCE_ORIGIN);
    files_check_invariants(&ground.files);
    tear_down(&ground);
}

static void test_search(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground);
    assert_int_equal(cache_index_row_stored(ground.index, ground.handle, 0, 0xff), 0);
    struct file *file = files_attach(&ground.files, ground.handle);
    assert_int_equal(files_next_missing(file, 0, 20), 8);
    assert_int_equal(files_next_missing(file, 9, 20), 9);
    assert_int_equal(files_next_missing(file, 0, 8), 8);
    assert_int_equal(files_next_lacking(file, 0, 20), 8);
    assert_true(files_holds_all(file, 0, 8));
    assert_false(files_holds_all(file, 7, 2));
    files_open_row(&ground.files, file, 1);
    files_set_state(file, 8, CHUNK_REQUESTED);
    assert_int_equal(files_next_missing(file, 0, 20), 9);
    assert_int_equal(files_next_lacking(file, 0, 20), 8);
    /* A chunk that is missing again is found again. */
    files_set_state(file, 2, CHUNK_MISSING);
    assert_int_equal(files_next_missing(file, 0, 20), 2);
    files_set_state(file, 2, CHUNK_STORED);
    files_set_state(file, 8, CHUNK_MISSING);
    files_check_invariants(&ground.files);
    tear_down(&ground);
}

static void test_rows(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground);
    struct file *file = files_attach(&ground.files, ground.handle);
    size_t without = files_heap_bytes(&ground.files);
    struct row *row = files_open_row(&ground.files, file, 2);
    assert_ptr_equal(files_open_row(&ground.files, file, 2), row);
    assert_ptr_equal(files_row(file, 17), row);
    assert_null(files_row(file, 15));
    files_set_state(file, 17, CHUNK_REQUESTED);
    files_close_row(&ground.files, row);
    assert_ptr_equal(files_row(file, 17), row); /* something is on the way */
    assert_int_equal(files_row_mask(row, CHUNK_REQUESTED), 2);
    assert_int_equal(files_row_mask(row, CHUNK_MISSING), 13);
    files_set_state(file, 17, CHUNK_MISSING);
    row->has_proof = true;
    files_close_row(&ground.files, row);
    assert_ptr_equal(files_row(file, 17), row); /* its proof will be needed */
    row->has_proof = false;
    files_close_row(&ground.files, row);
    assert_null(files_row(file, 17));
    assert_int_equal(files_heap_bytes(&ground.files), without);
    files_check_invariants(&ground.files);
    tear_down(&ground);
}

static void test_hold(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground);
    struct file *file = files_attach(&ground.files, ground.handle);
    struct row *rows[3];
    for (uint32_t i = 0; i < 3; i++) {
        rows[i] = files_open_row(&ground.files, file, i);
        files_hold(&ground.files, rows[i], 100 + i);
    }
    files_hold(&ground.files, rows[0], 500); /* it is there already */
    assert_int_equal(rows[0]->hold_until_us, 100);
    files_check_invariants(&ground.files);
    files_unhold(&ground.files, rows[1]);
    files_unhold(&ground.files, rows[1]);
    assert_ptr_equal(ground.files.hold_first, rows[0]);
    assert_ptr_equal(rows[0]->hold_next, rows[2]);
    files_unhold(&ground.files, rows[0]);
    files_unhold(&ground.files, rows[2]);
    assert_null(ground.files.hold_first);
    assert_null(ground.files.hold_last);
    tear_down(&ground);
}

/* The record of a run is bounded: the oldest that nobody uses is forgotten. */
static void test_trim(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground);
    struct file *first = files_attach(&ground.files, ground.handle);
    media_handle second = 0;
    for (uint32_t i = 0; i < FILES_KEPT_MAX + 10; i++) {
        struct media_file_id id = {.root = {2, (uint8_t)i, (uint8_t)(i >> 8)}, .bytes = 1};
        media_handle handle = media_intern_put(ground.intern, &id);
        second = second == 0 ? handle : second;
        files_detach(&ground.files, files_attach(&ground.files, handle));
    }
    files_trim(&ground.files);
    assert_int_equal(ground.files.count, FILES_KEPT_MAX);
    assert_ptr_equal(files_find(&ground.files, ground.handle), first);
    assert_null(files_find(&ground.files, second));
    files_check_invariants(&ground.files);
    tear_down(&ground);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach), cmocka_unit_test(test_search), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_hold),   cmocka_unit_test(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
