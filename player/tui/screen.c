/*
 * screen.c: text into cells.
 */
#include "player/tui/screen.h"

#include "common/error.h"
#include "player/terminal_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCREEN_FORMATTED_BYTES 512
/* Behind a text that was cut: a character that every terminal has. */
#define SCREEN_CUT "~"

static const struct screen_cell blank = {.text = " ", .columns = 1};

int screen_init(struct screen *screen, unsigned columns, unsigned rows)
{
    columns = columns < 1 ? 1 : columns > SCREEN_COLUMNS_MAX ? SCREEN_COLUMNS_MAX : columns;
    rows = rows < 1 ? 1 : rows > SCREEN_ROWS_MAX ? SCREEN_ROWS_MAX : rows;
    struct screen_cell *cells = calloc((size_t)columns * rows, sizeof *cells);
    if (cells == NULL) {
        return ERROR_NO_MEMORY;
    }
    *screen = (struct screen){.columns = columns, .rows = rows, .cells = cells, .cut = SCREEN_CUT};
    screen_clear(screen);
    return 0;
}

void screen_deinit(struct screen *screen)
{
    free(screen->cells);
    *screen = (struct screen){0};
}

void screen_clear(struct screen *screen)
{
    for (size_t i = 0; i < (size_t)screen->columns * screen->rows; i++) {
        screen->cells[i] = blank;
    }
    screen->has_cursor = false;
}

void screen_copy(struct screen *screen, const struct screen *from)
{
    assert(screen->columns == from->columns && screen->rows == from->rows);
    memcpy(screen->cells, from->cells, (size_t)from->columns * from->rows * sizeof *from->cells);
    screen->has_cursor = from->has_cursor;
    screen->cursor_x = from->cursor_x;
    screen->cursor_y = from->cursor_y;
}

const struct screen_cell *screen_at(const struct screen *screen, unsigned x, unsigned y)
{
    assert(x < screen->columns && y < screen->rows);
    return &screen->cells[(size_t)y * screen->columns + x];
}

static struct screen_cell *cell_at(struct screen *screen, int x, int y)
{
    if (x < 0 || y < 0 || (unsigned)x >= screen->columns || (unsigned)y >= screen->rows) {
        return NULL;
    }
    return &screen->cells[(size_t)y * screen->columns + (size_t)x];
}

/* Half of a wide character goes: the other half becomes a space. */
static void break_wide(struct screen *screen, int x, int y)
{
    struct screen_cell *cell = cell_at(screen, x, y);
    struct screen_cell *other = NULL;
    if (cell->columns == 0) {
        other = cell_at(screen, x - 1, y);
    } else if (cell->columns == 2) {
        other = cell_at(screen, x + 1, y);
    }
    if (other != NULL) {
        struct screen_style style = other->style;
        *other = blank;
        other->style = style;
    }
}

static void set(struct screen *screen, int x, int y, const char *text, size_t bytes,
                unsigned columns, struct screen_style style)
{
    struct screen_cell *cell = cell_at(screen, x, y);
    if (cell == NULL || (columns == 2 && cell_at(screen, x + 1, y) == NULL)) {
        return;
    }
    break_wide(screen, x, y);
    *cell = (struct screen_cell){.columns = (uint8_t)columns, .style = style};
    memcpy(cell->text, text, bytes);
    if (columns == 2) {
        break_wide(screen, x + 1, y);
        *cell_at(screen, x + 1, y) = (struct screen_cell){.columns = 0, .style = style};
    }
}

/* One character of a stranger's text: what is shown of it. */
struct glyph {
    const char *text; /* shown instead, or what stands there */
    unsigned bytes;   /* of `text` */
    unsigned taken;   /* bytes of the source */
    unsigned columns; /* 0: a mark, or nothing at all */
    bool is_mark;     /* goes with the character before */
};

static struct glyph next_glyph(const char *text)
{
    uint32_t point = 0;
    unsigned count = terminal_text_decode(text, &point);
    if (count == 0 || terminal_text_steers(point)) {
        return (struct glyph){
            .text = "?", .bytes = 1, .taken = count > 0 ? count : 1, .columns = 1};
    }
    unsigned columns = terminal_text_point_columns(point);
    return (struct glyph){.text = text,
                          .bytes = count,
                          .taken = count,
                          .columns = columns,
                          .is_mark = columns == 0 && terminal_text_is_mark(point)};
}

int screen_columns_of(const char *text)
{
    int sum = 0;
    while (*text != '\0') {
        struct glyph glyph = next_glyph(text);
        sum += (int)glyph.columns;
        text += glyph.taken;
    }
    return sum;
}

/* Whether all that follows fits into so many columns; looks no further than needed. */
static bool fits(const char *text, int columns)
{
    while (*text != '\0' && columns >= 0) {
        struct glyph glyph = next_glyph(text);
        columns -= (int)glyph.columns;
        text += glyph.taken;
    }
    return columns >= 0;
}

static void add_mark(struct screen_cell *cell, const struct glyph *glyph)
{
    size_t used = cell != NULL ? strlen(cell->text) : SCREEN_CELL_BYTES;
    if (used + glyph->bytes < SCREEN_CELL_BYTES) {
        memcpy(cell->text + used, glyph->text, glyph->bytes);
        cell->text[used + glyph->bytes] = '\0';
    }
}

int screen_put(struct screen *screen, int x, int y, int columns, const char *text,
               struct screen_style style)
{
    int used = 0;
    int last = -1; /* column of the last character, for its marks */
    bool is_whole = fits(text, columns);
    int room = is_whole ? columns : columns - 1;
    while (*text != '\0') {
        struct glyph glyph = next_glyph(text);
        if (glyph.columns == 0 && glyph.is_mark && last >= 0) {
            add_mark(cell_at(screen, x + last, y), &glyph);
        } else if (glyph.columns > 0) {
            if (used + (int)glyph.columns > room) {
                break;
            }
            set(screen, x + used, y, glyph.text, glyph.bytes, glyph.columns, style);
            last = used;
            used += (int)glyph.columns;
        }
        text += glyph.taken;
    }
    if (!is_whole && columns > 0) {
        set(screen, x + used, y, screen->cut, strlen(screen->cut), 1, style);
        used++;
    }
    return used;
}

int screen_put_right(struct screen *screen, int x, int y, int columns, const char *text,
                     struct screen_style style)
{
    int wanted = screen_columns_of(text);
    int used = wanted < columns ? wanted : columns;
    return screen_put(screen, x + columns - used, y, used, text, style);
}

int screen_printf(struct screen *screen, int x, int y, int columns, struct screen_style style,
                  const char *format, ...)
{
    char text[SCREEN_FORMATTED_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return screen_put(screen, x, y, columns, text, style);
}

void screen_fill(struct screen *screen, struct screen_box box, const char *glyph,
                 struct screen_style style)
{
    size_t bytes = strlen(glyph);
    assert(bytes < SCREEN_CELL_BYTES);
    for (int y = box.y; y < box.y + box.rows; y++) {
        for (int x = box.x; x < box.x + box.columns; x++) {
            set(screen, x, y, glyph, bytes, 1, style);
        }
    }
}

void screen_shade(struct screen *screen, struct screen_box box, screen_colour background,
                  uint8_t attributes)
{
    for (int y = box.y; y < box.y + box.rows; y++) {
        for (int x = box.x; x < box.x + box.columns; x++) {
            struct screen_cell *cell = cell_at(screen, x, y);
            if (cell != NULL) {
                cell->style.background = background;
                cell->style.attributes |= attributes;
            }
        }
    }
}
