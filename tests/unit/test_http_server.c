/*
 * test_http_server.c: requests and answers over loopback, byte for byte; server and clients in one
 * loop. Dates are cut out; nothing sleeps.
 */
#include "common/error.h"
#include "common/net/http_server.h"
#include "common/net/listener.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOT_BYTES_MAX (4u * 1024u * 1024u)
#define FILE_BYTES 3000000u

struct world {
    struct net_loop *loop;
    struct net_listener *listener;
    struct net_http_server *server;
    struct net_http_exchange *held; /* "/later" */
    struct net_deadline *guard;
    struct net_stream *client;
    const char *sent; /* what the client sends */
    size_t sent_bytes;
    size_t piece; /* bytes of one write; 0 = all at once */
    bool drops;   /* the client closes when the first byte comes */
    bool pauses;  /* the client never reads */
    char *got;
    size_t got_bytes;
    int client_error;
    bool server_has_closed;
    unsigned requests;
    struct net_deferred next_piece;
    /* "/feed": every second piece comes later, the third time an odd count. */
    struct net_deferred feeding;
    struct net_http_body *fed;
    uint8_t *fed_buffer;
    uint64_t fed_offset;
    size_t fed_bytes;
    unsigned fed_times, fed_done;
};

static char file_name[] = "/tmp/refrain_test_http_XXXXXX";

static uint8_t file_byte(size_t at)
{
    return (uint8_t)((at * 2654435761u) >> 13);
}

static void make_file(void)
{
    int fd = mkstemp(file_name);
    uint8_t *bytes = malloc(FILE_BYTES);
    assert_true(fd >= 0);
    assert_non_null(bytes);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] = file_byte(i);
    }
    assert_int_equal(write(fd, bytes, FILE_BYTES), FILE_BYTES);
    free(bytes);
    close(fd);
}

/* ---- the handler ---- */

static void feed_now(void *context)
{
    struct world *world = context;
    for (size_t i = 0; i < world->fed_bytes; i++) {
        world->fed_buffer[i] = file_byte((size_t)world->fed_offset + i);
    }
    net_http_fed(world->fed, world->fed_times == 20 ? -1 : (ssize_t)world->fed_bytes);
}

static void on_want(void *context, struct net_http_body *body, uint64_t offset, uint8_t *buffer,
                    size_t bytes)
{
    struct world *world = context;
    world->fed = body;
    world->fed_buffer = buffer;
    world->fed_offset = offset;
    world->fed_bytes = world->fed_times % 3 == 2 && bytes > 777 ? 777 : bytes;
    world->fed_times++;
    world->feeding = (struct net_deferred){.callback = feed_now, .context = world};
    if (world->fed_times % 2 == 0) {
        net_loop_defer(world->loop, &world->feeding);
    } else {
        feed_now(world);
    }
}

static void on_done(void *context)
{
    struct world *world = context;
    world->fed_done++;
}

static void answer_text(struct net_http_exchange *exchange, const char *text)
{
    struct net_http_answer answer = {.status = 200,
                                     .content_type = "text/plain",
                                     .etag = "\"tag\"",
                                     .cache_control = "max-age=1",
                                     .is_ranged = true,
                                     .body = text,
                                     .body_bytes = strlen(text),
                                     .fd = -1};
    net_http_answer(exchange, &answer);
}

static void on_request(void *context, struct net_http_exchange *exchange,
                       const struct net_http_request *request)
{
    struct world *world = context;
    world->requests++;
    assert_non_null(request->path);
    assert_int_equal(request->path[0], '/');
    if (strcmp(request->path, "/text") == 0) {
        answer_text(exchange, "0123456789");
    } else if (strcmp(request->path, "/query") == 0) {
        answer_text(exchange, request->query);
    } else if (strcmp(request->path, "/later") == 0) {
        world->held = exchange;
        net_stream_close(world->client);
    } else if (strcmp(request->path, "/file") == 0 || strcmp(request->path, "/short") == 0) {
        struct net_http_answer answer = {.status = 200, .is_ranged = true};
        answer.content_type = "audio/ogg";
        answer.fd = open(file_name, O_RDONLY | O_CLOEXEC);
        answer.body_bytes = FILE_BYTES + (request->path[1] == 's' ? 1 : 0);
        net_http_answer(exchange, &answer);
    } else if (strcmp(request->path, "/feed") == 0) {
        struct net_http_feed feed = {.want = on_want, .done = on_done, .context = world};
        struct net_http_answer answer = {.status = 200, .is_ranged = true, .fd = -1, .feed = &feed};
        answer.body_bytes = FILE_BYTES;
        net_http_answer(exchange, &answer);
    } else {
        net_http_answer_error(exchange, 404, NULL);
    }
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
    world->server_has_closed = true;
}

