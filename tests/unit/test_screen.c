/*
 * test_screen.c: text in cells: wide characters, marks, what is cut, what is hostile.
 */
#include "player/tui/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A row as text; the second half of a wide character is "<". */
static const char *row_text(const struct screen *screen, unsigned y)
{
    static char text[512];
    size_t used = 0;
    for (unsigned x = 0; x < screen->columns; x++) {
        const struct screen_cell *cell = screen_at(screen, x, y);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                 cell->columns == 0 ? "<" : cell->text);
    }
    return text;
}

static const struct {
    const char *text;
    int x, columns, used;
    const char *expect; /* of ten columns */
} rows[] = {
    {"plain", 0, 10, 5, "plain     "},
    {"plain", 2, 3, 3, "  pl~     "},
    {"plain", 0, 0, 0, "          "},
    {"plain", -2, 5, 5, "ain       "},
    {"plain", 8, 5, 5, "        pl"},
    {"音楽", 0, 10, 4, "音<楽<      "},
    {"音楽", 0, 3, 3, "音<~       "}, /* no half character */
    {"音楽", 0, 2, 1, "~         "},
    {"音楽", 7, 4, 4, "       音< "},
    {"e\xcc\x81x", 0, 10, 2, "e\xcc\x81x        "},
    {"\xcc\x81x", 0, 10, 1, "x         "}, /* a mark on nothing */
    {"a\xe2\x80\x8b\xe2\x80\x8d"
     "b",
     0, 10, 2, "ab        "}, /* zero width space, joiner */
    {"\x1b[31mred", 0, 10, 8, "?[31mred  "},
    {"a\xe2\x80\xae"
     "b",
     0, 10, 3, "a?b       "}, /* from right to left */
    {"\xff\xc3+", 0, 10, 3, "??+       "},
    {"a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87z", 0, 10, 2,
     "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86z        "}, /* as many as a cell holds */
};

static void test_put(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct screen screen;
        assert_int_equal(screen_init(&screen, 10, 1), 0);
        int used = screen_put(&screen, rows[i].x, 0, rows[i].columns, rows[i].text,
                              (struct screen_style){0});
        assert_int_equal(used, rows[i].used);
        assert_string_equal(row_text(&screen, 0), rows[i].expect);
        screen_deinit(&screen);
    }
}

static void test_half_a_wide_character_becomes_a_space(void **state)
{
    struct screen screen;
    (void)state;
    assert_int_equal(screen_init(&screen, 6, 2), 0);
    screen_put(&screen, 0, 0, 6, "音楽音", (struct screen_style){0});
    screen_put(&screen, 1, 0, 1, "x", (struct screen_style){0});
    assert_string_equal(row_text(&screen, 0), " x楽<音<");
    screen_put(&screen, 2, 0, 1, "y", (struct screen_style){0});
    assert_string_equal(row_text(&screen, 0), " xy 音<");
    screen_put(&screen, 3, 0, 2, "楽", (struct screen_style){0});
    assert_string_equal(row_text(&screen, 0), " xy楽< ");
    screen_put(&screen, 0, 1, 6, "outside", (struct screen_style){0});
    screen_put(&screen, 0, 2, 6, "below", (struct screen_style){0});
    assert_string_equal(row_text(&screen, 1), "outsi~");
    screen_deinit(&screen);
}

static void test_right_and_shade(void **state)
{
    struct screen screen;
    (void)state;
    assert_int_equal(screen_init(&screen, 8, 1), 0);
    screen.cut = "…";
    assert_int_equal(screen_put_right(&screen, 1, 0, 6, "3:08", (struct screen_style){0}), 4);
    assert_string_equal(row_text(&screen, 0), "   3:08 ");
    screen_put_right(&screen, 0, 0, 4, "12:34:56", (struct screen_style){0});
    assert_string_equal(row_text(&screen, 0), "12:…:08 ");
    screen_shade(&screen, (struct screen_box){2, -1, 99, 5}, 7, SCREEN_BOLD);
    assert_int_equal(screen_at(&screen, 1, 0)->style.background, 0);
    assert_int_equal(screen_at(&screen, 7, 0)->style.background, 7);
    assert_int_equal(screen_at(&screen, 7, 0)->style.attributes, SCREEN_BOLD);
    screen_deinit(&screen);
}

static void test_sizes_have_bounds(void **state)
{
    struct screen screen;
    (void)state;
    assert_int_equal(screen_init(&screen, 0, 0), 0);
    assert_int_equal(screen.columns * screen.rows, 1);
    screen_put(&screen, 0, 0, 5, "音", (struct screen_style){0});
    screen_deinit(&screen);
    assert_int_equal(screen_init(&screen, 100000, 100000), 0);
    assert_int_equal(screen.columns, SCREEN_COLUMNS_MAX);
    assert_int_equal(screen.rows, SCREEN_ROWS_MAX);
    screen_deinit(&screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_half_a_wide_character_becomes_a_space),
        cmocka_unit_test(test_right_and_shade),
        cmocka_unit_test(test_sizes_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
