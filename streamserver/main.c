/*
 * main.c: the command line of refrain-origin.
 *
 * Responsible for options (before or after the verb), --help, --version, and for telling a wrong
 * command line from a right one. What a verb does is cmd_VERB.c's; a new verb is a row of the table
 * below.
 */
#include "common/exit_code.h"
#include "streamserver/command.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum verb_bit {
    VERB_INIT = 1,
    VERB_ADD = 2,
    VERB_LS = 4,
    VERB_SERVE = 8,
};

static const struct verb {
    const char *name;
    enum verb_bit bit;
    const char *arguments; /* as in its help */
    const char *summary;
    int arguments_min;
    int arguments_max; /* -1 = any number */
    command_run *run;
} verbs[] = {
    {"init", VERB_INIT, "DIR", "Make a new origin in the folder DIR, with an identity of its own.",
     1, 1, cmd_init},
    {"add", VERB_ADD, "DIR PATH...",
     "Add audio files, and those in folders and below, to the origin in DIR.", 2, -1, cmd_add},
    {"ls", VERB_LS, "DIR", "List the tracks of the origin in DIR.", 1, 1, cmd_ls},
    {"serve", VERB_SERVE, "DIR", "Serve the origin in DIR to players and over HTTP.", 1, 1,
     cmd_serve},
};

/* What GOption fills in. */
static struct {
    gboolean help;
    gboolean version;
    gboolean json;
    gboolean keep_bytes;
    gboolean http;
    gboolean verbose;
    gchar *listen;
} given;

static const struct {
    GOptionEntry entry;
    unsigned verbs; /* bits of those that take it */
} options[] = {
    {{"help", 'h', 0, G_OPTION_ARG_NONE, &given.help, "Show help, of a verb when one is given",
      NULL},
     ~0u},
    {{"version", 0, 0, G_OPTION_ARG_NONE, &given.version, "Show the version", NULL}, ~0u},
    {{"json", 0, 0, G_OPTION_ARG_NONE, &given.json, "Print one JSON object a line", NULL},
     VERB_INIT | VERB_ADD | VERB_LS | VERB_SERVE},
    {{"keep-bytes", 0, 0, G_OPTION_ARG_NONE, &given.keep_bytes,
      "Store files exactly as they are, pictures before the sound too", NULL},
     VERB_ADD},
    {{"listen", 0, 0, G_OPTION_ARG_STRING, &given.listen,
      "Where to listen; port 0 = any free one (default: all, port 7373)", "HOST:PORT"},
     VERB_SERVE},
    {{"http", 0, 0, G_OPTION_ARG_NONE, &given.http, "Serve without TLS", NULL}, VERB_SERVE},
    {{"verbose", 0, 0, G_OPTION_ARG_NONE, &given.verbose, "Write a line for each link and request",
      NULL},
     VERB_SERVE},
};

/* A context with the options of these verbs. */
static GOptionContext *make_context(const char *usage, const char *summary, unsigned verb_bits)
{
    GOptionEntry entries[G_N_ELEMENTS(options) + 1] = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if ((options[i].verbs & verb_bits) != 0) {
            entries[count++] = options[i].entry;
        }
    }
    GOptionContext *context = g_option_context_new(usage);
    g_option_context_set_help_enabled(context, FALSE); /* --help is ours: it knows verbs */
    g_option_context_set_summary(context, summary);
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

static void print_help(const struct verb *verb)
{
    GString *usage = g_string_new(NULL);
    GString *summary = g_string_new(NULL);
    if (verb != NULL) {
        g_string_printf(usage, "%s %s", verb->name, verb->arguments);
        g_string_assign(summary, verb->summary);
    } else {
        g_string_assign(usage, "VERB DIR ...");
        g_string_assign(summary, "Serves music to refrain players.\n\nVerbs:");
        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
            g_string_append_printf(summary, "\n  %-6s %-12s %s", verbs[i].name, verbs[i].arguments,
                                   verbs[i].summary);
        }
    }
    /* Without a verb: what all of them take. */
    GOptionContext *context =
        make_context(usage->str, summary->str, verb != NULL ? verb->bit : 1u << 31);
    gchar *text = g_option_context_get_help(context, FALSE, NULL);
    fputs(text, stdout);
    g_free(text);
    g_option_context_free(context);
    g_string_free(summary, TRUE);
    g_string_free(usage, TRUE);
}

static int usage_error(const char *thing, const char *reason)
{
    command_complain(thing, reason, "see \"refrain-origin --help\"");
    return EXIT_CODE_USAGE;
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(name, verbs[i].name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static bool is_given(const GOptionEntry *entry)
{
    return entry->arg == G_OPTION_ARG_STRING ? *(gchar **)entry->arg_data != NULL
                                             : *(gboolean *)entry->arg_data;
}

/* An option that is given and that the verb does not take, or NULL. */
static const char *find_stray_option(const struct verb *verb)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if ((options[i].verbs & verb->bit) == 0 && is_given(&options[i].entry)) {
            return options[i].entry.long_name;
        }
    }
    return NULL;
}

/* `words` are the verb and what stands behind it, without options. */
static int run_verb(char **words, int count)
{
    const struct verb *verb = find_verb(words[0]);
    if (verb == NULL) {
        return usage_error(words[0], "there is no such verb");
    }
    if (given.help) {
        print_help(verb);
        return EXIT_CODE_OK;
    }
    const char *stray = find_stray_option(verb);
    if (stray != NULL) {
        gchar *name = g_strconcat("--", stray, NULL);
        int code = usage_error(name, "not an option of this verb");
        g_free(name);
        return code;
    }
    if (count - 1 < verb->arguments_min) {
        gchar *reason = g_strconcat("it needs ", verb->arguments, NULL);
        int code = usage_error(verb->name, reason);
        g_free(reason);
        return code;
    }
    if (verb->arguments_max >= 0 && count - 1 > verb->arguments_max) {
        return usage_error(words[verb->arguments_max + 1], "one argument too many");
    }
    const struct command_options command = {.is_json = given.json,
                                            .is_keep_bytes = given.keep_bytes,
                                            .is_http = given.http,
                                            .is_verbose = given.verbose,
                                            .listen = given.listen};
    return verb->run(&command, words + 1);
}

static int run(char **words, int count)
{
    if (given.version) {
        printf("refrain-origin %s\n", REFRAIN_VERSION);
        return EXIT_CODE_OK;
    }
    if (count > 0) {
        return run_verb(words, count);
    }
    if (given.help) {
        print_help(NULL);
        return EXIT_CODE_OK;
    }
    return usage_error(NULL, "a verb is missing");
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    int code;
    GOptionContext *context = make_context(NULL, NULL, ~0u);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        code = usage_error(NULL, error->message);
        g_error_free(error);
    } else {
        /* GOption may leave the "--" that ends options. */
        int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
        int dash = 0;
        for (int i = first; i < argc && dash == 0; i++) {
            dash = strcmp(argv[i], "--") == 0 ? i : 0;
        }
        if (dash > 0) {
            memmove(&argv[dash], &argv[dash + 1], (size_t)(argc - dash) * sizeof argv[0]);
            argc--;
        }
        code = run(argv + first, argc - first);
    }
    g_option_context_free(context);
    g_free(given.listen);
    return code;
}
