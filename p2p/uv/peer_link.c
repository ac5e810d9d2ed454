/*
 * peer_link.c: from a dial or an accepted socket to frames with a proven peer.
 *
 * States: DIALLING -> (arranged, the higher peer id) LISTENING for who begins -> HANDSHAKING -> UP ->
 * closed. What is pending in each: the dial; the poll handle and its deadline; the stream; the
 * stream, which now belongs to the net_link.
 *
 * Failure modes: end() from DIALLING and LISTENING, where `closed` comes from the turn's end; later
 * the stream or the net_link reports the end, and `error` keeps our own reason for it.
 */
#include "p2p/uv/peer_link.h"

#include "common/error.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 160
#define RTT_US_MAX (1 * TIME_US_PER_S)

enum state {
    DIALLING,
    LISTENING,
    HANDSHAKING,
    UP,
    ENDING, /* `closed` is all that comes */
};

struct peer_link {
    struct net_loop *loop;
    struct peer_identity *identity;
    const struct peer_link_handler *handler;
    void *context;
    enum state state;
    bool is_incoming, is_arranged, has_expected, is_proven;
    uint8_t peer_id[HASH_BYTES];
    struct net_address address;
    struct peer_dial *dial;
    struct net_stream *stream; /* HANDSHAKING; later the link's */
    struct net_link *link;     /* UP */
    int fd;                    /* LISTENING; else -1 */
    uv_poll_t poll;            /* on it */
    bool poll_is_open;
    struct net_deadline *deadline; /* LISTENING, how long */
    struct net_deferred turn;      /* `closed` of a link without a stream */
    int error;
    char text[TEXT_BYTES];
};

/* ---- the end ---- */

static void maybe_finish_close(struct peer_link *link)
{
    /* Pending: the poll handle; the turn that end() asked for; stream or net_link. */
    if (link->poll_is_open || link->turn.next != NULL || link->stream != NULL) {
        return;
    }
    assert(link->state == ENDING && link->dial == NULL && link->fd < 0);
    net_deadline_close(link->deadline);
    link->handler->closed(link->context, link->error, link->text);
    free(link);
}

static void on_turn(void *context)
{
    maybe_finish_close(context);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct peer_link *link = handle->data;
    link->poll_is_open = false;
    if (link->state == ENDING) {
        maybe_finish_close(link);
    }
}

static void close_poll(struct peer_link *link)
{
    if (link->poll_is_open && !uv_is_closing((uv_handle_t *)&link->poll)) {
        uv_close((uv_handle_t *)&link->poll, on_poll_closed);
    }
}

static void set_error(struct peer_link *link, int error, const char *text)
{
    link->error = error;
    snprintf(link->text, sizeof link->text, "%s", text);
}

/* Without a stream; later streams and links end by themselves. */
static void end(struct peer_link *link, int error, const char *text)
{
    assert(link->stream == NULL);
    set_error(link, error, text);
    link->state = ENDING;
    peer_dial_close(link->dial);
    link->dial = NULL;
    close_poll(link);
    if (link->fd >= 0) {
        close(link->fd);
        link->fd = -1;
    }
    net_loop_defer(link->loop, &link->turn);
}

/* ---- frames ---- */

static void on_link_up(void *context)
{
    struct peer_link *link = context;
    link->state = UP;
    link->handler->up(link->context);
}

static void on_link_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct peer_link *link = context;
    link->handler->frame(link->context, type, body, body_bytes);
}

static void on_link_room(void *context, size_t queued_bytes)
{
    struct peer_link *link = context;
    link->handler->room(link->context, queued_bytes);
}

static void on_link_broken(void *context, int error)
{
    struct peer_link *link = context;
    link->handler->broken(link->context, error);
}

/* Of the stream while shaking hands, of the net_link afterwards. */
static void take_end(struct peer_link *link, int error, const char *text)
{
    if (link->error == 0) {
        set_error(link, error, text);
    }
    link->stream = NULL;
    link->link = NULL;
    link->state = ENDING;
    maybe_finish_close(link);
}

static void on_link_closed(void *context, int error, const char *text)
{
    take_end(context, error, text);
}

static const struct net_link_handler link_handler = {
    .up = on_link_up,
    .frame = on_link_frame,
    .room = on_link_room,
    .broken = on_link_broken,
    .closed = on_link_closed,
};

