/*
 * test_store.c: the durable store on a real folder: what was put is read, after closing too; what
 * was evicted is gone; what is replaced while it is read is never wrong.
 */
#include "cache/lmdb/store.h"
#include "common/error.h"
#include "tests/lib/store_bench.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    struct {
        uint32_t row;
        uint8_t mask;
    } puts[3];
    const char *picture;
} merges[] = {
    {{{0, 0xff}}, "xxxxxxxx ..."},
    {{{1, 0x07}}, "........ xxx"},
    {{{1, 0x04}}, "........ ..x"},
    {{{0, 0x05}, {0, 0x50}}, "x.x.x.x. ..."},
    {{{0, 0x01}, {0, 0xff}, {1, 0x01}}, "xxxxxxxx x.."},
    {{{0, 0x0f}, {0, 0x3c}, {0, 0xc0}}, "xxxxxxxx ..."},
    {{{1, 0x07}, {1, 0x02}, {0, 0xff}}, "xxxxxxxx xxx"},
    {{{0, 0x80}, {0, 0x80}, {0, 0x01}}, "x......x ..."},
};

static void test_merges(void **state)
{
    struct store_bench *bench = *state;
    for (uint32_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        struct cache_fixture file;
        assert_true(cache_fixture_init(&file, 100 + i, STORE_BENCH_FILE_BYTES));
        for (size_t n = 0; n < 3 && merges[i].puts[n].mask != 0; n++) {
            assert_int_equal(
                store_bench_put(bench, &file, merges[i].puts[n].row, merges[i].puts[n].mask), 0);
        }
        store_bench_assert_picture(bench, &file, merges[i].picture);
        store_bench_reopen(bench);
        store_bench_assert_picture(bench, &file, merges[i].picture);
        cache_fixture_deinit(&file);
    }
}

/* Many puts before any is carried out: one row given in three parts at once. */
static void test_one_batch(void **state)
{
    struct store_bench *bench = *state;
    static uint8_t buffers[3][ROW_BYTES];
    static const uint8_t masks[3] = {0x07, 0x38, 0xc7};
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *chunks[ROW_CHUNKS];
        cache_fixture_row(&file, 0, masks[i], buffers[i], chunks);
        assert_int_equal(store_put_row(bench->store, &file.id, 0, masks[i], chunks, &file.proofs[0],
                                       bench->next_token++),
                         0);
    }
    assert_int_equal(store_flush(bench->store), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench->answers[i], 0);
    }
    store_bench_assert_picture(bench, &file, "xxxxxxxx ...");
    cache_fixture_deinit(&file);
}

