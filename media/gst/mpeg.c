/*
 * mpeg.c: frame lengths of MPEG audio layer III (ISO 11172-3, 13818-3) and ADTS (ISO 13818-7).
 */
#include "media/gst/mpeg.h"

#include "common/cursor.h"
#include "common/error.h"

#include <stdbool.h>
#include <string.h>

#define WINDOW_BYTES 16384u
#define XING_FLAG_FRAMES 1u
#define XING_FLAG_BYTES 2u
#define XING_BYTES 16u
/* The Xing header may count the frame that it stands in, or not. */
#define XING_TOLERANCE_BYTES 2048u

static uint32_t adts_bytes(const uint8_t *header)
{
    if (header[0] != 0xff || (header[1] & 0xf6) != 0xf0) {
        return 0;
    }
    uint32_t bytes =
        (uint32_t)(header[3] & 3) << 11 | (uint32_t)header[4] << 3 | (uint32_t)header[5] >> 5;
    return bytes >= MPEG_FRAME_HEADER_BYTES ? bytes : 0;
}

static bool is_layer_3(const uint8_t *header)
{
    return header[0] == 0xff && (header[1] & 0xe6) == 0xe2 && (header[1] & 0x18) != 0x08;
}

static bool is_mpeg_1(const uint8_t *header)
{
    return (header[1] & 0x18) == 0x18;
}

static uint32_t layer_3_bytes(const uint8_t *header)
{
    static const uint16_t kbps[2][16] = {
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}};
    static const uint16_t rates_hz[4] = {44100, 48000, 32000, 0};
    if (!is_layer_3(header)) {
        return 0;
    }
    bool first = is_mpeg_1(header);
    bool half = (header[1] & 0x18) == 0; /* MPEG 2.5 */
    uint32_t bitrate = kbps[first][header[2] >> 4] * 1000u;
    uint32_t rate_hz = rates_hz[(header[2] >> 2) & 3] / (first ? 1u : half ? 4u : 2u);
    if (bitrate == 0 || rate_hz == 0) {
        return 0;
    }
    uint32_t padding = (header[2] >> 1) & 1;
    return (first ? 144u : 72u) * bitrate / rate_hz + padding;
}

uint32_t mpeg_frame_bytes(const uint8_t *header, enum media_codec codec)
{
    return codec == MEDIA_CODEC_AAC ? adts_bytes(header) : layer_3_bytes(header);
}

/* The Xing (or Info) header stands behind the side information of the first frame: "Xing", flags
 * u32, frames u32, bytes u32, as far as the flags say. */
static int check_xing(const struct media_source *source, uint64_t offset, const uint8_t *header)
{
    bool mono = header[3] >> 6 == 3;
    uint64_t at = offset + 4 + (is_mpeg_1(header) ? (mono ? 17u : 32u) : (mono ? 9u : 17u));
    uint8_t bytes[XING_BYTES];
    if (at + sizeof bytes > source->bytes) {
        return 0;
    }
    int error = source->read_at(source->context, at, bytes, sizeof bytes);
    if (error != 0 || (memcmp(bytes, "Xing", 4) != 0 && memcmp(bytes, "Info", 4) != 0)) {
        return error;
    }
    struct cursor cursor;
    cursor_init(&cursor, bytes + 4, sizeof bytes - 4);
    uint32_t flags = cursor_u32(&cursor);
    if ((flags & XING_FLAG_FRAMES) != 0) {
        (void)cursor_u32(&cursor);
    }
    uint64_t counted = (flags & XING_FLAG_BYTES) != 0 ? cursor_u32(&cursor) : 0;
    return counted > source->bytes - offset + XING_TOLERANCE_BYTES ? ERROR_TRUNCATED : 0;
}

/* A window of the file that moves forward. */
struct window {
    const struct media_source *source;
    uint64_t offset;
    uint32_t count;
    uint8_t bytes[WINDOW_BYTES];
};

/* MPEG_FRAME_HEADER_BYTES bytes at `offset`, which are within the file. */
static int look(struct window *window, uint64_t offset, const uint8_t **ret_bytes)
{
    bool inside = offset >= window->offset &&
                  offset + MPEG_FRAME_HEADER_BYTES <= window->offset + window->count;
    if (!inside) {
        uint64_t left = window->source->bytes - offset;
        uint32_t count = left < WINDOW_BYTES ? (uint32_t)left : WINDOW_BYTES;
        int error = window->source->read_at(window->source->context, offset, window->bytes, count);
        if (error != 0) {
            return error;
        }
        window->offset = offset;
        window->count = count;
    }
    *ret_bytes = window->bytes + (offset - window->offset);
    return 0;
}

int mpeg_check_whole(const struct media_source *source, uint64_t offset, enum media_codec codec)
{
    struct window window = {.source = source};
    for (uint64_t at = offset; at + MPEG_FRAME_HEADER_BYTES <= source->bytes;) {
        const uint8_t *header = NULL;
        int error = look(&window, at, &header);
        if (error == 0 && at == offset && codec == MEDIA_CODEC_MP3 && is_layer_3(header)) {
            error = check_xing(source, at, header);
        }
        if (error != 0) {
            return error;
        }
        uint32_t bytes = mpeg_frame_bytes(header, codec);
        if (bytes == 0) {
            return 0;
        }
        if (bytes > source->bytes - at) {
            return ERROR_TRUNCATED;
        }
        at += bytes;
    }
    return 0;
}
