/*
 * test_index.c: the cache index, in pictures.
 *
 * A file is a picture of its chunks, rows apart by blanks: "xxxxxxxx x..": two rows, the second of
 * three chunks. Its last chunk has 100 bytes. Files that compete for room are letters.
 */
#include "cache/core/index.h"
#include "common/error.h"
#include "common/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    if (fail_at > 0 && --fail_at == 0) {
        return NULL;
    }
    return __real_calloc(count, bytes);
}

#define LAST_BYTES 100u
#define PICTURE_MAX 64u

static struct media_intern *intern;

static int make_intern(void **state)
{
    (void)state;
    intern = media_intern_new(3);
    return intern == NULL;
}

static int free_intern(void **state)
{
    (void)state;
    media_intern_free(intern);
    return 0;
}

/* A file of so many bytes; `name` makes it another one. */
static media_handle make_file(uint32_t name, uint64_t bytes)
{
    struct media_file_id id = {.bytes = bytes};
    memcpy(id.root, &name, sizeof name);
    media_handle file = media_intern_put(intern, &id);
    assert_int_not_equal(file, 0);
    return file;
}

static uint32_t chunks_in(const char *picture)
{
    uint32_t chunks = 0;
    for (const char *at = picture; *at != '\0'; at++) {
        chunks += *at != ' ';
    }
    return chunks;
}

static media_handle file_of(const char *picture)
{
    uint32_t chunks = chunks_in(picture);
    return make_file(chunks, (uint64_t)(chunks - 1) * CHUNK_BYTES + LAST_BYTES);
}

static void masks_of(const char *picture, uint8_t masks[8])
{
    uint32_t chunk = 0;
    memset(masks, 0, 8);
    for (const char *at = picture; *at != '\0'; at++) {
        if (*at != ' ') {
            masks[chunk / ROW_CHUNKS] |= (uint8_t)((*at == 'x') << (chunk % ROW_CHUNKS));
            chunk++;
        }
    }
}

static struct cache_index *new_index(uint64_t limit_bytes, const struct cache_policy *policy)
{
    struct cache_index_config config = {
        .intern = intern, .policy = policy, .limit_bytes = limit_bytes, .seed = 5};
    struct cache_index *index = NULL;
    assert_int_equal(cache_index_new(&config, &index), 0);
    return index;
}

static void assert_picture(const struct cache_index *index, media_handle file, const char *picture)
{
    uint32_t chunks = chunks_in(picture);
    uint32_t stored = 0;
    uint64_t bytes = 0;
    uint32_t chunk = 0;
    char seen[PICTURE_MAX] = "";
    for (size_t i = 0; picture[i] != '\0'; i++) {
        seen[i] = ' ';
        if (picture[i] != ' ') {
            bool has = cache_index_has_chunk(index, file, chunk);
            seen[i] = has ? 'x' : '.';
            stored += has;
            bytes += !has ? 0 : chunk + 1 == chunks ? LAST_BYTES : CHUNK_BYTES;
            chunk++;
        }
    }
    assert_string_equal(seen, picture);
    assert_int_equal(cache_index_chunk_count(index, file), stored);
    assert_int_equal(cache_index_file_bytes(index, file), bytes);
    assert_int_equal(cache_index_payload_bytes(index), bytes);
    assert_int_equal(cache_index_file_count(index), stored > 0);
    assert_int_equal(cache_index_complete(index, file), stored == chunks);
    cache_index_check_invariants(index);
}

