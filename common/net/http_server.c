/*
 * http_server.c: connections, their one exchange at a time, their deadlines, and the links' door.
 *
 * Happy path of a connection: opened -> bytes -> parser -> request to the handler (reading pauses)
 * -> answer: head and body are pumped as the socket takes them -> next request or finish.
 * Failure modes: a refusal by the parser is answered and finished; a deadline (header, idle, stall)
 * closes; the stream's `closed` frees the connection; an exchange outlives it and then answers
 * nobody. Nothing is answered or parsed inside a handler's call: that happens at the turn's end.
 */
#include "common/net/http_server.h"

#include "common/error.h"
#include "common/net/http_answer.h"
#include "common/net/http_body.h"
#include "common/net/http_parser.h"
#include "common/net/link.h"
#include "common/net/upgrade.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 16384u
/* Over the limit so many are still told 503; beyond, connections are closed unheard. */
#define REFUSED_MAX 64u

struct net_http_server {
    struct net_loop *loop;
    struct net_http_config config;
    const struct net_http_handler *handler;
    void *context;
    struct connection *connections; /* list */
    uint32_t connection_count;
    uint32_t exchange_count; /* not answered yet, with or without a connection */
    bool is_closing;
    struct net_deferred end; /* `closed` */
};

enum waiting_for {
    WAITS_FOR_REQUEST, /* its first byte, on a kept connection */
    WAITS_FOR_HEADERS,
    WAITS_FOR_ANSWER, /* by the handler: as long as it takes */
    WAITS_FOR_READER, /* to take what is queued */
    WAITS_FOR_END,    /* finishing */
};

struct connection {
    struct net_http_server *server;
    struct connection *next, *previous;
    struct net_stream *stream;
    struct net_deadline *deadline;
    struct net_deferred turn;
    enum waiting_for waiting;
    bool is_refused; /* one connection too many */
    bool keeps_alive;
    struct net_http_parser *parser;     /* while a request is read or answered */
    struct net_http_exchange *exchange; /* with the handler */
    struct net_http_body *body;         /* being sent */
    uint8_t *unread;                    /* pipelined behind the request; owned */
    size_t unread_bytes;
};

struct net_http_exchange {
    struct net_http_server *server;
    struct connection *connection; /* NULL: it has gone */
};

static void on_turn(void *context);

/* ---- the server's end ---- */

static void maybe_end(struct net_http_server *server)
{
    if (server->is_closing && server->connection_count == 0 && server->exchange_count == 0) {
        net_loop_defer(server->loop, &server->end);
    }
}

static void on_end(void *context)
{
    struct net_http_server *server = context;
    server->handler->closed(server->context);
    free(server);
}

/* ---- connections ---- */

static void set_waiting(struct connection *connection, enum waiting_for waiting)
{
    const struct net_http_config *config = &connection->server->config;
    uint64_t span_us = TIME_NEVER_US;
    switch (waiting) {
    case WAITS_FOR_REQUEST:
        span_us = config->idle_us;
        break;
    case WAITS_FOR_HEADERS:
        span_us = config->header_us;
        break;
    case WAITS_FOR_READER:
        span_us = config->stall_us;
        break;
    case WAITS_FOR_ANSWER:
    case WAITS_FOR_END:
        break;
    }
    connection->waiting = waiting;
    net_deadline_set(connection->deadline, time_add_us(net_now_us(), span_us));
}

static void release_request(struct connection *connection)
{
    free(connection->parser);
    connection->parser = NULL;
    net_http_body_free(connection->body);
    connection->body = NULL;
}

/* Leaves the server's list; the stream is another's or has closed. */
static void free_connection(struct connection *connection)
{
    struct net_http_server *server = connection->server;
    if (connection->exchange != NULL) {
        connection->exchange->connection = NULL;
    }
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->connection_count--;
    release_request(connection);
    free(connection->unread);
    net_deadline_close(connection->deadline);
    net_loop_undefer(server->loop, &connection->turn);
    free(connection);
    maybe_end(server);
}

