/*
 * cmd_library.c: the verbs about names: search, ls albums|artists|playlists, like, unlike, likes, playlist.
 *
 * Needs no engine, and disturbs none that runs: it looks at the files itself, changes lists under their lock,
 * and the engine notices. Each verb is the one of the control socket, with words around it.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/library/entry_list.h"
#include "player/library/library.h"
#include "player/library/library_files.h"
#include "player/report.h"
#include "player/terminal_text.h"
#include "player/uv/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 600u

struct names {
    const struct args *args;
    struct engine_paths paths;
    struct net_loop *loop;
    struct library *library;
    bool is_refreshed; /* the origin was asked, with or without success */
    bool is_denied;    /* it is not who it was */
};

/* --- life ------------------------------------------------------------------------------------------------ */

static int open_names(const struct args *args, struct names *ret_names)
{
    *ret_names = (struct names){.args = args};
    if (engine_paths_init(&ret_names->paths) != 0) {
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    const struct library_config config = {
        .state = ret_names->paths.state, .origin = args->origin, .offline = args->offline};
    int error = library_open(&config, &ret_names->library);
    if (error == ERROR_MALFORMED) {
        report_error("origin %s: no address of an origin; give it as https://HOST:PORT, "
                     "http://HOST:PORT or HOST",
                     args->origin);
        return EXIT_CODE_USAGE;
    }
    if (error != 0 || net_loop_new(&ret_names->loop) != 0) {
        report_error("event loop: it does not start; see whether the system is out of memory");
        library_close(ret_names->library);
        return EXIT_CODE_INTERNAL;
    }
    return EXIT_CODE_OK;
}

static void close_names(struct names *names)
{
    library_stop(names->library);
    net_loop_run(names->loop);
    library_close(names->library);
    net_loop_free(names->loop);
}

static void refreshed(void *context, int error, const char *text)
{
    struct names *names = context;
    names->is_denied = error == ERROR_DENIED;
    if (names->is_denied) {
        report_error("origin %s: its identity is not the expected one: %s", names->args->origin,
                     text);
    } else if (error != 0) {
        report_error("origin %s: its list of tracks does not come: %s; what is known of it is used",
                     names->args->origin, text);
    }
    net_loop_stop(names->loop);
}

/* Asks the origin when the copy is old, or (`anyway`) in any case. */
static void refresh(struct names *names, bool anyway)
{
    if (names->args->offline || names->args->origin == NULL || names->is_refreshed ||
        (!anyway && library_is_fresh(names->library))) {
        return;
    }
    names->is_refreshed = true;
    engine_paths_make(names->paths.state); /* if not, nothing is remembered */
    if (library_refresh_now(names->library, names->loop, refreshed, names) == 0) {
        net_loop_run(names->loop);
    }
}

/* --- asking ----------------------------------------------------------------------------------------------- */

static json_t *run(struct names *names, const char *verb, const json_t *request,
                   const char **ret_error)
{
    for (const struct library_verb_row *row = library_verbs; row->name != NULL; row++) {
        if (strcmp(row->name, verb) == 0) {
            *ret_error = "player: out of memory; close other programs";
            return row->run(names->library, request, ret_error);
        }
    }
    *ret_error = "verb: there is none of this name; see \"refrain --help\"";
    return NULL;
}

static int tell_choices(const struct args *args, const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "error"));
    char *choices = json_dumps(json_object_get(answer, "choices"), JSON_COMPACT);
    report_error("%s", text);
    if (choices != NULL && args->json) {
        report_choices_json(text, choices, EXIT_CODE_USAGE);
    } else if (choices != NULL) {
        report_choices(choices);
    }
    free(choices);
    return EXIT_CODE_USAGE;
}

/* What a verb answers; takes the request. When it fails, the origin is asked once, and the verb again:
 * what it did not find may be there now. NULL: *ret_code, and it was told. */
