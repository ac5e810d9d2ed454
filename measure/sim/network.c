/*
 * network.c: links: who is dialled, what becomes of it, and how links end. What goes over them is
 * transfer.c's.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* TCP's handshake and TLS 1.3's take a round trip each before the client's first flight leaves. */
#define HANDSHAKE_DELAYS 4u
/* How long the programs dial in vain (common/net/stream.h), and an arranged link (p2p/uv). */
#define CONNECT_US (10 * TIME_US_PER_S)
#define ARRANGED_US (5 * TIME_US_PER_S)

struct end_key {
    uint32_t who, number;
};

struct end_entry {
    struct end_key key;
    uint32_t place;
};

void sim_network_init(struct sim_world *world)
{
    table_init(&world->ends, sizeof(struct end_entry), sizeof(struct end_key), world->options.seed);
}

void sim_network_deinit(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        sim_stream_deinit(&world->links[i]->streams[0]);
        sim_stream_deinit(&world->links[i]->streams[1]);
        free(world->links[i]);
    }
    free(world->links);
    free(world->free_links);
    table_deinit(&world->ends);
}

struct sim_host *sim_network_host(struct sim_world *world, uint32_t who)
{
    return who == SIM_ORIGIN ? &world->origin_host : &world->listeners[who].host;
}

struct sim_link *sim_network_find(const struct sim_world *world, uint32_t who, uint32_t number,
                                  uint32_t *ret_end)
{
    const struct end_key key = {.who = who, .number = number};
    const struct end_entry *entry = table_get(&world->ends, &key);
    if (entry == NULL) {
        return NULL;
    }
    struct sim_link *link = world->links[entry->place];
    *ret_end = link->ends[0].who == who && link->ends[0].number == number ? 0 : 1;
    return link;
}

static bool is_of_peers(const struct sim_link *link)
{
    return link->ends[1].who != SIM_ORIGIN;
}

static void open_end(struct sim_world *world, struct sim_link *link, uint32_t end, uint32_t who,
                     uint32_t number)
{
    const struct end_key key = {.who = who, .number = number};
    struct end_entry *entry = table_put(&world->ends, &key, NULL);
    assert(entry != NULL);
    entry->place = link->place;
    link->ends[end] = (struct sim_end){.who = who, .number = number, .is_open = true};
}

static struct sim_link *make_link(struct sim_world *world)
{
    if (world->free_link_count == 0) {
        uint32_t place = world->link_count++;
        world->links = measure_grow(world->links, world->link_count, sizeof *world->links);
        world->free_links =
            measure_grow(world->free_links, world->link_count, sizeof *world->free_links);
        world->links[place] = measure_grow(NULL, 1, sizeof *world->links[place]);
        *world->links[place] = (struct sim_link){.place = place};
        world->free_links[world->free_link_count++] = place;
    }
    struct sim_link *link = world->links[world->free_links[--world->free_link_count]];
    *link = (struct sim_link){.place = link->place, .generation = link->generation + 1};
    link->ends[1].who = SIM_NOBODY;
    sim_stream_init(&link->streams[0]);
    sim_stream_init(&link->streams[1]);
    return link;
}

static void free_link(struct sim_world *world, struct sim_link *link)
{
    world->peer_links -= is_of_peers(link) && link->state == SIM_LINK_UP;
    link->generation++;
    link->state = SIM_LINK_FREE;
    sim_stream_deinit(&link->streams[0]);
    sim_stream_deinit(&link->streams[1]);
    world->free_links[world->free_link_count++] = link->place;
}

static void post(struct sim_world *world, const struct sim_link *link, uint64_t at_us,
                 enum sim_kind kind, uint32_t value)
{
    sim_clock_post(&world->clock, (struct sim_entry){.at_us = at_us,
                                                     .kind = kind,
                                                     .who = link->place,
                                                     .value = value,
                                                     .generation = link->generation});
}

/* Tells an end's engine that its link is over; frees the link when both know. */
static void end_link(struct sim_world *world, struct sim_link *link, uint32_t end, int error)
{
    const struct sim_end *ended = &link->ends[end];
    const struct end_key key = {.who = ended->who, .number = ended->number};
    uint64_t now_us = world->clock.now_us;
    uint64_t at_us = now_us > ended->up_at_us ? now_us : ended->up_at_us;
    assert(ended->is_open);
    table_remove(&world->ends, &key);
    if (ended->who == SIM_ORIGIN) {
        struct origin_event event = {.kind = ORIGIN_EVENT_LINK_DOWN};
        event.link_down.link = ended->number;
        event.link_down.error = error;
        sim_origin_post(world, at_us, event);
    } else {
        struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
        event.link_down.link = ended->number;
        event.link_down.error = error;
        sim_listener_post(world, &world->listeners[ended->who], at_us, event);
    }
    link->ends[end].is_open = false;
    if (!link->ends[1 - end].is_open) {
        free_link(world, link);
    }
}

