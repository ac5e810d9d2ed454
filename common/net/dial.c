/*
 * dial.c: resolving and connecting.
 *
 * States: resolving -> attempt on address n -> ... -> done. One attempt has a socket, a poll handle
 * on it and a share of the deadline. A dial that was closed lives until the lookup that is under way
 * has come back, because libuv still writes into it.
 */
#include "common/net/dial.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct attempt {
    uv_poll_t poll;
    struct net_dial *dial;
    int fd; /* -1 when it was given away */
};

struct net_dial {
    struct net_loop *loop;
    uv_getaddrinfo_t lookup;
    bool looking_up; /* libuv holds `lookup` */
    bool is_closed;  /* by its owner */
    uint16_t port;
    uint64_t attempt_us;
    uint64_t give_up_us; /* moment */
    struct net_address addresses[NET_DIAL_ADDRESSES_MAX];
    size_t address_count;
    size_t address_next; /* to be tried; the one before is being tried */
    struct attempt *attempt;
    struct net_deadline *deadline;
    struct net_deferred no_start; /* tells of a first attempt that could not begin */
    int error;                    /* of the last attempt that failed */
    char text[NET_DIAL_TEXT_BYTES];
    net_dial_done *done;
    void *context;
};

static void try_next(struct net_dial *dial);

static void on_attempt_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* The fd may be closed as soon as its poll handle is closing. */
static void end_attempt(struct net_dial *dial)
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

static void remember(struct net_dial *dial, int error, const char *text)
{
    dial->error = error;
    snprintf(dial->text, sizeof dial->text, "%s", text);
}

static void finish(struct net_dial *dial, int fd)
{
    struct net_dial_result result = {.error = fd >= 0 ? 0 : dial->error, .fd = fd};
    result.text = dial->text;
    if (dial->address_next > 0) {
        result.address = &dial->addresses[dial->address_next - 1];
    }
    net_deadline_set(dial->deadline, TIME_NEVER_US);
    dial->done(dial->context, &result);
}

static void succeed(struct net_dial *dial)
{
    int fd = dial->attempt->fd;
    dial->attempt->fd = -1;
    end_attempt(dial);
    finish(dial, fd);
}

static void fail_attempt(struct net_dial *dial, int system_error)
{
    remember(dial, ERROR_UNREACHABLE, strerror(system_error));
    end_attempt(dial);
    try_next(dial);
}

static void on_attempt_ready(uv_poll_t *poll, int status, int events)
{
    struct attempt *attempt = poll->data;
    int system_error = 0;
    socklen_t bytes = sizeof system_error;
    (void)status; /* the socket knows better */
    (void)events;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &system_error, &bytes) != 0) {
        system_error = errno;
    }
    if (system_error != 0) {
        fail_attempt(attempt->dial, system_error);
    } else {
        succeed(attempt->dial);
    }
}

/* Sets *ret_errno when the address cannot be tried at all. */
static struct attempt *new_attempt(struct net_dial *dial, const struct net_address *address,
                                   int *ret_errno)
{
    struct sockaddr_storage sockaddr;
    socklen_t sockaddr_bytes = 0;
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        *ret_errno = ENOMEM;
        return NULL;
    }
    attempt->dial = dial;
    net_address_to_sockaddr(address, &sockaddr, &sockaddr_bytes);
    attempt->fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attempt->fd < 0) {
        *ret_errno = errno;
        goto err_after_attempt;
    }
    if (connect(attempt->fd, (struct sockaddr *)&sockaddr, sockaddr_bytes) != 0 &&
        errno != EINPROGRESS) {
        *ret_errno = errno;
        goto err_after_socket;
    }
    if (uv_poll_init(net_loop_uv(dial->loop), &attempt->poll, attempt->fd) != 0) {
        *ret_errno = EIO;
        goto err_after_socket;
    }
    attempt->poll.data = attempt;
    return attempt;

err_after_socket:
    close(attempt->fd);
err_after_attempt:
    free(attempt);
    return NULL;
}

/* Begins with the next address that can be tried. False: none is left. */
static bool begin_next(struct net_dial *dial)
{
    while (dial->address_next < dial->address_count) {
        int system_error = 0;
        const struct net_address *address = &dial->addresses[dial->address_next++];
        dial->attempt = new_attempt(dial, address, &system_error);
        if (dial->attempt == NULL) {
            remember(dial, ERROR_UNREACHABLE, strerror(system_error));
            continue;
        }
        uint64_t until_us = dial->give_up_us;
        if (dial->address_next < dial->address_count) {
            until_us = time_min_us(until_us, time_add_us(net_now_us(), dial->attempt_us));
        }
        net_deadline_set(dial->deadline, until_us);
        uv_poll_start(&dial->attempt->poll, UV_WRITABLE, on_attempt_ready);
        return true;
    }
    return false;
}

