/*
 * test_peer_link.c: nodes with keys of their own over loopback, in one loop; stories that end in a
 * log of what each link saw. Nothing sleeps: every story ends when its links have closed.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "p2p/uv/peer_listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_BYTES 512
#define ENDS_MAX 4

struct world;

/* One end of a link. */
struct end {
    struct world *world;
    struct peer_link *link; /* NULL: none, or closed */
    const char *on_up;      /* letters: see act() */
    bool resumed;
    uint8_t peer_id[HASH_BYTES];
    char log[LOG_BYTES];
};

struct world {
    struct net_loop *loop;
    struct peer_identity *low, *high; /* by their peer ids */
    struct peer_listener *listener;
    struct peer_identity *listens; /* whose listener it is */
    struct end ends[ENDS_MAX];     /* [0] dials, [1] is accepted */
    unsigned accepted;
    int open;                   /* links that have not closed yet */
    struct net_deadline *guard; /* a story that hangs fails */
};

static void note(struct end *end, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct end *end, const char *format, ...)
{
    size_t used = strlen(end->log);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(end->log + used, LOG_BYTES - used, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0 && used + (size_t)bytes < LOG_BYTES);
}

static void act(struct end *end, const char *acts)
{
    for (const char *at = acts; at != NULL && *at != '\0'; at++) {
        switch (*at) {
        case 'h':
            assert_int_equal(peer_link_send(end->link, 1, "hel", 3, "lo", 2), 0);
            break;
        case 'f':
            peer_link_finish(end->link);
            break;
        case 'c':
            peer_link_close(end->link);
            break;
        default:
            fail();
        }
    }
}

static void on_up(void *context)
{
    struct end *end = context;
    note(end, "up ");
    assert_true(peer_link_is_up(end->link));
    memcpy(end->peer_id, peer_link_peer_id(end->link), HASH_BYTES);
    end->resumed = peer_link_resumed(end->link);
    act(end, end->on_up);
}

static void on_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    struct end *end = context;
    note(end, "%u:%.*s ", type, (int)bytes, (const char *)body);
    if (end == &end->world->ends[1]) {
        assert_int_equal(peer_link_send(end->link, 2, body, bytes, NULL, 0), 0);
    } else {
        peer_link_finish(end->link);
    }
}

static void on_room(void *context, size_t queued_bytes)
{
    struct end *end = context;
    assert_int_equal(queued_bytes, peer_link_queued_bytes(end->link));
}

static void on_broken(void *context, int error)
{
    struct end *end = context;
    note(end, "broken %s ", error_name(error));
}

static void on_closed(void *context, int error, const char *text)
{
    struct end *end = context;
    assert_non_null(text);
    note(end, "closed %s", error_name(error));
    end->link = NULL;
    end->world->open--;
    if (end->world->open == 0) {
        net_loop_stop(end->world->loop);
    }
}

static const struct peer_link_handler handler = {
    .up = on_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_closed,
};

static void on_accepted(void *context, struct peer_link *link)
{
    struct world *world = context;
    struct end *end = &world->ends[1];
    assert_true(peer_link_is_incoming(link));
    assert_null(end->link);
    world->accepted++;
    world->open++;
    end->link = link;
    peer_link_set_handler(link, &handler, end);
    on_up(end);
}

static void on_guard(void *context)
{
    struct world *world = context;
    fail_msg("hangs: dialler [%s] accepted [%s]", world->ends[0].log, world->ends[1].log);
}

/* Without files: the key is fresh and never saved. */
static struct peer_identity *fresh_identity(void)
{
    struct peer_identity *identity = NULL;
    const char *warning = NULL;
    assert_int_equal(peer_identity_new("/nonexistent/peer.key", &identity, &warning), 0);
    assert_null(warning);
    assert_true(peer_identity_is_unsaved(identity));
    return identity;
}

