/*
 * copy.c: checking a copy's bytes, and looking things up in it.
 */
#include "player/library/copy.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

/* --- opening ----------------------------------------------------------------------------------------- */

/* The bytes that are left, from which arrays are cut. */
struct rest {
    const uint8_t *at;
    size_t left;
    bool short_of; /* an array did not fit */
};

static const void *cut(struct rest *rest, size_t count, size_t item_bytes)
{
    const void *at = rest->at;
    if (count > rest->left / item_bytes) {
        rest->short_of = true;
        return at;
    }
    rest->at += count * item_bytes;
    rest->left -= count * item_bytes;
    return at;
}

static bool are_artists_good(const struct copy *copy)
{
    const struct copy_header *header = copy->header;
    uint32_t album = 0;
    for (uint32_t i = 0; i < header->artist_count; i++) {
        const struct copy_artist *artist = &copy->artists[i];
        if (artist->name >= header->text_bytes || artist->folded >= header->text_bytes ||
            artist->first_album != album || artist->album_count > header->album_count - album) {
            return false;
        }
        album += artist->album_count;
    }
    return album == header->album_count;
}

static bool are_albums_good(const struct copy *copy)
{
    const struct copy_header *header = copy->header;
    uint32_t track = 0;
    for (uint32_t i = 0; i < header->album_count; i++) {
        const struct copy_album *album = &copy->albums[i];
        if (album->name >= header->text_bytes || album->folded >= header->text_bytes ||
            album->artist >= header->artist_count || album->first_track != track ||
            album->track_count > header->track_count - track) {
            return false;
        }
        track += album->track_count;
    }
    for (uint32_t i = 0; i < header->album_id_count; i++) {
        if (copy->albums_by_id[i] >= header->album_count) {
            return false;
        }
    }
    return track == header->track_count;
}

static bool are_tracks_good(const struct copy *copy)
{
    const struct copy_header *header = copy->header;
    for (uint32_t i = 0; i < header->track_count; i++) {
        const struct copy_track *track = &copy->tracks[i];
        if (track->title >= header->text_bytes || track->folded >= header->text_bytes ||
            track->artist_name >= header->text_bytes || track->artist >= header->artist_count ||
            track->album >= header->album_count || copy->by_id[i] >= header->track_count) {
            return false;
        }
    }
    return true;
}

static bool are_words_good(const struct copy *copy)
{
    const struct copy_header *header = copy->header;
    const uint32_t counts[4] = {header->track_count, header->album_count, header->artist_count, 0};
    uint32_t posting = 0;
    for (uint32_t i = 0; i <= header->word_count; i++) {
        const struct copy_word *word = &copy->words[i];
        if (word->text >= header->text_bytes || word->first_posting < posting) {
            return false;
        }
        posting = word->first_posting;
    }
    if (copy->words[0].first_posting != 0 || posting != header->posting_count) {
        return false;
    }
    for (uint32_t i = 0; i < header->posting_count; i++) {
        if ((copy->postings[i] & COPY_POSTING_INDEX) >= counts[copy->postings[i] >> 30]) {
            return false;
        }
    }
    return true;
}

static bool is_header_good(const struct copy_header *header)
{
    return header->artist_count <= 2 * COPY_TRACKS_MAX && header->album_count <= COPY_TRACKS_MAX &&
           header->track_count <= COPY_TRACKS_MAX &&
           header->album_id_count <= header->album_count && header->word_count < UINT32_MAX &&
           header->text_bytes > 0 &&
           memchr(header->revision, '\0', sizeof header->revision) != NULL;
}

int copy_open(const void *bytes, size_t count, struct copy *ret_copy)
{
    static const char magic[8] = "RFCOPY\n";
    struct rest rest = {bytes, count, false};
    struct copy copy = {0};
    const struct copy_header *header = cut(&rest, 1, sizeof *header);
    assert((uintptr_t)bytes % 8 == 0);
    if (rest.short_of || memcmp(header->magic, magic, sizeof magic) != 0) {
        return ERROR_DAMAGED;
    }
    if (header->order != COPY_ORDER || header->version != COPY_VERSION) {
        return ERROR_VERSION;
    }
    if (!is_header_good(header)) {
        return ERROR_DAMAGED;
    }
    copy.header = header;
    copy.artists = cut(&rest, header->artist_count, sizeof *copy.artists);
    copy.albums = cut(&rest, header->album_count, sizeof *copy.albums);
    copy.tracks = cut(&rest, header->track_count, sizeof *copy.tracks);
    copy.by_id = cut(&rest, header->track_count, sizeof *copy.by_id);
    copy.albums_by_id = cut(&rest, header->album_id_count, sizeof *copy.albums_by_id);
    copy.words = cut(&rest, (size_t)header->word_count + 1, sizeof *copy.words);
    copy.postings = cut(&rest, header->posting_count, sizeof *copy.postings);
    copy.texts = cut(&rest, header->text_bytes, 1);
    if (rest.short_of || rest.left != 0 || copy.texts[header->text_bytes - 1] != '\0' ||
        !are_artists_good(&copy) || !are_albums_good(&copy) || !are_tracks_good(&copy) ||
        !are_words_good(&copy)) {
        return ERROR_DAMAGED;
    }
    *ret_copy = copy;
    return 0;
}

const char *copy_text(const struct copy *copy, uint32_t offset)
{
    assert(offset < copy->header->text_bytes);
    return copy->texts + offset;
}

/* --- looking up -------------------------------------------------------------------------------------- */

uint32_t copy_find_track(const struct copy *copy, const uint8_t id[TRACK_ID_BYTES])
{
    uint32_t low = 0;
    uint32_t high = copy->header->track_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(copy->tracks[copy->by_id[middle]].id, id, TRACK_ID_BYTES);
        if (order == 0) {
            return copy->by_id[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return COPY_NONE;
}

uint32_t copy_find_album(const struct copy *copy, const uint8_t id[ALBUM_ID_BYTES])
{
    uint32_t low = 0;
    uint32_t high = copy->header->album_id_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(copy->albums[copy->albums_by_id[middle]].id, id, ALBUM_ID_BYTES);
        if (order == 0) {
            return copy->albums_by_id[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return COPY_NONE;
}

uint32_t copy_find_artist(const struct copy *copy, const char *folded)
{
    uint32_t low = 0;
    uint32_t high = copy->header->artist_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(copy_text(copy, copy->artists[middle].folded), folded);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return COPY_NONE;
}

/* The first word that is not below `text`, or (past) not below it and not beginning with it. */
static uint32_t lower_bound(const struct copy *copy, const char *text, bool past)
{
    size_t count = strlen(text);
    uint32_t low = 0;
    uint32_t high = copy->header->word_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *word = copy_text(copy, copy->words[middle].text);
        int order = past ? strncmp(word, text, count) : strcmp(word, text);
        bool below = order < 0 || (past && order == 0);
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    return low;
}

void copy_find_words(const struct copy *copy, const char *prefix, uint32_t *ret_first,
                     uint32_t *ret_end)
{
    uint32_t first = lower_bound(copy, prefix, false);
    uint32_t end = lower_bound(copy, prefix, true);
    *ret_first = first;
    *ret_end = end > first ? end : first;
}

bool copy_is_by(const struct copy *copy, uint32_t track, uint32_t artist)
{
    const struct copy_track *of = &copy->tracks[track];
    return of->artist == artist || copy->albums[of->album].artist == artist;
}