/* ---- who is it ---- */

static bool is_whom_we_want(struct peer_link *link, const uint8_t id[HASH_BYTES])
{
    if (memcmp(id, peer_identity_id(link->identity), HASH_BYTES) == 0) {
        set_error(link, ERROR_MISMATCH, "it is ourselves");
        return false;
    }
    if (link->has_expected && memcmp(id, link->peer_id, HASH_BYTES) != 0) {
        set_error(link, ERROR_MISMATCH, "another peer is there");
        return false;
    }
    return true;
}

static void on_stream_opened(void *context)
{
    struct peer_link *link = context;
    uint8_t id[HASH_BYTES];
    if (net_stream_protocol(link->stream) != NET_PROTOCOL_LINK ||
        !net_stream_peer_key_hash(link->stream, id)) {
        set_error(link, ERROR_UNSUPPORTED, "the other side is no peer");
        net_stream_close(link->stream);
        return;
    }
    if (!is_whom_we_want(link, id)) {
        net_stream_close(link->stream);
        return;
    }
    memcpy(link->peer_id, id, HASH_BYTES);
    link->is_proven = true;
    int error = net_link_adopt(link->stream, NULL, 0, &link_handler, link, &link->link);
    if (error != 0) {
        set_error(link, error, error_text(error));
        net_stream_close(link->stream);
    }
}

static void on_stream_read(void *context, const uint8_t *bytes, size_t count)
{
    (void)context; /* the net_link's come to the net_link */
    (void)bytes;
    (void)count;
}

static void on_stream_closed(void *context, int error)
{
    struct peer_link *link = context;
    take_end(link, error, net_stream_text(link->stream));
}

static const struct net_stream_handler stream_handler = {
    .opened = on_stream_opened,
    .read = on_stream_read,
    .closed = on_stream_closed,
};

/* The fd is taken, also when this fails. */
static int shake_hands(struct peer_link *link, int fd, bool as_client)
{
    static const struct net_stream_limits limits = {
        .queue_bytes_max = PEER_LINK_QUEUE_BYTES_MAX,
        .unsent_bytes = PEER_LINK_UNSENT_BYTES,
        .handshake_us = PEER_LINK_HANDSHAKE_US,
        .linger_us = PEER_LINK_LINGER_US,
    };
    struct net_tls *tls = NULL;
    int error = as_client ? peer_identity_client(link->identity, &tls)
                          : peer_identity_server(link->identity, &tls);
    if (error != 0) {
        close(fd);
        return error;
    }
    error = net_stream_meet(link->loop, fd, tls, as_client ? link->peer_id : NULL, &limits,
                            &stream_handler, link, &link->stream);
    if (error == 0) {
        link->state = HANDSHAKING;
    }
    return error;
}

/* ---- who begins ---- */

static bool is_lower(const struct peer_link *link)
{
    return memcmp(peer_identity_id(link->identity), link->peer_id, HASH_BYTES) < 0;
}

static uint64_t round_trip_us(int fd)
{
    struct tcp_info info;
    socklen_t bytes = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) {
        return RTT_US_MAX;
    }
    return info.tcpi_rtt < RTT_US_MAX ? info.tcpi_rtt : RTT_US_MAX;
}

/* Either it has begun (something is there to be read, or an end), or nobody has. */
static void stop_listening(struct peer_link *link, bool as_client)
{
    int fd = link->fd;
    link->fd = -1;
    net_deadline_set(link->deadline, TIME_NEVER_US);
    uv_poll_stop(&link->poll);
    close_poll(link);
    int error = shake_hands(link, fd, as_client);
    if (error != 0) {
        end(link, error, error_text(error));
    }
}

static void on_begun(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    stop_listening(poll->data, false);
}

static void on_nobody_began(void *context)
{
    stop_listening(context, true);
}

/* The fd is taken, also when this fails. */
static int listen_who_begins(struct peer_link *link, int fd)
{
    int error = net_deadline_open(link->loop, on_nobody_began, link, &link->deadline);
    if (error != 0) {
        close(fd);
        return error;
    }
    if (uv_poll_init(net_loop_uv(link->loop), &link->poll, fd) != 0) {
        close(fd);
        return ERROR_SYSTEM;
    }
    link->poll.data = link;
    link->poll_is_open = true;
    link->fd = fd;
    link->state = LISTENING;
    uint64_t wait_us = PEER_LINK_TURN_US + 2 * round_trip_us(fd);
    net_deadline_set(link->deadline, time_add_us(net_now_us(), wait_us));
    uv_poll_start(&link->poll, UV_READABLE, on_begun);
    return 0;
}

