/*
 * mpris_values.c: from struct mpris_now to D-Bus values.
 *
 * Pure but for GLib's memory. The specification is "MPRIS D-Bus Interface Specification" 2.2
 * (freedesktop.org), and "MPRIS v2 metadata guidelines" for the keys of Metadata.
 */
#include "player/dbus/mpris_values.h"

#include <string.h>

#define NO_TRACK "/org/mpris/MediaPlayer2/TrackList/NoTrack"

const char mpris_values_interfaces[] =
    "<node>"
    "<interface name='org.mpris.MediaPlayer2'>"
    "<method name='Raise'/><method name='Quit'/>"
    "<property name='CanQuit' type='b' access='read'/>"
    "<property name='CanRaise' type='b' access='read'/>"
    "<property name='HasTrackList' type='b' access='read'/>"
    "<property name='Identity' type='s' access='read'/>"
    "<property name='DesktopEntry' type='s' access='read'/>"
    "<property name='SupportedUriSchemes' type='as' access='read'/>"
    "<property name='SupportedMimeTypes' type='as' access='read'/>"
    "</interface>"
    "<interface name='org.mpris.MediaPlayer2.Player'>"
    "<method name='Next'/><method name='Previous'/><method name='Pause'/>"
    "<method name='PlayPause'/><method name='Stop'/><method name='Play'/>"
    "<method name='Seek'><arg name='Offset' type='x' direction='in'/></method>"
    "<method name='SetPosition'><arg name='TrackId' type='o' direction='in'/>"
    "<arg name='Position' type='x' direction='in'/></method>"
    "<method name='OpenUri'><arg name='Uri' type='s' direction='in'/></method>"
    "<signal name='Seeked'><arg name='Position' type='x'/></signal>"
    "<property name='PlaybackStatus' type='s' access='read'/>"
    "<property name='LoopStatus' type='s' access='readwrite'/>"
    "<property name='Rate' type='d' access='readwrite'/>"
    "<property name='Shuffle' type='b' access='readwrite'/>"
    "<property name='Metadata' type='a{sv}' access='read'/>"
    "<property name='Volume' type='d' access='readwrite'/>"
    "<property name='Position' type='x' access='read'>"
    "<annotation name='org.freedesktop.DBus.Property.EmitsChangedSignal' value='false'/>"
    "</property>"
    "<property name='MinimumRate' type='d' access='read'/>"
    "<property name='MaximumRate' type='d' access='read'/>"
    "<property name='CanGoNext' type='b' access='read'/>"
    "<property name='CanGoPrevious' type='b' access='read'/>"
    "<property name='CanPlay' type='b' access='read'/>"
    "<property name='CanPause' type='b' access='read'/>"
    "<property name='CanSeek' type='b' access='read'/>"
    "<property name='CanControl' type='b' access='read'>"
    "<annotation name='org.freedesktop.DBus.Property.EmitsChangedSignal' value='false'/>"
    "</property>"
    "</interface>"
    "</node>";

enum value {
    VALUE_STATUS,
    VALUE_LOOP,
    VALUE_RATE,
    VALUE_SHUFFLE,
    VALUE_METADATA,
    VALUE_VOLUME,
    VALUE_POSITION,
    VALUE_RATE_MIN,
    VALUE_RATE_MAX,
    VALUE_CAN_NEXT,
    VALUE_CAN_PREVIOUS,
    VALUE_CAN_PLAY,
    VALUE_CAN_PAUSE,
    VALUE_CAN_SEEK,
    VALUE_CAN_CONTROL,
};

static const char *const names[MPRIS_VALUES] = {
    "PlaybackStatus", "LoopStatus", "Rate",        "Shuffle",     "Metadata",
    "Volume",         "Position",   "MinimumRate", "MaximumRate", "CanGoNext",
    "CanGoPrevious",  "CanPlay",    "CanPause",    "CanSeek",     "CanControl"};
static const char *const states[] = {"Stopped", "Playing", "Paused"};
static const char *const loops[] = {"None", "Track", "Playlist"};

const char *mpris_values_name(unsigned number)
{
    return names[number];
}

bool mpris_values_is_told(unsigned number)
{
    return number != VALUE_POSITION && number != VALUE_CAN_CONTROL;
}

