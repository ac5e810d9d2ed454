/*
 * model_page.c: lists: which question fills them, the cursor in them, pages over pages.
 */
#include "player/tui/model_page.h"

#include "common/error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model_page *top_of(struct model_stack *stack)
{
    assert(stack->depth >= 1 && stack->depth <= MODEL_DEPTH_MAX);
    return &stack->pages[stack->depth - 1];
}

struct model_page *model_page(struct model *model)
{
    return top_of(&model->stacks[model->view]);
}

json_t *model_row(struct model *model)
{
    struct model_page *page = model_page(model);
    json_t *row = json_array_get(page->rows, page->cursor);
    return row != NULL && strcmp(model_kind(row), "heading") != 0 ? row : NULL;
}

/* --- life ----------------------------------------------------------------------------------------- */

static void deinit_page(struct model_page *page)
{
    free(page->key);
    free(page->title);
    json_decref(page->rows);
    *page = (struct model_page){0};
}

/* `key` and `title` may be NULL. */
static bool init_page(struct model_page *page, enum model_page_kind kind, const char *key,
                      const char *title)
{
    *page = (struct model_page){.kind = kind, .rows = json_array()};
    page->key = key != NULL ? strdup(key) : NULL;
    page->title = title != NULL ? strdup(title) : NULL;
    if (page->rows == NULL || (key != NULL && page->key == NULL) ||
        (title != NULL && page->title == NULL)) {
        deinit_page(page);
        return false;
    }
    return true;
}

int model_page_init_all(struct model *model)
{
    static const enum model_page_kind first[MODEL_VIEWS] = {
        [MODEL_VIEW_QUEUE] = MODEL_PAGE_QUEUE,         [MODEL_VIEW_LIBRARY] = MODEL_PAGE_ARTISTS,
        [MODEL_VIEW_PLAYLISTS] = MODEL_PAGE_PLAYLISTS, [MODEL_VIEW_PEERS] = MODEL_PAGE_PEERS,
        [MODEL_VIEW_SEARCH] = MODEL_PAGE_SEARCH,
    };
    for (unsigned i = 0; i < MODEL_VIEWS; i++) {
        if (!init_page(&model->stacks[i].pages[0], first[i], NULL, NULL)) {
            return ERROR_NO_MEMORY;
        }
        model->stacks[i].depth = 1;
    }
    return 0;
}

void model_page_deinit_all(struct model *model)
{
    for (unsigned i = 0; i < MODEL_VIEWS; i++) {
        for (unsigned j = 0; j < model->stacks[i].depth; j++) {
            deinit_page(&model->stacks[i].pages[j]);
        }
    }
}

void model_page_forget(struct model_stack *stack)
{
    for (unsigned i = 0; i < stack->depth; i++) {
        stack->pages[i].serial = 0;
        stack->pages[i].is_loading = false;
    }
}

/* --- asking ------------------------------------------------------------------------------------------ */

/* What fills a page from row `offset` on; NULL: nothing has to be asked, or no memory. */
static json_t *request_of(const struct model *model, const struct model_page *page, size_t offset)
{
    json_int_t from = (json_int_t)offset;
    switch (page->kind) {
    case MODEL_PAGE_QUEUE:
        return json_pack("{s:s}", "do", "queue");
    case MODEL_PAGE_ARTISTS:
        return json_pack("{s:s, s:I, s:i}", "do", "browse", "offset", from, "limit",
                         MODEL_PAGE_ROWS);
    case MODEL_PAGE_ARTIST:
        return json_pack("{s:s, s:s, s:I, s:i}", "do", "browse", "artist", page->key, "offset",
                         from, "limit", MODEL_PAGE_ROWS);
    case MODEL_PAGE_ALBUM:
        return json_pack("{s:s, s:s, s:I, s:i}", "do", "browse", "album", page->key, "offset", from,
                         "limit", MODEL_PAGE_ROWS);
    case MODEL_PAGE_PLAYLISTS:
        return json_pack("{s:s}", "do", "playlists");
    case MODEL_PAGE_PLAYLIST:
        return json_pack("{s:s, s:s, s:I, s:i}", "do", "playlist", "name", page->key, "offset",
                         from, "limit", MODEL_PAGE_ROWS);
    case MODEL_PAGE_LIKES:
        return json_pack("{s:s, s:I, s:i}", "do", "likes", "offset", from, "limit",
                         MODEL_PAGE_ROWS);
    case MODEL_PAGE_PEERS:
        return json_pack("{s:s}", "do", "peers");
    case MODEL_PAGE_SEARCH:
        return model->text[0] == '\0' ? NULL
                                      : json_pack("{s:s, s:s, s:i}", "do", "search", "text",
                                                  model->text, "limit", MODEL_SEARCH_ROWS);
    }
    return NULL;
}

