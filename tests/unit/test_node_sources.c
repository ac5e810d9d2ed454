/*
 * test_node_sources.c: who is asked, and whose it is to fetch what no peer has.
 */
#include "player/core/node_state.h"
#include "tests/lib/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024u * 1024u)
#define SECONDS(n) ((n)*TIME_US_PER_S)

static const struct world_config among = {.cache_limit_bytes = 64 * MIB, .with_peers = true};

/* A node that plays track 3 (200 chunks, 25 rows) among peers that have its first row. */
static struct world *sharing(uint32_t peers)
{
    struct world *world = world_new(among, true);
    for (uint32_t i = 0; i < peers; i++) {
        world_add_peer(world, 3, ROW_CHUNKS);
    }
    assert_int_equal(world_enqueue(world, 1, 3, false), 0);
    assert_int_equal(world_play(world, 1, 0), 0);
    assert_int_equal(world_run(world, world->now_us + SECONDS(20)), 0);
    return world;
}

static uint32_t own_rows(struct world *world)
{
    struct planner_source sources[PLANNER_SOURCES_MAX];
    struct node_holding holdings[PLANNER_SOURCES_MAX];
    struct node_shares shares;
    struct planner_view view = {.sources = sources};
    uint32_t own = 0;
    node_sources_show(world->node, &view, holdings, &shares);
    assert_int_equal(view.source_count, 1 + world->peer_count);
    for (uint32_t row = 0; row < 25; row++) {
        uint64_t ahead_us = view.ahead_us(view.context, world->tracks[3].handle, row * ROW_CHUNKS);
        assert_in_range(ahead_us, node_preset_refrain.origin_wait_us,
                        node_preset_refrain.origin_alone_us);
        own += ahead_us > node_preset_refrain.origin_alone_us / 2;
    }
    return own;
}

/* Alone all rows are ours; among seven others about an eighth of them. */
static void test_shares(void **state)
{
    (void)state;
    struct world *world = sharing(0);
    assert_int_equal(own_rows(world), 25);
    world_free(world);
    world = sharing(1);
    assert_in_range(own_rows(world), 6, 19);
    world_free(world);
    world = sharing(7);
    assert_in_range(own_rows(world), 0, 9);
    world_free(world);
}

/* A source has what it told of, and nothing else; the origin has all. */
static void test_has(void **state)
{
    (void)state;
    struct world *world = sharing(2);
    struct planner_source sources[PLANNER_SOURCES_MAX];
    struct node_holding holdings[PLANNER_SOURCES_MAX];
    struct node_shares shares;
    struct planner_view view = {.sources = sources};
    node_sources_show(world->node, &view, holdings, &shares);
    const struct file *file = files_find(&world->node->files, world->tracks[3].handle);
    for (uint32_t i = 0; i < view.source_count; i++) {
        bool is_origin = sources[i].kind == NODE_SOURCE_ORIGIN;
        assert_true(planner_has(&sources[i], file, ROW_CHUNKS - 1));
        assert_int_equal(planner_has(&sources[i], file, ROW_CHUNKS), is_origin);
    }
    assert_int_equal(view.count_holders(view.context, file->handle, 0), 2);
    assert_int_equal(view.count_holders(view.context, file->handle, ROW_CHUNKS), 0);
    world_free(world);
}

/* Who is busy, or gone, is not asked. */
static void test_may_ask(void **state)
{
    (void)state;
    struct world *world = sharing(1);
    struct link *link = links_find(&world->node->links, world->peers[0].link);
    const struct file *file = files_find(&world->node->files, world->tracks[3].handle);
    assert_true(node_sources_may_ask(world->node, link));
    assert_ptr_equal(node_sources_other(world->node, file, 0, world->link), link);
    link->busy_until_us = world->now_us + 1;
    assert_false(node_sources_may_ask(world->node, link));
    assert_null(node_sources_other(world->node, file, 0, world->link));
    link->busy_until_us = 0;
    assert_null(node_sources_other(world->node, file, ROW_CHUNKS, world->link));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_has),
        cmocka_unit_test(test_may_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
