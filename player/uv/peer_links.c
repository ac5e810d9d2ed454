/*
 * peer_links.c: links to peers as the node's links.
 *
 * Responsible for numbers, messages in and out, and for LINK_UP and LINK_DOWN exactly as node.h wants
 * them: one of both after a CONNECT, one DOWN after each UP. Which of two links with the same peer
 * stays is the node's decision; only an arranged dial that has not connected yet gives way here to a
 * link that came in meanwhile (ERROR_EXISTS): they are two halves of one attempt.
 *
 * Happy path: CONNECT -> dial -> up -> frames -> DISCONNECT (BYE), or closed by the other side ->
 * LINK_DOWN. Incoming: accepted (up already) -> LINK_UP -> frames. Failure modes: a malformed
 * message ends the link with a BYE, and LINK_DOWN says ERROR_MALFORMED, so that the node counts it.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct engine_peer_link {
    struct engine *engine;
    struct peer_link *link;
    uint32_t number; /* the node's */
    bool is_arranged;
    int error; /* what LINK_DOWN says, when it is not what the link says; else 0 */
};

/* NULL: it went in this very turn (LINK_DOWN is on its way), or is the origin's. */
static struct engine_peer_link *find(const struct engine *engine, uint32_t number)
{
    const struct engine_peers *peers = &engine->peers;
    for (uint32_t i = 0; i < peers->link_count; i++) {
        if (peers->links[i]->number == number) {
            return peers->links[i];
        }
    }
    return NULL;
}

/* NULL: too many, or no memory. */
static struct engine_peer_link *new_entry(struct engine *engine, uint32_t number)
{
    struct engine_peers *peers = &engine->peers;
    struct engine_peer_link *entry =
        peers->link_count < ENGINE_PEER_LINKS_MAX ? calloc(1, sizeof *entry) : NULL;
    if (entry != NULL) {
        entry->engine = engine;
        entry->number = number;
        peers->links[peers->link_count++] = entry;
    }
    return entry;
}

static void remove_entry(struct engine_peer_link *entry)
{
    struct engine_peers *peers = &entry->engine->peers;
    for (uint32_t i = 0; i < peers->link_count; i++) {
        if (peers->links[i] == entry) {
            peers->links[i] = peers->links[--peers->link_count];
            free(entry);
            return;
        }
    }
    assert(false);
}

static void fill_address(const struct net_address *from, struct p2p_address *ret_address)
{
    *ret_address = (struct p2p_address){.family = from->family, .port = from->port};
    memcpy(ret_address->address, from->bytes, sizeof ret_address->address);
}

/* --- messages ------------------------------------------------------------------------------------ */

static int send_message(struct engine_peer_link *entry, const struct p2p_message *message,
                        const uint8_t *payload, size_t payload_bytes)
{
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    int error = p2p_message_encode(message, body, sizeof body, &bytes);
    assert(error == 0); /* the buffer does for all that we say */
    return peer_link_send(entry->link, (uint8_t)message->type, body, bytes, payload, payload_bytes);
}

static void say_bye(struct engine_peer_link *entry, uint8_t reason)
{
    struct p2p_message message = {.type = P2P_BYE, .bye = {.reason = reason, .text = ""}};
    (void)send_message(entry, &message, NULL, 0);
    peer_link_finish(entry->link);
}

void peer_links_send(struct engine *engine, const struct node_effect *effect)
{
    struct engine_peer_link *entry = find(engine, effect->send.link);
    const struct p2p_message *message = &effect->send.message;
    const uint8_t *payload = NULL;
    size_t payload_bytes = 0;
    if (entry == NULL) {
        return;
    }
    if (message->type == P2P_FRAGMENT) {
        payload = giving_slot(engine, effect->send.slot) + message->fragment.offset;
        payload_bytes = message->fragment.bytes;
        assert(message->fragment.offset + payload_bytes <= CHUNK_BYTES);
    }
    int error = send_message(entry, message, payload, payload_bytes);
    if (error != 0 && error != ERROR_CLOSED) {
        entry->error = error; /* a frame is missing now: what follows would be nonsense */
        peer_link_close(entry->link);
    }
}

static void on_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct engine_peer_link *entry = context;
    struct p2p_message message;
    int error = p2p_message_decode(type, body, body_bytes, &message);
    if (error == ERROR_NOT_FOUND) {
        return; /* a type of a later version */
    }
    if (error != 0) {
        entry->error = ERROR_MALFORMED;
        say_bye(entry, P2P_BYE_PROTOCOL);
        return;
    }
    if (message.type == P2P_FRAGMENT) {
        entry->engine->payload = body + P2P_FRAGMENT_HEADER_BYTES;
    }
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = entry->number;
    event.message.message = &message;
    engine_step(entry->engine, &event);
}

static void on_broken(void *context, int error)
{
    struct engine_peer_link *entry = context;
    entry->error = error;
    say_bye(entry, P2P_BYE_PROTOCOL);
}

