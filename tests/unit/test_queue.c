/*
 * test_queue.c: queues as pictures: p = to be played, f = to be fetched, x = done. The entry at
 * place i has the number 10 * (i + 1).
 */
#include "common/error.h"
#include "player/core/node.h"
#include "player/core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void queue_from(struct queue *queue, const char *picture)
{
    static const uint8_t id[TRACK_ID_BYTES];
    queue_init(queue);
    for (uint32_t i = 0; picture[i] != '\0'; i++) {
        assert_int_equal(queue_add(queue, 10 * (i + 1), id, picture[i] == 'f'), 0);
        queue_find(queue, 10 * (i + 1))->is_done = picture[i] == 'x';
    }
    queue_check_invariants(queue);
}

static const struct {
    const char *picture;
    uint32_t behind;
    uint32_t play;  /* 0 = none */
    uint32_t fetch; /* 0 = none */
} nexts[] = {
    {"", 0, 0, 0},        {"ppp", 0, 10, 0},      {"ppp", 10, 20, 0}, {"ppp", 30, 0, 0},
    {"pxfp", 10, 40, 30}, {"fff", 10, 0, 20},     {"xxp", 0, 30, 0},  {"fpf", 15, 20, 30},
    {"pfx", 20, 0, 0},    {"xpfxpf", 30, 50, 60}, {"p", 5, 10, 0},
};

static void test_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nexts / sizeof nexts[0]; i++) {
        struct queue queue;
        queue_from(&queue, nexts[i].picture);
        const struct queue_entry *play = queue_next_play(&queue, nexts[i].behind);
        const struct queue_entry *fetch = queue_next_fetch(&queue, nexts[i].behind);
        assert_int_equal(play == NULL ? 0 : play->number, nexts[i].play);
        assert_int_equal(fetch == NULL ? 0 : fetch->number, nexts[i].fetch);
        queue_deinit(&queue);
    }
}

static void test_find(void **state)
{
    (void)state;
    struct queue queue;
    queue_from(&queue, "pppp");
    assert_int_equal(queue_find(&queue, 40)->number, 40);
    assert_int_equal(queue_find(&queue, 10)->number, 10);
    assert_null(queue_find(&queue, 25));
    assert_null(queue_find(&queue, 0));
    assert_null(queue_find(&queue, 50));
    queue_deinit(&queue);
}

static void test_forget_before(void **state)
{
    static const struct {
        const char *picture;
        uint32_t before;
        uint32_t count, play, fetch; /* then; the first of each kind */
    } rows[] = {
        {"pppp", 30, 2, 30, 0}, {"pfpf", 40, 2, 0, 20}, {"pxfp", 40, 2, 40, 30},
        {"pp", 0, 2, 10, 0},    {"xp", 99, 0, 0, 0},    {"ffp", 30, 3, 30, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue queue;
        queue_from(&queue, rows[i].picture);
        queue_next_fetch(&queue, 0);
        queue_forget_before(&queue, rows[i].before);
        queue_check_invariants(&queue);
        assert_int_equal(queue.count, rows[i].count);
        const struct queue_entry *play = queue_next_play(&queue, 0);
        const struct queue_entry *fetch = queue_next_fetch(&queue, 0);
        assert_int_equal(play == NULL ? 0 : play->number, rows[i].play);
        assert_int_equal(fetch == NULL ? 0 : fetch->number, rows[i].fetch);
        queue_deinit(&queue);
    }
}

static void test_cut_behind(void **state)
{
    static const struct {
        const char *picture;
        uint32_t behind;
        uint32_t count, play, fetch; /* then; the first of each kind */
    } rows[] = {
        {"pppp", 20, 2, 10, 0},
        {"pfpf", 10, 3, 10, 20},
        {"pp", 99, 2, 10, 0},
        {"ppf", 0, 1, 0, 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue queue;
        queue_from(&queue, rows[i].picture);
        queue_cut_behind(&queue, rows[i].behind);
        queue_check_invariants(&queue);
        assert_int_equal(queue.count, rows[i].count);
        const struct queue_entry *play = queue_next_play(&queue, 0);
        const struct queue_entry *fetch = queue_next_fetch(&queue, 0);
        assert_int_equal(play == NULL ? 0 : play->number, rows[i].play);
        assert_int_equal(fetch == NULL ? 0 : fetch->number, rows[i].fetch);
        queue_deinit(&queue);
    }
}

static void test_full(void **state)
{
    (void)state;
    static const uint8_t id[TRACK_ID_BYTES];
    struct queue queue;
    queue_init(&queue);
    for (uint32_t i = 1; i <= NODE_QUEUE_MAX; i++) {
        assert_int_equal(queue_add(&queue, i, id, false), 0);
    }
    assert_int_equal(queue_add(&queue, NODE_QUEUE_MAX + 1, id, false), ERROR_FULL);
    assert_int_equal(queue.count, NODE_QUEUE_MAX);
    queue_check_invariants(&queue);
    queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),          cmocka_unit_test(test_find),
        cmocka_unit_test(test_forget_before), cmocka_unit_test(test_cut_behind),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
