/*
 * session.c: from targets to entries, from errors to messages and exit codes.
 */
#include "player/session.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "media/core/file_id.h"
#include "player/session_targets.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- failures ---------------------------------------------------------------------------------------------- */

static void tell_failure(const struct session *session, const char *track_id, int exit_code,
                         const char *message)
{
    report_error("%s", message);
    if (session->args->json) {
        report_error_json(track_id, message, exit_code);
    }
}

static void count_failure(struct session *session, int exit_code)
{
    session->failures++;
    if (session->first_failure == EXIT_CODE_OK) {
        session->first_failure = exit_code;
    }
}

void session_fail(struct session *session, const char *track_id, int exit_code, const char *message)
{
    count_failure(session, exit_code);
    tell_failure(session, track_id, exit_code, message);
}

void session_fail_entry(struct session *session, uint32_t entry, int exit_code, const char *format,
                        ...)
{
    char message[1600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct session_entry *of = session_entry(session, entry);
    assert(of != NULL);
    of->failed = true;
    session_fail(session, of->id, exit_code, message);
}

void session_entry_done(struct session *session, uint32_t entry)
{
    struct session_entry *of = session_entry(session, entry);
    if (of != NULL && !of->done) {
        of->done = true;
        session->successes++;
    }
}

/* The reason and the cure of ENTRY_FAILED, by error. */
static void fail_by_error(struct session *session, uint32_t entry, int error)
{
    const char *id = session_entry(session, entry)->id;
    const char *origin = session->origin != NULL ? session->origin : "none";
    const char *words = engine_origin_text(session->engine);
    switch (error) {
    case ERROR_NOT_FOUND:
        session_fail_entry(session, entry, EXIT_CODE_NOT_FOUND,
                           "track %s: the origin %s has no such track; list them with \"refrain ls "
                           "tracks\"",
                           id, origin);
        break;
    case ERROR_OFFLINE:
        session_fail_entry(
            session, entry, EXIT_CODE_NOT_FOUND,
            "track %s: not (wholly) in the cache; play it once with an origin, without "
            "--offline",
            id);
        break;
    case ERROR_TIMEOUT: /* player/uv/reader.h */
        session_fail_entry(session, entry, EXIT_CODE_STORAGE,
                           "track %s: what was fetched left the cache before it was read; give the "
                           "cache more room with --cache-limit",
                           id);
        break;
    case ERROR_CLOSED:
        session_fail_entry(
            session, entry, EXIT_CODE_NETWORK,
            "origin %s: %s; check the address and the network, or play what is in the "
            "cache with --offline",
            origin, words[0] != '\0' ? words : "it can't be reached");
        break;
    case ERROR_DENIED:
        session_fail_entry(session, entry, EXIT_CODE_IDENTITY,
                           "origin %s: its identity is not the expected one: %s", origin, words);
        break;
    case ERROR_MISMATCH:
        session_fail_entry(
            session, entry, EXIT_CODE_IDENTITY,
            "track %s: what the origin %s sent does not match its signature or hash; "
            "tell its operator",
            id, origin);
        break;
    case ERROR_MALFORMED:
    case ERROR_UNSUPPORTED:
    case ERROR_TRUNCATED:
        session_fail_entry(session, entry, EXIT_CODE_MEDIA,
                           "track %s: it can't be decoded: %s; fetch it and look at it with other "
                           "programs",
                           id, error_text(error));
        break;
    default:
        session_fail_entry(session, entry,
                           error == ERROR_IO || error == ERROR_FULL ? EXIT_CODE_STORAGE
                                                                    : EXIT_CODE_INTERNAL,
                           "track %s: %s; try again", id, error_text(error));
        break;
    }
}

void session_tell_bad_chunk(const struct session *session, const struct node_note *note)
{
    if (engine_is_origin_link(session->engine, note->link)) {
        report_error("origin %s: it sent wrong bytes, caught by their proof and fetched anew; tell "
                     "its operator if it happens again",
                     session->origin);
    }
}

void session_tell_misbehaved(const struct session *session, const struct node_note *note)
{
    if (engine_is_origin_link(session->engine, note->link)) {
        report_error("origin %s: it broke the protocol (%s); it may be of another version",
                     session->origin, engine_origin_text(session->engine));
    }
}

/* --- entries --------------------------------------------------------------------------------------------------- */

struct session_entry *session_entry(const struct session *session, uint32_t entry)
{
    if (entry <= session->entry_base || entry - session->entry_base > session->entry_count) {
        return NULL;
    }
    return &session->entries[entry - session->entry_base - 1];
}

void session_forget(struct session *session)
{
    uint32_t first = engine_first_entry(session->engine);
    uint32_t count = first - 1 - session->entry_base;
    assert(count <= session->entry_count);
    session->entry_count -= count;
    session->entry_base += count;
    if (count > 0) {
        memmove(session->entries, session->entries + count,
                session->entry_count * sizeof *session->entries);
    }
}

uint32_t session_add_entry(struct session *session, const uint8_t track_id[TRACK_ID_BYTES])
{
    if (session->entry_count == session->entry_capacity) {
        uint32_t capacity = session->entry_capacity == 0 ? 64 : session->entry_capacity * 2;
        struct session_entry *entries = realloc(session->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return 0;
        }
        session->entries = entries;
        session->entry_capacity = capacity;
    }
    struct session_entry *entry = &session->entries[session->entry_count++];
    *entry = (struct session_entry){0};
    memcpy(entry->track_id, track_id, TRACK_ID_BYTES);
    media_hex_encode(track_id, TRACK_ID_BYTES, entry->id);
    uint32_t number = engine_enqueue(session->engine, track_id, session->fetch_only);
    assert(number == 0 || number == session->entry_base + session->entry_count);
    return number;
}

struct report_track session_track(const struct session *session, uint32_t entry)
{
    const struct session_entry *of = session_entry(session, entry);
    assert(of != NULL);
    const struct words_track *words = words_get(&session->words, of->track_id);
    return (struct report_track){.id = of->id,
                                 .title = words != NULL ? words->title : "",
                                 .artist = words != NULL ? words->artist : "",
                                 .duration_us = words != NULL ? words->duration_us : 0};
}

/* --- callbacks of the engine ---------------------------------------------------------------------------------------- */

static void on_note(void *context, const struct node_note *note)
{
    struct session *session = context;
    if (session_targets_note(session, note)) {
        return;
    }
    if (note->kind == NODE_NOTE_ENTRY_FAILED) {
        fail_by_error(session, note->entry, note->error);
    }
    session->hooks.note(session->hooks.context, note);
}

static void on_warning(void *context, const char *text)
{
    (void)context;
    report_error("%s", text);
}

static void on_fatal(void *context, const struct engine_failure *failure)
{
    struct session *session = context;
    tell_failure(session, NULL, failure->exit_code, failure->message);
    session_end(session, failure->exit_code);
}

static void on_listening(void *context, uint16_t port)
{
    struct session *session = context;
    if (session->hooks.listening != NULL) {
        session->hooks.listening(session->hooks.context, port);
    }
}

static void on_manifest(void *context, const struct media_manifest *manifest)
{
    struct session *session = context;
    words_put(&session->words, manifest); /* out of memory: the id stands for the names */
    for (uint32_t i = 0; i < session->entry_count && session->hooks.manifest != NULL; i++) {
        const struct session_entry *entry = &session->entries[i];
        if (memcmp(entry->track_id, manifest->track_id, TRACK_ID_BYTES) == 0) {
            session->hooks.manifest(session->hooks.context, session->entry_base + i + 1, manifest);
        }
    }
}

static void on_signal(void *context, int signal_number)
{
    (void)signal_number;
    struct session *session = context;
    bool serves = session->args->verb == ARGS_DAEMON || session->args->verb == ARGS_GATEWAY;
    session_end(session, serves ? EXIT_CODE_OK : EXIT_CODE_INTERRUPTED);
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

static int parse_targets(struct session *session)
{
    char text[TARGET_TEXT_BYTES];
    const struct args *args = session->args;
    session->targets = calloc(args->operand_count + 1, sizeof *session->targets);
    if (session->targets == NULL) {
        report_error("player: out of memory; close other programs");
        return EXIT_CODE_INTERNAL;
    }
    if (target_parse_all(args->operands, args->operand_count, args->origin, session->targets,
                         &session->origin, text) != 0) {
        report_error("%s", text);
        return EXIT_CODE_USAGE;
    }
    if (session->origin == NULL && !args->offline) {
        report_error("origin: none was given; say --origin URL, or set REFRAIN_ORIGIN%s",
                     args->verb == ARGS_DAEMON ? ""
                                               : ", or play what is in the cache with --offline");
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

static int open_engine(struct session *session)
{
    const struct args *args = session->args;
    if (engine_paths_init(&session->paths) != 0) {
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    if (net_loop_new(&session->loop) != 0) {
        report_error("event loop: it does not start; see whether the system is out of descriptors");
        return EXIT_CODE_INTERNAL;
    }
    struct upload_rule rule = upload_first(args);
    struct engine_config config = {
        .paths = &session->paths,
        .origin_url = session->origin,
        .offline = args->offline,
        .fast = args->fast,
        .with_peers = !args->no_peers,
        .listen_port = args->listen_port,
        .no_port_mapping = args->no_port_mapping,
        .no_upload = rule.off != UPLOAD_ON,
        .upload_limit_bytes_per_s = rule.bytes_per_s,
        .cache_limit_bytes = args->cache_limit_bytes,
        .preset = args->preset,
        .silent = session->fetch_only,
        .output = args->output,
        .output_path = args->output_path,
        .record_path = args->record_path,
        .callbacks = {.on_note = on_note,
                      .on_warning = on_warning,
                      .on_fatal = on_fatal,
                      .on_manifest = on_manifest,
                      .on_listening = on_listening,
                      .context = session},
    };
    struct engine_failure failure;
    if (engine_open(session->loop, &config, &session->engine, &failure) != 0) {
        if (failure.exit_code != EXIT_CODE_IN_USE || !session->hooks.may_attach) {
            report_error("%s", failure.message);
        }
        net_loop_free(session->loop);
        return failure.exit_code;
    }
    return EXIT_CODE_OK;
}

static void library_changed(void *context, const char *what)
{
    struct session *session = context;
    if (session->library_changed != NULL) {
        session->library_changed(session->library_context, what);
    }
}

/* Costs nothing until something is asked by name. NULL: out of memory; nothing is known by name then. */
static void open_library(struct session *session)
{
    const struct library_config config = {.state = session->paths.state,
                                          .origin = session->origin,
                                          .offline = session->args->offline,
                                          .changed = library_changed,
                                          .context = session};
    if (library_open(&config, &session->library) != 0) {
        session->library = NULL;
    } else if (session->args->verb != ARGS_FETCH) {
        (void)library_keep_fresh(session->library, session->loop); /* else it stays as it is */
    }
}

int session_open(const struct args *args, bool fetch_only, const struct session_hooks *hooks,
                 struct session *ret_session)
{
    *ret_session = (struct session){.args = args, .hooks = *hooks, .fetch_only = fetch_only};
    words_init(&ret_session->words);
    int exit_code = parse_targets(ret_session);
    if (exit_code == EXIT_CODE_OK) {
        exit_code = open_engine(ret_session);
    }
    if (exit_code == EXIT_CODE_OK) {
        open_library(ret_session);
    }
    if (exit_code != EXIT_CODE_OK) {
        free(ret_session->targets);
        return exit_code;
    }
    ret_session->upload = upload_open(ret_session->loop, ret_session->engine, args);
    net_loop_catch_signals(ret_session->loop, on_signal, ret_session);
    return EXIT_CODE_OK;
}

void session_run(struct session *session)
{
    session_targets_begin(session);
    if (!session->ended) {
        session->is_running = true;
        net_loop_run(session->loop);
        session->is_running = false;
    }
}

void session_end(struct session *session, int exit_code)
{
    if (session->ended) {
        return;
    }
    session->ended = true;
    session->exit_code = exit_code;
    if (session->is_running) {
        net_loop_stop(session->loop); /* otherwise it would end the next run, that of the closing */
    }
}

/* Which code the run as a whole has. */
static int overall(const struct session *session, int close_error)
{
    if (session->exit_code != EXIT_CODE_OK) {
        return session->exit_code;
    }
    if (close_error != 0) {
        return EXIT_CODE_STORAGE;
    }
    if (session->failures == 0 || session->args->verb == ARGS_DAEMON) {
        return EXIT_CODE_OK; /* each was told; a daemon outlives them */
    }
    return session->successes > 0 ? EXIT_CODE_SOME_FAILED : session->first_failure;
}

int session_close(struct session *session, struct node_summary *ret_summary)
{
    net_loop_release_signals(session->loop);
    library_stop(session->library);
    upload_close(session->upload);
    session->upload = NULL;
    int error = engine_close(session->engine);
    if (error != 0) {
        report_error("output %s: it could not be completed; see whether the disk is full",
                     session->args->output_path);
    }
    struct node_status status;
    engine_get_summary(session->engine, ret_summary);
    engine_get_status(session->engine, &status);
    session->given_bytes = status.given_bytes;
    net_loop_run(session->loop);
    engine_free(session->engine);
    library_close(session->library);
    net_loop_free(session->loop);
    return overall(session, error);
}

void session_free(struct session *session)
{
    words_deinit(&session->words);
    free(session->entries);
    free(session->targets);
}
