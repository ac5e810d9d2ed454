/*
 * test_net_link.c: streams and links over loopback, both ends in one loop; stories that end in a
 * log of what each end saw. Nothing sleeps: every story ends when both ends have closed.
 */
#include "common/error.h"
#include "common/net/http_server.h"
#include "common/net/link.h"
#include "common/net/listener.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_BYTES 512

enum {
    ASK = 1,    /* the server sends it back as ANSWER */
    ANSWER = 2, /* */
    FINISH = 3, /* the server says DONE and finishes */
    DONE = 4,   /* */
    SLAM = 5,   /* the server closes at once */
    FLOOD = 6,  /* the server sends as many frames as the body says, as room allows */
    DROP = 7,   /* a frame of a flood */
};

struct world {
    struct net_loop *loop;
    struct net_tls *server_tls, *client_tls;
    struct net_listener *listener;
    struct net_link *server, *client;
    struct net_http_server *http;
    uint16_t port;
    char server_log[LOG_BYTES], client_log[LOG_BYTES];
    bool client_has_key, client_resumed, keeps_listening, refuses_links;
    uint8_t client_key[HASH_BYTES];
    const char *on_up;    /* what the client does: letters, see act() */
    const char *on_frame; /* ... when the first frame has come */
    unsigned flood_left, flood_got;
    size_t queued_most;
    uint64_t body_sum;
    struct net_deadline *guard; /* a story that hangs fails */
};

static void note(char *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(char *log, const char *format, ...)
{
    size_t used = strlen(log);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(log + used, LOG_BYTES - used, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0 && used + (size_t)bytes < LOG_BYTES);
}

static void maybe_over(struct world *world)
{
    if (world->server != NULL || world->client != NULL) {
        return;
    }
    if (world->keeps_listening) {
        net_loop_stop(world->loop);
    } else if (world->listener != NULL) {
        net_listener_close(world->listener);
        world->listener = NULL;
        net_http_server_close(world->http);
        net_deadline_close(world->guard);
        world->guard = NULL;
    }
}

static void on_guard(void *context)
{
    struct world *world = context;
    fail_msg("hangs: server [%s] client [%s]", world->server_log, world->client_log);
}

/* ---- the server ---- */

static void flood(struct world *world)
{
    static const uint8_t body[1000];
    while (world->flood_left > 0 && net_link_queued_bytes(world->server) < 65536) {
        assert_int_equal(net_link_send(world->server, DROP, body, 10, body, sizeof body - 10), 0);
        world->flood_left--;
        size_t queued = net_link_queued_bytes(world->server);
        world->queued_most = queued > world->queued_most ? queued : world->queued_most;
    }
    if (world->flood_left == 0) {
        world->flood_left = UINT32_MAX; /* never again */
        assert_int_equal(net_link_send(world->server, DONE, NULL, 0, NULL, 0), 0);
        net_link_finish(world->server);
        assert_int_equal(net_link_send(world->server, DONE, NULL, 0, NULL, 0), ERROR_CLOSED);
    }
}

static void server_up(void *context)
{
    struct world *world = context;
    note(world->server_log, "up ");
}

static void server_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    struct world *world = context;
    if (bytes <= 8) {
        note(world->server_log, "%u:%.*s ", type, (int)bytes, (const char *)body);
    } else {
        note(world->server_log, "%u+%zu ", type, bytes);
    }
    for (size_t i = 0; i < bytes; i++) {
        world->body_sum += body[i];
    }
    switch (type) {
    case ASK:
        assert_int_equal(net_link_send(world->server, ANSWER, body, bytes, NULL, 0), 0);
        break;
    case FINISH:
        assert_int_equal(net_link_send(world->server, DONE, "bye", 3, NULL, 0), 0);
        net_link_finish(world->server);
        break;
    case SLAM:
        net_link_close(world->server);
        net_link_close(world->server);
        break;
    case FLOOD:
        world->flood_left = (unsigned)atoi((const char *)body);
        flood(world);
        break;
    default:
        break;
    }
}

static void server_room(void *context, size_t queued_bytes)
{
    struct world *world = context;
    assert_int_equal(queued_bytes, net_link_queued_bytes(world->server));
    if (world->flood_left > 0 && world->flood_left < UINT32_MAX) {
        flood(world);
    }
}

