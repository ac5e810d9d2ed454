/*
 * cache_store.c: what the chunk store costs: FOLDER [LIMIT_MIB].
 *
 * Fills a store through the cache index, far beyond its limit, in three ways: as fast as it goes,
 * at 1 MiB/s and at real-time pace (rows completed from parts; the transactions of a second follow
 * each other without the waiting between). Prints the file against the payload, the speed against a
 * plain file written and synced alike, and reads against pread, in one run on one disk.
 *
 * The files are all zeros and differ in length, so that their ids differ and making them costs
 * nothing.
 */
#include "cache/core/index.h"
#include "cache/lmdb/store.h"
#include "common/net/crypto.h"
#include "common/prng.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The plain file is synced so often. */
#define SYNC_BYTES (UINT64_C(4) << 20)
#define MIB (UINT64_C(1) << 20)
#define OUTSTANDING_MAX 64u /* rows: 8 MiB, a player's slots */
#define READS 20000u
#define SMALL_FILES 20000u

static uint8_t zeros[CHUNK_BYTES];
static uint8_t zeros_hash[HASH_BYTES];

struct bench {
    char folder[PATH_MAX];
    uint64_t limit_bytes;
    struct media_intern *intern;
    struct cache_index *index;
    struct store *store;
    struct prng prng;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned outstanding;
    unsigned failed;
    double ratio_max; /* file / payload, while at least 90 % full */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, int error)
{
    fprintf(stderr, "cache_store: %s: %d\n", what, error);
    exit(1);
}

static void must(int error, const char *what)
{
    if (error != 0) {
        die(what, error);
    }
}

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(bytes, count, ret_hash);
}

static void on_stored(void *context, uint64_t token, int error)
{
    struct bench *bench = context;
    (void)token;
    pthread_mutex_lock(&bench->lock);
    bench->outstanding--;
    bench->failed += error != 0;
    pthread_cond_signal(&bench->answered);
    pthread_mutex_unlock(&bench->lock);
}

static void on_message(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "cache_store: %s\n", text);
}

static void open_store(struct bench *bench)
{
    struct store_config config = {
        .folder = bench->folder,
        .limit_bytes = bench->limit_bytes,
        .hasher = {.chunk = hash_chunk, .pair = {.pair = crypto_sha256_pair}},
        .callbacks = {.context = bench, .stored = on_stored, .message = on_message},
    };
    must(store_open(&config, &bench->store), "store_open");
}

static void begin(struct bench *bench, const char *parent, const char *name)
{
    struct cache_index_config config = {.seed = 1};
    snprintf(bench->folder, sizeof bench->folder, "%s/%s", parent, name);
    bench->intern = media_intern_new(1);
    config.intern = bench->intern;
    config.limit_bytes = store_payload_limit_bytes(bench->limit_bytes);
    must(cache_index_new(&config, &bench->index), "cache_index_new");
    prng_init(&bench->prng, 1);
    bench->ratio_max = 0;
    bench->failed = 0;
    open_store(bench);
}

static void end(struct bench *bench)
{
    char path[PATH_MAX + 16];
    store_close(bench->store);
    cache_index_free(bench->index);
    media_intern_free(bench->intern);
    snprintf(path, sizeof path, "%s/data.mdb", bench->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", bench->folder);
    unlink(path);
    rmdir(bench->folder);
}

/* A file of zeros, its proofs with it; the caller frees them. */
static struct media_proof *make_file(uint64_t bytes, struct media_file_id *ret_id)
{
    struct media_hasher hasher = {.pair = crypto_sha256_pair};
    uint32_t chunks = media_chunk_count(bytes);
    uint8_t(*leaves)[HASH_BYTES] = calloc(chunks, sizeof *leaves);
    struct media_proof *proofs = calloc(media_row_count(bytes), sizeof *proofs);
    if (leaves == NULL || proofs == NULL) {
        die("memory", -1);
    }
    for (uint32_t i = 0; i + 1 < chunks; i++) {
        memcpy(leaves[i], zeros_hash, HASH_BYTES);
    }
    crypto_sha256(zeros, media_chunk_bytes(bytes, chunks - 1), leaves[chunks - 1]);
    ret_id->bytes = bytes;
    media_merkle_root(&hasher, (const uint8_t(*)[HASH_BYTES])leaves, chunks, ret_id->root);
    must(media_proof_make_all(&hasher, (const uint8_t(*)[HASH_BYTES])leaves, bytes, proofs),
         "proofs");
    free(leaves);
    return proofs;
}

/* Makes room as the node does, then puts chunks of a row; waits when many puts are on their way. */
static void put(struct bench *bench, const struct media_file_id *id, uint32_t row, uint8_t mask,
                const struct media_proof *proof)
{
    const uint8_t *chunks[ROW_CHUNKS];
    media_handle file = media_intern_put(bench->intern, id);
    media_handle victim = 0;
    uint64_t needed = (uint64_t)__builtin_popcount(mask) * CHUNK_BYTES;
    while (cache_index_next_victim(bench->index, needed, file, &victim)) {
        must(store_evict_file(bench->store, media_intern_id(bench->intern, victim)), "evict");
    }
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        chunks[i] = zeros;
    }
    pthread_mutex_lock(&bench->lock);
    while (bench->outstanding == OUTSTANDING_MAX) {
        pthread_cond_wait(&bench->answered, &bench->lock);
    }
    bench->outstanding++;
    pthread_mutex_unlock(&bench->lock);
    must(store_put_row(bench->store, id, row, mask, chunks, proof, 0), "put");
    must(cache_index_row_stored(bench->index, file, row, mask), "index");
}

