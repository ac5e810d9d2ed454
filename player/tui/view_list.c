/*
 * view_list.c: the queue, the library, playlists, peers, what was found.
 */
#include "player/tui/view_parts.h"

#include <stdio.h>
#include <string.h>

#define TIME_COLUMNS 8 /* "1:02:03 " */
#define FLAG_COLUMNS 4 /* likes and pins */
#define WIDE_COLUMNS 96
#define MEDIUM_COLUMNS 58

/* A row that is being drawn. */
struct row {
    struct view *view;
    const json_t *object;
    int x, y, columns;
    bool is_cursor, is_current;
    size_t index;
};

static struct screen_style style_of(const struct row *row, enum theme_role role)
{
    /* Where the cursor is shown by reversal, faint words would be hard to read. */
    bool is_reversed = row->is_cursor && row->view->look->theme->depth < THEME_256;
    return (struct screen_style){.foreground = is_reversed ? THEME_OWN : role};
}

static int put(const struct row *row, int x, int columns, const char *text, enum theme_role role)
{
    return columns > 0 ? screen_put(row->view->screen, row->x + x, row->y, columns, text,
                                    style_of(row, role))
                       : 0;
}

static void put_right(const struct row *row, int x, int columns, const char *text,
                      enum theme_role role)
{
    if (columns > 0) {
        screen_put_right(row->view->screen, row->x + x, row->y, columns, text, style_of(row, role));
    }
}

static const char *words_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = model_text(object, key);
    return text[0] != '\0' ? text : otherwise;
}

/* --- kinds of rows ----------------------------------------------------------------------------------- */

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void put_flags(const struct row *row, int x)
{
    const struct theme_glyphs *glyphs = row->view->glyphs;
    if (is_true(row->object, "liked")) {
        put(row, x, 1, glyphs->like, THEME_LIKE);
    }
    if (is_true(row->object, "pinned")) {
        put(row, x + 2, 1, glyphs->pin, THEME_CACHE);
    }
}

/* The number in front: the place in a queue or playlist, an album's track, or what plays. */
static int put_number(const struct row *row, enum model_page_kind kind)
{
    char text[16];
    uint64_t number =
        kind == MODEL_PAGE_ALBUM ? model_number(row->object, "track") : row->index + 1;
    if (kind == MODEL_PAGE_SEARCH || kind == MODEL_PAGE_ARTIST) {
        return 2; /* the colour tells */
    }
    if (row->is_current) {
        put_right(row, 0, 4, row->view->glyphs->playing, THEME_ACCENT);
        return 6;
    }
    if (number > 0) {
        snprintf(text, sizeof text, "%u", (unsigned)(number % 100000));
        put_right(row, 0, 4, text, THEME_FAINT);
    }
    return 6;
}

static void draw_track(const struct row *row, enum model_page_kind kind)
{
    char time[VIEW_TIME_BYTES];
    bool is_album = kind == MODEL_PAGE_ALBUM;
    const char *title = words_of(row->object, "title", model_track_of(row->object));
    const char *artist = model_text(row->object, "artist");
    enum theme_role role = row->is_current ? THEME_ACCENT : THEME_OWN;
    bool is_played = is_true(row->object, "played") && !row->is_current;
    int x = put_number(row, kind);
    int end = row->columns - TIME_COLUMNS - FLAG_COLUMNS;
    int room = end - x;
    if (is_played) {
        role = THEME_DIM;
    }
    if (row->columns >= WIDE_COLUMNS && !is_album) {
        int third = room * 30 / 100;
        put(row, x, room - 2 * third - 2, title, role);
        put(row, end - 2 * third, third - 2, artist, THEME_DIM);
        put(row, end - third, third - 2, model_text(row->object, "album"), THEME_DIM);
    } else if (row->columns >= MEDIUM_COLUMNS) {
        int half = room * 42 / 100;
        put(row, x, room - half - 2, title, role);
        put(row, end - half, half - 2, artist, THEME_DIM);
    } else {
        int used = put(row, x, room - 1, title, role);
        if (artist[0] != '\0' && room - used > 6 && !is_album) {
            put(row, x + used + 2, room - used - 3, artist, THEME_DIM);
        }
    }
    put_flags(row, end);
    if (model_number(row->object, "duration_ms") > 0) {
        put_right(row, row->columns - TIME_COLUMNS, TIME_COLUMNS - 1,
                  view_time(model_number(row->object, "duration_ms"), time), THEME_DIM);
    }
}

