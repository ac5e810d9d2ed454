/*
 * control_play.c: the verbs that steer what plays.
 */
#include "common/exit_code.h"
#include "player/control_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_playing(struct control *control, const char **ret_error)
{
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    *ret_error = "player: nothing plays; start something with \"play\"";
    return status.entry != 0;
}

/* How long what plays is; 0 = not known yet. */
static uint64_t duration_us(const struct control *control)
{
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    const struct session_entry *entry = session_entry(control->session, status.entry);
    const struct words_track *words =
        entry != NULL ? words_get(&control->session->words, entry->track_id) : NULL;
    return words != NULL ? words->duration_us : 0;
}

static json_t *do_next(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!playing_next(control->playing)) {
        *ret_error = "queue: nothing follows; start something with \"play\", or end with \"stop\"";
        return NULL;
    }
    return json_object();
}

static json_t *do_prev(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!playing_previous(control->playing)) {
        *ret_error = "queue: it is empty; start something with \"play\"";
        return NULL;
    }
    return json_object();
}

/* From where we are, and not beyond the ends. */
static json_t *seek_by(struct control *control, json_int_t by_ms)
{
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    uint64_t by_us = (uint64_t)(by_ms < 0 ? -by_ms : by_ms) * TIME_US_PER_MS;
    uint64_t to_us = status.position_us + by_us;
    if (by_ms < 0) {
        to_us = by_us < status.position_us ? status.position_us - by_us : 0;
    }
    engine_seek(control->session->engine, to_us);
    playing_feed(control->playing);
    return json_pack("{s:I}", "position_ms", (json_int_t)(to_us / TIME_US_PER_MS));
}

static json_t *do_seek(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    uint64_t position_us;
    const json_t *by = json_object_get(request, "by_ms");
    (void)call;
    if (json_is_integer(by) && json_integer_value(by) > -CONTROL_POSITION_MS_MAX &&
        json_integer_value(by) < CONTROL_POSITION_MS_MAX) {
        return is_playing(control, ret_error) ? seek_by(control, json_integer_value(by)) : NULL;
    }
    if (!control_take_position(request, true, &position_us, ret_error) ||
        !is_playing(control, ret_error)) {
        return NULL;
    }
    uint64_t whole_us = duration_us(control);
    if (whole_us > 0 && position_us > whole_us) {
        *ret_error = "position_ms: the track is not that long; \"status\" tells its length";
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
    playing_pause(control->playing);
    return json_object();
}

static json_t *do_resume(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    if (!playing_resume(control->playing)) {
        *ret_error = "player: nothing plays; start something with \"play\"";
        return NULL;
    }
    return json_object();
}

static json_t *do_toggle(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    struct node_status status;
    engine_get_status(control->session->engine, &status);
    bool is_sounding = status.entry != 0 && !status.paused;
    return is_sounding ? do_pause(control, call, request, ret_error)
                       : do_resume(control, call, request, ret_error);
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
    playing_stop(control->playing);
    return json_object();
}

const struct control_row control_play_rows[] = {
    {"next", do_next, CONTROL_NEEDS_PLAYING},     {"prev", do_prev, CONTROL_NEEDS_PLAYING},
    {"seek", do_seek, CONTROL_NEEDS_PLAYING},     {"pause", do_pause, CONTROL_NEEDS_PLAYING},
    {"resume", do_resume, CONTROL_NEEDS_PLAYING}, {"toggle", do_toggle, CONTROL_NEEDS_PLAYING},
    {"stop", do_stop, CONTROL_NEEDS_PLAYING},     {"quit", do_quit, CONTROL_NEEDS_NOTHING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
