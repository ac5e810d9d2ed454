/*
 * remote.c: JSON lines over a player's control socket.
 */
#include "measure/lab/remote.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int remote_open(struct remote *remote, const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(remote, 0, sizeof *remote);
    remote->socket = -1;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/refrain/engine.sock", state) >=
        (int)sizeof address.sun_path) {
        return ERROR_SYSTEM;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERROR_SYSTEM;
    }
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return ERROR_NOT_FOUND;
    }
    remote->socket = fd;
    return 0;
}

void remote_close(struct remote *remote)
{
    if (remote->socket >= 0) {
        close(remote->socket);
        remote->socket = -1;
    }
}

/* Takes the reference of `command`. A socket that is full belongs to a player that hangs. */
static int tell(struct remote *remote, json_t *command)
{
    int error = ERROR_CLOSED;
    json_object_set_new(command, "id", json_integer(++remote->asked));
    char *text = json_dumps(command, JSON_COMPACT);
    json_decref(command);
    if (text == NULL) {
        return ERROR_NO_MEMORY;
    }
    size_t bytes = strlen(text);
    text[bytes] = '\n'; /* in place of the end */
    if (remote->socket >= 0 &&
        send(remote->socket, text, bytes + 1, MSG_NOSIGNAL) == (ssize_t)(bytes + 1)) {
        error = 0;
    }
    free(text);
    return error;
}

int remote_play(struct remote *remote, const char *const ids[], uint32_t count)
{
    json_t *targets = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(targets, json_string(ids[i]));
    }
    return tell(remote, json_pack("{s:s, s:o}", "do", "play", "targets", targets));
}

int remote_next(struct remote *remote)
{
    return tell(remote, json_pack("{s:s}", "do", "next"));
}

static void take_line(struct remote *remote)
{
    json_t *answer = json_loadb(remote->line, remote->line_bytes, 0, NULL);
    if (json_object_get(answer, "error") != NULL) {
        remote->refused++;
    }
    json_decref(answer);
    remote->line_bytes = 0;
}

int remote_read(struct remote *remote)
{
    char buffer[4096];
    while (remote->socket >= 0) {
        ssize_t bytes = recv(remote->socket, buffer, sizeof buffer, 0);
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (bytes <= 0) {
            remote_close(remote);
            break;
        }
        for (ssize_t i = 0; i < bytes; i++) {
            if (buffer[i] == '\n') {
                take_line(remote);
            } else if (remote->line_bytes < sizeof remote->line) {
                remote->line[remote->line_bytes++] = buffer[i];
            }
        }
    }
    return ERROR_CLOSED;
}
