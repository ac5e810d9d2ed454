/*
 * test_lineup.c: the listener's queue, as strings: a letter is an entry in the order in which it was
 * added, upper case is what plays.
 */
#include "common/error.h"
#include "player/core/lineup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Adds so many; album of each: its index / 3 + 1. */
static void add(struct lineup *lineup, uint32_t count, enum lineup_where where)
{
    struct lineup_track tracks[64];
    uint32_t first;
    assert_true(count <= 64);
    memset(tracks, 0, sizeof tracks);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = lineup->last_number + i;
        tracks[i].track_id[0] = (uint8_t)number;
        tracks[i].album = number / 3 + 1;
    }
    assert_int_equal(lineup_add(lineup, tracks, count, where, &first), 0);
    lineup_check_invariants(lineup);
}

static const char *picture(const struct lineup *lineup)
{
    static char text[128];
    uint32_t i;
    for (i = 0; i < lineup->count && i < sizeof text - 1; i++) {
        const struct lineup_entry *entry = &lineup->entries[i];
        bool is_current = entry->number == lineup_current(lineup);
        text[i] = (char)((is_current ? 'A' : 'a') + (int)entry->number - 1);
    }
    text[i] = '\0';
    return text;
}

static uint32_t number_of(char letter)
{
    return (uint32_t)(letter - 'a') + 1;
}

static const char *upcoming(const struct lineup *lineup)
{
    static char text[16];
    uint32_t numbers[8];
    uint32_t count = lineup_upcoming(lineup, numbers, 8);
    for (uint32_t i = 0; i < count; i++) {
        text[i] = (char)('a' + (int)numbers[i] - 1);
    }
    text[count] = '\0';
    return text;
}

static void test_adding(void **state)
{
    (void)state;
    struct lineup lineup;
    lineup_init(&lineup, 1);
    assert_string_equal(upcoming(&lineup), "");
    assert_int_equal(lineup_behind(&lineup), 0);
    add(&lineup, 3, LINEUP_END);
    assert_string_equal(picture(&lineup), "abc");
    assert_string_equal(upcoming(&lineup), "abc");
    assert_true(lineup_begin(&lineup, 2));
    add(&lineup, 2, LINEUP_NEXT);
    assert_string_equal(picture(&lineup), "aBdec");
    add(&lineup, 1, LINEUP_END);
    assert_string_equal(picture(&lineup), "aBdecf");
    assert_string_equal(upcoming(&lineup), "decf");
    assert_false(lineup_begin(&lineup, 77));
    assert_string_equal(picture(&lineup), "aBdecf");
    lineup_deinit(&lineup);
}

