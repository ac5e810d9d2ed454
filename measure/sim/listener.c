/*
 * listener.c: carries out the effects of one node.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A group commit of the store. */
#define STORE_US (5 * TIME_US_PER_MS)

struct ready {
    struct sim_content content; /* the key */
    uint32_t slot;
};

void sim_listener_init(struct sim_world *world, uint32_t number)
{
    const struct workload_host *spec = &world->workload->listeners[number];
    struct sim_listener *listener = &world->listeners[number];
    struct node_config config = {.intern = world->catalogue.intern,
                                 .hasher = catalogue_hasher,
                                 .preset = world->options.preset,
                                 .seed = prng_u64(&world->prng),
                                 .cache_limit_bytes = spec->cache_bytes,
                                 .slot_count = NODE_SLOTS_DEFAULT,
                                 .trace = &world->trace,
                                 .trace_node = number + 1};
    *listener = (struct sim_listener){.number = number,
                                      .delay_us = spec->delay_us + world->workload->origin.delay_us,
                                      .tick_at_us = TIME_NEVER_US,
                                      .is_done = true};
    listener->lines[SIM_UP] =
        (struct sim_line){.rate = spec->up_rate, .queue_bytes = spec->queue_bytes};
    listener->lines[SIM_DOWN] =
        (struct sim_line){.rate = spec->down_rate, .queue_bytes = spec->queue_bytes};
    listener->slots = measure_grow(NULL, config.slot_count, sizeof *listener->slots);
    memset(listener->slots, 0, config.slot_count * sizeof *listener->slots);
    mem_store_init(&listener->store, config.seed);
    table_init(&listener->ready, sizeof(struct ready), sizeof(struct sim_content), config.seed);
    int error = node_new(&config, &listener->node);
    assert(error == 0);
    (void)error;
}

void sim_listener_deinit(struct sim_listener *listener)
{
    node_free(listener->node);
    mem_store_deinit(&listener->store);
    table_deinit(&listener->ready);
    sim_stream_deinit(&listener->link.streams[SIM_UP]);
    sim_stream_deinit(&listener->link.streams[SIM_DOWN]);
    free(listener->decks[0].read);
    free(listener->decks[1].read);
    free(listener->slots);
}

void sim_listener_set_done(struct sim_world *world, struct sim_listener *listener, bool is_done)
{
    if (is_done != listener->is_done) {
        world->busy_listeners += is_done ? UINT32_MAX : 1;
        listener->is_done = is_done;
    }
}

void sim_listener_post(struct sim_world *world, struct sim_listener *listener, uint64_t at_us,
                       struct node_event event)
{
    if (world->node_free_count == 0) {
        world->node_events = measure_grow(world->node_events, world->node_event_count + 1,
                                          sizeof *world->node_events);
        world->node_free =
            measure_grow(world->node_free, world->node_event_count + 1, sizeof(uint32_t));
        world->node_free[world->node_free_count++] = world->node_event_count++;
    }
    uint32_t place = world->node_free[--world->node_free_count];
    world->node_events[place] = event;
    sim_clock_post(&world->clock, (struct sim_entry){.at_us = at_us,
                                                     .kind = SIM_NODE_EVENT,
                                                     .who = listener->number,
                                                     .value = place});
}

static void hash(struct sim_world *world, struct sim_listener *listener, uint32_t slot)
{
    struct node_event event = {.kind = NODE_EVENT_HASHED};
    const struct sim_content *content = &listener->slots[slot].content;
    event.hashed.slot = slot;
    assert(content->file != 0);
    catalogue_digest(&world->catalogue, content->file, content->chunk, event.hashed.digest);
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static void load_manifest(struct sim_world *world, struct sim_listener *listener,
                          const uint8_t *track_id)
{
    struct node_event event = {.kind = NODE_EVENT_MANIFEST_LOADED};
    memcpy(event.manifest_loaded.track_id, track_id, TRACK_ID_BYTES);
    event.manifest_loaded.bytes =
        mem_store_manifest(&listener->store, track_id, &event.manifest_loaded.count);
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static void store_row(struct sim_world *world, struct sim_listener *listener,
                      const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_STORED};
    media_handle file = effect->store_row.file;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if ((effect->store_row.mask >> i & 1) != 0) {
            const struct sim_content *content =
                &listener->slots[effect->store_row.slots[i]].content;
            assert(content->file == file);
            assert(content->chunk == effect->store_row.row * ROW_CHUNKS + i);
            (void)content;
        }
    }
    uint64_t bytes = catalogue_get(&world->catalogue, file)->file.bytes;
    int error = mem_store_put_row(&listener->store, file, media_row_count(bytes),
                                  effect->store_row.row, effect->store_row.mask);
    assert(error == 0);
    (void)error;
    event.stored.file = file;
    event.stored.row = effect->store_row.row;
    event.stored.mask = effect->store_row.mask;
    sim_listener_post(world, listener, world->clock.now_us + STORE_US, event);
}

