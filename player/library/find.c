/*
 * find.c: bits for words, scores for names, the best of them.
 */
#include "player/library/find.h"

#include "common/error.h"
#include "player/library/fold.h"

#include <stdlib.h>
#include <string.h>

/* What a word of the query is worth, by where it stands. */
enum {
    SCORE_OWN = 8,     /* in the own name */
    SCORE_ARTIST = 5,  /* in the artist's */
    SCORE_ALBUM = 3,   /* in the album's */
    SCORE_WHOLE = 2,   /* and it is all of that word */
    SCORE_BEGINS = 20, /* the own name begins with the query */
    SCORE_EQUALS = 40, /* it is the query */
};

/* One word of the query: which names it is in, as prefix and as a whole. */
struct word {
    uint64_t *prefix[3], *whole[3]; /* by enum copy_kind */
};

struct find {
    const struct copy *copy;
    char query[FOLD_BYTES];
    size_t query_bytes;
    struct word words[FIND_WORDS_MAX];
    uint32_t word_count;
    uint64_t *bits; /* all of them; owned */
    uint32_t *scores;
};

static bool has(const uint64_t *bits, uint32_t index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

/* --- which names have which words ------------------------------------------------------------------------ */

static void mark(struct find *find, struct word *word, const char *text)
{
    const struct copy *copy = find->copy;
    uint32_t first, end;
    copy_find_words(copy, text, &first, &end);
    if (first == end) {
        return;
    }
    bool is_whole = strcmp(copy_text(copy, copy->words[first].text), text) == 0;
    uint32_t whole_end = is_whole ? copy->words[first + 1].first_posting : 0;
    for (uint32_t i = copy->words[first].first_posting; i < copy->words[end].first_posting; i++) {
        uint32_t kind = copy->postings[i] >> 30;
        uint32_t index = copy->postings[i] & COPY_POSTING_INDEX;
        uint64_t bit = UINT64_C(1) << (index % 64);
        word->prefix[kind][index / 64] |= bit;
        if (i < whole_end) {
            word->whole[kind][index / 64] |= bit;
        }
    }
}

static size_t words_for(uint32_t count)
{
    return ((size_t)count + 63) / 64 + 1;
}

/* Folds and cuts the query; how many words it has. */
static uint32_t cut_query(struct find *find, const char *query, char *texts,
                          const char *ret_words[FIND_WORDS_MAX])
{
    uint32_t count = 0;
    find->query_bytes = fold_text(query, find->query, sizeof find->query);
    memcpy(texts, find->query, find->query_bytes + 1);
    for (char *word = texts; word != NULL && *word != '\0' && count < FIND_WORDS_MAX;) {
        char *space = strchr(word, ' ');
        if (space != NULL) {
            *space++ = '\0';
        }
        ret_words[count++] = word;
        word = space;
    }
    return count;
}

static int prepare(struct find *find, const char *query)
{
    const struct copy_header *header = find->copy->header;
    const size_t sizes[3] = {[COPY_TRACK] = words_for(header->track_count),
                             [COPY_ALBUM] = words_for(header->album_count),
                             [COPY_ARTIST] = words_for(header->artist_count)};
    const char *words[FIND_WORDS_MAX];
    char texts[FOLD_BYTES];
    find->word_count = cut_query(find, query, texts, words);
    find->bits =
        calloc(2 * find->word_count * (sizes[0] + sizes[1] + sizes[2]) + 1, sizeof *find->bits);
    if (find->bits == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint64_t *at = find->bits;
    for (uint32_t i = 0; i < find->word_count; i++) {
        for (uint32_t kind = 0; kind < 3; kind++) {
            find->words[i].prefix[kind] = at;
            find->words[i].whole[kind] = at + sizes[kind];
            at += 2 * sizes[kind];
        }
        mark(find, &find->words[i], words[i]);
    }
    return 0;
}

/* --- scores ------------------------------------------------------------------------------------------------ */

/* What a word is worth in a name; 0: it is not in it. */
static uint32_t worth(const struct word *word, enum copy_kind kind, uint32_t index, uint32_t base)
{
    return has(word->prefix[kind], index) ? base + SCORE_WHOLE * has(word->whole[kind], index) : 0;
}

static uint32_t better(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

static uint32_t bonus(const struct find *find, uint32_t folded)
{
    const char *text = copy_text(find->copy, folded);
    if (strncmp(text, find->query, find->query_bytes) != 0) {
        return 0;
    }
    return text[find->query_bytes] == '\0' ? SCORE_EQUALS : SCORE_BEGINS;
}

static uint32_t score_artist(const struct find *find, uint32_t index)
{
    uint32_t score = 0;
    for (uint32_t i = 0; i < find->word_count; i++) {
        uint32_t worth_here = worth(&find->words[i], COPY_ARTIST, index, SCORE_OWN);
        if (worth_here == 0) {
            return 0;
        }
        score += worth_here;
    }
    return score + bonus(find, find->copy->artists[index].folded);
}

static uint32_t score_album(const struct find *find, uint32_t index)
{
    const struct copy_album *album = &find->copy->albums[index];
    uint32_t score = 0;
    bool all_own = true;
    if (album->name == 0) {
        return 0; /* tracks without an album */
    }
    for (uint32_t i = 0; i < find->word_count; i++) {
        uint32_t own = worth(&find->words[i], COPY_ALBUM, index, SCORE_OWN);
        uint32_t best =
            better(own, worth(&find->words[i], COPY_ARTIST, album->artist, SCORE_ARTIST));
        if (best == 0) {
            return 0;
        }
        all_own = all_own && own > 0;
        score += best;
    }
    return score + (all_own ? bonus(find, album->folded) : 0);
}

static uint32_t score_track(const struct find *find, uint32_t index)
{
    const struct copy_track *track = &find->copy->tracks[index];
    uint32_t album_artist = find->copy->albums[track->album].artist;
    uint32_t score = 0;
    bool all_own = true;
    for (uint32_t i = 0; i < find->word_count; i++) {
        const struct word *word = &find->words[i];
        uint32_t own = worth(word, COPY_TRACK, index, SCORE_OWN);
        uint32_t best = own;
        if (own == 0) {
            best = worth(word, COPY_ARTIST, track->artist, SCORE_ARTIST);
            best = better(best, worth(word, COPY_ARTIST, album_artist, SCORE_ARTIST));
            best = better(best, worth(word, COPY_ALBUM, track->album, SCORE_ALBUM));
        }
        if (best == 0) {
            return 0;
        }
        all_own = all_own && own > 0;
        score += best;
    }
    return score + (all_own ? bonus(find, track->folded) : 0);
}

/* --- the best --------------------------------------------------------------------------------------------- */

typedef uint32_t score_of(const struct find *find, uint32_t index);

/* Is the first a worse result? Of equals the later one is. */
static bool is_worse(const struct find *find, uint32_t a, uint32_t b, const uint32_t *indices)
{
    uint32_t left = find->scores[a];
    uint32_t right = find->scores[b];
    return left != right ? left < right : indices[a] > indices[b];
}

static void swap(struct find *find, uint32_t *indices, uint32_t a, uint32_t b)
{
    uint32_t index = indices[a];
    uint32_t score = find->scores[a];
    indices[a] = indices[b];
    find->scores[a] = find->scores[b];
    indices[b] = index;
    find->scores[b] = score;
}

/* A heap with the worst result on top: it is what a better one replaces. */
static void sink(struct find *find, uint32_t *indices, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_worse(find, child + 1, child, indices)) {
            child++;
        }
        if (!is_worse(find, child, at, indices)) {
            return;
        }
        swap(find, indices, child, at);
        at = child;
    }
}

static void rise(struct find *find, uint32_t *indices, uint32_t at)
{
    while (at > 0 && is_worse(find, at, (at - 1) / 2, indices)) {
        swap(find, indices, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void offer(struct find *find, struct find_results *results, uint32_t index, uint32_t score)
{
    results->total++;
    if (results->limit == 0) {
        return;
    }
    if (results->count < results->limit) {
        results->indices[results->count] = index;
        find->scores[results->count++] = score;
        rise(find, results->indices, results->count - 1);
    } else if (score > find->scores[0]) {
        results->indices[0] = index;
        find->scores[0] = score;
        sink(find, results->indices, results->count, 0);
    }
}

static int collect(struct find *find, uint32_t count, score_of *score, struct find_results *results)
{
    results->count = 0;
    results->total = 0;
    if (find->word_count == 0 || results->limit == 0) {
        return 0;
    }
    find->scores = calloc(results->limit, sizeof *find->scores);
    if (find->scores == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t points = score(find, i);
        if (points > 0) {
            offer(find, results, i, points);
        }
    }
    for (uint32_t left = results->count; left > 1; left--) {
        swap(find, results->indices, 0, left - 1);
        sink(find, results->indices, left - 1, 0);
    }
    free(find->scores);
    return 0;
}

int find_all(const struct copy *copy, const char *query, struct find_results *tracks,
             struct find_results *albums, struct find_results *artists)
{
    struct find find = {.copy = copy};
    int error = prepare(&find, query);
    if (error == 0) {
        error = collect(&find, copy->header->artist_count, score_artist, artists);
        error = error != 0 ? error : collect(&find, copy->header->album_count, score_album, albums);
        error = error != 0 ? error : collect(&find, copy->header->track_count, score_track, tracks);
    }
    free(find.bits);
    return error;
}
