/*
 * layout.c: recognises files by their first bytes, and finds where their sound begins and ends.
 *
 * Responsible for "is it whole": each container says in its own way how long it should be.
 */
#include "media/gst/layout.h"

#include "common/cursor.h"
#include "common/error.h"
#include "media/gst/mpeg.h"
#include "media/gst/ogg.h"
#include "media/gst/probe.h"

#include <stdbool.h>
#include <string.h>

#define HEAD_BYTES 64u
#define ID3_TAGS_MAX 8u
#define FLAC_BLOCK_HEADER_BYTES 4u
#define FLAC_BLOCKS_MAX 1024u
#define FLAC_STREAMINFO_BYTES 34u
#define MP4_ATOM_HEADER_BYTES 16u
#define MP4_ATOMS_MAX 65536u

static bool begins(const uint8_t *head, uint32_t count, uint32_t at, const char *text,
                   uint32_t bytes)
{
    return count >= at + bytes && memcmp(head + at, text, bytes) == 0;
}

static int sniff_ogg(const uint8_t *head, uint32_t count, enum media_codec *ret_codec)
{
    uint32_t packet = count > 26 ? 27u + head[26] : count;
    if (begins(head, count, packet, "\x01vorbis", 7)) {
        *ret_codec = MEDIA_CODEC_VORBIS;
    } else if (begins(head, count, packet, "OpusHead", 8)) {
        *ret_codec = MEDIA_CODEC_OPUS;
    } else if (begins(head, count, packet,
                      "\x7f"
                      "FLAC",
                      5)) {
        *ret_codec = MEDIA_CODEC_FLAC;
    } else {
        return ERROR_UNSUPPORTED;
    }
    return 0;
}

/* A frame's first bytes: 11 sync bits, version, layer. ADTS has 12 and layer 0. */
static int sniff_mpeg(const uint8_t *head, uint32_t count, enum media_codec *ret_codec)
{
    if (count < 4 || head[0] != 0xff) {
        return ERROR_UNSUPPORTED;
    }
    bool reserved =
        (head[1] & 0x18) == 0x08 || (head[2] & 0xf0) == 0xf0 || (head[2] & 0x0c) == 0x0c;
    if ((head[1] & 0xf6) == 0xf0) {
        *ret_codec = MEDIA_CODEC_AAC;
        return 0;
    }
    if ((head[1] & 0xe6) == 0xe2 && !reserved) {
        *ret_codec = MEDIA_CODEC_MP3;
        return 0;
    }
    return ERROR_UNSUPPORTED;
}

int media_sniff(const uint8_t *head, uint32_t count, enum media_container *ret_container,
                enum media_codec *ret_codec)
{
    enum media_container container = MEDIA_CONTAINER_MPEG;
    enum media_codec codec = MEDIA_CODEC_MP3;
    int error = 0;
    if (begins(head, count, 0, "OggS", 4)) {
        container = MEDIA_CONTAINER_OGG;
        error = sniff_ogg(head, count, &codec);
    } else if (begins(head, count, 0, "fLaC", 4)) {
        container = MEDIA_CONTAINER_FLAC;
        codec = MEDIA_CODEC_FLAC;
    } else if (begins(head, count, 4, "ftyp", 4)) {
        container = MEDIA_CONTAINER_MP4;
        codec = MEDIA_CODEC_AAC;
    } else if (!begins(head, count, 0, "ID3", 3)) {
        error = sniff_mpeg(head, count, &codec);
    }
    if (error == 0) {
        *ret_container = container;
        *ret_codec = codec;
    }
    return error;
}

/* ID3v2.4 section 3.1: "ID3", version u16, flags u8, size in 4 x 7 bits; a footer doubles the
 * header when flag 0x10 is set. */
int layout_id3_bytes(const struct media_source *source, uint64_t offset, uint64_t *ret_bytes)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < ID3_TAGS_MAX; i++) {
        uint8_t head[LAYOUT_ID3_HEADER_BYTES];
        if (offset + total + sizeof head > source->bytes) {
            break;
        }
        int error = source->read_at(source->context, offset + total, head, sizeof head);
        if (error != 0) {
            return error;
        }
        if (memcmp(head, "ID3", 3) != 0) {
            break;
        }
        uint32_t size = (uint32_t)(head[6] & 0x7f) << 21 | (uint32_t)(head[7] & 0x7f) << 14 |
                        (uint32_t)(head[8] & 0x7f) << 7 | (uint32_t)(head[9] & 0x7f);
        total += sizeof head + size + ((head[5] & 0x10) != 0 ? sizeof head : 0);
    }
    *ret_bytes = total;
    return 0;
}

static int fault(struct layout *layout, int error, const char *text)
{
    layout->fault = text;
    return error;
}

static int read_ogg(const struct media_source *source, struct layout *layout)
{
    struct ogg_start start;
    int error = ogg_start_read(source, &start);
    if (error == ERROR_UNSUPPORTED) {
        return fault(layout, error, "an Ogg file without Vorbis, Opus or FLAC");
    }
    struct ogg_scan scan;
    if (error == 0) {
        error = ogg_scan(source, &start, &scan);
    }
    if (error == ERROR_TRUNCATED) {
        return fault(layout, error, "the Ogg file is cut off in the middle of a page");
    }
    if (error == ERROR_MALFORMED) {
        return fault(layout, error, "the Ogg file is damaged: a page is missing or wrong");
    }
    if (error != 0) {
        return error;
    }
    if (scan.chained) {
        return fault(layout, ERROR_UNSUPPORTED, "several Ogg streams, one behind the other");
    }
    if (!scan.ended) {
        return fault(layout, ERROR_TRUNCATED, "the Ogg file is cut off: its last page is missing");
    }
    layout->codec = start.codec;
    layout->sound_bytes = scan.sound_bytes;
    layout->samples = scan.last_granule > start.preskip ? scan.last_granule - start.preskip : 0;
    return 0;
}

