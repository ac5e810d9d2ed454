/*
 * test_evict_ours.c: our policy in pictures, and against the index that a player has.
 */
#include "cache/core/index.h"
#include "common/prng.h"
#include "tests/lib/evict_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES 300u
#define LIMIT_CHUNKS 50u
#define REQUESTS 20000u

static const struct evict_row rows[] = {
    /* Asked for again while new: it outlives a scan. */
    {"refrain", 4, "aabbcdefab", ".x.x....xx"},
    /* Once is not enough. */
    {"refrain", 4, "abcdea", "......"},
    /* Who left lately comes into the main part. */
    {"refrain", 3, "abcdaefga", "........x"},
};

static void test_pictures(void **state)
{
    char met[EVICT_REQUESTS_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        evict_row_run(&rows[i], met);
        assert_string_equal(met, rows[i].met);
    }
    for (uint64_t seed = 1; seed <= 5; seed++) {
        assert_true(evict_random_run("refrain", seed) > 0);
    }
}

static media_handle make_file(struct media_intern *intern, uint32_t number)
{
    struct media_file_id id = {.bytes = CHUNK_BYTES};
    memcpy(id.root, &number, sizeof number);
    return media_intern_put(intern, &id);
}

/* A play of a file of one chunk: true when it is here. As the node does it: what comes is played. */
static bool play(struct cache_index *index, media_handle file)
{
    media_handle victim = 0;
    bool is_here = cache_index_chunk_count(index, file) > 0;
    while (!is_here && cache_index_next_victim(index, CHUNK_BYTES, file, &victim)) {
    }
    if (!is_here) {
        assert_int_equal(cache_index_row_stored(index, file, 0, 1), 0);
    }
    cache_index_touch(index, file);
    return is_here;
}

/* The same plays through both: hits within half a point (the index remembers half as many that left,
 * the replay as many as have the main part's bytes). */
static void test_against_index(void **state)
{
    (void)state;
    struct media_intern *intern = media_intern_new(1);
    struct cache_index_config config = {
        .intern = intern, .limit_bytes = LIMIT_CHUNKS * CHUNK_BYTES, .seed = 2};
    struct evict_config evict_config = {.policy = evict_policy_find("refrain"),
                                        .limit_bytes = LIMIT_CHUNKS * CHUNK_BYTES,
                                        .object_count = FILES};
    struct cache_index *index = NULL;
    struct evict *evict = NULL;
    struct prng prng;
    uint32_t hits[2] = {0};
    assert_non_null(intern);
    assert_int_equal(cache_index_new(&config, &index), 0);
    assert_int_equal(evict_new(&evict_config, &evict), 0);
    prng_init(&prng, 3);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint32_t number = (uint32_t)prng_below(&prng, 1 + prng_below(&prng, FILES));
        struct evict_request request = {.object = number, .bytes = CHUNK_BYTES};
        hits[0] += play(index, make_file(intern, number));
        hits[1] += evict_request(evict, &request) == CHUNK_BYTES;
    }
    assert_in_range(hits[0], REQUESTS / 5, REQUESTS);
    assert_in_range(hits[0] + REQUESTS / 200 - hits[1], 0, REQUESTS / 100);
    evict_free(evict);
    cache_index_free(index);
    media_intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_against_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
