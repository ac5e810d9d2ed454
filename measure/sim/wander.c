/*
 * wander.c: a listener that clicks by itself, as listeners of the published design did: 39 % of
 * plays are picked at random, the rest follow in order (Kreitz and Niemela, P2P 2010); the popular
 * 12 % of tracks get 88 % of the random picks (ibid.); 24 % of plays are skipped within 5 s, 35 %
 * within 30 s, 48.6 % before the end (Lamere, "The Skip", 2014).
 */
#include "common/time_us.h"
#include "measure/sim/world.h"

#include <string.h>

#define RANDOM_PERCENT 39u
#define POPULAR_PERCENT 12u
#define POPULAR_PICKS_PERCENT 88u
#define ORDERED_TRACKS 12u /* an album */
#define BEFORE_END_US (100 * TIME_US_PER_MS)

static uint32_t pick(struct sim_world *world)
{
    uint32_t count = world->catalogue.count;
    uint32_t popular = (count * POPULAR_PERCENT + 99) / 100;
    bool is_popular = prng_below(&world->prng, 100) < POPULAR_PICKS_PERCENT;
    return (uint32_t)prng_below(&world->prng, is_popular ? popular : count);
}

static void click(struct sim_world *world, struct sim_listener *listener)
{
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    uint32_t first = pick(world);
    struct node_event start = {.kind = NODE_EVENT_START};
    start.start.entry = listener->entries + 1;
    for (uint32_t i = 0; i < ORDERED_TRACKS; i++) {
        const struct catalogue_track *track =
            &world->catalogue.tracks[(first + i) % world->catalogue.count];
        event.enqueue.entry = ++listener->entries;
        memcpy(event.enqueue.track_id, track->id, TRACK_ID_BYTES);
        sim_listener_post(world, listener, world->clock.now_us, event);
    }
    listener->wander.last_entry = listener->entries;
    sim_listener_post(world, listener, world->clock.now_us, start);
}

static void stop(struct sim_world *world, struct sim_listener *listener)
{
    struct node_event event = {.kind = NODE_EVENT_STOP};
    sim_listener_post(world, listener, world->clock.now_us, event);
    sim_life_set_done(world, listener, true);
}

void sim_wander_begin(struct sim_world *world, struct sim_listener *listener, uint32_t tracks)
{
    listener->wander.left = tracks;
    click(world, listener);
}

/* How long this play is heard, if it is not heard to its end. */
static uint64_t skip_after_us(struct sim_world *world, uint64_t duration_us)
{
    static const struct {
        uint32_t per_mille;
        uint64_t from_us, to_us;
    } skips[] = {{240, 0, 5 * TIME_US_PER_S},
                 {350, 5 * TIME_US_PER_S, 30 * TIME_US_PER_S},
                 {486, 30 * TIME_US_PER_S, TIME_NEVER_US}};
    uint64_t draw = prng_below(&world->prng, 1000);
    for (uint32_t i = 0; i < sizeof skips / sizeof skips[0]; i++) {
        uint64_t to_us = time_min_us(skips[i].to_us, duration_us);
        if (draw < skips[i].per_mille && skips[i].from_us < to_us) {
            return skips[i].from_us + prng_below(&world->prng, to_us - skips[i].from_us);
        }
    }
    return TIME_NEVER_US;
}

/* What plays, or is about to. */
static uint64_t duration_us(const struct sim_listener *listener)
{
    const struct sim_deck *deck = &listener->decks[0];
    return deck->entry == 0 ? 0 : deck->track->duration_us;
}

void sim_wander_note(struct sim_world *world, struct sim_listener *listener,
                     const struct node_note *note)
{
    struct sim_wander *wander = &listener->wander;
    if (wander->left == 0) {
        return;
    }
    if (note->kind == NODE_NOTE_QUEUE_ENDED) {
        sim_life_set_done(world, listener, false);
        click(world, listener);
        return;
    }
    if (note->kind != NODE_NOTE_STARTED) {
        return;
    }
    uint64_t until_us = duration_us(listener);
    uint64_t after_us = skip_after_us(world, until_us);
    wander->entry = note->entry;
    wander->is_click = prng_below(&world->prng, 100) < RANDOM_PERCENT;
    wander->generation++;
    if (after_us == TIME_NEVER_US && wander->left > 1 && !wander->is_click) {
        wander->left--;
        return; /* it is heard to its end, and the next follows by itself */
    }
    until_us = until_us > BEFORE_END_US ? until_us - BEFORE_END_US : 0;
    sim_clock_post(&world->clock, (struct sim_entry){.at_us = world->clock.now_us +
                                                              time_min_us(after_us, until_us),
                                                     .kind = SIM_WANDER,
                                                     .who = listener->number,
                                                     .generation = wander->generation});
}

void sim_wander_go_on(struct sim_world *world, struct sim_listener *listener)
{
    struct sim_wander *wander = &listener->wander;
    wander->generation++;
    if (--wander->left == 0) {
        stop(world, listener);
    } else if (wander->is_click || wander->entry == wander->last_entry) {
        click(world, listener);
    } else {
        struct node_event start = {.kind = NODE_EVENT_START};
        start.start.entry = wander->entry + 1;
        sim_listener_post(world, listener, world->clock.now_us, start);
    }
}
