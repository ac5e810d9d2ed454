/*
 * index.h: what one node knows of its cache: which chunks of which files are stored, how many
 * bytes of payload that is, and which file leaves when room is needed.
 *
 * The index holds no payload and does no I/O; the store (cache/lmdb, cache/mem) does what the node
 * decides with it. A complete file costs at most 16 bytes of heap in all, a partial one also its
 * row masks (a byte a row) and 40 bytes; what left from probation is remembered with 4 bytes each.
 *
 * Levels of protection: files leave in order of level first, of the policy's rank second. What is
 * pinned never leaves. Whole files leave, so that a track is either here or not. What others have
 * plenty of leaves a little sooner: each doubling of its holders takes 1/32 of the files' number
 * off its rank, so that of files used at about the same time the common one goes, and its copies
 * elsewhere stay within reach.
 *
 * With probation (cache/core/policy.h) a newcomer of a level leaves before all others of it while
 * newcomers have more than their tenth of the limit. It comes into the main part when it is used for
 * the second time, or at once when it left from probation not long ago (the last 4,096, and no more
 * than there are files).
 *
 * Every function but new and those that say so takes a handle that the intern table knows.
 */
#ifndef CACHE_CORE_INDEX_H
#define CACHE_CORE_INDEX_H

#include "cache/core/policy.h"
#include "common/limits.h"
#include "media/core/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files in one cache; 10 GiB hold 655,360 files of one chunk. */
#define CACHE_FILES_MAX (UINT32_C(1) << 20)

enum cache_protection {
    CACHE_PROTECTION_NONE = 0,   /* leaves first */
    CACHE_PROTECTION_HEAD = 1,   /* a start set that the listener may soon need */
    CACHE_PROTECTION_QUEUE = 2,  /* stands in the queue */
    CACHE_PROTECTION_PINNED = 3, /* never leaves: plays, follows, or is fetched */
};

struct cache_index;

struct cache_index_config {
    const struct media_intern *intern; /* borrowed; outlives the index */
    const struct cache_policy *policy; /* borrowed for ever; NULL = probation */
    uint64_t limit_bytes;              /* of payload */
    uint64_t seed;                     /* of the tables */
};

/* ERROR_NO_MEMORY. */
int cache_index_new(const struct cache_index_config *config, struct cache_index **ret_index);
void cache_index_free(struct cache_index *index); /* takes NULL */

/* A file that the store holds, told at the start; it must not be in the index yet (asserted).
 * `row_masks` has a byte a row, bit n = chunk n of the row, no bits beyond the file's end
 * (asserted); NULL = complete; without any bit nothing is added. `last_use`: larger = later, as
 * the store gives it (1 to the number of files); above CACHE_RANK_MAX all are equal. `is_main`: as
 * cache_index_is_main said last; one that is not was played, so that its next play is one again. It does not
 * look at the limit: ask cache_index_next_victim after the last one.
 * ERROR_NO_MEMORY, ERROR_FULL: CACHE_FILES_MAX files; the index is as it was. */
int cache_index_add_file(struct cache_index *index, media_handle file, const uint8_t *row_masks,
                         uint64_t last_use, bool is_main);

/* These chunks of a row are stored now, besides those that were. A file that is new arrives (no
 * protection). ERROR_NO_MEMORY, ERROR_FULL: CACHE_FILES_MAX files; the index is as it was. */
int cache_index_row_stored(struct cache_index *index, media_handle file, uint32_t row,
                           uint8_t mask);

/* A row is not stored any more (rotten, or evicted alone). A file that loses its last chunk
 * leaves the index; so does, whole, one for whose masks there is no memory: ERROR_NO_MEMORY. */
int cache_index_row_lost(struct cache_index *index, media_handle file, uint32_t row);

/* The file is gone, whatever its protection; nothing happens when it was not here. */
void cache_index_remove_file(struct cache_index *index, media_handle file);

/* It is played now (once a play). Nothing happens when it is not here. */
void cache_index_touch(struct cache_index *index, media_handle file);

/* Nothing happens when it is not here: protect again when its first row is stored. */
void cache_index_protect(struct cache_index *index, media_handle file,
                         enum cache_protection protection);
/* Not on probation; false for a file that is not here. */
bool cache_index_is_main(const struct cache_index *index, media_handle file);
/* NONE for a file that is not here. */
enum cache_protection cache_index_protection(const struct cache_index *index, media_handle file);

/* How many others hold the file, as far as is known; kept as a power of two. Nothing happens when
 * it is not here. */
void cache_index_set_holders(struct cache_index *index, media_handle file, uint32_t holders);
/* Iterates over all files: *place begins as 0; false at the end. What changes in between may be
 * missed or come twice. */
bool cache_index_next(const struct cache_index *index, uint32_t *place, media_handle *ret_file);

/* Each 0 or false for a file that is not here; a chunk or row beyond the end is the caller's
 * mistake (asserted). */
bool cache_index_has_chunk(const struct cache_index *index, media_handle file, uint32_t chunk);
uint8_t cache_index_row_mask(const struct cache_index *index, media_handle file, uint32_t row);
bool cache_index_complete(const struct cache_index *index, media_handle file);
uint32_t cache_index_chunk_count(const struct cache_index *index, media_handle file);
/* Bytes of payload that are stored of it. */
uint64_t cache_index_file_bytes(const struct cache_index *index, media_handle file);

/* Makes room for `needed_bytes`, victim by victim: while they do not fit below the limit, takes
 * the next file to leave out of the index and says which. False: there is room, or nothing may
 * leave (cache_index_fits tells which). `keep` never leaves (0 = none): the file for which room is
 * made. Looks at all files: 20 us for 20,000. */
bool cache_index_next_victim(struct cache_index *index, uint64_t needed_bytes, media_handle keep,
                             media_handle *ret_victim);
/* True when `needed_bytes` more stay within the limit. */
bool cache_index_fits(const struct cache_index *index, uint64_t needed_bytes);

uint64_t cache_index_payload_bytes(const struct cache_index *index);
uint32_t cache_index_file_count(const struct cache_index *index);

/* Bytes on the heap, all in. */
size_t cache_index_heap_bytes(const struct cache_index *index);
/* Asserts what must hold between the tables, the masks and the sums. */
void cache_index_check_invariants(const struct cache_index *index);

#endif
