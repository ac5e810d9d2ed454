/*
 * origin_shell.c: carries out the effects of the origin's engine.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>

/* A chunk from the page cache; a catalogue look-up costs nothing worth modelling. */
#define READ_US 100u

void sim_origin_init(struct sim_world *world)
{
    struct origin_config config = origin_config_default;
    config.intern = world->catalogue.intern;
    config.link_max = 2 * world->workload->listener_count + 16; /* dead ones linger */
    if (world->options.preset == &node_preset_spotify2010) {
        config.tracker = tracker_config_players;
    }
    config.tracker.seed = world->options.seed;
    config.trace = &world->trace;
    config.trace_node = 0;
    world->origin_slots = measure_grow(NULL, config.slot_count, sizeof *world->origin_slots);
    world->origin_tick_at_us = TIME_NEVER_US;
    world->origin_is_up = true;
    world->origin_deed = WORKLOAD_ORIGIN_HONEST;
    int error = origin_new(&config, &world->origin);
    assert(error == 0);
    (void)error;
}

void sim_origin_deinit(struct sim_world *world)
{
    origin_free(world->origin);
    free(world->origin_slots);
}

void sim_origin_post(struct sim_world *world, uint64_t at_us, struct origin_event event)
{
    if (world->origin_free_count == 0) {
        world->origin_events = measure_grow(world->origin_events, world->origin_event_count + 1,
                                            sizeof *world->origin_events);
        world->origin_free =
            measure_grow(world->origin_free, world->origin_event_count + 1, sizeof(uint32_t));
        world->origin_free[world->origin_free_count++] = world->origin_event_count++;
    }
    uint32_t place = world->origin_free[--world->origin_free_count];
    world->origin_events[place] = event;
    sim_clock_post(&world->clock,
                   (struct sim_entry){.at_us = at_us, .kind = SIM_ORIGIN_EVENT, .value = place});
}

static void find_track(struct sim_world *world, const struct origin_effect *effect)
{
    const struct catalogue_track *track =
        catalogue_find(&world->catalogue, effect->find_track.track_id);
    struct origin_event event = {.kind = ORIGIN_EVENT_TRACK_FOUND};
    event.track_found.operation = effect->find_track.operation;
    event.track_found.manifest = track == NULL ? NULL : track->manifest;
    event.track_found.manifest_bytes = track == NULL ? 0 : track->manifest_bytes;
    sim_origin_post(world, world->clock.now_us, event);
}

static void find_file(struct sim_world *world, const struct origin_effect *effect)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_FILE_FOUND};
    event.file_found.operation = effect->find_file.operation;
    event.file_found.file = media_intern_find(world->catalogue.intern, &effect->find_file.file);
    sim_origin_post(world, world->clock.now_us, event);
}

static void find_proof(struct sim_world *world, const struct origin_effect *effect)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_PROOF_FOUND};
    event.proof_found.operation = effect->find_proof.operation;
    event.proof_found.proof =
        catalogue_proof(&world->catalogue, effect->find_proof.file, effect->find_proof.row);
    sim_origin_post(world, world->clock.now_us, event);
}

static void read_chunk(struct sim_world *world, const struct origin_effect *effect)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_READ_DONE};
    event.read_done.slot = effect->read.slot;
    world->origin_slots[effect->read.slot] =
        (struct sim_content){.file = effect->read.file, .chunk = effect->read.chunk};
    sim_origin_post(world, world->clock.now_us + READ_US, event);
}

static void send(struct sim_world *world, const struct origin_effect *effect)
{
    uint8_t buffer[SIM_DEED_BYTES];
    struct p2p_message message = effect->send.message;
    struct sim_content content = {0};
    uint32_t end = 0;
    struct sim_link *link = sim_network_find(world, SIM_ORIGIN, effect->send.link, &end);
    if (message.type == P2P_FRAGMENT) {
        content = world->origin_slots[effect->send.slot];
    }
    if (message.type == P2P_HOLDERS && world->origin_deed != WORKLOAD_ORIGIN_HONEST) {
        sim_deed_of_origin(world, &message, buffer);
    }
    if (link != NULL) {
        sim_transfer_send(world, link, end, &message, content);
    }
}

static void disconnect(struct sim_world *world, const struct origin_effect *effect)
{
    uint32_t end = 0;
    struct sim_link *link = sim_network_find(world, SIM_ORIGIN, effect->disconnect.link, &end);
    if (link != NULL) {
        sim_network_close(world, link, end, effect->disconnect.reason);
    }
}

static void carry_out(struct sim_world *world, const struct origin_effect *effect)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_SIGNED};
    switch (effect->kind) {
    case ORIGIN_EFFECT_SIGN:
        event.signed_hello.link = effect->sign.link;
        sim_origin_post(world, world->clock.now_us, event);
        break;
    case ORIGIN_EFFECT_FIND_TRACK:
        find_track(world, effect);
        break;
    case ORIGIN_EFFECT_FIND_FILE:
        find_file(world, effect);
        break;
    case ORIGIN_EFFECT_FIND_PROOF:
        find_proof(world, effect);
        break;
    case ORIGIN_EFFECT_READ:
        read_chunk(world, effect);
        break;
    case ORIGIN_EFFECT_SEND:
        send(world, effect);
        break;
    case ORIGIN_EFFECT_DISCONNECT:
        disconnect(world, effect);
        break;
    case ORIGIN_EFFECT_KINDS:
        assert(false);
    }
}

void sim_origin_step(struct sim_world *world, struct origin_event *event)
{
    struct origin_update update;
    event->now_us = world->clock.now_us;
    int error = origin_step(world->origin, event, &update);
    assert(error == 0);
    (void)error;
    world->result.events++;
    if (world->options.check) {
        origin_check_invariants(world->origin);
    }
    for (uint32_t i = 0; i < update.count; i++) {
        carry_out(world, &update.effects[i]);
    }
    if (update.next_deadline_us != world->origin_tick_at_us) {
        world->origin_tick_at_us = update.next_deadline_us;
        sim_clock_post(&world->clock,
                       (struct sim_entry){.at_us = update.next_deadline_us,
                                          .kind = SIM_ORIGIN_TICK,
                                          .generation = ++world->origin_tick_generation});
    }
}

void sim_origin_command(struct sim_world *world, enum workload_command_kind kind)
{
    if (kind == WORKLOAD_ORIGIN_START) {
        world->origin_is_up = true;
    } else if (kind == WORKLOAD_ORIGIN_STOP || kind == WORKLOAD_ORIGIN_VANISH) {
        world->origin_is_up = false;
        world->origin_has_vanished = kind == WORKLOAD_ORIGIN_VANISH;
        sim_cut_links(world, SIM_ORIGIN, world->origin_has_vanished ? SIM_CUT_GONE : SIM_CUT_CLOSE,
                      0);
    } else {
        world->origin_deed = kind;
    }
}
