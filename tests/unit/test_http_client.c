/*
 * test_http_client.c: GETs one after another against our own server and against a socket that says
 * what the test wants; both ends in one loop.
 */
#include "common/error.h"
#include "common/net/http_client.h"
#include "common/net/http_server.h"
#include "common/net/listener.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_BYTES 1000

struct world {
    struct net_loop *loop;
    struct net_tls *server_tls, *client_tls;
    struct net_listener *listener;
    struct net_http_server *server;
    struct net_http_client *client;
    const char *const *targets; /* GETs to do; NULL ends */
    unsigned connections;       /* accepted */
    int key_verdict;            /* of check_key */
    bool server_is_gone;
    char log[LOG_BYTES];
};

static char large[100000];

static void note(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct world *world, const char *format, ...)
{
    size_t used = strlen(world->log);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(world->log + used, LOG_BYTES - used, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0 && used + (size_t)bytes < LOG_BYTES);
}

/* ---- the server ---- */

static void on_request(void *context, struct net_http_exchange *exchange,
                       const struct net_http_request *request)
{
    struct net_http_answer answer = {.status = 200, .fd = -1, .body = "{}", .body_bytes = 2};
    (void)context;
    if (strcmp(request->path, "/large") == 0) {
        answer.body = large;
        answer.body_bytes = sizeof large;
    } else if (strcmp(request->path, "/query") == 0) {
        answer.body = request->query;
        answer.body_bytes = strlen(request->query);
    } else if (strcmp(request->path, "/none") == 0) {
        net_http_answer_error(exchange, 404, "no such thing");
        return;
    }
    assert_string_equal(request->accept, "application/json");
    net_http_answer(exchange, &answer);
}

static void on_link(void *context, struct net_stream *stream, const uint8_t *bytes, size_t count)
{
    (void)context;
    (void)stream;
    (void)bytes;
    (void)count;
    fail();
}

static void on_server_closed(void *context)
{
    struct world *world = context;
    world->server_is_gone = true;
}

static const struct net_http_handler handler = {on_request, on_link, on_server_closed};

static void on_accepted(void *context, int fd)
{
    struct world *world = context;
    world->connections++;
    net_http_server_take(world->server, fd);
}

/* ---- the client ---- */

static void on_done(void *context, const struct net_http_response *response);

static void get_next(struct world *world)
{
    if (*world->targets == NULL) {
        net_http_client_close(world->client);
        net_listener_close(world->listener);
        net_http_server_close(world->server);
        return;
    }
    assert_int_equal(net_http_client_get(world->client, *world->targets++, on_done, world), 0);
    assert_int_equal(net_http_client_get(world->client, "/", on_done, world), ERROR_BUSY);
}

static void on_done(void *context, const struct net_http_response *response)
{
    struct world *world = context;
    if (response->error != 0) {
        note(world, "%s ", error_name(response->error));
        assert_true(strlen(response->text) > 0);
    } else if (response->body_bytes < 40) {
        note(world, "%d:%s ", response->status, response->body);
        assert_int_equal(strlen(response->body), response->body_bytes);
    } else {
        note(world, "%d+%zu ", response->status, response->body_bytes);
    }
    get_next(world);
}

static int check_key(void *context, const uint8_t key_hash[HASH_BYTES])
{
    struct world *world = context;
    uint8_t expected[HASH_BYTES];
    net_tls_get_key_hash(world->server_tls, expected);
    assert_memory_equal(key_hash, expected, HASH_BYTES);
    return world->key_verdict;
}

static void run(struct world *world, bool tls, struct net_http_client_config config)
{
    char text[NET_LISTENER_TEXT_BYTES];
    struct net_http_config server_config = {.tls = NULL};
    assert_int_equal(net_loop_new(&world->loop), 0);
    if (tls) {
        assert_int_equal(net_tls_new_server(NULL, &world->server_tls), 0);
        assert_int_equal(net_tls_new_client(&world->client_tls), 0);
        config.check_key = check_key;
        config.context = world;
    }
    server_config.tls = world->server_tls;
    assert_int_equal(
        net_http_server_new(world->loop, &server_config, &handler, world, &world->server), 0);
    assert_int_equal(
        net_listener_open(world->loop, "127.0.0.1", 0, on_accepted, world, &world->listener, text),
        0);
    config.host = "127.0.0.1";
    config.port = net_listener_address(world->listener)->port;
    config.tls = world->client_tls;
    assert_int_equal(net_http_client_open(world->loop, &config, &world->client), 0);
    get_next(world);
    net_loop_run(world->loop);
    assert_true(world->server_is_gone);
    net_loop_free(world->loop);
    net_tls_free(world->server_tls);
    net_tls_free(world->client_tls);
}

static void test_gets(void **state)
{
    (void)state;
    static const char *const targets[] = {"/a", "/query?b=1", "/none", "/large", "/query?c", NULL};
    for (int tls = 0; tls < 2; tls++) {
        struct world world = {.targets = targets};
        run(&world, tls == 1, (struct net_http_client_config){.port = 0});
        assert_string_equal(world.log,
                            "200:{} 200:b=1 404:{\"error\":\"no such thing\"}\n 200+100000 200:c ");
        assert_int_equal(world.connections, 1);
    }
}

