/*
 * act.c: keys into questions to the engine and moves of the cursor.
 */
#include "player/tui/act.h"

#include "player/tui/edit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEK_MS 10000
#define SEEK_FAR_MS 60000
#define VOLUME_STEP 5
#define WHEEL_ROWS 3
/* A line of the control socket is short enough with so many ids. */
#define TARGETS_MAX 1000u

static void ask(struct model *model, json_t *request)
{
    if (request != NULL) {
        model->ask(model->context, request, MODEL_ASK_ACTION, 0);
    }
}

static void ask_changed(struct model *model, json_t *request)
{
    if (request != NULL) {
        model->ask(model->context, request, MODEL_ASK_CHANGED, 0);
    }
}

static void say(struct model *model, const char *text)
{
    model_say(model, text, false, model->now_us);
}

/* --- targets ------------------------------------------------------------------------------------------ */

/* What the engine knows a row by; NULL: it is nothing that plays. */
static json_t *target_of(const json_t *row)
{
    const char *kind = model_kind(row);
    if (strcmp(kind, "track") == 0) {
        return json_string(model_track_of(row));
    }
    if (strcmp(kind, "album") == 0) {
        const char *id = model_text(row, "id");
        return json_string(id[0] != '\0' ? id : model_text(row, "album"));
    }
    if (strcmp(kind, "artist") == 0) {
        return json_string(model_text(row, "artist"));
    }
    if (strcmp(kind, "playlist") == 0) {
        return json_string(model_text(row, "name"));
    }
    return strcmp(kind, "likes") == 0 ? json_string("liked") : NULL;
}

static const char *name_of(const json_t *row)
{
    static const char *const keys[] = {"title", "album", "artist", "name"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (model_text(row, keys[i])[0] != '\0') {
            return model_text(row, keys[i]);
        }
    }
    return strcmp(model_kind(row), "likes") == 0 ? "what you like" : model_track_of(row);
}

/* The row under the cursor, and with `and_below` the tracks below it. NULL: there is none. */
static json_t *targets_of(struct model *model, bool and_below)
{
    const struct model_page *page = model_page(model);
    json_t *row = model_row(model);
    json_t *target = row != NULL ? target_of(row) : NULL;
    json_t *targets = target != NULL ? json_array() : NULL;
    json_array_append_new(targets, target);
    for (size_t i = page->cursor + 1;
         and_below && targets != NULL && i < json_array_size(page->rows) &&
         json_array_size(targets) < TARGETS_MAX;
         i++) {
        const json_t *below = json_array_get(page->rows, i);
        if (strcmp(model_kind(below), "track") == 0) {
            json_array_append_new(targets, target_of(below));
        }
    }
    return targets;
}

static void play(struct model *model, json_t *targets, const char *at)
{
    if (targets != NULL) {
        ask(model, json_pack("{s:s, s:o, s:s}", "do", "play", "targets", targets, "at", at));
    }
}

static void say_about(struct model *model, const char *what)
{
    char text[MODEL_MESSAGE_BYTES];
    const json_t *row = model_row(model);
    if (row != NULL) {
        snprintf(text, sizeof text, "%s: %s", what, name_of(row));
        say(model, text);
    }
}

/* --- rows ------------------------------------------------------------------------------------------------- */

/* Opens what has something in it; true: it was opened. */
static bool open_row(struct model *model, const json_t *row)
{
    const char *kind = model_kind(row);
    char *name = strdup(name_of(row));
    char *id = strdup(model_text(row, "id"));
    bool is_opened = true;
    if (name == NULL || id == NULL) {
        is_opened = false;
    } else if (strcmp(kind, "artist") == 0) {
        model_open(model, MODEL_PAGE_ARTIST, name, name);
    } else if (strcmp(kind, "album") == 0 && id[0] != '\0') {
        model_open(model, MODEL_PAGE_ALBUM, id, name);
    } else if (strcmp(kind, "playlist") == 0) {
        model_open(model, MODEL_PAGE_PLAYLIST, name, name);
    } else if (strcmp(kind, "likes") == 0) {
        model_open(model, MODEL_PAGE_LIKES, NULL, "Likes");
    } else {
        is_opened = false;
    }
    free(name);
    free(id);
    return is_opened;
}

