/*
 * control_play.c: the verbs that steer what plays.
 */
#include "common/exit_code.h"
#include "player/control_internal.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_POSITION_MS_MAX (INT64_C(1000) * 3600 * 1000)

/* A position in a request; 0 when it is not there. False: it is none. */
static bool take_position(const json_t *request, bool is_needed, uint64_t *ret_us,
                          const char **ret_error)
{
    const json_t *value = json_object_get(request, "position_ms");
    json_int_t ms = json_integer_value(value);
    *ret_error = "position_ms: no whole number of milliseconds; give one from 0 on";
    if (value == NULL && !is_needed) {
        *ret_us = 0;
        return true;
    }
    if (!json_is_integer(value) || ms < 0 || ms > CONTROL_POSITION_MS_MAX) {
        return false;
    }
    *ret_us = (uint64_t)ms * TIME_US_PER_MS;
    return true;
}

/* --- playing -------------------------------------------------------------------------------------- */

static bool take_targets(const json_t *targets, uint8_t (*ret_ids)[TRACK_ID_BYTES])
{
    struct target target;
    char text[TARGET_TEXT_BYTES];
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const char *word = json_string_value(json_array_get(targets, i));
        if (word == NULL || target_parse(word, &target, text) != 0 || target.kind != TARGET_ID) {
            return false;
        }
        memcpy(ret_ids[i], target.id, TRACK_ID_BYTES);
    }
    return true;
}

/* Queues them behind what was queued before, and starts the first: what stood before it is left
 * behind. */
static json_t *play_all(struct control *control, const uint8_t (*ids)[TRACK_ID_BYTES], size_t count,
                        uint64_t position_us, const char **ret_error)
{
    uint32_t first = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t entry = session_add_entry(control->session, ids[i]);
        first = first == 0 ? entry : first;
    }
    if (first == 0) {
        *ret_error = "player: out of memory; close other programs";
        return NULL;
    }
    engine_start_entry(control->session->engine, first, position_us);
    return json_pack("{s:I}", "entry", (json_int_t)first);
}

static json_t *do_play(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    uint64_t position_us;
    (void)call;
    const json_t *targets = json_object_get(request, "targets");
    size_t count = json_array_size(targets);
    if (control->session->args->verb != ARGS_DAEMON) {
        *ret_error = "play: this engine plays what its command line named; use \"refrain daemon\"";
        return NULL;
    }
    if (!take_position(request, false, &position_us, ret_error)) {
        return NULL;
    }
    uint8_t(*ids)[TRACK_ID_BYTES] = calloc(count + 1, sizeof *ids);
    if (ids == NULL) {
        *ret_error = "player: out of memory; close other programs";
        return NULL;
    }
    json_t *answer = NULL;
    *ret_error = "targets: no list of 1 to 1024 track ids (32 hex digits each); see \"refrain ls "
                 "tracks\"";
    if (count > 0 && count <= CONTROL_TARGETS_MAX && take_targets(targets, ids)) {
        answer =
            play_all(control, (const uint8_t(*)[TRACK_ID_BYTES])ids, count, position_us, ret_error);
    }
    free(ids);
    return answer;
}

static bool is_playing(struct control *control, const char **ret_error)
{
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    *ret_error = "player: nothing plays; start something with \"play\"";
    return status.entry != 0;
}

static json_t *do_next(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!is_playing(control, ret_error)) {
        return NULL;
    }
    if (!playing_next(control->playing)) {
        *ret_error = "queue: nothing follows; start something with \"play\", or end with \"stop\"";
        return NULL;
    }
    return json_object();
}

static json_t *do_seek(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    uint64_t position_us;
    (void)call;
    if (!take_position(request, true, &position_us, ret_error) || !is_playing(control, ret_error)) {
        return NULL;
    }
    engine_seek(control->session->engine, position_us);
    return json_object();
}

static json_t *do_pause(struct control *control, const struct control_call *call,
                        const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!is_playing(control, ret_error)) {
        return NULL;
    }
    engine_set_paused(control->session->engine, true);
    return json_object();
}

static json_t *do_resume(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!is_playing(control, ret_error)) {
        return NULL;
    }
    engine_set_paused(control->session->engine, false);
    return json_object();
}

static json_t *do_quit(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    (void)ret_error;
    session_end(control->session, EXIT_CODE_OK);
    return json_object();
}

static json_t *do_stop(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    if (control->session->args->verb != ARGS_DAEMON) {
        return do_quit(control, call, request, ret_error);
    }
    engine_stop(control->session->engine);
    return json_object();
}

const struct control_row control_play_rows[] = {
    {"play", do_play, CONTROL_NEEDS_PLAYING},     {"next", do_next, CONTROL_NEEDS_PLAYING},
    {"seek", do_seek, CONTROL_NEEDS_PLAYING},     {"pause", do_pause, CONTROL_NEEDS_PLAYING},
    {"resume", do_resume, CONTROL_NEEDS_PLAYING}, {"stop", do_stop, CONTROL_NEEDS_PLAYING},
    {"quit", do_quit, CONTROL_NEEDS_NOTHING},     {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
