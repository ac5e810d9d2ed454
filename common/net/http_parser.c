/*
 * http_parser.c: requests out of bytes.
 *
 * A callback of llhttp that finds something wrong sets `status` and stops the parser; what llhttp
 * itself finds wrong becomes a status in status_of(). A refused method keeps the connection when it
 * brings no body: then the request is read to its end first.
 */
#include "common/net/http_parser.h"

#include "common/error.h"
#include "common/net/link.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* Whatever llhttp does not count: blanks, line ends, the method and the version. */
#define SLACK_BYTES 1024u
#define REQUEST_BYTES_MAX (NET_HTTP_LINE_BYTES_MAX + NET_HTTP_HEADERS_BYTES_MAX + SLACK_BYTES)

static const char *const header_names[NET_HTTP_HEADERS] = {
    [NET_HTTP_HOST] = "host",
    [NET_HTTP_RANGE] = "range",
    [NET_HTTP_IF_NONE_MATCH] = "if-none-match",
    [NET_HTTP_IF_RANGE] = "if-range",
    [NET_HTTP_ACCEPT] = "accept",
    [NET_HTTP_UPGRADE] = "upgrade",
};

static int refuse(struct net_http_parser *parser, int status)
{
    parser->status = status;
    return HPE_USER;
}

/* ---- llhttp's callbacks ---- */

static int on_url(llhttp_t *llhttp, const char *at, size_t length)
{
    struct net_http_parser *parser = llhttp->data;
    if (length > NET_HTTP_LINE_BYTES_MAX - parser->target_bytes) {
        return refuse(parser, 414);
    }
    memcpy(parser->target + parser->target_bytes, at, length);
    parser->target_bytes += length;
    parser->target[parser->target_bytes] = '\0';
    return 0;
}

static int count_header_bytes(struct net_http_parser *parser, size_t length)
{
    if (length > NET_HTTP_HEADERS_BYTES_MAX - parser->header_bytes) {
        return refuse(parser, 431);
    }
    parser->header_bytes += length;
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t length)
{
    struct net_http_parser *parser = llhttp->data;
    for (size_t i = 0; i < length; i++) {
        if (parser->name_bytes < sizeof parser->name - 1) {
            parser->name[parser->name_bytes] = at[i];
        }
        parser->name_bytes++;
    }
    return count_header_bytes(parser, length);
}

static enum net_http_header find_header(const struct net_http_parser *parser)
{
    for (unsigned i = 0; i < NET_HTTP_HEADERS; i++) {
        if (parser->name_bytes == strlen(header_names[i]) &&
            strncasecmp(parser->name, header_names[i], parser->name_bytes) == 0) {
            return (enum net_http_header)i;
        }
    }
    return NET_HTTP_HEADERS;
}

static int on_header_field_complete(llhttp_t *llhttp)
{
    struct net_http_parser *parser = llhttp->data;
    if (parser->name_bytes == 0) {
        return refuse(parser, 400); /* a name has a character (RFC 9110, 5.1); llhttp takes none */
    }
    parser->header = find_header(parser);
    parser->name_bytes = 0;
    if (++parser->header_count > NET_HTTP_HEADERS_MAX) {
        return refuse(parser, 431);
    }
    if (parser->header == NET_HTTP_HEADERS) {
        return 0;
    }
    if (parser->present[parser->header]) {
        /* Two Hosts are an attack (RFC 9112, 3.2); of the others the first counts. */
        bool is_host = parser->header == NET_HTTP_HOST;
        parser->header = NET_HTTP_HEADERS;
        return is_host ? refuse(parser, 400) : 0;
    }
    parser->present[parser->header] = true;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct net_http_parser *parser = llhttp->data;
    int error = count_header_bytes(parser, length);
    if (error != 0 || parser->header == NET_HTTP_HEADERS) {
        return error;
    }
    size_t *used = &parser->value_bytes[parser->header];
    char *value = parser->values[parser->header];
    if (length > NET_HTTP_VALUE_BYTES_MAX - *used) {
        /* No client needs more in these; a longer Accept is cut, its end says little. */
        if (parser->header != NET_HTTP_ACCEPT) {
            return refuse(parser, 431);
        }
        length = NET_HTTP_VALUE_BYTES_MAX - *used;
    }
    memcpy(value + *used, at, length);
    *used += length;
    value[*used] = '\0';
    return 0;
}

/* Finds path and query. Absolute form: RFC 9112, 3.2.2. */
static int check_target(struct net_http_parser *parser)
{
    const char *target = parser->target;
    for (size_t i = 0; i < parser->target_bytes; i++) {
        if (target[i] <= ' ' || target[i] >= 0x7f || target[i] == '#') {
            return refuse(parser, 400);
        }
    }
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        const char *slash = strchr(strstr(target, "//") + 2, '/');
        if (slash == NULL) {
            return refuse(parser, 400);
        }
        parser->path_start = (size_t)(slash - target);
    }
    if (target[parser->path_start] != '/') {
        return refuse(parser, 400);
    }
    char *question = strchr(parser->target + parser->path_start, '?');
    parser->query = parser->target + parser->target_bytes;
    if (question != NULL) {
        *question = '\0';
        parser->query = question + 1;
    }
    return 0;
}

