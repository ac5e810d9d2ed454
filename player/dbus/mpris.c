/*
 * mpris.c: the thread on the session bus.
 *
 * The thread iterates its own GMainContext. What it is told lies in `next` under a mutex; it is woken,
 * takes it over and emits what differs from what it emitted last. Calls from the bus come as callbacks in
 * the same context.
 */
#include "player/dbus/mpris.h"

#include "player/dbus/mpris_values.h"

#include <dlfcn.h>
#include <gio/gio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIO_LIBRARY "libgio-2.0.so.0"
#define BUS_NAME "org.mpris.MediaPlayer2.refrain"
#define OBJECT_PATH "/org/mpris/MediaPlayer2"
#define ROOT_INTERFACE "org.mpris.MediaPlayer2"
#define PLAYER_INTERFACE "org.mpris.MediaPlayer2.Player"
#define CALL_TIMEOUT_MS 5000
#define NAME_DO_NOT_QUEUE 4u
#define NAME_PRIMARY_OWNER 1u

struct mpris {
    pthread_t thread;
    GMainContext *context;
    void (*asked)(void *context, const struct mpris_request *request);
    void *asked_context;

    pthread_mutex_t mutex; /* of these three */
    struct mpris_now next;
    bool is_told, is_ending;

    /* The thread's own. */
    struct mpris_now now;
    GVariant *told[MPRIS_VALUES]; /* what the bus knows; owned */
    GDBusConnection *bus;
    GDBusNodeInfo *info;
};

/* What is used of GIO. */
static struct gio {
    __typeof__(g_dbus_address_get_for_bus_sync) *address_get_for_bus;
    __typeof__(g_dbus_connection_new_for_address_sync) *connection_new;
    __typeof__(g_dbus_connection_call_sync) *connection_call;
    __typeof__(g_dbus_connection_emit_signal) *emit_signal;
    __typeof__(g_dbus_connection_register_object) *register_object;
    __typeof__(g_dbus_connection_close_sync) *connection_close;
    __typeof__(g_dbus_connection_flush_sync) *connection_flush;
    __typeof__(g_dbus_node_info_new_for_xml) *node_info_new;
    __typeof__(g_dbus_node_info_unref) *node_info_unref;
    __typeof__(g_dbus_node_info_lookup_interface) *lookup_interface;
    __typeof__(g_dbus_method_invocation_return_value) *return_value;
    bool is_here;
} gio;
static pthread_once_t gio_once = PTHREAD_ONCE_INIT;

static void load_gio(void)
{
    static const struct {
        const char *name;
        void **place;
    } symbols[] = {
        {"g_dbus_address_get_for_bus_sync", (void **)&gio.address_get_for_bus},
        {"g_dbus_connection_new_for_address_sync", (void **)&gio.connection_new},
        {"g_dbus_connection_call_sync", (void **)&gio.connection_call},
        {"g_dbus_connection_emit_signal", (void **)&gio.emit_signal},
        {"g_dbus_connection_register_object", (void **)&gio.register_object},
        {"g_dbus_connection_close_sync", (void **)&gio.connection_close},
        {"g_dbus_connection_flush_sync", (void **)&gio.connection_flush},
        {"g_dbus_node_info_new_for_xml", (void **)&gio.node_info_new},
        {"g_dbus_node_info_unref", (void **)&gio.node_info_unref},
        {"g_dbus_node_info_lookup_interface", (void **)&gio.lookup_interface},
        {"g_dbus_method_invocation_return_value", (void **)&gio.return_value},
    };
    void *library = dlopen(GIO_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    gio.is_here = library != NULL;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0] && gio.is_here; i++) {
        *symbols[i].place = dlsym(library, symbols[i].name);
        gio.is_here = *symbols[i].place != NULL;
    }
}

bool mpris_is_possible(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char path[MPRIS_PATH_BYTES];
    if (getenv("DBUS_SESSION_BUS_ADDRESS") != NULL) {
        return true;
    }
    g_snprintf(path, sizeof path, "%s/bus", folder != NULL ? folder : "");
    return folder != NULL && access(path, F_OK) == 0;
}

