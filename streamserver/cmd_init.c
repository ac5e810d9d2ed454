/*
 * cmd_init.c: refrain-origin init DIR: a new origin with an identity of its own.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "media/core/file_id.h"
#include "streamserver/command.h"

#include <string.h>

int cmd_init(const struct command_options *options, char **arguments)
{
    uint8_t identity[PUBLIC_KEY_BYTES];
    char text[2 * PUBLIC_KEY_BYTES + 1];
    const char *path = arguments[0];
    int error = folder_create(path, identity);
    if (error == ERROR_EXISTS) {
        command_complain(path, "there is something in it already",
                         "choose a new folder, or add to the origin that it is");
        return EXIT_CODE_STORAGE;
    }
    if (error == ERROR_BUSY) {
        command_complain(path, "another refrain-origin is at work in it", "wait until it is done");
        return EXIT_CODE_IN_USE;
    }
    if (error != 0) {
        command_complain(path, command_error_text(error), "nothing was made that could be used");
        return command_exit_code(error);
    }
    media_hex_encode(identity, PUBLIC_KEY_BYTES, text);
    if (options->is_json) {
        command_print_json(json_pack("{s:s, s:o, s:s}", "event", "created", "path",
                                     command_text_json(path), "identity", text));
    } else {
        printf("Made an origin in ");
        command_print_text(stdout, path, strlen(path));
        printf("\nIts identity is %s\nAdd music with \"refrain-origin add DIR PATH...\"\n", text);
    }
    return EXIT_CODE_OK;
}
