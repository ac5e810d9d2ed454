/*
 * find.h: search in a copy: words as prefixes, in any order, ranked.
 *
 * An artist is found when all words of the query begin words of the name; an album, of its name or its
 * artist's; a track, of its title, its album's name or its artists'. The order: more of the query in the
 * own name, whole words before prefixes, names that are or begin with the query first; then the order of
 * the copy. A query without words finds nothing.
 *
 * The cost does not depend on how rare the words are: a bit for each name and word, and one pass over the
 * tracks (100,000: about a millisecond).
 */
#ifndef PLAYER_LIBRARY_FIND_H
#define PLAYER_LIBRARY_FIND_H

#include "player/library/copy.h"

#define FIND_WORDS_MAX 8u /* of a query; further ones are passed over */

struct find_results {
    uint32_t *indices; /* the caller's room for `limit` of them, best first */
    uint32_t limit, count;
    uint32_t total; /* how many there are */
};

/* `results` of a kind that is not wanted: limit 0. `query` need not be folded. ERROR_NO_MEMORY. */
int find_all(const struct copy *copy, const char *query, struct find_results *tracks,
             struct find_results *albums, struct find_results *artists);

#endif
