/*
 * tracker_world.c: short strings to messages, and answers to short strings.
 */
#include "tests/lib/tracker_world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tracker_world_start(struct tracker_world *world, const struct tracker_config *config)
{
    *world = (struct tracker_world){0};
    for (size_t i = 0; i < sizeof world->links / sizeof *world->links; i++) {
        world->links[i] = TRACKER_LINK_NONE;
    }
    int error = tracker_new(config, &world->tracker);
    assert(error == 0);
}

void tracker_world_end(struct tracker_world *world)
{
    tracker_check_invariants(world->tracker);
    tracker_free(world->tracker);
}

uint64_t tracker_world_key(uint32_t file)
{
    return file * UINT64_C(0x9e3779b97f4a7c15);
}

struct p2p_address tracker_world_address(const char *text, uint16_t port)
{
    struct p2p_address address = {.port = port};
    address.family = strchr(text, ':') != NULL ? 6 : 4;
    int read = inet_pton(address.family == 6 ? AF_INET6 : AF_INET, text, address.address);
    assert(read == 1);
    return address;
}

void tracker_world_up(struct tracker_world *world, int letter, const char *address)
{
    struct tracker_peer peer = {.number = (uint32_t)letter,
                                .observed = tracker_world_address(address, 0),
                                .listen_port = 4000,
                                .flags = P2P_CONTACT_GIVES};
    memset(peer.peer_id, letter, sizeof peer.peer_id);
    int error = tracker_link_up(world->tracker, &peer, &world->links[letter]);
    assert(error == 0);
}

void tracker_world_down(struct tracker_world *world, int letter)
{
    tracker_link_down(world->tracker, world->links[letter]);
    world->links[letter] = TRACKER_LINK_NONE;
}

void tracker_world_listen(struct tracker_world *world, int letter, uint8_t flags, const char *local)
{
    uint8_t addresses[P2P_ADDRESS_BYTES];
    struct p2p_message message = {.type = P2P_LISTEN,
                                  .listen = {.port = 5000, .flags = flags, .addresses = addresses}};
    if (local != NULL) {
        struct p2p_address address = tracker_world_address(local, 5000);
        p2p_address_write(addresses, 0, &address);
        message.listen.count = 1;
    }
    int error = tracker_link_listen(world->tracker, world->links[letter], &message);
    assert(error == 0);
}

/* Appends the files of a list; returns how many. */
static uint16_t write_keys(const char *text, uint8_t *keys, uint32_t at)
{
    uint16_t count = 0;
    while (*text != '\0') {
        char *end = NULL;
        uint32_t first = (uint32_t)strtoul(text, &end, 10);
        uint32_t last = *end == '-' ? (uint32_t)strtoul(end + 1, &end, 10) : first;
        for (uint32_t file = first; file <= last; file++) {
            assert(at + count < P2P_ANNOUNCE_KEYS_MAX);
            p2p_key_write(keys, at + count++, tracker_world_key(file));
        }
        text = end + (*end == ' ');
    }
    return count;
}

int tracker_world_announce(struct tracker_world *world, int letter, bool is_fresh,
                           const char *whole, const char *partial, const char *lost)
{
    uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    struct p2p_message message = {.type = P2P_ANNOUNCE};
    message.announce.flags = is_fresh ? P2P_ANNOUNCE_FRESH : 0;
    message.announce.keys = keys;
    message.announce.whole = write_keys(whole, keys, 0);
    message.announce.partial = write_keys(partial, keys, message.announce.whole);
    message.announce.lost =
        write_keys(lost, keys, (uint32_t)message.announce.whole + message.announce.partial);
    return tracker_announce(world->tracker, world->now_us, &world->links[letter], &message);
}

static void print_file(struct tracker_world *world, const struct p2p_message *answer,
                       const struct p2p_holders_file *file, uint32_t number)
{
    size_t at = strlen(world->text);
    at += (size_t)snprintf(&world->text[at], sizeof world->text - at,
                           "%s%u=%u:", at == 0 ? "" : " | ", (unsigned)number,
                           (unsigned)file->holders);
    for (uint32_t i = 0; i < file->listed; i++) {
        struct p2p_contact contact;
        p2p_contact_read(answer->holders.contacts, file->contacts[i], &contact);
        at += (size_t)snprintf(&world->text[at], sizeof world->text - at, " %c%s",
                               contact.peer_id[0], file->kinds[i] == P2P_HAVE_PARTIAL ? "*" : "");
        assert(at < sizeof world->text);
    }
}

const char *tracker_world_lookup(struct tracker_world *world, int letter, const char *files,
                                 uint8_t limit)
{
    uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    struct p2p_message lookup = {.type = P2P_LOOKUP,
                                 .lookup = {.lookup = 1,
                                            .limit = limit,
                                            .count = (uint8_t)write_keys(files, keys, 0),
                                            .keys = keys}};
    struct tracker_answer answer;
    tracker_lookup(world->tracker, world->now_us, world->links[letter], &lookup,
                   TRACKER_ANSWER_BYTES_MAX, &answer);
    assert(answer.file_count == lookup.lookup.count);
    assert(answer.files == answer.contacts + answer.contact_count * P2P_CONTACT_BYTES);
    struct p2p_message holders = {.type = P2P_HOLDERS,
                                  .holders = {.lookup = 1,
                                              .contact_count = answer.contact_count,
                                              .file_count = answer.file_count,
                                              .contacts = answer.contacts,
                                              .files = answer.files,
                                              .file_bytes = answer.file_bytes}};
    uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    size_t bytes = 0;
    int error = p2p_message_encode(&holders, body, sizeof body, &bytes);
    assert(error == 0);
    error = p2p_message_decode(P2P_HOLDERS, body, bytes, &holders);
    assert(error == 0);
    world->text[0] = '\0';
    uint32_t at = 0;
    uint32_t index = 0;
    struct p2p_holders_file file;
    while (p2p_holders_next(&holders, &at, &file)) {
        assert(file.key == p2p_key_read(keys, index));
        uint32_t number = 0;
        while (tracker_world_key(number) != file.key) {
            number++;
        }
        print_file(world, &holders, &file, number);
        index++;
    }
    assert(index == lookup.lookup.count);
    return world->text;
}
