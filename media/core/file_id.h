/*
 * file_id.h: what names a file, and how a file divides into chunks and rows.
 *
 * A file is named by (root, bytes). The root is BEP 52's `pieces root`: the root of the SHA-256
 * Merkle tree over blocks of 16 KiB, padded with zero hashes to a power of two. The root alone
 * does not fix the length (the two top hashes, 64 bytes, are a valid one-chunk file with the same
 * root), so every want, have, cache key and proof carries both.
 */
#ifndef MEDIA_CORE_FILE_ID_H
#define MEDIA_CORE_FILE_ID_H

#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* On the wire and on disk: root (32), bytes (u64, big-endian). */
#define MEDIA_FILE_ID_BYTES 40u

struct media_file_id {
    uint8_t root[HASH_BYTES];
    uint64_t bytes; /* 1 to FILE_BYTES_MAX */
};

bool media_file_id_equal(const struct media_file_id *a, const struct media_file_id *b);
/* True when the length is one that a file can have. Check it on everything from a network. */
bool media_file_id_valid(const struct media_file_id *id);

/* Geometry. `bytes` is that of a valid id; an index is below its count. */
uint32_t media_chunk_count(uint64_t bytes);
uint32_t media_chunk_bytes(uint64_t bytes, uint32_t chunk); /* 16,384, the last may be shorter */
uint32_t media_row_count(uint64_t bytes);
uint32_t media_row_chunks(uint64_t bytes, uint32_t row); /* 8, the last row may have fewer */

/* Ids as lower-case hex. `ret_text` has 2 * count + 1 bytes. */
void media_hex_encode(const uint8_t *bytes, uint32_t count, char *ret_text);
/* Exactly 2 * count digits and then the end of the string. ERROR_MALFORMED otherwise. */
int media_hex_decode(const char *text, uint32_t count, uint8_t *ret_bytes);

#endif
