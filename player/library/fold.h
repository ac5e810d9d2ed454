/*
 * fold.h: names as they are compared, sorted and searched: without case, marks and punctuation.
 *
 * A folded text is words of letters and digits with one space between them. Compatible forms are one
 * (NFKD), marks are dropped, letters are small; letters that have no decomposition become what people
 * type for them (ß ss, ø o, ł l, æ ae); apostrophes vanish ("don't" is dont), everything else that is no
 * letter or digit ends a word. Han characters and kana are words each, because no spaces divide them. A
 * text without any letter or digit ("!!!") is one word of its other characters. No locale has a say.
 */
#ifndef PLAYER_LIBRARY_FOLD_H
#define PLAYER_LIBRARY_FOLD_H

#include <stddef.h>

#define FOLD_BYTES 1024u /* capacity that is enough for a name; what is longer is cut */

/* `text` is UTF-8 (what is not ends it), terminated. Returns how many bytes ret_folded has, without the
 * NUL that is put behind them; cut between characters. capacity > 0. */
size_t fold_text(const char *text, char *ret_folded, size_t capacity);

#endif
