/*
 * lists.h: likes and playlists on disk: M3U8 files that other programs read.
 *
 *   STATE/likes.m3u8              newest last
 *   STATE/playlists/NAME.m3u8     NAME with %XX for '/', '%' and a '.' at its start
 *
 * Several processes may write: each change is read, changed and written under one lock, so none is lost.
 */
#ifndef PLAYER_LIBRARY_LISTS_H
#define PLAYER_LIBRARY_LISTS_H

#include "player/library/entry_list.h"
#include "player/library/state_file.h"

#define LISTS_MAX 10000u /* playlists that are listed */

/* Where a playlist stands (name NULL: the likes). ERROR_MALFORMED: no name, or one of more than 120 bytes,
 * with control characters, or no UTF-8; ERROR_TOO_LARGE: the path. */
int lists_path(const char *state, const char *name, char ret_path[STATE_PATH_BYTES]);

/* Reads one; likes that are not there are empty. ERROR_NOT_FOUND, and as lists_path and
 * state_file_read. */
int lists_read(const char *state, const char *name, struct entry_list *ret_list);

/* Changes a list; 0: write it, ERROR_CANCELLED: leave it as it was and give 0, else: leave it and give
 * that. */
typedef int lists_change(void *context, struct entry_list *list);
/* Under the lock. `is_new`: it must not be there yet (ERROR_EXISTS), else it must (ERROR_NOT_FOUND); likes
 * always are. Errors as lists_read, state_file_write, and the change's. */
int lists_update(const char *state, const char *name, bool is_new, lists_change *change,
                 void *context);
/* ERROR_NOT_FOUND, ERROR_DENIED, ERROR_IO, and as lists_path. */
int lists_delete(const char *state, const char *name);
/* ERROR_EXISTS: `to` is there; and as lists_delete. */
int lists_rename(const char *state, const char *name, const char *to);

/* Names of playlists, ascending by folded name. */
struct lists_names {
    char **names; /* owned */
    uint32_t count, capacity;
};
/* No folder: none. ERROR_NO_MEMORY. */
int lists_names(const char *state, struct lists_names *ret_names);
void lists_names_free(struct lists_names *names);

#endif