static void world_open(struct world *world, bool high_listens)
{
    char text[NET_LISTENER_TEXT_BYTES];
    memset(world, 0, sizeof *world);
    for (int i = 0; i < ENDS_MAX; i++) {
        world->ends[i].world = world;
    }
    world->low = fresh_identity();
    world->high = fresh_identity();
    if (memcmp(peer_identity_id(world->low), peer_identity_id(world->high), HASH_BYTES) > 0) {
        struct peer_identity *swap = world->low;
        world->low = world->high;
        world->high = swap;
    }
    assert_int_equal(net_loop_new(&world->loop), 0);
    world->listens = high_listens ? world->high : world->low;
    assert_int_equal(peer_listener_open(world->loop, world->listens, 0, on_accepted, world,
                                        &world->listener, text),
                     0);
    assert_int_equal(net_deadline_open(world->loop, on_guard, world, &world->guard), 0);
    net_deadline_set(world->guard, net_now_us() + 20 * TIME_US_PER_S);
}

static void world_close(struct world *world)
{
    peer_listener_close(world->listener);
    net_deadline_close(world->guard);
    net_loop_run(world->loop);
    net_loop_free(world->loop);
    peer_identity_free(world->low);
    peer_identity_free(world->high);
}

static void dial(struct world *world, struct peer_identity *identity, const uint8_t *expected,
                 const char *host, bool is_arranged)
{
    struct peer_dial_config config = {.is_arranged = is_arranged};
    assert_int_equal(net_address_parse(host, peer_listener_port(world->listener), &config.address),
                     0);
    world->open++;
    assert_int_equal(peer_link_dial(world->loop, identity, &config, expected, &handler,
                                    &world->ends[0], &world->ends[0].link),
                     0);
    assert_true(peer_link_is_dialling(world->ends[0].link));
    assert_int_equal(peer_link_send(world->ends[0].link, 1, NULL, 0, NULL, 0), ERROR_CLOSED);
}

static struct peer_identity *other(const struct world *world)
{
    return world->listens == world->low ? world->high : world->low;
}

static void expect_proven(const struct world *world)
{
    assert_memory_equal(world->ends[0].peer_id, peer_identity_id(world->listens), HASH_BYTES);
    assert_memory_equal(world->ends[1].peer_id, peer_identity_id(other(world)), HASH_BYTES);
}

static const struct {
    const char *host, *on_up, *accepted_on_up;
    const char *dialler, *accepted;
} stories[] = {
    {"127.0.0.1", "h", "", "up 2:hello closed ERROR_NONE", "up 1:hello closed ERROR_CLOSED"},
    {"::1", "h", "", "up 2:hello closed ERROR_NONE", "up 1:hello closed ERROR_CLOSED"},
    {"127.0.0.1", "", "f", "up closed ERROR_CLOSED", "up closed ERROR_NONE"},
    {"127.0.0.1", "", "hf", "up 1:hello closed ERROR_NONE", "up closed ERROR_NONE"},
};

static void test_both_sides_are_proven(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct world world;
        world_open(&world, i % 2 == 0);
        world.ends[0].on_up = stories[i].on_up;
        world.ends[1].on_up = stories[i].accepted_on_up;
        dial(&world, other(&world), peer_identity_id(world.listens), stories[i].host, false);
        net_loop_run(world.loop);
        assert_string_equal(world.ends[0].log, stories[i].dialler);
        assert_string_equal(world.ends[1].log, stories[i].accepted);
        expect_proven(&world);
        world_close(&world);
    }
}

static void test_a_resumed_link_proves_both_again(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) {
            memset(world.ends[i].log, 0, LOG_BYTES);
            memset(world.ends[i].peer_id, 0, HASH_BYTES);
        }
        world.ends[0].on_up = "h"; /* the answer comes behind the ticket */
        dial(&world, world.low, peer_identity_id(world.high), round == 1 ? "::1" : "127.0.0.1",
             false);
        net_loop_run(world.loop);
        assert_string_equal(world.ends[0].log, "up 2:hello closed ERROR_NONE");
        expect_proven(&world);
        assert_int_equal(world.ends[0].resumed, round > 0);
        assert_int_equal(world.ends[1].resumed, round > 0);
    }
    world_close(&world);
}

/* Nobody hears of a peer that is not the expected one, on either side. */
static void test_another_peer_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct peer_identity *third = fresh_identity();
    world_open(&world, true);
    dial(&world, world.low, peer_identity_id(third), "127.0.0.1", false);
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "closed ERROR_MISMATCH");
    assert_int_equal(world.accepted, 0);
    world_close(&world);
    peer_identity_free(third);
}

