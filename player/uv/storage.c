/*
 * storage.c: the durable store as the node's effects and events.
 *
 * Responsible for opening it with the right limit, for telling the node what is there, and for the
 * answers that come back on the writer's thread. Which rows are kept is the node's decision, how
 * they are kept the store's.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "player/uv/engine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* file u32, row u16, mask u8: what STORED repeats. */
static uint64_t storage_token(media_handle file, uint32_t row, uint8_t mask)
{
    return (uint64_t)file << 32 | (uint64_t)row << 8 | mask;
}

/* --- callbacks, on the writer's thread ------------------------------------------------------------- */

static void hash_chunk(void *context, const uint8_t *bytes, size_t count,
                       uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(bytes, count, ret_hash);
}

static void on_stored(void *context, uint64_t token, int error)
{
    struct engine_mail mail = {.kind = ENGINE_MAIL_STORED};
    mail.stored.token = token;
    mail.stored.error = error;
    engine_post(context, &mail);
}

static void on_rotten(void *context, const struct media_file_id *file, uint32_t row)
{
    struct engine_mail mail = {.kind = ENGINE_MAIL_ROTTEN};
    mail.rotten.file = *file;
    mail.rotten.row = row;
    engine_post(context, &mail);
}

static void on_message(void *context, const char *text)
{
    struct engine_mail mail = {.kind = ENGINE_MAIL_WARNING, .text = strdup(text)};
    if (mail.text != NULL && !engine_post(context, &mail)) {
        free(mail.text);
    }
}

/* --- opening ------------------------------------------------------------------------------------------- */

static uint64_t default_limit_bytes(const char *folder)
{
    char path[ENGINE_PATH_BYTES_MAX + 32];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    struct stat status;
    uint64_t file_bytes = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    uint64_t free_bytes = 0;
    if (store_free_bytes(folder, &free_bytes) != 0) {
        free_bytes = 0;
    }
    return store_default_limit_bytes(free_bytes, file_bytes);
}

void storage_open(struct engine *engine, uint64_t limit_bytes, uint64_t *ret_payload_limit_bytes)
{
    char folder[ENGINE_PATH_BYTES_MAX + 16];
    snprintf(folder, sizeof folder, "%s/chunks", engine->paths.cache);
    if (limit_bytes == 0) {
        limit_bytes = default_limit_bytes(folder);
    } else if (limit_bytes < STORE_LIMIT_BYTES_LEAST) {
        limit_bytes = STORE_LIMIT_BYTES_LEAST;
    }
    struct store_config config = {
        .folder = folder,
        .limit_bytes = limit_bytes,
        .hasher = {.chunk = hash_chunk, .pair = {.pair = crypto_sha256_pair}},
        .callbacks = {.context = engine,
                      .stored = on_stored,
                      .rotten = on_rotten,
                      .message = on_message},
    };
    uint64_t payload_limit_bytes = 0;
    int error = store_open(&config, &engine->store);
    if (error == ERROR_DENIED) {
        /* What is there can still be played. */
        config.read_only = true;
        error = store_open(&config, &engine->store);
    } else if (error == 0) {
        payload_limit_bytes = store_payload_limit_bytes(limit_bytes);
    }
    if (error != 0) {
        engine->store = NULL; /* `message` has told why; the music plays without a cache */
    }
    *ret_payload_limit_bytes = payload_limit_bytes;
}

static void list_file(void *context, const struct media_file_id *file, const uint8_t *row_masks,
                      const struct store_use *use)
{
    struct engine *engine = context;
    struct node_event event = {.kind = NODE_EVENT_CACHED_FILE};
    event.cached_file.file = media_intern_put(engine->intern, file);
    event.cached_file.row_masks = row_masks;
    event.cached_file.last_use = use->last_use;
    event.cached_file.is_main = use->is_main;
    if (event.cached_file.file != 0) {
        engine_step(engine, &event);
    }
}

void storage_list(struct engine *engine)
{
    if (engine->store != NULL && store_list_files(engine->store, list_file, engine) != 0) {
        engine_warn(engine,
                    "cache %s: it can't be read whole; \"refrain cache verify\" may repair it",
                    engine->paths.cache);
    }
}

/* --- effects and their answers ----------------------------------------------------------------------------- */

static void answer_stored(struct engine *engine, const struct node_effect *effect, int error)
{
    struct node_event event = {.kind = NODE_EVENT_STORED};
    event.stored.file = effect->store_row.file;
    event.stored.row = effect->store_row.row;
    event.stored.mask = effect->store_row.mask;
    event.stored.error = error;
    engine_answer(engine, &event, NULL, 0);
}

void storage_put_row(struct engine *engine, const struct node_effect *effect)
{
    if (engine->store == NULL) {
        answer_stored(engine, effect, ERROR_FULL);
        return;
    }
    const uint8_t *chunks[ROW_CHUNKS] = {0};
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if ((effect->store_row.mask >> i & 1) != 0) {
            chunks[i] = engine->slots + (size_t)effect->store_row.slots[i] * CHUNK_BYTES;
        }
    }
    uint64_t token =
        storage_token(effect->store_row.file, effect->store_row.row, effect->store_row.mask);
    const struct media_file_id *id = media_intern_id(engine->intern, effect->store_row.file);
    if (store_put_row(engine->store, id, effect->store_row.row, effect->store_row.mask, chunks,
                      effect->store_row.proof, token) != 0) {
        answer_stored(engine, effect, ERROR_FULL);
    }
}

void storage_stored(struct engine *engine, uint64_t token, int error)
{
    struct node_event event = {.kind = NODE_EVENT_STORED};
    event.stored.file = (media_handle)(token >> 32);
    event.stored.row = (uint32_t)(token >> 8) & 0xffffff;
    event.stored.mask = (uint8_t)token;
    event.stored.error = error;
    engine_step(engine, &event);
}

void storage_load_manifest(struct engine *engine, const uint8_t *track_id)
{
    struct node_event event = {.kind = NODE_EVENT_MANIFEST_LOADED};
    memcpy(event.manifest_loaded.track_id, track_id, TRACK_ID_BYTES);
    uint8_t *bytes = engine->store != NULL ? malloc(STORE_MANIFEST_BYTES_MAX) : NULL;
    uint32_t count = 0;
    if (bytes != NULL && store_load_manifest(engine->store, track_id, bytes, &count) == 0) {
        event.manifest_loaded.bytes = bytes;
        event.manifest_loaded.count = count;
    }
    engine_answer(engine, &event, bytes, count);
}

bool storage_has_manifest(struct engine *engine, const uint8_t *track_id, const uint8_t *bytes,
                          uint32_t count)
{
    uint8_t stored[STORE_MANIFEST_BYTES_MAX];
    uint32_t stored_count = 0;
    return engine->store != NULL &&
           store_load_manifest(engine->store, track_id, stored, &stored_count) == 0 &&
           stored_count == count && memcmp(stored, bytes, count) == 0;
}

int storage_read(void *context, const struct media_file_id *id, uint32_t chunk, uint8_t *ret_bytes)
{
    struct engine *engine = context;
    uint32_t count = 0;
    return engine->store != NULL ? store_read(engine->store, id, chunk, ret_bytes, &count)
                                 : ERROR_NOT_FOUND;
}
