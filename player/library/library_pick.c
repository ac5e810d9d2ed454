/*
 * library_pick.c: what targets mean.
 *
 * A target is, in this order: "all", "liked"; an id; an address; KIND:NAME; the path of a list; a name:
 * what is called so exactly, else what begins so, else what its words find. One thing of the best level is
 * meant; several are choices.
 */
#include "player/library/library_internal.h"

#include "common/error.h"
#include "media/core/file_id.h"
#include "media/core/track_id.h"
#include "player/library/fold.h"
#include "player/library/m3u.h"
#include "player/library/names.h"
#include "player/library/xspf.h"
#include "player/terminal_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_BYTES 161u /* of a target, in a message */
#define KINDS_ALL (1u << COPY_TRACK | 1u << COPY_ALBUM | 1u << COPY_ARTIST)
#define KIND_PLAYLIST (1u << 3)
#define PICK_TRACKS_MAX COPY_TRACKS_MAX

struct pick {
    struct library *library;
    const struct copy *copy; /* NULL: none */
    struct library_picked *picked;
    uint32_t capacity;
    int error;
};

/* What has a name, of all kinds. */
struct candidates {
    struct names_matches of_copy;
    char **playlists; /* into `names`; those that match */
    uint32_t playlist_count;
    struct lists_names names;
};

/* --- results ------------------------------------------------------------------------------------------- */

static void add_id(struct pick *pick, const uint8_t *id)
{
    struct library_picked *picked = pick->picked;
    if (picked->count == pick->capacity) {
        uint32_t capacity = pick->capacity == 0 ? 64 : pick->capacity * 2;
        void *ids = picked->count >= PICK_TRACKS_MAX
                        ? NULL
                        : realloc(picked->track_ids, capacity * sizeof *picked->track_ids);
        if (ids == NULL) {
            pick->error = ERROR_NO_MEMORY;
            return;
        }
        picked->track_ids = ids;
        pick->capacity = capacity;
    }
    memcpy(picked->track_ids[picked->count++], id, TRACK_ID_BYTES);
}

/* "target NAME: REST"; the name is cut between characters: the text goes into JSON. */
static void refuse(struct pick *pick, enum library_meaning meaning, const char *target,
                   const char *rest)
{
    char plain[SHOWN_BYTES];
    pick->picked->meaning = meaning;
    (void)snprintf(pick->picked->text, sizeof pick->picked->text, "target %s: %s",
                   terminal_text_plain(target, plain, sizeof plain), rest);
}

static void add_album(struct pick *pick, uint32_t index)
{
    const struct copy_album *album = &pick->copy->albums[index];
    for (uint32_t i = 0; i < album->track_count && pick->error == 0; i++) {
        add_id(pick, pick->copy->tracks[album->first_track + i].id);
    }
}

/* His albums, then what is by him on others'. */
static void add_artist(struct pick *pick, uint32_t index)
{
    const struct copy *copy = pick->copy;
    const struct copy_artist *artist = &copy->artists[index];
    for (uint32_t i = 0; i < artist->album_count && pick->error == 0; i++) {
        add_album(pick, artist->first_album + i);
    }
    for (uint32_t i = 0; i < copy->header->track_count && pick->error == 0; i++) {
        const struct copy_track *track = &copy->tracks[i];
        if (track->artist == index && copy->albums[track->album].artist != index) {
            add_id(pick, track->id);
        }
    }
}

static void add_match(struct pick *pick, const struct names_match *match)
{
    switch (match->kind) {
    case COPY_TRACK:
        add_id(pick, pick->copy->tracks[match->index].id);
        break;
    case COPY_ALBUM:
        add_album(pick, match->index);
        break;
    case COPY_ARTIST:
        add_artist(pick, match->index);
        break;
    }
}

/* --- lists ----------------------------------------------------------------------------------------------- */

/* The own track that an entry of a list means: by its id, if it is of this origin or the copy knows it
 * (ids come from the music itself), else by its words. False: none. */
