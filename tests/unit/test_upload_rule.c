/*
 * test_upload_rule.c: what is given, by command line, hour, network and battery.
 */
#include "player/upload_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    bool no_upload;
    struct upload_limit limit;
    struct upload_facts facts; /* metered, battery, hour */
    enum upload_off off;
    uint64_t bytes_per_s;
} rows[] = {
    {false, {0, 0, 0}, {false, false, 12}, UPLOAD_ON, 0},
    {false, {500, 0, 0}, {false, false, 12}, UPLOAD_ON, 500},
    {false, {500, 8, 23}, {false, false, 7}, UPLOAD_ON, 0},
    {false, {500, 8, 23}, {false, false, 8}, UPLOAD_ON, 500},
    {false, {500, 8, 23}, {false, false, 22}, UPLOAD_ON, 500},
    {false, {500, 8, 23}, {false, false, 23}, UPLOAD_ON, 0},
    {false, {500, 22, 6}, {false, false, 21}, UPLOAD_ON, 0},
    {false, {500, 22, 6}, {false, false, 22}, UPLOAD_ON, 500},
    {false, {500, 22, 6}, {false, false, 0}, UPLOAD_ON, 500},
    {false, {500, 22, 6}, {false, false, 6}, UPLOAD_ON, 0},
    {true, {500, 0, 0}, {true, true, 12}, UPLOAD_OFF_OPTION, 0},
    {false, {500, 0, 0}, {true, true, 12}, UPLOAD_OFF_METERED, 0},
    {false, {0, 0, 0}, {false, true, 12}, UPLOAD_OFF_BATTERY, 0},
};

static void test_rows(void **state)
{
    static struct args args;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        args.no_upload = rows[i].no_upload;
        args.upload_limit = rows[i].limit;
        struct upload_rule rule = upload_rule_decide(&args, &rows[i].facts);
        assert_int_equal(rule.off, rows[i].off);
        assert_int_equal(rule.bytes_per_s, rows[i].bytes_per_s);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_null(upload_off_name(UPLOAD_ON));
    assert_string_equal(upload_off_name(UPLOAD_OFF_OPTION), "option");
    assert_string_equal(upload_off_name(UPLOAD_OFF_METERED), "metered");
    assert_string_equal(upload_off_name(UPLOAD_OFF_BATTERY), "battery");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
