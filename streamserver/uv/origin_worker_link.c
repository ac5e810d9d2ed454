/*
 * origin_worker_link.c: links of common/net as links of the engine.
 *
 * Responsible for numbers, messages in and out, and good-byes. Happy path: adopt -> up -> frame,
 * room, ... -> closed. Failure modes: a malformed message is answered with BYE and the end of the
 * link; whatever ends the stream comes as `closed`, and frees the link. A link that the engine has
 * let go lives on, unknown to it, until its BYE has left.
 */
#include "streamserver/uv/origin_worker_state.h"

#include "common/error.h"
#include "common/net/crypto.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin_worker_link *find_link(const struct origin_worker *worker, uint32_t number)
{
    const struct origin_worker_entry *entry = table_get(&worker->links, &number);
    return entry == NULL ? NULL : entry->link;
}

static void tell(const struct origin_worker_link *link, const char *what, const char *why)
{
    char address[NET_ADDRESS_TEXT_BYTES];
    if (!link->worker->config.is_verbose) {
        return;
    }
    const struct net_stream *stream = net_link_stream(link->net);
    net_address_format(net_stream_peer_address(stream), address);
    (void)fprintf(stderr, "link %u %s %s: %s, %llu bytes in, %llu out\n", link->number, address,
                  what, why, (unsigned long long)net_stream_bytes_in(stream),
                  (unsigned long long)net_stream_bytes_out(stream));
}

/* The engine does not know it any more (or never did). */
static void disown(struct origin_worker_link *link)
{
    if (link->is_known) {
        (void)table_remove(&link->worker->links, &link->number);
        link->is_known = false;
    }
}

static void say_bye(struct origin_worker_link *link, enum p2p_bye reason)
{
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    struct p2p_message message = {.type = P2P_BYE, .bye = {.reason = (uint8_t)reason, .text = ""}};
    if (p2p_message_encode(&message, body, sizeof body, &bytes) == 0) {
        (void)net_link_send(link->net, P2P_BYE, body, bytes, NULL, 0);
    }
    net_link_finish(link->net);
    tell(link, "bye", p2p_bye_text((uint8_t)reason));
}

void origin_worker_link_disconnect(struct origin_worker *worker, uint32_t number,
                                   enum p2p_bye reason)
{
    struct origin_worker_link *link = find_link(worker, number);
    if (link != NULL) {
        disown(link);
        say_bye(link, reason);
    }
}

static void tell_down(struct origin_worker_link *link, int error)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_DOWN};
    event.link_down.link = link->number;
    event.link_down.error = error;
    disown(link);
    origin_worker_step(link->worker, &event);
}

static void on_up(void *context)
{
    struct origin_worker_link *link = context;
    struct origin_worker *worker = link->worker;
    const struct net_stream *stream = net_link_stream(link->net);
    const struct net_address *peer = net_stream_peer_address(stream);
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_UP};
    if (crypto_random(event.link_up.nonce, sizeof event.link_up.nonce) != 0) {
        net_link_close(link->net);
        return;
    }
    do { /* none that is in use, also after 2^32 */
        link->number = ++worker->link_last;
    } while (link->number == 0 || find_link(worker, link->number) != NULL);
    struct origin_worker_entry *entry = table_put(&worker->links, &link->number, NULL);
    if (entry == NULL) {
        net_link_close(link->net);
        return;
    }
    entry->link = link;
    link->is_known = true;
    event.link_up.link = link->number;
    event.link_up.is_tls = net_stream_is_tls(stream);
    (void)net_stream_peer_key_hash(stream, event.link_up.peer_id);
    event.link_up.address_family = peer->family;
    memcpy(event.link_up.address, peer->bytes, sizeof event.link_up.address);
    event.link_up.port = peer->port;
    tell(link, "up", event.link_up.is_tls ? "tls" : "plain");
    origin_worker_step(worker, &event);
}

