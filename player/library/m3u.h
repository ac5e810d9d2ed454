/*
 * m3u.h: M3U and M3U8 lists.
 *
 *   #EXTM3U
 *   #PLAYLIST:name
 *   #EXTINF:seconds,artist - title
 *   place
 * Lines that begin with '#' and are none of these are passed over, as are empty ones. Both line ends; a
 * byte order mark is allowed. Fuzzed.
 */
#ifndef PLAYER_LIBRARY_M3U_H
#define PLAYER_LIBRARY_M3U_H

#include "player/library/entry_list.h"

/* Appends to the list. ERROR_TOO_LARGE (ENTRY_LIST_MAX), ERROR_NO_MEMORY. */
int m3u_parse(const char *text, size_t bytes, struct entry_list *list);
/* The file's text, terminated, the caller's to free. ERROR_NO_MEMORY. */
int m3u_write(const struct entry_list *list, char **ret_text, size_t *ret_bytes);

#endif