/* --- calls from the bus ---------------------------------------------------------------------------- */

static void ask(struct mpris *mpris, enum mpris_kind kind, int64_t value)
{
    const struct mpris_request request = {.kind = kind, .value = value};
    mpris->asked(mpris->asked_context, &request);
}

/* Seek: before the beginning is the beginning, behind the end the next track. */
static void seek_by(struct mpris *mpris, int64_t offset_us)
{
    int64_t at_us = mpris_values_position(&mpris->now, g_get_monotonic_time());
    int64_t length_us = (int64_t)mpris->now.length_us;
    if (mpris->now.entry == 0) {
        return;
    }
    if (length_us > 0 && offset_us > length_us - at_us) {
        ask(mpris, MPRIS_NEXT, 0);
    } else {
        ask(mpris, MPRIS_SEEK_TO, offset_us < -at_us ? 0 : at_us + offset_us);
    }
}

/* A position of another track, or outside of this one, is none: it comes too late. */
static void set_position(struct mpris *mpris, const char *path, int64_t position_us)
{
    char own[64];
    mpris_values_path(mpris->now.entry, own);
    if (mpris->now.entry != 0 && strcmp(path, own) == 0 && position_us >= 0 &&
        position_us <= (int64_t)mpris->now.length_us) {
        ask(mpris, MPRIS_SEEK_TO, position_us);
    }
}

static void open_uri(struct mpris *mpris, const char *uri)
{
    struct mpris_request request = {.kind = MPRIS_OPEN};
    if (g_strlcpy(request.uri, uri, sizeof request.uri) < sizeof request.uri) {
        mpris->asked(mpris->asked_context, &request);
    }
}

static void call_plain(struct mpris *mpris, const char *method)
{
    static const struct {
        const char *method;
        enum mpris_kind kind;
    } rows[] = {
        {"Next", MPRIS_NEXT}, {"Previous", MPRIS_PREVIOUS},    {"Pause", MPRIS_PAUSE},
        {"Play", MPRIS_PLAY}, {"PlayPause", MPRIS_PLAY_PAUSE}, {"Stop", MPRIS_STOP},
        {"Quit", MPRIS_QUIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(method, rows[i].method) == 0) {
            ask(mpris, rows[i].kind, 0);
        }
    }
}

static void on_call(GDBusConnection *bus, const char *sender, const char *path,
                    const char *interface, const char *method, GVariant *arguments,
                    GDBusMethodInvocation *invocation, void *context)
{
    struct mpris *mpris = context;
    gint64 us = 0;
    const char *text = NULL;
    (void)bus;
    (void)sender;
    (void)path;
    (void)interface;
    if (strcmp(method, "Seek") == 0) {
        g_variant_get(arguments, "(x)", &us);
        seek_by(mpris, us);
    } else if (strcmp(method, "SetPosition") == 0) {
        g_variant_get(arguments, "(&ox)", &text, &us);
        set_position(mpris, text, us);
    } else if (strcmp(method, "OpenUri") == 0) {
        g_variant_get(arguments, "(&s)", &text);
        open_uri(mpris, text);
    } else {
        call_plain(mpris, method);
    }
    gio.return_value(invocation, NULL);
}

static GVariant *on_get(GDBusConnection *bus, const char *sender, const char *path,
                        const char *interface, const char *name, GError **ret_error, void *context)
{
    const struct mpris *mpris = context;
    (void)bus;
    (void)sender;
    (void)path;
    (void)ret_error;
    for (unsigned i = 0; strcmp(interface, PLAYER_INTERFACE) == 0 && i < MPRIS_VALUES; i++) {
        if (strcmp(name, mpris_values_name(i)) == 0) {
            return mpris_values_make(i, &mpris->now, g_get_monotonic_time());
        }
    }
    return mpris_values_root(name);
}

