/*
 * view_parts.h: the parts of the picture, for view*.c.
 */
#ifndef PLAYER_TUI_VIEW_PARTS_H
#define PLAYER_TUI_VIEW_PARTS_H

#include "player/tui/view.h"

/* Everything that drawing needs. */
struct view {
    struct model *model;
    const struct view_look *look;
    const struct theme_glyphs *glyphs;
    struct screen *screen;
    struct view_hits *hits;
};

#define VIEW_TIME_BYTES 16

/* Styles by role. */
struct screen_style view_style(enum theme_role role);
struct screen_style view_bold(enum theme_role role);
/* "3:08", "1:02:03" */
const char *view_time(uint64_t ms, char ret_text[VIEW_TIME_BYTES]);
/* "0 B", "12 kB", "4.5 MB": at most 7 columns. */
const char *view_size(uint64_t bytes, char ret_text[VIEW_TIME_BYTES]);
void view_hit(struct view *view, struct screen_box box, enum view_target target, size_t value);
/* Left edge and right edge of what is written: a margin where there is room. */
int view_left(const struct view *view);
int view_right(const struct view *view);

/* view_map.c: one row of the chunk map with the play head. */
void view_map_draw(struct view *view, int x, int y, int columns);
/* view_now.c: what plays, in `rows` rows from the top. */
void view_now_draw(struct view *view, int rows);
/* view_list.c: the list under its head, in a box. */
void view_list_draw(struct view *view, struct screen_box box);
/* view_help.c */
void view_help_draw(struct view *view, struct screen_box box);

#endif
