/*
 * routes.c: the grammar of the origin's addresses.
 *
 * Responsible for reading a request target within its bounds. Not for what is served there.
 */
#include "streamserver/core/routes.h"

#include <string.h>

/* A piece of the target; not terminated. */
struct piece {
    const char *at;
    size_t count;
};

static bool piece_is(struct piece piece, const char *text)
{
    return piece.count == strlen(text) && memcmp(piece.at, text, piece.count) == 0;
}

/* Takes what stands before the first `mark` (all when there is none) off the piece. */
static struct piece piece_split(struct piece *piece, char mark)
{
    const char *found = piece->count == 0 ? NULL : memchr(piece->at, mark, piece->count);
    struct piece head = {piece->at, found == NULL ? piece->count : (size_t)(found - piece->at)};
    size_t taken = head.count + (found != NULL);
    piece->at += taken;
    piece->count -= taken;
    return head;
}

/* Exactly 2 * count digits of hex. */
static bool piece_hex(struct piece piece, uint32_t count, uint8_t *ret_bytes)
{
    char text[2 * HASH_BYTES + 1];
    if (piece.count != 2 * (size_t)count || piece.count >= sizeof text) {
        return false;
    }
    memcpy(text, piece.at, piece.count);
    text[piece.count] = '\0';
    return media_hex_decode(text, count, ret_bytes) == 0;
}

/* A decimal number from 1 to `most`, without sign and leading zeros. */
static bool piece_number(struct piece piece, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (piece.count == 0 || piece.at[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < piece.count; i++) {
        if (piece.at[i] < '0' || piece.at[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(piece.at[i] - '0');
        if (number > most) {
            return false;
        }
    }
    *ret_number = number;
    return true;
}

/* "0", or "NUMBER-8 hex digits". */
static bool parse_since(struct piece value, struct route *route)
{
    uint8_t mark[4];
    if (piece_is(value, "0")) {
        route->since_number = 0;
        return true;
    }
    struct piece number = piece_split(&value, '-');
    if (!piece_number(number, UINT64_MAX / 16, &route->since_number) ||
        !piece_hex(value, sizeof mark, mark)) {
        return false;
    }
    route->since_mark =
        (uint32_t)mark[0] << 24 | (uint32_t)mark[1] << 16 | (uint32_t)mark[2] << 8 | mark[3];
    return true;
}

static enum route_kind parse_list(struct piece query, struct route *route)
{
    enum route_kind kind = ROUTE_TRACKS;
    while (query.count > 0) {
        struct piece value = piece_split(&query, '&');
        struct piece name = piece_split(&value, '=');
        uint64_t limit = 0;
        if (piece_is(name, "limit")) {
            if (!piece_number(value, ROUTE_LIMIT_MAX, &limit)) {
                return ROUTE_BAD_REQUEST;
            }
            route->limit = (uint32_t)limit;
        } else if (piece_is(name, "after")) {
            if (!piece_hex(value, TRACK_ID_BYTES, route->track_id)) {
                return ROUTE_BAD_REQUEST;
            }
            route->has_after = true;
        } else if (piece_is(name, "since")) {
            if (!parse_since(value, route)) {
                return ROUTE_BAD_REQUEST;
            }
            kind = ROUTE_CHANGES;
        } else if (piece_is(name, "brief")) {
            route->is_brief = true;
        }
    }
    return kind;
}

static enum route_kind parse_track(struct piece id, struct piece query, struct route *route)
{
    if (!piece_hex(id, TRACK_ID_BYTES, route->track_id)) {
        return ROUTE_BAD_REQUEST;
    }
    while (query.count > 0) {
        struct piece value = piece_split(&query, '&');
        route->wants_manifest = route->wants_manifest || piece_is(value, "manifest");
    }
    return ROUTE_TRACK;
}

static enum route_kind parse_file(struct piece id, struct route *route)
{
    bool has_bytes = id.count > 0 && memchr(id.at, '-', id.count) != NULL;
    struct piece root = piece_split(&id, '-');
    if (!piece_hex(root, HASH_BYTES, route->file.root)) {
        return ROUTE_BAD_REQUEST;
    }
    if (has_bytes && !piece_number(id, FILE_BYTES_MAX, &route->file.bytes)) {
        return ROUTE_BAD_REQUEST;
    }
    return ROUTE_FILE;
}

static enum route_kind parse_cover(struct piece id, struct route *route)
{
    return piece_hex(id, TRACK_ID_BYTES, route->track_id) ? ROUTE_COVER : ROUTE_BAD_REQUEST;
}

static enum route_kind parse_path(struct piece path, struct piece query, struct route *route)
{
    if (piece_is(path, "/healthz")) {
        return ROUTE_HEALTH;
    }
    if (!piece_is(piece_split(&path, '/'), "") || !piece_is(piece_split(&path, '/'), "v1")) {
        return ROUTE_NOT_FOUND;
    }
    struct piece what = piece_split(&path, '/');
    bool is_leaf = path.count == 0 && path.at[-1] != '/';
    if (piece_is(what, "origin") && is_leaf) {
        return ROUTE_ORIGIN;
    }
    if (piece_is(what, "link") && is_leaf) {
        return ROUTE_LINK;
    }
    if (piece_is(what, "tracks") && is_leaf) {
        return parse_list(query, route);
    }
    if (is_leaf || path.count == 0 || memchr(path.at, '/', path.count) != NULL) {
        return ROUTE_NOT_FOUND;
    }
    if (piece_is(what, "tracks")) {
        return parse_track(path, query, route);
    }
    if (piece_is(what, "covers")) {
        return parse_cover(path, route);
    }
    return piece_is(what, "files") ? parse_file(path, route) : ROUTE_NOT_FOUND;
}

struct route routes_parse(const char *target, size_t count)
{
    struct route route = {.kind = ROUTE_BAD_REQUEST, .limit = ROUTE_LIMIT_DEFAULT};
    if (count == 0 || count > ROUTE_TARGET_BYTES_MAX) {
        return route;
    }
    struct piece query = {target, count};
    struct piece path = piece_split(&query, '?');
    route.kind = parse_path(path, query, &route);
    return route;
}
