/*
 * test_target.c: what a listener may name, and which origin that means.
 */
#include "player/target.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind; /* -1 = malformed */
        const char *url;
    } cases[] = {
        {"all", TARGET_ALL, ""},
        {ID, TARGET_ID, ""},
        {"refrain://music.example/tracks/" ID, TARGET_ADDRESS, "refrain://music.example:7373"},
        {"refrain://h:99/tracks/" ID, TARGET_ADDRESS, "refrain://h:99"},
        {"refrain://[::1]:99/tracks/" ID, TARGET_ADDRESS, "refrain://[::1]:99"},
        {"", -1, ""},
        {"zz", -1, ""},
        {"ALL", -1, ""},
        {ID "0", -1, ""},
        {"refrain://h/albums/" ID, -1, ""},
        {"http://h/tracks/" ID, -1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;
        char text[TARGET_TEXT_BYTES] = "";
        int error = target_parse(cases[i].text, &target, text);
        if (cases[i].kind < 0) {
            assert_int_equal(error, ERROR_MALFORMED);
            assert_non_null(strstr(text, "; "));
            continue;
        }
        assert_int_equal(error, 0);
        assert_int_equal((int)target.kind, cases[i].kind);
        assert_string_equal(target.url, cases[i].url);
        if (target.kind != TARGET_ALL) {
            assert_int_equal(target.id[0], 0x01);
            assert_int_equal(target.id[15], 0xef);
        }
    }
}

static void test_origins(void **state)
{
    (void)state;
    static const char *const plain[] = {ID, "all"};
    static const char *const named[] = {ID, "refrain://a/tracks/" ID,
                                        "refrain://a:7373/tracks/" ID};
    static const char *const mixed[] = {"refrain://a/tracks/" ID, "refrain://b/tracks/" ID};
    struct target targets[3];
    char text[TARGET_TEXT_BYTES] = "";
    const char *origin = "?";
    assert_int_equal(target_parse_all(plain, 2, NULL, targets, &origin, text), 0);
    assert_null(origin);
    assert_int_equal(target_parse_all(plain, 2, "x", targets, &origin, text), 0);
    assert_string_equal(origin, "x");
    assert_int_equal(target_parse_all(named, 3, "x", targets, &origin, text), 0);
    assert_string_equal(origin, "refrain://a:7373");
    static const char *const names[] = {"Abbey Road", "ALL", ID};
    assert_int_equal(target_parse_all(names, 3, NULL, targets, &origin, text), 0);
    assert_int_equal(targets[0].kind, TARGET_NAME);
    assert_int_equal(targets[1].kind, TARGET_NAME);
    assert_int_equal(targets[2].kind, TARGET_ID);
    static const char *const wrong[] = {"refrain://h/albums/" ID};
    assert_int_equal(target_parse_all(wrong, 1, NULL, targets, &origin, text), ERROR_MALFORMED);
    assert_int_equal(target_parse_all(mixed, 2, "x", targets, &origin, text), ERROR_MALFORMED);
    assert_non_null(strstr(text, "another origin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
