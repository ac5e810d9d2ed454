/*
 * view.h: the model as a picture of any size.
 *
 * Pure: the same model, size and theme give the same picture. From 40x10 up everything has its place;
 * smaller ones show the track, the bar and the time as far as they go.
 */
#ifndef PLAYER_TUI_VIEW_H
#define PLAYER_TUI_VIEW_H

#include "player/tui/keymap.h"
#include "player/tui/model.h"
#include "player/tui/screen.h"
#include "player/tui/theme.h"

#define VIEW_HITS_MAX 160u
/* A cover is square in pixels of half a cell. */
#define VIEW_COVER_COLUMNS 14u
#define VIEW_COVER_ROWS 7u
#define VIEW_COVER_PIXELS (VIEW_COVER_COLUMNS * VIEW_COVER_ROWS * 2u)

/* What a place on the screen is good for. */
enum view_target {
    VIEW_MAP,    /* the chunk map: seeks */
    VIEW_HEADER, /* around it: the wheel is the volume */
    VIEW_STATE,  /* pause and go on */
    VIEW_ROW,    /* value: index of the row */
    VIEW_LIST,   /* all of the list: the wheel scrolls */
    VIEW_TAB,    /* value: enum model_view */
    VIEW_SHUFFLE,
    VIEW_REPEAT,
    VIEW_LIKE,
    VIEW_HELP,
};

struct view_hit {
    struct screen_box box;
    enum view_target target;
    size_t value;
};

/* In the order in which they were drawn: the last one that matches counts. */
struct view_hits {
    struct view_hit hits[VIEW_HITS_MAX];
    unsigned count;
};

/* A picture for the cover: VIEW_COVER_COLUMNS x 2 VIEW_COVER_ROWS pixels of 3 bytes. */
struct view_cover {
    bool is_there;
    uint8_t rgb[VIEW_COVER_PIXELS][3];
};

struct view_look {
    const struct theme *theme;
    const struct keymap *keymap;
    const struct view_cover *cover; /* NULL: none */
    uint64_t now_us;
};

/* Draws all of `screen`. The model's pages are scrolled so that the cursor is seen. */
void view_draw(struct model *model, const struct view_look *look, struct screen *screen,
               struct view_hits *ret_hits);
/* When the picture changes by itself: the play head moves, a message goes. TIME_NEVER_US: not. */
uint64_t view_next_change_us(const struct model *model, unsigned columns, uint64_t now_us);
/* What is at a place; NULL: nothing. */
const struct view_hit *view_find(const struct view_hits *hits, unsigned x, unsigned y);

#endif
