/*
 * tty.c: descriptors, modes and signals.
 *
 * Happy path: tty_open -> bytes, drained, resized -> tty_close. Failure modes: the terminal hangs up
 * (read or write fails: `gone`, once); a deadly signal (rescue: restores, writes what standard error
 * had to say, dies of the same signal).
 */
#include "player/tui/tty.h"

#include "common/error.h"
#include "player/tui/ansi.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define TTY_COLUMNS_DEFAULT 80u
#define TTY_ROWS_DEFAULT 24u
#define TTY_LINE_BYTES 1024u
#define TTY_LEAVE_MS 500
#define TTY_PENDING_MAX (1u << 20)
/* After a stop: how often it is looked whether the terminal is ours again. */
#define TTY_FOREGROUND_US (200 * TIME_US_PER_MS)

struct tty {
    uv_poll_t poll; /* of the terminal */
    uv_poll_t errors;
    uv_signal_t resize, proceed, hangup;
    struct net_deadline *foreground;
    struct tty_callbacks callbacks;
    struct net_loop *loop;
    struct ansi pending; /* bytes that the terminal has not taken */
    size_t written;      /* of them */
    int fd;
    int error_pipe; /* what standard error writes is read here; -1: it is not caught */
    char line[TTY_LINE_BYTES];
    size_t line_bytes;
    unsigned handles; /* open */
    bool is_taken, is_gone;
    bool has_modes; /* it is known how the terminal was */
};

/* For handlers, which get no context. */
static struct termios rescue_modes;
static int rescue_fd = -1, rescue_error_pipe = -1, rescue_error = -1;
static volatile sig_atomic_t rescue_needed;

static const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSYS};
static struct sigaction deadly_before[sizeof deadly / sizeof deadly[0]];

/* --- restoration: also from handlers ------------------------------------------------------------------ */

/* The terminal may be slow, but nobody waits for one that takes nothing. */
static void write_soon(const char *bytes, size_t count)
{
    struct pollfd poll_fd = {.fd = rescue_fd, .events = POLLOUT};
    while (count > 0) {
        ssize_t written = write(rescue_fd, bytes, count);
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        } else if (errno != EAGAIN || poll(&poll_fd, 1, TTY_LEAVE_MS) <= 0) {
            return;
        }
    }
}

static void restore_screen(void)
{
    static const char leave[] = ANSI_LEAVE;
    if (rescue_needed) {
        rescue_needed = 0;
        write_soon(leave, sizeof leave - 1);
        tcsetattr(rescue_fd, TCSANOW, &rescue_modes);
    }
}

/* What was caught of standard error goes where it belongs. */
static void restore_errors(void)
{
    char bytes[256];
    ssize_t count;
    if (rescue_error < 0) {
        return;
    }
    dup2(rescue_error, STDERR_FILENO);
    while ((count = read(rescue_error_pipe, bytes, sizeof bytes)) > 0) {
        ssize_t written = write(rescue_error, bytes, (size_t)count);
        (void)written;
    }
}

static void rescue(int signal_number)
{
    restore_screen();
    restore_errors();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void rescue_at_exit(void)
{
    restore_screen();
    restore_errors();
}

static void catch_deadly(void)
{
    static bool is_registered;
    struct sigaction action = {.sa_handler = rescue, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        sigaction(deadly[i], &action, &deadly_before[i]);
    }
    if (!is_registered) {
        atexit(rescue_at_exit);
        is_registered = true;
    }
}

/* GStreamer catches SIGSEGV while it loads a plug-in and then puts back what it found: when it had
 * begun before us, that is what was there before us. */
static void catch_again(void)
{
    struct sigaction now;
    struct sigaction action = {.sa_handler = rescue, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSEGV, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        sigaction(SIGSEGV, &action, NULL);
    }
}

static void release_deadly(void)
{
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        sigaction(deadly[i], &deadly_before[i], NULL);
    }
}

