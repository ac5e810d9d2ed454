/*
 * record.c: node events to bytes and back, and the hash of an update.
 *
 * Responsible for the format in record.h, complete over all kinds of events. Recordings may be
 * damaged or made by somebody else: reading them is bounded and ends in an error, never beyond.
 */
#include "player/core/record.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

#define RECORD_MAGIC "RFREC3\0"
#define RECORD_MAGIC_BYTES 8u
#define RECORD_LENGTH_BYTES 4u
/* The update's hash, the kind and the moment. */
#define RECORD_BYTES_MIN 17u

enum {
    RECORD_OFFLINE = 1,
    RECORD_FAST = 2,
    RECORD_PEERS = 4,
};
/* How an entry was enqueued; 0 = to be played. */
enum {
    RECORD_FETCH = 1,
    RECORD_LENT = 2,
};
#define RECORD_FLAGS (RECORD_OFFLINE | RECORD_FAST | RECORD_PEERS)

/* --- the head -------------------------------------------------------------------------------------- */

size_t record_head_encode(const struct record_head *head, uint8_t *buffer)
{
    size_t name_bytes = strlen(head->preset);
    assert(name_bytes <= RECORD_PRESET_BYTES_MAX);
    struct writer writer;
    writer_init(&writer, buffer, RECORD_HEAD_BYTES_MAX);
    writer_bytes(&writer, RECORD_MAGIC, RECORD_MAGIC_BYTES);
    writer_u64(&writer, head->seed);
    writer_u64(&writer, head->cache_limit_bytes);
    writer_u32(&writer, head->slot_count);
    writer_u32(&writer, head->give_slot_count);
    writer_u8(&writer,
              (uint8_t)((head->offline ? RECORD_OFFLINE : 0) | (head->fast ? RECORD_FAST : 0) |
                        (head->with_peers ? RECORD_PEERS : 0)));
    writer_bytes(&writer, head->peer_id, HASH_BYTES);
    writer_u8(&writer, (uint8_t)name_bytes);
    writer_bytes(&writer, head->preset, name_bytes);
    assert(!writer_failed(&writer));
    return writer_used(&writer);
}

int record_head_decode(const uint8_t *bytes, size_t count, struct record_head *ret_head,
                       size_t *ret_used)
{
    struct cursor cursor;
    cursor_init(&cursor, bytes, count);
    const uint8_t *magic = cursor_bytes(&cursor, RECORD_MAGIC_BYTES);
    if (magic == NULL) {
        return ERROR_TRUNCATED;
    }
    if (memcmp(magic, RECORD_MAGIC, RECORD_MAGIC_BYTES) != 0) {
        return memcmp(magic, RECORD_MAGIC, 5) == 0 ? ERROR_VERSION : ERROR_MALFORMED;
    }
    struct record_head head = {0};
    head.seed = cursor_u64(&cursor);
    head.cache_limit_bytes = cursor_u64(&cursor);
    head.slot_count = cursor_u32(&cursor);
    head.give_slot_count = cursor_u32(&cursor);
    uint8_t flags = cursor_u8(&cursor);
    cursor_copy(&cursor, head.peer_id, HASH_BYTES);
    uint8_t name_bytes = cursor_u8(&cursor);
    if (name_bytes > RECORD_PRESET_BYTES_MAX || (flags & ~RECORD_FLAGS) != 0) {
        return ERROR_MALFORMED;
    }
    cursor_copy(&cursor, head.preset, name_bytes);
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    head.offline = (flags & RECORD_OFFLINE) != 0;
    head.fast = (flags & RECORD_FAST) != 0;
    head.with_peers = (flags & RECORD_PEERS) != 0;
    *ret_head = head;
    *ret_used = (size_t)(cursor.at - bytes);
    return 0;
}

/* --- encoding ---------------------------------------------------------------------------------------- */

