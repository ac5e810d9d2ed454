/*
 * output_kind.c: the words for outputs. Apart from the rest, so that a command line can be read
 * without GStreamer.
 */
#include "common/error.h"
#include "player/gst/output.h"

#include <string.h>

int output_kind_parse(const char *text, enum output_kind *ret_kind, const char **ret_path)
{
    const char *path = NULL;
    enum output_kind kind = OUTPUT_AUTO;
    if (strcmp(text, "null") == 0) {
        kind = OUTPUT_NULL;
    } else if (strncmp(text, "wav:", 4) == 0 && text[4] != '\0') {
        kind = OUTPUT_WAV;
        path = text + 4;
    } else if (strncmp(text, "gst:", 4) == 0 && text[4] != '\0') {
        kind = OUTPUT_GST;
        path = text + 4;
    } else if (strcmp(text, "auto") != 0) {
        return ERROR_MALFORMED;
    }
    *ret_kind = kind;
    *ret_path = path;
    return 0;
}
