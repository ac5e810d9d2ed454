/*
 * port_map.c: the thread that keeps a mapping, and what it tells the loop.
 *
 * Responsible for when the router is asked and in which way; how is port_map_natpmp.c's and
 * port_map_upnp.c's. Loop and thread share one `worker` under its mutex; whoever lets go of it last
 * frees it, so that a thread that a library holds up holds up nobody.
 *
 * The thread's states: ask (each way in turn) -> kept (until half of the lease) -> ask ...; or
 * ask -> nothing (until the retry) -> ask ...; each wait ends at once when there is news.
 */
#include "p2p/uv/port_map.h"

#include "common/error.h"
#include "common/net/crypto.h"
#include "common/net/mailbox.h"
#include "p2p/uv/port_map_ask.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STATES_WAITING 8u /* for the loop; it is told the last one in any case */

struct worker {
    pthread_mutex_t mutex;
    pthread_cond_t ended; /* monotonic */
    /* Under the mutex. */
    struct net_mailbox *mailbox; /* NULL: nobody is told any more */
    struct net_address observed;
    bool is_ending, is_refreshed, has_ended, is_left;
    /* Set before the thread runs. */
    unsigned methods;
    int wake; /* an eventfd */
    /* The thread's. */
    struct port_map_ask ask;
    struct port_map_state state;
    uint32_t lifetime_s;
    uint32_t retry_s;
};

struct port_map {
    struct worker *worker;
    struct net_mailbox *mailbox;
    pthread_t thread;
    port_map_changed *changed;
    void *context;
    uint64_t closed_us; /* 0 = open */
};

const char *port_map_method_name(enum port_map_method method)
{
    static const char *const names[PORT_MAP_METHODS] = {"PCP", "NAT-PMP", "UPnP"};
    assert(method < PORT_MAP_METHODS);
    return names[method];
}

/* --- the thread ----------------------------------------------------------------------------------- */

static bool is_same(const struct port_map_state *a, const struct port_map_state *b)
{
    return a->outer_port == b->outer_port && a->method == b->method &&
           net_address_equal(&a->outer, &b->outer);
}

static void tell(struct worker *worker, const struct port_map_state *state)
{
    if (is_same(&worker->state, state)) {
        return;
    }
    worker->state = *state;
    pthread_mutex_lock(&worker->mutex);
    if (worker->mailbox != NULL) {
        (void)net_mailbox_post(worker->mailbox, state); /* a loop so slow has other worries */
    }
    pthread_mutex_unlock(&worker->mutex);
}

/* Waits, for ever at most. False: the end has come. */
static bool wait_for_news(struct worker *worker, uint32_t limit_s)
{
    struct pollfd polled = {.fd = worker->wake, .events = POLLIN};
    uint64_t count = 0;
    if (poll(&polled, 1, (int)limit_s * 1000) > 0) {
        (void)!read(worker->wake, &count, sizeof count);
    }
    pthread_mutex_lock(&worker->mutex);
    bool is_ending = worker->is_ending;
    if (worker->is_refreshed) {
        worker->is_refreshed = false;
        worker->retry_s = PORT_MAP_RETRY_S;
        worker->ask.upnp_url[0] = '\0'; /* perhaps another router */
    }
    pthread_mutex_unlock(&worker->mutex);
    return !is_ending;
}

static int ask_router(struct worker *worker, enum port_map_method method,
                      struct port_map_lease *ret_lease)
{
    switch (method) {
    case PORT_MAP_PCP:
        return port_map_ask_pcp(&worker->ask, ret_lease);
    case PORT_MAP_NAT_PMP:
        return port_map_ask_natpmp(&worker->ask, ret_lease);
    case PORT_MAP_UPNP:
        return port_map_ask_upnp(&worker->ask, ret_lease);
    case PORT_MAP_METHODS:
        break;
    }
    return ERROR_UNSUPPORTED;
}

