/*
 * message_list.c: what messages of types 12 to 21 borrow, and the records in it.
 *
 * Responsible for where a list stands, how long it is, and one record at a time. That all records
 * are within bounds was settled when the message was decoded (message_peer.c).
 */
#include "p2p/core/message_peer.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

#define HOLDERS_FILE_FIXED_BYTES (P2P_KEY_BYTES + 4u + 1u)

_Static_assert(P2P_HOLDERS_FILE_BYTES_MAX == HOLDERS_FILE_FIXED_BYTES + 2u * P2P_CONTACTS_MAX,
               "a file of a HOLDERS");
_Static_assert(P2P_INTEREST_BYTES == MEDIA_FILE_ID_BYTES + 1u, "a file of an INTEREST");

/* ---- Lists ---- */

uint32_t p2p_announce_count(const struct p2p_message *message)
{
    return (uint32_t)message->announce.whole + message->announce.partial + message->announce.lost;
}

const uint8_t *p2p_message_peer_list(const struct p2p_message *message, size_t *ret_bytes)
{
    size_t contact_bytes;
    switch ((unsigned)message->type) {
    case P2P_LISTEN:
        *ret_bytes = (size_t)message->listen.count * P2P_ADDRESS_BYTES;
        return message->listen.addresses;
    case P2P_INTEREST:
        *ret_bytes = (size_t)message->interest.count * P2P_INTEREST_BYTES;
        return message->interest.files;
    case P2P_HAVE:
        *ret_bytes = (size_t)message->have.count * P2P_HAVE_RUN_BYTES;
        return message->have.runs;
    case P2P_ANNOUNCE:
        *ret_bytes = (size_t)p2p_announce_count(message) * P2P_KEY_BYTES;
        return message->announce.keys;
    case P2P_LOOKUP:
        *ret_bytes = (size_t)message->lookup.count * P2P_KEY_BYTES;
        return message->lookup.keys;
    case P2P_HOLDERS:
        contact_bytes = (size_t)message->holders.contact_count * P2P_CONTACT_BYTES;
        *ret_bytes = contact_bytes + message->holders.file_bytes;
        if (contact_bytes == 0) {
            return message->holders.files;
        }
        assert(message->holders.files == message->holders.contacts + contact_bytes);
        return message->holders.contacts;
    case P2P_EXCHANGE:
        *ret_bytes = (size_t)message->exchange.count * P2P_CONTACT_BYTES;
        return message->exchange.contacts;
    default:
        *ret_bytes = 0;
        return NULL;
    }
}

void p2p_message_peer_relist(struct p2p_message *message, const uint8_t *bytes)
{
    switch ((unsigned)message->type) {
    case P2P_LISTEN:
        message->listen.addresses = bytes;
        break;
    case P2P_INTEREST:
        message->interest.files = bytes;
        break;
    case P2P_HAVE:
        message->have.runs = bytes;
        break;
    case P2P_ANNOUNCE:
        message->announce.keys = bytes;
        break;
    case P2P_LOOKUP:
        message->lookup.keys = bytes;
        break;
    case P2P_HOLDERS:
        message->holders.contacts = bytes;
        message->holders.files = bytes + (size_t)message->holders.contact_count * P2P_CONTACT_BYTES;
        break;
    case P2P_EXCHANGE:
        message->exchange.contacts = bytes;
        break;
    default:
        break;
    }
}

/* ---- Single records ---- */

uint64_t p2p_file_key(const struct media_file_id *file)
{
    return p2p_key_read(file->root, 0) ^ file->bytes;
}

uint64_t p2p_key_read(const uint8_t *keys, uint32_t index)
{
    struct cursor cursor;
    cursor_init(&cursor, keys + (size_t)index * P2P_KEY_BYTES, P2P_KEY_BYTES);
    return cursor_u64(&cursor);
}

