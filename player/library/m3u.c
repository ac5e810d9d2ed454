/*
 * m3u.c: reading and writing of M3U.
 */
#include "player/library/m3u.h"

#include "common/error.h"
#include "player/terminal_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What #EXTINF said of the next place. */
struct info {
    char text[ENTRY_TEXT_BYTES];
    char *artist, *title; /* into text; NULL: nothing was said */
    uint32_t duration_s;
};

static uint32_t take_seconds(const char **at)
{
    uint32_t seconds = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        seconds = seconds < 10000000 ? seconds * 10 + (uint32_t)(**at - '0') : seconds;
    }
    return seconds;
}

/* "188,Artist - Title"; properties (key="value") may stand between the number and the comma. */
static void take_info(struct info *info, const char *line)
{
    info->duration_s = take_seconds(&line);
    const char *comma = strchr(line, ',');
    (void)snprintf(info->text, sizeof info->text, "%s", comma != NULL ? comma + 1 : "");
    char *dash = strstr(info->text, " - ");
    info->artist = dash != NULL ? info->text : NULL;
    info->title = dash != NULL ? dash + 3 : info->text;
    if (dash != NULL) {
        *dash = '\0';
    }
    if (info->title[0] == '\0') {
        info->title = NULL;
    }
}

static int take_line(struct entry_list *list, struct info *info, const char *line)
{
    if (strncmp(line, "#EXTINF:", 8) == 0) {
        take_info(info, line + 8);
        return 0;
    }
    if (strncmp(line, "#PLAYLIST:", 10) == 0) {
        (void)terminal_text_plain(line + 10, list->name, sizeof list->name);
        return 0;
    }
    if (line[0] == '#' || line[0] == '\0') {
        return 0;
    }
    int error = entry_list_add(list, line, info->artist, info->title, info->duration_s);
    *info = (struct info){.title = NULL};
    return error;
}

int m3u_parse(const char *text, size_t bytes, struct entry_list *list)
{
    struct info info = {.title = NULL};
    char line[ENTRY_TEXT_BYTES];
    const char *end = text + bytes;
    int error = 0;
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }
    while (text < end && error == 0) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop != NULL ? stop : end;
        const char *last = stop;
        while (last > text && (last[-1] == '\r' || last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }
        while (text < last && (*text == ' ' || *text == '\t')) {
            text++;
        }
        size_t count = (size_t)(last - text);
        count = count < sizeof line ? count : sizeof line - 1;
        memcpy(line, text, count);
        line[count] = '\0';
        error = take_line(list, &info, line);
        text = stop < end ? stop + 1 : end;
    }
    return error;
}

static void write_entry(FILE *file, const struct entry *entry)
{
    if (entry->title != NULL || entry->artist != NULL) {
        fprintf(file, "#EXTINF:%u,%s%s%s\n", entry->duration_s,
                entry->artist != NULL ? entry->artist : "", entry->artist != NULL ? " - " : "",
                entry->title != NULL ? entry->title : "");
    }
    /* A place that begins with '#' would be a comment; it is no address, its words find the track. */
    fprintf(file, "%s%s\n", entry->place[0] == '#' ? "./" : "", entry->place);
}

int m3u_write(const struct entry_list *list, char **ret_text, size_t *ret_bytes)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    if (file == NULL) {
        return ERROR_NO_MEMORY;
    }
    fputs("#EXTM3U\n", file);
    if (list->name[0] != '\0') {
        fprintf(file, "#PLAYLIST:%s\n", list->name);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        write_entry(file, &list->entries[i]);
    }
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    if (failed) {
        free(text);
        return ERROR_NO_MEMORY;
    }
    *ret_text = text;
    *ret_bytes = bytes;
    return 0;
}
