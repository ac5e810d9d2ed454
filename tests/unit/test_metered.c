/*
 * test_metered.c: a bus of our own that plays NetworkManager, and none.
 */
#include "player/dbus/metered.h"

#include <gio/gio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum behaviour { ANSWER, ANSWER_WRONG_TYPE, ANSWER_ERROR, SILENCE };

/* The bus; it runs in a thread of its own. */
static struct bus {
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    GDBusServer *server;
    GDBusConnection *client; /* the last one; owned */
    gint behaviour, value;   /* atomic */
    gint asked;              /* atomic */
} bus;

static GVariant *property(void)
{
    if (g_atomic_int_get(&bus.behaviour) == ANSWER_WRONG_TYPE) {
        return g_variant_new_string("yes");
    }
    return g_variant_new_uint32((guint32)g_atomic_int_get(&bus.value));
}

/* All messages are answered here, on GDBus' own thread. */
static GDBusMessage *on_message(GDBusConnection *connection, GDBusMessage *message,
                                gboolean incoming, gpointer context)
{
    (void)context;
    if (!incoming || g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
        return message;
    }
    GDBusMessage *answer = g_dbus_message_new_method_reply(message);
    if (g_strcmp0(g_dbus_message_get_member(message), "Hello") == 0) {
        g_dbus_message_set_body(answer, g_variant_new("(s)", ":1.1"));
    } else {
        g_atomic_int_inc(&bus.asked);
        if (g_atomic_int_get(&bus.behaviour) == ANSWER_ERROR) {
            g_object_unref(answer);
            answer = g_dbus_message_new_method_error_literal(
                message, "org.freedesktop.DBus.Error.ServiceUnknown", "nobody");
        } else {
            g_dbus_message_set_body(answer, g_variant_new("(v)", property()));
        }
    }
    if (g_atomic_int_get(&bus.behaviour) != SILENCE ||
        g_strcmp0(g_dbus_message_get_member(message), "Hello") == 0) {
        g_dbus_connection_send_message(connection, answer, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL,
                                       NULL);
    }
    g_object_unref(answer);
    g_object_unref(message);
    return NULL;
}

static gboolean on_client(GDBusServer *server, GDBusConnection *connection, gpointer context)
{
    (void)server;
    (void)context;
    g_clear_object(&bus.client);
    bus.client = g_object_ref(connection);
    g_dbus_connection_add_filter(connection, on_message, NULL, NULL);
    return TRUE;
}

static gpointer run_bus(gpointer context)
{
    g_main_context_push_thread_default(context);
    g_main_loop_run(bus.loop);
    g_main_context_pop_thread_default(context);
    return NULL;
}

static int open_bus(void **state)
{
    char *guid = g_dbus_generate_guid();
    (void)state;
    bus.context = g_main_context_new();
    bus.loop = g_main_loop_new(bus.context, FALSE);
    g_main_context_push_thread_default(bus.context);
    bus.server = g_dbus_server_new_sync("unix:tmpdir=/tmp", G_DBUS_SERVER_FLAGS_NONE, guid, NULL,
                                        NULL, NULL);
    g_main_context_pop_thread_default(bus.context);
    g_free(guid);
    if (bus.server == NULL) {
        return -1;
    }
    g_signal_connect(bus.server, "new-connection", G_CALLBACK(on_client), NULL);
    g_dbus_server_start(bus.server);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", g_dbus_server_get_client_address(bus.server), 1);
    bus.thread = g_thread_new("bus", run_bus, bus.context);
    return 0;
}

static int close_bus(void **state)
{
    (void)state;
    g_main_loop_quit(bus.loop);
    g_thread_join(bus.thread);
    g_dbus_server_stop(bus.server);
    g_clear_object(&bus.client);
    g_object_unref(bus.server);
    g_main_loop_unref(bus.loop);
    g_main_context_unref(bus.context);
    return 0;
}

static void test_values(void **state)
{
    static const struct {
        enum behaviour behaviour;
        gint value; /* NMMetered */
        bool is_metered;
    } rows[] = {
        {ANSWER, 0, false},       {ANSWER, 1, true},  {ANSWER, 2, false},
        {ANSWER, 3, true},        {ANSWER, 4, false}, {ANSWER_WRONG_TYPE, 1, false},
        {ANSWER_ERROR, 1, false},
    };
    struct metered *metered = metered_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        g_atomic_int_set(&bus.behaviour, (gint)rows[i].behaviour);
        g_atomic_int_set(&bus.value, rows[i].value);
        gint before = g_atomic_int_get(&bus.asked);
        assert_int_equal(metered_ask(metered), rows[i].is_metered);
        assert_int_equal(g_atomic_int_get(&bus.asked), before + 1);
    }
    metered_free(metered);
}

static gpointer ask_thread(gpointer metered)
{
    return GINT_TO_POINTER(metered_ask(metered) ? 1 : 0);
}

static void test_cancel(void **state)
{
    struct metered *metered = metered_new();
    gint before = g_atomic_int_get(&bus.asked);
    gint64 begun_us = g_get_monotonic_time();
    (void)state;
    g_atomic_int_set(&bus.behaviour, SILENCE);
    GThread *thread = g_thread_new("ask", ask_thread, metered);
    while (g_atomic_int_get(&bus.asked) == before) {
        g_thread_yield(); /* until the question has come */
    }
    metered_cancel(metered);
    assert_null(g_thread_join(thread));
    assert_true(g_get_monotonic_time() - begun_us < METERED_TIMEOUT_MS * 1000);
    assert_false(metered_ask(metered));
    assert_int_equal(g_atomic_int_get(&bus.asked), before + 1);
    metered_free(metered);
}

static void test_no_bus(void **state)
{
    struct metered *metered = metered_new();
    (void)state;
    setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
    assert_false(metered_ask(metered));
    metered_free(metered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_cancel),
                                       cmocka_unit_test(test_no_bus)};
    return cmocka_run_group_tests(tests, open_bus, close_bus);
}
