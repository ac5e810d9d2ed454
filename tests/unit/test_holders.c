/*
 * test_holders.c: what neighbours say they have, in string pictures: a file of 20 chunks, x is there.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/holders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 20u

static struct media_intern *intern;
static struct holders holders;
static uint32_t charge[OVERLAY_LINKS_MAX];
static uint32_t *charges[OVERLAY_LINKS_MAX];

static media_handle file_of(char letter, uint64_t bytes)
{
    struct media_file_id id = {.bytes = bytes};
    memset(id.root, letter, sizeof id.root);
    return media_intern_put(intern, &id);
}

static void wish(const char *letters)
{
    struct overlay_wish wishes[OVERLAY_WISHES_MAX];
    uint32_t count = 0;
    uint64_t gone;
    uint64_t fresh;
    for (; *letters != '\0'; letters++) {
        wishes[count++] =
            (struct overlay_wish){.file = file_of(*letters, CHUNKS * CHUNK_BYTES), .weight = 800};
    }
    assert_int_equal(holders_set(&holders, wishes, count, charges, &gone, &fresh), 0);
    holders_check_invariants(&holders, charges);
}

static void start(uint32_t bytes_max)
{
    intern = media_intern_new(1);
    assert_non_null(intern);
    memset(charge, 0, sizeof charge);
    for (uint32_t i = 0; i < OVERLAY_LINKS_MAX; i++) {
        charges[i] = &charge[i];
    }
    holders_init(&holders, intern, bytes_max, 3, 60 * TIME_US_PER_S);
}

static void finish(void)
{
    for (uint32_t i = 0; i < OVERLAY_LINKS_MAX; i++) {
        holders_forget(&holders, i, &charge[i]);
        assert_int_equal(charge[i], 0);
    }
    holders_deinit(&holders);
    media_intern_free(intern);
}

static int have(char letter, uint32_t slot, enum p2p_have kind, const char *picture)
{
    uint8_t runs[CHUNKS * P2P_HAVE_RUN_BYTES];
    struct p2p_message message = {.type = P2P_HAVE, .have = {.kind = (uint8_t)kind, .runs = runs}};
    bool is_more;
    for (uint32_t chunk = 0; chunk < strlen(picture); chunk++) {
        uint32_t end = chunk;
        while (picture[end] == 'x') {
            end++;
        }
        if (end > chunk) {
            struct p2p_have_run run = {.first = chunk, .count = end - chunk};
            p2p_have_run_write(runs, message.have.count++, &run);
            chunk = end;
        }
    }
    struct holders_wish *found = holders_find(&holders, file_of(letter, CHUNKS * CHUNK_BYTES));
    assert_non_null(found);
    message.have.file = found->id;
    int error =
        holders_have(&holders, found, slot, &charge[slot], TIME_US_PER_S, &message, &is_more);
    holders_check_invariants(&holders, charges);
    return error;
}

static void expect(char letter, uint32_t slot, const char *picture)
{
    char seen[CHUNKS + 1] = {0};
    const struct holders_wish *found =
        holders_find(&holders, file_of(letter, CHUNKS * CHUNK_BYTES));
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        seen[chunk] = holders_has(found, slot, chunk) ? 'x' : '.';
    }
    assert_string_equal(seen, picture);
}

static void test_what_is_said(void **state)
{
    (void)state;
    static const struct {
        enum p2p_have kind;
        const char *said, *then;
        uint32_t charge;
    } rows[] = {
        {P2P_HAVE_RUNS, "xx......xx", "xx......xx..........", 3},
        {P2P_HAVE_MORE, "..xxxxxxx", "xxxxxxxxxx..........", 3},
        {P2P_HAVE_MORE, "...................x", "xxxxxxxxxx.........x", 3},
        {P2P_HAVE_RUNS, ".x", ".x..................", 3},
        {P2P_HAVE_MORE, "xxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxx", 0}, /* whole now */
        {P2P_HAVE_MORE, "x", "xxxxxxxxxxxxxxxxxxxx", 0},
        {P2P_HAVE_NONE, "", "....................", 0},
        {P2P_HAVE_MORE, "x", "x...................", 3},
        {P2P_HAVE_WHOLE, "", "xxxxxxxxxxxxxxxxxxxx", 0},
        {P2P_HAVE_RUNS, "......xxxx", "......xxxx..........", 3}, /* it lost some */
    };
    start(1000);
    wish("A");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(have('A', 5, rows[i].kind, rows[i].said), 0);
        expect('A', 5, rows[i].then);
        assert_int_equal(charge[5], rows[i].charge);
    }
    finish();
}

