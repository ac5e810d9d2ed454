/*
 * test_heard.c: a sink in a table {moment, played, written} and what the listener is told.
 */
#include "player/gst/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char told[1024];

static void tell(void *context, enum output_event_kind kind, uint32_t entry, uint64_t position_us,
                 int error)
{
    (void)context;
    static const char *const names[] = {"start", "at", "stall", "resume", "end", "fail"};
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s%s %u", used == 0 ? "" : ", ", names[kind], entry);
    used = strlen(told);
    if (kind == OUTPUT_EVENT_STARTED || kind == OUTPUT_EVENT_POSITION) {
        snprintf(told + used, sizeof told - used, " %ums", (unsigned)(position_us / 1000));
    } else if (kind == OUTPUT_EVENT_FAILED) {
        snprintf(told + used, sizeof told - used, " %d", error);
    }
}

/* One frame is a millisecond. */
static void prepare(struct heard *heard, bool unclocked)
{
    heard_init(heard, unclocked, tell, NULL);
    heard->rate_hz = 1000;
    told[0] = '\0';
}

static void at(struct heard *heard, uint64_t now_ms, uint64_t played, uint64_t written,
               const char *expect)
{
    told[0] = '\0';
    struct heard_now now = {.now_us = now_ms * 1000, .played = played, .written = written};
    heard_update(heard, &now);
    assert_string_equal(told, expect);
}

static void test_join(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, false);
    heard_start(&heard, 0, 1, 5000000);
    at(&heard, 0, 0, 0, "");
    at(&heard, 1, 0, 200, "start 1 5000ms");
    at(&heard, 200, 199, 400, "");
    at(&heard, 251, 250, 500, "at 1 5250ms");
    heard_end(&heard, 500, 1, 0);
    heard_start(&heard, 500, 2, 0);
    at(&heard, 480, 479, 500, "");
    at(&heard, 501, 500, 700, "end 1, start 2 0ms");
    heard_end(&heard, 700, 2, 0);
    at(&heard, 701, 700, 700, "end 2");
    at(&heard, 900, 700, 700, "");
    uint64_t frame;
    assert_false(heard_is_active(&heard, &frame));
}

/* The next entry is late: a wait, no stall. */
static void test_gap_between_entries(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, false);
    heard_start(&heard, 0, 1, 0);
    at(&heard, 0, 0, 100, "start 1 0ms");
    heard_end(&heard, 100, 1, 0);
    heard_start(&heard, 100, 2, 0);
    at(&heard, 100, 100, 100, "end 1");
    at(&heard, 400, 100, 100, "");
    at(&heard, 401, 101, 200, "start 2 0ms");
}

static void test_stall(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, false);
    heard_start(&heard, 0, 1, 0);
    at(&heard, 0, 0, 100, "start 1 0ms");
    at(&heard, 100, 100, 100, "");
    at(&heard, 119, 100, 100, "");
    at(&heard, 120, 100, 100, "stall 1");
    at(&heard, 180, 100, 100, "");
    at(&heard, 190, 100, 150, "resume 1");
    /* Paused: nothing is missing. */
    struct heard_now paused = {.now_us = 400000, .played = 150, .written = 150, .paused = true};
    told[0] = '\0';
    heard_update(&heard, &paused);
    paused.now_us = 500000;
    heard_update(&heard, &paused);
    assert_string_equal(told, "at 1 150ms");
}

static void test_failures(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, false);
    heard_end(&heard, 0, 1, 7); /* never opened */
    heard_start(&heard, 0, 2, 0);
    at(&heard, 0, 0, 50, "fail 1 7, start 2 0ms");
    heard_end(&heard, 50, 2, 9);
    at(&heard, 50, 50, 50, "fail 2 9");
    /* An entry without a frame (a seek to its very end). */
    heard_start(&heard, 50, 3, 1000000);
    heard_end(&heard, 50, 3, 0);
    at(&heard, 60, 50, 50, "start 3 1000ms, end 3");
}

static void test_unclocked(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, true);
    heard_start(&heard, 0, 1, 0);
    at(&heard, 0, 100, 100, "start 1 0ms");
    at(&heard, 100, 100, 100, "");              /* no stall */
    at(&heard, 101, 2000, 2000, "at 1 2000ms"); /* by sound */
    at(&heard, 102, 3999, 3999, "");
    at(&heard, 103, 4000, 4000, "at 1 4000ms");
}

static void test_reset_and_room(void **state)
{
    (void)state;
    struct heard heard;
    prepare(&heard, false);
    uint32_t entry = 0;
    while (heard_has_room(&heard)) {
        entry++;
        heard_start(&heard, entry, entry, 0);
        heard_end(&heard, entry, entry, 0);
    }
    assert_int_equal(entry, HEARD_MARKS_MAX / 2);
    heard_reset(&heard);
    at(&heard, 0, 500, 500, "");
    assert_true(heard_has_room(&heard));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),      cmocka_unit_test(test_gap_between_entries),
        cmocka_unit_test(test_stall),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_unclocked), cmocka_unit_test(test_reset_and_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
