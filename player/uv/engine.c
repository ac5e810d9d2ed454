/*
 * engine.c: life cycle of the shell, commands, and the pump that steps the node.
 *
 * Responsible for one step at a time, in the order of docs/ENGINE.md: an event goes in, the effects
 * are carried out in the order of the update, the answers that they made are stepped one after the
 * other, and only then does the loop go on. Callbacks of libraries and mails of other threads come
 * here as events and nothing else.
 *
 * Failure modes: no memory in the node or for an answer is fatal for the engine (on_fatal). A store
 * that does not open is not: the music plays without a cache.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/crypto.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- telling ------------------------------------------------------------------------------------- */

void engine_fail(struct engine *engine, int exit_code, const char *format, ...)
{
    if (engine->dead) {
        return;
    }
    engine->dead = true;
    struct engine_failure failure = {.exit_code = exit_code};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure.message, sizeof failure.message, format, arguments);
    va_end(arguments);
    if (engine->callbacks.on_fatal != NULL) {
        engine->callbacks.on_fatal(engine->callbacks.context, &failure);
    }
}

void engine_warn(struct engine *engine, const char *format, ...)
{
    char text[ENGINE_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (engine->callbacks.on_warning != NULL) {
        engine->callbacks.on_warning(engine->callbacks.context, text);
    }
}

/* --- the pump --------------------------------------------------------------------------------------- */

static void fail_memory(struct engine *engine)
{
    engine_fail(engine, EXIT_CODE_INTERNAL, "player: out of memory; close other programs");
}

void engine_answer(struct engine *engine, const struct node_event *event, uint8_t *bytes,
                   uint32_t count)
{
    if (engine->answer_count == engine->answer_capacity) {
        uint32_t capacity =
            engine->answer_capacity == 0 ? ENGINE_ANSWERS_FIRST : engine->answer_capacity * 2;
        struct engine_answer *answers = realloc(engine->answers, capacity * sizeof *answers);
        if (answers == NULL) {
            free(bytes);
            fail_memory(engine);
            return;
        }
        engine->answers = answers;
        engine->answer_capacity = capacity;
    }
    engine->answers[engine->answer_count++] =
        (struct engine_answer){.event = *event, .bytes = bytes, .count = count};
}

static void step_once(struct engine *engine, struct node_event *event)
{
    if (engine->dead) {
        return;
    }
    struct node_update update;
    event->now_us = net_now_us();
    int error = node_step(engine->node, event, &update);
    if (error != 0) {
        fail_memory(engine);
        return;
    }
    if (engine->tape != NULL) {
        tape_write(engine->tape, event, &update, engine->intern);
    }
    for (uint32_t i = 0; i < update.count && !engine->dead; i++) {
        effects_carry_out(engine, &update.effects[i]);
    }
    net_deadline_set(engine->deadline, update.next_deadline_us);
}

/* A manifest that the node has taken in is told of afterwards, when its files are interned. */
static void tell_manifest(struct engine *engine, const struct engine_answer *answer)
{
    struct media_manifest manifest;
    if (answer->event.kind == NODE_EVENT_MANIFEST_CHECKED && answer->bytes != NULL &&
        engine->callbacks.on_manifest != NULL &&
        media_manifest_decode(answer->bytes, answer->count, &manifest) == 0) {
        engine->callbacks.on_manifest(engine->callbacks.context, &manifest);
    }
}

void engine_step(struct engine *engine, struct node_event *event)
{
    if (engine->stepping) {
        engine_answer(engine, event, NULL, 0);
        return;
    }
    engine->stepping = true;
    step_once(engine, event);
    engine->payload = NULL;
    while (engine->answer_first < engine->answer_count) {
        struct engine_answer answer = engine->answers[engine->answer_first++];
        step_once(engine, &answer.event);
        tell_manifest(engine, &answer);
        free(answer.bytes);
    }
    engine->answer_first = 0;
    engine->answer_count = 0;
    engine->stepping = false;
}

static void step_plain(struct engine *engine, enum node_event_kind kind)
{
    struct node_event event = {.kind = kind};
    engine_step(engine, &event);
}

static void deadline_came(void *context)
{
    step_plain(context, NODE_EVENT_TICK);
}

/* --- mail of other threads --------------------------------------------------------------------------- */

bool engine_post(struct engine *engine, const struct engine_mail *mail)
{
    for (;;) {
        int error = net_mailbox_post(engine->mailbox, mail);
        if (error == 0) {
            return true;
        }
        if (error != ERROR_FULL || atomic_load(&engine->closing)) {
            return false;
        }
        sched_yield();
    }
}

static void post_reader(void *context, const struct reader_post *post)
{
    struct engine_mail mail = {.kind = ENGINE_MAIL_READER, .reader = *post};
    engine_post(context, &mail);
}

static void post_output(void *context, const struct output_event *event)
{
    struct engine_mail mail = {.kind = ENGINE_MAIL_OUTPUT, .output = *event};
    engine_post(context, &mail);
}

static void take_reader_mail(struct engine *engine, const struct reader_post *post)
{
    struct node_event event = {0};
    switch (post->kind) {
    case READER_POST_WANT:
        event.kind = NODE_EVENT_WANT;
        event.want.want = post->want;
        event.want.entry = post->entry;
        event.want.file = post->file;
        event.want.first_chunk = post->first_chunk;
        event.want.count = post->count;
        break;
    case READER_POST_DROPPED:
        event.kind = NODE_EVENT_WANT_DROPPED;
        event.want_dropped.want = post->want;
        break;
    case READER_POST_READ:
        sound_read(engine, post);
        return;
    case READER_POST_ROTTEN:
        event.kind = NODE_EVENT_ROTTEN;
        event.rotten.file = post->file;
        event.rotten.row = post->first_chunk / ROW_CHUNKS;
        break;
    }
    engine_step(engine, &event);
}

static void take_rotten(struct engine *engine, const struct media_file_id *file, uint32_t row)
{
    struct node_event event = {.kind = NODE_EVENT_ROTTEN};
    event.rotten.file = media_intern_find(engine->intern, file);
    event.rotten.row = row;
    if (event.rotten.file != 0) {
        engine_step(engine, &event);
    }
}

static void take_mail(void *context, const void *message)
{
    struct engine *engine = context;
    const struct engine_mail *mail = message;
    switch (mail->kind) {
    case ENGINE_MAIL_READER:
        take_reader_mail(engine, &mail->reader);
        break;
    case ENGINE_MAIL_OUTPUT:
        sound_hear(engine, &mail->output);
        break;
    case ENGINE_MAIL_STORED:
        storage_stored(engine, mail->stored.token, mail->stored.error);
        break;
    case ENGINE_MAIL_ROTTEN:
        take_rotten(engine, &mail->rotten.file, mail->rotten.row);
        break;
    case ENGINE_MAIL_WARNING:
        engine_warn(engine, "%s", mail->text);
        free(mail->text);
        break;
    }
}

/* --- opening ------------------------------------------------------------------------------------------ */

static int fail_open(struct engine_failure *ret_failure, int error, int exit_code,
                     const char *message)
{
    ret_failure->exit_code = exit_code;
    snprintf(ret_failure->message, sizeof ret_failure->message, "%s", message);
    return error;
}

static int take_lock(struct engine *engine, struct engine_failure *ret_failure)
{
    int pid = 0;
    int error = engine_lock(&engine->paths, &engine->lock, &pid);
    if (error == 0) {
        return 0;
    }
    ret_failure->exit_code = error == ERROR_BUSY ? EXIT_CODE_IN_USE : EXIT_CODE_STORAGE;
    if (error == ERROR_BUSY) {
        char holder[64] = "another refrain";
        if (pid > 0) {
            snprintf(holder, sizeof holder, "refrain with process id %d", pid);
        }
        snprintf(ret_failure->message, sizeof ret_failure->message,
                 "state folder %.300s: %s uses it; end that one, or set XDG_STATE_HOME to another "
                 "folder",
                 engine->paths.state, holder);
    } else {
        snprintf(
            ret_failure->message, sizeof ret_failure->message,
            "state folder %.300s: %s; make it writable, or set XDG_STATE_HOME to another folder",
            engine->paths.state, strerror(errno));
    }
    return error;
}

static int open_origin(struct engine *engine, const struct engine_config *config,
                       struct engine_failure *ret_failure)
{
    if (config->offline || config->origin_url == NULL) {
        return 0;
    }
    int error = net_url_parse(config->origin_url, &engine->origin.url);
    if (error != 0) {
        snprintf(ret_failure->message, sizeof ret_failure->message,
                 "origin %.200s: %s; give it as https://HOST:PORT, http://HOST:PORT or HOST",
                 config->origin_url, error_text(error));
        ret_failure->exit_code = EXIT_CODE_USAGE;
        return error;
    }
    engine->origin.configured = true;
    origin_link_begin(engine);
    return 0;
}

static int open_output(struct engine *engine, const struct engine_config *config)
{
    if (config->silent) {
        return 0;
    }
    struct output_config output = {
        .kind = config->output,
        .path = config->output_path,
        .fast = config->fast,
        .post = post_output,
        .context = engine,
    };
    return output_open(&output, &engine->output);
}

static int open_reader(struct engine *engine, const struct engine_config *config, uint64_t seed)
{
    /* Who only fetches goes on while the disk syncs. Memory that is not used is not there. */
    engine->slot_count = config->silent ? ENGINE_SLOTS_SILENT : NODE_SLOTS_DEFAULT;
    engine->slots = calloc(engine->slot_count, CHUNK_BYTES);
    if (engine->slots == NULL) {
        return ERROR_NO_MEMORY;
    }
    struct reader_config reader = {
        .slots = engine->slots,
        .slot_count = engine->slot_count,
        .seed = seed,
        .store_read = storage_read,
        .post = post_reader,
        .context = engine,
    };
    return reader_new(&reader, &engine->reader);
}

static int open_node(struct engine *engine, const struct engine_config *config, uint64_t seed,
                     uint64_t cache_limit_bytes)
{
    const char *name = config->preset != NULL ? config->preset : "refrain";
    struct node_config node = {
        .intern = engine->intern,
        .hasher = {.pair = crypto_sha256_pair},
        .preset = node_preset_find(name),
        .seed = seed,
        .cache_limit_bytes = cache_limit_bytes,
        .slot_count = engine->slot_count,
        .offline = config->offline,
        .fast = config->fast || config->output == OUTPUT_WAV,
    };
    assert(node.preset != NULL);
    if (engine->peers.is_on) {
        node.with_peers = true;
        node.give_slot_count = ENGINE_GIVE_SLOTS;
        memcpy(node.peer_id, peer_identity_id(engine->peers.identity), HASH_BYTES);
    }
    int error = node_new(&node, &engine->node);
    if (error != 0 || config->record_path == NULL) {
        return error;
    }
    struct record_head head = {.seed = seed,
                               .cache_limit_bytes = cache_limit_bytes,
                               .slot_count = engine->slot_count,
                               .offline = node.offline,
                               .fast = node.fast,
                               .with_peers = node.with_peers,
                               .give_slot_count = node.give_slot_count};
    memcpy(head.peer_id, node.peer_id, HASH_BYTES);
    snprintf(head.preset, sizeof head.preset, "%s", name);
    return tape_open(config->record_path, &head, &engine->tape);
}

static void retry_store(void *context)
{
    struct engine *engine = context;
    if (engine->store == NULL || atomic_load(&engine->closing)) {
        return;
    }
    store_retry(engine->store);
    struct node_event event = {.kind = NODE_EVENT_CACHE_STATE};
    event.cache_state.writable = true;
    engine_step(engine, &event);
}

/* All that needs no file, no lock and no other thread. */
static int open_base(struct engine *engine)
{
    int error = net_mailbox_open(engine->loop, sizeof(struct engine_mail), ENGINE_MAIL_MAX,
                                 take_mail, engine, &engine->mailbox);
    if (error == 0) {
        error = net_deadline_open(engine->loop, deadline_came, engine, &engine->deadline);
    }
    if (error == 0) {
        error = net_deadline_open(engine->loop, retry_store, engine, &engine->store_retry);
    }
    return error;
}

static int open_rest(struct engine *engine, const struct engine_config *config)
{
    uint64_t seed = 0;
    int error = crypto_random(&seed, sizeof seed);
    if (error == 0) {
        error = open_reader(engine, config, seed);
    }
    if (error == 0) {
        engine->intern = media_intern_new(seed);
        error = engine->intern != NULL ? 0 : ERROR_NO_MEMORY;
    }
    if (error != 0) {
        return error;
    }
    uint64_t payload_limit_bytes = 0;
    storage_open(engine, config->cache_limit_bytes, &payload_limit_bytes);
    error = peers_open(engine, config);
    if (error == 0) {
        error = open_node(engine, config, seed, payload_limit_bytes);
    }
    if (error == 0) {
        storage_list(engine);
    }
    if (error == 0 && (config->no_upload || config->upload_limit_bytes_per_s > 0)) {
        engine_set_giving(engine, !config->no_upload, config->upload_limit_bytes_per_s);
    }
    return error;
}

int engine_open(struct net_loop *loop, const struct engine_config *config,
                struct engine **ret_engine, struct engine_failure *ret_failure)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return fail_open(ret_failure, ERROR_NO_MEMORY, EXIT_CODE_INTERNAL, "player: out of memory");
    }
    engine->loop = loop;
    engine->callbacks = config->callbacks;
    engine->paths = *config->paths;
    engine->offline = config->offline;
    engine->lock = -1;
    snprintf(engine->known_origins, sizeof engine->known_origins, "%s/known_origins",
             engine->paths.state);
    *ret_failure = (struct engine_failure){.exit_code = EXIT_CODE_INTERNAL};
    int error = take_lock(engine, ret_failure);
    if (error == 0) {
        error = open_base(engine);
    }
    /* The connection and GStreamer's start are slow and wait for nobody: first of all. */
    if (error == 0) {
        error = open_output(engine, config);
    }
    if (error == 0) {
        error = open_origin(engine, config, ret_failure);
    }
    if (error == 0) {
        error = open_rest(engine, config);
    }
    if (error != 0) {
        if (ret_failure->message[0] == '\0') {
            snprintf(ret_failure->message, sizeof ret_failure->message,
                     "player: %s; free memory, or see whether %.200s can be written",
                     error_text(error),
                     config->record_path != NULL ? config->record_path : engine->paths.cache);
        }
        engine->callbacks = (struct engine_callbacks){0};
        engine->dead = true;
        engine_close(engine);
        net_loop_run(loop);
        engine_free(engine);
        return error;
    }
    *ret_engine = engine;
    return 0;
}

