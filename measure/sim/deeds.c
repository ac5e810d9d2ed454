/*
 * deeds.c: what listeners and origins that mean harm, or are broken, send instead of the truth.
 */
#include "measure/sim/world.h"

#include <assert.h>
#include <string.h>

/* A chunk that no file has: hashing it gives something else than the proof says. */
#define RUBBISH 0x80000000u
#define DEAD_HOLDERS 1000000u

bool sim_deed_of_listener(struct sim_world *world, struct sim_listener *listener,
                          struct p2p_message *message, struct sim_content *content)
{
    switch (world->workload->listeners[listener->number].deed) {
    case WORKLOAD_SILENT:
        return message->type != P2P_FRAGMENT && message->type != P2P_PROOF &&
               message->type != P2P_REJECT && message->type != P2P_OPENED;
    case WORKLOAD_MUTE:
        return false;
    case WORKLOAD_LIES:
        if (message->type == P2P_HAVE) {
            message->have.kind = P2P_HAVE_WHOLE;
            message->have.count = 0;
            message->have.runs = NULL;
        }
        return true;
    case WORKLOAD_RUBBISH:
        content->chunk |= message->type == P2P_FRAGMENT ? RUBBISH : 0;
        return true;
    case WORKLOAD_HONEST:
    case WORKLOAD_TRICKLE: /* its line is what is bad */
    case WORKLOAD_RESETS:  /* its links are */
    case WORKLOAD_DEEDS:
        return true;
    }
    return true;
}

/* Somebody who never was, at an address where nobody answers; or one that nobody should dial. */
static void make_contact(struct sim_world *world, bool is_nonsense, struct p2p_contact *ret_contact)
{
    static const uint8_t firsts[] = {127, 224, 255, 169, 10}; /* loopback, multicast, ... */
    struct p2p_address address = {.family = 4};
    *ret_contact = (struct p2p_contact){.flags = P2P_CONTACT_REACHABLE};
    for (uint32_t i = 0; i < HASH_BYTES; i++) {
        ret_contact->peer_id[i] = (uint8_t)(1 + prng_below(&world->prng, 255));
    }
    address.address[0] = is_nonsense ? firsts[prng_below(&world->prng, sizeof firsts)] : 198;
    for (uint32_t i = 1; i < 4; i++) {
        address.address[i] = (uint8_t)prng_below(&world->prng, 256);
    }
    address.port = (uint16_t)(1 + prng_below(&world->prng, UINT16_MAX));
    ret_contact->addresses[0] = address;
}

void sim_deed_of_origin(struct sim_world *world, struct p2p_message *message,
                        uint8_t buffer[SIM_DEED_BYTES])
{
    bool is_nonsense = world->origin_deed == WORKLOAD_ORIGIN_NONSENSE;
    struct p2p_message honest = *message;
    struct p2p_holders_file file;
    uint8_t *files = buffer + P2P_CONTACTS_MAX * P2P_CONTACT_BYTES;
    uint32_t at = 0, bytes = 0;
    _Static_assert(SIM_DEED_BYTES >= P2P_CONTACTS_MAX * P2P_CONTACT_BYTES +
                                         P2P_LOOKUP_MAX * P2P_HOLDERS_FILE_BYTES_MAX,
                   "every HOLDERS fits");
    for (uint32_t i = 0; i < P2P_CONTACTS_MAX; i++) {
        struct p2p_contact contact;
        make_contact(world, is_nonsense, &contact);
        p2p_contact_write(buffer, i, &contact);
    }
    while (p2p_holders_next(&honest, &at, &file)) {
        file.holders = DEAD_HOLDERS;
        file.listed = P2P_CONTACTS_MAX;
        file.key ^= is_nonsense && prng_below(&world->prng, 2) == 0 ? 1 : 0;
        for (uint32_t i = 0; i < P2P_CONTACTS_MAX; i++) {
            file.contacts[i] = (uint8_t)i;
            file.kinds[i] = P2P_HAVE_WHOLE;
        }
        bytes += p2p_holders_write(files + bytes, &file);
    }
    message->holders.contact_count = P2P_CONTACTS_MAX;
    message->holders.contacts = buffer;
    message->holders.files = files;
    message->holders.file_bytes = (uint16_t)bytes;
    if (is_nonsense && prng_below(&world->prng, 4) == 0) {
        message->holders.lookup ^= 0x40000000u;
    }
}
