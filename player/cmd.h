/*
 * cmd.h: the verbs. Each returns the program's exit code (common/exit_code.h).
 */
#ifndef PLAYER_CMD_H
#define PLAYER_CMD_H

#include "player/args.h"

int cmd_play(const struct args *args);
int cmd_fetch(const struct args *args);
int cmd_ls(const struct args *args);
int cmd_cache(const struct args *args);
int cmd_daemon(const struct args *args);
int cmd_status(const struct args *args);
int cmd_peers(const struct args *args);
int cmd_gateway(const struct args *args);

#endif
