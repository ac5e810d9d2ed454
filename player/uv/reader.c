/*
 * reader.c: slots first, then the store, then a want and sleep.
 *
 * Responsible for the hand-over between the engine's thread and decoders' threads: one mutex over
 * the map of READY slots and the wants that are waited for. Bytes are copied out of a slot under
 * the mutex (a chunk takes two microseconds), so that reader_release can promise that nobody looks
 * any more.
 *
 * Happy path of a read: slot or store has the chunk. Failure modes: WANT_FAILED (forwarded),
 * unlock (ERROR_CANCELLED; a want on its way is dropped), a rotten row (reported, then wanted).
 * A want that the node cancelled while we are not unlocked is asked again: a seek passed it. So is
 * one that was met with a chunk that is gone again; after READER_ROUNDS_MAX the read fails.
 */
#include "player/uv/reader.h"

#include "common/error.h"
#include "common/table.h"
#include "media/core/file_id.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Where a verified chunk is; the key comes first (common/table.h). */
struct placed {
    media_handle file;
    uint32_t chunk;
    uint32_t slot;
};

struct reader {
    struct reader_config config;
    pthread_mutex_t mutex; /* of all below */
    struct table placed;
    struct placed *by_slot; /* file == 0: not ready */
    struct reader_file *files;
    uint32_t last_want;
};

struct reader_file {
    struct reader *reader;
    struct reader_file *next, **link; /* in reader->files; under its mutex */
    uint32_t entry;
    media_handle handle;
    struct media_file_id id;
    pthread_cond_t answered;
    uint32_t want; /* 0 = none is waited for; under mutex */
    bool met;      /* the want was answered with ... */
    int error;     /* ... 0 or this */
    bool unlocked; /* under mutex */

    /* The reading thread's own. */
    uint64_t *read; /* a bit a chunk: was reported; owned */
    uint32_t chunk; /* which is in `bytes`; UINT32_MAX = none */
    uint8_t bytes[CHUNK_BYTES];
};

int reader_new(const struct reader_config *config, struct reader **ret_reader)
{
    assert(config->slots != NULL && config->store_read != NULL && config->post != NULL);
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ERROR_NO_MEMORY;
    }
    reader->by_slot = calloc(config->slot_count, sizeof *reader->by_slot);
    if (reader->by_slot == NULL) {
        free(reader);
        return ERROR_NO_MEMORY;
    }
    reader->config = *config;
    pthread_mutex_init(&reader->mutex, NULL);
    table_init(&reader->placed, sizeof(struct placed), offsetof(struct placed, slot), config->seed);
    *ret_reader = reader;
    return 0;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    assert(reader->files == NULL);
    table_deinit(&reader->placed);
    pthread_mutex_destroy(&reader->mutex);
    free(reader->by_slot);
    free(reader);
}

/* --- the engine's side ---------------------------------------------------------------------------- */

int reader_ready(struct reader *reader, media_handle file, uint32_t chunk, uint32_t slot)
{
    assert(slot < reader->config.slot_count && file != 0);
    int error = 0;
    struct placed key = {.file = file, .chunk = chunk};
    pthread_mutex_lock(&reader->mutex);
    struct placed *placed = table_put(&reader->placed, &key, NULL);
    if (placed != NULL) {
        placed->slot = slot;
        reader->by_slot[slot] = key;
    } else {
        error = ERROR_NO_MEMORY;
    }
    pthread_mutex_unlock(&reader->mutex);
    return error;
}

void reader_release(struct reader *reader, uint32_t slot)
{
    assert(slot < reader->config.slot_count);
    pthread_mutex_lock(&reader->mutex);
    struct placed *key = &reader->by_slot[slot];
    if (key->file != 0) {
        const struct placed *placed = table_get(&reader->placed, key);
        if (placed != NULL && placed->slot == slot) {
            table_remove(&reader->placed, key);
        }
        key->file = 0;
    }
    pthread_mutex_unlock(&reader->mutex);
}

static void answer(struct reader *reader, uint32_t want, int error)
{
    pthread_mutex_lock(&reader->mutex);
    for (struct reader_file *file = reader->files; file != NULL; file = file->next) {
        if (file->want == want) {
            file->met = true;
            file->error = error;
            pthread_cond_signal(&file->answered);
        }
    }
    pthread_mutex_unlock(&reader->mutex);
}

void reader_want_met(struct reader *reader, uint32_t want)
{
    answer(reader, want, 0);
}

void reader_want_failed(struct reader *reader, uint32_t want, int error)
{
    assert(error != 0);
    answer(reader, want, error);
}

int reader_file_open(struct reader *reader, uint32_t entry, media_handle handle,
                     const struct media_file_id *id, struct reader_file **ret_file)
{
    assert(media_file_id_valid(id));
    struct reader_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return ERROR_NO_MEMORY;
    }
    file->read = calloc((media_chunk_count(id->bytes) + 63u) / 64u, sizeof *file->read);
    if (file->read == NULL) {
        free(file);
        return ERROR_NO_MEMORY;
    }
    file->reader = reader;
    file->entry = entry;
    file->handle = handle;
    file->id = *id;
    file->chunk = UINT32_MAX;
    pthread_cond_init(&file->answered, NULL);
    pthread_mutex_lock(&reader->mutex);
    file->next = reader->files;
    file->link = &reader->files;
    if (file->next != NULL) {
        file->next->link = &file->next;
    }
    reader->files = file;
    pthread_mutex_unlock(&reader->mutex);
    *ret_file = file;
    return 0;
}

