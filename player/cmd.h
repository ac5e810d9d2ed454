/*
 * cmd.h: the verbs. Each returns the program's exit code (common/exit_code.h).
 */
#ifndef PLAYER_CMD_H
#define PLAYER_CMD_H

#include "player/args.h"

#include <jansson.h>

int cmd_play(const struct args *args);
int cmd_fetch(const struct args *args);
int cmd_ls(const struct args *args);
int cmd_library(const struct args *args); /* search, like, unlike, likes, playlist, ls of names */
int cmd_complete(const struct args *args);
int cmd_info(const struct args *args);
int cmd_cache(const struct args *args);
int cmd_daemon(const struct args *args);
int cmd_status(const struct args *args);
int cmd_peers(const struct args *args);
/* Steers the engine that runs. */
int cmd_remote(const struct args *args);
int cmd_resume(const struct args *args);
/* One request to the engine that runs; takes the reference. 0 and *ret_answer, or the code: it was told
 * why (cmd_status.c). */
int cmd_ask(json_t *request, json_t **ret_answer);
int cmd_gateway(const struct args *args);

#endif
