/*
 * test_net_alloc.c: a client and a server in one loop, with each allocation made to fail once: the
 * link and the GET end with an error or come through, everything closes, nothing leaks.
 *
 * calloc, malloc, realloc and strdup of our own objects are wrapped by the linker.
 */
#include "common/error.h"
#include "common/net/http_client.h"
#include "common/net/http_server.h"
#include "common/net/link.h"
#include "common/net/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long until_failure; /* 0 = none fails */
static bool has_failed;

void *__real_calloc(size_t count, size_t bytes);
void *__real_malloc(size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    if (until_failure == 0 || --until_failure > 0) {
        return false;
    }
    has_failed = true;
    return true;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

struct world {
    struct net_loop *loop;
    struct net_tls *server_tls, *client_tls;
    struct net_listener *listener;
    struct net_http_server *http;
    struct net_link *client;
    struct net_http_client *getter;
    struct net_link *server; /* the last that was adopted */
    bool echoed, got;
    int ends; /* of link and GET */
};

/* Both conversations are over: no more is served. */
static void end_one(struct world *world)
{
    if (++world->ends == 2) {
        net_listener_close(world->listener);
        net_http_client_close(world->getter);
        net_http_server_close(world->http);
    }
}

/* ---- the server ---- */

static void server_up(void *context)
{
    (void)context;
}

static void server_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    struct world *world = context;
    if (net_link_send(world->server, type, body, bytes, NULL, 0) != 0) {
        net_link_close(world->server);
    }
}

static void server_closed(void *context, int error, const char *text)
{
    (void)context;
    (void)error;
    assert_non_null(text);
}

static const struct net_link_handler server_handler = {
    .up = server_up, .frame = server_frame, .closed = server_closed};

static void on_link(void *context, struct net_stream *stream, const uint8_t *bytes, size_t count)
{
    struct world *world = context;
    if (net_link_adopt(stream, bytes, count, &server_handler, world, &world->server) != 0) {
        net_stream_close(stream);
    }
}

static void on_request(void *context, struct net_http_exchange *exchange,
                       const struct net_http_request *request)
{
    (void)context;
    (void)request;
    net_http_answer_error(exchange, 404, NULL);
}

static void on_http_closed(void *context)
{
    struct world *world = context;
    world->http = NULL;
}

static const struct net_http_handler http_handler = {on_request, on_link, on_http_closed};

/* ---- the client ---- */

static uint8_t large[40000];

static void client_up(void *context)
{
    struct world *world = context;
    /* More than one read brings, so that frames are cut. */
    if (net_link_send(world->client, 1, "a", 1, large, sizeof large) != 0 ||
        net_link_send(world->client, 2, large, sizeof large, NULL, 0) != 0) {
        net_link_close(world->client);
    }
}

static void client_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    struct world *world = context;
    (void)body;
    assert_int_equal(bytes, type == 1 ? sizeof large + 1 : sizeof large);
    if (type == 2) {
        world->echoed = true;
        net_link_close(world->client);
    }
}

static void client_closed(void *context, int error, const char *text)
{
    (void)error;
    assert_non_null(text);
    end_one(context);
}

static const struct net_link_handler client_handler = {
    .up = client_up, .frame = client_frame, .closed = client_closed};

static void on_done(void *context, const struct net_http_response *response)
{
    struct world *world = context;
    assert_true(response->error == 0 ? response->status == 404 || response->status == 503
                                     : strlen(response->text) > 0);
    world->got = response->error == 0 && response->status == 404;
    end_one(world);
}

/* ---- the scenario ---- */

static int open_server(struct world *world, bool tls)
{
    char text[NET_LISTENER_TEXT_BYTES];
    struct net_http_config config = {.tls = NULL};
    int error = net_loop_new(&world->loop);
    if (error == 0 && tls) {
        error = net_tls_new_server(NULL, &world->server_tls);
    }
    if (error == 0 && tls) {
        error = net_tls_new_client(&world->client_tls);
    }
    config.tls = world->server_tls;
    if (error == 0) {
        error = net_http_server_new(world->loop, &config, &http_handler, world, &world->http);
    }
    if (error != 0) {
        return error;
    }
    return net_listener_open(world->loop, "127.0.0.1", 0, net_http_server_take, world->http,
                             &world->listener, text);
}

static void converse(struct world *world)
{
    uint16_t port = net_listener_address(world->listener)->port;
    struct net_http_client_config config = {
        .host = "127.0.0.1", .port = port, .tls = world->client_tls};
    if (net_link_connect(world->loop, "127.0.0.1", port, world->client_tls, NULL, &client_handler,
                         world, &world->client) != 0) {
        end_one(world);
    }
    if (net_http_client_open(world->loop, &config, &world->getter) != 0 ||
        net_http_client_get(world->getter, "/", on_done, world) != 0) {
        end_one(world);
    }
    net_loop_run(world->loop);
    assert_int_equal(world->ends, 2);
}

/* Runs with the nth allocation failing; false when there are fewer, and then all went well. */
static bool run(bool tls, long nth)
{
    struct world world = {.ends = 0};
    has_failed = false;
    until_failure = nth;
    if (open_server(&world, tls) == 0) {
        converse(&world);
    } else if (world.http != NULL) {
        net_http_server_close(world.http);
        net_loop_run(world.loop);
    }
    until_failure = 0;
    assert_null(world.http);
    net_loop_free(world.loop);
    net_tls_free(world.server_tls);
    net_tls_free(world.client_tls);
    assert_true(has_failed || (world.echoed && world.got));
    return has_failed;
}

static void test_each_allocation(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        long nth = 1;
        while (run(tls == 1, nth)) {
            nth++;
        }
        assert_true(nth > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