static void enter(struct model *model)
{
    const json_t *row = model_row(model);
    bool is_search =
        model->view == MODEL_VIEW_SEARCH && model->stacks[MODEL_VIEW_SEARCH].depth == 1;
    if (row == NULL) {
        return;
    }
    if (model_page(model)->kind == MODEL_PAGE_QUEUE) {
        ask(model,
            json_pack("{s:s, s:I}", "do", "jump", "entry", (json_int_t)model_number(row, "entry")));
        return;
    }
    if (!is_search && open_row(model, row)) {
        return;
    }
    if (is_search) {
        say_about(model, "playing");
    }
    /* What was looked for comes between; a list that was opened takes the queue's place. */
    play(model, targets_of(model, !is_search && strcmp(model_kind(row), "track") == 0),
         is_search ? "here" : "now");
}

static void like_row(struct model *model)
{
    json_t *row = model_row(model);
    json_t *targets = targets_of(model, false);
    if (targets == NULL) {
        return;
    }
    bool is_liked = json_is_true(json_object_get(row, "liked"));
    json_object_set_new(row, "liked", json_boolean(!is_liked));
    say_about(model, is_liked ? "no longer liked" : "liked");
    ask(model, json_pack("{s:s, s:o}", "do", is_liked ? "unlike" : "like", "targets", targets));
}

static void like_playing(struct model *model)
{
    struct model_playing *playing = &model->playing;
    if (playing->track[0] != '\0') {
        playing->liked = !playing->liked;
        say(model, playing->liked ? "liked" : "no longer liked");
        ask(model, json_pack("{s:s, s:[s]}", "do", playing->liked ? "like" : "unlike", "targets",
                             playing->track));
    }
}

static void remove_row(struct model *model)
{
    struct model_page *page = model_page(model);
    const json_t *row = model_row(model);
    if (row == NULL) {
        return;
    }
    if (page->kind == MODEL_PAGE_QUEUE) {
        ask_changed(model, json_pack("{s:s, s:[I]}", "do", "queue_remove", "entries",
                                     (json_int_t)model_number(row, "entry")));
    } else if (page->kind == MODEL_PAGE_PLAYLIST) {
        ask_changed(model, json_pack("{s:s, s:s, s:[I]}", "do", "playlist_remove", "name",
                                     page->key, "positions", (json_int_t)page->cursor));
    } else if (page->kind == MODEL_PAGE_LIKES) {
        ask_changed(model,
                    json_pack("{s:s, s:[s]}", "do", "unlike", "targets", model_track_of(row)));
    } else {
        say(model, "only the queue, playlists and likes can be taken from");
    }
}

static void move_row(struct model *model, long by)
{
    struct model_page *page = model_page(model);
    const json_t *row = model_row(model);
    long to = (long)page->cursor + by;
    if (row == NULL || to < 0 || to >= (long)json_array_size(page->rows)) {
        return;
    }
    json_t *request = NULL;
    if (page->kind == MODEL_PAGE_QUEUE) {
        request = json_pack("{s:s, s:I, s:I}", "do", "queue_move", "entry",
                            (json_int_t)model_number(row, "entry"), "to", (json_int_t)to);
    } else if (page->kind == MODEL_PAGE_PLAYLIST) {
        request = json_pack("{s:s, s:s, s:I, s:I}", "do", "playlist_move", "name", page->key,
                            "position", (json_int_t)page->cursor, "to", (json_int_t)to);
    }
    if (request != NULL) {
        page->cursor = (size_t)to;
        ask_changed(model, request);
    }
}

/* What takes much away wants its key twice. */
static bool is_confirmed(struct model *model, enum keymap_action action, const char *question)
{
    if (model->confirming == (int)action) {
        model->confirming = -1;
        model->message[0] = '\0';
        return true;
    }
    say(model, question);
    model->confirming = (int)action;
    return false;
}

