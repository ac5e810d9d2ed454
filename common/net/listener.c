/*
 * listener.c: binding, accepting, and what to do when there are no file descriptors left.
 *
 * Happy path: open -> accept until there is nobody -> close. Failure modes: an accepted connection
 * that has gone is passed over; no descriptors: poll stops for REST_US, then goes on.
 */
#include "common/net/listener.h"

#include "common/error.h"
#include "common/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define ACCEPTS_PER_TURN 64
#define REST_US (100 * TIME_US_PER_MS)

struct net_listener {
    struct net_loop *loop;
    uv_poll_t poll;
    int fd;
    struct net_deadline *rest; /* until accepting is tried again */
    struct net_address address;
    net_listener_accepted *accepted;
    void *context;
};

/* ---- HOST:PORT ---- */

static int parse_port(const char *text, uint16_t *ret_port)
{
    unsigned long value = 0;
    size_t digits = strlen(text);
    if (digits == 0 || digits > 5) {
        return ERROR_MALFORMED;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return ERROR_MALFORMED;
        }
        value = value * 10 + (unsigned long)(*at - '0');
    }
    if (value > UINT16_MAX) {
        return ERROR_MALFORMED;
    }
    *ret_port = (uint16_t)value;
    return 0;
}

int net_listen_parse(const char *text, uint16_t default_port, char *ret_host, size_t capacity,
                     uint16_t *ret_port)
{
    const char *host = text;
    const char *rest = NULL; /* what follows the host: "" or ":PORT" */
    size_t host_bytes = 0;
    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');
        if (bracket == NULL) {
            return ERROR_MALFORMED;
        }
        host = text + 1;
        host_bytes = (size_t)(bracket - host);
        rest = bracket + 1;
    } else {
        host_bytes = strcspn(text, ":");
        rest = text + host_bytes;
    }
    uint16_t port = default_port;
    if (host_bytes == 0 || host_bytes >= capacity) {
        return ERROR_MALFORMED;
    }
    if (*rest != '\0' && (*rest != ':' || parse_port(rest + 1, &port) != 0)) {
        return ERROR_MALFORMED;
    }
    memcpy(ret_host, host, host_bytes);
    ret_host[host_bytes] = '\0';
    *ret_port = port;
    return 0;
}

/* ---- binding ---- */

static int error_of_bind(int system_error)
{
    switch (system_error) {
    case EADDRINUSE:
        return ERROR_BUSY;
    case EACCES:
    case EPERM:
        return ERROR_DENIED;
    case EADDRNOTAVAIL:
        return ERROR_NOT_FOUND;
    default:
        return ERROR_SYSTEM;
    }
}

static void explain(int error, int system_error, const char *host, uint16_t port,
                    char ret_text[NET_LISTENER_TEXT_BYTES])
{
    bool is_ipv6 = strchr(host, ':') != NULL;
    const char *why = strerror(system_error);
    if (error == ERROR_BUSY) {
        why = "is in use by another program";
    } else if (error == ERROR_DENIED) {
        why = "may not be listened on by this user";
    } else if (error == ERROR_NOT_FOUND) {
        why = "is not an address of this machine";
    }
    snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s%s%s:%u %s", is_ipv6 ? "[" : "", host,
             is_ipv6 ? "]" : "", port, why);
}

/* A listening socket, or -1 with errno. */
static int bind_one(const struct addrinfo *where)
{
    int one = 1;
    int off = 0;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (where->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, where->ai_addr, where->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int system_error = errno;
        close(fd);
        errno = system_error;
        return -1;
    }
    return fd;
}

/* Tries the addresses of the host in the system's order; the last errno counts. */
static int bind_host(const char *host, uint16_t port, int *ret_fd,
                     char ret_text[NET_LISTENER_TEXT_BYTES])
{
    char service[8];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    snprintf(service, sizeof service, "%u", port);
    int gai = getaddrinfo(host, service, &hints, &list);
    if (gai != 0) {
        snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s: %s", host, gai_strerror(gai));
        return ERROR_NOT_FOUND;
    }
    int fd = -1;
    int system_error = 0;
    for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = bind_one(at);
        system_error = errno;
    }
    freeaddrinfo(list);
    if (fd < 0) {
        int error = error_of_bind(system_error);
        explain(error, system_error, host, port, ret_text);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

/* ---- accepting ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void rest(struct net_listener *listener)
{
    uv_poll_stop(&listener->poll);
    net_deadline_set(listener->rest, time_add_us(net_now_us(), REST_US));
}

static void on_rested(void *context)
{
    struct net_listener *listener = context;
    uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

static bool is_out_of_resources(int system_error)
{
    return system_error == EMFILE || system_error == ENFILE || system_error == ENOBUFS ||
           system_error == ENOMEM;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct net_listener *listener = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->fd >= 0; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->accepted(listener->context, fd);
        } else if (is_out_of_resources(errno)) {
            rest(listener);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
        /* Any other error is that of a connection that has gone already. */
    }
}

static void read_address(struct net_listener *listener)
{
    struct sockaddr_storage sockaddr = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof sockaddr;
    getsockname(listener->fd, (struct sockaddr *)&sockaddr, &bytes);
    net_address_from_sockaddr((struct sockaddr *)&sockaddr, &listener->address);
}

int net_listener_open(struct net_loop *loop, const char *host, uint16_t port,
                      net_listener_accepted *accepted, void *context,
                      struct net_listener **ret_listener, char ret_text[NET_LISTENER_TEXT_BYTES])
{
    ret_text[0] = '\0';
    struct net_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s", error_text(ERROR_NO_MEMORY));
        return ERROR_NO_MEMORY;
    }
    listener->loop = loop;
    listener->accepted = accepted;
    listener->context = context;
    int error = bind_host(host, port, &listener->fd, ret_text);
    if (error != 0) {
        goto err_after_listener;
    }
    read_address(listener);
    error = net_deadline_open(loop, on_rested, listener, &listener->rest);
    if (error != 0) {
        goto err_after_socket;
    }
    if (uv_poll_init(net_loop_uv(loop), &listener->poll, listener->fd) != 0) {
        error = ERROR_SYSTEM;
        goto err_after_deadline;
    }
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, on_poll);
    *ret_listener = listener;
    return 0;

err_after_deadline:
    net_deadline_close(listener->rest);
err_after_socket:
    close(listener->fd);
err_after_listener:
    if (ret_text[0] == '\0') {
        snprintf(ret_text, NET_LISTENER_TEXT_BYTES, "%s", error_text(error));
    }
    free(listener);
    return error;
}

const struct net_address *net_listener_address(const struct net_listener *listener)
{
    return &listener->address;
}

int net_listener_share_port(struct net_listener *listener)
{
    int one = 1;
    return setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0 ? 0
                                                                                     : ERROR_SYSTEM;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net_listener_close(struct net_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    assert(listener->fd >= 0);
    net_deadline_close(listener->rest);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    close(listener->fd);
    listener->fd = -1;
}
