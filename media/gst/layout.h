/*
 * layout.h: what the bytes around the sound say, without decoding. Private to media/gst.
 */
#ifndef MEDIA_GST_LAYOUT_H
#define MEDIA_GST_LAYOUT_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdint.h>

#define LAYOUT_ID3_HEADER_BYTES 10u

struct layout {
    enum media_container container;
    enum media_codec codec;
    uint64_t samples;     /* what the container promises; 0 = it says nothing */
    uint64_t sound_bytes; /* of the file, for the mean bitrate */
    const char *fault;    /* on an error: what is the matter, for people */
};

/* Recognises the file and checks that it is whole, as far as its container tells.
 * ERROR_UNSUPPORTED, ERROR_TRUNCATED, ERROR_MALFORMED with `fault` set; or the source's error. */
int layout_read(const struct media_source *source, struct layout *ret_layout);

/* How many bytes of ID3v2 tags stand at `offset` (several may follow each other); 0 = none. */
int layout_id3_bytes(const struct media_source *source, uint64_t offset, uint64_t *ret_bytes);

#endif