static void on_room(void *context, size_t queued_bytes)
{
    struct engine_peer_link *entry = context;
    struct node_event event = {.kind = NODE_EVENT_ROOM};
    event.room.link = entry->number;
    event.room.queued_bytes = queued_bytes < UINT32_MAX ? (uint32_t)queued_bytes : UINT32_MAX;
    engine_step(entry->engine, &event);
}

/* --- up and down ---------------------------------------------------------------------------------- */

static void on_up(void *context)
{
    struct engine_peer_link *entry = context;
    struct engine *engine = entry->engine;
    struct node_event event = {.kind = NODE_EVENT_LINK_UP};
    event.link_up.link = entry->number;
    event.link_up.link_kind = NODE_LINK_PEER;
    event.link_up.listen_port = peers_port(engine);
    memcpy(event.link_up.peer_id, peer_link_peer_id(entry->link), HASH_BYTES);
    fill_address(peer_link_address(entry->link), &event.link_up.address);
    int error = crypto_random(event.link_up.nonce, sizeof event.link_up.nonce);
    if (error != 0) {
        entry->error = error;
        peer_link_close(entry->link);
        return;
    }
    engine_step(engine, &event);
}

static void on_closed(void *context, int error, const char *text)
{
    struct engine_peer_link *entry = context;
    struct engine *engine = entry->engine;
    struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
    (void)text;
    error = entry->error != 0 ? entry->error : error;
    event.link_down.link = entry->number;
    event.link_down.error = error != 0 ? error : ERROR_CLOSED;
    remove_entry(entry);
    engine_step(engine, &event);
}

static const struct peer_link_handler link_handler = {
    .up = on_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_closed,
};

static void yield_arranged(struct engine *engine, const uint8_t *peer_id)
{
    const struct engine_peers *peers = &engine->peers;
    for (uint32_t i = 0; i < peers->link_count; i++) {
        struct engine_peer_link *entry = peers->links[i];
        if (entry->is_arranged && peer_link_is_dialling(entry->link) &&
            memcmp(peer_link_peer_id(entry->link), peer_id, HASH_BYTES) == 0) {
            entry->error = ERROR_EXISTS;
            peer_link_close(entry->link);
        }
    }
}

void peer_links_accepted(void *context, struct peer_link *link)
{
    struct engine *engine = context;
    uint32_t number = NODE_LINK_INCOMING | ++engine->peers.last_incoming;
    struct engine_peer_link *entry = engine->dead ? NULL : new_entry(engine, number);
    if (entry == NULL) {
        peer_link_close(link); /* nobody hears of it */
        return;
    }
    entry->link = link;
    peer_link_set_handler(link, &link_handler, entry);
    yield_arranged(engine, peer_link_peer_id(link));
    on_up(entry);
}

/* --- connecting ------------------------------------------------------------------------------------- */

static int dial(struct engine *engine, const struct node_effect *effect)
{
    const struct p2p_contact *contact = &effect->connect.contact;
    const struct p2p_address *address = &contact->addresses[0];
    struct peer_dial_config config = {.is_arranged = effect->connect.is_arranged};
    if (!p2p_address_is_dialable(address)) {
        return ERROR_UNREACHABLE;
    }
    config.address.family = address->family;
    config.address.port = address->port;
    memcpy(config.address.bytes, address->address, sizeof config.address.bytes);
    config.scope_id = peers_scope_id(engine, &config.address);
    config.local_port = peers_own_port(engine);
    struct engine_peer_link *entry = new_entry(engine, effect->connect.link);
    if (entry == NULL) {
        return ERROR_FULL;
    }
    entry->is_arranged = config.is_arranged;
    int error = peer_link_dial(engine->loop, engine->peers.identity, &config, contact->peer_id,
                               &link_handler, entry, &entry->link);
    if (error != 0) {
        remove_entry(entry);
    }
    return error;
}

void peer_links_connect(struct engine *engine, const struct node_effect *effect)
{
    int error = engine->peers.is_on ? dial(engine, effect) : ERROR_UNSUPPORTED;
    if (error != 0) {
        struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
        event.link_down.link = effect->connect.link;
        event.link_down.error = error;
        engine_answer(engine, &event, NULL, 0);
    }
}

void peer_links_disconnect(struct engine *engine, uint32_t number, uint8_t reason)
{
    struct engine_peer_link *entry = find(engine, number);
    if (entry == NULL) {
        return;
    }
    if (peer_link_is_up(entry->link)) {
        say_bye(entry, reason);
    } else {
        peer_link_close(entry->link);
    }
}

void peer_links_end(struct engine *engine)
{
    const struct engine_peers *peers = &engine->peers;
    for (uint32_t i = 0; i < peers->link_count; i++) {
        if (peer_link_is_up(peers->links[i]->link)) {
            say_bye(peers->links[i], P2P_BYE_SHUTDOWN);
        } else {
            peer_link_close(peers->links[i]->link);
        }
    }
}
