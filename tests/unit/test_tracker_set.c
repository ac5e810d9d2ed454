/*
 * test_tracker_set.c: the set against the plainest model, what it costs, how it samples, and its
 * failure without memory.
 */
#include "streamserver/core/tracker_set.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends the set's allocations here: fail the nth, 0 = none. */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static unsigned fail_at;

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(count, bytes);
}

#define VALUES_MAX 20000u

struct model {
    struct tracker_set set;
    size_t memory;
    uint32_t count;
    uint8_t has[VALUES_MAX]; /* 0, 1, or 2 with the bit */
};

static uint8_t seen[VALUES_MAX];

static void see(void *context, uint32_t item)
{
    const struct model *model = context;
    uint32_t value = item & TRACKER_VALUE_MAX;
    assert_true(value < VALUES_MAX);
    assert_int_equal(seen[value], 0);
    seen[value] = 1;
    assert_int_equal(model->has[value], (item & TRACKER_FLAG) != 0 ? 2 : 1);
}

static void assert_model(struct model *model)
{
    assert_int_equal(tracker_set_check_invariants(&model->set), model->memory);
    assert_int_equal(model->set.count, model->count);
    memset(seen, 0, sizeof seen);
    tracker_set_visit(&model->set, see, model);
    for (uint32_t value = 0; value < VALUES_MAX; value++) {
        bool flag = false;
        assert_int_equal(seen[value], model->has[value] != 0);
        assert_int_equal(tracker_set_find(&model->set, value, &flag), model->has[value] != 0);
        assert_int_equal(flag, model->has[value] == 2);
    }
}

static void step(struct model *model, struct prng *prng, uint32_t values, uint32_t adds_percent)
{
    uint32_t value = (uint32_t)prng_below(prng, values);
    bool flag = prng_below(prng, 2) == 1;
    if (prng_below(prng, 100) < adds_percent) {
        if (model->has[value] != 0) {
            tracker_set_mark(&model->set, value, flag);
        } else {
            assert_int_equal(tracker_set_add(&model->set, value, flag, &model->memory), 0);
            model->count++;
        }
        model->has[value] = flag ? 2 : 1;
    } else {
        assert_int_equal(tracker_set_remove(&model->set, value, &model->memory),
                         model->has[value] != 0);
        model->count -= model->has[value] != 0;
        model->has[value] = 0;
    }
}

static struct model model;

static const struct {
    uint32_t values;
    uint32_t steps;
    uint32_t adds_percent;
} mixes[] = {
    {4, 400, 50}, {40, 2000, 60}, {300, 5000, 70}, {600, 5000, 50}, {VALUES_MAX, 60000, 90},
};

static void test_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
        struct prng prng;
        prng_init(&prng, i);
        model = (struct model){0};
        for (uint32_t at = 0; at < mixes[i].steps; at++) {
            step(&model, &prng, mixes[i].values, mixes[i].adds_percent);
            if (at % (mixes[i].steps / 10) == 0) {
                assert_model(&model);
            }
        }
        assert_model(&model);
        for (uint32_t at = 0; at < mixes[i].steps; at++) { /* and down again */
            step(&model, &prng, mixes[i].values, 20);
        }
        assert_model(&model);
        while (model.set.count > 0) {
            uint32_t value = tracker_set_first(&model.set);
            assert_true(tracker_set_remove(&model.set, value, &model.memory));
        }
        assert_int_equal(model.memory, 0);
    }
}

static void test_order(void **state)
{
    (void)state;
    struct tracker_set set = {0};
    size_t memory = 0;
    for (uint32_t value = 10; value < 30; value++) {
        assert_int_equal(tracker_set_add(&set, value, false, &memory), 0);
    }
    tracker_set_renew(&set, 10, true); /* the oldest becomes the newest */
    assert_true(tracker_set_remove(&set, 12, &memory));
    static const uint32_t expected[] = {11, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, 28, 29, 10};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool flag = false;
        assert_int_equal(tracker_set_first(&set), expected[i]);
        assert_true(tracker_set_find(&set, expected[i], &flag));
        assert_int_equal(flag, expected[i] == 10);
        assert_true(tracker_set_remove(&set, expected[i], &memory));
    }
    assert_int_equal(memory, 0);
}

