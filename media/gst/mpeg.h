/*
 * mpeg.h: the frames of an MP3 or ADTS file, as far as "is it whole" needs them. Private to
 * media/gst.
 */
#ifndef MEDIA_GST_MPEG_H
#define MEDIA_GST_MPEG_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdint.h>

#define MPEG_FRAME_HEADER_BYTES 7u

/* The length of the frame that begins with these MPEG_FRAME_HEADER_BYTES bytes; 0 = none begins
 * here, or its length is not told (free format). */
uint32_t mpeg_frame_bytes(const uint8_t *header, enum media_codec codec);

/* Walks from frame to frame, from `offset` on, until something else comes (tags, padding).
 * ERROR_TRUNCATED: the last frame does not end within the file, or the Xing header counts more
 * bytes than there are. Or the source's error. */
int mpeg_check_whole(const struct media_source *source, uint64_t offset, enum media_codec codec);

#endif
