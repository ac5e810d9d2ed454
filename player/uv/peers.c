/*
 * peers.c: where others find us and we them: key, listening, own network, remembered contacts.
 *
 * Responsible for doing nothing of it before the sound: opening reads the key and no more; the rest
 * begins ENGINE_PEERS_BEGIN_US later, or when the origin can't be reached. Whom to link with is the node's decision.
 *
 * Failure modes: what does not work (no port, no multicast, no file) is told once, if a person can
 * mend it, and the rest goes on without it.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct save_job {
    struct disk_job job;
    char path[ENGINE_PATH_BYTES_MAX + 16];
    size_t count;
    char text[CONTACT_FILE_BYTES_MAX];
};

struct key_job {
    struct disk_job job;
    struct peer_identity *identity;
};

static void contacts_path(const struct engine *engine, char ret_path[ENGINE_PATH_BYTES_MAX + 16])
{
    snprintf(ret_path, ENGINE_PATH_BYTES_MAX + 16, "%s/contacts", engine->paths.state);
}

static uint64_t wall_clock_s(void)
{
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}

/* --- where we are ------------------------------------------------------------------------------------ */

uint16_t peers_own_port(const struct engine *engine)
{
    const struct engine_peers *peers = &engine->peers;
    return peers->listener != NULL ? peer_listener_port(peers->listener) : 0;
}

uint16_t peers_port(const struct engine *engine)
{
    return engine->peers.outer_port != 0 ? engine->peers.outer_port : peers_own_port(engine);
}

static void say_listening(struct engine *engine)
{
    struct node_event event = {.kind = NODE_EVENT_LISTENING};
    struct net_address own[P2P_LISTEN_ADDRESSES_MAX];
    uint32_t count = network_watch_addresses(own, P2P_LISTEN_ADDRESSES_MAX);
    event.listening.port = peers_port(engine);
    event.listening.flags = engine->peers.outer_port != 0 ? P2P_LISTEN_MAPPED : 0;
    event.listening.address_count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) {
        struct p2p_address *address = &event.listening.addresses[i];
        address->family = own[i].family;
        memcpy(address->address, own[i].bytes, sizeof address->address);
        address->port = peers_own_port(engine);
    }
    engine_step(engine, &event);
}

void peers_set_mapping(struct engine *engine, uint16_t outer_port)
{
    if (engine->peers.is_on && engine->peers.outer_port != outer_port) {
        engine->peers.outer_port = outer_port;
        say_listening(engine);
    }
}

/* --- the router's port ------------------------------------------------------------------------------------- */

static void on_mapped(void *context, const struct port_map_state *state)
{
    struct engine *engine = context;
    engine->peers.map_method = state->method;
    engine_set_mapping(engine, state->outer_port);
}

static void open_map(struct engine *engine, const struct net_address *observed)
{
    struct engine_peers *peers = &engine->peers;
    struct port_map_config config = {.port = peers_own_port(engine), .observed = *observed};
    if (port_map_open(engine->loop, &config, on_mapped, engine, &peers->map) != 0) {
        peers->map = NULL; /* tried again at the next look */
    }
}

/* Asks the router when others see us elsewhere than where we are: in a network of our own, or with a
 * public address, no port is opened to the world. */
static void look_for_router(void *context)
{
    struct engine *engine = context;
    struct engine_peers *peers = &engine->peers;
    struct node_status status;
    struct net_address observed = {0};
    if (engine->dead) {
        return;
    }
    engine_get_status(engine, &status);
    observed.family = status.observed.family;
    memcpy(observed.bytes, status.observed.address, sizeof observed.bytes);
    bool is_other = !net_address_equal(&observed, &peers->map_observed);
    if (status.is_translated && is_other) {
        peers->map_observed = observed;
        if (peers->map != NULL) {
            port_map_refresh(peers->map, &observed);
        }
    }
    if (status.is_translated && peers->map == NULL && peers_own_port(engine) != 0) {
        open_map(engine, &observed);
    }
    net_deadline_set(peers->map_look, time_add_us(net_now_us(), ENGINE_MAP_LOOK_US));
}

/* --- our own network ------------------------------------------------------------------------------------ */

