/*
 * main.c: `refrain`: reads the command line and calls the verb.
 */
#include "common/exit_code.h"
#include "player/args.h"
#include "player/args_conf.h"
#include "player/cmd.h"
#include "player/report.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef REFRAIN_VERSION
#error "the build defines REFRAIN_VERSION"
#endif

static int run(const struct args *args)
{
    switch (args->verb) {
    case ARGS_PLAY:
        return cmd_play(args);
    case ARGS_FETCH:
        return cmd_fetch(args);
    case ARGS_LS:
        return cmd_ls(args);
    case ARGS_CACHE:
        return cmd_cache(args);
    case ARGS_DAEMON:
        return cmd_daemon(args);
    case ARGS_STATUS:
        return cmd_status(args);
    case ARGS_PEERS:
        return cmd_peers(args);
    case ARGS_GATEWAY:
        return cmd_gateway(args);
    case ARGS_RESUME:
        return cmd_resume(args);
    case ARGS_REMOTE:
        return cmd_remote(args);
    case ARGS_SEARCH:
    case ARGS_LIKE:
    case ARGS_UNLIKE:
    case ARGS_LIKES:
    case ARGS_PLAYLIST:
        return cmd_library(args);
    case ARGS_COMPLETE:
        return cmd_complete(args);
    case ARGS_INFO:
        return cmd_info(args);
    case ARGS_NONE:
    case ARGS_VERBS:
        break;
    }
    return EXIT_CODE_INTERNAL;
}

int main(int argc, char *argv[])
{
    static struct args args;
    char text[ARGS_TEXT_BYTES];
    if (args_parse(argc, argv, getenv("REFRAIN_ORIGIN"), &args, text) != 0) {
        report_error("%s", text);
        return EXIT_CODE_USAGE;
    }
    if (args.version) {
        puts("refrain " REFRAIN_VERSION);
        return EXIT_CODE_OK;
    }
    if (args.help) {
        fputs(args_help(args.verb), stdout);
        return EXIT_CODE_OK;
    }
    struct conf *conf = conf_of_program();
    char reason[CONF_TEXT_BYTES] = "player: out of memory; close other programs";
    if (conf_load(conf, reason) != 0 || args_conf_apply(&args, conf, reason) != 0) {
        conf_free(conf);
        if (args.verb == ARGS_COMPLETE) {
            return EXIT_CODE_OK; /* a shell asks */
        }
        report_error("%s", reason);
        return EXIT_CODE_USAGE;
    }
    int code = run(&args);
    conf_free(conf);
    return code;
}
