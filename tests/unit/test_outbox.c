/*
 * test_outbox.c: actions keep their order, and what they borrow stays where it is.
 */
#include "p2p/core/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_all_fit_and_lists_stay(void **state)
{
    (void)state;
    struct outbox outbox;
    uint8_t *lists[OVERLAY_ACTIONS_MAX];
    outbox_init(&outbox);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < OVERLAY_ACTIONS_MAX; i++) {
            assert_false(outbox_is_full(&outbox));
            assert_non_null(outbox_send(&outbox, i + 1, P2P_PING));
            uint32_t bytes = i % 40 == 0 ? OUTBOX_LIST_BYTES_MAX : 17 * (i + 1);
            lists[i] = outbox_list(&outbox, bytes);
            assert_non_null(lists[i]);
            for (uint32_t k = 0; k < bytes; k++) {
                assert_int_equal(lists[i][k], 0);
            }
            memset(lists[i], (int)i + 1, bytes);
        }
        assert_true(outbox_is_full(&outbox));
        for (uint32_t i = 0; i < OVERLAY_ACTIONS_MAX; i++) {
            assert_int_equal(outbox.actions[i].kind, OVERLAY_SEND);
            assert_int_equal(outbox.actions[i].send.link, i + 1);
            assert_int_equal(lists[i][0], i + 1);
            assert_int_equal(lists[i][16], i + 1);
        }
        outbox_reset(&outbox);
        assert_int_equal(outbox.count, 0);
    }
    size_t kept = outbox.heap_bytes;
    assert_true(kept < OVERLAY_ACTIONS_MAX * sizeof(struct overlay_action) + 2048);
    outbox_deinit(&outbox);
    assert_int_equal(outbox.heap_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_fit_and_lists_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
