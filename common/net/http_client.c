/*
 * http_client.c: one GET after another on one connection.
 *
 * Happy path: get -> [connect] -> request out -> head and body through llhttp -> done; the stream is
 * kept when the server keeps it. Failure modes: a deadline over the whole GET; whatever ends the
 * stream during a GET ends the GET; a kept stream that ends between two GETs is forgotten quietly,
 * and one that ends before the first byte of the next answer makes that GET try once anew.
 * The stream that belonged to an earlier GET reports to nobody (see struct wire).
 */
#include "common/net/http_client.h"

#include "common/error.h"
#include "common/net/url.h"

#include <assert.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_BYTES_MAX 2048u
#define REQUEST_BYTES_MAX (TARGET_BYTES_MAX + 512u)
#define TEXT_BYTES 192

/* A connection; lives until its stream has closed, perhaps longer than its client. */
struct wire {
    struct net_http_client *client; /* NULL: nobody is interested any more */
    struct net_stream *stream;
    bool is_used; /* an answer has come on it */
};

struct net_http_client {
    struct net_loop *loop;
    struct net_http_client_config config;
    char host[NET_HOST_BYTES_MAX + 1];
    struct net_deadline *deadline;
    struct net_deferred retry;
    struct wire *wire; /* NULL: not connected */
    bool is_busy;
    bool is_closed;
    char target[TARGET_BYTES_MAX + 1];
    net_http_done *done;
    void *done_context;
    llhttp_t parser;
    size_t head_bytes; /* of the answer, so far */
    bool has_bytes;    /* any byte of the answer has come */
    bool is_whole;
    bool keeps_alive;
    int error;  /* of the parser's callbacks */
    char *body; /* owned; grown as it comes */
    size_t body_bytes, body_capacity;
};

/* ---- the end of a GET ---- */

static void drop_wire(struct net_http_client *client)
{
    if (client->wire != NULL) {
        client->wire->client = NULL;
        net_stream_close(client->wire->stream);
        client->wire = NULL;
    }
}

static void release_body(struct net_http_client *client)
{
    free(client->body);
    client->body = NULL;
    client->body_bytes = 0;
    client->body_capacity = 0;
}

/* `done` may start the next GET, or close the client: nothing of it is touched afterwards but what
 * was taken out before. */
static void finish(struct net_http_client *client, int error, const char *text)
{
    char *body = client->body;
    struct net_http_response response = {.error = error, .text = text};
    if (error == 0) {
        response.status = client->parser.status_code;
        response.body = body == NULL ? "" : body;
        response.body_bytes = client->body_bytes;
    }
    client->body = NULL;
    release_body(client);
    client->is_busy = false;
    net_deadline_set(client->deadline, TIME_NEVER_US);
    if (error != 0 || !client->keeps_alive) {
        drop_wire(client);
    }
    client->done(client->done_context, &response);
    free(body);
}

/* ---- the answer ---- */

static int stop(struct net_http_client *client, int error)
{
    client->error = error;
    return HPE_USER;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct net_http_client *client = parser->data;
    if (length > client->config.body_bytes_max - client->body_bytes) {
        return stop(client, ERROR_TOO_LARGE);
    }
    size_t needed = client->body_bytes + length + 1;
    if (needed > client->body_capacity) {
        size_t capacity = client->body_capacity * 2 > needed ? client->body_capacity * 2 : needed;
        char *body = realloc(client->body, capacity);
        if (body == NULL) {
            return stop(client, ERROR_NO_MEMORY);
        }
        client->body = body;
        client->body_capacity = capacity;
    }
    memcpy(client->body + client->body_bytes, at, length);
    client->body_bytes += length;
    client->body[client->body_bytes] = '\0';
    return 0;
}

static int on_head_bytes(llhttp_t *parser, const char *at, size_t length)
{
    struct net_http_client *client = parser->data;
    (void)at;
    client->head_bytes += length;
    if (client->head_bytes > NET_HTTP_CLIENT_HEADERS_BYTES_MAX) {
        return stop(client, ERROR_TOO_LARGE);
    }
    return 0;
}

