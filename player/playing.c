/*
 * playing.c: notes of the engine as words and JSON lines.
 */
#include "player/playing.h"

#include "common/error.h"
#include "player/remember.h"

#include <stdlib.h>

static void note_wait(struct playing *playing, uint64_t wait_us)
{
    if (playing->wait_count == playing->wait_capacity) {
        uint32_t capacity = playing->wait_capacity == 0 ? 64 : playing->wait_capacity * 2;
        uint64_t *waits_us = realloc(playing->waits_us, capacity * sizeof *waits_us);
        if (waits_us == NULL) {
            return; /* the median is one short */
        }
        playing->waits_us = waits_us;
        playing->wait_capacity = capacity;
    }
    playing->waits_us[playing->wait_count++] = wait_us;
}

static void started(struct playing *playing, uint32_t entry)
{
    bool is_new = entry != playing->current;
    playing->current = entry;
    session_entry_done(playing->session, entry);
    if (session_entry(playing->session, entry) == NULL) {
        return;
    }
    struct report_track track = session_track(playing->session, entry);
    if (playing->session->args->json) {
        report_started_json(&track);
    } else if (is_new && !playing->is_quiet) {
        report_started(&track);
    }
}

/* The first connection is not news; a loss is, and for a daemon that nothing else tells so also an
 * attempt that failed. Scripts ask for the status. */
static void link_changed(const struct playing *playing, const struct node_note *note)
{
    const struct session *session = playing->session;
    struct node_status status;
    if (note->error == 0 || session->args->json) {
        return;
    }
    engine_get_status(session->engine, &status);
    if (playing->current != 0 && status.entry != 0) {
        report_error("origin %s: the link was lost (%s); playing goes on from the buffer",
                     session->origin, engine_origin_text(session->engine));
    } else if (session->args->verb == ARGS_DAEMON) {
        report_error(note->error == ERROR_DENIED
                         ? "origin %s: its identity is not the expected one: %s"
                         : "origin %s: not connected (%s); it is tried again by itself",
                     session->origin, engine_origin_text(session->engine));
    }
}

/* By itself it does not come again. */
static void entry_failed(struct playing *playing, uint32_t entry)
{
    struct lineup_entry *of = lineup_find(&playing->lineup, playing_number(playing, entry));
    if (of != NULL) {
        of->is_failed = true;
    } else {
        playing->failed_entry = entry;
    }
}

static void tell_note(struct playing *playing, const struct node_note *note)
{
    const struct session *session = playing->session;
    switch (note->kind) {
    case NODE_NOTE_PLAY:
        playing->last_wait_us = note->play.wait_us;
        if (playing->played != NULL) {
            playing->played(playing->changed_context, &note->play);
        }
        note_wait(playing, note->play.wait_us);
        if (session->args->json) {
            report_play_json(&note->play);
        }
        break;
    case NODE_NOTE_STARTED:
        started(playing, note->entry);
        break;
    case NODE_NOTE_LINK:
        link_changed(playing, note);
        break;
    case NODE_NOTE_BAD_CHUNK:
        session_tell_bad_chunk(session, note);
        break;
    case NODE_NOTE_CACHE_OFF:
        report_error("cache %s: it can't be written (disk full, or no permission); playing goes on "
                     "without it; make room",
                     session->paths.cache);
        break;
    case NODE_NOTE_QUEUE_FULL:
        report_error("queue: more than %u tracks; the rest is left out", NODE_QUEUE_MAX);
        break;
    case NODE_NOTE_PEER_MISBEHAVED:
        session_tell_misbehaved(session, note);
        break;
    case NODE_NOTE_ENTRY_FAILED: /* the session told it */
        entry_failed(playing, note->entry);
        break;
    case NODE_NOTE_QUEUE_ENDED:
    case NODE_NOTE_FETCHED:
        break;
    }
}

void playing_note(struct playing *playing, const struct node_note *note)
{
    tell_note(playing, note);
    playing_feed(playing);
    if (note->kind == NODE_NOTE_STARTED || note->kind == NODE_NOTE_QUEUE_ENDED) {
        remember_touch(playing->remember);
    }
    if (playing->changed != NULL) {
        playing->changed(playing->changed_context);
    }
}

void playing_summary(struct playing *playing, const struct node_summary *summary)
{
    if (playing->session->args->json) {
        report_summary_json(summary);
    } else {
        report_summary(summary, playing->session->given_bytes, playing->waits_us,
                       playing->wait_count, false);
    }
}

void playing_init(struct playing *playing, struct session *session, uint64_t seed)
{
    *playing = (struct playing){
        .session = session, .percent = OUTPUT_PERCENT_MAX, .told_percent = OUTPUT_PERCENT_MAX};
    lineup_init(&playing->lineup, seed);
}

void playing_deinit(struct playing *playing)
{
    lineup_deinit(&playing->lineup);
    free(playing->waits_us);
}
