/*
 * http_range.h: the Range header of one part (RFC 9110, section 14), and entity tags.
 *
 * Pure functions on text. Several ranges, other units and what is malformed are answered with the
 * whole, as RFC 9110, 14.2 allows.
 */
#ifndef COMMON_NET_HTTP_RANGE_H
#define COMMON_NET_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum net_range_kind {
    NET_RANGE_WHOLE = 0,         /* no range, or one that is ignored: 200 */
    NET_RANGE_PART = 1,          /* 206 */
    NET_RANGE_UNSATISFIABLE = 2, /* 416 */
};

struct net_range {
    enum net_range_kind kind;
    uint64_t first; /* offset of the first byte; PART: <= last < total. WHOLE: 0 */
    uint64_t bytes; /* how many; PART: >= 1. WHOLE: total. UNSATISFIABLE: 0 */
};

/* `value` of the Range header (NULL = none) for a body of `total` bytes. Forms: bytes=a-b, bytes=a-,
 * bytes=-n. */
struct net_range net_range_parse(const char *value, uint64_t total);
/* Does an If-None-Match list ("*", or tags with commas; weak comparison) name this tag (with its
 * quotes)? NULL = no header: false. */
bool net_etag_matches(const char *list, const char *etag);

#endif
