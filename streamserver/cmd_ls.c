/*
 * cmd_ls.c: refrain-origin ls DIR: all tracks, by album artist, album, disc, track and title.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "streamserver/command.h"
#include "streamserver/track_json.h"

#include <inttypes.h>
#include <string.h>

#define PAGE 256u

static void print_plain(const struct media_manifest *manifest)
{
    char id[2 * TRACK_ID_BYTES + 1];
    uint64_t seconds = media_file_duration_us(&manifest->files[0]) / 1000000;
    media_hex_encode(manifest->track_id, TRACK_ID_BYTES, id);
    printf("%s %3" PRIu64 ":%02" PRIu64 "  ", id, seconds / 60, seconds % 60);
    if (manifest->artist.bytes > 0) {
        command_print_text(stdout, manifest->artist.data, manifest->artist.bytes);
        printf(" - ");
    }
    command_print_text(stdout, manifest->title.data, manifest->title.bytes);
    if (manifest->album.bytes > 0) {
        printf(" (");
        command_print_text(stdout, manifest->album.data, manifest->album.bytes);
        printf(")");
    }
    printf("\n");
}

static int print_track(struct catalogue *catalogue, const uint8_t track_id[TRACK_ID_BYTES],
                       bool is_json)
{
    uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    struct media_manifest manifest;
    size_t count = 0;
    int error = catalogue_get_manifest(catalogue, track_id, bytes, &count);
    if (error != 0 || media_manifest_decode(bytes, count, &manifest) != 0) {
        return error != 0 ? error : ERROR_DAMAGED;
    }
    if (is_json) {
        command_print_json(track_json_new(&manifest));
    } else {
        print_plain(&manifest);
    }
    return 0;
}

static int print_all(struct catalogue *catalogue, bool is_json)
{
    uint8_t ids[PAGE][TRACK_ID_BYTES];
    uint8_t last[TRACK_ID_BYTES];
    const uint8_t *after = NULL;
    uint32_t count = 0;
    int error = 0;
    do {
        error = catalogue_list(catalogue, after, ids, PAGE, &count);
        for (uint32_t i = 0; error == 0 && i < count; i++) {
            error = print_track(catalogue, ids[i], is_json);
        }
        if (error == 0 && count > 0) {
            memcpy(last, ids[count - 1], sizeof last);
            after = last;
        }
    } while (error == 0 && count == PAGE);
    return error;
}

int cmd_ls(const struct command_options *options, char **arguments)
{
    struct folder folder;
    int error = command_open_folder(arguments[0], false, &folder);
    if (error != 0) {
        return command_exit_code(error);
    }
    error = print_all(folder.catalogue, options->is_json);
    folder_close(&folder);
    if (error != 0) {
        command_complain(arguments[0], command_error_text(error),
                         "restore DIR/catalogue from a backup");
        return command_exit_code(error);
    }
    if (fflush(stdout) != 0) {
        command_complain("standard output", "it cannot be written", NULL);
        return EXIT_CODE_STORAGE;
    }
    return EXIT_CODE_OK;
}