static void clear(struct model *model)
{
    struct model_page *page = model_page(model);
    const json_t *row = model_row(model);
    if (page->kind == MODEL_PAGE_QUEUE) {
        if (is_confirmed(model, KEYMAP_CLEAR, "empty the queue? the same key again does it")) {
            ask_changed(model, json_pack("{s:s}", "do", "queue_clear"));
        }
    } else if (page->kind == MODEL_PAGE_PLAYLISTS && row != NULL &&
               strcmp(model_kind(row), "playlist") == 0) {
        if (is_confirmed(model, KEYMAP_CLEAR, "delete this playlist? the same key again does it")) {
            ask_changed(model, json_pack("{s:s, s:s}", "do", "playlist_delete", "name",
                                         model_text(row, "name")));
        }
    }
}

static void find_playing(struct model *model)
{
    model_show(model, MODEL_VIEW_QUEUE);
    const struct model_page *page = model_page(model);
    for (size_t i = 0; i < json_array_size(page->rows); i++) {
        if (model_number(json_array_get(page->rows, i), "entry") == model->playing.entry) {
            model_move_to(model, i);
            return;
        }
    }
}

/* --- playing --------------------------------------------------------------------------------------------- */

/* What is shown moves at once; the engine says where it is when it is there. */
static void seek_to(struct model *model, uint64_t position_ms)
{
    struct model_playing *playing = &model->playing;
    if (playing->state == MODEL_STOPPED) {
        return;
    }
    if (playing->duration_ms > 0 && position_ms > playing->duration_ms) {
        position_ms = playing->duration_ms;
    }
    playing->position_ms = position_ms;
    playing->at_us = model->now_us;
    ask(model, json_pack("{s:s, s:I}", "do", "seek", "position_ms", (json_int_t)position_ms));
}

static void seek_by(struct model *model, long by_ms)
{
    uint64_t at_ms = model_position_ms(model, model->now_us);
    uint64_t far_ms = by_ms < 0 ? (uint64_t)-by_ms : (uint64_t)by_ms;
    seek_to(model, by_ms > 0 ? at_ms + far_ms : at_ms > far_ms ? at_ms - far_ms : 0);
}

static void toggle(struct model *model)
{
    struct model_playing *playing = &model->playing;
    bool is_paused = playing->state == MODEL_PAUSED;
    if (playing->state == MODEL_STOPPED) {
        say(model, "nothing plays: choose something with / or in the library");
        return;
    }
    ask(model, json_pack("{s:s}", "do", is_paused ? "resume" : "pause"));
    playing->position_ms = model_position_ms(model, model->now_us);
    playing->at_us = model->now_us;
    playing->state = is_paused ? MODEL_PLAYING : MODEL_PAUSED;
}

static void volume_by(struct model *model, int by)
{
    ask(model, json_pack("{s:s, s:i}", "do", "volume", "by", by));
}

static void next_mode(struct model *model, const char *verb, const char *now,
                      const char *const modes[3])
{
    unsigned at = 0;
    while (at < 2 && strcmp(modes[at], now) != 0) {
        at++;
    }
    ask(model, json_pack("{s:s, s:s}", "do", verb, "mode", modes[(at + 1) % 3]));
}

static void next_shuffle(struct model *model)
{
    static const char *const modes[3] = {"off", "tracks", "albums"};
    next_mode(model, "shuffle", model->shuffle, modes);
}

static void next_repeat(struct model *model)
{
    static const char *const modes[3] = {"off", "all", "one"};
    next_mode(model, "repeat", model->repeat, modes);
}

/* --- views ------------------------------------------------------------------------------------------------ */

static void leave(struct model *model)
{
    if (model->has_help) {
        model->has_help = false;
    } else if (model->message[0] != '\0') {
        model->message[0] = '\0';
        model->confirming = -1;
    } else if (!model_leave(model) && model->view == MODEL_VIEW_SEARCH) {
        model_show(model, model->view_before);
    }
}

static void next_view(struct model *model, int by)
{
    int views = MODEL_VIEW_SEARCH; /* search is not among them */
    int at = model->view == MODEL_VIEW_SEARCH ? (int)model->view_before : (int)model->view;
    model_show(model, (enum model_view)((at + by + views) % views));
}

static void prompt_playlist(struct model *model)
{
    json_t *targets = targets_of(model, false);
    if (targets == NULL && model->playing.track[0] != '\0') {
        targets = json_pack("[s]", model->playing.track);
    }
    if (targets != NULL) {
        json_decref(model->prompt_targets);
        model->prompt_targets = targets;
        model->prompt = MODEL_PROMPT_PLAYLIST;
        model->prompt_text[0] = '\0';
    }
}

