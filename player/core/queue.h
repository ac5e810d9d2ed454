/*
 * queue.h: the entries, in the order in which they play.
 *
 * Responsible for what is queued, what failed, and which entry comes next. Entries are numbered by
 * the caller, ascending; a track that is queued twice is two entries. Not responsible for tracks
 * (tracks.h) nor for what plays now (playhead.h).
 */
#ifndef PLAYER_CORE_QUEUE_H
#define PLAYER_CORE_QUEUE_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_entry {
    uint32_t number;
    uint8_t track_id[TRACK_ID_BYTES];
    bool is_fetch; /* fetched, not played */
    bool is_done;  /* failed, or fetched: it is not looked at any more by itself */
    int error;     /* why it failed; 0 = it did not */
};

struct queue {
    struct queue_entry *list; /* owned; by number */
    uint32_t count;
    uint32_t capacity;
    uint32_t fetch_first; /* index: before it no fetch is open */
};

void queue_init(struct queue *queue);
void queue_deinit(struct queue *queue);
/* `number` is larger than all before (asserted). ERROR_FULL: NODE_QUEUE_MAX; ERROR_NO_MEMORY. */
int queue_add(struct queue *queue, uint32_t number, const uint8_t *track_id, bool is_fetch);
/* Takes out the entries before `number`, but for fetches that are open. Pointers to entries are no
 * longer valid. */
void queue_forget_before(struct queue *queue, uint32_t number);
/* Takes out all entries behind `number` but fetches. Pointers to entries are no longer valid. */
void queue_cut_behind(struct queue *queue, uint32_t number);
/* NULL: no such entry. Valid until the next add. */
struct queue_entry *queue_find(struct queue *queue, uint32_t number);
/* The first entry behind `number` (0 = the first of all) that is to be played; NULL: none. */
struct queue_entry *queue_next_play(struct queue *queue, uint32_t number);
/* The first entry behind `number` that is to be fetched; NULL: none. */
struct queue_entry *queue_next_fetch(struct queue *queue, uint32_t number);
size_t queue_heap_bytes(const struct queue *queue);
void queue_check_invariants(const struct queue *queue);

#endif
