/*
 * fuzz_routes.c: any request target is a route, and what the route says is within bounds.
 *
 * A route that was recognised is written out again as its address and must be read as the same.
 */
#include "streamserver/core/routes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The shortest address of a route that carries an id. */
static int format(const struct route *route, char *text, size_t capacity)
{
    char hex[2 * HASH_BYTES + 1];
    if (route->kind == ROUTE_FILE) {
        media_hex_encode(route->file.root, HASH_BYTES, hex);
        return route->file.bytes == 0 ? snprintf(text, capacity, "/v1/files/%s", hex)
                                      : snprintf(text, capacity, "/v1/files/%s-%llu", hex,
                                                 (unsigned long long)route->file.bytes);
    }
    media_hex_encode(route->track_id, TRACK_ID_BYTES, hex);
    if (route->kind == ROUTE_TRACK) {
        return snprintf(text, capacity, "/v1/tracks/%s%s", hex,
                        route->wants_manifest ? "?manifest" : "");
    }
    return snprintf(text, capacity, "/v1/tracks?limit=%u%s%s", route->limit,
                    route->has_after ? "&after=" : "", route->has_after ? hex : "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route route = routes_parse((const char *)data, size);
    assert(route.kind <= ROUTE_FILE);
    assert(size <= ROUTE_TARGET_BYTES_MAX || route.kind == ROUTE_BAD_REQUEST);
    if (route.kind == ROUTE_TRACKS || route.kind == ROUTE_TRACK || route.kind == ROUTE_FILE) {
        char text[256];
        int count = format(&route, text, sizeof text);
        assert(count > 0 && (size_t)count < sizeof text);
        assert(route.limit >= 1 && route.limit <= ROUTE_LIMIT_MAX);
        assert(route.file.bytes <= FILE_BYTES_MAX);
        struct route again = routes_parse(text, (size_t)count);
        assert(again.kind == route.kind);
        assert(again.limit == route.limit || route.kind != ROUTE_TRACKS);
        assert(again.has_after == route.has_after || route.kind != ROUTE_TRACKS);
        assert(memcmp(again.track_id, route.track_id, TRACK_ID_BYTES) == 0 ||
               (route.kind == ROUTE_TRACKS && !route.has_after));
        assert(media_file_id_equal(&again.file, &route.file));
        assert(again.wants_manifest == route.wants_manifest);
    }
    return 0;
}