static void finish(struct connection *connection)
{
    set_waiting(connection, WAITS_FOR_END);
    net_stream_finish(connection->stream);
}

/* ---- sending ---- */

static int write_bytes(struct connection *connection, const void *bytes, size_t count)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    return net_stream_write(connection->stream, &part, 1);
}

/* As much of the body as the queue may hold. False: the connection broke, or it waits. */
static bool pump_body(struct connection *connection)
{
    while (connection->body != NULL && net_http_body_left(connection->body) > 0) {
        const uint8_t *bytes = NULL;
        size_t count = 0;
        if (net_stream_queued_bytes(connection->stream) + NET_HTTP_PIECE_BYTES >
            NET_HTTP_QUEUE_BYTES) {
            return false;
        }
        int error = net_http_body_next(connection->body, &bytes, &count);
        if (error == ERROR_BUSY) {
            return false;
        }
        if (error == 0) {
            error = write_bytes(connection, bytes, count);
        }
        if (error != 0) {
            /* Less than Content-Length: the reader notices. */
            net_stream_close(connection->stream);
            return false;
        }
    }
    return true;
}

/* The answer is in the queue as a whole: what comes next? */
static void end_exchange(struct connection *connection)
{
    if (!connection->keeps_alive) {
        if (net_stream_queued_bytes(connection->stream) == 0) {
            finish(connection);
        }
        return;
    }
    /* A pipelining client gets its next answer when it has taken most of this one. */
    if (net_stream_queued_bytes(connection->stream) > NET_HTTP_QUEUE_BYTES / 2) {
        return;
    }
    release_request(connection);
    set_waiting(connection, WAITS_FOR_REQUEST);
    net_loop_defer(connection->server->loop, &connection->turn);
}

static void pump(struct connection *connection)
{
    if (connection->waiting == WAITS_FOR_READER && pump_body(connection)) {
        end_exchange(connection);
    }
}

static void on_body_ready(void *context)
{
    struct connection *connection = context;
    if (connection->waiting == WAITS_FOR_READER) {
        set_waiting(connection, WAITS_FOR_READER); /* until now it waited for us */
    }
    pump(connection);
}

/* Takes the answer's fd in every case. */
static int make_body(struct connection *connection, const struct net_http_answer *answer,
                     const struct net_http_decision *decision)
{
    char error_body[NET_HTTP_ERROR_BODY_BYTES_MAX];
    bool is_head = connection->parser != NULL && connection->parser->is_head;
    if (answer->fd >= 0 && !is_head && decision->bytes > 0) {
        return net_http_body_new_file(connection->server->loop, answer->fd,
                                      answer->fd_offset + decision->first, decision->bytes,
                                      on_body_ready, connection, &connection->body);
    }
    if (answer->fd >= 0) {
        close(answer->fd);
    }
    if (answer->feed != NULL && !is_head && decision->bytes > 0) {
        return net_http_body_new_feed(answer->feed, decision->first, decision->bytes, on_body_ready,
                                      connection, &connection->body);
    }
    if (answer->feed != NULL) {
        answer->feed->done(answer->feed->context);
    }
    if (is_head) {
        return 0;
    }
    if (decision->status == 416) {
        return net_http_body_new_memory(error_body, net_http_error_body(416, NULL, error_body),
                                        &connection->body);
    }
    if (decision->bytes == 0) {
        return 0;
    }
    return net_http_body_new_memory((const uint8_t *)answer->body + decision->first,
                                    (size_t)decision->bytes, &connection->body);
}

