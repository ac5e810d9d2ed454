/*
 * library.c: the copy and the likes as they are on disk now; when the origin is asked; who waits for it.
 *
 * Failure modes: no copy, a damaged one, one of another version: as if there were none, until a refresh.
 * An origin that is away: the copy serves; the next attempt is put off, twice as long each time.
 */
#include "player/library/library_internal.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "media/core/file_id.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FRESH_AFTER_US (5 * TIME_US_PER_S)
#define FRESH_EVERY_US (30 * 60 * TIME_US_PER_S)
#define FRESH_RETRY_US (60 * TIME_US_PER_S)
#define FRESH_AGE_S 900u
#define FRESH_LIST_AGE_S                                                                           \
    86400u /* of a copy from an origin that tells no revision: it is read whole */
#define LOOK_EVERY_US TIME_US_PER_S
#define ALL_WAIT_AGE_S                                                                             \
    2u /* "all" means what is there now: a copy older than this is refreshed first */

/* --- life ------------------------------------------------------------------------------------------------ */

static int set_origin(struct library *library, const char *origin)
{
    char place[NET_HOST_BYTES_MAX + 16];
    int error = net_url_parse(origin, &library->url);
    error = error != 0
                ? error
                : net_host_port_format(library->url.host, library->url.port, place, sizeof place);
    if (error != 0) {
        return ERROR_MALFORMED;
    }
    library->has_origin = true;
    (void)snprintf(library->address, sizeof library->address, "refrain://%s", place);
    int length = snprintf(library->copy_path, sizeof library->copy_path, "%s/catalogues/%s.copy",
                          library->state, place);
    return length > 0 && (size_t)length < sizeof library->copy_path ? 0 : ERROR_TOO_LARGE;
}

int library_open(const struct library_config *config, struct library **ret_library)
{
    struct library *library = calloc(1, sizeof *library);
    if (library == NULL) {
        return ERROR_NO_MEMORY;
    }
    int length = snprintf(library->state, sizeof library->state, "%s", config->state);
    int error = length >= 0 && (size_t)length < sizeof library->state ? 0 : ERROR_TOO_LARGE;
    if (error == 0 && config->origin != NULL) {
        error = set_origin(library, config->origin);
    }
    if (error != 0) {
        free(library);
        return error;
    }
    library->offline = config->offline || config->origin == NULL;
    library->changed = config->changed;
    library->context = config->context;
    *ret_library = library;
    return 0;
}

static void drop_wait(struct library_wait *wait)
{
    for (uint32_t i = 0; i < wait->count && wait->targets != NULL; i++) {
        free(wait->targets[i]);
    }
    free(wait->targets);
    *wait = (struct library_wait){.targets = NULL};
}

void library_stop(struct library *library)
{
    if (library == NULL) {
        return;
    }
    refresh_close(library->refresh);
    net_deadline_close(library->fresh);
    net_deadline_close(library->look);
    library->fresh = library->look = NULL;
    library->refreshed = NULL;
    drop_wait(&library->wait);
}

void library_close(struct library *library)
{
    if (library != NULL) {
        library_stop(library);
        refresh_free(library->refresh);
        refresh_free(library->before);
        state_file_unmap(library->map, library->map_bytes);
        free(library->likes);
        free(library);
    }
}

/* --- what is on disk --------------------------------------------------------------------------------------- */

static void unmap(struct library *library)
{
    state_file_unmap(library->map, library->map_bytes);
    library->map = NULL;
}

const struct copy *library_copy(struct library *library)
{
    const void *map;
    size_t bytes;
    struct state_stamp stamp = state_stamp_of(library->copy_path);
    if (state_stamp_equal(&stamp, &library->copy_stamp)) {
        return library->map != NULL ? &library->copy : NULL;
    }
    unmap(library);
    library->copy_stamp = stamp;
    if (state_file_map(library->copy_path, &map, &bytes, &library->copy_stamp) != 0) {
        return NULL;
    }
    if (copy_open(map, bytes, &library->copy) != 0) {
        state_file_unmap(map, bytes);
        return NULL;
    }
    library->map = map;
    library->map_bytes = bytes;
    return &library->copy;
}

uint64_t library_copy_age_s(const struct library *library)
{
    struct stat status;
    struct timespec now;
    if (library->copy_path[0] == '\0' || stat(library->copy_path, &status) != 0 ||
        clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return UINT64_MAX;
    }
    return now.tv_sec > status.st_mtim.tv_sec ? (uint64_t)(now.tv_sec - status.st_mtim.tv_sec) : 0;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, TRACK_ID_BYTES);
}

