/*
 * refrain_source.c: the GStreamer element "refrainsrc": refrain://HOST[:PORT]/tracks/ID as a file with
 * random access.
 *
 * Responsible for GStreamer's side only: the URI, the length, reads at any offset, and ending what
 * blocks. Bytes come from track_client.c. When the engine that serves goes away, another place is
 * looked for and reading goes on where it was.
 */
#include "common/error.h"
#include "common/net/url.h"
#include "player/gst_plugin/place.h"
#include "player/gst_plugin/track_client.h"
#include "player/target.h"

#include <gst/base/gstbasesrc.h>
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 65536u
/* Places that are tried for one read, one after the other. */
#define MOVES_MAX 3

struct refrain_source {
    GstBaseSrc base;
    char *uri;
    char id[2 * TRACK_ID_BYTES + 1]; /* of the uri */
    char origin[PLACE_URL_BYTES];
    struct place place;
    struct track_client *client; /* from init on; NULL: no more descriptors */
    bool is_open;
};

struct refrain_source_class {
    GstBaseSrcClass base;
};

typedef struct refrain_source RefrainSource;
typedef struct refrain_source_class RefrainSourceClass;

static void refrain_source_uri_init(gpointer interface, gpointer data);

G_DEFINE_TYPE_WITH_CODE(RefrainSource, refrain_source, GST_TYPE_BASE_SRC,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, refrain_source_uri_init))

static RefrainSource *source_of(gpointer object)
{
    return G_TYPE_CHECK_INSTANCE_CAST(object, refrain_source_get_type(), RefrainSource);
}

/* --- the URI ------------------------------------------------------------------------------------------ */

/* An origin without TLS has no refrain:// address: $REFRAIN_ORIGIN may name the same host and port. */
static void choose_origin(RefrainSource *source, const struct target *target)
{
    const char *named = getenv("REFRAIN_ORIGIN");
    struct net_url wanted, other;
    const char *origin = target->url;
    if (named != NULL && net_url_parse(target->url, &wanted) == 0 &&
        net_url_parse(named, &other) == 0 && strcmp(wanted.host, other.host) == 0 &&
        wanted.port == other.port) {
        origin = named;
    }
    g_strlcpy(source->origin, origin, sizeof source->origin);
}

static gboolean set_uri(GstURIHandler *handler, const gchar *uri, GError **ret_error)
{
    RefrainSource *source = source_of(handler);
    struct target target;
    char text[TARGET_TEXT_BYTES] = "no track's address; write it as refrain://HOST/tracks/ID";
    if (GST_STATE(source) >= GST_STATE_PAUSED) {
        g_set_error(ret_error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE, "it plays already");
        return FALSE;
    }
    if (target_parse(uri, &target, text) != 0 || target.kind != TARGET_ADDRESS) {
        g_set_error(ret_error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "%s", text);
        return FALSE;
    }
    for (unsigned i = 0; i < TRACK_ID_BYTES; i++) {
        g_snprintf(source->id + 2 * i, 3, "%02x", target.id[i]);
    }
    choose_origin(source, &target);
    g_free(source->uri);
    source->uri = g_strdup(uri);
    return TRUE;
}

static gchar *get_uri(GstURIHandler *handler)
{
    return g_strdup(source_of(handler)->uri);
}

static GstURIType get_uri_type(GType type)
{
    (void)type;
    return GST_URI_SRC;
}

static const gchar *const *get_protocols(GType type)
{
    static const gchar *const protocols[] = {"refrain", NULL};
    (void)type;
    return protocols;
}

