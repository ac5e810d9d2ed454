/*
 * cmd_complete.c: `refrain complete`: names for shells, from the own copy of the catalogue.
 *
 * Quick and quiet: connects to nobody, tells no errors, always ends with 0.
 */
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/library/conf.h"
#include "player/library/library_files.h"
#include "player/terminal_text.h"
#include "player/uv/engine.h"

#include <stdio.h>
#include <string.h>

static void print(void *context, const char *name, const char *what)
{
    char plain[1024], plain_what[1024];
    (void)context;
    printf("%s\t%s\n", terminal_text_plain(name, plain, sizeof plain),
           terminal_text_plain(what, plain_what, sizeof plain_what));
}

/* [origin NAME] of the configuration. */
static void print_origins(const char *text)
{
    struct conf *conf = conf_of_program();
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct conf_entry *entry = &conf->entries[i];
        if (strncmp(entry->group, "origin ", 7) == 0 && strcmp(entry->key, "url") == 0 &&
            strncmp(entry->group + 7, text, strlen(text)) == 0) {
            print(NULL, entry->group + 7, entry->value);
        }
    }
}

int cmd_complete(const struct args *args)
{
    struct engine_paths paths;
    struct library *library = NULL;
    const char *kind = args->operands[0];
    const char *text = args->operand_count > 1 ? args->operands[1] : "";
    if (strcmp(kind, "origins") == 0) {
        print_origins(text);
        return EXIT_CODE_OK;
    }
    if (engine_paths_init(&paths) != 0) {
        return EXIT_CODE_OK;
    }
    const struct library_config config = {
        .state = paths.state, .origin = args->origin, .offline = true};
    if (library_open(&config, &library) == 0) {
        (void)library_complete(library, kind, text, print, NULL);
        library_close(library);
    }
    return EXIT_CODE_OK;
}