static void server_closed(void *context, int error, const char *text)
{
    struct world *world = context;
    assert_non_null(text);
    note(world->server_log, "closed %s", error_name(error));
    world->server = NULL;
    maybe_over(world);
}

static const struct net_link_handler server_handler = {server_up, server_frame, server_room,
                                                       server_closed, NULL};

static void on_link(void *context, struct net_stream *stream, const uint8_t *bytes, size_t count)
{
    struct world *world = context;
    if (world->refuses_links) {
        net_stream_close(stream);
        return;
    }
    assert_int_equal(net_link_adopt(stream, bytes, count, &server_handler, world, &world->server),
                     0);
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

static void act(struct world *world, const char *acts)
{
    static uint8_t large[NET_LINK_BODY_BYTES_MAX];
    for (const char *at = acts; at != NULL && *at != '\0'; at++) {
        int error = 0;
        switch (*at) {
        case 'e':
            error = net_link_send(world->client, ASK, "hel", 3, "lo", 2);
            break;
        case 'z':
            error = net_link_send(world->client, 200, NULL, 0, NULL, 0);
            break;
        case 'L':
            memset(large, 1, sizeof large);
            error = net_link_send(world->client, ASK, large, 1, large + 1, sizeof large - 1);
            break;
        case 'f':
            error = net_link_send(world->client, FINISH, NULL, 0, NULL, 0);
            break;
        case 's':
            error = net_link_send(world->client, SLAM, NULL, 0, NULL, 0);
            break;
        case 'F':
            error = net_link_send(world->client, FLOOD, "20000", 6, NULL, 0);
            break;
        case 'c':
            net_link_close(world->client);
            break;
        case 'C':
            net_link_finish(world->client);
            break;
        case '!': { /* a frame that is too long, written past our own assertion */
            uint8_t header[] = {9, 1, 0, 1};
            struct iovec part = {header, sizeof header};
            error = net_stream_write(net_link_stream(world->client), &part, 1);
            break;
        }
        case '/': { /* a frame that never becomes whole */
            uint8_t header[] = {9, 0, 0, 5, 1};
            struct iovec part = {header, sizeof header};
            error = net_stream_write(net_link_stream(world->client), &part, 1);
            break;
        }
        default:
            fail();
        }
        assert_int_equal(error, 0);
    }
}

static void client_up(void *context)
{
    struct world *world = context;
    struct net_stream *stream = net_link_stream(world->client);
    note(world->client_log, "up ");
    world->client_has_key = net_stream_peer_key_hash(stream, world->client_key);
    world->client_resumed = net_stream_resumed(stream);
    act(world, world->on_up);
}

static void client_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    struct world *world = context;
    if (type == DROP) {
        world->flood_got++;
        return;
    }
    if (bytes <= 8) {
        note(world->client_log, "%u:%.*s ", type, (int)bytes, (const char *)body);
    } else {
        note(world->client_log, "%u+%zu ", type, bytes);
    }
    const char *acts = world->on_frame;
    world->on_frame = NULL;
    act(world, acts);
}

static void client_closed(void *context, int error, const char *text)
{
    struct world *world = context;
    assert_non_null(text);
    assert_true(error == 0 || strlen(text) > 0);
    note(world->client_log, "closed %s", error_name(error));
    world->client = NULL;
    maybe_over(world);
}

static const struct net_link_handler client_handler = {client_up, client_frame, NULL, client_closed,
                                                       NULL};

/* ---- stories ---- */

static void world_open(struct world *world, bool tls)
{
    char text[NET_LISTENER_TEXT_BYTES];
    memset(world, 0, sizeof *world);
    assert_int_equal(net_loop_new(&world->loop), 0);
    if (tls) {
        assert_int_equal(net_tls_new_server(NULL, &world->server_tls), 0);
        assert_int_equal(net_tls_new_client(&world->client_tls), 0);
    }
    struct net_http_config config = {.tls = world->server_tls};
    assert_int_equal(net_http_server_new(world->loop, &config, &http_handler, world, &world->http),
                     0);
    assert_int_equal(net_listener_open(world->loop, "127.0.0.1", 0, net_http_server_take,
                                       world->http, &world->listener, text),
                     0);
    world->port = net_listener_address(world->listener)->port;
    assert_int_not_equal(world->port, 0);
    assert_int_equal(net_deadline_open(world->loop, on_guard, world, &world->guard), 0);
    net_deadline_set(world->guard, net_now_us() + 20 * TIME_US_PER_S);
}

