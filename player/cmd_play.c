/*
 * cmd_play.c: `refrain play`: plays entries one after the other, tells what happens, takes keys.
 */
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/keys.h"
#include "player/session.h"

#include <stdio.h>
#include <stdlib.h>

#define PLAY_REFRESH_US (250 * TIME_US_PER_MS)
#define PLAY_SEEK_US (10 * TIME_US_PER_S)

struct play {
    struct session session;
    struct keys *keys;            /* NULL: no terminal */
    struct net_deadline *refresh; /* of the progress line; NULL: none */
    uint32_t current;             /* entry that sounds, 0 = none yet */
    bool paused;
    uint64_t *waits_us; /* one a play record; owned */
    uint32_t wait_count, wait_capacity;
};

static void note_wait(struct play *play, uint64_t wait_us)
{
    if (play->wait_count == play->wait_capacity) {
        uint32_t capacity = play->wait_capacity == 0 ? 64 : play->wait_capacity * 2;
        uint64_t *waits_us = realloc(play->waits_us, capacity * sizeof *waits_us);
        if (waits_us == NULL) {
            return; /* the median is one short */
        }
        play->waits_us = waits_us;
        play->wait_capacity = capacity;
    }
    play->waits_us[play->wait_count++] = wait_us;
}

static void ready(void *context, uint32_t first_entry)
{
    struct play *play = context;
    engine_start_entry(play->session.engine, first_entry, play->session.args->start_us);
}

static void started(struct play *play, uint32_t entry)
{
    bool is_new = entry != play->current;
    play->current = entry;
    session_entry_done(&play->session, entry);
    struct report_track track = session_track(&play->session, entry);
    if (play->session.args->json) {
        report_started_json(&track);
    } else if (is_new) {
        report_started(&track);
    }
}

static void bad_chunk(const struct play *play)
{
    report_error("origin %s: it sent wrong bytes, caught by their proof and fetched anew; tell its "
                 "operator if it happens again",
                 play->session.origin != NULL ? play->session.origin : "none");
}

static void link_changed(const struct play *play, const struct node_note *note)
{
    /* The first connection is not news; a loss is, and only people want to know. */
    if (note->error != 0 && play->current != 0 && !play->session.args->json) {
        report_error("origin %s: the link was lost (%s); playing goes on from the buffer",
                     play->session.origin, engine_origin_text(play->session.engine));
    }
}

static void note(void *context, const struct node_note *note)
{
    struct play *play = context;
    switch (note->kind) {
    case NODE_NOTE_PLAY:
        note_wait(play, note->play.wait_us);
        if (play->session.args->json) {
            report_play_json(&note->play);
        }
        break;
    case NODE_NOTE_STARTED:
        started(play, note->entry);
        break;
    case NODE_NOTE_QUEUE_ENDED:
        session_end(&play->session, EXIT_CODE_OK);
        break;
    case NODE_NOTE_LINK:
        link_changed(play, note);
        break;
    case NODE_NOTE_BAD_CHUNK:
        bad_chunk(play);
        break;
    case NODE_NOTE_CACHE_OFF:
        report_error("cache %s: it can't be written (disk full, or no permission); playing goes on "
                     "without it; make room",
                     play->session.paths.cache);
        break;
    case NODE_NOTE_QUEUE_FULL:
        report_error("queue: more than %u tracks; the rest is left out", NODE_QUEUE_MAX);
        break;
    case NODE_NOTE_PEER_MISBEHAVED:
        report_error("origin %s: it broke the protocol (%s); it may be of another version",
                     play->session.origin != NULL ? play->session.origin : "none",
                     engine_origin_text(play->session.engine));
        break;
    case NODE_NOTE_ENTRY_FAILED: /* the session told it */
    case NODE_NOTE_FETCHED:
        break;
    }
}

/* --- the terminal ------------------------------------------------------------------------------------------ */

static void refresh(void *context)
{
    struct play *play = context;
    if (play->session.ended) {
        return;
    }
    if (play->keys != NULL) {
        keys_attend(play->keys);
    }
    struct node_status status;
    struct node_summary summary;
    engine_get_status(play->session.engine, &status);
    engine_get_summary(play->session.engine, &summary);
    if (status.entry != 0 && play->current != 0) {
        struct report_track track = session_track(&play->session, play->current);
        report_progress(&track, &status, &summary);
    }
    net_deadline_set(play->refresh, net_now_us() + PLAY_REFRESH_US);
}

static void seek_by(struct play *play, bool forward)
{
    struct node_status status;
    engine_get_status(play->session.engine, &status);
    if (status.entry == 0) {
        return;
    }
    uint64_t at_us = status.position_us;
    uint64_t back_us = at_us > PLAY_SEEK_US ? at_us - PLAY_SEEK_US : 0;
    engine_seek(play->session.engine, forward ? at_us + PLAY_SEEK_US : back_us);
}

static void next(struct play *play)
{
    if (play->current != 0 && play->current < play->session.entry_count) {
        engine_start_entry(play->session.engine, play->current + 1, 0);
    } else {
        session_end(&play->session, EXIT_CODE_OK);
    }
}

/* The music rests meanwhile, so that it goes on where it was. */
static void suspend(struct play *play)
{
    engine_set_paused(play->session.engine, true);
    report_progress_clear();
    keys_suspend(play->keys);
    engine_set_paused(play->session.engine, play->paused);
}

static void pressed(void *context, enum keys_key key)
{
    struct play *play = context;
    if (play->session.ended) {
        return;
    }
    switch (key) {
    case KEYS_PAUSE:
        play->paused = !play->paused;
        engine_set_paused(play->session.engine, play->paused);
        break;
    case KEYS_FORWARD:
    case KEYS_BACK:
        seek_by(play, key == KEYS_FORWARD);
        break;
    case KEYS_NEXT:
        next(play);
        break;
    case KEYS_SUSPEND:
        suspend(play);
        break;
    case KEYS_QUIT:
        session_end(&play->session, EXIT_CODE_OK);
        break;
    }
    if (play->refresh != NULL) {
        refresh(play);
    }
}

static void open_terminal(struct play *play)
{
    struct net_loop *loop = play->session.loop;
    if (play->session.args->json) {
        return;
    }
    if (keys_open(loop, pressed, play, &play->keys) != 0) {
        play->keys = NULL;
    }
    if (report_is_terminal(false) && net_deadline_open(loop, refresh, play, &play->refresh) == 0) {
        net_deadline_set(play->refresh, net_now_us() + PLAY_REFRESH_US);
    }
}

int cmd_play(const struct args *args)
{
    struct play play = {0};
    const struct session_hooks hooks = {.ready = ready, .note = note, .context = &play};
    int exit_code = session_open(args, false, &hooks, &play.session);
    if (exit_code != EXIT_CODE_OK) {
        return exit_code;
    }
    open_terminal(&play);
    session_run(&play.session);
    keys_close(play.keys);
    net_deadline_close(play.refresh);
    play.refresh = NULL;
    struct node_summary summary;
    exit_code = session_close(&play.session, &summary);
    if (args->json) {
        report_summary_json(&summary);
    } else {
        report_summary(&summary, play.waits_us, play.wait_count, false);
    }
    free(play.waits_us);
    session_free(&play.session);
    return exit_code;
}
