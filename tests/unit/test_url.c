/*
 * test_url.c: addresses of origins, HOST:PORT and numeric addresses, good and bad.
 */
#include "common/error.h"
#include "common/net/listener.h"
#include "common/net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int error;
    enum net_scheme scheme;
    const char *host;
    uint16_t port;
    const char *path;
    const char *canonical; /* NULL = as text */
} urls[] = {
    {"https://a.example", 0, NET_SCHEME_HTTPS, "a.example", 443, "", NULL},
    {"https://a.example:443/", 0, NET_SCHEME_HTTPS, "a.example", 443, "/", "https://a.example/"},
    {"http://127.0.0.1:8080", 0, NET_SCHEME_HTTP, "127.0.0.1", 8080, "", NULL},
    {"HTTP://A.Example", 0, NET_SCHEME_HTTP, "a.example", 80, "", "http://a.example"},
    {"refrain://a/tracks/00ff", 0, NET_SCHEME_REFRAIN, "a", 7373, "/tracks/00ff", NULL},
    {"refrain://[::1]:1/x?y=z", 0, NET_SCHEME_REFRAIN, "::1", 1, "/x?y=z", NULL},
    {"refrain://[2001:DB8::1]", 0, NET_SCHEME_REFRAIN, "2001:db8::1", 7373, "",
     "refrain://[2001:db8::1]"},
    {"localhost:65535", 0, NET_SCHEME_REFRAIN, "localhost", 65535, "", "refrain://localhost:65535"},
    {"my_host-1", 0, NET_SCHEME_REFRAIN, "my_host-1", 7373, "", "refrain://my_host-1"},
    {"ftp://a", ERROR_UNSUPPORTED, 0, NULL, 0, NULL, NULL},
    {"", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https:///path", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a:", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a:0", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a:65536", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a:99999999999999999999", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a:8x", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://::1", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://[::1", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://[::1]x", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://[a.example]", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://[fe80::zz]", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://user@a", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a/#part", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a?b", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a b", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a\nb", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a\x80", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
    {"https://a,b", ERROR_MALFORMED, 0, NULL, 0, NULL, NULL},
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct net_url url;
        char text[NET_URL_TEXT_BYTES];
        assert_int_equal(net_url_parse(urls[i].text, &url), urls[i].error);
        if (urls[i].error != 0) {
            continue;
        }
        const char *canonical = urls[i].canonical == NULL ? urls[i].text : urls[i].canonical;
        assert_int_equal(url.scheme, urls[i].scheme);
        assert_string_equal(url.host, urls[i].host);
        assert_int_equal(url.port, urls[i].port);
        assert_string_equal(url.path, urls[i].path);
        assert_int_equal(net_url_is_tls(&url), url.scheme != NET_SCHEME_HTTP);
        assert_int_equal(net_url_format(&url, text, sizeof text), 0);
        assert_string_equal(text, canonical);
        assert_int_equal(net_url_format(&url, text, strlen(canonical)), ERROR_TOO_LARGE);
    }
}

static void test_url_limits(void **state)
{
    (void)state;
    struct net_url url;
    char text[NET_URL_TEXT_BYTES + 10];
    memset(text, 'a', sizeof text);
    text[NET_HOST_BYTES_MAX] = '\0';
    assert_int_equal(net_url_parse(text, &url), 0);
    text[NET_HOST_BYTES_MAX] = 'a';
    text[NET_HOST_BYTES_MAX + 1] = '\0';
    assert_int_not_equal(net_url_parse(text, &url), 0);
    memset(text, 'a', sizeof text);
    text[1] = '/';
    text[NET_URL_PATH_BYTES_MAX + 1] = '\0';
    assert_int_equal(net_url_parse(text, &url), 0);
    text[NET_URL_PATH_BYTES_MAX + 1] = 'a';
    text[NET_URL_PATH_BYTES_MAX + 2] = '\0';
    assert_int_equal(net_url_parse(text, &url), ERROR_TOO_LARGE);
}

static const struct {
    const char *text;
    int error;
    const char *host;
    uint16_t port;
} listens[] = {
    {"127.0.0.1:0", 0, "127.0.0.1", 0},
    {"[::]:80", 0, "::", 80},
    {"[::1]", 0, "::1", 7},
    {"host", 0, "host", 7},
    {"host:65535", 0, "host", 65535},
    {":80", ERROR_MALFORMED, NULL, 0},
    {"::1:80", ERROR_MALFORMED, NULL, 0},
    {"[::1", ERROR_MALFORMED, NULL, 0},
    {"[]:1", ERROR_MALFORMED, NULL, 0},
    {"a:", ERROR_MALFORMED, NULL, 0},
    {"a:-1", ERROR_MALFORMED, NULL, 0},
    {"", ERROR_MALFORMED, NULL, 0},
};

static void test_listens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        char host[NET_HOST_BYTES_MAX + 1];
        uint16_t port = 1;
        assert_int_equal(net_listen_parse(listens[i].text, 7, host, sizeof host, &port),
                         listens[i].error);
        if (listens[i].error == 0) {
            assert_string_equal(host, listens[i].host);
            assert_int_equal(port, listens[i].port);
        }
    }
}

static const struct {
    const char *host;
    const char *text; /* NULL = no numeric address */
    uint8_t family;
} addresses[] = {
    {"192.0.2.1", "192.0.2.1:9", 4},
    {"127.1.2.3", "127.1.2.3:9", 4},
    {"::1", "[::1]:9", 6},
    {"[2001:db8::1]", "[2001:db8::1]:9", 6},
    {"::ffff:192.0.2.1", "192.0.2.1:9", 4},
    {"a.example", NULL, 0},
    {"[127.0.0.1]", NULL, 0},
    {"", NULL, 0},
    {"1.2.3", NULL, 0},
    {"[::1", NULL, 0},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct net_address address, back;
        struct sockaddr_storage sockaddr;
        socklen_t bytes = 0;
        char text[NET_ADDRESS_TEXT_BYTES];
        int error = net_address_parse(addresses[i].host, 9, &address);
        assert_int_equal(error, addresses[i].text == NULL ? ERROR_MALFORMED : 0);
        if (error != 0) {
            continue;
        }
        assert_int_equal(address.family, addresses[i].family);
        net_address_format(&address, text);
        assert_string_equal(text, addresses[i].text);
        net_address_to_sockaddr(&address, &sockaddr, &bytes);
        net_address_from_sockaddr((struct sockaddr *)&sockaddr, &back);
        assert_memory_equal(&back, &address, sizeof back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_url_limits),
        cmocka_unit_test(test_listens),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
