/*
 * library_files.c: lists to and from files, and names for completion.
 */
#include "player/library/library_files.h"

#include "common/error.h"
#include "player/library/fold.h"
#include "player/library/library_internal.h"
#include "player/library/m3u.h"
#include "player/library/xspf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- files ----------------------------------------------------------------------------------------------- */

static bool is_xspf(const char *path)
{
    size_t count = strlen(path);
    return count > 5 && strcasecmp(path + count - 5, ".xspf") == 0;
}

int library_export(struct library *library, const char *name, const char *path)
{
    struct entry_list list;
    char *text = NULL;
    size_t bytes = 0;
    bool is_shown = path == NULL || strcmp(path, "-") == 0;
    int error = lists_read(library->state, strcmp(name, "liked") == 0 ? NULL : name, &list);
    if (error != 0) {
        return error;
    }
    error = !is_shown && is_xspf(path) ? xspf_write(&list, &text, &bytes)
                                       : m3u_write(&list, &text, &bytes);
    if (error == 0 && is_shown) {
        error = fwrite(text, 1, bytes, stdout) == bytes ? 0 : ERROR_IO;
    } else if (error == 0) {
        error = state_file_write(path, text, bytes);
    }
    free(text);
    entry_list_deinit(&list);
    return error;
}

static int replace_with(void *context, struct entry_list *list)
{
    struct entry_list *from = context;
    char name[ENTRY_LIST_NAME_BYTES];
    memcpy(name, list->name, sizeof name);
    entry_list_deinit(list);
    *list = *from;
    memcpy(list->name, name, sizeof name);
    entry_list_init(from);
    return 0;
}

/* The file's name, without folders and ending. */
static void base_of(const char *path, char *ret_name, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(ret_name, capacity, "%s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(ret_name, '.');
    if (dot != NULL && dot != ret_name) {
        *dot = '\0';
    }
}

int library_import(struct library *library, const char *path, const char *name)
{
    struct entry_list list;
    char own_name[ENTRY_LIST_NAME_BYTES];
    char *text = NULL;
    size_t bytes = 0;
    int error = state_file_read(path, ENTRY_LIST_FILE_BYTES, &text, &bytes);
    if (error != 0) {
        return error;
    }
    entry_list_init(&list);
    error = is_xspf(path) ? xspf_parse(text, bytes, &list) : m3u_parse(text, bytes, &list);
    free(text);
    base_of(path, own_name, sizeof own_name);
    if (name == NULL && list.name[0] != '\0') {
        memcpy(own_name, list.name, sizeof own_name);
    }
    error = error != 0 ? error
                       : lists_update(library->state, name != NULL ? name : own_name, true,
                                      replace_with, &list);
    entry_list_deinit(&list);
    return error;
}

json_t *library_copy_json(struct library *library)
{
    const struct copy *copy = library_copy(library);
    if (copy == NULL) {
        return json_null();
    }
    return json_pack("{s:i, s:i, s:i, s:s, s:I}", "tracks", (int)copy->header->track_count,
                     "albums", (int)copy->header->album_count, "artists",
                     (int)copy->header->artist_count, "revision", copy->header->revision, "age_s",
                     (json_int_t)library_copy_age_s(library));
}

/* --- completion --------------------------------------------------------------------------------------------- */

struct completion {
    const struct copy *copy; /* NULL: none */
    char folded[FOLD_BYTES];
    size_t folded_bytes;
    library_each_name *each;
    void *context;
    uint32_t count;
};

static bool begins(const struct completion *completion, const char *folded)
{
    return completion->count < LIBRARY_COMPLETIONS_MAX &&
           strncmp(folded, completion->folded, completion->folded_bytes) == 0;
}

static void give(struct completion *completion, const char *name, const char *what)
{
    if (name[0] != '\0') {
        completion->count++;
        completion->each(completion->context, name, what);
    }
}

static void complete_artists(struct completion *completion)
{
    for (uint32_t i = 0; i < completion->copy->header->artist_count; i++) {
        const struct copy_artist *artist = &completion->copy->artists[i];
        if (begins(completion, copy_text(completion->copy, artist->folded))) {
            give(completion, copy_text(completion->copy, artist->name), "artist");
        }
    }
}

static void complete_albums(struct completion *completion)
{
    for (uint32_t i = 0; i < completion->copy->header->album_count; i++) {
        const struct copy_album *album = &completion->copy->albums[i];
        char what[COPY_NAME_BYTES + 16];
        if (album->name != 0 && begins(completion, copy_text(completion->copy, album->folded))) {
            (void)snprintf(
                what, sizeof what, "album by %s",
                copy_text(completion->copy, completion->copy->artists[album->artist].name));
            give(completion, copy_text(completion->copy, album->name), what);
        }
    }
}

static void complete_tracks(struct completion *completion)
{
    for (uint32_t i = 0; i < completion->copy->header->track_count; i++) {
        const struct copy_track *track = &completion->copy->tracks[i];
        char what[COPY_NAME_BYTES + 16];
        if (begins(completion, copy_text(completion->copy, track->folded))) {
            (void)snprintf(what, sizeof what, "track by %s",
                           copy_text(completion->copy, track->artist_name));
            give(completion, copy_text(completion->copy, track->title), what);
        }
    }
}

static void complete_playlists(struct completion *completion, struct library *library)
{
    struct lists_names names;
    char folded[FOLD_BYTES];
    if (lists_names(library->state, &names) != 0) {
        return;
    }
    for (uint32_t i = 0; i < names.count; i++) {
        fold_text(names.names[i], folded, sizeof folded);
        if (begins(completion, folded)) {
            give(completion, names.names[i], "playlist");
        }
    }
    lists_names_free(&names);
}

static void complete_words(struct completion *completion)
{
    static const char *const words[][2] = {{"all", "every track"}, {"liked", "what you like"}};
    for (unsigned i = 0; i < 2; i++) {
        if (begins(completion, words[i][0])) {
            give(completion, words[i][0], words[i][1]);
        }
    }
}

bool library_complete(struct library *library, const char *kind, const char *text,
                      library_each_name *each, void *context)
{
    struct completion completion = {
        .copy = library_copy(library), .each = each, .context = context};
    completion.folded_bytes = fold_text(text, completion.folded, sizeof completion.folded);
    bool has_all = strcmp(kind, "targets") == 0;
    bool is_known = has_all;
    if (has_all) {
        complete_words(&completion);
    }
    if (has_all || strcmp(kind, "playlists") == 0) {
        complete_playlists(&completion, library);
        is_known = true;
    }
    const struct {
        const char *kind;
        void (*complete)(struct completion *completion);
        bool is_target;
    } kinds[] = {{"artists", complete_artists, true},
                 {"albums", complete_albums, true},
                 {"tracks", complete_tracks, false}};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool is_this = strcmp(kind, kinds[i].kind) == 0;
        is_known = is_known || is_this;
        if (completion.copy != NULL && (is_this || (has_all && kinds[i].is_target))) {
            kinds[i].complete(&completion);
        }
    }
    return is_known;
}