static gboolean on_set(GDBusConnection *bus, const char *sender, const char *path,
                       const char *interface, const char *name, GVariant *value, GError **ret_error,
                       void *context)
{
    struct mpris *mpris = context;
    (void)bus;
    (void)sender;
    (void)path;
    (void)interface;
    (void)ret_error;
    if (strcmp(name, "LoopStatus") == 0) {
        int loop = mpris_values_loop(g_variant_get_string(value, NULL));
        if (loop >= 0) {
            ask(mpris, MPRIS_SET_LOOP, loop);
        }
    } else if (strcmp(name, "Shuffle") == 0) {
        ask(mpris, MPRIS_SET_SHUFFLE, g_variant_get_boolean(value));
    } else if (strcmp(name, "Volume") == 0) {
        double volume = CLAMP(g_variant_get_double(value), 0.0, 1.0);
        ask(mpris, MPRIS_SET_VOLUME, (int64_t)(volume * 100.0 + 0.5));
    }
    return TRUE; /* another rate than 1 is not to be had; what is set says so */
}

/* --- telling the bus --------------------------------------------------------------------------------- */

static void emit(struct mpris *mpris, const char *interface, const char *name, GVariant *arguments)
{
    gio.emit_signal(mpris->bus, NULL, OBJECT_PATH, interface, name, arguments, NULL);
}

static void tell_changes(struct mpris *mpris)
{
    GVariantBuilder changed;
    unsigned count = 0;
    g_variant_builder_init(&changed, G_VARIANT_TYPE("a{sv}"));
    for (unsigned i = 0; i < MPRIS_VALUES; i++) {
        GVariant *value = g_variant_ref_sink(mpris_values_make(i, &mpris->now, 0));
        bool is_other = mpris->told[i] == NULL || !g_variant_equal(value, mpris->told[i]);
        if (!mpris_values_is_told(i) || !is_other) {
            g_variant_unref(value);
            continue;
        }
        g_variant_builder_add(&changed, "{sv}", mpris_values_name(i), value);
        if (mpris->told[i] != NULL) {
            g_variant_unref(mpris->told[i]);
        }
        mpris->told[i] = value;
        count++;
    }
    if (count == 0) {
        g_variant_builder_clear(&changed);
        return;
    }
    emit(mpris, "org.freedesktop.DBus.Properties", "PropertiesChanged",
         g_variant_new("(sa{sv}as)", PLAYER_INTERFACE, &changed, NULL));
}

/* True: the thread goes on. */
static bool take_news(struct mpris *mpris)
{
    uint32_t jumps = mpris->now.jumps;
    uint32_t entry = mpris->now.entry;
    pthread_mutex_lock(&mpris->mutex);
    bool is_told = mpris->is_told;
    bool goes_on = !mpris->is_ending;
    mpris->is_told = false;
    if (is_told) {
        mpris->now = mpris->next;
    }
    pthread_mutex_unlock(&mpris->mutex);
    if (is_told && goes_on) {
        tell_changes(mpris);
        if (mpris->now.jumps != jumps && entry != 0) {
            emit(mpris, PLAYER_INTERFACE, "Seeked",
                 g_variant_new("(x)", mpris_values_position(&mpris->now, g_get_monotonic_time())));
        }
    }
    return goes_on;
}

/* --- the thread ---------------------------------------------------------------------------------------- */

static bool request_name(struct mpris *mpris, const char *name)
{
    guint32 result = 0;
    GVariant *answer = gio.connection_call(
        mpris->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", name, NAME_DO_NOT_QUEUE), G_VARIANT_TYPE("(u)"),
        G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, NULL, NULL);
    if (answer != NULL) {
        g_variant_get(answer, "(u)", &result);
        g_variant_unref(answer);
    }
    return result == NAME_PRIMARY_OWNER;
}

