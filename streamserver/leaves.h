/*
 * leaves.h: the leaf hashes of a file whose bytes come piece by piece, and the id they give.
 */
#ifndef STREAMSERVER_LEAVES_H
#define STREAMSERVER_LEAVES_H

#include "media/core/file_id.h"
#include "media/core/merkle.h"

#include <stddef.h>

struct leaves {
    uint8_t (*hashes)[HASH_BYTES]; /* owned */
    uint32_t count;                /* whole chunks so far */
    uint32_t capacity;
    uint64_t bytes;       /* so far */
    uint32_t chunk_bytes; /* of the chunk that is being filled */
    uint8_t chunk[CHUNK_BYTES];
};

void leaves_init(struct leaves *leaves);
void leaves_deinit(struct leaves *leaves);
/* ERROR_TOO_LARGE: more than FILE_BYTES_MAX; ERROR_NO_MEMORY. */
int leaves_feed(struct leaves *leaves, const void *bytes, size_t count);
/* The id of all that was fed; nothing may be fed any more. ERROR_TRUNCATED: nothing was;
 * ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int leaves_finish(struct leaves *leaves, struct media_file_id *ret_id);
/* The proofs of all rows, after leaves_finish; the caller frees them. ERROR_NO_MEMORY. */
int leaves_prove(const struct leaves *leaves, struct media_proof **ret_proofs);

#endif