void reader_file_close(struct reader_file *file)
{
    if (file == NULL) {
        return;
    }
    pthread_mutex_lock(&file->reader->mutex);
    *file->link = file->next;
    if (file->next != NULL) {
        file->next->link = file->link;
    }
    pthread_mutex_unlock(&file->reader->mutex);
    pthread_cond_destroy(&file->answered);
    free(file->read);
    free(file);
}

/* --- the reading side -------------------------------------------------------------------------------- */

static void set_unlocked(struct reader_file *file, bool unlocked)
{
    pthread_mutex_lock(&file->reader->mutex);
    file->unlocked = unlocked;
    pthread_cond_signal(&file->answered);
    pthread_mutex_unlock(&file->reader->mutex);
}

void reader_file_unlock(void *file)
{
    set_unlocked(file, true);
}

void reader_file_unlock_stop(void *file)
{
    set_unlocked(file, false);
}

static void post(struct reader_file *file, enum reader_post_kind kind, uint32_t want,
                 uint32_t first_chunk, uint32_t count)
{
    struct reader_post message = {
        .kind = kind,
        .want = want,
        .entry = file->entry,
        .file = file->handle,
        .first_chunk = first_chunk,
        .count = count,
    };
    file->reader->config.post(file->reader->config.context, &message);
}

/* Copies it from a slot. 0, ERROR_NOT_FOUND, ERROR_CANCELLED. */
static int copy_from_slot(struct reader_file *file, uint32_t chunk)
{
    struct reader *reader = file->reader;
    struct placed key = {.file = file->handle, .chunk = chunk};
    int error = ERROR_NOT_FOUND;
    pthread_mutex_lock(&reader->mutex);
    const struct placed *placed = table_get(&reader->placed, &key);
    if (file->unlocked) {
        error = ERROR_CANCELLED;
    } else if (placed != NULL) {
        memcpy(file->bytes, reader->config.slots + (size_t)placed->slot * CHUNK_BYTES,
               media_chunk_bytes(file->id.bytes, chunk));
        error = 0;
    }
    pthread_mutex_unlock(&reader->mutex);
    return error;
}

/* Asks for chunks and sleeps until the node has answered. 0: look again. */
static int want(struct reader_file *file, uint32_t first_chunk, uint32_t count)
{
    struct reader *reader = file->reader;
    pthread_mutex_lock(&reader->mutex);
    uint32_t number = ++reader->last_want;
    if (number == 0) {
        number = ++reader->last_want;
    }
    file->want = number;
    file->met = false;
    pthread_mutex_unlock(&reader->mutex);
    post(file, READER_POST_WANT, number, first_chunk, count);

    pthread_mutex_lock(&reader->mutex);
    while (!file->met && !file->unlocked) {
        pthread_cond_wait(&file->answered, &reader->mutex);
    }
    bool met = file->met;
    int error = met ? file->error : ERROR_CANCELLED;
    bool unlocked = file->unlocked;
    file->want = 0;
    pthread_mutex_unlock(&reader->mutex);
    if (!met) {
        post(file, READER_POST_DROPPED, number, first_chunk, count);
    }
    return error == ERROR_CANCELLED && !unlocked ? 0 : error;
}

static void report_read(struct reader_file *file, uint32_t chunk)
{
    uint64_t bit = UINT64_C(1) << (chunk % 64);
    if ((file->read[chunk / 64] & bit) == 0) {
        file->read[chunk / 64] |= bit;
        post(file, READER_POST_READ, 0, chunk, 1);
    }
}

/* Gets a chunk into file->bytes; what else of `count` chunks will be needed is wanted with it. */
static int load(struct reader_file *file, uint32_t chunk, uint32_t count)
{
    if (file->chunk == chunk) {
        return 0;
    }
    file->chunk = UINT32_MAX;
    const struct reader_config *config = &file->reader->config;
    int error = copy_from_slot(file, chunk);
    for (uint32_t round = 0; error == ERROR_NOT_FOUND; round++) {
        error = config->store_read(config->context, &file->id, chunk, file->bytes);
        if (error == 0) {
            break;
        }
        if (error == ERROR_MISMATCH) {
            post(file, READER_POST_ROTTEN, 0, chunk, 1);
        }
        if (round == READER_ROUNDS_MAX) {
            return ERROR_TIMEOUT;
        }
        error = want(file, chunk, count < ROW_CHUNKS ? count : ROW_CHUNKS);
        if (error != 0) {
            return error;
        }
        error = copy_from_slot(file, chunk);
    }
    if (error == 0) {
        file->chunk = chunk;
        report_read(file, chunk);
    }
    return error;
}

int reader_file_read(void *context, uint64_t offset, void *ret_bytes, uint32_t count)
{
    struct reader_file *file = context;
    assert(count > 0 && offset < file->id.bytes && count <= file->id.bytes - offset);
    uint8_t *to = ret_bytes;
    uint32_t last = (uint32_t)((offset + count - 1) / CHUNK_BYTES);
    while (count > 0) {
        uint32_t chunk = (uint32_t)(offset / CHUNK_BYTES);
        uint32_t at = (uint32_t)(offset % CHUNK_BYTES);
        uint32_t part = CHUNK_BYTES - at < count ? CHUNK_BYTES - at : count;
        int error = load(file, chunk, last - chunk + 1);
        if (error != 0) {
            return error;
        }
        memcpy(to, file->bytes + at, part);
        to += part;
        offset += part;
        count -= part;
    }
    return 0;
}