/* --- closing ------------------------------------------------------------------------------------------- */

int engine_close(struct engine *engine)
{
    if (engine->node != NULL) {
        step_plain(engine, NODE_EVENT_STOP);
    }
    /* A part of a row that came while another part was being written is written behind it. */
    while (engine->node != NULL && !engine->dead && node_is_storing(engine->node)) {
        uv_run(net_loop_uv(engine->loop), UV_RUN_ONCE);
    }
    atomic_store(&engine->closing, true);
    engine->dead = true;
    int error = output_free(engine->output);
    engine->output = NULL;
    engine_copy_break(engine);
    while (engine->copy != NULL) {
        uv_run(net_loop_uv(engine->loop), UV_RUN_ONCE); /* its thread may be inside the store */
    }
    peers_close(engine);
    store_close(engine->store);
    engine->store = NULL;
    origin_link_end(engine);
    net_deadline_close(engine->deadline);
    net_deadline_close(engine->store_retry);
    if (engine->mailbox != NULL) {
        net_mailbox_drain(engine->mailbox); /* what is on the heap inside is freed */
        net_mailbox_close(engine->mailbox);
    }
    if (tape_close(engine->tape) != 0) {
        engine_warn(engine, "recording: it could not be written; see whether the disk is full");
    }
    engine->tape = NULL;
    engine->callbacks = (struct engine_callbacks){0};
    return error;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    assert(engine->origin.link == NULL && engine->copy == NULL);
    sound_close_inputs(engine);
    engine_loan_free_all(engine);
    peers_free(engine);
    net_mailbox_free(engine->mailbox);
    net_tls_free(engine->origin.tls);
    reader_free(engine->reader);
    node_free(engine->node);
    media_intern_free(engine->intern);
    for (uint32_t i = engine->answer_first; i < engine->answer_count; i++) {
        free(engine->answers[i].bytes);
    }
    free(engine->answers);
    for (uint32_t i = 0; i < engine->entry_count; i++) {
        free(engine->entries[i].read);
    }
    free(engine->entries);
    free(engine->slots);
    if (engine->lock >= 0) {
        close(engine->lock);
    }
    free(engine);
}

