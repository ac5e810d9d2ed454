/*
 * view_now.c: what plays: names, format, the map, where it came from, how it flows.
 */
#include "player/tui/view_parts.h"

#include <stdio.h>
#include <string.h>

#define VIEW_COVER_COLUMNS_MIN 76u
#define FACTS_BYTES 160

/* --- words ------------------------------------------------------------------------------------------ */

static const char *title_of(const struct model *model)
{
    const struct model_playing *playing = &model->playing;
    if (playing->state == MODEL_STOPPED && playing->track[0] == '\0') {
        return "Nothing plays";
    }
    return playing->title[0] != '\0' ? playing->title : playing->track;
}

static const char *state_glyph(const struct view *view)
{
    switch (view->model->playing.state) {
    case MODEL_PLAYING:
        return view->glyphs->playing;
    case MODEL_PAUSED:
        return view->glyphs->paused;
    case MODEL_OPENING:
    case MODEL_WAITING:
        return view->glyphs->waiting;
    case MODEL_STOPPED:
        break;
    }
    return view->glyphs->dot;
}

static const char *state_word(const struct model *model)
{
    static const char *const words[] = {"stopped", "opening", "playing", "waiting", "paused"};
    return words[model->playing.state];
}

/* "24 s ahead": what stands in the buffer behind the play head. */
static void ahead_text(const struct model *model, uint64_t now_us, char *ret_text, size_t capacity)
{
    uint64_t at_ms = model_position_ms(model, now_us);
    uint64_t ahead_ms = model->playing.buffered_ms;
    uint64_t rest_ms = model->playing.duration_ms > at_ms ? model->playing.duration_ms - at_ms : 0;
    ahead_ms = model->playing.duration_ms > 0 && ahead_ms > rest_ms ? rest_ms : ahead_ms;
    snprintf(ret_text, capacity, "%u s ahead", (unsigned)(ahead_ms / 1000));
}

/* --- the right side of the head ------------------------------------------------------------------------- */

#define VOLUME_CELLS 8

static void draw_volume(struct view *view, int right, int y)
{
    char text[16];
    unsigned percent = view->model->volume_percent;
    unsigned eighths = (percent < 100 ? percent : 100) * VOLUME_CELLS * 8 / 100;
    if (!view->model->has_volume) {
        return;
    }
    snprintf(text, sizeof text, " %3u %%", percent);
    int x = right - VOLUME_CELLS - screen_columns_of(text);
    screen_put_right(view->screen, x - 8, y, 7, "volume", view_style(THEME_DIM));
    bool has_background = view->look->theme->depth >= THEME_256;
    for (unsigned i = 0; i < VOLUME_CELLS; i++) {
        unsigned here = eighths >= (i + 1) * 8 ? 8 : eighths > i * 8 ? eighths - i * 8 : 0;
        struct screen_style style = {.foreground = THEME_DIM,
                                     .background = has_background ? THEME_MISSING_AHEAD : 0};
        const char *glyph = view->glyphs->parts[here];
        if (!has_background && here < 4) {
            glyph = view->glyphs->chunks[MODEL_MISSING];
            style.foreground = THEME_FAINT;
        }
        screen_put(view->screen, x + (int)i, y, 1, glyph, style);
    }
    screen_put(view->screen, x + VOLUME_CELLS, y, 7, text, view_style(THEME_DIM));
}

/* "shuffle albums   repeat all", each a button. */
static void draw_modes(struct view *view, int right, int y)
{
    const struct model *model = view->model;
    const struct {
        const char *name, *mode;
        enum view_target target;
    } modes[] = {{"repeat", model->repeat, VIEW_REPEAT}, {"shuffle", model->shuffle, VIEW_SHUFFLE}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        bool is_off = strcmp(modes[i].mode, "off") == 0;
        char text[32];
        if (modes[i].mode[0] == '\0') {
            continue;
        }
        snprintf(text, sizeof text, "%s %s", modes[i].name, modes[i].mode);
        int columns = screen_columns_of(text);
        right -= columns;
        screen_put(view->screen, right, y, columns, text,
                   view_style(is_off ? THEME_FAINT : THEME_ACCENT));
        view_hit(view, (struct screen_box){right, y, columns, 1}, modes[i].target, 0);
        right -= 3;
    }
}

