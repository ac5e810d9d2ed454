/*
 * test_net_link.c: streams and links over loopback, both ends in one loop; stories that end in a
 * log of what each end saw. Nothing sleeps: every story ends when both ends have closed.
 */
#include "common/error.h"
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
    struct net_stream *accepted; /* until it is a link */
    uint16_t port;
    char server_log[LOG_BYTES], client_log[LOG_BYTES];
    bool client_has_key, client_resumed;
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
    if (world->server == NULL && world->client == NULL && world->accepted == NULL) {
        net_listener_close(world->listener);
        world->listener = NULL;
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
                                                       server_closed};

static void accepted_opened(void *context)
{
    struct world *world = context;
    struct net_stream *stream = world->accepted;
    world->accepted = NULL;
    assert_int_equal(net_link_adopt(stream, NULL, 0, &server_handler, world, &world->server), 0);
}

static void accepted_read(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    fail();
}

static void accepted_closed(void *context, int error)
{
    struct world *world = context;
    note(world->server_log, "never up %s", error_name(error));
    world->accepted = NULL;
    maybe_over(world);
}

static const struct net_stream_handler accepted_handler = {
    .opened = accepted_opened, .read = accepted_read, .closed = accepted_closed};

static void on_accepted(void *context, int fd)
{
    struct world *world = context;
    assert_int_equal(net_stream_accept(world->loop, fd, world->server_tls, NULL, &accepted_handler,
                                       world, &world->accepted),
                     0);
}

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

static const struct net_link_handler client_handler = {client_up, client_frame, NULL,
                                                       client_closed};

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
    assert_int_equal(
        net_listener_open(world->loop, "127.0.0.1", 0, on_accepted, world, &world->listener, text),
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
}

static void world_close(struct world *world)
{
    net_listener_close(world->listener);
    net_deadline_close(world->guard);
    net_loop_free(world->loop);
    net_tls_free(world->server_tls);
    net_tls_free(world->client_tls);
}

/* TLS with ALPN refrain/1. `early` is sent before the connection stands. */
static const struct {
    const char *early, *on_up, *on_frame;
    const char *server, *client;
} tls_stories[] = {
    {"e", "", "c", "up 1:hello closed ERROR_CLOSED", "up 2:hello closed ERROR_NONE"},
    {"ez", "e", "f", "up 1:hello 200: 1:hello 3: closed ERROR_NONE",
     "up 2:hello 2:hello 4:bye closed ERROR_CLOSED"},
    {"L", "", "c", "up 1+65536 closed ERROR_CLOSED", "up 2+65536 closed ERROR_NONE"},
    {"", "s", "", "up 5: closed ERROR_NONE", "up closed ERROR_CLOSED"},
    {"", "!", "", "up closed ERROR_TOO_LARGE", "up closed ERROR_CLOSED"},
    {"", "e/C", "", "up 1:hello closed ERROR_TRUNCATED", "up closed ERROR_NONE"},
    {"", "eC", "", "up 1:hello closed ERROR_CLOSED", "up closed ERROR_NONE"},
    {"F", "", "", "up 6:20000 closed ERROR_NONE", "up 4: closed ERROR_CLOSED"},
};

static void test_tls_stories(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tls_stories / sizeof tls_stories[0]; i++) {
        struct world world;
        world_open(&world, true);
        world.on_up = tls_stories[i].on_up;
        world.on_frame = tls_stories[i].on_frame;
        assert_int_equal(net_link_connect(world.loop, "127.0.0.1", world.port, world.client_tls,
                                          NULL, &client_handler, &world, &world.client),
                         0);
        act(&world, tls_stories[i].early);
        world_run(&world);
        assert_string_equal(world.client_log, tls_stories[i].client);
        assert_string_equal(world.server_log, tls_stories[i].server);
        uint8_t key[HASH_BYTES];
        net_tls_get_key_hash(world.server_tls, key);
        assert_true(world.client_has_key);
        assert_memory_equal(world.client_key, key, HASH_BYTES);
        if (strchr(tls_stories[i].early, 'F') != NULL) {
            assert_int_equal(world.flood_got, 20000);
            assert_true(world.queued_most < 65536 + 1004);
        }
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_stories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
