/*
 * manifest.c: the one form of a manifest's bytes, and all bounds that they keep.
 *
 * Responsible for form. Whether the signature is right, and whether the origin is one to trust, is
 * the caller's to find out: media_manifest_signed_bytes says what was signed.
 */
#include "media/core/manifest.h"

#include "common/cursor.h"
#include "common/error.h"
#include "common/time_us.h"
#include "common/utf8.h"

#include <assert.h>
#include <string.h>

#define MAGIC "RFM1"
#define MAGIC_BYTES 4u
#define MAGIC_NAME_BYTES 3u /* without the version's digit */
#define SEAL_NONE 0u
#define CHANNELS_MAX 8u
#define BITS_MAX 32u
#define FILE_BYTES_LARGEST (2u * MEDIA_FILE_ID_BYTES + 25u + 6u * MEDIA_START_RUNS_MAX)

_Static_assert(MAGIC_BYTES + PUBLIC_KEY_BYTES + TRACK_ID_BYTES + ALBUM_ID_BYTES +
                       5 * (2 + MEDIA_TEXT_BYTES_MAX) + 2 * (2 + MEDIA_MBID_BYTES_MAX) + 8 + 1 +
                       MEDIA_FILE_ID_BYTES + 1 + MEDIA_FILES_MAX * FILE_BYTES_LARGEST +
                       SIGNATURE_BYTES <=
                   MEDIA_MANIFEST_BYTES_MAX,
               "the largest manifest fits");

/* ---- Bounds, the same for both directions ---- */

static bool text_ok(struct media_text text, size_t bytes_max)
{
    return text.bytes <= bytes_max && utf8_valid(text.data, text.bytes);
}

static bool runs_ok(const struct media_file *file)
{
    if (file->start_run_count < 1 || file->start_run_count > MEDIA_START_RUNS_MAX) {
        return false;
    }
    uint32_t chunks = media_chunk_count(file->id.bytes);
    for (unsigned i = 0; i < file->start_run_count; i++) {
        const struct media_run *run = &file->start_runs[i];
        if (run->count == 0 || run->first >= chunks || run->count > chunks - run->first) {
            return false;
        }
        for (unsigned j = 0; j < i; j++) {
            const struct media_run *other = &file->start_runs[j];
            if (run->first < other->first + other->count &&
                other->first < run->first + run->count) {
                return false;
            }
        }
    }
    return true;
}

/* Which containers a codec may stand in. */
static bool container_ok(enum media_codec codec, enum media_container container)
{
    switch (codec) {
    case MEDIA_CODEC_VORBIS:
    case MEDIA_CODEC_OPUS:
        return container == MEDIA_CONTAINER_OGG;
    case MEDIA_CODEC_FLAC:
        return container == MEDIA_CONTAINER_OGG || container == MEDIA_CONTAINER_FLAC;
    case MEDIA_CODEC_MP3:
        return container == MEDIA_CONTAINER_MPEG;
    case MEDIA_CODEC_AAC:
        return container == MEDIA_CONTAINER_MPEG || container == MEDIA_CONTAINER_MP4;
    }
    return false;
}

static int check_file(const struct media_file *file)
{
    if (file->codec < MEDIA_CODEC_VORBIS || file->codec > MEDIA_CODEC_AAC ||
        file->container < MEDIA_CONTAINER_OGG || file->container > MEDIA_CONTAINER_MP4) {
        return ERROR_UNSUPPORTED; /* a later one */
    }
    bool is_ok = media_file_id_valid(&file->id) && media_file_id_valid(&file->source) &&
                 container_ok(file->codec, file->container) && file->channels >= 1 &&
                 file->channels <= CHANNELS_MAX && file->bits <= BITS_MAX && file->rate_hz > 0 &&
                 file->samples > 0 && runs_ok(file);
    return is_ok ? 0 : ERROR_MALFORMED;
}

static int check_files(const struct media_manifest *manifest)
{
    for (unsigned i = 0; i < manifest->file_count; i++) {
        int error = check_file(&manifest->files[i]);
        if (error != 0) {
            return error;
        }
        for (unsigned j = 0; j < i; j++) {
            if (media_file_id_equal(&manifest->files[i].id, &manifest->files[j].id)) {
                return ERROR_MALFORMED;
            }
        }
    }
    return 0;
}

static bool cover_ok(const struct media_file_id *cover)
{
    static const uint8_t none[HASH_BYTES];
    return media_file_id_valid(cover) ||
           (cover->bytes == 0 && memcmp(cover->root, none, HASH_BYTES) == 0);
}

