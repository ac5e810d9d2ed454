/*
 * test_folder.c: an origin's folder is made once, opened by one writer, and after a kill at any step
 * of publishing the next writer finds nothing that the catalogue does not know.
 */
#include "streamserver/folder.h"

#include "common/error.h"
#include "tests/lib/toy_hash.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static int make_base(void **state)
{
    (void)state;
    static const char template[] = "/tmp/test_folder.XXXXXX";
    memcpy(base, template, sizeof template);
    return mkdtemp(base) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int remove_base(void **state)
{
    (void)state;
    return nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *in_base(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_in_range(snprintf(path, sizeof paths[0], "%s/%s", base, name), 1, 255);
    return path;
}

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static unsigned entries;

static int count_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)path;
    (void)status;
    (void)walk;
    entries += kind == FTW_F;
    return 0;
}

static unsigned count_files(const char *path)
{
    entries = 0;
    assert_int_equal(nftw(path, count_entry, 16, FTW_PHYS), 0);
    return entries;
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void test_create(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct folder folder;
    struct stat status;
    assert_int_equal(folder_open(in_base("a"), false, &folder), ERROR_NOT_FOUND);
    assert_int_equal(folder_create(in_base("a/b/origin"), identity), 0);
    assert_int_equal(stat(in_base("a/b/origin/identity.key"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(folder_create(in_base("a/b/origin"), identity), ERROR_EXISTS);
    assert_int_equal(folder_create(in_base("a"), identity), ERROR_EXISTS); /* has something */
    assert_int_equal(folder_open(in_base("a/b/origin"), false, &folder), 0);
    assert_memory_equal(folder.identity, identity, PUBLIC_KEY_BYTES);
    assert_non_null(folder.catalogue);
    folder_close(&folder);
    touch(in_base("file"));
    assert_int_equal(folder_create(in_base("file"), identity), ERROR_NOT_FOUND); /* no folder */
}

/* An init that was killed goes on when it is repeated. */
static void test_create_again_after_a_kill(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct folder folder;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(unlink(in_base("o/identity.key")), 0);
    touch(in_base("o/identity.key.a1b2c3"));
    assert_int_equal(folder_open(in_base("o"), false, &folder), ERROR_NOT_FOUND);
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    folder_close(&folder);
}

static void test_one_writer(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct folder folder;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    int fd = open(in_base("o/lock"), O_RDWR);
    assert_true(fd >= 0);
    struct folder other;
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    assert_int_equal(folder_open(in_base("o"), true, &other), ERROR_BUSY);
    folder_close(&folder);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    folder_close(&folder);
    assert_int_equal(close(fd), 0);
}

static void test_damaged(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct folder folder;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(truncate(in_base("o/identity.key"), 10), 0);
    assert_int_equal(folder_open(in_base("o"), false, &folder), ERROR_DAMAGED);
    assert_int_equal(unlink(in_base("o/identity.key")), 0);
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(unlink(in_base("o/catalogue/data.mdb")), 0);
    assert_int_equal(folder_open(in_base("o"), false, &folder), ERROR_DAMAGED);
    assert_int_equal(chmod(in_base("o/identity.key"), 0644), 0);
    assert_int_equal(folder_open(in_base("o"), false, &folder), ERROR_DENIED);
}

/* ---- Publishing ---- */

static const char content[] = "some music";

static struct media_file_id publish(const struct folder *folder)
{
    char path[FOLDER_PATH_BYTES_MAX];
    struct media_file_id id = {.bytes = sizeof content};
    int fd = -1;
    toy_hash((const uint8_t *)content, sizeof content, id.root);
    assert_int_equal(folder_temporary(folder, path, &fd), 0);
    assert_int_equal(write(fd, content, sizeof content), sizeof content);
    assert_int_equal(folder_publish(folder, path, fd, &id), 0);
    assert_false(is_there(path));
    assert_int_equal(close(fd), 0);
    return id;
}

/* Tells the catalogue of a track that has this one file. */
static void catalogue(const struct folder *folder, const struct media_file_id *id)
{
    struct media_manifest manifest = {.track_id = {1}, .file_count = 1};
    struct media_proof proof = {.leaf_count = 1};
    const struct catalogue_file file = {*id, CATALOGUE_AUDIO, &proof};
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    uint64_t conflict;
    manifest.files[0] = (struct media_file){.id = *id,
                                            .source = *id,
                                            .codec = MEDIA_CODEC_FLAC,
                                            .container = MEDIA_CONTAINER_FLAC,
                                            .channels = 1,
                                            .rate_hz = 44100,
                                            .samples = 1,
                                            .start_run_count = 1,
                                            .start_runs = {{0, 1}}};
    memcpy(proof.hashes[0], id->root, HASH_BYTES);
    assert_int_equal(media_manifest_encode(&manifest, bytes, sizeof bytes, &count), 0);
    assert_int_equal(catalogue_add(folder->catalogue, bytes, count, &file, 1, &conflict), 0);
}

static void test_publish(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    char read_back[sizeof content];
    struct folder folder;
    int fd = -1;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    struct media_file_id id = publish(&folder);
    catalogue(&folder, &id);
    folder_settle(&folder, &id);
    assert_int_equal(count_files(in_base("o/media")), 1);
    (void)publish(&folder); /* the same again: there already */
    folder_settle(&folder, &id);
    folder_close(&folder);

    assert_int_equal(folder_open(in_base("o"), false, &folder), 0);
    assert_int_equal(folder_open_media(&folder, &id, &fd), 0);
    assert_int_equal(read(fd, read_back, sizeof read_back), sizeof read_back);
    assert_memory_equal(read_back, content, sizeof content);
    assert_int_equal(close(fd), 0);
    struct media_file_id other = id;
    other.bytes++; /* the same root with another length */
    assert_int_equal(folder_open_media(&folder, &other, &fd), ERROR_DAMAGED);
    other.root[0] ^= 1;
    assert_int_equal(folder_open_media(&folder, &other, &fd), ERROR_NOT_FOUND);
    folder_close(&folder);
}

static void test_second_length(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    char path[FOLDER_PATH_BYTES_MAX];
    struct folder folder;
    int fd = -1;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    struct media_file_id id = publish(&folder);
    id.bytes = 64;
    assert_int_equal(folder_temporary(&folder, path, &fd), 0);
    assert_int_equal(folder_publish(&folder, path, fd, &id), ERROR_EXISTS);
    assert_int_equal(close(fd), 0);
    assert_false(is_there(path));
    folder_close(&folder);
}

/* What could not be catalogued does not stay. */
static void test_settle_unknown(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    struct folder folder;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    struct media_file_id id = publish(&folder);
    assert_int_equal(count_files(in_base("o/media")), 2);
    folder_settle(&folder, &id);
    assert_int_equal(count_files(in_base("o/media")), 0);
    folder_settle(&folder, &id); /* nothing to do */
    folder_close(&folder);
}

/* Where a kill may hit: while writing, behind the rename, behind the catalogue. */
static void test_kills(void **state)
{
    (void)state;
    uint8_t identity[PUBLIC_KEY_BYTES];
    char path[FOLDER_PATH_BYTES_MAX];
    struct folder folder;
    int fd = -1;
    assert_int_equal(folder_create(in_base("o"), identity), 0);
    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    assert_int_equal(folder_temporary(&folder, path, &fd), 0);
    assert_int_equal(close(fd), 0);
    (void)publish(&folder);
    assert_int_equal(count_files(in_base("o/media")), 3); /* a rest, a file, its mark */
    folder_close(&folder);

    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    assert_int_equal(count_files(in_base("o/media")), 0);
    struct media_file_id id = publish(&folder);
    catalogue(&folder, &id);
    folder_close(&folder); /* not settled */

    assert_int_equal(folder_open(in_base("o"), true, &folder), 0);
    assert_int_equal(count_files(in_base("o/media")), 1);
    assert_int_equal(folder_open_media(&folder, &id, &fd), 0);
    assert_int_equal(close(fd), 0);
    folder_close(&folder);
}

int main(void)
{
#define IN_BASE(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)
    const struct CMUnitTest tests[] = {
        IN_BASE(test_create),         IN_BASE(test_create_again_after_a_kill),
        IN_BASE(test_one_writer),     IN_BASE(test_damaged),
        IN_BASE(test_publish),        IN_BASE(test_second_length),
        IN_BASE(test_settle_unknown), IN_BASE(test_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
