/*
 * loop.c: the event loop, its deadlines, its deferred work and its signals.
 *
 * Deferred work runs in uv's prepare and check phases, that is before and after the loop waits. An
 * idle handle is active while any is left, so that the loop does not wait then.
 */
#include "common/net/loop.h"

#include "common/error.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#define SIGNALS 2
#define CLOSING_TURNS_MAX 16

struct net_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_signal_t signals[SIGNALS];
    bool catches_signals;
    net_signal_callback *signal_callback;
    void *signal_context;
    struct net_deferred deferred; /* head of the ring of waiting items */
    uint8_t *scratch;
};

struct net_deadline {
    uv_timer_t timer;
    struct net_loop *loop;
    uint64_t moment_us;
    net_deadline_callback *callback;
    void *context;
};

uint64_t net_now_us(void)
{
    return uv_hrtime() / 1000;
}

/* ---- deferred work ---- */

static void ring_init(struct net_deferred *ring)
{
    ring->next = ring;
    ring->previous = ring;
}

static bool ring_is_empty(const struct net_deferred *ring)
{
    return ring->next == ring;
}

static void ring_remove(struct net_deferred *item)
{
    item->previous->next = item->next;
    item->next->previous = item->previous;
    item->next = NULL;
    item->previous = NULL;
}

static void ring_append(struct net_deferred *ring, struct net_deferred *item)
{
    item->previous = ring->previous;
    item->next = ring;
    ring->previous->next = item;
    ring->previous = item;
}

static void idle_now(uv_idle_t *idle)
{
    (void)idle;
}

/* Runs what waits at this moment; what is put in meanwhile waits for the next phase. */
static void run_deferred(struct net_loop *loop)
{
    if (ring_is_empty(&loop->deferred)) {
        uv_idle_stop(&loop->idle);
        return;
    }
    struct net_deferred batch = loop->deferred;
    batch.next->previous = &batch;
    batch.previous->next = &batch;
    ring_init(&loop->deferred);
    while (!ring_is_empty(&batch)) {
        struct net_deferred *item = batch.next;
        ring_remove(item);
        item->callback(item->context);
    }
    if (ring_is_empty(&loop->deferred)) {
        uv_idle_stop(&loop->idle);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    run_deferred(prepare->data);
}

static void on_check(uv_check_t *check)
{
    run_deferred(check->data);
}

void net_loop_defer(struct net_loop *loop, struct net_deferred *item)
{
    assert(item->callback != NULL);
    if (item->next != NULL) {
        return;
    }
    ring_append(&loop->deferred, item);
    uv_idle_start(&loop->idle, idle_now);
}

void net_loop_undefer(struct net_loop *loop, struct net_deferred *item)
{
    (void)loop; /* the idle handle stays active for one turn more; run_deferred stops it */
    if (item->next != NULL) {
        ring_remove(item);
    }
}

/* ---- the loop ---- */

/* None of these calls fails in libuv 1.x; the loop's own set-up may (file descriptors). */
static void open_phases(struct net_loop *loop)
{
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    loop->prepare.data = loop;
    loop->check.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    /* The phases alone keep nobody waiting. */
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->check);
}

int net_loop_new(struct net_loop **ret_loop)
{
    int error = ERROR_NO_MEMORY;
    struct net_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ERROR_NO_MEMORY;
    }
    ring_init(&loop->deferred);
    loop->scratch = malloc(NET_LOOP_SCRATCH_BYTES);
    if (loop->scratch == NULL) {
        goto err_after_loop;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        error = ERROR_SYSTEM;
        goto err_after_scratch;
    }
    signal(SIGPIPE, SIG_IGN);
    open_phases(loop);
    *ret_loop = loop;
    return 0;

err_after_scratch:
    free(loop->scratch);
err_after_loop:
    free(loop);
    return error;
}

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    net_loop_release_signals(loop);
    assert(ring_is_empty(&loop->deferred));
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    /* Closing takes a turn or two; without waiting, so that a part left open shows at once. */
    int busy = UV_EBUSY;
    for (int turn = 0; turn < CLOSING_TURNS_MAX && busy != 0; turn++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        busy = uv_loop_close(&loop->uv);
    }
    assert(busy == 0);
    (void)busy;
    free(loop->scratch);
    free(loop);
}

uv_loop_t *net_loop_uv(struct net_loop *loop)
{
    return &loop->uv;
}

void net_loop_run(struct net_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void net_loop_stop(struct net_loop *loop)
{
    uv_stop(&loop->uv);
}

uint8_t *net_loop_scratch(struct net_loop *loop)
{
    return loop->scratch;
}

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *timer);

/* uv counts whole milliseconds from its own reading of the same clock: round the moment up, so that
 * the timer is never early by more than that reading's age; on_timer looks again. */
static void start_timer(struct net_deadline *deadline)
{
    uint64_t moment_ms = deadline->moment_us / 1000 + (deadline->moment_us % 1000 != 0);
    uint64_t now_ms = uv_now(&deadline->loop->uv);
    uv_timer_start(&deadline->timer, on_timer, moment_ms > now_ms ? moment_ms - now_ms : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct net_deadline *deadline = timer->data;
    if (net_now_us() < deadline->moment_us) {
        start_timer(deadline);
        return;
    }
    deadline->moment_us = TIME_NEVER_US;
    deadline->callback(deadline->context);
}

int net_deadline_open(struct net_loop *loop, net_deadline_callback *callback, void *context,
                      struct net_deadline **ret_deadline)
{
    struct net_deadline *deadline = calloc(1, sizeof *deadline);
    if (deadline == NULL) {
        return ERROR_NO_MEMORY;
    }
    deadline->loop = loop;
    deadline->moment_us = TIME_NEVER_US;
    deadline->callback = callback;
    deadline->context = context;
    uv_timer_init(&loop->uv, &deadline->timer);
    deadline->timer.data = deadline;
    *ret_deadline = deadline;
    return 0;
}

void net_deadline_set(struct net_deadline *deadline, uint64_t moment_us)
{
    if (moment_us == deadline->moment_us && moment_us == TIME_NEVER_US) {
        return;
    }
    deadline->moment_us = moment_us;
    if (moment_us == TIME_NEVER_US) {
        uv_timer_stop(&deadline->timer);
    } else {
        start_timer(deadline);
    }
}

static void on_deadline_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net_deadline_close(struct net_deadline *deadline)
{
    if (deadline != NULL) {
        uv_close((uv_handle_t *)&deadline->timer, on_deadline_closed);
    }
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct net_loop *loop = handle->data;
    loop->signal_callback(loop->signal_context, number);
}

int net_loop_catch_signals(struct net_loop *loop, net_signal_callback *callback, void *context)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM};
    assert(!loop->catches_signals);
    loop->signal_callback = callback;
    loop->signal_context = context;
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
    }
    loop->catches_signals = true;
    for (int i = 0; i < SIGNALS; i++) {
        if (uv_signal_start(&loop->signals[i], on_signal, numbers[i]) != 0) {
            net_loop_release_signals(loop);
            return ERROR_SYSTEM;
        }
        uv_unref((uv_handle_t *)&loop->signals[i]);
    }
    return 0;
}

void net_loop_release_signals(struct net_loop *loop)
{
    if (!loop->catches_signals) {
        return;
    }
    loop->catches_signals = false;
    for (int i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *)&loop->signals[i], NULL);
    }
}
