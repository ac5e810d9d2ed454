/*
 * life.c: listeners come, do what the workload says, and go.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A NAT device answers by then. */
#define MAPPED_AFTER_US TIME_US_PER_S

void sim_life_init(struct sim_world *world, uint32_t number)
{
    const struct workload_host *spec = &world->workload->listeners[number];
    struct sim_listener *listener = &world->listeners[number];
    *listener = (struct sim_listener){.number = number,
                                      .seed = prng_u64(&world->prng),
                                      .tick_at_us = TIME_NEVER_US,
                                      .is_done = true};
    sim_host_init(&listener->host, spec, number);
    for (uint32_t i = 0; i < HASH_BYTES; i++) {
        listener->peer_id[i] = (uint8_t)prng_below(&world->prng, 256);
    }
    listener->slots = measure_grow(NULL, NODE_SLOTS_DEFAULT, sizeof *listener->slots);
    mem_store_init(&listener->store, listener->seed);
    table_init(&listener->ready, sizeof(struct sim_ready), sizeof(struct sim_content),
               listener->seed);
}

void sim_life_deinit(struct sim_listener *listener)
{
    node_free(listener->node);
    mem_store_deinit(&listener->store);
    table_deinit(&listener->ready);
    free(listener->decks[0].read);
    free(listener->decks[1].read);
    free(listener->slots);
    free(listener->memories);
}

void sim_life_set_done(struct sim_world *world, struct sim_listener *listener, bool is_done)
{
    if (is_done != listener->is_done) {
        world->busy_listeners += is_done ? UINT32_MAX : 1;
        listener->is_done = is_done;
    }
}

void sim_life_remember(struct sim_world *world, struct sim_listener *listener,
                       const struct node_effect *effect)
{
    struct sim_memory memory = {.contact = effect->remember.contact,
                                .penalty = effect->remember.penalty,
                                .at_us = world->clock.now_us};
    uint32_t place = 0;
    while (place < listener->memory_count && memcmp(listener->memories[place].contact.peer_id,
                                                    memory.contact.peer_id, HASH_BYTES) != 0) {
        place++;
    }
    if (place == SIM_MEMORIES_MAX) {
        place = (uint32_t)prng_below(&world->prng, SIM_MEMORIES_MAX);
    } else if (place == listener->memory_count) {
        listener->memories =
            measure_grow(listener->memories, ++listener->memory_count, sizeof memory);
    }
    listener->memories[place] = memory;
}

static void tell_listening(struct sim_world *world, struct sim_listener *listener, uint64_t at_us,
                           uint8_t flags)
{
    struct node_event event = {.kind = NODE_EVENT_LISTENING};
    event.listening.port = listener->host.outer.port;
    event.listening.flags = flags;
    event.listening.address_count = 1;
    event.listening.addresses[0] = listener->host.inner;
    sim_listener_post(world, listener, at_us, event);
}

static void tell_where(struct sim_world *world, struct sim_listener *listener)
{
    uint64_t now_us = world->clock.now_us;
    tell_listening(world, listener, now_us, 0);
    if (listener->host.nat == WORKLOAD_NAT_MAPPED) {
        tell_listening(world, listener, now_us + MAPPED_AFTER_US, P2P_LISTEN_MAPPED);
    }
}

/* What multicast brings: each in the LAN hears of the other. */
static void tell_near(struct sim_world *world, struct sim_listener *listener,
                      const struct sim_listener *near)
{
    struct node_event event = {.kind = NODE_EVENT_CONTACT};
    uint64_t delay_us = sim_host_delay(&listener->host, &near->host);
    event.contact.is_lan = true;
    event.contact.contact.flags = P2P_CONTACT_LAN;
    event.contact.contact.addresses[0] = near->host.inner;
    memcpy(event.contact.contact.peer_id, near->peer_id, HASH_BYTES);
    sim_listener_post(world, listener, world->clock.now_us + delay_us, event);
}

static void discover(struct sim_world *world, struct sim_listener *listener)
{
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        struct sim_listener *other = &world->listeners[i];
        if (other != listener && sim_cut_is_on(world, i) &&
            sim_host_is_near(&listener->host, &other->host)) {
            tell_near(world, listener, other);
            tell_near(world, other, listener);
        }
    }
}

