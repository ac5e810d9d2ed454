/*
 * store_format.h: keys and values of the store as bytes (drawn in store.h), and sizes that follow
 * from the limit. Pure; what is decoded came from a disk and is checked like a stranger's.
 */
#ifndef CACHE_LMDB_STORE_FORMAT_H
#define CACHE_LMDB_STORE_FORMAT_H

#include "cache/lmdb/store.h"
#include "common/limits.h"
#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_ROW_KEY_BYTES (MEDIA_FILE_ID_BYTES + 4u)
#define STORE_CHUNK_KEY_BYTES STORE_ROW_KEY_BYTES
#define STORE_ROW_HEADER_BYTES 4u
#define STORE_ROW_FORMAT 1u
#define STORE_TAIL_BYTES 16u /* of a whole chunk, kept in its row's value */
#define STORE_ROW_BYTES_MAX                                                                        \
    (STORE_ROW_HEADER_BYTES + MEDIA_PROOF_HASHES_MAX * HASH_BYTES + ROW_CHUNKS * STORE_TAIL_BYTES)
#define STORE_FILE_HEADER_BYTES 13u
#define STORE_FILE_BYTES_MAX (STORE_FILE_HEADER_BYTES + FILE_ROWS_MAX)

void store_file_key(const struct media_file_id *file, uint8_t ret_key[MEDIA_FILE_ID_BYTES]);
void store_row_key(const struct media_file_id *file, uint32_t row,
                   uint8_t ret_key[STORE_ROW_KEY_BYTES]);
void store_chunk_key(const struct media_file_id *file, uint32_t chunk,
                     uint8_t ret_key[STORE_CHUNK_KEY_BYTES]);
/* False: not a key of ours (its length, its file id). */
bool store_file_key_decode(const uint8_t *key, size_t count, struct media_file_id *ret_file);
bool store_row_key_decode(const uint8_t *key, size_t count, struct media_file_id *ret_file,
                          uint32_t *ret_row);

/* The mask of a row of which all chunks are there. */
uint8_t store_full_mask(uint64_t bytes, uint32_t row);
/* Payload of the chunks in a mask. */
uint32_t store_mask_bytes(uint64_t bytes, uint32_t row, uint8_t mask);

/* A row's value, borrowed. */
struct store_row_view {
    uint8_t mask;          /* chunks that are there; at least one */
    const uint8_t *hashes; /* leaves, then uncles */
    const uint8_t *tails;  /* STORE_TAIL_BYTES for each chunk of the row */
};

/* Bytes of a row's value: the same whichever chunks are there. */
uint32_t store_row_bytes(uint64_t bytes, uint32_t row);
/* Writes a row's value of store_row_bytes. `tails` as in the view; borrowed for the call. */
void store_row_encode(uint64_t bytes, uint32_t row, uint8_t mask, const struct media_proof *proof,
                      const uint8_t *tails, uint8_t *value);
/* Checks shape and length, not hashes. ERROR_MALFORMED. */
int store_row_decode(const uint8_t *value, size_t count, uint64_t bytes, uint32_t row,
                     struct store_row_view *ret_view);
void store_row_proof(const struct store_row_view *view, uint64_t bytes, uint32_t row,
                     struct media_proof *ret_proof);
/* Bytes of a chunk that stand in the row's value (0 for a short one), and in its own. */
uint32_t store_tail_bytes(uint32_t chunk_bytes);
uint32_t store_body_bytes(uint32_t chunk_bytes);

/* A file's record. */
struct store_file_view {
    struct store_use use;
    uint32_t chunks;      /* stored */
    const uint8_t *masks; /* a byte a row, borrowed; NULL = complete */
};

/* Makes a record of masks (a byte a row). `value` has STORE_FILE_BYTES_MAX. Gives its length. */
uint32_t store_file_encode(uint64_t bytes, const struct store_use *use, const uint8_t *masks,
                           uint8_t *value);
/* Checks that masks fit the file and its count of chunks. ERROR_MALFORMED. */
int store_file_decode(const uint8_t *value, size_t count, uint64_t bytes,
                      struct store_file_view *ret_view);

/* How large the memory map, and so the file, is at first: a hundredth below the limit. */
uint64_t store_map_bytes(uint64_t limit_bytes);
/* And at most, when pages are scattered so badly that a row finds no room: a tenth above. */
uint64_t store_map_bytes_max(uint64_t limit_bytes);
/* Bytes of puts in one transaction, so that it is small against the file; and how many do not wait
 * for more. */
uint64_t store_commit_bytes(uint64_t limit_bytes);
uint64_t store_hurry_bytes(uint64_t limit_bytes);

#endif
