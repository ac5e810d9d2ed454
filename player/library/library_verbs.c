/*
 * library_verbs.c: likes and playlists as verbs; the table of all verbs.
 *
 * Every change is made on disk, under the lists' lock, before it is answered.
 */
#include "player/library/library_json.h"

#include "common/error.h"
#include "common/table.h"
#include "media/core/file_id.h"
#include "player/terminal_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERB_TARGETS_MAX 1024u
#define SHOWN_BYTES 141u /* of a name, in a message */

/* What a change works with. */
struct change {
    struct library *library;
    struct library_picked picked;
    const json_t *positions;
    uint32_t from, to; /* to: ENTRY_LIST_MAX = the end */
    uint32_t changed;
};

/* --- errors ------------------------------------------------------------------------------------------------ */

static const char *reason_of(int error)
{
    switch (error) {
    case ERROR_NOT_FOUND:
        return "there is no such playlist; see \"playlists\"";
    case ERROR_EXISTS:
        return "there is a playlist of this name; give another one";
    case ERROR_MALFORMED:
        return "no name for a playlist; give 1 to 120 bytes without control characters";
    case ERROR_FULL:
        return "no space left on the disk; make room";
    case ERROR_DENIED:
        return "it can't be written; see the rights of the state folder";
    case ERROR_TOO_LARGE:
        return "the list would be too long; 100,000 entries are the most";
    case ERROR_TRUNCATED:
        return "there is no such position; see \"playlist\"";
    default:
        return error_text(error);
    }
}

static json_t *fail_list(struct library *library, const char *name, int error,
                         const char **ret_error)
{
    char text[LIBRARY_TEXT_BYTES];
    char plain[SHOWN_BYTES];
    (void)snprintf(text, sizeof text, "%s%s: %s", name != NULL ? "playlist " : "likes",
                   terminal_text_plain(name != NULL ? name : "", plain, sizeof plain),
                   reason_of(error));
    return library_fail(library, text, ret_error);
}

/* --- targets ------------------------------------------------------------------------------------------------- */

/* NULL: picked. Else the answer, or *ret_error is set and *ret_failed. */
static json_t *pick_texts(struct change *change, const char **texts, uint32_t count,
                          const char **ret_error, bool *ret_failed)
{
    struct library *library = change->library;
    *ret_failed = true;
    if (library_pick(library, texts, count, &change->picked) != 0) {
        return NULL;
    }
    if (change->picked.meaning == LIBRARY_FOUND) {
        *ret_failed = false;
        return NULL;
    }
    json_t *answer = NULL;
    if (change->picked.meaning == LIBRARY_CHOICES) {
        answer = json_pack("{s:s, s:o}", "error", change->picked.text, "choices",
                           json_loads(change->picked.choices, 0, NULL));
    } else {
        library_fail(library, change->picked.text, ret_error);
    }
    library_picked_free(&change->picked);
    return answer;
}

static json_t *pick(struct change *change, const json_t *request, const char **ret_error,
                    bool *ret_failed)
{
    const json_t *targets = json_object_get(request, "targets");
    size_t count = json_array_size(targets);
    const char **texts = calloc(count + 1, sizeof *texts);
    bool good = texts != NULL && count > 0 && count <= VERB_TARGETS_MAX;
    for (size_t i = 0; good && i < count; i++) {
        texts[i] = json_string_value(json_array_get(targets, i));
        good = texts[i] != NULL;
    }
    json_t *answer = NULL;
    *ret_failed = true;
    if (good) {
        answer = pick_texts(change, texts, (uint32_t)count, ret_error, ret_failed);
    } else {
        library_fail(change->library, "targets: no list of 1 to 1024 texts; give what is meant",
                     ret_error);
    }
    free(texts);
    return answer;
}

/* --- changes of lists ------------------------------------------------------------------------------------------ */

static int add_track(struct change *change, struct entry_list *list, const uint8_t *id)
{
    struct library_track track;
    char place[LIBRARY_PLACE_BYTES];
    bool known = library_get_track(change->library, id, &track);
    library_place(change->library, id, place);
    return entry_list_add(list, place, known ? track.artist : NULL, known ? track.title : NULL,
                          known ? (track.duration_ms + 500) / 1000 : 0);
}

static int add_all(void *context, struct entry_list *list)
{
    struct change *change = context;
    int error = 0;
    uint32_t at = change->to < list->count ? change->to : list->count;
    for (uint32_t i = 0; i < change->picked.count && error == 0; i++) {
        error = add_track(change, list, change->picked.track_ids[i]);
        if (error == 0) {
            entry_list_move(list, list->count - 1, at++);
            change->changed++;
        }
    }
    return error;
}

