/*
 * tracker_shard.h: which links hold which files, for the keys of one shard.
 *
 * One side of the seam between shards (tracker_links.h is the other). All that goes in and out are
 * numbers, keys and candidates, so that with several workers these calls become messages in their
 * mailboxes: an announce is split by key, a lookup is split and its candidates are merged by the
 * asker's worker. A pair stands twice: the link in the file's set, the file in the link's; its bit
 * says "a part only".
 */
#ifndef STREAMSERVER_CORE_TRACKER_SHARD_H
#define STREAMSERVER_CORE_TRACKER_SHARD_H

#include "streamserver/core/tracker_links.h"

#define TRACKER_SAMPLE_MAX                                                                         \
    64u /* holders of a file that are looked at, besides those that are near */
#define TRACKER_CANDIDATES_MAX (TRACKER_SAMPLE_MAX + TRACKER_NEAR_MAX)

struct tracker_shard {
    struct tracker_index files;
    struct tracker_blocks links; /* struct tracker_set: numbers of a link's files */
    uint32_t holders_max;        /* as in tracker_config */
    uint64_t pairs;              /* with those of links that have gone */
    size_t memory;               /* all in */
};

/* A lookup, as every shard gets it. */
struct tracker_query {
    const struct tracker_links *links;
    uint32_t asker;
    uint64_t chance; /* drawn anew for each lookup */
    const uint32_t *near;
    uint32_t near_count;
};

/* Holders of one file: a heap of places, the best taken first. Among equals the order of links is
 * the same in all files of a lookup, so that their lists have many in common. */
struct tracker_candidates {
    uint32_t holders; /* in all, without the asker */
    uint32_t count;
    uint64_t places[TRACKER_CANDIDATES_MAX]; /* class, chance, link: tracker_shard.c */
};

void tracker_shard_init(struct tracker_shard *shard, uint64_t seed, uint32_t holders_max);
void tracker_shard_deinit(struct tracker_shard *shard);
/* What is in use of the memory, kept places not counted. */
size_t tracker_shard_live_bytes(const struct tracker_shard *shard);
/* Room for so many more files of a link; a hint. */
void tracker_shard_reserve(struct tracker_shard *shard, uint32_t link, uint32_t more);
/* The link has the file. *ret_added: there was no such pair. *ret_evicted: whose pair with this file
 * had to go for it (holders_max), or TRACKER_NONE. ERROR_FULL: there is no such pair, and
 * `may_add` is false; ERROR_NO_MEMORY. */
int tracker_shard_announce(struct tracker_shard *shard, uint32_t link, uint64_t key,
                           bool is_partial, bool may_add, bool *ret_added, uint32_t *ret_evicted);
/* True: there was such a pair. */
bool tracker_shard_lose(struct tracker_shard *shard, uint32_t link, uint64_t key);
/* Some pair of the link goes. False: it has none; then nothing is kept for it. */
bool tracker_shard_lose_any(struct tracker_shard *shard, uint32_t link);
uint32_t tracker_shard_file_count(const struct tracker_shard *shard, uint32_t link);
/* Holders of the file by number alone, without the asker. */
uint32_t tracker_shard_holders(const struct tracker_shard *shard, uint32_t asker, uint64_t key);
void tracker_shard_find(const struct tracker_shard *shard, const struct tracker_query *query,
                        uint64_t key, struct tracker_candidates *ret_candidates);
/* The next best; false: no more. */
bool tracker_candidates_next(struct tracker_candidates *candidates, uint32_t *ret_link,
                             bool *ret_partial);
void tracker_shard_check_invariants(const struct tracker_shard *shard);

#endif
