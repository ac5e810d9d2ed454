/*
 * test_net_loop.c: deadlines, deferred work, signals, mailboxes from threads, ports that are taken.
 */
#include "common/error.h"
#include "common/net/listener.h"
#include "common/net/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct net_loop *loop;
static char seen[200];

static int set_up(void **state)
{
    (void)state;
    seen[0] = '\0';
    return net_loop_new(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    net_loop_free(loop);
    return 0;
}

static void see(const char *what)
{
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%s ", what);
}

/* ---- deadlines ---- */

static uint64_t due_us;

static void on_first(void *context)
{
    (void)context;
    assert_true(net_now_us() >= due_us);
    see("first");
}

static void on_second(void *context)
{
    (void)context;
    see("second");
}

static void test_deadlines(void **state)
{
    (void)state;
    struct net_deadline *first = NULL, *second = NULL, *never = NULL;
    assert_int_equal(net_deadline_open(loop, on_first, NULL, &first), 0);
    assert_int_equal(net_deadline_open(loop, on_second, NULL, &second), 0);
    assert_int_equal(net_deadline_open(loop, on_second, NULL, &never), 0);
    net_deadline_set(never, net_now_us());
    net_deadline_set(never, TIME_NEVER_US);
    net_deadline_set(second, net_now_us() + 8000);
    net_deadline_set(first, net_now_us() + 900000);
    due_us = net_now_us() + 3300;
    net_deadline_set(first, due_us); /* replaces */
    net_loop_run(loop);
    assert_string_equal(seen, "first second ");
    net_deadline_set(second, 1); /* long past: next turn */
    assert_string_equal(seen, "first second ");
    net_loop_run(loop);
    assert_string_equal(seen, "first second second ");
    net_deadline_set(second, net_now_us());
    net_deadline_close(first);
    net_deadline_close(second);
    net_deadline_close(never);
    net_deadline_close(NULL);
    net_loop_run(loop);
    assert_string_equal(seen, "first second second ");
}

/* ---- deferred work ---- */

static struct net_deferred item_a, item_b, item_c;

static void on_a(void *context)
{
    (void)context;
    see("a");
    net_loop_undefer(loop, &item_b);
    net_loop_defer(loop, &item_c);
    net_loop_defer(loop, &item_c);
}

static void on_b(void *context)
{
    (void)context;
    see("b");
}

static void on_c(void *context)
{
    int *rounds = context;
    see("c");
    if (--*rounds > 0) {
        net_loop_defer(loop, &item_c);
    }
}

static void test_deferred(void **state)
{
    (void)state;
    int rounds = 3;
    item_a = (struct net_deferred){.callback = on_a};
    item_b = (struct net_deferred){.callback = on_b};
    item_c = (struct net_deferred){.callback = on_c, .context = &rounds};
    net_loop_defer(loop, &item_a);
    net_loop_defer(loop, &item_b);
    net_loop_defer(loop, &item_a);
    net_loop_undefer(loop, &item_c);
    net_loop_run(loop);
    assert_string_equal(seen, "a c c c ");
    assert_null(item_a.next);
}

/* ---- signals ---- */

static void on_signal(void *context, int number)
{
    int *count = context;
    see(number == SIGTERM ? "term" : "int");
    if (++*count == 2) {
        net_loop_release_signals(loop);
        net_loop_stop(loop);
    } else {
        raise(SIGINT);
    }
}

static void on_keep_running(void *context)
{
    (void)context;
    fail_msg("no signal came");
}

static void test_signals(void **state)
{
    (void)state;
    int count = 0;
    struct net_deadline *guard = NULL;
    assert_int_equal(net_deadline_open(loop, on_keep_running, NULL, &guard), 0);
    net_deadline_set(guard, net_now_us() + 20 * TIME_US_PER_S);
    assert_int_equal(net_loop_catch_signals(loop, on_signal, &count), 0);
    raise(SIGTERM);
    net_loop_run(loop);
    assert_string_equal(seen, "term int ");
    net_deadline_close(guard);
    net_loop_run(loop);
    raise(SIGPIPE); /* ignored since net_loop_new */
}

/* ---- mailboxes ---- */

#define POSTERS 4
#define POSTS 5000u

struct letter {
    uint32_t poster, number;
};

static struct net_mailbox *mailbox;
static uint32_t next_of[POSTERS], arrived;

static void on_letter(void *context, const void *message)
{
    struct letter letter;
    (void)context;
    memcpy(&letter, message, sizeof letter);
    assert_int_equal(letter.number, next_of[letter.poster]); /* each poster's order is kept */
    next_of[letter.poster]++;
    if (++arrived == POSTERS * POSTS) {
        net_mailbox_close(mailbox);
    }
}

static void *post_many(void *context)
{
    struct letter letter = {.poster = (uint32_t)(uintptr_t)context};
    while (letter.number < POSTS) {
        if (net_mailbox_post(mailbox, &letter) == 0) {
            letter.number++;
        } else {
            sched_yield(); /* full: the loop is at it */
        }
    }
    return NULL;
}

static void test_mailbox(void **state)
{
    (void)state;
    pthread_t threads[POSTERS];
    struct letter letter = {.poster = 0};
    assert_int_equal(net_mailbox_open(loop, sizeof(struct letter), 16, on_letter, NULL, &mailbox),
                     0);
    for (uintptr_t i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
    }
    net_loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(arrived, POSTERS * POSTS);
    assert_int_equal(net_mailbox_post(mailbox, &letter), ERROR_CLOSED);
    net_mailbox_free(mailbox);
    net_mailbox_free(NULL);
}

static void on_text(void *context, const void *message)
{
    (void)context;
    see(message);
}

static void test_mailbox_limits(void **state)
{
    (void)state;
    assert_int_equal(net_mailbox_open(loop, 2, 2, on_text, NULL, &mailbox), 0);
    assert_int_equal(net_mailbox_post(mailbox, "x"), 0);
    assert_int_equal(net_mailbox_post(mailbox, "y"), 0);
    assert_int_equal(net_mailbox_post(mailbox, "z"), ERROR_FULL);
    net_mailbox_drain(mailbox);
    assert_string_equal(seen, "x y ");
    assert_int_equal(net_mailbox_post(mailbox, "z"), 0);
    net_mailbox_close(mailbox); /* what waits is dropped */
    net_mailbox_close(mailbox);
    net_loop_run(loop);
    assert_string_equal(seen, "x y ");
    net_mailbox_free(mailbox);
}

/* ---- listening ---- */

static void on_accepted(void *context, int fd)
{
    (void)context;
    close(fd);
}

static void test_port_in_use(void **state)
{
    (void)state;
    char text[NET_LISTENER_TEXT_BYTES], expected[100];
    struct net_listener *first = NULL, *second = NULL;
    assert_int_equal(net_listener_open(loop, "127.0.0.1", 0, on_accepted, NULL, &first, text), 0);
    uint16_t port = net_listener_address(first)->port;
    assert_int_equal(net_listener_open(loop, "127.0.0.1", port, on_accepted, NULL, &second, text),
                     ERROR_BUSY);
    snprintf(expected, sizeof expected, "127.0.0.1:%u is in use by another program", port);
    assert_string_equal(text, expected);
    assert_int_equal(net_listener_open(loop, "192.0.2.1", 0, on_accepted, NULL, &second, text),
                     ERROR_NOT_FOUND);
    assert_string_equal(text, "192.0.2.1:0 is not an address of this machine");
    assert_int_equal(net_listener_open(loop, "a b", 0, on_accepted, NULL, &second, text),
                     ERROR_NOT_FOUND);
    assert_null(second);
    net_listener_close(first);
    net_loop_run(loop);
    /* The port is free again. */
    assert_int_equal(net_listener_open(loop, "127.0.0.1", port, on_accepted, NULL, &second, text),
                     0);
    net_listener_close(second);
    net_listener_close(NULL);
}

/* ---- no file descriptors left ---- */

static struct net_listener *poor_listener;
static struct rlimit plenty;

static void on_plenty(void *context)
{
    (void)context;
    see("plenty");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &plenty), 0);
}

static void on_poor_accepted(void *context, int fd)
{
    (void)context;
    see("accepted");
    close(fd);
    net_listener_close(poor_listener);
}

/* Accepting rests while there are none, and the connection is taken when there are some again. */
static void test_out_of_descriptors(void **state)
{
    (void)state;
    char text[NET_LISTENER_TEXT_BYTES];
    struct sockaddr_storage where;
    socklen_t where_bytes = 0;
    struct net_deadline *deadline = NULL;
    assert_int_equal(
        net_listener_open(loop, "127.0.0.1", 0, on_poor_accepted, NULL, &poor_listener, text), 0);
    net_address_to_sockaddr(net_listener_address(poor_listener), &where, &where_bytes);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&where, where_bytes), 0);
    assert_int_equal(net_deadline_open(loop, on_plenty, NULL, &deadline), 0);
    net_deadline_set(deadline, net_now_us() + 20000);
    int next = dup(client);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &plenty), 0);
    struct rlimit poor = {.rlim_cur = (rlim_t)next, .rlim_max = plenty.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &poor), 0);
    net_loop_run(loop);
    assert_string_equal(seen, "plenty accepted ");
    net_deadline_close(deadline);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_deadlines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deferred, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mailbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mailbox_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_descriptors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