/* --- modes -------------------------------------------------------------------------------------------------- */

static bool is_foreground(int fd)
{
    pid_t group = tcgetpgrp(fd);
    return group < 0 || group == getpgrp(); /* below 0: not ours to control, as behind `script` */
}

bool tty_is_usable(void)
{
    const char *term = getenv("TERM");
    return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 &&
           strcmp(term, "unknown") != 0 && isatty(STDIN_FILENO) == 1 &&
           isatty(STDOUT_FILENO) == 1 && is_foreground(STDOUT_FILENO);
}

/* Single bytes, no echo, no signals from keys: they come as keys. */
static int take(struct tty *tty)
{
    struct termios modes;
    if (tcgetattr(tty->fd, &modes) < 0) {
        return ERROR_SYSTEM;
    }
    if (!tty->has_modes || (modes.c_lflag & ICANON) != 0) {
        rescue_modes = modes; /* after a stop they may still be our own */
        tty->has_modes = true;
    }
    cfmakeraw(&modes);
    modes.c_oflag |= OPOST; /* messages of others keep their line ends */
    rescue_fd = tty->fd;
    rescue_needed = 1;
    if (tcsetattr(tty->fd, TCSANOW, &modes) < 0) {
        rescue_needed = 0;
        return ERROR_SYSTEM;
    }
    tty->is_taken = true;
    tty_write(tty, ANSI_ENTER, strlen(ANSI_ENTER));
    return 0;
}

void tty_size(const struct tty *tty, unsigned *ret_columns, unsigned *ret_rows)
{
    struct winsize size = {0};
    bool is_known = ioctl(tty->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *ret_columns = is_known ? size.ws_col : TTY_COLUMNS_DEFAULT;
    *ret_rows = is_known ? size.ws_row : TTY_ROWS_DEFAULT;
}

static void tell_size(struct tty *tty, bool is_blank)
{
    unsigned columns, rows;
    tty_size(tty, &columns, &rows);
    tty->callbacks.resized(tty->callbacks.context, columns, rows, is_blank);
}

static void hung_up(struct tty *tty)
{
    if (!tty->is_gone) {
        tty->is_gone = true;
        rescue_needed = 0;
        tty->pending.count = tty->written = 0;
        uv_poll_stop(&tty->poll);
        tty->callbacks.gone(tty->callbacks.context);
    }
}

/* --- bytes ---------------------------------------------------------------------------------------------------- */

static void watch(struct tty *tty);

static void flush(struct tty *tty)
{
    while (tty->written < tty->pending.count) {
        ssize_t count =
            write(tty->fd, tty->pending.bytes + tty->written, tty->pending.count - tty->written);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (count < 0) {
            hung_up(tty);
            return;
        }
        tty->written += (size_t)count;
    }
    if (tty->written == tty->pending.count) {
        tty->pending.count = tty->written = 0;
    }
    watch(tty);
}

bool tty_is_busy(const struct tty *tty)
{
    return tty->pending.count > 0 || !tty->is_taken;
}

void tty_write(struct tty *tty, const char *bytes, size_t count)
{
    struct ansi *pending = &tty->pending;
    if (tty->is_gone || !tty->is_taken || pending->count + count > TTY_PENDING_MAX) {
        return;
    }
    if (pending->count + count > pending->capacity) {
        char *grown = realloc(pending->bytes, pending->count + count);
        if (grown == NULL) {
            return;
        }
        pending->bytes = grown;
        pending->capacity = pending->count + count;
    }
    catch_again();
    memcpy(pending->bytes + pending->count, bytes, count);
    pending->count += count;
    flush(tty);
}

static void on_terminal(uv_poll_t *poll, int status, int events)
{
    struct tty *tty = poll->data;
    uint8_t bytes[1024];
    if (status < 0) {
        hung_up(tty);
        return;
    }
    if ((events & UV_WRITABLE) != 0) {
        flush(tty);
        if (!tty->is_gone && tty->pending.count == 0) {
            tty->callbacks.drained(tty->callbacks.context);
        }
    }
    if ((events & UV_READABLE) != 0 && !tty->is_gone && tty->is_taken) {
        ssize_t count = read(tty->fd, bytes, sizeof bytes);
        if (count > 0) {
            tty->callbacks.bytes(tty->callbacks.context, bytes, (size_t)count);
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            hung_up(tty);
        }
    }
}

static void watch(struct tty *tty)
{
    if (!tty->is_gone && tty->is_taken) {
        uv_poll_start(&tty->poll, UV_READABLE | (tty->pending.count > 0 ? UV_WRITABLE : 0),
                      on_terminal);
    }
}

/* --- standard error ---------------------------------------------------------------------------------------------- */

static void on_errors(uv_poll_t *poll, int status, int events)
{
    struct tty *tty = poll->data;
    char bytes[512];
    (void)events;
    ssize_t count = status < 0 ? -1 : read(tty->error_pipe, bytes, sizeof bytes);
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            tty->line[tty->line_bytes] = '\0';
            tty->line_bytes = 0;
            tty->callbacks.error_line(tty->callbacks.context, tty->line);
        } else if (tty->line_bytes + 1 < TTY_LINE_BYTES) {
            tty->line[tty->line_bytes++] = bytes[i];
        }
    }
}

