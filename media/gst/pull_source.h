/*
 * pull_source.h: a GStreamer source element with random access over a callback.
 *
 * Demuxers pull what they need where they need it; that is what makes decoding and seeking exact
 * (a seekable push source is not). The callback may block for as long as it likes; unlock ends it.
 * The element knows nothing of chunks, caches and networks.
 *
 * Also here: reading from a file descriptor.
 */
#ifndef MEDIA_GST_PULL_SOURCE_H
#define MEDIA_GST_PULL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct media_source {
    uint64_t bytes; /* length of the file; > 0 */
    /* Fills `buffer` wholly: offset + bytes <= the file's length, bytes > 0. Called from one
     * thread at a time (GStreamer's, or that of a seek). May block.
     * 0: done. ERROR_CANCELLED: unlock was called. Any other error ends the decoding with it
     * (ERROR_OFFLINE, ERROR_NOT_FOUND, ERROR_IO, ...). */
    int (*read_at)(void *context, uint64_t offset, void *buffer, uint32_t bytes);
    /* From any thread: a read_at that blocks, and every later one, returns ERROR_CANCELLED, until
     * unlock_stop. Never blocks for long. May both be NULL when read_at never blocks. */
    void (*unlock)(void *context);
    void (*unlock_stop)(void *context);
    void *context; /* the caller's; outlives whoever uses the source */
};

struct _GstElement;

/* A new floating element; `source` is copied. With `skip_id3` the element begins behind the ID3v2
 * tags at the file's start, of which only the headers are read. NULL: out of memory. The media_gst core must run. */
struct _GstElement *media_pull_source_new(const struct media_source *source, bool skip_id3);
/* The first error that read_at returned, ERROR_CANCELLED apart; 0 = none. Any thread. */
int media_pull_source_error(struct _GstElement *element);

/* A media_source over an open file descriptor (borrowed). Never blocks on a network.
 * ERROR_IO from read_at: the file is shorter now, or can't be read. */
struct media_source media_fd_source(const int *fd, uint64_t bytes);

#endif