static int check(const struct media_manifest *manifest)
{
    bool is_ok = text_ok(manifest->title, MEDIA_TEXT_BYTES_MAX) &&
                 text_ok(manifest->artist, MEDIA_TEXT_BYTES_MAX) &&
                 text_ok(manifest->album_artist, MEDIA_TEXT_BYTES_MAX) &&
                 text_ok(manifest->album, MEDIA_TEXT_BYTES_MAX) &&
                 text_ok(manifest->genre, MEDIA_TEXT_BYTES_MAX) &&
                 text_ok(manifest->recording_mbid, MEDIA_MBID_BYTES_MAX) &&
                 text_ok(manifest->release_mbid, MEDIA_MBID_BYTES_MAX) &&
                 cover_ok(&manifest->cover) && manifest->file_count >= 1 &&
                 manifest->file_count <= MEDIA_FILES_MAX;
    return is_ok ? check_files(manifest) : ERROR_MALFORMED;
}

/* ---- Writing ---- */

static void write_text(struct writer *writer, struct media_text text)
{
    writer_u16(writer, text.bytes);
    writer_bytes(writer, text.data, text.bytes);
}

static void write_id(struct writer *writer, const struct media_file_id *id)
{
    writer_bytes(writer, id->root, HASH_BYTES);
    writer_u64(writer, id->bytes);
}

static void write_file(struct writer *writer, const struct media_file *file)
{
    write_id(writer, &file->id);
    write_id(writer, &file->source);
    writer_u8(writer, (uint8_t)file->codec);
    writer_u8(writer, file->channels);
    writer_u8(writer, file->bits);
    writer_u8(writer, (uint8_t)file->container);
    writer_u32(writer, file->rate_hz);
    writer_u32(writer, file->bitrate_bps);
    writer_u64(writer, file->samples);
    writer_u16(writer, (uint16_t)file->track_gain);
    writer_u16(writer, (uint16_t)file->album_gain);
    writer_u32(writer, file->peak);
    writer_u8(writer, file->start_run_count);
    for (unsigned i = 0; i < file->start_run_count; i++) {
        writer_u32(writer, file->start_runs[i].first);
        writer_u16(writer, file->start_runs[i].count);
    }
}

int media_manifest_encode(const struct media_manifest *manifest, uint8_t *buffer, size_t capacity,
                          size_t *ret_bytes)
{
    struct writer writer;
    if (check(manifest) != 0) {
        return ERROR_MALFORMED; /* our own fields: nothing of a later version */
    }
    writer_init(&writer, buffer, capacity);
    writer_bytes(&writer, MAGIC, MAGIC_BYTES);
    writer_bytes(&writer, manifest->origin, PUBLIC_KEY_BYTES);
    writer_bytes(&writer, manifest->track_id, TRACK_ID_BYTES);
    writer_bytes(&writer, manifest->album_id, ALBUM_ID_BYTES);
    write_text(&writer, manifest->title);
    write_text(&writer, manifest->artist);
    write_text(&writer, manifest->album_artist);
    write_text(&writer, manifest->album);
    write_text(&writer, manifest->genre);
    write_text(&writer, manifest->recording_mbid);
    write_text(&writer, manifest->release_mbid);
    writer_u16(&writer, manifest->track_number);
    writer_u16(&writer, manifest->track_count);
    writer_u16(&writer, manifest->disc_number);
    writer_u16(&writer, manifest->year);
    writer_u8(&writer, SEAL_NONE);
    write_id(&writer, &manifest->cover);
    writer_u8(&writer, manifest->file_count);
    for (unsigned i = 0; i < manifest->file_count; i++) {
        write_file(&writer, &manifest->files[i]);
    }
    writer_bytes(&writer, manifest->signature, SIGNATURE_BYTES);
    if (writer_failed(&writer)) {
        return ERROR_TOO_LARGE;
    }
    *ret_bytes = writer_used(&writer);
    return 0;
}

/* ---- Reading ---- */

static struct media_text read_text(struct cursor *cursor)
{
    uint16_t bytes = cursor_u16(cursor);
    const uint8_t *data = cursor_bytes(cursor, bytes);
    return (struct media_text){.data = (const char *)data, .bytes = data == NULL ? 0 : bytes};
}

static void read_id(struct cursor *cursor, struct media_file_id *ret_id)
{
    cursor_copy(cursor, ret_id->root, HASH_BYTES);
    ret_id->bytes = cursor_u64(cursor);
}

