/*
 * http_answer.c: heads and error bodies of answers.
 */
#include "common/net/http_answer.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    int status;
    const char *words;
} statuses[] = {
    {200, "OK"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Unknown Method"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *net_http_status_words(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status) {
            return statuses[i].words;
        }
    }
    return "Unknown";
}

size_t net_http_error_body(int status, const char *text,
                           char ret_text[NET_HTTP_ERROR_BODY_BYTES_MAX])
{
    bool is_own = text != NULL;
    int bytes = snprintf(ret_text, NET_HTTP_ERROR_BODY_BYTES_MAX, "{\"error\":\"%s\"}\n",
                         is_own ? text : net_http_status_words(status));
    assert(bytes > 0 && (size_t)bytes < NET_HTTP_ERROR_BODY_BYTES_MAX);
    for (char *at = ret_text; !is_own && *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return (size_t)bytes;
}

/* If-Range needs the strong tag itself (RFC 9110, 13.1.5); a date is none. */
static bool may_part(const struct net_http_answer *answer, const char *if_range)
{
    if (if_range == NULL) {
        return true;
    }
    return answer->etag != NULL && if_range[0] == '"' && strcmp(if_range, answer->etag) == 0;
}

struct net_http_decision net_http_answer_decide(const struct net_http_answer *answer,
                                                const struct net_http_conditions *conditions)
{
    struct net_http_decision decision = {.status = answer->status, .bytes = answer->body_bytes};
    if (answer->status != 200) {
        return decision;
    }
    if (answer->etag != NULL && net_etag_matches(conditions->if_none_match, answer->etag)) {
        return (struct net_http_decision){.status = 304};
    }
    if (!answer->is_ranged || !may_part(answer, conditions->if_range)) {
        return decision;
    }
    struct net_range range = net_range_parse(conditions->range, answer->body_bytes);
    decision.first = range.first;
    decision.bytes = range.bytes;
    if (range.kind == NET_RANGE_PART) {
        decision.status = 206;
    } else if (range.kind == NET_RANGE_UNSATISFIABLE) {
        decision.status = 416;
    }
    return decision;
}

/* Adds a line; the heads that we make always fit. */
static void add(char *text, size_t *used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(text + *used, NET_HTTP_HEAD_BYTES_MAX - *used, format, arguments);
    va_end(arguments);
    assert(bytes >= 0 && (size_t)bytes < NET_HTTP_HEAD_BYTES_MAX - *used);
    *used += (size_t)bytes;
}

/* RFC 9110, 5.6.7; names are fixed, no locale. */
static void add_date(char *text, size_t *used)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    add(text, used, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * utc.tm_wday,
        utc.tm_mday, months + 3 * utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
        utc.tm_sec);
}

static void add_content(const struct net_http_answer *answer,
                        const struct net_http_decision *decision, char *text, size_t *used)
{
    const char *type = answer->content_type == NULL ? "application/json" : answer->content_type;
    if (decision->status == 304 || decision->status == 204) {
        return;
    }
    if (decision->status == 416) {
        char body[NET_HTTP_ERROR_BODY_BYTES_MAX];
        add(text, used, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
            net_http_error_body(416, NULL, body));
        add(text, used, "Content-Range: bytes */%" PRIu64 "\r\n", answer->body_bytes);
        return;
    }
    add(text, used, "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n", type, decision->bytes);
    if (decision->status == 206) {
        add(text, used, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
            decision->first, decision->first + decision->bytes - 1, answer->body_bytes);
    }
    add(text, used, "X-Content-Type-Options: nosniff\r\n");
}

size_t net_http_answer_head(const struct net_http_answer *answer,
                            const struct net_http_decision *decision, bool keeps_alive,
                            char ret_text[NET_HTTP_HEAD_BYTES_MAX])
{
    size_t used = 0;
    add(ret_text, &used, "HTTP/1.1 %d %s\r\n", decision->status,
        net_http_status_words(decision->status));
    add_date(ret_text, &used);
    add_content(answer, decision, ret_text, &used);
    if (answer->etag != NULL) {
        add(ret_text, &used, "ETag: %s\r\n", answer->etag);
    }
    add(ret_text, &used, "Cache-Control: %s\r\n",
        answer->cache_control == NULL ? "no-store" : answer->cache_control);
    if (answer->is_ranged) {
        add(ret_text, &used, "Accept-Ranges: bytes\r\n");
    }
    if (answer->extra != NULL) {
        add(ret_text, &used, "%s", answer->extra);
    }
    add(ret_text, &used, "%s\r\n", keeps_alive ? "" : "Connection: close\r\n");
    return used;
}
