/*
 * origin_worker_http.c: what the origin answers over plain HTTP; docs/ORIGIN.md has the examples.
 *
 * Responsible for the bodies. Which address asks for what says streamserver/core/routes.h; ranges,
 * entity tags, methods and malformed requests are the HTTP server's. Every answer is given at once:
 * the catalogue is in memory (LMDB), files go to the HTTP server as descriptors.
 */
#include "streamserver/uv/origin_worker_state.h"

#include "common/error.h"
#include "streamserver/command.h"
#include "streamserver/core/routes.h"
#include "streamserver/track_json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVER_NAME "refrain-origin"
#define CACHE_FOR_EVER "public, max-age=31536000, immutable"
#define CACHE_FOR_A_DAY "public, max-age=86400" /* an album's cover: tracks may be added to it */

void origin_worker_answer_failure(struct net_http_exchange *exchange, int error)
{
    if (error == ERROR_NOT_FOUND) {
        net_http_answer_error(exchange, 404, NULL);
    } else {
        net_http_answer_error(exchange, 500, error_text(error));
    }
}

void origin_worker_answer_json(struct net_http_exchange *exchange, const char *etag, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        net_http_answer_error(exchange, 500, error_text(ERROR_NO_MEMORY));
        return;
    }
    struct net_http_answer answer = {.status = 200,
                                     .etag = etag,
                                     .cache_control = etag != NULL ? "no-cache" : NULL,
                                     .body = text,
                                     .body_bytes = strlen(text),
                                     .fd = -1};
    net_http_answer(exchange, &answer);
    free(text);
}

static void answer_origin(struct origin_worker *worker, struct net_http_exchange *exchange)
{
    char identity[2 * PUBLIC_KEY_BYTES + 1];
    media_hex_encode(worker->config.folder->identity, PUBLIC_KEY_BYTES, identity);
    json_t *json = json_pack("{s:s, s:s, s:s, s:i}", "identity", identity, "server", SERVER_NAME,
                             "version", REFRAIN_VERSION, "protocol", (int)P2P_VERSION);
    if (json != NULL && worker->config.tls != NULL) {
        char hash[2 * HASH_BYTES + 1];
        char signature[2 * SIGNATURE_BYTES + 1];
        media_hex_encode(worker->tls_key_hash, HASH_BYTES, hash);
        media_hex_encode(worker->tls_signature, SIGNATURE_BYTES, signature);
        json_t *tls = json_pack("{s:s, s:s}", "key_sha256", hash, "signature", signature);
        if (json_object_set_new(json, "tls", tls) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    origin_worker_answer_json(exchange, NULL, json);
}

static void answer_manifest(struct origin_worker *worker, struct net_http_exchange *exchange,
                            const struct route *route)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    int error =
        catalogue_get_manifest(worker->config.folder->catalogue, route->track_id, bytes, &count);
    if (error != 0) {
        origin_worker_answer_failure(exchange, error);
        return;
    }
    struct net_http_answer answer = {.status = 200,
                                     .content_type = "application/octet-stream",
                                     .extra = "Vary: Accept\r\n",
                                     .body = bytes,
                                     .body_bytes = count,
                                     .fd = -1};
    net_http_answer(exchange, &answer);
}

static void answer_track(struct origin_worker *worker, struct net_http_exchange *exchange,
                         const struct route *route, const char *accept)
{
    if (route->wants_manifest ||
        (accept != NULL && strstr(accept, "application/octet-stream") != NULL)) {
        answer_manifest(worker, exchange, route);
        return;
    }
    json_t *line = NULL;
    int error = origin_worker_track_line(worker, route->track_id, false, &line);
    if (error != 0) {
        origin_worker_answer_failure(exchange, error);
    } else {
        origin_worker_answer_json(exchange, NULL, line);
    }
}

static const char *container_type(enum media_container container, enum media_codec codec)
{
    switch (container) {
    case MEDIA_CONTAINER_OGG:
        return "audio/ogg";
    case MEDIA_CONTAINER_FLAC:
        return "audio/flac";
    case MEDIA_CONTAINER_MPEG:
        return codec == MEDIA_CODEC_AAC ? "audio/aac" : "audio/mpeg";
    case MEDIA_CONTAINER_MP4:
        return "audio/mp4";
    }
    return "application/octet-stream";
}

/* By the track that brought the file. */
static const char *audio_type(struct origin_worker *worker, const uint8_t track_id[TRACK_ID_BYTES],
                              const struct media_file_id *id)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    struct media_manifest manifest;
    struct catalogue *catalogue = worker->config.folder->catalogue;
    if (catalogue_get_manifest(catalogue, track_id, bytes, &count) == 0 &&
        media_manifest_decode(bytes, count, &manifest) == 0) {
        for (uint32_t i = 0; i < manifest.file_count; i++) {
            if (media_file_id_equal(&manifest.files[i].id, id)) {
                return container_type(manifest.files[i].container, manifest.files[i].codec);
            }
        }
    }
    return "application/octet-stream";
}

