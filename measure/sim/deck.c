/*
 * deck.c: decoders and the sink, as far as a node can tell them from real ones. A decoder reads
 * the start set, then the file in order, never more than READ_AHEAD_US of sound beyond what is
 * heard; the first PCM comes DECODE_US after it has read enough. The play head stands still when
 * the decoded sound is used up, and goes on with the next chunk.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READ_AHEAD_US (500 * TIME_US_PER_MS)
#define DECODE_US (3 * TIME_US_PER_MS)
#define POSITION_INTERVAL_US TIME_US_PER_S

static uint64_t position_of(const struct sim_deck *deck, uint32_t chunk)
{
    return time_scale(deck->track->duration_us, (uint64_t)chunk * CHUNK_BYTES,
                      deck->track->file.bytes);
}

static uint32_t chunk_count(const struct sim_deck *deck)
{
    return media_chunk_count(deck->track->file.bytes);
}

/* Up to where sound is decoded. */
static uint64_t decoded_us(const struct sim_deck *deck)
{
    return deck->next_chunk == chunk_count(deck) ? deck->track->duration_us
                                                 : position_of(deck, deck->next_chunk);
}

static uint64_t heard_us(const struct sim_world *world, const struct sim_listener *listener)
{
    bool runs = listener->is_sounding && !listener->is_paused && !listener->is_stalled;
    return listener->heard_us +
           (runs ? sim_listener_now(world, listener) - listener->heard_at_us : 0);
}