static void store_manifest(struct sim_world *world, struct sim_listener *listener,
                           const uint8_t *track_id)
{
    const struct catalogue_track *track = catalogue_find(&world->catalogue, track_id);
    int error =
        mem_store_put_manifest(&listener->store, track_id, track->manifest, track->manifest_bytes);
    assert(error == 0);
    (void)error;
}

static void make_ready(struct sim_listener *listener, const struct node_effect *effect)
{
    const struct sim_content key = {.file = effect->ready.file, .chunk = effect->ready.chunk};
    struct sim_slot *slot = &listener->slots[effect->ready.slot];
    assert(slot->content.file == key.file && slot->content.chunk == key.chunk);
    struct ready *ready = table_put(&listener->ready, &key, NULL);
    assert(ready != NULL);
    ready->slot = effect->ready.slot;
    slot->is_ready = true;
}

static void release(struct sim_listener *listener, uint32_t slot)
{
    if (listener->slots[slot].is_ready) {
        table_remove(&listener->ready, &listener->slots[slot].content);
    }
    listener->slots[slot] = (struct sim_slot){0};
}

static void take_note(struct sim_world *world, struct sim_listener *listener,
                      const struct node_note *note)
{
    struct sim_result *result = &world->result;
    if (note->kind == NODE_NOTE_PLAY) {
        result->wait_us = measure_grow(result->wait_us, result->wait_count + 1, sizeof(uint64_t));
        result->wait_us[result->wait_count++] = note->play.wait_us;
        result->plays++;
        result->stuttered_plays += note->play.stutters > 0;
    } else if (note->kind == NODE_NOTE_ENTRY_FAILED) {
        result->failed_entries++;
    } else if (note->kind == NODE_NOTE_BAD_CHUNK) {
        result->bad_chunks++;
    } else if (note->kind == NODE_NOTE_QUEUE_ENDED) {
        sim_listener_set_done(world, listener, true);
    }
}

static void answer_check(struct sim_world *world, struct sim_listener *listener,
                         const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_IDENTITY_CHECKED};
    if (effect->kind == NODE_EFFECT_CHECK_IDENTITY) {
        event.identity_checked.link = effect->check_identity.link;
        event.identity_checked.valid = true;
    } else {
        event.kind = NODE_EVENT_MANIFEST_CHECKED;
        memcpy(event.manifest_checked.track_id, effect->check_manifest.track_id, TRACK_ID_BYTES);
        event.manifest_checked.valid = true;
    }
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static void carry_out_sound(struct sim_world *world, struct sim_listener *listener,
                            const struct node_effect *effect)
{
    if (effect->kind == NODE_EFFECT_WANT_MET) {
        sim_deck_answer(world, listener, effect->want.want, 0);
    } else if (effect->kind == NODE_EFFECT_WANT_FAILED) {
        sim_deck_answer(world, listener, effect->want.want, effect->want.error);
    } else if (effect->kind == NODE_EFFECT_SILENCE) {
        sim_deck_silence(world, listener);
    } else if (effect->kind == NODE_EFFECT_SET_PAUSED) {
        sim_deck_pause(world, listener, effect->set_paused.paused);
    } else {
        sim_deck_open(world, listener, effect->kind == NODE_EFFECT_PREPARE ? 1 : 0, effect);
    }
}

