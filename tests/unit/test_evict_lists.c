/*
 * test_evict_lists.c: lists of objects as strings, head first.
 */
#include "cache/core/evict_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS 6u

static struct evict_object objects[OBJECTS];

static void set_up(struct evict *evict)
{
    memset(objects, 0, sizeof objects);
    *evict = (struct evict){.objects = objects, .object_count = OBJECTS};
    for (uint32_t i = 0; i <= EVICT_LISTS; i++) {
        evict->lists[i].head = evict->lists[i].tail = EVICT_NONE;
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        objects[i].bytes = 1u << i;
    }
}

static void check(const struct evict *evict, uint32_t list, const char *picture, uint64_t bytes)
{
    char found[OBJECTS + 1] = "";
    char backward[OBJECTS + 1] = "";
    size_t count = 0;
    for (uint32_t i = evict->lists[list].head; i != EVICT_NONE; i = objects[i].next) {
        found[count++] = (char)('a' + i);
    }
    assert_string_equal(found, picture);
    for (uint32_t i = evict->lists[list].tail; i != EVICT_NONE; i = objects[i].prev) {
        backward[--count] = (char)('a' + i);
    }
    assert_string_equal(backward, picture);
    assert_int_equal(evict->lists[list].bytes, bytes);
    assert_int_equal(evict->lists[list].count, strlen(picture));
}

static void test_moves(void **state)
{
    (void)state;
    struct evict evict;
    set_up(&evict);
    for (uint32_t i = 0; i < 4; i++) {
        evict_push(&evict, 0, i);
    }
    check(&evict, 0, "dcba", 15);
    evict_move(&evict, 0, 1);
    check(&evict, 0, "bdca", 15);
    evict_move(&evict, 3, 0);
    check(&evict, 0, "bdc", 14);
    check(&evict, 3, "a", 1);
    evict_unlink(&evict, 1);
    evict_unlink(&evict, 1);
    check(&evict, 0, "dc", 12);
    evict_unlink(&evict, 2);
    evict_unlink(&evict, 3);
    check(&evict, 0, "", 0);
}

static void test_trim(void **state)
{
    (void)state;
    struct evict evict;
    set_up(&evict);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        evict_push(&evict, 2, i);
    }
    evict_trim_ghosts(&evict, 2, 59);
    check(&evict, 2, "fed", 56);
    assert_int_equal(objects[0].bytes, 0);
    evict_trim_ghosts(&evict, 2, 0);
    check(&evict, 2, "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