static void test_nobody_links_with_himself(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    dial(&world, world.high, peer_identity_id(world.high), "127.0.0.1", false);
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "closed ERROR_MISMATCH");
    assert_int_equal(world.accepted, 0);
    world_close(&world);
}

static void test_nobody_is_there(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    struct peer_dial_config config = {.address = {.family = 4, .bytes = {127, 0, 0, 1}, .port = 1}};
    world.open++;
    assert_int_equal(peer_link_dial(world.loop, world.low, &config, peer_identity_id(world.high),
                                    &handler, &world.ends[0], &world.ends[0].link),
                     0);
    assert_int_equal(world.ends[0].log[0], '\0'); /* never from inside the call */
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "closed ERROR_UNREACHABLE");
    world_close(&world);
}

static void test_a_dial_is_closed_by_its_owner(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    dial(&world, world.low, peer_identity_id(world.high), "127.0.0.1", false);
    peer_link_close(world.ends[0].link);
    peer_link_close(world.ends[0].link);
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "closed ERROR_NONE");
    assert_int_equal(world.accepted, 0);
    world_close(&world);
}

/* A client without a certificate: an origin's client, say. */
static void plain_closed(void *context, int error, const char *text)
{
    (void)text;
    struct world *world = context;
    note(&world->ends[2], "closed %s", error_name(error));
    net_loop_stop(world->loop);
}

static void plain_frame(void *context, uint8_t type, const uint8_t *body, size_t bytes)
{
    (void)context;
    (void)type;
    (void)body;
    (void)bytes;
}

static void plain_up(void *context)
{
    (void)context;
}

static const struct net_link_handler plain_handler = {
    .up = plain_up, .frame = plain_frame, .closed = plain_closed};

static void test_a_client_without_certificate_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct net_tls *tls = NULL;
    struct net_link *link = NULL;
    world_open(&world, true);
    assert_int_equal(net_tls_new_client(&tls), 0);
    assert_int_equal(net_link_connect(world.loop, "127.0.0.1", peer_listener_port(world.listener),
                                      tls, NULL, &plain_handler, &world, &link),
                     0);
    net_loop_run(world.loop);
    assert_string_equal(world.ends[2].log, "closed ERROR_CRYPTO");
    assert_int_equal(world.accepted, 0);
    assert_int_equal(peer_listener_half_open(world.listener), 0);
    world_close(&world);
    net_tls_free(tls);
}

/* ---- half-open connections ---- */

static int connect_silently(const struct world *world, const char *host)
{
    struct net_address address;
    struct sockaddr_storage sockaddr;
    socklen_t bytes = 0;
    assert_int_equal(net_address_parse(host, peer_listener_port(world->listener), &address), 0);
    net_address_to_sockaddr(&address, &sockaddr, &bytes);
    int fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sockaddr, bytes), 0);
    return fd;
}

/* Runs the loop until the listener has dealt with everybody, and says how many it holds. */
static uint32_t count_half_open(struct world *world)
{
    for (int i = 0; i < 8; i++) {
        uv_run(net_loop_uv(world->loop), UV_RUN_NOWAIT);
    }
    return peer_listener_half_open(world->listener);
}

static void test_the_silent_are_few(void **state)
{
    (void)state;
    struct world world;
    int fds[PEER_LISTENER_PER_ADDRESS_MAX + 2];
    uint8_t byte = 0;
    world_open(&world, true);
    for (size_t i = 0; i < PEER_LISTENER_PER_ADDRESS_MAX + 2; i++) {
        fds[i] = connect_silently(&world, "127.0.0.1");
    }
    assert_int_equal(count_half_open(&world), PEER_LISTENER_PER_ADDRESS_MAX);
    assert_true(recv(fds[PEER_LISTENER_PER_ADDRESS_MAX], &byte, 1, 0) <= 0); /* its end */
    int fd = connect_silently(&world, "::1"); /* another address has its own share */
    assert_int_equal(count_half_open(&world), PEER_LISTENER_PER_ADDRESS_MAX + 1);
    /* Whoever gives up makes room. */
    close(fds[0]);
    assert_int_equal(count_half_open(&world), PEER_LISTENER_PER_ADDRESS_MAX);
    dial(&world, world.low, peer_identity_id(world.high), "127.0.0.1", false);
    world.ends[0].on_up = "h";
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "up 2:hello closed ERROR_NONE");
    for (size_t i = 1; i < PEER_LISTENER_PER_ADDRESS_MAX + 2; i++) {
        close(fds[i]);
    }
    close(fd);
    world_close(&world);
}