static void test_rarity(void **state)
{
    (void)state;
    static const char *const counts = "43221111111111111111";
    start(1000);
    wish("AB");
    have('A', 0, P2P_HAVE_WHOLE, "");
    have('A', 1, P2P_HAVE_RUNS, "xx");
    have('A', 7, P2P_HAVE_RUNS, "x.xx");
    have('A', 63, P2P_HAVE_RUNS, "xx");
    have('B', 1, P2P_HAVE_WHOLE, "");
    const struct holders_wish *found = holders_find(&holders, file_of('A', CHUNKS * CHUNK_BYTES));
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        assert_int_equal(holders_count(found, chunk), counts[chunk] - '0');
    }
    assert_int_equal(holders_overlap(&holders, 0), 800);
    assert_int_equal(holders_overlap(&holders, 1), 800 + 100); /* a part: at least an eighth */
    assert_int_equal(holders_overlap(&holders, 7), 120);
    assert_int_equal(holders_overlap(&holders, 8), 0);
    assert_int_equal(holders_files(&holders, 1), 2);
    finish();
}

static void test_wishes_keep_their_slots(void **state)
{
    (void)state;
    start(1000);
    wish("ABC");
    have('B', 1, P2P_HAVE_RUNS, "xx");
    have('A', 1, P2P_HAVE_RUNS, "xx");
    uint32_t slot = holders_find(&holders, file_of('B', CHUNKS * CHUNK_BYTES))->slot;
    wish("DBE");
    assert_int_equal(holders_find(&holders, file_of('B', CHUNKS * CHUNK_BYTES))->slot, slot);
    assert_int_equal(holders_at(&holders, 1)->slot, slot);
    assert_null(holders_find(&holders, file_of('A', CHUNKS * CHUNK_BYTES)));
    expect('B', 1, "xx..................");
    expect('D', 1, "....................");
    assert_int_equal(charge[1], 3); /* A's masks are given back */
    wish("");
    assert_int_equal(charge[1], 0);
    assert_int_equal(holders_heap_bytes(&holders), 0);
    finish();
}

static void test_masks_are_bounded(void **state)
{
    (void)state;
    start(7); /* bytes: two files of three rows */
    wish("ABC");
    assert_int_equal(have('A', 1, P2P_HAVE_RUNS, "x"), 0);
    assert_int_equal(have('B', 1, P2P_HAVE_RUNS, "x"), 0);
    assert_int_equal(have('C', 1, P2P_HAVE_RUNS, "x"), ERROR_FULL);
    expect('C', 1, "....................");
    assert_int_equal(have('C', 1, P2P_HAVE_WHOLE, ""), 0); /* costs nothing */
    assert_int_equal(have('A', 1, P2P_HAVE_NONE, ""), 0);
    assert_int_equal(have('C', 1, P2P_HAVE_RUNS, "x"), 0);
    finish();
}

static void test_trust(void **state)
{
    (void)state;
    struct p2p_message message = {.type = P2P_HAVE, .have = {.kind = P2P_HAVE_WHOLE}};
    bool is_more;
    start(1000);
    wish("A");
    struct holders_wish *found = holders_find(&holders, file_of('A', CHUNKS * CHUNK_BYTES));
    message.have.file = found->id;
    have('A', 1, P2P_HAVE_RUNS, "xxxxx");
    assert_false(holders_not_held(&holders, found, 1, &charge[1], 1, 9)); /* nobody said so */
    assert_false(holders_not_held(&holders, found, 1, &charge[1], 1, 0));
    assert_false(holders_not_held(&holders, found, 1, &charge[1], 1, 1));
    expect('A', 1, "..xxx...............");
    holders_gave(found, 1);
    assert_false(holders_not_held(&holders, found, 1, &charge[1], 1, 2));
    assert_false(holders_not_held(&holders, found, 1, &charge[1], 1, 3));
    assert_true(holders_not_held(&holders, found, 1, &charge[1], 1, 4));
    holders_check_invariants(&holders, charges);
    assert_int_equal(
        holders_have(&holders, found, 1, &charge[1], 59 * TIME_US_PER_S, &message, &is_more),
        ERROR_NOT_FOUND);
    assert_int_equal(
        holders_have(&holders, found, 1, &charge[1], 62 * TIME_US_PER_S, &message, &is_more), 0);
    assert_true(is_more);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_rarity),
        cmocka_unit_test(test_wishes_keep_their_slots),
        cmocka_unit_test(test_masks_are_bounded),
        cmocka_unit_test(test_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
