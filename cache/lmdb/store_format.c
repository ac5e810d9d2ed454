/*
 * store_format.c: the store's bytes and sizes.
 *
 * Responsible for encoding, decoding and the arithmetic of limits. Not for hashes (store_read.c),
 * nor for LMDB.
 */
#include "cache/lmdb/store_format.h"

#include "cache/lmdb/store.h"
#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

#define FLAG_PINNED 1u
#define FLAG_COMPLETE 2u
#define FLAG_MAIN 4u
#define MAP_PAGE_BYTES UINT64_C(65536) /* a multiple of every page size */

/* A whole chunk with LMDB's 16 bytes before it fills 4 pages, and a row's value stays in its leaf. */
_Static_assert(16 + CHUNK_BYTES - STORE_TAIL_BYTES == 4 * 4096, "a chunk would take another page");
_Static_assert(STORE_ROW_BYTES_MAX + STORE_ROW_KEY_BYTES < 2000, "two rows fit into a leaf");

void store_file_key(const struct media_file_id *file, uint8_t ret_key[MEDIA_FILE_ID_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_key, MEDIA_FILE_ID_BYTES);
    writer_bytes(&writer, file->root, HASH_BYTES);
    writer_u64(&writer, file->bytes);
    assert(!writer_failed(&writer));
}

void store_row_key(const struct media_file_id *file, uint32_t row,
                   uint8_t ret_key[STORE_ROW_KEY_BYTES])
{
    struct writer writer;
    store_file_key(file, ret_key);
    writer_init(&writer, ret_key + MEDIA_FILE_ID_BYTES, 4);
    writer_u32(&writer, row);
}

void store_chunk_key(const struct media_file_id *file, uint32_t chunk,
                     uint8_t ret_key[STORE_CHUNK_KEY_BYTES])
{
    store_row_key(file, chunk, ret_key);
}

bool store_file_key_decode(const uint8_t *key, size_t count, struct media_file_id *ret_file)
{
    struct cursor cursor;
    struct media_file_id file;
    cursor_init(&cursor, key, count);
    cursor_copy(&cursor, file.root, HASH_BYTES);
    file.bytes = cursor_u64(&cursor);
    if (cursor_failed(&cursor) || cursor_left(&cursor) > 0 || !media_file_id_valid(&file)) {
        return false;
    }
    *ret_file = file;
    return true;
}

bool store_row_key_decode(const uint8_t *key, size_t count, struct media_file_id *ret_file,
                          uint32_t *ret_row)
{
    struct media_file_id file;
    if (count != STORE_ROW_KEY_BYTES || !store_file_key_decode(key, MEDIA_FILE_ID_BYTES, &file)) {
        return false;
    }
    struct cursor cursor;
    cursor_init(&cursor, key + MEDIA_FILE_ID_BYTES, 4);
    uint32_t row = cursor_u32(&cursor);
    if (row >= media_row_count(file.bytes)) {
        return false;
    }
    *ret_file = file;
    *ret_row = row;
    return true;
}

uint8_t store_full_mask(uint64_t bytes, uint32_t row)
{
    return (uint8_t)((1u << media_row_chunks(bytes, row)) - 1);
}

uint32_t store_mask_bytes(uint64_t bytes, uint32_t row, uint8_t mask)
{
    uint32_t sum = (uint32_t)__builtin_popcount(mask) * CHUNK_BYTES;
    uint32_t last = media_chunk_count(bytes) - 1;
    if (row == last / ROW_CHUNKS && (mask >> (last % ROW_CHUNKS) & 1) != 0) {
        sum -= CHUNK_BYTES - media_chunk_bytes(bytes, last);
    }
    return sum;
}

uint32_t store_row_bytes(uint64_t bytes, uint32_t row)
{
    return STORE_ROW_HEADER_BYTES + media_proof_hash_count(bytes, row) * HASH_BYTES +
           media_row_chunks(bytes, row) * STORE_TAIL_BYTES;
}

void store_row_encode(uint64_t bytes, uint32_t row, uint8_t mask, const struct media_proof *proof,
                      const uint8_t *tails, uint8_t *value)
{
    uint32_t hashes = media_proof_hash_count(bytes, row);
    assert(proof->leaf_count + proof->uncle_count == (int)hashes);
    struct writer writer;
    writer_init(&writer, value, store_row_bytes(bytes, row));
    writer_u8(&writer, STORE_ROW_FORMAT);
    writer_u8(&writer, mask);
    writer_u8(&writer, proof->leaf_count);
    writer_u8(&writer, proof->uncle_count);
    writer_bytes(&writer, proof->hashes, (size_t)hashes * HASH_BYTES);
    writer_bytes(&writer, tails, (size_t)media_row_chunks(bytes, row) * STORE_TAIL_BYTES);
    assert(!writer_failed(&writer));
}

int store_row_decode(const uint8_t *value, size_t count, uint64_t bytes, uint32_t row,
                     struct store_row_view *ret_view)
{
    struct cursor cursor;
    cursor_init(&cursor, value, count);
    uint8_t format = cursor_u8(&cursor);
    struct store_row_view view = {.mask = cursor_u8(&cursor)};
    uint8_t leaves = cursor_u8(&cursor);
    uint8_t uncles = cursor_u8(&cursor);
    uint32_t hashes = media_proof_hash_count(bytes, row);
    uint32_t chunks = media_row_chunks(bytes, row);
    view.hashes = cursor_bytes(&cursor, (size_t)hashes * HASH_BYTES);
    view.tails = cursor_bytes(&cursor, (size_t)chunks * STORE_TAIL_BYTES);
    if (cursor_failed(&cursor) || cursor_left(&cursor) > 0 || format != STORE_ROW_FORMAT ||
        view.mask == 0 || (view.mask & ~store_full_mask(bytes, row)) != 0 || leaves != chunks ||
        leaves + uncles != (int)hashes) {
        return ERROR_MALFORMED;
    }
    *ret_view = view;
    return 0;
}

