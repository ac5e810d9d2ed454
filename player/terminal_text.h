/*
 * terminal_text.h: names of strangers on a terminal: harmless, and as wide as they are told to be.
 *
 * Widths are Unicode's (UAX #11: wide and full-width characters take two columns; combining marks
 * and characters without a shape none). They do not depend on a locale.
 */
#ifndef PLAYER_TERMINAL_TEXT_H
#define PLAYER_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the UTF-8 character at `text` (terminated) has, 1 to 4, and which it is. 0: there
 * is none: the end, or no UTF-8 (RFC 3629). */
unsigned terminal_text_decode(const char *text, uint32_t *ret_point);

/* The text with a question mark for what would steer the terminal (control characters, changes of
 * direction) and for each byte that is no UTF-8; cut to the capacity in whole characters.
 * Returns ret_text. capacity > 0. */
const char *terminal_text_plain(const char *text, char *ret_text, size_t capacity);

/* Whether a character would steer the terminal: control characters, changes of direction. */
bool terminal_text_steers(uint32_t point);

/* The columns of one character: 0, 1 or 2. */
unsigned terminal_text_point_columns(uint32_t point);

/* Of those without columns: whether it is a mark over or under the character before it. The others
 * (joiners, variation selectors) only change how terminals join what stands beside them. */
bool terminal_text_is_mark(uint32_t point);

/* The columns that a plain text takes. */
unsigned terminal_text_columns(const char *text);

/* Cuts a plain text, in place, to at most so many columns. */
void terminal_text_cut(char *text, unsigned columns);

#endif
