/*
 * xspf.c: reading and writing of XSPF.
 */
#include "player/library/xspf.h"

#include "common/error.h"
#include "player/terminal_text.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XSPF_DEPTH_MAX 32u

/* What is read: only texts of elements directly in <track>, and the list's own <title>. */
enum field { FIELD_NONE = 0, FIELD_LOCATION, FIELD_CREATOR, FIELD_TITLE, FIELD_DURATION, FIELDS };

struct reading {
    struct entry_list *list;
    unsigned depth;
    bool is_playlist, in_track;
    enum field field;
    char texts[FIELDS][ENTRY_TEXT_BYTES];
    int error;
};

static const char *bare(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

static enum field field_of(const char *name)
{
    static const char *const names[FIELDS] = {"", "location", "creator", "title", "duration"};
    for (unsigned i = 1; i < FIELDS; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (enum field)i;
        }
    }
    return FIELD_NONE;
}

static void refuse(struct reading *reading, int error, GError **error_out)
{
    reading->error = error;
    g_set_error_literal(error_out, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "");
}

static void begin(GMarkupParseContext *context, const char *name, const char **attributes,
                  const char **values, gpointer data, GError **error)
{
    struct reading *reading = data;
    (void)context;
    (void)attributes;
    (void)values;
    name = bare(name);
    reading->depth++;
    reading->field = FIELD_NONE;
    if (reading->depth > XSPF_DEPTH_MAX) {
        refuse(reading, ERROR_MALFORMED, error);
    } else if (reading->depth == 1) {
        reading->is_playlist = strcmp(name, "playlist") == 0;
        if (!reading->is_playlist) {
            refuse(reading, ERROR_MALFORMED, error);
        }
    } else if (reading->depth == 2 && strcmp(name, "title") == 0) {
        reading->field = FIELD_TITLE;
    } else if (reading->depth == 3) {
        reading->in_track = strcmp(name, "track") == 0;
        memset(reading->texts, 0, sizeof reading->texts);
    } else if (reading->depth == 4 && reading->in_track) {
        reading->field = field_of(name);
    }
}

static void take_text(GMarkupParseContext *context, const char *text, gsize bytes, gpointer data,
                      GError **error)
{
    struct reading *reading = data;
    char *room = reading->texts[reading->field];
    (void)context;
    (void)error;
    if (reading->field == FIELD_NONE) {
        return;
    }
    size_t used = strlen(room);
    size_t count = bytes < ENTRY_TEXT_BYTES - 1 - used ? bytes : ENTRY_TEXT_BYTES - 1 - used;
    memcpy(room + used, text, count);
    room[used + count] = '\0';
}

static int add_track(struct reading *reading)
{
    char *location = g_strstrip(reading->texts[FIELD_LOCATION]);
    char *creator = g_strstrip(reading->texts[FIELD_CREATOR]);
    char *title = g_strstrip(reading->texts[FIELD_TITLE]);
    uint64_t duration_s = g_ascii_strtoull(reading->texts[FIELD_DURATION], NULL, 10) / 1000;
    if (location[0] == '\0' && title[0] == '\0') {
        return 0;
    }
    return entry_list_add(reading->list, location[0] != '\0' ? location : title,
                          creator[0] != '\0' ? creator : NULL, title[0] != '\0' ? title : NULL,
                          duration_s < UINT32_MAX ? (uint32_t)duration_s : 0);
}

static void end(GMarkupParseContext *context, const char *name, gpointer data, GError **error)
{
    struct reading *reading = data;
    (void)context;
    (void)name;
    if (reading->depth == 2 && reading->field == FIELD_TITLE) {
        (void)terminal_text_plain(g_strstrip(reading->texts[FIELD_TITLE]), reading->list->name,
                                  sizeof reading->list->name);
        memset(reading->texts, 0, sizeof reading->texts);
    } else if (reading->depth == 3 && reading->in_track) {
        int failed = add_track(reading);
        reading->in_track = false;
        if (failed != 0) {
            refuse(reading, failed, error);
        }
    }
    reading->field = FIELD_NONE;
    reading->depth--;
}

int xspf_parse(const char *text, size_t bytes, struct entry_list *list)
{
    static const GMarkupParser parser = {
        .start_element = begin, .end_element = end, .text = take_text};
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return ERROR_NO_MEMORY;
    }
    reading->list = list;
    GMarkupParseContext *context =
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, reading, NULL);
    bool whole = g_markup_parse_context_parse(context, text, (gssize)bytes, NULL) &&
                 g_markup_parse_context_end_parse(context, NULL);
    g_markup_parse_context_free(context);
    int error = reading->error != 0             ? reading->error
                : whole && reading->is_playlist ? 0
                                                : ERROR_MALFORMED;
    free(reading);
    return error;
}

static void write_element(FILE *file, const char *indent, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        char *escaped = g_markup_escape_text(text, -1);
        fprintf(file, "%s<%s>%s</%s>\n", indent, name, escaped, name);
        g_free(escaped);
    }
}

int xspf_write(const struct entry_list *list, char **ret_text, size_t *ret_bytes)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    if (file == NULL) {
        return ERROR_NO_MEMORY;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\n",
          file);
    write_element(file, "  ", "title", list->name);
    fputs("  <trackList>\n", file);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        fputs("    <track>\n", file);
        write_element(file, "      ", "location", entry->place);
        write_element(file, "      ", "creator", entry->artist);
        write_element(file, "      ", "title", entry->title);
        if (entry->duration_s > 0) {
            fprintf(file, "      <duration>%llu</duration>\n",
                    (unsigned long long)entry->duration_s * 1000);
        }
        fputs("    </track>\n", file);
    }
    fputs("  </trackList>\n</playlist>\n", file);
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
