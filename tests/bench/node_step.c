/*
 * node_step.c: what a step of the node costs, by kind of event.
 *
 * Three listeners' evenings in tests/lib/node_world (cold, cached, slow line), with the clock read
 * before and after each node_step. Goal: the median of all steps at most 1 us.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SAMPLES_MAX 2000000u
#define GOAL_NS 1000u
#define ROUNDS 20u
#define MIB (1024u * 1024u)

int __real_node_step(struct node *node, const struct node_event *event,
                     struct node_update *ret_update);
int __wrap_node_step(struct node *node, const struct node_event *event,
                     struct node_update *ret_update);

struct sample {
    uint32_t kind;
    uint32_t ns;
};

static struct sample *samples;
static uint32_t sample_count;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int __wrap_node_step(struct node *node, const struct node_event *event,
                     struct node_update *ret_update)
{
    uint64_t begin_ns = now_ns();
    int rc = __real_node_step(node, event, ret_update);
    uint64_t span_ns = now_ns() - begin_ns;
    if (sample_count < SAMPLES_MAX) {
        samples[sample_count++] = (struct sample){
            .kind = event->kind, .ns = span_ns < UINT32_MAX ? (uint32_t)span_ns : UINT32_MAX};
    }
    return rc;
}

/* All four tracks, with a seek in the middle; `cached` chunks of each are there before. */
static int listen_to(uint32_t cached, uint64_t bytes_per_s, uint64_t seed)
{
    struct world_config config = {
        .cache_limit_bytes = 64 * MIB, .seed = seed, .check_every = UINT32_MAX};
    struct world *world = world_new(config, false);
    world->bytes_per_s = bytes_per_s;
    for (uint32_t i = 0; i < WORLD_TRACKS && cached > 0; i++) {
        uint32_t all = world->tracks[i].chunk_count;
        world_cache(world, i, cached < all ? cached : all);
    }
    int rc = world_start(world);
    for (uint32_t i = 0; i < WORLD_TRACKS && rc == 0; i++) {
        rc = world_enqueue(world, i + 1, 3 - i, false);
    }
    rc = rc != 0 ? rc : world_play(world, 1, 0);
    rc = rc != 0 ? rc : world_run(world, world->now_us + 100 * TIME_US_PER_S);
    rc = rc != 0 ? rc : world_command(world, NODE_EVENT_SEEK, 600 * TIME_US_PER_S);
    rc = rc != 0 ? rc : world_run(world, world->now_us + 600 * TIME_US_PER_S);
    world_free(world);
    return rc;
}

static int by_ns(const void *a, const void *b)
{
    const struct sample *left = a;
    const struct sample *right = b;
    return left->ns < right->ns ? -1 : left->ns > right->ns;
}

static void print_kind(uint32_t kind, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sample_count; i++) {
        count += samples[i].kind == kind;
    }
    uint32_t seen = 0;
    uint32_t median_ns = 0;
    for (uint32_t i = 0; i < sample_count && seen <= count / 2; i++) {
        if (samples[i].kind == kind) {
            seen++;
            median_ns = samples[i].ns;
        }
    }
    if (count > 0) {
        printf("  %-18s %8u steps   median %6u ns\n", name, (unsigned)count, (unsigned)median_ns);
    }
}

static const struct {
    enum node_event_kind kind;
    const char *name;
} kinds[] = {
    {NODE_EVENT_MESSAGE, "MESSAGE"}, {NODE_EVENT_HASHED, "HASHED"},     {NODE_EVENT_READ, "READ"},
    {NODE_EVENT_WANT, "WANT"},       {NODE_EVENT_STORED, "STORED"},     {NODE_EVENT_TICK, "TICK"},
    {NODE_EVENT_START, "START"},     {NODE_EVENT_POSITION, "POSITION"}, {NODE_EVENT_SEEK, "SEEK"},
};

int main(void)
{
    samples = calloc(SAMPLES_MAX, sizeof *samples);
    int rc = samples == NULL ? ERROR_NO_MEMORY : 0;
    for (uint32_t i = 0; i < ROUNDS && rc == 0; i++) {
        rc = listen_to(0, 1000000, i);
        rc = rc != 0 ? rc : listen_to(200, 1000000, i);
        rc = rc != 0 ? rc : listen_to(30, 8000, i);
    }
    if (rc != 0) {
        fprintf(stderr, "node_step: %s\n", error_text(rc));
        free(samples);
        return 1;
    }
    qsort(samples, sample_count, sizeof *samples, by_ns);
    uint32_t median_ns = samples[sample_count / 2].ns;
    printf("node_step: %u steps, median %u ns (goal: at most %u), 99 %% %u ns\n",
           (unsigned)sample_count, (unsigned)median_ns, GOAL_NS,
           (unsigned)samples[(uint64_t)sample_count * 99 / 100].ns);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        print_kind(kinds[i].kind, kinds[i].name);
    }
    free(samples);
    return median_ns <= GOAL_NS ? 0 : 1;
}
