/*
 * source.c: a buffer before a file, and zstd between them where its magic number says so.
 */
#include "measure/trace/source.h"

#include "common/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define BUFFER_BYTES (1u << 18)
#define ZSTD_MAGIC "\x28\xb5\x2f\xfd"
#define ZSTD_MAGIC_BYTES 4u

struct source {
    FILE *file;
    ZSTD_DStream *stream; /* NULL: plain */
    uint8_t *raw;         /* as read; owned */
    uint8_t *plain;       /* unpacked; owned; NULL without a stream */
    ZSTD_inBuffer packed; /* over `raw` */
    const uint8_t *bytes; /* what is to be given out */
    size_t count, used;
    bool is_frame_open; /* the compressed data end in the middle of a frame */
    char line[SOURCE_LINE_BYTES_MAX + 1];
};

/* More of the file into `raw`; *ret_count = 0 at its end. ERROR_IO. */
static int read_raw(struct source *source, size_t *ret_count)
{
    *ret_count = fread(source->raw, 1, BUFFER_BYTES, source->file);
    return ferror(source->file) ? ERROR_IO : 0;
}

/* Looks at the first bytes and decides. */
static int begin(struct source *source)
{
    size_t count = 0;
    int error = read_raw(source, &count);
    if (error != 0) {
        return error;
    }
    source->bytes = source->raw;
    source->count = count;
    if (count < ZSTD_MAGIC_BYTES || memcmp(source->raw, ZSTD_MAGIC, ZSTD_MAGIC_BYTES) != 0) {
        return 0;
    }
    source->stream = ZSTD_createDStream();
    source->plain = malloc(BUFFER_BYTES);
    source->packed = (ZSTD_inBuffer){.src = source->raw, .size = count};
    source->count = 0;
    return source->stream == NULL || source->plain == NULL ? ERROR_NO_MEMORY : 0;
}

int source_open(const char *path, struct source **ret_source)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return ERROR_NO_MEMORY;
    }
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    source->raw = malloc(BUFFER_BYTES);
    source->file = is_stdin ? stdin : fopen(path, "rb");
    int error = source->raw == NULL ? ERROR_NO_MEMORY : source->file == NULL ? ERROR_IO : 0;
    if (error == 0) {
        error = begin(source);
    }
    if (error != 0) {
        source_close(source);
        return error;
    }
    *ret_source = source;
    return 0;
}

void source_close(struct source *source)
{
    if (source == NULL) {
        return;
    }
    if (source->file != NULL && source->file != stdin) {
        (void)fclose(source->file);
    }
    ZSTD_freeDStream(source->stream);
    free(source->plain);
    free(source->raw);
    free(source);
}

/* Unpacks until something has come out, or the file has ended. */
static int unpack(struct source *source)
{
    ZSTD_outBuffer out = {.dst = source->plain, .size = BUFFER_BYTES};
    while (out.pos == 0) {
        if (source->packed.pos == source->packed.size) {
            size_t count = 0;
            int error = read_raw(source, &count);
            if (error != 0) {
                return error;
            }
            if (count == 0) {
                return source->is_frame_open ? ERROR_MALFORMED : 0;
            }
            source->packed = (ZSTD_inBuffer){.src = source->raw, .size = count};
        }
        size_t left = ZSTD_decompressStream(source->stream, &out, &source->packed);
        if (ZSTD_isError(left)) {
            return ERROR_MALFORMED;
        }
        source->is_frame_open = left != 0;
    }
    source->bytes = source->plain;
    source->count = out.pos;
    return 0;
}

/* More to give out; count stays 0 at the end. */
static int refill(struct source *source)
{
    source->used = 0;
    source->count = 0;
    if (source->stream != NULL) {
        return unpack(source);
    }
    source->bytes = source->raw;
    return read_raw(source, &source->count);
}

int source_read(struct source *source, void *buffer, size_t count, size_t *ret_count)
{
    size_t done = 0;
    while (done < count) {
        if (source->used == source->count) {
            int error = refill(source);
            if (error != 0) {
                return error;
            }
            if (source->count == 0) {
                break;
            }
        }
        size_t part = source->count - source->used;
        part = part < count - done ? part : count - done;
        memcpy((uint8_t *)buffer + done, source->bytes + source->used, part);
        source->used += part;
        done += part;
    }
    *ret_count = done;
    return 0;
}

int source_read_line(struct source *source, char **ret_line)
{
    size_t length = 0;
    for (;;) {
        if (source->used == source->count) {
            int error = refill(source);
            if (error != 0) {
                return error;
            }
            if (source->count == 0) {
                break;
            }
        }
        const uint8_t *from = source->bytes + source->used;
        size_t rest = source->count - source->used;
        const uint8_t *end = memchr(from, '\n', rest);
        size_t part = end != NULL ? (size_t)(end - from) : rest;
        if (length + part > SOURCE_LINE_BYTES_MAX) {
            return ERROR_TOO_LARGE;
        }
        memcpy(source->line + length, from, part);
        length += part;
        source->used += part + (end != NULL);
        if (end != NULL) {
            source->line[length] = '\0';
            *ret_line = source->line;
            return 0;
        }
    }
    source->line[length] = '\0';
    *ret_line = length > 0 ? source->line : NULL;
    return 0;
}
