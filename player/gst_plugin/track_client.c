/*
 * track_client.c: a small HTTP/1.1 client for one server: our own gateway on the loopback address.
 *
 * Failure modes: a kept connection that the other side has closed is opened anew, once a part; anything
 * that is not as the gateway says it ends the connection.
 */
#include "player/gst_plugin/track_client.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A part that begins where the reader jumped to: what a demuxer looks at. */
#define JUMP_BYTES 16384u

int track_client_init(struct track_client *client)
{
    *client = (struct track_client){.fd = -1};
    client->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return client->cancel < 0 ? ERROR_SYSTEM : 0;
}

static void hang_up(struct track_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
    }
}

void track_client_deinit(struct track_client *client)
{
    hang_up(client);
    if (client->cancel >= 0) {
        close(client->cancel);
    }
    client->cancel = -1;
}

void track_client_cancel(struct track_client *client, bool is_cancelled)
{
    uint64_t count = 1;
    ssize_t done = is_cancelled ? write(client->cancel, &count, sizeof count)
                                : read(client->cancel, &count, sizeof count);
    (void)done; /* it says so already */
}

/* --- the socket ---------------------------------------------------------------------------------------- */

/* 0: ready for these events. ERROR_CANCELLED, ERROR_SYSTEM. */
static int wait_for(struct track_client *client, short events)
{
    struct pollfd sets[2] = {{.fd = client->cancel, .events = POLLIN},
                             {.fd = client->fd, .events = events}};
    for (;;) {
        int count = poll(sets, 2, -1);
        if (count < 0 && errno != EINTR) {
            return ERROR_SYSTEM;
        }
        if (count > 0) {
            return sets[0].revents != 0 ? ERROR_CANCELLED : 0;
        }
    }
}

static int dial(struct track_client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(client->port)};
    if (inet_pton(AF_INET, client->host, &address.sin_addr) != 1) {
        return ERROR_MALFORMED;
    }
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        return ERROR_SYSTEM;
    }
    int error = 0;
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        error = errno == EINPROGRESS ? wait_for(client, POLLOUT) : ERROR_CLOSED;
    }
    int failure = 0;
    socklen_t size = sizeof failure;
    if (error == 0 &&
        (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0 || failure != 0)) {
        error = ERROR_CLOSED;
    }
    if (error != 0) {
        hang_up(client);
    }
    return error;
}

static int send_all(struct track_client *client, const char *text, size_t count)
{
    while (count > 0) {
        ssize_t done = send(client->fd, text, count, MSG_NOSIGNAL);
        if (done > 0) {
            text += done;
            count -= (size_t)done;
        } else if (errno == EAGAIN) {
            int error = wait_for(client, POLLOUT);
            if (error != 0) {
                return error;
            }
        } else if (errno != EINTR) {
            return ERROR_CLOSED;
        }
    }
    return 0;
}

/* Between 1 and `count` bytes. ERROR_CLOSED: the end. */
static int receive(struct track_client *client, void *buffer, size_t count, size_t *ret_got)
{
    for (;;) {
        ssize_t got = recv(client->fd, buffer, count, 0);
        if (got > 0) {
            *ret_got = (size_t)got;
            return 0;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return ERROR_CLOSED;
        }
        int error = wait_for(client, POLLIN);
        if (error != 0) {
            return error;
        }
    }
}

/* --- requests --------------------------------------------------------------------------------------------- */

static int error_of_status(long status)
{
    switch (status) {
    case 200:
    case 206:
        return 0;
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 503:
        return ERROR_BUSY;
    default:
        return ERROR_CLOSED;
    }
}

/* The head up to its empty line; *ret_rest: how many bytes of the body stand behind it in `head`, from
 * *ret_body on. */
static int take_head(struct track_client *client, const char **ret_body, size_t *ret_rest)
{
    size_t used = 0;
    while (used < sizeof client->head - 1) {
        size_t got;
        int error = receive(client, client->head + used, sizeof client->head - 1 - used, &got);
        if (error != 0) {
            return error;
        }
        used += got;
        client->head[used] = '\0';
        char *end = memmem(client->head, used, "\r\n\r\n", 4);
        if (end != NULL) {
            *end = '\0';
            *ret_body = end + 4;
            *ret_rest = used - (size_t)(end + 4 - client->head);
            return 0;
        }
    }
    return ERROR_MALFORMED;
}