static void on_heard(void *context, const uint8_t peer_id[HASH_BYTES],
                     const struct net_address *address)
{
    struct engine *engine = context;
    struct node_event event = {.kind = NODE_EVENT_CONTACT};
    struct p2p_contact *contact = &event.contact.contact;
    memcpy(contact->peer_id, peer_id, HASH_BYTES);
    contact->flags = P2P_CONTACT_LAN | P2P_CONTACT_REACHABLE;
    contact->addresses[0].family = address->family;
    contact->addresses[0].port = address->port;
    memcpy(contact->addresses[0].address, address->bytes, sizeof contact->addresses[0].address);
    event.contact.is_lan = true;
    if (p2p_contact_ok(contact) && p2p_address_is_dialable(&contact->addresses[0])) {
        engine_step(engine, &event);
    }
}

/* Only with others of the same origin, so not before it is known. */
static void open_lan(struct engine *engine)
{
    struct engine_peers *peers = &engine->peers;
    struct lan_config config = {.listen_port = peers_own_port(engine)};
    if (peers->lan != NULL || peers->lan_failed || config.listen_port == 0 ||
        !origin_link_is_known(engine)) {
        return;
    }
    memcpy(config.peer_id, peer_identity_id(peers->identity), HASH_BYTES);
    crypto_sha256(engine->origin.identity, PUBLIC_KEY_BYTES, config.origin);
    int error = crypto_random(&config.seed, sizeof config.seed);
    if (error == 0) {
        error = lan_open(engine->loop, &config, on_heard, engine, &peers->lan);
    }
    peers->lan_failed = error != 0; /* no network, say: looked at again when addresses change */
}

uint32_t peers_scope_id(const struct engine *engine, const struct net_address *address)
{
    return engine->peers.lan != NULL ? lan_scope_id(engine->peers.lan, address) : 0;
}

void peers_miss_origin(struct engine *engine)
{
    if (engine->peers.is_on && !engine->peers.has_begun && engine->peers.begin != NULL) {
        net_deadline_set(engine->peers.begin, net_now_us());
    }
}

void peers_know_origin(struct engine *engine)
{
    if (engine->peers.has_begun) {
        open_lan(engine);
    }
}

static void on_network_changed(void *context, bool has_slept)
{
    struct engine *engine = context;
    struct engine_peers *peers = &engine->peers;
    struct node_event event = {.kind = NODE_EVENT_NETWORK};
    (void)has_slept; /* links may be dead either way: the node tests them */
    engine_step(engine, &event);
    say_listening(engine);
    if (peers->map != NULL) {
        peers->map_observed = (struct net_address){0};
        port_map_refresh(peers->map, &peers->map_observed);
    }
    peers->lan_failed = false;
    if (peers->lan != NULL) {
        lan_refresh(peers->lan);
    } else {
        open_lan(engine);
    }
}

/* --- remembered contacts ----------------------------------------------------------------------------------- */

static void give_contacts(struct engine *engine)
{
    char path[ENGINE_PATH_BYTES_MAX + 16];
    const struct contact_file *file = &engine->peers.contacts;
    uint64_t now_s = wall_clock_s();
    contacts_path(engine, path);
    (void)contact_file_load(&engine->peers.contacts, path, now_s); /* else there are none */
    for (uint32_t i = 0; i < file->count; i++) {
        const struct contact_file_entry *entry = &file->entries[i];
        struct node_event event = {.kind = NODE_EVENT_CONTACT};
        event.contact.contact = entry->contact;
        event.contact.penalty = entry->penalty;
        event.contact.age_us = (now_s - entry->time_s) * TIME_US_PER_S;
        engine_step(engine, &event);
    }
}

static void work_save(struct disk_job *base)
{
    struct save_job *job = (struct save_job *)base;
    (void)contact_file_save(job->path, job->text, job->count); /* a hint less */
}

static void done_free(struct disk_job *base)
{
    free(base);
}

static void save_contacts(void *context)
{
    struct engine *engine = context;
    struct engine_peers *peers = &engine->peers;
    struct save_job *job = peers->contacts_changed ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        return;
    }
    peers->contacts_changed = false;
    job->job = (struct disk_job){.work = work_save, .done = done_free};
    contacts_path(engine, job->path);
    job->count = contact_file_format(&peers->contacts, job->text);
    if (disk_submit(peers->disk, &job->job) != 0) {
        free(job);
    }
}

void peers_remember(struct engine *engine, const struct node_effect *effect)
{
    struct engine_peers *peers = &engine->peers;
    if (!peers->is_on || p2p_contact_address_count(&effect->remember.contact) == 0) {
        return;
    }
    contact_file_remember(&peers->contacts, &effect->remember.contact, effect->remember.penalty,
                          wall_clock_s());
    if (!peers->contacts_changed) {
        peers->contacts_changed = true;
        net_deadline_set(peers->save, time_add_us(net_now_us(), ENGINE_CONTACTS_SAVE_US));
    }
}