static void send_answer(struct connection *connection, const struct net_http_answer *answer)
{
    char head[NET_HTTP_HEAD_BYTES_MAX];
    struct net_http_conditions conditions = {.range = NULL};
    if (connection->parser != NULL) {
        conditions.range = net_http_parser_header(connection->parser, NET_HTTP_RANGE);
        conditions.if_range = net_http_parser_header(connection->parser, NET_HTTP_IF_RANGE);
        conditions.if_none_match =
            net_http_parser_header(connection->parser, NET_HTTP_IF_NONE_MATCH);
    }
    struct net_http_decision decision = net_http_answer_decide(answer, &conditions);
    int error = make_body(connection, answer, &decision);
    if (error == 0) {
        error = write_bytes(connection, head,
                            net_http_answer_head(answer, &decision, connection->keeps_alive, head));
    }
    if (error != 0) {
        net_stream_close(connection->stream);
        return;
    }
    set_waiting(connection, WAITS_FOR_READER);
    net_loop_defer(connection->server->loop, &connection->turn);
}

static void send_error(struct connection *connection, int status, const char *text)
{
    char body[NET_HTTP_ERROR_BODY_BYTES_MAX];
    struct net_http_answer answer = {.status = status, .fd = -1, .body = body};
    answer.body_bytes = net_http_error_body(status, text, body);
    if (status == 405) {
        answer.extra = "Allow: GET, HEAD\r\n";
    } else if (status == 426) {
        answer.extra = "Upgrade: " NET_LINK_UPGRADE "\r\n";
    }
    send_answer(connection, &answer);
}

static void refuse(struct connection *connection, int status)
{
    connection->keeps_alive = false;
    net_stream_pause(connection->stream);
    send_error(connection, status, NULL);
}

/* ---- receiving ---- */

/* The stream leaves the server, with what was read behind the request. */
static void hand_over_link(struct connection *connection, const uint8_t *bytes, size_t count)
{
    struct net_http_server *server = connection->server;
    struct net_stream *stream = connection->stream;
    bool is_upgrade = connection->parser != NULL;
    if (is_upgrade &&
        write_bytes(connection, net_upgrade_answer(), strlen(net_upgrade_answer())) != 0) {
        net_stream_close(stream);
        return;
    }
    net_stream_set_handler(stream, &net_stream_nobody, NULL);
    free_connection(connection);
    net_stream_set_limits(stream, &server->config.link_limits);
    net_stream_resume(stream);
    server->handler->link(server->context, stream, bytes, count);
}

static void call_handler(struct connection *connection)
{
    struct net_http_server *server = connection->server;
    struct net_http_parser *parser = connection->parser;
    struct net_http_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        refuse(connection, 503);
        return;
    }
    exchange->server = server;
    exchange->connection = connection;
    connection->exchange = exchange;
    server->exchange_count++;
    struct net_http_request request = {
        .is_head = parser->is_head,
        .is_tls = net_stream_is_tls(connection->stream),
        .path = net_http_parser_path(parser),
        .query = net_http_parser_query(parser),
        .host = net_http_parser_header(parser, NET_HTTP_HOST),
        .range = net_http_parser_header(parser, NET_HTTP_RANGE),
        .if_none_match = net_http_parser_header(parser, NET_HTTP_IF_NONE_MATCH),
        .if_range = net_http_parser_header(parser, NET_HTTP_IF_RANGE),
        .accept = net_http_parser_header(parser, NET_HTTP_ACCEPT),
        .peer = net_stream_peer_address(connection->stream),
    };
    set_waiting(connection, WAITS_FOR_ANSWER);
    server->handler->request(server->context, exchange, &request);
}

/* Keeps what is behind the request; reading pauses until it has been answered. False: no memory,
 * and the connection is closing. */
static bool keep_unread(struct connection *connection, const uint8_t *bytes, size_t count)
{
    net_stream_pause(connection->stream);
    if (count == 0) {
        return true;
    }
    connection->unread = malloc(count);
    if (connection->unread == NULL) {
        net_stream_close(connection->stream);
        return false;
    }
    memcpy(connection->unread, bytes, count);
    connection->unread_bytes = count;
    return true;
}

