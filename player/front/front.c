/*
 * front.c: questions by number, and the two ways to an engine: a call, or lines over its socket.
 *
 * A front may be closed from inside one of its callbacks: it is freed when the last of them has
 * returned and, attached, its pipe has closed.
 */
#include "player/front/front.h"

#include "common/error.h"
#include "player/ipc/control_client.h"
#include "player/ipc/control_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define FRONT_READ_BYTES 65536u
/* An engine's line: a queue of the largest size. */
#define FRONT_LINE_BYTES_MAX (16u << 20)

struct question {
    struct question *next;
    json_int_t id;
    front_answered *answered; /* NULL: nobody cares */
    void *context;
};

struct front {
    uv_pipe_t pipe;          /* first; attached only */
    struct control *control; /* local: borrowed; else NULL */
    uint32_t face;           /* local */
    struct front_callbacks callbacks;
    struct question *questions;
    uint32_t question_count;
    json_int_t last_id;
    char *line; /* what came without an end yet; owned */
    size_t line_bytes, line_capacity;
    bool is_greeted, said_bye, is_lost, is_closed, is_pipe_open;
    uint32_t depth; /* callbacks that we are inside of */
};

struct front_write {
    uv_write_t request; /* first */
    char *text;
};

static void maybe_free(struct front *front)
{
    if (front->is_closed && front->depth == 0 && !front->is_pipe_open) {
        free(front->line);
        free(front);
    }
}

/* --- answers and events --------------------------------------------------------------------------- */

/* Takes a question off the list; NULL: there is none of this id. */
static struct question *take_question(struct front *front, json_int_t id)
{
    for (struct question **at = &front->questions; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct question *question = *at;
            *at = question->next;
            front->question_count--;
            return question;
        }
    }
    return NULL;
}

static void answer_question(struct question *question, const json_t *object)
{
    if (question->answered != NULL) {
        question->answered(question->context, object);
    }
    free(question);
}

static void hear(struct front *front, const json_t *object)
{
    const char *event = json_string_value(json_object_get(object, "event"));
    if (event != NULL) {
        front->said_bye = front->said_bye || strcmp(event, "bye") == 0;
        front->callbacks.event(front->callbacks.context, event, object);
        return;
    }
    struct question *question =
        take_question(front, json_integer_value(json_object_get(object, "id")));
    if (question != NULL) {
        answer_question(question, object);
    }
}

/* The engine of this process speaks. */
static void said(void *context, const json_t *object)
{
    struct front *front = context;
    front->depth++;
    if (!front->is_closed) {
        hear(front, object);
    }
    front->depth--;
    maybe_free(front);
}

/* --- the socket ----------------------------------------------------------------------------------- */

static void pipe_closed(uv_handle_t *handle)
{
    struct front *front = (struct front *)handle;
    front->is_pipe_open = false;
    maybe_free(front);
}

static void close_pipe(struct front *front)
{
    if (front->is_pipe_open && !uv_is_closing((const uv_handle_t *)&front->pipe)) {
        uv_close((uv_handle_t *)&front->pipe, pipe_closed);
    }
}

/* The engine has gone. */
static void lose(struct front *front)
{
    json_t *answer = NULL;
    if (front->is_lost || front->is_closed) {
        return;
    }
    front->is_lost = true;
    front->depth++;
    close_pipe(front);
    answer = json_pack("{s:s}", "error", "engine: it has gone; start it again");
    while (front->questions != NULL && !front->is_closed) {
        answer_question(take_question(front, front->questions->id), answer);
    }
    json_decref(answer);
    if (!front->is_closed && front->callbacks.lost != NULL) {
        front->callbacks.lost(front->callbacks.context, front->said_bye);
    }
    front->depth--;
    maybe_free(front);
}

static void take_line(struct front *front, const char *line, size_t bytes)
{
    json_t *object = json_loadb(line, bytes, 0, NULL);
    if (!front->is_greeted) {
        const json_t *version = json_object_get(object, "refrain");
        front->is_greeted = json_integer_value(version) == CONTROL_VERSION;
        if (!front->is_greeted) {
            lose(front);
        }
    } else if (json_is_object(object)) {
        hear(front, object);
    }
    json_decref(object);
}

static bool keep_bytes(struct front *front, const char *bytes, size_t count)
{
    if (front->line_bytes + count > front->line_capacity) {
        size_t capacity = (front->line_bytes + count) * 2;
        char *line = capacity <= FRONT_LINE_BYTES_MAX ? realloc(front->line, capacity) : NULL;
        if (line == NULL) {
            return false;
        }
        front->line = line;
        front->line_capacity = capacity;
    }
    memcpy(front->line + front->line_bytes, bytes, count);
    front->line_bytes += count;
    return true;
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    (void)handle;
    (void)suggested;
    char *buffer = malloc(FRONT_READ_BYTES);
    *ret_buffer = uv_buf_init(buffer, buffer != NULL ? FRONT_READ_BYTES : 0);
}

