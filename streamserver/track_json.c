/*
 * track_json.c: builds the JSON object of a track from its manifest.
 *
 * Responsible for names, order and units of the fields. Not for where they are shown.
 */
#include "streamserver/track_json.h"

#include "media/core/file_id.h"

#include <string.h>

const char *track_json_codec(enum media_codec codec)
{
    switch (codec) {
    case MEDIA_CODEC_VORBIS:
        return "vorbis";
    case MEDIA_CODEC_OPUS:
        return "opus";
    case MEDIA_CODEC_FLAC:
        return "flac";
    case MEDIA_CODEC_MP3:
        return "mp3";
    case MEDIA_CODEC_AAC:
        return "aac";
    }
    return "unknown";
}

static json_t *text_json(struct media_text text)
{
    return json_stringn(text.data == NULL ? "" : text.data, text.bytes);
}

static json_t *file_json(const struct media_file *file)
{
    char root[2 * HASH_BYTES + 1];
    media_hex_encode(file->id.root, HASH_BYTES, root);
    return json_pack("{s:s, s:I, s:s, s:I}", "id", root, "bytes", (json_int_t)file->id.bytes,
                     "codec", track_json_codec(file->codec), "bitrate",
                     (json_int_t)file->bitrate_bps);
}

static json_t *cover_json(const struct media_file_id *cover)
{
    char root[2 * HASH_BYTES + 1];
    if (cover->bytes == 0) {
        return json_null();
    }
    media_hex_encode(cover->root, HASH_BYTES, root);
    return json_pack("{s:s, s:I}", "id", root, "bytes", (json_int_t)cover->bytes);
}

json_t *track_json_new(const struct media_manifest *manifest)
{
    char id[2 * TRACK_ID_BYTES + 1];
    char album_id[2 * ALBUM_ID_BYTES + 1];
    media_hex_encode(manifest->track_id, TRACK_ID_BYTES, id);
    media_hex_encode(manifest->album_id, ALBUM_ID_BYTES, album_id);
    json_t *files = json_array();
    for (uint32_t i = 0; files != NULL && i < manifest->file_count; i++) {
        if (json_array_append_new(files, file_json(&manifest->files[i])) != 0) {
            json_decref(files);
            files = NULL;
        }
    }
    uint64_t duration_ms = media_file_duration_us(&manifest->files[0]) / 1000;
    /* "o" takes the reference, also when packing fails, and fails itself on NULL. */
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:I, s:o, s:s, s:o}", "id", id,
                     "title", text_json(manifest->title), "artist", text_json(manifest->artist),
                     "album", text_json(manifest->album), "album_artist",
                     text_json(manifest->album_artist), "disc", (int)manifest->disc_number, "track",
                     (int)manifest->track_number, "year", (int)manifest->year, "duration_ms",
                     (json_int_t)duration_ms, "files", files, "album_id", album_id, "cover",
                     cover_json(&manifest->cover));
}

json_t *track_json_new_brief(const struct media_manifest *manifest)
{
    char id[2 * TRACK_ID_BYTES + 1];
    char album_id[2 * ALBUM_ID_BYTES + 1];
    media_hex_encode(manifest->track_id, TRACK_ID_BYTES, id);
    media_hex_encode(manifest->album_id, ALBUM_ID_BYTES, album_id);
    static const uint8_t none[ALBUM_ID_BYTES];
    uint64_t duration_ms = media_file_duration_us(&manifest->files[0]) / 1000;
    bool has_album = memcmp(manifest->album_id, none, sizeof none) != 0;
    json_t *album_artist =
        manifest->album_artist.bytes > 0 ? text_json(manifest->album_artist) : NULL;
    json_t *year = manifest->year > 0 ? json_integer(manifest->year) : NULL;
    json_t *disc = manifest->disc_number > 0 ? json_integer(manifest->disc_number) : NULL;
    return json_pack("{s:s, s:o, s:o, s:o, s:o*, s:o*, s:i, s:o*, s:I, s:s*}", "id", id, "title",
                     text_json(manifest->title), "artist", text_json(manifest->artist), "album",
                     text_json(manifest->album), "album_artist", album_artist, "disc", disc,
                     "track", (int)manifest->track_number, "year", year, "duration_ms",
                     (json_int_t)duration_ms, "album_id", has_album ? album_id : NULL);
}