static const struct {
    const char *before;
    char step; /* '+' row stored with `mask`, '-' row lost, '0' file removed */
    uint32_t row;
    const char *mask;
    const char *after;
} steps[] = {
    {"........ ...", '+', 0, "x.......", "x....... ..."},
    {"........ ...", '+', 1, "..x", "........ ..x"},
    {"x....... ...", '+', 0, ".xxxxxxx", "xxxxxxxx ..."},
    {"x.x..... ...", '+', 0, "xx......", "xxx..... ..."},
    {"xxxxxxxx x..", '+', 1, ".xx", "xxxxxxxx xxx"},
    {"xxxxxxxx xxx", '+', 1, "xxx", "xxxxxxxx xxx"},
    {"xxxxxxxx xxx", '+', 0, "x.......", "xxxxxxxx xxx"},
    {"........ ...", '+', 0, "........", "........ ..."},
    {".", '+', 0, "x", "x"},
    {"xxxxxxxx xxx", '-', 0, "", "........ xxx"},
    {"xxxxxxxx xxx", '-', 1, "", "xxxxxxxx ..."},
    {"xx......", '-', 0, "", "........"},
    {"x", '-', 0, "", "."},
    {"........ ..x", '-', 1, "", "........ ..."},
    {"........ ..x", '-', 0, "", "........ ..x"},
    {"........ ...", '-', 0, "", "........ ..."},
    {"xxxxxxxx xxx", '0', 0, "", "........ ..."},
    {"x....... ..x", '0', 0, "", "........ ..."},
    {"........ ...", '0', 0, "", "........ ..."},
};

static int do_step(struct cache_index *index, media_handle file, size_t i)
{
    uint8_t masks[8];
    masks_of(steps[i].mask, masks);
    switch (steps[i].step) {
    case '+':
        return cache_index_row_stored(index, file, steps[i].row, masks[0]);
    case '-':
        return cache_index_row_lost(index, file, steps[i].row);
    default:
        cache_index_remove_file(index, file);
        return 0;
    }
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct cache_index *index = new_index(UINT64_MAX, NULL);
        media_handle file = file_of(steps[i].before);
        uint8_t masks[8];
        masks_of(steps[i].before, masks);
        assert_int_equal(cache_index_add_file(index, file, masks, 1, true), 0);
        assert_picture(index, file, steps[i].before);
        assert_int_equal(do_step(index, file, i), 0);
        assert_picture(index, file, steps[i].after);
        cache_index_free(index);
    }
}

/* Fails each allocation of each step once: the index is as it was, or the file is forgotten. */
static void test_steps_without_memory(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (unsigned nth = 1; nth <= 5; nth++) {
            struct cache_index *index = new_index(UINT64_MAX, NULL);
            media_handle file = file_of(steps[i].before);
            uint8_t masks[8];
            masks_of(steps[i].before, masks);
            assert_int_equal(cache_index_add_file(index, file, masks, 1, true), 0);
            fail_at = nth;
            int error = do_step(index, file, i);
            fail_at = 0;
            if (error == 0) {
                assert_picture(index, file, steps[i].after);
            } else {
                assert_int_equal(error, ERROR_NO_MEMORY);
                cache_index_check_invariants(index);
                assert_int_equal(cache_index_file_count(index),
                                 steps[i].step == '+' && strchr(steps[i].before, 'x') != NULL);
                refused++;
            }
            cache_index_free(index);
        }
    }
    assert_true(refused >= 10);
}

/*
 * Files are letters of one chunk of 16,384 bytes. A script: "a" its row is stored, "~a" it is used,
 * "!a" pinned, "qa" in the queue, "ha" a head, "na" nothing again, "-a" removed. Then room is made for
 * all: who leaves, in which order; `keep` never does.
 */
static const struct {
    const struct cache_policy *policy;
    const char *script;
    char keep;
    const char *victims;
} plays[] = {
    {&cache_policy_lru, "a b c", 0, "abc"},
    {&cache_policy_lru, "c b a", 0, "cba"},
    {&cache_policy_lru, "a b c ~a", 0, "bca"},
    {&cache_policy_lru, "a b c ~b ~a ~c", 0, "bac"},
    {&cache_policy_lru, "a b c a", 0, "abc"}, /* storing what is there is no use */
    {&cache_policy_fifo, "a b c ~b ~a", 0, "abc"},
    {&cache_policy_lru, "a b c ha", 0, "bca"},
    {&cache_policy_lru, "a b c qa hb", 0, "cba"},
    {&cache_policy_lru, "a b c qa hb na", 0, "acb"},
    {&cache_policy_lru, "a b c !a", 0, "bc"},
    {&cache_policy_lru, "!a a b", 0, "ab"}, /* who is not here cannot be pinned */
    {&cache_policy_lru, "a b c !a !b !c", 0, ""},
    {&cache_policy_lru, "a b c", 'a', "bc"},
    {&cache_policy_lru, "a b c qa qb qc ~a", 'b', "ca"},
    {&cache_policy_lru, "a b c -b", 0, "ac"},
    {&cache_policy_lru, "a b -a a", 0, "ba"},
    {&cache_policy_lru, "~z -z qz", 0, ""},
    /* With probation who was not played again leaves first, in the order of coming. */
    {&cache_policy_probation, "a b c", 0, "abc"},
    {&cache_policy_probation, "a b c ~a ~a", 0, "bca"},
    {&cache_policy_probation, "a b c ~a ~b", 0, "abc"}, /* played once is not again */
    {&cache_policy_probation, "a b c ~b ~b ~a ~a", 0, "cba"},
    {&cache_policy_probation, "a b c d ~a ~a ~b ~b ~c ~c ~d ~d ~b", 0, "acbd"}, /* put off */
    {&cache_policy_probation, "a b c ~a ~a qc", 0, "bac"},                      /* levels first */
    {&cache_policy_probation, "a b !a ~b ~b", 0, "b"},
    {&cache_policy_probation, "a b c", 'a', "bc"},
};