static void refrain_source_uri_init(gpointer interface, gpointer data)
{
    GstURIHandlerInterface *handler = interface;
    (void)data;
    handler->get_type = get_uri_type;
    handler->get_protocols = get_protocols;
    handler->get_uri = get_uri;
    handler->set_uri = set_uri;
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

/* Finds who serves, and the track there. */
static int move(RefrainSource *source, char *ret_text)
{
    char url[PLACE_URL_BYTES + sizeof source->id];
    place_leave(&source->place);
    int error = place_find(source->origin, &source->place, ret_text);
    if (error == 0) {
        g_snprintf(url, sizeof url, "%s%s", source->place.tracks, source->id);
        error = track_client_open(source->client, url);
        g_snprintf(ret_text, PLACE_TEXT_BYTES, "%s",
                   error == ERROR_NOT_FOUND ? "no such track there" : error_text(error));
    }
    return error;
}

static gboolean start(GstBaseSrc *base)
{
    RefrainSource *source = source_of(base);
    char text[PLACE_TEXT_BYTES] = "";
    if (source->uri == NULL || source->client == NULL) {
        GST_ELEMENT_ERROR(source, RESOURCE, NOT_FOUND, ("No address was given."), (NULL));
        return FALSE;
    }
    int error = move(source, text);
    if (error != 0) {
        place_leave(&source->place);
        if (error == ERROR_NOT_FOUND) {
            GST_ELEMENT_ERROR(source, RESOURCE, NOT_FOUND, ("%s: %s", source->uri, text), (NULL));
        } else {
            GST_ELEMENT_ERROR(source, RESOURCE, OPEN_READ, ("%s: %s", source->uri, text), (NULL));
        }
        return FALSE;
    }
    source->is_open = true;
    return TRUE;
}

static gboolean stop(GstBaseSrc *base)
{
    RefrainSource *source = source_of(base);
    track_client_deinit(source->client);
    source->is_open = false;
    place_leave(&source->place);
    return track_client_init(source->client) == 0;
}

static gboolean get_size(GstBaseSrc *base, guint64 *ret_bytes)
{
    const RefrainSource *source = source_of(base);
    if (!source->is_open) {
        return FALSE;
    }
    *ret_bytes = source->client->total_bytes;
    return TRUE;
}

static gboolean is_seekable(GstBaseSrc *base)
{
    (void)base;
    return TRUE;
}

static gboolean unlock(GstBaseSrc *base)
{
    track_client_cancel(source_of(base)->client, true);
    return TRUE;
}

static gboolean unlock_stop(GstBaseSrc *base)
{
    track_client_cancel(source_of(base)->client, false);
    return TRUE;
}

static GstFlowReturn fill(GstBaseSrc *base, guint64 offset, guint count, GstBuffer *buffer)
{
    RefrainSource *source = source_of(base);
    char text[PLACE_TEXT_BYTES] = "";
    GstMapInfo map;
    uint64_t total = source->client->total_bytes;
    if (offset >= total) {
        return GST_FLOW_EOS;
    }
    if (count > total - offset) {
        count = (guint)(total - offset);
    }
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
        return GST_FLOW_ERROR;
    }
    int error = track_client_read(source->client, offset, map.data, count);
    for (int i = 0; error == ERROR_CLOSED && i < MOVES_MAX; i++) {
        error = move(source, text);
        if (error == 0) {
            error = track_client_read(source->client, offset, map.data, count);
        }
    }
    gst_buffer_unmap(buffer, &map);
    if (error == ERROR_CANCELLED) {
        return GST_FLOW_FLUSHING;
    }
    if (error != 0) {
        GST_ELEMENT_ERROR(source, RESOURCE, READ, ("%s: %s", source->uri, error_text(error)),
                          ("%s", text));
        return GST_FLOW_ERROR;
    }
    gst_buffer_set_size(buffer, count);
    GST_BUFFER_OFFSET(buffer) = offset;
    GST_BUFFER_OFFSET_END(buffer) = offset + count;
    return GST_FLOW_OK;
}

/* --- the type --------------------------------------------------------------------------------------------- */

static void finalize(GObject *object)
{
    RefrainSource *source = source_of(object);
    track_client_deinit(source->client);
    g_free(source->client);
    g_free(source->uri);
    G_OBJECT_CLASS(refrain_source_parent_class)->finalize(object);
}

static void refrain_source_init(RefrainSource *source)
{
    source->client = g_malloc0(sizeof *source->client);
    track_client_init(source->client); /* without a descriptor every call ends with an error */
    gst_base_src_set_blocksize(GST_BASE_SRC(source), BLOCK_BYTES);
}

static void refrain_source_class_init(RefrainSourceClass *class)
{
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    GstBaseSrcClass *base = GST_BASE_SRC_CLASS(class);
    static GstStaticPadTemplate pad =
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    G_OBJECT_CLASS(class)->finalize = finalize;
    base->start = start;
    base->stop = stop;
    base->get_size = get_size;
    base->is_seekable = is_seekable;
    base->unlock = unlock;
    base->unlock_stop = unlock_stop;
    base->fill = fill;
    gst_element_class_add_static_pad_template(element, &pad);
    gst_element_class_set_static_metadata(element, "Refrain source", "Source/Network",
                                          "A track of a Refrain origin, through cache and peers",
                                          "Refrain");
}

static gboolean plugin_init(GstPlugin *plugin)
{
    return gst_element_register(plugin, "refrainsrc", GST_RANK_PRIMARY, refrain_source_get_type());
}

#define PACKAGE "refrain"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, refrain, "Tracks of Refrain origins",
                  plugin_init, REFRAIN_VERSION, "MIT/X11", "Refrain", "refrain")
