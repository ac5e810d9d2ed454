/*
 * url.c: parsing and formatting of origins' addresses.
 */
#include "common/net/url.h"

#include "common/error.h"
#include "common/net/listener.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *prefix;
    uint16_t port;
} schemes[] = {
    [NET_SCHEME_REFRAIN] = {"refrain://", NET_ORIGIN_PORT},
    [NET_SCHEME_HTTPS] = {"https://", 443},
    [NET_SCHEME_HTTP] = {"http://", 80},
};

#define SCHEMES (sizeof schemes / sizeof schemes[0])

/* Printable ASCII without space, and nothing that has no place in an origin's address. */
static bool is_clean(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f || strchr("@#\\\"<>", *at) != NULL) {
            return false;
        }
    }
    return true;
}

static int find_scheme(const char *text, enum net_scheme *ret_scheme, const char **ret_rest)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        size_t bytes = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, bytes) == 0) {
            *ret_scheme = (enum net_scheme)i;
            *ret_rest = text + bytes;
            return 0;
        }
    }
    if (strstr(text, "://") != NULL) {
        return ERROR_UNSUPPORTED;
    }
    *ret_scheme = NET_SCHEME_REFRAIN;
    *ret_rest = text;
    return 0;
}

/* Names have letters, digits, '-', '_' and '.'; what has a colon must be an IPv6 address. */
static int check_host(char *host)
{
    struct net_address address;
    if (strchr(host, ':') != NULL) {
        int error = net_address_parse(host, 1, &address);
        return error == 0 && host[0] != '[' ? 0 : ERROR_MALFORMED;
    }
    for (char *at = host; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("-_.", *at) == NULL) {
            return ERROR_MALFORMED;
        }
    }
    return 0;
}

static int parse_authority(const char *text, size_t bytes, struct net_url *url)
{
    char authority[NET_HOST_BYTES_MAX + 16];
    if (bytes >= sizeof authority) {
        return ERROR_TOO_LARGE;
    }
    memcpy(authority, text, bytes);
    authority[bytes] = '\0';
    int error = net_listen_parse(authority, schemes[url->scheme].port, url->host, sizeof url->host,
                                 &url->port);
    if (error != 0) {
        return error;
    }
    /* Brackets are for IPv6 only. */
    bool has_brackets = authority[0] == '[';
    if (url->port == 0 || has_brackets != (strchr(url->host, ':') != NULL)) {
        return ERROR_MALFORMED;
    }
    for (char *at = url->host; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return check_host(url->host);
}

int net_url_parse(const char *text, struct net_url *ret_url)
{
    struct net_url url = {.port = 0};
    const char *rest = NULL;
    int error = find_scheme(text, &url.scheme, &rest);
    if (error != 0) {
        return error;
    }
    if (!is_clean(rest)) {
        return ERROR_MALFORMED;
    }
    size_t authority_bytes = strcspn(rest, "/?");
    const char *path = rest + authority_bytes;
    if (*path == '?') {
        return ERROR_MALFORMED;
    }
    if (strlen(path) > NET_URL_PATH_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    error = parse_authority(rest, authority_bytes, &url);
    if (error != 0) {
        return error;
    }
    memcpy(url.path, path, strlen(path) + 1);
    *ret_url = url;
    return 0;
}

int net_host_port_format(const char *host, uint16_t port, char *ret_text, size_t capacity)
{
    const char *form = strchr(host, ':') == NULL ? "" : "[";
    int bytes =
        snprintf(ret_text, capacity, "%s%s%s:%u", form, host, form[0] == '[' ? "]" : "", port);
    return bytes >= 0 && (size_t)bytes < capacity ? 0 : ERROR_TOO_LARGE;
}

int net_url_format(const struct net_url *url, char *ret_text, size_t capacity)
{
    char where[NET_HOST_BYTES_MAX + 16];
    int error = net_host_port_format(url->host, url->port, where, sizeof where);
    if (error != 0) {
        return error;
    }
    if (url->port == schemes[url->scheme].port) {
        *strrchr(where, ':') = '\0';
    }
    int bytes =
        snprintf(ret_text, capacity, "%s%s%s", schemes[url->scheme].prefix, where, url->path);
    return bytes >= 0 && (size_t)bytes < capacity ? 0 : ERROR_TOO_LARGE;
}

bool net_url_is_tls(const struct net_url *url)
{
    return url->scheme != NET_SCHEME_HTTP;
}
