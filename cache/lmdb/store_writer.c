/*
 * store_writer.c: the queue and the one thread that writes.
 *
 * Happy path: operations gather for STORE_COMMIT_US or until there are enough bytes; one
 * transaction carries them out; then each put is answered. Failure modes:
 *   map full      pages that were freed lately are not usable yet, or none lie side by side: the
 *                 batch is done one by one, with transactions between, then in a larger map; only
 *                 when that is used up is it "full"
 *   disk full, or a write failed   puts are answered ERROR_FULL, all else is held; writing is off
 *                 until store_retry; what is stored stays readable
 *   damaged       likewise with ERROR_DAMAGED, for good
 *   closing       what is queued is carried out; what is held is forgotten
 */
#include "cache/lmdb/store_check.h"
#include "cache/lmdb/store_internal.h"
#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUDGES 2u /* transactions until freed pages may be used */

void store_op_list_push(struct store_op_list *list, struct store_op *op)
{
    op->next = NULL;
    if (list->last == NULL) {
        list->first = op;
    } else {
        list->last->next = op;
    }
    list->last = op;
    list->count++;
    list->bytes += (uint64_t)__builtin_popcount(op->mask) * CHUNK_BYTES;
}

struct store_op *store_op_list_pop(struct store_op_list *list)
{
    struct store_op *op = list->first;
    if (op == NULL) {
        return NULL;
    }
    list->first = op->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    list->count--;
    list->bytes -= (uint64_t)__builtin_popcount(op->mask) * CHUNK_BYTES;
    op->next = NULL;
    return op;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TIME_US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/* ---- callers' side ---- */

static struct store_op *new_op(enum store_op_kind kind, const struct media_file_id *file,
                               uint32_t row, size_t manifest_bytes)
{
    struct store_op *op = calloc(1, sizeof *op + manifest_bytes);
    if (op != NULL) {
        op->kind = kind;
        op->row = row;
        if (file != NULL) {
            assert(media_file_id_valid(file));
            assert(row < media_row_count(file->bytes));
            op->file = *file;
        }
    }
    return op;
}

/* Takes the operation, which may be NULL: no memory. */
static int queue_op(struct store *store, struct store_op *op)
{
    if (op == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (store->read_only) {
        free(op);
        return ERROR_DENIED;
    }
    op->queued_us = now_us();
    pthread_mutex_lock(&store->lock);
    assert(!store->closing);
    bool full = store->queue.count + store->held.count >= STORE_QUEUE_MAX;
    if (!full) {
        bool wake = store->queue.count == 0;
        store_op_list_push(&store->queue, op);
        store->accepted++;
        if (wake || store->queue.bytes >= store_hurry_bytes(store->limit_bytes)) {
            pthread_cond_signal(&store->wake);
        }
    }
    pthread_mutex_unlock(&store->lock);
    if (full) {
        free(op);
        return ERROR_FULL;
    }
    return 0;
}

int store_put_row(struct store *store, const struct media_file_id *file, uint32_t row, uint8_t mask,
                  const uint8_t *const chunks[ROW_CHUNKS], const struct media_proof *proof,
                  uint64_t token)
{
    struct store_op *op = new_op(STORE_OP_PUT_ROW, file, row, 0);
    if (op != NULL) {
        assert(mask != 0 && (mask & ~store_full_mask(file->bytes, row)) == 0);
        op->mask = mask;
        op->proof = *proof;
        op->token = token;
        memcpy(op->chunks, chunks, sizeof op->chunks);
    }
    return queue_op(store, op);
}

int store_evict_file(struct store *store, const struct media_file_id *file)
{
    return queue_op(store, new_op(STORE_OP_EVICT_FILE, file, 0, 0));
}

int store_evict_row(struct store *store, const struct media_file_id *file, uint32_t row)
{
    return queue_op(store, new_op(STORE_OP_EVICT_ROW, file, row, 0));
}

int store_touch(struct store *store, const struct media_file_id *file, bool is_main)
{
    struct store_op *op = new_op(STORE_OP_TOUCH, file, 0, 0);
    if (op != NULL) {
        op->is_main = is_main;
    }
    return queue_op(store, op);
}

int store_pin(struct store *store, const struct media_file_id *file, bool pinned)
{
    struct store_op *op = new_op(STORE_OP_PIN, file, 0, 0);
    if (op != NULL) {
        op->pinned = pinned;
    }
    return queue_op(store, op);
}

int store_put_manifest(struct store *store, const uint8_t track_id[TRACK_ID_BYTES],
                       const uint8_t *bytes, uint32_t count)
{
    if (count == 0 || count > STORE_MANIFEST_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    struct store_op *op = new_op(STORE_OP_PUT_MANIFEST, NULL, 0, count);
    if (op != NULL) {
        memcpy(op->track_id, track_id, TRACK_ID_BYTES);
        memcpy(op->manifest, bytes, count);
        op->manifest_bytes = count;
    }
    return queue_op(store, op);
}

int store_flush(struct store *store)
{
    assert(!store->read_only);
    pthread_mutex_lock(&store->lock);
    uint64_t until = store->accepted;
    if (store->flush_until < until) {
        store->flush_until = until;
        pthread_cond_signal(&store->wake);
    }
    while (store->finished < until) {
        pthread_cond_wait(&store->idle, &store->lock);
    }
    int off = store->off;
    pthread_mutex_unlock(&store->lock);
    return off;
}

void store_retry(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    if (store->off == ERROR_FULL) {
        store->off = 0;
    }
    pthread_mutex_unlock(&store->lock);
}

bool store_writable(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    bool writable = !store->read_only && store->off == 0;
    pthread_mutex_unlock(&store->lock);
    return writable;
}

/* ---- the thread ---- */

static int get_off(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    int off = store->off;
    pthread_mutex_unlock(&store->lock);
    return off;
}

static void turn_off(struct store *store, int reason)
{
    pthread_mutex_lock(&store->lock);
    store->off = reason;
    pthread_mutex_unlock(&store->lock);
    if (reason == ERROR_DAMAGED) {
        store_env_mark_damaged(store->folder);
        store_say(
            store,
            "chunk store %s: damaged; nothing is stored any more, the next start sets it aside",
            store->folder);
    } else {
        store_say(store,
                  "chunk store %s: the disk is full or failed; free some space, playing goes on "
                  "without storing",
                  store->folder);
    }
}

/* Enlarges the map by a step. False: it is as large as it may be. */
static bool grow_map(struct store *store)
{
    uint64_t larger = store->env.map_bytes + store->map_step_bytes;
    if (larger > store->map_bytes_max) {
        return false;
    }
    pthread_rwlock_wrlock(&store->env_lock);
    bool grown = mdb_env_set_mapsize(store->env.env, larger) == 0;
    pthread_rwlock_unlock(&store->env_lock);
    if (grown) {
        store->env.map_bytes = larger;
    }
    return grown;
}

/* After a failed write of its meta page LMDB writes no more until it is opened again. */
static int reopen(struct store *store)
{
    pthread_rwlock_wrlock(&store->env_lock);
    uint64_t map_bytes = store->env.map_bytes;
    store_env_close(&store->env);
    int error =
        store_env_open(store->folder, map_bytes, false, STORE_CHECK_US_AT_OPEN, &store->env);
    pthread_rwlock_unlock(&store->env_lock);
    return error;
}

/* What must be in order before anything is written. 0, ERROR_FULL or ERROR_DAMAGED. */
static int get_ready(struct store *store)
{
    if (store->must_reopen) {
        int error = reopen(store);
        if (error != 0) {
            return error == ERROR_DAMAGED ? ERROR_DAMAGED : ERROR_FULL;
        }
        store->must_reopen = false;
    }
    if (!store->env.checked) {
        char path[PATH_MAX];
        if (!store_env_path(store->folder, "data.mdb", path)) {
            return ERROR_FULL;
        }
        int error = store_check_file(path, UINT64_MAX, &store->env.checked);
        if (error != 0) {
            return error == ERROR_DAMAGED ? ERROR_DAMAGED : ERROR_FULL;
        }
    }
    return 0;
}

/* One operation that found no room together with others. */
static int apply_alone(struct store *store, struct store_op *op)
{
    int error = store_apply(store, op, op->next);
    for (unsigned i = 0; i < NUDGES && error == MDB_MAP_FULL; i++) {
        error = store_apply_nothing(store);
        if (error == 0 || error == MDB_MAP_FULL) {
            error = store_apply(store, op, op->next);
        }
    }
    while (error == MDB_MAP_FULL && grow_map(store)) {
        error = store_apply(store, op, op->next);
    }
    return error;
}

/* Answers one operation and frees it; or holds it, if it was not done and has no answer. */
static void settle(struct store *store, struct store_op *op, int error)
{
    if (op->kind == STORE_OP_PUT_ROW) {
        store->callbacks.stored(store->callbacks.context, op->token, error);
        if (error == 0 && op->rotten && store->callbacks.rotten != NULL) {
            store->callbacks.rotten(store->callbacks.context, &op->file, op->row);
        }
        free(op);
    } else if (error == 0) {
        free(op);
    } else {
        pthread_mutex_lock(&store->lock);
        store_op_list_push(&store->held, op);
        pthread_mutex_unlock(&store->lock);
    }
}

/* LMDB's error as what writing is off for; notes what it takes to go on. */
static int judge_failure(struct store *store, int error)
{
    if (error == MDB_PANIC || error == EIO) {
        store->must_reopen = true;
    }
    int reason = store_env_error(error) == ERROR_DAMAGED ? ERROR_DAMAGED : ERROR_FULL;
    turn_off(store, reason);
    return reason;
}

static void run_batch(struct store *store, struct store_op_list *batch)
{
    int off = get_off(store);
    if (off == 0) {
        off = get_ready(store);
        if (off != 0) {
            turn_off(store, off);
        }
    }
    int error = off == 0 ? store_apply(store, batch->first, NULL) : 0;
    bool one_by_one = error == MDB_MAP_FULL;
    if (off == 0 && error != 0 && !one_by_one) {
        off = judge_failure(store, error);
    }
    while (batch->first != NULL) {
        store->has_evicted |=
            batch->first->kind == STORE_OP_EVICT_FILE || batch->first->kind == STORE_OP_EVICT_ROW;
        if (off == 0 && one_by_one) {
            struct store_op *rest = batch->first->next;
            error = apply_alone(store, batch->first);
            assert(batch->first->next == rest);
            off = error == 0 ? 0 : judge_failure(store, error);
        }
        settle(store, store_op_list_pop(batch), off);
    }
}

/* Waits until a batch is due; false: closing, and nothing is left. With `lock` held. */
static bool wait_for_batch(struct store *store)
{
    while (store->queue.count == 0) {
        if (store->closing) {
            return false;
        }
        pthread_cond_wait(&store->wake, &store->lock);
    }
    uint64_t due_us = store->queue.first->queued_us + STORE_COMMIT_US;
    struct timespec due = {.tv_sec = (time_t)(due_us / TIME_US_PER_S),
                           .tv_nsec = (long)(due_us % TIME_US_PER_S) * 1000};
    while (!store->closing && store->finished >= store->flush_until &&
           store->queue.bytes < store_hurry_bytes(store->limit_bytes)) {
        if (pthread_cond_timedwait(&store->wake, &store->lock, &due) == ETIMEDOUT) {
            break;
        }
    }
    return true;
}

/* Moves what is held (if writing is on again) and then queued operations to the batch, as many as
 * a transaction should have. Gives how many came from the queue. With `lock` held. */
static uint64_t take_batch(struct store *store, struct store_op_list *batch)
{
    uint64_t taken = 0;
    while (store->off == 0 && store->held.count > 0) {
        store_op_list_push(batch, store_op_list_pop(&store->held));
    }
    while (store->queue.count > 0 && batch->bytes < store_commit_bytes(store->limit_bytes)) {
        store_op_list_push(batch, store_op_list_pop(&store->queue));
        taken++;
    }
    return taken;
}

static void compact(struct store *store)
{
    store->has_evicted = false;
    int error = store_compact(store);
    if (error != 0) {
        store->must_reopen = true;
        turn_off(store, error == ERROR_DAMAGED ? ERROR_DAMAGED : ERROR_FULL);
    }
}

/* What opening left to be done, while nobody waits for it. */
static void catch_up(struct store *store)
{
    store_compact_clean(store);
    int unfit = get_ready(store);
    if (unfit != 0) {
        turn_off(store, unfit);
    } else {
        compact(store);
    }
}

static void *writer_main(void *argument)
{
    struct store *store = argument;
    catch_up(store);
    pthread_mutex_lock(&store->lock);
    store->finished++;
    pthread_cond_broadcast(&store->idle);
    while (wait_for_batch(store)) {
        struct store_op_list batch = {0};
        uint64_t taken = take_batch(store, &batch);
        pthread_mutex_unlock(&store->lock);
        run_batch(store, &batch);
        pthread_mutex_lock(&store->lock);
        if (store->has_evicted && store->queue.count == 0 && store->off == 0 && !store->closing) {
            pthread_mutex_unlock(&store->lock);
            compact(store);
            pthread_mutex_lock(&store->lock);
        }
        store->finished += taken;
        pthread_cond_broadcast(&store->idle);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

int store_writer_start(struct store *store)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    store->accepted = 1;
    /* Signals are for the program's own thread. */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return ERROR_SYSTEM;
    }
    int error = pthread_create(&store->thread, NULL, writer_main, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? 0 : ERROR_SYSTEM;
}

void store_writer_stop(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->closing = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    for (struct store_op *op; (op = store_op_list_pop(&store->held)) != NULL;) {
        free(op);
    }
}
