/*
 * overlay_talk.c: peers, their addresses, and what they say, made of bytes.
 *
 * Everything is well formed, as the codec would pass it on; whether it makes sense is chance.
 */
#include "tests/lib/overlay_talk.h"

#include <assert.h>
#include <string.h>

const struct media_file_id overlay_talk_files[OVERLAY_TALK_FILES] = {
    {{1, 2, 3, 4, 5, 6, 7, 8, 9}, 5000},
    {{2, 2, 3, 4, 5, 6, 7, 8, 9}, 3000000},
    {{3, 2, 3, 4, 5, 6, 7, 8, 9}, 8 * ROW_BYTES},
    {{4, 2, 3, 4, 5, 6, 7, 8, 9}, 40000000},
    /* Two of one key: its last byte is root[7] XOR the length's. */
    {{5, 2, 3, 4, 5, 6, 0, 1, 9}, 0x10000},
    {{5, 2, 3, 4, 5, 6, 0, 2, 9}, 0x10003},
};

/* --- who they are ------------------------------------------------------------------------------- */

const uint8_t *overlay_talk_peer(uint32_t peer)
{
    static uint8_t id[4][HASH_BYTES];
    static uint32_t turn;
    uint8_t *one = id[turn++ % 4];
    memset(one, 0, HASH_BYTES);
    /* Some below our own id, some above. */
    one[0] = (uint8_t)(peer * 11);
    one[1] = (uint8_t)peer;
    one[31] = 1;
    return one;
}

const uint8_t overlay_talk_us[HASH_BYTES] = {100, 200, 1};

struct p2p_address overlay_talk_address(uint32_t peer, uint8_t how)
{
    struct p2p_address address = {.port = (uint16_t)(7000 + peer)};
    if (how % 8 == 7) {
        address.port = 0; /* nobody can dial it */
    }
    if (peer % 3 == 0) {
        address.family = 6;
        memcpy(address.address, "\x20\x01\x0d\xb8\0", 5);
        address.address[5] = (uint8_t)(peer % 4);
        address.address[15] = (uint8_t)peer;
    } else {
        address.family = 4;
        memcpy(address.address, how % 4 == 3 ? "\x0a\0\0" : "\xc6\x33\x64", 3);
        address.address[2] = (uint8_t)(peer % 4);
        address.address[3] = (uint8_t)peer;
    }
    if (how % 16 == 12) {
        memset(address.address, 0xff, address.family == 4 ? 4 : 16);
    }
    return address;
}

struct p2p_contact overlay_talk_contact(uint32_t peer, uint8_t how)
{
    struct p2p_contact contact = {.flags = how};
    memcpy(contact.peer_id, peer >= OVERLAY_TALK_PEERS ? overlay_talk_us : overlay_talk_peer(peer),
           HASH_BYTES);
    for (uint32_t i = 0; i < how % 4u; i++) {
        contact.addresses[i] = overlay_talk_address(peer + i, (uint8_t)(how / 4 + i));
    }
    return contact;
}

uint8_t overlay_talk_next(struct overlay_talk *talk)
{
    return cursor_u8(&talk->cursor);
}

struct p2p_contact overlay_talk_any_contact(struct overlay_talk *talk)
{
    uint32_t peer = overlay_talk_next(talk) % (OVERLAY_TALK_PEERS + 1);
    return overlay_talk_contact(peer, overlay_talk_next(talk));
}

/* --- what they say ------------------------------------------------------------------------------ */

static uint64_t any_query(struct overlay_talk *talk)
{
    uint8_t which = overlay_talk_next(talk);
    return which % 4 == 3 ? which : talk->queries[which / 4 % OVERLAY_TALK_QUERIES];
}

static uint64_t any_key(struct overlay_talk *talk)
{
    return p2p_file_key(&overlay_talk_files[overlay_talk_next(talk) % OVERLAY_TALK_FILES]);
}

static void say_have(struct overlay_talk *talk, struct p2p_message *message, uint8_t *list)
{
    message->have.file = overlay_talk_files[overlay_talk_next(talk) % OVERLAY_TALK_FILES];
    message->have.kind = overlay_talk_next(talk) % 4;
    if (message->have.kind < P2P_HAVE_RUNS) {
        return;
    }
    uint32_t chunks = media_chunk_count(message->have.file.bytes);
    uint32_t first = overlay_talk_next(talk);
    uint32_t count = 1u + overlay_talk_next(talk) % 16;
    for (uint32_t i = 0; i < count && first < chunks; i++) {
        uint32_t length = 1u + overlay_talk_next(talk) * 4u;
        length = length > chunks - first ? chunks - first : length;
        struct p2p_have_run run = {first, length};
        p2p_have_run_write(list, message->have.count++, &run);
        first += length + 1 + overlay_talk_next(talk);
    }
    message->have.runs = list;
}

static void say_interest(struct overlay_talk *talk, struct p2p_message *message, uint8_t *list)
{
    message->interest.count = (uint8_t)(1 + overlay_talk_next(talk) % P2P_INTEREST_MAX);
    message->interest.files = list;
    for (uint32_t i = 0; i < message->interest.count; i++) {
        uint8_t how = overlay_talk_next(talk);
        struct media_file_id id = overlay_talk_files[how % OVERLAY_TALK_FILES];
        id.root[20] = how < 200 ? 0 : how; /* files that we don't know */
        p2p_interest_write(list, i, &id, how % 2 == 0);
    }
}

