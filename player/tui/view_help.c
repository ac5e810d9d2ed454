/*
 * view_help.c: the list of keys, in as many columns as fit.
 */
#include "player/tui/view_parts.h"

#include <stdio.h>

#define KEYS_COLUMNS 16
#define COLUMN_MIN 42
#define GAP 3

static void draw_entry(struct view *view, int x, int y, int columns, enum keymap_action action)
{
    char keys[KEYMAP_TEXT_BYTES];
    keymap_keys(view->look->keymap, action, 2, keys);
    screen_put(view->screen, x, y, KEYS_COLUMNS, keys[0] != '\0' ? keys : view->glyphs->dot,
               view_style(THEME_ACCENT));
    screen_put(view->screen, x + KEYS_COLUMNS + 1, y, columns - KEYS_COLUMNS - 1,
               keymap_help(action), view_style(THEME_OWN));
}

void view_help_draw(struct view *view, struct screen_box box)
{
    int columns = box.columns / (COLUMN_MIN + GAP);
    columns = columns < 1 ? 1 : columns > 3 ? 3 : columns;
    int width = (box.columns - (columns - 1) * GAP) / columns;
    int lines = ((int)KEYMAP_COUNT + columns - 1) / columns;
    int most = lines > box.rows ? lines - box.rows : 0;
    struct model *model = view->model;
    if (box.rows < 1) {
        return;
    }
    model->visible_rows = (unsigned)box.rows;
    model->help_top = model->help_top > (unsigned)most ? (unsigned)most : model->help_top;
    for (int i = 0; i < (int)KEYMAP_COUNT; i++) {
        int row = i % lines - (int)model->help_top;
        if (row >= 0 && row < box.rows) {
            draw_entry(view, box.x + i / lines * (width + GAP), box.y + row, width,
                       (enum keymap_action)i);
        }
    }
    if ((int)model->help_top < most) {
        screen_put(view->screen, box.x + box.columns - 1, box.y + box.rows - 1, 1,
                   view->glyphs->more_down, view_style(THEME_DIM));
    }
}
