/*
 * remux_internal.h: one rewriter a container. Private to media/gst/remux*.c.
 *
 * Each is media_remux for its container; with `write` NULL it only counts: *ret_picture_bytes is
 * written on success and on ERROR_NOT_FOUND (then 0).
 */
#ifndef MEDIA_GST_REMUX_INTERNAL_H
#define MEDIA_GST_REMUX_INTERNAL_H

#include "media/gst/remux.h"

struct remux {
    const struct media_source *source;
    media_remux_write *write; /* NULL: count only */
    void *context;            /* for write */
    uint32_t picture_bytes;   /* found */
};

int remux_flac(struct remux *remux);
int remux_ogg(struct remux *remux);
/* Copies [offset, end) of the source. */
int remux_copy(struct remux *remux, uint64_t offset, uint64_t end);

#endif
