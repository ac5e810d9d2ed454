/*
 * test_store_faults.c: what is rotten, foreign, damaged or newer is never served; a full disk stops
 * writing, not reading.
 */
#include "cache/lmdb/store.h"
#include "cache/lmdb/store_format.h"
#include "common/error.h"
#include "tests/lib/store_bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

/* ---- rot ---- */

static char *data_path(const struct store_bench *bench, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/data.mdb", bench->folder);
    return path;
}

/* Flips a bit at `offset` from every place in the file where the pattern stands (LMDB leaves old
 * pages behind). */
static void flip(const struct store_bench *bench, const uint8_t *pattern, size_t count, long offset)
{
    char path[PATH_MAX];
    struct stat status;
    unsigned flipped = 0;
    int descriptor = open(data_path(bench, path), O_RDWR | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &status), 0);
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(pread(descriptor, bytes, size, 0), size);
    for (const uint8_t *at = bytes;
         (at = memmem(at, size - (size_t)(at - bytes), pattern, count)) != NULL; at++) {
        uint8_t changed = (uint8_t)(at[offset] ^ 0x40);
        assert_int_equal(pwrite(descriptor, &changed, 1, at - bytes + offset), 1);
        flipped++;
    }
    assert_in_range(flipped, 1, 100);
    free(bytes);
    close(descriptor);
}

enum part { PART_CHUNK, PART_TAIL, PART_LEAF, PART_UNCLE };

/* Flips a bit of the first row: in a chunk, or in the row's own value. */
static void rot(const struct store_bench *bench, const struct cache_fixture *file, enum part part,
                uint32_t chunk, long offset)
{
    uint8_t buffer[CHUNK_BYTES];
    cache_fixture_chunk(file, chunk, buffer);
    switch (part) {
    case PART_CHUNK:
        flip(bench, buffer, 32, offset);
        break;
    case PART_TAIL:
        flip(bench, buffer + CHUNK_BYTES - 16, 16, offset);
        break;
    case PART_LEAF:
        flip(bench, file->proofs[0].hashes[chunk], HASH_BYTES, offset);
        break;
    case PART_UNCLE:
        flip(bench, file->proofs[0].hashes[file->proofs[0].leaf_count], HASH_BYTES, offset);
        break;
    }
}

static const struct {
    enum part part;
    uint32_t chunk;
    long offset;
} flips[] = {
    {PART_CHUNK, 0, 0},    {PART_CHUNK, 7, CHUNK_BYTES - 17},
    {PART_CHUNK, 3, 9999}, {PART_TAIL, 0, 0},
    {PART_TAIL, 7, 15},    {PART_LEAF, 0, 31},
    {PART_LEAF, 5, 0},     {PART_UNCLE, 0, 7},
    {PART_LEAF, 0, -1}, /* the count of uncles */
    {PART_LEAF, 0, -2}, /* of leaves */
    {PART_LEAF, 0, -4}, /* the format */
};

/* One bit of payload, of a hash, of the header: no chunk of that row is given, all others are. */
static void test_rot(void **state)
{
    struct store_bench *bench = *state;
    for (uint32_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        struct cache_fixture file;
        assert_true(cache_fixture_init(&file, 50 + i, STORE_BENCH_FILE_BYTES));
        store_bench_put_all(bench, &file);
        store_bench_close(bench);
        rot(bench, &file, flips[i].part, flips[i].chunk, flips[i].offset);
        assert_int_equal(store_bench_open(bench, false), 0);
        for (uint32_t chunk = 0; chunk < 11; chunk++) {
            int error = store_bench_read(bench, &file, chunk);
            bool first_row = chunk < 8;
            /* The other row may have the same hash among its own. */
            bool may = flips[i].part == PART_LEAF || flips[i].part == PART_UNCLE;
            assert_true(error == (first_row ? ERROR_MISMATCH : 0) ||
                        (!first_row && may && error == ERROR_MISMATCH));
        }
        assert_int_equal(store_bench_read(bench, &file, 0), ERROR_MISMATCH); /* and again */
        /* The whole file put anew heals it. */
        store_bench_put_all(bench, &file);
        store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
        cache_fixture_deinit(&file);
    }
}

/* The mask lost a chunk: that one is not there, the others are. */
static void test_rotten_mask(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    store_bench_close(bench);
    rot(bench, &file, PART_LEAF, 0, -3);
    assert_int_equal(store_bench_open(bench, false), 0);
    for (uint32_t chunk = 0; chunk < 8; chunk++) {
        assert_int_equal(store_bench_read(bench, &file, chunk), chunk == 6 ? ERROR_NOT_FOUND : 0);
    }
    cache_fixture_deinit(&file);
}

