/*
 * metered.h: whether the line to the internet is paid by volume, as NetworkManager knows or guesses
 * (org.freedesktop.NetworkManager, property Metered).
 *
 * GIO is loaded when it is asked for the first time and there is a system bus, so that neither a start
 * nor a machine without one pays for it.
 */
#ifndef PLAYER_DBUS_METERED_H
#define PLAYER_DBUS_METERED_H

#include <stdbool.h>

struct metered;

/* NULL: out of memory. */
struct metered *metered_new(void);
/* Not while metered_ask runs. Accepts NULL. */
void metered_free(struct metered *metered);
/* Blocks, for METERED_TIMEOUT_MS at most a call: not for the engine's thread. False as well when nobody
 * knows: no bus, no NetworkManager. Starts no service. */
#define METERED_TIMEOUT_MS 2000
bool metered_ask(struct metered *metered);
/* Any thread: metered_ask returns at once, now and from now on. */
void metered_cancel(struct metered *metered);

#endif