static void carry_out(struct sim_world *world, struct sim_listener *listener,
                      const struct node_effect *effect, struct sim_content content)
{
    switch (effect->kind) {
    case NODE_EFFECT_FILL:
        listener->slots[effect->fill.slot].content = content;
        break;
    case NODE_EFFECT_HASH:
        hash(world, listener, effect->hash.slot);
        break;
    case NODE_EFFECT_CHECK_IDENTITY:
    case NODE_EFFECT_CHECK_MANIFEST:
        answer_check(world, listener, effect);
        break;
    case NODE_EFFECT_LOAD_MANIFEST:
        load_manifest(world, listener, effect->load_manifest.track_id);
        break;
    case NODE_EFFECT_READY:
        make_ready(listener, effect);
        break;
    case NODE_EFFECT_STORE_ROW:
        store_row(world, listener, effect);
        break;
    case NODE_EFFECT_STORE_MANIFEST:
        store_manifest(world, listener, effect->store_manifest.track_id);
        break;
    case NODE_EFFECT_EVICT_FILE:
        mem_store_evict_file(&listener->store, effect->evict.file);
        break;
    case NODE_EFFECT_EVICT_ROW:
        mem_store_evict_row(&listener->store, effect->evict.file, effect->evict.row);
        break;
    case NODE_EFFECT_TOUCH_FILE:
        break;
    case NODE_EFFECT_RELEASE:
        release(listener, effect->release.slot);
        break;
    case NODE_EFFECT_SEND:
        sim_network_send(world, listener, SIM_UP, &effect->send.message, (struct sim_content){0});
        break;
    case NODE_EFFECT_CONNECT:
        sim_network_connect(world, listener, effect->connect.link);
        break;
    case NODE_EFFECT_DISCONNECT:
        sim_network_close(world, listener, false);
        break;
    case NODE_EFFECT_WANT_MET:
    case NODE_EFFECT_WANT_FAILED:
    case NODE_EFFECT_SWITCH:
    case NODE_EFFECT_PREPARE:
    case NODE_EFFECT_SILENCE:
    case NODE_EFFECT_SET_PAUSED:
        carry_out_sound(world, listener, effect);
        break;
    case NODE_EFFECT_NOTE:
        take_note(world, listener, &effect->note);
        break;
    case NODE_EFFECT_FIND_TRACK:
    case NODE_EFFECT_FIND_PROOF:
    case NODE_EFFECT_READ:
    case NODE_EFFECT_REMEMBER:
    case NODE_EFFECT_KINDS:
        assert(false); /* only a node with peers says these */
    }
}

void sim_listener_step(struct sim_world *world, struct sim_listener *listener,
                       struct node_event *event, struct sim_content content)
{
    struct node_update update;
    event->now_us = world->clock.now_us;
    int error = node_step(listener->node, event, &update);
    assert(error == 0);
    (void)error;
    world->result.events++;
    if (world->options.check) {
        node_check_invariants(listener->node);
    }
    for (uint32_t i = 0; i < update.count; i++) {
        carry_out(world, listener, &update.effects[i], content);
    }
    if (update.next_deadline_us != listener->tick_at_us) {
        listener->tick_at_us = update.next_deadline_us;
        sim_clock_post(&world->clock,
                       (struct sim_entry){.at_us = update.next_deadline_us,
                                          .kind = SIM_TICK,
                                          .who = listener->number,
                                          .generation = ++listener->tick_generation});
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

void sim_listener_command(struct sim_world *world, struct sim_listener *listener,
                          const struct workload_command *command)
{
    static const enum node_event_kind kinds[] = {[WORKLOAD_SEEK] = NODE_EVENT_SEEK,
                                                 [WORKLOAD_PAUSE] = NODE_EVENT_PAUSE,
                                                 [WORKLOAD_RESUME] = NODE_EVENT_RESUME,
                                                 [WORKLOAD_STOP] = NODE_EVENT_STOP};
    sim_listener_set_done(world, listener, command->kind == WORKLOAD_STOP);
    if (command->kind == WORKLOAD_PLAY) {
        play(world, listener, command);
        return;
    }
    struct node_event event = {.kind = kinds[command->kind]};
    if (command->kind == WORKLOAD_SEEK) {
        event.seek.position_us = command->position_us;
    }
    sim_listener_post(world, listener, world->clock.now_us, event);
}