static void take_name(struct mpris *mpris)
{
    char own[64];
    if (!request_name(mpris, BUS_NAME)) {
        /* Another player of this user has it: as the specification names further ones. */
        g_snprintf(own, sizeof own, BUS_NAME ".instance%d", (int)getpid());
        request_name(mpris, own);
    }
}

static bool connect_bus(struct mpris *mpris)
{
    static const GDBusInterfaceVTable calls = {
        .method_call = on_call, .get_property = on_get, .set_property = on_set};
    static const char *const interfaces[] = {ROOT_INTERFACE, PLAYER_INTERFACE};
    char *address = gio.address_get_for_bus(G_BUS_TYPE_SESSION, NULL, NULL);
    mpris->bus = address == NULL
                     ? NULL
                     : gio.connection_new(address,
                                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                          NULL, NULL, NULL);
    g_free(address);
    mpris->info = mpris->bus == NULL ? NULL : gio.node_info_new(mpris_values_interfaces, NULL);
    for (size_t i = 0; mpris->info != NULL && i < 2; i++) {
        gio.register_object(mpris->bus, OBJECT_PATH,
                            gio.lookup_interface(mpris->info, interfaces[i]), &calls, mpris, NULL,
                            NULL);
    }
    return mpris->info != NULL;
}

static void leave_bus(struct mpris *mpris)
{
    if (mpris->info != NULL) {
        gio.node_info_unref(mpris->info);
    }
    if (mpris->bus != NULL) {
        gio.connection_flush(mpris->bus, NULL, NULL);
        gio.connection_close(mpris->bus, NULL, NULL);
        g_object_unref(mpris->bus);
    }
    for (unsigned i = 0; i < MPRIS_VALUES; i++) {
        if (mpris->told[i] != NULL) {
            g_variant_unref(mpris->told[i]);
        }
    }
}

static void *run(void *context)
{
    struct mpris *mpris = context;
    pthread_once(&gio_once, load_gio);
    if (!gio.is_here) {
        return NULL;
    }
    g_main_context_push_thread_default(mpris->context);
    if (connect_bus(mpris)) {
        bool goes_on = take_news(mpris); /* who asks at once gets an answer */
        if (goes_on) {
            take_name(mpris);
        }
        while (goes_on) {
            g_main_context_iteration(mpris->context, TRUE);
            goes_on = take_news(mpris);
        }
    }
    leave_bus(mpris);
    while (g_main_context_iteration(mpris->context, FALSE)) {
        /* what the closing left */
    }
    g_main_context_pop_thread_default(mpris->context);
    return NULL;
}

struct mpris *mpris_open(void (*asked)(void *context, const struct mpris_request *request),
                         void *context)
{
    struct mpris *mpris = calloc(1, sizeof *mpris);
    if (mpris == NULL) {
        return NULL;
    }
    mpris->asked = asked;
    mpris->asked_context = context;
    mpris->now.volume = 1.0;
    mpris->context = g_main_context_new();
    pthread_mutex_init(&mpris->mutex, NULL);
    if (pthread_create(&mpris->thread, NULL, run, mpris) != 0) {
        g_main_context_unref(mpris->context);
        pthread_mutex_destroy(&mpris->mutex);
        free(mpris);
        return NULL;
    }
    return mpris;
}

void mpris_tell(struct mpris *mpris, const struct mpris_now *now)
{
    pthread_mutex_lock(&mpris->mutex);
    mpris->next = *now;
    mpris->is_told = true;
    pthread_mutex_unlock(&mpris->mutex);
    g_main_context_wakeup(mpris->context);
}

void mpris_close(struct mpris *mpris)
{
    if (mpris == NULL) {
        return;
    }
    pthread_mutex_lock(&mpris->mutex);
    mpris->is_ending = true;
    pthread_mutex_unlock(&mpris->mutex);
    g_main_context_wakeup(mpris->context);
    pthread_join(mpris->thread, NULL);
    g_main_context_unref(mpris->context);
    pthread_mutex_destroy(&mpris->mutex);
    free(mpris);
}