static void note_ratio(struct bench *bench)
{
    struct store_status status;
    must(store_get_status(bench->store, &status), "status");
    if (status.payload_bytes >= bench->limit_bytes / 10 * 9) {
        double ratio = (double)status.file_bytes / (double)status.payload_bytes;
        bench->ratio_max = ratio > bench->ratio_max ? ratio : bench->ratio_max;
    }
}

/* How a row comes: masks one after the other, with a transaction after each when `paced`. */
struct pace {
    const char *name;
    uint8_t masks[4];
    bool paced;
    unsigned rows_a_transaction;
};

static const struct pace paces[] = {
    {"as fast as it goes", {0xff}, false, 0},
    {"1 MiB/s, full rows", {0xff}, true, 2},
    {"320 kbit/s, rows in parts", {0x07, 0x38, 0xc0}, true, 1},
    {"128 kbit/s, rows in parts", {0x03, 0x0c, 0x30, 0xc0}, true, 1},
};

/* Files of 2 to 9 MB until twice the limit went in. */
static void fill(struct bench *bench, const struct pace *pace)
{
    uint64_t put_bytes = 0;
    double began_s = now_s();
    while (put_bytes < 2 * bench->limit_bytes) {
        struct media_file_id id;
        uint64_t bytes = 2000000 + prng_below(&bench->prng, 7000000);
        struct media_proof *proofs = make_file(bytes, &id);
        for (uint32_t row = 0; row < media_row_count(bytes); row++) {
            uint8_t all = (uint8_t)((1u << media_row_chunks(bytes, row)) - 1);
            for (size_t i = 0; i < 4; i++) {
                uint8_t mask = pace->masks[i] & all;
                if (mask != 0) {
                    put(bench, &id, row, mask, &proofs[row]);
                }
                if (mask != 0 && pace->paced && row % pace->rows_a_transaction == 0) {
                    must(store_flush(bench->store), "flush");
                }
            }
            if (row % 16 == 0) {
                note_ratio(bench);
            }
        }
        free(proofs);
        put_bytes += bytes;
    }
    must(store_flush(bench->store), "flush");
    double took_s = now_s() - began_s;
    struct store_status status;
    must(store_get_status(bench->store, &status), "status");
    printf("%-28s %7.1f MB/s, file / payload %.3f at the end (%.0f %% full), %.3f at most while at "
           "least 90 %% full, file / limit %.3f, %u failed\n",
           pace->name, (double)put_bytes / took_s / 1e6,
           (double)status.file_bytes / (double)status.payload_bytes,
           100.0 * (double)status.payload_bytes / (double)bench->limit_bytes, bench->ratio_max,
           (double)status.file_bytes / (double)bench->limit_bytes, bench->failed);
}

/* The same bytes into a plain file, synced as often as the store commits. */
static double write_plain(const char *parent, uint64_t bytes)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/plain", parent);
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double began_s = now_s();
    for (uint64_t at = 0; at < bytes; at += CHUNK_BYTES) {
        if (write(descriptor, zeros, CHUNK_BYTES) != (ssize_t)CHUNK_BYTES) {
            die("write", -1);
        }
        if (at % SYNC_BYTES == 0 && fdatasync(descriptor) != 0) {
            die("fdatasync", -1);
        }
    }
    double took_s = now_s() - began_s;
    close(descriptor);
    return (double)bytes / took_s / 1e6;
}

