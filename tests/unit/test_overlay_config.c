/*
 * test_overlay_config.c: both presets are within the bounds that overlay_new asserts, and the
 * published one is as published.
 */
#include "p2p/core/search.h"
#include "tests/lib/overlay_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_both_make_an_overlay(void **state)
{
    (void)state;
    static struct overlay_bench bench;
    const struct overlay_config *configs[] = {overlay_config_refrain(),
                                              overlay_config_spotify2010()};
    for (size_t i = 0; i < 2; i++) {
        bench_start(&bench);
        bench.config = *configs[i];
        bench_begin(&bench);
        bench_tracker_up(&bench);
        bench_wish(&bench, "A!");
        bench_settle(&bench);
        assert_int_equal(bench_count(&bench, "lookup1:A"), 1);
        bench_end(&bench);
    }
}

static void test_as_published(void **state)
{
    (void)state;
    const struct overlay_config *config = overlay_config_spotify2010();
    assert_int_equal(config->degree_soft, 50);
    assert_int_equal(config->degree_hard, 60);
    assert_int_equal(config->lookup_limit, 10);
    assert_int_equal(config->search->hops, 2);
    assert_true(config->search_parallel);
    assert_false(config->partial);
    assert_false(config->announce_cache);
    assert_false(config->rendezvous_punch);
    assert_null(config->exchange);
    assert_int_equal(config->own_lookup_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_make_an_overlay),
        cmocka_unit_test(test_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
