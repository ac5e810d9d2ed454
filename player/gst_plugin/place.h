/*
 * place.h: where tracks can be read: at the gateway of the engine that runs in the state folder, else
 * of one of our own.
 */
#ifndef PLAYER_GST_PLUGIN_PLACE_H
#define PLAYER_GST_PLUGIN_PLACE_H

#include <stdbool.h>

#define PLACE_URL_BYTES 160u
#define PLACE_TEXT_BYTES 600u

struct place {
    char tracks[PLACE_URL_BYTES]; /* "http://127.0.0.1:PORT/TOKEN/tracks/" */
    bool is_own;                  /* own_engine_hold was called */
};

/* Blocks for some milliseconds. `origin`: for an engine of our own. 0; else ret_text is a sentence for
 * people. Any thread. */
int place_find(const char *origin, struct place *ret_place, char ret_text[PLACE_TEXT_BYTES]);
void place_leave(struct place *place);

#endif