/* --- commands ------------------------------------------------------------------------------------------ */

uint32_t engine_enqueue(struct engine *engine, const uint8_t track_id[TRACK_ID_BYTES],
                        bool fetch_only)
{
    if (engine->entry_count == engine->entry_capacity) {
        uint32_t capacity = engine->entry_capacity == 0 ? 64 : engine->entry_capacity * 2;
        struct engine_entry *entries = realloc(engine->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return 0;
        }
        engine->entries = entries;
        engine->entry_capacity = capacity;
    }
    struct engine_entry *entry = &engine->entries[engine->entry_count++];
    *entry = (struct engine_entry){0};
    memcpy(entry->track_id, track_id, TRACK_ID_BYTES);
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    event.enqueue.entry = engine->entry_base + engine->entry_count;
    memcpy(event.enqueue.track_id, track_id, TRACK_ID_BYTES);
    event.enqueue.fetch_only = fetch_only;
    uint32_t number = event.enqueue.entry;
    engine_step(engine, &event);
    return number;
}

/* Those before what plays; nothing that is fetched stands before what plays. */
static void forget_entries(struct engine *engine, uint32_t before)
{
    uint32_t count = before > engine->entry_base + 1 ? before - engine->entry_base - 1 : 0;
    if (count < ENGINE_FORGET_MIN || count > engine->entry_count) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        free(engine->entries[i].read);
    }
    engine->entry_count -= count;
    engine->entry_base += count;
    memmove(engine->entries, engine->entries + count,
            engine->entry_count * sizeof *engine->entries);
}

