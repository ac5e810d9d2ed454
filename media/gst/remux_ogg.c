/*
 * remux_ogg.c: Ogg Vorbis and Ogg Opus without the pictures in their comment header.
 *
 * The header packets are laid out anew on pages; the pages of sound are copied, but for their
 * sequence numbers and checksums. Files with several streams, and those whose sound begins on the
 * headers' page, are left alone (ERROR_UNSUPPORTED).
 */
#include "media/gst/remux_internal.h"

#include "common/cursor.h"
#include "common/error.h"
#include "media/gst/ogg.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_BYTES_MAX (UINT32_C(64) << 20)
#define HEADER_PACKETS_MAX 3u
#define COMMENTS_MAX 65536u
#define SEQUENCE_AT 18u
#define CHECKSUM_AT 22u

struct headers {
    uint8_t *bytes; /* of the packets behind the first, one after the other; owned */
    uint32_t count;
    uint32_t ends[HEADER_PACKETS_MAX]; /* where each packet ends */
    uint32_t packets;
    uint32_t serial;
    uint32_t pages;        /* behind the first */
    uint64_t first_end;    /* of the first page */
    uint64_t sound_offset; /* of the first page behind the headers */
};

static void put_u32_little(uint8_t *at, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t u32_little(struct cursor *cursor)
{
    return __builtin_bswap32(cursor_u32(cursor));
}

/* Adds a page's body and notes which packets end on it. */
static int take_page(const struct media_source *source, const struct ogg_page *page,
                     struct headers *headers)
{
    if (page->body_bytes > HEADERS_BYTES_MAX - headers->count) {
        return ERROR_UNSUPPORTED;
    }
    uint8_t *bytes = realloc(headers->bytes, (size_t)headers->count + page->body_bytes + 1);
    if (bytes == NULL) {
        return ERROR_NO_MEMORY;
    }
    headers->bytes = bytes;
    int error = page->body_bytes == 0
                    ? 0
                    : source->read_at(source->context, page->offset + page->header_bytes,
                                      bytes + headers->count, page->body_bytes);
    for (uint32_t i = 0; error == 0 && i < page->segment_count; i++) {
        headers->count += page->lengths[i];
        if (page->lengths[i] < 255) {
            if (headers->packets == HEADER_PACKETS_MAX) {
                return ERROR_UNSUPPORTED;
            }
            headers->ends[headers->packets++] = headers->count;
        }
    }
    headers->pages++;
    return error;
}

/* Reads the header packets behind the first. */
static int read_headers(const struct media_source *source, const struct ogg_start *start,
                        struct headers *headers)
{
    struct ogg_page page;
    int error = ogg_page_read(source, 0, &page);
    if (error != 0) {
        return error;
    }
    uint64_t offset = page.header_bytes + page.body_bytes;
    headers->first_end = offset;
    headers->serial = start->serial;
    if (page.serial != start->serial || page.packets_ended != 1) {
        return ERROR_UNSUPPORTED;
    }
    while (headers->packets + 1 < start->header_packets) {
        error = ogg_page_read(source, offset, &page);
        if (error == 0 && page.serial != start->serial) {
            error = ERROR_UNSUPPORTED;
        }
        if (error == 0) {
            error = take_page(source, &page, headers);
        }
        if (error != 0) {
            return error;
        }
        offset += page.header_bytes + page.body_bytes;
    }
    headers->sound_offset = offset;
    bool whole = headers->packets + 1 == start->header_packets &&
                 headers->ends[headers->packets - 1] == headers->count;
    return whole ? 0 : ERROR_UNSUPPORTED;
}

static bool is_picture(const uint8_t *comment, uint32_t count)
{
    static const char *const names[] = {"METADATA_BLOCK_PICTURE=", "COVERART=", "COVERARTMIME="};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i]);
        if (count >= length && strncasecmp((const char *)comment, names[i], length) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the pictures out of the comment packet, in place. The packet: "\3vorbis" or "OpusTags",
 * vendor, u32 count, comments (each u32 length, bytes; little-endian), and a rest that is kept.
 * Later packets move up. */
static int drop_pictures(struct headers *headers, uint32_t magic_bytes, uint32_t *ret_dropped)
{
    uint32_t packet_bytes = headers->ends[0];
    struct cursor cursor;
    cursor_init(&cursor, headers->bytes, packet_bytes);
    (void)cursor_bytes(&cursor, magic_bytes);
    (void)cursor_bytes(&cursor, u32_little(&cursor));
    uint32_t count_at = packet_bytes - (uint32_t)cursor_left(&cursor);
    uint32_t count = u32_little(&cursor);
    if (cursor_failed(&cursor) || count > COMMENTS_MAX) {
        return ERROR_MALFORMED;
    }
    uint8_t *to = headers->bytes + count_at + 4;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = cursor.at;
        uint32_t length = u32_little(&cursor);
        const uint8_t *comment = cursor_bytes(&cursor, length);
        if (comment == NULL) {
            return ERROR_MALFORMED;
        }
        if (!is_picture(comment, length)) {
            memmove(to, from, (size_t)length + 4);
            to += (size_t)length + 4;
            kept++;
        }
    }
    uint32_t dropped = (uint32_t)(cursor.at - to);
    memmove(to, cursor.at, headers->count - (uint32_t)(cursor.at - headers->bytes));
    put_u32_little(headers->bytes + count_at, kept);
    headers->count -= dropped;
    for (uint32_t i = 0; i < headers->packets; i++) {
        headers->ends[i] -= dropped;
    }
    *ret_dropped = dropped;
    return 0;
}

