/*
 * remember.h: queue, position, volume and modes from one run to the next: the file "queue.json" in the
 * state folder.
 *
 * Written REMEMBER_SOON_US after a change, every REMEMBER_EVERY_US while something plays, and at the end:
 * whole, beside the old one, synced and renamed, on a thread of its own (a disk must not stall the loop).
 * So a player that is killed goes on at most that far back; one that ends, exactly. A file that can't be
 * written is told once; one that is damaged is left out with a word.
 */
#ifndef PLAYER_REMEMBER_H
#define PLAYER_REMEMBER_H

#include "player/playing.h"

#define REMEMBER_SOON_US (1 * TIME_US_PER_S)
#define REMEMBER_EVERY_US (10 * TIME_US_PER_S)
#define REMEMBER_BYTES_MAX (8u << 20)

struct remember;

/* What was remembered: playing_restore's object, a new reference. NULL: nothing, or it was told why not. */
json_t *remember_load(const char *state);
/* Borrows `playing` until remember_close. NULL: out of memory; nothing is remembered. */
struct remember *remember_open(struct playing *playing);
/* Something changed. Accepts NULL, as the others do. */
void remember_touch(struct remember *remember);
/* Writes for the last time, before the engine closes; memory is freed by the loop. */
void remember_close(struct remember *remember);

#endif
