/*
 * session_targets.c: what the targets of a command line, or of a front end, mean.
 *
 * Happy path: one id -> an entry at once. Names -> the own copy of the catalogue; when that lacks one, it is
 * refreshed -> entries. Failure modes: a name that nothing has fails alone (code 3), the others go on; one
 * that several things have, or that can't be meant, ends the run with the choices (code 2); an origin that is
 * away is no failure as long as the copy and the cache know what is meant, or peers may have it.
 */
#include "player/session_targets.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "media/core/file_id.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void no_memory(struct session *session)
{
    report_error("player: out of memory; close other programs");
    session_end(session, EXIT_CODE_INTERNAL);
}

/* --- what was found ---------------------------------------------------------------------------------------- */

/* What targets turn out to mean. */
struct found {
    struct lineup_track *tracks; /* owned */
    uint32_t count, capacity;
};

static bool found_add(struct found *found, const uint8_t track_id[TRACK_ID_BYTES],
                      const uint8_t *album_id)
{
    if (found->count == found->capacity) {
        uint32_t capacity = found->capacity == 0 ? 64 : found->capacity * 2;
        struct lineup_track *tracks = realloc(found->tracks, capacity * sizeof *tracks);
        if (tracks == NULL) {
            return false;
        }
        found->tracks = tracks;
        found->capacity = capacity;
    }
    struct lineup_track *track = &found->tracks[found->count++];
    *track = (struct lineup_track){0};
    memcpy(track->track_id, track_id, TRACK_ID_BYTES);
    if (album_id != NULL) {
        memcpy(&track->album, album_id, sizeof track->album);
    }
    return true;
}

/* As many as a queue takes. False: out of memory. */
static bool found_add_picked(struct found *found, struct library *library,
                             const struct library_picked *picked)
{
    struct library_track track;
    for (uint32_t i = 0; i < picked->count && found->count < LINEUP_ENTRIES_MAX; i++) {
        bool known = library_get_track(library, picked->track_ids[i], &track);
        if (!found_add(found, picked->track_ids[i], known ? track.album_id : NULL)) {
            return false;
        }
    }
    return true;
}

/* Hands them to the command, or queues them for it. */
static void take_found(struct session *session, const struct found *found)
{
    if (session->hooks.found != NULL) {
        session->hooks.found(session->hooks.context, found->tracks, found->count);
        return;
    }
    uint32_t first = session->entry_base + session->entry_count + 1;
    for (uint32_t i = 0; i < found->count && !session->ended; i++) {
        if (session_add_entry(session, found->tracks[i].track_id) == 0) {
            no_memory(session);
        }
    }
    if (!session->ended) {
        session->hooks.ready(session->hooks.context, first);
    }
}

/* --- the cache's list ---------------------------------------------------------------------------------------- */

static void each_manifest(void *context, const uint8_t track_id[TRACK_ID_BYTES],
                          const uint8_t *bytes, uint32_t count)
{
    (void)track_id;
    listing_add_manifest(context, bytes, count); /* out of memory: a shorter list */
}

static void cached_listing(struct session *session, struct listing *ret_listing)
{
    listing_init(ret_listing);
    engine_list_manifests(session->engine, each_manifest, ret_listing);
    listing_sort(ret_listing);
}

/* Adds what the target means in this list; how many. */
static uint32_t add_listed(struct session *session, const struct target *target,
                           const struct listing *listing, struct found *found)
{
    uint32_t before = found->count;
    for (uint32_t i = 0; i < listing->count && target->kind != TARGET_ALL; i++) {
        const struct listing_track *track = &listing->tracks[i];
        if (memcmp(track->track_id, target->id, TRACK_ID_BYTES) == 0) {
            found_add(found, target->id, track->album_id);
            return found->count - before;
        }
    }
    for (uint32_t i = 0; i < listing->count && found->count < LINEUP_ENTRIES_MAX; i++) {
        const struct listing_track *track = &listing->tracks[i];
        if ((target->kind == TARGET_ALL ||
             memcmp(track->album_id, target->id, ALBUM_ID_BYTES) == 0) &&
            !found_add(found, track->track_id, track->album_id)) {
            no_memory(session);
            break;
        }
    }
    return found->count - before;
}

/* --- failures -------------------------------------------------------------------------------------------------- */

static void fail_target(struct session *session, const struct target *target)
{
    char message[600];
    char id[2 * TRACK_ID_BYTES + 1] = "all";
    if (target->kind != TARGET_ALL) {
        media_hex_encode(target->id, TRACK_ID_BYTES, id);
    }
    if (session->args->offline) {
        snprintf(
            message, sizeof message,
            "target %s: the cache has no such track or album; list what it has with \"refrain ls "
            "tracks --offline\"",
            id);
    } else {
        snprintf(
            message, sizeof message,
            "target %s: the origin %.200s has no such track or album; list them with \"refrain ls "
            "tracks\"",
            id, session->origin);
    }
    session_fail(session, target->kind == TARGET_ALL ? NULL : id, EXIT_CODE_NOT_FOUND, message);
}

