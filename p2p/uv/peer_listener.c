/*
 * peer_listener.c: accepting peers, and the limits on those who have shown nothing yet.
 *
 * A half-open link is the listener's; when it is up it is given away. Failure modes: beyond a limit,
 * or without memory, a connection is closed without a word.
 */
#include "p2p/uv/peer_listener.h"

#include "common/error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct half_open {
    struct peer_listener *listener;
    struct peer_link *link; /* NULL: the place is free */
    struct net_address address;
};

struct peer_listener {
    struct net_loop *loop;
    struct peer_identity *identity;
    struct net_listener *listener; /* NULL after close */
    peer_listener_accepted *accepted;
    void *context;
    struct half_open places[PEER_LISTENER_HALF_OPEN_MAX];
    uint32_t count;
};

/* A household has one IPv4 address, or one IPv6 /64 (RFC 6177). */
static bool is_same_place(const struct net_address *a, const struct net_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 6 ? 8 : 4) == 0;
}

static void free_place(struct half_open *place)
{
    struct peer_listener *listener = place->listener;
    place->link = NULL;
    listener->count--;
    if (listener->listener == NULL && listener->count == 0) {
        free(listener);
    }
}

static void on_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    (void)context; /* closing: nobody listens */
    (void)type;
    (void)body;
    (void)body_bytes;
}

static void on_room(void *context, size_t queued_bytes)
{
    (void)context;
    (void)queued_bytes;
}

static void on_broken(void *context, int error)
{
    (void)context;
    (void)error;
}

static void on_given_up(void *context)
{
    (void)context; /* it is up already */
}

static void on_given_closed(void *context, int error, const char *text)
{
    (void)context;
    (void)error;
    (void)text;
}

/* Of a link that was given to somebody who does not want it. */
static const struct peer_link_handler given_handler = {
    .up = on_given_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_given_closed,
};

static void on_up(void *context)
{
    struct half_open *place = context;
    struct peer_listener *listener = place->listener;
    struct peer_link *link = place->link;
    if (listener->listener == NULL) {
        peer_link_close(link);
        return;
    }
    free_place(place);
    peer_link_set_handler(link, &given_handler, NULL);
    listener->accepted(listener->context, link);
}

static void on_closed(void *context, int error, const char *text)
{
    (void)error;
    (void)text;
    free_place(context);
}

static const struct peer_link_handler half_open_handler = {
    .up = on_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_closed,
};

/* NULL: a limit is reached. */
static struct half_open *find_place(struct peer_listener *listener,
                                    const struct net_address *address)
{
    struct half_open *found = NULL;
    uint32_t same = 0;
    for (uint32_t i = 0; i < PEER_LISTENER_HALF_OPEN_MAX; i++) {
        struct half_open *place = &listener->places[i];
        if (place->link == NULL) {
            found = found == NULL ? place : found;
        } else if (is_same_place(&place->address, address)) {
            same++;
        }
    }
    return same < PEER_LISTENER_PER_ADDRESS_MAX ? found : NULL;
}

static void on_accepted(void *context, int fd)
{
    struct peer_listener *listener = context;
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t peer_bytes = sizeof peer;
    struct net_address address = {.family = 0};
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) == 0) {
        net_address_from_sockaddr((struct sockaddr *)&peer, &address);
    }
    struct half_open *place = address.family != 0 ? find_place(listener, &address) : NULL;
    if (place == NULL) {
        close(fd);
        return;
    }
    place->listener = listener;
    place->address = address;
    if (peer_link_accept(listener->loop, listener->identity, fd, &half_open_handler, place,
                         &place->link) != 0) {
        place->link = NULL;
        return;
    }
    listener->count++;
}

/* Both families where there are two. */
static int open_any(struct peer_listener *listener, uint16_t port,
                    char ret_text[NET_LISTENER_TEXT_BYTES])
{
    int error = net_listener_open(listener->loop, "::", port, on_accepted, listener,
                                  &listener->listener, ret_text);
    if (error == ERROR_SYSTEM || error == ERROR_NOT_FOUND) {
        error = net_listener_open(listener->loop, "0.0.0.0", port, on_accepted, listener,
                                  &listener->listener, ret_text);
    }
    return error;
}

int peer_listener_open(struct net_loop *loop, struct peer_identity *identity, uint16_t port,
                       peer_listener_accepted *accepted, void *context,
                       struct peer_listener **ret_listener, char ret_text[NET_LISTENER_TEXT_BYTES])
{
    struct peer_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s", error_text(ERROR_NO_MEMORY));
        return ERROR_NO_MEMORY;
    }
    listener->loop = loop;
    listener->identity = identity;
    listener->accepted = accepted;
    listener->context = context;
    int error = open_any(listener, port, ret_text);
    if (error == 0) {
        error = net_listener_share_port(listener->listener);
        if (error != 0) {
            snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s", error_text(error));
            net_listener_close(listener->listener);
        }
    }
    if (error != 0) {
        free(listener);
        return error;
    }
    *ret_listener = listener;
    return 0;
}

uint16_t peer_listener_port(const struct peer_listener *listener)
{
    return net_listener_address(listener->listener)->port;
}

uint32_t peer_listener_half_open(const struct peer_listener *listener)
{
    return listener->count;
}

void peer_listener_close(struct peer_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    net_listener_close(listener->listener);
    listener->listener = NULL;
    for (uint32_t i = 0; i < PEER_LISTENER_HALF_OPEN_MAX; i++) {
        if (listener->places[i].link != NULL) {
            peer_link_close(listener->places[i].link);
        }
    }
    if (listener->count == 0) {
        free(listener);
    }
}