int mpris_values_loop(const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, loops[i]) == 0) {
            return i;
        }
    }
    return -1;
}

void mpris_values_path(uint32_t entry, char ret_path[64])
{
    g_snprintf(ret_path, 64, "/org/refrain/entry/%u", entry);
}

int64_t mpris_values_position(const struct mpris_now *now, int64_t now_us)
{
    int64_t position_us = (int64_t)now->position_us;
    if (now->state == MPRIS_PLAYING && now_us > (int64_t)now->position_at_us) {
        position_us += now_us - (int64_t)now->position_at_us;
    }
    bool is_behind = now->length_us > 0 && position_us > (int64_t)now->length_us;
    return is_behind ? (int64_t)now->length_us : position_us;
}

static void add_text(GVariantBuilder *builder, const char *key, const char *text)
{
    if (text[0] != '\0') {
        g_variant_builder_add(builder, "{sv}", key, g_variant_new_string(text));
    }
}

static GVariant *metadata(const struct mpris_now *now)
{
    GVariantBuilder builder;
    char path[64] = NO_TRACK;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    if (now->entry != 0) {
        mpris_values_path(now->entry, path);
    }
    g_variant_builder_add(&builder, "{sv}", "mpris:trackid", g_variant_new_object_path(path));
    if (now->length_us > 0) {
        g_variant_builder_add(&builder, "{sv}", "mpris:length",
                              g_variant_new_int64((gint64)now->length_us));
    }
    add_text(&builder, "xesam:title", now->title);
    if (now->artist[0] != '\0') {
        const char *artists[] = {now->artist};
        g_variant_builder_add(&builder, "{sv}", "xesam:artist", g_variant_new_strv(artists, 1));
    }
    add_text(&builder, "xesam:album", now->album);
    add_text(&builder, "xesam:url", now->url);
    if (now->cover[0] != '\0') {
        char *uri = g_filename_to_uri(now->cover, NULL, NULL);
        add_text(&builder, "mpris:artUrl", uri != NULL ? uri : "");
        g_free(uri);
    }
    return g_variant_builder_end(&builder);
}

GVariant *mpris_values_make(unsigned number, const struct mpris_now *now, int64_t now_us)
{
    switch ((enum value)number) {
    case VALUE_STATUS:
        return g_variant_new_string(states[now->state]);
    case VALUE_LOOP:
        return g_variant_new_string(loops[now->loop]);
    case VALUE_RATE:
    case VALUE_RATE_MIN:
    case VALUE_RATE_MAX:
        return g_variant_new_double(1.0);
    case VALUE_SHUFFLE:
        return g_variant_new_boolean(now->is_shuffled);
    case VALUE_METADATA:
        return metadata(now);
    case VALUE_VOLUME:
        return g_variant_new_double(now->volume);
    case VALUE_POSITION:
        return g_variant_new_int64(mpris_values_position(now, now_us));
    case VALUE_CAN_NEXT:
    case VALUE_CAN_PREVIOUS:
    case VALUE_CAN_PLAY:
    case VALUE_CAN_PAUSE:
        return g_variant_new_boolean(now->count > 0);
    case VALUE_CAN_SEEK:
        return g_variant_new_boolean(now->entry != 0);
    case VALUE_CAN_CONTROL:
        break;
    }
    return g_variant_new_boolean(TRUE);
}

GVariant *mpris_values_root(const char *name)
{
    static const char *const schemes[] = {"refrain"};
    if (strcmp(name, "Identity") == 0) {
        return g_variant_new_string("Refrain");
    }
    if (strcmp(name, "DesktopEntry") == 0) {
        return g_variant_new_string("refrain");
    }
    if (strcmp(name, "SupportedUriSchemes") == 0) {
        return g_variant_new_strv(schemes, 1);
    }
    if (strcmp(name, "SupportedMimeTypes") == 0) {
        return g_variant_new_strv(NULL, 0);
    }
    bool is_known = strcmp(name, "CanQuit") == 0 || strcmp(name, "CanRaise") == 0 ||
                    strcmp(name, "HasTrackList") == 0;
    return is_known ? g_variant_new_boolean(strcmp(name, "CanQuit") == 0) : NULL;
}
