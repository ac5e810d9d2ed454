/*
 * test_node.c: the door: memory within its budget and failing anywhere, the same answers to the
 * same events, a full queue.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"
#include "tests/lib/toy_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)
#define CACHED_FILES 20000u

static const struct world_config plain = {.cache_limit_bytes = 64 * MIB};

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static uint32_t allocations;
static uint32_t failing; /* the number of the one that fails; 0 = none */

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return allocations == failing ? NULL : __real_calloc(count, bytes);
}

/* A cold start of the first of two tracks, the join, a seek, a lost link, a stop. */
static int scenario(struct world *world)
{
    world->bytes_per_s = 20000; /* so that the link is lost in the middle of something */
    int rc = world_start(world);
    rc = rc != 0 ? rc : world_enqueue(world, 1, 2, false);
    rc = rc != 0 ? rc : world_enqueue(world, 2, 1, false);
    rc = rc != 0 ? rc : world_enqueue(world, 3, 0, true);
    rc = rc != 0 ? rc : world_play(world, 1, 0);
    rc = rc != 0 ? rc : world_run(world, SECONDS(20));
    rc = rc != 0 ? rc : world_break_link(world);
    rc = rc != 0 ? rc : world_run(world, SECONDS(45));
    rc = rc != 0 ? rc : world_command(world, NODE_EVENT_SEEK, SECONDS(60));
    rc = rc != 0 ? rc : world_run(world, SECONDS(55));
    return rc != 0 ? rc : world_command(world, NODE_EVENT_STOP, 0);
}

/* Each allocation of a scenario fails once: the node says so, and is freed without a leak. */
static void test_no_memory(void **state)
{
    (void)state;
    struct world *world = world_new(plain, false);
    allocations = 0;
    assert_int_equal(scenario(world), 0);
    uint32_t all = allocations;
    world_free(world);
    assert_true(all > 20);
    for (uint32_t i = 1; i <= all; i++) {
        world = world_new(plain, false);
        allocations = 0;
        failing = i;
        int rc = scenario(world);
        failing = 0;
        /* Giving memory back early is the one thing that may be left undone. */
        assert_true(rc == ERROR_NO_MEMORY || rc == 0);
        if (rc == 0) {
            node_check_invariants(world->node);
        }
        world_free(world);
    }
    printf("%u allocations, each failed once\n", (unsigned)all);
}

/* The same events give the same effects; another seed another jitter, and the same music. */
static void test_deterministic(void **state)
{
    (void)state;
    uint64_t hashes[3];
    uint64_t effects[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct world_config config = plain;
        config.seed = i == 2 ? 99 : 5;
        struct world *world = world_new(config, false);
        assert_int_equal(scenario(world), 0);
        hashes[i] = world->trace.hash;
        effects[i] = world->effects_hash;
        world_free(world);
    }
    assert_int_equal(hashes[0], hashes[1]);
    assert_int_equal(effects[0], effects[1]);
    assert_int_not_equal(hashes[0], hashes[2]);
}

/* 32 KiB idle, 16 bytes a cached file. */
static void test_budget(void **state)
{
    (void)state;
    struct media_intern *intern = media_intern_new(1);
    struct node_config config = {.intern = intern,
                                 .hasher = toy_hasher,
                                 .preset = &node_preset_refrain,
                                 .cache_limit_bytes = UINT64_C(10) << 30,
                                 .slot_count = NODE_SLOTS_DEFAULT};
    struct node *node;
    assert_int_equal(node_new(&config, &node), 0);
    size_t idle = node_heap_bytes(node);
    struct node_event event = {.kind = NODE_EVENT_CACHED_FILE};
    for (uint32_t i = 0; i < CACHED_FILES; i++) {
        struct media_file_id id = {.bytes = 5000000};
        memcpy(id.root, &i, sizeof i);
        event.cached_file.file = media_intern_put(intern, &id);
        event.cached_file.last_use = i + 1;
        struct node_update update;
        assert_int_equal(node_step(node, &event, &update), 0);
        assert_int_equal(update.count, 0);
        assert_int_equal(update.next_deadline_us, TIME_NEVER_US);
    }
    size_t each = (node_heap_bytes(node) - idle) * 100 / CACHED_FILES;
    printf(
        "idle node: %zu bytes (at most 32,768); each cached file: %zu.%02zu bytes (at most 16)\n",
        idle, each / 100, each % 100);
    assert_true(idle <= 32768);
    assert_true(each <= 1600);
    node_free(node);
    media_intern_free(intern);
    node_free(NULL);
}

