/*
 * conf.h: the configuration file, $XDG_CONFIG_HOME/refrain/refrain.conf.
 *
 * GKeyFile's form: [group], key=value, # comments. Groups: [options] has the options of the command line
 * without their dashes (output=null, no-upload=true); [VERB] the same for one verb; [origin NAME] has
 * url=; other groups ([keys], [hooks], ...) belong to who asks for them. The command line wins, then the
 * environment, then [VERB], then [options].
 *
 * Responsible for reading it, for the line on which something stands, and for saying what nobody knows.
 * What values mean is args.c's and the groups' owners'.
 */
#ifndef PLAYER_LIBRARY_CONF_H
#define PLAYER_LIBRARY_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_BYTES_MAX 65536u
#define CONF_ENTRIES_MAX 512u
#define CONF_TEXT_BYTES 512u
#define CONF_PATH_BYTES 4096u

struct conf_entry {
    const char *group, *key, *value; /* owned by the conf */
    uint32_t line;                   /* from 1 */
    bool used;                       /* somebody has asked for it */
};

struct conf {
    char
        path[CONF_PATH_BYTES]; /* also when there is no such file; "" = there is no place for one */
    struct conf_entry *entries; /* owned; in the order of the file */
    uint32_t count;
    bool exists;
    bool is_quiet; /* nobody is to be warned */
    char *texts;   /* owned: what entries point into */
};

/* Reads the file; one that is not there is an empty one. ERROR_MALFORMED (ret_text, CONF_TEXT_BYTES, says
 * "FILE:LINE: REASON; CURE"), ERROR_TOO_LARGE, ERROR_DENIED, ERROR_IO (likewise with text),
 * ERROR_NO_MEMORY. */
int conf_load(struct conf *ret_conf, char *ret_text);
/* From text; `path` is for messages. */
int conf_parse(const char *path, const char *text, size_t bytes, struct conf *ret_conf,
               char *ret_text);
void conf_free(struct conf *conf);

/* The value, marked as used; NULL when it is not there. `ret_line` may be NULL. */
const char *conf_get(struct conf *conf, const char *group, const char *key, uint32_t *ret_line);
/* The next entry of a group behind *place (starts at 0), marked as used; NULL at the end. */
const struct conf_entry *conf_next(struct conf *conf, const char *group, uint32_t *place);
/* The URL of [origin NAME]; NULL: no such group or no url in it. */
const char *conf_origin_url(struct conf *conf, const char *name);

/* The one of the program, for shells that read late ([keys], [hooks]): set by main.c. Never NULL. */
struct conf *conf_of_program(void);

#endif