/* A part put to a row with a rotten chunk: the row is not served until that chunk is put again. */
static void test_rot_while_adding(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    assert_int_equal(store_bench_put(bench, &file, 0, 0x0f), 0);
    store_bench_close(bench);
    rot(bench, &file, PART_CHUNK, 2, 77);
    assert_int_equal(store_bench_open(bench, false), 0);
    assert_int_equal(store_bench_put(bench, &file, 0, 0xf0), 0);
    for (uint32_t chunk = 0; chunk < 8; chunk++) {
        assert_int_equal(store_bench_read(bench, &file, chunk), ERROR_MISMATCH);
    }
    assert_int_equal(store_bench_put(bench, &file, 0, 0x04), 0);
    assert_int_equal(bench->rotten, 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx ...");

    /* A row whose own value is rotten is forgotten, but for what is put. */
    store_bench_close(bench);
    rot(bench, &file, PART_LEAF, 0, -4);
    assert_int_equal(store_bench_open(bench, false), 0);
    assert_int_equal(store_bench_put(bench, &file, 0, 0x81), 0);
    assert_int_equal(bench->rotten, 1);
    store_bench_assert_picture(bench, &file, "x......x ...");
    cache_fixture_deinit(&file);
}

/* The page header before a chunk: reading does not need it, but LMDB would free pages by it. */
static void test_rotten_page_header(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    store_bench_close(bench);
    rot(bench, &file, PART_CHUNK, 1, -4);
    assert_int_equal(store_bench_open(bench, false), 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    assert_int_equal(store_evict_file(bench->store, &file.id), 0);
    assert_int_equal(store_flush(bench->store), ERROR_DAMAGED);
    assert_non_null(strstr(bench->message, "damaged"));
    store_retry(bench->store); /* does not help */
    assert_false(store_writable(bench->store));
    assert_int_equal(store_bench_put(bench, &file, 0, 1), ERROR_DAMAGED);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    store_bench_reopen(bench);
    assert_non_null(strstr(bench->message, "damaged-1"));
    store_bench_assert_picture(bench, &file, "........ ...");
    assert_int_equal(store_bench_put(bench, &file, 0, 1), 0);
    store_bench_reopen(bench);
    assert_string_equal(bench->message, "");
    cache_fixture_deinit(&file);
}

/* ---- databases that are not what they should be ---- */

static void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void patch(const struct store_bench *bench, long offset, const void *bytes, size_t count)
{
    char path[PATH_MAX];
    int descriptor = open(data_path(bench, path), O_WRONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, bytes, count, offset), count);
    close(descriptor);
}

static void make_garbage(const struct store_bench *bench)
{
    char path[PATH_MAX];
    static uint8_t bytes[20000];
    memset(bytes, 0xa7, sizeof bytes);
    write_file(data_path(bench, path), bytes, sizeof bytes);
}

static void make_short(const struct store_bench *bench)
{
    char path[PATH_MAX];
    assert_int_equal(truncate(data_path(bench, path), 3 * 4096), 0);
}

static void make_zeros_at_start(const struct store_bench *bench)
{
    static const uint8_t zeros[8192];
    patch(bench, 0, zeros, sizeof zeros);
}

/* An LMDB database of somebody else. */
static void make_foreign(const struct store_bench *bench)
{
    char path[PATH_MAX];
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi database;
    MDB_val text = {.mv_size = 5, .mv_data = "hello"};
    assert_int_equal(unlink(data_path(bench, path)), 0);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, bench->folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &database), 0);
    assert_int_equal(mdb_put(txn, database, &text, &text, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* Overwrites the value of meta's "format". */
static void make_format(const struct store_bench *bench, const char *text, size_t bytes)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi database;
    MDB_val key = {.mv_size = 6, .mv_data = "format"};
    char copy[64];
    memcpy(copy, text, bytes);
    MDB_val value = {.mv_size = bytes, .mv_data = copy};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, bench->folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &database), 0);
    assert_int_equal(mdb_put(txn, database, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void make_newer(const struct store_bench *bench)
{
    make_format(bench, "refrain chunks\0\2", 16);
}

static void make_other_mark(const struct store_bench *bench)
{
    make_format(bench, "refrain shanks\0\1", 16);
}

static void make_later_lmdb(const struct store_bench *bench)
{
    uint32_t version = 2;
    patch(bench, 16 + 4, &version, sizeof version);
    patch(bench, 4096 + 16 + 4, &version, sizeof version);
}

/* The root of the main tree becomes a page that is none. */
static void make_wild_root(const struct store_bench *bench)
{
    uint64_t wild = UINT64_C(0x123456789);
    patch(bench, 16 + 72 + 40, &wild, sizeof wild);
    patch(bench, 4096 + 16 + 72 + 40, &wild, sizeof wild);
}

static const struct {
    const char *name;
    void (*make)(const struct store_bench *bench);
    int error;         /* of opening */
    const char *words; /* in the message */
} strangers[] = {
    {"garbage", make_garbage, 0, "damaged-1"},
    {"cut short", make_short, 0, "damaged-1"},
    {"no meta pages", make_zeros_at_start, 0, "damaged-1"},
    {"another program's", make_foreign, 0, "damaged-1"},
    {"another mark", make_other_mark, 0, "damaged-1"},
    {"a wild page number", make_wild_root, 0, "damaged-1"},
    {"a newer format", make_newer, ERROR_VERSION, "newer version"},
    {"a later LMDB", make_later_lmdb, ERROR_VERSION, "newer version"},
};

static uint64_t hash_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint64_t hash = 1;
    assert_non_null(file);
    for (int byte; (byte = fgetc(file)) != EOF;) {
        hash = hash * 31 + (uint64_t)byte;
    }
    fclose(file);
    return hash;
}

static void test_strangers(void **state)
{
    struct store_bench *bench = *state;
    char path[PATH_MAX];
    char aside[PATH_MAX];
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        print_message("%s\n", strangers[i].name);
        store_bench_put_all(bench, &file);
        store_bench_close(bench);
        strangers[i].make(bench);
        uint64_t before = hash_file(data_path(bench, path));
        assert_int_equal(store_bench_open(bench, true),
                         strangers[i].error != 0 ? strangers[i].error : ERROR_DAMAGED);
        assert_int_equal(store_bench_open(bench, false), strangers[i].error);
        assert_non_null(strstr(bench->message, strangers[i].words));
        if (strangers[i].error == 0) {
            store_bench_assert_picture(bench, &file, "........ ..."); /* a new one */
            assert_int_equal(store_bench_put(bench, &file, 0, 1), 0);
            snprintf(aside, sizeof aside, "%s.damaged-1/data.mdb", bench->folder);
        } else {
            snprintf(aside, sizeof aside, "%s", path);
        }
        assert_true(hash_file(aside) == before); /* kept as it was */
        store_bench_close(bench);
        store_bench_remove(bench);
        assert_int_equal(store_bench_open(bench, false), 0);
    }
    cache_fixture_deinit(&file);
}

