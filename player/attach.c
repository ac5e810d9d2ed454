/*
 * attach.c: a face without an engine.
 *
 * Happy path: connect -> subscribe, status, modes, play -> events -> the queue ends, the listener leaves, or
 * the engine says bye. Failure modes: the engine dies: is_orphan, with the queue as it was known and the
 * position as it must be by now.
 */
#include "player/attach.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "player/front/front.h"
#include "player/report.h"
#include "player/tui/tui.h"
#include "player/uv/engine.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a position is believed to have moved on since it was told. */
#define ATTACH_MOVED_US_MAX (2 * TIME_US_PER_S)

struct face {
    struct attach *attach;
    struct net_loop *loop;
    struct front *front;
    struct tui *tui; /* NULL: plain lines */
    uint64_t position_us, told_us;
    json_int_t shown_entry;
    bool is_sounding, has_started, is_asked, is_running;
    int exit_code;
};

bool attach_is_possible(const struct args *args)
{
    return args->output == OUTPUT_AUTO && !args->fast && args->record_path == NULL &&
           !args->offline;
}

static void end(struct face *face, int exit_code)
{
    face->exit_code = exit_code;
    if (face->is_running) {
        net_loop_stop(face->loop);
    }
}

/* --- what the engine says ----------------------------------------------------------------------------- */

static void queue_came(void *context, const json_t *answer)
{
    struct face *face = context;
    if (json_is_true(json_object_get(answer, "ok"))) {
        json_decref(face->attach->saved);
        face->attach->saved = json_deep_copy(answer);
    }
}

static void status_came(void *context, const json_t *answer)
{
    struct face *face = context;
    const char *url = json_string_value(json_object_get(json_object_get(answer, "origin"), "url"));
    snprintf(face->attach->origin, sizeof face->attach->origin, "%s", url != NULL ? url : "");
}

