/*
 * test_window.c: which entries matter, and what heads may cost. Queues as in test_queue.c, entry
 * numbers from 1; windows as the roles' letters: c current, n next, h head, l look-up, f fetch.
 */
#include "player/core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *queue;
    uint32_t current;
    uint32_t lookup, heads;
    const char *roles; /* in order */
    const char *entries;
} rows[] = {
    {"ppppp", 0, 4, 2, "", ""},         {"ppppp", 1, 4, 2, "cnhll", "12345"},
    {"ppppp", 3, 4, 2, "cnh", "345"},   {"ppppp", 5, 4, 2, "c", "5"},
    {"pxpfp", 1, 4, 3, "cnhf", "1354"}, {"fff", 0, 4, 2, "ff", "12"},
    {"ppppp", 1, 0, 0, "c", "1"},       {"ppppp", 1, 1, 0, "cn", "12"},
};

static void test_window(void **state)
{
    (void)state;
    static const uint8_t id[TRACK_ID_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue queue;
        queue_init(&queue);
        for (uint32_t j = 0; rows[i].queue[j] != '\0'; j++) {
            assert_int_equal(queue_add(&queue, j + 1, id, rows[i].queue[j] == 'f'), 0);
            queue_find(&queue, j + 1)->is_done = rows[i].queue[j] == 'x';
        }
        struct node_preset preset = node_preset_refrain;
        preset.lookup_entries = rows[i].lookup;
        preset.head_entries = rows[i].heads;
        struct window window;
        window_make(&window, &queue, &preset, rows[i].current);
        char roles[WINDOW_MAX + 1] = "";
        char entries[WINDOW_MAX + 1] = "";
        for (uint32_t j = 0; j < window.count; j++) {
            roles[j] = " cnhlf"[window.items[j].role];
            entries[j] = (char)('0' + window.items[j].entry);
        }
        assert_string_equal(roles, rows[i].roles);
        assert_string_equal(entries, rows[i].entries);
        queue_deinit(&queue);
    }
}

static void test_bounded(void **state)
{
    (void)state;
    static const uint8_t id[TRACK_ID_BYTES];
    struct queue queue;
    queue_init(&queue);
    for (uint32_t i = 1; i <= 2 * WINDOW_MAX; i++) {
        assert_int_equal(queue_add(&queue, i, id, i > WINDOW_MAX + 10), 0);
    }
    struct node_preset preset = node_preset_refrain;
    preset.lookup_entries = 1000;
    struct window window;
    window_make(&window, &queue, &preset, 1);
    assert_int_equal(window.count, WINDOW_MAX - WINDOW_LENDS);
    assert_int_equal(window.items[window.count - 1].role, WINDOW_FETCH);
    for (uint32_t i = 1; i <= WINDOW_LENDS; i++) {
        window_add_lent(&window, 3 * WINDOW_MAX + i);
    }
    assert_int_equal(window.count, WINDOW_MAX);
    assert_int_equal(window.items[WINDOW_MAX - 1].role, WINDOW_LENT);
    queue_deinit(&queue);
}

/* 3 % of what is played, never more than the preset saves up. */
static void test_budget(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.speculation_ppm = 30000;
    preset.speculation_bytes = 10000;
    struct budget budget;
    window_budget_init(&budget, &preset);
    assert_int_equal(budget.tokens, 10000);
    window_budget_spend(&budget, 9000);
    window_budget_spend(&budget, 9000);
    assert_int_equal(budget.tokens, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        window_budget_earn(&budget, &preset, 10);
    }
    assert_int_equal(budget.tokens, 300);
    window_budget_earn(&budget, &preset, 100000000);
    assert_int_equal(budget.tokens, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