/* Bytes a number, all in; the caller's own 16 too. */
static void test_cost(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        uint32_t reserve;
        uint32_t bytes_max; /* a hundredth of a byte a number */
    } rows[] = {
        {1, 0, 1600},   {2, 0, 800},    {100, 0, 620},   {100, 100, 500}, {254, 0, 480},
        {300, 0, 1000}, {1000, 0, 850}, {10000, 0, 620}, {50000, 0, 640}, {1000000, 0, 650},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tracker_set set = {0};
        size_t memory = 0;
        tracker_set_reserve(&set, rows[i].reserve, &memory);
        for (uint32_t value = 0; value < rows[i].count; value++) {
            assert_int_equal(tracker_set_add(&set, value, false, &memory), 0);
        }
        uint64_t cost = (memory + sizeof set) * 100 / rows[i].count;
        print_message("%u numbers: %u.%02u bytes each\n", (unsigned)rows[i].count,
                      (unsigned)(cost / 100), (unsigned)(cost % 100));
        assert_true(cost <= rows[i].bytes_max);
        tracker_set_clear(&set, &memory);
        assert_int_equal(memory, 0);
    }
}

/* Every number is drawn about as often as any other. */
static void test_sample(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 50, 64, 65, 254, 1000, 5000};
    static uint32_t drawn[5000];
    struct prng prng;
    prng_init(&prng, 5);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct tracker_set set = {0};
        size_t memory = 0;
        memset(drawn, 0, sizeof drawn);
        for (uint32_t value = 0; value < sizes[i]; value++) {
            assert_int_equal(tracker_set_add(&set, value, value % 2 == 1, &memory), 0);
        }
        uint32_t most = 64;
        uint32_t rounds = sizes[i] * 10;
        for (uint32_t round = 0; round < rounds; round++) {
            uint32_t items[64];
            uint32_t count = tracker_set_sample(&set, &prng, most, items);
            assert_int_equal(count, sizes[i] < most ? sizes[i] : most);
            for (uint32_t at = 0; at < count; at++) {
                uint32_t value = items[at] & TRACKER_VALUE_MAX;
                assert_int_equal((items[at] & TRACKER_FLAG) != 0, value % 2 == 1);
                drawn[value]++;
            }
        }
        uint32_t mean = sizes[i] <= most ? rounds : most * 10;
        for (uint32_t value = 0; value < sizes[i]; value++) {
            assert_in_range(drawn[value], mean * 7 / 10, mean * 13 / 10);
        }
        tracker_set_clear(&set, &memory);
    }
}

/* Each allocation fails once: the set is as it was, and the next try succeeds. */
static void test_no_memory(void **state)
{
    (void)state;
    struct tracker_set set = {0};
    size_t memory = 0;
    uint32_t failed = 0;
    for (uint32_t value = 0; value < 3000; value++) {
        int error = ERROR_NO_MEMORY;
        for (unsigned nth = 1; error != 0; nth++) {
            fail_at = nth;
            error = tracker_set_add(&set, value, false, &memory);
            fail_at = 0;
            failed += error != 0;
            assert_int_equal(set.count, error == 0 ? value + 1 : value);
            assert_int_equal(tracker_set_check_invariants(&set), memory);
        }
    }
    assert_true(failed > 100);
    for (uint32_t value = 0; value < 3000; value++) {
        fail_at = value % 3; /* folding and shrinking may fail, removing may not */
        assert_true(tracker_set_remove(&set, value, &memory));
        fail_at = 0;
        assert_int_equal(tracker_set_check_invariants(&set), memory);
    }
    tracker_set_clear(&set, &memory);
    assert_int_equal(memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),     cmocka_unit_test(test_order),
        cmocka_unit_test(test_cost),      cmocka_unit_test(test_sample),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
