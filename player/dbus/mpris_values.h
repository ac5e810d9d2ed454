/*
 * mpris_values.h: the properties of org.mpris.MediaPlayer2.Player as values, and the interfaces' text.
 * Private to player/dbus/mpris*.c.
 */
#ifndef PLAYER_DBUS_MPRIS_VALUES_H
#define PLAYER_DBUS_MPRIS_VALUES_H

#include "player/dbus/mpris.h"

#include <glib.h>

#define MPRIS_VALUES 15u

extern const char mpris_values_interfaces[]; /* introspection, XML */

/* The name of a property of the player by its number, below MPRIS_VALUES. */
const char *mpris_values_name(unsigned number);
/* Its value, floating. `now_us`: for the position (g_get_monotonic_time). */
GVariant *mpris_values_make(unsigned number, const struct mpris_now *now, int64_t now_us);
/* Whether changes of it are told by PropertiesChanged: of the position they are not. */
bool mpris_values_is_told(unsigned number);
/* Of org.mpris.MediaPlayer2 itself, floating; NULL: no such property. */
GVariant *mpris_values_root(const char *name);
int64_t mpris_values_position(const struct mpris_now *now, int64_t now_us);
/* "/org/refrain/entry/7" */
void mpris_values_path(uint32_t entry, char ret_path[64]);
/* MPRIS_LOOP_*, or -1. */
int mpris_values_loop(const char *name);

#endif
