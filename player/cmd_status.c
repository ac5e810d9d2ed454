/*
 * cmd_status.c: `refrain status` and `refrain peers`: ask the running engine, show what it says.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/ipc/control_client.h"
#include "player/report.h"
#include "player/status_text.h"
#include "player/uv/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *state, int error)
{
    switch (error) {
    case ERROR_NOT_FOUND:
        report_error("engine in %s: none runs; start \"refrain play\" or \"refrain daemon\"",
                     state);
        return EXIT_CODE_NOT_FOUND;
    case ERROR_DENIED:
        report_error("engine in %s: it is another user's; ask as that user", state);
        return EXIT_CODE_STORAGE;
    case ERROR_SYSTEM:
        report_error("engine in %s: %s; see whether the folder can be read", state,
                     strerror(errno));
        return EXIT_CODE_STORAGE;
    case ERROR_UNSUPPORTED:
        report_error("engine in %s: it is of another version; use the same \"refrain\" for both",
                     state);
        return EXIT_CODE_NETWORK;
    default:
        report_error("engine in %s: %s; try again, or end it", state, error_text(error));
        return EXIT_CODE_NETWORK;
    }
}

/* The code of a refusal. */
static int refused(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const json_t *choices = json_object_get(answer, "choices");
    size_t i;
    const json_t *choice;
    report_error("%s", error != NULL ? error : "engine: it answers nothing of use");
    json_array_foreach(choices, i, choice)
    {
        const char *target = json_string_value(json_object_get(choice, "target"));
        fprintf(stderr, "  %s\n", target != NULL ? target : "");
    }
    bool is_lacking =
        error != NULL && (strncmp(error, "queue:", 6) == 0 || strncmp(error, "player:", 7) == 0 ||
                          strncmp(error, "entry:", 6) == 0);
    return is_lacking ? EXIT_CODE_NOT_FOUND : EXIT_CODE_USAGE;
}

int cmd_ask(json_t *request, json_t **ret_answer)
{
    struct engine_paths paths;
    json_t *answer = NULL;
    if (engine_paths_init(&paths) != 0) {
        json_decref(request);
        report_error(
            "folders: neither HOME nor XDG_CACHE_HOME and XDG_STATE_HOME are set; set HOME");
        return EXIT_CODE_USAGE;
    }
    int error = control_client_request(paths.state, request, &answer);
    if (error != 0) {
        return fail(paths.state, error);
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        int code = refused(answer);
        json_decref(answer);
        return code;
    }
    json_object_del(answer, "id");
    json_object_del(answer, "ok");
    *ret_answer = answer;
    return EXIT_CODE_OK;
}

static int ask(const struct args *args, const char *verb, void (*show)(const json_t *answer))
{
    json_t *answer = NULL;
    int code = cmd_ask(json_pack("{s:s}", "do", verb), &answer);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (args->json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        show(answer);
    }
    json_decref(answer);
    return EXIT_CODE_OK;
}

int cmd_status(const struct args *args)
{
    return ask(args, "status", status_text_show);
}

int cmd_peers(const struct args *args)
{
    return ask(args, "peers", status_text_show_peers);
}
