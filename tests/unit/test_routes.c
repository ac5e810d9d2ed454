/*
 * test_routes.c: every address, and what is nearly one.
 */
#include "streamserver/core/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACK "00112233445566778899aabbccddeeff"
#define ROOT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const struct {
    const char *target;
    enum route_kind kind;
} kinds[] = {
    {"/healthz", ROUTE_HEALTH},
    {"/healthz?x=1", ROUTE_HEALTH},
    {"/v1/origin", ROUTE_ORIGIN},
    {"/v1/link", ROUTE_LINK},
    {"/v1/tracks", ROUTE_TRACKS},
    {"/v1/tracks?", ROUTE_TRACKS},
    {"/v1/tracks?limit=1&after=" TRACK, ROUTE_TRACKS},
    {"/v1/tracks?colour=red", ROUTE_TRACKS},
    {"/v1/tracks/" TRACK, ROUTE_TRACK},
    {"/v1/tracks/" TRACK "?manifest", ROUTE_TRACK},
    {"/v1/files/" ROOT, ROUTE_FILE},
    {"/v1/files/" ROOT "-4294967296", ROUTE_FILE},
    {"/v1/covers/" TRACK, ROUTE_COVER},
    {"/v1/tracks?since=0", ROUTE_CHANGES},
    {"/v1/tracks?limit=7&brief&since=12-00c0ffee", ROUTE_CHANGES},
    {"/v1/tracks?brief", ROUTE_TRACKS},
    /* other places */
    {"/", ROUTE_NOT_FOUND},
    {"//", ROUTE_NOT_FOUND},
    {"/v1", ROUTE_NOT_FOUND},
    {"/v1/", ROUTE_NOT_FOUND},
    {"/v2/origin", ROUTE_NOT_FOUND},
    {"/v1/origin/", ROUTE_NOT_FOUND},
    {"/v1/originx", ROUTE_NOT_FOUND},
    {"/v1//origin", ROUTE_NOT_FOUND},
    {"/v1/tracks/", ROUTE_NOT_FOUND},
    {"/v1/tracks/" TRACK "/", ROUTE_NOT_FOUND},
    {"/v1/tracks/../files", ROUTE_NOT_FOUND},
    {"/v1/files", ROUTE_NOT_FOUND},
    {"/v1/files/", ROUTE_NOT_FOUND},
    {"/v1/covers/", ROUTE_NOT_FOUND},
    {"/v1/covers/" TRACK "/", ROUTE_NOT_FOUND},
    {"/healthz/", ROUTE_NOT_FOUND},
    {"healthz", ROUTE_NOT_FOUND},
    {"*", ROUTE_NOT_FOUND},
    {"http://host/v1/origin", ROUTE_NOT_FOUND},
    {"?", ROUTE_NOT_FOUND},
    /* values that cannot be */
    {"", ROUTE_BAD_REQUEST},
    {"/v1/covers/" ROOT, ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=1", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=0-00c0ffee", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=01-00c0ffee", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=1-c0ffee", ROUTE_BAD_REQUEST},
    {"/v1/tracks?since=99999999999999999999-00c0ffee", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=0", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=1001", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=-1", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=1x", ROUTE_BAD_REQUEST},
    {"/v1/tracks?limit=99999999999999999999999999", ROUTE_BAD_REQUEST},
    {"/v1/tracks?after=", ROUTE_BAD_REQUEST},
    {"/v1/tracks?after=12", ROUTE_BAD_REQUEST},
    {"/v1/tracks/all", ROUTE_BAD_REQUEST},
    {"/v1/tracks/..", ROUTE_BAD_REQUEST},
    {"/v1/tracks/" TRACK "0", ROUTE_BAD_REQUEST},
    {"/v1/tracks/%30" TRACK, ROUTE_BAD_REQUEST},
    {"/v1/files/" TRACK, ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT "-", ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT "-0", ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT "-01", ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT "-4294967297", ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT "-5-5", ROUTE_BAD_REQUEST},
    {"/v1/files/" ROOT ROOT, ROUTE_BAD_REQUEST},
    {"/v1/files/-5", ROUTE_BAD_REQUEST},
};

/* In a block of its exact size, so that the sanitizer sees a step too far. */
static struct route parse(const char *target)
{
    size_t count = strlen(target);
    char *copy = malloc(count + 1);
    assert_non_null(copy);
    memcpy(copy, target, count);
    struct route route = routes_parse(copy, count);
    free(copy);
    return route;
}

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(parse(kinds[i].target).kind, kinds[i].kind);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct route route = parse("/v1/tracks");
    assert_int_equal(route.limit, ROUTE_LIMIT_DEFAULT);
    assert_false(route.has_after);
    route = parse("/v1/tracks?after=" TRACK "&limit=7");
    assert_int_equal(route.limit, 7);
    assert_true(route.has_after);
    assert_int_equal(route.track_id[15], 0xff);
    route = parse("/v1/tracks/" TRACK);
    assert_int_equal(route.track_id[1], 0x11);
    assert_false(route.wants_manifest);
    assert_true(parse("/v1/tracks/" TRACK "?x&manifest").wants_manifest);
    route = parse("/v1/tracks?since=12-00c0ffee&brief");
    assert_int_equal(route.since_number, 12);
    assert_int_equal(route.since_mark, 0xc0ffee);
    assert_true(route.is_brief);
    assert_int_equal(parse("/v1/covers/" TRACK).track_id[15], 0xff);
    route = parse("/v1/files/" ROOT);
    assert_int_equal(route.file.root[31], 0x1f);
    assert_int_equal(route.file.bytes, 0);
    assert_int_equal(parse("/v1/files/" ROOT "-16385").file.bytes, 16385);
}

static void test_length(void **state)
{
    (void)state;
    char target[ROUTE_TARGET_BYTES_MAX + 2];
    memset(target, 'x', sizeof target);
    memcpy(target, "/healthz?", 9);
    assert_int_equal(routes_parse(target, ROUTE_TARGET_BYTES_MAX).kind, ROUTE_HEALTH);
    assert_int_equal(routes_parse(target, ROUTE_TARGET_BYTES_MAX + 1).kind, ROUTE_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
