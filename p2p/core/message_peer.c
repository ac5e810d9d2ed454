/*
 * message_peer.c: types 12 to 21: what peers say to each other and to the tracker.
 *
 * Responsible for the form of these messages, their lists included: after a body was read, every
 * record of its list is within bounds, so that the readers of single records cannot fail. Not
 * responsible for types 1 to 11 (message.c), for single records (message_list.c), or for what a
 * message means.
 */
#include "p2p/core/message_peer.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

#define LISTEN_FIXED_BYTES 4u
#define INTEREST_FIXED_BYTES 1u
#define HAVE_FIXED_BYTES (MEDIA_FILE_ID_BYTES + 1u + 2u)
#define ANNOUNCE_FIXED_BYTES 7u
#define LOOKUP_FIXED_BYTES 6u
#define HOLDERS_FIXED_BYTES 6u
#define EXCHANGE_FIXED_BYTES 1u
#define RENDEZVOUS_FIXED_BYTES (1u + P2P_CONTACT_BYTES)
#define SEARCH_FIXED_BYTES (8u + 1u + P2P_KEY_BYTES + P2P_CONTACT_BYTES)
#define FOUND_FIXED_BYTES (8u + P2P_KEY_BYTES + 1u + P2P_CONTACT_BYTES)

_Static_assert(P2P_ENCODED_BYTES_MAX >= HAVE_FIXED_BYTES + P2P_HAVE_RUNS_MAX * P2P_HAVE_RUN_BYTES,
               "a HAVE fits");
_Static_assert(P2P_ENCODED_BYTES_MAX >=
                   ANNOUNCE_FIXED_BYTES + P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES,
               "an ANNOUNCE fits");
_Static_assert(P2P_ENCODED_BYTES_MAX >= HOLDERS_FIXED_BYTES + P2P_CONTACTS_MAX * P2P_CONTACT_BYTES +
                                            P2P_LOOKUP_MAX * P2P_HOLDERS_FILE_BYTES_MAX,
               "a HOLDERS fits");
_Static_assert(P2P_CONTACTS_MAX <= UINT8_MAX, "a contact's index is one byte");

/* ---- Bounds, the same for both directions ---- */

static bool contacts_ok(const uint8_t *contacts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct p2p_contact contact;
        p2p_contact_read(contacts, i, &contact);
        if (!p2p_contact_ok(&contact)) {
            return false;
        }
    }
    return true;
}

static bool listen_ok(const struct p2p_message *message)
{
    if (message->listen.count > P2P_LISTEN_ADDRESSES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < message->listen.count; i++) {
        struct p2p_address address;
        p2p_address_read(message->listen.addresses, i, &address);
        if (address.family == 0 || !p2p_address_ok(&address)) {
            return false;
        }
    }
    return true;
}

static bool interest_ok(const struct p2p_message *message)
{
    if (message->interest.count == 0 || message->interest.count > P2P_INTEREST_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < message->interest.count; i++) {
        struct media_file_id file;
        bool wanted;
        p2p_interest_read(message->interest.files, i, &file, &wanted);
        uint8_t flag =
            message->interest.files[(size_t)i * P2P_INTEREST_BYTES + MEDIA_FILE_ID_BYTES];
        if (!media_file_id_valid(&file) || flag > 1) {
            return false;
        }
    }
    return true;
}

/* Runs lie within the file, each behind the one before and not touching it: so a set of chunks has
 * one form only, and a list ends. */
static bool runs_ok(const struct p2p_message *message)
{
    uint32_t chunk_count = media_chunk_count(message->have.file.bytes);
    uint32_t from = 0; /* where a run may begin */
    for (uint32_t i = 0; i < message->have.count; i++) {
        struct p2p_have_run run;
        p2p_have_run_read(message->have.runs, i, &run);
        if (run.count == 0 || run.first < from || run.first >= chunk_count ||
            run.count > chunk_count - run.first) {
            return false;
        }
        from = run.first + run.count + 1;
    }
    return true;
}