static bool is_tree(const struct model *model)
{
    return model->view == MODEL_VIEW_LIBRARY || model->view == MODEL_VIEW_PLAYLISTS;
}

/* --- actions ---------------------------------------------------------------------------------------------- */

static bool act_on_playing(struct model *model, enum keymap_action action)
{
    switch ((int)action) {
    case KEYMAP_PAUSE:
        toggle(model);
        return true;
    case KEYMAP_NEXT:
        ask(model, json_pack("{s:s}", "do", "next"));
        return true;
    case KEYMAP_PREV:
        ask(model, json_pack("{s:s}", "do", "prev"));
        return true;
    case KEYMAP_FORWARD:
    case KEYMAP_BACK:
        seek_by(model, action == KEYMAP_FORWARD ? SEEK_MS : -SEEK_MS);
        return true;
    case KEYMAP_FAR_FORWARD:
    case KEYMAP_FAR_BACK:
        seek_by(model, action == KEYMAP_FAR_FORWARD ? SEEK_FAR_MS : -SEEK_FAR_MS);
        return true;
    case KEYMAP_VOLUME_UP:
    case KEYMAP_VOLUME_DOWN:
        volume_by(model, action == KEYMAP_VOLUME_UP ? VOLUME_STEP : -VOLUME_STEP);
        return true;
    case KEYMAP_SHUFFLE:
        next_shuffle(model);
        return true;
    case KEYMAP_REPEAT:
        next_repeat(model);
        return true;
    case KEYMAP_LIKE_PLAYING:
        like_playing(model);
        return true;
    default:
        return false;
    }
}

static bool act_on_cursor(struct model *model, enum keymap_action action)
{
    long page = model->visible_rows > 1 ? (long)model->visible_rows - 1 : 1;
    switch ((int)action) {
    case KEYMAP_UP:
    case KEYMAP_DOWN:
        model_move(model, action == KEYMAP_UP ? -1 : 1);
        return true;
    case KEYMAP_PAGE_UP:
    case KEYMAP_PAGE_DOWN:
        model_move(model, action == KEYMAP_PAGE_UP ? -page : page);
        return true;
    case KEYMAP_TOP:
        model_page(model)->top = 0;
        model_move_to(model, 0);
        return true;
    case KEYMAP_BOTTOM:
        model_move_to(model, SIZE_MAX);
        return true;
    case KEYMAP_ENTER:
        enter(model);
        return true;
    case KEYMAP_LEAVE:
    case KEYMAP_CANCEL:
        leave(model);
        return true;
    default:
        return false;
    }
}

static bool act_on_row(struct model *model, enum keymap_action action)
{
    switch ((int)action) {
    case KEYMAP_PLAY:
        say_about(model, "playing");
        play(model, targets_of(model, false), "now");
        return true;
    case KEYMAP_ADD:
        say_about(model, "queued");
        play(model, targets_of(model, false), "end");
        return true;
    case KEYMAP_ADD_NEXT:
        say_about(model, "queued next");
        play(model, targets_of(model, false), "next");
        return true;
    case KEYMAP_LIKE:
        like_row(model);
        return true;
    case KEYMAP_TO_PLAYLIST:
        prompt_playlist(model);
        return true;
    case KEYMAP_REMOVE:
        remove_row(model);
        return true;
    case KEYMAP_MOVE_UP:
    case KEYMAP_MOVE_DOWN:
        move_row(model, action == KEYMAP_MOVE_UP ? -1 : 1);
        return true;
    case KEYMAP_CLEAR:
        clear(model);
        return true;
    default:
        return false;
    }
}

static enum act_rest act_on_view(struct model *model, enum keymap_action action)
{
    switch ((int)action) {
    case KEYMAP_FIND_PLAYING:
        find_playing(model);
        break;
    case KEYMAP_SEARCH:
        model_show(model, MODEL_VIEW_SEARCH);
        break;
    case KEYMAP_QUEUE:
    case KEYMAP_LIBRARY:
    case KEYMAP_PLAYLISTS:
    case KEYMAP_PEERS:
        model_show(model, (enum model_view)(action - KEYMAP_QUEUE));
        break;
    case KEYMAP_NEXT_VIEW:
    case KEYMAP_PREV_VIEW:
        next_view(model, action == KEYMAP_NEXT_VIEW ? 1 : -1);
        break;
    case KEYMAP_HELP:
        model->has_help = true;
        model->help_top = 0;
        break;
    case KEYMAP_REDRAW:
        return ACT_REDRAW;
    case KEYMAP_SUSPEND:
        return ACT_SUSPEND;
    case KEYMAP_QUIT:
        return ACT_QUIT;
    default:
        break;
    }
    return ACT_DONE;
}