static void world_run(struct world *world)
{
    net_loop_run(world->loop);
    assert_null(world->client);
    assert_null(world->server);
    assert_null(world->http);
}

static void world_close(struct world *world)
{
    net_listener_close(world->listener);
    net_deadline_close(world->guard);
    net_loop_free(world->loop);
    net_tls_free(world->server_tls);
    net_tls_free(world->client_tls);
}

/* `early` is sent before the connection stands; both forms must give the same story. */
static const struct {
    const char *early, *on_up, *on_frame;
    const char *server, *client;
} stories[] = {
    {"e", "", "c", "up 1:hello closed ERROR_CLOSED", "up 2:hello closed ERROR_NONE"},
    {"ez", "e", "f", "up 1:hello 200: 1:hello 3: closed ERROR_NONE",
     "up 2:hello 2:hello 4:bye closed ERROR_CLOSED"},
    {"L", "", "c", "up 1+65536 closed ERROR_CLOSED", "up 2+65536 closed ERROR_NONE"},
    {"", "f", "", "up 3: closed ERROR_NONE", "up 4:bye closed ERROR_CLOSED"},
    {"", "eC", "", "up 1:hello closed ERROR_CLOSED", "up closed ERROR_NONE"},
    {"", "e/C", "", "up 1:hello closed ERROR_TRUNCATED", "up closed ERROR_NONE"},
    {"e", "", "!", "up 1:hello closed ERROR_TOO_LARGE", "up 2:hello closed ERROR_CLOSED"},
    {"e", "", "s", "up 1:hello 5: closed ERROR_NONE", "up 2:hello closed ERROR_CLOSED"},
    {"F", "", "", "up 6:20000 closed ERROR_NONE", "up 4: closed ERROR_CLOSED"},
};

static void check_key(const struct world *world)
{
    uint8_t key[HASH_BYTES];
    assert_true(world->client_has_key == (world->server_tls != NULL));
    if (world->client_has_key) {
        net_tls_get_key_hash(world->server_tls, key);
        assert_memory_equal(world->client_key, key, HASH_BYTES);
    }
}

static void tell_story(size_t i, bool tls, const char *host)
{
    struct world world;
    world_open(&world, tls);
    world.on_up = stories[i].on_up;
    world.on_frame = stories[i].on_frame;
    assert_int_equal(net_link_connect(world.loop, host, world.port, world.client_tls, NULL,
                                      &client_handler, &world, &world.client),
                     0);
    act(&world, stories[i].early);
    world_run(&world);
    if (strcmp(world.client_log, stories[i].client) != 0 ||
        strcmp(world.server_log, stories[i].server) != 0) {
        print_message("story %zu, %s\n", i, tls ? "TLS" : "plain");
    }
    assert_string_equal(world.client_log, stories[i].client);
    assert_string_equal(world.server_log, stories[i].server);
    check_key(&world);
    if (strchr(stories[i].early, 'F') != NULL) {
        assert_int_equal(world.flood_got, 20000);
        assert_true(world.queued_most < 65536 + 1004);
    }
    world_close(&world);
}

static void test_stories(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        tell_story(i, true, "127.0.0.1");
        tell_story(i, false, "127.0.0.1");
    }
    tell_story(0, true, "localhost");
}

/* A server that takes no links closes the stream that it was handed. */
static void test_links_refused(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct world world;
        world_open(&world, tls == 1);
        world.refuses_links = true;
        assert_int_equal(net_link_connect(world.loop, "127.0.0.1", world.port, world.client_tls,
                                          NULL, &client_handler, &world, &world.client),
                         0);
        world_run(&world);
        assert_memory_equal(world.client_log, "up closed ERROR_", 16);
        assert_string_equal(world.server_log, "");
        world_close(&world);
    }
}

