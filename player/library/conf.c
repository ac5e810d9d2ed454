/*
 * conf.c: GLib's GKeyFile checks the form; the lines are counted here.
 */
#include "player/library/conf.h"

#include "common/error.h"
#include "player/library/state_file.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading --------------------------------------------------------------------------------------------- */

static char *trim(char *text)
{
    size_t count = strlen(text);
    while (count > 0 && g_ascii_isspace(text[count - 1])) {
        text[--count] = '\0';
    }
    while (g_ascii_isspace(*text)) {
        text++;
    }
    return text;
}

static int refuse(const char *path, uint32_t line, const char *rest, char *ret_text)
{
    (void)snprintf(ret_text, CONF_TEXT_BYTES, "%.300s:%u: %s", path, line, rest);
    return ERROR_MALFORMED;
}

static int add_entry(struct conf *conf, const char *group, char *line, uint32_t number)
{
    char *equals = strchr(line, '=');
    if (conf->count == CONF_ENTRIES_MAX) {
        return ERROR_TOO_LARGE;
    }
    *equals = '\0';
    conf->entries[conf->count++] = (struct conf_entry){
        .group = group, .key = trim(line), .value = trim(equals + 1), .line = number};
    return 0;
}

/* One line, cut to itself. `group` is what it stands in. */
static int take_line(struct conf *conf, const char **group, char *line, uint32_t number,
                     char *ret_text)
{
    size_t count = strlen(line);
    if (line[0] == '\0' || line[0] == '#') {
        return 0;
    }
    if (line[0] == '[') {
        if (line[count - 1] != ']' || count < 3) {
            return refuse(conf->path, number, "no end of a group; write [GROUP]", ret_text);
        }
        line[count - 1] = '\0';
        *group = line + 1;
        return 0;
    }
    if (strchr(line, '=') == NULL || line[0] == '=') {
        return refuse(conf->path, number, "no value; write KEY=VALUE", ret_text);
    }
    if (*group == NULL) {
        return refuse(conf->path, number, "it stands in no group; write [options] above it",
                      ret_text);
    }
    int error = add_entry(conf, *group, line, number);
    return error != 0 ? refuse(conf->path, number, "too many entries; 512 are the most", ret_text)
                      : 0;
}

static int take_lines(struct conf *conf, char *ret_text)
{
    const char *group = NULL;
    uint32_t number = 1;
    int error = 0;
    for (char *line = conf->texts; line != NULL && error == 0; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        error = take_line(conf, &group, trim(line), number, ret_text);
        line = end;
    }
    return error;
}

/* What GKeyFile has against it, should the lines be good one by one. */
static int check_form(const struct conf *conf, const char *text, size_t bytes, char *ret_text)
{
    GKeyFile *file = g_key_file_new();
    GError *failed = NULL;
    bool good =
        bytes == 0 || g_key_file_load_from_data(file, text, bytes, G_KEY_FILE_NONE, &failed);
    if (!good) {
        (void)snprintf(ret_text, CONF_TEXT_BYTES, "%.200s: %.200s; mend it", conf->path,
                       failed->message);
        g_error_free(failed);
    }
    g_key_file_free(file);
    return good ? 0 : ERROR_MALFORMED;
}

int conf_parse(const char *path, const char *text, size_t bytes, struct conf *ret_conf,
               char *ret_text)
{
    struct conf conf = {.exists = true};
    (void)snprintf(conf.path, sizeof conf.path, "%s", path);
    if (bytes > CONF_BYTES_MAX || memchr(text, '\0', bytes) != NULL ||
        !g_utf8_validate(text, (gssize)bytes, NULL)) {
        return refuse(path, 1, "no configuration: too large, or no UTF-8; write it anew", ret_text);
    }
    conf.texts = malloc(bytes + 1);
    conf.entries = calloc(CONF_ENTRIES_MAX, sizeof *conf.entries);
    int error = ERROR_NO_MEMORY;
    if (conf.texts != NULL && conf.entries != NULL) {
        memcpy(conf.texts, text, bytes);
        conf.texts[bytes] = '\0';
        error = take_lines(&conf, ret_text);
        error = error != 0 ? error : check_form(&conf, text, bytes, ret_text);
    }
    if (error != 0) {
        conf_free(&conf);
        return error;
    }
    *ret_conf = conf;
    return 0;
}

/* "" : no place for one. */
static void find_path(char ret_path[CONF_PATH_BYTES])
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int length = 0;
    if (base != NULL && base[0] == '/') {
        length = snprintf(ret_path, CONF_PATH_BYTES, "%s/refrain/refrain.conf", base);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(ret_path, CONF_PATH_BYTES, "%s/.config/refrain/refrain.conf", home);
    }
    if (length <= 0 || (size_t)length >= CONF_PATH_BYTES) {
        ret_path[0] = '\0';
    }
}

int conf_load(struct conf *ret_conf, char *ret_text)
{
    char path[CONF_PATH_BYTES];
    char *text = NULL;
    size_t bytes = 0;
    find_path(path);
    int error =
        path[0] == '\0' ? ERROR_NOT_FOUND : state_file_read(path, CONF_BYTES_MAX, &text, &bytes);
    if (error == ERROR_NOT_FOUND) {
        *ret_conf = (struct conf){.exists = false};
        memcpy(ret_conf->path, path, sizeof path);
        return 0;
    }
    if (error != 0) {
        (void)snprintf(ret_text, CONF_TEXT_BYTES, "%.300s: %s; see its rights and its size", path,
                       error_text(error));
        return error;
    }
    error = conf_parse(path, text, bytes, ret_conf, ret_text);
    free(text);
    return error;
}

void conf_free(struct conf *conf)
{
    free(conf->entries);
    free(conf->texts);
    conf->entries = NULL;
    conf->texts = NULL;
    conf->count = 0;
}

/* --- asking ------------------------------------------------------------------------------------------------ */

const char *conf_get(struct conf *conf, const char *group, const char *key, uint32_t *ret_line)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < conf->count; i++) {
        struct conf_entry *entry = &conf->entries[i];
        if (strcmp(entry->group, group) == 0 && strcmp(entry->key, key) == 0) {
            entry->used = true;
            value = entry->value; /* the last one counts, as in GKeyFile */
            if (ret_line != NULL) {
                *ret_line = entry->line;
            }
        }
    }
    return value;
}

const struct conf_entry *conf_next(struct conf *conf, const char *group, uint32_t *place)
{
    while (*place < conf->count) {
        struct conf_entry *entry = &conf->entries[(*place)++];
        if (strcmp(entry->group, group) == 0) {
            entry->used = true;
            return entry;
        }
    }
    return NULL;
}

const char *conf_origin_url(struct conf *conf, const char *name)
{
    char group[CONF_TEXT_BYTES];
    int length = snprintf(group, sizeof group, "origin %s", name);
    return length > 0 && (size_t)length < sizeof group ? conf_get(conf, group, "url", NULL) : NULL;
}

struct conf *conf_of_program(void)
{
    static struct conf conf;
    return &conf;
}
