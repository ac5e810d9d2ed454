/*
 * peer_dial.c: connecting to one address, once or again and again.
 *
 * States: trying (a socket, a poll handle, a deadline) -> resting (arranged, after a refusal) ->
 * trying ... -> done. One deadline serves both: the end of an attempt, or of a rest.
 *
 * Failure modes: an attempt that fails is the end of a plain dial; an arranged one goes on until its
 * time is over. Each of its attempts is a fresh socket, bound to the same port: a socket that has
 * failed cannot dial again.
 */
#include "p2p/uv/peer_dial.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 160

struct attempt {
    uv_poll_t poll;
    struct peer_dial *dial;
    int fd; /* -1 when it was given away */
};

struct peer_dial {
    struct net_loop *loop;
    struct peer_dial_config config;
    struct attempt *attempt; /* NULL: resting, or over */
    struct net_deadline *deadline;
    uint64_t give_up_us; /* moment */
    int error;           /* of the last attempt */
    char text[TEXT_BYTES];
    peer_dial_done *done;
    void *context;
};

static void on_attempt_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The fd may be closed as soon as its poll handle is closing. */
static void end_attempt(struct peer_dial *dial)
{
    struct attempt *attempt = dial->attempt;
    if (attempt == NULL) {
        return;
    }
    dial->attempt = NULL;
    uv_close((uv_handle_t *)&attempt->poll, on_attempt_closed);
    if (attempt->fd >= 0) {
        close(attempt->fd);
    }
}

static void fill_sockaddr(const struct peer_dial *dial, struct sockaddr_storage *ret_sockaddr,
                          socklen_t *ret_bytes)
{
    net_address_to_sockaddr(&dial->config.address, ret_sockaddr, ret_bytes);
    if (ret_sockaddr->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)ret_sockaddr)->sin6_scope_id = dial->config.scope_id;
    }
}

/* Our end is the port that we listen on, at any address. */
static int bind_local(const struct peer_dial *dial, int fd)
{
    static const int one = 1;
    struct sockaddr_storage local;
    socklen_t bytes = 0;
    struct net_address any = {.family = dial->config.address.family,
                              .port = dial->config.local_port};
    net_address_to_sockaddr(&any, &local, &bytes);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    return bind(fd, (struct sockaddr *)&local, bytes);
}

/* A socket that connects, or -1 with errno. */
static int begin_connect(const struct peer_dial *dial)
{
    struct sockaddr_storage sockaddr;
    socklen_t bytes = 0;
    fill_sockaddr(dial, &sockaddr, &bytes);
    int fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool bound = !dial->config.is_arranged || bind_local(dial, fd) == 0;
    if (bound && (connect(fd, (struct sockaddr *)&sockaddr, bytes) == 0 || errno == EINPROGRESS)) {
        return fd;
    }
    int system_error = errno;
    close(fd);
    errno = system_error;
    return -1;
}

static void tell(struct peer_dial *dial, int fd)
{
    net_deadline_set(dial->deadline, TIME_NEVER_US);
    dial->done(dial->context, fd >= 0 ? 0 : dial->error, fd, dial->text);
}

static void remember(struct peer_dial *dial, int system_error)
{
    dial->error = ERROR_UNREACHABLE;
    snprintf(dial->text, sizeof dial->text, "%s", strerror(system_error));
}

/* After an attempt that failed. `now_us` + rest must lie before the end. */
static void rest_or_fail(struct peer_dial *dial, uint64_t rest_us)
{
    uint64_t again_us = time_add_us(net_now_us(), rest_us);
    end_attempt(dial);
    if (!dial->config.is_arranged || again_us >= dial->give_up_us) {
        tell(dial, -1);
        return;
    }
    net_deadline_set(dial->deadline, again_us);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct attempt *attempt = poll->data;
    struct peer_dial *dial = attempt->dial;
    int system_error = 0;
    socklen_t bytes = sizeof system_error;
    (void)status; /* the socket knows better */
    (void)events;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &system_error, &bytes) != 0) {
        system_error = errno;
    }
    if (system_error != 0) {
        remember(dial, system_error);
        rest_or_fail(dial, PEER_DIAL_REFUSED_US);
        return;
    }
    int fd = attempt->fd;
    attempt->fd = -1;
    end_attempt(dial);
    tell(dial, fd);
}

/* False: it could not even begin. */
static bool begin_attempt(struct peer_dial *dial)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        remember(dial, ENOMEM);
        return false;
    }
    attempt->dial = dial;
    attempt->fd = begin_connect(dial);
    if (attempt->fd < 0) {
        remember(dial, errno);
        goto err_after_attempt;
    }
    if (uv_poll_init(net_loop_uv(dial->loop), &attempt->poll, attempt->fd) != 0) {
        remember(dial, EIO);
        goto err_after_socket;
    }
    attempt->poll.data = attempt;
    uv_poll_start(&attempt->poll, UV_WRITABLE, on_ready);
    dial->attempt = attempt;
    uint64_t until_us = dial->give_up_us;
    if (dial->config.is_arranged) {
        until_us = time_min_us(until_us, time_add_us(net_now_us(), PEER_DIAL_AGAIN_US));
    }
    net_deadline_set(dial->deadline, until_us);
    return true;

err_after_socket:
    close(attempt->fd);
err_after_attempt:
    free(attempt);
    return false;
}

static void on_deadline(void *context)
{
    struct peer_dial *dial = context;
    if (dial->attempt != NULL) {
        dial->error = ERROR_TIMEOUT;
        snprintf(dial->text, sizeof dial->text, "connecting took too long");
        end_attempt(dial);
    }
    if (net_now_us() >= dial->give_up_us) {
        tell(dial, -1);
    } else if (!begin_attempt(dial)) {
        rest_or_fail(dial, PEER_DIAL_AGAIN_US);
    }
}

int peer_dial_open(struct net_loop *loop, const struct peer_dial_config *config,
                   peer_dial_done *done, void *context, struct peer_dial **ret_dial)
{
    assert((config->address.family == 4 || config->address.family == 6) &&
           config->address.port != 0);
    struct peer_dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        return ERROR_NO_MEMORY;
    }
    dial->loop = loop;
    dial->config = *config;
    dial->done = done;
    dial->context = context;
    dial->give_up_us =
        time_add_us(net_now_us(), config->is_arranged ? PEER_DIAL_ARRANGED_US : PEER_DIAL_PLAIN_US);
    int error = net_deadline_open(loop, on_deadline, dial, &dial->deadline);
    if (error != 0) {
        free(dial);
        return error;
    }
    if (!begin_attempt(dial)) {
        /* It is told, or tried again, from the loop. */
        dial->give_up_us = config->is_arranged ? dial->give_up_us : net_now_us();
        net_deadline_set(dial->deadline, net_now_us());
    }
    *ret_dial = dial;
    return 0;
}

void peer_dial_close(struct peer_dial *dial)
{
    if (dial == NULL) {
        return;
    }
    end_attempt(dial);
    net_deadline_close(dial->deadline);
    free(dial);
}
