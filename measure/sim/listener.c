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

uint64_t sim_listener_now(const struct sim_world *world, const struct sim_listener *listener)
{
    return world->clock.now_us - listener->slept_us;
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
                                                     .value = place,
                                                     .generation = listener->life});
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

static void make_ready(struct sim_listener *listener, const struct node_effect *effect)
{
    const struct sim_content key = {.file = effect->ready.file, .chunk = effect->ready.chunk};
    struct sim_slot *slot = &listener->slots[effect->ready.slot];
    assert(slot->content.file == key.file && slot->content.chunk == key.chunk);
    struct sim_ready *ready = table_put(&listener->ready, &key, NULL);
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
        result->waits = measure_grow(result->waits, result->wait_count + 1, sizeof *result->waits);
        result->waits[result->wait_count++] = (struct sim_wait){
            .us = note->play.wait_us, .cause = note->play.cause, .cached = note->play.cached};
        result->plays++;
        result->stuttered_plays += note->play.stutters > 0;
    } else if (note->kind == NODE_NOTE_ENTRY_FAILED) {
        result->failed_entries++;
    } else if (note->kind == NODE_NOTE_BAD_CHUNK) {
        result->bad_chunks++;
    } else if (note->kind == NODE_NOTE_PEER_MISBEHAVED) {
        result->misbehaved++;
    } else if (note->kind == NODE_NOTE_QUEUE_ENDED) {
        sim_life_set_done(world, listener, true);
    }
    sim_wander_note(world, listener, note);
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

static void send(struct sim_world *world, struct sim_listener *listener,
                 const struct node_effect *effect)
{
    struct p2p_message message = effect->send.message;
    struct sim_content content = {0};
    uint32_t end = 0;
    struct sim_link *link = sim_network_find(world, listener->number, effect->send.link, &end);
    if (message.type == P2P_FRAGMENT) {
        content = listener->give_slots[effect->send.slot];
        assert(content.file != 0 && content.chunk == message.fragment.chunk);
    }
    if (link == NULL || link->state != SIM_LINK_UP) {
        return;
    }
    bool is_peer = link->ends[1 - end].who != SIM_ORIGIN;
    if (is_peer && message.type == P2P_FRAGMENT &&
        world->workload->listeners[listener->number].deed == WORKLOAD_RESETS) {
        sim_network_close(world, link, end, 0);
    } else if (!is_peer || sim_deed_of_listener(world, listener, &message, &content)) {
        sim_transfer_send(world, link, end, &message, content);
    }
}

static void disconnect(struct sim_world *world, const struct sim_listener *listener,
                       const struct node_effect *effect)
{
    uint32_t end = 0;
    struct sim_link *link =
        sim_network_find(world, listener->number, effect->disconnect.link, &end);
    if (link != NULL) {
        sim_network_close(world, link, end, effect->disconnect.reason);
    }
}

static void evict(struct sim_listener *listener, const struct node_effect *effect)
{
    if (effect->kind == NODE_EFFECT_EVICT_FILE) {
        mem_store_evict_file(&listener->store, effect->evict.file);
    } else {
        mem_store_evict_row(&listener->store, effect->evict.file, effect->evict.row);
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
        sim_store_load_manifest(world, listener, effect->load_manifest.track_id);
        break;
    case NODE_EFFECT_READY:
        make_ready(listener, effect);
        break;
    case NODE_EFFECT_STORE_ROW:
        sim_store_row(world, listener, effect);
        break;
    case NODE_EFFECT_STORE_MANIFEST:
        sim_store_manifest(world, listener, effect->store_manifest.track_id);
        break;
    case NODE_EFFECT_EVICT_FILE:
    case NODE_EFFECT_EVICT_ROW:
        evict(listener, effect);
        break;
    case NODE_EFFECT_UNPREPARE: /* nobody here changes what follows */
    case NODE_EFFECT_TOUCH_FILE:
        break;
    case NODE_EFFECT_RELEASE:
        release(listener, effect->release.slot);
        break;
    case NODE_EFFECT_SEND:
        send(world, listener, effect);
        break;
    case NODE_EFFECT_CONNECT:
        sim_network_connect(world, listener, effect);
        break;
    case NODE_EFFECT_DISCONNECT:
        disconnect(world, listener, effect);
        break;
    case NODE_EFFECT_FIND_TRACK:
    case NODE_EFFECT_FIND_PROOF:
    case NODE_EFFECT_READ:
        sim_store_answer(world, listener, effect);
        break;
    case NODE_EFFECT_REMEMBER:
        sim_life_remember(world, listener, effect);
        break;
    case NODE_EFFECT_WANT_MET:
    case NODE_EFFECT_WANT_FAILED:
    case NODE_EFFECT_SWITCH:
    case NODE_EFFECT_PREPARE:
    case NODE_EFFECT_LEND:
    case NODE_EFFECT_SILENCE:
    case NODE_EFFECT_SET_PAUSED:
        carry_out_sound(world, listener, effect);
        break;
    case NODE_EFFECT_NOTE:
        take_note(world, listener, &effect->note);
        break;
    case NODE_EFFECT_KINDS:
        assert(false);
    }
}

void sim_listener_step(struct sim_world *world, struct sim_listener *listener,
                       struct node_event *event, struct sim_content content)
{
    struct node_update update;
    event->now_us = sim_listener_now(world, listener);
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
        sim_clock_post(
            &world->clock,
            (struct sim_entry){.at_us = time_add_us(update.next_deadline_us, listener->slept_us),
                               .kind = SIM_TICK,
                               .who = listener->number,
                               .generation = ++listener->tick_generation});
    }
}
