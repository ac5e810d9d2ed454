/*
 * stream.c: one connection from dialling to its only `closed`.
 *
 * Happy path: DIALLING -> HANDSHAKING (TLS) -> OPEN -> FINISHING (what is queued leaves, then our
 * end, then theirs) -> CLOSING. A plain stream skips HANDSHAKING.
 * Failure modes: begin_closing() from any state, with the first error and its words. What may be
 * pending then is listed in maybe_finish_close(). The end of a turn (`turn`) does all that must not
 * happen inside a caller's call: `opened` of an accepted stream, writing, going on with reading,
 * and the end itself.
 */
#include "common/net/stream.h"

#include "common/error.h"
#include "common/net/cuts.h"
#include "common/net/dial.h"
#include "common/net/queue.h"
#include "common/net/socket.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum state {
    DIALLING,
    HANDSHAKING,
    OPEN,
    FINISHING,
    CLOSING,
};

struct net_stream {
    struct net_loop *loop;
    const struct net_stream_handler *handler;
    void *context;
    struct net_stream_limits limits;
    enum state state;
    struct net_socket socket; /* no fd while dialling and when closing */
    uv_poll_t poll;
    bool poll_is_open; /* libuv holds `poll` */
    int poll_events;   /* that it waits for */
    struct net_dial *dial;
    struct net_deadline *deadline;
    struct net_deferred turn;
    struct net_tls *tls;
    enum net_offer offer;
    bool is_peer;
    bool has_expected; /* a peer's client */
    uint8_t expected[HASH_BYTES];
    struct net_queue queue;
    struct net_cuts cuts; /* of the queue; TLS only */
    size_t read_max;
    bool opened_is_due; /* accepted and plain: `opened` comes with the turn's end */
    bool read_is_paused;
    bool read_is_ended;  /* the other side's end has come */
    bool read_goes_on;   /* bytes may be there that no readiness tells of */
    bool end_is_written; /* ours has left */
    bool wants_write;    /* the socket took less than there was */
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct net_address peer;
    uint16_t port;
    char *host; /* owned; a client's */
    int error;  /* for `closed` */
    char text[NET_SOCKET_TEXT_BYTES];
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void read_some(struct net_stream *stream);

/* ---- the end ---- */

static void maybe_finish_close(struct net_stream *stream)
{
    /* Pending: the poll handle, and the turn that begin_closing asked for. */
    if (stream->poll_is_open || stream->turn.next != NULL) {
        return;
    }
    assert(stream->state == CLOSING && stream->socket.fd < 0 && stream->dial == NULL);
    net_queue_deinit(&stream->queue);
    stream->handler->closed(stream->context, stream->error);
    free(stream->host);
    free(stream);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct net_stream *stream = handle->data;
    stream->poll_is_open = false;
    maybe_finish_close(stream);
}

static void begin_closing(struct net_stream *stream, int error, const char *text)
{
    if (stream->state == CLOSING) {
        return;
    }
    stream->state = CLOSING;
    stream->error = error;
    if (text != stream->text) {
        snprintf(stream->text, sizeof stream->text, "%s", text);
    }
    net_dial_close(stream->dial);
    stream->dial = NULL;
    net_deadline_close(stream->deadline);
    stream->deadline = NULL;
    if (stream->poll_is_open) {
        uv_close((uv_handle_t *)&stream->poll, on_poll_closed);
    }
    net_socket_close(&stream->socket);
    /* `closed` must not come from inside the caller's call, nor before its other callbacks return. */
    net_loop_defer(stream->loop, &stream->turn);
}

static bool is_alive(const struct net_stream *stream)
{
    return stream->state == OPEN || stream->state == FINISHING;
}

/* ---- waiting for the socket ---- */

static int wanted_events(const struct net_stream *stream)
{
    int events = 0;
    bool reads = !stream->read_is_paused || stream->state == FINISHING;
    if (reads && !stream->read_is_ended) {
        events |= UV_READABLE;
    }
    if (stream->wants_write || stream->socket.read_wants_write) {
        events |= UV_WRITABLE;
    }
    return events;
}

static void wait_for(struct net_stream *stream, int events)
{
    if (stream->state == CLOSING || events == stream->poll_events) {
        return;
    }
    stream->poll_events = events;
    if (events == 0) {
        uv_poll_stop(&stream->poll);
    } else {
        uv_poll_start(&stream->poll, events, on_poll);
    }
}

static void wait_as_wanted(struct net_stream *stream)
{
    if (is_alive(stream)) {
        wait_for(stream, wanted_events(stream));
    }
}

/* ---- reading ---- */

static void take_end(struct net_stream *stream)
{
    stream->read_is_ended = true;
    if (stream->state == FINISHING) {
        if (stream->end_is_written) {
            begin_closing(stream, 0, "finished");
        }
        return;
    }
    if (stream->handler->ended == NULL) {
        begin_closing(stream, ERROR_CLOSED, "the other side closed the connection");
        return;
    }
    stream->handler->ended(stream->context);
}

static bool may_read(const struct net_stream *stream)
{
    return (stream->state == OPEN && !stream->read_is_paused && !stream->read_is_ended) ||
           (stream->state == FINISHING && !stream->read_is_ended);
}

static void deliver(struct net_stream *stream, const uint8_t *bytes, size_t count)
{
    if (count == 0) {
        return;
    }
    stream->bytes_in += count;
    if (stream->state == OPEN) {
        stream->handler->read(stream->context, bytes, count);
    }
}

static void read_some(struct net_stream *stream)
{
    uint8_t *scratch = net_loop_scratch(stream->loop);
    size_t budget = NET_STREAM_TURN_BYTES;
    stream->read_goes_on = false;
    while (may_read(stream) && budget > 0) {
        size_t got = 0;
        enum net_socket_outcome outcome =
            net_socket_read(&stream->socket, scratch, stream->read_max, &got);
        deliver(stream, scratch, got);
        budget -= got < budget ? got : budget;
        if (outcome == NET_SOCKET_FAILED) {
            begin_closing(stream, stream->socket.error, stream->socket.text);
        } else if (outcome == NET_SOCKET_ENDED && may_read(stream)) {
            take_end(stream);
        }
        if (outcome != NET_SOCKET_MOVED) {
            return;
        }
    }
    if (may_read(stream)) {
        /* Its share of the turn is used up, and TLS may hold bytes that poll does not see. */
        stream->read_goes_on = true;
        net_loop_defer(stream->loop, &stream->turn);
    }
}

/* ---- writing ---- */

static void arm_linger(struct net_stream *stream)
{
    net_deadline_set(stream->deadline, time_add_us(net_now_us(), stream->limits.linger_us));
}

/* Everything has left: our end follows it. */
static void write_end(struct net_stream *stream)
{
    net_socket_end(&stream->socket);
    stream->end_is_written = true;
    if (stream->read_is_ended) {
        begin_closing(stream, 0, "finished");
    }
}

/* A write that failed leaves what the other side said last: it is read before the end. */
static void fail_writing(struct net_stream *stream)
{
    char text[NET_SOCKET_TEXT_BYTES];
    int error = stream->socket.error;
    memcpy(text, stream->socket.text, sizeof text);
    read_some(stream);
    begin_closing(stream, error, text);
}

/* Gives the socket what it takes: over TLS a record, else all that it has room for. */
static enum net_socket_outcome write_some(struct net_stream *stream, size_t *ret_put)
{
    size_t bytes = net_queue_bytes(&stream->queue);
    if (stream->tls != NULL) {
        bytes = net_cuts_next(&stream->cuts, bytes);
    }
    enum net_socket_outcome outcome =
        net_socket_write(&stream->socket, net_queue_peek(&stream->queue), bytes, ret_put);
    if (stream->tls != NULL && outcome == NET_SOCKET_MOVED) {
        net_cuts_took(&stream->cuts, *ret_put, net_now_us());
    }
    return outcome;
}

static void flush(struct net_stream *stream)
{
    size_t taken = 0;
    enum net_socket_outcome outcome = NET_SOCKET_MOVED;
    while (outcome == NET_SOCKET_MOVED && net_queue_bytes(&stream->queue) > 0) {
        size_t put = 0;
        outcome = write_some(stream, &put);
        if (outcome == NET_SOCKET_MOVED) {
            net_queue_consume(&stream->queue, put);
            taken += put;
        }
    }
    stream->bytes_out += taken;
    stream->wants_write = outcome == NET_SOCKET_MUST_WAIT;
    if (outcome == NET_SOCKET_FAILED || outcome == NET_SOCKET_ENDED) {
        fail_writing(stream);
        return;
    }
    if (stream->state == FINISHING && taken > 0) {
        arm_linger(stream);
    }
    if (stream->state == FINISHING && outcome == NET_SOCKET_MOVED && !stream->end_is_written) {
        write_end(stream);
    }
    if (stream->state == OPEN && taken > 0 && stream->handler->room != NULL) {
        stream->handler->room(stream->context, net_queue_bytes(&stream->queue));
    }
}

/* ---- opening ---- */

static void open_now(struct net_stream *stream)
{
    stream->state = OPEN;
    net_deadline_set(stream->deadline, TIME_NEVER_US);
    stream->handler->opened(stream->context);
    if (is_alive(stream)) {
        stream->read_goes_on = stream->socket.channel != NULL;
        net_loop_defer(stream->loop, &stream->turn);
        wait_as_wanted(stream);
    }
}

static void handshake(struct net_stream *stream)
{
    switch (net_tls_channel_handshake(stream->socket.channel)) {
    case NET_TLS_DONE:
        open_now(stream);
        break;
    case NET_TLS_WAIT_READ:
        wait_for(stream, UV_READABLE);
        break;
    case NET_TLS_WAIT_WRITE:
        wait_for(stream, UV_WRITABLE);
        break;
    case NET_TLS_ENDED:
    case NET_TLS_FAILED:
        begin_closing(stream, net_tls_channel_error(stream->socket.channel),
                      net_tls_channel_text(stream->socket.channel));
        break;
    }
}

/* From a connected fd on: both sides come here. */
static int start_socket(struct net_stream *stream, int fd)
{
    if (uv_poll_init(net_loop_uv(stream->loop), &stream->poll, fd) != 0) {
        return ERROR_SYSTEM;
    }
    stream->poll.data = stream;
    stream->poll_is_open = true;
    stream->socket.fd = fd;
    net_socket_tune(&stream->socket, stream->limits.unsent_bytes);
    if (stream->tls == NULL) {
        return 0;
    }
    int error = stream->is_peer
                    ? net_tls_channel_new_peer(stream->tls, fd,
                                               stream->has_expected ? stream->expected : NULL,
                                               &stream->socket.channel)
                    : net_tls_channel_new(stream->tls, fd, stream->host, stream->port,
                                          stream->offer, &stream->socket.channel);
    if (error != 0) {
        return error;
    }
    stream->state = HANDSHAKING;
    net_deadline_set(stream->deadline, time_add_us(net_now_us(), stream->limits.handshake_us));
    return 0;
}

static void on_dialled(void *context, const struct net_dial_result *result)
{
    struct net_stream *stream = context;
    if (result->address != NULL) {
        stream->peer = *result->address;
    }
    if (result->error != 0) {
        begin_closing(stream, result->error, result->text);
        return;
    }
    net_dial_close(stream->dial);
    stream->dial = NULL;
    int error = start_socket(stream, result->fd);
    if (error != 0) {
        if (stream->socket.fd < 0) {
            close(result->fd);
        }
        begin_closing(stream, error, error_text(error));
        return;
    }
    if (stream->state == HANDSHAKING) {
        handshake(stream);
    } else {
        open_now(stream);
    }
}

static void on_deadline(void *context)
{
    struct net_stream *stream = context;
    if (stream->state == FINISHING) {
        begin_closing(stream, 0, "finished");
    } else {
        begin_closing(stream, ERROR_TIMEOUT, "the TLS handshake took too long");
    }
}

/* ---- events ---- */

/* libuv has stopped a handle whose socket is in error: what it holds is read, then it is over. */
static void take_poll_error(struct net_stream *stream)
{
    stream->poll_events = 0;
    if (stream->state == HANDSHAKING) {
        handshake(stream);
    } else {
        read_some(stream);
    }
    begin_closing(stream, ERROR_UNREACHABLE, "connection reset");
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct net_stream *stream = poll->data;
    if (status < 0) {
        take_poll_error(stream);
        return;
    }
    if (stream->state == HANDSHAKING) {
        handshake(stream);
        return;
    }
    if ((events & UV_READABLE) != 0 || stream->socket.read_wants_write) {
        read_some(stream);
    }
    if ((events & UV_WRITABLE) != 0 && is_alive(stream)) {
        flush(stream);
    }
    wait_as_wanted(stream);
}

static void on_turn_end(void *context)
{
    struct net_stream *stream = context;
    if (stream->state == CLOSING) {
        maybe_finish_close(stream);
        return;
    }
    if (stream->opened_is_due) {
        stream->opened_is_due = false;
        if (stream->state == HANDSHAKING) {
            handshake(stream);
        } else {
            open_now(stream);
        }
        return;
    }
    if (is_alive(stream) && stream->read_goes_on) {
        read_some(stream);
    }
    if (is_alive(stream)) {
        flush(stream);
    }
    wait_as_wanted(stream);
}

/* ---- what callers do ---- */

static void apply_limits(struct net_stream *stream, const struct net_stream_limits *given)
{
    static const struct net_stream_limits defaults = {
        .queue_bytes_max = NET_STREAM_QUEUE_BYTES_DEFAULT,
        .unsent_bytes = NET_STREAM_UNSENT_BYTES_DEFAULT,
        .connect_us = NET_STREAM_CONNECT_US_DEFAULT,
        .attempt_us = NET_STREAM_ATTEMPT_US_DEFAULT,
        .handshake_us = NET_STREAM_HANDSHAKE_US_DEFAULT,
        .linger_us = NET_STREAM_LINGER_US_DEFAULT,
    };
    const struct net_stream_limits *from = given == NULL ? &defaults : given;
    struct net_stream_limits *to = &stream->limits;
    to->queue_bytes_max =
        from->queue_bytes_max == 0 ? defaults.queue_bytes_max : from->queue_bytes_max;
    to->unsent_bytes = from->unsent_bytes == 0 ? defaults.unsent_bytes : from->unsent_bytes;
    to->connect_us = from->connect_us == 0 ? defaults.connect_us : from->connect_us;
    to->attempt_us = from->attempt_us == 0 ? defaults.attempt_us : from->attempt_us;
    to->handshake_us = from->handshake_us == 0 ? defaults.handshake_us : from->handshake_us;
    to->linger_us = from->linger_us == 0 ? defaults.linger_us : from->linger_us;
}

static int new_stream(struct net_loop *loop, struct net_tls *tls,
                      const struct net_stream_limits *limits,
                      const struct net_stream_handler *handler, void *context,
                      struct net_stream **ret_stream)
{
    struct net_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return ERROR_NO_MEMORY;
    }
    stream->loop = loop;
    stream->tls = tls;
    stream->handler = handler;
    stream->context = context;
    stream->socket.fd = -1;
    stream->read_max = NET_LOOP_SCRATCH_BYTES;
    stream->turn = (struct net_deferred){.callback = on_turn_end, .context = stream};
    net_queue_init(&stream->queue);
    apply_limits(stream, limits);
    int error = net_deadline_open(loop, on_deadline, stream, &stream->deadline);
    if (error != 0) {
        free(stream);
        return error;
    }
    *ret_stream = stream;
    return 0;
}

