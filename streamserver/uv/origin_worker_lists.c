/*
 * origin_worker_lists.c: the catalogue over HTTP: pages of tracks, what has changed, whose cover is whose.
 *
 * Responsible for the bodies; docs/ORIGIN.md has the examples. All come from the catalogue's memory map.
 */
#include "streamserver/uv/origin_worker_state.h"

#include "common/error.h"
#include "streamserver/core/routes.h"
#include "streamserver/track_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COVER_TRACKS_MAX 100u /* of an album that are looked at for a cover */
#define ETAG_BYTES (CATALOGUE_REVISION_BYTES + 2u)

/* --- one track ------------------------------------------------------------------------------------------ */

static int read_manifest(struct origin_worker *worker, const uint8_t *id,
                         uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX],
                         struct media_manifest *ret_manifest)
{
    size_t count = 0;
    int error = catalogue_get_manifest(worker->config.folder->catalogue, id, bytes, &count);
    if (error == 0 && media_manifest_decode(bytes, count, ret_manifest) != 0) {
        error = ERROR_DAMAGED;
    }
    return error;
}

int origin_worker_track_line(struct origin_worker *worker, const uint8_t id[TRACK_ID_BYTES],
                             bool is_brief, json_t **ret_json)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest manifest;
    int error = read_manifest(worker, id, bytes, &manifest);
    if (error != 0) {
        return error;
    }
    *ret_json = is_brief ? track_json_new_brief(&manifest) : track_json_new(&manifest);
    return *ret_json == NULL ? ERROR_NO_MEMORY : 0;
}

/* --- covers ----------------------------------------------------------------------------------------------- */

static int find_album_cover(struct origin_worker *worker, const uint8_t *album_id,
                            struct media_file_id *ret_cover)
{
    uint8_t ids[COVER_TRACKS_MAX][TRACK_ID_BYTES];
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest manifest;
    uint32_t count = 0;
    int error = catalogue_list_album(worker->config.folder->catalogue, album_id, NULL, ids,
                                     COVER_TRACKS_MAX, &count);
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = read_manifest(worker, ids[i], bytes, &manifest);
        if (error == 0 && manifest.cover.bytes > 0) {
            *ret_cover = manifest.cover;
            return 0;
        }
    }
    return error == 0 ? ERROR_NOT_FOUND : error;
}

int origin_worker_find_cover(struct origin_worker *worker, const uint8_t id[TRACK_ID_BYTES],
                             struct media_file_id *ret_cover, bool *ret_is_own)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest manifest;
    int error = read_manifest(worker, id, bytes, &manifest);
    *ret_is_own = error == 0 && manifest.cover.bytes > 0;
    if (*ret_is_own) {
        *ret_cover = manifest.cover;
        return 0;
    }
    if (error == ERROR_NOT_FOUND) {
        return find_album_cover(worker, id, ret_cover);
    }
    return error != 0 ? error : find_album_cover(worker, manifest.album_id, ret_cover);
}

/* --- lists ------------------------------------------------------------------------------------------------- */

static void format_revision(const struct catalogue_revision *revision,
                            char ret_text[CATALOGUE_REVISION_BYTES])
{
    if (revision->number == 0) {
        (void)snprintf(ret_text, CATALOGUE_REVISION_BYTES, "0");
    } else {
        (void)snprintf(ret_text, CATALOGUE_REVISION_BYTES, "%" PRIu64 "-%08" PRIx32,
                       revision->number, revision->mark);
    }
}

/* The catalogue's state as it stands in every list. False: it has none (version 1). */
static bool read_state(struct origin_worker *worker, char ret_revision[CATALOGUE_REVISION_BYTES],
                       char ret_etag[ETAG_BYTES])
{
    struct catalogue_revision revision;
    if (catalogue_get_revision(worker->config.folder->catalogue, &revision) != 0) {
        return false;
    }
    format_revision(&revision, ret_revision);
    (void)snprintf(ret_etag, ETAG_BYTES, "\"%s\"", ret_revision);
    return true;
}

/* Nothing has changed since the asker has this list: it is not made again. */
static bool answer_unchanged(struct net_http_exchange *exchange, const char *etag,
                             const char *if_none_match)
{
    if (if_none_match == NULL || strcmp(if_none_match, etag) != 0) {
        return false;
    }
    origin_worker_answer_json(exchange, etag, json_object()); /* the server makes it 304 */
    return true;
}

static int page_items(struct origin_worker *worker, uint8_t (*ids)[TRACK_ID_BYTES], uint32_t count,
                      bool is_brief, json_t *items)
{
    for (uint32_t i = 0; i < count; i++) {
        json_t *line = NULL;
        int error = origin_worker_track_line(worker, ids[i], is_brief, &line);
        if (error != 0) {
            return error;
        }
        if (json_array_append_new(items, line) != 0) {
            return ERROR_NO_MEMORY;
        }
    }
    return 0;
}