static void shake(struct sim_world *world, struct sim_link *link)
{
    link->state = SIM_LINK_SHAKING;
    link->generation++;
    post(world, link, world->clock.now_us + HANDSHAKE_DELAYS * link->delay_us, SIM_CONNECTED, 0);
}

/* The attempt of `from` to reach `to`, or NULL. */
static struct sim_link *find_attempt(struct sim_world *world, uint32_t from, uint32_t to,
                                     bool is_waiting)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct sim_link *link = world->links[i];
        bool is_it = link->is_arranged && link->ends[0].who == from && link->ends[1].who == to;
        if (is_it && link->state != SIM_LINK_FREE &&
            (link->state == SIM_LINK_WAITING) == is_waiting) {
            return link;
        }
    }
    return NULL;
}

/* Both dial each other from the ports on which they listen. */
static void arrange(struct sim_world *world, struct sim_link *link, struct sim_link *other)
{
    const struct sim_host *ours = sim_network_host(world, link->ends[0].who);
    const struct sim_host *theirs = sim_network_host(world, link->ends[1].who);
    uint32_t who = link->ends[0].who, number = link->ends[0].number;
    if (other != NULL && sim_host_meets(ours, theirs)) {
        free_link(world, link);
        open_end(world, other, 1, who, number);
        other->is_met = true;
        other->client = memcmp(world->listeners[other->ends[0].who].peer_id,
                               world->listeners[who].peer_id, HASH_BYTES) > 0;
        shake(world, other);
        return;
    }
    if (other != NULL && sim_host_is_open_to(ours, theirs, true)) {
        shake(world, other);
    }
    if (sim_host_is_open_to(theirs, ours, other != NULL)) {
        shake(world, link);
    }
}

static void dial_peer(struct sim_world *world, struct sim_link *link, const struct sim_listener *to)
{
    uint64_t now_us = world->clock.now_us;
    const struct sim_host *ours = sim_network_host(world, link->ends[0].who);
    uint64_t give_up_us = link->is_arranged ? ARRANGED_US : CONNECT_US;
    link->delay_us = to == NULL ? 0 : sim_host_delay(ours, &to->host);
    link->state = SIM_LINK_WAITING;
    post(world, link, now_us + give_up_us, SIM_FAILED, ERROR_TIMEOUT);
    if (to == NULL || !sim_cut_is_on(world, to->number)) {
        return;
    }
    link->ends[1].who = to->number;
    struct sim_link *other = find_attempt(world, to->number, link->ends[0].who, true);
    struct sim_link *met = find_attempt(world, to->number, link->ends[0].who, false);
    if (link->is_arranged && met != NULL && sim_host_meets(ours, &to->host)) {
        link->generation++; /* the same four numbers are in use by the connection that there is */
        post(world, link, now_us + 2 * link->delay_us, SIM_FAILED, ERROR_EXISTS);
    } else if (link->is_arranged) {
        arrange(world, link, other);
    } else if (sim_host_is_open_to(&to->host, ours, other != NULL)) {
        shake(world, link);
    } else if (to->host.is_resetting) {
        link->generation++;
        post(world, link, now_us + 2 * link->delay_us, SIM_FAILED, ERROR_UNREACHABLE);
    }
}

static void dial_origin(struct sim_world *world, struct sim_link *link)
{
    link->ends[1].who = SIM_ORIGIN;
    link->delay_us =
        sim_host_delay(sim_network_host(world, link->ends[0].who), &world->origin_host);
    if (world->origin_is_up) {
        shake(world, link);
        return;
    }
    link->state = SIM_LINK_WAITING;
    uint64_t after_us = world->origin_has_vanished ? CONNECT_US : 2 * link->delay_us;
    post(world, link, world->clock.now_us + after_us, SIM_FAILED, ERROR_UNREACHABLE);
}

void sim_network_connect(struct sim_world *world, struct sim_listener *listener,
                         const struct node_effect *effect)
{
    struct sim_link *link = make_link(world);
    open_end(world, link, 0, listener->number, effect->connect.link);
    if (effect->connect.link_kind == NODE_LINK_ORIGIN) {
        dial_origin(world, link);
        return;
    }
    const struct p2p_contact *contact = &effect->connect.contact;
    link->is_arranged = effect->connect.is_arranged;
    memcpy(link->expected, contact->peer_id, HASH_BYTES);
    world->result.attempts++;
    world->result.arranged_attempts += link->is_arranged;
    dial_peer(world, link, sim_cut_find(world, listener, &contact->addresses[0]));
}