static json_t *ask(struct names *names, const char *verb, json_t *request, int *ret_code)
{
    const char *error = "";
    json_t *answer = run(names, verb, request, &error);
    if (answer == NULL && !names->is_refreshed) {
        refresh(names, true);
        answer = run(names, verb, request, &error);
    }
    json_decref(request);
    if (answer != NULL && json_object_get(answer, "error") != NULL) {
        *ret_code = tell_choices(names->args, answer);
        json_decref(answer);
        return NULL;
    }
    if (answer == NULL) {
        *ret_code = names->is_denied ? EXIT_CODE_IDENTITY : EXIT_CODE_NOT_FOUND;
        report_error("%s", error);
        if (names->args->json) {
            report_error_json(NULL, error, *ret_code);
        }
    }
    return answer;
}

static json_t *texts_json(const char *const *texts, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *text = json_string(texts[i]);
        /* What is no UTF-8 is no name that anything has. */
        json_array_append_new(list, text != NULL ? text : json_string("?"));
    }
    return list;
}

/* --- showing ------------------------------------------------------------------------------------------------ */

static const char *word_of(const json_t *object, const char *name, char *ret_text)
{
    const char *text = json_string_value(json_object_get(object, name));
    return terminal_text_plain(text != NULL ? text : "", ret_text, TEXT_BYTES);
}