static int draw_state(struct view *view, int right, int y)
{
    char text[40];
    enum model_state state = view->model->playing.state;
    if (state == MODEL_STOPPED) {
        return 0;
    }
    snprintf(text, sizeof text, "%s %s", state_glyph(view), state_word(view->model));
    int columns = screen_columns_of(text);
    enum theme_role role = state == MODEL_PLAYING   ? THEME_CACHE
                           : state == MODEL_WAITING ? THEME_ERROR
                                                    : THEME_ACCENT;
    screen_put(view->screen, right - columns, y, columns, text, view_style(role));
    view_hit(view, (struct screen_box){right - columns, y, columns, 1}, VIEW_STATE, 0);
    return columns + 2;
}

/* --- where it came from, how it flows --------------------------------------------------------------------- */

/* Shares in percent, of the chunks or else of the session's bytes. */
static bool shares_of(const struct model *model, unsigned ret_percent[MODEL_SOURCES])
{
    uint32_t counts[MODEL_SOURCES];
    uint64_t sum = 0, parts[MODEL_SOURCES];
    model_count_chunks(model, counts);
    for (unsigned i = 0; i < MODEL_SOURCES; i++) {
        parts[i] = model->chunk_count > 0 ? counts[i] : i == MODEL_MISSING ? 0 : model->bytes[i];
        sum += parts[i];
    }
    for (unsigned i = 0; i < MODEL_SOURCES && sum > 0; i++) {
        ret_percent[i] = (unsigned)((parts[i] * 100 + sum / 2) / sum);
    }
    return sum > 0;
}

/* "cache 41%": returns the column behind it. */
static int draw_share(struct view *view, int x, int y, int right, enum model_source source,
                      unsigned percent)
{
    static const char *const names[MODEL_SOURCES] = {"missing", "cache", "peers", "origin"};
    char text[32];
    bool is_mono = view->look->theme->depth == THEME_MONO;
    snprintf(text, sizeof text, " %s %u %%", names[source], percent);
    if (x + 1 + screen_columns_of(text) > right) {
        return x;
    }
    x += screen_put(view->screen, x, y, 1,
                    is_mono ? view->glyphs->chunks[source] : view->glyphs->legend,
                    view_style((enum theme_role)(THEME_MISSING + (int)source)));
    return x + screen_put(view->screen, x, y, right - x, text, view_style(THEME_DIM)) + 2;
}

static int draw_shares(struct view *view, int x, int y, int right)
{
    static const enum model_source order[] = {MODEL_CACHE, MODEL_PEERS, MODEL_ORIGIN,
                                              MODEL_MISSING};
    unsigned percent[MODEL_SOURCES] = {0};
    if (view->model->playing.state == MODEL_STOPPED || !shares_of(view->model, percent)) {
        return x;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        bool is_shown = order[i] != MODEL_MISSING || percent[MODEL_MISSING] > 0;
        if (is_shown) {
            x = draw_share(view, x, y, right, order[i], percent[order[i]]);
        }
    }
    return x;
}

/* "↓ 312 kB/s ↑ 12 kB/s   start 12 ms", as much of it as fits. */
static void draw_rates(struct view *view, int x, int y, int right)
{
    const struct model *model = view->model;
    const struct theme_glyphs *glyphs = view->glyphs;
    char down[VIEW_TIME_BYTES], up[VIEW_TIME_BYTES], rates[64], text[FACTS_BYTES];
    if (model->playing.state == MODEL_STOPPED) {
        return;
    }
    snprintf(rates, sizeof rates, "%s %s/s  %s %s/s", glyphs->down,
             view_size(model->down_rate, down), glyphs->up, view_size(model->up_rate, up));
    snprintf(text, sizeof text, "start %u ms   %s", (unsigned)model->playing.wait_ms, rates);
    if (!model->playing.has_wait || screen_columns_of(text) > right - x) {
        snprintf(text, sizeof text, "%s", rates);
    }
    if (screen_columns_of(text) <= right - x) {
        screen_put_right(view->screen, x, y, right - x, text, view_style(THEME_DIM));
    }
}