static bool have_ok(const struct p2p_message *message)
{
    if (!media_file_id_valid(&message->have.file) || message->have.count > P2P_HAVE_RUNS_MAX) {
        return false;
    }
    switch (message->have.kind) {
    case P2P_HAVE_NONE:
    case P2P_HAVE_WHOLE:
        return message->have.count == 0;
    case P2P_HAVE_RUNS:
    case P2P_HAVE_MORE:
        return message->have.count > 0 && runs_ok(message);
    default:
        return false; /* also PARTIAL: who has a part tells which */
    }
}

static bool kind_ok(uint8_t kind)
{
    return kind == P2P_HAVE_WHOLE || kind == P2P_HAVE_PARTIAL;
}

static bool holders_file_ok(const struct p2p_holders_file *file, uint32_t contact_count)
{
    for (uint32_t i = 0; i < file->listed; i++) {
        if (file->contacts[i] >= contact_count || !kind_ok(file->kinds[i])) {
            return false;
        }
    }
    return true;
}

static bool holders_ok(const struct p2p_message *message)
{
    if (message->holders.lookup == 0 || message->holders.contact_count > P2P_CONTACTS_MAX ||
        message->holders.file_count == 0 || message->holders.file_count > P2P_LOOKUP_MAX ||
        !contacts_ok(message->holders.contacts, message->holders.contact_count)) {
        return false;
    }
    struct cursor cursor;
    cursor_init(&cursor, message->holders.files, message->holders.file_bytes);
    for (uint32_t i = 0; i < message->holders.file_count; i++) {
        struct p2p_holders_file file;
        if (p2p_holders_get(&cursor, &file) != 0 ||
            !holders_file_ok(&file, message->holders.contact_count)) {
            return false;
        }
    }
    return cursor_left(&cursor) == 0;
}

static bool lookup_ok(const struct p2p_message *message)
{
    return message->lookup.lookup > 0 && message->lookup.limit > 0 &&
           message->lookup.limit <= P2P_CONTACTS_MAX && message->lookup.count > 0 &&
           message->lookup.count <= P2P_LOOKUP_MAX;
}

bool p2p_message_peer_ok(const struct p2p_message *message)
{
    switch ((unsigned)message->type) {
    case P2P_LISTEN:
        return listen_ok(message);
    case P2P_INTEREST:
        return interest_ok(message);
    case P2P_HAVE:
        return have_ok(message);
    case P2P_ANNOUNCE:
        return (message->announce.flags & ~P2P_ANNOUNCE_FRESH) == 0 &&
               p2p_announce_count(message) <= P2P_ANNOUNCE_KEYS_MAX;
    case P2P_LOOKUP:
        return lookup_ok(message);
    case P2P_HOLDERS:
        return holders_ok(message);
    case P2P_EXCHANGE:
        return message->exchange.count > 0 && message->exchange.count <= P2P_CONTACTS_MAX &&
               contacts_ok(message->exchange.contacts, message->exchange.count);
    case P2P_RENDEZVOUS:
        return message->rendezvous.role <= P2P_RENDEZVOUS_AWAY &&
               p2p_contact_ok(&message->rendezvous.contact);
    case P2P_SEARCH:
        return (message->search.hops == 1 || message->search.hops == 2) &&
               p2p_contact_ok(&message->search.contact);
    case P2P_FOUND:
        return kind_ok(message->found.kind) && p2p_contact_ok(&message->found.contact);
    default:
        assert(false);
        return false;
    }
}

/* ---- Sizes ---- */

