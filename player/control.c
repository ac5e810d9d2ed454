/*
 * control.c: from a request to its verb, from an answer to who asked.
 *
 * Failure modes: no socket (a read-only state folder): told once, playing goes on without it. What a
 * client asks wrongly gets an error that says what to do.
 */
#include "player/control.h"

#include "common/error.h"
#include "player/control_internal.h"
#include "player/desktop/desktop.h"
#include "player/gateway/gateway.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] = "player: out of memory; close other programs";

static const struct control_row *const control_tables[] = {
    control_face_rows,   control_play_rows,    control_queue_rows,  control_modes_rows,
    control_status_rows, control_gateway_rows, control_library_rows};

struct session *control_session(const struct control *control)
{
    return control->session;
}

struct playing *control_playing(const struct control *control)
{
    return control->playing;
}

/* --- requests ------------------------------------------------------------------------------------- */

static const struct control_row *find_row(const char *verb)
{
    for (size_t i = 0; i < sizeof control_tables / sizeof control_tables[0]; i++) {
        for (const struct control_row *row = control_tables[i]; row->name != NULL; row++) {
            if (strcmp(row->name, verb) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

static json_t *run(struct control *control, const struct control_call *call, const char *verb,
                   const json_t *request, const char **ret_error)
{
    const struct control_row *row = find_row(verb);
    if (control->session->ended) {
        *ret_error = "player: it is about to end; start it again";
        return NULL;
    }
    if (row == NULL) {
        *ret_error = "do: no such verb; docs/CLI.md has them all";
        return NULL;
    }
    if (row->need == CONTROL_NEEDS_PLAYING && control->playing == NULL) {
        *ret_error = "player: it fetches and does not play; ask it for status, peers or quit";
        return NULL;
    }
    *ret_error = out_of_memory;
    return row->run(control, call, request, ret_error);
}

void control_answer(struct control *control, const struct control_call *call, json_t *answer,
                    const char *error)
{
    if (answer == NULL && error != NULL) {
        answer = json_pack("{s:s}", "error", error); /* NULL again when it is no UTF-8 */
    }
    if (answer == NULL) {
        answer = json_pack("{s:s}", "error", out_of_memory);
    } else if (json_object_get(answer, "error") == NULL) {
        json_object_set_new(answer, "ok", json_true());
    }
    if (call->has_id) {
        json_object_set_new(answer, "id", json_integer(call->id));
    }
    control_say_to(control, call->face, answer);
}

static void handle(struct control *control, uint32_t face, const char *verb, const json_t *request)
{
    const json_t *id = json_object_get(request, "id");
    const struct control_call call = {
        .face = face, .has_id = json_is_integer(id), .id = json_integer_value(id)};
    const char *error = NULL;
    json_t *answer = run(control, &call, verb, request, &error);
    if (answer != NULL || error != NULL) {
        control_answer(control, &call, answer, error);
    }
}

static void handle_client(void *context, uint32_t client, const char *verb, const json_t *request)
{
    handle(context, client, verb, request);
}

static void client_gone(void *context, uint32_t client)
{
    control_drop_face(context, client);
}

void control_ask(struct control *control, uint32_t face, const json_t *request)
{
    const char *verb = json_string_value(json_object_get(request, "do"));
    assert(verb != NULL && face > CONTROL_FACE_LOCAL);
    handle(control, face, verb, request);
}

/* --- life --------------------------------------------------------------------------------------------- */

uint32_t control_join(struct control *control, control_say *say, void *context)
{
    uint32_t number = CONTROL_FACE_LOCAL + ++control->last_local;
    struct control_face *face = control_add_face(control, number);
    if (face == NULL) {
        return 0;
    }
    face->say = say;
    face->say_context = context;
    return number;
}

void control_leave(struct control *control, uint32_t face)
{
    control_drop_face(control, face);
}

struct control *control_open(struct session *session, struct playing *playing)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        report_error("control socket: out of memory; close other programs");
        return NULL;
    }
    *control = (struct control){.session = session, .playing = playing};
    control_now_open(control);
    control_library_open(control);
    const struct control_hooks hooks = {
        .handle = handle_client, .gone = client_gone, .context = control};
    int error = control_server_open(session->loop, session->paths.state, REFRAIN_VERSION, &hooks,
                                    &control->server);
    if (error != 0) {
        report_error("control socket in %s: %s; \"refrain status\" will not find this engine",
                     session->paths.state,
                     error == ERROR_SYSTEM ? strerror(errno) : error_text(error));
    }
    if (playing != NULL) {
        control->desktop = desktop_open(control, session);
    }
    return control;
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    control_tell(control, CONTROL_EVENT_BYE, json_object());
    desktop_close(control->desktop);
    gateway_close(control->gateway);
    control_now_close(control);
    control_library_close(control);
    control_queue_close(control);
    control_server_close(control->server); /* no client is heard any more */
    while (control->faces != NULL) {
        control_drop_face(control, control->faces->number);
    }
    free(control);
}
