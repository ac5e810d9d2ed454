/*
 * cache_writer.c: writes a store until it is killed, or until the disk is full, and checks what is
 * left (test_cache_kill.py, test_cache_disk.py).
 *
 *   cache_writer write FOLDER LOG SEED   puts, evicts and touches at random; each call stands in
 *                                        the log, with its moment, before it is made
 *   cache_writer check FOLDER LOG        reads every chunk: what can be read must be right, and
 *                                        what was put over a second before the kill must be there
 *
 *   cache_writer fill FOLDER FILLER      puts until the disk is full; what was stored must be readable
 *                                        then; removes the file FILLER, and must be able to go on
 *
 * A line of the log: P FILE ROW MASK MOMENT_US, E FILE (evicted), K MOMENT_US (killed; written by
 * the test).
 */
#include "common/error.h"
#include "common/prng.h"
#include "tests/lib/cache_fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES 12u
#define ROWS 5u
#define LIMIT (UINT64_C(64) << 20)
#define DURABLE_US UINT64_C(1000000)
#define BUFFERS 8u

static struct cache_fixture files[FILES];
static uint8_t buffers[BUFFERS][ROW_BYTES];
static bool busy[BUFFERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

/* In `fill` a put may fail, and the store may say so. */
static bool filling;
static int last_answer;

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void must(bool right, const char *what)
{
    if (!right) {
        printf("%s\n", what);
        fflush(stdout);
        exit(1);
    }
}

static void on_stored(void *context, uint64_t token, int error)
{
    (void)context;
    must(filling || error == 0, "a put failed");
    last_answer = error;
    pthread_mutex_lock(&lock);
    busy[token] = false;
    pthread_cond_signal(&answered);
    pthread_mutex_unlock(&lock);
}

static void on_message(void *context, const char *text)
{
    (void)context;
    if (filling) {
        return;
    }
    printf("%s\n", text);
    exit(1); /* a kill damages nothing: there is nothing to say */
}

static struct store *open_store(const char *folder)
{
    struct store_config config = {
        .folder = folder,
        .limit_bytes = LIMIT,
        .hasher = cache_fixture_hasher(),
        .callbacks = {.stored = on_stored, .message = on_message},
    };
    struct store *store = NULL;
    must(store_open(&config, &store) == 0, "the store does not open");
    return store;
}

static uint32_t take_buffer(void)
{
    uint32_t free_one = BUFFERS;
    pthread_mutex_lock(&lock);
    while (free_one == BUFFERS) {
        for (uint32_t i = 0; i < BUFFERS; i++) {
            free_one = busy[i] ? free_one : i;
        }
        if (free_one == BUFFERS) {
            pthread_cond_wait(&answered, &lock);
        }
    }
    busy[free_one] = true;
    pthread_mutex_unlock(&lock);
    return free_one;
}

static void put(struct store *store, FILE *log, struct prng *prng)
{
    const uint8_t *chunks[ROW_CHUNKS];
    uint32_t file = (uint32_t)prng_below(prng, FILES);
    uint32_t row = (uint32_t)prng_below(prng, ROWS);
    uint32_t all = (1u << media_row_chunks(files[file].id.bytes, row)) - 1;
    uint8_t mask = (uint8_t)(all & (prng_below(prng, 2) == 0 ? 0xff : prng_u64(prng)));
    if (mask == 0) {
        return;
    }
    uint32_t buffer = take_buffer();
    cache_fixture_row(&files[file], row, mask, buffers[buffer], chunks);
    fprintf(log, "P %u %u %u %" PRIu64 "\n", file, row, mask, now_us());
    fflush(log);
    must(store_put_row(store, &files[file].id, row, mask, chunks, &files[file].proofs[row],
                       buffer) == 0,
         "a put was refused");
}

static void write_until_killed(const char *folder, const char *log_name, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    struct store *store = open_store(folder);
    FILE *log = fopen(log_name, "a");
    must(log != NULL, "no log");
    for (;;) {
        uint32_t file = (uint32_t)prng_below(&prng, FILES);
        switch (prng_below(&prng, 3000)) {
        case 0:
            fprintf(log, "E %u\n", file);
            fflush(log);
            must(store_evict_file(store, &files[file].id) == 0, "an eviction was refused");
            break;
        case 1:
        case 2:
            must(store_touch(store, &files[file].id, true) == 0, "a touch was refused");
            break;
        default:
            put(store, log, &prng);
        }
    }
}

/* When each chunk was put that must be there; 0: it need not be. */
static uint64_t moments[FILES][ROWS * ROW_CHUNKS];

static void note_kill(uint64_t killed_us)
{
    for (uint32_t file = 0; file < FILES; file++) {
        for (uint32_t chunk = 0; chunk < ROWS * ROW_CHUNKS; chunk++) {
            if (moments[file][chunk] + DURABLE_US > killed_us) {
                moments[file][chunk] = 0;
            } else if (moments[file][chunk] > 0) {
                moments[file][chunk] = 1; /* outlives further kills, also after a reboot's clock */
            }
        }
    }
}

static void read_log(const char *log_name)
{
    char line[128];
    FILE *log = fopen(log_name, "r");
    must(log != NULL, "no log");
    while (fgets(line, sizeof line, log) != NULL) {
        unsigned file = 0;
        unsigned row = 0;
        unsigned mask = 0;
        uint64_t moment_us = 0;
        if (sscanf(line, "P %u %u %u %" SCNu64, &file, &row, &mask, &moment_us) == 4) {
            for (uint32_t nth = 0; nth < ROW_CHUNKS; nth++) {
                uint64_t *moment = &moments[file][row * ROW_CHUNKS + nth];
                /* What was durable before stays so when it is put again. */
                *moment = (mask >> nth & 1) != 0 && *moment == 0 ? moment_us : *moment;
            }
        } else if (sscanf(line, "E %u", &file) == 1) {
            memset(moments[file], 0, sizeof moments[file]);
        } else if (sscanf(line, "K %" SCNu64, &moment_us) == 1) {
            note_kill(moment_us);
        }
    }
    fclose(log);
}

static void check(const char *folder, const char *log_name)
{
    unsigned required = 0;
    unsigned there = 0;
    read_log(log_name);
    struct store *store = open_store(folder);
    for (uint32_t file = 0; file < FILES; file++) {
        for (uint32_t chunk = 0; chunk < media_chunk_count(files[file].id.bytes); chunk++) {
            uint8_t buffer[CHUNK_BYTES];
            uint32_t bytes = 0;
            int error = store_read(store, &files[file].id, chunk, buffer, &bytes);
            must(error == 0 || error == ERROR_NOT_FOUND, "a row is rotten");
            must(error != 0 || cache_fixture_is_chunk(&files[file], chunk, buffer, bytes),
                 "a wrong byte");
            must(error == 0 || moments[file][chunk] == 0, "a chunk was lost");
            required += moments[file][chunk] != 0;
            there += error == 0;
        }
    }
    store_close(store);
    printf("%u chunks there, %u had to be\n", there, required);
}

/* Puts a whole row and waits; gives the answer. */
static int put_and_wait(struct store *store, uint32_t file, uint32_t row)
{
    const uint8_t *chunks[ROW_CHUNKS];
    uint8_t all = (uint8_t)((1u << media_row_chunks(files[file].id.bytes, row)) - 1);
    cache_fixture_row(&files[file], row, all, buffers[0], chunks);
    must(store_put_row(store, &files[file].id, row, all, chunks, &files[file].proofs[row], 0) == 0,
         "a put was refused");
    store_flush(store);
    return last_answer;
}

/* The first `count` rows, file by file, must be there and right. */
static void check_rows(struct store *store, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t buffer[CHUNK_BYTES];
        uint32_t bytes = 0;
        uint32_t chunk = i % ROWS * ROW_CHUNKS;
        must(store_read(store, &files[i / ROWS].id, chunk, buffer, &bytes) == 0,
             "a chunk was lost");
        must(cache_fixture_is_chunk(&files[i / ROWS], chunk, buffer, bytes), "a wrong byte");
    }
}

