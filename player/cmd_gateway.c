/*
 * cmd_gateway.c: `refrain gateway`: where other players find tracks, of an engine that runs, or of one
 * of its own that plays nothing itself.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/control.h"
#include "player/ipc/control_client.h"
#include "player/session.h"
#include "player/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct own_gateway {
    struct session session;
    struct control *control;
};

/* The targets' addresses, or the gateway's own. 0, or an exit code. */
static int show(const struct args *args, const json_t *answer)
{
    const char *tracks = json_string_value(json_object_get(answer, "tracks"));
    char text[TARGET_TEXT_BYTES];
    struct target target;
    if (args->json) {
        json_t *line = json_pack(
            "{s:s, s:O, s:O, s:O}", "event", "gateway", "url", json_object_get(answer, "url"),
            "token", json_object_get(answer, "token"), "tracks", json_object_get(answer, "tracks"));
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else if (args->operand_count == 0) {
        printf("%sID\n", tracks);
    }
    for (uint32_t i = 0; i < args->operand_count; i++) {
        char id[2 * TRACK_ID_BYTES + 1];
        if (target_parse(args->operands[i], &target, text) != 0 || target.kind == TARGET_ALL) {
            report_error("target %s: no track id; see \"refrain ls tracks\"", args->operands[i]);
            return EXIT_CODE_USAGE;
        }
        media_hex_encode(target.id, TRACK_ID_BYTES, id);
        printf(args->json ? "{\"event\":\"track\",\"url\":\"%s%s\"}\n" : "%s%s\n", tracks, id);
    }
    fflush(stdout);
    return EXIT_CODE_OK;
}

/* --- an engine of its own -------------------------------------------------------------------------------- */

static void ready(void *context, uint32_t first_entry)
{
    (void)context;
    (void)first_entry;
}

static void note(void *context, const struct node_note *note)
{
    struct own_gateway *own = context;
    if (note->kind == NODE_NOTE_BAD_CHUNK) {
        session_tell_bad_chunk(&own->session, note);
    } else if (note->kind == NODE_NOTE_CACHE_OFF) {
        report_error("cache %s: it can't be written (disk full, or no permission); playing goes on "
                     "without it; make room",
                     own->session.paths.cache);
    }
}

static int serve(const struct args *args)
{
    struct own_gateway own = {0};
    struct args without = *args;
    const struct session_hooks hooks = {.ready = ready, .note = note, .context = &own};
    without.operand_count = 0; /* nothing is fetched by itself */
    int exit_code = session_open(&without, true, &hooks, &own.session);
    if (exit_code != EXIT_CODE_OK) {
        return exit_code;
    }
    const char *error = "player: out of memory; close other programs";
    own.control = control_open(&own.session, NULL);
    json_t *answer =
        own.control == NULL ? NULL : control_open_gateway(own.control, args->gateway_port, &error);
    if (answer == NULL) {
        report_error("%s", error);
        session_end(&own.session, EXIT_CODE_IN_USE);
    } else if ((exit_code = show(args, answer)) != EXIT_CODE_OK) {
        session_end(&own.session, exit_code);
    }
    json_decref(answer);
    session_run(&own.session);
    control_close(own.control);
    struct node_summary summary;
    exit_code = session_close(&own.session, &summary);
    if (args->json) {
        report_summary_json(&summary);
    }
    session_free(&own.session);
    return exit_code;
}

int cmd_gateway(const struct args *args)
{
    struct engine_paths paths;
    json_t *answer = NULL;
    if (engine_paths_init(&paths) == 0 &&
        control_client_ask(paths.state, "gateway", &answer) == 0) {
        int exit_code = show(args, answer);
        json_decref(answer);
        return exit_code;
    }
    return serve(args);
}