static void play(struct cache_index *index, const char *script)
{
    for (const char *at = script; *at != '\0'; at++) {
        if (*at == ' ') {
            continue;
        }
        char step = at[1] == '\0' || at[1] == ' ' ? '+' : *at++;
        media_handle file = make_file((uint32_t)*at, CHUNK_BYTES);
        switch (step) {
        case '+':
            assert_int_equal(cache_index_row_stored(index, file, 0, 1), 0);
            break;
        case '~':
            cache_index_touch(index, file);
            break;
        case '-':
            cache_index_remove_file(index, file);
            break;
        default:
            cache_index_protect(index, file,
                                step == '!'   ? CACHE_PROTECTION_PINNED
                                : step == 'q' ? CACHE_PROTECTION_QUEUE
                                : step == 'h' ? CACHE_PROTECTION_HEAD
                                              : CACHE_PROTECTION_NONE);
        }
    }
}

static char letter_of(media_handle file)
{
    return (char)media_intern_id(intern, file)->root[0];
}

static void test_victims(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
        struct cache_index *index = new_index(4 * CHUNK_BYTES, plays[i].policy);
        play(index, plays[i].script);
        media_handle keep =
            plays[i].keep == 0 ? 0 : make_file((uint32_t)plays[i].keep, CHUNK_BYTES);
        char seen[8] = "";
        media_handle victim = 0;
        while (cache_index_next_victim(index, 4 * CHUNK_BYTES, keep, &victim)) {
            seen[strlen(seen)] = letter_of(victim);
            assert_int_equal(cache_index_chunk_count(index, victim), 0);
            cache_index_check_invariants(index);
        }
        assert_string_equal(seen, plays[i].victims);
        cache_index_free(index);
    }
}

/* All who leave for `chunks` more, by their letters. */
static void make_room(struct cache_index *index, uint64_t chunks, char *ret_seen)
{
    media_handle victim = 0;
    size_t count = 0;
    while (cache_index_next_victim(index, chunks * CHUNK_BYTES, 0, &victim)) {
        ret_seen[count++] = letter_of(victim);
        cache_index_check_invariants(index);
    }
    ret_seen[count] = '\0';
}

static void test_probation(void **state)
{
    (void)state;
    char seen[32];
    struct cache_index *index = new_index(20 * CHUNK_BYTES, &cache_policy_probation);
    play(index, "a b c d e f g h i j k l m n o p q r s");
    play(index, "~a ~b ~c ~d ~e ~f ~g ~h ~i ~j ~k ~l ~m ~n ~o ~p ~q ~r");
    play(index, "~a ~b ~c ~d ~e ~f ~g ~h ~i ~j ~k ~l ~m ~n ~o ~p ~q ~r");
    play(index, "t"); /* full: 18 in the main part, s and t are the tenth */
    make_room(index, 1, seen);
    assert_string_equal(seen, "s");
    /* Newcomers below their tenth: the main part gives. */
    make_room(index, 1, seen);
    assert_string_equal(seen, "");
    play(index, "u");
    make_room(index, 3, seen);
    assert_string_equal(seen, "tab");
    /* Who left from probation lately comes into the main part. */
    play(index, "t s v w");
    make_room(index, 3, seen);
    assert_string_equal(seen, "uvcd");
    play(index, "a");
    make_room(index, 3, seen);
    assert_string_equal(seen, "w"); /* a had left from the main part: it is new again */
    cache_index_free(index);
}

