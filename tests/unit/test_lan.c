/*
 * test_lan.c: who hears whom by multicast on the loopback interface, and the bytes that are said.
 * Skipped with a reason where a machine has no multicast on it.
 */
#include "common/error.h"
#include "p2p/uv/lan.h"
#include "p2p/uv/network_watch.h"

#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PLAYERS 3
#define LOG_BYTES 256

struct world;

struct player {
    struct world *world;
    struct lan *lan;
    uint8_t number; /* the first byte of its peer id */
    unsigned families;
    char log[LOG_BYTES]; /* "2 3": numbers of those heard, each family once */
};

struct world {
    struct net_loop *loop;
    struct player players[PLAYERS];
    unsigned wanted; /* the loop stops when so much was heard */
    unsigned heard;
    bool timed_out;
    struct net_deadline *guard;
    uint16_t port; /* of the group: apart from that of other programs */
};

static void on_heard(void *context, const uint8_t peer_id[HASH_BYTES],
                     const struct net_address *address)
{
    struct player *player = context;
    size_t used = strlen(player->log);
    assert_int_equal(address->port, 1000 + peer_id[0]);
    snprintf(player->log + used, LOG_BYTES - used, "%u/%u ", peer_id[0], address->family);
    if (address->family == 6) {
        assert_int_not_equal(lan_scope_id(player->lan, address) == 0, address->bytes[0] == 0xfe);
    }
    if (++player->world->heard >= player->world->wanted) {
        net_loop_stop(player->world->loop);
    }
}

static void on_guard(void *context)
{
    struct world *world = context;
    world->timed_out = true;
    net_loop_stop(world->loop);
}

static int open_player(struct world *world, uint8_t number, uint8_t origin)
{
    struct player *player = &world->players[number - 1];
    struct lan_config config = {.port = world->port,
                                .listen_port = (uint16_t)(1000 + number),
                                .peer_id = {number},
                                .origin = {origin},
                                .seed = number,
                                .with_loopback = true};
    player->world = world;
    player->number = number;
    return lan_open(world->loop, &config, on_heard, player, &player->lan);
}

static void run(struct world *world, unsigned wanted, uint64_t most_us)
{
    world->wanted = wanted;
    world->heard = 0;
    world->timed_out = false;
    net_deadline_set(world->guard, net_now_us() + most_us);
    net_loop_run(world->loop);
}

static void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->port = (uint16_t)(20000 + getpid() % 20000);
    assert_int_equal(net_loop_new(&world->loop), 0);
    assert_int_equal(net_deadline_open(world->loop, on_guard, world, &world->guard), 0);
}

static void world_close(struct world *world)
{
    for (int i = 0; i < PLAYERS; i++) {
        lan_close(world->players[i].lan);
    }
    net_deadline_close(world->guard);
    net_loop_run(world->loop);
    net_loop_free(world->loop);
}

/* Two players of one origin on one machine; which families they meet in is the machine's affair. */
static bool meets(struct world *world)
{
    if (open_player(world, 1, 7) != 0 || open_player(world, 2, 7) != 0) {
        return false;
    }
    run(world, 2, 3 * TIME_US_PER_S);
    return !world->timed_out;
}

static void test_players_of_one_origin_hear_each_other(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    if (!meets(&world)) {
        world_close(&world);
        print_message("skipped: this machine has no multicast on its loopback interface\n");
        skip();
    }
    /* The first was there alone; it heard the second's announcement, and the second its answer. */
    assert_true(strstr(world.players[0].log, "2/") != NULL);
    if (strstr(world.players[1].log, "1/") == NULL) {
        run(&world, 1, 5 * TIME_US_PER_S);
        assert_true(strstr(world.players[1].log, "1/") != NULL);
    }
    assert_true(strstr(world.players[0].log, "1/") == NULL); /* nobody hears himself */
    world_close(&world);
}

static void test_other_origins_are_passed_over(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    if (!meets(&world)) {
        world_close(&world);
        print_message("skipped: this machine has no multicast on its loopback interface\n");
        skip();
    }
    /* The third plays from another origin: it hears nobody until its origin is theirs. */
    assert_int_equal(open_player(&world, 3, 8), 0);
    run(&world, UINT32_MAX, 300 * TIME_US_PER_MS);
    assert_string_equal(world.players[2].log, "");
    assert_null(strstr(world.players[0].log, "3/"));
    lan_set(world.players[2].lan, 1003, (const uint8_t[HASH_BYTES]){7});
    run(&world, 2, 10 * TIME_US_PER_S);
    assert_non_null(strstr(world.players[0].log, "3/"));
    world_close(&world);
}

static void test_each_is_told_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    if (!meets(&world)) {
        world_close(&world);
        print_message("skipped: this machine has no multicast on its loopback interface\n");
        skip();
    }
    run(&world, UINT32_MAX, 300 * TIME_US_PER_MS); /* what is on its way yet */
    memset(world.players[0].log, 0, LOG_BYTES);
    for (int i = 0; i < 3; i++) {
        lan_refresh(world.players[1].lan);
    }
    run(&world, UINT32_MAX, 300 * TIME_US_PER_MS);
    assert_string_equal(world.players[0].log, "");
    /* After its own network has changed everybody counts as new. */
    lan_refresh(world.players[0].lan);
    lan_refresh(world.players[1].lan);
    run(&world, 1, 5 * TIME_US_PER_S);
    assert_non_null(strstr(world.players[0].log, "2/"));
    world_close(&world);
}

