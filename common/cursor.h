/*
 * cursor.h: the one way to read untrusted bytes, and the one way to write what others will read.
 *
 * A reader has an end that it never passes. The first read that would pass it marks the cursor
 * failed; from then on every read returns zeros, so that a decoder may read all its fields and
 * ask once, at the end, with cursor_failed(). Numbers are big-endian. Nothing is copied by
 * cursor_bytes(): the pointer lives as long as the buffer.
 * A writer likewise marks itself failed when the buffer is too small, and writes nothing more.
 */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;  /* next byte to read; owned by the caller */
    const uint8_t *end; /* one past the last */
    bool failed;        /* a read would have passed the end */
};

void cursor_init(struct cursor *cursor, const void *bytes, size_t count);
size_t cursor_left(const struct cursor *cursor);
bool cursor_failed(const struct cursor *cursor);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u24(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
/* Borrows `count` bytes; NULL (and failed) when there are fewer. */
const uint8_t *cursor_bytes(struct cursor *cursor, size_t count);
/* Copies `count` bytes out; zeros (and failed) when there are fewer. */
void cursor_copy(struct cursor *cursor, void *ret_bytes, size_t count);

struct writer {
    uint8_t *start; /* the caller's buffer */
    uint8_t *at;    /* next byte to write */
    uint8_t *end;   /* one past the last that may be written */
    bool failed;    /* a write would have passed the end */
};

void writer_init(struct writer *writer, void *buffer, size_t capacity);
size_t writer_used(const struct writer *writer);
bool writer_failed(const struct writer *writer);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u24(struct writer *writer, uint32_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, const void *bytes, size_t count);

#endif
