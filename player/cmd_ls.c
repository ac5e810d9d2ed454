/*
 * cmd_ls.c: `refrain ls tracks`: what an origin has, or what the cache has. Needs no engine. Other lists are
 * cmd_library.c's.
 */
#include "cache/lmdb/store.h"
#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/crypto.h"
#include "media/core/file_id.h"
#include "player/cmd.h"
#include "player/listing.h"
#include "player/report.h"
#include "player/terminal_text.h"
#include "player/uv/engine.h"

#include <stdio.h>
#include <string.h>

/* Longer words of a stranger are cut. */
#define LS_TEXT_BYTES 600u

struct ls {
    const struct args *args;
    struct net_loop *loop;
    const char *origin;
    int exit_code;
};

static void print(const struct listing *listing, bool json)
{
    for (uint32_t i = 0; i < listing->count; i++) {
        const struct listing_track *track = &listing->tracks[i];
        if (json) {
            printf("%s\n", track->json);
            continue;
        }
        char id[2 * TRACK_ID_BYTES + 1], title[LS_TEXT_BYTES], artist[LS_TEXT_BYTES];
        char album[LS_TEXT_BYTES];
        media_hex_encode(track->track_id, TRACK_ID_BYTES, id);
        uint64_t seconds = track->duration_us / 1000000;
        terminal_text_plain(track->title, title, sizeof title);
        terminal_text_plain(track->artist, artist, sizeof artist);
        terminal_text_plain(track->album, album, sizeof album);
        printf("%s %3u:%02u  %s%s%s%s%s%s\n", id, (unsigned)(seconds / 60),
               (unsigned)(seconds % 60), artist, artist[0] != '\0' ? " - " : "", title,
               album[0] != '\0' ? " (" : "", album, album[0] != '\0' ? ")" : "");
    }
    fflush(stdout);
}

/* --- the cache -------------------------------------------------------------------------------------------- */

static void each_manifest(void *context, const uint8_t track_id[TRACK_ID_BYTES],
                          const uint8_t *bytes, uint32_t count)
{
    (void)track_id;
    listing_add_manifest(context, bytes, count);
}

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(bytes, count, ret_hash);
}

static int ls_cache(const struct args *args, const struct engine_paths *paths)
{
    char folder[ENGINE_PATH_BYTES_MAX + 16];
    snprintf(folder, sizeof folder, "%s/chunks", paths->cache);
    const struct store_config config = {
        .folder = folder,
        .limit_bytes = STORE_LIMIT_BYTES_MIN,
        .read_only = true,
        .hasher = {.chunk = hash_chunk, .pair = {.pair = crypto_sha256_pair}},
    };
    struct store *store;
    int error = store_open(&config, &store);
    if (error == ERROR_NOT_FOUND) {
        return EXIT_CODE_OK; /* an empty cache */
    }
    if (error != 0) {
        report_error("cache %s: %s; \"refrain cache verify\" may repair it", folder,
                     error_text(error));
        return EXIT_CODE_STORAGE;
    }
    struct listing listing;
    listing_init(&listing);
    store_list_manifests(store, each_manifest, &listing);
    store_close(store);
    listing_sort(&listing);
    print(&listing, args->json);
    listing_deinit(&listing);
    return EXIT_CODE_OK;
}

/* --- an origin ------------------------------------------------------------------------------------------------ */

static void listing_came(void *context, int error, const char *text, struct listing *listing)
{
    struct ls *ls = context;
    if (error == ERROR_DENIED) {
        report_error("origin %s: its identity is not the expected one: %s", ls->origin, text);
        ls->exit_code = EXIT_CODE_IDENTITY;
    } else if (error != 0) {
        report_error("origin %s: its list of tracks does not come: %s; check the address and the "
                     "network",
                     ls->origin, text);
        ls->exit_code = EXIT_CODE_NETWORK;
    } else {
        print(listing, ls->args->json);
    }
    listing_deinit(listing);
    net_loop_stop(ls->loop);
}

static int ls_origin(const struct args *args, const struct engine_paths *paths)
{
    struct ls ls = {.args = args, .origin = args->origin, .exit_code = EXIT_CODE_OK};
    struct net_url url;
    int error = net_url_parse(args->origin, &url);
    if (error != 0) {
        report_error("origin %s: %s; give it as https://HOST:PORT, http://HOST:PORT or HOST",
                     args->origin, error_text(error));
        return EXIT_CODE_USAGE;
    }
    if (net_loop_new(&ls.loop) != 0) {
        report_error("event loop: it does not start; see whether the system is out of descriptors");
        return EXIT_CODE_INTERNAL;
    }
    char known_origins[ENGINE_PATH_BYTES_MAX + 16];
    snprintf(known_origins, sizeof known_origins, "%s/known_origins", paths->state);
    engine_paths_make(
        paths->state); /* the identity is pinned there; if not, it is not remembered */
    struct listing_query *query = NULL;
    error = listing_query_open(ls.loop, &url, known_origins, listing_came, &ls, &query);
    if (error != 0) {
        report_error("origin %s: %s; try again", args->origin, error_text(error));
        ls.exit_code = EXIT_CODE_INTERNAL;
    } else {
        net_loop_run(ls.loop);
        listing_query_close(query);
    }
    net_loop_run(ls.loop);
    listing_query_free(query);
    net_loop_free(ls.loop);
    return ls.exit_code;
}

int cmd_ls(const struct args *args)
{
    struct engine_paths paths;
    if (strcmp(args->operands[0], "tracks") != 0) {
        return cmd_library(args);
    }
    if (engine_paths_init(&paths) != 0) {
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    if (args->offline) {
        return ls_cache(args, &paths);
    }
    if (args->origin == NULL) {
        report_error(
            "origin: none was given; say --origin URL, set REFRAIN_ORIGIN, or list what is in "
            "the cache with --offline");
        return EXIT_CODE_USAGE;
    }
    return ls_origin(args, &paths);
}
