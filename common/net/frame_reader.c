/*
 * frame_reader.c: cuts a stream of bytes into frames (declared in link.h, where they are drawn).
 *
 * A frame that is whole in the given bytes goes to the sink from there. Only what is cut is kept:
 * first the header, then memory for exactly that frame, given back when it is whole.
 */
#include "common/error.h"
#include "common/net/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t body_length(const uint8_t *header)
{
    return (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
}

void net_frame_reader_init(struct net_frame_reader *reader)
{
    *reader = (struct net_frame_reader){.partial = NULL};
}

void net_frame_reader_deinit(struct net_frame_reader *reader)
{
    free(reader->partial);
    net_frame_reader_init(reader);
}

size_t net_frame_reader_partial_bytes(const struct net_frame_reader *reader)
{
    return reader->partial_bytes;
}

static void drop_partial(struct net_frame_reader *reader)
{
    free(reader->partial);
    reader->partial = NULL;
    reader->partial_capacity = 0;
    reader->partial_bytes = 0;
}

/* Memory for `capacity` bytes of a frame, what is there kept. */
static int hold(struct net_frame_reader *reader, size_t capacity)
{
    if (capacity <= reader->partial_capacity) {
        return 0;
    }
    uint8_t *partial = realloc(reader->partial, capacity);
    if (partial == NULL) {
        return ERROR_NO_MEMORY;
    }
    reader->partial = partial;
    reader->partial_capacity = capacity;
    return 0;
}

/* Moves bytes into the partial frame until it has `target`. */
static void top_up(struct net_frame_reader *reader, size_t target, const uint8_t **bytes,
                   size_t *count)
{
    if (reader->partial_bytes >= target) {
        return;
    }
    size_t missing = target - reader->partial_bytes;
    size_t taken = missing < *count ? missing : *count;
    memcpy(reader->partial + reader->partial_bytes, *bytes, taken);
    reader->partial_bytes += taken;
    *bytes += taken;
    *count -= taken;
}

static int give(struct net_frame_reader *reader, const uint8_t *frame, size_t body_bytes,
                net_frame_sink *sink, void *context)
{
    reader->bytes += NET_LINK_HEADER_BYTES + body_bytes;
    return sink(context, frame[0], frame + NET_LINK_HEADER_BYTES, body_bytes) ? 0 : ERROR_CANCELLED;
}

/* Goes on with the frame that is cut; 0 also when it still is. */
static int complete_partial(struct net_frame_reader *reader, const uint8_t **bytes, size_t *count,
                            net_frame_sink *sink, void *context)
{
    int error = hold(reader, NET_LINK_HEADER_BYTES);
    if (error != 0) {
        return error;
    }
    top_up(reader, NET_LINK_HEADER_BYTES, bytes, count);
    if (reader->partial_bytes < NET_LINK_HEADER_BYTES) {
        return 0;
    }
    size_t body_bytes = body_length(reader->partial);
    if (body_bytes > NET_LINK_BODY_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    error = hold(reader, NET_LINK_HEADER_BYTES + body_bytes);
    if (error != 0) {
        return error;
    }
    top_up(reader, NET_LINK_HEADER_BYTES + body_bytes, bytes, count);
    if (reader->partial_bytes < NET_LINK_HEADER_BYTES + body_bytes) {
        return 0;
    }
    error = give(reader, reader->partial, body_bytes, sink, context);
    drop_partial(reader);
    return error;
}

int net_frame_reader_push(struct net_frame_reader *reader, const uint8_t *bytes, size_t count,
                          net_frame_sink *sink, void *context)
{
    int error = 0;
    if (reader->partial_bytes > 0) {
        error = complete_partial(reader, &bytes, &count, sink, context);
    }
    while (error == 0 && count >= NET_LINK_HEADER_BYTES) {
        size_t body_bytes = body_length(bytes);
        if (body_bytes > NET_LINK_BODY_BYTES_MAX) {
            return ERROR_TOO_LARGE;
        }
        if (count - NET_LINK_HEADER_BYTES < body_bytes) {
            break;
        }
        error = give(reader, bytes, body_bytes, sink, context);
        bytes += NET_LINK_HEADER_BYTES + body_bytes;
        count -= NET_LINK_HEADER_BYTES + body_bytes;
    }
    if (error == 0 && count > 0) {
        error = complete_partial(reader, &bytes, &count, sink, context);
        assert(error != 0 || count == 0);
    }
    return error;
}