static void tell_node_up(struct sim_world *world, struct sim_link *link, uint32_t end,
                         uint64_t at_us)
{
    struct sim_listener *listener = &world->listeners[link->ends[end].who];
    uint32_t other = link->ends[1 - end].who;
    const struct sim_host *host = sim_network_host(world, other);
    struct node_event event = {.kind = NODE_EVENT_LINK_UP};
    event.link_up.link = link->ends[end].number;
    event.link_up.link_kind = other == SIM_ORIGIN ? NODE_LINK_ORIGIN : NODE_LINK_PEER;
    event.link_up.listen_port = listener->host.outer.port;
    event.link_up.address = sim_host_is_near(&listener->host, host) ? host->inner : host->outer;
    if (other != SIM_ORIGIN) {
        memcpy(event.link_up.peer_id, world->listeners[other].peer_id, HASH_BYTES);
    }
    link->ends[end].up_at_us = at_us;
    sim_listener_post(world, listener, at_us, event);
}

static void tell_origin_up(struct sim_world *world, struct sim_link *link, uint64_t at_us)
{
    const struct sim_host *host = sim_network_host(world, link->ends[0].who);
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_UP};
    event.link_up.link = link->ends[1].number;
    event.link_up.is_tls = true;
    event.link_up.address_family = host->outer.family;
    memcpy(event.link_up.address, host->outer.address, sizeof event.link_up.address);
    event.link_up.port = (uint16_t)(50000 + link->place % 10000); /* of this very connection */
    link->ends[1].up_at_us = at_us;
    sim_origin_post(world, at_us, event);
}

/* Who answers is not who was dialled, or nobody does. */
static bool is_answered(const struct sim_world *world, const struct sim_link *link, int *ret_error)
{
    uint32_t who = link->ends[1].who;
    *ret_error = ERROR_TIMEOUT;
    if (!sim_cut_is_on(world, link->ends[0].who) || !sim_cut_is_on(world, who)) {
        return false;
    }
    *ret_error = ERROR_MISMATCH;
    return who == SIM_ORIGIN ||
           memcmp(world->listeners[who].peer_id, link->expected, HASH_BYTES) == 0;
}

void sim_network_connected(struct sim_world *world, struct sim_link *link)
{
    uint64_t now_us = world->clock.now_us;
    uint32_t who = link->ends[1].who;
    int error = 0;
    if (!is_answered(world, link, &error)) {
        sim_network_failed(world, link, error);
        return;
    }
    if (who == SIM_ORIGIN) {
        open_end(world, link, 1, SIM_ORIGIN, ++world->origin_links);
    } else if (!link->is_met) {
        open_end(world, link, 1, who, NODE_LINK_INCOMING | ++world->listeners[who].incoming);
    }
    link->state = SIM_LINK_UP;
    for (uint32_t end = 0; end < 2; end++) {
        uint64_t at_us = now_us + (end == link->client ? 0 : link->delay_us);
        if (link->ends[end].who == SIM_ORIGIN) {
            tell_origin_up(world, link, at_us);
        } else {
            tell_node_up(world, link, end, at_us);
        }
    }
    if (who != SIM_ORIGIN) {
        struct sim_result *result = &world->result;
        result->connected += link->is_met ? 2 : 1;
        result->arranged_connected += link->is_met ? 2 : link->is_arranged;
        world->peer_links++;
        result->links_max =
            world->peer_links > result->links_max ? world->peer_links : result->links_max;
    }
}

void sim_network_failed(struct sim_world *world, struct sim_link *link, int error)
{
    uint32_t generation = link->generation;
    if (link->ends[1].is_open) {
        end_link(world, link, 1, error);
    }
    if (link->generation == generation && link->ends[0].is_open) {
        end_link(world, link, 0, error);
    }
}

void sim_network_close(struct sim_world *world, struct sim_link *link, uint32_t end, uint8_t reason)
{
    bool was_dead = link->is_dead;
    uint64_t now_us = world->clock.now_us;
    if (link->ends[1 - end].is_open && !was_dead) {
        link->is_dead = true;
        link->generation++; /* what is under way is lost */
        post(world, link, now_us + link->delay_us, SIM_CLOSED, 2u * reason + (1 - end));
    }
    end_link(world, link, end, ERROR_CLOSED);
}

void sim_network_closed(struct sim_world *world, struct sim_link *link, uint32_t value)
{
    uint32_t end = value & 1;
    uint32_t generation = link->generation;
    if (value > 1) {
        struct p2p_message bye = {.type = P2P_BYE};
        bye.bye.reason = (uint8_t)(value / 2);
        bye.bye.text = "";
        world->result.refused += bye.bye.reason == P2P_BYE_FULL;
        sim_transfer_tell(world, link, end, &bye, (struct sim_content){0});
    }
    if (link->generation == generation && link->ends[end].is_open) {
        end_link(world, link, end, ERROR_CLOSED);
    }
}