/* The second connection uses the ticket of the first, and tells the same key. */
static void test_resumption(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    struct net_tls *client_tls = world.client_tls;
    for (int round = 0; round < 3; round++) {
        world.on_up = "e";
        world.on_frame = "c";
        assert_int_equal(net_link_connect(world.loop, "127.0.0.1", world.port, client_tls, NULL,
                                          &client_handler, &world, &world.client),
                         0);
        world.keeps_listening = round < 2;
        net_loop_run(world.loop);
        assert_int_equal(world.client_resumed, round > 0);
        check_key(&world);
    }
    world_close(&world);
}

/* ---- what can go wrong on the way ---- */

static struct net_loop *failing_loop;
static char failing_log[LOG_BYTES];

static void failing_up(void *context)
{
    (void)context;
    note(failing_log, "up ");
}

static void failing_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    (void)context;
    (void)body;
    (void)bytes;
    note(failing_log, "%u ", type);
}

static void failing_closed(void *context, int error, const char *text)
{
    (void)context;
    note(failing_log, "%s: %s", error_name(error), text);
}

static const struct net_link_handler failing_handler = {failing_up, failing_frame, NULL,
                                                        failing_closed, NULL};

static void begin_failing(void)
{
    failing_log[0] = '\0';
    assert_int_equal(net_loop_new(&failing_loop), 0);
}

static void end_failing(const char *expected)
{
    net_loop_run(failing_loop);
    net_loop_free(failing_loop);
    assert_string_equal(failing_log, expected);
}

/* A socket of ours on loopback that accepts into its backlog and does what the test says. */
static int deaf_server(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_refused(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct net_link *link = NULL;
    begin_failing();
    close(deaf_server(&port));
    assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", port, NULL, NULL, &failing_handler,
                                      NULL, &link),
                     0);
    end_failing("ERROR_UNREACHABLE: Connection refused");
}

static void test_closed_before_anything(void **state)
{
    (void)state;
    struct net_link *link = NULL;
    begin_failing();
    assert_int_equal(
        net_link_connect(failing_loop, "127.0.0.1", 1, NULL, NULL, &failing_handler, NULL, &link),
        0);
    net_link_close(link);
    end_failing("ERROR_NONE: closed");
    begin_failing();
    assert_int_equal(
        net_link_connect(failing_loop, "localhost", 1, NULL, NULL, &failing_handler, NULL, &link),
        0);
    net_link_close(link);
    end_failing("ERROR_NONE: closed");
    assert_int_equal(net_link_connect(NULL, "", 1, NULL, NULL, &failing_handler, NULL, &link),
                     ERROR_MALFORMED);
    assert_int_equal(net_link_connect(NULL, "a", 0, NULL, NULL, &failing_handler, NULL, &link),
                     ERROR_MALFORMED);
}

/* A port whose backlog is full takes no connection, and refuses none. */
static void test_connect_timeout(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof address;
    struct net_link *link = NULL;
    struct net_stream_limits limits = {.connect_us = 30000};
    int fillers[3];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    for (size_t i = 0; i < 3; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, bytes);
    }
    begin_failing();
    assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", ntohs(address.sin_port), NULL,
                                      &limits, &failing_handler, NULL, &link),
                     0);
    end_failing("ERROR_TIMEOUT: connecting took too long");
    for (size_t i = 0; i < 3; i++) {
        close(fillers[i]);
    }
    close(fd);
}

/* What does not fit the queue is refused as a whole, before and after the connection stands. */
static void test_queue_limit(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct net_link *link = NULL;
    struct net_stream_limits limits = {.queue_bytes_max = 100};
    static const uint8_t body[100];
    begin_failing();
    int fd = deaf_server(&port);
    assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", port, NULL, &limits,
                                      &failing_handler, NULL, &link),
                     0);
    assert_int_equal(net_link_send(link, 1, body, 90, NULL, 0), 0);
    assert_int_equal(net_link_send(link, 1, body, 3, NULL, 0), ERROR_FULL);
    assert_int_equal(net_link_send(link, 1, body, 2, NULL, 0), 0);
    assert_int_equal(net_link_queued_bytes(link), 100);
    /* A full queue and the Upgrade in front of it leave together. */
    uv_run(net_loop_uv(failing_loop), UV_RUN_NOWAIT);
    uv_run(net_loop_uv(failing_loop), UV_RUN_NOWAIT);
    assert_int_equal(net_link_queued_bytes(link), 0);
    net_link_close(link);
    assert_int_equal(net_link_send(link, 1, body, 0, NULL, 0), ERROR_CLOSED);
    end_failing("up ERROR_NONE: closed");
    close(fd);
}

