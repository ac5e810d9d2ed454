/*
 * command.c: how the verbs speak: messages, exit codes, text that is safe to print.
 *
 * Responsible for words; what is done is the verbs' business.
 */
#include "streamserver/command.h"

#include "common/error.h"
#include "common/exit_code.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM "refrain-origin"

/* The second byte of U+0080 to U+009F, which terminals obey too. */
static bool is_c1(const uint8_t *at, size_t left)
{
    return left > 1 && at[0] == 0xc2 && at[1] < 0xa0;
}

void command_print_text(FILE *stream, const char *text, size_t bytes)
{
    const uint8_t *at = (const uint8_t *)text;
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] < 0x20 || at[i] == 0x7f) {
            (void)fputc('?', stream);
        } else if (is_c1(at + i, bytes - i)) {
            (void)fputc('?', stream);
            i++;
        } else {
            (void)fputc(at[i], stream);
        }
    }
}

void command_complain(const char *thing, const char *reason, const char *cure)
{
    flockfile(stderr); /* one line, whoever else speaks */
    (void)fputs(PROGRAM ": ", stderr);
    if (thing != NULL) {
        command_print_text(stderr, thing, strlen(thing));
        (void)fputs(": ", stderr);
    }
    command_print_text(stderr, reason, strlen(reason));
    if (cure != NULL) {
        (void)fputs("; ", stderr);
        command_print_text(stderr, cure, strlen(cure));
    }
    (void)fputc('\n', stderr);
    funlockfile(stderr);
}

int command_exit_code(int error)
{
    switch (error) {
    case 0:
        return EXIT_CODE_OK;
    case ERROR_NOT_FOUND:
        return EXIT_CODE_NOT_FOUND;
    case ERROR_BUSY:
        return EXIT_CODE_IN_USE;
    case ERROR_MISMATCH:
        return EXIT_CODE_IDENTITY;
    case ERROR_CANCELLED:
        return EXIT_CODE_INTERRUPTED;
    case ERROR_TOO_LARGE:
    case ERROR_MALFORMED:
        return EXIT_CODE_USAGE;
    case ERROR_IO:
    case ERROR_FULL:
    case ERROR_DENIED:
    case ERROR_DAMAGED:
    case ERROR_EXISTS:
    case ERROR_VERSION:
    case ERROR_UNSUPPORTED:
        return EXIT_CODE_STORAGE;
    default:
        return EXIT_CODE_INTERNAL;
    }
}

const char *command_error_text(int error)
{
    switch (error) {
    case ERROR_FULL:
        return "no space left on the disk";
    case ERROR_DENIED:
        return "not permitted, or the disk is read-only";
    case ERROR_IO:
        return "the disk failed";
    case ERROR_NOT_FOUND:
        return "there is no such file or folder";
    case ERROR_TOO_LARGE:
        return "a name is too long, or folders are too deep";
    default:
        return error_text(error);
    }
}

/* What is the matter with a folder that does not open, and what to do. */
static void complain_of_folder(const char *path, int error)
{
    switch (error) {
    case ERROR_NOT_FOUND:
        command_complain(path, "this is no origin", "make one with \"refrain-origin init DIR\"");
        return;
    case ERROR_BUSY:
        command_complain(path, "another refrain-origin adds to it", "wait until it is done");
        return;
    case ERROR_VERSION:
        command_complain(path, "a newer version of refrain-origin made it",
                         "use that one; nothing was changed");
        return;
    case ERROR_UNSUPPORTED:
        command_complain(path, "its catalogue is none of refrain-origin's",
                         "look at DIR/catalogue; nothing was changed");
        return;
    case ERROR_DAMAGED:
        command_complain(path, "its identity or its catalogue is damaged",
                         "restore DIR/identity.key and DIR/catalogue from a backup");
        return;
    case ERROR_DENIED:
        command_complain(
            path, command_error_text(error),
            "DIR/identity.key must be its user's alone (mode 0600), the rest writable");
        return;
    default:
        command_complain(path, command_error_text(error), NULL);
        return;
    }
}

int command_open_folder(const char *path, bool writable, struct folder *ret_folder)
{
    int error = folder_open(path, writable, ret_folder);
    if (error != 0) {
        complain_of_folder(path, error);
    }
    return error;
}

json_t *command_text_json(const char *text)
{
    json_t *string = json_string(text); /* NULL when it is no UTF-8 */
    if (string != NULL) {
        return string;
    }
    char *plain = strdup(text);
    if (plain == NULL) {
        return NULL;
    }
    for (char *at = plain; *at != '\0'; at++) {
        *at = (uint8_t)*at >= 0x80 ? '?' : *at;
    }
    string = json_string(plain);
    free(plain);
    return string;
}

void command_print_json(json_t *object)
{
    if (object != NULL) {
        flockfile(stdout);
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
        funlockfile(stdout);
        json_decref(object);
    }
}