int net_stream_connect(struct net_loop *loop, const char *host, uint16_t port, struct net_tls *tls,
                       enum net_offer offer, const struct net_stream_limits *limits,
                       const struct net_stream_handler *handler, void *context,
                       struct net_stream **ret_stream)
{
    struct net_stream *stream = NULL;
    size_t host_bytes = strlen(host);
    if (host_bytes == 0 || host_bytes > NET_HOST_BYTES_MAX || port == 0) {
        return ERROR_MALFORMED;
    }
    int error = new_stream(loop, tls, limits, handler, context, &stream);
    if (error != 0) {
        return error;
    }
    stream->state = DIALLING;
    stream->port = port;
    stream->offer = offer;
    error = ERROR_NO_MEMORY;
    stream->host = strdup(host);
    if (stream->host == NULL) {
        goto err_after_stream;
    }
    error = net_dial_open(loop, host, port, stream->limits.connect_us, stream->limits.attempt_us,
                          on_dialled, stream, &stream->dial);
    if (error != 0) {
        goto err_after_host;
    }
    *ret_stream = stream;
    return 0;

err_after_host:
    free(stream->host);
err_after_stream:
    net_deadline_close(stream->deadline);
    free(stream);
    return error;
}

/* After start_socket has taken the fd the stream must end through the loop: nobody hears of it. */
static void ignore_read(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
}

