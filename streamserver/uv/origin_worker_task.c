/*
 * origin_worker_task.c: what the engine asks for and is answered: signatures, look-ups, reads.
 *
 * Look-ups and signatures are answered at once. A read is too when its bytes are in memory; else
 * one of libuv's threads reads, and its end comes back as an event. Failure modes: what cannot be
 * found or read is answered with an error and told on stderr, at most once a second.
 */
#include "streamserver/uv/origin_worker_state.h"

#include "common/error.h"
#include "common/net/identity.h"
#include "streamserver/command.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* About the catalogue, or the file of this id. */
static void complain(struct origin_worker *worker, const struct media_file_id *id,
                     const char *reason, const char *cure)
{
    char thing[2 * HASH_BYTES + 1] = "catalogue";
    uint64_t now_us = net_now_us();
    if (now_us < worker->complain_next_us) {
        return;
    }
    worker->complain_next_us = now_us + ORIGIN_WORKER_COMPLAIN_US;
    if (id != NULL) {
        media_hex_encode(id->root, HASH_BYTES, thing);
    }
    command_complain(thing, reason, cure);
}

static void sign(struct origin_worker *worker, const struct origin_effect *effect,
                 struct origin_event *ret_event)
{
    ret_event->kind = ORIGIN_EVENT_SIGNED;
    ret_event->signed_hello.link = effect->sign.link;
    if (effect->sign.form == P2P_IDENTITY_TLS) {
        memcpy(ret_event->signed_hello.signature, worker->tls_signature, SIGNATURE_BYTES);
        return;
    }
    int error = net_identity_sign(NET_IDENTITY_NONCE, worker->config.folder->key,
                                  effect->sign.nonce, ret_event->signed_hello.signature);
    if (error != 0) { /* zeros are no signature: the player will go */
        complain(worker, NULL, error_text(error), NULL);
    }
}

/* The ids that a manifest names get handles, so that requests for them need no look-up. */
static bool intern_files(struct origin_worker *worker, size_t bytes)
{
    struct media_manifest manifest;
    if (media_manifest_decode(worker->manifest, bytes, &manifest) != 0) {
        return true; /* the engine looks at it too, and rejects */
    }
    for (uint32_t i = 0; i < manifest.file_count; i++) {
        if (media_intern_put(worker->intern, &manifest.files[i].id) == 0) {
            return false;
        }
    }
    return true;
}

static void find_track(struct origin_worker *worker, const struct origin_effect *effect,
                       struct origin_event *ret_event)
{
    size_t bytes = 0;
    ret_event->kind = ORIGIN_EVENT_TRACK_FOUND;
    ret_event->track_found.operation = effect->find_track.operation;
    ret_event->track_found.manifest = NULL;
    ret_event->track_found.manifest_bytes = 0;
    int error = catalogue_get_manifest(worker->config.folder->catalogue,
                                       effect->find_track.track_id, worker->manifest, &bytes);
    if (error == 0 && intern_files(worker, bytes)) {
        ret_event->track_found.manifest = worker->manifest;
        ret_event->track_found.manifest_bytes = (uint32_t)bytes;
    } else if (error != ERROR_NOT_FOUND) {
        complain(worker, NULL, error_text(error == 0 ? ERROR_NO_MEMORY : error), NULL);
    }
}

static void find_file(struct origin_worker *worker, const struct origin_effect *effect,
                      struct origin_event *ret_event)
{
    enum catalogue_kind kind;
    ret_event->kind = ORIGIN_EVENT_FILE_FOUND;
    ret_event->file_found.operation = effect->find_file.operation;
    ret_event->file_found.file = 0;
    int error =
        catalogue_get_file(worker->config.folder->catalogue, &effect->find_file.file, &kind, NULL);
    if (error == 0) {
        ret_event->file_found.file = media_intern_put(worker->intern, &effect->find_file.file);
    } else if (error != ERROR_NOT_FOUND) {
        complain(worker, NULL, error_text(error), NULL);
    }
}

