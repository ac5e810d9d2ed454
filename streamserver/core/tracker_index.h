/*
 * tracker_index.h: from a key of 8 bytes to a set of links: files, address prefixes, peer ids.
 *
 * Linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", 1980): the
 * table grows by one chain at a time, so no addition stalls, however large it is. Keys are hashed
 * with a seed: who picks keys cannot make chains long. Records have numbers below 2^31 that stay
 * while they exist; 36 bytes each, the set's content besides. Places of removed records are kept
 * for others.
 */
#ifndef STREAMSERVER_CORE_TRACKER_INDEX_H
#define STREAMSERVER_CORE_TRACKER_INDEX_H

#include "streamserver/core/tracker_blocks.h"
#include "streamserver/core/tracker_set.h"

#define TRACKER_NONE UINT32_MAX
#define TRACKER_RECORD_COST 36u /* a record and its share of the chains' heads */

struct tracker_record {
    uint64_t key;
    struct tracker_set set;
    uint32_t next; /* in its chain, or among the free; TRACKER_NONE */
};

struct tracker_index {
    uint64_t seed[2];
    struct tracker_blocks records; /* struct tracker_record */
    struct tracker_blocks heads;   /* uint32_t */
    uint32_t head_count;           /* chains; 0 before the first record */
    uint32_t used_count;           /* records that were ever in use at a time */
    uint32_t free_first;
    uint32_t count; /* records in use */
};

void tracker_index_init(struct tracker_index *index, uint64_t seed);
/* Frees everything, sets too. */
void tracker_index_deinit(struct tracker_index *index, size_t *memory);
/* The record's number, or TRACKER_NONE. */
uint32_t tracker_index_find(const struct tracker_index *index, uint64_t key);
/* Likewise, made with an empty set when it is not there. TRACKER_NONE: out of memory. */
uint32_t tracker_index_put(struct tracker_index *index, uint64_t key, size_t *memory);
struct tracker_record *tracker_index_get(const struct tracker_index *index, uint32_t number);
/* Removes a record; its set must be empty (asserted). */
void tracker_index_remove(struct tracker_index *index, uint32_t number);
/* A tracker_index_put, the number into its set when it is not there, and a tracker_set_remove with
 * a tracker_index_remove when it was the last. ERROR_NO_MEMORY. */
int tracker_index_add_value(struct tracker_index *index, uint64_t key, uint32_t value,
                            size_t *memory);
void tracker_index_remove_value(struct tracker_index *index, uint64_t key, uint32_t value,
                                size_t *memory);
/* Asserts what must hold inside; returns the memory of all sets and blocks. */
size_t tracker_index_check_invariants(const struct tracker_index *index);
/* Memory of its blocks alone. */
size_t tracker_index_block_bytes(const struct tracker_index *index);

#endif