static void ignore_opened(void *context)
{
    (void)context;
}

static void ignore_closed(void *context, int error)
{
    (void)context;
    (void)error;
}

const struct net_stream_handler net_stream_nobody = {
    .opened = ignore_opened,
    .read = ignore_read,
    .closed = ignore_closed,
};

/* Lets a new stream begin on a connected socket, which it takes, also when this fails. */
static int take_socket(struct net_stream *stream, int fd, struct net_stream **ret_stream)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t peer_bytes = sizeof peer;
    stream->state = OPEN;
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) == 0) {
        net_address_from_sockaddr((struct sockaddr *)&peer, &stream->peer);
    }
    int error = start_socket(stream, fd);
    if (error != 0) {
        if (stream->socket.fd < 0) {
            close(fd);
        }
        stream->handler = &net_stream_nobody;
        begin_closing(stream, error, error_text(error));
        return error;
    }
    stream->opened_is_due = true;
    net_loop_defer(stream->loop, &stream->turn);
    *ret_stream = stream;
    return 0;
}

int net_stream_accept(struct net_loop *loop, int fd, struct net_tls *tls,
                      const struct net_stream_limits *limits,
                      const struct net_stream_handler *handler, void *context,
                      struct net_stream **ret_stream)
{
    struct net_stream *stream = NULL;
    int error = new_stream(loop, tls, limits, handler, context, &stream);
    if (error != 0) {
        close(fd);
        return error;
    }
    return take_socket(stream, fd, ret_stream);
}