/* A FRAGMENT without its payload, all others as on the wire. */
static void put_message(struct writer *writer, const struct p2p_message *message)
{
    writer_u8(writer, (uint8_t)message->type);
    if (message->type == P2P_FRAGMENT) {
        writer_u32(writer, message->fragment.request);
        writer_u32(writer, message->fragment.chunk);
        writer_u16(writer, message->fragment.offset);
        writer_u16(writer, message->fragment.bytes);
        return;
    }
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t body_bytes = 0;
    int error = p2p_message_encode(message, body, sizeof body, &body_bytes);
    assert(error == 0); /* it was decoded from a frame, so it is within bounds */
    (void)error;
    writer_bytes(writer, body, body_bytes);
}

static void put_address(struct writer *writer, const struct p2p_address *address)
{
    uint8_t bytes[P2P_ADDRESS_BYTES];
    p2p_address_write(bytes, 0, address);
    writer_bytes(writer, bytes, sizeof bytes);
}

static void put_contact(struct writer *writer, const struct node_event *event)
{
    uint8_t bytes[P2P_CONTACT_BYTES];
    p2p_contact_write(bytes, 0, &event->contact.contact);
    writer_bytes(writer, bytes, sizeof bytes);
    writer_u8(writer, event->contact.is_lan);
    writer_u32(writer, event->contact.penalty);
    writer_u64(writer, event->contact.age_us);
}

static void put_listening(struct writer *writer, const struct node_event *event)
{
    writer_u16(writer, event->listening.port);
    writer_u8(writer, event->listening.flags);
    writer_u8(writer, event->listening.address_count);
    for (uint32_t i = 0; i < event->listening.address_count; i++) {
        put_address(writer, &event->listening.addresses[i]);
    }
}

static void put_proof_found(struct writer *writer, const struct node_event *event)
{
    const struct media_proof *proof = event->proof_found.proof;
    writer_u32(writer, event->proof_found.operation);
    writer_u8(writer, proof != NULL);
    if (proof != NULL) {
        uint32_t hashes = (uint32_t)proof->leaf_count + proof->uncle_count;
        writer_u8(writer, proof->leaf_count);
        writer_u8(writer, proof->uncle_count);
        writer_bytes(writer, proof->hashes, (size_t)hashes * HASH_BYTES);
    }
}

static void put_peer_event(struct writer *writer, const struct node_event *event)
{
    switch ((int)event->kind) {
    case NODE_EVENT_ROOM:
        writer_u32(writer, event->room.link);
        writer_u32(writer, event->room.queued_bytes);
        break;
    case NODE_EVENT_LISTENING:
        put_listening(writer, event);
        break;
    case NODE_EVENT_CONTACT:
        put_contact(writer, event);
        break;
    case NODE_EVENT_GIVING:
        writer_u8(writer, event->giving.is_allowed);
        writer_u64(writer, event->giving.bytes_per_s);
        break;
    case NODE_EVENT_TRACK_FOUND:
        writer_u32(writer, event->track_found.operation);
        writer_u8(writer, event->track_found.manifest != NULL);
        if (event->track_found.manifest != NULL) {
            writer_bytes(writer, event->track_found.manifest, event->track_found.manifest_bytes);
        }
        break;
    case NODE_EVENT_PROOF_FOUND:
        put_proof_found(writer, event);
        break;
    case NODE_EVENT_GIVE_READ:
        writer_u32(writer, event->give_read.slot);
        writer_u32(writer, (uint32_t)event->give_read.error);
        break;
    default:
        break; /* NETWORK has no fields */
    }
}

static void put_cached_file(struct writer *writer, const struct node_event *event,
                            const struct media_intern *intern)
{
    const struct media_file_id *id = media_intern_id(intern, event->cached_file.file);
    const uint8_t *masks = event->cached_file.row_masks;
    writer_u32(writer, event->cached_file.file);
    writer_bytes(writer, id->root, HASH_BYTES);
    writer_u64(writer, id->bytes);
    writer_u64(writer, event->cached_file.last_use);
    writer_u8(writer, event->cached_file.is_main);
    writer_u8(writer, masks != NULL);
    if (masks != NULL) {
        writer_bytes(writer, masks, media_row_count(id->bytes));
    }
}

