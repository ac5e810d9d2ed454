/*
 * link.c: frames on a stream, and the way there.
 *
 * Happy path of a client: connect -> [Upgrade queued] -> up -> [answer read] -> frames. Of a
 * server: adopt -> (next turn) up, frames. Failure modes: fail() closes the stream and keeps the
 * link's own error for `closed`; whatever the stream reports comes through on_closed.
 */
#include "common/net/link.h"

#include "common/error.h"
#include "common/net/queue.h"
#include "common/net/upgrade.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 160

struct net_link {
    struct net_stream *stream;
    const struct net_link_handler *handler;
    void *context;
    struct net_frame_reader reader;
    struct net_queue
        waiting; /* a client's frames, until it is known whether an Upgrade goes first */
    size_t waiting_bytes_max;
    struct net_upgrade_reader *upgrade; /* a client's, until the answer is whole; owned */
    char host[NET_HOST_BYTES_MAX + 1];  /* a client's, for the Upgrade */
    uint16_t port;
    bool is_up;
    bool is_over;   /* closing or finishing: no more frames */
    uint8_t *early; /* a server's: bytes that came with the request; owned */
    size_t early_bytes;
    struct net_deferred start; /* a server's `up` */
    int error;                 /* the link's own; 0 = the stream's counts */
    char text[TEXT_BYTES];
};

static void fail(struct net_link *link, int error, const char *text)
{
    if (link->is_over) {
        return;
    }
    link->is_over = true;
    link->error = error;
    snprintf(link->text, sizeof link->text, "%s", text);
    net_stream_close(link->stream);
}

/* ---- reading ---- */

static bool on_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct net_link *link = context;
    link->handler->frame(link->context, type, body, body_bytes);
    return !link->is_over;
}

static void take_frames(struct net_link *link, const uint8_t *bytes, size_t count)
{
    int error = net_frame_reader_push(&link->reader, bytes, count, on_frame, link);
    if (error == ERROR_TOO_LARGE) {
        if (!link->is_over && link->handler->broken != NULL) {
            link->handler->broken(link->context, error); /* it may finish the link */
        }
        fail(link, error, "the other side announced a frame over 65,536 bytes");
    } else if (error == ERROR_NO_MEMORY) {
        fail(link, error, error_text(error));
    }
}

/* Returns how many bytes belonged to the answer; all of them while it is not whole. */
static size_t take_answer(struct net_link *link, const uint8_t *bytes, size_t count)
{
    size_t used = count;
    int error = net_upgrade_reader_push(link->upgrade, bytes, count, &used);
    if (error == ERROR_TRUNCATED) {
        return count;
    }
    if (error == ERROR_UNSUPPORTED) {
        char text[TEXT_BYTES];
        snprintf(text, sizeof text, "the other side refused the link: HTTP status %d",
                 link->upgrade->status);
        fail(link, error, text);
    } else if (error != 0) {
        fail(link, error, "the other side's answer to the Upgrade is not HTTP");
    }
    free(link->upgrade);
    link->upgrade = NULL;
    return used;
}

static void on_read(void *context, const uint8_t *bytes, size_t count)
{
    struct net_link *link = context;
    if (link->is_over) {
        return;
    }
    if (link->upgrade != NULL) {
        size_t used = take_answer(link, bytes, count);
        bytes += used;
        count -= used;
    }
    if (!link->is_over && count > 0) {
        take_frames(link, bytes, count);
    }
}

/* ---- the stream's events ---- */

static int begin_upgrade(struct net_link *link)
{
    char text[NET_UPGRADE_REQUEST_BYTES_MAX];
    struct iovec part = {.iov_base = text,
                         .iov_len = net_upgrade_request(link->host, link->port, text)};
    link->upgrade = malloc(sizeof *link->upgrade);
    if (link->upgrade == NULL) {
        return ERROR_NO_MEMORY;
    }
    net_upgrade_reader_init(link->upgrade);
    return net_stream_write(link->stream, &part, 1);
}

static int send_waiting(struct net_link *link)
{
    size_t count = net_queue_bytes(&link->waiting);
    if (count == 0) {
        return 0;
    }
    struct iovec part = {.iov_base = (void *)(uintptr_t)net_queue_peek(&link->waiting),
                         .iov_len = count};
    int error = net_stream_write(link->stream, &part, 1);
    net_queue_deinit(&link->waiting);
    return error;
}

/* A client's. The Upgrade and what waited leave with this turn, and so does what `up` sends. */
static void on_opened(void *context)
{
    struct net_link *link = context;
    int error = 0;
    if (net_stream_protocol(link->stream) != NET_PROTOCOL_LINK) {
        error = begin_upgrade(link);
    }
    if (error == 0) {
        error = send_waiting(link);
    }
    if (error != 0) {
        fail(link, error, error_text(error));
        return;
    }
    link->is_up = true;
    link->handler->up(link->context);
}

static void on_room(void *context, size_t queued_bytes)
{
    struct net_link *link = context;
    if (link->handler->room != NULL && !link->is_over) {
        link->handler->room(link->context, queued_bytes);
    }
}

static void free_link(struct net_link *link)
{
    net_frame_reader_deinit(&link->reader);
    net_queue_deinit(&link->waiting);
    free(link->upgrade);
    free(link->early);
    free(link);
}