/* Likes that can't be read are none: they are shown, not written, from here. */
static void read_likes(struct library *library)
{
    char path[STATE_PATH_BYTES];
    struct entry_list list;
    if (lists_path(library->state, NULL, path) != 0) {
        return;
    }
    struct state_stamp stamp = state_stamp_of(path);
    if (library->likes_read && state_stamp_equal(&stamp, &library->likes_stamp)) {
        return;
    }
    library->likes_read = true;
    library->likes_stamp = stamp;
    library->like_count = 0;
    if (lists_read(library->state, NULL, &list) != 0) {
        return;
    }
    free(library->likes);
    library->likes = calloc((size_t)list.count + 1, sizeof *library->likes);
    for (uint32_t i = 0; i < list.count && library->likes != NULL; i++) {
        if (list.entries[i].has_id) {
            memcpy(library->likes[library->like_count++], list.entries[i].id, TRACK_ID_BYTES);
        }
    }
    if (library->like_count > 1) {
        qsort(library->likes, library->like_count, sizeof *library->likes, by_id);
    }
    entry_list_deinit(&list);
}

bool library_is_liked(struct library *library, const uint8_t track_id[TRACK_ID_BYTES])
{
    if (!library->look_is_fresh) {
        read_likes(library);
    }
    return library->like_count > 0 && bsearch(track_id, library->likes, library->like_count,
                                              sizeof *library->likes, by_id) != NULL;
}

void library_hold_likes(struct library *library, bool hold)
{
    if (hold) {
        read_likes(library);
    }
    library->look_is_fresh = hold;
}

bool library_get_track(struct library *library, const uint8_t track_id[TRACK_ID_BYTES],
                       struct library_track *ret_track)
{
    const struct copy *copy = library_copy(library);
    uint32_t index = copy != NULL ? copy_find_track(copy, track_id) : COPY_NONE;
    if (index == COPY_NONE) {
        return false;
    }
    const struct copy_track *track = &copy->tracks[index];
    const struct copy_album *album = &copy->albums[track->album];
    *ret_track = (struct library_track){.title = copy_text(copy, track->title),
                                        .artist = copy_text(copy, track->artist_name),
                                        .album = copy_text(copy, album->name),
                                        .disc = track->disc,
                                        .number = track->number,
                                        .duration_ms = track->duration_ms};
    memcpy(ret_track->album_id, album->id, ALBUM_ID_BYTES);
    return true;
}

/* --- places -------------------------------------------------------------------------------------------------- */

void library_place(const struct library *library, const uint8_t id[TRACK_ID_BYTES],
                   char ret_place[LIBRARY_PLACE_BYTES])
{
    char hex[2 * TRACK_ID_BYTES + 1];
    media_hex_encode(id, TRACK_ID_BYTES, hex);
    (void)snprintf(ret_place, LIBRARY_PLACE_BYTES, "%s%s%s", library->address,
                   library->has_origin ? "/tracks/" : "", hex);
}

bool library_is_own(const struct library *library, const char *address)
{
    struct net_url url;
    return library->has_origin && net_url_parse(address, &url) == 0 &&
           strcmp(url.host, library->url.host) == 0 && url.port == library->url.port;
}

/* --- refreshing ------------------------------------------------------------------------------------------------ */

static void tell(struct library *library, const char *what)
{
    if (library->changed != NULL) {
        library->changed(library->context, what);
    }
}

/* Answers who waits; `picked` is made from the copy as it is now. */
static void answer_wait(struct library *library, int error, const char *text)
{
    struct library_wait wait = library->wait;
    struct library_picked picked;
    if (wait.targets == NULL) {
        return;
    }
    library->wait = (struct library_wait){.targets = NULL};
    int failed = library_pick(library, (const char *const *)wait.targets, wait.count, &picked);
    if (failed != 0) {
        picked = (struct library_picked){.meaning = LIBRARY_NONE};
        error = error != 0 ? error : failed;
        text = error_text(error);
    }
    wait.done(wait.context, error, text, &picked);
    drop_wait(&wait);
}

static void set_next(struct library *library, bool failed)
{
    uint32_t shift = library->failures < 5 ? library->failures : 5;
    uint64_t wait_us = failed ? FRESH_RETRY_US << shift : FRESH_EVERY_US;
    library->failures = failed ? library->failures + 1 : 0;
    if (library->fresh != NULL) {
        net_deadline_set(library->fresh,
                         net_now_us() + (wait_us < FRESH_EVERY_US ? wait_us : FRESH_EVERY_US));
    }
}

static void refreshed(void *context, int error, const char *text, bool has_changed)
{
    struct library *library = context;
    refresh_free(library->before); /* its connection has long been closed by the loop */
    library->before = library->refresh;
    library->refresh = NULL;
    set_next(library, error != 0);
    if (has_changed) {
        library->told_copy = state_stamp_of(library->copy_path);
        tell(library, "catalogue");
    }
    library_refreshed *done = library->refreshed;
    library->refreshed = NULL;
    if (done != NULL) {
        done(library->refreshed_context, error, text);
    }
    answer_wait(library, error, text);
}

int library_refresh(struct library *library, struct net_loop *loop)
{
    char known_origins[STATE_PATH_BYTES + 16];
    uint64_t seed = 0;
    if (library->offline) {
        return ERROR_OFFLINE;
    }
    if (library->refresh != NULL) {
        return ERROR_BUSY;
    }
    (void)crypto_random(&seed, sizeof seed);
    (void)snprintf(known_origins, sizeof known_origins, "%s/known_origins", library->state);
    const struct refresh_config config = {.url = &library->url,
                                          .known_origins = known_origins,
                                          .copy_path = library->copy_path,
                                          .seed = seed};
    return refresh_open(loop, &config, refreshed, library, &library->refresh);
}

