/*
 * control_client.c: connect, greeting, question, answer.
 *
 * Failure modes: a socket that nobody listens on is left from an engine that died: no engine runs.
 */
#include "player/ipc/control_client.h"

#include "common/error.h"
#include "player/ipc/control_path.h"
#include "player/ipc/control_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_S 5

int control_client_connect(const char *state, int *ret_fd)
{
    struct sockaddr_un address;
    const struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    int folder = -1;
    int error = control_path(state, &address, &folder);
    int fd = error == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (error == 0 && fd < 0) {
        error = ERROR_SYSTEM;
    }
    if (error == 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
         setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
         connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) != 0)) {
        error = errno == ENOENT || errno == ECONNREFUSED ? ERROR_NOT_FOUND
                : errno == EACCES                        ? ERROR_DENIED
                : errno == EAGAIN                        ? ERROR_TIMEOUT
                                                         : ERROR_SYSTEM;
    }
    if (folder >= 0) {
        close(folder);
    }
    if (error != 0 && fd >= 0) {
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return error;
}

/* One JSON line. */
static int read_line(FILE *file, json_t **ret_object)
{
    char *line = NULL;
    size_t capacity = 0;
    errno = 0;
    ssize_t bytes = getline(&line, &capacity, file);
    int error = 0;
    if (bytes <= 0) {
        error = errno == EAGAIN ? ERROR_TIMEOUT : ERROR_CLOSED;
    } else {
        *ret_object = json_loadb(line, (size_t)bytes, 0, NULL);
        error = json_is_object(*ret_object) ? 0 : ERROR_MALFORMED;
    }
    free(line);
    return error;
}

static int check_greeting(FILE *file)
{
    json_t *greeting = NULL;
    int error = read_line(file, &greeting);
    if (error == 0 && json_integer_value(json_object_get(greeting, "refrain")) != CONTROL_VERSION) {
        error = ERROR_UNSUPPORTED;
    }
    json_decref(greeting);
    return error;
}

static int send_request(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    if (text == NULL) {
        return ERROR_NO_MEMORY;
    }
    size_t bytes = strlen(text);
    text[bytes] = '\n'; /* in place of its end */
    ssize_t sent = send(fd, text, bytes + 1, MSG_NOSIGNAL);
    free(text);
    return sent == (ssize_t)(bytes + 1) ? 0 : ERROR_CLOSED;
}

int control_client_request(const char *state, json_t *request, json_t **ret_answer)
{
    int fd = -1;
    int error = request == NULL ? ERROR_NO_MEMORY : control_client_connect(state, &fd);
    if (error != 0) {
        json_decref(request);
        return error;
    }
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        json_decref(request);
        return ERROR_NO_MEMORY;
    }
    json_t *answer = NULL;
    error = check_greeting(file);
    if (error == 0) {
        json_object_set_new(request, "id", json_integer(1));
        error = send_request(fd, request);
    }
    if (error == 0) {
        error = read_line(file, &answer);
    }
    if (error == 0) {
        *ret_answer = answer;
    } else {
        json_decref(answer);
    }
    fclose(file);
    json_decref(request);
    return error;
}

int control_client_ask(const char *state, const char *verb, json_t **ret_answer)
{
    json_t *answer = NULL;
    int error = control_client_request(state, json_pack("{s:s}", "do", verb), &answer);
    if (error == 0 && !json_is_true(json_object_get(answer, "ok"))) {
        error = ERROR_MALFORMED;
    }
    if (error != 0) {
        json_decref(answer);
        return error;
    }
    *ret_answer = answer;
    return 0;
}