void origin_worker_answer_tracks(struct origin_worker *worker, struct net_http_exchange *exchange,
                                 const struct route *route, const char *if_none_match)
{
    static const uint32_t one_more = 1; /* tells whether there is a next page */
    char revision[CATALOGUE_REVISION_BYTES], etag[ETAG_BYTES];
    uint32_t count = 0;
    bool has_state = read_state(worker, revision, etag);
    if (has_state && answer_unchanged(exchange, etag, if_none_match)) {
        return;
    }
    json_t *items = json_array();
    uint8_t(*ids)[TRACK_ID_BYTES] = calloc(route->limit + one_more, sizeof *ids);
    int error = ids == NULL || items == NULL ? ERROR_NO_MEMORY : 0;
    if (error == 0) {
        error = catalogue_list(worker->config.folder->catalogue,
                               route->has_after ? route->track_id : NULL, ids,
                               route->limit + one_more, &count);
    }
    bool is_last = count <= route->limit;
    uint32_t shown = is_last ? count : route->limit;
    if (error == 0) {
        error = page_items(worker, ids, shown, route->is_brief, items);
    }
    if (error == 0) {
        char next[2 * TRACK_ID_BYTES + 1] = "";
        if (!is_last) {
            media_hex_encode(ids[shown - 1], TRACK_ID_BYTES, next);
        }
        origin_worker_answer_json(exchange, has_state ? etag : NULL,
                                  json_pack("{s:O, s:s?, s:s*}", "items", items, "next",
                                            is_last ? NULL : next, "revision",
                                            has_state ? revision : NULL));
    } else if (error == ERROR_NOT_FOUND) {
        net_http_answer_error(exchange, 400, "after is no track of this origin");
    } else {
        origin_worker_answer_failure(exchange, error);
    }
    json_decref(items);
    free(ids);
}

/* --- changes ------------------------------------------------------------------------------------------------ */

/* A track as it is now: what was added and is gone again counts as removed. */
static int change_item(struct origin_worker *worker, const struct catalogue_change *change,
                       bool is_brief, json_t *items, json_t *removed)
{
    char id[2 * TRACK_ID_BYTES + 1];
    json_t *line = NULL;
    int error = change->kind == CATALOGUE_ADDED
                    ? origin_worker_track_line(worker, change->track_id, is_brief, &line)
                    : ERROR_NOT_FOUND;
    if (error == 0) {
        return json_array_append_new(items, line) == 0 ? 0 : ERROR_NO_MEMORY;
    }
    if (error != ERROR_NOT_FOUND) {
        return error;
    }
    media_hex_encode(change->track_id, TRACK_ID_BYTES, id);
    return json_array_append_new(removed, json_string(id)) == 0 ? 0 : ERROR_NO_MEMORY;
}

static int make_changes(struct origin_worker *worker, const struct route *route,
                        struct catalogue_change *changes, json_t **ret_json)
{
    const struct catalogue_revision since = {route->since_number, route->since_mark};
    struct catalogue_revision revision;
    char text[CATALOGUE_REVISION_BYTES];
    uint32_t count = 0;
    bool is_last = true;
    int error = catalogue_list_changes(worker->config.folder->catalogue, &since, changes,
                                       route->limit, &count, &revision, &is_last);
    if (error != 0) {
        return error;
    }
    json_t *items = json_array();
    json_t *removed = json_array();
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = change_item(worker, &changes[i], route->is_brief, items, removed);
    }
    if (error == 0) {
        format_revision(&revision, text);
        *ret_json = json_pack("{s:O, s:O, s:s, s:b}", "items", items, "removed", removed,
                              "revision", text, "more", !is_last);
    }
    json_decref(items);
    json_decref(removed);
    return error;
}

void origin_worker_answer_changes(struct origin_worker *worker, struct net_http_exchange *exchange,
                                  const struct route *route, const char *if_none_match)
{
    char revision[CATALOGUE_REVISION_BYTES], etag[ETAG_BYTES];
    json_t *json = NULL;
    if (!read_state(worker, revision, etag)) {
        origin_worker_answer_tracks(worker, exchange, route, if_none_match);
        return;
    }
    if (answer_unchanged(exchange, etag, if_none_match)) {
        return;
    }
    struct catalogue_change *changes = calloc(route->limit, sizeof *changes);
    int error = changes == NULL ? ERROR_NO_MEMORY : make_changes(worker, route, changes, &json);
    free(changes);
    if (error == 0) {
        origin_worker_answer_json(exchange, etag, json);
    } else if (error == ERROR_NOT_FOUND) {
        net_http_answer_error(exchange, 410, "since is no state of this catalogue, begin with 0");
    } else {
        origin_worker_answer_failure(exchange, error);
    }
}
