/*
 * http_parser.h: from bytes to one request after another, or to the status that refuses them; used
 * by http_server.c.
 *
 * llhttp cuts and checks the syntax; the limits and what a reading server takes are here. Knows no
 * socket, so that it can be tested and fuzzed on bytes alone. About 12 KiB, no memory besides.
 */
#ifndef COMMON_NET_HTTP_PARSER_H
#define COMMON_NET_HTTP_PARSER_H

#include "common/net/http_server.h"

#include <llhttp.h>

/* The headers that somebody here or a handler looks at. */
enum net_http_header {
    NET_HTTP_HOST = 0,
    NET_HTTP_RANGE,
    NET_HTTP_IF_NONE_MATCH,
    NET_HTTP_IF_RANGE,
    NET_HTTP_ACCEPT,
    NET_HTTP_UPGRADE,
    NET_HTTP_HEADERS, /* how many; also: none of them */
};

struct net_http_parser {
    llhttp_t llhttp;
    bool has_begun; /* a first byte of a request has come */
    bool is_whole;  /* the request can be answered */
    int status;     /* of the refusal; 0 = none */
    uint8_t first_byte;
    size_t bytes; /* of this request, so far */
    char target[NET_HTTP_LINE_BYTES_MAX + 1];
    size_t target_bytes;
    size_t path_start;   /* in target: behind an absolute form's authority */
    char *query;         /* in target, behind the '?', or at the end */
    char name[24];       /* of the header that is being read; longer ones are none of ours */
    size_t name_bytes;   /* as received, may be more than fits */
    size_t header_bytes; /* names and values */
    unsigned header_count;
    enum net_http_header header; /* whose value is being read */
    bool present[NET_HTTP_HEADERS];
    size_t value_bytes[NET_HTTP_HEADERS];
    char values[NET_HTTP_HEADERS][NET_HTTP_VALUE_BYTES_MAX + 1];
    /* Of a whole request: */
    bool is_head;
    bool keeps_alive;
    bool is_link; /* GET /v1/link with Upgrade: refrain/1: what follows is frames */
};

void net_http_parser_init(struct net_http_parser *parser);
/* 0: a request is whole; *ret_used of the bytes belong to it; the next one begins with init. ERROR_TRUNCATED: all was used, more is needed. ERROR_MALFORMED: refuse with `status`
 * (and keeps_alive), the parser is at its end unless keeps_alive. */
int net_http_parser_push(struct net_http_parser *parser, const uint8_t *bytes, size_t count,
                         size_t *ret_used);
/* Of a whole request; terminated; NULL when absent. Valid until init. */
const char *net_http_parser_path(const struct net_http_parser *parser);
const char *net_http_parser_query(const struct net_http_parser *parser);
const char *net_http_parser_header(const struct net_http_parser *parser,
                                   enum net_http_header header);

#endif
