/*
 * edit.h: a line that is typed: what is searched for, a playlist's name.
 *
 * Pure. Text grows and shrinks at its end: backspace, Ctrl-W (a word), Ctrl-U (all of it).
 */
#ifndef PLAYER_TUI_EDIT_H
#define PLAYER_TUI_EDIT_H

#include "player/tui/input.h"

/* A key or a pasted character; `text` is UTF-8, terminated, within its capacity. False: the key means
 * nothing here. True also when there is no room. */
bool edit_key(char *text, size_t capacity, const struct input_event *event);

#endif