static void draw_count(const struct row *row, uint64_t count, const char *noun)
{
    char text[40];
    snprintf(text, sizeof text, "%u %s%s", (unsigned)(count % 10000000), noun,
             count == 1 ? "" : "s");
    put_right(row, row->columns - 15, 14, text, THEME_DIM);
}

static void draw_album(const struct row *row)
{
    char year[16] = "";
    int room = row->columns - 16;
    int x = 2;
    if (model_number(row->object, "year") > 0) {
        snprintf(year, sizeof year, "%u", (unsigned)(model_number(row->object, "year") % 10000));
    }
    if (row->view->model->view != MODEL_VIEW_SEARCH) {
        put(row, x, 5, year, THEME_FAINT);
        x += 6;
    }
    int half = row->columns >= MEDIUM_COLUMNS ? room * 42 / 100 : 0;
    put(row, x, room - half - x, words_of(row->object, "album", "without an album"), THEME_OWN);
    put(row, room - half + 2, half - 4, model_text(row->object, "artist"), THEME_DIM);
    draw_count(row, model_number(row->object, "tracks"), "track");
}

static void draw_artist(const struct row *row)
{
    uint64_t albums = model_number(row->object, "albums");
    put(row, 2, row->columns - 18, words_of(row->object, "artist", "without a name"), THEME_OWN);
    draw_count(row, albums > 0 ? albums : model_number(row->object, "tracks"),
               albums > 0 ? "album" : "track");
}

static void draw_playlist(const struct row *row)
{
    put(row, 2, row->columns - 18, words_of(row->object, "name", "without a name"), THEME_OWN);
    draw_count(row, model_number(row->object, "tracks"), "track");
}

static void draw_likes(const struct row *row)
{
    put(row, 2, 1, row->view->glyphs->like, THEME_LIKE);
    put(row, 4, row->columns - 5, "Likes", THEME_OWN);
}

/* Who, how near, how fast, what went both ways. */
static void draw_peer(const struct row *row)
{
    char size[VIEW_TIME_BYTES], text[64];
    bool is_wide = row->columns >= MEDIUM_COLUMNS;
    int x = row->columns - (is_wide ? 44 : 20);
    put(row, 2, x - 13, model_text(row->object, "address"), THEME_OWN);
    snprintf(text, sizeof text, "%.8s", model_text(row->object, "peer_id"));
    if (is_wide) {
        put(row, x - 10, 9, text, THEME_FAINT);
        put(row, x, 4, is_true(row->object, "lan") ? "lan" : "", THEME_CACHE);
    }
    snprintf(text, sizeof text, "%u ms", (unsigned)model_number(row->object, "rtt_ms"));
    put_right(row, row->columns - 40, is_wide ? 8 : 0, text, THEME_DIM);
    bool is_giving = is_true(row->object, "giving");
    bool is_asking = is_true(row->object, "asking");
    snprintf(text, sizeof text, "%s/s",
             view_size(model_number(row->object, "rate_bytes_per_s"), size));
    put_right(row, row->columns - 31, is_wide ? 10 : 0, text,
              is_giving ? THEME_PEERS : THEME_FAINT);
    snprintf(text, sizeof text, "%s %s", row->view->glyphs->down,
             view_size(model_number(row->object, "received_bytes"), size));
    put_right(row, row->columns - 20, 10, text, is_giving ? THEME_PEERS : THEME_DIM);
    snprintf(text, sizeof text, "%s %s", row->view->glyphs->up,
             view_size(model_number(row->object, "sent_bytes"), size));
    put_right(row, row->columns - 10, 9, text, is_asking ? THEME_ORIGIN : THEME_DIM);
}

