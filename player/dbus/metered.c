/*
 * metered.c: one property over the system bus.
 *
 * Failure modes: every step may fail; then the line counts as not metered.
 */
#include "player/dbus/metered.h"

#include <dlfcn.h>
#include <gio/gio.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define BUS_SOCKET "/run/dbus/system_bus_socket"
#define GIO_LIBRARY "libgio-2.0.so.0"
/* NMMetered of NetworkManager's D-Bus interface. */
#define NM_METERED_YES 1u
#define NM_METERED_GUESS_YES 3u

struct metered {
    pthread_mutex_t lock; /* of what follows */
    GCancellable *cancellable;
    bool is_cancelled;
};

/* What is used of GIO. */
static struct gio {
    __typeof__(g_cancellable_new) *cancellable_new;
    __typeof__(g_cancellable_cancel) *cancellable_cancel;
    __typeof__(g_dbus_address_get_for_bus_sync) *address_get_for_bus;
    __typeof__(g_dbus_connection_new_for_address_sync) *connection_new;
    __typeof__(g_dbus_connection_call_sync) *connection_call;
    bool is_here;
} gio;
static pthread_once_t gio_once = PTHREAD_ONCE_INIT;

static void load_gio(void)
{
    void *library = dlopen(GIO_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        return;
    }
    *(void **)&gio.cancellable_new = dlsym(library, "g_cancellable_new");
    *(void **)&gio.cancellable_cancel = dlsym(library, "g_cancellable_cancel");
    *(void **)&gio.address_get_for_bus = dlsym(library, "g_dbus_address_get_for_bus_sync");
    *(void **)&gio.connection_new = dlsym(library, "g_dbus_connection_new_for_address_sync");
    *(void **)&gio.connection_call = dlsym(library, "g_dbus_connection_call_sync");
    gio.is_here = gio.cancellable_new != NULL && gio.cancellable_cancel != NULL &&
                  gio.address_get_for_bus != NULL && gio.connection_new != NULL &&
                  gio.connection_call != NULL;
}

struct metered *metered_new(void)
{
    struct metered *metered = calloc(1, sizeof *metered);
    if (metered != NULL && pthread_mutex_init(&metered->lock, NULL) != 0) {
        free(metered);
        return NULL;
    }
    return metered;
}

void metered_free(struct metered *metered)
{
    if (metered == NULL) {
        return;
    }
    if (metered->cancellable != NULL) {
        g_object_unref(metered->cancellable);
    }
    pthread_mutex_destroy(&metered->lock);
    free(metered);
}

void metered_cancel(struct metered *metered)
{
    pthread_mutex_lock(&metered->lock);
    metered->is_cancelled = true;
    if (metered->cancellable != NULL) {
        gio.cancellable_cancel(metered->cancellable);
    }
    pthread_mutex_unlock(&metered->lock);
}

/* False: it was cancelled already. */
static bool begin(struct metered *metered)
{
    pthread_mutex_lock(&metered->lock);
    if (metered->cancellable == NULL && !metered->is_cancelled) {
        metered->cancellable = gio.cancellable_new();
    }
    bool may = !metered->is_cancelled;
    pthread_mutex_unlock(&metered->lock);
    return may;
}

static bool ask(GDBusConnection *bus, GCancellable *cancellable)
{
    guint32 value = 0;
    GVariant *inner = NULL;
    GVariant *answer = gio.connection_call(
        bus, "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
        "org.freedesktop.DBus.Properties", "Get",
        g_variant_new("(ss)", "org.freedesktop.NetworkManager", "Metered"), G_VARIANT_TYPE("(v)"),
        G_DBUS_CALL_FLAGS_NO_AUTO_START, METERED_TIMEOUT_MS, cancellable, NULL);
    if (answer == NULL) {
        return false;
    }
    g_variant_get(answer, "(v)", &inner);
    if (g_variant_is_of_type(inner, G_VARIANT_TYPE_UINT32)) {
        value = g_variant_get_uint32(inner);
    }
    g_variant_unref(inner);
    g_variant_unref(answer);
    return value == NM_METERED_YES || value == NM_METERED_GUESS_YES;
}

bool metered_ask(struct metered *metered)
{
    if (getenv("DBUS_SYSTEM_BUS_ADDRESS") == NULL && access(BUS_SOCKET, F_OK) != 0) {
        return false;
    }
    pthread_once(&gio_once, load_gio);
    if (!gio.is_here || !begin(metered)) {
        return false;
    }
    bool is_metered = false;
    char *address = gio.address_get_for_bus(G_BUS_TYPE_SYSTEM, metered->cancellable, NULL);
    GDBusConnection *bus =
        address == NULL ? NULL
                        : gio.connection_new(address,
                                             G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                 G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                             NULL, metered->cancellable, NULL);
    if (bus != NULL) {
        is_metered = ask(bus, metered->cancellable);
        g_object_unref(bus); /* which closes it */
    }
    g_free(address);
    return is_metered;
}
