/*
 * test_catalogue.c: what is added is found, in order, page by page; what breaks a rule adds
 * nothing; databases that are not ours are refused; a reader follows a writer in another process.
 */
#include "streamserver/lmdb/catalogue.h"

#include "common/cursor.h"
#include "common/error.h"
#include "tests/lib/toy_hash.h"

#include <fcntl.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    static const char template[] = "/tmp/test_catalogue.XXXXXX";
    memcpy(folder, template, sizeof template);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static const char *in_folder(const char *name)
{
    static char path[128];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_in_range(length, 1, sizeof path - 1);
    return path;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(in_folder("data.mdb"));
    (void)unlink(in_folder("lock.mdb"));
    return rmdir(folder);
}

static int make_catalogue(void **state)
{
    return make_folder(state) != 0 || catalogue_create(folder) != 0 ? -1 : 0;
}

static struct catalogue *open_it(bool writable)
{
    struct catalogue *catalogue = NULL;
    assert_int_equal(catalogue_open(folder, writable, 0, &catalogue), 0);
    return catalogue;
}

/* ---- Tracks made of numbers ---- */

struct sample {
    uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];
    size_t manifest_bytes;
    uint8_t track_id[TRACK_ID_BYTES];
    struct media_file_id file;
    struct media_proof *proofs; /* test_malloc */
};

static struct media_text text_of(const char *text)
{
    return (struct media_text){text, (uint16_t)strlen(text)};
}

static void make_proofs(struct sample *sample)
{
    uint32_t chunks = media_chunk_count(sample->file.bytes);
    uint8_t(*leaves)[HASH_BYTES] = test_malloc((size_t)chunks * HASH_BYTES);
    for (uint32_t i = 0; i < chunks; i++) {
        uint8_t seed[TRACK_ID_BYTES + 4];
        memcpy(seed, sample->track_id, TRACK_ID_BYTES);
        memcpy(seed + TRACK_ID_BYTES, &i, 4);
        toy_hash(seed, sizeof seed, leaves[i]);
    }
    sample->proofs = test_malloc(media_row_count(sample->file.bytes) * sizeof *sample->proofs);
    assert_int_equal(media_proof_make_all(&toy_hasher, leaves, sample->file.bytes, sample->proofs),
                     0);
    media_merkle_root(&toy_hasher, leaves, chunks, sample->file.root);
    test_free(leaves);
}

static void encode(struct sample *sample, const struct media_manifest *manifest)
{
    assert_int_equal(media_manifest_encode(manifest, sample->manifest, sizeof sample->manifest,
                                           &sample->manifest_bytes),
                     0);
}

static struct media_manifest describe(const struct sample *sample, const char *artist,
                                      const char *album, uint16_t disc, uint16_t track,
                                      const char *title)
{
    struct media_manifest manifest = {.title = text_of(title),
                                      .artist = text_of(artist),
                                      .album = text_of(album),
                                      .disc_number = disc,
                                      .track_number = track,
                                      .file_count = 1};
    memcpy(manifest.track_id, sample->track_id, TRACK_ID_BYTES);
    memset(manifest.album_id, album[0], album[0] == '\0' ? 0 : ALBUM_ID_BYTES);
    manifest.files[0] = (struct media_file){.id = sample->file,
                                            .source = sample->file,
                                            .codec = MEDIA_CODEC_OPUS,
                                            .container = MEDIA_CONTAINER_OGG,
                                            .channels = 2,
                                            .rate_hz = 48000,
                                            .samples = 48000,
                                            .start_run_count = 1,
                                            .start_runs = {{0, 1}}};
    return manifest;
}

static void make_sample(struct sample *sample, uint32_t number, uint64_t bytes)
{
    char title[16];
    memset(sample, 0, sizeof *sample);
    memcpy(sample->track_id, &number, sizeof number);
    sample->file.bytes = bytes;
    make_proofs(sample);
    (void)snprintf(title, sizeof title, "%08u", number);
    struct media_manifest manifest = describe(sample, "artist", "album", 1, 1, title);
    encode(sample, &manifest);
}

