/*
 * lineup.h: the listener's queue: entries in the order in which they are to play, what plays of them,
 * shuffle and repeat.
 *
 * Responsible for order and for what follows what. Not responsible for sound: the node (node.h) is told
 * the next few entries, and which of them begins is told to the lineup. An entry keeps its number for
 * ever, wherever it is moved; a track that is queued twice is two entries.
 *
 * Every entry has a place of its own, the one that it has without shuffle; shuffling changes the order
 * only, and takes what plays first. The same seed and the same calls give the same order.
 */
#ifndef PLAYER_CORE_LINEUP_H
#define PLAYER_CORE_LINEUP_H

#include "common/limits.h"
#include "common/prng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINEUP_ENTRIES_MAX 20000u

enum lineup_shuffle {
    LINEUP_SHUFFLE_OFF = 0,
    LINEUP_SHUFFLE_TRACKS,
    LINEUP_SHUFFLE_ALBUMS, /* albums in any order, each in its own */
};

enum lineup_repeat {
    LINEUP_REPEAT_OFF = 0,
    LINEUP_REPEAT_ALL,
    LINEUP_REPEAT_ONE,
};

struct lineup_track {
    uint8_t track_id[TRACK_ID_BYTES];
    uint64_t album; /* the same for the tracks of an album; 0 = of none */
};

struct lineup_entry {
    uint32_t number; /* from 1 */
    uint32_t place;  /* without shuffle; 0 to count - 1 */
    uint64_t album;
    uint8_t track_id[TRACK_ID_BYTES];
    bool is_played; /* it was begun */
    bool is_failed; /* it does not follow by itself any more, until it is begun by hand */
};

/* Legal: `at` <= count; has_current: at < count, and entries[at] is it. Else entries[at] is what would
 * follow (the one that played was taken out, or nothing has begun). */
struct lineup {
    struct lineup_entry *entries; /* in order of playing; owned */
    uint32_t count, capacity;
    uint32_t at;
    bool has_current;
    uint32_t last_number;
    enum lineup_shuffle shuffle;
    enum lineup_repeat repeat;
    struct prng prng;
};

enum lineup_where {
    LINEUP_NEXT, /* right behind what plays, in the order given */
    LINEUP_END,  /* behind all others; with shuffled tracks, anywhere behind what plays */
};

void lineup_init(struct lineup *lineup, uint64_t seed);
void lineup_deinit(struct lineup *lineup);

/* Appends all, or none: ERROR_FULL (LINEUP_ENTRIES_MAX), ERROR_NO_MEMORY. The entries have the numbers
 * *ret_first, *ret_first + 1, ... in the order given. */
int lineup_add(struct lineup *lineup, const struct lineup_track *tracks, uint32_t count,
               enum lineup_where where, uint32_t *ret_first);
/* How many were there. What plays may be among them: nothing is current then. ERROR_NO_MEMORY. */
int lineup_remove(struct lineup *lineup, const uint32_t *numbers, uint32_t count,
                  uint32_t *ret_removed);
/* To the index `to` of the order (the last one when it is larger). False: there is no such entry. */
bool lineup_move(struct lineup *lineup, uint32_t number, uint32_t to);
/* Takes out all but what plays. */
void lineup_clear(struct lineup *lineup);
/* Shuffles anew, also when that mode is on; OFF: back to the places. ERROR_NO_MEMORY: the order is as it
 * was. */
int lineup_set_shuffle(struct lineup *lineup, enum lineup_shuffle shuffle);

/* A lineup of another run, in the empty one: entries in order of playing with their places, album and
 * marks; they get the numbers 1, 2, ... ERROR_MALFORMED: the places are none of this order, or `at` is
 * none; ERROR_FULL, ERROR_NO_MEMORY. The lineup stays empty then. */
int lineup_restore(struct lineup *lineup, const struct lineup_entry *entries, uint32_t count,
                   uint32_t at, bool has_current, enum lineup_shuffle shuffle);
/* NULL: no such entry. Valid until the next call that changes the lineup. */
struct lineup_entry *lineup_find(const struct lineup *lineup, uint32_t number);
/* What plays, or played last; 0: nothing. */
uint32_t lineup_current(const struct lineup *lineup);
/* This entry plays now. False: no such entry. */
bool lineup_begin(struct lineup *lineup, uint32_t number);
/* What the listener's "next" and "previous" mean; 0: nothing is there. */
uint32_t lineup_behind(const struct lineup *lineup);
uint32_t lineup_before(const struct lineup *lineup);
/* What follows by itself: at most `capacity` numbers, a lap at the most; how many. */
uint32_t lineup_upcoming(const struct lineup *lineup, uint32_t *ret_numbers, uint32_t capacity);

size_t lineup_heap_bytes(const struct lineup *lineup);
void lineup_check_invariants(const struct lineup *lineup);

/* "off", "tracks", "albums"; "off", "all", "one". */
const char *lineup_shuffle_name(enum lineup_shuffle shuffle);
const char *lineup_repeat_name(enum lineup_repeat repeat);
/* False: no such name. */
bool lineup_shuffle_parse(const char *name, enum lineup_shuffle *ret_shuffle);
bool lineup_repeat_parse(const char *name, enum lineup_repeat *ret_repeat);

#endif
