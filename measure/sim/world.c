/*
 * world.c: makes a world from a workload, runs it, and adds up what came of it.
 */
#include "measure/sim/world.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <stdlib.h>
#include <string.h>

static void post_command(struct sim_world *world, uint32_t number, uint32_t who)
{
    const struct workload_command *command = &world->workload->commands[number];
    uint64_t spread_us = command->until_us - command->at_us;
    world->commands_left++;
    sim_clock_post(
        &world->clock,
        (struct sim_entry){.at_us = command->at_us + prng_below(&world->prng, spread_us + 1),
                           .kind = SIM_COMMAND,
                           .who = who,
                           .value = number});
}

static void post_commands(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->workload->command_count; i++) {
        const struct workload_command *command = &world->workload->commands[i];
        bool is_all = command->listener == WORKLOAD_EVERYBODY;
        post_command(world, i, is_all ? 0 : command->listener);
        for (uint32_t who = 1; is_all && who < world->workload->listener_count; who++) {
            post_command(world, i, who);
        }
    }
}

static void carry_out_command(struct sim_world *world, const struct sim_entry *entry)
{
    const struct workload_command *command = &world->workload->commands[entry->value];
    world->commands_left--;
    if (command->kind == WORKLOAD_ORIGIN_STOP || command->kind == WORKLOAD_ORIGIN_START) {
        sim_origin_set_up(world, command->kind == WORKLOAD_ORIGIN_START);
    } else {
        sim_listener_command(world, &world->listeners[entry->who], command);
    }
}

static void step_node(struct sim_world *world, const struct sim_entry *entry)
{
    struct node_event event = world->node_events[entry->value];
    world->node_free[world->node_free_count++] = entry->value;
    sim_listener_step(world, &world->listeners[entry->who], &event, (struct sim_content){0});
}

static void step_origin(struct sim_world *world, const struct sim_entry *entry)
{
    struct origin_event event = world->origin_events[entry->value];
    world->origin_free[world->origin_free_count++] = entry->value;
    sim_origin_step(world, &event);
}

static void tick_node(struct sim_world *world, struct sim_listener *listener)
{
    struct node_event event = {.kind = NODE_EVENT_TICK};
    listener->tick_at_us = TIME_NEVER_US;
    sim_listener_step(world, listener, &event, (struct sim_content){0});
}

static void tick_origin(struct sim_world *world)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_TICK};
    world->origin_tick_at_us = TIME_NEVER_US;
    sim_origin_step(world, &event);
}

/* What belongs to a link that has ended, or to an arming that was replaced, is stale. */
static bool is_stale(const struct sim_world *world, const struct sim_entry *entry)
{
    const struct sim_listener *listener = &world->listeners[entry->who];
    switch ((enum sim_kind)entry->kind) {
    case SIM_TICK:
        return entry->generation != listener->tick_generation;
    case SIM_ORIGIN_TICK:
        return entry->generation != world->origin_tick_generation;
    case SIM_DECK:
        return entry->generation != listener->sound_generation;
    case SIM_CONNECTED:
    case SIM_TO_ORIGIN:
    case SIM_TO_LISTENER:
    case SIM_ACK_ORIGIN:
    case SIM_ACK_LISTENER:
        return entry->generation != listener->link.generation;
    case SIM_NODE_EVENT:
    case SIM_ORIGIN_EVENT:
    case SIM_COMMAND:
        return false;
    }
    return false;
}

static void run_entry(struct sim_world *world, const struct sim_entry *entry)
{
    struct sim_listener *listener = &world->listeners[entry->who];
    switch ((enum sim_kind)entry->kind) {
    case SIM_TICK:
        tick_node(world, listener);
        break;
    case SIM_NODE_EVENT:
        step_node(world, entry);
        break;
    case SIM_ORIGIN_TICK:
        tick_origin(world);
        break;
    case SIM_ORIGIN_EVENT:
        step_origin(world, entry);
        break;
    case SIM_CONNECTED:
        sim_network_connected(world, listener);
        break;
    case SIM_TO_ORIGIN:
        sim_network_arrive(world, listener, SIM_UP, entry->value);
        break;
    case SIM_TO_LISTENER:
        sim_network_arrive(world, listener, SIM_DOWN, entry->value);
        break;
    case SIM_ACK_ORIGIN:
        sim_network_acknowledge(world, listener, SIM_DOWN, entry->value);
        break;
    case SIM_ACK_LISTENER:
        sim_network_acknowledge(world, listener, SIM_UP, entry->value);
        break;
    case SIM_DECK:
        sim_deck_run(world, listener);
        break;
    case SIM_COMMAND:
        carry_out_command(world, entry);
        break;
    }
}

static void run(struct sim_world *world)
{
    struct sim_entry entry;
    while ((world->commands_left > 0 || world->busy_listeners > 0) &&
           sim_clock_next(&world->clock, &entry) && entry.at_us <= world->workload->end_us) {
        if (!is_stale(world, &entry)) {
            run_entry(world, &entry);
        }
    }
    /* Who still plays at the end has a record to give. */
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        struct node_event stop = {.kind = NODE_EVENT_STOP};
        sim_listener_step(world, &world->listeners[i], &stop, (struct sim_content){0});
    }
}

static void add_up(struct sim_world *world)
{
    struct node_summary *total = &world->result.total;
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        struct node_summary one;
        node_get_summary(world->listeners[i].node, &one);
        total->tracks += one.tracks;
        total->played_us += one.played_us;
        for (uint32_t source = 0; source < NODE_SOURCES; source++) {
            total->bytes[source] += one.bytes[source];
        }
        total->duplicate_bytes += one.duplicate_bytes;
        total->overhead_bytes += one.overhead_bytes;
        total->received_bytes += one.received_bytes;
        total->sent_bytes += one.sent_bytes;
        total->stutters += one.stutters;
        total->stall_us += one.stall_us;
    }
    world->result.ended_us = world->clock.now_us;
    world->result.trace_hash = world->trace.hash;
    world->result.trace_lines = world->trace.lines;
}

static void init(struct sim_world *world)
{
    const struct workload *workload = world->workload;
    const struct workload_host *origin = &workload->origin;
    sim_clock_init(&world->clock);
    prng_init(&world->prng, world->options.seed);
    trace_init(&world->trace, world->options.sink, world->options.sink_context);
    catalogue_init(&world->catalogue, workload, world->options.seed);
    world->origin_lines[SIM_UP] =
        (struct sim_line){.rate = origin->up_rate, .queue_bytes = origin->queue_bytes};
    world->origin_lines[SIM_DOWN] =
        (struct sim_line){.rate = origin->down_rate, .queue_bytes = origin->queue_bytes};
    sim_origin_init(world);
    world->listeners = measure_grow(NULL, workload->listener_count, sizeof *world->listeners);
    for (uint32_t i = 0; i < workload->listener_count; i++) {
        sim_listener_init(world, i);
    }
}

static void deinit(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        sim_listener_deinit(&world->listeners[i]);
    }
    free(world->listeners);
    sim_origin_deinit(world);
    catalogue_deinit(&world->catalogue);
    sim_clock_deinit(&world->clock);
    free(world->node_events);
    free(world->node_free);
    free(world->origin_events);
    free(world->origin_free);
}

void sim_run(const struct workload *workload, const struct sim_options *options,
             struct sim_result *ret_result)
{
    struct sim_world world = {.options = *options, .workload = workload};
    init(&world);
    post_commands(&world);
    run(&world);
    add_up(&world);
    deinit(&world);
    *ret_result = world.result;
}
