/*
 * test_media_files.c: open files are bounded and reused, every chunk is checked once per opening.
 */
#include "streamserver/uv/media_files.h"

#include "common/error.h"
#include "media/core/manifest.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES 3u
#define OPEN_MAX 2u

static const uint64_t sizes[FILES] = {20000, 9 * CHUNK_BYTES + 1, 5};

static char base[] = "/tmp/refrain-media-files-XXXXXX";
static struct folder folder;
static struct media_file_id ids[FILES];

static uint8_t byte_of(uint32_t file, uint64_t at)
{
    return (uint8_t)(at * 31 + at / 251 + file);
}

static void make_file(uint32_t file, struct media_proof *ret_proofs)
{
    static const struct media_hasher hasher = {crypto_sha256_pair, NULL};
    uint8_t leaves[16][HASH_BYTES];
    uint8_t bytes[10 * CHUNK_BYTES];
    char path[FOLDER_PATH_BYTES_MAX];
    int fd = -1;
    for (uint64_t at = 0; at < sizes[file]; at++) {
        bytes[at] = byte_of(file, at);
    }
    ids[file].bytes = sizes[file];
    uint32_t chunks = media_chunk_count(sizes[file]);
    for (uint32_t i = 0; i < chunks; i++) {
        crypto_sha256(bytes + (size_t)i * CHUNK_BYTES, media_chunk_bytes(sizes[file], i),
                      leaves[i]);
    }
    media_merkle_root(&hasher, (const uint8_t(*)[HASH_BYTES])leaves, chunks, ids[file].root);
    assert_int_equal(media_proof_make_all(&hasher, (const uint8_t(*)[HASH_BYTES])leaves,
                                          sizes[file], ret_proofs),
                     0);
    assert_int_equal(folder_temporary(&folder, path, &fd), 0);
    assert_int_equal(write(fd, bytes, sizes[file]), (ssize_t)sizes[file]);
    assert_int_equal(folder_publish(&folder, path, fd, &ids[file]), 0);
}

static void make_track(const struct catalogue_file *files)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    struct media_manifest manifest = {.track_id = {1}, .file_count = FILES};
    for (uint32_t i = 0; i < FILES; i++) {
        manifest.files[i] = (struct media_file){.id = ids[i],
                                                .source = ids[i],
                                                .codec = MEDIA_CODEC_VORBIS,
                                                .container = MEDIA_CONTAINER_OGG,
                                                .channels = 2,
                                                .rate_hz = 44100,
                                                .bitrate_bps = 128000,
                                                .samples = 1000,
                                                .start_run_count = 1,
                                                .start_runs = {{0, 1}}};
    }
    assert_int_equal(media_manifest_encode(&manifest, bytes, sizeof bytes, &count), 0);
    uint64_t conflict = 0;
    assert_int_equal(catalogue_add(folder.catalogue, bytes, count, files, FILES, &conflict), 0);
}

static int make_folder(void **state)
{
    (void)state;
    static struct media_proof proofs[FILES][2];
    struct catalogue_file files[FILES];
    uint8_t identity[PUBLIC_KEY_BYTES];
    assert_non_null(mkdtemp(base));
    assert_int_equal(folder_create(base, identity), 0);
    assert_int_equal(folder_open(base, true, &folder), 0);
    for (uint32_t i = 0; i < FILES; i++) {
        make_file(i, proofs[i]);
        files[i] = (struct catalogue_file){ids[i], CATALOGUE_AUDIO, proofs[i]};
    }
    make_track(files);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    folder_close(&folder);
    (void)snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}