static int content_length(const struct track_client *client, uint64_t *ret_bytes)
{
    const char *line = strcasestr(client->head, "\r\nContent-Length: ");
    if (line == NULL) {
        return ERROR_MALFORMED;
    }
    *ret_bytes = strtoull(line + strlen("\r\nContent-Length: "), NULL, 10);
    return 0;
}

static int take_body(struct track_client *client, const char *body, size_t rest, uint64_t bytes)
{
    size_t have = rest < bytes ? rest : (size_t)bytes;
    memcpy(client->part, body, have);
    while (have < bytes) {
        size_t got;
        int error = receive(client, client->part + have, (size_t)bytes - have, &got);
        if (error != 0) {
            return error;
        }
        have += got;
    }
    return 0;
}

/* One request and its answer: HEAD (bytes == 0), or a part. */
static int ask(struct track_client *client, uint64_t first, uint64_t bytes)
{
    char text[512];
    char range[80] = "";
    if (bytes > 0) {
        snprintf(range, sizeof range, "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", first,
                 first + bytes - 1);
    }
    int count = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n",
                         bytes > 0 ? "GET" : "HEAD", client->path, client->host,
                         (unsigned)client->port, range);
    const char *body = NULL;
    size_t rest = 0;
    uint64_t length = 0;
    int error = send_all(client, text, (size_t)count);
    if (error == 0) {
        error = take_head(client, &body, &rest);
    }
    if (error == 0) {
        error = strncmp(client->head, "HTTP/1.1 ", 9) == 0
                    ? error_of_status(strtol(client->head + 9, NULL, 10))
                    : ERROR_MALFORMED;
    }
    if (error == 0) {
        error = content_length(client, &length);
    }
    if (error != 0) {
        return error;
    }
    if (bytes == 0) {
        bool is_same = client->total_bytes == 0 || client->total_bytes == length;
        client->total_bytes = length;
        return length == 0 ? ERROR_MALFORMED : is_same ? 0 : ERROR_MISMATCH;
    }
    return length == bytes ? take_body(client, body, rest, bytes) : ERROR_MALFORMED;
}

/* Over the kept connection, or, when that has gone, over a new one. */
static int ask_kept(struct track_client *client, uint64_t first, uint64_t bytes)
{
    bool was_kept = client->fd >= 0;
    int error = was_kept ? 0 : dial(client);
    if (error == 0) {
        error = ask(client, first, bytes);
    }
    if (error != 0) {
        hang_up(client);
    }
    if (error == ERROR_CLOSED && was_kept) {
        return ask_kept(client, first, bytes);
    }
    return error;
}

int track_client_open(struct track_client *client, const char *url)
{
    unsigned port = 0;
    int used = 0;
    hang_up(client);
    if (sscanf(url, "http://%31[0-9.]:%5u%n", client->host, &port, &used) != 2 ||
        url[used] != '/' || port == 0 || port > UINT16_MAX ||
        strlen(url + used) >= sizeof client->path) {
        return ERROR_MALFORMED;
    }
    client->port = (uint16_t)port;
    snprintf(client->path, sizeof client->path, "%s", url + used);
    return ask_kept(client, 0, 0);
}

/* Fills `part` with what stands at the offset. */
static int load(struct track_client *client, uint64_t offset, uint32_t count)
{
    bool reads_on = client->part_bytes > 0 && offset == client->part_first + client->part_bytes;
    uint64_t end = reads_on ? offset + TRACK_CLIENT_PART_BYTES
                            : (offset + count + JUMP_BYTES - 1) / JUMP_BYTES * JUMP_BYTES;
    if (end - offset > TRACK_CLIENT_PART_BYTES) {
        end = offset + TRACK_CLIENT_PART_BYTES;
    }
    if (end > client->total_bytes) {
        end = client->total_bytes;
    }
    client->part_bytes = 0;
    int error = ask_kept(client, offset, end - offset);
    if (error == 0) {
        client->part_first = offset;
        client->part_bytes = end - offset;
    }
    return error;
}

int track_client_read(struct track_client *client, uint64_t offset, uint8_t *ret_bytes,
                      uint32_t count)
{
    assert(offset <= client->total_bytes && count <= client->total_bytes - offset);
    while (count > 0) {
        if (offset < client->part_first || offset - client->part_first >= client->part_bytes) {
            int error = load(client, offset, count);
            if (error != 0) {
                return error;
            }
        }
        uint64_t at = offset - client->part_first;
        uint64_t left = client->part_bytes - at;
        uint32_t some = left < count ? (uint32_t)left : count;
        memcpy(ret_bytes, client->part + at, some);
        ret_bytes += some;
        offset += some;
        count -= some;
    }
    return 0;
}