/* --- beginning ------------------------------------------------------------------------------------------------ */

static void work_key(struct disk_job *base)
{
    struct key_job *job = (struct key_job *)base;
    (void)peer_identity_save(job->identity); /* else the next run has another name */
}

static void save_key(struct engine *engine)
{
    struct engine_peers *peers = &engine->peers;
    struct key_job *job = peer_identity_is_unsaved(peers->identity) ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        return;
    }
    job->job = (struct disk_job){.work = work_key, .done = done_free};
    job->identity = peers->identity;
    if (disk_submit(peers->disk, &job->job) != 0) {
        free(job);
    }
}

static void open_listener(struct engine *engine)
{
    struct engine_peers *peers = &engine->peers;
    char text[NET_LISTENER_TEXT_BYTES];
    int error = peer_listener_open(engine->loop, peers->identity, peers->wanted_port,
                                   peer_links_accepted, engine, &peers->listener, text);
    if (error != 0) {
        peers->listener = NULL;
        engine_warn(engine, "peers: %s; nobody can reach us, we still reach others", text);
    }
}

static void begin(void *context)
{
    struct engine *engine = context;
    struct engine_peers *peers = &engine->peers;
    if (engine->dead) {
        return;
    }
    peers->has_begun = true;
    open_listener(engine);
    say_listening(engine);
    give_contacts(engine);
    open_lan(engine);
    if (network_watch_open(engine->loop, on_network_changed, engine, &peers->watch) != 0) {
        peers->watch = NULL;
    }
    save_key(engine);
    if (peers->may_map) {
        net_deadline_set(peers->map_look, time_add_us(net_now_us(), ENGINE_MAP_LOOK_US));
    }
    if (engine->callbacks.on_listening != NULL) {
        engine->callbacks.on_listening(engine->callbacks.context, peers_own_port(engine));
    }
}

static int open_identity(struct engine *engine)
{
    char path[ENGINE_PATH_BYTES_MAX + 16];
    const char *warning = NULL;
    snprintf(path, sizeof path, "%s/peer.key", engine->paths.state);
    int error = peer_identity_new(path, &engine->peers.identity, &warning);
    if (error == 0 && warning != NULL) {
        engine_warn(engine, "%s: %s; this run has another key; remove the file to keep one", path,
                    warning);
    }
    return error;
}

int peers_open(struct engine *engine, const struct engine_config *config)
{
    struct engine_peers *peers = &engine->peers;
    if (!config->with_peers || config->offline) {
        return 0;
    }
    peers->wanted_port = config->listen_port;
    peers->may_map = !config->no_port_mapping;
    peers->give_slots = malloc((size_t)ENGINE_GIVE_SLOTS * CHUNK_BYTES);
    if (peers->give_slots == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = open_identity(engine);
    if (error == 0) {
        error = disk_open(engine->loop, &peers->disk);
    }
    if (error == 0) {
        error = net_deadline_open(engine->loop, begin, engine, &peers->begin);
    }
    if (error == 0) {
        error = net_deadline_open(engine->loop, save_contacts, engine, &peers->save);
    }
    if (error == 0) {
        error = net_deadline_open(engine->loop, look_for_router, engine, &peers->map_look);
    }
    if (error == 0) {
        net_deadline_set(peers->begin, time_add_us(net_now_us(), ENGINE_PEERS_BEGIN_US));
        peers->is_on = true;
    }
    return error;
}

/* --- ending ---------------------------------------------------------------------------------------------------- */

void peers_close(struct engine *engine)
{
    struct engine_peers *peers = &engine->peers;
    port_map_close(peers->map);
    network_watch_close(peers->watch);
    lan_close(peers->lan);
    peer_listener_close(peers->listener);
    net_deadline_close(peers->begin);
    net_deadline_close(peers->save);
    net_deadline_close(peers->map_look);
    peers->watch = NULL;
    peers->lan = NULL;
    peers->listener = NULL;
    peers->begin = NULL;
    peers->save = NULL;
    peers->map_look = NULL;
    peer_links_end(engine);
    if (peers->disk != NULL) {
        save_key(engine); /* a short run */
        save_contacts(engine);
        disk_close(peers->disk);
    }
}

void peers_free(struct engine *engine)
{
    struct engine_peers *peers = &engine->peers;
    assert(peers->link_count == 0);
    port_map_free(peers->map);
    disk_free(peers->disk);
    peer_identity_free(peers->identity);
    free(peers->give_slots);
}
