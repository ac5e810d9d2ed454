/*
 * cut.c: who is at an address, and what becomes of links when somebody is suddenly not there.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"

#include <assert.h>

/* What a host that asks nobody hears of its attempts. */
#define CONNECT_US (10 * TIME_US_PER_S)
/* TCP_USER_TIMEOUT and keep-alive probes, as common/net sets them. */
#define NOTICED_US (40 * TIME_US_PER_S)

struct place {
    uint8_t lan[2];
    uint8_t address[P2P_ADDRESS_BYTES];
};

struct place_entry {
    struct place place;
    uint8_t unused[3];
    uint32_t listener;
};

void sim_cut_init(struct sim_world *world)
{
    table_init(&world->addresses, sizeof(struct place_entry), sizeof(struct place),
               world->options.seed);
}

static struct place make_place(uint32_t lan, const struct p2p_address *address)
{
    struct place place = {.lan = {(uint8_t)(lan >> 8), (uint8_t)lan}};
    p2p_address_write(place.address, 0, address);
    return place;
}

static void put(struct sim_world *world, uint32_t lan, const struct p2p_address *address,
                uint32_t listener)
{
    const struct place place = make_place(lan, address);
    struct place_entry *entry = table_put(&world->addresses, &place, NULL);
    assert(entry != NULL);
    entry->listener = listener;
}

void sim_cut_register(struct sim_world *world, const struct sim_listener *listener)
{
    const struct sim_host *host = &listener->host;
    put(world, 0, &host->outer, listener->number);
    if (host->lan > 0) {
        put(world, host->lan, &host->inner, listener->number);
    }
}

static void forget(struct sim_world *world, uint32_t lan, const struct p2p_address *address)
{
    const struct place place = make_place(lan, address);
    table_remove(&world->addresses, &place);
}

void sim_cut_move(struct sim_world *world, struct sim_listener *listener)
{
    struct sim_host *host = &listener->host;
    forget(world, 0, &host->outer);
    if (host->lan > 0) {
        forget(world, host->lan, &host->inner);
    }
    sim_host_move(host, ++world->moves);
    sim_cut_register(world, listener);
    sim_cut_links(world, listener->number, SIM_CUT_DEAD, 0);
    for (uint32_t i = 0; i < world->link_count; i++) {
        for (uint32_t end = 0; end < 2; end++) {
            struct sim_end *ours = &world->links[i]->ends[end];
            ours->is_strange |= ours->is_open && ours->who == listener->number;
        }
    }
}

struct sim_listener *sim_cut_find(struct sim_world *world, const struct sim_listener *from,
                                  const struct p2p_address *address)
{
    uint32_t lans[2] = {from->host.lan, 0};
    for (uint32_t i = 0; i < 2; i++) {
        const struct place place = make_place(lans[i], address);
        const struct place_entry *entry = table_get(&world->addresses, &place);
        struct sim_listener *to = entry == NULL ? NULL : &world->listeners[entry->listener];
        if (to != NULL && to != from && sim_host_is_at(&from->host, &to->host, address)) {
            return to;
        }
    }
    return NULL;
}

bool sim_cut_is_on(const struct sim_world *world, uint32_t who)
{
    if (who == SIM_ORIGIN) {
        return world->origin_is_up;
    }
    return world->listeners[who].node != NULL && world->listeners[who].wakes_at_us == 0;
}

static void post(struct sim_world *world, const struct sim_link *link, uint64_t after_us,
                 enum sim_kind kind, uint32_t value)
{
    sim_clock_post(&world->clock, (struct sim_entry){.at_us = world->clock.now_us + after_us,
                                                     .kind = kind,
                                                     .who = link->place,
                                                     .value = value,
                                                     .generation = link->generation});
}

/* Nothing arrives any more, and nobody is told until the kernels notice. */
static void kill_link(struct sim_world *world, struct sim_link *link)
{
    link->is_dead = true;
    link->generation++;
    if (link->state != SIM_LINK_UP) {
        post(world, link, CONNECT_US, SIM_FAILED, ERROR_TIMEOUT);
        return;
    }
    for (uint32_t end = 0; end < 2; end++) {
        if (link->ends[end].is_open) {
            post(world, link, NOTICED_US, SIM_CLOSED, end);
        }
    }
}

void sim_cut_links(struct sim_world *world, uint32_t who, enum sim_cut how, uint8_t reason)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct sim_link *link = world->links[i];
        for (uint32_t end = 0; end < 2; end++) {
            if (link->state == SIM_LINK_FREE || link->ends[end].who != who) {
                continue;
            }
            if (how == SIM_CUT_DEAD || how == SIM_CUT_GONE) {
                kill_link(world, link);
            }
            if (how != SIM_CUT_DEAD && link->ends[end].is_open) {
                sim_network_close(world, link, end, reason);
            }
        }
    }
}
