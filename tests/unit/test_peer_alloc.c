/*
 * test_peer_alloc.c: two peers in one loop, with each allocation made to fail once: the link ends with
 * an error or comes through, everything closes, nothing leaks.
 *
 * calloc, malloc, realloc and strdup of our own objects are wrapped by the linker.
 */
#include "common/error.h"
#include "p2p/uv/peer_listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long until_failure; /* 0 = none fails */
static bool has_failed;

void *__real_calloc(size_t count, size_t bytes);
void *__real_malloc(size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    if (until_failure == 0 || --until_failure > 0) {
        return false;
    }
    has_failed = true;
    return true;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

struct world {
    struct net_loop *loop;
    struct peer_identity *dials, *listens;
    struct peer_listener *listener;
    struct peer_link *client, *server;
    bool is_arranged, echoed;
};

/* The dialled link decides: when it is over no more is taken. */
static void client_closed(void *context, int error, const char *text)
{
    struct world *world = context;
    assert_true(error == 0 || strlen(text) > 0);
    world->client = NULL;
    peer_listener_close(world->listener);
    world->listener = NULL;
}

static void client_up(void *context)
{
    struct world *world = context;
    if (peer_link_send(world->client, 1, "hello", 5, NULL, 0) != 0) {
        peer_link_close(world->client);
    }
}

static void client_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct world *world = context;
    (void)type;
    world->echoed = body_bytes == 5 && memcmp(body, "hello", 5) == 0;
    peer_link_finish(world->client);
}

static void on_room(void *context, size_t queued_bytes)
{
    (void)context;
    (void)queued_bytes;
}

static void on_broken(void *context, int error)
{
    (void)context;
    (void)error;
}

static const struct peer_link_handler client_handler = {
    .up = client_up,
    .frame = client_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = client_closed,
};

static void server_up(void *context)
{
    (void)context; /* it was accepted as one that is up */
}

static void server_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct world *world = context;
    if (peer_link_send(world->server, type, body, body_bytes, NULL, 0) != 0) {
        peer_link_close(world->server);
    }
}

static void server_closed(void *context, int error, const char *text)
{
    struct world *world = context;
    (void)error;
    (void)text;
    world->server = NULL;
}

static const struct peer_link_handler server_handler = {
    .up = server_up,
    .frame = server_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = server_closed,
};

static void on_accepted(void *context, struct peer_link *link)
{
    struct world *world = context;
    world->server = link;
    peer_link_set_handler(link, &server_handler, world);
}

static int open_world(struct world *world)
{
    char text[NET_LISTENER_TEXT_BYTES];
    const char *warning = NULL;
    int error = net_loop_new(&world->loop);
    if (error == 0) {
        error = peer_identity_new("/nonexistent/a.key", &world->dials, &warning);
    }
    if (error == 0) {
        error = peer_identity_new("/nonexistent/b.key", &world->listens, &warning);
    }
    if (error == 0) {
        error = peer_listener_open(world->loop, world->listens, 0, on_accepted, world,
                                   &world->listener, text);
    }
    return error;
}

static void converse(struct world *world)
{
    struct peer_dial_config dial = {.address = {.family = 4, .bytes = {127, 0, 0, 1}},
                                    .is_arranged = world->is_arranged};
    dial.address.port = peer_listener_port(world->listener);
    if (peer_link_dial(world->loop, world->dials, &dial, peer_identity_id(world->listens),
                       &client_handler, world, &world->client) != 0) {
        peer_listener_close(world->listener);
        world->listener = NULL;
    }
    net_loop_run(world->loop);
}

/* Runs with the nth allocation failing; false when there are fewer, and then all went well. */
static bool run(bool is_arranged, long nth)
{
    struct world world = {.is_arranged = is_arranged};
    has_failed = false;
    until_failure = nth;
    if (open_world(&world) == 0) {
        converse(&world);
    }
    until_failure = 0;
    assert_null(world.client);
    assert_null(world.server);
    assert_null(world.listener);
    if (world.loop != NULL) {
        net_loop_run(world.loop);
        net_loop_free(world.loop);
    }
    peer_identity_free(world.dials);
    peer_identity_free(world.listens);
    assert_true(has_failed || world.echoed);
    return has_failed;
}

static void test_each_allocation(void **state)
{
    (void)state;
    for (int is_arranged = 0; is_arranged < 2; is_arranged++) {
        long nth = 1;
        while (run(is_arranged == 1, nth)) {
            nth++;
        }
        assert_true(nth > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