int net_stream_meet(struct net_loop *loop, int fd, struct net_tls *tls, const uint8_t *expected,
                    const struct net_stream_limits *limits,
                    const struct net_stream_handler *handler, void *context,
                    struct net_stream **ret_stream)
{
    struct net_stream *stream = NULL;
    int error = new_stream(loop, tls, limits, handler, context, &stream);
    if (error != 0) {
        close(fd);
        return error;
    }
    stream->is_peer = true;
    if (expected != NULL) {
        stream->has_expected = true;
        memcpy(stream->expected, expected, HASH_BYTES);
    }
    return take_socket(stream, fd, ret_stream);
}

void net_stream_set_handler(struct net_stream *stream, const struct net_stream_handler *handler,
                            void *context)
{
    stream->handler = handler;
    stream->context = context;
}

void net_stream_set_limits(struct net_stream *stream, const struct net_stream_limits *limits)
{
    apply_limits(stream, limits);
    if (stream->socket.fd >= 0) {
        net_socket_tune(&stream->socket, stream->limits.unsent_bytes);
    }
}

int net_stream_write(struct net_stream *stream, const struct iovec *parts, size_t count)
{
    if (stream->state == FINISHING || stream->state == CLOSING) {
        return ERROR_CLOSED;
    }
    size_t before = net_queue_bytes(&stream->queue);
    int error = net_queue_append(&stream->queue, parts, count, stream->limits.queue_bytes_max);
    if (error == 0 && stream->tls != NULL) {
        net_cuts_wrote(&stream->cuts, net_queue_bytes(&stream->queue) - before);
    }
    if (error == 0 && stream->state == OPEN && !stream->wants_write) {
        net_loop_defer(stream->loop, &stream->turn);
    }
    return error;
}