static void read_file(struct cursor *cursor, struct media_file *ret_file)
{
    read_id(cursor, &ret_file->id);
    read_id(cursor, &ret_file->source);
    ret_file->codec = (enum media_codec)cursor_u8(cursor);
    ret_file->channels = cursor_u8(cursor);
    ret_file->bits = cursor_u8(cursor);
    ret_file->container = (enum media_container)cursor_u8(cursor);
    ret_file->rate_hz = cursor_u32(cursor);
    ret_file->bitrate_bps = cursor_u32(cursor);
    ret_file->samples = cursor_u64(cursor);
    ret_file->track_gain = (int16_t)cursor_u16(cursor);
    ret_file->album_gain = (int16_t)cursor_u16(cursor);
    ret_file->peak = cursor_u32(cursor);
    ret_file->start_run_count = cursor_u8(cursor);
    for (unsigned i = 0; i < ret_file->start_run_count && i < MEDIA_START_RUNS_MAX; i++) {
        ret_file->start_runs[i].first = cursor_u32(cursor);
        ret_file->start_runs[i].count = cursor_u16(cursor);
    }
}

/* Everything before the seal. */
static void read_head(struct cursor *cursor, struct media_manifest *ret_manifest)
{
    cursor_copy(cursor, ret_manifest->origin, PUBLIC_KEY_BYTES);
    cursor_copy(cursor, ret_manifest->track_id, TRACK_ID_BYTES);
    cursor_copy(cursor, ret_manifest->album_id, ALBUM_ID_BYTES);
    ret_manifest->title = read_text(cursor);
    ret_manifest->artist = read_text(cursor);
    ret_manifest->album_artist = read_text(cursor);
    ret_manifest->album = read_text(cursor);
    ret_manifest->genre = read_text(cursor);
    ret_manifest->recording_mbid = read_text(cursor);
    ret_manifest->release_mbid = read_text(cursor);
    ret_manifest->track_number = cursor_u16(cursor);
    ret_manifest->track_count = cursor_u16(cursor);
    ret_manifest->disc_number = cursor_u16(cursor);
    ret_manifest->year = cursor_u16(cursor);
}

static int read_magic(struct cursor *cursor)
{
    const uint8_t *magic = cursor_bytes(cursor, MAGIC_BYTES);
    if (magic == NULL) {
        return ERROR_TRUNCATED;
    }
    if (memcmp(magic, MAGIC, MAGIC_NAME_BYTES) != 0) {
        return ERROR_MALFORMED;
    }
    return magic[MAGIC_NAME_BYTES] == MAGIC[MAGIC_NAME_BYTES] ? 0 : ERROR_VERSION;
}

/* Everything behind the seal. */
static int read_tail(struct cursor *cursor, struct media_manifest *ret_manifest)
{
    read_id(cursor, &ret_manifest->cover);
    ret_manifest->file_count = cursor_u8(cursor);
    if (ret_manifest->file_count > MEDIA_FILES_MAX) {
        return ERROR_MALFORMED;
    }
    for (unsigned i = 0; i < ret_manifest->file_count; i++) {
        struct media_file *file = &ret_manifest->files[i];
        read_file(cursor, file);
        if (file->start_run_count > MEDIA_START_RUNS_MAX) {
            return ERROR_MALFORMED;
        }
    }
    cursor_copy(cursor, ret_manifest->signature, SIGNATURE_BYTES);
    if (cursor_failed(cursor)) {
        return ERROR_TRUNCATED;
    }
    return cursor_left(cursor) == 0 ? 0 : ERROR_MALFORMED;
}

int media_manifest_decode(const uint8_t *bytes, size_t count, struct media_manifest *ret_manifest)
{
    struct cursor cursor;
    struct media_manifest manifest = {0};
    if (count > MEDIA_MANIFEST_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    cursor_init(&cursor, bytes, count);
    int error = read_magic(&cursor);
    if (error != 0) {
        return error;
    }
    read_head(&cursor, &manifest);
    uint8_t seal = cursor_u8(&cursor);
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    if (seal != SEAL_NONE) {
        return ERROR_UNSUPPORTED; /* what follows may have another form */
    }
    error = read_tail(&cursor, &manifest);
    error = error != 0 ? error : check(&manifest);
    if (error == 0) {
        *ret_manifest = manifest;
    }
    return error;
}

size_t media_manifest_signed_bytes(size_t encoded_bytes)
{
    assert(encoded_bytes > SIGNATURE_BYTES);
    return encoded_bytes - SIGNATURE_BYTES;
}

uint64_t media_file_duration_us(const struct media_file *file)
{
    unsigned __int128 scaled = (unsigned __int128)file->samples * TIME_US_PER_S + file->rate_hz / 2;
    scaled /= file->rate_hz;
    return scaled > UINT64_MAX ? UINT64_MAX : (uint64_t)scaled;
}
