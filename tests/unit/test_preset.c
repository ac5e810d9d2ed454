/*
 * test_preset.c: what must hold between the tunables of each preset.
 */
#include "common/limits.h"
#include "p2p/core/give.h"
#include "p2p/core/message.h"
#include "p2p/core/overlay.h"
#include "player/core/preset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(node_preset_find("refrain"), &node_preset_refrain);
    assert_ptr_equal(node_preset_find("spotify2010"), &node_preset_spotify2010);
    assert_null(node_preset_find("refrain "));
    assert_null(node_preset_find(""));
}

static void check(const struct node_preset *preset)
{
    assert_in_range(preset->request_chunks, 1, P2P_REQUEST_CHUNKS_MAX);
    assert_true(preset->pipeline_bytes_min >= 2 * CHUNK_BYTES);
    assert_true(preset->pipeline_bytes_min <= preset->pipeline_bytes_max);
    assert_true(preset->urgent_us > 0);
    assert_true(preset->preroll_us > 0);
    /* The next chain reads what the origin was asked for before. */
    assert_true(preset->preroll_us <= preset->next_origin_us);
    assert_true(preset->request_timeout_us < preset->link_timeout_us);
    /* The origin closes what is idle for 180 s. */
    assert_true(preset->link_keep_us + preset->link_timeout_us < 180000000);
    assert_true(preset->connect_backoff_us > 0);
    assert_true(preset->connect_backoff_us <= preset->connect_backoff_max_us);
    assert_true(preset->connect_attempts_first > 0);
    assert_true(preset->lookup_open_max > 0);
    assert_in_range(preset->slots_urgent_percent, 1, 99);
    /* kill -9 loses at most the last second. */
    assert_true(preset->row_hold_us <= 1000000);
    assert_int_equal(preset->stutter_us, 20000);
    /* Who fetches a row for all is well before those who wait for it. */
    assert_true(preset->origin_wait_us <= preset->origin_alone_us);
    assert_true(preset->hedge_us <= preset->late_horizon_us);
    assert_true(preset->stall_us < preset->link_timeout_us);
    assert_in_range(preset->peer_pipeline_bytes, CHUNK_BYTES, preset->pipeline_bytes_max);
    assert_true(preset->peer_bytes_per_s > 0);
    assert_non_null(preset->overlay());
    assert_non_null(preset->give);
}

static void test_consistent(void **state)
{
    (void)state;
    check(&node_preset_refrain);
    check(&node_preset_spotify2010);
}

/* The published figures (docs/PLANNER.md). */
static void test_published(void **state)
{
    (void)state;
    const struct node_preset *preset = &node_preset_spotify2010;
    assert_int_equal(preset->cold_start_us, 15000000);
    assert_int_equal(preset->next_search_us, 30000000);
    assert_int_equal(preset->next_origin_us, 10000000);
    assert_int_equal(preset->pipeline_bytes_min, 32768);
    assert_int_equal(preset->origin_ahead_us, 15000000);
    assert_int_equal(preset->peer_pipeline_us, 2000000);
    assert_int_equal(preset->peer_pipeline_bytes, 32768);
    assert_int_equal(preset->give->slots_max, 4);
    assert_int_equal(preset->give->stop_below_us, 3000000);
    assert_false(preset->overlay()->partial);
    assert_int_equal(preset->overlay()->lookup_limit, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_consistent),
        cmocka_unit_test(test_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
