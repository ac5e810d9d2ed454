/*
 * args_library.h: the command line of the verbs about names; for args.c.
 */
#ifndef PLAYER_ARGS_LIBRARY_H
#define PLAYER_ARGS_LIBRARY_H

#include "player/args.h"

/* How to use one of these verbs; NULL: another one. */
const char *args_library_help(enum args_verb verb);
/* NULL: the words behind the verb are as many and such as it takes. Else "REASON; CURE", and *ret_thing is
 * what it is about. Another verb's are not looked at. */
const char *args_library_check(const struct args *args, const char **ret_thing);

#endif
