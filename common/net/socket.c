/*
 * socket.c: reads and writes of one socket.
 */
#include "common/net/socket.h"

#include "common/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An other side that has vanished without a word is noticed after about VANISHED_S: when idle by
 * probes, when bytes are on their way by their age. */
#define VANISHED_S 40
#define PROBE_AFTER_S 20
#define PROBE_EVERY_S 5
#define PROBES ((VANISHED_S - PROBE_AFTER_S) / PROBE_EVERY_S)

void net_socket_tune(const struct net_socket *socket, uint32_t unsent_bytes)
{
    static const int one = 1;
    static const int after_s = PROBE_AFTER_S, every_s = PROBE_EVERY_S, probes = PROBES;
    static const unsigned vanished_ms = VANISHED_S * 1000;
    int unsent = (int)unsent_bytes;
    /* Refusals are harmless: Unix sockets and old kernels do without. */
    setsockopt(socket->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(socket->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    setsockopt(socket->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(socket->fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof after_s);
    setsockopt(socket->fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
    setsockopt(socket->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(socket->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_ms, sizeof vanished_ms);
}

static enum net_socket_outcome classify_errno(struct net_socket *socket)
{
    if (errno == EAGAIN || errno == EINTR) {
        return NET_SOCKET_MUST_WAIT;
    }
    socket->error = ERROR_UNREACHABLE;
    snprintf(socket->text, sizeof socket->text, "%s", strerror(errno));
    return NET_SOCKET_FAILED;
}

static enum net_socket_outcome classify_tls(struct net_socket *socket, enum net_tls_wait wait)
{
    switch (wait) {
    case NET_TLS_DONE:
        return NET_SOCKET_MOVED;
    case NET_TLS_WAIT_READ:
    case NET_TLS_WAIT_WRITE:
        return NET_SOCKET_MUST_WAIT;
    case NET_TLS_ENDED:
        return NET_SOCKET_ENDED;
    case NET_TLS_FAILED:
        break;
    }
    socket->error = net_tls_channel_error(socket->channel);
    snprintf(socket->text, sizeof socket->text, "%s", net_tls_channel_text(socket->channel));
    return NET_SOCKET_FAILED;
}

/* A read that gives less than was asked for has emptied the socket: poll tells of more. */
static enum net_socket_outcome read_plain(struct net_socket *socket, uint8_t *buffer,
                                          size_t capacity, size_t *ret_bytes)
{
    ssize_t got = read(socket->fd, buffer, capacity);
    if (got < 0) {
        return classify_errno(socket);
    }
    *ret_bytes = (size_t)got;
    if (got == 0) {
        return NET_SOCKET_ENDED;
    }
    return (size_t)got == capacity ? NET_SOCKET_MOVED : NET_SOCKET_MUST_WAIT;
}

/* Record after record: TLS may hold bytes that poll does not see. */
static enum net_socket_outcome read_tls(struct net_socket *socket, uint8_t *buffer, size_t capacity,
                                        size_t *ret_bytes)
{
    size_t total = 0;
    enum net_tls_wait wait = NET_TLS_DONE;
    while (total < capacity && wait == NET_TLS_DONE) {
        size_t got = 0;
        wait = net_tls_channel_read(socket->channel, buffer + total, capacity - total, &got);
        total += wait == NET_TLS_DONE ? got : 0;
    }
    socket->read_wants_write = wait == NET_TLS_WAIT_WRITE;
    *ret_bytes = total;
    return classify_tls(socket, wait);
}

enum net_socket_outcome net_socket_read(struct net_socket *socket, uint8_t *buffer, size_t capacity,
                                        size_t *ret_bytes)
{
    *ret_bytes = 0;
    if (socket->channel != NULL) {
        return read_tls(socket, buffer, capacity, ret_bytes);
    }
    return read_plain(socket, buffer, capacity, ret_bytes);
}

enum net_socket_outcome net_socket_write(struct net_socket *socket, const uint8_t *bytes,
                                         size_t count, size_t *ret_bytes)
{
    if (socket->channel != NULL) {
        return classify_tls(socket,
                            net_tls_channel_write(socket->channel, bytes, count, ret_bytes));
    }
    ssize_t put = send(socket->fd, bytes, count, MSG_NOSIGNAL);
    if (put < 0) {
        return classify_errno(socket);
    }
    *ret_bytes = (size_t)put;
    return NET_SOCKET_MOVED;
}

void net_socket_end(struct net_socket *socket)
{
    if (socket->channel != NULL) {
        net_tls_channel_shutdown(socket->channel);
    }
    shutdown(socket->fd, SHUT_WR);
}

void net_socket_close(struct net_socket *socket)
{
    net_tls_channel_free(socket->channel);
    socket->channel = NULL;
    if (socket->fd >= 0) {
        close(socket->fd);
        socket->fd = -1;
    }
}
