/*
 * http_answer.h: the head of an answer: status, conditions, ranges, header lines; used by
 * http_server.c. Pure but for the Date.
 */
#ifndef COMMON_NET_HTTP_ANSWER_H
#define COMMON_NET_HTTP_ANSWER_H

#include "common/net/http_range.h"
#include "common/net/http_server.h"

/* Status line and header lines; `extra`, etag, type and cache control are at most this long in all
 * (asserted): they are ours. */
#define NET_HTTP_HEAD_BYTES_MAX 4096u
#define NET_HTTP_ERROR_BODY_BYTES_MAX 256u

/* What of the request decides over the answer; NULL = absent. */
struct net_http_conditions {
    const char *range;
    const char *if_range;
    const char *if_none_match;
};

struct net_http_decision {
    int status;     /* the answer's own, or 206, 304, 416 */
    uint64_t first; /* of the body, to be sent */
    uint64_t bytes; /* to be sent; 0 for 304 and 416 */
};

/* RFC 9110, 13.2.2, as far as GET and HEAD need it. */
struct net_http_decision net_http_answer_decide(const struct net_http_answer *answer,
                                                const struct net_http_conditions *conditions);
/* Writes the head with its empty line; returns how many bytes. */
size_t net_http_answer_head(const struct net_http_answer *answer,
                            const struct net_http_decision *decision, bool keeps_alive,
                            char ret_text[NET_HTTP_HEAD_BYTES_MAX]);
/* {"error":"text"}, a newline behind it; text NULL = the status's words. Returns how many bytes. */
size_t net_http_error_body(int status, const char *text,
                           char ret_text[NET_HTTP_ERROR_BODY_BYTES_MAX]);
/* "Not Found"; "Unknown" for a status that nobody here gives. */
const char *net_http_status_words(int status);

#endif
