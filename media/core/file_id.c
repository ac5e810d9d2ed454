/*
 * file_id.c: comparison, geometry and hexadecimal text of file ids.
 *
 * Responsible for arithmetic only; hashing is merkle.c's.
 */
#include "media/core/file_id.h"

#include "common/error.h"

#include <assert.h>
#include <string.h>

bool media_file_id_equal(const struct media_file_id *a, const struct media_file_id *b)
{
    return a->bytes == b->bytes && memcmp(a->root, b->root, HASH_BYTES) == 0;
}

bool media_file_id_valid(const struct media_file_id *id)
{
    return id->bytes > 0 && id->bytes <= FILE_BYTES_MAX;
}

static uint32_t divide_up(uint64_t bytes, uint32_t unit_bytes)
{
    assert(bytes > 0 && bytes <= FILE_BYTES_MAX);
    return (uint32_t)((bytes + unit_bytes - 1) / unit_bytes);
}

uint32_t media_chunk_count(uint64_t bytes)
{
    return divide_up(bytes, CHUNK_BYTES);
}

uint32_t media_chunk_bytes(uint64_t bytes, uint32_t chunk)
{
    assert(chunk < media_chunk_count(bytes));
    uint64_t left = bytes - (uint64_t)chunk * CHUNK_BYTES;
    return left < CHUNK_BYTES ? (uint32_t)left : CHUNK_BYTES;
}

uint32_t media_row_count(uint64_t bytes)
{
    return divide_up(bytes, ROW_BYTES);
}

uint32_t media_row_chunks(uint64_t bytes, uint32_t row)
{
    assert(row < media_row_count(bytes));
    uint32_t left = media_chunk_count(bytes) - row * ROW_CHUNKS;
    return left < ROW_CHUNKS ? left : ROW_CHUNKS;
}

void media_hex_encode(const uint8_t *bytes, uint32_t count, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < count; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[(size_t)2 * count] = '\0';
}

/* The digit's value, or -1: no isxdigit, whose answer depends on the locale. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

int media_hex_decode(const char *text, uint32_t count, uint8_t *ret_bytes)
{
    /* All digits first, so that nothing is written when one is wrong. The end of the string is no
     * digit, so a short text stops there. */
    for (size_t i = 0; i < (size_t)2 * count; i++) {
        if (digit_value(text[i]) < 0) {
            return ERROR_MALFORMED;
        }
    }
    if (text[(size_t)2 * count] != '\0') {
        return ERROR_MALFORMED;
    }
    for (uint32_t i = 0; i < count; i++) {
        ret_bytes[i] = (uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
    }
    return 0;
}