static long long number_of(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static void show_track(const json_t *track)
{
    char id[TEXT_BYTES], title[TEXT_BYTES], artist[TEXT_BYTES], album[TEXT_BYTES];
    long long seconds = number_of(track, "duration_ms") / 1000;
    word_of(track, "id", id);
    word_of(track, "title", title);
    word_of(track, "artist", artist);
    word_of(track, "album", album);
    printf("%-32s %3lld:%02lld  %s%s%s%s%s%s%s\n", id, seconds / 60, seconds % 60, artist,
           artist[0] != '\0' ? " - " : "", title, album[0] != '\0' ? " (" : "", album,
           album[0] != '\0' ? ")" : "", json_is_true(json_object_get(track, "liked")) ? "  *" : "");
}

static void show_album(const json_t *album)
{
    char id[TEXT_BYTES], name[TEXT_BYTES], artist[TEXT_BYTES], year[16] = "";
    if (number_of(album, "year") > 0) {
        snprintf(year, sizeof year, ", %lld", number_of(album, "year"));
    }
    word_of(album, "album", name);
    printf("%-32s  %s - %s (%lld tracks%s)\n", word_of(album, "id", id),
           word_of(album, "artist", artist), name[0] != '\0' ? name : "without an album",
           number_of(album, "tracks"), year);
}

static void show_artist(const json_t *artist)
{
    char name[TEXT_BYTES];
    word_of(artist, "artist", name);
    printf("%s (%lld albums, %lld tracks)\n", name[0] != '\0' ? name : "without an artist",
           number_of(artist, "albums"), number_of(artist, "tracks"));
}

static void show_playlist(const json_t *playlist)
{
    char name[TEXT_BYTES];
    long long seconds = number_of(playlist, "duration_ms") / 1000;
    printf("%s", word_of(playlist, "name", name));
    if (json_object_get(playlist, "tracks") != NULL) {
        printf(" (%lld tracks, %lld:%02lld)", number_of(playlist, "tracks"), seconds / 60,
               seconds % 60);
    }
    putchar('\n');
}

typedef void show_item(const json_t *item);

/* Kinds in the order in which they are shown. */
static const struct shown {
    const char *list, *kind;
    show_item *show;
} shown[] = {{"artists", "artist", show_artist},
             {"albums", "album", show_album},
             {"tracks", "track", show_track},
             {"playlists", "playlist", show_playlist}};

static void show_json(const json_t *item, const char *kind)
{
    json_t *line = json_pack("{s:s}", "kind", kind);
    json_object_update(line, (json_t *)(uintptr_t)item); /* copies references */
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

/* A list of an answer; how many it has. `with_kind`: several kinds are shown. */
static size_t show_list(const struct args *args, const json_t *answer, const struct shown *of,
                        bool with_kind)
{
    const json_t *list = json_object_get(answer, of->list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (args->json && with_kind) {
            show_json(item, of->kind);
        } else if (args->json) {
            json_dumpf(item, stdout, JSON_COMPACT);
            putchar('\n');
        } else {
            if (with_kind) {
                printf("%-9s", of->kind);
            }
            of->show(item);
        }
    }
    return json_array_size(list);
}

/* Asks for a list window by window until it ends. */
static int show_all(struct names *names, const char *verb, json_t *request, const struct shown *of)
{
    int code = EXIT_CODE_OK;
    size_t shown_items = 0;
    for (;;) {
        json_object_set_new(request, "offset", json_integer((json_int_t)shown_items));
        json_object_set_new(request, "limit", json_integer(LIBRARY_LIMIT_MAX));
        json_t *answer = ask(names, verb, json_incref(request), &code);
        size_t count = answer != NULL ? show_list(names->args, answer, of, false) : 0;
        json_decref(answer);
        shown_items += count;
        if (count < LIBRARY_LIMIT_MAX) {
            break;
        }
    }
    json_decref(request);
    return code;
}

/* --- verbs ----------------------------------------------------------------------------------------------------- */

static int do_search(struct names *names)
{
    char text[TEXT_BYTES] = "";
    int code = EXIT_CODE_OK;
    size_t used = 0;
    for (uint32_t i = 0; i < names->args->operand_count && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                                 names->args->operands[i]);
    }
    char plain[TEXT_BYTES];
    refresh(names, false);
    json_t *answer =
        ask(names, "search",
            json_pack("{s:s}", "text", terminal_text_plain(text, plain, sizeof plain)), &code);
    size_t found = 0;
    for (size_t i = 0; answer != NULL && i < sizeof shown / sizeof shown[0]; i++) {
        found += show_list(names->args, answer, &shown[i], true);
    }
    if (answer != NULL && found == 0) {
        report_error("search %s: nothing has these words; try fewer, or the beginnings of words",
                     plain);
        code = names->is_denied ? EXIT_CODE_IDENTITY : EXIT_CODE_NOT_FOUND;
    }
    json_decref(answer);
    return code;
}

static int do_ls(struct names *names)
{
    const char *what = names->args->operands[0];
    if (strcmp(what, "playlists") == 0) {
        int code = EXIT_CODE_OK;
        json_t *answer = ask(names, "playlists", json_object(), &code);
        show_list(names->args, answer, &shown[3], false);
        json_decref(answer);
        return code;
    }
    if (names->args->origin == NULL) {
        report_error("origin: none was given; say --origin URL, or set REFRAIN_ORIGIN");
        return EXIT_CODE_USAGE;
    }
    refresh(names, false);
    return show_all(names, "browse", json_pack("{s:s}", "list", what),
                    &shown[strcmp(what, "albums") == 0 ? 1 : 0]);
}

/* A change: what it did, in a line. Takes the request. */
static int change(struct names *names, const char *verb, json_t *request, const char *did)
{
    int code = EXIT_CODE_OK;
    json_t *answer = ask(names, verb, request, &code);
    if (answer != NULL && names->args->json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (answer != NULL && did[0] != '\0') {
        printf("%lld tracks %s\n", number_of(answer, "tracks"), did);
    }
    json_decref(answer);
    return code;
}

static int do_like(struct names *names, bool likes)
{
    const struct args *args = names->args;
    return change(names, likes ? "like" : "unlike",
                  json_pack("{s:o}", "targets", texts_json(args->operands, args->operand_count)),
                  likes ? "liked" : "no longer liked");
}

/* --- playlists --------------------------------------------------------------------------------------------------- */

/* "3" as 2: people count from 1. False: it was told. */
static bool take_position(const char *text, long *ret_position)
{
    char *end;
    long position = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || position < 1 ||
        position > (long)ENTRY_LIST_MAX) {
        report_error("position %s: no number from 1 on; see \"refrain playlist show NAME\"", text);
        return false;
    }
    *ret_position = position - 1;
    return true;
}

static int remove_positions(struct names *names, const char *name)
{
    json_t *positions = json_array();
    for (uint32_t i = 2; i < names->args->operand_count; i++) {
        long position;
        if (!take_position(names->args->operands[i], &position)) {
            json_decref(positions);
            return EXIT_CODE_USAGE;
        }
        json_array_append_new(positions, json_integer(position));
    }
    return change(names, "playlist_remove",
                  json_pack("{s:s, s:o}", "name", name, "positions", positions), "taken out");
}

static int move_one(struct names *names, const char *name)
{
    long from, to;
    if (!take_position(names->args->operands[2], &from) ||
        !take_position(names->args->operands[3], &to)) {
        return EXIT_CODE_USAGE;
    }
    return change(names, "playlist_move",
                  json_pack("{s:s, s:I, s:I}", "name", name, "position", (json_int_t)from, "to",
                            (json_int_t)to),
                  "");
}

static int file_failed(const char *thing, int error)
{
    if (error == ERROR_EXISTS) {
        report_error("playlist %s: there is one of this name; write another NAME behind PATH",
                     thing);
    } else {
        report_error("playlist %s: %s; see its name, its path and the room on the disk", thing,
                     error_text(error));
    }
    return error == ERROR_NOT_FOUND                            ? EXIT_CODE_NOT_FOUND
           : error == ERROR_MALFORMED || error == ERROR_EXISTS ? EXIT_CODE_USAGE
                                                               : EXIT_CODE_STORAGE;
}

static int export_list(struct names *names, const char *name)
{
    int error = library_export(names->library, name, names->args->to_path);
    return error != 0 ? file_failed(name, error) : EXIT_CODE_OK;
}

static int import_list(struct names *names, const char *path)
{
    const char *name = names->args->operand_count > 2 ? names->args->operands[2] : NULL;
    int error = library_import(names->library, path, name);
    return error != 0 ? file_failed(path, error) : EXIT_CODE_OK;
}

static int do_playlist(struct names *names)
{
    const struct args *args = names->args;
    const char *what = args->operands[0];
    const char *name = args->operands[1];
    json_t *named = json_pack("{s:s}", "name", name);
    if (named == NULL) {
        report_error("playlist: its name is no UTF-8; write another one");
        return EXIT_CODE_USAGE;
    }
    if (strcmp(what, "new") == 0 || strcmp(what, "add") == 0) {
        json_object_set_new(named, "targets",
                            texts_json(args->operands + 2, args->operand_count - 2));
        return change(names, what[0] == 'n' ? "playlist_new" : "playlist_add", named, "added");
    }
    if (strcmp(what, "show") == 0) {
        return show_all(names, "playlist", named, &shown[2]);
    }
    if (strcmp(what, "delete") == 0) {
        return change(names, "playlist_delete", named, "");
    }
    if (strcmp(what, "rename") == 0) {
        json_object_set_new(named, "to", json_string(args->operands[2]));
        return change(names, "playlist_rename", named, "");
    }
    json_decref(named);
    if (strcmp(what, "rm") == 0) {
        return remove_positions(names, name);
    }
    if (strcmp(what, "mv") == 0) {
        return move_one(names, name);
    }
    return strcmp(what, "export") == 0 ? export_list(names, name) : import_list(names, name);
}

/* --- doors --------------------------------------------------------------------------------------------------------- */

int cmd_library(const struct args *args)
{
    struct names names;
    int code = open_names(args, &names);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (args->verb == ARGS_SEARCH) {
        code = do_search(&names);
    } else if (args->verb == ARGS_LS) {
        code = do_ls(&names);
    } else if (args->verb == ARGS_LIKES) {
        code = show_all(&names, "likes", json_object(), &shown[2]);
    } else if (args->verb == ARGS_PLAYLIST) {
        code = do_playlist(&names);
    } else {
        code = do_like(&names, args->verb == ARGS_LIKE);
    }
    close_names(&names);
    if (fflush(stdout) != 0) {
        report_error("standard output: it cannot be written; see where it goes");
        code = code == EXIT_CODE_OK ? EXIT_CODE_STORAGE : code;
    }
    return code;
}
