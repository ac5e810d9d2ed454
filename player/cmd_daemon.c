/*
 * cmd_daemon.c: `refrain daemon`: an engine that gives what the cache has and plays what a front end
 * asks for, until a signal or "quit".
 *
 * The control socket opens when peers can come, right before the line that says so.
 */
#include "player/cmd.h"
#include "player/control.h"
#include "player/playing.h"
#include "player/remember.h"

#include "common/exit_code.h"

struct daemon {
    struct session session;
    struct playing playing;
    struct control *control; /* NULL: not yet, or no socket */
};

static void note(void *context, const struct node_note *note)
{
    struct daemon *daemon = context;
    playing_note(&daemon->playing, note);
}

static void listening(void *context, uint16_t port)
{
    struct daemon *daemon = context;
    const uint8_t *peer_id = engine_peer_id(daemon->session.engine);
    /* First the socket, which is there when the line is read. */
    daemon->control = control_open(&daemon->session, &daemon->playing);
    if (daemon->session.args->json) {
        report_ready_json(peer_id, port);
    } else {
        report_ready(peer_id, port);
    }
}

int cmd_daemon(const struct args *args)
{
    struct daemon daemon = {0};
    const struct session_hooks hooks = {.note = note, .listening = listening, .context = &daemon};
    playing_init(&daemon.playing, &daemon.session, net_now_us());
    playing_set_modes(&daemon.playing, args);
    int exit_code = session_open(args, false, &hooks, &daemon.session);
    if (exit_code != EXIT_CODE_OK) {
        return exit_code;
    }
    if (args->no_peers) {
        listening(&daemon, 0);
    }
    json_t *saved = remember_load(daemon.session.paths.state);
    if (saved != NULL && playing_restore(&daemon.playing, saved) != 0) {
        report_error("queue of the last time: it is damaged; this one begins anew");
    }
    json_decref(saved);
    daemon.playing.remember = remember_open(&daemon.playing);
    session_run(&daemon.session);
    control_close(daemon.control);
    remember_close(daemon.playing.remember);
    daemon.playing.remember = NULL;
    struct node_summary summary;
    exit_code = session_close(&daemon.session, &summary);
    playing_summary(&daemon.playing, &summary);
    playing_deinit(&daemon.playing);
    session_free(&daemon.session);
    return exit_code;
}
