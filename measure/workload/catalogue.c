/*
 * catalogue.c: manifests, leaf hashes and proofs for tracks that have no bytes.
 */
#include "measure/workload/catalogue.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_RATE_HZ 44100u

/* The finaliser of splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void put_words(const uint64_t words[4], uint8_t ret_hash[HASH_BYTES])
{
    for (uint32_t i = 0; i < HASH_BYTES; i++) {
        ret_hash[i] = (uint8_t)(words[i / 8] >> (8 * (i % 8)));
    }
}

static uint64_t get_word(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (uint32_t i = 0; i < 8; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static void mix_pair(void *context, const uint8_t children[2 * HASH_BYTES],
                     uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    uint64_t words[4] = {1, 2, 3, 4};
    for (uint32_t i = 0; i < 8; i++) {
        words[i % 4] = mix(words[i % 4] + words[(i + 1) % 4] + get_word(children + 8 * i) + i);
    }
    for (uint32_t i = 0; i < 4; i++) {
        words[i] = mix(words[i] + words[(i + 3) % 4]);
    }
    put_words(words, ret_hash);
}

const struct media_hasher catalogue_hasher = {.pair = mix_pair};

static void leaf_hash(uint64_t seed, uint32_t track, uint32_t chunk, uint8_t ret_hash[HASH_BYTES])
{
    uint64_t start = mix(seed) + ((uint64_t)track << 32 | chunk);
    const uint64_t words[4] = {mix(start), mix(start + 1), mix(~start), mix(~start - 1)};
    put_words(words, ret_hash);
}

static uint8_t (*make_leaves(uint64_t seed, uint32_t track, uint64_t bytes))[HASH_BYTES]
{
    uint32_t count = media_chunk_count(bytes);
    uint8_t(*leaves)[HASH_BYTES] = measure_grow(NULL, count, sizeof *leaves);
    for (uint32_t i = 0; i < count; i++) {
        leaf_hash(seed, track, i, leaves[i]);
    }
    return leaves;
}

static void encode(struct catalogue_track *track, uint32_t number,
                   const struct workload_track *spec)
{
    static const char name[] = "Simulated";
    uint8_t buffer[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = 0;
    struct media_manifest manifest = {.title = {name, sizeof name - 1},
                                      .track_number = (uint16_t)(number % 1000 + 1),
                                      .file_count = 1};
    struct media_file *file = &manifest.files[0];
    *file = (struct media_file){.id = track->file,
                                .source = track->file,
                                .codec = MEDIA_CODEC_VORBIS,
                                .container = MEDIA_CONTAINER_OGG,
                                .channels = 2,
                                .rate_hz = SAMPLE_RATE_HZ,
                                .bitrate_bps = spec->bitrate_bps,
                                .track_gain = MEDIA_GAIN_UNKNOWN,
                                .album_gain = MEDIA_GAIN_UNKNOWN,
                                .start_run_count = spec->run_count};
    file->samples = time_scale(spec->duration_us, SAMPLE_RATE_HZ, TIME_US_PER_S);
    file->samples = file->samples == 0 ? 1 : file->samples;
    memcpy(file->start_runs, spec->runs, sizeof spec->runs);
    memcpy(manifest.track_id, track->id, TRACK_ID_BYTES);
    int error = media_manifest_encode(&manifest, buffer, sizeof buffer, &bytes);
    assert(error == 0);
    (void)error;
    track->duration_us = media_file_duration_us(file);
    track->manifest = measure_grow(NULL, bytes, 1);
    track->manifest_bytes = (uint32_t)bytes;
    memcpy(track->manifest, buffer, bytes);
}

static void make_track(struct catalogue *catalogue, uint32_t number,
                       const struct workload_track *spec)
{
    struct catalogue_track *track = &catalogue->tracks[number];
    uint8_t(*leaves)[HASH_BYTES] = make_leaves(catalogue->seed, number, spec->bytes);
    *track = (struct catalogue_track){.file = {.bytes = spec->bytes}};
    media_merkle_root(&catalogue_hasher, (const uint8_t(*)[HASH_BYTES])leaves,
                      media_chunk_count(spec->bytes), track->file.root);
    free(leaves);
    for (uint32_t i = 0; i < 4; i++) {
        track->id[i] = (uint8_t)(number >> (24 - 8 * i));
    }
    memcpy(track->id + 4, track->file.root, TRACK_ID_BYTES - 4);
    track->handle = media_intern_put(catalogue->intern, &track->file);
    assert(track->handle == number + 1);
    encode(track, number, spec);
}

void catalogue_init(struct catalogue *catalogue, const struct workload *workload, uint64_t seed)
{
    *catalogue = (struct catalogue){.count = workload->track_count, .seed = seed};
    catalogue->intern = media_intern_new(seed);
    catalogue->tracks = measure_grow(NULL, workload->track_count, sizeof *catalogue->tracks);
    for (uint32_t i = 0; i < workload->track_count; i++) {
        make_track(catalogue, i, &workload->tracks[i]);
    }
}

void catalogue_deinit(struct catalogue *catalogue)
{
    for (uint32_t i = 0; i < catalogue->count; i++) {
        free(catalogue->tracks[i].manifest);
        free(catalogue->tracks[i].proofs);
    }
    free(catalogue->tracks);
    media_intern_free(catalogue->intern);
    *catalogue = (struct catalogue){0};
}

struct catalogue_track *catalogue_find(const struct catalogue *catalogue,
                                       const uint8_t track_id[TRACK_ID_BYTES])
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < 4; i++) {
        number = number << 8 | track_id[i];
    }
    if (number >= catalogue->count ||
        memcmp(catalogue->tracks[number].id, track_id, TRACK_ID_BYTES) != 0) {
        return NULL;
    }
    return &catalogue->tracks[number];
}

struct catalogue_track *catalogue_get(const struct catalogue *catalogue, media_handle handle)
{
    assert(handle > 0 && handle <= catalogue->count);
    return &catalogue->tracks[handle - 1];
}

void catalogue_digest(const struct catalogue *catalogue, media_handle handle, uint32_t chunk,
                      uint8_t ret_digest[HASH_BYTES])
{
    leaf_hash(catalogue->seed, handle - 1, chunk, ret_digest);
}

const struct media_proof *catalogue_proof(struct catalogue *catalogue, media_handle handle,
                                          uint32_t row)
{
    struct catalogue_track *track = catalogue_get(catalogue, handle);
    if (track->proofs == NULL) {
        uint8_t(*leaves)[HASH_BYTES] = make_leaves(catalogue->seed, handle - 1, track->file.bytes);
        track->proofs =
            measure_grow(NULL, media_row_count(track->file.bytes), sizeof *track->proofs);
        int error = media_proof_make_all(&catalogue_hasher, (const uint8_t(*)[HASH_BYTES])leaves,
                                         track->file.bytes, track->proofs);
        assert(error == 0);
        (void)error;
        free(leaves);
    }
    assert(row < media_row_count(track->file.bytes));
    return &track->proofs[row];
}
