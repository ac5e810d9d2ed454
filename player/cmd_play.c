/*
 * cmd_play.c: `refrain play`: plays entries one after the other, tells what happens, takes keys.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/attach.h"
#include "player/cmd.h"
#include "player/control.h"
#include "player/front/front.h"
#include "player/ipc/control_client.h"
#include "player/keys.h"
#include "player/playing.h"
#include "player/remember.h"
#include "player/tui/tui.h"

#include <unistd.h>

#define PLAY_REFRESH_US (250 * TIME_US_PER_MS)
#define PLAY_SEEK_US (10 * TIME_US_PER_S)

struct play {
    struct session session;
    struct playing playing;
    struct control *control;      /* NULL: no socket */
    struct keys *keys;            /* NULL: no terminal */
    struct net_deadline *refresh; /* of the progress line; NULL: none */
    struct front *front;          /* of the full screen */
    struct tui *tui;              /* NULL: plain lines */
};

static void found(void *context, const struct lineup_track *tracks, uint32_t count)
{
    struct play *play = context;
    uint32_t first;
    int error =
        playing_replace(&play->playing, tracks, count, play->session.args->start_us, &first);
    if (error == ERROR_FULL) {
        report_error("queue: more than %u tracks; name fewer", LINEUP_ENTRIES_MAX);
        session_end(&play->session, EXIT_CODE_USAGE);
    } else if (error != 0) {
        report_error("player: out of memory; close other programs");
        session_end(&play->session, EXIT_CODE_INTERNAL);
    }
}

