/*
 * tty.h: the terminal itself: its modes, its size, its bytes, its restoration.
 *
 * A shell. Opens the terminal anew by its name, so that it may be read and written without waiting and
 * the flags of the streams that a shell shares with us stay as they were: a terminal that takes no bytes
 * (Ctrl-S, a slow line) never stops the music. Whatever ends the process (exit, a deadly signal, a lost
 * terminal) puts back modes and screen; handlers use nothing but tcsetattr, write, read, dup2 and raise,
 * which a signal may.
 * Standard error, where it is the same terminal, goes into a pipe meanwhile, and comes as lines.
 */
#ifndef PLAYER_TUI_TTY_H
#define PLAYER_TUI_TTY_H

#include "common/net/loop.h"

#include <stddef.h>

struct tty;

struct tty_callbacks {
    void (*bytes)(void *context, const uint8_t *bytes, size_t count);
    /* All that was written has gone: more may be drawn. */
    void (*drained)(void *context);
    /* Also when the terminal was taken again after a stop (then the screen is blank). */
    void (*resized)(void *context, unsigned columns, unsigned rows, bool is_blank);
    /* A line of standard error, without its end. */
    void (*error_line)(void *context, const char *line);
    void (*gone)(void *context);
    void *context;
};

/* Whether standard input and output are a terminal in whose foreground we are, of a kind that can be
 * drawn on. */
bool tty_is_usable(void);
/* Takes it. ERROR_UNSUPPORTED, ERROR_NO_MEMORY, ERROR_SYSTEM. Once a process at a time. */
int tty_open(struct net_loop *loop, const struct tty_callbacks *callbacks, struct tty **ret_tty);
void tty_size(const struct tty *tty, unsigned *ret_columns, unsigned *ret_rows);
/* Whether bytes still wait for the terminal. */
bool tty_is_busy(const struct tty *tty);
/* Copies and writes when the terminal takes them. What does not fit in memory is lost (draw anew). */
void tty_write(struct tty *tty, const char *bytes, size_t count);
/* To the shell, as Ctrl-Z: gives the terminal back, stops the job; after "fg" takes it again. */
void tty_suspend(struct tty *tty);
/* Gives it back; writes what is left of standard error. Memory is freed by the loop. NULL is fine. */
void tty_close(struct tty *tty);

#endif
