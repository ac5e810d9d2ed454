/*
 * test_store_check.c: the walk over an LMDB file finds what would lead LMDB astray, and itself
 * survives anything.
 *
 * A sound file is taken from a real store; then bytes of its tree pages are changed. What the walk
 * lets pass is opened, read, written and evicted: never a crash, never a wrong byte.
 */
#include "cache/lmdb/store_check.h"
#include "common/error.h"
#include "common/prng.h"
#include "tests/lib/store_bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096u
#define FILES 3u

struct image {
    uint8_t *bytes;
    size_t count;
};

static struct image load(const struct store_bench *bench)
{
    char path[PATH_MAX];
    struct stat status;
    struct image image;
    snprintf(path, sizeof path, "%s/data.mdb", bench->folder);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &status), 0);
    image.count = (size_t)status.st_size;
    image.bytes = malloc(image.count);
    assert_non_null(image.bytes);
    assert_int_equal(read(descriptor, image.bytes, image.count), image.count);
    close(descriptor);
    return image;
}

static void save(const struct store_bench *bench, const struct image *image)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/data.mdb", bench->folder);
    int descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, image->bytes, image->count), image->count);
    close(descriptor);
}

static int check(const struct image *image)
{
    bool complete = false;
    int error = store_check_bytes(image->bytes, image->count, UINT64_MAX, &complete);
    assert_true(error != 0 || complete);
    return error;
}

/* Three files, some of it evicted, so that there are free pages. */
static void make_files(struct store_bench *bench, struct cache_fixture files[FILES])
{
    for (uint32_t i = 0; i < FILES; i++) {
        assert_true(cache_fixture_init(&files[i], i, 12 * ROW_BYTES + 100 * i + 1));
        store_bench_put_all(bench, &files[i]);
    }
    for (uint32_t row = 0; row < 6; row++) {
        assert_int_equal(store_evict_row(bench->store, &files[1].id, row), 0);
        assert_int_equal(store_flush(bench->store), 0);
    }
    store_bench_close(bench);
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* A page that stands where its number says, as a branch or a leaf: of a tree, now or formerly. */
static bool is_tree_page(const struct image *image, size_t page)
{
    const uint8_t *at = image->bytes + page * PAGE;
    uint16_t flags = load16(at + 10);
    return page >= 2 && load64(at) == page && (flags == 1 || flags == 2) &&
           load16(at + 12) <= load16(at + 14) && load16(at + 14) <= PAGE;
}

static void test_sound(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture files[FILES];
    bool complete = true;
    make_files(bench, files);
    struct image image = load(bench);
    assert_int_equal(check(&image), 0);
    /* With fewer pages than there are it stops, and says so. */
    assert_int_equal(store_check_bytes(image.bytes, image.count, 3, &complete), 0);
    assert_false(complete);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/data.mdb", bench->folder);
    assert_int_equal(store_check_file(path, 0, &complete), 0);
    assert_false(complete);
    assert_int_equal(store_check_file(path, UINT64_MAX, &complete), 0);
    assert_true(complete);
    free(image.bytes);
    for (uint32_t i = 0; i < FILES; i++) {
        cache_fixture_deinit(&files[i]);
    }
}

/* Cut anywhere but in the free pages at the end it is damaged; in no case is more read than is
 * there (the sanitizer watches). */
static void test_cut(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture files[FILES];
    make_files(bench, files);
    struct image image = load(bench);
    for (size_t count = 0; count < image.count - 64 * PAGE; count += 997) {
        uint8_t *copy = malloc(count + 1);
        assert_non_null(copy);
        memcpy(copy, image.bytes, count);
        struct image cut = {copy, count};
        assert_int_equal(check(&cut), ERROR_DAMAGED);
        free(copy);
    }
    free(image.bytes);
    for (uint32_t i = 0; i < FILES; i++) {
        cache_fixture_deinit(&files[i]);
    }
}

/* A file without any value of the wrong kind, in meta pages and page headers. */
static void test_meta(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture files[FILES];
    static const size_t places[] = {10, 16, 17, 20, 40}; /* flags, magic, version, page size */
    make_files(bench, files);
    struct image image = load(bench);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (size_t meta = 0; meta < 2; meta++) {
            image.bytes[meta * PAGE + places[i]] ^= 0x80;
            int error = check(&image);
            assert_true(error == ERROR_DAMAGED || error == ERROR_VERSION);
            image.bytes[meta * PAGE + places[i]] ^= 0x80;
        }
    }
    assert_int_equal(check(&image), 0);
    free(image.bytes);
    for (uint32_t i = 0; i < FILES; i++) {
        cache_fixture_deinit(&files[i]);
    }
}

