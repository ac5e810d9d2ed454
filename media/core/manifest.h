/*
 * manifest.h: what a track is, in canonical bytes signed by its origin.
 *
 * Immutable. The same manifest always has the same bytes (one order, no optional forms), so that
 * anyone may pass it on and the origin's Ed25519 signature still holds.
 *
 * Bytes, in order (numbers big-endian; text = u16 length + UTF-8 without NUL):
 *   "RFM1"  4      magic and version; another digit is another version: ERROR_VERSION
 *   origin  32     Ed25519 public key of the origin's identity
 *   track   16     track id
 *   album   16     album id; zeros = none
 *   title, artist, album artist, album, genre               5 texts, 0 to 512 bytes each
 *   recording, release     2 texts: MusicBrainz ids, 0 to 64 bytes
 *   track number u16, track count u16, disc number u16, year u16          0 = unknown
 *   seal    u8     0 = none; others are reserved (a private catalogue): ERROR_UNSUPPORTED
 *   cover   40     file id of the cover picture; zeros = none
 *   files   u8     1 to 8, then for each:
 *     file id 40, source file id 40 (the file as the operator gave it; equal when kept as it is)
 *     codec u8, channels u8, bits u8 (of integer formats; 0 = float), container u8
 *     rate u32 (Hz), bitrate u32 (bit/s, nominal or mean), samples u64 (frames)
 *     track gain i16, album gain i16 (1/256 dB; MEDIA_GAIN_UNKNOWN), peak u32 (1/65536, 0 = unknown)
 *     start set: u8 runs (1 to 32), then {first chunk u32, count u16} each, in the order in which
 *     a decoder needs them, disjoint
 *   signature 64   over "refrain manifest 1\0" and all bytes above
 * Size at most MEDIA_MANIFEST_BYTES_MAX. File 0 is the swarm quality. No two files have one id.
 * Legal pairs of codec and container: Vorbis, Opus: Ogg; FLAC: Ogg, FLAC; MP3: MPEG; AAC: MPEG,
 * MP4. A number that is no codec or no container is a later version's: ERROR_UNSUPPORTED.
 */
#ifndef MEDIA_CORE_MANIFEST_H
#define MEDIA_CORE_MANIFEST_H

#include "common/limits.h"
#include "media/core/file_id.h"

#include <stddef.h>
#include <stdint.h>

#define MEDIA_TEXT_BYTES_MAX 512u
#define MEDIA_MBID_BYTES_MAX 64u
#define MEDIA_FILES_MAX 8u
#define MEDIA_START_RUNS_MAX 32u
#define MEDIA_GAIN_UNKNOWN INT16_MIN
#define MEDIA_MANIFEST_BYTES_MAX 8192u
#define MEDIA_MANIFEST_SIGNED_PREFIX "refrain manifest 1" /* signed with its NUL */

enum media_codec {
    MEDIA_CODEC_VORBIS = 1,
    MEDIA_CODEC_OPUS = 2,
    MEDIA_CODEC_FLAC = 3,
    MEDIA_CODEC_MP3 = 4,
    MEDIA_CODEC_AAC = 5,
};

enum media_container {
    MEDIA_CONTAINER_OGG = 1,
    MEDIA_CONTAINER_FLAC = 2,
    MEDIA_CONTAINER_MPEG = 3, /* MP3 frames, or ADTS for AAC */
    MEDIA_CONTAINER_MP4 = 4,
};

/* Borrowed from the bytes that were decoded, or from the caller when encoding; not terminated. */
struct media_text {
    const char *data;
    uint16_t bytes;
};

struct media_run {
    uint32_t first; /* chunk */
    uint16_t count; /* > 0 */
};

struct media_file {
    struct media_file_id id;
    struct media_file_id source;
    enum media_codec codec;
    enum media_container container;
    uint8_t channels; /* 1 to 8 */
    uint8_t bits;     /* of an integer format; 0 = float */
    uint32_t rate_hz; /* of the decoded sound: 48,000 for Opus */
    uint32_t bitrate_bps;
    uint64_t samples;   /* frames, exact; > 0 */
    int16_t track_gain; /* 1/256 dB or MEDIA_GAIN_UNKNOWN */
    int16_t album_gain;
    uint32_t peak; /* 65536 = full scale; 0 = unknown */
    uint8_t start_run_count;
    struct media_run start_runs[MEDIA_START_RUNS_MAX];
};

struct media_manifest {
    uint8_t origin[PUBLIC_KEY_BYTES];
    uint8_t track_id[TRACK_ID_BYTES];
    uint8_t album_id[ALBUM_ID_BYTES]; /* zeros = none */
    struct media_text title, artist, album_artist, album, genre;
    struct media_text recording_mbid, release_mbid;
    uint16_t track_number, track_count, disc_number, year; /* 0 = unknown */
    struct media_file_id cover;                            /* bytes == 0: none */
    uint8_t file_count;
    struct media_file files[MEDIA_FILES_MAX];
    uint8_t signature[SIGNATURE_BYTES];
};

/* Encodes everything, signature included. ERROR_TOO_LARGE: `capacity` does not do (it always does
 * with MEDIA_MANIFEST_BYTES_MAX); ERROR_MALFORMED: a field is out of its bounds. */
int media_manifest_encode(const struct media_manifest *manifest, uint8_t *buffer, size_t capacity,
                          size_t *ret_bytes);

/* Checks every bound and invariant of the bytes, not the signature. Texts borrow from `bytes`.
 * ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_VERSION, ERROR_UNSUPPORTED, ERROR_TOO_LARGE. */
int media_manifest_decode(const uint8_t *bytes, size_t count, struct media_manifest *ret_manifest);

/* How many of the encoded bytes the signature covers: all but the last 64. */
size_t media_manifest_signed_bytes(size_t encoded_bytes);

/* Rounded to the nearest microsecond. */
uint64_t media_file_duration_us(const struct media_file *file);

#endif
