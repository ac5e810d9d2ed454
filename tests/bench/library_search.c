/*
 * library_search.c: a catalogue of 100,000 tracks: building its copy, opening it, and queries that are typed
 * letter by letter. Fails when a key press takes longer than its limit.
 *
 *   library_search [TRACKS]
 */
#include "common/prng.h"
#include "player/library/copy_build.h"
#include "player/library/find.h"
#include "player/library/names.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRACKS_DEFAULT 100000u
#define WORDS 8000u
#define LIMIT_US 10000u
#define ROUNDS 5u
#define SHOWN 20u

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* A word of its number: syllables, some with marks. Small numbers are common. */
static void make_word(uint64_t number, char *ret_word, size_t capacity)
{
    static const char *const syllables[] = {"the", "lo",  "ve",        "ni", "ght", "s\xc3\xb8",
                                            "ra",  "mi",  "b\xc3\xa9", "tu", "kan", "or",
                                            "de",  "sha", "wo",        "nda"};
    size_t used = 0;
    ret_word[0] = '\0';
    do {
        used += (size_t)snprintf(ret_word + used, capacity - used, "%s", syllables[number % 16]);
        number /= 16;
    } while (number > 0 && used + 8 < capacity);
}

static void make_name(struct prng *prng, unsigned words, char *ret_name, size_t capacity)
{
    size_t used = 0;
    for (unsigned i = 0; i < words; i++) {
        char word[48];
        uint64_t most = prng_below(prng, 4) == 0 ? 40 : WORDS;
        make_word(prng_below(prng, most), word, sizeof word);
        used += (size_t)snprintf(ret_name + used, capacity - used, "%s%s", i > 0 ? " " : "", word);
    }
}

static void put_album(struct copy_builder *builder, struct prng *prng, uint32_t first,
                      uint32_t count, const char *artist)
{
    char title[256], album[256];
    make_name(prng, 1 + (unsigned)prng_below(prng, 4), album, sizeof album);
    for (uint32_t i = first; i < first + count; i++) {
        struct copy_item item = {.title = title,
                                 .artist = artist,
                                 .album_artist = "",
                                 .album = album,
                                 .duration_ms = 200000,
                                 .year = 1950 + first % 70,
                                 .number = (uint16_t)(i - first + 1)};
        make_name(prng, 1 + (unsigned)prng_below(prng, 5), title, sizeof title);
        memcpy(item.id, &i, sizeof i);
        memcpy(item.album_id, &first, sizeof first);
        item.album_id[15] = 1;
        int error = copy_builder_put(builder, &item);
        assert(error == 0);
    }
}

static void make(uint32_t tracks, void **ret_bytes, size_t *ret_count)
{
    struct copy_builder *builder;
    struct prng prng;
    char artist[256] = "";
    prng_init(&prng, 1);
    int error = copy_builder_new(1, &builder);
    assert(error == 0);
    for (uint32_t i = 0; i < tracks; i += 10) {
        if (i % 30 == 0) {
            make_name(&prng, 1 + (unsigned)prng_below(&prng, 3), artist, sizeof artist);
        }
        put_album(builder, &prng, i, tracks - i < 10 ? tracks - i : 10, artist);
    }
    uint64_t at_us = now_us();
    error = copy_builder_finish(builder, "1-00000000", ret_bytes, ret_count);
    assert(error == 0);
    copy_builder_free(builder);
    printf("build    %u tracks: %" PRIu64 " ms, %zu KiB\n", tracks, (now_us() - at_us) / 1000,
           *ret_count / 1024);
}

/* The best of some rounds: what else the machine does is not asked. */
static uint64_t press(const struct copy *copy, const char *query, uint32_t *ret_total)
{
    static uint32_t room[3][SHOWN];
    uint64_t best_us = UINT64_MAX;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct find_results tracks = {room[0], SHOWN, 0, 0};
        struct find_results albums = {room[1], SHOWN, 0, 0};
        struct find_results artists = {room[2], SHOWN, 0, 0};
        uint64_t at_us = now_us();
        int error = find_all(copy, query, &tracks, &albums, &artists);
        uint64_t took_us = now_us() - at_us;
        assert(error == 0);
        best_us = took_us < best_us ? took_us : best_us;
        *ret_total = tracks.total;
    }
    return best_us;
}

static uint64_t type(const struct copy *copy, const char *query)
{
    char typed[128];
    uint64_t slowest_us = 0;
    for (size_t count = 1; count <= strlen(query); count++) {
        uint32_t total = 0;
        memcpy(typed, query, count);
        typed[count] = '\0';
        uint64_t took_us = press(copy, typed, &total);
        printf("search   %-28s %6" PRIu64 " us  %6u tracks\n", typed, took_us, total);
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
    }
    return slowest_us;
}

int main(int argc, char *argv[])
{
    static const char *const queries[] = {"the love night", "soe", "t l n s r m b k"};
    void *bytes = NULL;
    size_t count = 0;
    struct copy copy;
    uint64_t slowest_us = 0;
    make(argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : TRACKS_DEFAULT, &bytes, &count);
    uint64_t at_us = now_us();
    int error = copy_open(bytes, count, &copy);
    assert(error == 0);
    printf("open     %" PRIu64 " us\n", now_us() - at_us);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        uint64_t took_us = type(&copy, queries[i]);
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
    }
    struct names_matches matches = {.count = 0};
    at_us = now_us();
    error = names_find(&copy, "the love", NAMES_PREFIX, 7, &matches);
    assert(error == 0);
    printf("names    prefix: %" PRIu64 " us\n", now_us() - at_us);
    free(bytes);
    printf("slowest key press: %" PRIu64 " us (limit %u)\n", slowest_us, LIMIT_US);
    return slowest_us <= LIMIT_US ? 0 : 1;
}
