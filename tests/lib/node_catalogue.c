/*
 * node_catalogue.c: the toy catalogue, the world's beginning and end, its commands and its story.
 *
 * Responsible for what node_world.h says of tracks and stories; what happens is node_world.c's.
 */
#include "tests/lib/node_world_parts.h"

#include "common/error.h"
#include "tests/lib/toy_hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the catalogue -----------------------------------------------------------------------------*/

void world_leaf(uint32_t track, uint32_t chunk, uint8_t *ret_hash)
{
    uint8_t name[2] = {(uint8_t)track, (uint8_t)chunk};
    toy_hash(name, sizeof name, ret_hash);
}

static void make_manifest(struct world_track *track)
{
    struct media_manifest manifest = {0};
    memcpy(manifest.track_id, track->id, TRACK_ID_BYTES);
    manifest.title = (struct media_text){"toy", 3};
    manifest.file_count = 1;
    struct media_file *file = &manifest.files[0];
    file->id = track->file;
    file->source = track->file;
    file->codec = MEDIA_CODEC_VORBIS;
    file->container = MEDIA_CONTAINER_OGG;
    file->channels = 2;
    file->rate_hz = 48000;
    file->bitrate_bps = CHUNK_BYTES * 8 / 4;
    file->samples = track->duration_us / 1000 * 48;
    file->track_gain = MEDIA_GAIN_UNKNOWN;
    file->album_gain = MEDIA_GAIN_UNKNOWN;
    file->start_run_count = 3;
    file->start_runs[0] = (struct media_run){0, 1};
    file->start_runs[1] = (struct media_run){track->chunk_count - 1, 1};
    file->start_runs[2] = (struct media_run){1, 1};
    int rc = media_manifest_encode(&manifest, track->manifest, sizeof track->manifest,
                                   &track->manifest_bytes);
    assert(rc == 0);
}

static void make_track(struct world *world, uint32_t index, uint32_t chunk_count)
{
    struct world_track *track = &world->tracks[index];
    memset(track->id, (int)index + 1, TRACK_ID_BYTES);
    track->chunk_count = chunk_count;
    track->duration_us = chunk_count * WORLD_CHUNK_US;
    track->file.bytes = (uint64_t)chunk_count * CHUNK_BYTES;
    uint8_t(*leaves)[HASH_BYTES] = calloc(chunk_count, HASH_BYTES);
    track->proofs = calloc(media_row_count(track->file.bytes), sizeof *track->proofs);
    assert(leaves != NULL && track->proofs != NULL);
    for (uint32_t i = 0; i < chunk_count; i++) {
        world_leaf(index, i, leaves[i]);
    }
    media_merkle_root(&toy_hasher, (const uint8_t(*)[HASH_BYTES])leaves, chunk_count,
                      track->file.root);
    int rc = media_proof_make_all(&toy_hasher, (const uint8_t(*)[HASH_BYTES])leaves,
                                  track->file.bytes, track->proofs);
    assert(rc == 0);
    free(leaves);
    track->handle = media_intern_put(world->intern, &track->file);
    assert(track->handle != 0);
    make_manifest(track);
}

uint32_t world_track_by_handle(const struct world *world, media_handle handle)
{
    uint32_t index = 0;
    while (index < WORLD_TRACKS && world->tracks[index].handle != handle) {
        index++;
    }
    assert(index < WORLD_TRACKS);
    return index;
}

/* WORLD_TRACKS: an id that nobody knows. */
uint32_t world_track_by_id(const struct world *world, const uint8_t *id)
{
    uint32_t index = 0;
    while (index < WORLD_TRACKS && memcmp(world->tracks[index].id, id, TRACK_ID_BYTES) != 0) {
        index++;
    }
    return index;
}

static void tell(void *context, uint64_t now_us, uint32_t node, const char *line)
{
    struct world *world = context;
    (void)node;
    size_t left = sizeof world->story - world->story_bytes;
    int written = snprintf(world->story + world->story_bytes, left, "%u.%03u %s\n",
                           (unsigned)(now_us / 1000), (unsigned)(now_us % 1000), line);
    if (written > 0 && (size_t)written < left) {
        world->story_bytes += (size_t)written;
    }
}

void world_load_manifest(struct world *world, const struct node_effect *effect)
{
    uint32_t index = world_track_by_id(world, effect->load_manifest.track_id);
    struct node_event *event = world_later_event(world, 50, NODE_EVENT_MANIFEST_LOADED);
    memcpy(event->manifest_loaded.track_id, effect->load_manifest.track_id, TRACK_ID_BYTES);
    if (index < WORLD_TRACKS && world->tracks[index].has_manifest) {
        event->manifest_loaded.bytes = world->tracks[index].manifest;
        event->manifest_loaded.count = (uint32_t)world->tracks[index].manifest_bytes;
    }
}

