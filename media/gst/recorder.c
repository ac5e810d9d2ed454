/*
 * recorder.c: notes chunks as they are read and turns them into runs.
 *
 * Responsible for the order of first use and for joining runs when there are too many.
 */
#include "media/gst/recorder.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u

static bool is_seen(const struct media_recorder *recorder, uint32_t chunk)
{
    return (recorder->seen[chunk / WORD_BITS] >> (chunk % WORD_BITS)) & 1u;
}

static void note(struct media_recorder *recorder, uint64_t offset, uint32_t bytes)
{
    if (recorder->stopped) {
        return;
    }
    recorder->read_bytes += bytes;
    uint32_t last = (uint32_t)((offset + bytes - 1) / CHUNK_BYTES);
    for (uint32_t chunk = (uint32_t)(offset / CHUNK_BYTES); chunk <= last; chunk++) {
        assert(chunk < recorder->chunk_count);
        if (!is_seen(recorder, chunk)) {
            recorder->seen[chunk / WORD_BITS] |= UINT64_C(1) << (chunk % WORD_BITS);
            recorder->order[recorder->order_count++] = chunk;
        }
    }
}

static int recorder_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    struct media_recorder *recorder = context;
    (void)pthread_mutex_lock(&recorder->mutex);
    note(recorder, offset, bytes);
    (void)pthread_mutex_unlock(&recorder->mutex);
    return recorder->inner.read_at(recorder->inner.context, offset, buffer, bytes);
}

static void recorder_unlock(void *context)
{
    struct media_recorder *recorder = context;
    if (recorder->inner.unlock != NULL) {
        recorder->inner.unlock(recorder->inner.context);
    }
}

static void recorder_unlock_stop(void *context)
{
    struct media_recorder *recorder = context;
    if (recorder->inner.unlock_stop != NULL) {
        recorder->inner.unlock_stop(recorder->inner.context);
    }
}

int media_recorder_init(struct media_recorder *recorder, const struct media_source *inner)
{
    assert(inner->bytes > 0 && inner->bytes <= FILE_BYTES_MAX);
    uint32_t count = (uint32_t)((inner->bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
    uint32_t *order = calloc(count, sizeof *order);
    uint64_t *seen = calloc((count + WORD_BITS - 1) / WORD_BITS, sizeof *seen);
    if (order == NULL || seen == NULL) {
        free(order);
        free(seen);
        return ERROR_NO_MEMORY;
    }
    *recorder = (struct media_recorder){
        .inner = *inner, .chunk_count = count, .order = order, .seen = seen};
    (void)pthread_mutex_init(&recorder->mutex, NULL);
    return 0;
}

void media_recorder_deinit(struct media_recorder *recorder)
{
    (void)pthread_mutex_destroy(&recorder->mutex);
    free(recorder->order);
    free(recorder->seen);
    *recorder = (struct media_recorder){0};
}

struct media_source media_recorder_source(struct media_recorder *recorder)
{
    return (struct media_source){.bytes = recorder->inner.bytes,
                                 .read_at = recorder_read_at,
                                 .unlock = recorder_unlock,
                                 .unlock_stop = recorder_unlock_stop,
                                 .context = recorder};
}

void media_recorder_stop(struct media_recorder *recorder)
{
    (void)pthread_mutex_lock(&recorder->mutex);
    recorder->stopped = true;
    (void)pthread_mutex_unlock(&recorder->mutex);
}

/* Chunks of the hole between two runs, in either order. */
static uint32_t hole(const struct media_run *a, const struct media_run *b)
{
    return a->first < b->first ? b->first - (a->first + a->count)
                               : a->first - (b->first + b->count);
}

static bool overlaps(const struct media_run *a, uint32_t first, uint32_t end)
{
    return a->first < end && a->first + a->count > first;
}

/* Whether joining runs i and j would swallow a part of another run, or be too long. */
static bool join_allowed(const struct media_run *runs, uint32_t count, uint32_t i, uint32_t j)
{
    uint32_t first = runs[i].first < runs[j].first ? runs[i].first : runs[j].first;
    uint32_t end_i = runs[i].first + runs[i].count;
    uint32_t end_j = runs[j].first + runs[j].count;
    uint32_t end = end_i > end_j ? end_i : end_j;
    if (end - first > UINT16_MAX) {
        return false;
    }
    for (uint32_t k = 0; k < count; k++) {
        if (k != i && k != j && overlaps(&runs[k], first, end)) {
            return false;
        }
    }
    return true;
}

/* Joins the two runs with the smallest hole; the joined one stands where the earlier stood. False:
 * none can be joined. */
static bool join_nearest(struct media_run *runs, uint32_t *count)
{
    uint32_t best_i = 0;
    uint32_t best_j = 0;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < *count; i++) {
        for (uint32_t j = i + 1; j < *count; j++) {
            uint32_t size = hole(&runs[i], &runs[j]);
            if (size < best && join_allowed(runs, *count, i, j)) {
                best = size;
                best_i = i;
                best_j = j;
            }
        }
    }
    if (best == UINT32_MAX) {
        return false;
    }
    struct media_run *a = &runs[best_i];
    const struct media_run *b = &runs[best_j];
    uint32_t first = a->first < b->first ? a->first : b->first;
    a->count = (uint16_t)(a->count + b->count + best);
    a->first = first;
    memmove(&runs[best_j], &runs[best_j + 1], (*count - best_j - 1) * sizeof runs[0]);
    (*count)--;
    return true;
}

static bool is_covered(const struct media_run *runs, uint32_t count, uint32_t chunk)
{
    for (uint32_t i = 0; i < count; i++) {
        if (overlaps(&runs[i], chunk, chunk + 1)) {
            return true;
        }
    }
    return false;
}

/* Adds a chunk behind the last run, or as a run of its own. There is room for one more. */
static void add_chunk(struct media_run *runs, uint32_t *count, uint32_t chunk)
{
    if (is_covered(runs, *count, chunk)) {
        return;
    }
    struct media_run *last = *count > 0 ? &runs[*count - 1] : NULL;
    if (last != NULL && last->count < UINT16_MAX && last->first + last->count == chunk) {
        last->count++;
        return;
    }
    runs[(*count)++] = (struct media_run){.first = chunk, .count = 1};
}

uint32_t media_recorder_runs(struct media_recorder *recorder, struct media_run *ret_runs,
                             uint32_t runs_max)
{
    assert(runs_max > 0 && runs_max <= MEDIA_START_RUNS_MAX);
    (void)pthread_mutex_lock(&recorder->mutex);
    struct media_run runs[MEDIA_START_RUNS_MAX + 1];
    uint32_t count = 0;
    for (uint32_t i = 0; i < recorder->order_count; i++) {
        add_chunk(runs, &count, recorder->order[i]);
        if (count > runs_max && !join_nearest(runs, &count)) {
            count = runs_max; /* the latest is left out: it is fetched when it is wanted */
        }
    }
    (void)pthread_mutex_unlock(&recorder->mutex);
    memcpy(ret_runs, runs, count * sizeof runs[0]);
    return count;
}