static const struct net_http_handler handler = {on_request, on_link, on_server_closed};

/* ---- the client ---- */

static void send_piece(void *context)
{
    struct world *world = context;
    size_t count =
        world->piece == 0 || world->piece > world->sent_bytes ? world->sent_bytes : world->piece;
    struct iovec part = {(void *)(uintptr_t)world->sent, count};
    if (world->client == NULL || net_stream_write(world->client, &part, 1) != 0) {
        return;
    }
    world->sent += count;
    world->sent_bytes -= count;
    if (world->sent_bytes > 0) {
        net_loop_defer(world->loop, &world->next_piece);
    }
}

static void client_opened(void *context)
{
    send_piece(context);
}

static void client_read(void *context, const uint8_t *bytes, size_t count)
{
    struct world *world = context;
    assert_true(count < GOT_BYTES_MAX - world->got_bytes);
    memcpy(world->got + world->got_bytes, bytes, count);
    world->got_bytes += count;
    world->got[world->got_bytes] = '\0';
    if (world->drops) {
        net_stream_close(world->client);
    }
}

static void client_closed(void *context, int error)
{
    struct world *world = context;
    world->client_error = error;
    world->client = NULL;
    net_loop_undefer(world->loop, &world->next_piece);
    net_listener_close(world->listener);
    world->listener = NULL;
    net_http_server_close(world->server);
    if (world->held != NULL) {
        net_http_answer_error(world->held, 503, "gone");
    }
    net_deadline_close(world->guard);
    world->guard = NULL;
}

static const struct net_stream_handler client_handler = {
    .opened = client_opened, .read = client_read, .closed = client_closed};

static void on_guard(void *context)
{
    struct world *world = context;
    fail_msg("hangs: got [%.2000s]", world->got);
}

/* One client sends bytes; runs until the server closes the connection (or the client does). */
static void run(struct world *world, const struct net_http_config *config, const char *sent,
                size_t sent_bytes)
{
    char text[NET_LISTENER_TEXT_BYTES];
    struct net_http_config defaults = {.tls = NULL};
    world->sent = sent;
    world->sent_bytes = sent_bytes;
    world->next_piece = (struct net_deferred){.callback = send_piece, .context = world};
    world->got = calloc(1, GOT_BYTES_MAX + 1);
    assert_non_null(world->got);
    assert_int_equal(net_loop_new(&world->loop), 0);
    assert_int_equal(net_http_server_new(world->loop, config == NULL ? &defaults : config, &handler,
                                         world, &world->server),
                     0);
    assert_int_equal(net_listener_open(world->loop, "127.0.0.1", 0, net_http_server_take,
                                       world->server, &world->listener, text),
                     0);
    assert_int_equal(net_deadline_open(world->loop, on_guard, world, &world->guard), 0);
    net_deadline_set(world->guard, net_now_us() + 20 * TIME_US_PER_S);
    assert_int_equal(
        net_stream_connect(world->loop, "127.0.0.1", net_listener_address(world->listener)->port,
                           NULL, NET_OFFER_HTTP, NULL, &client_handler, world, &world->client),
        0);
    net_loop_run(world->loop);
    assert_true(world->server_has_closed);
    net_loop_free(world->loop);
}

/* Cuts the Date lines out: they are the only part that changes. */
static void cut_dates(char *text)
{
    for (char *at = strstr(text, "Date: "); at != NULL; at = strstr(at, "Date: ")) {
        char *end = strstr(at, "\r\n") + 2;
        memmove(at, end, strlen(end) + 1);
    }
}

#define COMMON_TEXT "Content-Type: text/plain\r\nContent-Length: "
#define BEHIND_TEXT                                                                                \
    "X-Content-Type-Options: nosniff\r\nETag: \"tag\"\r\nCache-Control: max-age=1\r\n"             \
    "Accept-Ranges: bytes\r\n"
