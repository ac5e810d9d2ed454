/*
 * test_pace.c: so many at once, one each interval, and never more saved up than the burst.
 */
#include "p2p/core/pace.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* One each 100 us, 3 at once. */
static void test_table(void **state)
{
    (void)state;
    static const struct {
        uint64_t at_us;
        uint32_t count;
        bool taken;
        uint64_t next_us; /* after it */
    } rows[] = {
        {1000, 1, true, 900},   /* earned at 1,100 */
        {1000, 1, true, 1000},  /* 1,200 */
        {1000, 1, true, 1100},  /* 1,300 */
        {1000, 1, false, 1100}, /* nothing is taken */
        {1099, 1, false, 1100}, {1100, 1, true, 1200},  {1100, 1, false, 1200},
        {1300, 2, true, 1400}, /* earned 1,400: two more are 1,600, three ahead */
        {1300, 1, false, 1400}, {9000, 4, false, 1400}, /* more than ever is saved up */
        {9000, 3, true, 9100},  {9000, 1, false, 9100},
    };
    struct pace pace = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool taken = pace_take(&pace, rows[i].at_us, 100, 3, rows[i].count);
        if (taken != rows[i].taken || pace_next_us(&pace, 100, 3) != rows[i].next_us) {
            fail_msg("row %zu: next %llu", i, (unsigned long long)pace_next_us(&pace, 100, 3));
        }
    }
}

static void test_edges(void **state)
{
    (void)state;
    struct pace pace = {0};
    assert_int_equal(pace_next_us(&pace, 100, 3), 0); /* nothing was taken yet */
    assert_true(pace_take(&pace, 0, 100, 1, 1));
    assert_false(pace_take(&pace, 99, 100, 1, 1));
    assert_true(pace_take(&pace, 100, 100, 1, 1));
    assert_true(pace_take(&pace, TIME_NEVER_US - 1, 100, 1, 1)); /* saturates */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
