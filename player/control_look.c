/*
 * control_look.c: the verbs that change nothing.
 */
#include "player/control_internal.h"
#include "player/control_status.h"

static json_t *do_status(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    (void)ret_error;
    return control_status(control->session, control->playing);
}

static json_t *do_peers(struct control *control, const struct control_call *call,
                        const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    (void)ret_error;
    return control_peers(control->session);
}

static json_t *do_chunks(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    *ret_error = "player: nothing plays; start something with \"play\"";
    return control_now_chunks(control);
}

const struct control_row control_status_rows[] = {
    {"status", do_status, CONTROL_NEEDS_NOTHING},
    {"chunks", do_chunks, CONTROL_NEEDS_PLAYING},
    {"peers", do_peers, CONTROL_NEEDS_NOTHING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