/* ---- the bytes ---- */

static void test_format(void **state)
{
    (void)state;
    struct lan_announcement said = {.cookie = 0x0102030405060708,
                                    .flags = LAN_IS_NEW,
                                    .port = 0x1234,
                                    .peer_id = {0xaa, [31] = 0xab},
                                    .origin = {0xbb, [31] = 0xbc}};
    struct lan_announcement heard;
    uint8_t bytes[LAN_ANNOUNCEMENT_BYTES + 1] = {0};
    lan_encode(&said, bytes);
    static const uint8_t start[] = {'R', 'F', 'R', 'L', 'A', 'N', '1', 0,    1,    2,   3,
                                    4,   5,   6,   7,   8,   1,   0,   0x12, 0x34, 0xaa};
    assert_memory_equal(bytes, start, sizeof start);
    for (size_t count = 0; count < LAN_ANNOUNCEMENT_BYTES; count++) {
        assert_int_equal(lan_decode(bytes, count, &heard), ERROR_TRUNCATED);
    }
    for (size_t count = LAN_ANNOUNCEMENT_BYTES; count <= sizeof bytes; count++) {
        memset(&heard, 0, sizeof heard);
        assert_int_equal(lan_decode(bytes, count, &heard), 0);
        assert_int_equal(heard.cookie, said.cookie);
        assert_int_equal(heard.flags, said.flags);
        assert_int_equal(heard.port, said.port);
        assert_memory_equal(heard.peer_id, said.peer_id, HASH_BYTES);
        assert_memory_equal(heard.origin, said.origin, HASH_BYTES);
    }
    bytes[18] = 0;
    bytes[19] = 0; /* a port at which nobody is */
    assert_int_equal(lan_decode(bytes, LAN_ANNOUNCEMENT_BYTES, &heard), ERROR_MALFORMED);
    bytes[19] = 1;
    bytes[6] = '2';
    assert_int_equal(lan_decode(bytes, LAN_ANNOUNCEMENT_BYTES, &heard), ERROR_MALFORMED);
}

/* ---- own addresses ---- */

static void test_own_addresses_are_of_use_to_others(void **state)
{
    (void)state;
    struct net_address addresses[NETWORK_WATCH_ADDRESSES_MAX];
    uint32_t count = network_watch_addresses(addresses, NETWORK_WATCH_ADDRESSES_MAX);
    assert_true(count <= NETWORK_WATCH_ADDRESSES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(addresses[i].family == 4 ? addresses[i].bytes[0] != 127
                                             : addresses[i].bytes[0] != 0xfe);
        assert_true(i == 0 || addresses[i].family >= addresses[i - 1].family);
        assert_int_equal(addresses[i].port, 0);
    }
    assert_int_equal(network_watch_addresses(addresses, 1), count > 0 ? 1 : 0);
}

struct watched {
    struct net_loop *loop;
    unsigned changes;
    bool has_slept, timed_out;
};

static void on_changed(void *context, bool has_slept)
{
    struct watched *watched = context;
    watched->changes++;
    watched->has_slept |= has_slept;
    net_loop_stop(watched->loop);
}

static void on_late(void *context)
{
    struct watched *watched = context;
    watched->timed_out = true;
    net_loop_stop(watched->loop);
}

/* The last test: the process stays in a network namespace of its own. */
static void test_a_new_address_is_noticed(void **state)
{
    (void)state;
    struct watched watched = {0};
    struct network_watch *watch = NULL;
    struct net_deadline *late = NULL;
    struct net_address address;
    if (unshare(CLONE_NEWNET) != 0 ||
        system("ip link add rf0 type veth peer name rf1 2>/dev/null") != 0) {
        print_message("skipped: no network namespace of its own: not root, or no veth devices\n");
        skip();
    }
    assert_int_equal(net_loop_new(&watched.loop), 0);
    assert_int_equal(network_watch_open(watched.loop, on_changed, &watched, &watch), 0);
    assert_int_equal(net_deadline_open(watched.loop, on_late, &watched, &late), 0);
    assert_int_equal(network_watch_addresses(&address, 1), 0);
    assert_int_equal(system("ip addr add 192.0.2.77/24 dev rf0 && ip link set rf0 up"), 0);
    net_deadline_set(late, net_now_us() + 4 * NETWORK_WATCH_US);
    net_loop_run(watched.loop);
    assert_false(watched.timed_out);
    assert_int_equal(watched.changes, 1);
    assert_false(watched.has_slept);
    assert_int_equal(network_watch_addresses(&address, 1), 1);
    assert_memory_equal(address.bytes, ((const uint8_t[4]){192, 0, 2, 77}), 4);
    network_watch_close(watch);
    net_deadline_close(late);
    net_loop_run(watched.loop);
    net_loop_free(watched.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_players_of_one_origin_hear_each_other),
        cmocka_unit_test(test_other_origins_are_passed_over),
        cmocka_unit_test(test_each_is_told_once),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_own_addresses_are_of_use_to_others),
        cmocka_unit_test(test_a_new_address_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
