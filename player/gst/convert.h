/*
 * convert.h: frames of one format as frames of another, for entries that differ from the first.
 *
 * Over GStreamer's audio converter (format, channels, rate). An entry of N frames comes out as
 * exactly round(N * rate of the stream / rate of the entry), the resampler's tail included.
 */
#ifndef PLAYER_GST_CONVERT_H
#define PLAYER_GST_CONVERT_H

#include "media/gst/deck.h"

#include <stdint.h>

struct convert;

/* ERROR_UNSUPPORTED: there is no way from one to the other; ERROR_NO_MEMORY. */
int convert_new(const struct media_pcm_info *from, const struct media_pcm_info *to,
                struct convert **ret_convert);
/* Accepts NULL. */
void convert_free(struct convert *convert);
/* Converts. *ret_frames is borrowed until the next call; *ret_count may be 0. ERROR_NO_MEMORY,
 * ERROR_SYSTEM: the converter gave up. */
int convert_frames(struct convert *convert, const void *frames, uint32_t count,
                   const uint8_t **ret_frames, uint32_t *ret_count);
/* The entry is over: gives what is still inside, in pieces, until *ret_count is 0. */
void convert_drain(struct convert *convert, const uint8_t **ret_frames, uint32_t *ret_count);

#endif
