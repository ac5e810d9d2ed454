/*
 * track_id.h: ids of tracks and albums, and the refrain:// address.
 *
 * Track id = first 16 bytes of SHA-256("track" || source file root || source bytes, u64 BE).
 * Album id = first 16 bytes of SHA-256("album" || folded album artist || 0 || folded album || 0 ||
 * MusicBrainz release id), folded = ASCII letters lower-cased, runs of white space one space,
 * trimmed. These functions build what is to be hashed; hashing is the caller's.
 */
#ifndef MEDIA_CORE_TRACK_ID_H
#define MEDIA_CORE_TRACK_ID_H

#include "media/core/file_id.h"
#include "media/core/manifest.h"

#define MEDIA_TRACK_ID_INPUT_BYTES 45u
#define MEDIA_ALBUM_ID_INPUT_BYTES_MAX                                                             \
    (5u + 2u * (MEDIA_TEXT_BYTES_MAX + 1u) + MEDIA_MBID_BYTES_MAX)
#define MEDIA_PORT_DEFAULT 7373u
#define MEDIA_HOST_BYTES_MAX 255u

/* Folds as above into `ret_bytes`, cut to `capacity`. How many bytes were written. */
size_t media_text_fold(struct media_text text, size_t capacity, uint8_t *ret_bytes);

void media_track_id_input(const struct media_file_id *source,
                          uint8_t ret_input[MEDIA_TRACK_ID_INPUT_BYTES]);
/* How many bytes were written. */
size_t media_album_id_input(struct media_text album_artist, struct media_text album,
                            struct media_text release_mbid,
                            uint8_t ret_input[MEDIA_ALBUM_ID_INPUT_BYTES_MAX]);

struct media_address {
    char host[MEDIA_HOST_BYTES_MAX + 1]; /* name, IPv4, or IPv6 without brackets */
    uint16_t port;
    uint8_t track_id[TRACK_ID_BYTES];
};

/* refrain://HOST[:PORT]/tracks/ID. ERROR_MALFORMED; ERROR_NOT_FOUND: another scheme. */
int media_address_parse(const char *text, struct media_address *ret_address);

#endif