/* Too much: that GET fails, the next one has a connection of its own. */
static void test_too_large(void **state)
{
    (void)state;
    static const char *const targets[] = {"/large", "/query?b", NULL};
    struct world world = {.targets = targets};
    run(&world, false, (struct net_http_client_config){.body_bytes_max = sizeof large - 1});
    assert_string_equal(world.log, "ERROR_TOO_LARGE 200:b ");
    assert_int_equal(world.connections, 2);
}

static void test_wrong_key(void **state)
{
    (void)state;
    static const char *const targets[] = {"/a", NULL};
    struct world world = {.targets = targets, .key_verdict = ERROR_MISMATCH};
    run(&world, true, (struct net_http_client_config){.port = 0});
    assert_string_equal(world.log, "ERROR_MISMATCH ");
}

/* ---- answers of a socket of ours ---- */

static char single_log[LOG_BYTES];

static void on_single_done(void *context, const struct net_http_response *response)
{
    struct net_http_client **client = context;
    if (response->error != 0) {
        snprintf(single_log, sizeof single_log, "%s", error_name(response->error));
    } else {
        snprintf(single_log, sizeof single_log, "%d:%s", response->status, response->body);
    }
    net_http_client_close(*client);
}

static const struct {
    const char *answer; /* "" = nothing, then the end */
    const char *expected;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200:hi"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200:hi"},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204:"},
    {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200:hi"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
     "200:hi"},
    {"HTTP/1.1 302 Found\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n", "302:"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "ERROR_TRUNCATED"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi", "ERROR_TRUNCATED"},
    {"HTTP/1.1 200 OK\r\nContent-Le", "ERROR_TRUNCATED"},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "ERROR_MALFORMED"},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "ERROR_MALFORMED"},
    {"220 mail.example ESMTP\r\n", "ERROR_MALFORMED"},
    {"", "ERROR_CLOSED"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t bytes = sizeof address;
        struct net_loop *loop = NULL;
        struct net_http_client *client = NULL;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
        struct net_http_client_config config = {.host = "127.0.0.1",
                                                .port = ntohs(address.sin_port)};
        assert_int_equal(net_loop_new(&loop), 0);
        assert_int_equal(net_http_client_open(loop, &config, &client), 0);
        assert_int_equal(net_http_client_get(client, "/", on_single_done, &client), 0);
        uv_run(net_loop_uv(loop), UV_RUN_NOWAIT);
        int accepted = accept(fd, NULL, NULL);
        assert_true(accepted >= 0);
        size_t answer_bytes = strlen(answers[i].answer);
        assert_int_equal(send(accepted, answers[i].answer, answer_bytes, MSG_NOSIGNAL),
                         answer_bytes);
        shutdown(accepted, SHUT_WR);
        net_loop_run(loop);
        net_loop_free(loop);
        assert_string_equal(single_log, answers[i].expected);
        close(accepted);
        close(fd);
    }
}

static void on_cancelled(void *context, const struct net_http_response *response)
{
    int *error = context;
    *error = response->error;
}

static void test_close_cancels(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_http_client *client = NULL;
    struct net_http_client_config config = {.host = "127.0.0.1", .port = 1};
    int error = 0;
    assert_int_equal(net_loop_new(&loop), 0);
    assert_int_equal(net_http_client_open(loop, &config, &client), 0);
    assert_int_equal(net_http_client_get(client, "/", on_cancelled, &error), 0);
    net_http_client_close(client);
    assert_int_equal(error, ERROR_CANCELLED);
    net_loop_run(loop);
    /* Refused: nobody listens on port 1. */
    assert_int_equal(net_http_client_open(loop, &config, &client), 0);
    assert_int_equal(net_http_client_get(client, "/", on_single_done, &client), 0);
    net_loop_run(loop);
    assert_string_equal(single_log, "ERROR_UNREACHABLE");
    config.host = "";
    assert_int_equal(net_http_client_open(loop, &config, &client), ERROR_MALFORMED);
    net_loop_free(loop);
}

static void test_timeout(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    struct net_loop *loop = NULL;
    struct net_http_client *client = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    struct net_http_client_config config = {
        .host = "127.0.0.1", .port = ntohs(address.sin_port), .timeout_us = 20000};
    assert_int_equal(net_loop_new(&loop), 0);
    assert_int_equal(net_http_client_open(loop, &config, &client), 0);
    assert_int_equal(net_http_client_get(client, "/", on_single_done, &client), 0);
    net_loop_run(loop);
    net_loop_free(loop);
    assert_string_equal(single_log, "ERROR_TIMEOUT");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gets),          cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_wrong_key),     cmocka_unit_test(test_answers),
        cmocka_unit_test(test_close_cancels), cmocka_unit_test(test_timeout),
    };
    memset(large, 'x', sizeof large);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