static int like_all(void *context, struct entry_list *list)
{
    struct change *change = context;
    struct table seen; /* of ids: the list may be long, and so may be what is liked */
    bool is_new = false;
    int error = 0;
    table_init(&seen, TRACK_ID_BYTES, TRACK_ID_BYTES, 0);
    for (uint32_t i = 0; i < list->count && error == 0; i++) {
        if (list->entries[i].has_id && table_put(&seen, list->entries[i].id, &is_new) == NULL) {
            error = ERROR_NO_MEMORY;
        }
    }
    for (uint32_t i = 0; i < change->picked.count && error == 0; i++) {
        if (table_put(&seen, change->picked.track_ids[i], &is_new) == NULL) {
            error = ERROR_NO_MEMORY;
        } else if (is_new) {
            error = add_track(change, list, change->picked.track_ids[i]);
            change->changed++;
        }
    }
    table_deinit(&seen);
    return error == 0 && change->changed == 0 ? ERROR_CANCELLED : error;
}

static int unlike_all(void *context, struct entry_list *list)
{
    struct change *change = context;
    for (uint32_t i = 0; i < change->picked.count; i++) {
        uint32_t index = entry_list_find(list, change->picked.track_ids[i]);
        if (index != UINT32_MAX) {
            entry_list_remove(list, index);
            change->changed++;
        }
    }
    return change->changed == 0 ? ERROR_CANCELLED : 0;
}

static int compare_down(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left < right) - (left > right);
}

/* From the last to the first, so that positions stay what they were. */
static int remove_positions(void *context, struct entry_list *list)
{
    struct change *change = context;
    size_t count = json_array_size(change->positions);
    uint32_t *positions = calloc(count + 1, sizeof *positions);
    int error = positions == NULL ? ERROR_NO_MEMORY : 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        const json_t *value = json_array_get(change->positions, i);
        json_int_t position = json_integer_value(value);
        error = !json_is_integer(value) || position < 0 || position >= (json_int_t)list->count
                    ? ERROR_TRUNCATED
                    : 0;
        positions[i] = error == 0 ? (uint32_t)position : 0;
    }
    if (error == 0 && count > 1) {
        qsort(positions, count, sizeof *positions, compare_down);
    }
    for (size_t i = 0; i < count && error == 0; i++) {
        if (i == 0 || positions[i] != positions[i - 1]) {
            entry_list_remove(list, positions[i]);
            change->changed++;
        }
    }
    free(positions);
    return error;
}

static int move_one(void *context, struct entry_list *list)
{
    const struct change *change = context;
    if (change->from >= list->count || change->to >= list->count) {
        return ERROR_TRUNCATED;
    }
    entry_list_move(list, change->from, change->to);
    return 0;
}

/* --- likes ------------------------------------------------------------------------------------------------------ */

static json_t *change_likes(struct library *library, const json_t *request, const char **ret_error,
                            lists_change *run)
{
    struct change change = {.library = library};
    bool failed;
    json_t *answer = pick(&change, request, ret_error, &failed);
    if (failed) {
        return answer;
    }
    int error = lists_update(library->state, NULL, false, run, &change);
    library_picked_free(&change.picked);
    if (error != 0) {
        return fail_list(library, NULL, error, ret_error);
    }
    library_look(library);
    return json_pack("{s:i}", "tracks", (int)change.changed);
}

static json_t *do_like(struct library *library, const json_t *request, const char **ret_error)
{
    return change_likes(library, request, ret_error, like_all);
}

static json_t *do_unlike(struct library *library, const json_t *request, const char **ret_error)
{
    return change_likes(library, request, ret_error, unlike_all);
}

static json_t *list_json(struct library *library, const char *name, const json_t *request,
                         const char **ret_error)
{
    struct entry_list list;
    struct library_window window;
    if (!library_take_window(library, request, LIBRARY_LIMIT_DEFAULT, &window, ret_error)) {
        return NULL;
    }
    int error = lists_read(library->state, name, &list);
    if (error != 0) {
        return fail_list(library, name, error, ret_error);
    }
    json_t *tracks = json_array();
    library_hold_likes(library, true);
    for (uint32_t i = window.offset; i < list.count && i - window.offset < window.limit; i++) {
        json_array_append_new(tracks, library_entry_json(library, &list.entries[i]));
    }
    library_hold_likes(library, false);
    json_t *answer =
        json_pack("{s:s, s:o, s:i}", "name", list.name, "tracks", tracks, "total", (int)list.count);
    entry_list_deinit(&list);
    return answer;
}

static json_t *do_likes(struct library *library, const json_t *request, const char **ret_error)
{
    return list_json(library, NULL, request, ret_error);
}

/* --- playlists ---------------------------------------------------------------------------------------------------- */

/* NULL: none was given, and *ret_error says so. */
static const char *take_name(struct library *library, const json_t *request, const char *field,
                             const char **ret_error)
{
    const char *name = json_string_value(json_object_get(request, field));
    if (name == NULL) {
        library_fail(library, "name: it is missing; give a playlist's", ret_error);
    }
    return name;
}

