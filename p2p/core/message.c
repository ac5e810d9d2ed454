/*
 * message.c: bytes to message structs and back, exactly as message.h draws them.
 *
 * Types 1 to 11 are read and written here, the others in message_peer.c. Responsible for form: every length, bound and enumeration. What a message means at this moment
 * of a conversation is the engines' business.
 */
#include "p2p/core/message.h"

#include "common/cursor.h"
#include "common/error.h"
#include "common/utf8.h"
#include "media/core/manifest.h"
#include "p2p/core/message_peer.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define FRAME_HEADER_BYTES 4u
#define HELLO_BYTES (2u + 4u + P2P_NONCE_BYTES + 2u + 2u + 1u + 16u + 2u + HASH_BYTES + 1u)
#define HELLO_PROOF_BYTES (PUBLIC_KEY_BYTES + SIGNATURE_BYTES)
#define PROOF_HEADER_BYTES 10u

_Static_assert(P2P_ENCODED_BYTES_MAX == 4 + MEDIA_MANIFEST_BYTES_MAX, "OPENED is the largest");
_Static_assert(P2P_ENCODED_BYTES_MAX >= PROOF_HEADER_BYTES + MEDIA_PROOF_HASHES_MAX * HASH_BYTES,
               "a PROOF is smaller");
_Static_assert(P2P_FRAME_BODY_BYTES_MAX >= P2P_FRAGMENT_HEADER_BYTES + CHUNK_BYTES,
               "a whole chunk fits into one frame");

/* ---- Bounds, the same for both directions ---- */

static bool hello_ok(const struct p2p_hello *hello)
{
    bool is_family =
        hello->observed_family == 0 || hello->observed_family == 4 || hello->observed_family == 6;
    return hello->version > 0 && is_family && hello->form <= P2P_IDENTITY_NONCE;
}

static bool request_ok(const struct p2p_message *message)
{
    return message->request.request > 0 && media_file_id_valid(&message->request.file) &&
           message->request.first_chunk < FILE_CHUNKS_MAX && message->request.count > 0 &&
           message->request.count <= P2P_REQUEST_CHUNKS_MAX &&
           message->request.priority <= P2P_PRIORITY_OFFLINE &&
           (message->request.flags & ~P2P_REQUEST_PROOFS) == 0;
}

static bool fragment_ok(const struct p2p_message *message)
{
    return message->fragment.request > 0 && message->fragment.chunk < FILE_CHUNKS_MAX &&
           message->fragment.bytes > 0 && message->fragment.bytes <= CHUNK_BYTES &&
           message->fragment.offset <= CHUNK_BYTES - message->fragment.bytes;
}

static bool proof_ok(const struct p2p_message *message)
{
    const struct media_proof *proof = &message->proof.proof;
    return message->proof.request > 0 && message->proof.row < FILE_ROWS_MAX &&
           proof->leaf_count > 0 && proof->leaf_count <= ROW_CHUNKS &&
           proof->uncle_count <= MEDIA_PROOF_UNCLES_MAX;
}

static bool bye_ok(const struct p2p_message *message)
{
    return message->bye.text_bytes <= P2P_BYE_TEXT_BYTES_MAX &&
           utf8_valid(message->bye.text, message->bye.text_bytes);
}

static bool message_ok(const struct p2p_message *message)
{
    switch (message->type) {
    case P2P_HELLO:
        return hello_ok(&message->hello);
    case P2P_OPEN:
        return message->open.request > 0 && (message->open.flags & ~P2P_OPEN_START_SET) == 0;
    case P2P_OPENED:
        return message->opened.request > 0 && message->opened.manifest_bytes > 0 &&
               message->opened.manifest_bytes <= MEDIA_MANIFEST_BYTES_MAX;
    case P2P_REQUEST:
        return request_ok(message);
    case P2P_CANCEL:
        return message->cancel.request > 0;
    case P2P_FRAGMENT:
        return fragment_ok(message);
    case P2P_PROOF:
        return proof_ok(message);
    case P2P_REJECT:
        return message->reject.request > 0;
    case P2P_PING:
    case P2P_PONG:
        return true;
    case P2P_BYE:
        return bye_ok(message);
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        return p2p_message_peer_ok(message);
    }
    return false;
}

/* ---- Reading ---- */