static void say_contacts(struct overlay_talk *talk, uint32_t count, uint8_t *list)
{
    for (uint32_t i = 0; i < count; i++) {
        struct p2p_contact contact = overlay_talk_any_contact(talk);
        p2p_contact_write(list, i, &contact);
    }
}

static void say_holders(struct overlay_talk *talk, struct p2p_message *message, uint8_t *list)
{
    message->holders.lookup = talk->lookups[overlay_talk_next(talk) % OVERLAY_TALK_QUERIES];
    message->holders.contact_count = overlay_talk_next(talk) % (P2P_CONTACTS_MAX + 1);
    message->holders.file_count = (uint8_t)(1 + overlay_talk_next(talk) % OVERLAY_TALK_FILES);
    say_contacts(talk, message->holders.contact_count, list);
    message->holders.contacts = list;
    list += (size_t)message->holders.contact_count * P2P_CONTACT_BYTES;
    message->holders.files = list;
    for (uint32_t i = 0; i < message->holders.file_count; i++) {
        struct p2p_holders_file file = {.key = any_key(talk), .holders = overlay_talk_next(talk)};
        uint32_t most = message->holders.contact_count == 0 ? 0 : P2P_CONTACTS_MAX;
        file.listed = (uint8_t)(overlay_talk_next(talk) % (most + 1));
        for (uint32_t k = 0; k < file.listed; k++) {
            file.contacts[k] = (uint8_t)((k + i) % message->holders.contact_count);
            file.kinds[k] = k % 3 == 0 ? P2P_HAVE_PARTIAL : P2P_HAVE_WHOLE;
        }
        uint32_t written = p2p_holders_write(list, &file);
        list += written;
        message->holders.file_bytes = (uint16_t)(message->holders.file_bytes + written);
    }
}

static void say_hello(struct overlay_talk *talk, struct p2p_message *message)
{
    struct p2p_address observed = overlay_talk_address(77, overlay_talk_next(talk));
    message->hello.version = 1;
    message->hello.features = overlay_talk_next(talk) % 8;
    message->hello.listen_port = overlay_talk_next(talk);
    message->hello.observed_family = observed.family;
    message->hello.observed_port = observed.port;
    memcpy(message->hello.observed_address, observed.address, sizeof observed.address);
}

static void compose(struct overlay_talk *talk, uint32_t speaker, struct p2p_message *message,
                    uint8_t *list)
{
    uint8_t how = overlay_talk_next(talk);
    bool is_itself = how % 4 != 0; /* else in another's name */
    switch ((unsigned)message->type) {
    case P2P_HELLO:
        say_hello(talk, message);
        break;
    case P2P_LISTEN:
        message->listen.port = how;
        message->listen.flags = overlay_talk_next(talk) % 4;
        break;
    case P2P_INTEREST:
        say_interest(talk, message, list);
        break;
    case P2P_HAVE:
        say_have(talk, message, list);
        break;
    case P2P_HOLDERS:
        say_holders(talk, message, list);
        break;
    case P2P_EXCHANGE:
        message->exchange.count = (uint8_t)(1 + how % P2P_CONTACTS_MAX);
        message->exchange.contacts = list;
        say_contacts(talk, message->exchange.count, list);
        break;
    case P2P_RENDEZVOUS:
        message->rendezvous.role = how % 4;
        message->rendezvous.contact = overlay_talk_any_contact(talk);
        talk->arranged += message->rendezvous.role == P2P_RENDEZVOUS_INVITE ||
                          message->rendezvous.role == P2P_RENDEZVOUS_GO;
        break;
    case P2P_SEARCH:
        message->search.query = any_query(talk);
        message->search.hops = (uint8_t)(1 + how / 4 % 2);
        message->search.key = any_key(talk);
        message->search.contact =
            is_itself ? overlay_talk_contact(speaker, how) : overlay_talk_any_contact(talk);
        break;
    default:
        message->type = P2P_FOUND;
        message->found.query = any_query(talk);
        message->found.key = any_key(talk);
        message->found.kind = how % 2 == 0 ? P2P_HAVE_WHOLE : P2P_HAVE_PARTIAL;
        message->found.contact =
            is_itself ? overlay_talk_contact(speaker, how) : overlay_talk_any_contact(talk);
        break;
    }
}

bool overlay_talk_compose(struct overlay_talk *talk, enum p2p_type type, uint32_t speaker,
                          struct p2p_message *ret_message, uint8_t *list)
{
    struct p2p_message message = {.type = type};
    compose(talk, speaker, &message, list);
    bool is_empty =
        type == P2P_HAVE && message.have.kind >= P2P_HAVE_RUNS && message.have.count == 0;
    if (is_empty || (type == P2P_HOLDERS && message.holders.lookup == 0)) {
        return false; /* no run fits; nothing was looked up yet */
    }
    *ret_message = message;
    return true;
}
