/*
 * http_range.c: byte ranges and entity tags.
 */
#include "common/net/http_range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* Digits into a number that stops at UINT64_MAX; false when there is none. */
static bool take_number(const char **at, uint64_t *ret_value)
{
    const char *from = *at;
    uint64_t value = 0;
    while (**at >= '0' && **at <= '9') {
        uint64_t digit = (uint64_t)(**at - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
        (*at)++;
    }
    *ret_value = value;
    return *at != from;
}

static struct net_range part(uint64_t first, uint64_t last)
{
    return (struct net_range){.kind = NET_RANGE_PART, .first = first, .bytes = last - first + 1};
}

static const struct net_range unsatisfiable = {.kind = NET_RANGE_UNSATISFIABLE};

static struct net_range suffix(uint64_t bytes, uint64_t total)
{
    if (bytes == 0 || total == 0) {
        return unsatisfiable;
    }
    return part(bytes < total ? total - bytes : 0, total - 1);
}

struct net_range net_range_parse(const char *value, uint64_t total)
{
    const struct net_range whole = {.kind = NET_RANGE_WHOLE, .bytes = total};
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (value == NULL || strncasecmp(value, "bytes=", 6) != 0) {
        return whole;
    }
    const char *at = skip_blanks(value + 6);
    bool has_first = take_number(&at, &first);
    if (*at != '-') {
        return whole;
    }
    at++;
    bool has_last = take_number(&at, &last);
    at = skip_blanks(at);
    if (*at != '\0' || (!has_first && !has_last)) {
        return whole; /* several ranges, or no range at all */
    }
    if (!has_first) {
        return suffix(last, total);
    }
    if (has_last && last < first) {
        return whole;
    }
    if (first >= total) {
        return unsatisfiable;
    }
    return part(first, has_last && last < total ? last : total - 1);
}

bool net_etag_matches(const char *list, const char *etag)
{
    size_t etag_bytes = strlen(etag);
    if (list == NULL) {
        return false;
    }
    const char *at = skip_blanks(list);
    if (*at == '*') {
        return true;
    }
    while (*at != '\0') {
        if (strncmp(at, "W/", 2) == 0) {
            at += 2;
        }
        if (strncmp(at, etag, etag_bytes) == 0) {
            const char *behind = skip_blanks(at + etag_bytes);
            if (*behind == '\0' || *behind == ',') {
                return true;
            }
        }
        at += strcspn(at, ",");
        at = *at == ',' ? skip_blanks(at + 1) : at;
    }
    return false;
}
