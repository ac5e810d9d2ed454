/*
 * fuzz_layout.c: any bytes as an audio file, as far as our own parsers go.
 *
 * Layout (Ogg pages, FLAC blocks, MP4 atoms, MPEG frames, ID3 headers) and remux read them through
 * a source that checks every read. What a remux writes has no picture any more.
 */
#include "common/error.h"
#include "media/gst/layout.h"
#include "media/gst/remux.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    uint64_t count;
};

static int read_at(void *context, uint64_t offset, void *buffer, uint32_t count)
{
    const struct bytes *bytes = context;
    assert(count > 0 && offset <= bytes->count && count <= bytes->count - offset);
    memcpy(buffer, bytes->data + offset, count);
    return 0;
}

struct sink {
    uint8_t *data;
    uint64_t count;
    uint64_t capacity;
};

/* A remux makes a file smaller, but for page headers that are laid out anew. */
static int collect(void *context, const void *data, uint32_t count)
{
    struct sink *sink = context;
    assert(sink->count + count <= sink->capacity);
    memcpy(sink->data + sink->count, data, count);
    sink->count += count;
    return 0;
}

static void remux(const struct media_source *source, enum media_container container)
{
    struct sink sink = {.capacity = 2 * source->bytes + 1024};
    sink.data = malloc(sink.capacity);
    assert(sink.data != NULL);
    int error = media_remux(source, container, collect, &sink);
    if (error == 0) {
        struct bytes bytes = {sink.data, sink.count};
        struct media_source bare = {.bytes = sink.count, .read_at = read_at, .context = &bytes};
        uint32_t picture_bytes = 0;
        assert(media_remux_picture_bytes(&bare, container, &picture_bytes) == 0);
        assert(picture_bytes == 0);
    }
    free(sink.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes bytes = {data, size};
    struct media_source source = {.bytes = size, .read_at = read_at, .context = &bytes};
    struct layout layout;
    int error = layout_read(&source, &layout);
    assert(error >= 0);
    assert(error == 0 || layout.fault != NULL);
    remux(&source, MEDIA_CONTAINER_OGG);
    remux(&source, MEDIA_CONTAINER_FLAC);
    return 0;
}
