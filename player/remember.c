/*
 * remember.c: see remember.h.
 */
#include "player/remember.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define REMEMBER_NAME "queue.json"
#define REMEMBER_PATH_BYTES (ENGINE_PATH_BYTES_MAX + 32u)

struct remember {
    struct playing *playing;
    struct net_deadline *deadline;
    uv_work_t work;
    char *text; /* what is being written; owned; NULL = the thread is idle */
    int result; /* errno of it */
    bool was_told, is_closing, is_due;
    char path[REMEMBER_PATH_BYTES];
};

/* --- the file --------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *text)
{
    size_t bytes = strlen(text);
    while (bytes > 0) {
        ssize_t written = write(fd, text, bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        text += written;
        bytes -= (size_t)written;
    }
    return true;
}

/* 0 or errno. */
static int replace_file(const char *path, const char *text)
{
    char part[REMEMBER_PATH_BYTES + 8];
    snprintf(part, sizeof part, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int error = write_all(fd, text) && fsync(fd) == 0 ? 0 : errno;
    close(fd);
    if (error == 0 && rename(part, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(part);
    }
    return error;
}

json_t *remember_load(const char *state)
{
    char path[REMEMBER_PATH_BYTES];
    json_error_t error;
    snprintf(path, sizeof path, "%s/" REMEMBER_NAME, state);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    json_t *saved = NULL;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) >= 0 && ftell(file) <= REMEMBER_BYTES_MAX) {
        rewind(file);
        saved = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    }
    fclose(file);
    if (!json_is_object(saved)) {
        report_error("queue of the last time %s: it is damaged; this one begins anew", path);
        json_decref(saved);
        return NULL;
    }
    return saved;
}

/* --- when ------------------------------------------------------------------------------------------- */

static char *make_text(const struct remember *remember)
{
    struct node_status status;
    const struct playing *playing = remember->playing;
    if (playing->queue_version == 0 && playing->session->args->verb != ARGS_DAEMON) {
        return NULL; /* nothing was played: what is remembered stays */
    }
    engine_get_status(playing->session->engine, &status);
    uint64_t position_us = status.entry != 0 ? status.position_us : playing->resume_us;
    json_t *saved = playing_save(playing, position_us, status.entry != 0 && !status.paused);
    char *text = saved != NULL ? json_dumps(saved, JSON_COMPACT) : NULL;
    json_decref(saved);
    return text;
}

static void tell(struct remember *remember)
{
    if (remember->result != 0 && !remember->was_told) {
        remember->was_told = true;
        report_error("queue in %s: %s; it will not be there the next time", remember->path,
                     strerror(remember->result));
    }
}

static void do_work(uv_work_t *work)
{
    struct remember *remember = work->data;
    remember->result = replace_file(remember->path, remember->text);
}

static void work_done(uv_work_t *work, int status)
{
    struct remember *remember = work->data;
    (void)status;
    free(remember->text);
    remember->text = NULL;
    tell(remember);
    if (remember->is_due && !remember->is_closing) {
        remember_touch(remember);
    }
}

static void due(void *context)
{
    struct remember *remember = context;
    struct node_status status;
    struct session *session = remember->playing->session;
    if (session->ended) {
        return;
    }
    engine_get_status(session->engine, &status);
    if (status.entry != 0) {
        net_deadline_set(remember->deadline, net_now_us() + REMEMBER_EVERY_US);
    }
    if (remember->text != NULL) {
        remember->is_due = true;
        return;
    }
    remember->is_due = false;
    remember->text = make_text(remember);
    if (remember->text != NULL &&
        uv_queue_work(net_loop_uv(session->loop), &remember->work, do_work, work_done) != 0) {
        free(remember->text);
        remember->text = NULL;
    }
}

void remember_touch(struct remember *remember)
{
    if (remember != NULL && !remember->is_closing) {
        net_deadline_set(remember->deadline, net_now_us() + REMEMBER_SOON_US);
    }
}

/* --- life ------------------------------------------------------------------------------------------- */

struct remember *remember_open(struct playing *playing)
{
    struct remember *remember = calloc(1, sizeof *remember);
    if (remember == NULL) {
        return NULL;
    }
    remember->playing = playing;
    remember->work.data = remember;
    snprintf(remember->path, sizeof remember->path, "%s/" REMEMBER_NAME,
             playing->session->paths.state);
    if (net_deadline_open(playing->session->loop, due, remember, &remember->deadline) != 0) {
        free(remember);
        return NULL;
    }
    remember_touch(remember);
    return remember;
}

void remember_close(struct remember *remember)
{
    if (remember == NULL) {
        return;
    }
    struct session *session = remember->playing->session;
    net_deadline_close(remember->deadline);
    remember->is_closing = true;
    while (remember->text != NULL) {
        uv_run(net_loop_uv(session->loop), UV_RUN_ONCE); /* the thread writes the same file */
    }
    char *text = make_text(remember);
    if (text != NULL) {
        remember->result = replace_file(remember->path, text);
        tell(remember);
    }
    free(text);
    free(remember);
}