/* Over a restart: who was on probation is there again, and its next play takes it out. */
static void test_told_on_probation(void **state)
{
    (void)state;
    char seen[8];
    struct cache_index *index = new_index(4 * CHUNK_BYTES, &cache_policy_probation);
    for (uint64_t i = 0; i < 4; i++) {
        media_handle file = make_file((uint32_t)('a' + i), CHUNK_BYTES);
        assert_int_equal(cache_index_add_file(index, file, NULL, i + 1, i == 0), 0);
        assert_int_equal(cache_index_is_main(index, file), i == 0);
    }
    play(index, "~b");
    assert_true(cache_index_is_main(index, make_file('b', CHUNK_BYTES)));
    make_room(index, 4, seen);
    assert_string_equal(seen, "cdab");
    cache_index_free(index);
}

/* More leave than are remembered. */
static void test_ghosts_are_bounded(void **state)
{
    (void)state;
    struct cache_index *index = new_index(UINT64_C(10000) * CHUNK_BYTES, &cache_policy_probation);
    media_handle victim = 0;
    for (uint32_t i = 0; i < 30000; i++) {
        assert_int_equal(cache_index_row_stored(index, make_file(1000 + i, CHUNK_BYTES), 0, 1), 0);
        while (cache_index_next_victim(index, CHUNK_BYTES, 0, &victim)) {
        }
    }
    size_t bytes = cache_index_heap_bytes(index);
    assert_in_range(bytes, 10000 * 8, 10000 * 16 + 4096 * 4 + 1024);
    cache_index_check_invariants(index);
    cache_index_free(index);
}

static const struct {
    uint64_t limit_chunks;
    uint64_t needed_chunks;
    const char *victims; /* of "a b c d" */
    bool fits;           /* afterwards */
} rooms[] = {
    {5, 1, "", true},     {4, 0, "", true},  {4, 1, "a", true},
    {4, 3, "abc", true},  {3, 0, "a", true}, {2, 1, "abc", true},
    {0, 0, "abcd", true}, {3, 4, "", false}, {0, 1, "", false},
};

static void test_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct cache_index *index = new_index(rooms[i].limit_chunks * CHUNK_BYTES, NULL);
        play(index, "a b c d"); /* beyond the limit, too: the index refuses nothing */
        uint64_t needed = rooms[i].needed_chunks * CHUNK_BYTES;
        char seen[8] = "";
        media_handle victim = 0;
        while (cache_index_next_victim(index, needed, 0, &victim)) {
            seen[strlen(seen)] = letter_of(victim);
        }
        assert_string_equal(seen, rooms[i].victims);
        assert_int_equal(cache_index_fits(index, needed), rooms[i].fits);
        cache_index_free(index);
    }
}

/* What the store tells at the start orders by its last use, in whatever order it is told; what is
 * used later is later than all of it. */
static void test_last_use(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t last_use;
    } told[] = {{"c", 3}, {"a", 1}, {"d", CACHE_RANK_MAX}, {"b", 2}};
    struct cache_index *index = new_index(4 * CHUNK_BYTES, &cache_policy_lru);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        media_handle file = make_file((uint32_t)told[i].name[0], CHUNK_BYTES);
        assert_int_equal(cache_index_add_file(index, file, NULL, told[i].last_use, true), 0);
    }
    play(index, "~a e"); /* the clock is at its end: ranks are halved */
    cache_index_check_invariants(index);
    char seen[8] = "";
    media_handle victim = 0;
    while (cache_index_next_victim(index, 4 * CHUNK_BYTES, 0, &victim)) {
        seen[strlen(seen)] = letter_of(victim);
    }
    assert_string_equal(seen, "bcdae");
    cache_index_free(index);
}

/* Of files used at about the same time the one that others hold leaves first; a long time counts
 * for more. */
