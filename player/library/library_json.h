/*
 * library_json.h: what the verbs of the library share; not for others.
 */
#ifndef PLAYER_LIBRARY_LIBRARY_JSON_H
#define PLAYER_LIBRARY_LIBRARY_JSON_H

#include "player/library/library_internal.h"

json_t *library_track_json(struct library *library, const struct copy *copy, uint32_t index);
json_t *library_album_json(const struct copy *copy, uint32_t index);
json_t *library_artist_json(const struct copy *copy, uint32_t index);
/* Of an entry of a list: by the copy, else by what the list says. */
json_t *library_entry_json(struct library *library, const struct entry *entry);

/* Which part of a list is wanted. */
struct library_window {
    uint32_t offset, limit;
};

/* Keeps the text and gives NULL: what a verb returns. */
json_t *library_fail(struct library *library, const char *text, const char **ret_error);
/* A whole number of a request from 0 to `most`; one that is not there leaves *ret_value. False: it is none. */
bool library_take_count(const json_t *request, const char *name, uint32_t most,
                        uint32_t *ret_value);
bool library_take_window(struct library *library, const json_t *request, uint32_t limit,
                         struct library_window *ret_window, const char **ret_error);

library_verb library_search, library_browse;

#endif
