/*
 * test_ansi.c: what differs is written and nothing else, in the colours that there are.
 */
#include "player/tui/ansi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN "\033[?2026h\033[?25l"
#define END "\033[m\033[?2026l"

/* Draws and gives the bytes, which have to be freed. */
static char *drawn(const struct theme *theme, const struct screen *shown, const struct screen *next)
{
    struct ansi ansi = {0};
    ansi_draw(&ansi, theme, shown, next);
    ansi_add(&ansi, "|");
    char *text = ansi.bytes;
    text[ansi.count - 1] = '\0';
    return text;
}

static void expect(const struct theme *theme, const struct screen *shown, const struct screen *next,
                   const char *bytes)
{
    char *text = drawn(theme, shown, next);
    assert_string_equal(text, bytes);
    struct ansi ansi = {.bytes = text};
    ansi_deinit(&ansi);
}

static void init_two(struct screen *shown, struct screen *next, const char *text)
{
    assert_int_equal(screen_init(shown, 20, 2), 0);
    assert_int_equal(screen_init(next, 20, 2), 0);
    screen_put(shown, 0, 0, 20, text, (struct screen_style){0});
    screen_copy(next, shown);
}

static void test_only_what_differs(void **state)
{
    static const struct theme theme = {.depth = THEME_TRUE};
    struct screen shown, next;
    (void)state;
    init_two(&shown, &next, "one two three");
    expect(&theme, &shown, &next, "");
    screen_put(&next, 4, 0, 3, "TWO", (struct screen_style){0});
    expect(&theme, &shown, &next, BEGIN "\033[1;5H\033[0mTWO" END);
    /* A few equal cells between are written again; more are jumped over. */
    screen_put(&next, 10, 0, 1, "X", (struct screen_style){0});
    expect(&theme, &shown, &next, BEGIN "\033[1;5H\033[0mTWO thX" END);
    screen_put(&next, 19, 1, 1, "!", (struct screen_style){0});
    expect(&theme, &shown, &next, BEGIN "\033[1;5H\033[0mTWO thX\033[2;20H!" END);
    screen_deinit(&shown);
    screen_deinit(&next);
}

static void test_places_after_doubtful_characters(void **state)
{
    static const struct theme theme = {.depth = THEME_TRUE};
    struct screen shown, next;
    (void)state;
    init_two(&shown, &next, "");
    screen_put(&next, 0, 0, 20, "音x█y", (struct screen_style){0});
    expect(&theme, &shown, &next, BEGIN "\033[1;1H\033[0m音\033[1;3Hx█y" END);
    screen_copy(&shown, &next);
    screen_put(&next, 0, 0, 2, "ab", (struct screen_style){0});
    expect(&theme, &shown, &next, BEGIN "\033[1;1H\033[0mab" END);
    screen_deinit(&shown);
    screen_deinit(&next);
}

static void test_cursor(void **state)
{
    static const struct theme theme = {.depth = THEME_TRUE};
    struct screen shown, next;
    (void)state;
    init_two(&shown, &next, "x");
    next.has_cursor = true;
    next.cursor_x = 3;
    expect(&theme, &shown, &next, BEGIN "\033[m\033[1;4H\033[?25h\033[?2026l");
    screen_copy(&shown, &next);
    expect(&theme, &shown, &next, "");
    screen_deinit(&shown);
    screen_deinit(&next);
}

static const struct {
    enum theme_depth depth;
    struct screen_style style;
    const char *expect;
} style_rows[] = {
    {THEME_TRUE, {THEME_OWN, THEME_OWN, 0}, "\033[0m"},
    {THEME_TRUE, {THEME_CACHE, THEME_OWN, SCREEN_BOLD}, "\033[0;1;38;2;52;196;152m"},
    {THEME_TRUE, {THEME_OWN, SCREEN_RGB(1, 2, 3), 0}, "\033[0;48;2;1;2;3m"},
    {THEME_256, {THEME_CACHE, THEME_SELECTED, 0}, "\033[0;38;5;42;48;5;236m"},
    {THEME_256, {SCREEN_RGB(255, 0, 0), THEME_OWN, 0}, "\033[0;38;5;196m"},
    {THEME_16, {THEME_CACHE, THEME_OWN, 0}, "\033[0;92m"},
    {THEME_16, {THEME_CACHE_AHEAD, THEME_OWN, 0}, "\033[0;32m"},
    {THEME_16, {THEME_DIM, THEME_SELECTED, 0}, "\033[0;2;7m"},
    {THEME_16, {SCREEN_RGB(255, 0, 0), THEME_OWN, 0}, "\033[0m"},
    {THEME_MONO, {THEME_CACHE, THEME_MISSING, SCREEN_UNDERLINE}, "\033[0;4m"},
    {THEME_MONO, {THEME_ACCENT, THEME_SELECTED, 0}, "\033[0;1;7m"},
};

static void test_styles(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof style_rows / sizeof style_rows[0]; i++) {
        const struct theme theme = {.depth = style_rows[i].depth};
        struct screen shown, next;
        char bytes[128];
        init_two(&shown, &next, "");
        screen_put(&next, 0, 0, 1, "x", style_rows[i].style);
        snprintf(bytes, sizeof bytes, BEGIN "\033[1;1H%sx" END, style_rows[i].expect);
        expect(&theme, &shown, &next, bytes);
        screen_deinit(&shown);
        screen_deinit(&next);
    }
}

static void test_all_of_it(void **state)
{
    static const struct theme theme = {.depth = THEME_MONO};
    struct screen next;
    (void)state;
    assert_int_equal(screen_init(&next, 3, 2), 0);
    expect(&theme, NULL, &next, BEGIN "\033[m\033[2J\033[1;1H\033[0m   \033[2;1H   " END);
    screen_deinit(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_differs),
        cmocka_unit_test(test_places_after_doubtful_characters),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
