/*
 * test_store_admin.c: sums, verification and removal from outside.
 */
#include "cache/lmdb/store_admin.h"
#include "common/error.h"
#include "tests/lib/store_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <lmdb.h>

static void test_status(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    struct store_status status;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    store_bench_close(bench); /* one environment a process */
    assert_int_equal(store_admin_status(bench->folder, STORE_BENCH_LIMIT_BYTES, &status), 0);
    assert_int_equal(status.files, 1);
    assert_int_equal(status.chunks, 11);
    assert_int_equal(status.payload_bytes, STORE_BENCH_FILE_BYTES);
    assert_int_equal(status.limit_bytes, STORE_BENCH_LIMIT_BYTES);
    assert_in_range(status.file_bytes, STORE_BENCH_FILE_BYTES, 2 * STORE_BENCH_FILE_BYTES);
    store_bench_remove(bench);
    assert_int_equal(store_admin_status(bench->folder, STORE_BENCH_LIMIT_BYTES, &status), 0);
    assert_int_equal(status.files + status.chunks + status.payload_bytes + status.file_bytes, 0);
    assert_int_equal(status.limit_bytes, STORE_BENCH_LIMIT_BYTES);
    cache_fixture_deinit(&file);
}

/* Changes a row behind the store's back: flips the byte at `flip`, or takes it out. */
static void spoil(const struct store_bench *bench, const struct cache_fixture *file, uint32_t row,
                  long flip)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi rows;
    uint8_t key_bytes[44];
    memcpy(key_bytes, file->id.root, HASH_BYTES);
    for (unsigned i = 0; i < 8; i++) {
        key_bytes[HASH_BYTES + i] = (uint8_t)(file->id.bytes >> (56 - 8 * i));
    }
    for (unsigned i = 0; i < 4; i++) {
        key_bytes[40 + i] = (uint8_t)(row >> (24 - 8 * i));
    }
    MDB_val key = {.mv_size = sizeof key_bytes, .mv_data = key_bytes};
    MDB_val value;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, bench->folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "rows", 0, &rows), 0);
    assert_int_equal(mdb_get(txn, rows, &key, &value), 0);
    if (flip < 0) {
        assert_int_equal(mdb_del(txn, rows, &key, NULL), 0);
    } else {
        uint8_t *copy = malloc(value.mv_size);
        assert_non_null(copy);
        assert_in_range(flip, 0, value.mv_size - 1);
        memcpy(copy, value.mv_data, value.mv_size);
        copy[flip] ^= 1;
        MDB_val changed = {.mv_size = value.mv_size, .mv_data = copy};
        assert_int_equal(mdb_put(txn, rows, &key, &changed, 0), 0);
        free(copy);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void count_damaged(void *context, const struct media_file_id *file, uint32_t row)
{
    unsigned *sum = context;
    (void)file;
    *sum += 100 + row;
}

static const struct {
    uint32_t row;
    long flip; /* -1: the row is taken out */
    uint64_t rows;
    uint64_t chunks;
    uint64_t damaged;
} spoilt[] = {
    {1, 500, 9, 64, 1}, /* a chunk's tail */
    {2, 10, 9, 64, 1},  /* a hash */
    {8, 1, 9, 64, 1},   /* the mask */
    {4, -1, 8, 64, 1},  /* claimed by the record, and not there */
};

static void test_verify(void **state)
{
    struct store_bench *bench = *state;
    struct store_hasher hasher = cache_fixture_hasher();
    struct store_verify_report report;
    for (uint32_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        struct cache_fixture file;
        unsigned sum = 0;
        assert_true(cache_fixture_init(&file, i, 9 * ROW_BYTES));
        store_bench_put_all(bench, &file);
        store_bench_close(bench);
        assert_int_equal(
            store_admin_verify(bench->folder, &hasher, true, count_damaged, &sum, &report), 0);
        assert_int_equal(report.rows, 9);
        assert_int_equal(report.chunks, 72);
        assert_int_equal(report.damaged + report.removed + sum, 0);

        spoil(bench, &file, spoilt[i].row, spoilt[i].flip);
        for (unsigned repair = 0; repair < 3; repair++) { /* look, repair, look again */
            sum = 0;
            assert_int_equal(store_admin_verify(bench->folder, &hasher, repair == 1, count_damaged,
                                                &sum, &report),
                             0);
            bool healed = repair == 2;
            assert_int_equal(report.rows, healed ? 8 : spoilt[i].rows);
            assert_int_equal(report.chunks, spoilt[i].chunks);
            assert_int_equal(report.damaged, healed ? 0 : spoilt[i].damaged);
            assert_int_equal(report.removed, repair == 1 ? spoilt[i].damaged : 0);
            assert_int_equal(sum, healed ? 0 : 100 + spoilt[i].row);
        }
        assert_int_equal(store_bench_open(bench, false), 0);
        for (uint32_t row = 0; row < 9; row++) {
            assert_int_equal(store_bench_read(bench, &file, row * ROW_CHUNKS),
                             row == spoilt[i].row ? ERROR_NOT_FOUND : 0);
        }
        assert_int_equal(store_evict_file(bench->store, &file.id), 0);
        assert_int_equal(store_flush(bench->store), 0);
        cache_fixture_deinit(&file);
    }
}

static void test_verify_nothing(void **state)
{
    struct store_bench *bench = *state;
    struct store_hasher hasher = cache_fixture_hasher();
    struct store_verify_report report = {.rows = 1};
    store_bench_close(bench);
    store_bench_remove(bench);
    assert_int_equal(store_admin_verify(bench->folder, &hasher, true, NULL, NULL, &report), 0);
    assert_int_equal(report.rows, 0);
}

static void test_clear(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    struct stat status;
    uint64_t freed_bytes = 0;
    char path[PATH_MAX];
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    store_bench_close(bench);
    /* One that was set aside, and a file that is none of ours. */
    snprintf(path, sizeof path, "%s.damaged-7", bench->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s.damaged-7/data.mdb", bench->folder);
    FILE *old = fopen(path, "w");
    assert_non_null(old);
    assert_int_equal(fputs("0123456789", old) >= 0, 1);
    assert_int_equal(fclose(old), 0);

    assert_int_equal(store_admin_clear(bench->folder, &freed_bytes), 0);
    assert_in_range(freed_bytes, STORE_BENCH_FILE_BYTES + 10, 2 * STORE_BENCH_FILE_BYTES);
    assert_int_not_equal(stat(path, &status), 0);
    assert_int_not_equal(stat(bench->folder, &status), 0);
    assert_int_equal(store_admin_clear(bench->folder, &freed_bytes), 0);
    assert_int_equal(freed_bytes, 0);
    assert_int_equal(store_bench_open(bench, false), 0);
    store_bench_assert_picture(bench, &file, "........ ...");
    cache_fixture_deinit(&file);
}

#define STORE_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, store_bench_setup, store_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_status),
        STORE_TEST(test_verify),
        STORE_TEST(test_verify_nothing),
        STORE_TEST(test_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