static void post_sound(struct sim_world *world, struct sim_listener *listener,
                       enum node_event_kind kind, int error)
{
    struct node_event event = {.kind = kind};
    event.sound.entry = listener->decks[0].entry;
    event.sound.error = error;
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static void post_position(struct sim_world *world, struct sim_listener *listener,
                          enum node_event_kind kind)
{
    struct node_event event = {.kind = kind};
    event.position.entry = listener->decks[0].entry;
    event.position.position_us = heard_us(world, listener);
    sim_listener_post(world, listener, world->clock.now_us, event);
}

static void close_deck(struct sim_world *world, struct sim_listener *listener,
                       struct sim_deck *deck)
{
    if (deck->want != 0) {
        struct node_event event = {.kind = NODE_EVENT_WANT_DROPPED};
        event.want_dropped.want = deck->want;
        sim_listener_post(world, listener, world->clock.now_us, event);
    }
    if (deck == &listener->decks[0] && listener->is_sounding) {
        uint64_t stretch_us = time_until_us(deck->start_us, heard_us(world, listener));
        stretch_us = time_min_us(stretch_us, deck->track->duration_us);
        deck->track->heard_us =
            stretch_us > deck->track->heard_us ? stretch_us : deck->track->heard_us;
    }
    free(deck->read);
    *deck = (struct sim_deck){0};
}

void sim_deck_silence(struct sim_world *world, struct sim_listener *listener)
{
    close_deck(world, listener, &listener->decks[0]);
    close_deck(world, listener, &listener->decks[1]);
    listener->is_sounding = false;
    listener->is_stalled = false;
    listener->sound_generation++;
}

void sim_deck_open(struct sim_world *world, struct sim_listener *listener, uint32_t place,
                   const struct node_effect *effect)
{
    if (place == 0) {
        sim_deck_silence(world, listener);
    }
    place = listener->decks[0].entry == 0 ? 0 : place;
    struct sim_deck *deck = &listener->decks[place];
    close_deck(world, listener, deck);
    *deck = (struct sim_deck){.entry = effect->open.entry,
                              .track = catalogue_get(&world->catalogue, effect->open.file),
                              .file = effect->open.manifest->files[effect->open.file_index],
                              .start_us = effect->open.position_us,
                              .decoding_us = TIME_NEVER_US};
    uint32_t chunks = chunk_count(deck);
    uint64_t bytes = time_scale(deck->track->file.bytes, deck->start_us, deck->track->duration_us);
    deck->next_chunk = bytes / CHUNK_BYTES < chunks ? (uint32_t)(bytes / CHUNK_BYTES) : chunks - 1;
    deck->read = measure_grow(NULL, chunks / 8 + 1, 1);
    memset(deck->read, 0, chunks / 8 + 1);
    if (place == 0) {
        listener->heard_us = deck->start_us;
    }
    sim_deck_run(world, listener);
}

static bool was_read(const struct sim_deck *deck, uint32_t chunk)
{
    return (deck->read[chunk / 8] >> (chunk % 8) & 1) != 0;
}

static bool is_here(const struct sim_listener *listener, media_handle file, uint32_t chunk)
{
    const struct sim_content key = {.file = file, .chunk = chunk};
    return table_get(&listener->ready, &key) != NULL ||
           mem_store_has_chunk(&listener->store, file, chunk);
}

/* Reads a chunk or asks for it. False: it is asked for. */
static bool read_chunk(struct sim_world *world, struct sim_listener *listener,
                       struct sim_deck *deck, uint32_t chunk)
{
    struct node_event event = {.kind = NODE_EVENT_READ};
    if (is_here(listener, deck->track->handle, chunk)) {
        event.read.entry = deck->entry;
        event.read.file = deck->track->handle;
        event.read.first_chunk = chunk;
        event.read.count = 1;
        deck->read[chunk / 8] |= (uint8_t)(1u << (chunk % 8));
    } else {
        event.kind = NODE_EVENT_WANT;
        event.want.want = deck->want = ++listener->wants;
        event.want.entry = deck->entry;
        event.want.file = deck->track->handle;
        event.want.first_chunk = chunk;
        event.want.count = 1;
    }
    sim_listener_post(world, listener, world->clock.now_us, event);
    return event.kind == NODE_EVENT_READ;
}

static bool read_start_set(struct sim_world *world, struct sim_listener *listener,
                           struct sim_deck *deck)
{
    while (deck->run < deck->file.start_run_count) {
        const struct media_run *run = &deck->file.start_runs[deck->run];
        uint32_t chunk = run->first + deck->run_chunk;
        if (!was_read(deck, chunk) && !read_chunk(world, listener, deck, chunk)) {
            return false;
        }
        if (++deck->run_chunk == run->count) {
            deck->run++;
            deck->run_chunk = 0;
        }
    }
    return true;
}

static void read_ahead(struct sim_world *world, struct sim_listener *listener,
                       struct sim_deck *deck)
{
    bool plays = deck == &listener->decks[0];
    uint64_t until_us = (plays ? heard_us(world, listener) : deck->start_us) + READ_AHEAD_US;
    if (deck->entry == 0 || deck->want != 0 || !read_start_set(world, listener, deck)) {
        return;
    }
    while (deck->next_chunk < chunk_count(deck) &&
           position_of(deck, deck->next_chunk) <= until_us) {
        if (!was_read(deck, deck->next_chunk) &&
            !read_chunk(world, listener, deck, deck->next_chunk)) {
            break;
        }
        deck->next_chunk++;
    }
    if (deck->decoding_us == TIME_NEVER_US && decoded_us(deck) > deck->start_us) {
        deck->decoding_us = sim_listener_now(world, listener) + DECODE_US;
    }
}

static bool start_sound(struct sim_world *world, struct sim_listener *listener)
{
    struct sim_deck *deck = &listener->decks[0];
    if (listener->is_paused || deck->decoding_us > sim_listener_now(world, listener)) {
        return false;
    }
    listener->is_sounding = true;
    listener->is_stalled = false;
    listener->heard_us = deck->start_us;
    listener->heard_at_us = sim_listener_now(world, listener);
    listener->position_due_us = sim_listener_now(world, listener) + POSITION_INTERVAL_US;
    post_position(world, listener, NODE_EVENT_SOUND_STARTED);
    return true;
}

static void end_sound(struct sim_world *world, struct sim_listener *listener)
{
    post_sound(world, listener, NODE_EVENT_SOUND_ENDED, 0);
    world->result.ended_entries++;
    close_deck(world, listener, &listener->decks[0]);
    listener->decks[0] = listener->decks[1];
    listener->decks[1] = (struct sim_deck){0};
    listener->is_sounding = false;
    listener->heard_us = listener->decks[0].start_us;
}

/* Follows the play head. True: something changed, so that decoders may go on. */
static bool follow_sound(struct sim_world *world, struct sim_listener *listener)
{
    struct sim_deck *deck = &listener->decks[0];
    if (deck->entry == 0) {
        return false;
    }
    if (!listener->is_sounding) {
        return start_sound(world, listener);
    }
    uint64_t end_us = decoded_us(deck);
    if (listener->is_stalled && end_us > listener->heard_us) {
        listener->is_stalled = false;
        listener->heard_at_us = sim_listener_now(world, listener);
        post_sound(world, listener, NODE_EVENT_SOUND_RESUMED, 0);
        return true;
    }
    if (!listener->is_stalled && heard_us(world, listener) >= end_us) {
        if (deck->next_chunk == chunk_count(deck)) {
            end_sound(world, listener);
            return true;
        }
        listener->is_stalled = true;
        listener->heard_us = end_us;
        post_sound(world, listener, NODE_EVENT_SOUND_STALLED, 0);
    }
    return false;
}

/* When this listener's sound has something to do again. */
static uint64_t next_moment(const struct sim_world *world, const struct sim_listener *listener)
{
    const struct sim_deck *deck = &listener->decks[0];
    if (deck->entry == 0 || listener->is_paused || listener->is_stalled) {
        return TIME_NEVER_US;
    }
    if (!listener->is_sounding) {
        return deck->decoding_us;
    }
    uint64_t now_us = sim_listener_now(world, listener);
    uint64_t now_heard_us = heard_us(world, listener);
    uint64_t next_us = now_us + (decoded_us(deck) - now_heard_us);
    if (deck->next_chunk < chunk_count(deck) && deck->want == 0) {
        uint64_t read_us = position_of(deck, deck->next_chunk);
        uint64_t from_us = now_heard_us + READ_AHEAD_US;
        next_us = time_min_us(next_us, now_us + (read_us > from_us ? read_us - from_us : 0));
    }
    return time_min_us(next_us, listener->position_due_us);
}

void sim_deck_run(struct sim_world *world, struct sim_listener *listener)
{
    do {
        read_ahead(world, listener, &listener->decks[0]);
        read_ahead(world, listener, &listener->decks[1]);
    } while (follow_sound(world, listener));
    if (listener->is_sounding && listener->position_due_us <= sim_listener_now(world, listener)) {
        post_position(world, listener, NODE_EVENT_POSITION);
        listener->position_due_us = sim_listener_now(world, listener) + POSITION_INTERVAL_US;
    }
    sim_clock_post(
        &world->clock,
        (struct sim_entry){.at_us = time_add_us(next_moment(world, listener), listener->slept_us),
                           .kind = SIM_DECK,
                           .who = listener->number,
                           .generation = ++listener->sound_generation});
}

void sim_deck_pause(struct sim_world *world, struct sim_listener *listener, bool is_paused)
{
    listener->heard_us = heard_us(world, listener);
    listener->heard_at_us = sim_listener_now(world, listener);
    listener->is_paused = is_paused;
    listener->position_due_us = sim_listener_now(world, listener) + POSITION_INTERVAL_US;
    sim_deck_run(world, listener);
}

void sim_deck_answer(struct sim_world *world, struct sim_listener *listener, uint32_t want,
                     int error)
{
    for (uint32_t place = 0; place < 2; place++) {
        struct sim_deck *deck = &listener->decks[place];
        if (deck->entry == 0 || deck->want != want) {
            continue;
        }
        deck->want = 0;
        if (error != 0) {
            struct node_event event = {.kind = NODE_EVENT_SOUND_FAILED};
            event.sound.entry = deck->entry;
            event.sound.error = error;
            sim_listener_post(world, listener, world->clock.now_us, event);
            close_deck(world, listener, deck);
            listener->is_sounding = listener->is_sounding && place != 0;
        }
        sim_deck_run(world, listener);
        return;
    }
}