static bool find_entry(const struct pick *pick, const struct entry *entry, uint8_t *ret_id)
{
    const struct copy *copy = pick->copy;
    if (entry->has_id) {
        bool is_bare = strlen(entry->place) == 2 * (size_t)TRACK_ID_BYTES;
        if (is_bare || library_is_own(pick->library, entry->place) ||
            (copy != NULL && copy_find_track(copy, entry->id) != COPY_NONE)) {
            memcpy(ret_id, entry->id, TRACK_ID_BYTES);
            return true;
        }
    }
    if (copy == NULL) {
        return false;
    }
    bool has_title = entry->title != NULL && entry->title[0] != '\0';
    uint32_t index = names_find_track(copy, entry->artist, has_title ? entry->title : entry->place);
    if (index != COPY_NONE) {
        memcpy(ret_id, copy->tracks[index].id, TRACK_ID_BYTES);
    }
    return index != COPY_NONE;
}

static void add_list(struct pick *pick, const char *target, const struct entry_list *list)
{
    uint8_t id[TRACK_ID_BYTES];
    uint32_t before = pick->picked->count;
    for (uint32_t i = 0; i < list->count && pick->error == 0; i++) {
        if (find_entry(pick, &list->entries[i], id)) {
            add_id(pick, id);
        } else {
            pick->picked->passed_over++;
        }
    }
    if (pick->error == 0 && pick->picked->count == before) {
        refuse(pick, LIBRARY_NONE, target,
               list->count == 0 ? "it is empty; put something into it first"
                                : "it has nothing that this origin has; name its origin with "
                                  "--origin");
    }
}

static bool ends_with(const char *text, const char *ending)
{
    size_t count = strlen(text);
    size_t tail = strlen(ending);
    return count > tail && strcasecmp(text + count - tail, ending) == 0;
}

static bool is_list_path(const char *target)
{
    return ends_with(target, ".m3u") || ends_with(target, ".m3u8") || ends_with(target, ".xspf");
}

static void pick_file(struct pick *pick, const char *path)
{
    struct entry_list list;
    char *text = NULL;
    size_t bytes = 0;
    char reason[160];
    int error = state_file_read(path, ENTRY_LIST_FILE_BYTES, &text, &bytes);
    entry_list_init(&list);
    if (error == 0) {
        error = ends_with(path, ".xspf") ? xspf_parse(text, bytes, &list)
                                         : m3u_parse(text, bytes, &list);
        free(text);
    }
    if (error == ERROR_NO_MEMORY) {
        pick->error = error;
    } else if (error != 0) {
        (void)snprintf(reason, sizeof reason, "it can't be read as a list: %s; look at the file",
                       error_text(error));
        refuse(pick, error == ERROR_NOT_FOUND ? LIBRARY_NONE : LIBRARY_WRONG, path,
               error == ERROR_NOT_FOUND ? "there is no such file; see its path" : reason);
    } else {
        add_list(pick, path, &list);
    }
    entry_list_deinit(&list);
}

/* `name` NULL: the likes. */
static void pick_playlist(struct pick *pick, const char *target, const char *name)
{
    struct entry_list list;
    char reason[200];
    int error = lists_read(pick->library->state, name, &list);
    if (error == 0) {
        add_list(pick, target, &list);
        entry_list_deinit(&list);
    } else if (error == ERROR_NO_MEMORY) {
        pick->error = error;
    } else if (error == ERROR_NOT_FOUND || error == ERROR_MALFORMED) {
        refuse(pick, LIBRARY_NONE, target,
               "there is no such playlist; list them with \"refrain ls playlists\"");
    } else {
        (void)snprintf(reason, sizeof reason, "it can't be read: %s; look at %.100s",
                       error_text(error), pick->library->state);
        refuse(pick, LIBRARY_WRONG, target, reason);
    }
}

/* --- names ----------------------------------------------------------------------------------------------- */

/* `album` NULL: it is no track. */
static json_t *choice_json(const char *kind, const char *name, const char *by, const char *album,
                           const char *target)
{
    return json_pack("{s:s, s:s, s:s, s:s*, s:s}", "kind", kind, "name", name, "by", by, "album",
                     album, "target", target);
}