static void tell_memories(struct sim_world *world, struct sim_listener *listener)
{
    for (uint32_t i = 0; i < listener->memory_count; i++) {
        struct node_event event = {.kind = NODE_EVENT_CONTACT};
        event.contact.contact = listener->memories[i].contact;
        event.contact.penalty = listener->memories[i].penalty;
        event.contact.age_us = world->clock.now_us - listener->memories[i].at_us;
        sim_listener_post(world, listener, world->clock.now_us, event);
    }
}

void sim_life_join(struct sim_world *world, struct sim_listener *listener)
{
    const struct workload_host *spec = &world->workload->listeners[listener->number];
    bool with_peers = !world->options.no_peers;
    struct node_config config = {.intern = world->catalogue.intern,
                                 .hasher = catalogue_hasher,
                                 .preset = world->options.preset,
                                 .seed = listener->seed + listener->life,
                                 .cache_limit_bytes = spec->cache_bytes,
                                 .slot_count = NODE_SLOTS_DEFAULT,
                                 .with_peers = with_peers,
                                 .give_slot_count =
                                     with_peers && !spec->is_taking_only ? SIM_GIVE_SLOTS : 0,
                                 .trace = &world->trace,
                                 .trace_node = listener->number + 1};
    if (listener->node != NULL) {
        return;
    }
    if (with_peers) {
        memcpy(config.peer_id, listener->peer_id, HASH_BYTES);
    }
    memset(listener->slots, 0, config.slot_count * sizeof *listener->slots);
    int error = node_new(&config, &listener->node);
    assert(error == 0);
    (void)error;
    listener->life++;
    sim_store_tell(world, listener);
    if (with_peers) {
        tell_where(world, listener);
        tell_memories(world, listener);
        discover(world, listener);
    }
}

static void add_summary(struct node_summary *total, const struct node *node)
{
    struct node_summary one;
    node_get_summary(node, &one);
    total->tracks += one.tracks;
    total->played_us += one.played_us;
    for (uint32_t source = 0; source < NODE_SOURCES; source++) {
        total->bytes[source] += one.bytes[source];
        total->payload_bytes[source] += one.payload_bytes[source];
    }
    total->duplicate_bytes += one.duplicate_bytes;
    total->overhead_bytes += one.overhead_bytes;
    total->unread_bytes += one.unread_bytes;
    total->received_bytes += one.received_bytes;
    total->sent_bytes += one.sent_bytes;
    total->stutters += one.stutters;
    total->stall_us += one.stall_us;
}

void sim_life_end(struct sim_world *world, struct sim_listener *listener)
{
    struct node_event stop = {.kind = NODE_EVENT_STOP};
    if (listener->node != NULL) {
        listener->wander.left = 0;
        sim_listener_step(world, listener, &stop, (struct sim_content){0});
        add_summary(&world->result.total, listener->node);
    }
}

static uint64_t draw_span(struct sim_world *world, const struct workload_command *command)
{
    uint64_t spread_us = command->away_until_us - command->away_us;
    return command->away_us + prng_below(&world->prng, spread_us + 1);
}

static void leave(struct sim_world *world, struct sim_listener *listener,
                  const struct workload_command *command)
{
    bool is_orderly = command->kind == WORKLOAD_LEAVE;
    if (listener->node == NULL) {
        return;
    }
    sim_life_end(world, listener);
    sim_cut_links(world, listener->number, is_orderly ? SIM_CUT_CLOSE : SIM_CUT_GONE,
                  is_orderly ? P2P_BYE_SHUTDOWN : 0);
    sim_deck_silence(world, listener);
    node_free(listener->node);
    listener->node = NULL;
    listener->life++;
    listener->tick_generation++;
    listener->tick_at_us = TIME_NEVER_US;
    listener->wander.generation++;
    listener->is_paused = false;
    listener->entries = 0;
    table_deinit(&listener->ready);
    table_init(&listener->ready, sizeof(struct sim_ready), sizeof(struct sim_content),
               listener->seed);
    sim_life_set_done(world, listener, true);
    uint64_t away_us = draw_span(world, command);
    if (away_us > 0) {
        sim_clock_post(&world->clock, (struct sim_entry){.at_us = world->clock.now_us + away_us,
                                                         .kind = SIM_JOIN,
                                                         .who = listener->number,
                                                         .generation = listener->life});
    }
}

