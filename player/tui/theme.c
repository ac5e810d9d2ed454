/*
 * theme.c: tables of colours and glyphs.
 *
 * The four sources are told apart also by those who do not see all colours: their brightness differs,
 * and blue, green and orange stay apart in the common kinds of colour blindness.
 */
#include "player/tui/theme.h"

#include <assert.h>
#include <string.h>

#define OWN_INDEX 0xff

struct form {
    uint8_t rgb[3];
    uint8_t of_256;
    uint8_t of_16; /* OWN_INDEX: the terminal's own */
    uint8_t attribute_16, attribute_mono;
};

static const struct form dark[THEME_ROLES] = {
    [THEME_OWN] = {{0, 0, 0}, 0, OWN_INDEX, 0, 0},
    [THEME_DIM] = {{146, 154, 170}, 246, OWN_INDEX, SCREEN_FAINT, 0},
    [THEME_FAINT] = {{84, 90, 106}, 240, 8, 0, SCREEN_FAINT},
    [THEME_ACCENT] = {{190, 160, 250}, 141, 13, 0, SCREEN_BOLD},
    [THEME_LIKE] = {{245, 110, 135}, 204, 9, 0, 0},
    [THEME_ERROR] = {{245, 115, 100}, 209, 9, 0, SCREEN_BOLD},
    [THEME_SELECTED] = {{42, 46, 62}, 236, OWN_INDEX, SCREEN_REVERSE, SCREEN_REVERSE},
    [THEME_HEAD] = {{255, 255, 255}, 231, 15, 0, SCREEN_BOLD},
    [THEME_MISSING] = {{58, 62, 74}, 238, 8, 0, 0},
    [THEME_CACHE] = {{52, 196, 152}, 42, 10, 0, 0},
    [THEME_PEERS] = {{92, 170, 255}, 75, 14, 0, 0},
    [THEME_ORIGIN] = {{247, 178, 82}, 215, 11, 0, 0},
    [THEME_MISSING_AHEAD] = {{40, 43, 52}, 236, 8, 0, 0},
    [THEME_CACHE_AHEAD] = {{24, 104, 82}, 29, 2, 0, 0},
    [THEME_PEERS_AHEAD] = {{38, 88, 150}, 25, 6, 0, 0},
    [THEME_ORIGIN_AHEAD] = {{140, 96, 36}, 130, 3, 0, 0},
};

static const struct form light[THEME_ROLES] = {
    [THEME_OWN] = {{0, 0, 0}, 0, OWN_INDEX, 0, 0},
    [THEME_DIM] = {{96, 104, 120}, 242, OWN_INDEX, SCREEN_FAINT, 0},
    [THEME_FAINT] = {{176, 182, 194}, 249, 7, 0, SCREEN_FAINT},
    [THEME_ACCENT] = {{116, 76, 190}, 97, 5, 0, SCREEN_BOLD},
    [THEME_LIKE] = {{206, 40, 84}, 161, 1, 0, 0},
    [THEME_ERROR] = {{192, 40, 30}, 160, 1, 0, SCREEN_BOLD},
    [THEME_SELECTED] = {{230, 230, 242}, 254, OWN_INDEX, SCREEN_REVERSE, SCREEN_REVERSE},
    [THEME_HEAD] = {{0, 0, 0}, 16, 0, 0, SCREEN_BOLD},
    [THEME_MISSING] = {{198, 202, 210}, 251, 7, 0, 0},
    [THEME_CACHE] = {{14, 148, 108}, 29, 2, 0, 0},
    [THEME_PEERS] = {{26, 108, 214}, 26, 4, 0, 0},
    [THEME_ORIGIN] = {{214, 130, 8}, 172, 3, 0, 0},
    [THEME_MISSING_AHEAD] = {{222, 225, 231}, 254, 7, 0, 0},
    [THEME_CACHE_AHEAD] = {{128, 212, 186}, 115, 10, 0, 0},
    [THEME_PEERS_AHEAD] = {{142, 188, 244}, 111, 12, 0, 0},
    [THEME_ORIGIN_AHEAD] = {{246, 206, 140}, 222, 11, 0, 0},
};

static const struct theme_glyphs glyph_sets[] = {
    [THEME_ASCII] = {.parts = {" ", " ", " ", " ", "#", "#", "#", "#", "#"},
                     .chunks = {".", "#", "+", "="},
                     .head = "|",
                     .rule = "-",
                     .playing = ">",
                     .paused = "\"",
                     .waiting = "~",
                     .cursor = ">",
                     .like = "*",
                     .pin = "!",
                     .legend = "#",
                     .cut = "~",
                     .more_up = "^",
                     .more_down = "v",
                     .dot = "-",
                     .down = "v",
                     .up = "^",
                     .half = "#",
                     .times = "x",
                     .done = "+"},
    [THEME_CONSOLE] = {.parts = {" ", " ", " ", "▌", "▌", "▌", "▌", "█", "█"},
                       .chunks = {"·", "█", "▓", "▒"},
                       .head = "|",
                       .rule = "─",
                       .playing = "►",
                       .paused = "\"",
                       .waiting = "~",
                       .cursor = ">",
                       .like = "*",
                       .pin = "!",
                       .legend = "█",
                       .cut = "~",
                       .more_up = "^",
                       .more_down = "v",
                       .dot = "·",
                       .down = "v",
                       .up = "^",
                       .half = "▀",
                       .times = "x",
                       .done = "+"},
    [THEME_FULL] = {.parts = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
                    .chunks = {"·", "█", "▓", "▒"},
                    .head = "┃",
                    .rule = "─",
                    .playing = "▶",
                    .paused = "‖",
                    .waiting = "◌",
                    .cursor = "▌",
                    .like = "♥",
                    .pin = "●",
                    .legend = "■",
                    .cut = "…",
                    .more_up = "▴",
                    .more_down = "▾",
                    .dot = "·",
                    .down = "↓",
                    .up = "↑",
                    .half = "▀",
                    .times = "×",
                    .done = "✓"},
};

