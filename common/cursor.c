/*
 * cursor.c: reads and writes of big-endian numbers within a buffer.
 *
 * Responsible for never touching a byte outside the buffer, and for remembering that somebody
 * tried. What the bytes mean is the business of the codecs above.
 */
#include "common/cursor.h"

#include <assert.h>
#include <string.h>

void cursor_init(struct cursor *cursor, const void *bytes, size_t count)
{
    assert(bytes != NULL || count == 0);
    cursor->at = bytes;
    cursor->end = count == 0 ? cursor->at : cursor->at + count;
    cursor->failed = false;
}

size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed || cursor->at == cursor->end ? 0 : (size_t)(cursor->end - cursor->at);
}

bool cursor_failed(const struct cursor *cursor)
{
    return cursor->failed;
}

const uint8_t *cursor_bytes(struct cursor *cursor, size_t count)
{
    if (cursor->failed || count > cursor_left(cursor)) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->at;
    if (count > 0) {
        cursor->at += count;
    }
    return bytes;
}

static uint64_t cursor_number(struct cursor *cursor, size_t count)
{
    const uint8_t *bytes = cursor_bytes(cursor, count);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    return (uint8_t)cursor_number(cursor, 1);
}

uint16_t cursor_u16(struct cursor *cursor)
{
    return (uint16_t)cursor_number(cursor, 2);
}

uint32_t cursor_u24(struct cursor *cursor)
{
    return (uint32_t)cursor_number(cursor, 3);
}

uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_number(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
    return cursor_number(cursor, 8);
}

void cursor_copy(struct cursor *cursor, void *ret_bytes, size_t count)
{
    const uint8_t *bytes = cursor_bytes(cursor, count);
    if (count == 0) {
        return;
    }
    if (bytes == NULL) {
        memset(ret_bytes, 0, count);
    } else {
        memcpy(ret_bytes, bytes, count);
    }
}

void writer_init(struct writer *writer, void *buffer, size_t capacity)
{
    assert(buffer != NULL || capacity == 0);
    writer->start = buffer;
    writer->at = buffer;
    writer->end = capacity == 0 ? writer->start : writer->start + capacity;
    writer->failed = false;
}

size_t writer_used(const struct writer *writer)
{
    return writer->at == writer->start ? 0 : (size_t)(writer->at - writer->start);
}

bool writer_failed(const struct writer *writer)
{
    return writer->failed;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t count)
{
    size_t left = writer->at == writer->end ? 0 : (size_t)(writer->end - writer->at);
    if (writer->failed || count > left) {
        writer->failed = true;
        return;
    }
    if (count > 0) {
        memcpy(writer->at, bytes, count);
        writer->at += count;
    }
}

static void writer_number(struct writer *writer, uint64_t value, size_t count)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
    }
    writer_bytes(writer, bytes, count);
}

void writer_u8(struct writer *writer, uint8_t value)
{
    writer_number(writer, value, 1);
}

void writer_u16(struct writer *writer, uint16_t value)
{
    writer_number(writer, value, 2);
}

void writer_u24(struct writer *writer, uint32_t value)
{
    assert(value < UINT32_C(1) << 24);
    writer_number(writer, value, 3);
}

void writer_u32(struct writer *writer, uint32_t value)
{
    writer_number(writer, value, 4);
}

void writer_u64(struct writer *writer, uint64_t value)
{
    writer_number(writer, value, 8);
}