size_t p2p_message_peer_fixed_bytes(enum p2p_type type)
{
    switch ((unsigned)type) {
    case P2P_LISTEN:
        return LISTEN_FIXED_BYTES;
    case P2P_INTEREST:
        return INTEREST_FIXED_BYTES;
    case P2P_HAVE:
        return HAVE_FIXED_BYTES;
    case P2P_ANNOUNCE:
        return ANNOUNCE_FIXED_BYTES;
    case P2P_LOOKUP:
        return LOOKUP_FIXED_BYTES;
    case P2P_HOLDERS:
        return HOLDERS_FIXED_BYTES;
    case P2P_EXCHANGE:
        return EXCHANGE_FIXED_BYTES;
    case P2P_RENDEZVOUS:
        return RENDEZVOUS_FIXED_BYTES;
    case P2P_SEARCH:
        return SEARCH_FIXED_BYTES;
    case P2P_FOUND:
        return FOUND_FIXED_BYTES;
    default:
        assert(false);
        return 0;
    }
}

/* ---- Reading ---- */

static void read_contact(struct cursor *cursor, struct p2p_contact *contact)
{
    const uint8_t *bytes = cursor_bytes(cursor, P2P_CONTACT_BYTES);
    if (bytes != NULL) {
        p2p_contact_read(bytes, 0, contact);
    }
}

static void read_fields(struct cursor *cursor, struct p2p_message *message)
{
    switch ((unsigned)message->type) {
    case P2P_LISTEN:
        message->listen.port = cursor_u16(cursor);
        message->listen.flags = cursor_u8(cursor);
        message->listen.count = cursor_u8(cursor);
        break;
    case P2P_INTEREST:
        message->interest.count = cursor_u8(cursor);
        break;
    case P2P_HAVE:
        cursor_copy(cursor, message->have.file.root, HASH_BYTES);
        message->have.file.bytes = cursor_u64(cursor);
        message->have.kind = cursor_u8(cursor);
        message->have.count = cursor_u16(cursor);
        break;
    case P2P_ANNOUNCE:
        message->announce.flags = cursor_u8(cursor);
        message->announce.whole = cursor_u16(cursor);
        message->announce.partial = cursor_u16(cursor);
        message->announce.lost = cursor_u16(cursor);
        break;
    case P2P_LOOKUP:
        message->lookup.lookup = cursor_u32(cursor);
        message->lookup.limit = cursor_u8(cursor);
        message->lookup.count = cursor_u8(cursor);
        break;
    case P2P_HOLDERS:
        message->holders.lookup = cursor_u32(cursor);
        message->holders.contact_count = cursor_u8(cursor);
        message->holders.file_count = cursor_u8(cursor);
        break;
    case P2P_EXCHANGE:
        message->exchange.count = cursor_u8(cursor);
        break;
    case P2P_RENDEZVOUS:
        message->rendezvous.role = cursor_u8(cursor);
        read_contact(cursor, &message->rendezvous.contact);
        break;
    case P2P_SEARCH:
        message->search.query = cursor_u64(cursor);
        message->search.hops = cursor_u8(cursor);
        message->search.key = cursor_u64(cursor);
        read_contact(cursor, &message->search.contact);
        break;
    default:
        assert(message->type == P2P_FOUND);
        message->found.query = cursor_u64(cursor);
        message->found.key = cursor_u64(cursor);
        message->found.kind = cursor_u8(cursor);
        read_contact(cursor, &message->found.contact);
        break;
    }
}

/* The files of a HOLDERS take as many bytes as they say, one behind the other. */
static int read_holders(struct cursor *cursor, struct p2p_message *message)
{
    size_t contact_bytes = (size_t)message->holders.contact_count * P2P_CONTACT_BYTES;
    message->holders.contacts = cursor_bytes(cursor, contact_bytes);
    size_t left = cursor_left(cursor);
    struct cursor files = *cursor;
    for (uint32_t i = 0; i < message->holders.file_count; i++) {
        struct p2p_holders_file file;
        int error = p2p_holders_get(&files, &file);
        if (error != 0) {
            return error;
        }
    }
    if (cursor_failed(&files)) {
        return ERROR_TRUNCATED; /* among the contacts */
    }
    message->holders.file_bytes = (uint16_t)(left - cursor_left(&files));
    message->holders.files = cursor_bytes(cursor, message->holders.file_bytes);
    return 0;
}