/* Without a flush a put is carried out by itself, and closing carries out what waits. */
static void test_close_carries_out(void **state)
{
    struct store_bench *bench = *state;
    static uint8_t buffer[ROW_BYTES];
    const uint8_t *chunks[ROW_CHUNKS];
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    cache_fixture_row(&file, 0, 0xff, buffer, chunks);
    assert_int_equal(store_put_row(bench->store, &file.id, 0, 0xff, chunks, &file.proofs[0],
                                   bench->next_token++),
                     0);
    store_bench_close(bench);
    assert_int_equal(bench->answers[0], 0);
    assert_int_equal(store_bench_open(bench, false), 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx ...");
    cache_fixture_deinit(&file);
}

/* Each row once after opening, at its first read; one that was put whole by who had just hashed it,
 * not at all. */
static void test_hashed_once(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    assert_int_equal(store_bench_put(bench, &file, 0, 0xff), 0);
    assert_int_equal(store_bench_put(bench, &file, 1, 0x3), 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xx.");
    assert_int_equal(bench->hashed, 2);
    assert_int_equal(store_bench_put(bench, &file, 1, 0x4), 0);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    assert_int_equal(bench->hashed, 2 + 3);
    store_bench_reopen(bench);
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    store_bench_assert_picture(bench, &file, "xxxxxxxx xxx");
    assert_int_equal(bench->hashed, 2 + 3 + 11);
    cache_fixture_deinit(&file);
}

static void test_evict(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture a;
    struct cache_fixture b;
    struct store_status status;
    assert_true(cache_fixture_init(&a, 1, STORE_BENCH_FILE_BYTES));
    assert_true(cache_fixture_init(&b, 2, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &a);
    store_bench_put_all(bench, &b);
    store_bench_assert_picture(bench, &a, "xxxxxxxx xxx"); /* hashed: the marks must go, too */
    assert_int_equal(store_get_status(bench->store, &status), 0);
    assert_int_equal(status.files, 2);
    assert_int_equal(status.chunks, 22);
    assert_int_equal(status.payload_bytes, 2 * STORE_BENCH_FILE_BYTES);
    assert_int_equal(status.limit_bytes, STORE_BENCH_LIMIT_BYTES);
    assert_in_range(status.file_bytes, 2 * STORE_BENCH_FILE_BYTES, 3 * STORE_BENCH_FILE_BYTES);

    assert_int_equal(store_evict_row(bench->store, &a.id, 0), 0);
    assert_int_equal(store_flush(bench->store), 0);
    store_bench_assert_picture(bench, &a, "........ xxx");
    assert_int_equal(store_evict_row(bench->store, &a.id, 0), 0); /* again: nothing */
    assert_int_equal(store_evict_row(bench->store, &a.id, 1), 0);
    assert_int_equal(store_evict_file(bench->store, &b.id), 0);
    assert_int_equal(store_evict_file(bench->store, &b.id), 0);
    assert_int_equal(store_touch(bench->store, &b.id, true), 0);
    assert_int_equal(store_flush(bench->store), 0);
    store_bench_assert_picture(bench, &a, "........ ...");
    store_bench_assert_picture(bench, &b, "........ ...");
    assert_int_equal(store_get_status(bench->store, &status), 0);
    assert_int_equal(status.files, 0);
    assert_int_equal(status.payload_bytes, 0);

    /* Evict and put in one transaction: the order of the calls holds. */
    static uint8_t buffer[ROW_BYTES];
    const uint8_t *chunks[ROW_CHUNKS];
    cache_fixture_row(&a, 0, 0xff, buffer, chunks);
    assert_int_equal(
        store_put_row(bench->store, &a.id, 0, 0xff, chunks, &a.proofs[0], bench->next_token++), 0);
    assert_int_equal(store_evict_file(bench->store, &a.id), 0);
    assert_int_equal(
        store_put_row(bench->store, &a.id, 0, 0x01, chunks, &a.proofs[0], bench->next_token++), 0);
    assert_int_equal(store_flush(bench->store), 0);
    store_bench_assert_picture(bench, &a, "x....... ...");
    cache_fixture_deinit(&a);
    cache_fixture_deinit(&b);
}

struct order {
    const struct cache_fixture *files;
    uint64_t last_use;
    char seen[8];
};

static void see_order(void *context, const struct media_file_id *file, const uint8_t *masks,
                      const struct store_use *use)
{
    struct order *order = context;
    (void)masks;
    assert_int_equal(use->last_use, ++order->last_use);
    for (size_t i = 0; i < 3; i++) {
        if (media_file_id_equal(file, &order->files[i].id)) {
            order->seen[strlen(order->seen)] = (char)('a' + i);
        }
    }
}

static void assert_order(struct store_bench *bench, const struct cache_fixture *files,
                         const char *names)
{
    struct order order = {.files = files};
    assert_int_equal(store_list_files(bench->store, see_order, &order), 0);
    assert_string_equal(order.seen, names);
}

static void test_last_use_and_pins(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture files[3];
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(cache_fixture_init(&files[i], i, CHUNK_BYTES));
        store_bench_put_all(bench, &files[i]);
    }
    assert_order(bench, files, "abc");
    assert_int_equal(store_touch(bench->store, &files[0].id, true), 0);
    assert_int_equal(store_flush(bench->store), 0);
    assert_order(bench, files, "bca");
    assert_int_equal(store_pin(bench->store, &files[1].id, true), 0);
    store_bench_reopen(bench);
    assert_order(bench, files, "bca");
    assert_int_equal(store_touch(bench->store, &files[1].id, false), 0);
    assert_int_equal(store_flush(bench->store), 0);
    assert_order(bench, files, "cab");
    for (uint32_t i = 0; i < 3; i++) {
        struct store_bench_seen seen = {.id = files[i].id};
        assert_int_equal(store_list_files(bench->store, store_bench_see, &seen), 0);
        assert_int_equal(seen.pinned, i == 1);
        assert_int_equal(seen.is_main, i == 0);
        cache_fixture_deinit(&files[i]);
    }
}

static void count_manifest(void *context, const uint8_t track_id[TRACK_ID_BYTES],
                           const uint8_t *bytes, uint32_t count)
{
    unsigned *sum = context;
    *sum += track_id[0] * 1000u + count + bytes[0];
}

static void test_manifests(void **state)
{
    struct store_bench *bench = *state;
    static uint8_t bytes[STORE_MANIFEST_BYTES_MAX + 1] = {7, 8, 9};
    uint8_t seen[STORE_MANIFEST_BYTES_MAX];
    uint8_t track[TRACK_ID_BYTES] = {1};
    uint32_t count = 0;
    unsigned sum = 0;
    assert_int_equal(store_load_manifest(bench->store, track, seen, &count), ERROR_NOT_FOUND);
    assert_int_equal(store_put_manifest(bench->store, track, bytes, 3), 0);
    track[0] = 2;
    assert_int_equal(store_put_manifest(bench->store, track, bytes, STORE_MANIFEST_BYTES_MAX), 0);
    assert_int_equal(store_put_manifest(bench->store, track, bytes, STORE_MANIFEST_BYTES_MAX + 1),
                     ERROR_TOO_LARGE);
    assert_int_equal(store_put_manifest(bench->store, track, bytes, 0), ERROR_TOO_LARGE);
    store_bench_reopen(bench);
    assert_int_equal(store_load_manifest(bench->store, track, seen, &count), 0);
    assert_int_equal(count, STORE_MANIFEST_BYTES_MAX);
    assert_memory_equal(seen, bytes, count);
    track[0] = 1;
    assert_int_equal(store_load_manifest(bench->store, track, seen, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(store_list_manifests(bench->store, count_manifest, &sum), 0);
    assert_int_equal(sum, 1000 + 3 + 7 + 2000 + STORE_MANIFEST_BYTES_MAX + 7);
}

/* A 64-byte "file" made of the two top hashes has the same root: it is another key. */
static void test_same_root_other_length(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    struct media_proof proof;
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &file);
    struct media_file_id other = file.id;
    other.bytes = 64;
    assert_int_equal(store_read(bench->store, &other, 0, buffer, &bytes), ERROR_NOT_FOUND);
    assert_int_equal(store_read_proof(bench->store, &other, 0, &proof), ERROR_NOT_FOUND);
    assert_int_equal(store_read(bench->store, &file.id, 11, buffer, &bytes), ERROR_NOT_FOUND);
    assert_int_equal(store_read(bench->store, &file.id, UINT32_MAX, buffer, &bytes),
                     ERROR_NOT_FOUND);
    other.bytes = 0;
    assert_int_equal(store_read(bench->store, &other, 0, buffer, &bytes), ERROR_NOT_FOUND);
    assert_int_equal(store_read_proof(bench->store, &file.id, 1, &proof), 0);
    assert_memory_equal(&proof, &file.proofs[1], sizeof proof);
    cache_fixture_deinit(&file);
}

/* ---- reading while rows are replaced ---- */

struct race {
    struct store_bench *bench;
    const struct cache_fixture *file;
    atomic_bool over;
    unsigned reads;
    unsigned wrong;
};

static void *race_reader(void *argument)
{
    struct race *race = argument;
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    for (uint32_t i = 0; !atomic_load(&race->over) || race->reads < 100; i++) {
        uint32_t chunk = i % ROW_CHUNKS;
        int error = store_read(race->bench->store, &race->file->id, chunk, buffer, &bytes);
        race->wrong += error == 0 ? !cache_fixture_is_chunk(race->file, chunk, buffer, bytes)
                                  : error != ERROR_NOT_FOUND;
        race->reads += error == 0;
    }
    return NULL;
}

static void test_read_while_replaced(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture file;
    assert_true(cache_fixture_init(&file, 1, STORE_BENCH_FILE_BYTES));
    assert_int_equal(store_bench_put(bench, &file, 0, 0xff), 0);
    struct race races[2];
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        races[i] = (struct race){.bench = bench, .file = &file};
        assert_int_equal(pthread_create(&threads[i], NULL, race_reader, &races[i]), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(store_evict_row(bench->store, &file.id, 0), 0);
        assert_int_equal(store_bench_put(bench, &file, 0, (uint8_t)(1u << i % 8)), 0);
        assert_int_equal(store_bench_put(bench, &file, 0, 0xff), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&races[i].over, true);
        pthread_join(threads[i], NULL);
        assert_int_equal(races[i].wrong, 0);
    }
    cache_fixture_deinit(&file);
}

/* ---- giving space back ---- */

static uint64_t file_bytes(struct store_bench *bench)
{
    struct store_status status;
    assert_int_equal(store_get_status(bench->store, &status), 0);
    return status.file_bytes;
}

/* In the run in which it was evicted, while others read. */
static void test_compact(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture large;
    struct cache_fixture small;
    assert_true(cache_fixture_init(&large, 1, 300 * ROW_BYTES));
    assert_true(cache_fixture_init(&small, 2, STORE_BENCH_FILE_BYTES));
    store_bench_put_all(bench, &large);
    store_bench_put_all(bench, &small);
    struct race race = {.bench = bench, .file = &small};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, race_reader, &race), 0);
    assert_int_equal(store_evict_file(bench->store, &large.id), 0);
    assert_int_equal(store_flush(bench->store), 0);
    atomic_store(&race.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(race.wrong, 0);
    assert_in_range(file_bytes(bench), STORE_BENCH_FILE_BYTES, 2 * STORE_BENCH_FILE_BYTES + 100000);
    store_bench_assert_picture(bench, &small, "xxxxxxxx xxx");
    store_bench_put_all(bench, &large);
    store_bench_reopen(bench);
    assert_int_equal(store_bench_read(bench, &large, 2399), 0);
    cache_fixture_deinit(&large);
    cache_fixture_deinit(&small);
}

/* Evicted, and closed before the writer came to it: the next opening does it. */
static void test_compact_after_opening(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture large;
    assert_true(cache_fixture_init(&large, 1, 300 * ROW_BYTES));
    store_bench_put_all(bench, &large);
    assert_int_equal(store_evict_file(bench->store, &large.id), 0);
    for (unsigned i = 0; i < 2; i++) {
        store_bench_reopen(bench);
        assert_int_equal(store_flush(bench->store), 0);
    }
    assert_in_range(file_bytes(bench), 1, 100000);
    cache_fixture_deinit(&large);
}

/* The limit was lowered: room can be made, and the file shrinks in the same run. */
static void lower_limit(struct store_bench *bench)
{
    struct cache_fixture large;
    struct cache_fixture small;
    assert_true(cache_fixture_init(&large, 1, 440 * ROW_BYTES));
    assert_true(cache_fixture_init(&small, 2, 100 * ROW_BYTES));
    store_bench_put_all(bench, &large);
    store_bench_close(bench);
    bench->limit_bytes = UINT64_C(20) << 20;
    assert_int_equal(store_bench_open(bench, false), 0);
    assert_int_equal(store_flush(bench->store), 0);
    assert_in_range(file_bytes(bench), large.id.bytes, 2 * large.id.bytes); /* still in use */
    assert_int_equal(store_evict_file(bench->store, &large.id), 0);
    store_bench_put_all(bench, &small);
    assert_in_range(file_bytes(bench), small.id.bytes, bench->limit_bytes);
    store_bench_reopen(bench);
    struct store_status status;
    assert_int_equal(store_get_status(bench->store, &status), 0);
    assert_int_equal(status.payload_bytes, small.id.bytes);
    assert_in_range(status.file_bytes, small.id.bytes, bench->limit_bytes);
    for (uint32_t chunk = 0; chunk < 800; chunk++) {
        assert_int_equal(store_bench_read(bench, &small, chunk), 0);
    }
    cache_fixture_deinit(&large);
    cache_fixture_deinit(&small);
}

static void test_lower_limit(void **state)
{
    lower_limit(*state);
}

/* Likewise when opening has no time to walk the structure. */
static void test_lower_limit_checked_later(void **state)
{
    struct store_bench *bench = *state;
    bench->check_later = true;
    lower_limit(bench);
}

/* In a process of its own: opens the store for reading, says so, reads on when it is told to. */
static void read_elsewhere(struct store_bench *bench, const struct cache_fixture *file, int say,
                           int hear)
{
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    char go = 0;
    bool right = store_bench_open(bench, true) == 0 && write(say, "o", 1) == 1 &&
                 read(hear, &go, 1) == 1 &&
                 store_read(bench->store, &file->id, 10, buffer, &bytes) == 0 &&
                 cache_fixture_is_chunk(file, 10, buffer, bytes);
    _exit(right ? 0 : 1);
}

/* Another process has the store open for reading: it goes on with the old file, we with the new. */
static void test_compact_beside_a_reader(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture large;
    struct cache_fixture small;
    assert_true(cache_fixture_init(&large, 1, 300 * ROW_BYTES));
    assert_true(cache_fixture_init(&small, 2, STORE_BENCH_FILE_BYTES));
    for (unsigned round = 0; round < 2; round++) { /* for even and odd numbers of transactions */
        store_bench_put_all(bench, &large);
        store_bench_put_all(bench, &small);
        store_bench_close(bench);
        int said[2];
        int told[2];
        char opened = 0;
        assert_int_equal(pipe(said), 0);
        assert_int_equal(pipe(told), 0);
        pid_t reader = fork();
        assert_true(reader >= 0);
        if (reader == 0) {
            close(told[1]); /* ours would keep the reader waiting when the test has failed */
            read_elsewhere(bench, &small, said[1], told[0]);
        }
        close(said[1]); /* so that a reader that ends is heard */
        assert_int_equal(read(said[0], &opened, 1), 1);
        assert_int_equal(store_bench_open(bench, false), 0);
        for (unsigned i = 0; i < round; i++) {
            assert_int_equal(store_touch(bench->store, &small.id, true), 0);
            assert_int_equal(store_flush(bench->store), 0);
        }
        assert_int_equal(store_evict_file(bench->store, &large.id), 0);
        assert_int_equal(store_flush(bench->store), 0);
        assert_in_range(file_bytes(bench), 1, 2 * STORE_BENCH_FILE_BYTES + 100000);
        store_bench_assert_picture(bench, &small, "xxxxxxxx xxx");
        store_bench_put_all(bench, &large);
        int status = -1;
        assert_int_equal(write(told[1], "g", 1), 1);
        assert_int_equal(waitpid(reader, &status, 0), reader);
        assert_int_equal(status, 0);
        store_bench_reopen(bench);
        store_bench_assert_picture(bench, &small, "xxxxxxxx xxx");
        assert_int_equal(store_bench_read(bench, &large, 2399), 0);
        assert_string_equal(bench->message, "");
        close(said[0]);
        close(told[0]);
        close(told[1]);
    }
    cache_fixture_deinit(&large);
    cache_fixture_deinit(&small);
}

static void test_free_bytes(void **state)
{
    struct store_bench *bench = *state;
    uint64_t here = 0;
    uint64_t there = 0;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/not/there/yet", bench->root);
    assert_int_equal(store_free_bytes(bench->root, &here), 0);
    assert_int_equal(store_free_bytes(path, &there), 0);
    assert_in_range(there, 1, 2 * here + 1);
    assert_int_equal(store_free_bytes("/not-there", &there), 0);
    assert_int_equal(store_free_bytes("not-there/either", &there), 0);
    assert_int_equal(store_free_bytes("", &there), ERROR_IO);
}

#define STORE_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, store_bench_setup, store_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_merges),
        STORE_TEST(test_one_batch),
        STORE_TEST(test_close_carries_out),
        STORE_TEST(test_hashed_once),
        STORE_TEST(test_evict),
        STORE_TEST(test_last_use_and_pins),
        STORE_TEST(test_manifests),
        STORE_TEST(test_same_root_other_length),
        STORE_TEST(test_read_while_replaced),
        STORE_TEST(test_compact),
        STORE_TEST(test_compact_after_opening),
        STORE_TEST(test_compact_beside_a_reader),
        STORE_TEST(test_lower_limit),
        STORE_TEST(test_lower_limit_checked_later),
        STORE_TEST(test_free_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
