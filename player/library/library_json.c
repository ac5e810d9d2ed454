/*
 * library_json.c: tracks, albums and artists as JSON (docs/CLI.md), and the verbs that look.
 */
#include "player/library/library_json.h"

#include "common/error.h"
#include "media/core/file_id.h"
#include "player/library/find.h"
#include "player/library/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_LIMIT_DEFAULT 20u

/* --- one thing ------------------------------------------------------------------------------------------- */

static json_t *id_json(const uint8_t *id)
{
    static const uint8_t none[TRACK_ID_BYTES];
    char hex[2 * TRACK_ID_BYTES + 1];
    if (memcmp(id, none, sizeof none) == 0) {
        return json_null();
    }
    media_hex_encode(id, TRACK_ID_BYTES, hex);
    return json_string(hex);
}

json_t *library_track_json(struct library *library, const struct copy *copy, uint32_t index)
{
    const struct copy_track *track = &copy->tracks[index];
    const struct copy_album *album = &copy->albums[track->album];
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:i, s:i, s:I, s:b}", "id", id_json(track->id),
                     "title", copy_text(copy, track->title), "artist",
                     copy_text(copy, track->artist_name), "album", copy_text(copy, album->name),
                     "album_id", id_json(album->id), "disc", (int)track->disc, "track",
                     (int)track->number, "duration_ms", (json_int_t)track->duration_ms, "liked",
                     library_is_liked(library, track->id));
}

json_t *library_album_json(const struct copy *copy, uint32_t index)
{
    const struct copy_album *album = &copy->albums[index];
    return json_pack("{s:o, s:s, s:s, s:i, s:i}", "id", id_json(album->id), "album",
                     copy_text(copy, album->name), "artist",
                     copy_text(copy, copy->artists[album->artist].name), "tracks",
                     (int)album->track_count, "year", (int)album->year);
}

json_t *library_artist_json(const struct copy *copy, uint32_t index)
{
    const struct copy_artist *artist = &copy->artists[index];
    return json_pack("{s:s, s:i, s:i}", "artist", copy_text(copy, artist->name), "albums",
                     (int)artist->album_count, "tracks", (int)artist->track_count);
}

json_t *library_entry_json(struct library *library, const struct entry *entry)
{
    const struct copy *copy = entry->has_id ? library_copy(library) : NULL;
    uint32_t index = copy != NULL ? copy_find_track(copy, entry->id) : COPY_NONE;
    if (index != COPY_NONE) {
        return library_track_json(library, copy, index);
    }
    static const uint8_t none[TRACK_ID_BYTES];
    return json_pack("{s:o, s:s, s:s, s:s, s:n, s:i, s:i, s:I, s:b, s:s}", "id",
                     id_json(entry->has_id ? entry->id : none), "title",
                     entry->title != NULL ? entry->title : entry->place, "artist",
                     entry->artist != NULL ? entry->artist : "", "album", "", "album_id", "disc", 0,
                     "track", 0, "duration_ms", (json_int_t)entry->duration_s * 1000, "liked",
                     entry->has_id && library_is_liked(library, entry->id), "place", entry->place);
}

/* --- requests ---------------------------------------------------------------------------------------------- */

json_t *library_fail(struct library *library, const char *text, const char **ret_error)
{
    (void)snprintf(library->text, sizeof library->text, "%s", text);
    *ret_error = library->text;
    return NULL;
}

bool library_take_count(const json_t *request, const char *name, uint32_t most, uint32_t *ret_value)
{
    const json_t *value = json_object_get(request, name);
    json_int_t number = json_integer_value(value);
    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value) || number < 0 || number > (json_int_t)most) {
        return false;
    }
    *ret_value = (uint32_t)number;
    return true;
}

bool library_take_window(struct library *library, const json_t *request, uint32_t limit,
                         struct library_window *ret_window, const char **ret_error)
{
    struct library_window window = {.offset = 0, .limit = limit};
    if (!library_take_count(request, "offset", UINT32_MAX, &window.offset) ||
        !library_take_count(request, "limit", LIBRARY_LIMIT_MAX, &window.limit)) {
        library_fail(library,
                     "offset, limit: no whole numbers; give them from 0 on, limit up to 1000",
                     ret_error);
        return false;
    }
    *ret_window = window;
    return true;
}

static const char *string_of(const json_t *request, const char *name)
{
    return json_string_value(json_object_get(request, name));
}

/* --- search ------------------------------------------------------------------------------------------------- */

