/*
 * test_origin_preset.c: what must hold between the origin's tunables.
 */
#include "streamserver/core/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_default_makes_an_engine(void **state)
{
    (void)state;
    struct origin_config config = origin_config_default;
    struct origin *origin = NULL;
    config.intern = media_intern_new(1);
    assert_non_null(config.intern);
    assert_int_equal(origin_new(&config, &origin), 0);
    origin_check_invariants(origin);
    origin_free(origin);
    media_intern_free(config.intern);
}

static void the_parts_fit_together(void **state)
{
    (void)state;
    const struct origin_config *config = &origin_config_default;
    assert_in_range(config->fragment_bytes_max, 2048, CHUNK_BYTES);
    assert_true(config->link_queue_bytes >= ORIGIN_LINK_QUEUE_BYTES_MIN);
    assert_in_range(config->request_max, 1, ORIGIN_REQUEST_MAX);
    assert_true(config->hello_us < config->idle_us);
    assert_true(config->slot_count * 4 >= config->link_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_makes_an_engine),
        cmocka_unit_test(the_parts_fit_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
