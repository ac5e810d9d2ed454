/*
 * remux.h: the same sound without the pictures in front of it.
 *
 * A cover of 600 KB stands before the first sample in FLAC, Ogg and MP3 files; every cold start
 * would fetch it. `add` takes such pictures out (they are kept as the track's cover) unless it is
 * told to keep the bytes. The metadata is rewritten, audio packets and frames are copied bit by
 * bit: the decoded samples and all other tags stay the same.
 */
#ifndef MEDIA_GST_REMUX_H
#define MEDIA_GST_REMUX_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

/* Takes the bytes of the new file in order. An error is passed on. */
typedef int media_remux_write(void *context, const void *bytes, uint32_t count);

/* Writes the file without its pictures.
 * ERROR_NOT_FOUND    it has no picture: keep it as it is (nothing was written)
 * ERROR_UNSUPPORTED  this container can't be rewritten: keep it as it is (nothing was written)
 * ERROR_MALFORMED    its metadata are damaged (something may have been written)
 * ERROR_NO_MEMORY, and what source or write returned. */
int media_remux(const struct media_source *source, enum media_container container,
                media_remux_write *write, void *context);

/* How many bytes of pictures stand before the sound, as stored; 0 = none, or a container that can't
 * be rewritten. ID3 tags do not count: a deck passes over them unread. Errors as media_remux. */
int media_remux_picture_bytes(const struct media_source *source, enum media_container container,
                              uint32_t *ret_bytes);

#endif