/* By its first bytes. */
static const char *picture_type(int fd)
{
    uint8_t start[4] = {0};
    if (pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start) {
        if (memcmp(start, "\x89PNG", sizeof start) == 0) {
            return "image/png";
        }
        if (memcmp(start, "\xff\xd8\xff", 3) == 0) {
            return "image/jpeg";
        }
        if (memcmp(start, "RIFF", sizeof start) == 0) {
            return "image/webp"; /* no other RIFF is taken in as a cover (streamserver/picture.h) */
        }
    }
    return "application/octet-stream";
}

/* The whole id, when the address has the root alone. */
static int complete_id(struct origin_worker *worker, struct media_file_id *id,
                       enum catalogue_kind *ret_kind, uint8_t ret_track_id[TRACK_ID_BYTES])
{
    struct catalogue *catalogue = worker->config.folder->catalogue;
    if (id->bytes == 0) {
        int error = catalogue_get_bytes(catalogue, id->root, &id->bytes);
        if (error != 0) {
            return error;
        }
    }
    return catalogue_get_file(catalogue, id, ret_kind, ret_track_id);
}

/* A whole file, by its id; `cache_control` as in HTTP. */
static void answer_media(struct origin_worker *worker, struct net_http_exchange *exchange,
                         const struct media_file_id *of, const char *cache_control)
{
    struct media_file_id id = *of;
    enum catalogue_kind kind = CATALOGUE_AUDIO;
    uint8_t track_id[TRACK_ID_BYTES];
    int fd = -1;
    int error = complete_id(worker, &id, &kind, track_id);
    if (error == 0) {
        error = folder_open_media(worker->config.folder, &id, &fd);
    }
    if (error != 0) {
        origin_worker_answer_failure(exchange, error);
        return;
    }
    char root[2 * HASH_BYTES + 1];
    char etag[2 * HASH_BYTES + 24];
    media_hex_encode(id.root, HASH_BYTES, root);
    (void)snprintf(etag, sizeof etag, "\"%s-%llu\"", root, (unsigned long long)id.bytes);
    struct net_http_answer answer = {.status = 200,
                                     .content_type = kind == CATALOGUE_COVER
                                                         ? picture_type(fd)
                                                         : audio_type(worker, track_id, &id),
                                     .etag = etag,
                                     .cache_control = cache_control,
                                     .is_ranged = true,
                                     .body_bytes = id.bytes,
                                     .fd = fd};
    net_http_answer(exchange, &answer);
}

static void answer_cover(struct origin_worker *worker, struct net_http_exchange *exchange,
                         const struct route *route)
{
    struct media_file_id cover;
    bool is_own = false;
    int error = origin_worker_find_cover(worker, route->track_id, &cover, &is_own);
    if (error != 0) {
        origin_worker_answer_failure(exchange, error);
    } else {
        answer_media(worker, exchange, &cover, is_own ? CACHE_FOR_EVER : CACHE_FOR_A_DAY);
    }
}