static json_t *match_choice(const struct copy *copy, const struct names_match *match)
{
    char target[COPY_NAME_BYTES + 16];
    char hex[2 * TRACK_ID_BYTES + 1];
    if (match->kind == COPY_TRACK) {
        const struct copy_track *track = &copy->tracks[match->index];
        media_hex_encode(track->id, TRACK_ID_BYTES, hex);
        return choice_json("track", copy_text(copy, track->title),
                           copy_text(copy, track->artist_name),
                           copy_text(copy, copy->albums[track->album].name), hex);
    }
    if (match->kind == COPY_ALBUM) {
        const struct copy_album *album = &copy->albums[match->index];
        media_hex_encode(album->id, ALBUM_ID_BYTES, hex);
        return choice_json("album", copy_text(copy, album->name),
                           copy_text(copy, copy->artists[album->artist].name), NULL, hex);
    }
    const char *name = copy_text(copy, copy->artists[match->index].name);
    (void)snprintf(target, sizeof target, "artist:%s", name);
    return choice_json("artist", name, "", NULL, target);
}

/* As a text, so that it can be kept without a reference; NULL: out of memory. */
static char *choices_of(const struct pick *pick, const struct candidates *found)
{
    json_t *choices = json_array();
    uint32_t shown =
        found->of_copy.count < LIBRARY_CHOICES_MAX ? found->of_copy.count : LIBRARY_CHOICES_MAX;
    for (uint32_t i = 0; i < found->playlist_count && i < LIBRARY_CHOICES_MAX; i++) {
        char target[STATE_PATH_BYTES];
        (void)snprintf(target, sizeof target, "playlist:%s", found->playlists[i]);
        json_array_append_new(choices,
                              choice_json("playlist", found->playlists[i], "", NULL, target));
    }
    for (uint32_t i = 0; i < shown && i < NAMES_MATCHES_MAX; i++) {
        json_array_append_new(choices, match_choice(pick->copy, &found->of_copy.matches[i]));
    }
    char *text = json_dumps(choices, JSON_COMPACT);
    json_decref(choices);
    return text;
}

static bool is_playlist_met(const char *name, const char *wanted, enum names_level level)
{
    char left[FOLD_BYTES], right[FOLD_BYTES];
    if (level == NAMES_SAME) {
        return strcmp(name, wanted) == 0;
    }
    fold_text(name, left, sizeof left);
    size_t count = fold_text(wanted, right, sizeof right);
    return level == NAMES_FOLDED ? strcmp(left, right) == 0
                                 : count > 0 && strncmp(left, right, count) == 0;
}

/* What is met at this level. */
static int find_level(struct pick *pick, const char *name, enum names_level level, unsigned kinds,
                      struct candidates *found)
{
    found->of_copy.count = 0;
    found->playlist_count = 0;
    for (uint32_t i = 0; i < found->names.count && level != NAMES_WORDS; i++) {
        if (is_playlist_met(found->names.names[i], name, level)) {
            /* Matches go to the front: what was there is no match. */
            char *match = found->names.names[i];
            found->names.names[i] = found->names.names[found->playlist_count];
            found->names.names[found->playlist_count++] = match;
        }
    }
    found->playlists = found->names.names;
    return pick->copy == NULL
               ? 0
               : names_find(pick->copy, name, level, kinds & KINDS_ALL, &found->of_copy);
}

static void take_candidates(struct pick *pick, const char *target, const struct candidates *found)
{
    char rest[120];
    uint32_t count = found->of_copy.count + found->playlist_count;
    if (count == 0) {
        refuse(pick, LIBRARY_NONE, target,
               "nothing has this name; search with \"refrain search TEXT\"");
    } else if (count > 1) {
        (void)snprintf(rest, sizeof rest,
                       "%u things have this name; say which one, by its id or as KIND:NAME", count);
        refuse(pick, LIBRARY_CHOICES, target, rest);
        pick->picked->choices = choices_of(pick, found);
        pick->error = pick->picked->choices == NULL ? ERROR_NO_MEMORY : 0;
    } else if (found->playlist_count == 1) {
        pick_playlist(pick, target, found->playlists[0]);
    } else {
        add_match(pick, &found->of_copy.matches[0]);
    }
}

static void pick_name(struct pick *pick, const char *target, const char *name, unsigned kinds)
{
    struct candidates found = {.playlist_count = 0};
    if ((kinds & KIND_PLAYLIST) != 0) {
        pick->error = lists_names(pick->library->state, &found.names);
    }
    for (unsigned level = 0; level < NAMES_LEVELS && pick->error == 0; level++) {
        pick->error = find_level(pick, name, (enum names_level)level, kinds, &found);
        if (found.of_copy.count + found.playlist_count > 0) {
            break;
        }
    }
    if (pick->error == 0) {
        take_candidates(pick, target, &found);
    }
    lists_names_free(&found.names);
}