static int add(struct catalogue *catalogue, const struct sample *sample, uint64_t *ret_conflict)
{
    const struct catalogue_file file = {sample->file, CATALOGUE_AUDIO, sample->proofs};
    return catalogue_add(catalogue, sample->manifest, sample->manifest_bytes, &file, 1,
                         ret_conflict);
}

/* ---- Tests ---- */

static void test_added_is_found(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    struct sample sample;
    uint64_t conflict = 7;
    make_sample(&sample, 1, 3 * ROW_BYTES + 5);
    assert_int_equal(add(catalogue, &sample, &conflict), 0);
    assert_int_equal(conflict, 7);
    catalogue_close(catalogue);

    catalogue = open_it(false);
    uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = 0;
    assert_int_equal(catalogue_get_manifest(catalogue, sample.track_id, manifest, &bytes), 0);
    assert_int_equal(bytes, sample.manifest_bytes);
    assert_memory_equal(manifest, sample.manifest, bytes);

    enum catalogue_kind kind = CATALOGUE_COVER;
    uint8_t track_id[TRACK_ID_BYTES];
    assert_int_equal(catalogue_get_file(catalogue, &sample.file, &kind, track_id), 0);
    assert_int_equal(catalogue_get_file(catalogue, &sample.file, &kind, NULL), 0);
    assert_int_equal(kind, CATALOGUE_AUDIO);
    assert_memory_equal(track_id, sample.track_id, TRACK_ID_BYTES);

    for (uint32_t row = 0; row < 4; row++) {
        struct media_proof proof;
        assert_int_equal(catalogue_get_proof(catalogue, &sample.file, row, &proof), 0);
        assert_int_equal(media_proof_check(&toy_hasher, &sample.file, row, &proof), 0);
    }
    struct media_proof proof;
    assert_int_equal(catalogue_get_proof(catalogue, &sample.file, 4, &proof), ERROR_NOT_FOUND);
    struct catalogue_totals totals;
    assert_int_equal(catalogue_get_totals(catalogue, &totals), 0);
    assert_int_equal(totals.tracks, 1);
    assert_int_equal(totals.files, 1);

    memset(track_id, 0xee, sizeof track_id);
    assert_int_equal(catalogue_get_manifest(catalogue, track_id, manifest, &bytes),
                     ERROR_NOT_FOUND);
    catalogue_close(catalogue);
    catalogue_close(NULL);
    test_free(sample.proofs);
}

/* Everything that names a file names its length too; a second one under a root is refused. */
static void test_one_root_two_lengths(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    struct sample real;
    struct sample fake;
    uint64_t conflict = 7;
    make_sample(&real, 1, 16 * CHUNK_BYTES);
    assert_int_equal(add(catalogue, &real, &conflict), 0);
    make_sample(&fake, 2, 64);
    memcpy(fake.file.root, real.file.root, HASH_BYTES); /* as the two top hashes would have it */
    struct media_manifest manifest = describe(&fake, "artist", "album", 1, 2, "fake");
    encode(&fake, &manifest);

    enum catalogue_kind kind;
    struct media_proof proof;
    uint64_t bytes = 0;
    assert_int_equal(catalogue_get_file(catalogue, &fake.file, &kind, NULL), ERROR_NOT_FOUND);
    assert_int_equal(catalogue_get_proof(catalogue, &fake.file, 0, &proof), ERROR_NOT_FOUND);
    assert_int_equal(add(catalogue, &fake, &conflict), ERROR_EXISTS);
    assert_int_equal(conflict, real.file.bytes);
    assert_int_equal(catalogue_get_bytes(catalogue, real.file.root, &bytes), 0);
    assert_int_equal(bytes, real.file.bytes);

    /* Nothing of the refused track is there, not even when its files are said to be known. */
    struct catalogue_totals totals;
    assert_int_equal(
        catalogue_add(catalogue, fake.manifest, fake.manifest_bytes, NULL, 0, &conflict),
        ERROR_MALFORMED);
    assert_int_equal(catalogue_get_totals(catalogue, &totals), 0);
    assert_int_equal(totals.tracks, 1);
    assert_int_equal(totals.files, 1);
    catalogue_close(catalogue);
    test_free(real.proofs);
    test_free(fake.proofs);
}