static double read_plain(const char *parent, uint64_t bytes)
{
    char path[PATH_MAX];
    uint8_t buffer[CHUNK_BYTES];
    struct prng prng;
    prng_init(&prng, 1);
    snprintf(path, sizeof path, "%s/plain", parent);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    double began_s = now_s();
    for (unsigned i = 0; i < READS; i++) {
        off_t at = (off_t)(prng_below(&prng, bytes / CHUNK_BYTES) * CHUNK_BYTES);
        if (pread(descriptor, buffer, CHUNK_BYTES, at) != (ssize_t)CHUNK_BYTES) {
            die("pread", -1);
        }
    }
    double took_s = now_s() - began_s;
    close(descriptor);
    unlink(path);
    return READS / took_s;
}

static double read_store(struct bench *bench, const struct media_file_id *id)
{
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    struct prng prng;
    prng_init(&prng, 1);
    double began_s = now_s();
    for (unsigned i = 0; i < READS; i++) {
        uint32_t chunk = (uint32_t)prng_below(&prng, media_chunk_count(id->bytes));
        must(store_read(bench->store, id, chunk, buffer, &bytes), "read");
    }
    return READS / (now_s() - began_s);
}

static void compare_reads(struct bench *bench, const char *parent)
{
    struct media_file_id id;
    uint64_t bytes = bench->limit_bytes / 4;
    struct media_proof *proofs = make_file(bytes, &id);
    uint32_t rows = media_row_count(bytes);
    double began_s = now_s();
    for (uint32_t row = 0; row < rows; row++) {
        put(bench, &id, row, (uint8_t)((1u << media_row_chunks(bytes, row)) - 1), &proofs[row]);
    }
    must(store_flush(bench->store), "flush");
    double put_rate = (double)bytes / (now_s() - began_s) / 1e6;
    double plain_rate = write_plain(parent, bytes);
    printf("put %.0f MB/s, plain file %.0f MB/s: %.2fx\n", put_rate, plain_rate,
           put_rate / plain_rate);

    uint8_t buffer[CHUNK_BYTES];
    uint32_t count = 0;
    began_s = now_s();
    for (uint32_t row = 0; row < rows; row++) {
        must(store_read(bench->store, &id, row * ROW_CHUNKS, buffer, &count), "read");
    }
    double verify_us = (now_s() - began_s) / rows * 1e6;
    double get_rate = read_store(bench, &id);
    double pread_rate = read_plain(parent, bytes);
    printf("get %.0f/s, pread %.0f/s: %.2fx; the first read of a row verifies it: %.0f us\n",
           get_rate, pread_rate, get_rate / pread_rate, verify_us);
    free(proofs);
}

static void count_file(void *context, const struct media_file_id *file, const uint8_t *row_masks,
                       const struct store_use *use)
{
    unsigned *count = context;
    (void)file;
    (void)row_masks;
    (void)use;
    ++*count;
}

/* Heads of many files: how long opening and listing take. */
static void open_many(struct bench *bench)
{
    struct media_file_id id;
    for (uint32_t i = 0; i < SMALL_FILES; i++) {
        struct media_proof *proofs = make_file(6 * MIB + i, &id);
        must(cache_index_row_stored(bench->index, media_intern_put(bench->intern, &id), 0, 1),
             "index");
        put(bench, &id, 0, 1, &proofs[0]);
        free(proofs);
    }
    must(store_flush(bench->store), "flush");
    store_close(bench->store);
    unsigned count = 0;
    double began_s = now_s();
    open_store(bench);
    double opened_s = now_s();
    must(store_list_files(bench->store, count_file, &count), "list");
    printf("open with %u files %.1f ms, list them %.1f ms\n", count, (opened_s - began_s) * 1e3,
           (now_s() - opened_s) * 1e3);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: cache_store FOLDER [LIMIT_MIB]\n");
        return 2;
    }
    static struct bench bench;
    uint64_t limit_mib = argc == 3 ? strtoull(argv[2], NULL, 10) : 256;
    crypto_sha256(zeros, sizeof zeros, zeros_hash);
    pthread_mutex_init(&bench.lock, NULL);
    pthread_cond_init(&bench.answered, NULL);
    bench.limit_bytes = limit_mib * MIB;
    printf("limit %llu MiB\n", (unsigned long long)limit_mib);
    begin(&bench, argv[1], "reads");
    compare_reads(&bench, argv[1]);
    end(&bench);
    for (size_t i = 0; i < sizeof paces / sizeof paces[0]; i++) {
        begin(&bench, argv[1], "fill");
        fill(&bench, &paces[i]);
        end(&bench);
    }
    bench.limit_bytes = 1024 * MIB;
    begin(&bench, argv[1], "many");
    open_many(&bench);
    end(&bench);
    return 0;
}
