/*
 * test_http_range.c: Range headers and entity tags against RFC 9110, sections 14 and 13.
 */
#include "common/net/http_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WHOLE NET_RANGE_WHOLE
#define PART NET_RANGE_PART
#define NONE NET_RANGE_UNSATISFIABLE

static const struct {
    const char *value;
    uint64_t total;
    enum net_range_kind kind;
    uint64_t first, bytes;
} ranges[] = {
    {NULL, 10, WHOLE, 0, 10},
    {"", 10, WHOLE, 0, 10},
    {"bytes=0-0", 10, PART, 0, 1},
    {"bytes=0-9", 10, PART, 0, 10},
    {"bytes=2-3", 10, PART, 2, 2},
    {"BYTES= 2-3 ", 10, PART, 2, 2},
    {"bytes=9-", 10, PART, 9, 1},
    {"bytes=0-", 10, PART, 0, 10},
    {"bytes=5-100", 10, PART, 5, 5},
    {"bytes=5-99999999999999999999999", 10, PART, 5, 5},
    {"bytes=-1", 10, PART, 9, 1},
    {"bytes=-10", 10, PART, 0, 10},
    {"bytes=-11", 10, PART, 0, 10},
    {"bytes=-0", 10, NONE, 0, 0},
    {"bytes=10-", 10, NONE, 0, 0},
    {"bytes=99999999999999999999999-", 10, NONE, 0, 0},
    {"bytes=0-", 0, NONE, 0, 0},
    {"bytes=-5", 0, NONE, 0, 0},
    /* Malformed, several, other units: the whole. */
    {"bytes=3-2", 10, WHOLE, 0, 10},
    {"bytes=-", 10, WHOLE, 0, 10},
    {"bytes=", 10, WHOLE, 0, 10},
    {"bytes=a-b", 10, WHOLE, 0, 10},
    {"bytes=1-2x", 10, WHOLE, 0, 10},
    {"bytes=1 -2", 10, WHOLE, 0, 10},
    {"bytes=--1", 10, WHOLE, 0, 10},
    {"bytes=+1-2", 10, WHOLE, 0, 10},
    {"bytes=0-1,3-4", 10, WHOLE, 0, 10},
    {"bytes =0-1", 10, WHOLE, 0, 10},
    {"rows=0-1", 10, WHOLE, 0, 10},
    {"0-1", 10, WHOLE, 0, 10},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct net_range range = net_range_parse(ranges[i].value, ranges[i].total);
        assert_int_equal(range.kind, ranges[i].kind);
        assert_int_equal(range.first, ranges[i].first);
        assert_int_equal(range.bytes, ranges[i].bytes);
    }
}

static const struct {
    const char *list;
    int matches; /* the tag "a" */
} tags[] = {
    {NULL, 0},
    {"", 0},
    {"*", 1},
    {"\"a\"", 1},
    {"W/\"a\"", 1},
    {"\"b\"", 0},
    {"\"b\", \"a\"", 1},
    {"\"b\",W/\"a\" ", 1},
    {"\"a\"x", 0},
    {"a", 0},
    {"\"aa\"", 0},
    {",,\"a\"", 1},
    {"\"b\",", 0},
    {" \"a\" , \"b\"", 1},
};

static void test_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        assert_int_equal(net_etag_matches(tags[i].list, "\"a\""), tags[i].matches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