static void note(void *context, const struct node_note *note)
{
    struct play *play = context;
    playing_note(&play->playing, note);
    bool stays = play->tui != NULL && tui_was_used(play->tui);
    if (note->kind == NODE_NOTE_QUEUE_ENDED && !stays) {
        session_end(&play->session, EXIT_CODE_OK);
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
    if (status.entry != 0 && play->playing.current != 0) {
        const struct session_entry *of = session_entry(&play->session, play->playing.current);
        if (of != NULL) {
            struct report_track track = session_track(&play->session, play->playing.current);
            report_progress(&track, &status, &summary);
        }
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

static bool is_paused(const struct play *play)
{
    struct node_status status;
    engine_get_status(play->session.engine, &status);
    return status.paused;
}

/* The music rests meanwhile, so that it goes on where it was. */
static void suspend(struct play *play)
{
    bool was_paused = is_paused(play);
    engine_set_paused(play->session.engine, true);
    report_progress_clear();
    keys_suspend(play->keys);
    engine_set_paused(play->session.engine, was_paused);
}

static void pressed(void *context, enum keys_key key)
{
    struct play *play = context;
    if (play->session.ended) {
        return;
    }
    switch (key) {
    case KEYS_PAUSE:
        engine_set_paused(play->session.engine, !is_paused(play));
        break;
    case KEYS_FORWARD:
    case KEYS_BACK:
        seek_by(play, key == KEYS_FORWARD);
        break;
    case KEYS_NEXT:
        if (!playing_next(&play->playing)) {
            session_end(&play->session, EXIT_CODE_OK);
        }
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

/* --- the full screen ----------------------------------------------------------------------------------- */

static void on_event(void *context, const char *name, const json_t *event)
{
    struct play *play = context;
    (void)name;
    if (play->tui != NULL) {
        tui_event(play->tui, event);
    }
}

static void leave(void *context, enum tui_quit why)
{
    struct play *play = context;
    (void)why;
    session_end(&play->session, EXIT_CODE_OK);
}

/* False: plain lines. */
static bool open_screen(struct play *play)
{
    const struct front_callbacks callbacks = {.event = on_event, .context = play};
    const struct args *args = play->session.args;
    if (args->json || args->plain || play->control == NULL || !tui_is_possible() ||
        front_open_local(play->control, &callbacks, &play->front) != 0) {
        return false;
    }
    const struct tui_config config = {.front = play->front, .quit = leave, .context = play};
    if (tui_open(play->session.loop, &config, &play->tui) != 0) {
        front_close(play->front);
        play->front = NULL;
        return false;
    }
    play->playing.is_quiet = true;
    return true;
}

static void close_screen(struct play *play)
{
    front_close(play->front);
    tui_close(play->tui);
    play->tui = NULL;
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

/* Sound of its own that goes by the clock: a listener's queue. Else it is a tool's. */
static bool is_listening(const struct args *args)
{
    return !args->fast && args->output != OUTPUT_WAV && args->record_path == NULL;
}

/* Goes on where another process was. */
static void go_on(struct play *play, const json_t *saved)
{
    if (playing_restore(&play->playing, saved) != 0 || !playing_resume(&play->playing)) {
        report_error("queue: nothing is there to go on with; name what to play");
        session_end(&play->session, EXIT_CODE_NOT_FOUND);
        return;
    }
    engine_set_paused(play->session.engine, json_is_false(json_object_get(saved, "playing")));
}

/* With an engine of its own. `saved` NULL: what the command line names. EXIT_CODE_IN_USE: another one has
 * it; that was told unless it may be attached to. */
static int play_here(const struct args *args, const json_t *saved)
{
    struct play play = {0};
    const struct session_hooks hooks = {
        .found = found, .note = note, .may_attach = attach_is_possible(args), .context = &play};
    playing_init(&play.playing, &play.session, net_now_us());
    playing_set_modes(&play.playing, args);
    int exit_code = session_open(args, false, &hooks, &play.session);
    if (exit_code != EXIT_CODE_OK) {
        playing_deinit(&play.playing);
        return exit_code;
    }
    if (is_listening(args)) {
        play.playing.remember = remember_open(&play.playing);
    }
    play.control = control_open(&play.session, &play.playing);
    if (!open_screen(&play)) {
        open_terminal(&play);
    }
    if (saved != NULL) {
        go_on(&play, saved);
    }
    session_run(&play.session);
    close_screen(&play);
    control_close(play.control);
    remember_close(play.playing.remember);
    play.playing.remember = NULL;
    keys_close(play.keys);
    net_deadline_close(play.refresh);
    play.refresh = NULL;
    struct node_summary summary;
    exit_code = session_close(&play.session, &summary);
    playing_summary(&play.playing, &summary);
    playing_deinit(&play.playing);
    session_free(&play.session);
    return exit_code;
}

/* As a face of the engine that runs, and when that dies, in its place. */
static int play_attached(const struct args *args)
{
    static struct args rest; /* what is still to be done: nothing is named any more */
    struct attach attach = {.args = args};
    int exit_code;
    do {
        exit_code = attach_run(&attach);
        if (attach.is_orphan) {
            rest = *args;
            rest.operand_count = 0;
            rest.origin = attach.origin[0] != '\0' ? attach.origin : args->origin;
            attach.args = &rest;
            exit_code = play_here(&rest, attach.saved);
        }
    } while (exit_code == EXIT_CODE_IN_USE && attach.tries < ATTACH_TRIES_MAX);
    attach_deinit(&attach);
    return exit_code;
}

int cmd_play(const struct args *args)
{
    int exit_code = play_here(args, NULL);
    if (exit_code == EXIT_CODE_IN_USE && attach_is_possible(args)) {
        exit_code = play_attached(args);
    }
    return exit_code;
}

/* With an engine: its verb "resume". Without one: the queue of the last time. */
int cmd_resume(const struct args *args)
{
    static struct args remote;
    struct engine_paths paths;
    int fd = -1;
    if (engine_paths_init(&paths) != 0 || control_client_connect(paths.state, &fd) == 0) {
        if (fd >= 0) {
            close(fd);
        }
        remote = *args;
        remote.remote = "resume";
        return cmd_remote(&remote);
    }
    json_t *saved = remember_load(paths.state);
    if (saved == NULL) {
        report_error("queue: none is remembered in %s; name what to play", paths.state);
        return EXIT_CODE_NOT_FOUND;
    }
    json_object_set_new(saved, "playing", json_true());
    int exit_code = play_here(args, saved);
    json_decref(saved);
    return exit_code;
}