static void on_closed(void *context, int error)
{
    struct net_link *link = context;
    const char *text = net_stream_text(link->stream);
    bool is_cut = net_frame_reader_partial_bytes(&link->reader) > 0 || link->upgrade != NULL;
    if (link->error != 0) {
        error = link->error;
        text = link->text;
    } else if (error == ERROR_CLOSED && is_cut) {
        error = ERROR_TRUNCATED;
        text = link->upgrade != NULL ? "the other side ended before it had answered; if it speaks "
                                       "TLS, begin its address with https://"
                                     : "the other side ended in the middle of a frame";
    }
    net_loop_undefer(net_stream_loop(link->stream), &link->start);
    link->is_over = true;
    link->handler->closed(link->context, error, text);
    free_link(link);
}

static const struct net_stream_handler stream_handler = {
    .opened = on_opened,
    .read = on_read,
    .room = on_room,
    .closed = on_closed,
};

/* ---- making links ---- */

int net_link_connect(struct net_loop *loop, const char *host, uint16_t port, struct net_tls *tls,
                     const struct net_stream_limits *limits, const struct net_link_handler *handler,
                     void *context, struct net_link **ret_link)
{
    if (strlen(host) > NET_HOST_BYTES_MAX) {
        return ERROR_MALFORMED;
    }
    struct net_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return ERROR_NO_MEMORY;
    }
    link->handler = handler;
    link->context = context;
    link->port = port;
    memcpy(link->host, host, strlen(host) + 1);
    net_frame_reader_init(&link->reader);
    net_queue_init(&link->waiting);
    struct net_stream_limits own = limits != NULL ? *limits : (struct net_stream_limits){0};
    if (own.queue_bytes_max == 0) {
        own.queue_bytes_max = NET_STREAM_QUEUE_BYTES_DEFAULT;
    }
    link->waiting_bytes_max = own.queue_bytes_max;
    own.queue_bytes_max += NET_UPGRADE_REQUEST_BYTES_MAX; /* may go before what waits */
    int error = net_stream_connect(loop, host, port, tls, NET_OFFER_LINK, &own, &stream_handler,
                                   link, &link->stream);
    if (error != 0) {
        free_link(link);
        return error;
    }
    *ret_link = link;
    return 0;
}

/* A server's first turn. */
static void on_start(void *context)
{
    struct net_link *link = context;
    if (link->is_over) {
        return;
    }
    link->is_up = true;
    link->handler->up(link->context);
    if (!link->is_over && link->early_bytes > 0) {
        take_frames(link, link->early, link->early_bytes);
    }
    free(link->early);
    link->early = NULL;
    if (!link->is_over) {
        net_stream_resume(link->stream);
    }
}

int net_link_adopt(struct net_stream *stream, const uint8_t *bytes, size_t count,
                   const struct net_link_handler *handler, void *context,
                   struct net_link **ret_link)
{
    struct net_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (count > 0) {
        link->early = malloc(count);
        if (link->early == NULL) {
            free(link);
            return ERROR_NO_MEMORY;
        }
        memcpy(link->early, bytes, count);
        link->early_bytes = count;
    }
    link->stream = stream;
    link->handler = handler;
    link->context = context;
    net_frame_reader_init(&link->reader);
    net_queue_init(&link->waiting);
    link->start = (struct net_deferred){.callback = on_start, .context = link};
    net_stream_set_handler(stream, &stream_handler, link);
    net_stream_set_read_max(stream, NET_LOOP_SCRATCH_BYTES);
    net_stream_pause(stream); /* nothing may overtake `up` and the early bytes */
    net_loop_defer(net_stream_loop(stream), &link->start);
    *ret_link = link;
    return 0;
}

/* ---- what callers do ---- */

int net_link_send(struct net_link *link, uint8_t type, const void *body, size_t body_bytes,
                  const void *payload, size_t payload_bytes)
{
    assert(body_bytes <= NET_LINK_BODY_BYTES_MAX &&
           payload_bytes <= NET_LINK_BODY_BYTES_MAX - body_bytes);
    if (link->is_over) {
        return ERROR_CLOSED;
    }
    size_t length = body_bytes + payload_bytes;
    uint8_t header[NET_LINK_HEADER_BYTES] = {type, (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                                             (uint8_t)length};
    struct iovec parts[3] = {
        {.iov_base = header, .iov_len = sizeof header},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = body_bytes},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = payload_bytes},
    };
    bool is_early_client = !link->is_up && link->host[0] != '\0';
    int error = is_early_client
                    ? net_queue_append(&link->waiting, parts, 3, link->waiting_bytes_max)
                    : net_stream_write(link->stream, parts, 3);
    if (error == 0) {
    }
    return error;
}

size_t net_link_queued_bytes(const struct net_link *link)
{
    return net_queue_bytes(&link->waiting) + net_stream_queued_bytes(link->stream);
}

void net_link_finish(struct net_link *link)
{
    if (!link->is_over) {
        link->is_over = true;
        net_stream_finish(link->stream);
    }
}

void net_link_close(struct net_link *link)
{
    link->is_over = true;
    net_stream_close(link->stream);
}

struct net_stream *net_link_stream(const struct net_link *link)
{
    return link->stream;
}
