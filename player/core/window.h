/*
 * window.h: the entries of the queue that matter now, and the budget for speculation.
 *
 * Responsible for how far ahead the queue is looked at (manifests), which start sets are fetched
 * ahead (heads), and how many bytes heads may take: a token bucket that fills with what is played
 * (docs/PLANNER.md). Not responsible for getting anything.
 */
#ifndef PLAYER_CORE_WINDOW_H
#define PLAYER_CORE_WINDOW_H

#include "player/core/preset.h"
#include "player/core/queue.h"

/* Current, looked-up, fetched and lent entries. */
#define WINDOW_MAX 56u
/* Fetched at a time, so that the next one's manifest is here when the first is done. */
#define WINDOW_FETCHES 2u
/* Places that are kept for what is lent (node_lend.c). */
#define WINDOW_LENDS 8u

enum window_role {
    WINDOW_CURRENT = 1,
    WINDOW_NEXT = 2,   /* plays after the current one */
    WINDOW_HEAD = 3,   /* its start set is fetched within the budget */
    WINDOW_LOOKUP = 4, /* its manifest is fetched */
    WINDOW_FETCH = 5,  /* wholly fetched, not played */
    WINDOW_LENT = 6,   /* read by another player */
};

struct window_item {
    uint32_t entry;
    enum window_role role;
};

struct window {
    struct window_item items[WINDOW_MAX]; /* in the order above, then in that of the queue */
    uint32_t count;
};

/* `current`: 0 = nothing plays, and only fetches matter. WINDOW_LENDS places stay free. */
void window_make(struct window *window, struct queue *queue, const struct node_preset *preset,
                 uint32_t current);
/* There must be room (asserted). */
void window_add_lent(struct window *window, uint32_t entry);

struct budget {
    uint64_t tokens; /* bytes */
    uint64_t rest;   /* millionths of a byte that are not yet a token */
};

void window_budget_init(struct budget *budget, const struct node_preset *preset);
/* So many bytes were played. */
void window_budget_earn(struct budget *budget, const struct node_preset *preset, uint64_t bytes);
/* So many are asked for ahead; never below zero. */
void window_budget_spend(struct budget *budget, uint64_t bytes);

#endif
