/*
 * cmd_info.c: `refrain info`: where things are, for people who look for them and for reports of faults.
 */
#include "common/exit_code.h"
#include "common/net/known_origins.h"
#include "common/net/url.h"
#include "media/core/file_id.h"
#include "player/cmd.h"
#include "player/library/conf.h"
#include "player/library/library_files.h"
#include "player/report.h"
#include "player/terminal_text.h"
#include "player/uv/engine.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Texts that may be no UTF-8: paths are bytes. */
static json_t *text_json(const char *text)
{
    char plain[ENGINE_PATH_BYTES_MAX];
    return json_string(terminal_text_plain(text, plain, sizeof plain));
}

static json_t *place_json(const char *folder, const char *name)
{
    char path[ENGINE_PATH_BYTES_MAX + 64];
    struct stat status;
    snprintf(path, sizeof path, "%s%s%s", folder, name[0] != '\0' ? "/" : "", name);
    return json_pack("{s:o, s:b}", "path", text_json(path), "exists", stat(path, &status) == 0);
}

static json_t *origin_json(const struct args *args, const struct engine_paths *paths)
{
    char known_path[ENGINE_PATH_BYTES_MAX + 16];
    char identity[2 * PUBLIC_KEY_BYTES + 1];
    struct net_url url;
    struct net_known_result known;
    if (args->origin == NULL || net_url_parse(args->origin, &url) != 0) {
        return json_null();
    }
    snprintf(known_path, sizeof known_path, "%s/known_origins", paths->state);
    bool is_known = net_known_origins_lookup(known_path, url.host, url.port, &known) == 0 &&
                    known.state != NET_KNOWN_UNKNOWN;
    media_hex_encode(known.identity, PUBLIC_KEY_BYTES, identity);
    return json_pack("{s:o, s:s?}", "url", text_json(args->origin), "identity",
                     is_known ? identity : NULL);
}

static json_t *catalogue_json(const struct args *args, const struct engine_paths *paths)
{
    struct library *library = NULL;
    json_t *answer = json_null();
    const struct library_config config = {
        .state = paths->state, .origin = args->origin, .offline = true};
    if (args->origin != NULL && library_open(&config, &library) == 0) {
        answer = library_copy_json(library);
        library_close(library);
    }
    return answer;
}

static void print_place(const json_t *info, const char *name)
{
    const json_t *place = json_object_get(info, name);
    printf("%-14s %s%s\n", name, json_string_value(json_object_get(place, "path")),
           json_is_true(json_object_get(place, "exists")) ? "" : "  (not there)");
}

static void print_info(const json_t *info)
{
    static const char *const places[] = {"configuration", "cache",         "state", "likes",
                                         "playlists",     "known_origins", "socket"};
    const json_t *origin = json_object_get(info, "origin");
    const json_t *copy = json_object_get(info, "catalogue");
    const char *identity = json_string_value(json_object_get(origin, "identity"));
    printf("%-14s %s\n", "version", json_string_value(json_object_get(info, "version")));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        print_place(info, places[i]);
    }
    printf("%-14s %s\n", "origin",
           json_is_object(origin) ? json_string_value(json_object_get(origin, "url"))
                                  : "none; say --origin URL, or set REFRAIN_ORIGIN");
    printf("%-14s %s\n", "identity", identity != NULL ? identity : "not known yet");
    if (json_is_object(copy)) {
        printf("%-14s %lld tracks, revision %s, asked %lld s ago\n", "catalogue",
               (long long)json_integer_value(json_object_get(copy, "tracks")),
               json_string_value(json_object_get(copy, "revision")),
               (long long)json_integer_value(json_object_get(copy, "age_s")));
    }
}

int cmd_info(const struct args *args)
{
    struct engine_paths paths;
    if (engine_paths_init(&paths) != 0) {
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    json_t *info = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", REFRAIN_VERSION,
        "configuration", place_json(conf_of_program()->path, ""), "cache",
        place_json(paths.cache, ""), "state", place_json(paths.state, ""), "likes",
        place_json(paths.state, "likes.m3u8"), "playlists", place_json(paths.state, "playlists"),
        "known_origins", place_json(paths.state, "known_origins"), "socket",
        place_json(paths.state, "engine.sock"), "origin", origin_json(args, &paths), "catalogue",
        catalogue_json(args, &paths));
    if (info == NULL) {
        report_error("player: out of memory; close other programs");
        return EXIT_CODE_INTERNAL;
    }
    if (args->json) {
        json_dumpf(info, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        print_info(info);
    }
    json_decref(info);
    return fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_STORAGE;
}
