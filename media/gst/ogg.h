/*
 * ogg.h: the pages of an Ogg file (RFC 3533), as far as exact lengths need them. Private to
 * media/gst.
 *
 * Demuxers guess where they could know: they lose the frames that an encoder cut off at the start
 * of a Vorbis stream, and they take the end from wherever the bytes end. Granule positions say
 * both exactly.
 */
#ifndef MEDIA_GST_OGG_H
#define MEDIA_GST_OGG_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdbool.h>
#include <stdint.h>

#define OGG_SEGMENTS_MAX 255u
#define OGG_PAGE_HEADER_BYTES_MAX (27u + OGG_SEGMENTS_MAX)
#define OGG_PAGE_BYTES_MAX (OGG_PAGE_HEADER_BYTES_MAX + 255u * 255u)
#define OGG_GRANULE_NONE UINT64_MAX /* no packet ends on the page */

#define OGG_FLAG_CONTINUED 1u
#define OGG_FLAG_BEGIN 2u
#define OGG_FLAG_END 4u

/*
 * A page: "OggS", version 0, flags u8, granule u64, serial u32, sequence u32, checksum u32,
 * segments u8 (little-endian), then one length byte a segment, then the segments. A segment
 * shorter than 255 ends a packet.
 */
struct ogg_page {
    uint64_t offset; /* in the file */
    uint64_t granule;
    uint32_t serial;
    uint32_t sequence;
    uint32_t header_bytes;
    uint32_t body_bytes;
    uint32_t packets_ended;
    uint8_t flags;
    uint8_t segment_count;
    uint8_t lengths[OGG_SEGMENTS_MAX];
};

/* Reads a page's header. ERROR_MALFORMED: there is no page at `offset`. ERROR_TRUNCATED: the page
 * does not end within the file. ERROR_NOT_FOUND: `offset` is the end. Or the source's error. */
int ogg_page_read(const struct media_source *source, uint64_t offset, struct ogg_page *ret_page);

struct ogg_start {
    enum media_codec codec;
    uint32_t serial;
    uint8_t channels;
    uint32_t rate_hz;        /* of the decoded sound */
    uint32_t preskip;        /* Opus: frames before granule 0 */
    uint32_t header_packets; /* 3 for Vorbis, 2 for Opus, FLAC says it itself */
    uint32_t stray_packets;  /* of sound, on the page where the headers end: against the rules, and
                                reference decoders pass over them */
    struct ogg_page first;   /* the first page behind it on which a packet ends */
};

/* Finds the first stream of sound and its first page of sound. ERROR_UNSUPPORTED: no stream that
 * we know. ERROR_MALFORMED, ERROR_TRUNCATED, or the source's error. */
int ogg_start_read(const struct media_source *source, struct ogg_start *ret_start);

struct ogg_scan {
    uint64_t last_granule; /* of the stream's last page that has one */
    uint64_t sound_bytes;  /* in its pages behind the headers */
    bool ended;            /* the last page of the stream has the end flag */
    bool chained;          /* another stream begins behind the end */
    uint32_t pages;
};

/* Walks all pages and checks their checksums. ERROR_TRUNCATED: the last page is cut off;
 * ERROR_MALFORMED: no page where one should begin, a checksum that is wrong, or a page missing. */
int ogg_scan(const struct media_source *source, const struct ogg_start *start,
             struct ogg_scan *ret_scan);

/* Ogg's CRC-32 (polynomial 0x04c11db7, not reflected), continued from `crc`. */
uint32_t ogg_crc(uint32_t crc, const uint8_t *bytes, uint64_t count);

#endif
