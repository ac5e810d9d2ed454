/*
 * init.c: starts GStreamer without its registry and loads plugins by file name.
 *
 * Responsible for the table of which plugin has which element. Not for chains (deck_chain.c).
 */
#include "media/gst/init.h"

#include "common/error.h"

#include <gst/gst.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512u

/* An element, the plugin file that has it, and plugins that it looks for by itself. */
struct plugin_row {
    const char *element;
    const char *plugin;
    const char *helpers[3];
};

static const struct plugin_row plugin_rows[] = {
    {"oggdemux", "ogg", {NULL}},
    {"oggmux", "ogg", {NULL}},
    {"vorbisdec", "vorbis", {NULL}},
    {"vorbisenc", "vorbis", {NULL}},
    {"opusdec", "opus", {NULL}},
    {"opusenc", "opus", {NULL}},
    {"flacdec", "flac", {NULL}},
    {"flacenc", "flac", {NULL}},
    {"flacparse", "audioparsers", {NULL}},
    {"mpegaudioparse", "audioparsers", {NULL}},
    {"aacparse", "audioparsers", {NULL}},
    {"mpg123audiodec", "mpg123", {NULL}},
    {"qtdemux", "isomp4", {NULL}},
    {"faad", "faad", {NULL}},
    {"rganalysis", "replaygain", {NULL}},
    {"rgvolume", "replaygain", {NULL}},
    {"audioconvert", "audioconvert", {NULL}},
    {"audioresample", "audioresample", {NULL}},
    {"audiotestsrc", "audiotestsrc", {NULL}},
    {"volume", "volume", {NULL}},
    {"appsrc", "app", {NULL}},
    {"appsink", "app", {NULL}},
    {"queue", "coreelements", {NULL}},
    {"capsfilter", "coreelements", {NULL}},
    {"fakesink", "coreelements", {NULL}},
    {"filesink", "coreelements", {NULL}},
    {"alsasink", "alsa", {NULL}},
    {"pulsesink", "pulseaudio", {NULL}},
    {"pipewiresink", "pipewire", {NULL}},
    {"autoaudiosink", "autodetect", {"pulseaudio", "alsa", "pipewire"}},
};

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static bool started;
static bool uses_registry; /* the usual one: nothing is loaded by us */
static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool scanned; /* the plugin folder, whole; under load_mutex */

static bool environment_names_plugins(void)
{
    static const char *const names[] = {
        "GST_PLUGIN_PATH",
        "GST_PLUGIN_PATH_1_0",
        "GST_PLUGIN_SYSTEM_PATH",
        "GST_PLUGIN_SYSTEM_PATH_1_0",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void start(void)
{
    uses_registry = environment_names_plugins() || access(MEDIA_GST_PLUGIN_DIR, R_OK) != 0;
    /* GStreamer has no call for this; it reads the variable within gst_init only. */
    bool set = !uses_registry && setenv("GST_REGISTRY_DISABLE", "yes", 1) == 0;
    gst_registry_fork_set_enabled(FALSE);
    started = gst_init_check(NULL, NULL, NULL);
    if (set) {
        unsetenv("GST_REGISTRY_DISABLE");
    }
}

int media_gst_init(void)
{
    (void)pthread_once(&start_once, start);
    return started ? 0 : ERROR_SYSTEM;
}

static bool factory_exists(const char *element)
{
    GstElementFactory *factory = gst_element_factory_find(element);
    if (factory == NULL) {
        return false;
    }
    gst_object_unref(factory);
    return true;
}

static void load_plugin(const char *name)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/libgst%s.so", MEDIA_GST_PLUGIN_DIR, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return;
    }
    GstPlugin *plugin = gst_plugin_load_file(path, NULL);
    if (plugin != NULL) {
        gst_object_unref(plugin);
    }
}

/* False: the table does not know the element. */
static bool load_for_element(const char *element)
{
    for (size_t i = 0; i < sizeof plugin_rows / sizeof plugin_rows[0]; i++) {
        const struct plugin_row *row = &plugin_rows[i];
        if (strcmp(row->element, element) != 0) {
            continue;
        }
        load_plugin(row->plugin);
        for (size_t j = 0; j < sizeof row->helpers / sizeof row->helpers[0]; j++) {
            if (row->helpers[j] != NULL) {
                load_plugin(row->helpers[j]);
            }
        }
        return true;
    }
    return false;
}

static bool find_or_load(const char *element)
{
    if (factory_exists(element)) {
        return true;
    }
    if (uses_registry) {
        return false;
    }
    /* A scan takes half a second: not for what we know to be missing. */
    if (!load_for_element(element) && !scanned) {
        scanned = true;
        (void)gst_registry_scan_path(gst_registry_get(), MEDIA_GST_PLUGIN_DIR);
    }
    return factory_exists(element);
}

static bool typefind_works(void)
{
    GList *factories = gst_type_find_factory_get_list();
    bool any = factories != NULL;
    gst_plugin_feature_list_free(factories);
    return any;
}

int media_gst_need_typefind(void)
{
    int error = media_gst_init();
    if (error != 0) {
        return error;
    }
    (void)pthread_mutex_lock(&load_mutex);
    if (!typefind_works()) {
        load_plugin("typefindfunctions");
    }
    bool works = typefind_works();
    (void)pthread_mutex_unlock(&load_mutex);
    return works ? 0 : ERROR_UNSUPPORTED;
}

int media_gst_need(const char *element)
{
    int error = media_gst_init();
    if (error != 0) {
        return error;
    }
    (void)pthread_mutex_lock(&load_mutex);
    bool found = find_or_load(element);
    (void)pthread_mutex_unlock(&load_mutex);
    return found ? 0 : ERROR_UNSUPPORTED;
}
