/*
 * world.c: makes a world from a workload, runs it, and adds up what came of it.
 */
#include "measure/sim/world.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void post_command(struct sim_world *world, uint32_t number, uint32_t who)
{
    const struct workload_command *command = &world->workload->commands[number];
    uint64_t spread_us = command->until_us - command->at_us;
    uint64_t at_us = command->at_us + prng_below(&world->prng, spread_us + 1);
    if (prng_below(&world->prng, 100) >= command->chance_percent) {
        return;
    }
    world->commands_left++;
    sim_clock_post(
        &world->clock,
        (struct sim_entry){.at_us = at_us, .kind = SIM_COMMAND, .who = who, .value = number});
}

static void post_commands(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->workload->command_count; i++) {
        const struct workload_command *command = &world->workload->commands[i];
        for (uint32_t who = command->listener; who <= command->last_listener; who++) {
            post_command(world, i, who);
        }
    }
}

static void carry_out_command(struct sim_world *world, const struct sim_entry *entry)
{
    const struct workload_command *command = &world->workload->commands[entry->value];
    world->commands_left--;
    if (command->kind >= WORKLOAD_ORIGIN_STOP) {
        sim_origin_command(world, command->kind);
    } else {
        sim_life_command(world, &world->listeners[entry->who], command);
    }
}

static void step_node(struct sim_world *world, const struct sim_entry *entry)
{
    struct node_event event = world->node_events[entry->value];
    world->node_free[world->node_free_count++] = entry->value;
    if (entry->generation != world->listeners[entry->who].life) {
        return; /* to a program that has ended */
    }
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

static bool is_of_link(const struct sim_entry *entry)
{
    return entry->kind >= SIM_CONNECTED;
}

/* What belongs to a link that has ended, or to an arming that was replaced, is stale. */
static bool is_stale(const struct sim_world *world, const struct sim_entry *entry)
{
    if (is_of_link(entry)) {
        return entry->generation != world->links[entry->who]->generation;
    }
    const struct sim_listener *listener = &world->listeners[entry->who];
    switch ((enum sim_kind)entry->kind) {
    case SIM_TICK:
        return entry->generation != listener->tick_generation;
    case SIM_ORIGIN_TICK:
        return entry->generation != world->origin_tick_generation;
    case SIM_DECK:
        return entry->generation != listener->sound_generation;
    case SIM_WANDER:
        return entry->generation != listener->wander.generation;
    case SIM_JOIN:
        return entry->generation != listener->life;
    case SIM_NODE_EVENT:
    case SIM_ORIGIN_EVENT:
    case SIM_COMMAND:
    case SIM_WAKE:
    case SIM_CONNECTED:
    case SIM_FAILED:
    case SIM_REACH:
    case SIM_ARRIVE:
    case SIM_ACKNOWLEDGE:
    case SIM_CLOSED:
        return false;
    }
    return false;
}

static void run_link_entry(struct sim_world *world, const struct sim_entry *entry)
{
    struct sim_link *link = world->links[entry->who];
    if (entry->kind == SIM_CONNECTED) {
        sim_network_connected(world, link);
    } else if (entry->kind == SIM_FAILED) {
        sim_network_failed(world, link, (int)entry->value);
    } else if (entry->kind == SIM_REACH) {
        sim_transfer_reach(world, link, entry->value);
    } else if (entry->kind == SIM_ARRIVE) {
        sim_transfer_arrive(world, link, entry->value);
    } else if (entry->kind == SIM_ACKNOWLEDGE) {
        sim_transfer_acknowledge(world, link, entry->value);
    } else {
        sim_network_closed(world, link, entry->value);
    }
}

static void run_entry(struct sim_world *world, const struct sim_entry *entry)
{
    struct sim_listener *listener = &world->listeners[is_of_link(entry) ? 0 : entry->who];
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
    case SIM_DECK:
        sim_deck_run(world, listener);
        break;
    case SIM_COMMAND:
        carry_out_command(world, entry);
        break;
    case SIM_JOIN:
        sim_life_join(world, listener);
        break;
    case SIM_WAKE:
        sim_life_wake(world, listener, entry->value * TIME_US_PER_MS);
        break;
    case SIM_WANDER:
        sim_wander_go_on(world, listener);
        break;
    case SIM_CONNECTED:
    case SIM_FAILED:
    case SIM_REACH:
    case SIM_ARRIVE:
    case SIM_ACKNOWLEDGE:
    case SIM_CLOSED:
        run_link_entry(world, entry);
        break;
    }
}