/* A server that never says a word: TLS gives up at its deadline. */
static void test_handshake_timeout(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct net_link *link = NULL;
    struct net_tls *tls = NULL;
    struct net_stream_limits limits = {.handshake_us = 20000};
    begin_failing();
    int fd = deaf_server(&port);
    assert_int_equal(net_tls_new_client(&tls), 0);
    assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", port, tls, &limits,
                                      &failing_handler, NULL, &link),
                     0);
    end_failing("ERROR_TIMEOUT: the TLS handshake took too long");
    net_tls_free(tls);
    close(fd);
}

/* Answers to the Upgrade, in pieces of one byte; the server is a blocking socket of ours whose few
 * bytes fit its buffer. */
static const struct {
    const char *answer;
    const char *expected;
} answers[] = {
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: refrain/1\r\nConnection: Upgrade\r\n\r\n"
     "\x07\x01\x00\x01",
     "up ERROR_TOO_LARGE: the other side announced a frame over 65,536 bytes"},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: refrain/1\r\nConnection: Upgrade\r\n\r\n"
     "\x07",
     "up ERROR_TRUNCATED: the other side ended in the middle of a frame"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
     "up ERROR_UNSUPPORTED: the other side refused the link: HTTP status 404"},
    {"SSH-2.0-OpenSSH\r\n",
     "up ERROR_MALFORMED: the other side's answer to the Upgrade is not HTTP"},
    {"HTTP/1.1 101 Swi", "up ERROR_TRUNCATED: the other side ended before it had answered; if it "
                         "speaks TLS, begin its address with https://"},
};

static void test_answers_to_upgrade(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        uint16_t port = 0;
        struct net_link *link = NULL;
        begin_failing();
        int fd = deaf_server(&port);
        assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", port, NULL, NULL,
                                          &failing_handler, NULL, &link),
                         0);
        /* Two turns: the connection begins, and is made by the kernel at once. */
        uv_run(net_loop_uv(failing_loop), UV_RUN_NOWAIT);
        int accepted = accept(fd, NULL, NULL);
        assert_true(accepted >= 0);
        size_t bytes = strlen(answers[i].answer) + (i == 0 ? 2 : 0);
        assert_int_equal(send(accepted, answers[i].answer, bytes, MSG_NOSIGNAL), bytes);
        shutdown(accepted, SHUT_WR);
        end_failing(answers[i].expected);
        close(accepted);
        close(fd);
    }
}

/* A reset in the middle: SO_LINGER 0 sends one. */
static void test_reset(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct net_link *link = NULL;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    begin_failing();
    int fd = deaf_server(&port);
    assert_int_equal(net_link_connect(failing_loop, "127.0.0.1", port, NULL, NULL, &failing_handler,
                                      NULL, &link),
                     0);
    uv_run(net_loop_uv(failing_loop), UV_RUN_NOWAIT);
    int accepted = accept(fd, NULL, NULL);
    setsockopt(accepted, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(accepted);
    net_loop_run(failing_loop);
    net_loop_free(failing_loop);
    assert_non_null(strstr(failing_log, "ERROR_UNREACHABLE: "));
    close(fd);
}

/* A plain server at the other end of TLS. */
static void test_not_tls(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct net_link *link = NULL;
    struct net_tls *tls = NULL;
    begin_failing();
    int fd = deaf_server(&port);
    assert_int_equal(net_tls_new_client(&tls), 0);
    assert_int_equal(
        net_link_connect(failing_loop, "127.0.0.1", port, tls, NULL, &failing_handler, NULL, &link),
        0);
    uv_run(net_loop_uv(failing_loop), UV_RUN_NOWAIT);
    int accepted = accept(fd, NULL, NULL);
    assert_int_equal(send(accepted, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 28);
    end_failing("ERROR_CRYPTO: the other side does not speak TLS 1.3");
    net_tls_free(tls);
    close(accepted);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_links_refused),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_closed_before_anything),
        cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_queue_limit),
        cmocka_unit_test(test_handshake_timeout),
        cmocka_unit_test(test_answers_to_upgrade),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_not_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
