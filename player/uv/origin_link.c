/*
 * origin_link.c: the one link to the origin, who that is, and the frames on it.
 *
 * Responsible for connecting before the node asks (the connection is the slowest part of a start),
 * for giving LINK_UP and LINK_DOWN exactly as node.h wants them, and for pinning identities.
 *
 * Happy path: begin -> (node: CONNECT) -> up -> frames -> node's DISCONNECT, or closed by the other
 * side -> LINK_DOWN -> (node: CONNECT) -> ... A link that comes up or goes before the node's first
 * CONNECT waits for it.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "common/net/identity.h"
#include "common/net/known_origins.h"
#include "p2p/core/message.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void say_down(struct engine *engine, uint32_t number, int error)
{
    struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
    event.link_down.link = number;
    event.link_down.error = error != 0 ? error : ERROR_CLOSED;
    engine_step(engine, &event);
}

static void say_up(struct engine *engine)
{
    struct engine_origin *origin = &engine->origin;
    struct node_event event = {.kind = NODE_EVENT_LINK_UP};
    event.link_up.link = origin->number;
    event.link_up.link_kind = NODE_LINK_ORIGIN;
    event.link_up.listen_port = peers_port(engine);
    const struct net_address *peer = net_stream_peer_address(net_link_stream(origin->link));
    event.link_up.address.family = peer->family;
    event.link_up.address.port = peer->port;
    memcpy(event.link_up.address.address, peer->bytes, sizeof peer->bytes);
    int error = crypto_random(event.link_up.nonce, sizeof event.link_up.nonce);
    if (error != 0) {
        net_link_close(origin->link);
        return;
    }
    origin->said_up = true;
    engine_step(engine, &event);
}

/* --- callbacks of the link --------------------------------------------------------------------------- */

static void link_up(void *context)
{
    struct engine *engine = context;
    engine->origin.is_up = true;
    if (engine->origin.number != 0) {
        say_up(engine);
    }
}

static void broken_frame(struct engine *engine, int error)
{
    snprintf(engine->origin.text, sizeof engine->origin.text, "it sent a message that is %s",
             error_text(error));
    engine->origin.broke = true;
    origin_link_disconnect(engine, engine->origin.number, P2P_BYE_PROTOCOL);
}

static void link_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct engine *engine = context;
    if (!engine->origin.said_up || engine->origin.broke) {
        return; /* nothing was asked: nothing is an answer */
    }
    struct p2p_message message;
    int error = p2p_message_decode(type, body, body_bytes, &message);
    if (error == ERROR_NOT_FOUND) {
        return; /* a type of a later version */
    }
    if (error != 0) {
        broken_frame(engine, error);
        return;
    }
    if (message.type == P2P_FRAGMENT) {
        engine->payload = body + P2P_FRAGMENT_HEADER_BYTES;
    } else if (message.type == P2P_BYE) {
        snprintf(engine->origin.text, sizeof engine->origin.text, "it said: %s",
                 p2p_bye_text(message.bye.reason));
    }
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = engine->origin.number;
    event.message.message = &message;
    engine_step(engine, &event);
}

static void link_closed(void *context, int error, const char *text)
{
    struct engine *engine = context;
    struct engine_origin *origin = &engine->origin;
    uint32_t number = origin->number;
    if (error != 0 && error != ERROR_CLOSED) {
        snprintf(origin->text, sizeof origin->text, "%s", text);
    } else if (error == ERROR_CLOSED && origin->text[0] == '\0') {
        snprintf(origin->text, sizeof origin->text, "it closed the connection");
    }
    origin->link = NULL;
    origin->number = 0;
    origin->is_up = false;
    origin->said_up = false;
    peers_miss_origin(engine);
    if (number != 0 && !engine->dead) {
        say_down(engine, number, origin->broke ? ERROR_MALFORMED : error);
    }
    origin->broke = false;
}

static const struct net_link_handler link_handler = {
    .up = link_up,
    .frame = link_frame,
    .closed = link_closed,
};

/* --- connecting ------------------------------------------------------------------------------------------ */

static int connect_now(struct engine *engine)
{
    struct engine_origin *origin = &engine->origin;
    int error = 0;
    if (net_url_is_tls(&origin->url) && origin->tls == NULL) {
        error = net_tls_new_client(&origin->tls);
    }
    if (error != 0) {
        return error;
    }
    const struct net_stream_limits limits = {.linger_us = ENGINE_LINGER_US};
    return net_link_connect(engine->loop, origin->url.host, origin->url.port, origin->tls, &limits,
                            &link_handler, engine, &origin->link);
}

void origin_link_begin(struct engine *engine)
{
    /* A failure here comes again, and is told, when the node asks for its link. */
    if (connect_now(engine) != 0) {
        engine->origin.link = NULL;
    }
}

void origin_link_connect(struct engine *engine, uint32_t number)
{
    struct engine_origin *origin = &engine->origin;
    assert(origin->number == 0);
    origin->last_number = number;
    if (!origin->configured) {
        snprintf(origin->text, sizeof origin->text, "no origin was given");
        struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
        event.link_down.link = number;
        event.link_down.error = ERROR_NOT_FOUND;
        engine_answer(engine, &event, NULL, 0);
        return;
    }
    if (origin->link == NULL) {
        int error = connect_now(engine);
        if (error != 0) {
            snprintf(origin->text, sizeof origin->text, "%s", error_text(error));
            struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
            event.link_down.link = number;
            event.link_down.error = error;
            engine_answer(engine, &event, NULL, 0);
            return;
        }
    }
    origin->number = number;
    if (origin->is_up) {
        say_up(engine);
    }
}