/* Only an answer that says where it ends can be told from one that was cut (RFC 9112, 8). */
static int on_headers_complete(llhttp_t *parser)
{
    struct net_http_client *client = parser->data;
    client->keeps_alive = llhttp_should_keep_alive(parser) != 0;
    if (llhttp_message_needs_eof(parser)) {
        return stop(client, ERROR_MALFORMED);
    }
    return 0;
}

/* 100 and 103 come before the answer. */
static int on_message_complete(llhttp_t *parser)
{
    struct net_http_client *client = parser->data;
    if (parser->status_code >= 200) {
        client->is_whole = true;
        return HPE_PAUSED;
    }
    return 0;
}

static const llhttp_settings_t settings = {
    .on_status = on_head_bytes,
    .on_header_field = on_head_bytes,
    .on_header_value = on_head_bytes,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static const char *text_of(int error)
{
    switch (error) {
    case ERROR_TOO_LARGE:
        return "the answer is larger than its limit";
    case ERROR_MALFORMED:
        return "the answer is not HTTP/1.1";
    default:
        return error_text(error);
    }
}

static void on_read(void *context, const uint8_t *bytes, size_t count)
{
    struct wire *wire = context;
    struct net_http_client *client = wire->client;
    if (client == NULL) {
        return;
    }
    if (!client->is_busy) {
        drop_wire(client); /* nobody asked */
        return;
    }
    client->has_bytes = true;
    llhttp_errno_t result = llhttp_execute(&client->parser, (const char *)bytes, count);
    if (client->is_whole) {
        wire->is_used = true;
        finish(client, 0, "");
    } else if (result != HPE_OK) {
        int error = client->error != 0 ? client->error : ERROR_MALFORMED;
        finish(client, error, text_of(error));
    }
}

/* ---- the stream ---- */

static void on_closed(void *context, int error)
{
    struct wire *wire = context;
    struct net_http_client *client = wire->client;
    const char *text = net_stream_text(wire->stream);
    if (client == NULL) {
        free(wire);
        return;
    }
    client->wire = NULL;
    bool was_kept = wire->is_used;
    if (!client->is_busy) {
        free(wire);
        return;
    }
    if (was_kept && !client->has_bytes) {
        /* The server had given up the kept connection when our request came: a new one. */
        net_loop_defer(client->loop, &client->retry);
    } else if (error == ERROR_CLOSED && client->has_bytes) {
        finish(client, ERROR_TRUNCATED, "the answer ended too early");
    } else if (error == ERROR_CLOSED && client->config.tls == NULL) {
        finish(client, error,
               "the other side ended without an answer; if it speaks TLS, begin its address with "
               "https://");
    } else {
        finish(client, error, text);
    }
    free(wire);
}

static int send_request(struct net_http_client *client)
{
    char where[NET_HOST_BYTES_MAX + 16];
    char text[REQUEST_BYTES_MAX];
    int error = net_host_port_format(client->host, client->config.port, where, sizeof where);
    if (error != 0) {
        return error;
    }
    int bytes = snprintf(text, sizeof text,
                         "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n\r\n",
                         client->target, where);
    assert(bytes > 0 && (size_t)bytes < sizeof text);
    struct iovec part = {.iov_base = text, .iov_len = (size_t)bytes};
    return net_stream_write(client->wire->stream, &part, 1);
}

static int check_key(struct net_http_client *client)
{
    uint8_t key_hash[HASH_BYTES];
    if (client->config.check_key == NULL || client->config.tls == NULL) {
        return 0;
    }
    if (!net_stream_peer_key_hash(client->wire->stream, key_hash)) {
        return ERROR_MISMATCH;
    }
    return client->config.check_key(client->config.context, key_hash);
}

/* The request goes out after the key's check: it is no secret, but the answer counts. */
static void on_opened(void *context)
{
    struct wire *wire = context;
    struct net_http_client *client = wire->client;
    if (client == NULL) {
        return;
    }
    int error = check_key(client);
    if (error == 0) {
        error = send_request(client);
    }
    if (error != 0) {
        finish(client, error, error_text(error));
    }
}

static const struct net_stream_handler stream_handler = {
    .opened = on_opened,
    .read = on_read,
    .closed = on_closed,
};

static int connect_wire(struct net_http_client *client)
{
    struct net_stream_limits limits = {.connect_us = client->config.timeout_us,
                                       .handshake_us = client->config.timeout_us};
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL) {
        return ERROR_NO_MEMORY;
    }
    wire->client = client;
    int error =
        net_stream_connect(client->loop, client->host, client->config.port, client->config.tls,
                           NET_OFFER_HTTP, &limits, &stream_handler, wire, &wire->stream);
    if (error != 0) {
        free(wire);
        return error;
    }
    client->wire = wire;
    return 0;
}