/* Reads the catalogue, and opens the media file of its first track. NULL = all is well. */
static const char *find_fault(struct origin_worker *worker, struct catalogue_totals *ret_totals)
{
    struct catalogue *catalogue = worker->config.folder->catalogue;
    uint8_t first[1][TRACK_ID_BYTES];
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    size_t count = 0;
    uint32_t found = 0;
    struct media_manifest manifest;
    int fd = -1;
    if (catalogue_get_totals(catalogue, ret_totals) != 0 ||
        catalogue_list(catalogue, NULL, first, 1, &found) != 0) {
        return "the catalogue cannot be read";
    }
    if (found == 0) {
        return NULL;
    }
    if (catalogue_get_manifest(catalogue, first[0], bytes, &count) != 0 ||
        media_manifest_decode(bytes, count, &manifest) != 0) {
        return "the catalogue is damaged";
    }
    if (folder_open_media(worker->config.folder, &manifest.files[0].id, &fd) != 0) {
        return "the media folder cannot be read";
    }
    (void)close(fd);
    return NULL;
}

static void answer_health(struct origin_worker *worker, struct net_http_exchange *exchange)
{
    struct catalogue_totals in_catalogue = {0};
    struct origin_totals totals;
    const char *fault = find_fault(worker, &in_catalogue);
    if (fault != NULL) {
        net_http_answer_error(exchange, 503, fault);
        return;
    }
    origin_get_totals(worker->origin, &totals);
    origin_worker_answer_json(
        exchange, NULL,
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}}", "status", "ok",
                  "tracks", (json_int_t)in_catalogue.tracks, "files",
                  (json_int_t)in_catalogue.files, "links", (json_int_t)totals.links_now, "requests",
                  (json_int_t)totals.requests, "rejects", (json_int_t)totals.rejects,
                  "payload_bytes", (json_int_t)totals.payload_bytes, "tracker", "peers",
                  (json_int_t)totals.tracker.peers, "files", (json_int_t)totals.tracker.files,
                  "pairs", (json_int_t)totals.tracker.pairs));
}

static void tell(const struct origin_worker *worker, const struct net_http_request *request)
{
    char address[NET_ADDRESS_TEXT_BYTES];
    if (!worker->config.is_verbose) {
        return;
    }
    net_address_format(request->peer, address);
    (void)fprintf(stderr, "http %s %s ", address, request->is_head ? "HEAD" : "GET");
    command_print_text(stderr, request->path, strlen(request->path));
    (void)fputs(request->query[0] == '\0' ? "" : "?", stderr);
    command_print_text(stderr, request->query, strlen(request->query));
    if (request->range != NULL) {
        (void)fputc(' ', stderr);
        command_print_text(stderr, request->range, strlen(request->range));
    }
    (void)fputc('\n', stderr);
}

void origin_worker_http_request(void *context, struct net_http_exchange *exchange,
                                const struct net_http_request *request)
{
    struct origin_worker *worker = context;
    char target[ROUTE_TARGET_BYTES_MAX + 1];
    tell(worker, request);
    int count = snprintf(target, sizeof target, "%s?%s", request->path, request->query);
    if (count < 0 || (size_t)count >= sizeof target) {
        net_http_answer_error(exchange, 414, NULL);
        return;
    }
    struct route route = routes_parse(target, (size_t)count);
    switch (route.kind) {
    case ROUTE_HEALTH:
        answer_health(worker, exchange);
        break;
    case ROUTE_ORIGIN:
        answer_origin(worker, exchange);
        break;
    case ROUTE_TRACKS:
        origin_worker_answer_tracks(worker, exchange, &route, request->if_none_match);
        break;
    case ROUTE_CHANGES:
        origin_worker_answer_changes(worker, exchange, &route, request->if_none_match);
        break;
    case ROUTE_TRACK:
        answer_track(worker, exchange, &route, request->accept);
        break;
    case ROUTE_FILE:
        answer_media(worker, exchange, &route.file, CACHE_FOR_EVER);
        break;
    case ROUTE_COVER:
        answer_cover(worker, exchange, &route);
        break;
    case ROUTE_LINK: /* with an Upgrade it is a link, and never comes here */
        net_http_answer_error(exchange, 426, NULL);
        break;
    case ROUTE_BAD_REQUEST:
        net_http_answer_error(exchange, 400, "a value in the address is malformed or out of range");
        break;
    case ROUTE_NOT_FOUND:
        net_http_answer_error(exchange, 404, NULL);
        break;
    }
}
