/*
 * ogg.c: reads Ogg pages.
 *
 * Responsible for structure: page headers, checksums, which page is the first and the last. What
 * the packets mean is the codecs', but for their first bytes.
 */
#include "media/gst/ogg.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_HEADER_BYTES 27u
#define CHECKSUM_AT 22u
#define CRC_POLYNOMIAL UINT32_C(0x04c11db7)
#define HEADER_PAGES_MAX 4096u /* pages before the sound: pictures of up to 256 MiB */
#define FIRST_PACKET_BYTES 64u

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i << 24;
        for (int bit = 0; bit < 8; bit++) {
            value =
                (value & UINT32_C(0x80000000)) != 0 ? (value << 1) ^ CRC_POLYNOMIAL : value << 1;
        }
        crc_table[i] = value;
    }
}

uint32_t ogg_crc(uint32_t crc, const uint8_t *bytes, uint64_t count)
{
    (void)pthread_once(&crc_once, crc_fill);
    for (uint64_t i = 0; i < count; i++) {
        crc = (crc << 8) ^ crc_table[(crc >> 24) ^ bytes[i]];
    }
    return crc;
}

static uint32_t u32_little(struct cursor *cursor)
{
    return __builtin_bswap32(cursor_u32(cursor));
}

static int parse_header(const uint8_t *bytes, uint32_t count, struct ogg_page *page)
{
    struct cursor cursor;
    cursor_init(&cursor, bytes, count);
    const uint8_t *magic = cursor_bytes(&cursor, 4);
    uint8_t version = cursor_u8(&cursor);
    if (magic == NULL || memcmp(magic, "OggS", 4) != 0 || version != 0) {
        return ERROR_MALFORMED;
    }
    page->flags = cursor_u8(&cursor);
    page->granule = __builtin_bswap64(cursor_u64(&cursor));
    page->serial = u32_little(&cursor);
    page->sequence = u32_little(&cursor);
    (void)cursor_u32(&cursor); /* the checksum */
    page->segment_count = cursor_u8(&cursor);
    cursor_copy(&cursor, page->lengths, page->segment_count);
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    page->header_bytes = PAGE_HEADER_BYTES + page->segment_count;
    for (uint32_t i = 0; i < page->segment_count; i++) {
        page->body_bytes += page->lengths[i];
        page->packets_ended += page->lengths[i] < 255;
    }
    return 0;
}

int ogg_page_read(const struct media_source *source, uint64_t offset, struct ogg_page *ret_page)
{
    if (offset >= source->bytes) {
        return ERROR_NOT_FOUND;
    }
    uint8_t bytes[OGG_PAGE_HEADER_BYTES_MAX];
    uint64_t left = source->bytes - offset;
    uint32_t count = left < sizeof bytes ? (uint32_t)left : (uint32_t)sizeof bytes;
    int error = source->read_at(source->context, offset, bytes, count);
    if (error != 0) {
        return error;
    }
    struct ogg_page page = {.offset = offset};
    error = parse_header(bytes, count, &page);
    if (error != 0) {
        return error;
    }
    if ((uint64_t)page.header_bytes + page.body_bytes > left) {
        return ERROR_TRUNCATED;
    }
    *ret_page = page;
    return 0;
}

static uint64_t page_end(const struct ogg_page *page)
{
    return page->offset + page->header_bytes + page->body_bytes;
}

/* RFC 5215 / Vorbis I section 4.2.2: 1 "vorbis" u32 version, u8 channels, u32 rate. */
static bool is_vorbis(const uint8_t *packet, uint32_t count, struct ogg_start *start)
{
    if (count < 16 || memcmp(packet, "\x01vorbis", 7) != 0) {
        return false;
    }
    start->codec = MEDIA_CODEC_VORBIS;
    start->header_packets = 3;
    start->channels = packet[11];
    start->rate_hz = (uint32_t)packet[12] | (uint32_t)packet[13] << 8 | (uint32_t)packet[14] << 16 |
                     (uint32_t)packet[15] << 24;
    return true;
}

/* RFC 7845 section 5.1: "OpusHead", u8 version, u8 channels, u16 pre-skip. */
static bool is_opus(const uint8_t *packet, uint32_t count, struct ogg_start *start)
{
    if (count < 19 || memcmp(packet, "OpusHead", 8) != 0) {
        return false;
    }
    start->codec = MEDIA_CODEC_OPUS;
    start->header_packets = 2;
    start->channels = packet[9];
    start->rate_hz = 48000;
    start->preskip = (uint32_t)packet[10] | (uint32_t)packet[11] << 8;
    return true;
}

/* RFC 9639 section 10.1: 0x7f "FLAC", versions u8 u8, u16 header packets behind this one (big-
 * endian), "fLaC", metadata block header (4 bytes), STREAMINFO, whose bytes 10 to 12 have the
 * rate (20 bits) and channels - 1 (3 bits). */
