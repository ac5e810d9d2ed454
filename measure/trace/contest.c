/*
 * contest.c: replays a history against a cache of numbers, and counts.
 */
#include "measure/trace/contest.h"

#include "common/error.h"
#include "common/limits.h"
#include "common/time_us.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define JOBS_MAX 64u

struct contest {
    const struct history *history;
    struct contest_run *runs;
    uint32_t count, warm_up;
    uint32_t *queued; /* requests that were known before, in the order of since_s; owned */
    uint32_t queued_count;
    atomic_uint next; /* run */
    atomic_int error;
};

static uint64_t clock_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * TIME_US_PER_S + (uint64_t)time.tv_nsec / 1000;
}

/* The same objects in every run: by a hash of the id (the finaliser of splitmix64). */
static bool is_sampled(uint64_t id, uint32_t sample_ppm)
{
    id = (id ^ (id >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    id = (id ^ (id >> 27)) * UINT64_C(0x94d049bb133111eb);
    return ((id ^ (id >> 31)) >> 20) % CONTEST_PPM < sample_ppm;
}

static uint64_t units(const struct history *history, uint64_t bytes)
{
    return history->is_plays ? (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES : 1;
}

static void count_one(const struct history *history, uint32_t asked, uint32_t had,
                      struct contest_tally *tally)
{
    uint64_t whole_chunks = had >= asked ? units(history, asked) : had / CHUNK_BYTES;
    bool is_whole = had >= asked;
    tally->plays++;
    tally->play_hits += is_whole;
    tally->bytes += asked;
    tally->byte_hits += is_whole ? asked : had;
    tally->requests += units(history, asked);
    tally->request_hits += history->is_plays ? whole_chunks : is_whole;
    tally->first_hits += history->is_plays ? had > 0 : is_whole;
}

/* --- one run ----------------------------------------------------------------------------------- */

struct replay {
    const struct contest *contest;
    struct contest_run *run;
    struct evict *evict; /* NULL: infinite */
    uint32_t *known;     /* bytes of each object that ever came; owned */
    uint32_t *awaited;   /* entries of the queue that name it; owned; NULL without a queue */
    uint32_t queue_place;
};

/* Protects what has come into the queue by now. */
static void look_at_queue(struct replay *replay, uint32_t request)
{
    const struct contest *contest = replay->contest;
    const struct history *history = contest->history;
    while (replay->queue_place < contest->queued_count) {
        uint32_t coming = contest->queued[replay->queue_place];
        if (history->since_s[coming] > history->times_s[request]) {
            return;
        }
        replay->queue_place++;
        uint32_t object = history->objects[coming];
        if (coming >= request && is_sampled(history->ids[object], replay->run->sample_ppm) &&
            replay->awaited[object]++ == 0) {
            evict_protect(replay->evict, object, true);
        }
    }
}

static void leave_queue(struct replay *replay, uint32_t request)
{
    const struct history *history = replay->contest->history;
    uint32_t object = history->objects[request];
    if (history->since_s[request] < history->times_s[request] && replay->awaited[object] > 0 &&
        --replay->awaited[object] == 0) {
        evict_protect(replay->evict, object, false);
    }
}

static uint32_t ask(struct replay *replay, uint32_t request)
{
    const struct history *history = replay->contest->history;
    if (replay->evict == NULL) {
        return replay->known[history->objects[request]];
    }
    struct evict_request asked = {.object = history->objects[request],
                                  .bytes = history->bytes[request],
                                  .next_use = history->next_uses[request]};
    return evict_request(replay->evict, &asked);
}

static void replay_all(struct replay *replay)
{
    const struct history *history = replay->contest->history;
    struct contest_run *run = replay->run;
    for (uint32_t i = 0; i < history->request_count; i++) {
        uint32_t object = history->objects[i];
        if (replay->awaited != NULL) {
            look_at_queue(replay, i);
        }
        if (run->sample_ppm < CONTEST_PPM && !is_sampled(history->ids[object], run->sample_ppm)) {
            continue;
        }
        uint32_t had = ask(replay, i);
        count_one(history, history->bytes[i], had, &run->all);
        if (i >= replay->contest->warm_up) {
            count_one(history, history->bytes[i], had, &run->warm);
        }
        if (replay->awaited != NULL) {
            leave_queue(replay, i);
        }
        if (replay->evict == NULL && history->bytes[i] > replay->known[object]) {
            replay->known[object] = history->bytes[i];
        }
    }
}

/* ERROR_NO_MEMORY. */
static int run_one(const struct contest *contest, struct contest_run *run)
{
    const struct history *history = contest->history;
    struct replay replay = {.contest = contest, .run = run};
    uint64_t limit_bytes = run->limit_bytes * run->sample_ppm / CONTEST_PPM;
    struct evict_config config = {.policy = run->policy,
                                  .limit_bytes = limit_bytes > 0 ? limit_bytes : 1,
                                  .object_count = history->object_count,
                                  .seed = 1};
    int error = 0;
    if (run->policy != NULL) {
        error = evict_new(&config, &replay.evict);
        if (error == 0 && run->with_queue) {
            replay.awaited = calloc(history->object_count + 1u, sizeof *replay.awaited);
            error = replay.awaited == NULL ? ERROR_NO_MEMORY : 0;
        }
    } else {
        replay.known = calloc(history->object_count + 1u, sizeof *replay.known);
        error = replay.known == NULL ? ERROR_NO_MEMORY : 0;
    }
    if (error == 0) {
        uint64_t begin_us = clock_us();
        replay_all(&replay);
        run->elapsed_us = clock_us() - begin_us;
    }
    free(replay.awaited);
    free(replay.known);
    evict_free(replay.evict);
    return error;
}

static void *work(void *context)
{
    struct contest *contest = context;
    for (;;) {
        unsigned number = atomic_fetch_add(&contest->next, 1);
        if (number >= contest->count) {
            return NULL;
        }
        int error = run_one(contest, &contest->runs[number]);
        if (error != 0) {
            atomic_store(&contest->error, error);
            return NULL;
        }
    }
}

/* --- all runs ---------------------------------------------------------------------------------- */

static const struct history *sorted_history; /* qsort has no context; one contest at a time */

static int compare_since(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    uint32_t a_s = sorted_history->since_s[a];
    uint32_t b_s = sorted_history->since_s[b];
    if (a_s != b_s) {
        return a_s < b_s ? -1 : 1;
    }
    return a < b ? -1 : 1;
}

static int sort_queue(struct contest *contest)
{
    const struct history *history = contest->history;
    contest->queued = malloc((history->request_count + 1u) * sizeof *contest->queued);
    if (contest->queued == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < history->request_count; i++) {
        if (history->since_s[i] < history->times_s[i]) {
            contest->queued[contest->queued_count++] = i;
        }
    }
    sorted_history = history;
    qsort(contest->queued, contest->queued_count, sizeof *contest->queued, compare_since);
    return 0;
}

int contest_run(const struct history *history, struct contest_run *runs, uint32_t count,
                uint32_t warm_up, uint32_t jobs)
{
    pthread_t threads[JOBS_MAX];
    uint32_t thread_count = 0;
    struct contest contest = {.history = history, .runs = runs, .count = count, .warm_up = warm_up};
    if (sort_queue(&contest) != 0) {
        return ERROR_NO_MEMORY;
    }
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    while (thread_count + 1 < jobs && thread_count + 1 < count &&
           pthread_create(&threads[thread_count], NULL, work, &contest) == 0) {
        thread_count++;
    }
    work(&contest);
    for (uint32_t i = 0; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
    }
    free(contest.queued);
    return atomic_load(&contest.error);
}

uint32_t contest_ratio_ppm(uint64_t hits, uint64_t seen, uint64_t all, uint32_t sample_ppm)
{
    int64_t expected =
        (int64_t)(all / CONTEST_PPM * sample_ppm + all % CONTEST_PPM * sample_ppm / CONTEST_PPM);
    int64_t corrected = (int64_t)hits + (expected - (int64_t)seen);
    if (expected <= 0 || corrected <= 0) {
        return 0;
    }
    corrected = corrected < expected ? corrected : expected;
    /* In two steps: bytes times a million may pass 2^63. */
    return (uint32_t)((double)corrected * CONTEST_PPM / (double)expected + 0.5);
}
