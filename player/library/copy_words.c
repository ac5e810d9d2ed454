/*
 * copy_words.c: cuts names into words, sorts them, and says where each stands.
 */
#include "player/library/copy_words.h"

#include "common/error.h"
#include "player/library/fold.h"

#include <stdlib.h>
#include <string.h>

void copy_words_init(struct copy_words *words, struct pool *pool)
{
    *words = (struct copy_words){.pool = pool};
}

void copy_words_deinit(struct copy_words *words)
{
    free(words->pairs);
    free(words->words);
    free(words->postings);
    *words = (struct copy_words){0};
}

static int add_pair(struct copy_words *words, uint32_t word, uint32_t posting)
{
    if (words->pair_count == words->pair_capacity) {
        uint32_t capacity = words->pair_capacity == 0 ? 1024 : words->pair_capacity * 2;
        uint64_t *pairs = words->pair_capacity > UINT32_MAX / 4
                              ? NULL
                              : realloc(words->pairs, (size_t)capacity * sizeof *pairs);
        if (pairs == NULL) {
            return ERROR_NO_MEMORY;
        }
        words->pairs = pairs;
        words->pair_capacity = capacity;
    }
    words->pairs[words->pair_count++] = (uint64_t)word << 32 | posting;
    return 0;
}

int copy_words_add(struct copy_words *words, uint32_t folded, uint32_t posting)
{
    char text[FOLD_BYTES];
    size_t count = strlen(pool_text(words->pool, folded));
    memcpy(text, pool_text(words->pool, folded), count + 1);
    for (char *word = text; word != NULL && *word != '\0';) {
        char *space = strchr(word, ' ');
        if (space != NULL) {
            *space++ = '\0';
        }
        uint32_t offset;
        int error = pool_add(words->pool, word, &offset);
        error = error != 0 ? error : add_pair(words, offset, posting);
        if (error != 0) {
            return error;
        }
        word = space;
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* qsort has no context: the texts that are compared. */
static _Thread_local const struct pool *sorted_pool;

static int by_text(const void *a, const void *b)
{
    return strcmp(pool_text(sorted_pool, ((const struct copy_word *)a)->text),
                  pool_text(sorted_pool, ((const struct copy_word *)b)->text));
}

/* Pairs are sorted by word and posting: twice the same in one name counts once. */
static void drop_doubles(struct copy_words *words)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < words->pair_count; i++) {
        if (i == 0 || words->pairs[i] != words->pairs[i - 1]) {
            words->pairs[kept++] = words->pairs[i];
        }
    }
    words->pair_count = kept;
}

/* Each word with the first of its pairs. */
static void list_words(struct copy_words *words)
{
    for (uint32_t i = 0; i < words->pair_count; i++) {
        uint32_t text = (uint32_t)(words->pairs[i] >> 32);
        if (i == 0 || text != (uint32_t)(words->pairs[i - 1] >> 32)) {
            words->words[words->count++] = (struct copy_word){text, i};
        }
    }
}

int copy_words_finish(struct copy_words *words)
{
    if (words->pair_count > 1) {
        qsort(words->pairs, words->pair_count, sizeof *words->pairs, by_number);
    }
    drop_doubles(words);
    words->words = calloc((size_t)words->pair_count + 1, sizeof *words->words);
    words->postings = calloc((size_t)words->pair_count + 1, sizeof *words->postings);
    if (words->words == NULL || words->postings == NULL) {
        return ERROR_NO_MEMORY;
    }
    list_words(words);
    sorted_pool = words->pool;
    if (words->count > 1) {
        qsort(words->words, words->count, sizeof *words->words, by_text);
    }
    for (uint32_t i = 0; i < words->count; i++) {
        uint32_t from = words->words[i].first_posting;
        uint32_t text = words->words[i].text;
        words->words[i].first_posting = words->posting_count;
        for (; from < words->pair_count && (uint32_t)(words->pairs[from] >> 32) == text; from++) {
            words->postings[words->posting_count++] = (uint32_t)words->pairs[from];
        }
    }
    words->words[words->count] = (struct copy_word){0, words->posting_count};
    return 0;
}
