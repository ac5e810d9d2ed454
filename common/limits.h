/*
 * limits.h: the named maxima that several components share.
 *
 * A limit that belongs to one component stands in that component's header. What stands here is
 * part of the wire, of the disk format or of the geometry, so that changing one is a new version.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <stdint.h>

/* Unit of request, verification and accounting: BEP 52's block of 16 KiB. */
#define CHUNK_BYTES 16384u
/* Unit of storage and of proofs: a row of 8 aligned chunks, 128 KiB. */
#define ROW_CHUNKS 8u
#define ROW_BYTES (CHUNK_BYTES * ROW_CHUNKS)

/* The largest file: 4 GiB = 2^18 chunks = 2^15 rows. A day of 320 kbit/s is 3.4 GB. */
#define FILE_BYTES_MAX (UINT64_C(1) << 32)
#define FILE_CHUNKS_MAX (1u << 18)
#define FILE_ROWS_MAX (1u << 15)

#define HASH_BYTES 32u
#define TRACK_ID_BYTES 16u
#define ALBUM_ID_BYTES 16u
#define SIGNATURE_BYTES 64u
#define PUBLIC_KEY_BYTES 32u

_Static_assert(FILE_CHUNKS_MAX == FILE_BYTES_MAX / CHUNK_BYTES, "chunks of the largest file");
_Static_assert(FILE_ROWS_MAX == FILE_CHUNKS_MAX / ROW_CHUNKS, "rows of the largest file");

#endif