/* Opens what the walk let pass, and does everything with it. Answers may be errors. */
static void use(struct store_bench *bench, const struct cache_fixture files[FILES])
{
    uint8_t buffer[CHUNK_BYTES];
    uint32_t bytes = 0;
    struct store_status status;
    if (store_bench_open(bench, false) != 0) {
        return;
    }
    for (uint32_t i = 0; i < FILES; i++) {
        for (uint32_t chunk = 0; chunk < media_chunk_count(files[i].id.bytes); chunk++) {
            if (store_read(bench->store, &files[i].id, chunk, buffer, &bytes) == 0) {
                assert_true(cache_fixture_is_chunk(&files[i], chunk, buffer, bytes));
            }
        }
    }
    store_get_status(bench->store, &status);
    store_bench_put(bench, &files[1], 0, 0xff);
    store_evict_file(bench->store, &files[0].id);
    store_evict_row(bench->store, &files[2].id, 3);
    store_flush(bench->store);
    store_bench_close(bench);
}

static void test_changed_pages(void **state)
{
    struct store_bench *bench = *state;
    struct cache_fixture files[FILES];
    struct prng prng;
    unsigned passed = 0;
    unsigned damaged = 0;
    make_files(bench, files);
    struct image image = load(bench);
    uint8_t *sound = malloc(image.count);
    assert_non_null(sound);
    memcpy(sound, image.bytes, image.count);
    prng_init(&prng, 7);
    while (passed + damaged < 1500) {
        size_t page = (size_t)prng_below(&prng, image.count / PAGE);
        if (!is_tree_page(&image, page)) {
            continue;
        }
        for (uint64_t changes = 1 + prng_below(&prng, 3); changes > 0; changes--) {
            /* Half of them in the header and the offsets. */
            size_t at = (size_t)prng_below(&prng, prng_below(&prng, 2) == 0 ? 64 : PAGE);
            image.bytes[page * PAGE + at] = (uint8_t)prng_u64(&prng);
        }
        if (check(&image) == 0) {
            passed++;
            if (passed % 16 == 0) {
                save(bench, &image);
                use(bench, files);
            }
        } else {
            damaged++;
        }
        memcpy(image.bytes + page * PAGE, sound + page * PAGE, PAGE);
    }
    print_message("%u changes found, %u passed\n", damaged, passed);
    assert_true(damaged > 100);
    assert_true(passed > 100);
    free(sound);
    free(image.bytes);
    for (uint32_t i = 0; i < FILES; i++) {
        cache_fixture_deinit(&files[i]);
    }
}

static void test_files_that_are_none(void **state)
{
    struct store_bench *bench = *state;
    char path[PATH_MAX];
    bool complete = false;
    snprintf(path, sizeof path, "%s/not-there", bench->root);
    assert_int_equal(store_check_file(path, 1, &complete), ERROR_NOT_FOUND);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store_check_file(path, 1, &complete), 0); /* empty: not begun yet */
    assert_true(complete);
}

#define STORE_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, store_bench_setup, store_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_sound),
        STORE_TEST(test_cut),
        STORE_TEST(test_meta),
        STORE_TEST(test_changed_pages),
        STORE_TEST(test_files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
