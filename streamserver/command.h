/*
 * command.h: the verbs of refrain-origin and what main.c hands them.
 *
 * main.c parses the command line (options before or after the verb), answers --help and
 * --version, and calls one of these. A verb prints its own messages
 * ("refrain-origin: THING: REASON; CURE" on stderr) and returns an enum exit_code.
 */
#ifndef STREAMSERVER_COMMAND_H
#define STREAMSERVER_COMMAND_H

#include <stdbool.h>

/* Every option of every verb; what was not given is false or NULL. */
struct command_options {
    bool is_json;       /* --json */
    bool is_keep_bytes; /* add --keep-bytes */
    bool is_http;       /* serve --http: plain HTTP instead of TLS */
    bool is_verbose;    /* serve --verbose: a line on stderr for each link and request */
    const char *listen; /* serve --listen ADDRESS:PORT; NULL = the verb's default */
};

/* `arguments` are those behind the verb, NULL-terminated, at least as many as its usage asks for.
 * arguments[0] is always DIR. */
typedef int command_run(const struct command_options *options, char **arguments);

command_run cmd_init;  /* DIR */
command_run cmd_add;   /* DIR PATH... */
command_run cmd_ls;    /* DIR */
command_run cmd_serve; /* DIR; cmd_serve.c */

/* "refrain-origin: THING: REASON; CURE"; THING may be NULL, CURE too. */
void command_complain(const char *thing, const char *reason, const char *cure);
/* The exit code that an error of common/error.h means for a program that stops over it. */
int command_exit_code(int error);

#endif
