/*
 * ansi.c: cursor movements, styles, characters.
 */
#include "player/tui/ansi.h"

#include "player/terminal_text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSI_FIRST_CAPACITY 16384u
#define ANSI_SYNC_BEGIN "\033[?2026h\033[?25l"
#define ANSI_SYNC_END "\033[?2026l"
/* So many equal cells are written again rather than jumped over: a jump takes as many bytes. */
#define ANSI_GAP_MAX 4u

void ansi_deinit(struct ansi *ansi)
{
    free(ansi->bytes);
    *ansi = (struct ansi){0};
}

void ansi_add(struct ansi *ansi, const char *text)
{
    size_t bytes = strlen(text);
    if (ansi->count + bytes > ansi->capacity) {
        size_t capacity = ansi->capacity == 0 ? ANSI_FIRST_CAPACITY : ansi->capacity;
        while (capacity < ansi->count + bytes) {
            capacity *= 2;
        }
        char *grown = realloc(ansi->bytes, capacity);
        if (grown == NULL) {
            ansi->failed = true;
            return;
        }
        ansi->bytes = grown;
        ansi->capacity = capacity;
    }
    memcpy(ansi->bytes + ansi->count, text, bytes);
    ansi->count += bytes;
}

/* --- styles --------------------------------------------------------------------------------------- */

static size_t put_colour(char *text, size_t capacity, const struct theme_colour *colour,
                         bool is_background)
{
    unsigned base = is_background ? 40 : 30;
    int used = 0;
    if (colour->kind == THEME_COLOUR_RGB) {
        used = snprintf(text, capacity, ";%u;2;%u;%u;%u", base + 8, colour->rgb[0], colour->rgb[1],
                        colour->rgb[2]);
    } else if (colour->kind == THEME_COLOUR_INDEX && colour->index < 8) {
        used = snprintf(text, capacity, ";%u", base + colour->index);
    } else if (colour->kind == THEME_COLOUR_INDEX && colour->index < 16) {
        used = snprintf(text, capacity, ";%u", base + 60 + colour->index - 8);
    } else if (colour->kind == THEME_COLOUR_INDEX) {
        used = snprintf(text, capacity, ";%u;5;%u", base + 8, colour->index);
    }
    assert(used >= 0 && (size_t)used < capacity);
    return (size_t)used;
}

static void put_style(struct ansi *ansi, const struct theme *theme,
                      const struct screen_style *style)
{
    static const struct {
        uint8_t attribute;
        char digit;
    } codes[] = {{SCREEN_BOLD, '1'},
                 {SCREEN_FAINT, '2'},
                 {SCREEN_ITALIC, '3'},
                 {SCREEN_UNDERLINE, '4'},
                 {SCREEN_REVERSE, '7'}};
    char text[96] = "\033[0";
    size_t used = strlen(text);
    struct theme_colour foreground = theme_colour(theme, style->foreground, false);
    struct theme_colour background = theme_colour(theme, style->background, true);
    unsigned attributes = style->attributes | foreground.attribute | background.attribute;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if ((attributes & codes[i].attribute) != 0) {
            text[used++] = ';';
            text[used++] = codes[i].digit;
        }
    }
    used += put_colour(text + used, sizeof text - used, &foreground, false);
    used += put_colour(text + used, sizeof text - used, &background, true);
    assert(used + 1 < sizeof text);
    text[used++] = 'm';
    text[used] = '\0';
    ansi_add(ansi, text);
}

/* --- cells ---------------------------------------------------------------------------------------- */

static bool same_style(const struct screen_style *a, const struct screen_style *b)
{
    return a->foreground == b->foreground && a->background == b->background &&
           a->attributes == b->attributes;
}

static bool same_cell(const struct screen_cell *a, const struct screen_cell *b)
{
    return a->columns == b->columns && same_style(&a->style, &b->style) &&
           strcmp(a->text, b->text) == 0;
}

