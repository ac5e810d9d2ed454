/*
 * contact.c: contacts and addresses: their bytes, their form, and what kind of address it is.
 *
 * Responsible for one record at a time. Who tells contacts to whom, and who is dialled, is the
 * overlay's business.
 */
#include "p2p/core/contact.h"

#include "common/cursor.h"

#include <assert.h>
#include <string.h>

/* ---- Records ---- */

static void get_address(struct cursor *cursor, struct p2p_address *address)
{
    address->family = cursor_u8(cursor);
    cursor_copy(cursor, address->address, sizeof address->address);
    address->port = cursor_u16(cursor);
}

static void put_address(struct writer *writer, const struct p2p_address *address)
{
    writer_u8(writer, address->family);
    writer_bytes(writer, address->address, sizeof address->address);
    writer_u16(writer, address->port);
}

void p2p_address_read(const uint8_t *addresses, uint32_t index, struct p2p_address *ret_address)
{
    struct cursor cursor;
    cursor_init(&cursor, addresses + (size_t)index * P2P_ADDRESS_BYTES, P2P_ADDRESS_BYTES);
    get_address(&cursor, ret_address);
}

void p2p_address_write(uint8_t *addresses, uint32_t index, const struct p2p_address *address)
{
    struct writer writer;
    writer_init(&writer, addresses + (size_t)index * P2P_ADDRESS_BYTES, P2P_ADDRESS_BYTES);
    put_address(&writer, address);
    assert(!writer_failed(&writer));
}

void p2p_contact_read(const uint8_t *contacts, uint32_t index, struct p2p_contact *ret_contact)
{
    struct cursor cursor;
    memset(ret_contact, 0, sizeof *ret_contact); /* also what lies between the fields */
    cursor_init(&cursor, contacts + (size_t)index * P2P_CONTACT_BYTES, P2P_CONTACT_BYTES);
    cursor_copy(&cursor, ret_contact->peer_id, HASH_BYTES);
    ret_contact->flags = cursor_u8(&cursor);
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        get_address(&cursor, &ret_contact->addresses[i]);
    }
}

void p2p_contact_write(uint8_t *contacts, uint32_t index, const struct p2p_contact *contact)
{
    struct writer writer;
    writer_init(&writer, contacts + (size_t)index * P2P_CONTACT_BYTES, P2P_CONTACT_BYTES);
    writer_bytes(&writer, contact->peer_id, HASH_BYTES);
    writer_u8(&writer, contact->flags);
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        put_address(&writer, &contact->addresses[i]);
    }
    assert(!writer_failed(&writer));
}

/* ---- Form ---- */

static bool all_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool p2p_address_ok(const struct p2p_address *address)
{
    if (address->family == 0) {
        return address->port == 0 && all_zero(address->address, sizeof address->address);
    }
    if (address->family == 4) {
        return all_zero(address->address + 4, sizeof address->address - 4);
    }
    return address->family == 6;
}

bool p2p_peer_id_is_none(const uint8_t peer_id[HASH_BYTES])
{
    return all_zero(peer_id, HASH_BYTES);
}

bool p2p_contact_ok(const struct p2p_contact *contact)
{
    bool has_ended = false;
    for (uint32_t i = 0; i < P2P_CONTACT_ADDRESSES_MAX; i++) {
        const struct p2p_address *address = &contact->addresses[i];
        if (!p2p_address_ok(address) || (has_ended && address->family != 0)) {
            return false;
        }
        has_ended = has_ended || address->family == 0;
    }
    return !p2p_peer_id_is_none(contact->peer_id);
}

uint32_t p2p_contact_address_count(const struct p2p_contact *contact)
{
    uint32_t count = 0;
    while (count < P2P_CONTACT_ADDRESSES_MAX && contact->addresses[count].family != 0) {
        count++;
    }
    return count;
}

/* ---- Kinds of addresses ---- */

/* IPv4 within IPv6 (RFC 4291, 2.5.5.2) is dialled as IPv4, so it is judged as IPv4. */
static struct p2p_address unmapped(const struct p2p_address *address)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct p2p_address plain = *address;
    if (address->family == 6 && memcmp(address->address, prefix, sizeof prefix) == 0) {
        memset(&plain, 0, sizeof plain);
        plain.family = 4;
        plain.port = address->port;
        memcpy(plain.address, address->address + sizeof prefix, 4);
    }
    return plain;
}

bool p2p_address_equal(const struct p2p_address *a, const struct p2p_address *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

bool p2p_address_is_dialable(const struct p2p_address *address)
{
    struct p2p_address plain = unmapped(address);
    const uint8_t *bytes = plain.address;
    if (plain.port == 0) {
        return false;
    }
    if (plain.family == 4) {
        /* 0.0.0.0/8 is this host, 224/4 multicast, 240/4 reserved with broadcast at its end. */
        return bytes[0] != 0 && bytes[0] < 224;
    }
    return plain.family == 6 && bytes[0] != 0xff && !all_zero(bytes, sizeof plain.address);
}

bool p2p_address_is_loopback(const struct p2p_address *address)
{
    struct p2p_address plain = unmapped(address);
    const uint8_t *bytes = plain.address;
    return plain.family == 4 ? bytes[0] == 127
                             : plain.family == 6 && all_zero(bytes, 15) && bytes[15] == 1;
}

bool p2p_address_is_link_local(const struct p2p_address *address)
{
    struct p2p_address plain = unmapped(address);
    const uint8_t *bytes = plain.address;
    return plain.family == 4 ? bytes[0] == 169 && bytes[1] == 254
                             : plain.family == 6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool p2p_address_is_local(const struct p2p_address *address)
{
    struct p2p_address plain = unmapped(address);
    const uint8_t *bytes = plain.address;
    if (p2p_address_is_loopback(&plain) || p2p_address_is_link_local(&plain)) {
        return true;
    }
    if (plain.family == 4) {
        return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
               (bytes[0] == 192 && bytes[1] == 168);
    }
    return plain.family == 6 && (bytes[0] & 0xfe) == 0xfc;
}

bool p2p_address_prefix(const struct p2p_address *address, struct p2p_address *ret_prefix)
{
    struct p2p_address plain = unmapped(address);
    size_t bytes = plain.family == 4 ? 3 : 6;
    if (plain.family != 4 && plain.family != 6) {
        return false;
    }
    memset(ret_prefix, 0, sizeof *ret_prefix);
    ret_prefix->family = plain.family;
    memcpy(ret_prefix->address, plain.address, bytes);
    return true;
}

bool p2p_address_same_prefix(const struct p2p_address *a, const struct p2p_address *b)
{
    struct p2p_address first;
    struct p2p_address second;
    return p2p_address_prefix(a, &first) && p2p_address_prefix(b, &second) &&
           p2p_address_equal(&first, &second);
}