static void test_holders(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        char common;
        uint32_t holders;
        const char *victims;
    } cases[] = {
        {"a b c d", 'd', 0, "abcd"},
        {"a b c d", 'b', 1, "abcd"}, /* a tie: the handle decides */
        {"a b c d", 'b', 2, "bacd"},
        {"a b c d", 'd', 8, "dabc"},
        {"a b c d", 'd', UINT32_MAX, "dabc"},
        {"b c d e f g h a", 'a', 3, "bcdefagh"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cache_index *index = new_index(8 * CHUNK_BYTES, NULL);
        play(index, cases[i].script);
        cache_index_set_holders(index, make_file((uint32_t)cases[i].common, CHUNK_BYTES),
                                cases[i].holders);
        cache_index_set_holders(index, make_file('z', CHUNK_BYTES), 5); /* not here */
        cache_index_check_invariants(index);
        char seen[10] = "";
        media_handle victim = 0;
        while (cache_index_next_victim(index, 8 * CHUNK_BYTES, 0, &victim)) {
            seen[strlen(seen)] = letter_of(victim);
        }
        assert_string_equal(seen, cases[i].victims);
        cache_index_free(index);
    }
}

static void test_next(void **state)
{
    (void)state;
    struct cache_index *index = new_index(UINT64_MAX, NULL);
    play(index, "a b c d");
    uint32_t seen = 0;
    uint32_t place = 0;
    media_handle file = 0;
    while (cache_index_next(index, &place, &file)) {
        seen |= 1u << (letter_of(file) - 'a');
    }
    assert_int_equal(seen, 15);
    assert_false(cache_index_next(index, &place, &file));
    cache_index_free(index);
}

static void test_protection(void **state)
{
    (void)state;
    struct cache_index *index = new_index(UINT64_MAX, NULL);
    play(index, "a b c qb");
    for (const char *at = "abcz"; *at != '\0'; at++) {
        assert_int_equal(cache_index_protection(index, make_file((uint32_t)*at, CHUNK_BYTES)),
                         *at == 'b' ? CACHE_PROTECTION_QUEUE : CACHE_PROTECTION_NONE);
    }
    cache_index_free(index);
}

/* The budget: 16 bytes a complete file, at every size; masks are given back. */
static void test_cost(void **state)
{
    (void)state;
    struct cache_index *index = new_index(UINT64_MAX, NULL);
    size_t empty = cache_index_heap_bytes(index);
    assert_in_range(empty, 1, 512);
    for (uint32_t i = 1; i <= 20000; i++) {
        media_handle file = make_file(1000 + i, 10 * CHUNK_BYTES);
        assert_int_equal(cache_index_row_stored(index, file, 0, 0xff), 0);
        assert_int_equal(cache_index_row_stored(index, file, 1, 0x03), 0);
        assert_true(cache_index_complete(index, file));
        if (i >= 100) {
            assert_in_range(cache_index_heap_bytes(index) - empty, 8 * i, 16 * i);
        }
    }
    cache_index_check_invariants(index);
    cache_index_free(index);
}

static void test_too_many_files(void **state)
{
    (void)state;
    struct cache_index *index = new_index(UINT64_MAX, NULL);
    for (uint32_t i = 0; i < CACHE_FILES_MAX; i++) {
        assert_int_equal(cache_index_row_stored(index, make_file(i, 1), 0, 1), 0);
    }
    media_handle one_more = make_file(CACHE_FILES_MAX, 1);
    assert_int_equal(cache_index_row_stored(index, one_more, 0, 1), ERROR_FULL);
    assert_int_equal(cache_index_add_file(index, one_more, NULL, 1, true), ERROR_FULL);
    assert_int_equal(cache_index_file_count(index), CACHE_FILES_MAX);
    cache_index_free(index);
}

static void test_new_without_memory(void **state)
{
    (void)state;
    struct cache_index_config config = {.intern = intern};
    struct cache_index *index = NULL;
    fail_at = 1;
    assert_int_equal(cache_index_new(&config, &index), ERROR_NO_MEMORY);
    assert_null(index);
    cache_index_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_steps_without_memory),
        cmocka_unit_test(test_victims),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_probation),
        cmocka_unit_test(test_told_on_probation),
        cmocka_unit_test(test_ghosts_are_bounded),
        cmocka_unit_test(test_last_use),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_protection),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_too_many_files),
        cmocka_unit_test(test_new_without_memory),
    };
    return cmocka_run_group_tests(tests, make_intern, free_intern);
}
