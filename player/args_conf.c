/*
 * args_conf.c: options from the configuration, and origins by name.
 */
#include "player/args_conf.h"

#include "common/error.h"
#include "player/report.h"

#include <stdio.h>
#include <string.h>

#define ORIGIN_GROUP "origin "

/* --- options --------------------------------------------------------------------------------------------- */

static int apply_entry(struct args *args, const struct conf *conf, const struct conf_entry *entry,
                       char *ret_text)
{
    char reason[ARGS_TEXT_BYTES] = "";
    int error = args_set_default(args, entry->key, entry->value, reason);
    if (error == ERROR_NOT_FOUND && conf->is_quiet) {
        return 0;
    }
    if (error == ERROR_NOT_FOUND) {
        report_error("%s:%u: %.80s: no such option; see \"refrain %s --help\"", conf->path,
                     entry->line, entry->key,
                     strcmp(entry->group, "options") == 0 ? "play" : entry->group);
        return 0;
    }
    if (error != 0) {
        (void)snprintf(ret_text, CONF_TEXT_BYTES, "%.200s:%u: %s", conf->path, entry->line, reason);
    }
    return error;
}

/* From the last entry to the first: the last one counts, and what is set is not set again. */
static int apply_group(struct args *args, struct conf *conf, const char *group, char *ret_text)
{
    int error = 0;
    for (uint32_t i = conf->count; i-- > 0 && error == 0;) {
        struct conf_entry *entry = &conf->entries[i];
        if (strcmp(entry->group, group) == 0) {
            entry->used = true;
            error = apply_entry(args, conf, entry, ret_text);
        }
    }
    return error;
}

static bool is_known_group(const char *group)
{
    static const char *const others[] = {"options", "keys", "hooks", "tui"};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(group, others[i]) == 0) {
            return true;
        }
    }
    return strncmp(group, ORIGIN_GROUP, strlen(ORIGIN_GROUP)) == 0 || args_is_verb(group);
}

static void warn_of_unknown(const struct conf *conf)
{
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct conf_entry *entry = &conf->entries[i];
        bool is_origin = strncmp(entry->group, ORIGIN_GROUP, strlen(ORIGIN_GROUP)) == 0;
        if (!is_known_group(entry->group)) {
            report_error("%s:%u: [%.80s]: no such group; there are options, verbs, origin NAME, "
                         "keys and hooks",
                         conf->path, entry->line, entry->group);
        } else if (is_origin && strcmp(entry->key, "url") != 0) {
            report_error("%s:%u: %.80s: an origin has nothing of this name; write url=", conf->path,
                         entry->line, entry->key);
        }
    }
}

/* --- origins ------------------------------------------------------------------------------------------------ */

static const char *first_origin(const struct conf *conf)
{
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct conf_entry *entry = &conf->entries[i];
        if (strncmp(entry->group, ORIGIN_GROUP, strlen(ORIGIN_GROUP)) == 0 &&
            strcmp(entry->key, "url") == 0) {
            return entry->value;
        }
    }
    return NULL;
}

/* NAME of NAME:TARGET when the configuration has such an origin; how many bytes it has, else 0. */
static size_t origin_of_target(struct conf *conf, const char *target, const char **ret_url)
{
    char name[CONF_TEXT_BYTES];
    const char *colon = strchr(target, ':');
    size_t count = colon != NULL ? (size_t)(colon - target) : 0;
    if (count == 0 || count >= sizeof name) {
        return 0;
    }
    memcpy(name, target, count);
    name[count] = '\0';
    *ret_url = conf_origin_url(conf, name);
    return *ret_url != NULL ? count : 0;
}

static bool has_targets(const struct args *args)
{
    return args->verb == ARGS_PLAY || args->verb == ARGS_FETCH || args->verb == ARGS_LIKE ||
           args->verb == ARGS_UNLIKE || args->verb == ARGS_PLAYLIST;
}

static int take_target_origins(struct args *args, struct conf *conf, char *ret_text)
{
    const char *named = NULL;
    for (uint32_t i = 0; i < args->operand_count && has_targets(args); i++) {
        const char *url = NULL;
        size_t count = origin_of_target(conf, args->operands[i], &url);
        if (count == 0) {
            continue;
        }
        if ((named != NULL && strcmp(named, url) != 0) ||
            (!args->origin_is_default && strcmp(args->origin, url) != 0)) {
            (void)snprintf(ret_text, CONF_TEXT_BYTES,
                           "target %.160s: another origin than the rest; name one origin's "
                           "things at a time",
                           args->operands[i]);
            return ERROR_MALFORMED;
        }
        named = url;
        args->operands[i] += count + 1;
    }
    args->origin = named != NULL ? named : args->origin;
    return 0;
}

int args_conf_apply(struct args *args, struct conf *conf, char *ret_text)
{
    if (!conf->exists) {
        return 0;
    }
    if (args->verb == ARGS_COMPLETE) {
        conf->is_quiet = true; /* a shell asks */
    } else {
        warn_of_unknown(conf);
    }
    int error = apply_group(args, conf, args_verb_name(args->verb), ret_text);
    error = error != 0 ? error : apply_group(args, conf, "options", ret_text);
    if (error != 0) {
        return error;
    }
    const char *url = args->origin != NULL ? conf_origin_url(conf, args->origin) : NULL;
    args->origin = url != NULL ? url : args->origin;
    error = take_target_origins(args, conf, ret_text);
    if (args->origin == NULL) {
        args->origin = first_origin(conf);
    }
    return error;
}