static void take_back(struct worker *worker, enum port_map_method method, uint16_t outer_port)
{
    if (method == PORT_MAP_PCP) {
        port_map_drop_pcp(&worker->ask);
    } else if (method == PORT_MAP_NAT_PMP) {
        port_map_drop_natpmp(&worker->ask);
    } else {
        port_map_drop_upnp(&worker->ask, outer_port);
    }
}

/* Does the port lie where others see us? A router whose own address is a private one stands behind
 * another device, unless that is just where others see us. */
static bool is_of_use(struct worker *worker, const struct port_map_lease *lease)
{
    struct p2p_address outer = {.family = lease->outer.family};
    memcpy(outer.address, lease->outer.bytes, sizeof outer.address);
    pthread_mutex_lock(&worker->mutex);
    struct net_address observed = worker->observed;
    pthread_mutex_unlock(&worker->mutex);
    if (lease->outer.family == 0) {
        return true; /* it does not say */
    }
    if (observed.family != 4) {
        return !p2p_address_is_local(&outer);
    }
    return memcmp(observed.bytes, lease->outer.bytes, 4) == 0;
}

/* Each way in turn, that which did last time first. False: none did. */
static bool ask_all(struct worker *worker, struct port_map_state *ret_state)
{
    struct port_map_gateway gateway;
    if (port_map_find_gateway(&gateway) != 0) {
        return false;
    }
    worker->ask.gateway = gateway;
    for (unsigned i = 0; i < PORT_MAP_METHODS; i++) {
        enum port_map_method method =
            (enum port_map_method)((worker->state.method + i) % PORT_MAP_METHODS);
        struct port_map_lease lease = {0};
        int error = (worker->methods & 1u << method) == 0 ? ERROR_UNSUPPORTED
                                                          : ask_router(worker, method, &lease);
        if (error == 0 && is_of_use(worker, &lease)) {
            ret_state->outer_port = lease.outer_port;
            ret_state->method = method;
            ret_state->outer = lease.outer;
            worker->ask.outer_port = lease.outer_port;
            worker->lifetime_s = lease.lifetime_s;
            return true;
        }
        if (error == 0) {
            take_back(worker, method, lease.outer_port);
            return false;
        }
        if (error == ERROR_CANCELLED) {
            return false;
        }
    }
    return false;
}

/* How long to wait after a round. */
static uint32_t rest_s(struct worker *worker, bool is_mapped)
{
    if (!is_mapped) {
        uint32_t retry_s = worker->retry_s;
        worker->retry_s = 2 * retry_s < PORT_MAP_RETRY_MAX_S ? 2 * retry_s : PORT_MAP_RETRY_MAX_S;
        return retry_s;
    }
    uint32_t half_s = worker->lifetime_s / 2;
    worker->retry_s = PORT_MAP_RETRY_S;
    if (worker->lifetime_s == 0 || half_s > PORT_MAP_RENEW_MAX_S) {
        return PORT_MAP_RENEW_MAX_S;
    }
    return half_s < PORT_MAP_RENEW_MIN_S ? PORT_MAP_RENEW_MIN_S : half_s;
}

static void free_worker(struct worker *worker)
{
    pthread_cond_destroy(&worker->ended);
    pthread_mutex_destroy(&worker->mutex);
    close(worker->wake);
    free(worker);
}

static void *work(void *context)
{
    struct worker *worker = context;
    uint32_t wait_s;
    do {
        struct port_map_state state = {.method = worker->state.method};
        bool is_mapped = ask_all(worker, &state);
        tell(worker, &state);
        wait_s = rest_s(worker, is_mapped);
    } while (wait_for_news(worker, wait_s));
    if (worker->state.outer_port != 0) {
        take_back(worker, worker->state.method, worker->state.outer_port);
    }
    pthread_mutex_lock(&worker->mutex);
    worker->has_ended = true;
    bool is_left = worker->is_left;
    pthread_cond_signal(&worker->ended);
    pthread_mutex_unlock(&worker->mutex);
    if (is_left) {
        free_worker(worker);
    }
    return NULL;
}

/* --- the loop ------------------------------------------------------------------------------------- */

static void on_message(void *context, const void *message)
{
    struct port_map *map = context;
    map->changed(map->context, message);
}