size_t net_stream_queued_bytes(const struct net_stream *stream)
{
    return net_queue_bytes(&stream->queue);
}

void net_stream_pause(struct net_stream *stream)
{
    stream->read_is_paused = true;
    wait_as_wanted(stream);
}

void net_stream_resume(struct net_stream *stream)
{
    if (!stream->read_is_paused) {
        return;
    }
    stream->read_is_paused = false;
    if (stream->state == OPEN) {
        stream->read_goes_on = true;
        net_loop_defer(stream->loop, &stream->turn);
    }
}

void net_stream_set_read_max(struct net_stream *stream, size_t bytes)
{
    assert(bytes > 0 && bytes <= NET_LOOP_SCRATCH_BYTES);
    stream->read_max = bytes;
}

void net_stream_finish(struct net_stream *stream)
{
    if (stream->state != OPEN || stream->opened_is_due) {
        net_stream_close(stream);
        return;
    }
    stream->state = FINISHING;
    stream->read_goes_on = true;
    arm_linger(stream);
    net_loop_defer(stream->loop, &stream->turn);
}

void net_stream_close(struct net_stream *stream)
{
    if (stream->state != CLOSING) {
        begin_closing(stream, 0, "closed");
    }
}

bool net_stream_is_tls(const struct net_stream *stream)
{
    return stream->tls != NULL;
}

bool net_stream_is_open(const struct net_stream *stream)
{
    return stream->state == OPEN && !stream->opened_is_due;
}

enum net_protocol net_stream_protocol(const struct net_stream *stream)
{
    return stream->socket.channel == NULL ? NET_PROTOCOL_NONE
                                          : net_tls_channel_protocol(stream->socket.channel);
}

bool net_stream_resumed(const struct net_stream *stream)
{
    return stream->socket.channel != NULL && net_tls_channel_resumed(stream->socket.channel);
}

bool net_stream_peer_key_hash(const struct net_stream *stream, uint8_t ret_hash[HASH_BYTES])
{
    return stream->socket.channel != NULL &&
           net_tls_channel_peer_key_hash(stream->socket.channel, ret_hash);
}

const struct net_address *net_stream_peer_address(const struct net_stream *stream)
{
    return &stream->peer;
}

uint64_t net_stream_bytes_in(const struct net_stream *stream)
{
    return stream->bytes_in;
}

uint64_t net_stream_bytes_out(const struct net_stream *stream)
{
    return stream->bytes_out;
}

const char *net_stream_text(const struct net_stream *stream)
{
    return stream->text;
}

struct net_loop *net_stream_loop(const struct net_stream *stream)
{
    return stream->loop;
}