static void take_request(struct connection *connection, const uint8_t *rest, size_t rest_bytes)
{
    const struct net_http_parser *parser = connection->parser;
    if (parser->is_link) {
        hand_over_link(connection, rest, rest_bytes);
        return;
    }
    connection->keeps_alive = parser->keeps_alive;
    if (!keep_unread(connection, rest, rest_bytes)) {
        return;
    }
    if (parser->status != 0) {
        send_error(connection, parser->status, NULL);
    } else if (strcmp(net_http_parser_path(parser), NET_LINK_PATH) == 0) {
        send_error(connection, 426, NULL);
    } else {
        call_handler(connection);
    }
}

/* True: the connection is here and needs more bytes. */
static bool parse(struct connection *connection, const uint8_t *bytes, size_t count)
{
    size_t used = 0;
    if (connection->parser == NULL) {
        connection->parser = malloc(sizeof *connection->parser);
        if (connection->parser == NULL) {
            net_stream_close(connection->stream);
            return false;
        }
        net_http_parser_init(connection->parser);
    }
    int error = net_http_parser_push(connection->parser, bytes, count, &used);
    if (error == ERROR_TRUNCATED) {
        if (connection->parser->has_begun && connection->waiting == WAITS_FOR_REQUEST) {
            set_waiting(connection, WAITS_FOR_HEADERS);
        }
        return true;
    }
    if (error == 0 || connection->parser->keeps_alive) {
        take_request(connection, bytes + used, count - used);
    } else {
        refuse(connection, connection->parser->status);
    }
    return false;
}

/* Whatever must not happen inside a call: going on with an answer, or with the next request. */
static void on_turn(void *context)
{
    struct connection *connection = context;
    if (connection->waiting == WAITS_FOR_READER) {
        pump(connection);
        return;
    }
    if (connection->waiting != WAITS_FOR_REQUEST) {
        return;
    }
    if (connection->unread != NULL) {
        uint8_t *unread = connection->unread;
        connection->unread = NULL;
        bool needs_more = parse(connection, unread, connection->unread_bytes);
        free(unread);
        if (!needs_more) {
            return;
        }
    }
    net_stream_resume(connection->stream);
}

/* ---- the stream's events ---- */

static void on_opened(void *context)
{
    struct connection *connection = context;
    if (net_stream_protocol(connection->stream) == NET_PROTOCOL_LINK) {
        hand_over_link(connection, NULL, 0);
        return;
    }
    net_stream_set_read_max(connection->stream, READ_BYTES);
    if (connection->is_refused) {
        refuse(connection, 503);
        return;
    }
    set_waiting(connection, WAITS_FOR_HEADERS);
}

static void on_read(void *context, const uint8_t *bytes, size_t count)
{
    struct connection *connection = context;
    if (connection->waiting == WAITS_FOR_REQUEST || connection->waiting == WAITS_FOR_HEADERS) {
        parse(connection, bytes, count);
    }
}

static void on_ended(void *context)
{
    struct connection *connection = context;
    if (connection->waiting == WAITS_FOR_REQUEST || connection->waiting == WAITS_FOR_HEADERS) {
        connection->keeps_alive = false;
        set_waiting(connection, WAITS_FOR_READER); /* of what the last answer left in the queue */
        net_loop_defer(connection->server->loop, &connection->turn);
    }
}

static void on_room(void *context, size_t queued_bytes)
{
    struct connection *connection = context;
    (void)queued_bytes;
    if (connection->waiting == WAITS_FOR_READER || connection->waiting == WAITS_FOR_REQUEST) {
        set_waiting(connection, connection->waiting); /* it takes bytes: the clock starts anew */
        pump(connection);
    }
}

static void on_closed(void *context, int error)
{
    (void)error;
    free_connection(context);
}

static const struct net_stream_handler stream_handler = {
    .opened = on_opened,
    .read = on_read,
    .ended = on_ended,
    .room = on_room,
    .closed = on_closed,
};

