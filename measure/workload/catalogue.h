/*
 * catalogue.h: the music of a simulation: real manifests and real proofs over chunks without bytes.
 *
 * A chunk's leaf hash is drawn from (track, chunk); the tree above it is made by a cheap mixing
 * function instead of SHA-256, which both engines take as an injected one. So ids, manifests and
 * proofs go through the very code of the programs, and a wrong one is caught.
 */
#ifndef MEASURE_WORKLOAD_CATALOGUE_H
#define MEASURE_WORKLOAD_CATALOGUE_H

#include "measure/workload/workload.h"
#include "media/core/intern.h"
#include "media/core/manifest.h"
#include "media/core/merkle.h"

struct catalogue_track {
    uint8_t id[TRACK_ID_BYTES];
    struct media_file_id file;
    media_handle handle;
    uint8_t *manifest; /* encoded; owned */
    uint32_t manifest_bytes;
    uint64_t duration_us;
    uint64_t heard_us; /* the most that anybody heard of it at a stretch; the simulator's */
    struct media_proof *proofs; /* one a row, made at the first use; owned */
};

struct catalogue {
    struct catalogue_track *tracks; /* track n has handle n + 1 */
    uint32_t count;
    struct media_intern *intern;
    uint64_t seed;
};

extern const struct media_hasher catalogue_hasher;

/* Makes the tracks of a workload. Ends the program when memory does. */
void catalogue_init(struct catalogue *catalogue, const struct workload *workload, uint64_t seed);
void catalogue_deinit(struct catalogue *catalogue);
/* NULL: unknown. */
struct catalogue_track *catalogue_find(const struct catalogue *catalogue,
                                       const uint8_t track_id[TRACK_ID_BYTES]);
struct catalogue_track *catalogue_get(const struct catalogue *catalogue, media_handle handle);
/* What hashing the chunk's bytes would give. */
void catalogue_digest(const struct catalogue *catalogue, media_handle handle, uint32_t chunk,
                      uint8_t ret_digest[HASH_BYTES]);
const struct media_proof *catalogue_proof(struct catalogue *catalogue, media_handle handle,
                                          uint32_t row);

#endif
