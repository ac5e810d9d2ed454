/*
 * copy_words.h: the index of a copy: which words stand in which names.
 */
#ifndef PLAYER_LIBRARY_COPY_WORDS_H
#define PLAYER_LIBRARY_COPY_WORDS_H

#include "player/library/copy.h"
#include "player/library/pool.h"

struct copy_words {
    struct pool *pool; /* borrowed: names, and the words with them */
    uint64_t *pairs;   /* owned; word's offset << 32 | posting, as they come */
    uint32_t pair_count, pair_capacity;
    /* Made by copy_words_finish; owned: */
    struct copy_word *words; /* count + 1 of them */
    uint32_t *postings;
    uint32_t count, posting_count;
};

void copy_words_init(struct copy_words *words, struct pool *pool);
void copy_words_deinit(struct copy_words *words);
/* The words of a folded name. ERROR_NO_MEMORY, ERROR_TOO_LARGE. */
int copy_words_add(struct copy_words *words, uint32_t folded, uint32_t posting);
/* ERROR_NO_MEMORY. */
int copy_words_finish(struct copy_words *words);

#endif