static void refused(void *context, const json_t *answer)
{
    struct face *face = context;
    const char *error = json_string_value(json_object_get(answer, "error"));
    size_t i;
    const json_t *choice;
    face->is_asked = true;
    if (error == NULL) {
        return;
    }
    report_error("%s", error);
    json_array_foreach(json_object_get(answer, "choices"), i, choice)
    {
        const char *target = json_string_value(json_object_get(choice, "target"));
        report_error("  %s", target != NULL ? target : "");
    }
    end(face, json_object_get(answer, "choices") != NULL ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void show_track(struct face *face, const json_t *event)
{
    json_int_t entry = json_integer_value(json_object_get(event, "entry"));
    const struct report_track track = {
        .id = text_of(event, "track"),
        .title = text_of(event, "title"),
        .artist = text_of(event, "artist"),
        .duration_us =
            (uint64_t)json_integer_value(json_object_get(event, "duration_ms")) * TIME_US_PER_MS};
    if (track.id[0] == '\0' || entry == face->shown_entry ||
        json_object_get(event, "title") == NULL) {
        return;
    }
    face->shown_entry = entry;
    if (face->attach->args->json) {
        report_started_json(&track);
    } else if (face->tui == NULL) {
        report_started(&track);
    }
}

/* The queue has ended, when somebody had asked for something. */
static void take_state(struct face *face, const char *state)
{
    face->is_sounding = strcmp(state, "paused") != 0 && strcmp(state, "stopped") != 0;
    face->has_started = face->has_started || (face->is_asked && strcmp(state, "stopped") != 0);
    if (strcmp(state, "stopped") == 0 && face->has_started && face->tui == NULL) {
        end(face, EXIT_CODE_OK);
    }
}

static void on_event(void *context, const char *name, const json_t *event)
{
    struct face *face = context;
    if (strcmp(name, "track") == 0) {
        show_track(face, event);
    } else if (strcmp(name, "state") == 0) {
        take_state(face, text_of(event, "state"));
    } else if (strcmp(name, "position") == 0) {
        face->position_us =
            (uint64_t)json_integer_value(json_object_get(event, "position_ms")) * TIME_US_PER_MS;
        face->told_us = net_now_us();
    } else if (strcmp(name, "queue") == 0 || strcmp(name, "modes") == 0 ||
               strcmp(name, "volume") == 0) {
        front_ask(face->front, json_pack("{s:s}", "do", "queue"), queue_came, face);
    } else if (strcmp(name, "message") == 0 && face->tui == NULL) {
        report_error("%s", text_of(event, "text"));
    } else if (strcmp(name, "play") == 0 && face->attach->args->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
    }
    if (face->tui != NULL) {
        tui_event(face->tui, event);
    }
}

static void on_lost(void *context, bool said_bye)
{
    struct face *face = context;
    struct attach *attach = face->attach;
    attach->is_orphan = !said_bye && attach->saved != NULL;
    if (attach->is_orphan && attach->was_told && face->told_us == 0) {
        end(face, EXIT_CODE_NETWORK); /* it was not quite dead, and what it told before holds */
        return;
    }
    if (attach->is_orphan) {
        uint64_t moved_us = face->is_sounding ? net_now_us() - face->told_us : 0;
        moved_us = moved_us < ATTACH_MOVED_US_MAX ? moved_us : ATTACH_MOVED_US_MAX;
        uint64_t at_us = face->position_us + moved_us;
        json_object_set_new(attach->saved, "position_ms",
                            json_integer((json_int_t)(at_us / TIME_US_PER_MS)));
        json_object_set_new(attach->saved, "playing", json_boolean(face->is_sounding));
        if (!attach->was_told) {
            report_error("engine: it died; this one plays on");
        }
        attach->was_told = true;
    } else if (!said_bye) {
        report_error("engine: it died, and left no queue; start again");
    }
    end(face, said_bye ? EXIT_CODE_OK : EXIT_CODE_NETWORK);
}

/* --- asking --------------------------------------------------------------------------------------------- */

static void ask_mode(struct face *face, const char *verb, const char *mode)
{
    if (mode != NULL) {
        front_ask(face->front, json_pack("{s:s, s:s}", "do", verb, "mode", mode), NULL, NULL);
    }
}

static void ask_all(struct face *face)
{
    const struct args *args = face->attach->args;
    ask_mode(face, "shuffle", args->shuffle);
    ask_mode(face, "repeat", args->repeat);
    ask_mode(face, "replaygain", args->replaygain);
    if (args->volume != NULL) {
        front_ask(
            face->front,
            json_pack("{s:s, s:I}", "do", "volume", "percent", (json_int_t)args->volume_percent),
            NULL, NULL);
    }
    if (args->operand_count > 0) {
        json_t *targets = json_array();
        for (uint32_t i = 0; i < args->operand_count; i++) {
            json_array_append_new(targets, json_string(args->operands[i]));
        }
        front_ask(face->front,
                  json_pack("{s:s, s:o, s:I}", "do", "play", "targets", targets, "position_ms",
                            (json_int_t)(args->start_us / TIME_US_PER_MS)),
                  refused, face);
    } else {
        face->is_asked = true;
    }
    /* Behind all that: what is told then is what was asked for. */
    front_ask(face->front, json_pack("{s:s, s:s}", "do", "subscribe", "events", "all"), NULL, NULL);
    front_ask(face->front, json_pack("{s:s}", "do", "status"), status_came, face);
}

static void on_signal(void *context, int signal_number)
{
    (void)signal_number;
    end(context, EXIT_CODE_INTERRUPTED);
}

static void leave(void *context, enum tui_quit why)
{
    (void)why;
    end(context, EXIT_CODE_OK);
}

static void open_screen(struct face *face)
{
    const struct args *args = face->attach->args;
    const struct tui_config config = {
        .front = face->front, .is_attached = true, .quit = leave, .context = face};
    if (args->json || args->plain || !tui_is_possible() ||
        tui_open(face->loop, &config, &face->tui) != 0) {
        face->tui = NULL;
    }
}

int attach_run(struct attach *attach)
{
    struct engine_paths paths;
    struct face face = {.attach = attach};
    const struct front_callbacks callbacks = {.event = on_event, .lost = on_lost, .context = &face};
    attach->is_orphan = false;
    if (engine_paths_init(&paths) != 0 || net_loop_new(&face.loop) != 0) {
        report_error("event loop: it does not start; see whether the system is out of descriptors");
        return EXIT_CODE_INTERNAL;
    }
    int error = front_open_attached(face.loop, paths.state, &callbacks, &face.front);
    if (error == ERROR_NOT_FOUND && ++attach->tries < ATTACH_TRIES_MAX) {
        net_loop_run(face.loop);
        net_loop_free(face.loop);
        attach->is_orphan = attach->saved != NULL;
        (void)poll(NULL, 0, ATTACH_RETRY_MS);
        return EXIT_CODE_IN_USE;
    }
    if (error != 0) {
        attach->tries = ATTACH_TRIES_MAX;
        report_error("engine in %s: it runs, but its socket can't be used (%s); end it, or ask as "
                     "its user",
                     paths.state, error_text(error));
        net_loop_run(face.loop);
        net_loop_free(face.loop);
        return EXIT_CODE_IN_USE;
    }
    net_loop_catch_signals(face.loop, on_signal, &face);
    open_screen(&face);
    ask_all(&face);
    face.is_running = true;
    net_loop_run(face.loop);
    face.is_running = false;
    front_close(face.front);
    tui_close(face.tui);
    net_loop_release_signals(face.loop);
    net_loop_run(face.loop);
    net_loop_free(face.loop);
    return face.exit_code;
}

void attach_deinit(struct attach *attach)
{
    json_decref(attach->saved);
    attach->saved = NULL;
}