int library_refresh_now(struct library *library, struct net_loop *loop, library_refreshed *done,
                        void *context)
{
    int error = library_refresh(library, loop);
    if (error == 0) {
        library->refreshed = done;
        library->refreshed_context = context;
    }
    return error;
}

/* --- in the background ---------------------------------------------------------------------------------------------- */

static bool is_old(struct library *library)
{
    const struct copy *copy = library_copy(library);
    uint64_t age_s = library_copy_age_s(library);
    bool is_list = copy != NULL && copy->header->revision[0] == '\0';
    return copy == NULL || age_s > (is_list ? FRESH_LIST_AGE_S : FRESH_AGE_S);
}

bool library_is_fresh(struct library *library)
{
    return !is_old(library);
}

static void freshen(void *context)
{
    struct library *library = context;
    int error = is_old(library) ? library_refresh(library, library->loop) : 0;
    if (library->refresh == NULL) {
        set_next(library, error != 0);
    }
}

void library_look(struct library *library)
{
    char path[STATE_PATH_BYTES];
    read_likes(library);
    if (!state_stamp_equal(&library->likes_stamp, &library->told_likes)) {
        library->told_likes = library->likes_stamp;
        tell(library, "likes");
    }
    (void)snprintf(path, sizeof path, "%.4000s/playlists", library->state);
    struct state_stamp playlists = state_stamp_of(path);
    if (!state_stamp_equal(&playlists, &library->told_playlists)) {
        library->told_playlists = playlists;
        tell(library, "playlists");
    }
    /* A refresh without changes touches the file: the same file, looked at again. */
    struct state_stamp copy = state_stamp_of(library->copy_path);
    if (library->has_origin && copy.inode != library->told_copy.inode) {
        library->told_copy = copy;
        tell(library, "catalogue");
    }
}

static void look(void *context)
{
    struct library *library = context;
    library_look(library);
    net_deadline_set(library->look, net_now_us() + LOOK_EVERY_US);
}

int library_keep_fresh(struct library *library, struct net_loop *loop)
{
    char path[STATE_PATH_BYTES];
    assert(library->look == NULL);
    int error = net_deadline_open(loop, look, library, &library->look);
    if (error == 0 && !library->offline) {
        error = net_deadline_open(loop, freshen, library, &library->fresh);
    }
    if (error != 0) {
        return error;
    }
    library->loop = loop;
    (void)snprintf(path, sizeof path, "%.4000s/playlists", library->state);
    library->told_playlists = state_stamp_of(path);
    library->told_copy = state_stamp_of(library->copy_path);
    library->told_likes =
        lists_path(library->state, NULL, path) == 0 ? state_stamp_of(path) : library->told_likes;
    uint64_t at_us = net_now_us() + FRESH_AFTER_US;
    net_deadline_set(library->look, at_us);
    if (library->fresh != NULL) {
        net_deadline_set(library->fresh, at_us);
    }
    return 0;
}

/* --- questions that may wait ------------------------------------------------------------------------------------------ */

static int copy_targets(const char *const *targets, uint32_t count, struct library_wait *wait)
{
    wait->targets = calloc((size_t)count + 1, sizeof *wait->targets);
    wait->count = count;
    if (wait->targets == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        wait->targets[i] = strdup(targets[i]);
        if (wait->targets[i] == NULL) {
            drop_wait(wait);
            return ERROR_NO_MEMORY;
        }
    }
    return 0;
}

static bool wants_all(const char *const *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(targets[i], "all") == 0) {
            return true;
        }
    }
    return false;
}

int library_pick_fresh(struct library *library, struct net_loop *loop, const char *const *targets,
                       uint32_t count, library_picked_done *done, void *context)
{
    struct library_picked picked;
    if (library->wait.targets != NULL) {
        return ERROR_BUSY;
    }
    int error = library_pick(library, targets, count, &picked);
    if (error != 0) {
        return error;
    }
    bool is_good = picked.meaning == LIBRARY_CHOICES || picked.meaning == LIBRARY_WRONG ||
                   (picked.meaning == LIBRARY_FOUND && picked.unknown == 0);
    bool is_stale = wants_all(targets, count) && library_copy_age_s(library) > ALL_WAIT_AGE_S;
    if ((is_good && !is_stale) || library->offline) {
        done(context, 0, "", &picked);
        return 0;
    }
    library_picked_free(&picked);
    error = copy_targets(targets, count, &library->wait);
    if (error != 0) {
        return error;
    }
    library->wait.done = done;
    library->wait.context = context;
    error = library_refresh(library, loop);
    if (error != 0 && error != ERROR_BUSY) {
        answer_wait(library, error, error_text(error));
    }
    return 0;
}
