/*
 * screen.h: a picture of cells, as a terminal shows it.
 *
 * Pure: what stands where, in which style. Responsible for that text of strangers is harmless and takes
 * the columns that it was given (wide characters, combining marks). Not responsible for how colours are
 * told to a terminal (ansi.h) nor for what they are (theme.h).
 */
#ifndef PLAYER_TUI_SCREEN_H
#define PLAYER_TUI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#define SCREEN_COLUMNS_MAX 512u
#define SCREEN_ROWS_MAX 256u
/* A character of four bytes and three combining marks of three. */
#define SCREEN_CELL_BYTES 14u

/* A colour: a role of the theme (theme.h), or a picture's own. */
typedef uint32_t screen_colour;
#define SCREEN_RGB(red, green, blue)                                                               \
    (UINT32_C(0x01000000) | (uint32_t)(red) << 16 | (uint32_t)(green) << 8 | (uint32_t)(blue))
#define SCREEN_IS_RGB(colour) (((colour) >> 24) == 1)

enum screen_attribute {
    SCREEN_BOLD = 1,
    SCREEN_FAINT = 2,
    SCREEN_ITALIC = 4,
    SCREEN_UNDERLINE = 8,
    SCREEN_REVERSE = 16,
};

struct screen_style {
    screen_colour foreground, background; /* 0: the terminal's own */
    uint8_t attributes;                   /* of screen_attribute */
};

struct screen_cell {
    char text[SCREEN_CELL_BYTES]; /* UTF-8, terminated */
    uint8_t columns;              /* 1, 2, or 0: the second half of the one to the left */
    struct screen_style style;
};

struct screen {
    unsigned columns, rows;
    struct screen_cell *cells; /* rows of columns; owned */
    const char *cut;           /* stands behind a text that did not fit; one column; static */
    bool has_cursor;           /* where text is typed */
    unsigned cursor_x, cursor_y;
};

/* A rectangle; may reach beyond the picture, what does is not drawn. */
struct screen_box {
    int x, y, columns, rows;
};

/* Blank; sizes are cut to the maxima, `cut` is "~". ERROR_NO_MEMORY. */
int screen_init(struct screen *screen, unsigned columns, unsigned rows);
void screen_deinit(struct screen *screen);
/* Everything blank, no cursor. */
void screen_clear(struct screen *screen);
/* Everything as in `from`, which has the same size. */
void screen_copy(struct screen *screen, const struct screen *from);

/* Writes text from (x, y) on, into at most `columns` columns; what does not fit ends in screen->cut. Control characters, changes of direction and bytes that are no UTF-8
 * become "?"; characters without width that are no marks are left out. Returns the columns used. */
int screen_put(struct screen *screen, int x, int y, int columns, const char *text,
               struct screen_style style);
/* As above, at the right end of the columns. Returns the columns used. */
int screen_put_right(struct screen *screen, int x, int y, int columns, const char *text,
                     struct screen_style style);
/* As above, formatted. */
int screen_printf(struct screen *screen, int x, int y, int columns, struct screen_style style,
                  const char *format, ...) __attribute__((format(printf, 6, 7)));
/* One character (UTF-8, one column) again and again. */
void screen_fill(struct screen *screen, struct screen_box box, const char *glyph,
                 struct screen_style style);
/* Sets the background (and adds attributes) of what stands there. */
void screen_shade(struct screen *screen, struct screen_box box, screen_colour background,
                  uint8_t attributes);
/* The columns that screen_put would take of an endless row. */
int screen_columns_of(const char *text);

/* The cell at a place inside (asserted). */
const struct screen_cell *screen_at(const struct screen *screen, unsigned x, unsigned y);

#endif