#define JSON_HEAD(bytes) "Content-Type: application/json\r\nContent-Length: " #bytes "\r\n"
#define NOSNIFF "X-Content-Type-Options: nosniff\r\n"
#define NO_STORE "Cache-Control: no-store\r\n"
#define CLOSE "Connection: close\r\n"
#define END "\r\n"
#define LAST "Host: a\r\nConnection: close\r\n\r\n"
#define REFUSED(line, bytes, body)                                                                 \
    "HTTP/1.1 " line "\r\n" JSON_HEAD(bytes) NOSNIFF NO_STORE CLOSE END body "\n"

static const struct {
    const char *sent;
    const char *expected;
} rows[] = {
    /* Good ones. */
    {"GET /text HTTP/1.1\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "10\r\n" BEHIND_TEXT CLOSE END "0123456789"},
    {"HEAD /text HTTP/1.1\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "10\r\n" BEHIND_TEXT CLOSE END},
    {"\r\n\r\nGET http://a/query?b=c HTTP/1.1\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "3\r\n" BEHIND_TEXT CLOSE END "b=c"},
    {"GET /text HTTP/1.0\r\n\r\n",
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "10\r\n" BEHIND_TEXT CLOSE END "0123456789"},
    {"GET /text HTTP/1.1\r\nRange: bytes=2-3\r\n" LAST,
     "HTTP/1.1 206 Partial Content\r\n" COMMON_TEXT
     "2\r\nContent-Range: bytes 2-3/10\r\n" BEHIND_TEXT CLOSE END "23"},
    {"GET /text HTTP/1.1\r\nRange: bytes=2-3\r\nIf-Range: \"tag\"\r\n" LAST,
     "HTTP/1.1 206 Partial Content\r\n" COMMON_TEXT
     "2\r\nContent-Range: bytes 2-3/10\r\n" BEHIND_TEXT CLOSE END "23"},
    {"GET /text HTTP/1.1\r\nRange: bytes=2-3\r\nIf-Range: \"old\"\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "10\r\n" BEHIND_TEXT CLOSE END "0123456789"},
    {"HEAD /text HTTP/1.1\r\nRange: bytes=-1\r\n" LAST,
     "HTTP/1.1 206 Partial Content\r\n" COMMON_TEXT
     "1\r\nContent-Range: bytes 9-9/10\r\n" BEHIND_TEXT CLOSE END},
    {"GET /text HTTP/1.1\r\nRange: bytes=10-\r\n" LAST,
     "HTTP/1.1 416 Range Not Satisfiable\r\n" JSON_HEAD(
         34) "Content-Range: bytes */10\r\nETag: \"tag\"\r\nCache-Control: max-age=1\r\n"
             "Accept-Ranges: bytes\r\n" CLOSE END "{\"error\":\"range not satisfiable\"}\n"},
    {"GET /text HTTP/1.1\r\nIf-None-Match: \"x\", \"tag\"\r\n" LAST,
     "HTTP/1.1 304 Not Modified\r\nETag: \"tag\"\r\nCache-Control: max-age=1\r\n"
     "Accept-Ranges: bytes\r\n" CLOSE END},
    {"GET /nothing HTTP/1.1\r\n" LAST, REFUSED("404 Not Found", 22, "{\"error\":\"not found\"}")},
    /* Pipelined, the last one closes. */
    {"GET /query?1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /text HTTP/1.1\r\nHost: a\r\n\r\n"
     "POST /text HTTP/1.1\r\nHost: a\r\n\r\nGET /query?2 HTTP/1.1\r\n" LAST
     "GET /query?3 HTTP/1.1\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "1\r\n" BEHIND_TEXT END "1"
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "10\r\n" BEHIND_TEXT END
     "HTTP/1.1 405 Method Not Allowed\r\n" JSON_HEAD(31) NOSNIFF NO_STORE
     "Allow: GET, HEAD\r\n" END "{\"error\":\"method not allowed\"}\n"
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "1\r\n" BEHIND_TEXT CLOSE END "2"},
    /* An Upgrade to something else is passed over. */
    {"GET /query?1 HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nHost: a\r\n\r\n"
     "GET /query?2 HTTP/1.1\r\n" LAST,
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "1\r\n" BEHIND_TEXT END "1"
     "HTTP/1.1 200 OK\r\n" COMMON_TEXT "1\r\n" BEHIND_TEXT CLOSE END "2"},
    {"GET /v1/link HTTP/1.1\r\n" LAST,
     "HTTP/1.1 426 Upgrade Required\r\n" JSON_HEAD(29) NOSNIFF NO_STORE
     "Upgrade: refrain/1\r\n" CLOSE END "{\"error\":\"upgrade required\"}\n"},
    /* Refused, and closed. */
    {"GET /text HTTP/1.1\r\n\r\n", REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET /text HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
     REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET /text HTTP/1.1\r\n: nameless\r\n" LAST,
     REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET text HTTP/1.1\r\n" LAST, REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET * HTTP/1.1\r\n" LAST, REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET /\x80 HTTP/1.1\r\n" LAST, REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET http://a HTTP/1.1\r\n" LAST,
     REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"GET /text HTTP/1.1\r\nHo st: a\r\n\r\n",
     REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"\x16\x03\x01\x02\x00\x01\x00", NULL}, /* a TLS client at a plain port; see below */
    {"get /text HTTP/1.1\r\n" LAST, REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}")},
    {"BREW /text HTTP/1.1\r\n" LAST,
     REFUSED("501 Unknown Method", 27, "{\"error\":\"unknown method\"}")},
    {"GET /text HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
     REFUSED("413 Content Too Large", 30, "{\"error\":\"content too large\"}")},
    {"GET /text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     REFUSED("413 Content Too Large", 30, "{\"error\":\"content too large\"}")},
    {"GET /text HTTP/2.0\r\n" LAST,
     REFUSED("505 HTTP Version Not Supported", 39, "{\"error\":\"http version not supported\"}")},
    {"GET /text HTTP/3.7\r\n" LAST,
     REFUSED("505 HTTP Version Not Supported", 39, "{\"error\":\"http version not supported\"}")},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     REFUSED("505 HTTP Version Not Supported", 39, "{\"error\":\"http version not supported\"}")},
};

static void check_row(size_t i, size_t piece)
{
    struct world world = {.piece = piece};
    const char *expected = rows[i].expected;
    if (expected == NULL) {
        expected = REFUSED("400 Bad Request", 24, "{\"error\":\"bad request\"}");
    }
    run(&world, NULL, rows[i].sent, strlen(rows[i].sent));
    cut_dates(world.got);
    if (strcmp(world.got, expected) != 0) {
        print_message("row %zu, pieces of %zu: %s\n", i, piece, rows[i].sent);
    }
    assert_string_equal(world.got, expected);
    assert_int_equal(world.client_error, ERROR_CLOSED);
    free(world.got);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(i, 0);
        check_row(i, 1);
    }
}

/* ---- limits ---- */

static void expect_status(char *sent, const char *line)
{
    struct world world = {.piece = 0};
    run(&world, NULL, sent, strlen(sent));
    assert_memory_equal(world.got, line, strlen(line));
    assert_non_null(strstr(world.got, "Connection: close\r\n"));
    free(world.got);
    free(sent);
}

/* "GET /?xxx HTTP/1.1", a target of so many bytes. */
static char *with_target(size_t bytes)
{
    char *text = calloc(1, bytes + 100);
    assert_non_null(text);
    snprintf(text, bytes + 100, "GET /query?");
    memset(text + strlen(text), 'x', bytes - 7);
    snprintf(text + strlen(text), 60, " HTTP/1.1\r\n" LAST);
    return text;
}

static char *with_headers(unsigned count, size_t value_bytes, const char *name)
{
    size_t capacity = count * (value_bytes + 40) + 100;
    char *text = calloc(1, capacity);
    assert_non_null(text);
    snprintf(text, capacity, "GET /text HTTP/1.1\r\n");
    for (unsigned i = 0; i < count; i++) {
        size_t used = strlen(text);
        used += (size_t)snprintf(text + used, capacity - used, "%s%u: ", name, i);
        memset(text + used, 'v', value_bytes);
        snprintf(text + used + value_bytes, capacity - used - value_bytes, "\r\n");
    }
    snprintf(text + strlen(text), capacity - strlen(text), LAST);
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    expect_status(with_target(NET_HTTP_LINE_BYTES_MAX), "HTTP/1.1 200 OK\r\n");
    expect_status(with_target(NET_HTTP_LINE_BYTES_MAX + 1), "HTTP/1.1 414 URI Too Long\r\n");
    expect_status(with_headers(NET_HTTP_HEADERS_MAX - 2, 5, "X-"), "HTTP/1.1 200 OK\r\n");
    expect_status(with_headers(NET_HTTP_HEADERS_MAX - 1, 5, "X-"), "HTTP/1.1 431 ");
    expect_status(with_headers(2, 8100, "X-"), "HTTP/1.1 200 OK\r\n");
    expect_status(with_headers(2, 8200, "X-"), "HTTP/1.1 431 ");
}

/* ---- files, slow readers, deadlines ---- */

#define GET_FILE "GET /file HTTP/1.1\r\n" LAST

static void check_body(const struct world *world, size_t first, size_t bytes)
{
    const char *body = strstr(world->got, "\r\n\r\n") + 4;
    assert_int_equal(world->got_bytes - (size_t)(body - world->got), bytes);
    for (size_t i = 0; i < bytes; i++) {
        assert_true((uint8_t)body[i] == file_byte(first + i));
    }
}

static void test_file(void **state)
{
    (void)state;
    struct world whole = {.piece = 0};
    run(&whole, NULL, GET_FILE, strlen(GET_FILE));
    check_body(&whole, 0, FILE_BYTES);
    free(whole.got);
    struct world part = {.piece = 0};
    const char *sent = "GET /file HTTP/1.1\r\nRange: bytes=100001-2100000\r\n" LAST;
    run(&part, NULL, sent, strlen(sent));
    check_body(&part, 100001, 2000000);
    free(part.got);
}

/* A body that comes bit by bit, at once and later; for HEAD nobody asks for it; one that breaks. */
static void test_feed(void **state)
{
    (void)state;
    struct world part = {.piece = 0};
    const char *sent = "GET /feed HTTP/1.1\r\nRange: bytes=100001-700000\r\n" LAST;
    run(&part, NULL, sent, strlen(sent));
    check_body(&part, 100001, 600000);
    assert_true(part.fed_times > 10);
    assert_int_equal(part.fed_done, 1);
    free(part.got);
    struct world head = {.piece = 0};
    sent = "HEAD /feed HTTP/1.1\r\n" LAST;
    run(&head, NULL, sent, strlen(sent));
    assert_non_null(strstr(head.got, "Content-Length: 3000000\r\n"));
    assert_int_equal(head.fed_times, 0);
    assert_int_equal(head.fed_done, 1);
    free(head.got);
    struct world broken = {.piece = 0};
    sent = "GET /feed HTTP/1.1\r\n" LAST;
    run(&broken, NULL, sent, strlen(sent));
    assert_int_equal(broken.fed_times, 20);
    assert_int_equal(broken.fed_done, 1);
    assert_true(broken.got_bytes < FILE_BYTES);
    free(broken.got);
    struct world gone = {.drops = true};
    run(&gone, NULL, sent, strlen(sent));
    assert_int_equal(gone.fed_done, 1);
    free(gone.got);
}

/* A client's blocking end sends a request and ends its side, if it shall; the server serves until
 * the connection is over. What the client's socket holds is read afterwards. */
static ssize_t serve_pair(struct world *world, const struct net_http_config *config,
                          const char *sent, bool half_close, char *got, size_t capacity)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(net_loop_new(&world->loop), 0);
    assert_int_equal(net_http_server_new(world->loop, config, &handler, world, &world->server), 0);
    assert_int_equal(send(ends[1], sent, strlen(sent), 0), strlen(sent));
    if (half_close) {
        shutdown(ends[1], SHUT_WR);
    }
    net_http_server_take(world->server, ends[0]);
    assert_int_equal(net_http_server_connections(world->server), 1);
    net_loop_run(world->loop); /* until nothing is left: the connection has closed */
    assert_int_equal(net_http_server_connections(world->server), 0);
    ssize_t bytes = read(ends[1], got, capacity - 1);
    close(ends[1]);
    net_http_server_close(world->server);
    net_loop_run(world->loop);
    assert_true(world->server_has_closed);
    net_loop_free(world->loop);
    return bytes;
}

/* A client that ends its own side behind the request, as `nc -N` does, still gets its answer. */
static void test_half_closed_client(void **state)
{
    (void)state;
    struct world world = {.piece = 0};
    struct net_http_config config = {.tls = NULL};
    char got[1000] = "";
    const char *sent = "GET /text HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_true(serve_pair(&world, &config, sent, true, got, sizeof got) > 0);
    assert_non_null(strstr(got, "\r\n\r\n0123456789"));
}

/* A reader that takes nothing: the connection ends at its deadline. */
static void test_reader_that_stalls(void **state)
{
    (void)state;
    struct world world = {.piece = 0};
    struct net_http_config config = {.stall_us = 50000};
    char got[1000] = "";
    uint64_t start_us = net_now_us();
    assert_true(serve_pair(&world, &config, GET_FILE, false, got, sizeof got) > 0);
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    assert_true(net_now_us() - start_us >= 50000);
}

/* A file that is shorter than its answer said: the connection ends too early, the reader notices. */
static void test_file_that_ends(void **state)
{
    (void)state;
    struct world world = {.piece = 0};
    const char *sent = "GET /short HTTP/1.1\r\nHost: a\r\n\r\n";
    run(&world, NULL, sent, strlen(sent));
    assert_non_null(strstr(world.got, "Content-Length: 3000001\r\n"));
    const char *body = strstr(world.got, "\r\n\r\n") + 4;
    assert_true(world.got_bytes < FILE_BYTES + 1 + (size_t)(body - world.got));
    free(world.got);
}

static void test_deadlines(void **state)
{
    (void)state;
    /* Long enough for a busy machine to read what has come, as the answer says that it did. */
    struct net_http_config slow_config = {.header_us = 400000};
    struct world slow = {.piece = 0};
    run(&slow, &slow_config, "GET /te", 7);
    assert_memory_equal(slow.got, "HTTP/1.1 408 Request Timeout\r\n", 30);
    free(slow.got);
    struct net_http_config silent_config = {.header_us = 20000};
    struct world silent = {.piece = 0};
    run(&silent, &silent_config, "\r\n", 2);
    assert_int_equal(silent.got_bytes, 0);
    assert_int_equal(silent.client_error, ERROR_CLOSED);
    free(silent.got);
    struct net_http_config idle_config = {.idle_us = 20000};
    struct world idle = {.piece = 0};
    run(&idle, &idle_config, "GET /query?1 HTTP/1.1\r\nHost: a\r\n\r\n", 34);
    assert_memory_equal(idle.got, "HTTP/1.1 200 OK\r\n", 17);
    assert_null(strstr(idle.got, "Connection: close"));
    free(idle.got);
}

/* One connection too many is told so; the first goes on. */
static void test_too_many(void **state)
{
    (void)state;
    struct world world = {.piece = 0};
    struct net_http_config config = {.connections_max = 1};
    int first[2];
    int second[2];
    char got[1000] = "";
    const char *sent = "GET /text HTTP/1.1\r\n" LAST;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, first), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, second), 0);
    assert_int_equal(net_loop_new(&world.loop), 0);
    assert_int_equal(net_http_server_new(world.loop, &config, &handler, &world, &world.server), 0);
    net_http_server_take(world.server, first[0]);
    net_http_server_take(world.server, second[0]);
    assert_int_equal(send(first[1], sent, strlen(sent), 0), strlen(sent));
    shutdown(first[1], SHUT_WR);
    shutdown(second[1], SHUT_WR);
    net_loop_run(world.loop);
    assert_true(read(first[1], got, sizeof got - 1) > 0);
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    assert_true(read(second[1], got, sizeof got - 1) > 0);
    assert_memory_equal(got, "HTTP/1.1 503 Service Unavailable\r\n", 34);
    close(first[1]);
    close(second[1]);
    net_http_server_close(world.server);
    net_loop_run(world.loop);
    net_loop_free(world.loop);
}

/* The client goes before the handler answers: the answer is for nobody, and nothing leaks. */
static void test_client_goes(void **state)
{
    (void)state;
    struct world later = {.piece = 0};
    run(&later, NULL, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 32);
    assert_int_equal(later.requests, 1);
    free(later.got);
    struct world drops = {.drops = true};
    run(&drops, NULL, GET_FILE, strlen(GET_FILE));
    assert_true(drops.got_bytes > 0 && drops.got_bytes < FILE_BYTES);
    free(drops.got);
}

int main(void)
{
    make_file();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_feed),
        cmocka_unit_test(test_half_closed_client),
        cmocka_unit_test(test_reader_that_stalls),
        cmocka_unit_test(test_file_that_ends),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_client_goes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file_name);
    return failed;
}