static json_t *do_playlists(struct library *library, const json_t *request, const char **ret_error)
{
    struct lists_names names;
    (void)request;
    (void)ret_error;
    if (lists_names(library->state, &names) != 0) {
        return NULL;
    }
    json_t *playlists = json_array();
    for (uint32_t i = 0; i < names.count; i++) {
        struct entry_list list;
        if (lists_read(library->state, names.names[i], &list) != 0) {
            continue;
        }
        json_int_t duration_ms = 0;
        for (uint32_t j = 0; j < list.count; j++) {
            duration_ms += (json_int_t)list.entries[j].duration_s * 1000;
        }
        json_array_append_new(playlists,
                              json_pack("{s:s, s:i, s:I}", "name", names.names[i], "tracks",
                                        (int)list.count, "duration_ms", duration_ms));
        entry_list_deinit(&list);
    }
    lists_names_free(&names);
    return json_pack("{s:o}", "playlists", playlists);
}

static json_t *do_playlist(struct library *library, const json_t *request, const char **ret_error)
{
    const char *name = take_name(library, request, "name", ret_error);
    return name != NULL ? list_json(library, name, request, ret_error) : NULL;
}

/* Runs a change of a playlist and answers. */
static json_t *update(struct change *change, const char *name, bool is_new, lists_change *run,
                      const char **ret_error)
{
    int error = lists_update(change->library->state, name, is_new, run, change);
    library_picked_free(&change->picked);
    if (error != 0) {
        return fail_list(change->library, name, error, ret_error);
    }
    library_look(change->library);
    return json_pack("{s:s, s:i}", "name", name, "tracks", (int)change->changed);
}

static json_t *add_to(struct library *library, const json_t *request, const char **ret_error,
                      bool is_new)
{
    struct change change = {.library = library, .to = ENTRY_LIST_MAX};
    const char *name = take_name(library, request, "name", ret_error);
    bool failed = false;
    if (name == NULL) {
        return NULL;
    }
    if (!library_take_count(request, "at", ENTRY_LIST_MAX, &change.to)) {
        return library_fail(library, "at: no position; give a whole number from 0 on", ret_error);
    }
    if (!is_new || json_array_size(json_object_get(request, "targets")) > 0) {
        json_t *answer = pick(&change, request, ret_error, &failed);
        if (failed) {
            return answer;
        }
    }
    return update(&change, name, is_new, add_all, ret_error);
}

static json_t *do_new(struct library *library, const json_t *request, const char **ret_error)
{
    return add_to(library, request, ret_error, true);
}

static json_t *do_add(struct library *library, const json_t *request, const char **ret_error)
{
    return add_to(library, request, ret_error, false);
}

static json_t *do_remove(struct library *library, const json_t *request, const char **ret_error)
{
    struct change change = {.library = library, .positions = json_object_get(request, "positions")};
    const char *name = take_name(library, request, "name", ret_error);
    if (name == NULL) {
        return NULL;
    }
    if (json_array_size(change.positions) == 0) {
        return library_fail(library, "positions: they are missing; give a list of whole numbers",
                            ret_error);
    }
    return update(&change, name, false, remove_positions, ret_error);
}

static json_t *do_move(struct library *library, const json_t *request, const char **ret_error)
{
    struct change change = {.library = library};
    const char *name = take_name(library, request, "name", ret_error);
    if (name == NULL) {
        return NULL;
    }
    if (json_object_get(request, "position") == NULL || json_object_get(request, "to") == NULL ||
        !library_take_count(request, "position", ENTRY_LIST_MAX, &change.from) ||
        !library_take_count(request, "to", ENTRY_LIST_MAX, &change.to)) {
        return library_fail(library, "position, to: no positions; give whole numbers from 0 on",
                            ret_error);
    }
    return update(&change, name, false, move_one, ret_error);
}

static json_t *do_delete(struct library *library, const json_t *request, const char **ret_error)
{
    const char *name = take_name(library, request, "name", ret_error);
    if (name == NULL) {
        return NULL;
    }
    int error = lists_delete(library->state, name);
    if (error != 0) {
        return fail_list(library, name, error, ret_error);
    }
    library_look(library);
    return json_object();
}

static json_t *do_rename(struct library *library, const json_t *request, const char **ret_error)
{
    const char *name = take_name(library, request, "name", ret_error);
    const char *to = name != NULL ? take_name(library, request, "to", ret_error) : NULL;
    if (to == NULL) {
        return NULL;
    }
    int error = lists_rename(library->state, name, to);
    if (error != 0) {
        return fail_list(library, error == ERROR_EXISTS ? to : name, error, ret_error);
    }
    library_look(library);
    return json_pack("{s:s}", "name", to);
}

const struct library_verb_row library_verbs[] = {
    {"search", library_search},
    {"browse", library_browse},
    {"like", do_like},
    {"unlike", do_unlike},
    {"likes", do_likes},
    {"playlists", do_playlists},
    {"playlist", do_playlist},
    {"playlist_new", do_new},
    {"playlist_add", do_add},
    {"playlist_remove", do_remove},
    {"playlist_move", do_move},
    {"playlist_delete", do_delete},
    {"playlist_rename", do_rename},
    {NULL, NULL},
};