static bool has_word(const char *text, const char *word)
{
    return text != NULL && strstr(text, word) != NULL;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum theme_depth depth_of(theme_getenv *get, void *context)
{
    const char *term = get(context, "TERM");
    const char *colours = get(context, "COLORTERM");
    if (is_set(get(context, "NO_COLOR")) || !is_set(term) || strncmp(term, "vt", 2) == 0 ||
        strcmp(term, "dumb") == 0 || has_word(term, "-m") || has_word(term, "-nc")) {
        return THEME_MONO;
    }
    if (has_word(colours, "truecolor") || has_word(colours, "24bit") || has_word(term, "-direct") ||
        has_word(term, "truecolor") || has_word(term, "kitty") || has_word(term, "ghostty")) {
        return THEME_TRUE;
    }
    return has_word(term, "256color") ? THEME_256 : THEME_16;
}

/* What the system's rules say: the first of these that is set. */
static bool is_utf8(theme_getenv *get, void *context)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *locale = get(context, names[i]);
        if (is_set(locale)) {
            return has_word(locale, "UTF-8") || has_word(locale, "utf8") ||
                   has_word(locale, "UTF8") || has_word(locale, "utf-8");
        }
    }
    return false;
}

/* "15;0": foreground and background; 7 and above (but 8) are light. */
static bool is_light(const char *colours)
{
    const char *last = colours != NULL ? strrchr(colours, ';') : NULL;
    return last != NULL && (strcmp(last, ";7") == 0 || strcmp(last, ";15") == 0);
}

void theme_set_glyphs(struct theme *theme, enum theme_glyph_set set)
{
    theme->glyph_set = set;
    theme->glyphs = &glyph_sets[set];
}

void theme_detect(theme_getenv *get, void *context, struct theme *ret_theme)
{
    const char *term = get(context, "TERM");
    *ret_theme = (struct theme){.depth = depth_of(get, context),
                                .is_light = is_light(get(context, "COLORFGBG"))};
    theme_set_glyphs(ret_theme, !is_utf8(get, context)                       ? THEME_ASCII
                                : is_set(term) && strcmp(term, "linux") == 0 ? THEME_CONSOLE
                                                                             : THEME_FULL);
}

bool theme_set_depth(struct theme *theme, const char *word)
{
    static const char *const words[] = {"none", "16", "256", "true"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            theme->depth = (enum theme_depth)i;
            return true;
        }
    }
    return strcmp(word, "auto") == 0;
}

/* The nearest of the cube of 6x6x6 colours. */
static uint8_t index_of_rgb(const uint8_t rgb[3])
{
    unsigned index = 16;
    for (unsigned i = 0, weight = 36; i < 3; i++, weight /= 6) {
        unsigned level = rgb[i] < 48 ? 0 : rgb[i] < 115 ? 1 : (rgb[i] - 35u) / 40u;
        index += level * weight;
    }
    return (uint8_t)index;
}

static struct theme_colour own_colour(const struct theme *theme, screen_colour colour)
{
    uint8_t rgb[3] = {(uint8_t)(colour >> 16), (uint8_t)(colour >> 8), (uint8_t)colour};
    struct theme_colour as = {.kind = THEME_COLOUR_OWN};
    if (theme->depth == THEME_TRUE) {
        as.kind = THEME_COLOUR_RGB;
        memcpy(as.rgb, rgb, sizeof as.rgb);
    } else if (theme->depth == THEME_256) {
        as.kind = THEME_COLOUR_INDEX;
        as.index = index_of_rgb(rgb);
    }
    return as;
}

struct theme_colour theme_colour(const struct theme *theme, screen_colour colour,
                                 bool is_background)
{
    if (SCREEN_IS_RGB(colour)) {
        return own_colour(theme, colour);
    }
    assert(colour < THEME_ROLES);
    const struct form *form = theme->is_light ? &light[colour] : &dark[colour];
    struct theme_colour as = {.kind = THEME_COLOUR_OWN};
    if (colour == THEME_OWN) {
        return as;
    }
    switch (theme->depth) {
    case THEME_TRUE:
        as.kind = THEME_COLOUR_RGB;
        memcpy(as.rgb, form->rgb, sizeof as.rgb);
        break;
    case THEME_256:
        as.kind = THEME_COLOUR_INDEX;
        as.index = form->of_256;
        break;
    case THEME_16:
        as.kind = form->of_16 == OWN_INDEX ? THEME_COLOUR_OWN : THEME_COLOUR_INDEX;
        as.index = form->of_16;
        as.attribute = form->attribute_16;
        break;
    case THEME_MONO:
        as.attribute = form->attribute_mono;
        break;
    }
    if (is_background && colour != THEME_SELECTED) {
        as.attribute = 0; /* attributes belong to what is written */
    }
    return as;
}