uint32_t store_tail_bytes(uint32_t chunk_bytes)
{
    return chunk_bytes == CHUNK_BYTES ? STORE_TAIL_BYTES : 0;
}

uint32_t store_body_bytes(uint32_t chunk_bytes)
{
    return chunk_bytes - store_tail_bytes(chunk_bytes);
}

void store_row_proof(const struct store_row_view *view, uint64_t bytes, uint32_t row,
                     struct media_proof *ret_proof)
{
    *ret_proof = (struct media_proof){.leaf_count = (uint8_t)media_row_chunks(bytes, row),
                                      .uncle_count = (uint8_t)media_proof_uncle_count(bytes)};
    memcpy(ret_proof->hashes, view->hashes,
           (size_t)media_proof_hash_count(bytes, row) * HASH_BYTES);
}

static uint32_t count_chunks(const uint8_t *masks, uint32_t rows)
{
    uint32_t chunks = 0;
    for (uint32_t row = 0; row < rows; row++) {
        chunks += (uint32_t)__builtin_popcount(masks[row]);
    }
    return chunks;
}

uint32_t store_file_encode(uint64_t bytes, const struct store_use *use, const uint8_t *masks,
                           uint8_t *value)
{
    uint32_t rows = media_row_count(bytes);
    uint32_t chunks = count_chunks(masks, rows);
    bool complete = chunks == media_chunk_count(bytes);
    struct writer writer;
    writer_init(&writer, value, STORE_FILE_BYTES_MAX);
    writer_u64(&writer, use->last_use);
    writer_u8(&writer, (uint8_t)((use->pinned ? FLAG_PINNED : 0) | (complete ? FLAG_COMPLETE : 0) |
                                 (use->is_main ? FLAG_MAIN : 0)));
    writer_u32(&writer, chunks);
    if (!complete) {
        writer_bytes(&writer, masks, rows);
    }
    assert(!writer_failed(&writer));
    return (uint32_t)writer_used(&writer);
}

int store_file_decode(const uint8_t *value, size_t count, uint64_t bytes,
                      struct store_file_view *ret_view)
{
    struct cursor cursor;
    cursor_init(&cursor, value, count);
    struct store_file_view view = {.use.last_use = cursor_u64(&cursor)};
    uint8_t flags = cursor_u8(&cursor);
    view.chunks = cursor_u32(&cursor);
    view.use.pinned = (flags & FLAG_PINNED) != 0;
    view.use.is_main = (flags & FLAG_MAIN) != 0;
    if (cursor_failed(&cursor) || (flags & ~(FLAG_PINNED | FLAG_COMPLETE | FLAG_MAIN)) != 0) {
        return ERROR_MALFORMED;
    }
    uint32_t rows = media_row_count(bytes);
    if ((flags & FLAG_COMPLETE) == 0) {
        view.masks = cursor_bytes(&cursor, rows);
        for (uint32_t row = 0; view.masks != NULL && row < rows; row++) {
            if ((view.masks[row] & ~store_full_mask(bytes, row)) != 0) {
                return ERROR_MALFORMED;
            }
        }
    }
    uint32_t chunks =
        view.masks == NULL ? media_chunk_count(bytes) : count_chunks(view.masks, rows);
    if (cursor_failed(&cursor) || cursor_left(&cursor) > 0 || chunks != view.chunks) {
        return ERROR_MALFORMED;
    }
    *ret_view = view;
    return 0;
}

static uint64_t whole_pages(uint64_t bytes)
{
    return bytes / MAP_PAGE_BYTES * MAP_PAGE_BYTES;
}

uint64_t store_map_bytes(uint64_t limit_bytes)
{
    return whole_pages(limit_bytes - limit_bytes / 100);
}

uint64_t store_map_bytes_max(uint64_t limit_bytes)
{
    return whole_pages(limit_bytes + limit_bytes / 10);
}

uint64_t store_commit_bytes(uint64_t limit_bytes)
{
    uint64_t part = limit_bytes / 64;
    return part < ROW_BYTES ? ROW_BYTES : part > STORE_COMMIT_BYTES ? STORE_COMMIT_BYTES : part;
}

uint64_t store_hurry_bytes(uint64_t limit_bytes)
{
    uint64_t part = store_commit_bytes(limit_bytes) / 4;
    return part > STORE_HURRY_BYTES ? STORE_HURRY_BYTES : part;
}

uint64_t store_default_limit_bytes(uint64_t free_bytes, uint64_t cache_file_bytes)
{
    uint64_t tenth = free_bytes / 10 + cache_file_bytes / 10;
    return tenth < STORE_LIMIT_BYTES_MIN   ? STORE_LIMIT_BYTES_MIN
           : tenth > STORE_LIMIT_BYTES_MAX ? STORE_LIMIT_BYTES_MAX
                                           : tenth;
}

uint64_t store_payload_limit_bytes(uint64_t limit_bytes)
{
    return limit_bytes - limit_bytes / 25 * 2;
}