/* ---- both sides at once ---- */

/* Each side dials from the port on which it listens; whichever socket wins, one link stands, and both
 * know whom they have. */
static void test_an_arranged_dial_reaches_a_listener(void **state)
{
    (void)state;
    for (int high_listens = 0; high_listens < 2; high_listens++) {
        struct world world;
        world_open(&world, high_listens == 1);
        world.ends[0].on_up = "h";
        dial(&world, other(&world), peer_identity_id(world.listens), "127.0.0.1", true);
        net_loop_run(world.loop);
        assert_string_equal(world.ends[0].log, "up 2:hello closed ERROR_NONE");
        assert_string_equal(world.ends[1].log, "up 1:hello closed ERROR_CLOSED");
        expect_proven(&world);
        world_close(&world);
    }
}

/* What a simultaneous open looks like to each: a socket of its own that is connected. So two arranged
 * links are given the two ends of one connection that neither has accepted: this one accepts for
 * the lower side, and begins as that side does. */
static void test_the_lower_peer_begins(void **state)
{
    (void)state;
    struct world world;
    char text[NET_LISTENER_TEXT_BYTES];
    world_open(&world, true);
    peer_listener_close(world.listener);
    assert_int_equal(
        peer_listener_open(world.loop, world.low, 0, on_accepted, &world, &world.listener, text),
        0);
    world.listens = world.low;
    struct peer_dial_config config = {.is_arranged = true};
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sockaddr;
    socklen_t bytes = sizeof sockaddr;
    struct net_address any = {.family = 4, .bytes = {127, 0, 0, 1}};
    net_address_to_sockaddr(&any, &sockaddr, &bytes);
    assert_int_equal(bind(server, (struct sockaddr *)&sockaddr, bytes), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&sockaddr, &bytes), 0);
    net_address_from_sockaddr((struct sockaddr *)&sockaddr, &config.address);
    world.open = 1;
    assert_int_equal(peer_link_dial(world.loop, world.high, &config, peer_identity_id(world.low),
                                    &handler, &world.ends[0], &world.ends[0].link),
                     0);
    int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    struct net_tls *tls = NULL;
    assert_int_equal(peer_identity_client(world.low, &tls), 0);
    struct net_stream *stream = NULL;
    assert_int_equal(net_stream_meet(world.loop, fd, tls, peer_identity_id(world.high), NULL,
                                     &net_stream_nobody, NULL, &stream),
                     0);
    world.ends[0].on_up = "c";
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "up closed ERROR_NONE");
    assert_memory_equal(world.ends[0].peer_id, peer_identity_id(world.low), HASH_BYTES);
    close(server);
    net_stream_close(stream);
    world_close(&world);
}

static void test_an_arranged_dial_goes_on_for_a_while(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, true);
    uint16_t port = peer_listener_port(world.listener);
    /* Nobody listens there at first: the first attempts are refused. */
    char text[NET_LISTENER_TEXT_BYTES];
    struct peer_listener *late = NULL;
    assert_int_equal(
        peer_listener_open(world.loop, world.high, 0, on_accepted, &world, &late, text), 0);
    uint16_t late_port = peer_listener_port(late);
    peer_listener_close(late);
    struct peer_dial_config config = {
        .address = {.family = 4, .bytes = {127, 0, 0, 1}}, .is_arranged = true, .local_port = port};
    config.address.port = late_port;
    world.ends[0].on_up = "h";
    world.open++;
    assert_int_equal(peer_link_dial(world.loop, world.low, &config, peer_identity_id(world.high),
                                    &handler, &world.ends[0], &world.ends[0].link),
                     0);
    uv_run(net_loop_uv(world.loop), UV_RUN_ONCE);
    uv_run(net_loop_uv(world.loop), UV_RUN_ONCE);
    assert_true(peer_link_is_dialling(world.ends[0].link));
    assert_int_equal(
        peer_listener_open(world.loop, world.high, late_port, on_accepted, &world, &late, text), 0);
    net_loop_run(world.loop);
    assert_string_equal(world.ends[0].log, "up 2:hello closed ERROR_NONE");
    /* It came from the port on which we listen. */
    assert_string_equal(world.ends[1].log, "up 1:hello closed ERROR_CLOSED");
    peer_listener_close(late);
    world_close(&world);
}

