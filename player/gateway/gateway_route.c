/*
 * gateway_route.c: host, token, path.
 */
#include "player/gateway/gateway_route.h"

#include "media/core/file_id.h"

#include <stdbool.h>
#include <string.h>

static bool is_own_host(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; host != NULL && i < sizeof names / sizeof names[0]; i++) {
        size_t bytes = strlen(names[i]);
        if (strncmp(host, names[i], bytes) != 0) {
            continue;
        }
        const char *rest = host + bytes;
        if (*rest == '\0' || (*rest == ':' && strspn(rest + 1, "0123456789") == strlen(rest + 1))) {
            return true;
        }
    }
    return false;
}

/* In a time that does not tell where they differ. */
static bool is_token(const char *text, const char *token)
{
    unsigned differ = 0;
    if (strnlen(text, GATEWAY_TOKEN_DIGITS) < GATEWAY_TOKEN_DIGITS) {
        return false;
    }
    for (uint32_t i = 0; i < GATEWAY_TOKEN_DIGITS; i++) {
        differ |= (unsigned char)text[i] ^ (unsigned char)token[i];
    }
    return differ == 0;
}

/* Has the query token=TOKEN among its parts? */
static bool query_has_token(const char *query, const char *token)
{
    for (const char *at = query; at != NULL; at = strchr(at, '&')) {
        at += *at == '&';
        if (strncmp(at, "token=", 6) == 0 && is_token(at + 6, token)) {
            char end = at[6 + GATEWAY_TOKEN_DIGITS];
            return end == '\0' || end == '&';
        }
    }
    return false;
}

static int track_of(const char *rest, uint8_t *ret_track_id)
{
    char id[2 * TRACK_ID_BYTES + 1] = "";
    size_t digits = strcspn(rest, "./");
    if (digits != sizeof id - 1 || strchr(rest, '/') != NULL) {
        return 404;
    }
    memcpy(id, rest, digits);
    return media_hex_decode(id, TRACK_ID_BYTES, ret_track_id) == 0 ? 200 : 404;
}

int gateway_route(const char *path, const char *query, const char *host, const char *token,
                  uint8_t ret_track_id[TRACK_ID_BYTES])
{
    static const char tracks[] = "/tracks/";
    const char *rest = path;
    if (!is_own_host(host)) {
        return 403;
    }
    if (path[0] == '/' && is_token(path + 1, token) && path[1 + GATEWAY_TOKEN_DIGITS] == '/') {
        rest = path + 1 + GATEWAY_TOKEN_DIGITS;
    } else if (!query_has_token(query, token)) {
        return 403;
    }
    return strncmp(rest, tracks, sizeof tracks - 1) == 0
               ? track_of(rest + sizeof tracks - 1, ret_track_id)
               : 404;
}