static void test_known(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    struct sample sample;
    struct sample other;
    uint64_t conflict = 7;
    make_sample(&sample, 1, 100000);
    make_sample(&other, 2, 100000);
    assert_int_equal(add(catalogue, &sample, &conflict), 0);
    assert_int_equal(add(catalogue, &sample, &conflict), ERROR_EXISTS);
    assert_int_equal(conflict, 0);
    /* Another track with the same file: it is left as it is, given or not. */
    struct media_manifest manifest = describe(&other, "artist", "album", 1, 2, "other");
    manifest.files[0].id = sample.file;
    manifest.cover = sample.file;
    encode(&other, &manifest);
    assert_int_equal(
        catalogue_add(catalogue, other.manifest, other.manifest_bytes, NULL, 0, &conflict), 0);
    uint8_t track_id[TRACK_ID_BYTES];
    enum catalogue_kind kind;
    assert_int_equal(catalogue_get_file(catalogue, &sample.file, &kind, track_id), 0);
    assert_memory_equal(track_id, sample.track_id, TRACK_ID_BYTES);
    other.manifest[0] = 'X';
    assert_int_equal(add(catalogue, &other, &conflict), ERROR_MALFORMED);
    catalogue_close(catalogue);
    test_free(sample.proofs);
    test_free(other.proofs);
}

static const struct {
    const char *artist;
    const char *album;
    uint16_t disc;
    uint16_t track;
    const char *title;
} ordered[] = {
    {"", "", 0, 0, "nameless"},
    {"ABBA", "arrival", 1, 1, "When"},
    {"abba ", "Arrival", 1, 2, "Dancing"},
    {"Abba", "Arrival", 2, 1, "A bonus"},
    {"Abba", "Arrival II", 1, 1, "Other"},
    {"The Band", "", 0, 300, "z"},
    {"The Band", "Album", 0, 2, "b"},
    {"The Band", "Album", 0, 300, "a"},
    {"The Band", "Album", 0, 300, "a b"},
    {"\xc3\x84rzte", "Album", 1, 1, "a"},
};
#define ORDERED (sizeof ordered / sizeof ordered[0])

static void add_ordered(struct catalogue *catalogue)
{
    for (size_t i = 0; i < ORDERED; i++) {
        size_t at = (i * 7) % ORDERED; /* in another order */
        struct sample sample;
        uint64_t conflict;
        make_sample(&sample, (uint32_t)(ORDERED - at), 1000 + at);
        struct media_manifest manifest =
            describe(&sample, ordered[at].artist, ordered[at].album, ordered[at].disc,
                     ordered[at].track, ordered[at].title);
        encode(&sample, &manifest);
        assert_int_equal(add(catalogue, &sample, &conflict), 0);
        test_free(sample.proofs);
    }
}

static void test_order_and_pages(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    uint8_t ids[ORDERED + 1][TRACK_ID_BYTES];
    uint32_t count = 9;
    assert_int_equal(catalogue_list(catalogue, NULL, ids, 5, &count), 0);
    assert_int_equal(count, 0);
    add_ordered(catalogue);
    for (uint32_t page = 1; page <= ORDERED + 1; page++) {
        uint32_t seen = 0;
        do {
            const uint8_t *after = seen == 0 ? NULL : ids[seen - 1];
            assert_int_equal(catalogue_list(catalogue, after, ids + seen, page, &count), 0);
            seen += count;
            assert_true(seen <= ORDERED);
        } while (count == page && seen < ORDERED);
        assert_int_equal(seen, ORDERED);
        for (uint32_t i = 0; i < ORDERED; i++) {
            uint32_t number;
            memcpy(&number, ids[i], sizeof number);
            assert_int_equal(number, ORDERED - i);
        }
    }
    assert_int_equal(catalogue_list(catalogue, ids[ORDERED - 1], ids, 5, &count), 0);
    assert_int_equal(count, 0);
    memset(ids[0], 0xee, TRACK_ID_BYTES);
    assert_int_equal(catalogue_list(catalogue, ids[0], ids, 5, &count), ERROR_NOT_FOUND);
    catalogue_close(catalogue);
}