static void on_deadline(void *context)
{
    struct connection *connection = context;
    bool is_slow = connection->waiting == WAITS_FOR_HEADERS && connection->parser != NULL &&
                   connection->parser->has_begun;
    if (is_slow) {
        refuse(connection, 408);
    } else {
        net_stream_close(connection->stream);
    }
}

/* ---- what callers do ---- */

static void fill_defaults(struct net_http_config *config)
{
    if (config->header_us == 0) {
        config->header_us = NET_HTTP_HEADER_US_DEFAULT;
    }
    if (config->idle_us == 0) {
        config->idle_us = NET_HTTP_IDLE_US_DEFAULT;
    }
    if (config->stall_us == 0) {
        config->stall_us = NET_HTTP_STALL_US_DEFAULT;
    }
    if (config->connections_max == 0) {
        config->connections_max = NET_HTTP_CONNECTIONS_DEFAULT;
    }
}

int net_http_server_new(struct net_loop *loop, const struct net_http_config *config,
                        const struct net_http_handler *handler, void *context,
                        struct net_http_server **ret_server)
{
    struct net_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return ERROR_NO_MEMORY;
    }
    server->loop = loop;
    server->config = *config;
    fill_defaults(&server->config);
    server->handler = handler;
    server->context = context;
    server->end = (struct net_deferred){.callback = on_end, .context = server};
    *ret_server = server;
    return 0;
}

static void link_connection(struct net_http_server *server, struct connection *connection)
{
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->connection_count++;
}

void net_http_server_take(void *context, int fd)
{
    struct net_http_server *server = context;
    uint32_t limit = server->config.connections_max;
    /* The queue holds what is pumped, a head, and the answer to an Upgrade. */
    struct net_stream_limits limits = {.queue_bytes_max =
                                           NET_HTTP_QUEUE_BYTES + NET_HTTP_HEAD_BYTES_MAX,
                                       .handshake_us = server->config.header_us};
    struct connection *connection = NULL;
    if (!server->is_closing && server->connection_count < limit + REFUSED_MAX) {
        connection = calloc(1, sizeof *connection);
    }
    if (connection == NULL) {
        close(fd);
        return;
    }
    connection->server = server;
    connection->is_refused = server->connection_count >= limit;
    connection->waiting = WAITS_FOR_HEADERS;
    connection->turn = (struct net_deferred){.callback = on_turn, .context = connection};
    if (net_deadline_open(server->loop, on_deadline, connection, &connection->deadline) != 0) {
        close(fd);
        goto err_after_connection;
    }
    if (net_stream_accept(server->loop, fd, server->config.tls, &limits, &stream_handler,
                          connection, &connection->stream) != 0) {
        goto err_after_deadline;
    }
    link_connection(server, connection);
    return;

err_after_deadline:
    net_deadline_close(connection->deadline);
err_after_connection:
    free(connection);
}

void net_http_answer(struct net_http_exchange *exchange, const struct net_http_answer *answer)
{
    struct net_http_server *server = exchange->server;
    struct connection *connection = exchange->connection;
    if (connection != NULL) {
        connection->exchange = NULL;
        send_answer(connection, answer);
    } else if (answer->fd >= 0) {
        close(answer->fd);
    } else if (answer->feed != NULL) {
        answer->feed->done(answer->feed->context);
    }
    free(exchange);
    server->exchange_count--;
    maybe_end(server);
}

void net_http_answer_error(struct net_http_exchange *exchange, int status, const char *text)
{
    char body[NET_HTTP_ERROR_BODY_BYTES_MAX];
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        assert(*at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\');
    }
    struct net_http_answer answer = {.status = status, .fd = -1, .body = body};
    answer.body_bytes = net_http_error_body(status, text, body);
    net_http_answer(exchange, &answer);
}

uint32_t net_http_server_connections(const struct net_http_server *server)
{
    return server->connection_count;
}

void net_http_server_close(struct net_http_server *server)
{
    if (server->is_closing) {
        return;
    }
    server->is_closing = true;
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        net_stream_close(at->stream);
    }
    maybe_end(server);
}