static void fill(const char *folder, const char *filler)
{
    filling = true;
    struct store *store = open_store(folder);
    uint32_t stored = 0;
    int error = 0;
    while (stored < FILES * ROWS &&
           (error = put_and_wait(store, stored / ROWS, stored % ROWS)) == 0) {
        stored++;
    }
    must(error == ERROR_FULL, "the disk was not full, or another error came");
    must(stored > 0 && !store_writable(store), "nothing was stored, or writing goes on");
    check_rows(store, stored);
    must(remove(filler) == 0, "no filler");
    store_retry(store);
    uint32_t before = stored;
    must(put_and_wait(store, stored / ROWS, stored % ROWS) == 0, "it does not go on");
    stored++;
    store_close(store);
    store = open_store(folder);
    check_rows(store, stored);
    store_close(store);
    printf("%u rows until the disk was full\n", before);
}

int main(int argc, char **argv)
{
    for (uint32_t i = 0; i < FILES; i++) {
        must(cache_fixture_init(&files[i], i, (ROWS - 1) * ROW_BYTES + 11000 * i + 1), "memory");
    }
    if (argc == 5 && strcmp(argv[1], "write") == 0) {
        write_until_killed(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "fill") == 0) {
        fill(argv[2], argv[3]);
        return 0;
    }
    must(argc == 4 && strcmp(argv[1], "check") == 0,
         "usage: cache_writer write FOLDER LOG SEED | check FOLDER LOG | fill FOLDER FILLER");
    check(argv[2], argv[3]);
    return 0;
}