static int read_hello(struct cursor *cursor, struct p2p_message *message)
{
    struct p2p_hello *hello = &message->hello;
    hello->version = cursor_u16(cursor);
    hello->features = cursor_u32(cursor);
    cursor_copy(cursor, hello->nonce, P2P_NONCE_BYTES);
    hello->request_max = cursor_u16(cursor);
    hello->listen_port = cursor_u16(cursor);
    hello->observed_family = cursor_u8(cursor);
    cursor_copy(cursor, hello->observed_address, sizeof hello->observed_address);
    hello->observed_port = cursor_u16(cursor);
    cursor_copy(cursor, hello->peer_id, HASH_BYTES);
    hello->form = cursor_u8(cursor);
    if (hello->form > P2P_IDENTITY_NONE) {
        cursor_copy(cursor, hello->identity, PUBLIC_KEY_BYTES);
        cursor_copy(cursor, hello->signature, SIGNATURE_BYTES);
    }
    /* What a later version has put behind is skipped; its version says that it may be there. */
    if (!cursor_failed(cursor)) {
        (void)cursor_bytes(cursor, cursor_left(cursor));
    }
    return 0;
}

static int read_opened(struct cursor *cursor, struct p2p_message *message)
{
    message->opened.request = cursor_u32(cursor);
    size_t bytes = cursor_left(cursor);
    if (bytes > MEDIA_MANIFEST_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    message->opened.manifest = cursor_bytes(cursor, bytes);
    message->opened.manifest_bytes = (uint32_t)bytes;
    return 0;
}

static int read_request(struct cursor *cursor, struct p2p_message *message)
{
    message->request.request = cursor_u32(cursor);
    cursor_copy(cursor, message->request.file.root, HASH_BYTES);
    message->request.file.bytes = cursor_u64(cursor);
    message->request.first_chunk = cursor_u32(cursor);
    message->request.count = cursor_u16(cursor);
    message->request.priority = cursor_u8(cursor);
    message->request.flags = cursor_u8(cursor);
    return 0;
}

static int read_fragment(struct cursor *cursor, struct p2p_message *message)
{
    message->fragment.request = cursor_u32(cursor);
    message->fragment.chunk = cursor_u32(cursor);
    message->fragment.offset = cursor_u16(cursor);
    size_t bytes = cursor_left(cursor);
    if (bytes > CHUNK_BYTES) {
        return ERROR_TOO_LARGE;
    }
    (void)cursor_bytes(cursor, bytes); /* the payload is the caller's to copy */
    message->fragment.bytes = (uint16_t)bytes;
    return 0;
}

static int read_proof(struct cursor *cursor, struct p2p_message *message)
{
    struct media_proof *proof = &message->proof.proof;
    message->proof.request = cursor_u32(cursor);
    message->proof.row = cursor_u32(cursor);
    proof->leaf_count = cursor_u8(cursor);
    proof->uncle_count = cursor_u8(cursor);
    if (cursor_failed(cursor)) {
        return ERROR_TRUNCATED;
    }
    if (!proof_ok(message)) {
        return ERROR_MALFORMED; /* before its counts say how much to copy */
    }
    cursor_copy(cursor, proof->hashes,
                (size_t)(proof->leaf_count + proof->uncle_count) * HASH_BYTES);
    return 0;
}

static int read_bye(struct cursor *cursor, struct p2p_message *message)
{
    message->bye.reason = cursor_u8(cursor);
    size_t bytes = cursor_left(cursor);
    if (bytes > P2P_BYE_TEXT_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    message->bye.text = (const char *)cursor_bytes(cursor, bytes);
    message->bye.text_bytes = (uint16_t)bytes;
    return 0;
}

static int read_body(struct cursor *cursor, struct p2p_message *message)
{
    switch (message->type) {
    case P2P_HELLO:
        return read_hello(cursor, message);
    case P2P_OPEN:
        message->open.request = cursor_u32(cursor);
        cursor_copy(cursor, message->open.track_id, TRACK_ID_BYTES);
        message->open.flags = cursor_u8(cursor);
        return 0;
    case P2P_OPENED:
        return read_opened(cursor, message);
    case P2P_REQUEST:
        return read_request(cursor, message);
    case P2P_CANCEL:
        message->cancel.request = cursor_u32(cursor);
        return 0;
    case P2P_FRAGMENT:
        return read_fragment(cursor, message);
    case P2P_PROOF:
        return read_proof(cursor, message);
    case P2P_REJECT:
        message->reject.request = cursor_u32(cursor);
        message->reject.reason = cursor_u8(cursor);
        return 0;
    case P2P_PING:
        message->ping.token = cursor_u64(cursor);
        return 0;
    case P2P_PONG:
        message->pong.token = cursor_u64(cursor);
        return 0;
    case P2P_BYE:
        return read_bye(cursor, message);
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        return p2p_message_peer_read(cursor, message);
    }
    return ERROR_NOT_FOUND;
}

int p2p_message_decode(uint8_t type, const uint8_t *body, size_t body_bytes,
                       struct p2p_message *ret_message)
{
    struct cursor cursor;
    struct p2p_message message;
    if (type < P2P_HELLO || type > P2P_FOUND) {
        return ERROR_NOT_FOUND;
    }
    if (body_bytes > P2P_FRAME_BODY_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    memset(&message, 0, sizeof message);
    message.type = (enum p2p_type)type;
    cursor_init(&cursor, body, body_bytes);
    int error = read_body(&cursor, &message);
    if (error != 0) {
        return error;
    }
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    if (cursor_left(&cursor) > 0 || !message_ok(&message)) {
        return ERROR_MALFORMED;
    }
    *ret_message = message;
    return 0;
}

/* ---- Writing ---- */

static void write_hello(struct writer *writer, const struct p2p_hello *hello)
{
    writer_u16(writer, hello->version);
    writer_u32(writer, hello->features);
    writer_bytes(writer, hello->nonce, P2P_NONCE_BYTES);
    writer_u16(writer, hello->request_max);
    writer_u16(writer, hello->listen_port);
    writer_u8(writer, hello->observed_family);
    writer_bytes(writer, hello->observed_address, sizeof hello->observed_address);
    writer_u16(writer, hello->observed_port);
    writer_bytes(writer, hello->peer_id, HASH_BYTES);
    writer_u8(writer, hello->form);
    if (hello->form > P2P_IDENTITY_NONE) {
        writer_bytes(writer, hello->identity, PUBLIC_KEY_BYTES);
        writer_bytes(writer, hello->signature, SIGNATURE_BYTES);
    }
}

static void write_request(struct writer *writer, const struct p2p_message *message)
{
    writer_u32(writer, message->request.request);
    writer_bytes(writer, message->request.file.root, HASH_BYTES);
    writer_u64(writer, message->request.file.bytes);
    writer_u32(writer, message->request.first_chunk);
    writer_u16(writer, message->request.count);
    writer_u8(writer, message->request.priority);
    writer_u8(writer, message->request.flags);
}

static void write_proof(struct writer *writer, const struct p2p_message *message)
{
    const struct media_proof *proof = &message->proof.proof;
    writer_u32(writer, message->proof.request);
    writer_u32(writer, message->proof.row);
    writer_u8(writer, proof->leaf_count);
    writer_u8(writer, proof->uncle_count);
    writer_bytes(writer, proof->hashes,
                 (size_t)(proof->leaf_count + proof->uncle_count) * HASH_BYTES);
}

static void write_body(struct writer *writer, const struct p2p_message *message)
{
    switch (message->type) {
    case P2P_HELLO:
        write_hello(writer, &message->hello);
        return;
    case P2P_OPEN:
        writer_u32(writer, message->open.request);
        writer_bytes(writer, message->open.track_id, TRACK_ID_BYTES);
        writer_u8(writer, message->open.flags);
        return;
    case P2P_OPENED:
        writer_u32(writer, message->opened.request);
        writer_bytes(writer, message->opened.manifest, message->opened.manifest_bytes);
        return;
    case P2P_REQUEST:
        write_request(writer, message);
        return;
    case P2P_CANCEL:
        writer_u32(writer, message->cancel.request);
        return;
    case P2P_FRAGMENT:
        writer_u32(writer, message->fragment.request);
        writer_u32(writer, message->fragment.chunk);
        writer_u16(writer, message->fragment.offset);
        return;
    case P2P_PROOF:
        write_proof(writer, message);
        return;
    case P2P_REJECT:
        writer_u32(writer, message->reject.request);
        writer_u8(writer, message->reject.reason);
        return;
    case P2P_PING:
        writer_u64(writer, message->ping.token);
        return;
    case P2P_PONG:
        writer_u64(writer, message->pong.token);
        return;
    case P2P_BYE:
        writer_u8(writer, message->bye.reason);
        writer_bytes(writer, message->bye.text, message->bye.text_bytes);
        return;
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        p2p_message_peer_write(writer, message);
        return;
    }
}

int p2p_message_encode(const struct p2p_message *message, uint8_t *buffer, size_t capacity,
                       size_t *ret_bytes)
{
    struct writer writer;
    assert(message_ok(message));
    writer_init(&writer, buffer, capacity);
    write_body(&writer, message);
    if (writer_failed(&writer)) {
        return ERROR_TOO_LARGE;
    }
    *ret_bytes = writer_used(&writer);
    return 0;
}

size_t p2p_message_frame_bytes(const struct p2p_message *message)
{
    const struct media_proof *proof = &message->proof.proof;
    size_t list_bytes;
    switch (message->type) {
    case P2P_HELLO:
        return FRAME_HEADER_BYTES + HELLO_BYTES +
               (message->hello.form > P2P_IDENTITY_NONE ? HELLO_PROOF_BYTES : 0);
    case P2P_OPEN:
        return FRAME_HEADER_BYTES + 4 + TRACK_ID_BYTES + 1;
    case P2P_OPENED:
        return FRAME_HEADER_BYTES + 4 + (size_t)message->opened.manifest_bytes;
    case P2P_REQUEST:
        return FRAME_HEADER_BYTES + 4 + MEDIA_FILE_ID_BYTES + 4 + 2 + 1 + 1;
    case P2P_CANCEL:
        return FRAME_HEADER_BYTES + 4;
    case P2P_FRAGMENT:
        return FRAME_HEADER_BYTES + P2P_FRAGMENT_HEADER_BYTES + (size_t)message->fragment.bytes;
    case P2P_PROOF:
        return FRAME_HEADER_BYTES + PROOF_HEADER_BYTES +
               (size_t)(proof->leaf_count + proof->uncle_count) * HASH_BYTES;
    case P2P_REJECT:
        return FRAME_HEADER_BYTES + 5;
    case P2P_PING:
    case P2P_PONG:
        return FRAME_HEADER_BYTES + 8;
    case P2P_BYE:
        return FRAME_HEADER_BYTES + 1 + (size_t)message->bye.text_bytes;
    case P2P_LISTEN:
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_RENDEZVOUS:
    case P2P_SEARCH:
    case P2P_FOUND:
        (void)p2p_message_peer_list(message, &list_bytes);
        return FRAME_HEADER_BYTES + p2p_message_peer_fixed_bytes(message->type) + list_bytes;
    }
    return 0;
}

const uint8_t *p2p_message_list(const struct p2p_message *message, size_t *ret_bytes)
{
    if (message->type == P2P_OPENED) {
        *ret_bytes = message->opened.manifest_bytes;
        return message->opened.manifest;
    }
    if (message->type == P2P_BYE) {
        *ret_bytes = message->bye.text_bytes;
        return (const uint8_t *)message->bye.text;
    }
    return p2p_message_peer_list(message, ret_bytes);
}

void p2p_message_relist(struct p2p_message *message, const uint8_t *bytes)
{
    if (message->type == P2P_OPENED) {
        message->opened.manifest = bytes;
    } else if (message->type == P2P_BYE) {
        message->bye.text = (const char *)bytes;
    } else {
        p2p_message_peer_relist(message, bytes);
    }
}

/* ---- Names ---- */

const char *p2p_type_name(uint8_t type)
{
    static const char *const names[] = {
        [P2P_HELLO] = "HELLO",
        [P2P_OPEN] = "OPEN",
        [P2P_OPENED] = "OPENED",
        [P2P_REQUEST] = "REQUEST",
        [P2P_CANCEL] = "CANCEL",
        [P2P_FRAGMENT] = "FRAGMENT",
        [P2P_PROOF] = "PROOF",
        [P2P_REJECT] = "REJECT",
        [P2P_PING] = "PING",
        [P2P_PONG] = "PONG",
        [P2P_BYE] = "BYE",
        [P2P_LISTEN] = "LISTEN",
        [P2P_INTEREST] = "INTEREST",
        [P2P_HAVE] = "HAVE",
        [P2P_ANNOUNCE] = "ANNOUNCE",
        [P2P_LOOKUP] = "LOOKUP",
        [P2P_HOLDERS] = "HOLDERS",
        [P2P_EXCHANGE] = "EXCHANGE",
        [P2P_RENDEZVOUS] = "RENDEZVOUS",
        [P2P_SEARCH] = "SEARCH",
        [P2P_FOUND] = "FOUND",
    };
    return type >= P2P_HELLO && type <= P2P_FOUND ? names[type] : "?";
}

const char *p2p_reject_text(uint8_t reason)
{
    static const char *const texts[] = {
        [P2P_REJECT_UNKNOWN] = "no such track or file here",
        [P2P_REJECT_NOT_HELD] = "the chunk is not here any more",
        [P2P_REJECT_BUSY] = "too many requests at once",
        [P2P_REJECT_RANGE] = "beyond the end of the file",
        [P2P_REJECT_DAMAGED] = "it was here and is damaged",
    };
    bool is_known = reason >= P2P_REJECT_UNKNOWN && reason <= P2P_REJECT_DAMAGED;
    return is_known ? texts[reason] : "a reason that this version does not know";
}

const char *p2p_bye_text(uint8_t reason)
{
    static const char *const texts[] = {
        [P2P_BYE_DONE] = "it was done",
        [P2P_BYE_PROTOCOL] = "a message was malformed or impossible",
        [P2P_BYE_SHUTDOWN] = "it is shutting down",
        [P2P_BYE_IDLE] = "the link was idle for too long",
        [P2P_BYE_FULL] = "it has no room for more links",
        [P2P_BYE_IDENTITY] = "the identity is not the expected one",
        [P2P_BYE_BAD_DATA] = "data did not match its hash",
    };
    bool is_known = reason >= P2P_BYE_DONE && reason <= P2P_BYE_BAD_DATA;
    return is_known ? texts[reason] : "a reason that this version does not know";
}