/* --- one target ------------------------------------------------------------------------------------------------ */

static void pick_id(struct pick *pick, const uint8_t *id)
{
    uint32_t album = COPY_NONE;
    bool known = false;
    if (pick->copy != NULL) {
        known = copy_find_track(pick->copy, id) != COPY_NONE;
        album = known ? COPY_NONE : copy_find_album(pick->copy, id);
    }
    if (album != COPY_NONE) {
        add_album(pick, album);
        return;
    }
    pick->picked->unknown += !known;
    add_id(pick, id);
}

static void pick_address(struct pick *pick, const char *target)
{
    struct media_address address;
    if (media_address_parse(target, &address) != 0) {
        refuse(pick, LIBRARY_WRONG, target,
               "no address of a track; write it as refrain://HOST[:PORT]/tracks/ID");
    } else if (!library_is_own(pick->library, target)) {
        refuse(pick, LIBRARY_FOREIGN, target,
               "it is of another origin than the rest; play one origin's tracks at a time");
    } else {
        pick_id(pick, address.track_id);
    }
}

static void pick_all(struct pick *pick)
{
    for (uint32_t i = 0; pick->copy != NULL && i < pick->copy->header->track_count; i++) {
        add_id(pick, pick->copy->tracks[i].id);
    }
    if (pick->picked->count == 0) {
        refuse(pick, LIBRARY_NONE, "all",
               "the origin has no tracks, or was never reached; see "
               "\"refrain ls tracks\"");
    }
}

/* "artist:NAME"; what stands behind the colon, and which kinds that leaves. */
static const char *take_kind(const char *target, unsigned *ret_kinds)
{
    static const struct {
        const char *word;
        unsigned kinds;
    } words[] = {{"track:", 1u << COPY_TRACK},
                 {"album:", 1u << COPY_ALBUM},
                 {"artist:", 1u << COPY_ARTIST},
                 {"playlist:", KIND_PLAYLIST}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t count = strlen(words[i].word);
        if (strncmp(target, words[i].word, count) == 0) {
            *ret_kinds = words[i].kinds;
            return target + count;
        }
    }
    *ret_kinds = KINDS_ALL | KIND_PLAYLIST;
    return target;
}

static void pick_one(struct pick *pick, const char *target)
{
    uint8_t id[TRACK_ID_BYTES];
    unsigned kinds;
    const char *name = take_kind(target, &kinds);
    if (strcmp(target, "all") == 0) {
        pick_all(pick);
    } else if (strcmp(target, "liked") == 0) {
        pick_playlist(pick, target, NULL);
    } else if (media_hex_decode(name, TRACK_ID_BYTES, id) == 0) {
        pick_id(pick, id);
    } else if (strncmp(target, "refrain://", 10) == 0) {
        pick_address(pick, target);
    } else if (name == target && is_list_path(target)) {
        pick_file(pick, target);
    } else if (name[0] == '\0') {
        refuse(pick, LIBRARY_WRONG, target,
               "an empty name; name a track, album, artist or playlist");
    } else {
        pick_name(pick, target, name, kinds);
    }
}

int library_pick(struct library *library, const char *const *targets, uint32_t count,
                 struct library_picked *ret_picked)
{
    struct library_picked picked = {.meaning = LIBRARY_FOUND};
    struct pick pick = {.library = library, .copy = library_copy(library), .picked = &picked};
    for (uint32_t i = 0; i < count && picked.meaning == LIBRARY_FOUND && pick.error == 0; i++) {
        picked.target = i;
        pick_one(&pick, targets[i]);
    }
    if (pick.error != 0) {
        library_picked_free(&picked);
        return pick.error;
    }
    *ret_picked = picked;
    return 0;
}

void library_picked_free(struct library_picked *picked)
{
    free(picked->track_ids);
    free(picked->choices);
    picked->track_ids = NULL;
    picked->choices = NULL;
    picked->count = 0;
}

bool library_is_plain(const char *target)
{
    uint8_t id[TRACK_ID_BYTES];
    struct media_address address;
    return media_hex_decode(target, TRACK_ID_BYTES, id) == 0 ||
           media_address_parse(target, &address) == 0;
}
