/*
 * copy.h: the own copy of an origin's catalogue: one block of bytes that is mapped and used in place.
 *
 *   header (struct copy_header), then arrays, each where the one before ends:
 *   artists   struct copy_artist   ascending by folded name
 *   albums    struct copy_album    those of an artist together: by year (unknown last), name, id
 *   tracks    struct copy_track    those of an album together: by disc, number, title, id
 *   by_id     u32                  tracks, ascending by id
 *   albums_by_id u32               albums that have an id, ascending by it
 *   words     struct copy_word     ascending; one more at the end, whose postings are the end
 *   postings  u32                  kind << 30 | index, ascending within a word
 *   texts     bytes                each ends with NUL
 * Numbers are the machine's own (`order` tells): the file is no message, it is made anew from the origin.
 * An artist is one for all spellings that fold alike; the first track's is shown. The artist of an album
 * is its album artist, or its first track's; tracks of an artist without an album are an album of his
 * without id and name.
 *
 * copy_open checks every number once, so that a damaged file costs a refresh and nothing else. Texts were
 * made harmless by the builder (no control characters; valid UTF-8).
 */
#ifndef PLAYER_LIBRARY_COPY_H
#define PLAYER_LIBRARY_COPY_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPY_VERSION 1u
#define COPY_ORDER 0x01020304u
#define COPY_REVISION_BYTES 64u
#define COPY_TRACKS_MAX 1000000u
#define COPY_NAME_BYTES 600u /* texts of strangers are cut to this, with their NUL */
#define COPY_NONE UINT32_MAX

struct copy_header {
    char magic[8]; /* "RFCOPY\n" and NUL */
    uint32_t order, version;
    uint32_t artist_count, album_count, track_count, album_id_count, word_count, posting_count;
    uint32_t text_bytes, spare;
    char revision[COPY_REVISION_BYTES]; /* of the origin's catalogue; "": it does not tell */
};

/* Texts are offsets into texts. */
struct copy_artist {
    uint32_t name, folded;
    uint32_t first_album, album_count; /* as album artist; may be 0 */
    uint32_t track_count;              /* of his albums, and by him on others' */
};

struct copy_album {
    uint8_t id[ALBUM_ID_BYTES]; /* zeros = none */
    uint32_t name, folded;
    uint32_t artist; /* index */
    uint32_t first_track, track_count;
    uint32_t year; /* 0 = unknown */
};

struct copy_track {
    uint8_t id[TRACK_ID_BYTES];
    uint32_t title, folded;
    uint32_t artist_name; /* text: as the track spells it */
    uint32_t artist;      /* index */
    uint32_t album;       /* index */
    uint32_t duration_ms;
    uint16_t disc, number;
};

struct copy_word {
    uint32_t text, first_posting;
};

enum copy_kind {
    COPY_TRACK = 0,
    COPY_ALBUM = 1,
    COPY_ARTIST = 2,
};
#define COPY_POSTING(kind, index) ((uint32_t)(kind) << 30 | (index))
#define COPY_POSTING_INDEX 0x3fffffffu

struct copy {
    const struct copy_header *header;
    const struct copy_artist *artists;
    const struct copy_album *albums;
    const struct copy_track *tracks;
    const uint32_t *by_id, *albums_by_id;
    const struct copy_word *words;
    const uint32_t *postings;
    const char *texts;
};

/* Borrows the bytes, which are aligned to 8. ERROR_VERSION: another version's or machine's;
 * ERROR_DAMAGED. */
int copy_open(const void *bytes, size_t count, struct copy *ret_copy);
const char *copy_text(const struct copy *copy, uint32_t offset);
/* Indices, or COPY_NONE. */
uint32_t copy_find_track(const struct copy *copy, const uint8_t id[TRACK_ID_BYTES]);
uint32_t copy_find_album(const struct copy *copy, const uint8_t id[ALBUM_ID_BYTES]);
/* By folded name. */
uint32_t copy_find_artist(const struct copy *copy, const char *folded);
/* The words that begin with a folded prefix: indices [*ret_first, *ret_end). */
void copy_find_words(const struct copy *copy, const char *prefix, uint32_t *ret_first,
                     uint32_t *ret_end);
/* True when the track is of this artist: on his albums, or by him on others'. */
bool copy_is_by(const struct copy *copy, uint32_t track, uint32_t artist);

#endif