static bool is_same_terminal(int a, int b)
{
    struct stat left, right;
    return isatty(a) == 1 && isatty(b) == 1 && fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
           left.st_rdev == right.st_rdev;
}

/* Libraries write there too: what they say must not stand in the picture. */
static void catch_errors(struct tty *tty)
{
    int ends[2];
    tty->error_pipe = -1;
    if (!is_same_terminal(STDERR_FILENO, tty->fd) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return;
    }
    int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (before < 0 || uv_poll_init(net_loop_uv(tty->loop), &tty->errors, ends[0]) != 0) {
        close(ends[0]);
        close(ends[1]);
        if (before >= 0) {
            close(before);
        }
        return;
    }
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    tty->handles++;
    tty->errors.data = tty;
    tty->error_pipe = rescue_error_pipe = ends[0];
    rescue_error = before;
    uv_poll_start(&tty->errors, UV_READABLE, on_errors);
}

static void release_errors(struct tty *tty)
{
    if (tty->error_pipe < 0) {
        return;
    }
    restore_errors();
    close(rescue_error);
    rescue_error = rescue_error_pipe = -1;
    close(tty->error_pipe);
    tty->error_pipe = -1;
}

/* --- signals, stopping -------------------------------------------------------------------------------------------- */

static void on_resize(uv_signal_t *handle, int signal_number)
{
    struct tty *tty = handle->data;
    (void)signal_number;
    if (!tty->is_gone && tty->is_taken) {
        tell_size(tty, false);
    }
}

static void give_back(struct tty *tty)
{
    tty->pending.count = tty->written = 0;
    uv_poll_stop(&tty->poll);
    restore_screen();
    tty->is_taken = false;
}

/* "bg" is no reason to take the terminal; a shell tells nobody of "fg". */
static void take_again(void *context)
{
    struct tty *tty = context;
    if (tty->is_gone || tty->is_taken) {
        return;
    }
    if (is_foreground(tty->fd) && take(tty) == 0) {
        watch(tty);
        tell_size(tty, true);
    } else {
        net_deadline_set(tty->foreground, net_now_us() + TTY_FOREGROUND_US);
    }
}

