/*
 * control_server.c: listens, reads lines, answers them.
 */
#include "player/ipc/control_server.h"

#include "common/error.h"
#include "player/ipc/control_path.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define CONTROL_PATH_BYTES_MAX 4200u /* PATH_MAX and the name */

struct client {
    uv_pipe_t pipe; /* first: its handle is the client */
    struct control_server *server;
    struct client *next;
    uint32_t number; /* how the caller knows it */
    char *line;      /* what came and was not taken yet; owned; CONTROL_LINE_BYTES_MAX */
    size_t line_bytes;
    bool is_closing;
};

struct control_server {
    uv_pipe_t pipe; /* first */
    struct net_loop *loop;
    struct control_hooks hooks;
    char version[32];
    char path[CONTROL_PATH_BYTES_MAX]; /* of the socket, to take it away */
    struct client *clients;
    uint32_t client_count;
    uint32_t last_number;
    bool is_closing, is_passed;
};

/* What is written, freed when it has been. */
struct answer {
    uv_write_t request; /* first */
    char *text;
};

/* --- clients ------------------------------------------------------------------------------------ */

static void free_server(struct control_server *server)
{
    if (server->is_closing && server->client_count == 0 && server->pipe.data == NULL) {
        free(server);
    }
}

static void client_closed(uv_handle_t *handle)
{
    struct client *client = (struct client *)handle;
    struct control_server *server = client->server;
    for (struct client **at = &server->clients; *at != NULL; at = &(*at)->next) {
        if (*at == client) {
            *at = client->next;
            break;
        }
    }
    server->client_count--;
    free(client->line);
    free(client);
    free_server(server);
}

static void client_close(struct client *client)
{
    if (!client->is_closing) {
        struct control_server *server = client->server;
        client->is_closing = true;
        if (!server->is_closing) {
            server->hooks.gone(server->hooks.context, client->number);
        }
        uv_close((uv_handle_t *)&client->pipe, client_closed);
    }
}

static void written(uv_write_t *request, int status)
{
    struct answer *answer = (struct answer *)request;
    struct client *client = request->handle != NULL ? (struct client *)request->handle : NULL;
    free(answer->text);
    free(answer);
    if (status < 0 && client != NULL) {
        client_close(client);
    }
}

/* Takes the reference of `object`. */
static void say(struct client *client, json_t *object)
{
    struct answer *answer = calloc(1, sizeof *answer);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (answer == NULL || text == NULL || client->is_closing ||
        uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe) >
            CONTROL_QUEUE_BYTES_MAX) {
        free(answer);
        free(text);
        client_close(client);
        return;
    }
    size_t bytes = strlen(text);
    text[bytes] = '\n'; /* in place of its end */
    answer->text = text;
    uv_buf_t buffer = uv_buf_init(text, (unsigned)bytes + 1);
    if (uv_write(&answer->request, (uv_stream_t *)&client->pipe, &buffer, 1, written) != 0) {
        free(answer->text);
        free(answer);
        client_close(client);
    }
}

static void take_line(struct client *client, const char *line, size_t bytes)
{
    const struct control_server *server = client->server;
    json_t *request = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *id = json_object_get(request, "id");
    const char *verb = json_string_value(json_object_get(request, "do"));
    if (verb == NULL || (id != NULL && !json_is_integer(id))) {
        say(client,
            json_pack("{s:s}", "error",
                      "request: no JSON object with \"do\" and a whole number as \"id\"; see "
                      "docs/CLI.md"));
    } else {
        server->hooks.handle(server->hooks.context, client->number, verb, request);
    }
    json_decref(request);
}

void control_server_say(struct control_server *server, uint32_t client, json_t *object)
{
    for (struct client *at = server->clients; at != NULL; at = at->next) {
        if (at->number == client && !at->is_closing) {
            say(at, object);
            return;
        }
    }
    json_decref(object);
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct client *client = (struct client *)handle;
    (void)suggested;
    *ret_buffer = uv_buf_init(client->line + client->line_bytes,
                              (unsigned)(CONTROL_LINE_BYTES_MAX - client->line_bytes));
}