static bool is_identity_error(int error)
{
    return error == ERROR_DENIED || error == ERROR_MISMATCH;
}

static void origin_failed(struct session *session, int error, const char *text)
{
    int exit_code = is_identity_error(error) ? EXIT_CODE_IDENTITY : EXIT_CODE_NETWORK;
    char message[1600];
    snprintf(
        message, sizeof message,
        exit_code == EXIT_CODE_IDENTITY
            ? "origin %.200s: its identity is not the expected one: %.1200s"
            : "origin %.200s: its list of tracks does not come: %.1200s; check the address and "
              "the network, or play what is in the cache with --offline",
        session->origin, text);
    session_fail(session, NULL, exit_code, message);
    session_end(session, exit_code);
}

/* What was named means several things, or can't be meant: nothing plays. */
static void fail_usage(struct session *session, const struct library_picked *picked)
{
    report_error("%s", picked->text);
    if (picked->choices != NULL) {
        report_choices(picked->choices);
    }
    if (session->args->json && picked->choices != NULL) {
        report_choices_json(picked->text, picked->choices, EXIT_CODE_USAGE);
    } else if (session->args->json) {
        report_error_json(NULL, picked->text, EXIT_CODE_USAGE);
    }
    session_end(session, EXIT_CODE_USAGE);
}

/* --- one target after the other ------------------------------------------------------------------------------------ */

/* What is asked, and how the origin answered. */
struct asked {
    struct session *session;
    struct listing listing; /* of the cache */
    struct found found;
    int error; /* the origin could not be asked; 0: it was, or need not be */
    const char *text;
};

static void take_meaning(struct asked *asked, uint32_t index, const struct library_picked *picked)
{
    struct session *session = asked->session;
    const struct target *target = &session->targets[index];
    bool is_id = target->kind == TARGET_ID || target->kind == TARGET_ADDRESS;
    if (picked->meaning == LIBRARY_FOUND && is_id && picked->unknown > 0) {
        if (add_listed(session, target, &asked->listing, &asked->found) > 0) {
            return;
        }
        if (asked->error == 0) {
            fail_target(session, target); /* the origin has just been asked */
            return;
        }
        if (session->args->no_peers) {
            origin_failed(session, asked->error, asked->text);
            return;
        }
    }
    if (picked->meaning == LIBRARY_FOUND) {
        if (!found_add_picked(&asked->found, session->library, picked)) {
            no_memory(session);
        }
    } else if (picked->meaning != LIBRARY_NONE) {
        fail_usage(session, picked);
    } else if (asked->error != 0) {
        origin_failed(session, asked->error, asked->text);
    } else {
        session_fail(session, NULL, EXIT_CODE_NOT_FOUND, picked->text);
    }
}

static void take_target(struct asked *asked, uint32_t index)
{
    struct session *session = asked->session;
    const struct target *target = &session->targets[index];
    struct library_picked picked;
    if (session->args->offline && target->kind != TARGET_NAME) {
        if (add_listed(session, target, &asked->listing, &asked->found) == 0) {
            fail_target(session, target);
        }
    } else if (session->library == NULL ||
               library_pick(session->library, &session->args->operands[index], 1, &picked) != 0) {
        no_memory(session);
    } else {
        take_meaning(asked, index, &picked);
        library_picked_free(&picked);
    }
}

static void take_targets(struct session *session, int error, const char *text)
{
    struct asked asked = {.session = session, .error = error, .text = text};
    cached_listing(session, &asked.listing);
    for (uint32_t i = 0; i < session->args->operand_count && !session->ended; i++) {
        take_target(&asked, i);
    }
    if (asked.found.count == 0) {
        session_end(session, EXIT_CODE_OK); /* the failures say it all */
    } else if (!session->ended) {
        take_found(session, &asked.found);
    }
    listing_deinit(&asked.listing);
    free(asked.found.tracks);
}

static void asked_origin(void *context, int error, const char *text, struct library_picked *picked)
{
    struct session *session = context;
    library_picked_free(picked); /* target by target, so that one that is missing fails alone */
    session->is_album_search = false;
    session->is_picking = false;
    if (session->ended) {
        return;
    }
    if (is_identity_error(error)) {
        origin_failed(session, error, text);
    } else {
        take_targets(session, error, text);
    }
}

static void ask(struct session *session)
{
    int error = ERROR_NO_MEMORY;
    session->is_picking = true;
    if (session->library != NULL) {
        error = library_pick_fresh(session->library, session->loop, session->args->operands,
                                   session->args->operand_count, asked_origin, session);
    }
    if (error != 0) {
        no_memory(session);
    }
}

