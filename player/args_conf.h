/*
 * args_conf.h: the configuration file's part in a command line.
 */
#ifndef PLAYER_ARGS_CONF_H
#define PLAYER_ARGS_CONF_H

#include "player/args.h"
#include "player/library/conf.h"

/* Sets what neither the command line nor the environment has set, from [VERB] and then [options]; takes
 * names of origins ([origin NAME]) for their addresses, in --origin and as NAME:TARGET; without any origin
 * the file's first one is meant. Warns of what nobody knows. Texts are borrowed from `conf`.
 * ERROR_MALFORMED: ret_text (CONF_TEXT_BYTES) says "THING: REASON; CURE". */
int args_conf_apply(struct args *args, struct conf *conf, char *ret_text);

#endif
