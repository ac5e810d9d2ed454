/*
 * url.h: the addresses of origins and of what they hold.
 *
 *   https://HOST[:PORT][/...]      an origin over TLS; port 443 when none is said
 *   http://HOST[:PORT][/...]       plain; port 80 when none is said
 *   refrain://HOST[:PORT][/...]    an origin over TLS; port 7373 when none is said
 *   HOST[:PORT]                    as refrain://
 * HOST is a name, an IPv4 address or an IPv6 address in brackets.
 */
#ifndef COMMON_NET_URL_H
#define COMMON_NET_URL_H

#include "common/net/stream.h"

#define NET_ORIGIN_PORT 7373u
#define NET_URL_PATH_BYTES_MAX 1024u
#define NET_URL_TEXT_BYTES (16u + NET_HOST_BYTES_MAX + NET_URL_PATH_BYTES_MAX)

enum net_scheme {
    NET_SCHEME_REFRAIN = 0,
    NET_SCHEME_HTTPS = 1,
    NET_SCHEME_HTTP = 2,
};

struct net_url {
    enum net_scheme scheme;
    char host[NET_HOST_BYTES_MAX + 1];     /* lower case, without brackets */
    uint16_t port;                         /* never 0 */
    char path[NET_URL_PATH_BYTES_MAX + 1]; /* "" or begins with '/'; as written */
};

/* ERROR_MALFORMED: no such form, user names, fragments, control characters, port 0 or over 65,535.
 * ERROR_TOO_LARGE: host or path. ERROR_UNSUPPORTED: another scheme. */
int net_url_parse(const char *text, struct net_url *ret_url);
/* Canonical: the port is left out when it is the scheme's own. `capacity` NET_URL_TEXT_BYTES does
 * always; ERROR_TOO_LARGE. */
int net_url_format(const struct net_url *url, char *ret_text, size_t capacity);
bool net_url_is_tls(const struct net_url *url);
/* "HOST:PORT", IPv6 in brackets: as it stands in a Host header and in known_origins. ERROR_TOO_LARGE.
 */
int net_host_port_format(const char *host, uint16_t port, char *ret_text, size_t capacity);

#endif
