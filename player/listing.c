/*
 * listing.c: tracks from manifests and from the origin's JSON pages.
 *
 * Responsible for taking from a stranger's JSON only what has the right type and size. Asking for
 * the pages is listing_query.c's.
 */
#include "player/listing.h"

#include "common/error.h"
#include "media/core/file_id.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void listing_init(struct listing *listing)
{
    *listing = (struct listing){0};
}

static void free_track(struct listing_track *track)
{
    free(track->title);
    free(track->artist);
    free(track->album);
    free(track->json);
}

void listing_deinit(struct listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++) {
        free_track(&listing->tracks[i]);
    }
    free(listing->tracks);
    *listing = (struct listing){0};
}

/* Takes the track over, also on failure. */
static int append(struct listing *listing, struct listing_track *track)
{
    bool whole = track->title != NULL && track->artist != NULL && track->album != NULL &&
                 track->json != NULL;
    if (whole && listing->count == listing->capacity) {
        uint32_t capacity = listing->capacity == 0 ? 128 : listing->capacity * 2;
        struct listing_track *tracks = realloc(listing->tracks, capacity * sizeof *tracks);
        whole = tracks != NULL;
        if (whole) {
            listing->tracks = tracks;
            listing->capacity = capacity;
        }
    }
    if (!whole) {
        free_track(track);
        return ERROR_NO_MEMORY;
    }
    listing->tracks[listing->count++] = *track;
    return 0;
}

/* --- manifests ------------------------------------------------------------------------------------------ */

static json_t *text_json(struct media_text text)
{
    json_t *json = json_stringn(text.data, text.bytes);
    return json != NULL ? json : json_string(""); /* tags that are no UTF-8 */
}

static json_t *file_json(const struct media_file *file)
{
    static const char *const codecs[] = {"", "vorbis", "opus", "flac", "mp3", "aac"};
    char id[2 * HASH_BYTES + 1];
    media_hex_encode(file->id.root, HASH_BYTES, id);
    return json_pack("{s:s, s:I, s:s, s:I}", "id", id, "bytes", (json_int_t)file->id.bytes, "codec",
                     codecs[file->codec], "bitrate", (json_int_t)file->bitrate_bps);
}

static json_t *cover_json(const struct media_file_id *cover)
{
    char id[2 * HASH_BYTES + 1];
    if (cover->bytes == 0) {
        return json_null();
    }
    media_hex_encode(cover->root, HASH_BYTES, id);
    return json_pack("{s:s, s:I}", "id", id, "bytes", (json_int_t)cover->bytes);
}

/* The fields of docs/CLI.md, as the origin's lists have them. */
static char *manifest_json(const struct media_manifest *manifest)
{
    char id[2 * TRACK_ID_BYTES + 1];
    char album_id[2 * ALBUM_ID_BYTES + 1];
    media_hex_encode(manifest->track_id, TRACK_ID_BYTES, id);
    media_hex_encode(manifest->album_id, ALBUM_ID_BYTES, album_id);
    json_t *files = json_array();
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        json_array_append_new(files, file_json(&manifest->files[i]));
    }
    uint64_t duration_ms = media_file_duration_us(&manifest->files[0]) / 1000;
    json_t *track =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:I, s:o, s:s, s:o}", "id", id, "title",
                  text_json(manifest->title), "artist", text_json(manifest->artist), "album",
                  text_json(manifest->album), "album_artist", text_json(manifest->album_artist),
                  "disc", (int)manifest->disc_number, "track", (int)manifest->track_number, "year",
                  (int)manifest->year, "duration_ms", (json_int_t)duration_ms, "files", files,
                  "album_id", album_id, "cover", cover_json(&manifest->cover));
    char *text = track != NULL ? json_dumps(track, JSON_COMPACT) : NULL;
    json_decref(track);
    return text;
}

static char *copy_text(struct media_text text)
{
    return strndup(text.bytes > 0 ? text.data : "", text.bytes);
}