static void put_link_event(struct writer *writer, const struct node_event *event)
{
    if (event->kind == NODE_EVENT_LINK_UP) {
        writer_u32(writer, event->link_up.link);
        writer_u8(writer, (uint8_t)event->link_up.link_kind);
        writer_bytes(writer, event->link_up.nonce, P2P_NONCE_BYTES);
        writer_u16(writer, event->link_up.listen_port);
        writer_bytes(writer, event->link_up.peer_id, HASH_BYTES);
        put_address(writer, &event->link_up.address);
    } else if (event->kind == NODE_EVENT_LINK_DOWN) {
        writer_u32(writer, event->link_down.link);
        writer_u32(writer, (uint32_t)event->link_down.error);
    } else {
        writer_u32(writer, event->message.link);
        put_message(writer, event->message.message);
    }
}

static void put_store_event(struct writer *writer, const struct node_event *event)
{
    if (event->kind == NODE_EVENT_STORED) {
        writer_u32(writer, event->stored.file);
        writer_u32(writer, event->stored.row);
        writer_u8(writer, event->stored.mask);
        writer_u32(writer, (uint32_t)event->stored.error);
    } else if (event->kind == NODE_EVENT_ROTTEN) {
        writer_u32(writer, event->rotten.file);
        writer_u32(writer, event->rotten.row);
    } else {
        writer_bytes(writer, event->manifest_loaded.track_id, TRACK_ID_BYTES);
        writer_u8(writer, event->manifest_loaded.bytes != NULL);
        if (event->manifest_loaded.bytes != NULL) {
            writer_bytes(writer, event->manifest_loaded.bytes, event->manifest_loaded.count);
        }
    }
}

static void put_want(struct writer *writer, const struct node_event *event)
{
    if (event->kind == NODE_EVENT_WANT) {
        writer_u32(writer, event->want.want);
        writer_u32(writer, event->want.entry);
        writer_u32(writer, event->want.file);
        writer_u32(writer, event->want.first_chunk);
        writer_u32(writer, event->want.count);
    } else {
        writer_u32(writer, event->read.entry);
        writer_u32(writer, event->read.file);
        writer_u32(writer, event->read.first_chunk);
        writer_u32(writer, event->read.count);
    }
}

/* Answers, links, decoders and sound. */
static void put_answer(struct writer *writer, const struct node_event *event)
{
    switch ((int)event->kind) {
    case NODE_EVENT_HASHED:
        writer_u32(writer, event->hashed.slot);
        writer_bytes(writer, event->hashed.digest, HASH_BYTES);
        break;
    case NODE_EVENT_MANIFEST_CHECKED:
        writer_bytes(writer, event->manifest_checked.track_id, TRACK_ID_BYTES);
        writer_u8(writer, event->manifest_checked.valid);
        break;
    case NODE_EVENT_IDENTITY_CHECKED:
        writer_u32(writer, event->identity_checked.link);
        writer_u8(writer, event->identity_checked.valid);
        break;
    case NODE_EVENT_LINK_UP:
    case NODE_EVENT_LINK_DOWN:
    case NODE_EVENT_MESSAGE:
        put_link_event(writer, event);
        break;
    case NODE_EVENT_WANT:
    case NODE_EVENT_READ:
        put_want(writer, event);
        break;
    case NODE_EVENT_WANT_DROPPED:
        writer_u32(writer, event->want_dropped.want);
        break;
    case NODE_EVENT_POSITION:
    case NODE_EVENT_SOUND_STARTED:
        writer_u32(writer, event->position.entry);
        writer_u64(writer, event->position.position_us);
        break;
    case NODE_EVENT_SOUND_STALLED:
    case NODE_EVENT_SOUND_RESUMED:
    case NODE_EVENT_SOUND_ENDED:
    case NODE_EVENT_SOUND_FAILED:
        writer_u32(writer, event->sound.entry);
        writer_u32(writer, (uint32_t)event->sound.error);
        break;
    default:
        put_peer_event(writer, event);
        break;
    }
}