/* ---- a GET ---- */

static int start(struct net_http_client *client)
{
    llhttp_init(&client->parser, HTTP_RESPONSE, &settings);
    client->parser.data = client;
    client->head_bytes = 0;
    client->has_bytes = false;
    client->is_whole = false;
    client->keeps_alive = false;
    client->error = 0;
    if (client->wire != NULL && net_stream_is_open(client->wire->stream)) {
        return send_request(client);
    }
    drop_wire(client);
    return connect_wire(client);
}

static void on_retry(void *context)
{
    struct net_http_client *client = context;
    int error = client->is_busy ? start(client) : 0;
    if (error != 0) {
        finish(client, error, error_text(error));
    }
}

static void on_deadline(void *context)
{
    struct net_http_client *client = context;
    finish(client, ERROR_TIMEOUT, "the answer took too long");
}

int net_http_client_open(struct net_loop *loop, const struct net_http_client_config *config,
                         struct net_http_client **ret_client)
{
    size_t host_bytes = strlen(config->host);
    if (host_bytes == 0 || host_bytes > NET_HOST_BYTES_MAX || config->port == 0) {
        return ERROR_MALFORMED;
    }
    struct net_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return ERROR_NO_MEMORY;
    }
    client->loop = loop;
    client->config = *config;
    memcpy(client->host, config->host, host_bytes + 1);
    client->config.host = client->host;
    if (client->config.timeout_us == 0) {
        client->config.timeout_us = NET_HTTP_CLIENT_TIMEOUT_US_DEFAULT;
    }
    if (client->config.body_bytes_max == 0) {
        client->config.body_bytes_max = NET_HTTP_CLIENT_BODY_BYTES_MAX;
    }
    client->retry = (struct net_deferred){.callback = on_retry, .context = client};
    int error = net_deadline_open(loop, on_deadline, client, &client->deadline);
    if (error != 0) {
        free(client);
        return error;
    }
    *ret_client = client;
    return 0;
}

int net_http_client_get(struct net_http_client *client, const char *target, net_http_done *done,
                        void *context)
{
    assert(target[0] == '/' && strlen(target) <= TARGET_BYTES_MAX);
    for (const char *at = target; *at != '\0'; at++) {
        assert(*at > ' ' && *at < 0x7f);
    }
    if (client->is_busy) {
        return ERROR_BUSY;
    }
    if (client->is_closed) {
        return ERROR_CLOSED;
    }
    memcpy(client->target, target, strlen(target) + 1);
    client->done = done;
    client->done_context = context;
    int error = start(client);
    if (error != 0) {
        return error;
    }
    client->is_busy = true;
    net_deadline_set(client->deadline, time_add_us(net_now_us(), client->config.timeout_us));
    return 0;
}

static void on_released(void *context)
{
    struct net_http_client *client = context;
    net_deadline_close(client->deadline);
    free(client);
}

void net_http_client_close(struct net_http_client *client)
{
    if (client == NULL || client->is_closed) {
        return;
    }
    client->is_closed = true;
    net_loop_undefer(client->loop, &client->retry);
    if (client->is_busy) {
        client->keeps_alive = false;
        finish(client, ERROR_CANCELLED, "cancelled");
    }
    drop_wire(client);
    /* Freed at the turn's end: this may be a call from inside `done`. */
    client->retry.callback = on_released;
    net_loop_defer(client->loop, &client->retry);
}
