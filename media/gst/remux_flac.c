/*
 * remux_flac.c: FLAC without its PICTURE and PADDING blocks (RFC 9639 section 8).
 *
 * The frames, and all other blocks, are copied as they are; a seek table counts from the first
 * frame, so it stays right.
 */
#include "media/gst/remux_internal.h"

#include "common/cursor.h"
#include "common/error.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC_BYTES 4u
#define BLOCK_HEADER_BYTES 4u
#define BLOCKS_MAX 1024u
#define BLOCK_LAST 0x80u
#define BLOCK_PADDING 1u
#define BLOCK_PICTURE 6u

struct block {
    uint64_t offset; /* of its header */
    uint32_t bytes;  /* without the header */
    uint8_t type;
};

static bool is_dropped(const struct block *block)
{
    return block->type == BLOCK_PICTURE || block->type == BLOCK_PADDING;
}

static int read_block(const struct media_source *source, uint64_t offset, struct block *ret_block,
                      bool *ret_last)
{
    uint8_t bytes[BLOCK_HEADER_BYTES];
    if (offset + sizeof bytes > source->bytes) {
        return ERROR_MALFORMED;
    }
    int error = source->read_at(source->context, offset, bytes, sizeof bytes);
    if (error != 0) {
        return error;
    }
    struct cursor cursor;
    cursor_init(&cursor, bytes, sizeof bytes);
    uint8_t type = cursor_u8(&cursor);
    *ret_last = (type & BLOCK_LAST) != 0;
    *ret_block = (struct block){
        .offset = offset, .type = type & (BLOCK_LAST - 1), .bytes = cursor_u24(&cursor)};
    return offset + sizeof bytes + ret_block->bytes > source->bytes ? ERROR_MALFORMED : 0;
}

/* Writes a block that is kept. */
static int write_block(struct remux *remux, const struct block *block, bool last)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    struct writer writer;
    writer_init(&writer, header, sizeof header);
    writer_u8(&writer, (uint8_t)(block->type | (last ? BLOCK_LAST : 0)));
    writer_u24(&writer, block->bytes);
    int error = remux->write(remux->context, header, sizeof header);
    uint64_t begin = block->offset + BLOCK_HEADER_BYTES;
    return error != 0 ? error : remux_copy(remux, begin, begin + block->bytes);
}

static int write_all(struct remux *remux, const struct block *blocks, uint32_t count)
{
    uint32_t last = 0; /* STREAMINFO is always kept */
    for (uint32_t i = 0; i < count; i++) {
        last = is_dropped(&blocks[i]) ? last : i;
    }
    int error = remux_copy(remux, 0, MAGIC_BYTES);
    for (uint32_t i = 0; error == 0 && i <= last; i++) {
        if (!is_dropped(&blocks[i])) {
            error = write_block(remux, &blocks[i], i == last);
        }
    }
    const struct block *end = &blocks[count - 1];
    uint64_t sound = end->offset + BLOCK_HEADER_BYTES + end->bytes;
    return error != 0 ? error : remux_copy(remux, sound, remux->source->bytes);
}

/* The magic, and STREAMINFO first: it is what must be left. */
static int check_start(const struct media_source *source)
{
    uint8_t bytes[MAGIC_BYTES + 1];
    if (sizeof bytes > source->bytes) {
        return ERROR_MALFORMED;
    }
    int error = source->read_at(source->context, 0, bytes, sizeof bytes);
    if (error != 0) {
        return error;
    }
    bool right = memcmp(bytes, "fLaC", MAGIC_BYTES) == 0 && (bytes[MAGIC_BYTES] & 0x7f) == 0;
    return right ? 0 : ERROR_MALFORMED;
}

int remux_flac(struct remux *remux)
{
    int start_error = check_start(remux->source);
    if (start_error != 0) {
        return start_error;
    }
    struct block blocks[BLOCKS_MAX];
    uint32_t count = 0;
    uint64_t offset = MAGIC_BYTES;
    bool last = false;
    while (!last) {
        if (count == BLOCKS_MAX) {
            return ERROR_MALFORMED;
        }
        struct block *block = &blocks[count++];
        int error = read_block(remux->source, offset, block, &last);
        if (error != 0) {
            return error;
        }
        offset += BLOCK_HEADER_BYTES + block->bytes;
        remux->picture_bytes += block->type == BLOCK_PICTURE ? block->bytes : 0;
    }
    if (remux->picture_bytes == 0) {
        return ERROR_NOT_FOUND;
    }
    return remux->write == NULL ? 0 : write_all(remux, blocks, count);
}
