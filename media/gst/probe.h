/*
 * probe.h: everything a manifest says about one audio file.
 *
 * The file is recognised by its first bytes (never by its name), decoded once from end to end, and
 * its start recorded: so what the manifest promises (sample count, start set, gain) is what a
 * player's deck will find. Reads through a media_source; needs no file system.
 */
#ifndef MEDIA_GST_PROBE_H
#define MEDIA_GST_PROBE_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_PROBE_ERROR_TEXT_BYTES 240u
#define MEDIA_COVER_BYTES_MAX (UINT32_C(8) << 20) /* larger pictures are passed over */
#define MEDIA_COVER_MIME_BYTES 32u
/* More picture bytes than this before the sound, and a file is worth a remux (media/gst/remux.h). */
#define MEDIA_PICTURE_BEFORE_SOUND_BYTES_MAX 65536u
/* What of the sound the start set is for. */
#define MEDIA_START_US 3000000u

/* UTF-8, terminated, empty when unknown; cut at a character's edge. */
struct media_tags {
    char title[MEDIA_TEXT_BYTES_MAX + 1];
    char artist[MEDIA_TEXT_BYTES_MAX + 1];
    char album_artist[MEDIA_TEXT_BYTES_MAX + 1];
    char album[MEDIA_TEXT_BYTES_MAX + 1];
    char genre[MEDIA_TEXT_BYTES_MAX + 1];
    char recording_mbid[MEDIA_MBID_BYTES_MAX + 1];
    char release_mbid[MEDIA_MBID_BYTES_MAX + 1];
    uint16_t track_number; /* these five: 0 = unknown */
    uint16_t track_count;
    uint16_t disc_number;
    uint16_t disc_count;
    uint16_t year;
};

struct media_probe {
    /* All of it but `source` and `id.root`, which need hashes; id.bytes = the length. The start
     * runs cover what a deck reads before MEDIA_START_US of sound. */
    struct media_file file;
    struct media_tags tags;
    uint64_t duration_us; /* media_file_duration_us(&file) */
    bool gain_computed;   /* track gain and peak were computed, not read from tags */
    uint8_t *cover;       /* owned; NULL = none */
    uint32_t cover_bytes;
    char cover_mime[MEDIA_COVER_MIME_BYTES]; /* "image/jpeg", "image/png", ... */
    uint32_t picture_bytes; /* of all pictures that stand before the sound, as stored in the file */
};

struct media_probe_options {
    bool skip_gain; /* do not compute a gain that the tags lack */
};

/* Probes the whole file. `options` may be NULL. `ret_text` (MEDIA_PROBE_ERROR_TEXT_BYTES) gets, on
 * an error, one sentence for people without a full stop, and is empty otherwise.
 *   ERROR_UNSUPPORTED  not audio, or a kind that we do not play (video, WAV, chained Ogg, ...)
 *   ERROR_TRUNCATED    audio that ends too early
 *   ERROR_MALFORMED    audio that can't be decoded
 *   ERROR_TOO_LARGE    longer than FILE_BYTES_MAX
 *   ERROR_IO, or what else the source returned;  ERROR_NO_MEMORY, ERROR_SYSTEM */
int media_probe(const struct media_source *source, const struct media_probe_options *options,
                struct media_probe **ret_probe, char *ret_text);
void media_probe_free(struct media_probe *probe);

/* What the first bytes say; no decoding. `head` has the file's first bytes (64 or more, else all).
 * ERROR_UNSUPPORTED: nothing that we know. ID3v2 tags before FLAC or MP3 count as MP3; the probe
 * looks behind them. */
int media_sniff(const uint8_t *head, uint32_t count, enum media_container *ret_container,
                enum media_codec *ret_codec);

#endif
