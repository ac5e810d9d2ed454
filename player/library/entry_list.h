/*
 * entry_list.h: lists of tracks as files say them: playlists, likes, M3U and XSPF of others.
 *
 * An entry is a place (an address, an id, a path, a name) and what the file says of what stands there.
 */
#ifndef PLAYER_LIBRARY_ENTRY_LIST_H
#define PLAYER_LIBRARY_ENTRY_LIST_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_LIST_MAX 100000u            /* entries of a list */
#define ENTRY_LIST_FILE_BYTES (32u << 20) /* of a list's file */
#define ENTRY_LIST_NAME_BYTES 256u
#define ENTRY_TEXT_BYTES 2048u /* a longer line is cut */

struct entry {
    char *place; /* owned, never NULL; UTF-8 without control characters, as all texts here */
    char *artist, *title; /* owned; NULL: the file does not say */
    uint32_t duration_s;  /* 0 = unknown */
    bool has_id;          /* the place is an id, or ends with /tracks/ID */
    uint8_t id[TRACK_ID_BYTES];
};

struct entry_list {
    char name[ENTRY_LIST_NAME_BYTES]; /* "": the file does not say */
    struct entry *entries;            /* owned */
    uint32_t count, capacity;
};

void entry_list_init(struct entry_list *list);
void entry_list_deinit(struct entry_list *list);
/* Copies the texts, made harmless (what is no UTF-8 is read as ISO 8859-1), and finds the id. `artist` and
 * `title` may be NULL. ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int entry_list_add(struct entry_list *list, const char *place, const char *artist,
                   const char *title, uint32_t duration_s);
void entry_list_remove(struct entry_list *list, uint32_t index);
/* Takes the entry at `from` out and puts it where it has the index `to`. Both are below count. */
void entry_list_move(struct entry_list *list, uint32_t from, uint32_t to);
/* COPY_NONE-like UINT32_MAX: it is not in the list. */
uint32_t entry_list_find(const struct entry_list *list, const uint8_t id[TRACK_ID_BYTES]);

#endif