void engine_cut(struct engine *engine, uint32_t entry)
{
    struct node_event event = {.kind = NODE_EVENT_CUT};
    struct node_status status;
    event.cut.entry = entry;
    engine_step(engine, &event);
    engine_get_status(engine, &status);
    forget_entries(engine, status.entry);
}

uint32_t engine_first_entry(const struct engine *engine)
{
    return engine->entry_base + 1;
}

void engine_start_entry(struct engine *engine, uint32_t entry, uint64_t position_us)
{
    struct node_event event = {.kind = NODE_EVENT_START};
    event.start.entry = entry;
    event.start.position_us = position_us;
    engine_step(engine, &event);
}

void engine_seek(struct engine *engine, uint64_t position_us)
{
    struct node_event event = {.kind = NODE_EVENT_SEEK};
    event.seek.position_us = position_us;
    engine_step(engine, &event);
}

void engine_set_paused(struct engine *engine, bool paused)
{
    step_plain(engine, paused ? NODE_EVENT_PAUSE : NODE_EVENT_RESUME);
}

void engine_set_level(struct engine *engine, uint32_t percent, enum output_gain gain)
{
    if (engine->output != NULL && output_set_level(engine->output, percent, gain) != 0) {
        engine_fail(engine, EXIT_CODE_INTERNAL, "player: out of memory; close other programs");
    }
}