static void try_next(struct net_dial *dial)
{
    if (!begin_next(dial)) {
        finish(dial, -1);
    }
}

/* While a lookup runs libuv cannot always cancel it: its answer then comes to a dial without
 * addresses that is over. */
static void on_deadline(void *context)
{
    struct net_dial *dial = context;
    remember(dial, ERROR_TIMEOUT,
             dial->looking_up ? "looking up the host took too long" : "connecting took too long");
    end_attempt(dial);
    if (net_now_us() >= dial->give_up_us) {
        dial->address_next = dial->address_count;
    }
    try_next(dial);
}

static void on_no_start(void *context)
{
    finish(context, -1);
}

static void add_address(struct net_dial *dial, const struct sockaddr *sockaddr)
{
    struct net_address address;
    net_address_from_sockaddr(sockaddr, &address);
    if (address.family != 0 && dial->address_count < NET_DIAL_ADDRESSES_MAX) {
        address.port = dial->port;
        dial->addresses[dial->address_count++] = address;
    }
}

/* One of the other family after each, as long as both last; order is kept within a family. */
static void take_families_in_turn(struct net_dial *dial)
{
    for (size_t i = 1; i < dial->address_count; i++) {
        size_t other = i;
        uint8_t before = dial->addresses[i - 1].family;
        while (other < dial->address_count && dial->addresses[other].family == before) {
            other++;
        }
        if (other == dial->address_count) {
            return;
        }
        struct net_address moved = dial->addresses[other];
        memmove(&dial->addresses[i + 1], &dial->addresses[i],
                (other - i) * sizeof dial->addresses[0]);
        dial->addresses[i] = moved;
    }
}

static void remember_lookup_error(struct net_dial *dial, int status)
{
    if (status == 0 || status == UV_EAI_NONAME || status == UV_EAI_NODATA) {
        remember(dial, ERROR_NOT_FOUND, "no such host name");
    } else {
        remember(dial, ERROR_UNREACHABLE, uv_strerror(status));
    }
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct net_dial *dial = lookup->data;
    dial->looking_up = false;
    if (status == 0 && !dial->is_closed && dial->error != ERROR_TIMEOUT) {
        for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
            add_address(dial, at->ai_addr);
        }
    }
    uv_freeaddrinfo(list);
    if (dial->is_closed) {
        free(dial);
        return;
    }
    if (dial->error == ERROR_TIMEOUT) {
        return; /* done has been called */
    }
    take_families_in_turn(dial);
    if (dial->address_count == 0) {
        remember_lookup_error(dial, status);
    }
    try_next(dial);
}

static int look_up(struct net_dial *dial, const char *host)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    dial->lookup.data = dial;
    if (uv_getaddrinfo(net_loop_uv(dial->loop), &dial->lookup, on_looked_up, host, NULL, &hints) !=
        0) {
        return ERROR_SYSTEM;
    }
    dial->looking_up = true;
    return 0;
}

int net_dial_open(struct net_loop *loop, const char *host, uint16_t port, uint64_t connect_us,
                  uint64_t attempt_us, net_dial_done *done, void *context,
                  struct net_dial **ret_dial)
{
    struct net_dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        return ERROR_NO_MEMORY;
    }
    dial->loop = loop;
    dial->port = port;
    dial->attempt_us = attempt_us;
    dial->give_up_us = time_add_us(net_now_us(), connect_us);
    dial->done = done;
    dial->context = context;
    dial->no_start = (struct net_deferred){.callback = on_no_start, .context = dial};
    int error = net_deadline_open(loop, on_deadline, dial, &dial->deadline);
    if (error != 0) {
        goto err_after_dial;
    }
    net_deadline_set(dial->deadline, dial->give_up_us);
    if (net_address_parse(host, port, &dial->addresses[0]) == 0) {
        /* At once: the network is at it while the program still opens other things. */
        dial->address_count = 1;
        if (!begin_next(dial)) {
            net_loop_defer(loop, &dial->no_start);
        }
    } else {
        error = look_up(dial, host);
        if (error != 0) {
            goto err_after_deadline;
        }
    }
    *ret_dial = dial;
    return 0;

err_after_deadline:
    net_deadline_close(dial->deadline);
err_after_dial:
    free(dial);
    return error;
}

void net_dial_close(struct net_dial *dial)
{
    if (dial == NULL) {
        return;
    }
    assert(!dial->is_closed);
    end_attempt(dial);
    net_deadline_close(dial->deadline);
    net_loop_undefer(dial->loop, &dial->no_start);
    dial->is_closed = true;
    if (dial->looking_up) {
        uv_cancel((uv_req_t *)&dial->lookup); /* when it cannot be, its answer frees the dial */
    } else {
        free(dial);
    }
}
