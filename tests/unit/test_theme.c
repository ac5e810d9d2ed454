/*
 * test_theme.c: what a terminal can show, by its environment.
 */
#include "player/tui/theme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct environment {
    const char *term, *colorterm, *no_color, *fgbg, *lc_all, *lang;
};

static const char *get(void *context, const char *name)
{
    const struct environment *environment = context;
    const struct {
        const char *name, *value;
    } values[] = {{"TERM", environment->term},         {"COLORTERM", environment->colorterm},
                  {"NO_COLOR", environment->no_color}, {"COLORFGBG", environment->fgbg},
                  {"LC_ALL", environment->lc_all},     {"LANG", environment->lang}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (strcmp(values[i].name, name) == 0) {
            return values[i].value;
        }
    }
    return NULL;
}

static const struct {
    struct environment environment;
    enum theme_depth depth;
    enum theme_glyph_set glyph_set;
    bool is_light;
} rows[] = {
    {{.term = "xterm-256color", .lang = "de_DE.UTF-8"}, THEME_256, THEME_FULL, false},
    {{.term = "tmux-256color", .colorterm = "truecolor", .lang = "C.utf8"},
     THEME_TRUE,
     THEME_FULL,
     false},
    {{.term = "xterm-kitty", .lc_all = "C", .lang = "C.UTF-8"}, THEME_TRUE, THEME_ASCII, false},
    {{.term = "xterm", .lc_all = "", .lang = "C.UTF-8"}, THEME_16, THEME_FULL, false},
    {{.term = "linux", .lang = "C.UTF-8"}, THEME_16, THEME_CONSOLE, false},
    {{.term = "xterm-256color", .no_color = "1", .lang = "C.UTF-8"}, THEME_MONO, THEME_FULL, false},
    {{.term = "xterm-256color", .no_color = "", .fgbg = "0;15"}, THEME_256, THEME_ASCII, true},
    {{.term = "xterm-256color", .fgbg = "15;default;0"}, THEME_256, THEME_ASCII, false},
    {{.term = "vt220", .lang = "C.UTF-8"}, THEME_MONO, THEME_FULL, false},
    {{.term = NULL}, THEME_MONO, THEME_ASCII, false},
};

static void test_detect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct environment environment = rows[i].environment;
        struct theme theme;
        theme_detect(get, &environment, &theme);
        assert_int_equal(theme.depth, rows[i].depth);
        assert_int_equal(theme.glyph_set, rows[i].glyph_set);
        assert_int_equal(theme.is_light, rows[i].is_light);
    }
}

static void test_words(void **state)
{
    struct theme theme = {.depth = THEME_TRUE};
    (void)state;
    assert_true(theme_set_depth(&theme, "auto"));
    assert_int_equal(theme.depth, THEME_TRUE);
    assert_true(theme_set_depth(&theme, "none"));
    assert_int_equal(theme.depth, THEME_MONO);
    assert_true(theme_set_depth(&theme, "256"));
    assert_int_equal(theme.depth, THEME_256);
    assert_false(theme_set_depth(&theme, "many"));
}

/* Each glyph takes one column, in each set. */
static void test_glyphs(void **state)
{
    (void)state;
    for (unsigned set = THEME_ASCII; set <= THEME_FULL; set++) {
        struct theme theme;
        theme_set_glyphs(&theme, (enum theme_glyph_set)set);
        const char *const *glyphs = (const char *const *)theme.glyphs;
        for (size_t i = 0; i < sizeof *theme.glyphs / sizeof glyphs[0]; i++) {
            assert_int_equal(screen_columns_of(glyphs[i]), 1);
            assert_true(set != THEME_ASCII || strlen(glyphs[i]) == 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_glyphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