/* SIGCONT: stopped by somebody else (kill -STOP), what is on the screen is the shell's. */
static void on_proceed(uv_signal_t *handle, int signal_number)
{
    struct tty *tty = handle->data;
    (void)signal_number;
    if (tty->is_gone) {
        return;
    }
    if (tty->is_taken && !is_foreground(tty->fd)) {
        tty->is_taken = false; /* modes are the shell's, and so they stay */
        rescue_needed = 0;
        tty->pending.count = tty->written = 0;
        uv_poll_stop(&tty->poll);
    } else if (tty->is_taken) {
        tty->is_taken = false;
        rescue_needed = 0;
    }
    take_again(tty);
}

void tty_suspend(struct tty *tty)
{
    give_back(tty);
    kill(0, SIGTSTP); /* the whole job, as the terminal would; this thread stops here */
    take_again(tty);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* The window was closed, the line was lost: an orderly end. */
static void on_hangup(uv_signal_t *handle, int signal_number)
{
    (void)signal_number;
    hung_up(handle->data);
}

static void free_when_closed(uv_handle_t *handle)
{
    struct tty *tty = handle->data;
    if (--tty->handles == 0) {
        close(tty->fd);
        ansi_deinit(&tty->pending);
        free(tty);
    }
}

static void open_signal(struct tty *tty, uv_signal_t *handle, uv_signal_cb callback, int number)
{
    uv_signal_init(net_loop_uv(tty->loop), handle);
    handle->data = tty;
    tty->handles++;
    uv_signal_start(handle, callback, number);
}

/* The terminal's own name, opened anew. */
static int open_terminal(int *ret_fd)
{
    char name[256];
    if (ttyname_r(STDOUT_FILENO, name, sizeof name) != 0) {
        return ERROR_UNSUPPORTED;
    }
    int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return ERROR_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

int tty_open(struct net_loop *loop, const struct tty_callbacks *callbacks, struct tty **ret_tty)
{
    if (!tty_is_usable()) {
        return ERROR_UNSUPPORTED;
    }
    struct tty *tty = calloc(1, sizeof *tty);
    if (tty == NULL) {
        return ERROR_NO_MEMORY;
    }
    tty->callbacks = *callbacks;
    tty->loop = loop;
    tty->error_pipe = -1;
    int error = open_terminal(&tty->fd);
    if (error != 0) {
        goto err_after_alloc;
    }
    error = net_deadline_open(loop, take_again, tty, &tty->foreground);
    if (error != 0) {
        goto err_after_terminal;
    }
    if (uv_poll_init(net_loop_uv(loop), &tty->poll, tty->fd) != 0) {
        error = ERROR_SYSTEM;
        goto err_after_deadline;
    }
    tty->poll.data = tty;
    tty->handles = 1;
    open_signal(tty, &tty->resize, on_resize, SIGWINCH);
    open_signal(tty, &tty->proceed, on_proceed, SIGCONT);
    open_signal(tty, &tty->hangup, on_hangup, SIGHUP);
    catch_deadly();
    error = take(tty);
    if (error != 0) {
        tty_close(tty);
        return error;
    }
    catch_errors(tty);
    watch(tty);
    *ret_tty = tty;
    return 0;

err_after_deadline:
    net_deadline_close(tty->foreground);
err_after_terminal:
    close(tty->fd);
err_after_alloc:
    free(tty);
    return error;
}

void tty_close(struct tty *tty)
{
    if (tty == NULL) {
        return;
    }
    restore_screen();
    bool has_errors = tty->error_pipe >= 0;
    if (has_errors) {
        uv_poll_stop(&tty->errors);
    }
    release_errors(tty);
    release_deadly();
    tty->is_gone = true;
    tty->is_taken = false;
    net_deadline_close(tty->foreground);
    uv_close((uv_handle_t *)&tty->poll, free_when_closed);
    uv_close((uv_handle_t *)&tty->resize, free_when_closed);
    uv_close((uv_handle_t *)&tty->proceed, free_when_closed);
    uv_close((uv_handle_t *)&tty->hangup, free_when_closed);
    if (has_errors) {
        uv_close((uv_handle_t *)&tty->errors, free_when_closed);
    }
}