static void put_fields(struct writer *writer, const struct node_event *event,
                       const struct media_intern *intern)
{
    switch ((int)event->kind) {
    case NODE_EVENT_TICK:
    case NODE_EVENT_PAUSE:
    case NODE_EVENT_RESUME:
    case NODE_EVENT_STOP:
    case NODE_EVENT_KINDS:
        break;
    case NODE_EVENT_ENQUEUE:
        writer_u32(writer, event->enqueue.entry);
        writer_bytes(writer, event->enqueue.track_id, TRACK_ID_BYTES);
        writer_u8(writer, (uint8_t)((event->enqueue.fetch_only ? RECORD_FETCH : 0) |
                                    (event->enqueue.lent ? RECORD_LENT : 0)));
        break;
    case NODE_EVENT_DROP:
        writer_u32(writer, event->drop.entry);
        break;
    case NODE_EVENT_CUT:
        writer_u32(writer, event->cut.entry);
        break;
    case NODE_EVENT_START:
    case NODE_EVENT_SEEK:
        writer_u32(writer, event->start.entry);
        writer_u64(writer, event->start.position_us);
        break;
    case NODE_EVENT_CACHED_FILE:
        put_cached_file(writer, event, intern);
        break;
    case NODE_EVENT_CACHE_STATE:
        writer_u8(writer, event->cache_state.writable);
        break;
    case NODE_EVENT_MANIFEST_LOADED:
    case NODE_EVENT_STORED:
    case NODE_EVENT_ROTTEN:
        put_store_event(writer, event);
        break;
    default:
        put_answer(writer, event);
        break;
    }
}

int record_encode(const struct node_event *event, uint64_t update_hash,
                  const struct media_intern *intern, uint8_t *buffer, size_t capacity,
                  size_t *ret_bytes)
{
    assert(event->kind < NODE_EVENT_KINDS);
    if (capacity < RECORD_LENGTH_BYTES) {
        return ERROR_TOO_LARGE;
    }
    struct writer writer;
    writer_init(&writer, buffer + RECORD_LENGTH_BYTES, capacity - RECORD_LENGTH_BYTES);
    writer_u64(&writer, update_hash);
    writer_u8(&writer, (uint8_t)event->kind);
    writer_u64(&writer, event->now_us);
    put_fields(&writer, event, intern);
    if (writer_failed(&writer)) {
        return ERROR_TOO_LARGE;
    }
    size_t used = writer_used(&writer);
    assert(used <= RECORD_BYTES_MAX);
    writer_init(&writer, buffer, RECORD_LENGTH_BYTES);
    writer_u32(&writer, (uint32_t)used);
    *ret_bytes = RECORD_LENGTH_BYTES + used;
    return 0;
}

/* --- decoding ---------------------------------------------------------------------------------------- */

static bool get_bool(struct cursor *cursor)
{
    uint8_t value = cursor_u8(cursor);
    cursor->failed = cursor->failed || value > 1;
    return value == 1;
}

/* Family 0: none, and then all else is 0. */
static int get_address(struct cursor *cursor, struct p2p_address *ret_address)
{
    const uint8_t *bytes = cursor_bytes(cursor, P2P_ADDRESS_BYTES);
    if (bytes == NULL) {
        return ERROR_MALFORMED;
    }
    p2p_address_read(bytes, 0, ret_address);
    uint8_t family = ret_address->family;
    return family == 0 || family == 4 || family == 6 ? 0 : ERROR_MALFORMED;
}

static int get_contact(struct cursor *cursor, struct node_event *event)
{
    const uint8_t *bytes = cursor_bytes(cursor, P2P_CONTACT_BYTES);
    if (bytes == NULL) {
        return ERROR_MALFORMED;
    }
    p2p_contact_read(bytes, 0, &event->contact.contact);
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        uint8_t family = event->contact.contact.addresses[i].family;
        if (family != 0 && family != 4 && family != 6) {
            return ERROR_MALFORMED;
        }
    }
    event->contact.is_lan = get_bool(cursor);
    event->contact.penalty = cursor_u32(cursor);
    event->contact.age_us = cursor_u64(cursor);
    return 0;
}

