/*
 * disk.c: a list of jobs under a mutex, a thread that works it off, a mailbox back.
 *
 * The mailbox only wakes the loop: one wake-up does for all that is in the list of worked jobs.
 */
#include "player/uv/disk.h"

#include "common/error.h"
#include "common/net/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

struct jobs {
    struct disk_job *first, *last;
};

struct disk {
    struct net_mailbox *mailbox; /* wakes the loop; the messages say nothing */
    pthread_t thread;
    bool has_thread, is_closed; /* the loop's */
    uint32_t count;             /* taken and not done; the loop's */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_ending;              /* under the mutex, with what follows */
    struct jobs waiting, worked; /* for the thread; for the loop */
};

static void append(struct jobs *jobs, struct disk_job *job)
{
    job->next = NULL;
    if (jobs->last != NULL) {
        jobs->last->next = job;
    } else {
        jobs->first = job;
    }
    jobs->last = job;
}

static struct disk_job *take_first(struct jobs *jobs)
{
    struct disk_job *job = jobs->first;
    if (job != NULL) {
        jobs->first = job->next;
        if (jobs->first == NULL) {
            jobs->last = NULL;
        }
    }
    return job;
}

static void *work_thread(void *context)
{
    struct disk *disk = context;
    static const uint8_t wake = 0;
    pthread_mutex_lock(&disk->mutex);
    for (;;) {
        struct disk_job *job = take_first(&disk->waiting);
        if (job == NULL && disk->is_ending) {
            break;
        }
        if (job == NULL) {
            pthread_cond_wait(&disk->changed, &disk->mutex);
            continue;
        }
        pthread_mutex_unlock(&disk->mutex);
        job->work(job);
        pthread_mutex_lock(&disk->mutex);
        append(&disk->worked, job);
        (void)net_mailbox_post(disk->mailbox, &wake); /* full: it has been woken */
    }
    pthread_mutex_unlock(&disk->mutex);
    return NULL;
}

static void finish_worked(struct disk *disk)
{
    for (;;) {
        pthread_mutex_lock(&disk->mutex);
        struct disk_job *job = take_first(&disk->worked);
        pthread_mutex_unlock(&disk->mutex);
        if (job == NULL) {
            return;
        }
        disk->count--;
        job->done(job);
    }
}

static void on_woken(void *context, const void *message)
{
    (void)message;
    finish_worked(context);
}

int disk_open(struct net_loop *loop, struct disk **ret_disk)
{
    struct disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = net_mailbox_open(loop, 1, 1, on_woken, disk, &disk->mailbox);
    if (error != 0) {
        free(disk);
        return error;
    }
    pthread_mutex_init(&disk->mutex, NULL);
    pthread_cond_init(&disk->changed, NULL);
    *ret_disk = disk;
    return 0;
}

int disk_submit(struct disk *disk, struct disk_job *job)
{
    if (disk->is_closed || disk->count == DISK_JOBS_MAX) {
        return ERROR_FULL;
    }
    if (!disk->has_thread) {
        if (pthread_create(&disk->thread, NULL, work_thread, disk) != 0) {
            return ERROR_SYSTEM;
        }
        disk->has_thread = true;
    }
    disk->count++;
    pthread_mutex_lock(&disk->mutex);
    append(&disk->waiting, job);
    pthread_cond_signal(&disk->changed);
    pthread_mutex_unlock(&disk->mutex);
    return 0;
}

void disk_close(struct disk *disk)
{
    if (disk == NULL || disk->is_closed) {
        return;
    }
    disk->is_closed = true;
    pthread_mutex_lock(&disk->mutex);
    disk->is_ending = true;
    pthread_cond_signal(&disk->changed);
    pthread_mutex_unlock(&disk->mutex);
    if (disk->has_thread) {
        pthread_join(disk->thread, NULL);
    }
    finish_worked(disk);
    net_mailbox_close(disk->mailbox);
}

void disk_free(struct disk *disk)
{
    if (disk == NULL) {
        return;
    }
    net_mailbox_free(disk->mailbox);
    pthread_cond_destroy(&disk->changed);
    pthread_mutex_destroy(&disk->mutex);
    free(disk);
}
