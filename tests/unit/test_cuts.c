/*
 * test_cuts.c: where records end.
 *
 * A script: "w1000" writes, "t" lets the socket take what is next (at most a record of 16,384
 * bytes), "b" lets it take nothing (then less must not be offered), "p5" lets 5 ms pass. Expected are the bytes of each record.
 */
#include "common/net/cuts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORD_BYTES 16384u

static const struct {
    const char *script;
    const char *records;
} rows[] = {
    {"w100 t", "100 "},
    {"w100 w30 w17 t", "147 "},                      /* small ones together */
    {"w100 w2065 w2065 t t", "2165 2065 "},          /* with the large one behind them */
    {"w2065 w100 t t", "2065 100 "},                 /* not with the one before */
    {"w16401 w16401 t t t t", "16384 17 16384 17 "}, /* a chunk's end does not wait */
    {"w1023 w1024 w5 t t", "2047 5 "},
    {"w2065 b w2065 t t", "2065 2065 "},
    {"w100 b w2065 b w7 t t", "2165 7 "},
    /* Fast: 400,000 bytes in the window before. */
    {"w300000 t19 w100000 t7 p100 w1 t w16401 w16401 b t t t", "1 16384 16384 34 "},
    {"w300000 t19 w99999 t7 p100 w1 t w16401 w16401 t t t t", "1 16384 17 16384 17 "},
    {"w300000 t19 w100000 t7 p300 w1 t w16401 w16401 t t t t",
     "1 16384 17 16384 17 "}, /* a pause */
    /* And slow again. */
    {"w400000 t25 p100 w2065 w2065 t p100 w1 t w2065 w2065 t t", "2065 2066 2065 2065 "},
};

static uint64_t now_us;
static size_t blocked_bytes;

static size_t take(struct net_cuts *cuts)
{
    size_t queued = (size_t)(cuts->written - cuts->taken);
    size_t bytes = net_cuts_next(cuts, queued);
    assert_in_range(bytes, 1, queued);
    assert_true(bytes >= blocked_bytes);
    blocked_bytes = 0;
    bytes = bytes < RECORD_BYTES ? bytes : RECORD_BYTES;
    net_cuts_took(cuts, bytes, now_us);
    return bytes;
}

static void run(const char *script, const char *expected)
{
    struct net_cuts cuts = {0};
    char records[256] = "";
    size_t used = 0;
    now_us = 1000000;
    for (const char *at = script; *at != '\0'; at++) {
        char *end = NULL;
        unsigned long number = strtoul(at + 1, &end, 10);
        if (*at == 'w') {
            net_cuts_wrote(&cuts, number);
        } else if (*at == 'b') {
            blocked_bytes = net_cuts_next(&cuts, (size_t)(cuts.written - cuts.taken));
        } else if (*at == 'p') {
            now_us += number * 1000;
        } else if (number > 0) { /* so many, as few as it takes, none of them shown */
            for (; number > 0 && cuts.written > cuts.taken; number--) {
                take(&cuts);
            }
        } else {
            used += (size_t)snprintf(records + used, sizeof records - used, "%zu ", take(&cuts));
        }
        at = end > at + 1 ? end - 1 : at;
        at += at[1] == ' ';
    }
    if (strcmp(records, expected) != 0) {
        fail_msg("%s: %s", script, records);
    }
}

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i].script, rows[i].records);
    }
}

/* More writes than ends are kept share records, and none is lost. */
static void test_many(void **state)
{
    (void)state;
    struct net_cuts cuts = {0};
    size_t records = 0;
    now_us = 1000000;
    for (unsigned i = 0; i < 3 * NET_CUTS_MAX; i++) {
        net_cuts_wrote(&cuts, 2000);
    }
    for (; cuts.taken < cuts.written; records++) {
        size_t bytes = take(&cuts);
        assert_true(records < NET_CUTS_MAX ? bytes == 2000 : bytes > 2000);
    }
    assert_int_equal(cuts.count, 0);
    assert_int_equal(records,
                     NET_CUTS_MAX + (2 * NET_CUTS_MAX * 2000 + RECORD_BYTES - 1) / RECORD_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