static int get_listening(struct cursor *cursor, struct node_event *event)
{
    event->listening.port = cursor_u16(cursor);
    event->listening.flags = cursor_u8(cursor);
    event->listening.address_count = cursor_u8(cursor);
    if (event->listening.address_count > P2P_LISTEN_ADDRESSES_MAX) {
        return ERROR_MALFORMED;
    }
    for (uint32_t i = 0; i < event->listening.address_count; i++) {
        if (get_address(cursor, &event->listening.addresses[i]) != 0) {
            return ERROR_MALFORMED;
        }
    }
    return 0;
}

static int get_proof_found(struct cursor *cursor, struct record *ret)
{
    ret->event.proof_found.operation = cursor_u32(cursor);
    if (!get_bool(cursor)) {
        return 0;
    }
    ret->proof.leaf_count = cursor_u8(cursor);
    ret->proof.uncle_count = cursor_u8(cursor);
    if (ret->proof.leaf_count > ROW_CHUNKS || ret->proof.uncle_count > MEDIA_PROOF_UNCLES_MAX) {
        return ERROR_MALFORMED;
    }
    uint32_t hashes = (uint32_t)ret->proof.leaf_count + ret->proof.uncle_count;
    cursor_copy(cursor, ret->proof.hashes, (size_t)hashes * HASH_BYTES);
    ret->event.proof_found.proof = &ret->proof;
    return 0;
}

static int get_peer_event(struct cursor *cursor, struct record *ret)
{
    struct node_event *event = &ret->event;
    switch ((int)event->kind) {
    case NODE_EVENT_ROOM:
        event->room.link = cursor_u32(cursor);
        event->room.queued_bytes = cursor_u32(cursor);
        break;
    case NODE_EVENT_LISTENING:
        return get_listening(cursor, event);
    case NODE_EVENT_CONTACT:
        return get_contact(cursor, event);
    case NODE_EVENT_GIVING:
        event->giving.is_allowed = get_bool(cursor);
        event->giving.bytes_per_s = cursor_u64(cursor);
        break;
    case NODE_EVENT_TRACK_FOUND:
        event->track_found.operation = cursor_u32(cursor);
        if (get_bool(cursor)) {
            size_t left = cursor_left(cursor);
            event->track_found.manifest = cursor_bytes(cursor, left);
            event->track_found.manifest_bytes = (uint32_t)left;
        }
        break;
    case NODE_EVENT_PROOF_FOUND:
        return get_proof_found(cursor, ret);
    case NODE_EVENT_GIVE_READ:
        event->give_read.slot = cursor_u32(cursor);
        event->give_read.error = (int)(int32_t)cursor_u32(cursor);
        break;
    default:
        break; /* NETWORK has no fields */
    }
    return 0;
}

static int get_message(struct cursor *cursor, struct record *ret)
{
    ret->event.message.message = &ret->message;
    uint8_t type = cursor_u8(cursor);
    if (type == P2P_FRAGMENT) {
        ret->message.type = P2P_FRAGMENT;
        ret->message.fragment.request = cursor_u32(cursor);
        ret->message.fragment.chunk = cursor_u32(cursor);
        ret->message.fragment.offset = cursor_u16(cursor);
        ret->message.fragment.bytes = cursor_u16(cursor);
        uint32_t end = (uint32_t)ret->message.fragment.offset + ret->message.fragment.bytes;
        return ret->message.fragment.bytes > 0 && end <= CHUNK_BYTES ? 0 : ERROR_MALFORMED;
    }
    size_t left = cursor_left(cursor);
    const uint8_t *body = cursor_bytes(cursor, left);
    int error = p2p_message_decode(type, body, left, &ret->message);
    return error == ERROR_NOT_FOUND ? ERROR_MALFORMED : error;
}