static void took(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct client *client = (struct client *)stream;
    (void)buffer; /* it is the free part of the line */
    if (count < 0) {
        client_close(client);
        return;
    }
    client->line_bytes += (size_t)count;
    char *at = client->line;
    const char *end = client->line + client->line_bytes;
    for (char *stop; !client->is_closing && (stop = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at = stop + 1) {
        take_line(client, at, (size_t)(stop - at));
    }
    client->line_bytes = (size_t)(end - at);
    memmove(client->line, at, client->line_bytes);
    if (client->line_bytes == CONTROL_LINE_BYTES_MAX) {
        client_close(client); /* a line without an end */
    }
}

static bool is_same_user(const struct client *client)
{
    struct ucred other;
    socklen_t bytes = sizeof other;
    uv_os_fd_t fd = -1;
    return uv_fileno((const uv_handle_t *)&client->pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &bytes) == 0 && other.uid == geteuid();
}

static void connected(uv_stream_t *stream, int status)
{
    struct control_server *server = (struct control_server *)stream;
    struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
    char *line = client == NULL ? NULL : malloc(CONTROL_LINE_BYTES_MAX);
    if (line == NULL || uv_pipe_init(stream->loop, &client->pipe, 0) != 0) {
        free(line);
        free(client);
        return;
    }
    client->server = server;
    client->number = ++server->last_number;
    client->line = line;
    client->next = server->clients;
    server->clients = client;
    server->client_count++;
    if (uv_accept(stream, (uv_stream_t *)&client->pipe) != 0 || !is_same_user(client) ||
        server->client_count > CONTROL_CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->pipe, lend, took) != 0) {
        client_close(client);
        return;
    }
    say(client, json_pack("{s:i, s:s}", "refrain", CONTROL_VERSION, "version", server->version));
}

/* --- a socket that was passed ------------------------------------------------------------------ */

#define PASSED_FIRST 3 /* descriptors that a service manager passes begin here */

/* What a service manager (systemd's socket activation: LISTEN_PID, LISTEN_FDS) has opened for us;
 * -1: nothing. Whoever opened it takes it away. */
static int passed_socket(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    int is_listening = 0;
    socklen_t bytes = sizeof is_listening;
    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != (long)getpid() ||
        strtol(count, NULL, 10) < 1) {
        return -1;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    if (getsockopt(PASSED_FIRST, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &bytes) != 0 ||
        is_listening == 0 || fcntl(PASSED_FIRST, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(PASSED_FIRST, F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    return PASSED_FIRST;
}

/* --- the server --------------------------------------------------------------------------------- */

/* A bound and listening socket, for its owner alone. ERROR_DENIED, ERROR_SYSTEM. */
static int listen_at(const struct sockaddr_un *address, int *ret_fd)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return ERROR_SYSTEM;
    }
    (void)unlink(address->sun_path);
    /* The socket has the mode of its descriptor from the moment that it is there. */
    if (fchmod(fd, 0600) != 0 ||
        bind(fd, (const struct sockaddr *)(const void *)address, sizeof *address) != 0 ||
        listen(fd, (int)CONTROL_CLIENTS_MAX) != 0) {
        int error = errno == EACCES || errno == EROFS ? ERROR_DENIED : ERROR_SYSTEM;
        close(fd); /* errno stays: closing a socket that was never connected does not fail */
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static void server_closed(uv_handle_t *handle)
{
    struct control_server *server = (struct control_server *)handle;
    server->pipe.data = NULL;
    free_server(server);
}

int control_server_open(struct net_loop *loop, const char *state, const char *version,
                        const struct control_hooks *hooks, struct control_server **ret_server)
{
    struct sockaddr_un address;
    int folder = -1;
    int fd = -1;
    struct control_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = control_path(state, &address, &folder);
    if (error == 0) {
        fd = passed_socket();
        server->is_passed = fd >= 0;
        error = server->is_passed ? 0 : listen_at(&address, &fd);
    }
    if (folder >= 0) {
        close(folder);
    }
    if (error != 0) {
        free(server);
        return error;
    }
    server->loop = loop;
    server->hooks = *hooks;
    snprintf(server->version, sizeof server->version, "%s", version);
    snprintf(server->path, sizeof server->path, "%s/" CONTROL_NAME, state);
    uv_pipe_init(net_loop_uv(loop), &server->pipe, 0);
    server->pipe.data = server; /* until it has closed */
    error = uv_pipe_open(&server->pipe, fd);
    if (error != 0) {
        close(fd);
    } else {
        error = uv_listen((uv_stream_t *)&server->pipe, (int)CONTROL_CLIENTS_MAX, connected);
    }
    if (error != 0) {
        errno = -error;
        control_server_close(server);
        return ERROR_SYSTEM;
    }
    *ret_server = server;
    return 0;
}

void control_server_close(struct control_server *server)
{
    if (server == NULL) {
        return;
    }
    assert(!server->is_closing);
    server->is_closing = true;
    if (!server->is_passed) {
        (void)unlink(server->path);
    }
    for (struct client *client = server->clients; client != NULL; client = client->next) {
        client_close(client);
    }
    uv_close((uv_handle_t *)&server->pipe, server_closed);
}
