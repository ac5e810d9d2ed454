/*
 * test_keymap.c: the keys that there are, and other ones.
 */
#include "player/tui/keymap.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
    struct keymap keymap;
    char text[KEYMAP_TEXT_BYTES];
    (void)state;
    keymap_init(&keymap);
    for (unsigned i = 0; i < KEYMAP_COUNT; i++) {
        assert_true(keymap_keys(&keymap, (enum keymap_action)i, 9, text)[0] != '\0');
        assert_true(strlen(keymap_help((enum keymap_action)i)) <= 29);
    }
    assert_int_equal(keymap_find(&keymap, ' ', 0), KEYMAP_PAUSE);
    assert_int_equal(keymap_find(&keymap, 'j', 0), KEYMAP_DOWN);
    assert_int_equal(keymap_find(&keymap, INPUT_DOWN, 0), KEYMAP_DOWN);
    assert_int_equal(keymap_find(&keymap, 'd', INPUT_CTRL), KEYMAP_PAGE_DOWN);
    assert_int_equal(keymap_find(&keymap, INPUT_TAB, INPUT_SHIFT), KEYMAP_PREV_VIEW);
    assert_int_equal(keymap_find(&keymap, 'z', 0), KEYMAP_NONE);
    assert_int_equal(keymap_find(&keymap, 0, 0), KEYMAP_NONE);
}

static const struct {
    const char *action, *keys;
    int error;
    const char *expect; /* the keys then, or words of the message */
} rows[] = {
    {"next", "x ctrl-alt-right", 0, "x ctrl-alt-right"},
    {"next", "alt-ctrl-right", 0, "ctrl-alt-right"},
    {"next", "  \t ", 0, ""},
    {"next", "ctrl-- é f12 pgdn", 0, "ctrl-- é f12 pagedown"},
    {"next", "音", 0, "音"},
    {"next", "1 2 3 4 5", ERROR_FULL, "more than 4 keys"},
    {"next", "hyper-x", ERROR_MALFORMED, "hyper-x is no key"},
    {"next", "ctrl-", ERROR_MALFORMED, "ctrl- is no key"},
    {"next", "\x1b", ERROR_MALFORMED, "next: ? is no key"},
    {"jump", "x", ERROR_NOT_FOUND, "jump: no such action"},
};

static void test_bind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keymap keymap;
        char text[KEYMAP_TEXT_BYTES] = "";
        keymap_init(&keymap);
        assert_int_equal(keymap_bind(&keymap, rows[i].action, rows[i].keys, text), rows[i].error);
        if (rows[i].error == 0) {
            assert_string_equal(keymap_keys(&keymap, KEYMAP_NEXT, 9, text), rows[i].expect);
        } else {
            assert_non_null(strstr(text, rows[i].expect));
            assert_int_equal(keymap_find(&keymap, 'n', 0), KEYMAP_NEXT); /* as it was */
        }
    }
}

static void test_a_key_has_one_meaning(void **state)
{
    struct keymap keymap;
    char text[KEYMAP_TEXT_BYTES];
    (void)state;
    keymap_init(&keymap);
    assert_int_equal(keymap_bind(&keymap, "quit", "space", text), 0);
    assert_int_equal(keymap_find(&keymap, ' ', 0), KEYMAP_QUIT);
    assert_int_equal(keymap_find(&keymap, 'p', 0), KEYMAP_PAUSE);
    assert_int_equal(keymap_find(&keymap, 'q', 0), KEYMAP_NONE);
    assert_string_equal(keymap_keys(&keymap, KEYMAP_PAUSE, 1, text), "p");
    assert_string_equal(keymap_name(KEYMAP_PAUSE), "pause");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bind),
        cmocka_unit_test(test_a_key_has_one_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
