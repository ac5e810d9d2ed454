/*
 * store_bench.h: a store in a temporary folder, for tests: it notes answers and messages, and what
 * it reads must be right to the byte.
 *
 * Rows are pictures: "xxxxxxxx x..": two rows, the second of three chunks, one of them stored.
 */
#ifndef TESTS_LIB_STORE_BENCH_H
#define TESTS_LIB_STORE_BENCH_H

#include "cache/lmdb/store.h"
#include "tests/lib/cache_fixture.h"

#include <limits.h>
#include <pthread.h>

#define STORE_BENCH_LIMIT_BYTES (UINT64_C(64) << 20)
#define STORE_BENCH_TOKENS_MAX 4096u
#define STORE_BENCH_NO_ANSWER (-1000)
/* 11 chunks in 2 rows, the last of 100 bytes. */
#define STORE_BENCH_FILE_BYTES (10 * CHUNK_BYTES + 100)

struct store_bench {
    char root[PATH_MAX / 2];   /* a temporary folder */
    char folder[PATH_MAX / 2]; /* the store's, in it */
    struct store *store;       /* NULL: closed */
    bool check_later;          /* opening leaves the structure check to the writer thread */
    uint64_t limit_bytes;      /* STORE_BENCH_LIMIT_BYTES, unless the test sets another */
    pthread_mutex_t lock;
    int answers[STORE_BENCH_TOKENS_MAX]; /* by token */
    uint64_t next_token;
    unsigned rotten;
    unsigned hashed;   /* chunks, by the store; under the lock */
    char message[512]; /* the last */
};

/* cmocka's setup and teardown of a test: *state is a struct store_bench with an open store. */
int store_bench_setup(void **state);
int store_bench_teardown(void **state);
int store_bench_open(struct store_bench *bench, bool read_only);
void store_bench_close(struct store_bench *bench);
void store_bench_reopen(struct store_bench *bench);
/* Removes the folder with all in it; the store is closed. */
void store_bench_remove(struct store_bench *bench);

/* Puts chunks of a row and waits; gives the answer. */
int store_bench_put(struct store_bench *bench, const struct cache_fixture *file, uint32_t row,
                    uint8_t mask);
void store_bench_put_all(struct store_bench *bench, const struct cache_fixture *file);
/* Reads a chunk; what is given must be right to the byte. */
int store_bench_read(struct store_bench *bench, const struct cache_fixture *file, uint32_t chunk);

struct store_bench_seen {
    struct media_file_id id;
    char picture[64];
    unsigned times;
    bool pinned;
    bool is_main;
};

/* A store_each_file: looks for seen->id. */
void store_bench_see(void *context, const struct media_file_id *file, const uint8_t *masks,
                     const struct store_use *use);
/* What the list says, and what can be read, are both the picture. */
void store_bench_assert_picture(struct store_bench *bench, const struct cache_fixture *file,
                                const char *picture);

#endif
