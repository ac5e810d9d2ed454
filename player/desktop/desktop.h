/*
 * desktop.h: the running player among other programs of the desktop: MPRIS (player/dbus/mpris.h), hook
 * programs (hooks.h) and the cover of what plays as a file (covers.h).
 *
 * A face as others are: it hears events and asks verbs (player/front). Everything begins late, half a
 * second after the start, so that the first sound does not wait for it, and only what is of use here:
 * without a session bus and hooks nothing does.
 */
#ifndef PLAYER_DESKTOP_DESKTOP_H
#define PLAYER_DESKTOP_DESKTOP_H

#include "player/control.h"

struct desktop;

/* `control` and `session` are borrowed until desktop_close. NULL: out of memory; the music goes on. */
struct desktop *desktop_open(struct control *control, struct session *session);
/* Before the control closes: it tells of what was played last. Memory goes when the loop has gone on.
 * Accepts NULL. */
void desktop_close(struct desktop *desktop);

#endif
