/*
 * hooks.c: starts programs, and clears up behind them.
 *
 * Happy path: pipe with the object in it -> uv_spawn -> exit -> closed. Failure modes: it can't be
 * started (told once a hook), it fails (told), it runs too long (SIGKILL, told). The object is smaller
 * than what a pipe holds, so that writing it never waits for the program.
 */
#include "player/desktop/hooks.h"

#include "player/report.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4200u
/* What a pipe holds at least (Linux: 64 KiB by default, a page where a user has too many). */
#define OBJECT_BYTES_MAX 4096u

/* At the player's end who was started just now (the last on-play) goes on by itself. */
#define NEW_US TIME_US_PER_S

struct run {
    uv_process_t process; /* first */
    uv_timer_t limit;
    struct hooks *hooks; /* NULL: closed */
    enum hooks_kind kind;
    bool is_over_time;
    uint64_t began_us;
    unsigned handles; /* that are open */
    struct run *next, **link;
};

struct hooks {
    struct net_loop *loop;
    struct run *runs;
    unsigned run_count;
    bool was_told[HOOKS_KINDS]; /* that it does not start */
    char paths[HOOKS_KINDS][PATH_BYTES];
};

static const char *const names[HOOKS_KINDS] = {"on-track-start", "on-play"};

struct hooks *hooks_open(struct net_loop *loop)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    bool is_own = config != NULL && config[0] == '/';
    struct hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL) {
        return NULL;
    }
    hooks->loop = loop;
    for (unsigned i = 0; i < HOOKS_KINDS && (is_own || home != NULL); i++) {
        int length = snprintf(hooks->paths[i], PATH_BYTES, "%s%s/refrain/hooks/%s",
                              is_own ? config : home, is_own ? "" : "/.config", names[i]);
        if (length >= (int)PATH_BYTES) {
            hooks->paths[i][0] = '\0';
        }
    }
    return hooks;
}

bool hooks_has(const struct hooks *hooks, enum hooks_kind kind)
{
    return hooks->paths[kind][0] != '\0' && access(hooks->paths[kind], X_OK) == 0;
}

/* --- its end ------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;
    if (--run->handles == 0) {
        free(run);
    }
}

static void let_go(struct run *run)
{
    if (run->hooks != NULL) {
        *run->link = run->next;
        if (run->next != NULL) {
            run->next->link = run->link;
        }
        run->hooks->run_count--;
        run->hooks = NULL;
    }
    uv_close((uv_handle_t *)&run->process, on_closed);
    uv_close((uv_handle_t *)&run->limit, on_closed);
}

static void on_exit_of(uv_process_t *process, int64_t code, int signal_number)
{
    struct run *run = (struct run *)process;
    if (run->is_over_time) {
        report_error("hook %s: it ran for more than %u s and was ended; let it go on by itself "
                     "(\"&\", \"setsid\")",
                     names[run->kind], (unsigned)(HOOKS_TIME_US / TIME_US_PER_S));
    } else if (code != 0 || signal_number != 0) {
        report_error("hook %s: it failed (%s %d); run it by hand with an object on its input",
                     names[run->kind], code != 0 ? "code" : "signal",
                     code != 0 ? (int)code : signal_number);
    }
    let_go(run);
}

static void on_limit(uv_timer_t *timer)
{
    struct run *run = timer->data;
    run->is_over_time = true;
    uv_process_kill(&run->process, SIGKILL); /* its exit follows */
}

/* --- its beginning --------------------------------------------------------------------------------------- */

/* A pipe's reading end with the text in it; -1. */
static int pipe_with(const char *text)
{
    int ends[2];
    size_t bytes = strlen(text);
    if (bytes >= OBJECT_BYTES_MAX || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    bool is_in = write(ends[1], text, bytes) == (ssize_t)bytes && write(ends[1], "\n", 1) == 1;
    close(ends[1]);
    int flags = fcntl(ends[0], F_GETFL);
    if (!is_in || flags < 0 || fcntl(ends[0], F_SETFL, flags & ~O_NONBLOCK) < 0) {
        close(ends[0]);
        return -1;
    }
    return ends[0];
}

static int spawn(struct hooks *hooks, struct run *run, int input)
{
    uv_stdio_container_t streams[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = input},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
    };
    char *arguments[] = {hooks->paths[run->kind], NULL};
    const uv_process_options_t options = {.exit_cb = on_exit_of,
                                          .file = hooks->paths[run->kind],
                                          .args = arguments,
                                          .stdio_count = 3,
                                          .stdio = streams};
    return uv_spawn(net_loop_uv(hooks->loop), &run->process, &options);
}

static void start(struct hooks *hooks, enum hooks_kind kind, int input)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return;
    }
    run->kind = kind;
    run->handles = 2;
    uv_timer_init(net_loop_uv(hooks->loop), &run->limit);
    run->limit.data = run;
    int error = spawn(hooks, run, input);
    run->process.data = run;
    run->began_us = net_now_us();
    run->hooks = hooks;
    run->next = hooks->runs;
    run->link = &hooks->runs;
    if (run->next != NULL) {
        run->next->link = &run->next;
    }
    hooks->runs = run;
    hooks->run_count++;
    if (error != 0) {
        if (!hooks->was_told[kind]) {
            hooks->was_told[kind] = true;
            report_error("hook %s: %s; see whether the file can be run", hooks->paths[kind],
                         uv_strerror(error));
        }
        let_go(run);
        return;
    }
    uv_timer_start(&run->limit, on_limit, HOOKS_TIME_US / TIME_US_PER_MS, 0);
}

void hooks_run(struct hooks *hooks, enum hooks_kind kind, json_t *object)
{
    char *text = object == NULL || !hooks_has(hooks, kind)
                     ? NULL
                     : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    if (text == NULL) {
        return;
    }
    if (hooks->run_count >= HOOKS_RUNNING_MAX) {
        report_error("hook %s: left out, %u of them still run", names[kind], HOOKS_RUNNING_MAX);
        free(text);
        return;
    }
    int input = pipe_with(text);
    free(text);
    if (input >= 0) {
        start(hooks, kind, input);
        close(input);
    }
}

void hooks_close(struct hooks *hooks)
{
    if (hooks == NULL) {
        return;
    }
    while (hooks->runs != NULL) {
        struct run *run = hooks->runs;
        if (net_now_us() - run->began_us > NEW_US) {
            uv_process_kill(&run->process, SIGKILL);
        }
        let_go(run);
    }
    free(hooks);
}