static bool is_current(const struct model *model, const struct model_page *page,
                       const json_t *object)
{
    if (model->playing.state == MODEL_STOPPED || strcmp(model_kind(object), "track") != 0) {
        return false;
    }
    return page->kind == MODEL_PAGE_QUEUE
               ? model_number(object, "entry") == model->playing.entry
               : strcmp(model_track_of(object), model->playing.track) == 0;
}

static void draw_row(const struct row *row, const struct model_page *page)
{
    const char *kind = model_kind(row->object);
    if (strcmp(kind, "heading") == 0) {
        struct screen_style style = view_bold(THEME_DIM);
        screen_put(row->view->screen, row->x, row->y, row->columns, model_text(row->object, "text"),
                   style);
    } else if (strcmp(kind, "album") == 0) {
        draw_album(row);
    } else if (strcmp(kind, "artist") == 0) {
        draw_artist(row);
    } else if (strcmp(kind, "playlist") == 0) {
        draw_playlist(row);
    } else if (strcmp(kind, "likes") == 0) {
        draw_likes(row);
    } else if (strcmp(kind, "peer") == 0) {
        draw_peer(row);
    } else {
        draw_track(row, page->kind);
    }
}

/* --- above the rows ------------------------------------------------------------------------------------- */

static int draw_search(struct view *view, const struct screen_box *box)
{
    const struct model *model = view->model;
    char keys[KEYMAP_TEXT_BYTES];
    int x = box->x;
    keymap_keys(view->look->keymap, KEYMAP_SEARCH, 1, keys);
    x += screen_put(view->screen, x, box->y, box->columns, keys, view_bold(THEME_ACCENT)) + 1;
    int room = box->columns - (x - box->x) - 1;
    if (model->text[0] == '\0') {
        screen_put(view->screen, x, box->y, room, "titles, artists, albums, playlists",
                   view_style(THEME_FAINT));
    }
    /* The end is what is being typed: a long text is cut at its beginning. */
    const char *text = model->text;
    while (screen_columns_of(text) > room) {
        do {
            text++;
        } while (((uint8_t)*text & 0xc0) == 0x80);
    }
    x += screen_put(view->screen, x, box->y, room, text, view_style(THEME_OWN));
    if (model->is_typing) {
        view->screen->has_cursor = true;
        view->screen->cursor_x = (unsigned)x;
        view->screen->cursor_y = (unsigned)box->y;
    }
    return box->rows > 6 ? 2 : 1;
}

/* Where a page stands: "Artist > Album". */
static int draw_path(struct view *view, const struct screen_box *box)
{
    const struct model_stack *stack = &view->model->stacks[view->model->view];
    int x = box->x;
    for (unsigned i = 1; i < stack->depth; i++) {
        int room = box->x + box->columns - x;
        bool is_last = i + 1 == stack->depth;
        if (i > 1 && room > 6) {
            x += screen_put(view->screen, x, box->y, room, view->glyphs->cursor,
                            view_style(THEME_FAINT)) +
                 1;
            room = box->x + box->columns - x;
        }
        x += screen_put(view->screen, x, box->y, room, stack->pages[i].title,
                        is_last ? view_bold(THEME_OWN) : view_style(THEME_DIM)) +
             1;
    }
    return stack->depth > 1 ? (box->rows > 6 ? 2 : 1) : 0;
}

/* --- nothing to show ---------------------------------------------------------------------------------------- */

static const char *empty_words(const struct model *model, const struct model_page *page)
{
    switch (page->kind) {
    case MODEL_PAGE_QUEUE:
        return "The queue is empty.";
    case MODEL_PAGE_ARTISTS:
        return "No artists yet: the list comes from an origin.";
    case MODEL_PAGE_ARTIST:
    case MODEL_PAGE_ALBUM:
        return "Nothing here.";
    case MODEL_PAGE_PLAYLISTS:
    case MODEL_PAGE_PLAYLIST:
        return "Nothing in it yet.";
    case MODEL_PAGE_LIKES:
        return "Nothing is liked yet.";
    case MODEL_PAGE_PEERS:
        return model->has_peers ? "No peers yet." : "Peers are off.";
    case MODEL_PAGE_SEARCH:
        return model->text[0] == '\0' ? "" : "Nothing found.";
    }
    return "";
}

