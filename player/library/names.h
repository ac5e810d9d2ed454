/*
 * names.h: which tracks, albums and artists of a copy a name means.
 */
#ifndef PLAYER_LIBRARY_NAMES_H
#define PLAYER_LIBRARY_NAMES_H

#include "player/library/copy.h"

#define NAMES_MATCHES_MAX 64u

struct names_match {
    enum copy_kind kind;
    uint32_t index;
};

struct names_matches {
    struct names_match matches[NAMES_MATCHES_MAX];
    uint32_t count; /* may be larger than the room: how many there are */
};

/* How well a name is met, best first. */
enum names_level {
    NAMES_SAME = 0, /* byte for byte */
    NAMES_FOLDED,   /* without case, marks and punctuation */
    NAMES_PREFIX,   /* the folded name begins with it */
    NAMES_WORDS,    /* its words begin words of the name, its artist's or album's (find.h) */
    NAMES_LEVELS,
};

/* Adds what has this name at this level: artists, then albums, then tracks, in the order of the copy;
 * `kinds`: bits 1 << enum copy_kind. ERROR_NO_MEMORY (WORDS only). */
int names_find(const struct copy *copy, const char *name, enum names_level level, unsigned kinds,
               struct names_matches *matches);

/* The one track of this title and artist (NULL or "": any), folded; COPY_NONE: none; of several the
 * first. */
uint32_t names_find_track(const struct copy *copy, const char *artist, const char *title);

#endif