static json_t *results_json(struct library *library, const struct copy *copy, enum copy_kind kind,
                            const struct find_results *results)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < results->count; i++) {
        uint32_t index = results->indices[i];
        json_array_append_new(list, kind == COPY_TRACK   ? library_track_json(library, copy, index)
                                    : kind == COPY_ALBUM ? library_album_json(copy, index)
                                                         : library_artist_json(copy, index));
    }
    return list;
}

/* Playlists of whose names each word of the query begins a word. */
static json_t *found_playlists(struct library *library, const char *text, uint32_t limit)
{
    char query[FOLD_BYTES], folded[FOLD_BYTES + 1];
    struct lists_names names;
    json_t *list = json_array();
    if (fold_text(text, query, sizeof query) == 0 || lists_names(library->state, &names) != 0) {
        return list;
    }
    for (uint32_t i = 0; i < names.count && json_array_size(list) < limit; i++) {
        folded[0] = ' ';
        fold_text(names.names[i], folded + 1, sizeof folded - 1);
        bool is_found = true;
        char words[FOLD_BYTES + 1] = " ";
        memcpy(words + 1, query, strlen(query) + 1);
        for (char *word = words; word != NULL && is_found;) {
            char *next = strchr(word + 1, ' ');
            char mark = next != NULL ? *next : '\0';
            if (next != NULL) {
                *next = '\0';
            }
            is_found = strstr(folded, word) != NULL;
            if (next != NULL) {
                *next = mark;
            }
            word = next;
        }
        if (is_found) {
            json_array_append_new(list, json_pack("{s:s}", "name", names.names[i]));
        }
    }
    lists_names_free(&names);
    return list;
}

json_t *library_search(struct library *library, const json_t *request, const char **ret_error)
{
    static uint32_t room[3][LIBRARY_LIMIT_MAX];
    struct find_results results[3];
    struct library_window window;
    const struct copy *copy = library_copy(library);
    const char *text = string_of(request, "text");
    if (text == NULL) {
        return library_fail(library, "text: it is missing; give the words to search for",
                            ret_error);
    }
    if (!library_take_window(library, request, SEARCH_LIMIT_DEFAULT, &window, ret_error)) {
        return NULL;
    }
    for (unsigned kind = 0; kind < 3; kind++) {
        results[kind] = (struct find_results){.indices = room[kind], .limit = window.limit};
    }
    if (copy != NULL && find_all(copy, text, &results[COPY_TRACK], &results[COPY_ALBUM],
                                 &results[COPY_ARTIST]) != 0) {
        return NULL;
    }
    library_hold_likes(library, true);
    json_t *answer =
        json_pack("{s:o, s:o, s:o, s:o, s:{s:i, s:i, s:i}}", "tracks",
                  results_json(library, copy, COPY_TRACK, &results[COPY_TRACK]), "albums",
                  results_json(library, copy, COPY_ALBUM, &results[COPY_ALBUM]), "artists",
                  results_json(library, copy, COPY_ARTIST, &results[COPY_ARTIST]), "playlists",
                  found_playlists(library, text, window.limit), "total", "tracks",
                  (int)results[COPY_TRACK].total, "albums", (int)results[COPY_ALBUM].total,
                  "artists", (int)results[COPY_ARTIST].total);
    library_hold_likes(library, false);
    return answer;
}

/* --- browse -------------------------------------------------------------------------------------------------- */

/* Indices [first, first + count) of a kind, as far as the window shows them. */
static json_t *range_json(struct library *library, const struct copy *copy, enum copy_kind kind,
                          uint32_t first, uint32_t count, const struct library_window *window)
{
    json_t *list = json_array();
    uint32_t from = window->offset < count ? window->offset : count;
    uint32_t shown = count - from < window->limit ? count - from : window->limit;
    for (uint32_t i = first + from; i < first + from + shown; i++) {
        json_array_append_new(list, kind == COPY_TRACK   ? library_track_json(library, copy, i)
                                    : kind == COPY_ALBUM ? library_album_json(copy, i)
                                                         : library_artist_json(copy, i));
    }
    return list;
}