static void draw_ahead(struct view *view, int x, int y, int right)
{
    char text[32];
    ahead_text(view->model, view->look->now_us, text, sizeof text);
    if (view->model->playing.state != MODEL_STOPPED && screen_columns_of(text) <= right - x) {
        screen_put_right(view->screen, x, y, right - x, text, view_style(THEME_DIM));
    }
}

/* --- the bar ------------------------------------------------------------------------------------------------- */

/* "1:23 [map] 3:08" */
static void draw_bar(struct view *view, int x, int y, int right)
{
    const struct model_playing *playing = &view->model->playing;
    char at[VIEW_TIME_BYTES], duration[VIEW_TIME_BYTES];
    view_time(model_position_ms(view->model, view->look->now_us), at);
    view_time(playing->duration_ms, duration);
    int columns = screen_columns_of(duration);
    if (playing->state == MODEL_STOPPED) {
        view_map_draw(view, x, y, right - x);
        return;
    }
    screen_put_right(view->screen, x, y, columns, at, view_style(THEME_OWN));
    screen_put_right(view->screen, right - columns, y, columns, duration, view_style(THEME_DIM));
    view_map_draw(view, x + columns + 1, y, right - x - 2 * columns - 2);
}

/* --- tall: with a cover ------------------------------------------------------------------------------------- */

static screen_colour pixel(const struct view_cover *cover, unsigned x, unsigned y)
{
    const uint8_t *rgb = cover->rgb[y * VIEW_COVER_COLUMNS + x];
    return SCREEN_RGB(rgb[0], rgb[1], rgb[2]);
}

/* Two pixels a cell: the upper half in one colour on the other. */
static int draw_cover(struct view *view, int x, int y)
{
    const struct view_cover *cover = view->look->cover;
    const struct theme *theme = view->look->theme;
    if (cover == NULL || !cover->is_there || theme->depth < THEME_256 ||
        theme->glyph_set == THEME_ASCII || view->screen->columns < VIEW_COVER_COLUMNS_MIN) {
        return 0;
    }
    for (unsigned row = 0; row < VIEW_COVER_ROWS; row++) {
        for (unsigned column = 0; column < VIEW_COVER_COLUMNS; column++) {
            struct screen_style style = {.foreground = pixel(cover, column, 2 * row),
                                         .background = pixel(cover, column, 2 * row + 1)};
            screen_put(view->screen, x + (int)column, y + (int)row, 1, view->glyphs->half, style);
        }
    }
    return (int)VIEW_COVER_COLUMNS + 3;
}

