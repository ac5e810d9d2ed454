/*
 * view.c: how the screen is divided, the line of tabs and the last line.
 */
#include "player/tui/view.h"

#include "common/time_us.h"
#include "player/tui/view_parts.h"

#include <stdio.h>
#include <string.h>

/* Below this there is only what plays. */
#define VIEW_LIST_COLUMNS_MIN 30u
#define VIEW_LIST_ROWS_MIN 8u
/* What plays: with a cover, without one, and in short. */
#define VIEW_NOW_TALL (VIEW_COVER_ROWS + 2)
#define VIEW_NOW_SHORT 4u
#define VIEW_TALL_ROWS_MIN 20u
#define VIEW_TALL_COLUMNS_MIN 60u
#define VIEW_MARGIN_COLUMNS_MIN 60u
/* No picture is drawn sooner after the one before. */
#define VIEW_PAUSE_US UINT64_C(66000)

struct screen_style view_style(enum theme_role role)
{
    return (struct screen_style){.foreground = role};
}

struct screen_style view_bold(enum theme_role role)
{
    return (struct screen_style){.foreground = role, .attributes = SCREEN_BOLD};
}

const char *view_time(uint64_t ms, char ret_text[VIEW_TIME_BYTES])
{
    uint64_t s = ms / 1000;
    if (s >= 3600) {
        snprintf(ret_text, VIEW_TIME_BYTES, "%u:%02u:%02u", (unsigned)(s / 3600 % 1000),
                 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    } else {
        snprintf(ret_text, VIEW_TIME_BYTES, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    }
    return ret_text;
}

const char *view_size(uint64_t bytes, char ret_text[VIEW_TIME_BYTES])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    unsigned unit = 0;
    unsigned tenth = 0;
    while (bytes >= 1000) {
        tenth = (unsigned)(bytes % 1000 / 100);
        bytes /= 1000;
        unit++;
    }
    if (unit >= 2 && bytes < 100) {
        snprintf(ret_text, VIEW_TIME_BYTES, "%u.%u %s", (unsigned)bytes, tenth, units[unit]);
    } else {
        snprintf(ret_text, VIEW_TIME_BYTES, "%u %s", (unsigned)bytes, units[unit]);
    }
    return ret_text;
}

void view_hit(struct view *view, struct screen_box box, enum view_target target, size_t value)
{
    if (view->hits->count < VIEW_HITS_MAX) {
        view->hits->hits[view->hits->count++] = (struct view_hit){box, target, value};
    }
}

const struct view_hit *view_find(const struct view_hits *hits, unsigned x, unsigned y)
{
    for (unsigned i = hits->count; i > 0; i--) {
        const struct screen_box *box = &hits->hits[i - 1].box;
        if ((int)x >= box->x && (int)x < box->x + box->columns && (int)y >= box->y &&
            (int)y < box->y + box->rows) {
            return &hits->hits[i - 1];
        }
    }
    return NULL;
}

int view_left(const struct view *view)
{
    return view->screen->columns >= VIEW_MARGIN_COLUMNS_MIN ? 2 : 0;
}

int view_right(const struct view *view)
{
    return (int)view->screen->columns - view_left(view);
}

/* --- tabs ------------------------------------------------------------------------------------------- */

static void tab_text(struct view *view, enum model_view tab, bool is_short, char *ret_text,
                     size_t capacity)
{
    static const char *const names[MODEL_VIEW_SEARCH] = {"Queue", "Library", "Playlists", "Peers"};
    const struct model *model = view->model;
    size_t entries = json_array_size(model->stacks[MODEL_VIEW_QUEUE].pages[0].rows);
    if (tab == MODEL_VIEW_QUEUE && entries > 0 && !is_short) {
        snprintf(ret_text, capacity, "%s %zu", names[tab], entries);
    } else if (tab == MODEL_VIEW_PEERS && model->neighbours > 0 && !is_short) {
        snprintf(ret_text, capacity, "%s %u", names[tab], (unsigned)model->neighbours);
    } else {
        snprintf(ret_text, capacity, "%s", names[tab]);
    }
}

static void draw_tabs(struct view *view, int y)
{
    char text[32], keys[KEYMAP_TEXT_BYTES];
    int left = view_left(view);
    int right = view_right(view);
    bool is_short = view->screen->columns < 56;
    int x = left;
    for (unsigned i = 0; i < MODEL_VIEW_SEARCH; i++) {
        bool is_shown = view->model->view == i;
        tab_text(view, (enum model_view)i, is_short, text, sizeof text);
        struct screen_style style = is_shown ? view_bold(THEME_ACCENT) : view_style(THEME_DIM);
        style.attributes |= is_shown ? SCREEN_UNDERLINE : 0;
        int used = screen_put(view->screen, x, y, right - x, text, style);
        view_hit(view, (struct screen_box){x, y, used, 1}, VIEW_TAB, i);
        x += used + (is_short ? 2 : 4);
    }
    bool is_search = view->model->view == MODEL_VIEW_SEARCH;
    struct screen_style style = is_search ? view_bold(THEME_ACCENT) : view_style(THEME_DIM);
    keymap_keys(view->look->keymap, KEYMAP_SEARCH, 1, keys);
    snprintf(text, sizeof text, is_short ? "%.20s" : "%.20s search", keys);
    if (right - x >= screen_columns_of(text)) {
        int used = screen_put_right(view->screen, x, y, right - x, text, style);
        view_hit(view, (struct screen_box){right - used, y, used, 1}, VIEW_TAB, MODEL_VIEW_SEARCH);
    }
}

/* --- the last line ----------------------------------------------------------------------------------------- */

struct hint {
    enum keymap_action action;
    const char *word;
};

static int put_hint(struct view *view, int x, int y, int right, const struct hint *hint)
{
    char keys[KEYMAP_TEXT_BYTES];
    keymap_keys(view->look->keymap, hint->action, 1, keys);
    int wanted = screen_columns_of(keys) + 1 + screen_columns_of(hint->word);
    if (keys[0] == '\0' || x + wanted > right) {
        return x;
    }
    x += screen_put(view->screen, x, y, right - x, keys, view_style(THEME_ACCENT)) + 1;
    return x + screen_put(view->screen, x, y, right - x, hint->word, view_style(THEME_DIM)) + 3;
}

static void draw_hints(struct view *view, int y)
{
    static const struct hint queue[] = {{KEYMAP_PAUSE, "pause"},     {KEYMAP_NEXT, "next"},
                                        {KEYMAP_SEARCH, "search"},   {KEYMAP_LIKE, "like"},
                                        {KEYMAP_REMOVE, "take out"}, {KEYMAP_SHUFFLE, "shuffle"}};
    static const struct hint lists[] = {
        {KEYMAP_ENTER, "play, open"}, {KEYMAP_LEAVE, "back"}, {KEYMAP_ADD, "queue"},
        {KEYMAP_ADD_NEXT, "next"},    {KEYMAP_LIKE, "like"},  {KEYMAP_TO_PLAYLIST, "to playlist"}};
    static const struct hint last[] = {{KEYMAP_HELP, "keys"}, {KEYMAP_QUIT, "quit"}};
    bool is_queue = view->model->view == MODEL_VIEW_QUEUE || view->model->view == MODEL_VIEW_PEERS;
    int right = view_right(view);
    int x = view_left(view);
    int reserved = 16; /* "? keys   q quit" */
    for (size_t i = 0; i < sizeof queue / sizeof queue[0]; i++) {
        x = put_hint(view, x, y, right - reserved, is_queue ? &queue[i] : &lists[i]);
    }
    int help_x = x;
    x = put_hint(view, x, y, right, &last[0]);
    view_hit(view, (struct screen_box){help_x, y, x - help_x, 1}, VIEW_HELP, 0);
    put_hint(view, x, y, right, &last[1]);
}

static void draw_prompt(struct view *view, int y)
{
    int x = view_left(view);
    int right = view_right(view);
    x += screen_put(view->screen, x, y, right - x, "Add to playlist: ", view_bold(THEME_ACCENT));
    x += screen_put(view->screen, x, y, right - x - 1, view->model->prompt_text,
                    view_style(THEME_OWN));
    view->screen->has_cursor = true;
    view->screen->cursor_x = (unsigned)x;
    view->screen->cursor_y = (unsigned)y;
}

static void draw_last(struct view *view, int y)
{
    const struct model *model = view->model;
    if (model->prompt != MODEL_PROMPT_NONE) {
        draw_prompt(view, y);
    } else if (model->message[0] != '\0') {
        screen_put(view->screen, view_left(view), y, view_right(view) - view_left(view),
                   model->message, view_style(model->is_error ? THEME_ERROR : THEME_ACCENT));
    } else if (view->screen->rows >= 10) {
        draw_hints(view, y);
    }
}

/* --- all ---------------------------------------------------------------------------------------------------- */

static void draw_with_list(struct view *view)
{
    unsigned columns = view->screen->columns, rows = view->screen->rows;
    bool is_tall = rows >= VIEW_TALL_ROWS_MIN && columns >= VIEW_TALL_COLUMNS_MIN;
    int now_rows = is_tall ? (int)VIEW_NOW_TALL : (int)VIEW_NOW_SHORT;
    int y = now_rows;
    view_hit(view, (struct screen_box){0, 0, (int)columns, now_rows}, VIEW_HEADER, 0);
    view_now_draw(view, now_rows);
    draw_tabs(view, y++);
    if (rows >= 14) {
        screen_fill(view->screen,
                    (struct screen_box){view_left(view), y, view_right(view) - view_left(view), 1},
                    view->glyphs->rule, view_style(THEME_FAINT));
        y++;
    }
    struct screen_box box = {view_left(view), y, view_right(view) - view_left(view),
                             (int)rows - 1 - y};
    if (is_tall && !view->model->has_help) {
        box.rows--; /* a line of air over the last one */
    }
    if (view->model->has_help) {
        view_help_draw(view, box);
    } else {
        view_list_draw(view, box);
    }
    draw_last(view, (int)rows - 1);
}

/* The line that there is no room for anything else in. */
static void draw_alone(struct view *view)
{
    view_hit(view, (struct screen_box){0, 0, (int)view->screen->columns, (int)view->screen->rows},
             VIEW_HEADER, 0);
    view_now_draw(view, (int)view->screen->rows);
    if (view->model->message[0] != '\0' || view->model->prompt != MODEL_PROMPT_NONE) {
        int y = (int)view->screen->rows - 1;
        screen_fill(view->screen, (struct screen_box){0, y, (int)view->screen->columns, 1}, " ",
                    view_style(THEME_OWN));
        draw_last(view, y);
    }
}

void view_draw(struct model *model, const struct view_look *look, struct screen *screen,
               struct view_hits *ret_hits)
{
    struct view view = {.model = model,
                        .look = look,
                        .glyphs = look->theme->glyphs,
                        .screen = screen,
                        .hits = ret_hits};
    ret_hits->count = 0;
    screen_clear(screen);
    screen->cut = view.glyphs->cut;
    if (screen->columns < VIEW_LIST_COLUMNS_MIN || screen->rows < VIEW_LIST_ROWS_MIN) {
        draw_alone(&view);
    } else {
        draw_with_list(&view);
    }
}

uint64_t view_next_change_us(const struct model *model, unsigned columns, uint64_t now_us)
{
    uint64_t next_us = TIME_NEVER_US;
    if (model->message_until_us > now_us) {
        next_us = model->message_until_us;
    }
    if (model->playing.state != MODEL_PLAYING) {
        return next_us;
    }
    uint64_t at_ms = model_position_ms(model, now_us);
    uint64_t step_ms = model->playing.duration_ms / (8 * (columns > 0 ? columns : 1));
    uint64_t second_us = now_us + (1000 - at_ms % 1000) * TIME_US_PER_MS;
    uint64_t step_us = now_us + step_ms * TIME_US_PER_MS;
    step_us = step_us < now_us + VIEW_PAUSE_US ? now_us + VIEW_PAUSE_US : step_us;
    uint64_t moved_us = second_us < step_us ? second_us : step_us;
    return moved_us < next_us ? moved_us : next_us;
}