static void on_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct origin_worker_link *link = context;
    struct p2p_message message;
    if (!link->is_known) {
        return;
    }
    int error = p2p_message_decode(type, body, body_bytes, &message);
    if (error == ERROR_NOT_FOUND) {
        return; /* a type of a later version */
    }
    if (error != 0) {
        tell_down(link, ERROR_MALFORMED);
        say_bye(link, P2P_BYE_PROTOCOL);
        return;
    }
    struct origin_event event = {.kind = ORIGIN_EVENT_MESSAGE};
    event.message.link = link->number;
    event.message.message = &message;
    origin_worker_step(link->worker, &event);
}

/* A frame that is too long to be one. */
static void on_broken(void *context, int error)
{
    struct origin_worker_link *link = context;
    if (link->is_known) {
        tell_down(link, error);
        say_bye(link, P2P_BYE_PROTOCOL);
    }
}

static void on_room(void *context, size_t queued_bytes)
{
    struct origin_worker_link *link = context;
    if (!link->is_known) {
        return;
    }
    struct origin_event event = {.kind = ORIGIN_EVENT_ROOM};
    event.room.link = link->number;
    event.room.queued_bytes = queued_bytes < UINT32_MAX ? (uint32_t)queued_bytes : UINT32_MAX;
    origin_worker_step(link->worker, &event);
}

static void on_closed(void *context, int error, const char *text)
{
    struct origin_worker_link *link = context;
    struct origin_worker *worker = link->worker;
    tell(link, "closed", error == 0 ? "by us" : text);
    if (link->is_known) {
        tell_down(link, error);
    }
    *(link->previous != NULL ? &link->previous->next : &worker->link_first) = link->next;
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
    worker->link_count--;
    free(link);
    origin_worker_maybe_stopped(worker);
}

static const struct net_link_handler link_handler = {
    .up = on_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_closed,
};

void origin_worker_link_adopt(void *context, struct net_stream *stream, const uint8_t *bytes,
                              size_t count)
{
    struct origin_worker *worker = context;
    struct origin_worker_link *link = NULL;
    if (!worker->is_stopping &&
        worker->link_count < origin_config_default.link_max + ORIGIN_WORKER_CLOSING_MAX) {
        link = calloc(1, sizeof *link);
    }
    if (link == NULL) {
        net_stream_close(stream);
        return;
    }
    link->worker = worker;
    if (net_link_adopt(stream, bytes, count, &link_handler, link, &link->net) != 0) {
        free(link);
        net_stream_close(stream);
        return;
    }
    link->next = worker->link_first;
    if (link->next != NULL) {
        link->next->previous = link;
    }
    worker->link_first = link;
    worker->link_count++;
}

void origin_worker_link_send(struct origin_worker *worker, const struct origin_effect *effect)
{
    const struct p2p_message *message = &effect->send.message;
    struct origin_worker_link *link = find_link(worker, effect->send.link);
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    if (link == NULL) {
        return;
    }
    const uint8_t *payload = NULL;
    size_t payload_bytes = 0;
    if (message->type == P2P_FRAGMENT) {
        payload =
            worker->slots + (size_t)effect->send.slot * CHUNK_BYTES + effect->send.slot_offset;
        payload_bytes = message->fragment.bytes;
    }
    int error = p2p_message_encode(message, body, sizeof body, &bytes);
    assert(error == 0); /* the buffer does for all that we say */
    if (net_link_send(link->net, (uint8_t)message->type, body, bytes, payload, payload_bytes) !=
        0) {
        net_link_close(link->net); /* a frame is missing now: what follows would be nonsense */
    }
}

void origin_worker_link_shutdown(struct origin_worker *worker)
{
    for (struct origin_worker_link *link = worker->link_first; link != NULL; link = link->next) {
        if (link->is_known) {
            tell_down(link, ERROR_CLOSED);
            say_bye(link, P2P_BYE_SHUTDOWN);
        } else {
            net_link_close(link->net); /* not up yet, or saying good-bye already */
        }
    }
}
