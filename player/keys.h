/*
 * keys.h: single keys from the terminal while a track plays.
 *
 * The terminal is put back on any end: keys_close, exit(), and signals that kill (SIGSEGV, SIGABRT
 * and their like). It is put back, too, while the program is suspended.
 */
#ifndef PLAYER_KEYS_H
#define PLAYER_KEYS_H

#include "common/net/loop.h"

enum keys_key {
    KEYS_PAUSE,   /* space */
    KEYS_FORWARD, /* right */
    KEYS_BACK,    /* left */
    KEYS_NEXT,    /* n */
    KEYS_QUIT,    /* q */
    KEYS_SUSPEND, /* Ctrl-Z; whoever is told so calls keys_suspend */
};

struct keys;
typedef void keys_pressed(void *context, enum keys_key key);

/* ERROR_UNSUPPORTED: standard input is no terminal; ERROR_SYSTEM, ERROR_NO_MEMORY. Once a process. */
int keys_open(struct net_loop *loop, keys_pressed *pressed, void *context, struct keys **ret_keys);
/* To be called now and then: takes keys when the program has come to the foreground, and leaves the
 * terminal alone when it is in the background (a shell tells nobody of "fg"). */
void keys_attend(struct keys *keys);
/* Stops the process group as Ctrl-Z does, with the terminal as it was; returns when it goes on. */
void keys_suspend(struct keys *keys);
/* Puts the terminal back; memory is freed by the loop. Accepts NULL. */
void keys_close(struct keys *keys);

#endif