static void test_set_aside_again(void **state)
{
    struct store_bench *bench = *state;
    for (int i = 1; i <= 3; i++) {
        char name[32];
        store_bench_close(bench);
        make_garbage(bench);
        assert_int_equal(store_bench_open(bench, false), 0);
        snprintf(name, sizeof name, "damaged-%d", i);
        assert_non_null(strstr(bench->message, name));
    }
}

static void test_read_only(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    struct store_status status;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    store_bench_close(bench);
    assert_int_equal(store_bench_open(bench, true), 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    assert_false(store_writable(bench->store));
    assert_int_equal(store_touch(bench->store, &file.id, true), ERROR_DENIED);
    assert_int_equal(store_evict_file(bench->store, &file.id), ERROR_DENIED);
    assert_int_equal(store_get_status(bench->store, &status), 0);
    assert_int_equal(status.files, 1);
    store_bench_close(bench);
    store_bench_remove(bench);
    assert_int_equal(store_bench_open(bench, true), ERROR_NOT_FOUND);
    cache_fixture_deinit(&file);
}

/* A page of the rows' tree is rotten and opening had no time to see it: the writer thread finds it,
 * nothing is written, the next opening sets the database aside. */
static void test_checked_later(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    bench->check_later = true;
    store_bench_reopen(bench);
    assert_int_equal(store_flush(bench->store), 0); /* a sound one */
    store_bench_close(bench);
    /* The flags of the node that has the row: LMDB writes them two bytes before the key's length. */
    uint8_t pattern[STORE_ROW_KEY_BYTES];
    store_row_key(&file.id, 0, pattern);
    flip(bench, pattern, sizeof pattern, -4);
    assert_int_equal(store_bench_open(bench, false), 0);
    assert_int_equal(store_flush(bench->store), ERROR_DAMAGED);
    assert_non_null(strstr(bench->message, "damaged"));
    assert_int_equal(store_bench_put(bench, &file, 0, 1), ERROR_DAMAGED);
    store_bench_reopen(bench);
    assert_non_null(strstr(bench->message, "damaged-1"));
    store_bench_assert_picture(bench, &file, "........ ...");
    cache_fixture_deinit(&file);
}

/* ---- a full disk: no file may grow beyond a size ---- */

static void set_file_size_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    uint32_t rows = 40;
    assert_true(cache_fixture_init(&file, 1, (uint64_t)rows * ROW_BYTES));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(store_bench_put(bench, &file, 0, 0xff), 0);
    set_file_size_limit(2 << 20);
    uint32_t row = 1;
    int error = 0;
    while (row < rows && (error = store_bench_put(bench, &file, row, 0xff)) == 0) {
        row++;
    }
    assert_int_equal(error, ERROR_FULL);
    assert_in_range(row, 5, 16);
    assert_false(store_writable(bench->store));
    assert_non_null(strstr(bench->message, "full"));
    assert_int_equal(store_bench_put(bench, &file, row, 0xff), ERROR_FULL); /* still off */
    assert_int_equal(store_flush(bench->store), ERROR_FULL);
    for (uint32_t chunk = 0; chunk < rows * ROW_CHUNKS; chunk++) {
        assert_int_equal(store_bench_read(bench, &file, chunk),
                         chunk / ROW_CHUNKS < row ? 0 : ERROR_NOT_FOUND);
    }
    /* Without room again, then with room. */
    store_retry(bench->store);
    assert_true(store_writable(bench->store));
    assert_int_equal(store_bench_put(bench, &file, row, 0xff), ERROR_FULL);
    const uint8_t track[TRACK_ID_BYTES] = {1};
    assert_int_equal(store_put_manifest(bench->store, track, track, 1), 0); /* held */
    set_file_size_limit(RLIM_INFINITY);
    store_retry(bench->store);
    for (; row < rows; row++) {
        assert_int_equal(store_bench_put(bench, &file, row, 0xff), 0);
    }
    uint8_t seen[STORE_MANIFEST_BYTES_MAX];
    uint32_t count = 0;
    assert_int_equal(store_load_manifest(bench->store, track, seen, &count), 0);
    store_bench_reopen(bench);
    for (uint32_t chunk = 0; chunk < rows * ROW_CHUNKS; chunk++) {
        assert_int_equal(store_bench_read(bench, &file, chunk), 0);
    }
    cache_fixture_deinit(&file);
}

