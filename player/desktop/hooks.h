/*
 * hooks.h: programs of the listener's that are told what plays (docs/DESKTOP.md).
 *
 * A hook is an executable file $XDG_CONFIG_HOME/refrain/hooks/NAME. It gets one JSON object on its
 * standard input and runs beside the music: nobody waits for it, it has HOOKS_TIME_US, and its end is
 * taken note of. Its output goes nowhere, so that it disturbs no screen and holds no pipe of ours.
 */
#ifndef PLAYER_DESKTOP_HOOKS_H
#define PLAYER_DESKTOP_HOOKS_H

#include "common/net/loop.h"

#include <jansson.h>

#define HOOKS_TIME_US (10 * TIME_US_PER_S) /* then it is killed */
#define HOOKS_RUNNING_MAX 8u               /* at a time; what comes on top is left out, and said */

enum hooks_kind {
    HOOKS_TRACK_START = 0, /* "on-track-start": a track's first sound is heard */
    HOOKS_PLAY,            /* "on-play": a track was played, to its end or not */
    HOOKS_KINDS,
};

struct hooks;

/* NULL: out of memory. */
struct hooks *hooks_open(struct net_loop *loop);
/* There is a program for it now. */
bool hooks_has(const struct hooks *hooks, enum hooks_kind kind);
/* Starts the program, if there is one; takes the reference of `object`. */
void hooks_run(struct hooks *hooks, enum hooks_kind kind, json_t *object);
/* What was started in the last second goes on by itself, what runs for longer is killed. Memory goes when the loop has gone on. Accepts NULL. */
void hooks_close(struct hooks *hooks);

#endif
