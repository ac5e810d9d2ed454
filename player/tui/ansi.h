/*
 * ansi.h: from one picture to the next, as bytes for a terminal.
 *
 * Pure. Writes what differs and nothing else, between the marks of a synchronised update (mode 2026;
 * terminals without it pass over them), so that no half picture is ever seen. Uses only what every
 * terminal since the VT220 has, besides colours: no terminfo is needed, and none is asked: ncurses has
 * no true colour without an entry of its own, no synchronised updates, and its own idea of widths.
 */
#ifndef PLAYER_TUI_ANSI_H
#define PLAYER_TUI_ANSI_H

#include "player/tui/screen.h"
#include "player/tui/theme.h"

#include <stddef.h>

/* Bytes on their way to the terminal; zeroed before its first use. */
struct ansi {
    char *bytes; /* owned */
    size_t count, capacity;
    bool failed; /* out of memory: the picture is not whole, draw it anew */
};

void ansi_deinit(struct ansi *ansi);
void ansi_add(struct ansi *ansi, const char *text);
/* From what is shown (`shown`; NULL: nothing is known, everything is written) to `next`; of the same
 * size. Nothing is written when nothing differs. */
void ansi_draw(struct ansi *ansi, const struct theme *theme, const struct screen *shown,
               const struct screen *next);

/* Takes the screen: the other buffer, no cursor, mouse, pasted text in brackets. */
#define ANSI_ENTER                                                                                 \
    "\033[?1049h\033[?25l\033[?7l\033[?1002h\033[?1006h\033[?2004h\033[m\033[2J\033[H"
/* Gives it back, as it was. Also right when nothing was taken. */
#define ANSI_LEAVE "\033[?2026l\033[?2004l\033[?1006l\033[?1002l\033[?7h\033[m\033[?25h\033[?1049l"

#endif