static void draw_empty(struct view *view, const struct screen_box *box)
{
    const struct model_page *page = model_page(view->model);
    char keys[KEYMAP_TEXT_BYTES];
    const char *words = page->is_loading   ? "One moment."
                        : page->has_failed ? page->error
                                           : empty_words(view->model, page);
    int y = box->y + (box->rows > 4 ? 1 : 0);
    if (box->rows < 1) {
        return;
    }
    screen_put(view->screen, box->x + 2, y, box->columns - 2, words,
               view_style(page->has_failed ? THEME_ERROR : THEME_DIM));
    if (page->kind == MODEL_PAGE_QUEUE && !page->is_loading && box->rows > 2) {
        keymap_keys(view->look->keymap, KEYMAP_SEARCH, 1, keys);
        screen_printf(view->screen, box->x + 2, y + 1, box->columns - 2, view_style(THEME_DIM),
                      "Find something with %s, or in the library.", keys);
    }
}

/* --- all ------------------------------------------------------------------------------------------------------ */

/* The page is scrolled so that its cursor is seen, with a row above and below where there are any. */
static void scroll(struct model_page *page, size_t rows, size_t count)
{
    size_t margin = rows >= 5 ? 1 : 0;
    if (page->cursor < page->top + margin) {
        page->top = page->cursor > margin ? page->cursor - margin : 0;
    }
    if (page->cursor + margin >= page->top + rows) {
        page->top = page->cursor + margin + 1 - rows;
    }
    if (page->top + rows > count) {
        page->top = count > rows ? count - rows : 0;
    }
}

/* Marks at the edge that there is more. */
static void draw_more(struct view *view, const struct screen_box *box,
                      const struct model_page *page, size_t count)
{
    int x = box->x + box->columns - 1;
    if (page->top > 0) {
        screen_put(view->screen, x, box->y, 1, view->glyphs->more_up, view_style(THEME_FAINT));
    }
    if (page->top + (size_t)box->rows < count) {
        screen_put(view->screen, x, box->y + box->rows - 1, 1, view->glyphs->more_down,
                   view_style(THEME_FAINT));
    }
}

static void draw_rows(struct view *view, const struct screen_box *box)
{
    struct model_page *page = model_page(view->model);
    size_t count = json_array_size(page->rows);
    if (box->rows < 1) {
        return;
    }
    scroll(page, (size_t)box->rows, count);
    for (int i = 0; i < box->rows && page->top + (size_t)i < count; i++) {
        size_t index = page->top + (size_t)i;
        struct row row = {.view = view,
                          .object = json_array_get(page->rows, index),
                          .x = box->x,
                          .y = box->y + i,
                          .columns = box->columns - 1,
                          .is_cursor = index == page->cursor,
                          .index = index};
        struct screen_box line = {box->x, box->y + i, box->columns - 1, 1};
        row.is_current = is_current(view->model, page, row.object);
        draw_row(&row, page);
        if (row.is_cursor) {
            bool has_colour = view->look->theme->depth >= THEME_256;
            screen_shade(view->screen, line, THEME_SELECTED, 0);
            if (has_colour) {
                screen_put(view->screen, line.x, line.y, 1, view->glyphs->cursor,
                           (struct screen_style){THEME_ACCENT, THEME_SELECTED, 0});
            }
        }
        view_hit(view, line, VIEW_ROW, index);
    }
    draw_more(view, box, page, count);
}

void view_list_draw(struct view *view, struct screen_box box)
{
    const struct model_page *page = model_page(view->model);
    int head = page->kind == MODEL_PAGE_SEARCH ? draw_search(view, &box) : draw_path(view, &box);
    view_hit(view, box, VIEW_LIST, 0);
    box.y += head;
    box.rows -= head;
    view->model->visible_rows = box.rows > 0 ? (unsigned)box.rows : 1;
    bool is_silent = page->kind == MODEL_PAGE_SEARCH && page->is_loading;
    if (json_array_size(page->rows) > 0) {
        draw_rows(view, &box);
    } else if (!is_silent) {
        draw_empty(view, &box);
    }
}
