/*
 * main.c: `refrain`: reads the command line and calls the verb.
 */
#include "common/exit_code.h"
#include "player/args.h"
#include "player/cmd.h"
#include "player/report.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef REFRAIN_VERSION
#error "the build defines REFRAIN_VERSION"
#endif

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
    switch (args.verb) {
    case ARGS_PLAY:
        return cmd_play(&args);
    case ARGS_FETCH:
        return cmd_fetch(&args);
    case ARGS_LS:
        return cmd_ls(&args);
    case ARGS_CACHE:
        return cmd_cache(&args);
    case ARGS_DAEMON:
        return cmd_daemon(&args);
    case ARGS_STATUS:
        return cmd_status(&args);
    case ARGS_PEERS:
        return cmd_peers(&args);
    case ARGS_GATEWAY:
        return cmd_gateway(&args);
    case ARGS_REMOTE:
        return cmd_remote(&args);
    case ARGS_NONE:
    case ARGS_VERBS:
        break;
    }
    return EXIT_CODE_INTERNAL;
}