/* Whose clock stands still; an event for the origin is never put off. */
static bool is_asleep(const struct sim_world *world, const struct sim_entry *entry)
{
    bool is_of_listener = entry->kind != SIM_ORIGIN_TICK && entry->kind != SIM_ORIGIN_EVENT &&
                          entry->kind != SIM_WAKE && !is_of_link(entry);
    const struct workload_command *command =
        entry->kind == SIM_COMMAND ? &world->workload->commands[entry->value] : NULL;
    bool is_of_origin = command != NULL && command->kind >= WORKLOAD_ORIGIN_STOP;
    return is_of_listener && !is_of_origin && world->listeners[entry->who].wakes_at_us > 0;
}

/* An engine that wants to be woken now, again and again, is a mistake that would run for ever. */
static void check_progress(struct sim_world *world, const struct sim_entry *entry)
{
    world->entries_now = entry->at_us == world->moment_us ? world->entries_now + 1 : 0;
    world->moment_us = entry->at_us;
    if (world->entries_now > SIM_MOMENT_ENTRIES_MAX) {
        fprintf(stderr, "refrain-measure: time stands still at %" PRIu64 " us: kind %u of %u\n",
                entry->at_us, entry->kind, entry->who);
        abort();
    }
}

static uint64_t distinct_bytes(const struct sim_world *world)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < world->catalogue.count; i++) {
        const struct catalogue_track *track = &world->catalogue.tracks[i];
        bytes += time_scale(track->file.bytes, track->heard_us, track->duration_us);
    }
    return bytes;
}

static void run(struct sim_world *world)
{
    struct sim_entry entry;
    while ((world->commands_left > 0 || world->busy_listeners > 0) &&
           sim_clock_next(&world->clock, &entry) && entry.at_us <= world->workload->end_us) {
        check_progress(world, &entry);
        if (is_asleep(world, &entry)) {
            entry.at_us = world->listeners[entry.who].wakes_at_us;
            sim_clock_post(&world->clock, entry);
        } else if (!is_stale(world, &entry)) {
            run_entry(world, &entry);
        }
    }
    /* Who still plays at the end has a record to give. */
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        sim_life_end(world, &world->listeners[i]);
    }
    origin_get_totals(world->origin, &world->result.origin);
    world->result.distinct_bytes = distinct_bytes(world);
    world->result.ended_us = world->clock.now_us;
    world->result.trace_hash = world->trace.hash;
    world->result.trace_lines = world->trace.lines;
}

static void init(struct sim_world *world)
{
    const struct workload *workload = world->workload;
    sim_clock_init(&world->clock);
    prng_init(&world->prng, world->options.seed);
    trace_init(&world->trace, world->options.sink, world->options.sink_context);
    catalogue_init(&world->catalogue, workload, world->options.seed);
    sim_network_init(world);
    sim_cut_init(world);
    sim_host_init(&world->origin_host, &workload->origin, workload->listener_count);
    sim_origin_init(world);
    world->listeners = measure_grow(NULL, workload->listener_count, sizeof *world->listeners);
    for (uint32_t i = 0; i < workload->listener_count; i++) {
        sim_life_init(world, i);
        sim_cut_register(world, &world->listeners[i]);
    }
    for (uint32_t i = 0; i < workload->hold_count; i++) {
        sim_store_fill(world, &workload->holds[i]);
    }
    for (uint32_t i = 0; i < workload->listener_count; i++) {
        if (!workload->listeners[i].is_absent) {
            sim_life_join(world, &world->listeners[i]);
        }
    }
}

static void deinit(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->workload->listener_count; i++) {
        sim_life_deinit(&world->listeners[i]);
    }
    free(world->listeners);
    sim_origin_deinit(world);
    sim_network_deinit(world);
    table_deinit(&world->addresses);
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
    deinit(&world);
    *ret_result = world.result;
}