void engine_stop(struct engine *engine)
{
    step_plain(engine, NODE_EVENT_STOP);
}

void engine_set_giving(struct engine *engine, bool is_allowed, uint64_t bytes_per_s)
{
    struct node_event event = {.kind = NODE_EVENT_GIVING};
    event.giving.is_allowed = is_allowed;
    event.giving.bytes_per_s = bytes_per_s;
    if (engine->peers.is_on) {
        engine_step(engine, &event);
    }
}

void engine_set_mapping(struct engine *engine, uint16_t outer_port)
{
    peers_set_mapping(engine, outer_port);
}

uint16_t engine_listen_port(const struct engine *engine)
{
    return peers_own_port(engine);
}

uint16_t engine_mapped_port(const struct engine *engine)
{
    return engine->peers.outer_port;
}

const char *engine_mapped_by(const struct engine *engine)
{
    const struct engine_peers *peers = &engine->peers;
    return peers->map != NULL && peers->outer_port != 0 ? port_map_method_name(peers->map_method)
                                                        : NULL;
}

const uint8_t *engine_peer_id(const struct engine *engine)
{
    return engine->peers.is_on ? peer_identity_id(engine->peers.identity) : NULL;
}

uint32_t engine_get_peers(const struct engine *engine, struct node_peer *ret_peers,
                          uint32_t capacity)
{
    return node_get_peers(engine->node, net_now_us(), ret_peers, capacity);
}

const char *engine_origin_text(const struct engine *engine)
{
    return engine->origin.text;
}

void engine_add_sources(const struct engine *engine, const struct media_file_id *id,
                        uint64_t ret_bytes[NODE_SOURCES])
{
    media_handle handle = media_intern_find(engine->intern, id);
    uint32_t chunks = handle != 0 ? media_chunk_count(id->bytes) : 0;
    for (uint32_t chunk = 0; chunk < chunks; chunk++) {
        enum node_source source;
        if (node_chunk_source(engine->node, handle, chunk, &source)) {
            ret_bytes[source] += media_chunk_bytes(id->bytes, chunk);
        }
    }
}

bool engine_chunk_source(const struct engine *engine, const struct media_file_id *id,
                         uint32_t chunk, enum node_source *ret_source)
{
    media_handle handle = media_intern_find(engine->intern, id);
    return handle != 0 && node_chunk_source(engine->node, handle, chunk, ret_source);
}

int engine_list_manifests(struct engine *engine, engine_each_manifest *each, void *context)
{
    return engine->store != NULL ? store_list_manifests(engine->store, each, context) : 0;
}

bool engine_is_origin_link(const struct engine *engine, uint32_t link)
{
    return link != 0 && link == engine->origin.last_number;
}

void engine_get_summary(const struct engine *engine, struct node_summary *ret_summary)
{
    node_get_summary(engine->node, ret_summary);
}

void engine_get_status(const struct engine *engine, struct node_status *ret_status)
{
    node_get_status(engine->node, net_now_us(), ret_status);
}