static bool has_body(const llhttp_t *llhttp)
{
    return (llhttp->flags & F_CHUNKED) != 0 || (llhttp->flags & F_TRANSFER_ENCODING) != 0 ||
           llhttp->content_length > 0;
}

static int check_request(struct net_http_parser *parser)
{
    const llhttp_t *llhttp = &parser->llhttp;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1) {
        return refuse(parser, 505);
    }
    if (llhttp->http_minor == 1 && !parser->present[NET_HTTP_HOST]) {
        return refuse(parser, 400);
    }
    if (llhttp->method != HTTP_GET && llhttp->method != HTTP_HEAD) {
        parser->keeps_alive =
            parser->keeps_alive && !has_body(llhttp) && llhttp->method != HTTP_CONNECT;
        parser->status = 405;
        return parser->keeps_alive ? 0 : HPE_USER;
    }
    if (has_body(llhttp)) {
        return refuse(parser, 413);
    }
    return check_target(parser);
}

/* What it returns is drawn in llhttp.h: 1 = no body, 2 = what follows is not HTTP. */
static int on_headers_complete(llhttp_t *llhttp)
{
    struct net_http_parser *parser = llhttp->data;
    parser->keeps_alive = llhttp->http_minor == 1 && (llhttp->flags & F_CONNECTION_CLOSE) == 0;
    parser->is_head = llhttp->method == HTTP_HEAD;
    if (check_request(parser) != 0) {
        return -1;
    }
    parser->is_link = llhttp->upgrade != 0 && llhttp->method == HTTP_GET &&
                      strcmp(parser->target + parser->path_start, NET_LINK_PATH) == 0 &&
                      strcasecmp(parser->values[NET_HTTP_UPGRADE], NET_LINK_UPGRADE) == 0;
    /* Other protocols that a client would rather speak are not ours: it is a request as any. */
    llhttp->upgrade = parser->is_link ? 1 : 0;
    parser->is_whole = true;
    return parser->is_link ? 2 : 1;
}

static int on_message_complete(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

/* ---- the parser ---- */

void net_http_parser_init(struct net_http_parser *parser)
{
    memset(parser, 0, sizeof *parser);
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    parser->header = NET_HTTP_HEADERS;
    parser->query = parser->target;
}

static int status_of(const struct net_http_parser *parser, llhttp_errno_t error)
{
    if (parser->status != 0) {
        return parser->status;
    }
    bool looks_like_method = parser->first_byte >= 'A' && parser->first_byte <= 'Z';
    if (error == HPE_INVALID_METHOD && looks_like_method) {
        return 501;
    }
    if (error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE) {
        return 505;
    }
    return 400;
}

/* Empty lines before a request are passed over (RFC 9112, 2.2). */
static size_t skip_line_ends(struct net_http_parser *parser, const uint8_t *bytes, size_t count)
{
    size_t skipped = 0;
    while (!parser->has_begun && skipped < count) {
        if (bytes[skipped] != '\r' && bytes[skipped] != '\n') {
            parser->has_begun = true;
            parser->first_byte = bytes[skipped];
            return skipped;
        }
        skipped++;
    }
    return skipped;
}

int net_http_parser_push(struct net_http_parser *parser, const uint8_t *bytes, size_t count,
                         size_t *ret_used)
{
    assert(!parser->is_whole);
    size_t skipped = skip_line_ends(parser, bytes, count);
    const char *at = (const char *)bytes + skipped;
    size_t left = count - skipped;
    if (left == 0) {
        *ret_used = count;
        return ERROR_TRUNCATED;
    }
    size_t allowed = REQUEST_BYTES_MAX - parser->bytes;
    size_t given = left < allowed ? left : allowed;
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, at, given);
    if (error == HPE_OK) {
        parser->bytes += given;
        *ret_used = count;
        parser->status = parser->bytes == REQUEST_BYTES_MAX ? 431 : 0;
        return parser->status == 0 ? ERROR_TRUNCATED : ERROR_MALFORMED;
    }
    if (parser->is_whole && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)) {
        *ret_used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - (const char *)bytes);
        assert(*ret_used <= count);
        return parser->status == 0 ? 0 : ERROR_MALFORMED;
    }
    parser->keeps_alive = false;
    parser->status = status_of(parser, error);
    *ret_used = count;
    return ERROR_MALFORMED;
}

const char *net_http_parser_path(const struct net_http_parser *parser)
{
    return parser->target + parser->path_start;
}

const char *net_http_parser_query(const struct net_http_parser *parser)
{
    return parser->query;
}

const char *net_http_parser_header(const struct net_http_parser *parser,
                                   enum net_http_header header)
{
    return parser->present[header] ? parser->values[header] : NULL;
}
