/*
 * test_table.c: the table against the plainest model, its cost, and its failure without memory.
 */
#include "common/prng.h"
#include "common/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The linker sends the table's allocations here (-Wl,--wrap=calloc): fail the nth, 0 = none. */
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

struct entry {
    uint32_t key;
    uint32_t value;
    uint32_t more;
};

#define KEYS 500u

static void test_empty(void **state)
{
    (void)state;
    struct table table;
    uint32_t key = 1;
    uint32_t place = 0;
    table_init(&table, sizeof(struct entry), sizeof key, 7);
    assert_null(table_get(&table, &key));
    assert_false(table_remove(&table, &key));
    assert_null(table_next(&table, &place));
    assert_int_equal(table_heap_bytes(&table), 0);
    table_check_invariants(&table);
    table_deinit(&table);
}

/* What iteration gives must be what the model has, each once. */
static void assert_model(const struct table *table, const uint32_t model[KEYS])
{
    uint32_t place = 0;
    uint32_t seen = 0;
    uint32_t expected = 0;
    for (struct entry *entry; (entry = table_next(table, &place)) != NULL;) {
        assert_true(entry->key < KEYS);
        assert_int_not_equal(entry->value, 0);
        assert_int_equal(entry->value, model[entry->key]);
        seen++;
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        const struct entry *entry = table_get(table, &key);
        assert_int_equal(entry == NULL ? 0 : entry->value, model[key]);
        expected += model[key] != 0;
    }
    assert_int_equal(seen, expected);
    assert_int_equal(table->count, expected);
    table_check_invariants(table);
}

static const struct {
    uint64_t seed;
    uint32_t puts_percent; /* the others are removals */
} mixes[] = {
    {1, 50},
    {2, 90},
    {3, 20},
    {0, 60},
};

static void test_against_a_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mixes / sizeof mixes[0]; i++) {
        struct table table;
        struct prng prng;
        uint32_t model[KEYS] = {0};
        table_init(&table, sizeof(struct entry), sizeof(uint32_t), mixes[i].seed);
        prng_init(&prng, mixes[i].seed);
        for (uint32_t step = 1; step <= 20000; step++) {
            uint32_t key = (uint32_t)prng_below(&prng, KEYS);
            if (prng_below(&prng, 100) < mixes[i].puts_percent) {
                bool created = false;
                struct entry *entry = table_put(&table, &key, &created);
                assert_non_null(entry);
                assert_int_equal(created, model[key] == 0);
                assert_int_equal(entry->value, model[key]); /* zeroed when new */
                entry->value = model[key] = step;
            } else {
                assert_int_equal(table_remove(&table, &key), model[key] != 0);
                model[key] = 0;
            }
            if (step % 1000 == 0) {
                assert_model(&table, model);
            }
        }
        table_deinit(&table);
    }
}

/* Keys of many lengths, so that every tail of the hash is met. */
static void test_key_lengths(void **state)
{
    (void)state;
    for (uint32_t key_bytes = 1; key_bytes <= 41; key_bytes++) {
        struct table table;
        table_init(&table, key_bytes, key_bytes, 11);
        uint8_t key[41];
        for (uint32_t i = 0; i < key_bytes; i++) {
            memset(key, 0, sizeof key);
            key[i] = 1; /* differs from all others in one place only */
            assert_non_null(table_put(&table, key, NULL));
        }
        assert_int_equal(table.count, key_bytes);
        for (uint32_t i = 0; i < key_bytes; i++) {
            memset(key, 0, sizeof key);
            key[i] = 1;
            assert_non_null(table_get(&table, key));
        }
        memset(key, 0, sizeof key);
        assert_null(table_get(&table, key));
        table_check_invariants(&table);
        table_deinit(&table);
    }
}

static void test_cost(void **state)
{
    (void)state;
    struct table table;
    table_init(&table, sizeof(struct entry), sizeof(uint32_t), 5);
    for (uint32_t key = 0; key < 100000; key++) {
        assert_non_null(table_put(&table, &key, NULL));
        if (key >= 1000) {
            /* 12-byte entries: 16 to 20 bytes each, and the bits */
            size_t bytes = table_heap_bytes(&table);
            assert_in_range(bytes, (size_t)16 * (key + 1), (size_t)21 * (key + 1));
        }
    }
    table_deinit(&table);
}

static uint64_t order_of(uint64_t seed)
{
    struct table table;
    uint64_t order = 0;
    uint32_t place = 0;
    table_init(&table, sizeof(struct entry), sizeof(uint32_t), seed);
    for (uint32_t key = 0; key < 100; key++) {
        assert_non_null(table_put(&table, &key, NULL));
    }
    for (struct entry *entry; (entry = table_next(&table, &place)) != NULL;) {
        order = order * 31 + entry->key;
    }
    table_deinit(&table);
    return order;
}

static void test_order_follows_the_seed(void **state)
{
    (void)state;
    assert_true(order_of(1) == order_of(1));
    assert_false(order_of(1) == order_of(2));
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth <= 2; nth++) {
        struct table table;
        table_init(&table, sizeof(struct entry), sizeof(uint32_t), 3);
        bool created = false;
        unsigned refused = 0;
        for (uint32_t key = 0; key < 100; key++) {
            fail_at = nth;
            if (table_put(&table, &key, &created) == NULL) {
                refused++;
                assert_int_equal(table.count, key); /* as it was */
                assert_null(table_get(&table, &key));
                table_check_invariants(&table);
                fail_at = 0;
                assert_non_null(table_put(&table, &key, &created));
                assert_true(created);
            }
            fail_at = 0;
        }
        assert_true(refused >= 5);
        assert_int_equal(table.count, 100);
        table_check_invariants(&table);
        table_deinit(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_key_lengths),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_order_follows_the_seed),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
