/*
 * cmd_play.c: `refrain play`: plays entries one after the other, tells what happens, takes keys.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/control.h"
#include "player/front/front.h"
#include "player/keys.h"
#include "player/playing.h"
#include "player/tui/tui.h"

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

int cmd_play(const struct args *args)
{
    struct play play = {0};
    const struct session_hooks hooks = {.found = found, .note = note, .context = &play};
    playing_init(&play.playing, &play.session, net_now_us());
    playing_set_modes(&play.playing, args);
    int exit_code = session_open(args, false, &hooks, &play.session);
    if (exit_code != EXIT_CODE_OK) {
        return exit_code;
    }
    play.control = control_open(&play.session, &play.playing);
    if (!open_screen(&play)) {
        open_terminal(&play);
    }
    session_run(&play.session);
    close_screen(&play);
    control_close(play.control);
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