static bool is_flac(const uint8_t *packet, uint32_t count, struct ogg_start *start)
{
    if (count < 51 || memcmp(packet,
                             "\x7f"
                             "FLAC",
                             5) != 0) {
        return false;
    }
    const uint8_t *rate = packet + 17 + 10;
    start->codec = MEDIA_CODEC_FLAC;
    start->header_packets = 1u + ((uint32_t)packet[7] << 8 | packet[8]);
    start->rate_hz = (uint32_t)rate[0] << 12 | (uint32_t)rate[1] << 4 | rate[2] >> 4;
    start->channels = (uint8_t)(((rate[2] >> 1) & 7u) + 1u);
    return true;
}

/* Whether a stream that begins with this page is sound that we know. */
static int recognise(const struct media_source *source, const struct ogg_page *page,
                     struct ogg_start *start)
{
    uint8_t packet[FIRST_PACKET_BYTES] = {0};
    uint32_t count = page->body_bytes < sizeof packet ? page->body_bytes : sizeof packet;
    if (count == 0) {
        return ERROR_UNSUPPORTED;
    }
    int error = source->read_at(source->context, page->offset + page->header_bytes, packet, count);
    if (error != 0) {
        return error;
    }
    bool known = is_vorbis(packet, count, start) || is_opus(packet, count, start) ||
                 is_flac(packet, count, start);
    start->serial = page->serial;
    return known ? 0 : ERROR_UNSUPPORTED;
}

int ogg_start_read(const struct media_source *source, struct ogg_start *ret_start)
{
    struct ogg_start start = {0};
    struct ogg_page *page = &start.first;
    bool found = false;
    uint32_t packets = 0;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < HEADER_PAGES_MAX; i++) {
        int error = ogg_page_read(source, offset, page);
        if (error != 0) {
            return error != ERROR_NOT_FOUND ? error : found ? ERROR_TRUNCATED : ERROR_UNSUPPORTED;
        }
        if (!found && (page->flags & OGG_FLAG_BEGIN) != 0) {
            error = recognise(source, page, &start);
            found = error == 0;
            if (error != 0 && error != ERROR_UNSUPPORTED) {
                return error;
            }
        } else if (!found) {
            return ERROR_UNSUPPORTED; /* all streams have begun */
        }
        if (found && page->serial == start.serial) {
            if (packets >= start.header_packets && page->packets_ended > 0) {
                *ret_start = start;
                return 0;
            }
            packets += page->packets_ended;
            if (packets > start.header_packets) {
                start.stray_packets = packets - start.header_packets;
            }
        }
        offset = page_end(page);
    }
    return ERROR_MALFORMED;
}

/* The checksum is over the page with its own field zero. */
static int check_page(const struct media_source *source, const struct ogg_page *page,
                      uint8_t *buffer)
{
    uint32_t bytes = page->header_bytes + page->body_bytes;
    int error = source->read_at(source->context, page->offset, buffer, bytes);
    if (error != 0) {
        return error;
    }
    struct cursor cursor;
    cursor_init(&cursor, buffer + CHECKSUM_AT, 4);
    uint32_t expected = u32_little(&cursor);
    memset(buffer + CHECKSUM_AT, 0, 4);
    return ogg_crc(0, buffer, bytes) == expected ? 0 : ERROR_MALFORMED;
}

/* Takes a page of the stream into account. */
static int scan_page(const struct ogg_start *start, const struct ogg_page *page,
                     uint32_t *next_sequence, struct ogg_scan *scan)
{
    if (scan->pages > 0 && page->sequence != *next_sequence) {
        return ERROR_MALFORMED;
    }
    *next_sequence = page->sequence + 1;
    scan->pages++;
    scan->ended = (page->flags & OGG_FLAG_END) != 0;
    if (page->offset >= start->first.offset) {
        scan->sound_bytes += page->header_bytes + page->body_bytes;
        if (page->granule != OGG_GRANULE_NONE) {
            scan->last_granule = page->granule;
        }
    }
    return 0;
}

int ogg_scan(const struct media_source *source, const struct ogg_start *start,
             struct ogg_scan *ret_scan)
{
    uint8_t *buffer = malloc(OGG_PAGE_BYTES_MAX);
    if (buffer == NULL) {
        return ERROR_NO_MEMORY;
    }
    struct ogg_scan scan = {0};
    uint32_t next_sequence = 0;
    int error = 0;
    for (uint64_t offset = 0; error == 0 && offset < source->bytes && !scan.chained;) {
        struct ogg_page page;
        error = ogg_page_read(source, offset, &page);
        if (error == 0) {
            error = check_page(source, &page, buffer);
        }
        if (error != 0) {
            break;
        }
        if (page.offset > start->first.offset && (page.flags & OGG_FLAG_BEGIN) != 0) {
            scan.chained = true;
        } else if (page.serial == start->serial) {
            error = scan_page(start, &page, &next_sequence, &scan);
        }
        offset = page_end(&page);
    }
    free(buffer);
    if (error == 0) {
        *ret_scan = scan;
    }
    return error;
}