/* RFC 9639 section 8: blocks of u8 {last: 1 bit, type: 7}, u24 size; STREAMINFO (type 0) is the
 * first, and has the number of samples in the low 36 bits of its bytes 10 to 17. */
static int read_flac(const struct media_source *source, uint64_t offset, struct layout *layout)
{
    uint64_t at = offset + 4;
    bool last = false;
    for (uint32_t i = 0; i < FLAC_BLOCKS_MAX && !last; i++) {
        uint8_t bytes[FLAC_BLOCK_HEADER_BYTES + FLAC_STREAMINFO_BYTES];
        uint32_t wanted = i == 0 ? (uint32_t)sizeof bytes : FLAC_BLOCK_HEADER_BYTES;
        if (at + wanted > source->bytes) {
            return fault(layout, ERROR_TRUNCATED, "the FLAC file is cut off before its sound");
        }
        int error = source->read_at(source->context, at, bytes, wanted);
        if (error != 0) {
            return error;
        }
        struct cursor cursor;
        cursor_init(&cursor, bytes, wanted);
        uint8_t type = cursor_u8(&cursor);
        uint32_t size = cursor_u24(&cursor);
        if (i == 0) {
            (void)cursor_bytes(&cursor, 10);
            layout->samples = cursor_u64(&cursor) & ((UINT64_C(1) << 36) - 1);
        }
        last = (type & 0x80) != 0;
        at += FLAC_BLOCK_HEADER_BYTES + size;
    }
    if (!last) {
        return fault(layout, ERROR_MALFORMED, "the FLAC file's metadata never end");
    }
    if (at >= source->bytes) {
        return fault(layout, ERROR_TRUNCATED, "the FLAC file is cut off before its sound");
    }
    layout->container = MEDIA_CONTAINER_FLAC;
    layout->codec = MEDIA_CODEC_FLAC;
    layout->sound_bytes = source->bytes - at;
    return 0;
}

/* Top-level atoms: u32 size, type; size 1: a u64 size follows; size 0: up to the end. */
static int read_mp4(const struct media_source *source, struct layout *layout)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < MP4_ATOMS_MAX && at < source->bytes; i++) {
        uint8_t bytes[MP4_ATOM_HEADER_BYTES] = {0};
        uint64_t left = source->bytes - at;
        uint32_t count = left < sizeof bytes ? (uint32_t)left : (uint32_t)sizeof bytes;
        int error = source->read_at(source->context, at, bytes, count);
        if (error != 0) {
            return error;
        }
        struct cursor cursor;
        cursor_init(&cursor, bytes, sizeof bytes);
        uint64_t size = cursor_u32(&cursor);
        const uint8_t *type = cursor_bytes(&cursor, 4);
        size = size == 1 ? cursor_u64(&cursor) : size == 0 ? left : size;
        if (size < 8 || size > left) {
            return fault(layout, ERROR_TRUNCATED,
                         "the MP4 file is cut off in the middle of an atom");
        }
        layout->sound_bytes += memcmp(type, "mdat", 4) == 0 ? size : 0;
        at += size;
    }
    return 0;
}

static int read_mpeg(const struct media_source *source, struct layout *layout)
{
    uint64_t tags = 0;
    int error = layout_id3_bytes(source, 0, &tags);
    if (error != 0) {
        return error;
    }
    uint8_t head[4];
    if (tags + sizeof head > source->bytes) {
        return fault(layout, ERROR_TRUNCATED, "the file is cut off in its tags");
    }
    error = source->read_at(source->context, tags, head, sizeof head);
    if (error != 0) {
        return error;
    }
    if (memcmp(head, "fLaC", 4) == 0) {
        return fault(layout, ERROR_UNSUPPORTED,
                     "a FLAC file behind an ID3 tag, which FLAC forbids");
    }
    /* Behind tags there may be padding before the first frame; the parser finds it. */
    if (sniff_mpeg(head, sizeof head, &layout->codec) != 0) {
        layout->codec = MEDIA_CODEC_MP3;
    }
    layout->sound_bytes = source->bytes - tags;
    error = mpeg_check_whole(source, tags, layout->codec);
    if (error == ERROR_TRUNCATED) {
        return fault(layout, error, "the file is cut off: its last frames are missing");
    }
    return error;
}

int layout_read(const struct media_source *source, struct layout *ret_layout)
{
    struct layout layout = {0};
    uint8_t head[HEAD_BYTES];
    uint32_t count = source->bytes < sizeof head ? (uint32_t)source->bytes : (uint32_t)sizeof head;
    int error = source->read_at(source->context, 0, head, count);
    if (error != 0) {
        return error;
    }
    if (begins(head, count, 0, "OggS", 4)) {
        layout.container = MEDIA_CONTAINER_OGG;
        error = read_ogg(source, &layout);
    } else if (media_sniff(head, count, &layout.container, &layout.codec) != 0) {
        error = fault(&layout, ERROR_UNSUPPORTED, "not a kind of audio file that is known");
    } else if (layout.container == MEDIA_CONTAINER_FLAC) {
        error = read_flac(source, 0, &layout);
    } else if (layout.container == MEDIA_CONTAINER_MP4) {
        error = read_mp4(source, &layout);
    } else {
        error = read_mpeg(source, &layout);
    }
    *ret_layout = layout;
    return error;
}