static void on_dialled(void *context, int error, int fd, const char *text)
{
    struct peer_link *link = context;
    if (error != 0) {
        end(link, error, text);
        return;
    }
    peer_dial_close(link->dial);
    link->dial = NULL;
    error = link->is_arranged && !is_lower(link) ? listen_who_begins(link, fd)
                                                 : shake_hands(link, fd, true);
    if (error != 0) {
        end(link, error, error_text(error));
    }
}

/* ---- making links ---- */

static struct peer_link *new_link(struct net_loop *loop, struct peer_identity *identity,
                                  const struct peer_link_handler *handler, void *context)
{
    struct peer_link *link = calloc(1, sizeof *link);
    if (link != NULL) {
        link->loop = loop;
        link->identity = identity;
        link->handler = handler;
        link->context = context;
        link->fd = -1;
        link->turn = (struct net_deferred){.callback = on_turn, .context = link};
    }
    return link;
}

int peer_link_dial(struct net_loop *loop, struct peer_identity *identity,
                   const struct peer_dial_config *dial, const uint8_t *expected,
                   const struct peer_link_handler *handler, void *context,
                   struct peer_link **ret_link)
{
    struct peer_link *link = new_link(loop, identity, handler, context);
    if (link == NULL) {
        return ERROR_NO_MEMORY;
    }
    memcpy(link->peer_id, expected, HASH_BYTES);
    link->has_expected = true;
    link->is_arranged = dial->is_arranged;
    link->address = dial->address;
    link->state = DIALLING;
    int error = peer_dial_open(loop, dial, on_dialled, link, &link->dial);
    if (error != 0) {
        free(link);
        return error;
    }
    *ret_link = link;
    return 0;
}

int peer_link_accept(struct net_loop *loop, struct peer_identity *identity, int fd,
                     const struct peer_link_handler *handler, void *context,
                     struct peer_link **ret_link)
{
    struct peer_link *link = new_link(loop, identity, handler, context);
    if (link == NULL) {
        close(fd);
        return ERROR_NO_MEMORY;
    }
    link->is_incoming = true;
    int error = shake_hands(link, fd, false);
    if (error != 0) {
        free(link);
        return error;
    }
    link->address = *net_stream_peer_address(link->stream);
    *ret_link = link;
    return 0;
}

/* ---- what owners do ---- */

void peer_link_set_handler(struct peer_link *link, const struct peer_link_handler *handler,
                           void *context)
{
    link->handler = handler;
    link->context = context;
}

int peer_link_send(struct peer_link *link, uint8_t type, const void *body, size_t body_bytes,
                   const void *payload, size_t payload_bytes)
{
    if (link->state != UP) {
        return ERROR_CLOSED;
    }
    return net_link_send(link->link, type, body, body_bytes, payload, payload_bytes);
}

size_t peer_link_queued_bytes(const struct peer_link *link)
{
    return link->link != NULL ? net_link_queued_bytes(link->link) : 0;
}

void peer_link_finish(struct peer_link *link)
{
    if (link->state == UP) {
        net_link_finish(link->link);
    } else {
        peer_link_close(link);
    }
}

void peer_link_close(struct peer_link *link)
{
    if (link->link != NULL) {
        net_link_close(link->link);
    } else if (link->stream != NULL) {
        net_stream_close(link->stream);
    } else if (link->state != ENDING) {
        end(link, 0, "closed");
    }
}

bool peer_link_is_up(const struct peer_link *link)
{
    return link->state == UP;
}

bool peer_link_is_incoming(const struct peer_link *link)
{
    return link->is_incoming;
}

bool peer_link_is_dialling(const struct peer_link *link)
{
    return link->state == DIALLING;
}

const uint8_t *peer_link_peer_id(const struct peer_link *link)
{
    return link->has_expected || link->is_proven ? link->peer_id : NULL;
}

const struct net_address *peer_link_address(const struct peer_link *link)
{
    return &link->address;
}

bool peer_link_resumed(const struct peer_link *link)
{
    return link->stream != NULL && net_stream_resumed(link->stream);
}
