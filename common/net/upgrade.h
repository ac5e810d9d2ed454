/*
 * upgrade.h: how a link begins on HTTP/1.1 (RFC 9110, 7.8): the client's question, the server's
 * answer, and the reader of that answer. Used by link.c and http_server.c.
 */
#ifndef COMMON_NET_UPGRADE_H
#define COMMON_NET_UPGRADE_H

#include <llhttp.h>
#include <stddef.h>
#include <stdint.h>

#define NET_UPGRADE_REQUEST_BYTES_MAX 512u

/* Writes the request with its empty line; returns how many bytes (always fewer than the maximum:
 * the host is at most NET_HOST_BYTES_MAX long). */
size_t net_upgrade_request(const char *host, uint16_t port,
                           char ret_text[NET_UPGRADE_REQUEST_BYTES_MAX]);
/* The server's whole answer, terminated. */
const char *net_upgrade_answer(void);

struct net_upgrade_reader {
    llhttp_t parser;
    size_t bytes; /* read so far */
    int status;   /* of the answer, 0 = not known yet */
};

void net_upgrade_reader_init(struct net_upgrade_reader *reader);
/* 0: the answer is 101 and whole; *ret_used of the bytes belong to it, frames follow.
 * ERROR_TRUNCATED: all was used, more is needed. ERROR_UNSUPPORTED: another status (in `status`);
 * ERROR_TOO_LARGE: longer than NET_LINK_ANSWER_BYTES_MAX; ERROR_MALFORMED. */
int net_upgrade_reader_push(struct net_upgrade_reader *reader, const uint8_t *bytes, size_t count,
                            size_t *ret_used);

#endif
