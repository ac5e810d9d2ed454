/*
 * words.c: manifests' texts, copied.
 */
#include "player/words.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void words_init(struct words *words)
{
    table_init(&words->table, sizeof(struct words_track), TRACK_ID_BYTES, 1);
}

static void free_texts(const struct words_track *track)
{
    free(track->title);
    free(track->artist);
    free(track->album);
}

void words_deinit(struct words *words)
{
    uint32_t place = 0;
    for (const struct words_track *track = table_next(&words->table, &place); track != NULL;
         track = table_next(&words->table, &place)) {
        free_texts(track);
    }
    table_deinit(&words->table);
}

static char *copy_text(struct media_text text)
{
    return strndup(text.bytes > 0 ? text.data : "", text.bytes);
}

int words_put(struct words *words, const struct media_manifest *manifest)
{
    struct words_track fresh = {.file = manifest->files[0].id,
                                .duration_us = media_file_duration_us(&manifest->files[0]),
                                .year = manifest->year,
                                .cover = manifest->cover};
    bool is_known = table_get(&words->table, manifest->track_id) != NULL;
    if (!is_known && words->table.count >= WORDS_TRACKS_MAX) {
        return ERROR_FULL;
    }
    memcpy(fresh.track_id, manifest->track_id, TRACK_ID_BYTES);
    memcpy(fresh.album_id, manifest->album_id, ALBUM_ID_BYTES);
    fresh.title = copy_text(manifest->title);
    fresh.artist = copy_text(manifest->artist);
    fresh.album = copy_text(manifest->album);
    words_format(&manifest->files[0], fresh.format);
    struct words_track *track = NULL;
    if (fresh.title != NULL && fresh.artist != NULL && fresh.album != NULL) {
        track = table_put(&words->table, manifest->track_id, NULL);
    }
    if (track == NULL) {
        free_texts(&fresh);
        return ERROR_NO_MEMORY;
    }
    free_texts(track); /* NULL in a new one */
    *track = fresh;
    return 0;
}

const struct words_track *words_get(const struct words *words,
                                    const uint8_t track_id[TRACK_ID_BYTES])
{
    return table_get(&words->table, track_id);
}

static const char *codec_name(enum media_codec codec)
{
    switch (codec) {
    case MEDIA_CODEC_VORBIS:
        return "Vorbis";
    case MEDIA_CODEC_OPUS:
        return "Opus";
    case MEDIA_CODEC_FLAC:
        return "FLAC";
    case MEDIA_CODEC_MP3:
        return "MP3";
    case MEDIA_CODEC_AAC:
        return "AAC";
    }
    return "?";
}

void words_format(const struct media_file *file, char ret_text[WORDS_FORMAT_BYTES])
{
    char bitrate[24] = "";
    char channels[16];
    char kilohertz[16];
    uint32_t rest = file->rate_hz % 1000 / 100;
    if (file->bitrate_bps > 0) {
        snprintf(bitrate, sizeof bitrate, " %u kbit/s", (file->bitrate_bps + 500) / 1000);
    }
    if (file->channels <= 2) {
        snprintf(channels, sizeof channels, "%s", file->channels == 1 ? "mono" : "stereo");
    } else {
        snprintf(channels, sizeof channels, "%u channels", (unsigned)file->channels);
    }
    if (rest == 0) {
        snprintf(kilohertz, sizeof kilohertz, "%u", file->rate_hz / 1000);
    } else {
        snprintf(kilohertz, sizeof kilohertz, "%u.%u", file->rate_hz / 1000, rest);
    }
    snprintf(ret_text, WORDS_FORMAT_BYTES, "%s%s, %s kHz %s", codec_name(file->codec), bitrate,
             kilohertz, channels);
}