static void test_next_and_previous(void **state)
{
    static const struct {
        enum lineup_repeat repeat;
        uint32_t current;
        char before, behind;
        const char *upcoming;
    } rows[] = {
        {LINEUP_REPEAT_OFF, 1, 0, 'b', "bc"},    {LINEUP_REPEAT_OFF, 3, 'b', 0, ""},
        {LINEUP_REPEAT_ALL, 1, 'c', 'b', "bca"}, {LINEUP_REPEAT_ALL, 3, 'b', 'a', "abc"},
        {LINEUP_REPEAT_ONE, 2, 'a', 'c', "b"},   {LINEUP_REPEAT_ONE, 3, 'b', 0, "c"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lineup lineup;
        lineup_init(&lineup, 1);
        add(&lineup, 3, LINEUP_END);
        lineup.repeat = rows[i].repeat;
        assert_true(lineup_begin(&lineup, rows[i].current));
        assert_int_equal(lineup_before(&lineup), rows[i].before ? number_of(rows[i].before) : 0);
        assert_int_equal(lineup_behind(&lineup), rows[i].behind ? number_of(rows[i].behind) : 0);
        assert_string_equal(upcoming(&lineup), rows[i].upcoming);
        lineup_deinit(&lineup);
    }
}

static void test_failed_entries_do_not_come_again(void **state)
{
    (void)state;
    struct lineup lineup;
    lineup_init(&lineup, 1);
    add(&lineup, 3, LINEUP_END);
    lineup.repeat = LINEUP_REPEAT_ALL;
    lineup_begin(&lineup, 1);
    lineup_find(&lineup, 2)->is_failed = true;
    assert_string_equal(upcoming(&lineup), "ca");
    lineup_find(&lineup, 1)->is_failed = true;
    lineup_find(&lineup, 3)->is_failed = true;
    assert_string_equal(upcoming(&lineup), ""); /* no endless round of failures */
    lineup.repeat = LINEUP_REPEAT_ONE;
    assert_string_equal(upcoming(&lineup), "");
    lineup_begin(&lineup, 2); /* by hand it may be tried again */
    assert_string_equal(upcoming(&lineup), "b");
    lineup_deinit(&lineup);
}

static void test_removing(void **state)
{
    static const struct {
        const char *gone;
        const char *left, *upcoming;
        uint32_t removed;
    } rows[] = {
        {"a", "bCdef", "def", 1}, {"f", "abCde", "de", 1},  {"c", "abdef", "def", 1},
        {"acf", "bde", "de", 3},  {"ab", "Cdef", "def", 2}, {"zd", "abCef", "ef", 1},
        {"abcdef", "", "", 6},    {"cdef", "ab", "", 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lineup lineup;
        uint32_t numbers[8];
        uint32_t removed = 0;
        lineup_init(&lineup, 1);
        add(&lineup, 6, LINEUP_END);
        lineup_begin(&lineup, 3);
        uint32_t count = (uint32_t)strlen(rows[i].gone);
        for (uint32_t j = 0; j < count; j++) {
            numbers[j] = number_of(rows[i].gone[j]);
        }
        assert_int_equal(lineup_remove(&lineup, numbers, count, &removed), 0);
        lineup_check_invariants(&lineup);
        assert_int_equal(removed, rows[i].removed);
        assert_string_equal(picture(&lineup), rows[i].left);
        assert_string_equal(upcoming(&lineup), rows[i].upcoming);
        lineup_deinit(&lineup);
    }
}

static void test_moving(void **state)
{
    static const struct {
        char which;
        uint32_t to;
        const char *then;
    } rows[] = {
        {'a', 3, "bCda"}, {'d', 0, "dabC"}, {'c', 0, "Cabd"}, {'c', 99, "abdC"}, {'b', 1, "abCd"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lineup lineup;

        lineup_init(&lineup, 1);
        add(&lineup, 4, LINEUP_END);
        lineup_begin(&lineup, 3);
        assert_true(lineup_move(&lineup, number_of(rows[i].which), rows[i].to));
        lineup_check_invariants(&lineup);

        assert_string_equal(picture(&lineup), rows[i].then);
        assert_int_equal(lineup_current(&lineup), 3);
        assert_false(lineup_move(&lineup, 50, 0));
        lineup_deinit(&lineup);
    }
}

static void test_clearing(void **state)
{
    (void)state;
    struct lineup lineup;
    lineup_init(&lineup, 1);
    add(&lineup, 4, LINEUP_END);
    lineup_begin(&lineup, 3);
    lineup_clear(&lineup);
    lineup_check_invariants(&lineup);
    assert_string_equal(picture(&lineup), "C");
    uint32_t removed;
    const uint32_t number = 3;
    assert_int_equal(lineup_remove(&lineup, &number, 1, &removed), 0);
    lineup_clear(&lineup);
    lineup_check_invariants(&lineup);
    assert_string_equal(picture(&lineup), "");
    lineup_deinit(&lineup);
}

static void shuffled(uint64_t seed, enum lineup_shuffle shuffle, uint32_t current, char *ret)
{
    struct lineup lineup;
    lineup_init(&lineup, seed);
    add(&lineup, 12, LINEUP_END);
    if (current != 0) {
        lineup_begin(&lineup, current);
    }
    assert_int_equal(lineup_set_shuffle(&lineup, shuffle), 0);
    lineup_check_invariants(&lineup);
    assert_int_equal(lineup_current(&lineup), current);
    snprintf(ret, 16, "%s", picture(&lineup));
    assert_int_equal(lineup_set_shuffle(&lineup, LINEUP_SHUFFLE_OFF), 0);
    lineup_check_invariants(&lineup);
    assert_string_equal(current == 5 ? "abcdEfghijkl" : "abcdefghijkl", picture(&lineup));
    lineup_deinit(&lineup);
}

static void test_shuffling_tracks(void **state)
{
    (void)state;
    char one[16], same[16], other[16];
    shuffled(7, LINEUP_SHUFFLE_TRACKS, 5, one);
    shuffled(7, LINEUP_SHUFFLE_TRACKS, 5, same);
    shuffled(8, LINEUP_SHUFFLE_TRACKS, 5, other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(one[0], 'E'); /* what plays comes first, all others behind it */
    assert_string_not_equal(one, "Eabcdfghijkl");
    shuffled(7, LINEUP_SHUFFLE_TRACKS, 0, other);
    assert_string_not_equal(other, "abcdefghijkl");
}

static void test_shuffling_albums(void **state)
{
    (void)state;
    char one[16];
    shuffled(3, LINEUP_SHUFFLE_ALBUMS, 5, one);
    assert_memory_equal(one, "dEf", 3); /* its album first, in order */
    for (unsigned i = 3; i < 12; i += 3) {
        assert_int_equal((one[i] - 'a') % 3, 0);
        assert_int_equal(one[i + 1], one[i] + 1);
        assert_int_equal(one[i + 2], one[i] + 2);
    }
    char other[16];
    bool differs = false;
    for (uint64_t seed = 4; seed < 10; seed++) {
        shuffled(seed, LINEUP_SHUFFLE_ALBUMS, 5, other);
        differs = differs || strcmp(one, other) != 0;
    }
    assert_true(differs);
}

/* What comes while tracks are shuffled has a place of its own, too. */
static void test_changes_while_shuffled(void **state)
{
    (void)state;
    struct lineup lineup;
    uint32_t removed;
    const uint32_t gone[] = {2, 4};
    lineup_init(&lineup, 11);
    add(&lineup, 4, LINEUP_END);
    lineup_begin(&lineup, 2);
    assert_int_equal(lineup_set_shuffle(&lineup, LINEUP_SHUFFLE_TRACKS), 0);
    add(&lineup, 1, LINEUP_NEXT);
    assert_string_equal(upcoming(&lineup)[0] == 'e' ? "e" : "", "e");
    add(&lineup, 2, LINEUP_END);
    assert_int_equal(lineup_current(&lineup), 2);
    assert_int_equal(lineup_remove(&lineup, gone, 2, &removed), 0);
    lineup_check_invariants(&lineup);
    assert_true(lineup_move(&lineup, 1, 2));
    lineup_check_invariants(&lineup);
    assert_int_equal(lineup_set_shuffle(&lineup, LINEUP_SHUFFLE_OFF), 0);
    lineup_check_invariants(&lineup);
    assert_string_equal(picture(&lineup), "aecfg");
    lineup_deinit(&lineup);
}

static void test_restoring(void **state)
{
    static const struct {
        uint32_t places[3];
        uint32_t at;
        enum lineup_shuffle shuffle;
        int error;
    } rows[] = {
        {{0, 1, 2}, 1, LINEUP_SHUFFLE_OFF, 0},
        {{2, 0, 1}, 1, LINEUP_SHUFFLE_TRACKS, 0},
        {{2, 0, 1}, 1, LINEUP_SHUFFLE_OFF, ERROR_MALFORMED},
        {{0, 1, 1}, 1, LINEUP_SHUFFLE_TRACKS, ERROR_MALFORMED},
        {{0, 1, 3}, 1, LINEUP_SHUFFLE_TRACKS, ERROR_MALFORMED},
        {{0, 1, 2}, 3, LINEUP_SHUFFLE_OFF, ERROR_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lineup lineup;
        struct lineup_entry entries[3];
        memset(entries, 0, sizeof entries);
        for (uint32_t j = 0; j < 3; j++) {
            entries[j].place = rows[i].places[j];
        }
        lineup_init(&lineup, 1);
        assert_int_equal(lineup_restore(&lineup, entries, 3, rows[i].at, true, rows[i].shuffle),
                         rows[i].error);
        lineup_check_invariants(&lineup);
        assert_string_equal(picture(&lineup), rows[i].error == 0 ? "aBc" : "");
        lineup_deinit(&lineup);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static struct lineup_track tracks[LINEUP_ENTRIES_MAX + 1];
    struct lineup lineup;
    uint32_t first = 0;
    lineup_init(&lineup, 1);
    assert_int_equal(lineup_add(&lineup, tracks, LINEUP_ENTRIES_MAX + 1, LINEUP_END, &first),
                     ERROR_FULL);
    assert_int_equal(lineup.count, 0);
    assert_int_equal(lineup_add(&lineup, tracks, LINEUP_ENTRIES_MAX, LINEUP_END, &first), 0);
    assert_int_equal(first, 1);
    assert_int_equal(lineup_add(&lineup, tracks, 1, LINEUP_NEXT, &first), ERROR_FULL);
    assert_int_equal(lineup_set_shuffle(&lineup, LINEUP_SHUFFLE_TRACKS), 0);
    lineup_check_invariants(&lineup);
    print_message("a full queue takes %zu bytes an entry\n",
                  lineup_heap_bytes(&lineup) / LINEUP_ENTRIES_MAX);
    lineup_deinit(&lineup);
}

static void test_names(void **state)
{
    (void)state;
    enum lineup_shuffle shuffle = LINEUP_SHUFFLE_OFF;
    enum lineup_repeat repeat = LINEUP_REPEAT_OFF;
    assert_true(lineup_shuffle_parse("albums", &shuffle));
    assert_string_equal(lineup_shuffle_name(shuffle), "albums");
    assert_false(lineup_shuffle_parse("one", &shuffle));
    assert_true(lineup_repeat_parse("one", &repeat));
    assert_string_equal(lineup_repeat_name(repeat), "one");
    assert_false(lineup_repeat_parse("", &repeat));
    assert_int_equal(shuffle, LINEUP_SHUFFLE_ALBUMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adding),
        cmocka_unit_test(test_next_and_previous),
        cmocka_unit_test(test_failed_entries_do_not_come_again),
        cmocka_unit_test(test_removing),
        cmocka_unit_test(test_moving),
        cmocka_unit_test(test_clearing),
        cmocka_unit_test(test_shuffling_tracks),
        cmocka_unit_test(test_shuffling_albums),
        cmocka_unit_test(test_changes_while_shuffled),
        cmocka_unit_test(test_restoring),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
