/*
 * test_gateway_route.c: who may ask the gateway for what.
 */
#include "player/gateway/gateway_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"
#define ID "00112233445566778899aabbccddeeff"

static const struct {
    const char *path, *query, *host;
    int status;
} rows[] = {
    {"/" TOKEN "/tracks/" ID, "", "127.0.0.1:4000", 200},
    {"/" TOKEN "/tracks/" ID ".ogg", "", "localhost", 200},
    {"/tracks/" ID, "token=" TOKEN, "[::1]:80", 200},
    {"/tracks/" ID, "a=b&token=" TOKEN "&c=d", "127.0.0.1", 200},
    {"/tracks/" ID, "", "127.0.0.1", 403},
    {"/tracks/" ID, "token=" OTHER, "127.0.0.1", 403},
    {"/tracks/" ID, "token=" TOKEN "0", "127.0.0.1", 403},
    {"/tracks/" ID, "nottoken=" TOKEN, "127.0.0.1", 403},
    {"/" OTHER "/tracks/" ID, "", "127.0.0.1", 403},
    {"/" TOKEN "tracks/" ID, "", "127.0.0.1", 403},
    {"/" TOKEN, "", "127.0.0.1", 403},
    {"/", "", "127.0.0.1", 403},
    {"/" TOKEN "/tracks/" ID, "", NULL, 403},
    {"/" TOKEN "/tracks/" ID, "", "evil.example", 403},
    {"/" TOKEN "/tracks/" ID, "", "127.0.0.1.evil.example", 403},
    {"/" TOKEN "/tracks/" ID, "", "127.0.0.1:80.evil.example", 403},
    {"/" TOKEN "/tracks/" ID, "", "localhost.evil.example:80", 403},
    {"/" TOKEN "/tracks/", "", "127.0.0.1", 404},
    {"/" TOKEN "/tracks/" ID "0", "", "127.0.0.1", 404},
    {"/" TOKEN "/tracks/" ID "/x", "", "127.0.0.1", 404},
    {"/" TOKEN "/tracks/" ID ".ogg/x", "", "127.0.0.1", 404},
    {"/" TOKEN "/tracks/zz112233445566778899aabbccddeeff", "", "127.0.0.1", 404},
    {"/" TOKEN "/v1/tracks", "", "127.0.0.1", 404},
};

static void test_routes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t id[TRACK_ID_BYTES] = {1};
        int status = gateway_route(rows[i].path, rows[i].query, rows[i].host, TOKEN, id);
        if (status != rows[i].status) {
            print_message("row %zu: %d\n", i, status);
        }
        assert_int_equal(status, rows[i].status);
        assert_int_equal(id[0], status == 200 ? 0 : 1);
        assert_true(status != 200 || id[15] == 0xff);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_routes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
