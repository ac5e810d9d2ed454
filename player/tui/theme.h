/*
 * theme.h: the palette and the glyphs, and which of them a terminal can show.
 *
 * Pure: the environment is read through a function. Colours are named by role; each has a form for true
 * colour, 256 colours, 16 colours and none, for dark and for light backgrounds. The terminal's own
 * background is never painted over, but for the row of the cursor and for pictures.
 */
#ifndef PLAYER_TUI_THEME_H
#define PLAYER_TUI_THEME_H

#include "player/tui/screen.h"

enum theme_role {
    THEME_OWN, /* the terminal's own colour */
    THEME_DIM,
    THEME_FAINT,
    THEME_ACCENT,
    THEME_LIKE,
    THEME_ERROR,
    THEME_SELECTED, /* a background */
    THEME_HEAD,     /* the play head */
    /* Chunks that have been played, in the order of model_source. */
    THEME_MISSING,
    THEME_CACHE,
    THEME_PEERS,
    THEME_ORIGIN,
    /* Chunks ahead of the play head. */
    THEME_MISSING_AHEAD,
    THEME_CACHE_AHEAD,
    THEME_PEERS_AHEAD,
    THEME_ORIGIN_AHEAD,
    THEME_ROLES,
};

enum theme_depth { THEME_MONO, THEME_16, THEME_256, THEME_TRUE };

enum theme_glyph_set {
    THEME_ASCII,   /* a locale without UTF-8 */
    THEME_CONSOLE, /* the kernel's console: what its fonts have */
    THEME_FULL,
};

struct theme_glyphs {
    const char *parts[9];  /* of a cell, filled from the left: eighths; [8] is all of it */
    const char *chunks[4]; /* where colours do not tell: missing, cache, peers, origin */
    const char *head;      /* the play head where colours do not tell */
    const char *rule, *playing, *paused, *waiting, *cursor, *like, *pin, *legend, *cut, *more_up,
        *more_down, *dot, *down, *up, *half, *times, *done;
};

struct theme {
    enum theme_depth depth;
    enum theme_glyph_set glyph_set;
    bool is_light;
    const struct theme_glyphs *glyphs;
};

/* A colour of the theme as ansi.h writes it. */
struct theme_colour {
    enum { THEME_COLOUR_OWN, THEME_COLOUR_INDEX, THEME_COLOUR_RGB } kind;
    uint8_t index;     /* INDEX: 0 to 15, or with THEME_256 to 255 */
    uint8_t rgb[3];    /* RGB */
    uint8_t attribute; /* instead of, or besides, the colour (of screen_attribute) */
};

typedef const char *theme_getenv(void *context, const char *name);

/* NO_COLOR, COLORTERM, TERM, COLORFGBG, LC_ALL, LC_CTYPE, LANG. */
void theme_detect(theme_getenv *get, void *context, struct theme *ret_theme);
/* Of the glyphs of a set. */
void theme_set_glyphs(struct theme *theme, enum theme_glyph_set set);
/* "auto" leaves it; "none", "16", "256", "true". False: no such word. */
bool theme_set_depth(struct theme *theme, const char *word);
struct theme_colour theme_colour(const struct theme *theme, screen_colour colour,
                                 bool is_background);

#endif