/* The machine is suspended: its programs stand still, its monotonic clock too, and what is sent to
 * it is lost. */
static void fall_asleep(struct sim_world *world, struct sim_listener *listener, uint64_t span_us)
{
    uint64_t now_us = world->clock.now_us;
    span_us -= span_us % TIME_US_PER_MS;
    sim_cut_links(world, listener->number, SIM_CUT_DEAD, 0);
    listener->wakes_at_us = now_us + span_us;
    sim_clock_post(&world->clock,
                   (struct sim_entry){.at_us = listener->wakes_at_us,
                                      .kind = SIM_WAKE,
                                      .who = listener->number,
                                      .value = (uint32_t)(span_us / TIME_US_PER_MS)});
}

void sim_life_wake(struct sim_world *world, struct sim_listener *listener, uint64_t span_us)
{
    struct node_event event = {.kind = NODE_EVENT_NETWORK};
    listener->wakes_at_us = 0;
    listener->slept_us += span_us;
    if (listener->node != NULL) {
        sim_listener_post(world, listener, world->clock.now_us, event);
    }
}

static void move(struct sim_world *world, struct sim_listener *listener)
{
    struct node_event event = {.kind = NODE_EVENT_NETWORK};
    sim_cut_move(world, listener);
    sim_listener_post(world, listener, world->clock.now_us, event);
    if (!world->options.no_peers) {
        tell_where(world, listener);
    }
}

static void play(struct sim_world *world, struct sim_listener *listener,
                 const struct workload_command *command)
{
    uint32_t count = command->track_count + command->random_count;
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = i < command->track_count
                              ? world->workload->played[command->first_track + i]
                              : prng_below(&world->prng, world->catalogue.count);
        event.enqueue.entry = ++listener->entries;
        memcpy(event.enqueue.track_id, world->catalogue.tracks[number].id, TRACK_ID_BYTES);
        sim_listener_post(world, listener, world->clock.now_us, event);
    }
    struct node_event start = {.kind = NODE_EVENT_START};
    start.start.entry = listener->entries - count + 1;
    sim_listener_post(world, listener, world->clock.now_us, start);
}

static void control(struct sim_world *world, struct sim_listener *listener,
                    const struct workload_command *command)
{
    struct node_event event = {.kind = NODE_EVENT_SEEK};
    if (command->kind == WORKLOAD_SEEK) {
        event.seek.position_us = command->position_us;
    } else if (command->kind == WORKLOAD_STOP) {
        event.kind = NODE_EVENT_STOP;
    } else {
        bool is_pause = command->kind == WORKLOAD_PAUSE;
        event.kind = is_pause ? NODE_EVENT_PAUSE : NODE_EVENT_RESUME;
    }
    sim_listener_post(world, listener, world->clock.now_us, event);
    sim_life_set_done(world, listener, command->kind == WORKLOAD_STOP);
}

void sim_life_command(struct sim_world *world, struct sim_listener *listener,
                      const struct workload_command *command)
{
    enum workload_command_kind kind = command->kind;
    if (kind == WORKLOAD_JOIN) {
        sim_life_join(world, listener);
    } else if (listener->node == NULL) {
        return; /* nobody is there to do it */
    } else if (kind == WORKLOAD_LEAVE || kind == WORKLOAD_VANISH) {
        leave(world, listener, command);
    } else if (kind == WORKLOAD_SLEEP) {
        fall_asleep(world, listener, draw_span(world, command));
    } else if (kind == WORKLOAD_MOVE) {
        move(world, listener);
    } else if (kind == WORKLOAD_PLAY) {
        sim_life_set_done(world, listener, false);
        play(world, listener, command);
    } else if (kind == WORKLOAD_WANDER) {
        sim_life_set_done(world, listener, false);
        sim_wander_begin(world, listener, command->random_count);
    } else {
        control(world, listener, command);
    }
}
