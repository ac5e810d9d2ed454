/*
 * remux.c: picks the rewriter, and copies.
 */
#include "media/gst/remux.h"

#include "common/error.h"
#include "media/gst/remux_internal.h"

#include <stdlib.h>

#define COPY_BYTES 65536u

int remux_copy(struct remux *remux, uint64_t offset, uint64_t end)
{
    uint8_t *buffer = malloc(COPY_BYTES);
    if (buffer == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = 0;
    while (error == 0 && offset < end) {
        uint32_t count = end - offset < COPY_BYTES ? (uint32_t)(end - offset) : COPY_BYTES;
        error = remux->source->read_at(remux->source->context, offset, buffer, count);
        if (error == 0) {
            error = remux->write(remux->context, buffer, count);
        }
        offset += count;
    }
    free(buffer);
    return error;
}

static int run(struct remux *remux, enum media_container container)
{
    switch (container) {
    case MEDIA_CONTAINER_FLAC:
        return remux_flac(remux);
    case MEDIA_CONTAINER_OGG:
        return remux_ogg(remux);
    case MEDIA_CONTAINER_MPEG:
    case MEDIA_CONTAINER_MP4:
        break;
    }
    return ERROR_UNSUPPORTED;
}

int media_remux(const struct media_source *source, enum media_container container,
                media_remux_write *write, void *context)
{
    struct remux remux = {.source = source, .write = write, .context = context};
    return run(&remux, container);
}

int media_remux_picture_bytes(const struct media_source *source, enum media_container container,
                              uint32_t *ret_bytes)
{
    struct remux remux = {.source = source};
    int error = run(&remux, container);
    if (error == ERROR_UNSUPPORTED || error == ERROR_NOT_FOUND) {
        remux.picture_bytes = 0;
        error = 0;
    }
    if (error == 0) {
        *ret_bytes = remux.picture_bytes;
    }
    return error;
}
