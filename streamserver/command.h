/*
 * command.h: the verbs of refrain-origin and what main.c hands them.
 *
 * main.c parses the command line (options before or after the verb), answers --help and
 * --version, and calls one of these. A verb prints its own messages
 * ("refrain-origin: THING: REASON; CURE" on stderr) and returns an enum exit_code.
 */
#ifndef STREAMSERVER_COMMAND_H
#define STREAMSERVER_COMMAND_H

#include "streamserver/folder.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

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

/* "refrain-origin: THING: REASON; CURE" on stderr; THING may be NULL, CURE too. */
void command_complain(const char *thing, const char *reason, const char *cure);
/* The exit code that an error of common/error.h means for a program that stops over it. */
int command_exit_code(int error);
/* error_text, in the words of somebody who looks at disks: "no space left on the disk". */
const char *command_error_text(int error);
/* Opens an origin for a verb; complains when it cannot, and returns the error. */
int command_open_folder(const char *path, bool writable, struct folder *ret_folder);
/* Text of strangers (tags, names of files), with control characters as "?", so that it cannot
 * steer a terminal. */
void command_print_text(FILE *stream, const char *text, size_t bytes);
/* Prints an object as one line and flushes; frees it. Does nothing with NULL (no memory). */
void command_print_json(json_t *object);
/* A path or another text that need not be UTF-8; what is none becomes "?". */
json_t *command_text_json(const char *text);

#endif