/* True when every target is a track that the cache knows by its manifest. */
static bool are_cached_tracks(struct session *session, const struct listing *listing)
{
    for (uint32_t i = 0; i < session->args->operand_count; i++) {
        const struct target *target = &session->targets[i];
        bool found = target->kind == TARGET_ADDRESS;
        for (uint32_t j = 0; j < listing->count && !found && target->kind == TARGET_ID; j++) {
            found = memcmp(listing->tracks[j].track_id, target->id, TRACK_ID_BYTES) == 0;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* Ids of cached tracks need nobody's list. */
static bool take_cached(struct session *session)
{
    struct listing listing;
    struct found found = {0};
    for (uint32_t i = 0; i < session->args->operand_count; i++) {
        if (session->targets[i].kind == TARGET_NAME || session->targets[i].kind == TARGET_ALL) {
            return false;
        }
    }
    cached_listing(session, &listing);
    bool are_cached = are_cached_tracks(session, &listing);
    for (uint32_t i = 0; i < session->args->operand_count && are_cached; i++) {
        if (add_listed(session, &session->targets[i], &listing, &found) == 0 &&
            !found_add(&found, session->targets[i].id, NULL)) {
            no_memory(session);
        }
    }
    if (are_cached && !session->ended) {
        take_found(session, &found);
    }
    listing_deinit(&listing);
    free(found.tracks);
    return are_cached;
}

void session_targets_begin(struct session *session)
{
    const struct args *args = session->args;
    if (args->operand_count == 0) {
        return; /* a daemon */
    }
    bool is_plain =
        session->targets[0].kind == TARGET_ID || session->targets[0].kind == TARGET_ADDRESS;
    if (args->operand_count == 1 && is_plain && !args->offline) {
        struct lineup_track track = {0};
        memcpy(track.track_id, session->targets[0].id, TRACK_ID_BYTES);
        const struct found found = {.tracks = &track, .count = 1};
        take_found(session, &found);
    } else if (args->offline) {
        take_targets(session, 0, "");
    } else if (!take_cached(session)) {
        ask(session);
    }
}

bool session_targets_note(struct session *session, const struct node_note *note)
{
    if (note->kind == NODE_NOTE_QUEUE_ENDED) {
        /* The queue's only entry was no track, or nothing was asked yet. */
        return session->is_album_search || (session->is_picking && session->entry_count == 0);
    }
    bool is_single = note->kind == NODE_NOTE_ENTRY_FAILED && session->args->operand_count == 1 &&
                     session->entry_count == 1 && session->targets[0].kind == TARGET_ID &&
                     !session->args->offline;
    if (!is_single || note->error != ERROR_NOT_FOUND || session->has_asked_albums) {
        return false;
    }
    session->has_asked_albums = true;
    session->is_album_search = true;
    session->entries[0].failed = true;
    ask(session);
    return true;
}

/* --- front ends -------------------------------------------------------------------------------------------------------- */

static void answer(struct session *session, const struct library_picked *picked,
                   session_picked *done, void *context)
{
    struct found found = {0};
    if (picked->meaning != LIBRARY_FOUND) {
        done(context, NULL, 0, picked->text, picked->choices);
    } else if (!found_add_picked(&found, session->library, picked)) {
        done(context, NULL, 0, "player: out of memory; close other programs", NULL);
    } else {
        done(context, found.tracks, found.count, NULL, NULL);
    }
    free(found.tracks);
}

static void question_answered(void *context, int error, const char *text,
                              struct library_picked *picked)
{
    struct session *session = context;
    struct session_question question = session->question;
    (void)error;
    (void)text;
    session->question.done = NULL;
    if (question.done != NULL) {
        answer(session, picked, question.done, question.context);
    }
    library_picked_free(picked);
}

void session_pick(struct session *session, const char *const *targets, uint32_t count,
                  session_picked *done, void *context)
{
    struct library_picked picked;
    int error = session->library == NULL ? ERROR_NO_MEMORY : 0;
    bool are_plain = true;
    for (uint32_t i = 0; i < count; i++) {
        are_plain = are_plain && library_is_plain(targets[i]);
    }
    if (error == 0 && !are_plain && session->question.done == NULL && !session->is_picking) {
        session->question = (struct session_question){done, context};
        error = library_pick_fresh(session->library, session->loop, targets, count,
                                   question_answered, session);
        if (error == 0) {
            return;
        }
        session->question.done = NULL;
    }
    /* The origin is being asked for somebody else, or need not be: from the copy as it is. */
    error = session->library == NULL ? ERROR_NO_MEMORY
                                     : library_pick(session->library, targets, count, &picked);
    if (error != 0) {
        done(context, NULL, 0, "player: out of memory; close other programs", NULL);
        return;
    }
    answer(session, &picked, done, context);
    library_picked_free(&picked);
}