int listing_add_manifest(struct listing *listing, const uint8_t *bytes, size_t count)
{
    struct media_manifest manifest;
    if (media_manifest_decode(bytes, count, &manifest) != 0) {
        return 0;
    }
    struct listing_track track = {
        .disc = manifest.disc_number,
        .number = manifest.track_number,
        .duration_us = media_file_duration_us(&manifest.files[0]),
        .title = copy_text(manifest.title),
        .artist = copy_text(manifest.artist),
        .album = copy_text(manifest.album),
        .json = manifest_json(&manifest),
    };
    memcpy(track.track_id, manifest.track_id, TRACK_ID_BYTES);
    memcpy(track.album_id, manifest.album_id, ALBUM_ID_BYTES);
    return append(listing, &track);
}

static int compare_tracks(const void *a, const void *b)
{
    const struct listing_track *left = a;
    const struct listing_track *right = b;
    int order = strcmp(left->album, right->album);
    order = order != 0 ? order : memcmp(left->album_id, right->album_id, ALBUM_ID_BYTES);
    order = order != 0 ? order : (left->disc > right->disc) - (left->disc < right->disc);
    order = order != 0 ? order : (left->number > right->number) - (left->number < right->number);
    order = order != 0 ? order : strcmp(left->title, right->title);
    return order != 0 ? order : memcmp(left->track_id, right->track_id, TRACK_ID_BYTES);
}

void listing_sort(struct listing *listing)
{
    if (listing->count > 1) {
        qsort(listing->tracks, listing->count, sizeof listing->tracks[0], compare_tracks);
    }
}

/* --- pages of an origin ---------------------------------------------------------------------------------- */

static const char *string_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

static int add_item(struct listing *listing, const json_t *item)
{
    struct listing_track track = {0};
    if (!json_is_object(item) ||
        media_hex_decode(string_of(item, "id"), TRACK_ID_BYTES, track.track_id) != 0) {
        return ERROR_MALFORMED;
    }
    if (listing->count == LISTING_TRACKS_MAX) {
        return ERROR_TOO_LARGE;
    }
    const char *album_id = string_of(item, "album_id");
    if (album_id[0] != '\0' && media_hex_decode(album_id, ALBUM_ID_BYTES, track.album_id) != 0) {
        return ERROR_MALFORMED;
    }
    uint64_t duration_ms = number_of(item, "duration_ms");
    track.duration_us = duration_ms < UINT32_MAX ? duration_ms * 1000 : 0;
    track.number = (uint32_t)(number_of(item, "track") & 0xffff);
    track.title = strdup(string_of(item, "title"));
    track.artist = strdup(string_of(item, "artist"));
    track.album = strdup(string_of(item, "album"));
    track.json = json_dumps(item, JSON_COMPACT);
    return append(listing, &track);
}

/* "next" is the target of the next page, or the id behind which it begins, or null. */
static int take_next(const json_t *page, char *ret_next, size_t capacity)
{
    const char *next = string_of(page, "next");
    uint8_t id[TRACK_ID_BYTES];
    int length = 0;
    if (next[0] == '\0') {
        ret_next[0] = '\0';
        return 0;
    }
    if (media_hex_decode(next, TRACK_ID_BYTES, id) == 0) {
        length = snprintf(ret_next, capacity, "/v1/tracks?limit=1000&after=%s", next);
    } else if (next[0] == '/' && next[strcspn(next, " \t\r\n")] == '\0') {
        length = snprintf(ret_next, capacity, "%s", next);
    } else {
        return ERROR_MALFORMED;
    }
    return length > 0 && (size_t)length < capacity ? 0 : ERROR_TOO_LARGE;
}

int listing_add_page(struct listing *listing, const char *body, size_t bytes, char *ret_next,
                     size_t capacity)
{
    json_t *page = json_loadb(body, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *items = json_object_get(page, "items");
    int error = json_is_array(items) ? 0 : ERROR_MALFORMED;
    for (size_t i = 0; error == 0 && i < json_array_size(items); i++) {
        error = add_item(listing, json_array_get(items, i));
    }
    if (error == 0) {
        error = take_next(page, ret_next, capacity);
    }
    json_decref(page);
    return error;
}