static enum act_rest act(struct model *model, enum keymap_action action)
{
    if (action != KEYMAP_CLEAR && action != KEYMAP_CANCEL) {
        model->confirming = -1;
    }
    if (act_on_playing(model, action) || act_on_cursor(model, action) ||
        act_on_row(model, action)) {
        return ACT_DONE;
    }
    return act_on_view(model, action);
}

/* --- typing ------------------------------------------------------------------------------------------------- */

static void end_prompt(struct model *model, bool is_done)
{
    if (is_done && model->prompt_text[0] != '\0') {
        json_t *request = json_pack("{s:s, s:s, s:O}", "do", "playlist_add", "name",
                                    model->prompt_text, "targets", model->prompt_targets);
        say(model, "added to the playlist");
        model->ask(model->context, request, MODEL_ASK_ADD, 0);
    }
    model->prompt = MODEL_PROMPT_NONE;
}

static enum act_rest act_at_prompt(struct model *model, const struct input_event *event)
{
    bool is_key = event->kind == INPUT_KEY;
    if (is_key &&
        (event->key == INPUT_ESCAPE || (event->key == 'c' && event->modifiers == INPUT_CTRL))) {
        end_prompt(model, false);
    } else if (is_key && event->key == INPUT_ENTER) {
        end_prompt(model, true);
    } else {
        edit_key(model->prompt_text, sizeof model->prompt_text, event);
    }
    return ACT_DONE;
}

/* While a search is typed: letters are letters, Alt with a letter is the letter's action on the answer
 * that is marked; Down or Tab go among the answers. */
static enum act_rest act_while_typing(struct model *model, const struct keymap *keymap,
                                      const struct input_event *event)
{
    if (edit_key(model->text, sizeof model->text, event)) {
        model_search(model);
        return ACT_DONE;
    }
    if (event->key == INPUT_ESCAPE || (event->key == 'c' && event->modifiers == INPUT_CTRL)) {
        if (model->text[0] == '\0' || event->key != INPUT_ESCAPE) {
            model_show(model, model->view_before);
        } else {
            model->text[0] = '\0';
            model_search(model);
        }
    } else if (event->key == INPUT_ENTER) {
        enter(model);
    } else if (event->key == INPUT_DOWN || event->key == INPUT_TAB) {
        model->is_typing = model_row(model) == NULL;
        model_move(model, event->key == INPUT_DOWN ? 1 : 0);
    } else if (event->modifiers == INPUT_ALT) {
        act_on_row(model, keymap_find(keymap, event->key, 0));
    } else {
        enum keymap_action action = keymap_find(keymap, event->key, event->modifiers);
        return action != KEYMAP_NONE ? act(model, action) : ACT_DONE;
    }
    return ACT_DONE;
}

/* --- the mouse --------------------------------------------------------------------------------------------- */

static void click_row(struct model *model, size_t row)
{
    struct model_page *page = model_page(model);
    bool was_there = page->cursor == row;
    model->is_typing = false;
    model_move_to(model, row);
    if (was_there) {
        enter(model); /* the second click */
    }
}

static void click(struct model *model, const struct view_hit *hit, const struct input_event *event)
{
    switch (hit->target) {
    case VIEW_MAP:
        seek_to(model, (uint64_t)((int)event->x - hit->box.x) * model->playing.duration_ms /
                           (uint64_t)hit->box.columns);
        break;
    case VIEW_STATE:
        toggle(model);
        break;
    case VIEW_ROW:
        click_row(model, hit->value);
        break;
    case VIEW_TAB:
        model_show(model, (enum model_view)hit->value);
        break;
    case VIEW_SHUFFLE:
        next_shuffle(model);
        break;
    case VIEW_REPEAT:
        next_repeat(model);
        break;
    case VIEW_LIKE:
        like_playing(model);
        break;
    case VIEW_HELP:
        model->has_help = !model->has_help;
        break;
    case VIEW_HEADER:
    case VIEW_LIST:
        break;
    }
}