/* Whether the counts let the list be read at all. */
static bool counts_ok(const struct p2p_message *message)
{
    switch ((unsigned)message->type) {
    case P2P_HAVE:
        return message->have.count <= P2P_HAVE_RUNS_MAX;
    case P2P_HOLDERS:
        return message->holders.contact_count <= P2P_CONTACTS_MAX &&
               message->holders.file_count <= P2P_LOOKUP_MAX;
    case P2P_ANNOUNCE:
        return p2p_announce_count(message) <= P2P_ANNOUNCE_KEYS_MAX;
    default:
        return true; /* one byte: the frame is the limit, p2p_message_peer_ok the judge */
    }
}

int p2p_message_peer_read(struct cursor *cursor, struct p2p_message *message)
{
    read_fields(cursor, message);
    if (cursor_failed(cursor)) {
        return ERROR_TRUNCATED;
    }
    if (!counts_ok(message)) {
        return ERROR_MALFORMED;
    }
    if (message->type == P2P_HOLDERS) {
        return read_holders(cursor, message);
    }
    size_t bytes;
    (void)p2p_message_peer_list(message, &bytes);
    p2p_message_peer_relist(message, cursor_bytes(cursor, bytes));
    return cursor_failed(cursor) ? ERROR_TRUNCATED : 0;
}

/* ---- Writing ---- */

static void write_contact(struct writer *writer, const struct p2p_contact *contact)
{
    uint8_t bytes[P2P_CONTACT_BYTES];
    p2p_contact_write(bytes, 0, contact);
    writer_bytes(writer, bytes, sizeof bytes);
}

static void write_fields(struct writer *writer, const struct p2p_message *message)
{
    switch ((unsigned)message->type) {
    case P2P_LISTEN:
        writer_u16(writer, message->listen.port);
        writer_u8(writer, message->listen.flags);
        writer_u8(writer, message->listen.count);
        break;
    case P2P_INTEREST:
        writer_u8(writer, message->interest.count);
        break;
    case P2P_HAVE:
        writer_bytes(writer, message->have.file.root, HASH_BYTES);
        writer_u64(writer, message->have.file.bytes);
        writer_u8(writer, message->have.kind);
        writer_u16(writer, message->have.count);
        break;
    case P2P_ANNOUNCE:
        writer_u8(writer, message->announce.flags);
        writer_u16(writer, message->announce.whole);
        writer_u16(writer, message->announce.partial);
        writer_u16(writer, message->announce.lost);
        break;
    case P2P_LOOKUP:
        writer_u32(writer, message->lookup.lookup);
        writer_u8(writer, message->lookup.limit);
        writer_u8(writer, message->lookup.count);
        break;
    case P2P_HOLDERS:
        writer_u32(writer, message->holders.lookup);
        writer_u8(writer, message->holders.contact_count);
        writer_u8(writer, message->holders.file_count);
        break;
    case P2P_EXCHANGE:
        writer_u8(writer, message->exchange.count);
        break;
    case P2P_RENDEZVOUS:
        writer_u8(writer, message->rendezvous.role);
        write_contact(writer, &message->rendezvous.contact);
        break;
    case P2P_SEARCH:
        writer_u64(writer, message->search.query);
        writer_u8(writer, message->search.hops);
        writer_u64(writer, message->search.key);
        write_contact(writer, &message->search.contact);
        break;
    default:
        assert(message->type == P2P_FOUND);
        writer_u64(writer, message->found.query);
        writer_u64(writer, message->found.key);
        writer_u8(writer, message->found.kind);
        write_contact(writer, &message->found.contact);
        break;
    }
}

void p2p_message_peer_write(struct writer *writer, const struct p2p_message *message)
{
    size_t bytes;
    const uint8_t *list = p2p_message_peer_list(message, &bytes);
    write_fields(writer, message);
    if (bytes > 0) {
        writer_bytes(writer, list, bytes);
    }
}
