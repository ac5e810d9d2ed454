/*
 * tui.h: the full-screen face: what a listener sees and does in a terminal.
 *
 * Responsible for the terminal (its modes, its size, its restoration on any end), for keys and mouse,
 * and for showing what a front (player/front/front.h) tells. Not responsible for the engine: all that
 * it knows and does goes through the front's JSON objects. docs/TUI.md is what a listener reads.
 *
 * Happy path: tui_is_possible -> (engine and front are opened, the first track is started) -> tui_open
 * -> tui_event for each event of the front -> the listener quits: config.quit -> tui_close. The first
 * picture is drawn TUI_FIRST_DELAY_US after tui_open or when the first event comes, so that nothing
 * stands before the first sound.
 * Failure modes: the terminal is gone (config.quit with TUI_QUIT_HANGUP); a deadly signal restores the
 * terminal from its handler and the process dies of the signal.
 */
#ifndef PLAYER_TUI_TUI_H
#define PLAYER_TUI_TUI_H

#include "common/net/loop.h"

#include <jansson.h>
#include <stdbool.h>

/* How long the first picture waits for the first sound. */
#define TUI_FIRST_DELAY_US (40 * TIME_US_PER_MS)

struct front;
struct tui;

enum tui_quit {
    TUI_QUIT_ASKED,  /* `q`, Ctrl-C */
    TUI_QUIT_HANGUP, /* the terminal is gone */
};

struct tui_config {
    struct front *front;     /* borrowed; may be closed before tui_close */
    bool is_attached;        /* another process has the engine: quitting leaves it playing */
    bool starts_with_search; /* nothing was asked for: the listener is to choose */
    /* The listener wants to leave, or has no terminal any more. Called once, from the loop. */
    void (*quit)(void *context, enum tui_quit why);
    void *context;
};

/* Whether standard output is a terminal that a full-screen face can use (not TERM=dumb, not another's:
 * in the background) and standard input is one too. Needs nothing but the environment: cheap. */
bool tui_is_possible(void);

/* Takes the terminal. From here to tui_close standard error, where it is the same terminal, is caught
 * and shown as messages; it is written out by tui_close. ERROR_UNSUPPORTED: no such terminal;
 * ERROR_NO_MEMORY, ERROR_SYSTEM. Once a process at a time. */
int tui_open(struct net_loop *loop, const struct tui_config *config, struct tui **ret_tui);

/* An event of the front ({"event":NAME,...}); borrowed. Never draws at once: pictures are drawn at the
 * end of the loop's turn. */
void tui_event(struct tui *tui, const json_t *event);

/* A line for the listener, as an event "message" would bring it. */
void tui_message(struct tui *tui, const char *text);

/* Whether the listener has done anything: then the end of the queue is not the end. */
bool tui_was_used(const struct tui *tui);

/* Puts the terminal back, then writes what was caught of standard error. No answer of the front may
 * come afterwards: close the front first. NULL is fine. Memory is freed by the loop. */
void tui_close(struct tui *tui);

#endif
