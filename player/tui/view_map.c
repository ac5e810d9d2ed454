/*
 * view_map.c: where each chunk of the track came from, and how far it has been played.
 *
 * A cell stands for several chunks and is drawn in eighths: at most two colours, split where they fit
 * best, so that the play head and the borders of what was fetched move smoothly. Where colours do not
 * tell, each source has a glyph of its own and the play head is a bar.
 */
#include "player/tui/view_parts.h"

#include <string.h>

#define EIGHTHS 8

struct map {
    const struct model *model;
    uint64_t eighths; /* of all cells */
    uint64_t played;  /* of them, before the play head */
};

/* The source of an eighth, by the chunk in its middle. */
static enum model_source source_at(const struct map *map, uint64_t eighth)
{
    if (map->model->chunk_count == 0) {
        return MODEL_MISSING;
    }
    uint64_t chunk = (2 * eighth + 1) * map->model->chunk_count / (2 * map->eighths);
    return (enum model_source)map->model->chunks[chunk];
}

static enum theme_role role_at(const struct map *map, uint64_t eighth)
{
    bool is_played = eighth < map->played;
    enum model_source source = source_at(map, eighth);
    if (map->model->chunk_count == 0 && is_played) {
        return THEME_ACCENT; /* nothing is known of the chunks: a plain bar */
    }
    return (enum theme_role)((is_played ? THEME_MISSING : THEME_MISSING_AHEAD) + (int)source);
}

/* The role that most of [from, to) have; the first of them when several do. */
static enum theme_role most(const enum theme_role roles[EIGHTHS], int from, int to, int *ret_count)
{
    enum theme_role best = roles[from < EIGHTHS ? from : EIGHTHS - 1];
    *ret_count = 0;
    for (int i = from; i < to; i++) {
        int count = 0;
        for (int j = from; j < to; j++) {
            count += roles[j] == roles[i];
        }
        if (count > *ret_count) {
            *ret_count = count;
            best = roles[i];
        }
    }
    return best;
}

static void draw_smooth(struct view *view, const struct map *map, int x, int y, int cell)
{
    enum theme_role roles[EIGHTHS];
    struct screen_style style = {0};
    int best = -1, split = EIGHTHS;
    for (int i = 0; i < EIGHTHS; i++) {
        roles[i] = role_at(map, (uint64_t)cell * EIGHTHS + (uint64_t)i);
    }
    for (int at = 1; at <= EIGHTHS; at++) {
        int left_count, right_count;
        enum theme_role left = most(roles, 0, at, &left_count);
        enum theme_role right = most(roles, at, EIGHTHS, &right_count);
        if (left_count + right_count > best ||
            (at == EIGHTHS && left_count + right_count == best)) {
            best = left_count + right_count;
            split = at;
            style.foreground = left;
            style.background = at < EIGHTHS ? right : THEME_OWN;
        }
    }
    screen_put(view->screen, x + cell, y, 1, view->glyphs->parts[split], style);
}

/* By the chunk in the middle of the cell. */
static void draw_coarse(struct view *view, const struct map *map, int x, int y, int cell)
{
    uint64_t middle = (uint64_t)cell * EIGHTHS + EIGHTHS / 2;
    bool is_head =
        map->model->playing.state != MODEL_STOPPED && map->played / EIGHTHS == (uint64_t)cell;
    enum model_source source = source_at(map, middle);
    bool is_mono = view->look->theme->depth == THEME_MONO;
    const char *glyph = view->glyphs->chunks[source];
    if (!is_mono && source != MODEL_MISSING) {
        glyph = view->glyphs->parts[EIGHTHS];
    }
    if (map->model->chunk_count == 0 && middle < map->played) {
        glyph = view->glyphs->rule;
    }
    screen_put(view->screen, x + cell, y, 1, is_head ? view->glyphs->head : glyph,
               view_style(is_head ? THEME_HEAD : role_at(map, middle)));
}

void view_map_draw(struct view *view, int x, int y, int columns)
{
    const struct model *model = view->model;
    const struct theme *theme = view->look->theme;
    struct map map = {.model = model, .eighths = (uint64_t)columns * EIGHTHS};
    if (columns < 1) {
        return;
    }
    if (model->playing.duration_ms > 0 && model->playing.state != MODEL_STOPPED) {
        map.played =
            model_position_ms(model, view->look->now_us) * map.eighths / model->playing.duration_ms;
    }
    bool is_smooth = theme->glyph_set == THEME_FULL && theme->depth >= THEME_256;
    for (int cell = 0; cell < columns; cell++) {
        if (is_smooth) {
            draw_smooth(view, &map, x, y, cell);
        } else {
            draw_coarse(view, &map, x, y, cell);
        }
    }
    view_hit(view, (struct screen_box){x, y, columns, 1}, VIEW_MAP, 0);
}
