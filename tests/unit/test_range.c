/*
 * test_range.c: sets of ranges, written as pictures.
 *
 * "..xx.x" is the set {[2,4), [5,6)}. A step is "+" or "-" and a range; each row gives the set
 * before, the step, and the set after.
 */
#include "common/error.h"
#include "common/prng.h"
#include "common/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WIDTH 16u

static void set_from(struct range_set *set, struct range *memory, uint32_t capacity,
                     const char *picture)
{
    range_set_init(set, memory, capacity);
    for (uint32_t i = 0; picture[i] != '\0'; i++) {
        if (picture[i] == 'x') {
            assert_int_equal(range_set_add(set, (struct range){i, i + 1}), 0);
        }
    }
}

static void assert_picture(const struct range_set *set, const char *picture)
{
    char seen[WIDTH + 1];
    uint32_t length = (uint32_t)strlen(picture);
    uint64_t total = 0;
    for (uint32_t i = 0; i < length; i++) {
        seen[i] = range_set_contains(set, i) ? 'x' : '.';
        total += picture[i] == 'x';
    }
    seen[length] = '\0';
    assert_string_equal(seen, picture);
    assert_int_equal(range_set_total(set), total);
    range_set_check_invariants(set);
}

static const struct {
    const char *before;
    char step;
    struct range range;
    const char *after;
    int error; /* with room for 3 ranges */
} steps[] = {
    {"........", '+', {2, 4}, "..xx....", 0},          {"..xx....", '+', {4, 6}, "..xxxx..", 0},
    {"..xx....", '+', {0, 2}, "xxxx....", 0},          {"..xx....", '+', {5, 6}, "..xx.x..", 0},
    {"x.x.x...", '+', {1, 4}, "xxxxx...", 0},          {"x.x.x...", '+', {0, 8}, "xxxxxxxx", 0},
    {"x.x.x...", '+', {6, 7}, "x.x.x...", ERROR_FULL}, {"x.x.x...", '+', {5, 7}, "x.x.xxx.", 0},
    {"..xx....", '+', {3, 3}, "..xx....", 0},          {"..xx....", '+', {2, 4}, "..xx....", 0},
    {"........", '-', {0, 8}, "........", 0},          {"xxxxxxxx", '-', {2, 4}, "xx..xxxx", 0},
    {"xxxxxxxx", '-', {0, 4}, "....xxxx", 0},          {"xxxxxxxx", '-', {4, 8}, "xxxx....", 0},
    {"xx.xx.xx", '-', {1, 7}, "x......x", 0},          {"xx.xx.xx", '-', {2, 3}, "xx.xx.xx", 0},
    {"xx.xx.xx", '-', {2, 5}, "xx....xx", 0},          {"xx.xx.xx", '-', {0, 8}, "........", 0},
    {"xxx.x.x.", '-', {1, 2}, "xxx.x.x.", ERROR_FULL}, {"xx.xx...", '-', {3, 3}, "xx.xx...", 0},
};

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct range memory[3];
        struct range_set set;
        set_from(&set, memory, 3, steps[i].before);
        int error = steps[i].step == '+' ? range_set_add(&set, steps[i].range)
                                         : range_set_subtract(&set, steps[i].range);
        assert_int_equal(error, steps[i].error);
        assert_picture(&set, steps[i].after);
    }
}

static const struct {
    const char *picture;
    uint32_t from;
    uint32_t gap;
} gaps[] = {
    {"........", 0, 0}, {"xx......", 0, 2}, {"xx......", 1, 2}, {"xx......", 2, 2},
    {"xx.xx...", 2, 2}, {"xx.xx...", 3, 5}, {"xx.xx...", 7, 7}, {"xx.xx...", 900, 900},
};

static void test_first_gap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        struct range memory[3];
        struct range_set set;
        set_from(&set, memory, 3, gaps[i].picture);
        assert_int_equal(range_set_first_gap(&set, gaps[i].from), gaps[i].gap);
    }
}

static const struct {
    struct range a;
    struct range b;
    uint32_t length;
} pairs[] = {
    {{0, 4}, {2, 6}, 2}, {{2, 6}, {0, 4}, 2}, {{0, 4}, {4, 6}, 0},
    {{0, 2}, {5, 6}, 0}, {{0, 9}, {3, 5}, 2}, {{3, 3}, {0, 9}, 0},
};

static void test_intersect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct range both = range_intersect(pairs[i].a, pairs[i].b);
        assert_true(both.begin <= both.end);
        assert_int_equal(range_length(both), pairs[i].length);
        for (uint32_t at = 0; at < 10; at++) {
            assert_int_equal(range_contains(both, at),
                             range_contains(pairs[i].a, at) && range_contains(pairs[i].b, at));
        }
    }
}

static void test_ends_of_the_world(void **state)
{
    (void)state;
    struct range memory[2];
    struct range_set set;
    range_set_init(&set, memory, 2);
    assert_int_equal(range_set_add(&set, (struct range){UINT32_MAX - 2, UINT32_MAX}), 0);
    assert_int_equal(range_set_add(&set, (struct range){0, UINT32_MAX - 2}), 0);
    assert_int_equal(set.count, 1);
    assert_int_equal(range_set_total(&set), UINT32_MAX);
    assert_int_equal(range_set_first_gap(&set, 0), UINT32_MAX);

    range_set_init(&set, NULL, 0);
    assert_int_equal(range_set_add(&set, (struct range){0, 1}), ERROR_FULL);
    assert_int_equal(range_set_subtract(&set, (struct range){0, 1}), 0);
    assert_int_equal(range_set_first_gap(&set, 7), 7);
}

/* Many random steps against the plainest model there is: an array of flags. */
static void test_against_a_model(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 4);
    struct range memory[3];
    struct range_set set;
    range_set_init(&set, memory, 3);
    char model[WIDTH + 1] = "................";
    unsigned full = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t begin = (uint32_t)prng_below(&prng, WIDTH + 1);
        uint32_t end = begin + (uint32_t)prng_below(&prng, WIDTH + 1 - begin);
        bool add = prng_below(&prng, 2) == 0;
        struct range range = {begin, end};
        int error = add ? range_set_add(&set, range) : range_set_subtract(&set, range);
        if (error == 0) {
            memset(model + begin, add ? 'x' : '.', end - begin);
        }
        full += error != 0;
        assert_picture(&set, model);
    }
    assert_true(full > 100); /* the limit was met */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),           cmocka_unit_test(test_first_gap),
        cmocka_unit_test(test_intersect),       cmocka_unit_test(test_ends_of_the_world),
        cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
