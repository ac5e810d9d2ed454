/*
 * disk.h: one thread for work that may wait for the disk, so that the loop never does.
 *
 * Jobs run one after the other, in the order in which they were handed over. The thread starts
 * with the first. Happy path: disk_submit -> work (on the thread) -> done (on the loop). Failure
 * modes: a job that is not taken has no callback; one that is taken has both, also when the disk is
 * closed first.
 */
#ifndef PLAYER_UV_DISK_H
#define PLAYER_UV_DISK_H

#include "common/net/loop.h"

#define DISK_JOBS_MAX 1024u /* handed over and not done yet */

struct disk;

/* The caller's; it stays until `done`, which may free it. */
struct disk_job {
    void (*work)(struct disk_job *job); /* on the thread: waits as long as it must */
    void (*done)(struct disk_job *job); /* on the loop */
    struct disk_job *next;              /* the disk's */
};

/* ERROR_NO_MEMORY, ERROR_SYSTEM. */
int disk_open(struct net_loop *loop, struct disk **ret_disk);
/* ERROR_FULL: DISK_JOBS_MAX; ERROR_SYSTEM: no thread. */
int disk_submit(struct disk *disk, struct disk_job *job);
/* Works off what was handed over and calls each `done`, inside this call; no job is taken any more.
 * Then run the loop, and call disk_free. NULL is fine. */
void disk_close(struct disk *disk);
void disk_free(struct disk *disk);

#endif