static json_t *browse_list(struct library *library, const struct copy *copy, const char *what,
                           const struct library_window *window, const char **ret_error)
{
    static const struct {
        const char *name;
        enum copy_kind kind;
    } lists[] = {{"artists", COPY_ARTIST}, {"albums", COPY_ALBUM}, {"tracks", COPY_TRACK}};
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(what, lists[i].name) != 0) {
            continue;
        }
        uint32_t count = copy == NULL                  ? 0
                         : lists[i].kind == COPY_TRACK ? copy->header->track_count
                         : lists[i].kind == COPY_ALBUM ? copy->header->album_count
                                                       : copy->header->artist_count;
        return json_pack("{s:o, s:i}", lists[i].name,
                         range_json(library, copy, lists[i].kind, 0, count, window), "total",
                         (int)count);
    }
    return library_fail(library, "list: no such list; there are artists, albums and tracks",
                        ret_error);
}

/* What is by an artist on albums of others. */
static json_t *guest_tracks(struct library *library, const struct copy *copy, uint32_t artist)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < copy->header->track_count && json_array_size(list) < LIBRARY_LIMIT_MAX;
         i++) {
        const struct copy_track *track = &copy->tracks[i];
        if (track->artist == artist && copy->albums[track->album].artist != artist) {
            json_array_append_new(list, library_track_json(library, copy, i));
        }
    }
    return list;
}

static json_t *browse_artist(struct library *library, const struct copy *copy, const char *name,
                             const struct library_window *window, const char **ret_error)
{
    char folded[FOLD_BYTES];
    fold_text(name, folded, sizeof folded);
    uint32_t index = copy != NULL ? copy_find_artist(copy, folded) : COPY_NONE;
    if (index == COPY_NONE) {
        return library_fail(library, "artist: none has this name; see \"browse\" without a name",
                            ret_error);
    }
    const struct copy_artist *artist = &copy->artists[index];
    return json_pack(
        "{s:s, s:o, s:o, s:i}", "artist", copy_text(copy, artist->name), "albums",
        range_json(library, copy, COPY_ALBUM, artist->first_album, artist->album_count, window),
        "tracks", guest_tracks(library, copy, index), "total", (int)artist->album_count);
}

/* By id, or the tracks of an artist without an album: {"artist":NAME,"album":""}. */
static uint32_t find_album(const struct copy *copy, const char *id, const char *artist)
{
    uint8_t bytes[ALBUM_ID_BYTES];
    char folded[FOLD_BYTES];
    if (media_hex_decode(id, ALBUM_ID_BYTES, bytes) == 0) {
        return copy_find_album(copy, bytes);
    }
    if (id[0] != '\0' || artist == NULL) {
        return COPY_NONE;
    }
    fold_text(artist, folded, sizeof folded);
    uint32_t index = copy_find_artist(copy, folded);
    for (uint32_t i = 0; index != COPY_NONE && i < copy->artists[index].album_count; i++) {
        if (copy->albums[copy->artists[index].first_album + i].name == 0) {
            return copy->artists[index].first_album + i;
        }
    }
    return COPY_NONE;
}

static json_t *browse_album(struct library *library, const struct copy *copy, const char *id,
                            const char *artist, const struct library_window *window,
                            const char **ret_error)
{
    uint32_t index = copy != NULL ? find_album(copy, id, artist) : COPY_NONE;
    if (index == COPY_NONE) {
        return library_fail(
            library, "album: there is none of this id; see \"browse\" of its artist", ret_error);
    }
    const struct copy_album *album = &copy->albums[index];
    return json_pack(
        "{s:s, s:s, s:i, s:o, s:i}", "album", copy_text(copy, album->name), "artist",
        copy_text(copy, copy->artists[album->artist].name), "year", (int)album->year, "tracks",
        range_json(library, copy, COPY_TRACK, album->first_track, album->track_count, window),
        "total", (int)album->track_count);
}

json_t *library_browse(struct library *library, const json_t *request, const char **ret_error)
{
    struct library_window window;
    const struct copy *copy = library_copy(library);
    const char *artist = string_of(request, "artist");
    const char *album = string_of(request, "album");
    const char *list = string_of(request, "list");
    json_t *answer;
    if (!library_take_window(library, request, LIBRARY_LIMIT_DEFAULT, &window, ret_error)) {
        return NULL;
    }
    library_hold_likes(library, true);
    if (album != NULL) {
        answer = browse_album(library, copy, album, artist, &window, ret_error);
    } else if (artist != NULL) {
        answer = browse_artist(library, copy, artist, &window, ret_error);
    } else {
        answer = browse_list(library, copy, list != NULL ? list : "artists", &window, ret_error);
    }
    library_hold_likes(library, false);
    return answer;
}
