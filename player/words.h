/*
 * words.h: what is known of tracks for people: names, length, form. By track id, from manifests.
 */
#ifndef PLAYER_WORDS_H
#define PLAYER_WORDS_H

#include "common/table.h"
#include "media/core/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tracks whose words are kept; more are not remembered. */
#define WORDS_TRACKS_MAX 50000u
#define WORDS_FORMAT_BYTES 64u

struct words_track {
    uint8_t track_id[TRACK_ID_BYTES]; /* the key */
    uint8_t album_id[ALBUM_ID_BYTES]; /* zeros = none */
    char *title, *artist, *album;     /* owned; never NULL */
    struct media_file_id file;        /* that plays */
    uint64_t duration_us;
    uint32_t year;                   /* 0 = unknown */
    struct media_file_id cover;      /* bytes == 0: none */
    char format[WORDS_FORMAT_BYTES]; /* "Vorbis 160 kbit/s, 44.1 kHz stereo" */
};

struct words {
    struct table table; /* of struct words_track */
};

void words_init(struct words *words);
void words_deinit(struct words *words);
/* Takes the words of a manifest; those that were there are replaced. ERROR_NO_MEMORY, ERROR_FULL. */
int words_put(struct words *words, const struct media_manifest *manifest);
/* NULL: nothing is known. Valid until the next put. */
const struct words_track *words_get(const struct words *words,
                                    const uint8_t track_id[TRACK_ID_BYTES]);
/* "Vorbis 160 kbit/s, 44.1 kHz stereo" */
void words_format(const struct media_file *file, char ret_text[WORDS_FORMAT_BYTES]);

#endif
