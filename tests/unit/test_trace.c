/*
 * test_trace.c: the same lines give the same hash, any other line gives another.
 */
#include "common/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    uint64_t now_us;
    uint32_t node;
    char line[TRACE_LINE_BYTES_MAX + 1];
};

static void hear(void *context, uint64_t now_us, uint32_t node, const char *line)
{
    struct heard *heard = context;
    heard->now_us = now_us;
    heard->node = node;
    snprintf(heard->line, sizeof heard->line, "%s", line);
}

static void test_no_trace(void **state)
{
    (void)state;
    trace_line(NULL, 1, 2, "nobody listens to %d", 3);
}

static void test_sink(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct trace trace;
    trace_init(&trace, hear, &heard);
    trace_line(&trace, 1500, 7, "request chunk=%u from=%s", 12u, "origin");
    assert_int_equal(heard.now_us, 1500);
    assert_int_equal(heard.node, 7);
    assert_string_equal(heard.line, "request chunk=12 from=origin");
    assert_int_equal(trace.lines, 1);
}

/* Two lines each; the first row is what the others are compared with. */
static const struct {
    uint64_t now_us;
    uint32_t node;
    const char *first;
    const char *second;
    int same; /* as row 0 */
} rows[] = {
    {1, 1, "ab", "c", 1}, {1, 1, "ab", "c", 1}, {2, 1, "ab", "c", 0}, {1, 2, "ab", "c", 0},
    {1, 1, "a", "bc", 0}, {1, 1, "c", "ab", 0}, {1, 1, "abc", "", 0}, {UINT64_MAX, 1, "ab", "c", 0},
};

static uint64_t hash_of(size_t row)
{
    struct trace trace;
    trace_init(&trace, NULL, NULL);
    trace_line(&trace, rows[row].now_us, rows[row].node, "%s", rows[row].first);
    trace_line(&trace, rows[row].now_us, rows[row].node, "%s", rows[row].second);
    assert_int_equal(trace.lines, 2);
    return trace.hash;
}

static void test_hash(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(hash_of(i) == hash_of(0), rows[i].same);
    }
}

/* The hash is FNV-1a of 8 bytes of moment, 4 of node, text, 0: fixed for all machines. */
static void test_hash_vector(void **state)
{
    (void)state;
    struct trace trace;
    trace_init(&trace, NULL, NULL);
    assert_true(trace.hash == UINT64_C(0xcbf29ce484222325));
    trace_line(&trace, 0x0102030405060708, 0x0a0b0c0d, "x");
    assert_true(trace.hash == UINT64_C(0xdc9126d161c4fa6d));
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char text[2 * TRACE_LINE_BYTES_MAX];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct heard heard = {0};
    struct trace whole;
    struct trace cut;
    trace_init(&whole, hear, &heard);
    trace_line(&whole, 1, 1, "%s", text);
    assert_int_equal(strlen(heard.line), TRACE_LINE_BYTES_MAX);
    text[TRACE_LINE_BYTES_MAX] = '\0';
    trace_init(&cut, NULL, NULL);
    trace_line(&cut, 1, 1, "%s", text);
    assert_true(whole.hash == cut.hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_trace),
        cmocka_unit_test(test_sink),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_vector),
        cmocka_unit_test(test_long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
