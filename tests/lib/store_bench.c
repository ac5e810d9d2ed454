/*
 * store_bench.c: the temporary store.
 */
#include "tests/lib/store_bench.h"

#include "common/error.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void on_stored(void *context, uint64_t token, int error)
{
    struct store_bench *bench = context;
    pthread_mutex_lock(&bench->lock);
    assert_true(token < bench->next_token);
    assert_int_equal(bench->answers[token], STORE_BENCH_NO_ANSWER); /* each once */
    bench->answers[token] = error;
    pthread_mutex_unlock(&bench->lock);
}

static void on_rotten(void *context, const struct media_file_id *file, uint32_t row)
{
    struct store_bench *bench = context;
    (void)file;
    (void)row;
    pthread_mutex_lock(&bench->lock);
    bench->rotten++;
    pthread_mutex_unlock(&bench->lock);
}

static void on_message(void *context, const char *text)
{
    struct store_bench *bench = context;
    snprintf(bench->message, sizeof bench->message, "%s", text);
}

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    struct store_bench *bench = context;
    pthread_mutex_lock(&bench->lock);
    bench->hashed++;
    pthread_mutex_unlock(&bench->lock);
    cache_fixture_hasher().chunk(NULL, bytes, count, ret_hash);
}

int store_bench_open(struct store_bench *bench, bool read_only)
{
    struct store_config config = {
        .folder = bench->folder,
        .limit_bytes = bench->limit_bytes,
        .read_only = read_only,
        .check_later = bench->check_later && !read_only,
        .hasher = {.context = bench, .chunk = hash_chunk, .pair = cache_fixture_hasher().pair},
        .callbacks = {bench, on_stored, on_rotten, on_message},
    };
    bench->message[0] = '\0';
    return store_open(&config, &bench->store);
}

void store_bench_close(struct store_bench *bench)
{
    store_close(bench->store);
    bench->store = NULL;
}

void store_bench_reopen(struct store_bench *bench)
{
    store_bench_close(bench);
    assert_int_equal(store_bench_open(bench, false), 0);
}

int store_bench_setup(void **state)
{
    struct store_bench *bench = calloc(1, sizeof *bench);
    const char *parent = getenv("TMPDIR");
    assert_non_null(bench);
    bench->limit_bytes = STORE_BENCH_LIMIT_BYTES;
    snprintf(bench->root, sizeof bench->root, "%s/refrain-store-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    assert_non_null(mkdtemp(bench->root));
    assert_true(snprintf(bench->folder, sizeof bench->folder, "%s/cache/chunks", bench->root) > 0);
    assert_int_equal(pthread_mutex_init(&bench->lock, NULL), 0);
    for (unsigned i = 0; i < STORE_BENCH_TOKENS_MAX; i++) {
        bench->answers[i] = STORE_BENCH_NO_ANSWER;
    }
    assert_int_equal(store_bench_open(bench, false), 0);
    *state = bench;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void store_bench_remove(struct store_bench *bench)
{
    nftw(bench->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int store_bench_teardown(void **state)
{
    struct store_bench *bench = *state;
    store_close(bench->store);
    store_bench_remove(bench);
    pthread_mutex_destroy(&bench->lock);
    free(bench);
    return 0;
}

int store_bench_put(struct store_bench *bench, const struct cache_fixture *file, uint32_t row,
                    uint8_t mask)
{
    static uint8_t buffer[ROW_BYTES];
    const uint8_t *chunks[ROW_CHUNKS];
    uint64_t token = bench->next_token++;
    assert_true(token < STORE_BENCH_TOKENS_MAX);
    cache_fixture_row(file, row, mask, buffer, chunks);
    int error =
        store_put_row(bench->store, &file->id, row, mask, chunks, &file->proofs[row], token);
    assert_int_equal(error, 0);
    store_flush(bench->store);
    assert_int_not_equal(bench->answers[token], STORE_BENCH_NO_ANSWER);
    return bench->answers[token];
}

void store_bench_put_all(struct store_bench *bench, const struct cache_fixture *file)
{
    for (uint32_t row = 0; row < media_row_count(file->id.bytes); row++) {
        uint8_t mask = (uint8_t)((1u << media_row_chunks(file->id.bytes, row)) - 1);
        assert_int_equal(store_bench_put(bench, file, row, mask), 0);
    }
}

int store_bench_read(struct store_bench *bench, const struct cache_fixture *file, uint32_t chunk)
{
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    int error = store_read(bench->store, &file->id, chunk, buffer, &bytes);
    if (error == 0) {
        assert_true(cache_fixture_is_chunk(file, chunk, buffer, bytes));
    }
    return error;
}

void store_bench_see(void *context, const struct media_file_id *file, const uint8_t *masks,
                     const struct store_use *use)
{
    struct store_bench_seen *seen = context;
    if (!media_file_id_equal(&seen->id, file)) {
        return;
    }
    seen->times++;
    seen->pinned = use->pinned;
    seen->is_main = use->is_main;
    char *at = seen->picture;
    for (uint32_t chunk = 0; chunk < media_chunk_count(file->bytes); chunk++) {
        if (chunk > 0 && chunk % ROW_CHUNKS == 0) {
            *at++ = ' ';
        }
        bool has = masks == NULL || (masks[chunk / ROW_CHUNKS] >> (chunk % ROW_CHUNKS) & 1) != 0;
        *at++ = has ? 'x' : '.';
    }
    *at = '\0';
}

void store_bench_assert_picture(struct store_bench *bench, const struct cache_fixture *file,
                                const char *picture)
{
    struct store_bench_seen seen = {.id = file->id};
    bool any = strchr(picture, 'x') != NULL;
    assert_int_equal(store_list_files(bench->store, store_bench_see, &seen), 0);
    assert_int_equal(seen.times, any);
    if (any) {
        assert_string_equal(seen.picture, picture);
    }
    uint32_t chunk = 0;
    for (const char *at = picture; *at != '\0'; at++) {
        if (*at != ' ') {
            assert_int_equal(store_bench_read(bench, file, chunk),
                             *at == 'x' ? 0 : ERROR_NOT_FOUND);
            chunk++;
        }
    }
}
