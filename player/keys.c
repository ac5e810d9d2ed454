/*
 * keys.c: the terminal without lines and echo, read by the loop.
 */
#include "player/keys.h"

#include "common/error.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define KEYS_ESCAPE 27
#define KEYS_CTRL_Z 26

struct keys {
    uv_poll_t poll; /* first */
    keys_pressed *pressed;
    void *context;
};

/* For handlers that get no context: how the terminal was, and whether it is changed now. */
static struct termios terminal_before;
static volatile sig_atomic_t is_changed;

static void restore(void)
{
    if (is_changed) {
        is_changed = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
    }
}

static void restore_and_die(int signal_number)
{
    restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Single keys, no echo. Ctrl-Z comes as a key: music is paused before the process stops. In the
 * background the terminal is another's; to change it would stop us. */
static int take_terminal(void)
{
    if (tcgetpgrp(STDIN_FILENO) != getpgrp()) {
        is_changed = 0; /* what is there now is that program's */
        return ERROR_BUSY;
    }
    if (is_changed) {
        return 0;
    }
    if (tcgetattr(STDIN_FILENO, &terminal_before) < 0) {
        return ERROR_SYSTEM;
    }
    struct termios changed = terminal_before;
    changed.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    changed.c_cc[VMIN] = 0; /* read never waits */
    changed.c_cc[VTIME] = 0;
    changed.c_cc[VSUSP] = _POSIX_VDISABLE;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &changed) < 0) {
        return ERROR_SYSTEM;
    }
    is_changed = 1;
    return 0;
}

static void catch_deadly(void)
{
    static const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGQUIT};
    atexit(restore);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        signal(deadly[i], restore_and_die);
    }
}

/* "ESC [ C" and "ESC [ D" are right and left (also with O: keypads in application mode). */
static void take(struct keys *keys, const char *text, ssize_t count)
{
    for (ssize_t i = 0; i < count; i++) {
        if (text[i] == KEYS_ESCAPE && i + 2 < count && (text[i + 1] == '[' || text[i + 1] == 'O')) {
            i += 2;
            if (text[i] == 'C' || text[i] == 'D') {
                keys->pressed(keys->context, text[i] == 'C' ? KEYS_FORWARD : KEYS_BACK);
            }
        } else if (text[i] == ' ') {
            keys->pressed(keys->context, KEYS_PAUSE);
        } else if (text[i] == 'n') {
            keys->pressed(keys->context, KEYS_NEXT);
        } else if (text[i] == 'q') {
            keys->pressed(keys->context, KEYS_QUIT);
        } else if (text[i] == KEYS_CTRL_Z) {
            keys->pressed(keys->context, KEYS_SUSPEND);
        }
    }
}

static void readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    char text[64];
    ssize_t count = status < 0 ? -1 : read(STDIN_FILENO, text, sizeof text);
    if (count > 0) {
        take((struct keys *)poll, text, count);
    } else if (count < 0 && errno != EINTR && errno != EAGAIN) {
        uv_poll_stop(poll); /* the terminal is gone */
    }
}

void keys_attend(struct keys *keys)
{
    if (take_terminal() == 0) {
        uv_poll_start(&keys->poll, UV_READABLE, readable);
    } else {
        uv_poll_stop(&keys->poll);
    }
}

static void closed(uv_handle_t *handle)
{
    free(handle);
}

int keys_open(struct net_loop *loop, keys_pressed *pressed, void *context, struct keys **ret_keys)
{
    if (isatty(STDIN_FILENO) != 1) {
        return ERROR_UNSUPPORTED;
    }
    struct keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return ERROR_NO_MEMORY;
    }
    keys->pressed = pressed;
    keys->context = context;
    if (uv_poll_init(net_loop_uv(loop), &keys->poll, STDIN_FILENO) != 0) {
        free(keys);
        return ERROR_SYSTEM;
    }
    catch_deadly();
    keys_attend(keys);
    *ret_keys = keys;
    return 0;
}

void keys_suspend(struct keys *keys)
{
    restore();
    kill(0, SIGTSTP); /* the whole job, as the terminal would; this thread stops here */
    keys_attend(keys);
}

void keys_close(struct keys *keys)
{
    if (keys == NULL) {
        return;
    }
    restore();
    uv_close((uv_handle_t *)&keys->poll, closed);
}