static void draw_tall(struct view *view)
{
    const struct model *model = view->model;
    const struct model_playing *playing = &model->playing;
    char text[FACTS_BYTES];
    int right = view_right(view);
    int x = view_left(view);
    int y = 1;
    x += draw_cover(view, x, y);
    int name_right = right - 28 > x + 24 ? right - 28 : right;
    int used =
        screen_put(view->screen, x, y, name_right - x - 2, title_of(model), view_bold(THEME_OWN));
    if (playing->liked) {
        screen_put(view->screen, x + used + 1, y, 1, view->glyphs->like, view_style(THEME_LIKE));
    }
    if (playing->pinned) {
        screen_put(view->screen, x + used + (playing->liked ? 3 : 1), y, 1, view->glyphs->pin,
                   view_style(THEME_CACHE));
    }
    view_hit(view, (struct screen_box){x, y, used + 4, 1}, VIEW_LIKE, 0);
    draw_state(view, right, y);
    draw_volume(view, right, y + 1);
    draw_modes(view, right, y + 2);
    if (playing->state != MODEL_STOPPED) {
        screen_put(view->screen, x, y + 1, name_right - x, playing->artist, view_style(THEME_OWN));
        snprintf(text, sizeof text,
                 playing->year > 0 && playing->album[0] != '\0' ? "%s  %u" : "%s", playing->album,
                 (unsigned)(playing->year % 10000));
        screen_put(view->screen, x, y + 2, name_right - x, text, view_style(THEME_DIM));
        int format =
            screen_put(view->screen, x, y + 3, right - x, playing->format, view_style(THEME_FAINT));
        draw_rates(view, x + format + 2, y + 3, right);
    }
    draw_bar(view, x, y + 5, right);
    int shares_end = draw_shares(view, x, y + 6, right);
    draw_ahead(view, shares_end + 1, y + 6, right);
}

/* --- short: three lines ---------------------------------------------------------------------------------------- */

static void draw_name_line(struct view *view, int x, int y, int right)
{
    const struct model_playing *playing = &view->model->playing;
    x += screen_put(view->screen, x, y, right - x, title_of(view->model), view_bold(THEME_OWN));
    if (playing->state != MODEL_STOPPED && playing->artist[0] != '\0' && right - x > 5) {
        x += 2;
        x += screen_put(view->screen, x, y, right - x, playing->artist, view_style(THEME_DIM));
    }
    if (playing->liked && right - x > 1) {
        screen_put(view->screen, x + 1, y, 1, view->glyphs->like, view_style(THEME_LIKE));
    }
}

static void draw_short(struct view *view)
{
    int x = view_left(view);
    int right = view_right(view);
    int state = draw_state(view, right, 0);
    draw_name_line(view, x, 0, right - state);
    draw_bar(view, x, 1, right);
    draw_ahead(view, right - 12, 2, right);
    draw_shares(view, x, 2, right - 12);
}

/* --- smaller ----------------------------------------------------------------------------------------------------- */

static void draw_tiny(struct view *view, int rows)
{
    const struct model_playing *playing = &view->model->playing;
    char at[VIEW_TIME_BYTES], duration[VIEW_TIME_BYTES];
    int columns = (int)view->screen->columns;
    int y = 0;
    bool has_more = playing->state != MODEL_STOPPED;
    screen_put(view->screen, 0, y, 1, state_glyph(view), view_style(THEME_ACCENT));
    view_hit(view, (struct screen_box){0, y, 2, 1}, VIEW_STATE, 0);
    screen_put(view->screen, 2, y++, columns - 2, title_of(view->model), view_bold(THEME_OWN));
    if (rows > 3 && has_more) {
        screen_put(view->screen, 2, y++, columns - 2, playing->artist, view_style(THEME_OWN));
    }
    if (rows > 4 && has_more && playing->album[0] != '\0') {
        screen_put(view->screen, 2, y++, columns - 2, playing->album, view_style(THEME_DIM));
    }
    if (rows > y) {
        view_map_draw(view, 0, y++, columns);
    }
    if (rows > y && has_more) {
        screen_printf(view->screen, 0, y, columns, view_style(THEME_DIM), "%s / %s",
                      view_time(model_position_ms(view->model, view->look->now_us), at),
                      view_time(playing->duration_ms, duration));
    } else if (rows > y) {
        screen_put(view->screen, 0, y, columns, "/ search  q quit", view_style(THEME_DIM));
    }
}

void view_now_draw(struct view *view, int rows)
{
    if (rows > (int)VIEW_COVER_ROWS + 1 && view->screen->columns >= 60) {
        draw_tall(view);
    } else if (view->screen->columns >= 30 && view->screen->rows >= 8) {
        draw_short(view);
    } else {
        draw_tiny(view, rows);
    }
}