static int get_cached_file(struct cursor *cursor, struct media_intern *intern, struct record *ret)
{
    struct media_file_id id;
    ret->handle_recorded = cursor_u32(cursor);
    cursor_copy(cursor, id.root, HASH_BYTES);
    id.bytes = cursor_u64(cursor);
    ret->event.cached_file.last_use = cursor_u64(cursor);
    ret->event.cached_file.is_main = get_bool(cursor);
    bool partial = get_bool(cursor);
    if (cursor_failed(cursor) || !media_file_id_valid(&id)) {
        return ERROR_MALFORMED;
    }
    ret->event.cached_file.row_masks =
        partial ? cursor_bytes(cursor, media_row_count(id.bytes)) : NULL;
    if (cursor_failed(cursor)) {
        return ERROR_MALFORMED;
    }
    ret->event.cached_file.file = media_intern_put(intern, &id);
    return ret->event.cached_file.file != 0 ? 0 : ERROR_NO_MEMORY;
}

static int get_link_event(struct cursor *cursor, struct record *ret)
{
    struct node_event *event = &ret->event;
    if (event->kind == NODE_EVENT_LINK_UP) {
        event->link_up.link = cursor_u32(cursor);
        uint8_t kind = cursor_u8(cursor);
        event->link_up.link_kind = (enum node_link_kind)kind;
        cursor_copy(cursor, event->link_up.nonce, P2P_NONCE_BYTES);
        event->link_up.listen_port = cursor_u16(cursor);
        cursor_copy(cursor, event->link_up.peer_id, HASH_BYTES);
        int error = get_address(cursor, &event->link_up.address);
        return kind == NODE_LINK_ORIGIN || kind == NODE_LINK_PEER ? error : ERROR_MALFORMED;
    }
    if (event->kind == NODE_EVENT_LINK_DOWN) {
        event->link_down.link = cursor_u32(cursor);
        event->link_down.error = (int)(int32_t)cursor_u32(cursor);
        return 0;
    }
    event->message.link = cursor_u32(cursor);
    return get_message(cursor, ret);
}

static void get_store_event(struct cursor *cursor, struct node_event *event)
{
    if (event->kind == NODE_EVENT_STORED) {
        event->stored.file = cursor_u32(cursor);
        event->stored.row = cursor_u32(cursor);
        event->stored.mask = cursor_u8(cursor);
        event->stored.error = (int)(int32_t)cursor_u32(cursor);
    } else if (event->kind == NODE_EVENT_ROTTEN) {
        event->rotten.file = cursor_u32(cursor);
        event->rotten.row = cursor_u32(cursor);
    } else {
        cursor_copy(cursor, event->manifest_loaded.track_id, TRACK_ID_BYTES);
        if (get_bool(cursor)) {
            size_t left = cursor_left(cursor);
            event->manifest_loaded.bytes = cursor_bytes(cursor, left);
            event->manifest_loaded.count = (uint32_t)left;
        }
    }
}

static void get_want(struct cursor *cursor, struct node_event *event)
{
    if (event->kind == NODE_EVENT_WANT) {
        event->want.want = cursor_u32(cursor);
        event->want.entry = cursor_u32(cursor);
        event->want.file = cursor_u32(cursor);
        event->want.first_chunk = cursor_u32(cursor);
        event->want.count = cursor_u32(cursor);
    } else {
        event->read.entry = cursor_u32(cursor);
        event->read.file = cursor_u32(cursor);
        event->read.first_chunk = cursor_u32(cursor);
        event->read.count = cursor_u32(cursor);
    }
}

