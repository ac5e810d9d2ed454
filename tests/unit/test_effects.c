/*
 * test_effects.c: effects come out by kind, those of one kind in the order of decision.
 */
#include "player/core/effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_order(void **state)
{
    (void)state;
    static const enum node_effect_kind kinds[] = {NODE_EFFECT_NOTE, NODE_EFFECT_SEND,
                                                  NODE_EFFECT_FILL, NODE_EFFECT_SEND,
                                                  NODE_EFFECT_NOTE, NODE_EFFECT_READY};
    struct effects effects;
    assert_int_equal(effects_init(&effects), 0);
    for (uint32_t i = 0; i < 6; i++) {
        effects_add(&effects, kinds[i])->release.slot = i;
    }
    static const uint32_t order[] = {2, 5, 1, 3, 0, 4};
    assert_int_equal(effects.count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(effects.list[i].release.slot, order[i]);
        assert_int_equal(effects.list[i].kind, kinds[order[i]]);
    }
    effects_deinit(&effects);
}

/* A large step grows the list, the next one gives the memory back. */
static void test_growth(void **state)
{
    (void)state;
    struct effects effects;
    assert_int_equal(effects_init(&effects), 0);
    size_t at_rest = effects_heap_bytes(&effects);
    for (uint32_t i = 0; i < 100; i++) {
        effects_add(&effects, i % 2 == 0 ? NODE_EFFECT_SEND : NODE_EFFECT_FILL)->release.slot = i;
    }
    assert_int_equal(effects.count, 100);
    assert_false(effects.out_of_memory);
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(effects.list[i].release.slot, 2 * i + 1);
        assert_int_equal(effects.list[50 + i].release.slot, 2 * i);
    }
    assert_true(effects_heap_bytes(&effects) > at_rest);
    effects_clear(&effects);
    assert_int_equal(effects.count, 0);
    assert_int_equal(effects_heap_bytes(&effects), at_rest);
    effects_deinit(&effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