static void test_queue_full(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    for (uint32_t i = 1; i <= NODE_QUEUE_MAX; i++) {
        assert_int_equal(world_enqueue(world, i, i % 4, false), 0);
    }
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_FULL], 0);
    assert_int_equal(world_enqueue(world, NODE_QUEUE_MAX + 1, 0, false), 0);
    assert_int_equal(world->notes[NODE_NOTE_QUEUE_FULL], 1);
    world_free(world);
}

/* Events about what is not there any more, or never was, change nothing. */
static void test_strangers(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    assert_int_equal(world_enqueue(world, 1, 0, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, SECONDS(3)), 0);
    struct node_event events[] = {
        {.kind = NODE_EVENT_TICK},
        {.kind = NODE_EVENT_LINK_UP, .link_up = {.link = 50, .link_kind = NODE_LINK_ORIGIN}},
        {.kind = NODE_EVENT_LINK_DOWN, .link_down = {.link = 50}},
        {.kind = NODE_EVENT_IDENTITY_CHECKED, .identity_checked = {.link = 50}},
        {.kind = NODE_EVENT_MANIFEST_LOADED, .manifest_loaded = {.track_id = {9}}},
        {.kind = NODE_EVENT_MANIFEST_CHECKED, .manifest_checked = {.track_id = {9}}},
        {.kind = NODE_EVENT_WANT_DROPPED, .want_dropped = {4242}},
        {.kind = NODE_EVENT_POSITION, .position = {.entry = 9}},
        {.kind = NODE_EVENT_SOUND_STARTED, .sound_started = {.entry = 9}},
        {.kind = NODE_EVENT_SOUND_STALLED, .sound = {.entry = 9}},
        {.kind = NODE_EVENT_SOUND_RESUMED, .sound = {.entry = 1}},
        {.kind = NODE_EVENT_SOUND_ENDED, .sound = {.entry = 9}},
        {.kind = NODE_EVENT_SOUND_FAILED, .sound = {.entry = 9, .error = ERROR_IO}},
        {.kind = NODE_EVENT_SOUND_FAILED, .sound = {.entry = 1, .error = ERROR_CANCELLED}},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        uint32_t switches = world->effects[NODE_EFFECT_SWITCH];
        uint32_t disconnects = world->effects[NODE_EFFECT_DISCONNECT];
        assert_int_equal(world_step(world, events[i]), 0);
        assert_int_equal(world->effects[NODE_EFFECT_SWITCH], switches);
        assert_int_equal(world->effects[NODE_EFFECT_DISCONNECT], disconnects);
        assert_int_equal(world->notes[NODE_NOTE_ENTRY_FAILED], 0);
    }
    struct node_summary summary;
    world_finish(world, &summary);
    assert_int_equal(summary.tracks, 1);
    world_free(world);
}

static void test_status(void **state)
{
    (void)state;
    struct world *world = world_new(plain, true);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 0);
    assert_false(status.playing);
    assert_int_equal(world_enqueue(world, 7, 0, false), 0);
    assert_int_equal(world_play(world, 7, 0), 0);
    assert_int_equal(world_run(world, SECONDS(11)), 0);
    node_get_status(world->node, world->now_us, &status);
    assert_int_equal(status.entry, 7);
    assert_true(status.playing);
    assert_true(status.origin_up);
    assert_in_range(status.position_us, SECONDS(9), SECONDS(10));
    assert_int_equal(status.position_us + status.buffered_us, SECONDS(160));
    assert_in_range(status.origin_rate_bps, 900000, 1000000);
    assert_in_range(status.origin_rtt_us, 20000, 25000);
    enum node_source source;
    assert_true(node_chunk_source(world->node, world->tracks[0].handle, 5, &source));
    assert_int_equal(source, NODE_SOURCE_ORIGIN);
    assert_false(node_chunk_source(world->node, world->tracks[0].handle, 40, &source));
    assert_false(node_chunk_source(world->node, world->tracks[1].handle, 0, &source));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_budget),    cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_strangers), cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
