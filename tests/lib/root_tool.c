/*
 * root_tool.c: prints "ROOT BYTES" of each file named, by our own code, for tests.
 *
 * Also makes the proofs of all rows and checks each: a tool that prints has proven itself.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct media_hasher hasher = {crypto_sha256_pair, NULL};

/* The leaves of a stream; *ret_leaves is the caller's to free. */
static int read_leaves(FILE *file, uint8_t (**ret_leaves)[HASH_BYTES], uint64_t *ret_bytes)
{
    uint8_t chunk[CHUNK_BYTES];
    uint8_t(*leaves)[HASH_BYTES] = calloc(FILE_CHUNKS_MAX, HASH_BYTES);
    uint64_t bytes = 0;
    uint32_t count = 0;
    size_t got = sizeof chunk;
    if (leaves == NULL) {
        return ERROR_NO_MEMORY;
    }
    while (got == sizeof chunk && count < FILE_CHUNKS_MAX) {
        got = fread(chunk, 1, sizeof chunk, file);
        if (got > 0) {
            crypto_sha256(chunk, got, leaves[count++]);
            bytes += got;
        }
    }
    *ret_leaves = leaves;
    *ret_bytes = bytes;
    return ferror(file) ? ERROR_IO : bytes == 0 ? ERROR_TRUNCATED : 0;
}

static int check_proofs(const struct media_file_id *id, const uint8_t (*leaves)[HASH_BYTES])
{
    uint32_t rows = media_row_count(id->bytes);
    struct media_proof *proofs = calloc(rows, sizeof *proofs);
    int error =
        proofs == NULL ? ERROR_NO_MEMORY : media_proof_make_all(&hasher, leaves, id->bytes, proofs);
    for (uint32_t row = 0; error == 0 && row < rows; row++) {
        error = media_proof_check(&hasher, id, row, &proofs[row]);
    }
    free(proofs);
    return error;
}

static int print_root(const char *path)
{
    uint8_t(*leaves)[HASH_BYTES] = NULL;
    struct media_file_id id;
    char text[2 * HASH_BYTES + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return ERROR_NOT_FOUND;
    }
    int error = read_leaves(file, &leaves, &id.bytes);
    if (error == 0) {
        media_merkle_root(&hasher, leaves, media_chunk_count(id.bytes), id.root);
        error = check_proofs(&id, leaves);
    }
    if (error == 0) {
        media_hex_encode(id.root, HASH_BYTES, text);
        printf("%s %" PRIu64 "\n", text, id.bytes);
    }
    free(leaves);
    fclose(file);
    return error;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int error = print_root(argv[i]);
        if (error != 0) {
            fprintf(stderr, "root_tool: %s: %s\n", argv[i], error_text(error));
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