static void ask_page(struct model *model, struct model_page *page, size_t offset)
{
    json_t *request = request_of(model, page, offset);
    page->serial = ++model->last_serial;
    page->asked_row = offset;
    if (request == NULL) {
        page->is_loading = false;
        return;
    }
    page->is_loading = true;
    model->ask(model->context, request, MODEL_ASK_PAGE, page->serial);
}

void model_reload(struct model *model)
{
    ask_page(model, model_page(model), 0);
}

void model_page_ask_queue(struct model *model)
{
    ask_page(model, &model->stacks[MODEL_VIEW_QUEUE].pages[0], 0);
}

void model_page_ask_peers(struct model *model)
{
    struct model_page *page = &model->stacks[MODEL_VIEW_PEERS].pages[0];
    page->serial = ++model->last_serial;
    page->asked_row = 0;
    model->ask(model->context, json_pack("{s:s}", "do", "peers"), MODEL_ASK_PEERS, page->serial);
}

void model_show(struct model *model, enum model_view view)
{
    if (view == MODEL_VIEW_SEARCH && model->view != view) {
        model->view_before = model->view;
    }
    model->view = view;
    model->is_typing = view == MODEL_VIEW_SEARCH;
    model->cursor_moved_us = model->now_us;
    if (model_page(model)->serial == 0) {
        model_reload(model);
    }
}

void model_open(struct model *model, enum model_page_kind kind, const char *key, const char *title)
{
    struct model_stack *stack = &model->stacks[model->view];
    if (stack->depth == MODEL_DEPTH_MAX ||
        !init_page(&stack->pages[stack->depth], kind, key, title)) {
        return;
    }
    stack->depth++;
    model_reload(model);
}

bool model_leave(struct model *model)
{
    struct model_stack *stack = &model->stacks[model->view];
    if (stack->depth == 1) {
        return false;
    }
    deinit_page(top_of(stack));
    stack->depth--;
    if (top_of(stack)->serial == 0) {
        model_reload(model);
    }
    return true;
}

