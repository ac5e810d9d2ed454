/*
 * giving.c: what peers ask for, looked up in the store on the disk's thread.
 *
 * A page that is not in memory costs milliseconds, and hashing a row that was not read before a tenth
 * of one: neither may stall the loop. The store verifies each row once after it was opened. A give
 * slot belongs to its job from READ until GIVE_READ.
 *
 * Failure modes: no memory, or too many jobs, is told as "not here"; rotten rows are told to the node
 * as a decoder's are.
 */
#include "common/error.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct read_job {
    struct disk_job job;
    struct engine *engine;
    struct media_file_id id;
    media_handle file;
    uint32_t chunk, slot;
    int error;
};

struct proof_job {
    struct disk_job job;
    struct engine *engine;
    struct media_file_id id;
    media_handle file;
    uint32_t row, operation;
    int error;
    struct media_proof proof;
};

struct track_job {
    struct disk_job job;
    struct engine *engine;
    uint8_t track_id[TRACK_ID_BYTES];
    uint32_t operation, count;
    int error;
    uint8_t bytes[STORE_MANIFEST_BYTES_MAX];
};

uint8_t *giving_slot(const struct engine *engine, uint32_t slot)
{
    assert(slot < ENGINE_GIVE_SLOTS);
    return engine->peers.give_slots + (size_t)slot * CHUNK_BYTES;
}

static void report_rotten(struct engine *engine, media_handle file, uint32_t row)
{
    struct node_event event = {.kind = NODE_EVENT_ROTTEN};
    event.rotten.file = file;
    event.rotten.row = row;
    engine_step(engine, &event);
}

/* --- chunks ---------------------------------------------------------------------------------------- */

static void work_read(struct disk_job *base)
{
    struct read_job *job = (struct read_job *)base;
    uint32_t count = 0;
    job->error = store_read(job->engine->store, &job->id, job->chunk,
                            giving_slot(job->engine, job->slot), &count);
}

static void done_read(struct disk_job *base)
{
    struct read_job *job = (struct read_job *)base;
    struct node_event event = {.kind = NODE_EVENT_GIVE_READ};
    event.give_read.slot = job->slot;
    event.give_read.error = job->error < 0 ? ERROR_IO : job->error;
    if (job->error == ERROR_MISMATCH) {
        report_rotten(job->engine, job->file, job->chunk / ROW_CHUNKS);
    }
    engine_step(job->engine, &event);
    free(job);
}

static void refuse_read(struct engine *engine, uint32_t slot)
{
    struct node_event event = {.kind = NODE_EVENT_GIVE_READ};
    event.give_read.slot = slot;
    event.give_read.error = ERROR_NOT_FOUND;
    engine_answer(engine, &event, NULL, 0);
}

void giving_read(struct engine *engine, const struct node_effect *effect)
{
    struct read_job *job = engine->store != NULL ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        refuse_read(engine, effect->read.slot);
        return;
    }
    job->job = (struct disk_job){.work = work_read, .done = done_read};
    job->engine = engine;
    job->file = effect->read.file;
    job->id = *media_intern_id(engine->intern, effect->read.file);
    job->chunk = effect->read.chunk;
    job->slot = effect->read.slot;
    if (disk_submit(engine->peers.disk, &job->job) != 0) {
        refuse_read(engine, effect->read.slot);
        free(job);
    }
}

/* --- proofs ---------------------------------------------------------------------------------------- */

static void work_proof(struct disk_job *base)
{
    struct proof_job *job = (struct proof_job *)base;
    job->error = store_read_proof(job->engine->store, &job->id, job->row, &job->proof);
}

static void done_proof(struct disk_job *base)
{
    struct proof_job *job = (struct proof_job *)base;
    struct node_event event = {.kind = NODE_EVENT_PROOF_FOUND};
    event.proof_found.operation = job->operation;
    event.proof_found.proof = job->error == 0 ? &job->proof : NULL;
    if (job->error == ERROR_MISMATCH) {
        report_rotten(job->engine, job->file, job->row);
    }
    engine_step(job->engine, &event);
    free(job);
}

static void refuse_proof(struct engine *engine, uint32_t operation)
{
    struct node_event event = {.kind = NODE_EVENT_PROOF_FOUND};
    event.proof_found.operation = operation;
    engine_answer(engine, &event, NULL, 0);
}

void giving_find_proof(struct engine *engine, const struct node_effect *effect)
{
    struct proof_job *job = engine->store != NULL ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        refuse_proof(engine, effect->find_proof.operation);
        return;
    }
    job->job = (struct disk_job){.work = work_proof, .done = done_proof};
    job->engine = engine;
    job->file = effect->find_proof.file;
    job->id = *media_intern_id(engine->intern, effect->find_proof.file);
    job->row = effect->find_proof.row;
    job->operation = effect->find_proof.operation;
    if (disk_submit(engine->peers.disk, &job->job) != 0) {
        refuse_proof(engine, effect->find_proof.operation);
        free(job);
    }
}

/* --- manifests ------------------------------------------------------------------------------------- */

static void work_track(struct disk_job *base)
{
    struct track_job *job = (struct track_job *)base;
    job->error = store_load_manifest(job->engine->store, job->track_id, job->bytes, &job->count);
}

/* The bytes are lent to the node until its next step, that is, until the next manifest at least. */
static void done_track(struct disk_job *base)
{
    struct track_job *job = (struct track_job *)base;
    struct engine_peers *peers = &job->engine->peers;
    struct node_event event = {.kind = NODE_EVENT_TRACK_FOUND};
    event.track_found.operation = job->operation;
    if (job->error == 0) {
        memcpy(peers->lent_manifest, job->bytes, job->count);
        event.track_found.manifest = peers->lent_manifest;
        event.track_found.manifest_bytes = job->count;
    }
    engine_step(job->engine, &event);
    free(job);
}

static void refuse_track(struct engine *engine, uint32_t operation)
{
    struct node_event event = {.kind = NODE_EVENT_TRACK_FOUND};
    event.track_found.operation = operation;
    engine_answer(engine, &event, NULL, 0);
}

void giving_find_track(struct engine *engine, const struct node_effect *effect)
{
    struct track_job *job = engine->store != NULL ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        refuse_track(engine, effect->find_track.operation);
        return;
    }
    job->job = (struct disk_job){.work = work_track, .done = done_track};
    job->engine = engine;
    memcpy(job->track_id, effect->find_track.track_id, TRACK_ID_BYTES);
    job->operation = effect->find_track.operation;
    if (disk_submit(engine->peers.disk, &job->job) != 0) {
        refuse_track(engine, effect->find_track.operation);
        free(job);
    }
}
