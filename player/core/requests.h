/*
 * requests.h: what one link was asked for and has not answered yet.
 *
 * Responsible for numbers (from 1, each once a link, OPEN and REQUEST share one space), for how
 * many chunks of each request are still to come, and for the bytes outstanding. A request leaves
 * when its last chunk has come, when it is cancelled or rejected, or with its link.
 */
#ifndef PLAYER_CORE_REQUESTS_H
#define PLAYER_CORE_REQUESTS_H

#include "common/limits.h"
#include "media/core/intern.h"

#include <stdbool.h>
#include <stdint.h>

/* On one link at a time, whatever the other side allows. */
#define REQUESTS_MAX 64u

enum request_kind {
    REQUEST_OPEN = 1,   /* not answered: `file` is 0 */
    REQUEST_OPENED = 2, /* its manifest has come, the start set is to come */
    REQUEST_CHUNKS = 3,
    REQUEST_HEDGE = 4, /* one chunk that another link was asked for already (hedges.h) */
};

struct request {
    uint32_t number;
    enum request_kind kind;
    uint8_t priority; /* enum p2p_priority */
    bool is_answered; /* something of it has come */
    bool wants_start; /* OPEN: with the start set */
    bool wants_proofs;
    bool is_alone; /* nothing was outstanding when it was asked: its answer times the round trip */
    media_handle file;
    uint32_t first_chunk; /* CHUNKS */
    uint16_t count;       /* CHUNKS */
    uint32_t left;        /* chunks of it that have not wholly come */
    uint64_t sent_us;
    uint64_t expected_us;             /* CHUNKS: when its first chunk should be here */
    uint8_t track_id[TRACK_ID_BYTES]; /* OPEN, OPENED */
};

struct requests {
    struct request list[REQUESTS_MAX]; /* by number, ascending */
    uint32_t count;
    uint32_t next_number;
    uint64_t bytes; /* payload outstanding; kept by the callers of add and received */
};

void requests_init(struct requests *requests);
/* A new one, zeroed but for its number. There must be room. Valid until the next add or remove. */
struct request *requests_add(struct requests *requests);
/* NULL: no such request, or not any more. */
struct request *requests_find(struct requests *requests, uint32_t number);
/* True when the number was given once, whether or not the request is still there. */
bool requests_was_used(const struct requests *requests, uint32_t number);
void requests_remove(struct requests *requests, uint32_t number);
void requests_check_invariants(const struct requests *requests);

#endif