/* Sequence and checksum of a page that is complete otherwise. */
static void seal_page(uint8_t *page, uint32_t bytes, uint32_t sequence)
{
    put_u32_little(page + SEQUENCE_AT, sequence);
    put_u32_little(page + CHECKSUM_AT, 0);
    put_u32_little(page + CHECKSUM_AT, ogg_crc(0, page, bytes));
}

/* Lays one page of header packets out, from *at in packet *packet on. Returns its bytes. */
static uint32_t lay_page(const struct headers *headers, uint32_t *at, uint32_t *packet,
                         uint32_t sequence, uint8_t *page)
{
    uint32_t begin = *at;
    bool continued = begin != (*packet == 0 ? 0 : headers->ends[*packet - 1]);
    uint32_t segments = 0;
    bool any_end = false;
    while (segments < OGG_SEGMENTS_MAX && *packet < headers->packets) {
        uint32_t left = headers->ends[*packet] - *at;
        uint32_t length = left < 255 ? left : 255;
        page[27 + segments++] = (uint8_t)length;
        *at += length;
        if (length < 255) {
            (*packet)++;
            any_end = true;
        }
    }
    memcpy(page, "OggS\0", 5);
    page[5] = continued ? OGG_FLAG_CONTINUED : 0;
    memset(page + 6, any_end ? 0 : 0xff, 8);
    put_u32_little(page + 14, headers->serial);
    page[26] = (uint8_t)segments;
    memcpy(page + 27 + segments, headers->bytes + begin, *at - begin);
    uint32_t bytes = 27 + segments + (*at - begin);
    seal_page(page, bytes, sequence);
    return bytes;
}

static int write_headers(struct remux *remux, const struct headers *headers, uint8_t *page,
                         uint32_t *ret_sequence)
{
    int error = remux_copy(remux, 0, headers->first_end);
    uint32_t at = 0;
    uint32_t packet = 0;
    uint32_t sequence = 1;
    while (error == 0 && packet < headers->packets) {
        uint32_t bytes = lay_page(headers, &at, &packet, sequence++, page);
        error = remux->write(remux->context, page, bytes);
    }
    *ret_sequence = sequence;
    return error;
}

static int write_sound(struct remux *remux, const struct headers *headers, uint8_t *buffer,
                       uint32_t sequence)
{
    const struct media_source *source = remux->source;
    int error = 0;
    for (uint64_t offset = headers->sound_offset; error == 0 && offset < source->bytes;) {
        struct ogg_page page;
        error = ogg_page_read(source, offset, &page);
        if (error == 0 && page.serial != headers->serial) {
            error = ERROR_MALFORMED; /* the probe has refused such a file */
        }
        if (error != 0) {
            return error;
        }
        uint32_t bytes = page.header_bytes + page.body_bytes;
        error = source->read_at(source->context, offset, buffer, bytes);
        if (error == 0) {
            seal_page(buffer, bytes, sequence++);
            error = remux->write(remux->context, buffer, bytes);
        }
        offset += bytes;
    }
    return error;
}

static int write_all(struct remux *remux, const struct headers *headers)
{
    uint8_t *page = malloc(OGG_PAGE_BYTES_MAX);
    if (page == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint32_t sequence = 0;
    int error = write_headers(remux, headers, page, &sequence);
    if (error == 0) {
        error = write_sound(remux, headers, page, sequence);
    }
    free(page);
    return error;
}

int remux_ogg(struct remux *remux)
{
    struct ogg_start start;
    int error = ogg_start_read(remux->source, &start);
    if (error != 0) {
        return error;
    }
    if (start.codec == MEDIA_CODEC_FLAC || start.stray_packets > 0) {
        return ERROR_UNSUPPORTED;
    }
    struct headers headers = {0};
    error = read_headers(remux->source, &start, &headers);
    if (error == 0) {
        uint32_t magic_bytes = start.codec == MEDIA_CODEC_VORBIS ? 7 : 8;
        error = drop_pictures(&headers, magic_bytes, &remux->picture_bytes);
    }
    if (error == 0 && remux->picture_bytes == 0) {
        error = ERROR_NOT_FOUND;
    }
    if (error == 0 && remux->write != NULL) {
        error = write_all(remux, &headers);
    }
    free(headers.bytes);
    return error;
}
