/*
 * place.c: asks the engine that runs; starts one where none does.
 *
 * Two processes may look at the same time: who does not get the lock asks again.
 */
#include "player/gst_plugin/place.h"

#include "common/error.h"
#include "player/gst_plugin/own_engine.h"
#include "player/ipc/control_client.h"
#include "player/uv/engine.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPTS 20
#define ATTEMPT_MS 100 /* an engine that starts listens soon */

static int ask_running(const struct engine_paths *paths, struct place *ret_place)
{
    json_t *answer = NULL;
    int error = control_client_ask(paths->state, "gateway", &answer);
    if (error != 0) {
        return error;
    }
    const char *tracks = json_string_value(json_object_get(answer, "tracks"));
    error = tracks == NULL || strlen(tracks) >= PLACE_URL_BYTES ? ERROR_UNSUPPORTED : 0;
    if (error == 0) {
        snprintf(ret_place->tracks, sizeof ret_place->tracks, "%s", tracks);
        ret_place->is_own = false;
    }
    json_decref(answer);
    return error;
}

int place_find(const char *origin, struct place *ret_place, char ret_text[PLACE_TEXT_BYTES])
{
    struct engine_paths paths;
    int error = engine_paths_init(&paths);
    if (error != 0) {
        snprintf(ret_text, PLACE_TEXT_BYTES, "folders: HOME is not set; set it");
        return error;
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        error = ask_running(&paths, ret_place);
        if (error != ERROR_NOT_FOUND && error != ERROR_CLOSED) {
            snprintf(ret_text, PLACE_TEXT_BYTES,
                     "engine in %.400s: %s; end it, or see its messages", paths.state,
                     error_text(error));
            return error;
        }
        error = own_engine_hold(origin, ret_place->tracks, ret_text);
        if (error != ERROR_BUSY) {
            ret_place->is_own = error == 0;
            return error;
        }
        poll(NULL, 0, ATTEMPT_MS);
    }
    return error;
}

void place_leave(struct place *place)
{
    if (place->is_own) {
        place->is_own = false;
        own_engine_release();
    }
}