static void test_a_port_in_use_is_noticed(void **state)
{
    (void)state;
    struct world world;
    char text[NET_LISTENER_TEXT_BYTES];
    struct peer_listener *second = NULL;
    world_open(&world, true);
    assert_int_equal(peer_listener_open(world.loop, world.low, peer_listener_port(world.listener),
                                        on_accepted, &world, &second, text),
                     ERROR_BUSY);
    assert_non_null(strstr(text, "in use"));
    world_close(&world);
}

/* ---- the key ---- */

static void test_the_key_is_kept(void **state)
{
    (void)state;
    char folder[] = "/tmp/refrain-peer-XXXXXX";
    char path[64];
    uint8_t id[HASH_BYTES];
    struct peer_identity *identity = NULL;
    const char *warning = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/peer.key", folder);
    assert_int_equal(peer_identity_new(path, &identity, &warning), 0);
    memcpy(id, peer_identity_id(identity), HASH_BYTES);
    assert_int_equal(access(path, F_OK), -1); /* a start waits for no disk */
    assert_int_equal(peer_identity_save(identity), 0);
    assert_false(peer_identity_is_unsaved(identity));
    peer_identity_free(identity);

    assert_int_equal(peer_identity_new(path, &identity, &warning), 0);
    assert_null(warning);
    assert_false(peer_identity_is_unsaved(identity));
    assert_memory_equal(peer_identity_id(identity), id, HASH_BYTES);
    peer_identity_free(identity);

    /* One that cannot be used stays as it is; the run has another. */
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(peer_identity_new(path, &identity, &warning), 0);
    assert_non_null(warning);
    assert_false(peer_identity_is_unsaved(identity));
    assert_memory_not_equal(peer_identity_id(identity), id, HASH_BYTES);
    peer_identity_free(identity);
    unlink(path);
    rmdir(folder);
}

/* The peer id is what TLS shows: the hash of the whole SubjectPublicKeyInfo. */
static void test_the_peer_id_is_the_hash_of_the_key(void **state)
{
    (void)state;
    uint8_t id[HASH_BYTES], shown[HASH_BYTES];
    struct crypto_key *key = NULL;
    struct net_tls *tls = NULL;
    assert_int_equal(crypto_key_generate(&key), 0);
    crypto_key_hash(key, id);
    assert_int_equal(net_tls_new_peer_client(key, &tls), 0);
    net_tls_get_key_hash(tls, shown);
    assert_memory_equal(id, shown, HASH_BYTES);
    net_tls_free(tls);
    crypto_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_sides_are_proven),
        cmocka_unit_test(test_a_resumed_link_proves_both_again),
        cmocka_unit_test(test_another_peer_is_refused),
        cmocka_unit_test(test_nobody_links_with_himself),
        cmocka_unit_test(test_nobody_is_there),
        cmocka_unit_test(test_a_dial_is_closed_by_its_owner),
        cmocka_unit_test(test_a_client_without_certificate_is_refused),
        cmocka_unit_test(test_the_silent_are_few),
        cmocka_unit_test(test_an_arranged_dial_reaches_a_listener),
        cmocka_unit_test(test_the_lower_peer_begins),
        cmocka_unit_test(test_an_arranged_dial_goes_on_for_a_while),
        cmocka_unit_test(test_a_port_in_use_is_noticed),
        cmocka_unit_test(test_the_key_is_kept),
        cmocka_unit_test(test_the_peer_id_is_the_hash_of_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
