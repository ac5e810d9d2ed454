/*
 * control_library.c: the library's verbs over the control socket, and its changes as events.
 *
 * What the verbs do is player/library's; each row here hands its request over.
 */
#include "player/control_internal.h"

#include <string.h>

/* The library's verb of this request's name. */
static json_t *do_library(struct control *control, const struct control_call *call,
                          const json_t *request, const char **ret_error)
{
    const char *verb = json_string_value(json_object_get(request, "do"));
    struct library *library = control->session->library;
    (void)call;
    *ret_error = "player: out of memory; close other programs";
    for (const struct library_verb_row *row = library_verbs; library != NULL && row->name != NULL;
         row++) {
        if (verb != NULL && strcmp(row->name, verb) == 0) {
            return row->run(library, request, ret_error);
        }
    }
    return NULL;
}

const struct control_row control_library_rows[] = {
    {"search", do_library, CONTROL_NEEDS_NOTHING},
    {"browse", do_library, CONTROL_NEEDS_NOTHING},
    {"like", do_library, CONTROL_NEEDS_NOTHING},
    {"unlike", do_library, CONTROL_NEEDS_NOTHING},
    {"likes", do_library, CONTROL_NEEDS_NOTHING},
    {"playlists", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_new", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_add", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_remove", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_move", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_delete", do_library, CONTROL_NEEDS_NOTHING},
    {"playlist_rename", do_library, CONTROL_NEEDS_NOTHING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};

static void changed(void *context, const char *what)
{
    struct control *control = context;
    if (control_is_heard(control, CONTROL_EVENT_LIBRARY)) {
        control_tell(control, CONTROL_EVENT_LIBRARY, json_pack("{s:s}", "what", what));
    }
}

void control_library_open(struct control *control)
{
    control->session->library_changed = changed;
    control->session->library_context = control;
}

void control_library_close(struct control *control)
{
    control->session->library_changed = NULL;
}