static void wheel(struct model *model, const struct view_hit *hit, bool is_up)
{
    bool is_list = hit != NULL && (hit->target == VIEW_ROW || hit->target == VIEW_LIST);
    if (model->has_help) {
        model->help_top =
            is_up ? (model->help_top > 0 ? model->help_top - 1 : 0) : model->help_top + 1;
    } else if (is_list) {
        model_move(model, is_up ? -WHEEL_ROWS : WHEEL_ROWS);
    } else if (hit != NULL) {
        volume_by(model, is_up ? VOLUME_STEP : -VOLUME_STEP);
    }
}

static void act_by_mouse(struct model *model, const struct view_hits *hits,
                         const struct input_event *event)
{
    const struct view_hit *hit = view_find(hits, event->x, event->y);
    if (event->kind == INPUT_WHEEL_UP || event->kind == INPUT_WHEEL_DOWN) {
        wheel(model, hit, event->kind == INPUT_WHEEL_UP);
    } else if (event->kind == INPUT_PRESS && model->has_help) {
        model->has_help = false;
    } else if (hit != NULL && (event->kind == INPUT_PRESS ||
                               (event->kind == INPUT_DRAG && hit->target == VIEW_MAP))) {
        click(model, hit, event);
    }
}

/* --- all -------------------------------------------------------------------------------------------------- */

static enum act_rest act_in_help(struct model *model, enum keymap_action action)
{
    switch ((int)action) {
    case KEYMAP_UP:
        model->help_top -= model->help_top > 0 ? 1 : 0;
        return ACT_DONE;
    case KEYMAP_DOWN:
        model->help_top++;
        return ACT_DONE;
    case KEYMAP_PAGE_UP:
        model->help_top -=
            model->help_top < model->visible_rows ? model->help_top : model->visible_rows;
        return ACT_DONE;
    case KEYMAP_PAGE_DOWN:
        model->help_top += model->visible_rows;
        return ACT_DONE;
    case KEYMAP_QUIT:
    case KEYMAP_HELP:
    case KEYMAP_CANCEL:
    case KEYMAP_LEAVE:
    case KEYMAP_ENTER:
        model->has_help = false;
        return ACT_DONE;
    default:
        return act_on_playing(model, action) ? ACT_DONE : act_on_view(model, action);
    }
}

enum act_rest act_input(struct model *model, const struct keymap *keymap,
                        const struct view_hits *hits, const struct input_event *event,
                        uint64_t now_us)
{
    model->now_us = now_us;
    if (event->kind != INPUT_KEY && event->kind != INPUT_TEXT) {
        act_by_mouse(model, hits, event);
        return ACT_DONE;
    }
    if (model->prompt != MODEL_PROMPT_NONE) {
        return act_at_prompt(model, event);
    }
    enum keymap_action action = keymap_find(keymap, event->key, event->modifiers);
    if (model->has_help) {
        return event->kind == INPUT_KEY ? act_in_help(model, action) : ACT_DONE;
    }
    if (model->is_typing) {
        return act_while_typing(model, keymap, event);
    }
    if (event->kind == INPUT_TEXT || action == KEYMAP_NONE) {
        return ACT_DONE;
    }
    bool is_first = model_page(model)->cursor <= 1 && model->view == MODEL_VIEW_SEARCH;
    if (action == KEYMAP_UP && is_first && model->stacks[MODEL_VIEW_SEARCH].depth == 1) {
        model->is_typing = true; /* above the first answer stands the question */
        return ACT_DONE;
    }
    bool is_sideways = event->key == INPUT_RIGHT || event->key == INPUT_LEFT;
    if (is_sideways && event->modifiers == 0 && is_tree(model)) {
        const json_t *row = model_row(model); /* into and out of the tree; [ and ] seek */
        if (event->key == INPUT_LEFT) {
            model_leave(model);
        } else if (row != NULL) {
            open_row(model, row);
        }
        return ACT_DONE;
    }
    return act(model, action);
}