static void test_full_disk_from_the_start(void **state)
{
    struct store_bench *bench = *state;
    store_bench_close(bench);
    store_bench_remove(bench);
    signal(SIGXFSZ, SIG_IGN);
    set_file_size_limit(4096);
    assert_int_equal(store_bench_open(bench, false), ERROR_FULL);
    assert_non_null(strstr(bench->message, "space"));
    set_file_size_limit(RLIM_INFINITY);
    assert_int_equal(store_bench_open(bench, false), 0); /* what was begun is begun again */
}

/* More than the limit: the map is full, what is stored stays, room makes it go on. */
static void test_full_map(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    struct store_status status;
    uint32_t rows = 700; /* 87 MiB, above 64 */
    assert_true(cache_fixture_init(&file, 1, (uint64_t)rows * ROW_BYTES));
    uint32_t row = 0;
    while (row < rows && store_bench_put(bench, &file, row, 0xff) == 0) {
        row++;
    }
    assert_in_range(row, store_payload_limit_bytes(STORE_BENCH_LIMIT_BYTES) / ROW_BYTES, rows - 1);
    assert_int_equal(store_get_status(bench->store, &status), 0);
    assert_in_range(status.file_bytes, STORE_BENCH_LIMIT_BYTES,
                    STORE_BENCH_LIMIT_BYTES + STORE_BENCH_LIMIT_BYTES / 10);
    assert_int_equal(store_bench_read(bench, &file, (row - 1) * ROW_CHUNKS), 0);
    for (uint32_t gone = 0; gone < 8; gone++) {
        assert_int_equal(store_evict_row(bench->store, &file.id, gone), 0);
    }
    store_retry(bench->store);
    for (uint32_t again = 0; again < 7; again++) {
        assert_int_equal(store_bench_put(bench, &file, again, 0xff), 0);
    }
    cache_fixture_deinit(&file);
}

#define STORE_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, store_bench_setup, store_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_rot),
        STORE_TEST(test_rotten_mask),
        STORE_TEST(test_rot_while_adding),
        STORE_TEST(test_rotten_page_header),
        STORE_TEST(test_strangers),
        STORE_TEST(test_set_aside_again),
        STORE_TEST(test_read_only),
        STORE_TEST(test_checked_later),
        STORE_TEST(test_full_disk),
        STORE_TEST(test_full_disk_from_the_start),
        STORE_TEST(test_full_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