static struct worker *new_worker(const struct port_map_config *config)
{
    pthread_condattr_t attributes;
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake < 0 || crypto_random(worker->ask.nonce, sizeof worker->ask.nonce) != 0) {
        if (worker->wake >= 0) {
            close(worker->wake);
        }
        free(worker);
        return NULL;
    }
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    worker->observed = config->observed;
    worker->methods = config->methods != 0 ? config->methods : (1u << PORT_MAP_METHODS) - 1;
    worker->ask.port = config->port;
    worker->ask.outer_port = config->port;
    worker->ask.lease_s = config->lease_s != 0 ? config->lease_s : PORT_MAP_LEASE_S;
    worker->ask.wake_fd = worker->wake;
    worker->retry_s = PORT_MAP_RETRY_S;
    return worker;
}

int port_map_open(struct net_loop *loop, const struct port_map_config *config,
                  port_map_changed *changed, void *context, struct port_map **ret_map)
{
    assert(config->port != 0);
    struct port_map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return ERROR_NO_MEMORY;
    }
    map->changed = changed;
    map->context = context;
    map->worker = new_worker(config);
    int error = map->worker == NULL ? ERROR_SYSTEM : 0;
    if (error != 0) {
        goto err_after_map;
    }
    error = net_mailbox_open(loop, sizeof(struct port_map_state), STATES_WAITING, on_message, map,
                             &map->mailbox);
    if (error != 0) {
        goto err_after_worker;
    }
    map->worker->mailbox = map->mailbox;
    if (pthread_create(&map->thread, NULL, work, map->worker) != 0) {
        error = ERROR_SYSTEM;
        goto err_after_mailbox;
    }
    *ret_map = map;
    return 0;

err_after_mailbox:
    net_mailbox_close(map->mailbox);
    net_mailbox_free(map->mailbox);
err_after_worker:
    free_worker(map->worker);
err_after_map:
    free(map);
    return error;
}

static void wake(struct worker *worker)
{
    static const uint64_t one = 1;
    (void)!write(worker->wake, &one, sizeof one); /* full: it is awake */
}

void port_map_refresh(struct port_map *map, const struct net_address *observed)
{
    pthread_mutex_lock(&map->worker->mutex);
    map->worker->observed = *observed;
    map->worker->is_refreshed = true;
    pthread_mutex_unlock(&map->worker->mutex);
    wake(map->worker);
}

void port_map_close(struct port_map *map)
{
    if (map == NULL || map->closed_us != 0) {
        return;
    }
    map->closed_us = net_now_us();
    pthread_mutex_lock(&map->worker->mutex);
    map->worker->mailbox = NULL;
    map->worker->is_ending = true;
    pthread_mutex_unlock(&map->worker->mutex);
    wake(map->worker);
    net_mailbox_close(map->mailbox);
}

/* False: it is still held up when its time is over; then the worker is the thread's. */
static bool wait_for_end(struct port_map *map)
{
    struct worker *worker = map->worker;
    uint64_t until_us = time_add_us(map->closed_us, PORT_MAP_END_US);
    struct timespec until = {.tv_sec = (time_t)(until_us / TIME_US_PER_S),
                             .tv_nsec = (long)(until_us % TIME_US_PER_S) * 1000};
    int result = 0;
    pthread_mutex_lock(&worker->mutex);
    while (!worker->has_ended && result == 0) {
        result = pthread_cond_timedwait(&worker->ended, &worker->mutex, &until);
    }
    bool has_ended = worker->has_ended;
    worker->is_left = !has_ended;
    pthread_mutex_unlock(&worker->mutex);
    return has_ended;
}

void port_map_free(struct port_map *map)
{
    if (map == NULL) {
        return;
    }
    assert(map->closed_us != 0);
    if (wait_for_end(map)) {
        pthread_join(map->thread, NULL);
        free_worker(map->worker);
    } else {
        pthread_detach(map->thread);
    }
    net_mailbox_free(map->mailbox);
    free(map);
}
