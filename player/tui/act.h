/*
 * act.h: what keys and the mouse do to the model.
 *
 * Pure: changes the model, and asks through it. What only the shell can do is handed back.
 */
#ifndef PLAYER_TUI_ACT_H
#define PLAYER_TUI_ACT_H

#include "player/tui/keymap.h"
#include "player/tui/model.h"
#include "player/tui/view.h"

/* What is left for the shell. */
enum act_rest { ACT_DONE, ACT_QUIT, ACT_SUSPEND, ACT_REDRAW };

/* A key, a pasted character, or the mouse on what the last picture showed (`hits`). */
enum act_rest act_input(struct model *model, const struct keymap *keymap,
                        const struct view_hits *hits, const struct input_event *event,
                        uint64_t now_us);

#endif