void model_search(struct model *model)
{
    struct model_page *page = &model->stacks[MODEL_VIEW_SEARCH].pages[0];
    page->cursor = page->top = 0;
    if (model->text[0] == '\0') {
        json_array_clear(page->rows);
        page->has_failed = false;
    }
    ask_page(model, page, 0);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

static void append(struct model_page *page, const json_t *objects, const char *kind)
{
    size_t index;
    const json_t *object;
    json_array_foreach(objects, index, object)
    {
        json_t *row = json_is_object(object) ? json_copy((json_t *)object) : NULL;
        if (row == NULL || json_array_size(page->rows) >= MODEL_ROWS_MAX) {
            json_decref(row);
            continue;
        }
        json_object_set_new(row, "kind", json_string(kind));
        json_array_append_new(page->rows, row);
    }
}

static void append_part(struct model_page *page, const json_t *answer, const char *key,
                        const char *kind, const char *heading)
{
    const json_t *objects = json_object_get(answer, key);
    if (json_array_size(objects) > 0) {
        json_array_append_new(page->rows,
                              json_pack("{s:s, s:s}", "kind", "heading", "text", heading));
        append(page, objects, kind);
    }
}

static void take_rows(struct model_page *page, const json_t *answer)
{
    switch (page->kind) {
    case MODEL_PAGE_QUEUE:
        append(page, json_object_get(answer, "entries"), "track");
        break;
    case MODEL_PAGE_ARTISTS:
        append(page, json_object_get(answer, "artists"), "artist");
        break;
    case MODEL_PAGE_ARTIST:
        append(page, json_object_get(answer, "albums"), "album");
        append(page, json_object_get(answer, "tracks"), "track");
        break;
    case MODEL_PAGE_ALBUM:
    case MODEL_PAGE_PLAYLIST:
    case MODEL_PAGE_LIKES:
        append(page, json_object_get(answer, "tracks"), "track");
        break;
    case MODEL_PAGE_PLAYLISTS:
        json_array_append_new(page->rows, json_pack("{s:s}", "kind", "likes"));
        append(page, json_object_get(answer, "playlists"), "playlist");
        break;
    case MODEL_PAGE_PEERS:
        append(page, json_object_get(answer, "peers"), "peer");
        break;
    case MODEL_PAGE_SEARCH:
        append_part(page, answer, "tracks", "track", "Tracks");
        append_part(page, answer, "albums", "album", "Albums");
        append_part(page, answer, "artists", "artist", "Artists");
        append_part(page, answer, "playlists", "playlist", "Playlists");
        break;
    }
}

static bool is_heading(const struct model_page *page, size_t row)
{
    return strcmp(model_kind(json_array_get(page->rows, row)), "heading") == 0;
}

/* Onto a row that is there and no heading: the one below, or else the one above. */
static void settle(struct model_page *page)
{
    size_t count = json_array_size(page->rows);
    if (page->cursor >= count) {
        page->cursor = count > 0 ? count - 1 : 0;
    }
    while (page->cursor + 1 < count && is_heading(page, page->cursor)) {
        page->cursor++;
    }
    while (page->cursor > 0 && is_heading(page, page->cursor)) {
        page->cursor--;
    }
}

/* The queue opens at what plays. */
static void find_current(struct model *model, struct model_page *page, const json_t *answer)
{
    uint64_t current = model_number(answer, "current");
    for (size_t i = 0; i < json_array_size(page->rows) && current != 0; i++) {
        if (model_number(json_array_get(page->rows, i), "entry") == current) {
            page->cursor = i;
        }
    }
    model->playing.entry = current != 0 ? current : model->playing.entry;
}

static struct model_page *page_of(struct model *model, uint32_t serial)
{
    for (unsigned i = 0; i < MODEL_VIEWS && serial != 0; i++) {
        for (unsigned j = 0; j < model->stacks[i].depth; j++) {
            if (model->stacks[i].pages[j].serial == serial) {
                return &model->stacks[i].pages[j];
            }
        }
    }
    return NULL;
}

void model_page_answer(struct model *model, uint32_t serial, const json_t *answer)
{
    struct model_page *page = page_of(model, serial);
    if (page == NULL) {
        return; /* another question was asked since */
    }
    page->is_loading = false;
    page->has_failed = json_object_get(answer, "error") != NULL;
    if (page->has_failed) {
        snprintf(page->error, sizeof page->error, "%s", model_text(answer, "error"));
        json_array_clear(page->rows);
        return;
    }
    size_t before = json_array_size(page->rows);
    bool is_first = before == 0;
    if (page->asked_row == 0) {
        json_array_clear(page->rows);
    }
    take_rows(page, answer);
    page->total = model_number(answer, "total");
    if (page->kind == MODEL_PAGE_QUEUE && is_first) {
        find_current(model, page, answer);
    }
    size_t count = json_array_size(page->rows);
    if (page->to_bottom && count > before && count < page->total) {
        ask_page(model, page, count);
    } else if (page->to_bottom) {
        page->to_bottom = false;
        page->cursor = count > 0 ? count - 1 : 0;
    }
    settle(page);
}

/* --- the cursor ------------------------------------------------------------------------------------------- */

/* Near the end of what has come, the next rows are asked for. */
static void ask_more(struct model *model, struct model_page *page)
{
    size_t count = json_array_size(page->rows);
    if (!page->is_loading && count < page->total && page->cursor + MODEL_PAGE_ROWS / 4 >= count) {
        ask_page(model, page, count);
    }
}

void model_move_to(struct model *model, size_t row)
{
    struct model_page *page = model_page(model);
    size_t count = json_array_size(page->rows);
    bool is_end = row >= count;
    page->cursor = is_end && count > 0 ? count - 1 : row;
    settle(page);
    page->to_bottom = is_end && count < page->total && row == SIZE_MAX;
    model->cursor_moved_us = model->now_us;
    ask_more(model, page);
}

void model_move(struct model *model, long rows)
{
    struct model_page *page = model_page(model);
    size_t count = json_array_size(page->rows);
    size_t from = page->cursor;
    size_t far = rows < 0 ? (size_t)-rows : (size_t)rows;
    if (rows < 0) {
        page->cursor = from > far ? from - far : 0;
        while (page->cursor > 0 && is_heading(page, page->cursor)) {
            page->cursor--;
        }
        if (is_heading(page, page->cursor)) {
            page->top = 0; /* the heading over the first row is seen again */
        }
    } else {
        page->cursor = from + far < count ? from + far : count > 0 ? count - 1 : 0;
    }
    settle(page);
    model->cursor_moved_us = model->now_us;
    ask_more(model, page);
}