void p2p_key_write(uint8_t *keys, uint32_t index, uint64_t key)
{
    struct writer writer;
    writer_init(&writer, keys + (size_t)index * P2P_KEY_BYTES, P2P_KEY_BYTES);
    writer_u64(&writer, key);
}

void p2p_interest_read(const uint8_t *files, uint32_t index, struct media_file_id *ret_file,
                       bool *ret_wanted)
{
    struct cursor cursor;
    cursor_init(&cursor, files + (size_t)index * P2P_INTEREST_BYTES, P2P_INTEREST_BYTES);
    cursor_copy(&cursor, ret_file->root, HASH_BYTES);
    ret_file->bytes = cursor_u64(&cursor);
    *ret_wanted = cursor_u8(&cursor) == 1;
}

void p2p_interest_write(uint8_t *files, uint32_t index, const struct media_file_id *file,
                        bool wanted)
{
    struct writer writer;
    writer_init(&writer, files + (size_t)index * P2P_INTEREST_BYTES, P2P_INTEREST_BYTES);
    writer_bytes(&writer, file->root, HASH_BYTES);
    writer_u64(&writer, file->bytes);
    writer_u8(&writer, wanted);
}

void p2p_have_run_read(const uint8_t *runs, uint32_t index, struct p2p_have_run *ret_run)
{
    struct cursor cursor;
    cursor_init(&cursor, runs + (size_t)index * P2P_HAVE_RUN_BYTES, P2P_HAVE_RUN_BYTES);
    ret_run->first = cursor_u32(&cursor);
    ret_run->count = cursor_u32(&cursor);
}

void p2p_have_run_write(uint8_t *runs, uint32_t index, const struct p2p_have_run *run)
{
    struct writer writer;
    writer_init(&writer, runs + (size_t)index * P2P_HAVE_RUN_BYTES, P2P_HAVE_RUN_BYTES);
    writer_u32(&writer, run->first);
    writer_u32(&writer, run->count);
}

int p2p_holders_get(struct cursor *cursor, struct p2p_holders_file *ret_file)
{
    memset(ret_file, 0, sizeof *ret_file);
    ret_file->key = cursor_u64(cursor);
    ret_file->holders = cursor_u32(cursor);
    uint8_t listed = cursor_u8(cursor);
    if (listed > P2P_CONTACTS_MAX) {
        return ERROR_MALFORMED;
    }
    for (uint32_t i = 0; i < listed; i++) {
        ret_file->contacts[i] = cursor_u8(cursor);
        ret_file->kinds[i] = cursor_u8(cursor);
    }
    ret_file->listed = listed;
    return cursor_failed(cursor) ? ERROR_TRUNCATED : 0;
}

bool p2p_holders_next(const struct p2p_message *message, uint32_t *at,
                      struct p2p_holders_file *ret_file)
{
    assert(message->type == P2P_HOLDERS && *at <= message->holders.file_bytes);
    if (*at == message->holders.file_bytes) {
        return false;
    }
    struct cursor cursor;
    cursor_init(&cursor, message->holders.files + *at, message->holders.file_bytes - *at);
    int error = p2p_holders_get(&cursor, ret_file);
    assert(error == 0); /* the decoder has been through it */
    (void)error;
    *at = message->holders.file_bytes - (uint32_t)cursor_left(&cursor);
    return true;
}

uint32_t p2p_holders_write(uint8_t *files, const struct p2p_holders_file *file)
{
    struct writer writer;
    assert(file->listed <= P2P_CONTACTS_MAX);
    writer_init(&writer, files, P2P_HOLDERS_FILE_BYTES_MAX);
    writer_u64(&writer, file->key);
    writer_u32(&writer, file->holders);
    writer_u8(&writer, file->listed);
    for (uint32_t i = 0; i < file->listed; i++) {
        writer_u8(&writer, file->contacts[i]);
        writer_u8(&writer, file->kinds[i]);
    }
    assert(!writer_failed(&writer));
    return (uint32_t)writer_used(&writer);
}