void origin_link_send(struct engine *engine, uint32_t number, const struct p2p_message *message)
{
    struct engine_origin *origin = &engine->origin;
    if (origin->link == NULL || origin->number != number) {
        return; /* it went in this very turn: LINK_DOWN is on its way */
    }
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t body_bytes = 0;
    int error = p2p_message_encode(message, body, sizeof body, &body_bytes);
    assert(error == 0);
    error = net_link_send(origin->link, (uint8_t)message->type, body, body_bytes, NULL, 0);
    if (error != 0 && error != ERROR_CLOSED) {
        /* Our requests fill a megabyte only when nobody reads them. */
        net_link_close(origin->link);
    }
}

static void send_bye(struct engine *engine, uint8_t reason)
{
    struct p2p_message message = {.type = P2P_BYE};
    message.bye.reason = reason;
    message.bye.text = "";
    origin_link_send(engine, engine->origin.number, &message);
}

void origin_link_disconnect(struct engine *engine, uint32_t number, uint8_t reason)
{
    struct engine_origin *origin = &engine->origin;
    if (origin->link == NULL || origin->number != number) {
        return;
    }
    if (origin->is_up) {
        send_bye(engine, reason);
        net_link_finish(origin->link);
    } else {
        net_link_close(origin->link);
    }
}

void origin_link_end(struct engine *engine)
{
    struct engine_origin *origin = &engine->origin;
    if (origin->link != NULL && origin->said_up) {
        origin_link_disconnect(engine, origin->number, P2P_BYE_DONE);
    } else if (origin->link != NULL) {
        net_link_close(origin->link);
    }
}

/* --- who it is ----------------------------------------------------------------------------------------------- */

/* Compares with known_origins, and pins. */
static bool is_who_it_was(struct engine *engine, const uint8_t identity[PUBLIC_KEY_BYTES])
{
    struct engine_origin *origin = &engine->origin;
    struct net_known_result result;
    int error = net_known_origins_check(engine->known_origins, origin->url.host, origin->url.port,
                                        identity, &result);
    if (error == ERROR_MISMATCH) {
        snprintf(origin->text, sizeof origin->text, "%s", result.text);
        return false;
    }
    if (error != 0) {
        /* A pin that can't be written is no reason for silence; the identity itself was shown. */
        engine_warn(engine, "%s: %s; the origin's identity is not remembered",
                    engine->known_origins, error_text(error));
    } else if (result.text[0] != '\0') {
        engine_warn(engine, "%s", result.text);
    }
    return true;
}

void origin_link_check_identity(struct engine *engine, const struct node_effect *effect)
{
    struct engine_origin *origin = &engine->origin;
    const struct p2p_hello *hello = effect->check_identity.hello;
    struct net_identity_claim claim = {.form = hello->form};
    memcpy(claim.identity, hello->identity, PUBLIC_KEY_BYTES);
    memcpy(claim.signature, hello->signature, SIGNATURE_BYTES);
    uint8_t key_hash[HASH_BYTES];
    bool is_tls = false;
    bool valid = false;
    if (origin->link != NULL && origin->number == effect->check_identity.link) {
        is_tls = net_stream_peer_key_hash(net_link_stream(origin->link), key_hash);
        valid =
            net_identity_check(&claim, is_tls ? key_hash : NULL, effect->check_identity.nonce) == 0;
    }
    if (!valid) {
        snprintf(origin->text, sizeof origin->text, "it did not show its identity");
    } else {
        valid = is_who_it_was(engine, hello->identity);
    }
    if (valid) {
        origin->known = true;
        memcpy(origin->identity, hello->identity, PUBLIC_KEY_BYTES);
        origin->text[0] = '\0';
        peers_know_origin(engine);
    }
    struct node_event event = {.kind = NODE_EVENT_IDENTITY_CHECKED};
    event.identity_checked.link = effect->check_identity.link;
    event.identity_checked.valid = valid;
    engine_answer(engine, &event, NULL, 0);
}

bool origin_link_is_known(struct engine *engine)
{
    struct engine_origin *origin = &engine->origin;
    struct net_known_result result;
    if (!origin->known && origin->configured && !origin->was_looked_up) {
        /* Not on this link yet, but on an earlier one: peers may bring what it has signed. */
        origin->was_looked_up = true;
        origin->known = net_known_origins_lookup(engine->known_origins, origin->url.host,
                                                 origin->url.port, &result) == 0 &&
                        result.state == NET_KNOWN_MATCH;
        if (origin->known) {
            memcpy(origin->identity, result.identity, PUBLIC_KEY_BYTES);
        }
    }
    return origin->known;
}

bool origin_link_trusts(struct engine *engine, const uint8_t identity[PUBLIC_KEY_BYTES])
{
    return origin_link_is_known(engine) &&
           memcmp(engine->origin.identity, identity, PUBLIC_KEY_BYTES) == 0;
}
