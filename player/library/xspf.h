/*
 * xspf.h: XSPF lists (version 1 of xspf.org), by GLib's parser of simple XML: no entities of a document's
 * own, no external ones. Read: title, and of each track location, creator, title, duration. Fuzzed.
 */
#ifndef PLAYER_LIBRARY_XSPF_H
#define PLAYER_LIBRARY_XSPF_H

#include "player/library/entry_list.h"

/* Appends to the list. A track without a location has its title as its place. ERROR_MALFORMED: no XML, or
 * no playlist; ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int xspf_parse(const char *text, size_t bytes, struct entry_list *list);
/* As m3u_write. */
int xspf_write(const struct entry_list *list, char **ret_text, size_t *ret_bytes);

#endif