static uint32_t open_descriptors(void)
{
    uint32_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* Prepares, reads, lets go; what reading said. */
static int read_chunk(struct media_files *files, uint32_t file, uint32_t chunk, bool *ret_is_first)
{
    struct media_files_read read;
    uint8_t bytes[CHUNK_BYTES];
    int error = media_files_prepare(files, file + 1, &ids[file], chunk, &read);
    if (error != 0) {
        return error;
    }
    error = media_files_read(&read, true, bytes);
    for (uint32_t i = 0; error == 0 && i < read.bytes; i++) {
        assert_int_equal(bytes[i], byte_of(file, (uint64_t)chunk * CHUNK_BYTES + i));
    }
    *ret_is_first = media_files_done(files, &read, error);
    return error;
}

static void test_all_bytes(void **state)
{
    (void)state;
    struct media_files *files = NULL;
    bool is_first = false;
    assert_int_equal(media_files_new(&folder, OPEN_MAX, &files), 0);
    uint32_t before = open_descriptors();
    for (int round = 0; round < 3; round++) {
        for (uint32_t file = 0; file < FILES; file++) {
            for (uint32_t chunk = 0; chunk < media_chunk_count(sizes[file]); chunk++) {
                assert_int_equal(read_chunk(files, file, chunk, &is_first), 0);
                assert_false(is_first);
                assert_true(open_descriptors() <= before + OPEN_MAX);
            }
        }
    }
    media_files_free(files);
    assert_int_equal(open_descriptors(), before);
}

/* What is held is not closed; when all places are held there is none. */
static void test_held(void **state)
{
    (void)state;
    struct media_files *files = NULL;
    struct media_files_read reads[OPEN_MAX];
    struct media_files_read more;
    uint8_t bytes[CHUNK_BYTES];
    assert_int_equal(media_files_new(&folder, OPEN_MAX, &files), 0);
    for (uint32_t i = 0; i < OPEN_MAX; i++) {
        assert_int_equal(media_files_prepare(files, i + 1, &ids[i], 0, &reads[i]), 0);
    }
    assert_int_equal(media_files_prepare(files, 3, &ids[2], 0, &more), ERROR_FULL);
    assert_int_equal(media_files_prepare(files, 1, &ids[0], 1, &more), 0);
    assert_int_equal(media_files_read(&more, true, bytes), 0);
    (void)media_files_done(files, &more, 0);
    for (uint32_t i = 0; i < OPEN_MAX; i++) {
        assert_int_equal(media_files_read(&reads[i], true, bytes), 0);
        assert_false(media_files_done(files, &reads[i], 0));
    }
    assert_int_equal(media_files_prepare(files, 3, &ids[2], 0, &more), 0);
    (void)media_files_done(files, &more, 0);
    media_files_free(files);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

/* A flipped bit is seen at the first reading of its chunk, is told once, and spares the others. */
static void test_rot(void **state)
{
    (void)state;
    struct media_files *files = NULL;
    char root[2 * HASH_BYTES + 1];
    char path[FOLDER_PATH_BYTES_MAX];
    bool is_first = false;
    media_hex_encode(ids[1].root, HASH_BYTES, root);
    (void)snprintf(path, sizeof path, "%s/media/%.2s/%s", base, root, root);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(media_files_new(&folder, OPEN_MAX, &files), 0);
    assert_int_equal(read_chunk(files, 1, 0, &is_first), 0);
    flip(path, 3 * CHUNK_BYTES + 7);
    assert_int_equal(read_chunk(files, 1, 3, &is_first), ERROR_DAMAGED);
    assert_true(is_first);
    assert_int_equal(read_chunk(files, 1, 3, &is_first), ERROR_DAMAGED);
    assert_false(is_first);
    assert_int_equal(read_chunk(files, 1, 4, &is_first), 0);
    flip(path, 3 * CHUNK_BYTES + 7);
    assert_int_equal(read_chunk(files, 1, 3, &is_first), 0);

    assert_int_equal(truncate(path, 8 * CHUNK_BYTES), 0); /* it was open: reads end too early */
    assert_int_equal(read_chunk(files, 1, 9, &is_first), ERROR_DAMAGED);
    media_files_free(files);
    assert_int_equal(media_files_new(&folder, OPEN_MAX, &files), 0);
    assert_int_equal(read_chunk(files, 1, 0, &is_first), ERROR_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_chunk(files, 1, 0, &is_first), ERROR_NOT_FOUND);
    media_files_free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_bytes), cmocka_unit_test(test_held),
        cmocka_unit_test(test_rot), /* the last: it destroys a file */
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
