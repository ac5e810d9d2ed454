/*
 * fuzz_url.c: what parses as an origin's address is written so that it parses to the same.
 */
#include "common/net/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_url url, again;
    char text[NET_URL_TEXT_BYTES];
    char *given = calloc(1, size + 1);
    assert(given != NULL);
    if (size > 0) {
        memcpy(given, data, size);
    }
    memset(&url, 0, sizeof url);
    memset(&again, 0, sizeof again);
    if (net_url_parse(given, &url) == 0) {
        assert(url.port != 0 && url.host[0] != '\0');
        assert(url.path[0] == '\0' || url.path[0] == '/');
        assert(net_url_format(&url, text, sizeof text) == 0);
        assert(net_url_parse(text, &again) == 0);
        assert(again.scheme == url.scheme && again.port == url.port);
        assert(strcmp(again.host, url.host) == 0 && strcmp(again.path, url.path) == 0);
    }
    free(given);
    return 0;
}
