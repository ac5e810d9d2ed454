/*
 * origin_worker.c: a worker's life, and the turn of events and effects.
 *
 * Happy path: new -> take, take, ... -> stop -> stopped -> free. Failure modes: the engine or the
 * system without memory: the program cannot serve and says so (abort with a message, as the kernel
 * would). What a stop waits for is listed in origin_worker_maybe_stopped().
 */
#include "streamserver/uv/origin_worker.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/net/identity.h"
#include "streamserver/command.h"
#include "streamserver/uv/origin_worker_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void on_deadline(void *context)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_TICK};
    origin_worker_step(context, &event);
}

static void on_http_closed(void *context)
{
    struct origin_worker *worker = context;
    worker->http_is_closed = true;
    worker->http = NULL;
    origin_worker_maybe_stopped(worker);
}

static const struct net_http_handler http_handler = {
    .request = origin_worker_http_request,
    .link = origin_worker_link_adopt,
    .closed = on_http_closed,
};

static int allocate(struct origin_worker *worker, const struct origin_config *engine)
{
    /* Every look-up, every read, and a signature for each link may wait at the same time. */
    uint32_t finds = engine->slot_count > 64 ? engine->slot_count : 64;
    worker->task_capacity = finds + engine->slot_count + engine->link_max;
    worker->tasks = calloc(worker->task_capacity, sizeof *worker->tasks);
    worker->slots = calloc(engine->slot_count, CHUNK_BYTES);
    worker->reads = calloc(engine->slot_count, sizeof *worker->reads);
    worker->intern = media_intern_new(0);
    if (worker->tasks == NULL || worker->slots == NULL || worker->reads == NULL ||
        worker->intern == NULL) {
        return ERROR_NO_MEMORY;
    }
    return media_files_new(worker->config.folder, engine->slot_count, &worker->files);
}

/* The TLS form of our signature is the same for every link. */
static int sign_tls_key(struct origin_worker *worker)
{
    if (worker->config.tls == NULL) {
        return 0;
    }
    net_tls_get_key_hash(worker->config.tls, worker->tls_key_hash);
    return net_identity_sign(NET_IDENTITY_TLS, worker->config.folder->key, worker->tls_key_hash,
                             worker->tls_signature);
}

static int start_engine(struct origin_worker *worker, struct origin_config *engine)
{
    engine->intern = worker->intern;
    memcpy(engine->identity, worker->config.folder->identity, sizeof engine->identity);
    int error = crypto_random((uint8_t *)&engine->tracker.seed, sizeof engine->tracker.seed);
    if (error == 0) {
        error = origin_new(engine, &worker->origin);
    }
    if (error == 0) {
        error = net_deadline_open(worker->loop, on_deadline, worker, &worker->deadline);
    }
    if (error == 0) {
        struct net_http_config http = {.tls = worker->config.tls};
        error = net_http_server_new(worker->loop, &http, &http_handler, worker, &worker->http);
    }
    return error;
}

int origin_worker_new(struct net_loop *loop, const struct origin_worker_config *config,
                      struct origin_worker **ret_worker)
{
    struct origin_config engine = origin_config_default;
    struct origin_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return ERROR_NO_MEMORY;
    }
    worker->loop = loop;
    worker->config = *config;
    table_init(&worker->links, sizeof(struct origin_worker_entry), sizeof(uint32_t), 0);
    int error = allocate(worker, &engine);
    if (error == 0) {
        error = sign_tls_key(worker);
    }
    if (error == 0) {
        error = start_engine(worker, &engine);
    }
    if (error != 0) {
        origin_worker_free(worker);
        return error;
    }
    *ret_worker = worker;
    return 0;
}

void origin_worker_free(struct origin_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    assert(worker->link_count == 0);
    assert(worker->reads_waiting == 0);
    assert(worker->http == NULL);
    net_deadline_close(worker->deadline);
    origin_free(worker->origin);
    media_files_free(worker->files);
    media_intern_free(worker->intern);
    table_deinit(&worker->links);
    free(worker->tasks);
    free(worker->slots);
    free(worker->reads);
    free(worker);
}

void origin_worker_take(void *context, int fd)
{
    struct origin_worker *worker = context;
    net_http_server_take(worker->http, fd);
}

void origin_worker_maybe_stopped(struct origin_worker *worker)
{
    /* Pending: links that say good-bye, reads on other threads, HTTP connections. */
    if (!worker->is_stopping || worker->link_count > 0 || worker->reads_waiting > 0 ||
        !worker->http_is_closed || worker->stopped == NULL) {
        return;
    }
    origin_worker_stopped *stopped = worker->stopped;
    worker->stopped = NULL;
    net_deadline_set(worker->deadline, TIME_NEVER_US);
    stopped(worker->stopped_context);
}

void origin_worker_stop(struct origin_worker *worker, origin_worker_stopped *stopped, void *context)
{
    assert(!worker->is_stopping);
    worker->is_stopping = true;
    worker->stopped = stopped;
    worker->stopped_context = context;
    origin_worker_link_shutdown(worker);
    net_http_server_close(worker->http);
}

static void put_task(struct origin_worker *worker, const struct origin_effect *effect)
{
    assert(worker->task_count < worker->task_capacity);
    uint32_t at = (worker->task_first + worker->task_count) % worker->task_capacity;
    worker->tasks[at] = *effect;
    worker->task_count++;
}

static void carry_out(struct origin_worker *worker, const struct origin_effect *effect)
{
    switch (effect->kind) {
    case ORIGIN_EFFECT_SIGN:
    case ORIGIN_EFFECT_FIND_TRACK:
    case ORIGIN_EFFECT_FIND_FILE:
    case ORIGIN_EFFECT_FIND_PROOF:
    case ORIGIN_EFFECT_READ:
        put_task(worker, effect);
        break;
    case ORIGIN_EFFECT_SEND:
        origin_worker_link_send(worker, effect);
        break;
    case ORIGIN_EFFECT_DISCONNECT:
        origin_worker_link_disconnect(worker, effect->disconnect.link,
                                      (enum p2p_bye)effect->disconnect.reason);
        break;
    case ORIGIN_EFFECT_KINDS:
        assert(0 && "an effect kind of origin.h");
        break;
    }
}

static void step(struct origin_worker *worker, struct origin_event *event)
{
    struct origin_update update;
    event->now_us = net_now_us();
    int error = origin_step(worker->origin, event, &update);
    if (error != 0) {
        command_complain(NULL, error_text(error), "give the machine more memory");
        abort();
    }
    for (uint32_t i = 0; i < update.count; i++) {
        carry_out(worker, &update.effects[i]);
    }
    net_deadline_set(worker->deadline, update.next_deadline_us);
}

void origin_worker_step(struct origin_worker *worker, struct origin_event *event)
{
    step(worker, event);
    while (worker->task_count > 0) {
        struct origin_effect *task = &worker->tasks[worker->task_first];
        struct origin_event answer = {.kind = ORIGIN_EVENT_TICK};
        bool is_answered = origin_worker_task(worker, task, &answer);
        worker->task_count--; /* an empty ring starts afresh, and stays in few pages */
        worker->task_first =
            worker->task_count == 0 ? 0 : (worker->task_first + 1) % worker->task_capacity;
        if (is_answered) {
            step(worker, &answer);
        }
    }
}
