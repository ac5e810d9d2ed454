/*
 * accounting.h: what is counted, as docs/CLI.md defines it.
 *
 * Responsible for bytes by source, duplicates, overhead, tracks, stutters and play records.
 *
 * Bytes: each chunk of a played track counts once per play under the source that it came from
 * (cache only if it was there before this run). It counts when a decoder has read it, or when it
 * was fetched and no play has counted it yet. A play is an entry of which sound was heard, from
 * its start to the next one's; a seek goes on with the same play. Reads of an entry that is only
 * prepared are noted, and count when its sound begins.
 */
#ifndef PLAYER_CORE_ACCOUNTING_H
#define PLAYER_CORE_ACCOUNTING_H

#include "player/core/files.h"

/* What plays, what is prepared, one whose late reads still come, and what is lent. */
#define ACCOUNT_PLAYS (3u + NODE_LENDS_MAX)

struct account_play {
    uint32_t entry; /* 0 = unused */
    media_handle file;
    bool is_heard;
    uint32_t chunk_count;
    uint8_t *counted; /* a bit a chunk, owned: read in this play */
};

struct accounting {
    struct node_summary summary; /* without overhead_bytes and played_us */
    uint64_t delivered_bytes;    /* payload from links that counts as played, each chunk once */
    struct account_play plays[ACCOUNT_PLAYS];
};

void accounting_deinit(struct accounting *accounting);
/* An entry may be heard soon. Begins its play anew when there is one already. ERROR_NO_MEMORY. */
int accounting_begin(struct accounting *accounting, uint32_t entry, const struct file *file);
/* Sound was heard: what was noted and what was fetched counts. No change the second time. */
void accounting_heard(struct accounting *accounting, uint32_t entry, struct file *file);
/* A decoder of this entry has read a chunk; true when it counts for the first time in its play. */
bool accounting_read(struct accounting *accounting, uint32_t entry, struct file *file,
                     uint32_t chunk);
/* A chunk came over a link and is verified; its source is set. */
void accounting_fetched(struct accounting *accounting, struct file *file, uint32_t chunk);
/* The play is over; nothing happens when there was none. */
void accounting_end(struct accounting *accounting, uint32_t entry);
/* The summary with everything in it. */
void accounting_summary(const struct accounting *accounting, uint64_t played_us,
                        struct node_summary *ret_summary);
size_t accounting_heap_bytes(const struct accounting *accounting);
void accounting_check_invariants(const struct accounting *accounting);

#endif