/* `proof` lives until the engine has been stepped with the event. */
static void find_proof(struct origin_worker *worker, const struct origin_effect *effect,
                       struct media_proof *proof, struct origin_event *ret_event)
{
    const struct media_file_id *id = media_intern_id(worker->intern, effect->find_proof.file);
    ret_event->kind = ORIGIN_EVENT_PROOF_FOUND;
    ret_event->proof_found.operation = effect->find_proof.operation;
    ret_event->proof_found.proof = proof;
    int error =
        catalogue_get_proof(worker->config.folder->catalogue, id, effect->find_proof.row, proof);
    if (error != 0) {
        ret_event->proof_found.proof = NULL;
        complain(worker, id, "its proofs cannot be read", "add the file again to a new origin");
    }
}

static void end_read(struct origin_worker *worker, const struct origin_worker_read *read,
                     struct origin_event *ret_event)
{
    if (media_files_done(worker->files, &read->read, read->error)) {
        char reason[96];
        (void)snprintf(reason, sizeof reason, "chunk %u: %s", read->read.chunk,
                       read->error == ERROR_DAMAGED ? "the file has rotted on disk"
                                                    : error_text(read->error));
        complain(worker, media_intern_id(worker->intern, read->file), reason,
                 "restore it from a copy; players are told that it is damaged");
    }
    ret_event->kind = ORIGIN_EVENT_READ_DONE;
    ret_event->read_done.slot = (uint32_t)(read - worker->reads);
    ret_event->read_done.error = read->error;
}

static void work(uv_work_t *work)
{
    struct origin_worker_read *read = work->data;
    size_t slot = (size_t)(read - read->worker->reads);
    read->error = media_files_read(&read->read, true, read->worker->slots + slot * CHUNK_BYTES);
}

static void on_worked(uv_work_t *work, int status)
{
    struct origin_worker_read *read = work->data;
    struct origin_worker *worker = read->worker;
    struct origin_event event = {.kind = ORIGIN_EVENT_TICK};
    assert(status == 0); /* nobody cancels */
    worker->reads_waiting--;
    end_read(worker, read, &event);
    origin_worker_step(worker, &event);
    origin_worker_maybe_stopped(worker);
}

/* False: a thread reads. */
static bool read_chunk(struct origin_worker *worker, const struct origin_effect *effect,
                       struct origin_event *ret_event)
{
    uint32_t slot = effect->read.slot;
    struct origin_worker_read *read = &worker->reads[slot];
    const struct media_file_id *id = media_intern_id(worker->intern, effect->read.file);
    read->worker = worker;
    read->file = effect->read.file;
    int error =
        media_files_prepare(worker->files, effect->read.file, id, effect->read.chunk, &read->read);
    if (error != 0) {
        complain(worker, id,
                 error == ERROR_DAMAGED ? "the file or its proofs have rotted on disk"
                                        : error_text(error),
                 "restore it from a copy; players are told that it is not here");
        ret_event->kind = ORIGIN_EVENT_READ_DONE;
        ret_event->read_done.slot = slot;
        ret_event->read_done.error = error;
        return true;
    }
    uint8_t *bytes = worker->slots + (size_t)slot * CHUNK_BYTES;
    read->error = media_files_read(&read->read, false, bytes);
    if (read->error == ERROR_BUSY) {
        read->work.data = read;
        if (uv_queue_work(net_loop_uv(worker->loop), &read->work, work, on_worked) == 0) {
            worker->reads_waiting++;
            return false;
        }
        read->error = media_files_read(&read->read, true, bytes);
    }
    end_read(worker, read, ret_event);
    return true;
}

bool origin_worker_task(struct origin_worker *worker, const struct origin_effect *effect,
                        struct origin_event *ret_event)
{
    switch (effect->kind) {
    case ORIGIN_EFFECT_SIGN:
        sign(worker, effect, ret_event);
        return true;
    case ORIGIN_EFFECT_FIND_TRACK:
        find_track(worker, effect, ret_event);
        return true;
    case ORIGIN_EFFECT_FIND_FILE:
        find_file(worker, effect, ret_event);
        return true;
    case ORIGIN_EFFECT_FIND_PROOF:
        find_proof(worker, effect, &worker->proof, ret_event);
        return true;
    case ORIGIN_EFFECT_READ:
        return read_chunk(worker, effect, ret_event);
    case ORIGIN_EFFECT_SEND:
    case ORIGIN_EFFECT_DISCONNECT:
    case ORIGIN_EFFECT_KINDS:
        break;
    }
    assert(0 && "an effect that is answered");
    return false;
}
