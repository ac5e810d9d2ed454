/*
 * routes.h: what an HTTP request asks of the origin, from its path and query alone.
 *
 *   /healthz                             ROUTE_HEALTH
 *   /v1/origin                           ROUTE_ORIGIN
 *   /v1/link                             ROUTE_LINK
 *   /v1/tracks[?limit=N][&after=ID][&brief]      ROUTE_TRACKS   N 1 to ROUTE_LIMIT_MAX
 *   /v1/tracks?since=REVISION[&limit=N][&brief]  ROUTE_CHANGES  "0", or NUMBER-8 hex digits
 *   /v1/tracks/ID[?manifest]             ROUTE_TRACK   32 hex digits
 *   /v1/files/ROOT[-BYTES]               ROUTE_FILE    64 hex digits, decimal length
 *   /v1/covers/ID                        ROUTE_COVER   32 hex digits, of a track or an album
 *
 * Pure and strict: a known path with a value that cannot be is ROUTE_BAD_REQUEST, every other path
 * is ROUTE_NOT_FOUND. Percent escapes are not decoded: no address of ours needs one. Parameters
 * that are not known are passed over, as the web does. Methods and headers are the shell's.
 */
#ifndef STREAMSERVER_CORE_ROUTES_H
#define STREAMSERVER_CORE_ROUTES_H

#include "common/limits.h"
#include "media/core/file_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_TARGET_BYTES_MAX 1024u /* a longer target is ROUTE_BAD_REQUEST */
#define ROUTE_LIMIT_DEFAULT 100u
#define ROUTE_LIMIT_MAX 1000u

enum route_kind {
    ROUTE_NOT_FOUND = 0,
    ROUTE_BAD_REQUEST,
    ROUTE_HEALTH,
    ROUTE_ORIGIN,
    ROUTE_LINK,
    ROUTE_TRACKS,
    ROUTE_CHANGES,
    ROUTE_TRACK,
    ROUTE_FILE,
    ROUTE_COVER,
};

struct route {
    enum route_kind kind;
    uint8_t track_id[TRACK_ID_BYTES]; /* TRACK; TRACKS: the last track of the page before; COVER:
                                         a track's or an album's */
    bool has_after;                   /* TRACKS: track_id is set */
    bool wants_manifest;              /* TRACK: the signed bytes, not JSON */
    uint32_t limit;                   /* TRACKS, CHANGES */
    bool is_brief;                    /* TRACKS, CHANGES: names only, without files and covers */
    uint64_t since_number;            /* CHANGES */
    uint32_t since_mark;              /* CHANGES; 0 with number 0 */
    struct media_file_id file;        /* FILE; bytes = 0: the address does not say */
};

/* `target` is what stands in the request line, "/path?query"; it need not end with a NUL. */
struct route routes_parse(const char *target, size_t count);

#endif
