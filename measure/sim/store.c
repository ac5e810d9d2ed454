/*
 * store.c: a node's store, as its writer and its disk reader serve it.
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
/* The disk reader's thread: a chunk that is rarely in the page cache, from flash. */
#define READ_US 500u

void sim_store_load_manifest(struct sim_world *world, struct sim_listener *listener,
                             const uint8_t *track_id)
{
    struct node_event event = {.kind = NODE_EVENT_MANIFEST_LOADED};
    memcpy(event.manifest_loaded.track_id, track_id, TRACK_ID_BYTES);
    event.manifest_loaded.bytes =
        mem_store_manifest(&listener->store, track_id, &event.manifest_loaded.count);
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static uint32_t row_count(struct sim_world *world, media_handle file)
{
    return media_row_count(catalogue_get(&world->catalogue, file)->file.bytes);
}

static void put_row(struct sim_world *world, struct sim_listener *listener, media_handle file,
                    uint32_t row, uint8_t mask)
{
    int error = mem_store_put_row(&listener->store, file, row_count(world, file), row, mask);
    assert(error == 0);
    (void)error;
}

void sim_store_row(struct sim_world *world, struct sim_listener *listener,
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
    put_row(world, listener, file, effect->store_row.row, effect->store_row.mask);
    event.stored.file = file;
    event.stored.row = effect->store_row.row;
    event.stored.mask = effect->store_row.mask;
    sim_listener_post(world, listener, world->clock.now_us + STORE_US, event);
}

void sim_store_manifest(struct sim_world *world, struct sim_listener *listener,
                        const uint8_t *track_id)
{
    const struct catalogue_track *track = catalogue_find(&world->catalogue, track_id);
    assert(track != NULL);
    int error =
        mem_store_put_manifest(&listener->store, track_id, track->manifest, track->manifest_bytes);
    assert(error == 0);
    (void)error;
}

static void find_track(struct sim_world *world, struct sim_listener *listener,
                       const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_TRACK_FOUND};
    event.track_found.operation = effect->find_track.operation;
    event.track_found.manifest = mem_store_manifest(&listener->store, effect->find_track.track_id,
                                                    &event.track_found.manifest_bytes);
    sim_listener_post(world, listener, world->clock.now_us + READ_US, event);
}

static void find_proof(struct sim_world *world, struct sim_listener *listener,
                       const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_PROOF_FOUND};
    media_handle file = effect->find_proof.file;
    uint32_t row = effect->find_proof.row;
    event.proof_found.operation = effect->find_proof.operation;
    if (row < row_count(world, file) && mem_store_row_mask(&listener->store, file, row) != 0) {
        event.proof_found.proof = catalogue_proof(&world->catalogue, file, row);
    }
    sim_listener_post(world, listener, world->clock.now_us + READ_US, event);
}

static void read_chunk(struct sim_world *world, struct sim_listener *listener,
                       const struct node_effect *effect)
{
    struct node_event event = {.kind = NODE_EVENT_GIVE_READ};
    const struct sim_content content = {.file = effect->read.file, .chunk = effect->read.chunk};
    bool is_here = mem_store_has_chunk(&listener->store, content.file, content.chunk);
    assert(effect->read.slot < SIM_GIVE_SLOTS);
    listener->give_slots[effect->read.slot] = content;
    event.give_read.slot = effect->read.slot;
    event.give_read.error = is_here ? 0 : ERROR_NOT_FOUND;
    sim_listener_post(world, listener, world->clock.now_us + READ_US, event);
}

void sim_store_answer(struct sim_world *world, struct sim_listener *listener,
                      const struct node_effect *effect)
{
    if (effect->kind == NODE_EFFECT_FIND_TRACK) {
        find_track(world, listener, effect);
    } else if (effect->kind == NODE_EFFECT_FIND_PROOF) {
        find_proof(world, listener, effect);
    } else {
        read_chunk(world, listener, effect);
    }
}

static uint8_t full_mask(uint64_t bytes, uint32_t row)
{
    uint32_t chunks = media_chunk_count(bytes) - row * ROW_CHUNKS;
    return (uint8_t)(chunks >= ROW_CHUNKS ? 0xffu : (1u << chunks) - 1);
}

static void fill_track(struct sim_world *world, struct sim_listener *listener, uint32_t number,
                       const struct workload_hold *hold)
{
    const struct catalogue_track *track = &world->catalogue.tracks[number];
    uint64_t bytes = track->file.bytes;
    for (uint32_t row = hold->part; row < media_row_count(bytes); row += hold->parts) {
        put_row(world, listener, track->handle, row, full_mask(bytes, row));
    }
    sim_store_manifest(world, listener, track->id);
}

void sim_store_fill(struct sim_world *world, const struct workload_hold *hold)
{
    for (uint32_t who = hold->listener; who <= hold->last_listener; who++) {
        for (uint32_t track = hold->track; track <= hold->last_track; track++) {
            fill_track(world, &world->listeners[who], track, hold);
        }
    }
}

/* The node may evict while it is told: so handles, not entries, are kept meanwhile. */
void sim_store_tell(struct sim_world *world, struct sim_listener *listener)
{
    for (uint32_t i = 0; i < world->catalogue.count; i++) {
        struct node_event event = {.kind = NODE_EVENT_CACHED_FILE};
        event.cached_file.file = world->catalogue.tracks[i].handle;
        event.cached_file.row_masks = mem_store_masks(&listener->store, event.cached_file.file);
        event.cached_file.last_use = 1;
        if (event.cached_file.row_masks != NULL) {
            sim_listener_step(world, listener, &event, (struct sim_content){0});
        }
    }
}