/* Answers, links, decoders and sound. */
static int get_answer(struct cursor *cursor, struct record *ret)
{
    struct node_event *event = &ret->event;
    switch ((int)event->kind) {
    case NODE_EVENT_HASHED:
        event->hashed.slot = cursor_u32(cursor);
        cursor_copy(cursor, event->hashed.digest, HASH_BYTES);
        break;
    case NODE_EVENT_MANIFEST_CHECKED:
        cursor_copy(cursor, event->manifest_checked.track_id, TRACK_ID_BYTES);
        event->manifest_checked.valid = get_bool(cursor);
        break;
    case NODE_EVENT_IDENTITY_CHECKED:
        event->identity_checked.link = cursor_u32(cursor);
        event->identity_checked.valid = get_bool(cursor);
        break;
    case NODE_EVENT_LINK_UP:
    case NODE_EVENT_LINK_DOWN:
    case NODE_EVENT_MESSAGE:
        return get_link_event(cursor, ret);
    case NODE_EVENT_WANT:
    case NODE_EVENT_READ:
        get_want(cursor, event);
        break;
    case NODE_EVENT_WANT_DROPPED:
        event->want_dropped.want = cursor_u32(cursor);
        break;
    case NODE_EVENT_POSITION:
    case NODE_EVENT_SOUND_STARTED:
        event->position.entry = cursor_u32(cursor);
        event->position.position_us = cursor_u64(cursor);
        break;
    case NODE_EVENT_SOUND_STALLED:
    case NODE_EVENT_SOUND_RESUMED:
    case NODE_EVENT_SOUND_ENDED:
    case NODE_EVENT_SOUND_FAILED:
        event->sound.entry = cursor_u32(cursor);
        event->sound.error = (int)(int32_t)cursor_u32(cursor);
        break;
    default:
        return get_peer_event(cursor, ret);
    }
    return 0;
}

static int get_enqueue_kind(struct cursor *cursor, struct node_event *event)
{
    uint8_t kind = cursor_u8(cursor);
    event->enqueue.fetch_only = kind == RECORD_FETCH;
    event->enqueue.lent = kind == RECORD_LENT;
    return kind <= RECORD_LENT ? 0 : ERROR_MALFORMED;
}

static int get_fields(struct cursor *cursor, struct media_intern *intern, struct record *ret)
{
    struct node_event *event = &ret->event;
    switch ((int)event->kind) {
    case NODE_EVENT_TICK:
    case NODE_EVENT_PAUSE:
    case NODE_EVENT_RESUME:
    case NODE_EVENT_STOP:
        break;
    case NODE_EVENT_ENQUEUE:
        event->enqueue.entry = cursor_u32(cursor);
        cursor_copy(cursor, event->enqueue.track_id, TRACK_ID_BYTES);
        return get_enqueue_kind(cursor, event);
    case NODE_EVENT_DROP:
        event->drop.entry = cursor_u32(cursor);
        break;
    case NODE_EVENT_CUT:
        event->cut.entry = cursor_u32(cursor);
        break;
    case NODE_EVENT_START:
    case NODE_EVENT_SEEK:
        event->start.entry = cursor_u32(cursor);
        event->start.position_us = cursor_u64(cursor);
        break;
    case NODE_EVENT_CACHED_FILE:
        return get_cached_file(cursor, intern, ret);
    case NODE_EVENT_CACHE_STATE:
        event->cache_state.writable = get_bool(cursor);
        break;
    case NODE_EVENT_MANIFEST_LOADED:
    case NODE_EVENT_STORED:
    case NODE_EVENT_ROTTEN:
        get_store_event(cursor, event);
        break;
    default:
        return get_answer(cursor, ret);
    }
    return 0;
}

int record_decode(const uint8_t *bytes, size_t count, struct media_intern *intern,
                  struct record *ret_record, size_t *ret_used)
{
    struct cursor cursor;
    cursor_init(&cursor, bytes, count);
    uint32_t length = cursor_u32(&cursor);
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    if (length > RECORD_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (length < RECORD_BYTES_MIN) {
        return ERROR_MALFORMED;
    }
    if (length > cursor_left(&cursor)) {
        return ERROR_TRUNCATED;
    }
    cursor_init(&cursor, bytes + RECORD_LENGTH_BYTES, length);
    memset(ret_record, 0, sizeof *ret_record);
    ret_record->update_hash = cursor_u64(&cursor);
    uint8_t kind = cursor_u8(&cursor);
    if (kind >= NODE_EVENT_KINDS) {
        return ERROR_MALFORMED;
    }
    ret_record->event.kind = (enum node_event_kind)kind;
    ret_record->event.now_us = cursor_u64(&cursor);
    int error = get_fields(&cursor, intern, ret_record);
    if (error != 0) {
        return error;
    }
    if (cursor_failed(&cursor) || cursor_left(&cursor) != 0) {
        return ERROR_MALFORMED;
    }
    *ret_used = RECORD_LENGTH_BYTES + length;
    return 0;
}
