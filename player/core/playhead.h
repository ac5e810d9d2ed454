/*
 * playhead.h: where the play point is, between two reports of the sound output.
 *
 * Responsible for position arithmetic: it advances by the clock while it moves, stands still
 * otherwise, and never passes the end. Sums up how much was heard.
 */
#ifndef PLAYER_CORE_PLAYHEAD_H
#define PLAYER_CORE_PLAYHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct playhead {
    uint64_t position_us; /* at anchor_us */
    uint64_t anchor_us;
    uint64_t duration_us; /* of the track */
    uint64_t from_us;     /* where this stretch began */
    uint64_t heard_us;    /* in the stretches before it */
    bool is_moving;
    bool is_unsynced; /* faster than the clock (--fast): it moves by reports only */
};

/* Another track, or another place in it: a new stretch; it stands. */
void playhead_place(struct playhead *head, uint64_t now_us, uint64_t position_us,
                    uint64_t duration_us);
/* A report of the sound output: it knows best. */
void playhead_report(struct playhead *head, uint64_t now_us, uint64_t position_us);
void playhead_move(struct playhead *head, uint64_t now_us);
void playhead_halt(struct playhead *head, uint64_t now_us);
uint64_t playhead_position_us(const struct playhead *head, uint64_t now_us);
/* How much was heard in all: of each stretch what lies between its beginning and its end. */
uint64_t playhead_heard_us(const struct playhead *head, uint64_t now_us);
/* How long until the track's end; 0 at the end. */
uint64_t playhead_left_us(const struct playhead *head, uint64_t now_us);
/* When `left_us` will be left; now or before when it is so already; TIME_NEVER_US when it stands
 * or is unsynced. */
uint64_t playhead_when_us(const struct playhead *head, uint64_t now_us, uint64_t left_us);

#endif