/* The lines that are whole now. */
static void take_lines(struct front *front)
{
    size_t at = 0;
    while (!front->is_closed && !front->is_lost) {
        const char *stop = memchr(front->line + at, '\n', front->line_bytes - at);
        if (stop == NULL) {
            break;
        }
        size_t end = (size_t)(stop - front->line);
        take_line(front, front->line + at, end - at);
        at = end + 1;
    }
    front->line_bytes -= at;
    memmove(front->line, front->line + at, front->line_bytes);
}

static void took(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct front *front = (struct front *)stream;
    front->depth++;
    if (count < 0 || (count > 0 && !keep_bytes(front, buffer->base, (size_t)count))) {
        lose(front);
    } else if (count > 0) {
        take_lines(front);
    }
    free(buffer->base);
    front->depth--;
    maybe_free(front);
}

static void written(uv_write_t *request, int status)
{
    struct front_write *write = (struct front_write *)request;
    struct front *front = (struct front *)request->handle;
    free(write->text);
    free(write);
    if (status < 0 && status != UV_ECANCELED) {
        lose(front);
    }
}

/* Sends a line. ERROR_NO_MEMORY, ERROR_CLOSED. */
static int send_line(struct front *front, const json_t *object)
{
    struct front_write *write = calloc(1, sizeof *write);
    char *text = json_dumps(object, JSON_COMPACT);
    if (write == NULL || text == NULL) {
        free(write);
        free(text);
        return ERROR_NO_MEMORY;
    }
    size_t bytes = strlen(text);
    text[bytes] = '\n'; /* in place of its end */
    write->text = text;
    uv_buf_t buffer = uv_buf_init(text, (unsigned)bytes + 1);
    if (uv_write(&write->request, (uv_stream_t *)&front->pipe, &buffer, 1, written) != 0) {
        free(text);
        free(write);
        return ERROR_CLOSED;
    }
    return 0;
}

/* --- life ----------------------------------------------------------------------------------------- */

int front_open_local(struct control *control, const struct front_callbacks *callbacks,
                     struct front **ret_front)
{
    struct front *front = calloc(1, sizeof *front);
    if (front == NULL) {
        return ERROR_NO_MEMORY;
    }
    front->callbacks = *callbacks;
    front->control = control;
    front->face = control_join(control, said, front);
    if (front->face == 0) {
        free(front);
        return ERROR_NO_MEMORY;
    }
    *ret_front = front;
    return 0;
}

int front_open_attached(struct net_loop *loop, const char *state,
                        const struct front_callbacks *callbacks, struct front **ret_front)
{
    int fd = -1;
    struct front *front = calloc(1, sizeof *front);
    int error = front == NULL ? ERROR_NO_MEMORY : control_client_connect(state, &fd);
    if (error != 0) {
        free(front);
        return error;
    }
    front->callbacks = *callbacks;
    uv_pipe_init(net_loop_uv(loop), &front->pipe, 0);
    front->is_pipe_open = true;
    if (uv_pipe_open(&front->pipe, fd) != 0 ||
        uv_read_start((uv_stream_t *)&front->pipe, lend, took) != 0) {
        front_close(front);
        return ERROR_SYSTEM;
    }
    *ret_front = front;
    return 0;
}

bool front_is_attached(const struct front *front)
{
    return front->control == NULL;
}

int front_ask(struct front *front, json_t *request, front_answered *answered, void *context)
{
    int error = 0;
    struct question *question = calloc(1, sizeof *question);
    if (request == NULL || question == NULL) {
        error = ERROR_NO_MEMORY;
    } else if (front->is_lost || front->is_closed) {
        error = ERROR_CLOSED;
    } else if (front->question_count == FRONT_QUESTIONS_MAX) {
        error = ERROR_FULL;
    }
    if (error != 0) {
        json_decref(request);
        free(question);
        return error;
    }
    *question = (struct question){
        .next = front->questions, .id = ++front->last_id, .answered = answered, .context = context};
    front->questions = question;
    front->question_count++;
    json_object_set_new(request, "id", json_integer(question->id));
    json_int_t id = question->id;
    if (front->control != NULL) {
        control_ask(front->control, front->face, request);
    } else {
        error = send_line(front, request);
    }
    if (error != 0) {
        free(take_question(front, id));
    }
    json_decref(request);
    return error;
}

void front_close(struct front *front)
{
    if (front == NULL) {
        return;
    }
    assert(!front->is_closed);
    front->is_closed = true;
    while (front->questions != NULL) {
        free(take_question(front, front->questions->id));
    }
    if (front->control != NULL) {
        control_leave(front->control, front->face);
    }
    close_pipe(front);
    maybe_free(front);
}
