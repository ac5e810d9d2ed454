/*
 * names.c: exact names by the index of words, prefixes by a walk over the names.
 */
#include "player/library/names.h"

#include "common/error.h"
#include "player/library/find.h"
#include "player/library/fold.h"

#include <string.h>

/* What is looked for. */
struct search {
    const struct copy *copy;
    const char *name;
    char folded[FOLD_BYTES];
    size_t folded_bytes;
    enum names_level level;
};

static void add(struct names_matches *matches, enum copy_kind kind, uint32_t index)
{
    if (matches->count < NAMES_MATCHES_MAX) {
        matches->matches[matches->count] = (struct names_match){kind, index};
    }
    matches->count++;
}

/* Texts as offsets: the name and its folded form. */
static bool is_met(const struct search *search, uint32_t name, uint32_t folded)
{
    const char *text = copy_text(search->copy, folded);
    switch (search->level) {
    case NAMES_SAME:
        return strcmp(copy_text(search->copy, name), search->name) == 0;
    case NAMES_FOLDED:
        return strcmp(text, search->folded) == 0;
    case NAMES_PREFIX:
        return strncmp(text, search->folded, search->folded_bytes) == 0;
    case NAMES_WORDS:
    case NAMES_LEVELS:
        break;
    }
    return false;
}

static bool is_named(const struct search *search, enum copy_kind kind, uint32_t index)
{
    const struct copy *copy = search->copy;
    switch (kind) {
    case COPY_TRACK:
        return is_met(search, copy->tracks[index].title, copy->tracks[index].folded);
    case COPY_ALBUM:
        return copy->albums[index].name != 0 &&
               is_met(search, copy->albums[index].name, copy->albums[index].folded);
    case COPY_ARTIST:
        return is_met(search, copy->artists[index].name, copy->artists[index].folded);
    }
    return false;
}

/* Postings of the first word of a folded name, as a whole word: everything of exactly this name is among
 * them. */
static void postings_of(const struct copy *copy, const char *folded, uint32_t *ret_first,
                        uint32_t *ret_end)
{
    char word[FOLD_BYTES];
    uint32_t first, end;
    size_t count = strcspn(folded, " ");
    memcpy(word, folded, count);
    word[count] = '\0';
    *ret_first = *ret_end = 0;
    copy_find_words(copy, word, &first, &end);
    if (count > 0 && first < end && strcmp(copy_text(copy, copy->words[first].text), word) == 0) {
        *ret_first = copy->words[first].first_posting;
        *ret_end = copy->words[first + 1].first_posting;
    }
}

/* Postings ascend by kind: tracks, albums, artists; answers have them the other way round. */
static void find_exact(const struct search *search, enum copy_kind kind,
                       struct names_matches *matches)
{
    const struct copy *copy = search->copy;
    uint32_t first, end;
    postings_of(copy, search->folded, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = copy->postings[i] & COPY_POSTING_INDEX;
        if (copy->postings[i] >> 30 == (uint32_t)kind && is_named(search, kind, index)) {
            add(matches, kind, index);
        }
    }
}

static void find_prefix(const struct search *search, enum copy_kind kind,
                        struct names_matches *matches)
{
    const struct copy_header *header = search->copy->header;
    const uint32_t counts[] = {[COPY_TRACK] = header->track_count,
                               [COPY_ALBUM] = header->album_count,
                               [COPY_ARTIST] = header->artist_count};
    for (uint32_t i = 0; i < counts[kind]; i++) {
        if (is_named(search, kind, i)) {
            add(matches, kind, i);
        }
    }
}

static int find_words(const struct search *search, unsigned kinds, struct names_matches *matches)
{
    uint32_t room[3][NAMES_MATCHES_MAX];
    struct find_results results[3];
    for (unsigned kind = 0; kind < 3; kind++) {
        results[kind] = (struct find_results){
            .indices = room[kind], .limit = (kinds >> kind & 1) != 0 ? NAMES_MATCHES_MAX : 0};
    }
    int error = find_all(search->copy, search->name, &results[COPY_TRACK], &results[COPY_ALBUM],
                         &results[COPY_ARTIST]);
    for (int kind = COPY_ARTIST; error == 0 && kind >= COPY_TRACK; kind--) {
        for (uint32_t i = 0; i < results[kind].count; i++) {
            add(matches, (enum copy_kind)kind, room[kind][i]);
        }
        matches->count += results[kind].total - results[kind].count;
    }
    return error;
}

int names_find(const struct copy *copy, const char *name, enum names_level level, unsigned kinds,
               struct names_matches *matches)
{
    struct search search = {.copy = copy, .name = name, .level = level};
    search.folded_bytes = fold_text(name, search.folded, sizeof search.folded);
    if (search.folded_bytes == 0) {
        return 0;
    }
    if (level == NAMES_WORDS) {
        return find_words(&search, kinds, matches);
    }
    for (int kind = COPY_ARTIST; kind >= COPY_TRACK; kind--) {
        if ((kinds >> kind & 1) == 0) {
            continue;
        }
        if (level == NAMES_PREFIX) {
            find_prefix(&search, (enum copy_kind)kind, matches);
        } else {
            find_exact(&search, (enum copy_kind)kind, matches);
        }
    }
    return 0;
}

uint32_t names_find_track(const struct copy *copy, const char *artist, const char *title)
{
    char folded[FOLD_BYTES], folded_artist[FOLD_BYTES];
    uint32_t first, end;
    uint32_t by = COPY_NONE;
    fold_text(title, folded, sizeof folded);
    if (artist != NULL && artist[0] != '\0') {
        fold_text(artist, folded_artist, sizeof folded_artist);
        by = copy_find_artist(copy, folded_artist);
        if (by == COPY_NONE) {
            return COPY_NONE;
        }
    }
    postings_of(copy, folded, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = copy->postings[i] & COPY_POSTING_INDEX;
        if (copy->postings[i] >> 30 == COPY_TRACK &&
            strcmp(copy_text(copy, copy->tracks[index].folded), folded) == 0 &&
            (by == COPY_NONE || copy_is_by(copy, index, by))) {
            return index;
        }
    }
    return COPY_NONE;
}