static void test_albums(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    uint8_t ids[ORDERED][TRACK_ID_BYTES];
    uint8_t album[ALBUM_ID_BYTES];
    uint32_t count = 0;
    add_ordered(catalogue);
    memset(album, 'A', sizeof album); /* "Arrival", "Arrival II" and "Album" */
    assert_int_equal(catalogue_list_album(catalogue, album, NULL, ids, ORDERED, &count), 0);
    assert_int_equal(count, 7);
    /* by disc, track, title; numbers as in add_ordered */
    const uint32_t numbers[] = {ORDERED - 6, ORDERED - 7, ORDERED - 8, ORDERED - 9,
                                ORDERED - 4, ORDERED - 2, ORDERED - 3};
    for (uint32_t i = 0; i < 7; i++) {
        uint32_t number;
        memcpy(&number, ids[i], sizeof number);
        assert_int_equal(number, numbers[i]);
    }
    uint8_t rest[ORDERED][TRACK_ID_BYTES];
    assert_int_equal(catalogue_list_album(catalogue, album, ids[3], rest, 2, &count), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(rest, ids[4], (size_t)2 * TRACK_ID_BYTES);
    assert_int_equal(catalogue_list_album(catalogue, album, ids[6], rest, 2, &count), 0);
    assert_int_equal(count, 0);

    memset(album, 'a', sizeof album); /* "arrival" */
    assert_int_equal(catalogue_list_album(catalogue, album, NULL, rest, 2, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(catalogue_list_album(catalogue, album, ids[0], rest, 2, &count),
                     ERROR_NOT_FOUND); /* a track of another album */
    memset(album, 'B', sizeof album);
    assert_int_equal(catalogue_list_album(catalogue, album, NULL, rest, 2, &count),
                     ERROR_NOT_FOUND);
    memset(album, 0, sizeof album); /* no album is no album */
    assert_int_equal(catalogue_list_album(catalogue, album, NULL, rest, 2, &count),
                     ERROR_NOT_FOUND);
    catalogue_close(catalogue);
}

/* ---- Databases that are not ours ---- */

static void write_file(const char *path, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(fputc((int)(i * 37 % 251), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void assert_refused(int error)
{
    struct catalogue *catalogue = NULL;
    assert_int_equal(catalogue_open(folder, false, 0, &catalogue), error);
    assert_int_equal(catalogue_open(folder, true, 0, &catalogue), error);
    assert_null(catalogue);
}

static void test_foreign_files(void **state)
{
    (void)state;
    assert_refused(ERROR_NOT_FOUND);
    write_file(in_folder("data.mdb"), 0);
    assert_refused(ERROR_UNSUPPORTED);
    write_file(in_folder("data.mdb"), 100000);
    assert_refused(ERROR_UNSUPPORTED);
    assert_int_equal(catalogue_create(folder), ERROR_EXISTS);
}

/* Puts a value into the table "meta" past our code; NULL: makes the table only. */
static void write_meta(const void *bytes, size_t count)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi meta;
    MDB_val key = {6, (void *)(uintptr_t) "format"};
    MDB_val value = {count, (void *)(uintptr_t)bytes};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0644), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", MDB_CREATE, &meta), 0);
    if (bytes != NULL) {
        assert_int_equal(mdb_put(txn, meta, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_foreign_databases(void **state)
{
    (void)state;
    write_meta(NULL, 0);
    assert_refused(ERROR_UNSUPPORTED);
    write_meta("SOMETHING ELSE", 14);
    assert_refused(ERROR_UNSUPPORTED);
    write_meta("RFCATLOG\0\0\0\3", 12);
    assert_refused(ERROR_VERSION);
    write_meta("RFCATLOG\0\0", 10);
    assert_refused(ERROR_DAMAGED);
    write_meta("RFCATLOG\0\0\0\1", 12);
    assert_refused(ERROR_DAMAGED); /* the other tables are missing */
}

/* ---- Changes ---- */

/* What is listed behind a state, as the last bytes of the track ids; `ret_state`: after them. */
static void assert_changes(struct catalogue *catalogue, struct catalogue_revision since,
                           uint32_t max, const uint8_t *expected, uint32_t expected_count,
                           bool expected_last, struct catalogue_revision *ret_state)
{
    struct catalogue_change changes[8];
    uint32_t count = 0;
    bool is_last = false;
    assert_int_equal(
        catalogue_list_changes(catalogue, &since, changes, max, &count, ret_state, &is_last), 0);
    assert_int_equal(count, expected_count);
    assert_int_equal(is_last, expected_last);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(changes[i].kind, CATALOGUE_ADDED);
        assert_memory_equal(changes[i].track_id, expected + (size_t)i * TRACK_ID_BYTES,
                            TRACK_ID_BYTES);
    }
}

static void add_samples(struct catalogue *catalogue, uint32_t count,
                        uint8_t ret_ids[][TRACK_ID_BYTES])
{
    for (uint32_t i = 0; i < count; i++) {
        struct sample sample;
        uint64_t conflict;
        make_sample(&sample, i + 1, 20000);
        assert_int_equal(add(catalogue, &sample, &conflict), 0);
        memcpy(ret_ids[i], sample.track_id, TRACK_ID_BYTES);
        test_free(sample.proofs);
    }
}

static void test_changes(void **state)
{
    (void)state;
    uint8_t ids[3][TRACK_ID_BYTES];
    struct catalogue_revision now, at, wrong;
    struct catalogue_change changes[8];
    uint32_t count;
    bool is_last;
    struct catalogue *catalogue = open_it(true);
    const struct catalogue_revision start = {0};
    assert_int_equal(catalogue_get_revision(catalogue, &now), 0);
    assert_memory_equal(&now, &start, sizeof start);
    assert_changes(catalogue, start, 8, ids[0], 0, true, &at);
    add_samples(catalogue, 3, ids);
    assert_int_equal(catalogue_get_revision(catalogue, &now), 0);
    assert_int_equal(now.number, 3);
    assert_changes(catalogue, start, 2, ids[0], 2, false, &at);
    assert_int_equal(at.number, 2);
    assert_changes(catalogue, at, 2, ids[2], 1, true, &at);
    assert_memory_equal(&at, &now, sizeof now);
    assert_changes(catalogue, now, 2, ids[0], 0, true, &at);
    /* States that never were. */
    wrong = (struct catalogue_revision){now.number, now.mark + 1};
    assert_int_equal(catalogue_list_changes(catalogue, &wrong, changes, 8, &count, &at, &is_last),
                     ERROR_NOT_FOUND);
    wrong = (struct catalogue_revision){now.number + 1, now.mark};
    assert_int_equal(catalogue_list_changes(catalogue, &wrong, changes, 8, &count, &at, &is_last),
                     ERROR_NOT_FOUND);
    catalogue_close(catalogue);
}

/* Takes the table of changes away and writes version 1. */
static void age(void)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta, changes;
    MDB_val key = {6, "format"};
    MDB_val value = {12, "RFCATLOG\0\0\0\1"};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0644), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_put(txn, meta, &key, &value, 0), 0);
    assert_int_equal(mdb_dbi_open(txn, "changes", 0, &changes), 0);
    assert_int_equal(mdb_drop(txn, changes, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_version_1(void **state)
{
    (void)state;
    uint8_t ids[3][TRACK_ID_BYTES];
    uint8_t listed[3][TRACK_ID_BYTES];
    struct catalogue_revision now;
    const struct catalogue_revision start = {0};
    uint32_t count;
    struct catalogue *catalogue = open_it(true);
    add_samples(catalogue, 3, ids);
    catalogue_close(catalogue);
    age();
    catalogue = open_it(false);
    assert_int_equal(catalogue_get_revision(catalogue, &now), ERROR_UNSUPPORTED);
    assert_int_equal(catalogue_list(catalogue, NULL, listed, 3, &count), 0);
    assert_int_equal(count, 3);
    catalogue_close(catalogue);
    catalogue = open_it(true); /* gets its changes: in the order of the list */
    assert_changes(catalogue, start, 8, listed[0], 3, true, &now);
    catalogue_close(catalogue);
    catalogue = open_it(false);
    assert_int_equal(catalogue_get_revision(catalogue, &now), 0);
    assert_int_equal(now.number, 3);
    catalogue_close(catalogue);
}

static void test_cut_database(void **state)
{
    (void)state;
    struct catalogue *catalogue = open_it(true);
    struct sample sample;
    struct stat status;
    uint64_t conflict;
    make_sample(&sample, 1, 2000 * CHUNK_BYTES);
    assert_int_equal(add(catalogue, &sample, &conflict), 0);
    catalogue_close(catalogue);
    test_free(sample.proofs);
    assert_int_equal(stat(in_folder("data.mdb"), &status), 0);
    assert_int_equal(truncate(in_folder("data.mdb"), status.st_size / 2), 0);
    assert_refused(ERROR_DAMAGED);
}

/* ---- Growth, and two processes ---- */

#define SMALL_MAP_BYTES ((size_t)256 * 1024)
#define GROWN_TRACKS 40u

/* Adds tracks of 4 MiB with a map that is too small; the exit status of the process. */
static int add_many(void)
{
    struct catalogue *catalogue = NULL;
    int error = catalogue_open(folder, true, SMALL_MAP_BYTES, &catalogue);
    for (uint32_t i = 0; error == 0 && i < GROWN_TRACKS; i++) {
        struct sample sample;
        uint64_t conflict;
        make_sample(&sample, i + 1, UINT64_C(4) << 20);
        error = add(catalogue, &sample, &conflict);
        test_free(sample.proofs);
    }
    catalogue_close(catalogue);
    return error == 0 ? 0 : 1;
}

static void test_reader_follows_writer(void **state)
{
    (void)state;
    int start[2];
    char byte = 0;
    assert_int_equal(pipe(start), 0);
    pid_t child = fork(); /* before this process opens the database */
    assert_int_not_equal(child, -1);
    if (child == 0) {
        _exit(read(start[0], &byte, 1) == 1 ? add_many() : 2);
    }
    struct catalogue *catalogue = NULL;
    struct catalogue_totals totals = {0};
    assert_int_equal(catalogue_open(folder, false, SMALL_MAP_BYTES, &catalogue), 0);
    assert_int_equal(catalogue_get_totals(catalogue, &totals), 0);
    assert_int_equal(totals.tracks, 0);
    assert_int_equal(write(start[1], "x", 1), 1);
    int status = -1;
    uint64_t last = 0;
    do { /* what is seen only grows, and each track is whole */
        uint8_t ids[GROWN_TRACKS][TRACK_ID_BYTES];
        uint32_t count = 0;
        assert_int_equal(catalogue_list(catalogue, NULL, ids, GROWN_TRACKS, &count), 0);
        assert_true(count >= last);
        last = count;
        if (count > 0) {
            uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX];
            struct media_manifest decoded;
            struct media_proof proof;
            size_t bytes = 0;
            assert_int_equal(catalogue_get_manifest(catalogue, ids[count - 1], manifest, &bytes),
                             0);
            assert_int_equal(media_manifest_decode(manifest, bytes, &decoded), 0);
            assert_int_equal(catalogue_get_proof(catalogue, &decoded.files[0].id, 7, &proof), 0);
        }
    } while (waitpid(child, &status, WNOHANG) == 0);
    assert_int_equal(status, 0);
    assert_int_equal(catalogue_get_totals(catalogue, &totals), 0);
    assert_int_equal(totals.tracks, GROWN_TRACKS);
    struct stat data;
    assert_int_equal(stat(in_folder("data.mdb"), &data), 0);
    assert_true((size_t)data.st_size > 2 * SMALL_MAP_BYTES); /* it did grow */
    catalogue_close(catalogue);
    (void)close(start[0]);
    (void)close(start[1]);
}

int main(void)
{
#define IN_CATALOGUE(test) cmocka_unit_test_setup_teardown(test, make_catalogue, remove_folder)
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_CATALOGUE(test_added_is_found),
        IN_CATALOGUE(test_one_root_two_lengths),
        IN_CATALOGUE(test_known),
        IN_CATALOGUE(test_order_and_pages),
        IN_CATALOGUE(test_albums),
        IN_CATALOGUE(test_changes),
        IN_CATALOGUE(test_version_1),
        IN_FOLDER(test_foreign_files),
        IN_FOLDER(test_foreign_databases),
        IN_CATALOGUE(test_cut_database),
        IN_CATALOGUE(test_reader_follows_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