/* Terminals do not agree on how wide some characters are: behind those the place is told anew. */
static bool is_certain(const char *text)
{
    uint32_t point = 0;
    unsigned count = terminal_text_decode(text, &point);
    return text[count] == '\0' && (point < 0x300 || (point >= 0x2500 && point < 0x25a0));
}

struct pen {
    unsigned x, y;
    bool is_placed; /* the terminal's cursor stands at x, y */
    bool has_style;
    struct screen_style style;
};

static void go_to(struct ansi *ansi, struct pen *pen, unsigned x, unsigned y)
{
    char text[32];
    if (pen->is_placed && pen->x == x && pen->y == y) {
        return;
    }
    snprintf(text, sizeof text, "\033[%u;%uH", y + 1, x + 1);
    ansi_add(ansi, text);
    *pen = (struct pen){x, y, true, pen->has_style, pen->style};
}

static void put_cell(struct ansi *ansi, const struct theme *theme, struct pen *pen,
                     const struct screen_cell *cell, unsigned x, unsigned y)
{
    go_to(ansi, pen, x, y);
    if (!pen->has_style || !same_style(&pen->style, &cell->style)) {
        put_style(ansi, theme, &cell->style);
        pen->style = cell->style;
        pen->has_style = true;
    }
    ansi_add(ansi, cell->text);
    pen->x += cell->columns;
    pen->is_placed = is_certain(cell->text);
}

/* The cells from `x` on are the same, up to this column. */
static unsigned same_until(const struct screen *shown, const struct screen *next, unsigned x,
                           unsigned y)
{
    while (x < next->columns && shown != NULL &&
           same_cell(screen_at(shown, x, y), screen_at(next, x, y))) {
        x++;
    }
    return x;
}

/* A wide character is written anew when only its second half differs. */
static unsigned first_half(const struct screen *screen, unsigned x, unsigned y)
{
    return x > 0 && screen_at(screen, x, y)->columns == 0 ? x - 1 : x;
}

static void draw_row(struct ansi *ansi, const struct theme *theme, struct pen *pen,
                     const struct screen *shown, const struct screen *next, unsigned y)
{
    unsigned x = 0;
    while (x < next->columns) {
        unsigned until = same_until(shown, next, x, y);
        bool is_gap = until > x && (until - x > ANSI_GAP_MAX || !pen->is_placed || pen->y != y ||
                                    pen->x != x || until == next->columns);
        if (is_gap) {
            x = until < next->columns ? first_half(next, until, y) : until;
            if (x == next->columns) {
                break;
            }
        }
        const struct screen_cell *cell = screen_at(next, x, y);
        if (cell->columns > 0) {
            put_cell(ansi, theme, pen, cell, x, y);
        }
        x += cell->columns > 0 ? cell->columns : 1;
    }
}

static bool same_screens(const struct screen *shown, const struct screen *next)
{
    if (shown == NULL || shown->has_cursor != next->has_cursor ||
        (next->has_cursor &&
         (shown->cursor_x != next->cursor_x || shown->cursor_y != next->cursor_y))) {
        return false;
    }
    for (unsigned y = 0; y < next->rows; y++) {
        if (same_until(shown, next, 0, y) < next->columns) {
            return false;
        }
    }
    return true;
}

void ansi_draw(struct ansi *ansi, const struct theme *theme, const struct screen *shown,
               const struct screen *next)
{
    struct pen pen = {0};
    assert(shown == NULL || (shown->columns == next->columns && shown->rows == next->rows));
    if (same_screens(shown, next)) {
        return;
    }
    ansi_add(ansi, ANSI_SYNC_BEGIN);
    if (shown == NULL) {
        ansi_add(ansi, "\033[m\033[2J");
    }
    for (unsigned y = 0; y < next->rows; y++) {
        draw_row(ansi, theme, &pen, shown, next, y);
    }
    ansi_add(ansi, "\033[m");
    if (next->has_cursor) {
        pen.is_placed = false;
        go_to(ansi, &pen, next->cursor_x, next->cursor_y);
        ansi_add(ansi, "\033[?25h");
    }
    ansi_add(ansi, ANSI_SYNC_END);
}