void world_init(struct world *world, const struct world_config *config)
{
    memset(world, 0, sizeof *world);
    world->config = *config;
    if (world->config.preset == NULL) {
        world->config.preset = &node_preset_refrain;
    }
    if (world->config.slot_count == 0) {
        world->config.slot_count = WORLD_SLOTS_MAX;
    }
    world->intern = media_intern_new(1);
    world->pending = calloc(PENDING_MAX, sizeof *world->pending);
    assert(world->intern != NULL && world->pending != NULL);
    static const uint32_t chunk_counts[WORLD_TRACKS] = {40, 20, 9, 200};
    for (uint32_t i = 0; i < WORLD_TRACKS; i++) {
        make_track(world, i, chunk_counts[i]);
    }
    world->now_us = TIME_US_PER_S;
    world->deadline_us = TIME_NEVER_US;
    world->rtt_us = 20 * TIME_US_PER_MS;
    world->bytes_per_s = 1000000;
    world->store_us = TIME_US_PER_MS;
    trace_init(&world->trace, tell, world);
    world_peers_init(world);
}

int world_start(struct world *world)
{
    struct node_config config = {.intern = world->intern,
                                 .hasher = toy_hasher,
                                 .preset = world->config.preset,
                                 .seed = world->config.seed,
                                 .cache_limit_bytes = world->config.cache_limit_bytes,
                                 .slot_count = world->config.slot_count,
                                 .offline = world->config.offline,
                                 .fast = world->config.fast,
                                 .with_peers = world->config.with_peers,
                                 .give_slot_count = world->config.with_peers ? WORLD_GIVE_SLOTS : 0,
                                 .trace = &world->trace};
    memset(config.peer_id, world->config.with_peers ? 0x7e : 0, HASH_BYTES);
    int rc = node_new(&config, &world->node);
    for (uint32_t i = 0; i < WORLD_TRACKS && rc == 0; i++) {
        struct world_track *track = &world->tracks[i];
        if (track->stored[0] != 0) {
            struct node_event event = {.kind = NODE_EVENT_CACHED_FILE};
            event.cached_file.file = track->handle;
            event.cached_file.row_masks = track->stored;
            event.cached_file.last_use = i + 1;
            rc = world_step(world, event);
        }
    }
    return rc;
}

void world_deinit(struct world *world)
{
    node_free(world->node);
    media_intern_free(world->intern);
    for (uint32_t i = 0; i < WORLD_TRACKS; i++) {
        free(world->tracks[i].proofs);
    }
    free(world->pending);
    free(world->peers);
    world->node = NULL;
    world->pending = NULL;
}

void world_cache(struct world *world, uint32_t index, uint32_t chunks)
{
    struct world_track *track = &world->tracks[index];
    track->has_manifest = true;
    for (uint32_t i = 0; i < chunks; i++) {
        track->stored[i / ROW_CHUNKS] =
            (uint8_t)(track->stored[i / ROW_CHUNKS] | 1u << (i % ROW_CHUNKS));
    }
}

/* --- commands and stories ----------------------------------------------------------------------*/

int world_enqueue(struct world *world, uint32_t entry, uint32_t track, bool is_fetch)
{
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    event.enqueue.entry = entry;
    memset(event.enqueue.track_id, (int)track + 1, TRACK_ID_BYTES);
    event.enqueue.fetch_only = is_fetch;
    return world_step(world, event);
}

int world_play(struct world *world, uint32_t entry, uint64_t position_us)
{
    struct node_event event = {.kind = NODE_EVENT_START};
    event.start.entry = entry;
    event.start.position_us = position_us;
    return world_step(world, event);
}

int world_command(struct world *world, enum node_event_kind kind, uint64_t position_us)
{
    struct node_event event = {.kind = kind};
    event.seek.position_us = position_us;
    return world_step(world, event);
}

struct world *world_new(struct world_config config, bool starts)
{
    struct world *world = calloc(1, sizeof *world);
    assert(world != NULL);
    world_init(world, &config);
    if (starts) {
        int rc = world_start(world);
        assert(rc == 0);
    }
    return world;
}

void world_free(struct world *world)
{
    world_deinit(world);
    free(world);
}

void world_finish(struct world *world, struct node_summary *ret_summary)
{
    int rc = world_run(world, world->now_us + 3000 * TIME_US_PER_S);
    assert(rc == 0);
    if (world->notes[NODE_NOTE_QUEUE_ENDED] == 0 || world->notes[NODE_NOTE_PEER_MISBEHAVED] > 0) {
        world_print(world);
    }
    assert(world->notes[NODE_NOTE_QUEUE_ENDED] > 0);
    assert(world->notes[NODE_NOTE_PEER_MISBEHAVED] == 0);
    node_get_summary(world->node, ret_summary);
    for (uint32_t i = 0; i < world->config.slot_count; i++) {
        assert(!world->slots[i].is_ready && !world->slots[i].is_storing);
    }
}

bool world_tells(const struct world *world, const char *const *lines)
{
    const char *at = world->story;
    for (; *lines != NULL; lines++) {
        at = strstr(at, *lines);
        if (at == NULL) {
            printf("not told: %s\n", *lines);
            world_print(world);
            return false;
        }
    }
    return true;
}

uint32_t world_times_told(const struct world *world, const char *part)
{
    uint32_t times = 0;
    for (const char *at = strstr(world->story, part); at != NULL; at = strstr(at + 1, part)) {
        times++;
    }
    return times;
}

void world_print(const struct world *world)
{
    fputs(world->story, stdout);
}
