/*
 * leaves.c: cuts what it is fed into chunks and hashes each.
 *
 * Responsible for the last, shorter chunk and for the largest length.
 */
#include "streamserver/leaves.h"

#include "common/error.h"
#include "common/net/crypto.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 64u

static const struct media_hasher hasher = {crypto_sha256_pair, NULL};

void leaves_init(struct leaves *leaves)
{
    memset(leaves, 0, sizeof *leaves);
}

void leaves_deinit(struct leaves *leaves)
{
    free(leaves->hashes);
    leaves->hashes = NULL;
}

static int close_chunk(struct leaves *leaves)
{
    if (leaves->count == FILE_CHUNKS_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (leaves->count == leaves->capacity) {
        uint32_t capacity = leaves->capacity == 0 ? CAPACITY_FIRST : 2 * leaves->capacity;
        void *grown = realloc(leaves->hashes, (size_t)capacity * HASH_BYTES);
        if (grown == NULL) {
            return ERROR_NO_MEMORY;
        }
        leaves->hashes = grown;
        leaves->capacity = capacity;
    }
    crypto_sha256(leaves->chunk, leaves->chunk_bytes, leaves->hashes[leaves->count++]);
    leaves->chunk_bytes = 0;
    return 0;
}

int leaves_feed(struct leaves *leaves, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count > 0) {
        size_t room = CHUNK_BYTES - leaves->chunk_bytes;
        size_t taken = count < room ? count : room;
        memcpy(leaves->chunk + leaves->chunk_bytes, at, taken);
        leaves->chunk_bytes += (uint32_t)taken;
        leaves->bytes += taken;
        at += taken;
        count -= taken;
        int error = leaves->chunk_bytes == CHUNK_BYTES ? close_chunk(leaves) : 0;
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int leaves_finish(struct leaves *leaves, struct media_file_id *ret_id)
{
    int error = leaves->chunk_bytes > 0 ? close_chunk(leaves) : 0;
    if (error != 0) {
        return error;
    }
    if (leaves->count == 0) {
        return ERROR_TRUNCATED;
    }
    ret_id->bytes = leaves->bytes;
    media_merkle_root(&hasher, leaves->hashes, leaves->count, ret_id->root);
    return 0;
}

int leaves_prove(const struct leaves *leaves, struct media_proof **ret_proofs)
{
    struct media_proof *proofs = calloc(media_row_count(leaves->bytes), sizeof *proofs);
    if (proofs == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = media_proof_make_all(&hasher, leaves->hashes, leaves->bytes, proofs);
    if (error != 0) {
        free(proofs);
        return error;
    }
    *ret_proofs = proofs;
    return 0;
}
