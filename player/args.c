/*
 * args.c: argv to struct args.
 *
 * Responsible for refusing what is wrong with a sentence that says what to do instead, before
 * anything is opened. What targets mean is target.c's.
 */
#include "player/args.h"

#include "common/error.h"
#include "common/time_us.h"
#include "player/args_library.h"
#include "player/core/preset.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- values ------------------------------------------------------------------------------------------ */

/* Decimal digits from *at on. ERROR_MALFORMED: none, or more than `most`. */
static int take_number(const char **at, uint64_t most, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *from = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (value > (most - digit) / 10) {
            return ERROR_MALFORMED;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return *at == from ? ERROR_MALFORMED : 0;
}

/* "10G" from *at on; not 0. ERROR_MALFORMED. */
static int take_size(const char **at, uint64_t *ret_bytes)
{
    static const char units[] = "KMGT";
    uint64_t bytes;
    if (take_number(at, UINT64_C(1) << 40, &bytes) != 0) {
        return ERROR_MALFORMED;
    }
    const char *text = *at;
    const char *unit =
        *text != '\0' ? strchr(units, *text >= 'a' ? *text - 'a' + 'A' : *text) : NULL;
    if (unit != NULL) {
        unsigned shift = 10u * (unsigned)(unit - units + 1);
        if (bytes > UINT64_MAX >> shift) {
            return ERROR_MALFORMED;
        }
        bytes <<= shift;
        text++;
        if (text[0] == 'i' && text[1] == 'B') {
            text++;
        }
    }
    if (*text == 'B') {
        text++;
    }
    *at = text;
    *ret_bytes = bytes;
    return bytes == 0 ? ERROR_MALFORMED : 0;
}

int args_parse_size(const char *text, uint64_t *ret_bytes)
{
    uint64_t bytes;
    if (take_size(&text, &bytes) != 0 || *text != '\0') {
        return ERROR_MALFORMED;
    }
    *ret_bytes = bytes;
    return 0;
}

int args_parse_upload_limit(const char *text, struct upload_limit *ret_limit)
{
    uint64_t bytes;
    uint64_t from = 0;
    uint64_t till = 0;
    if (take_size(&text, &bytes) != 0) {
        return ERROR_MALFORMED;
    }
    if (*text == '@') {
        text++;
        if (take_number(&text, 24, &from) != 0 || *text != '-') {
            return ERROR_MALFORMED;
        }
        text++;
        if (take_number(&text, 24, &till) != 0 || from == till) {
            return ERROR_MALFORMED;
        }
    }
    if (*text != '\0' || from > 24 || till > 24) {
        return ERROR_MALFORMED;
    }
    *ret_limit = (struct upload_limit){bytes, (uint8_t)(from % 24), (uint8_t)(till % 24)};
    return 0;
}

/* ".5" as microseconds; nothing is 0. */
static uint64_t take_fraction(const char **at)
{
    uint64_t us = 0;
    if (**at == '.') {
        (*at)++;
        uint64_t unit = 100000;
        for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
            us += unit * (uint64_t)(**at - '0');
        }
    }
    return us;
}

int args_parse_position(const char *text, uint64_t *ret_us)
{
    uint64_t seconds = 0;
    uint64_t fraction_us = 0;
    for (unsigned parts = 0; parts < 3; parts++) {
        uint64_t value;
        if (take_number(&text, 1000000, &value) != 0 || (parts > 0 && value > 59)) {
            return ERROR_MALFORMED;
        }
        seconds = seconds * 60 + value;
        if (*text != ':') {
            fraction_us = take_fraction(&text);
            break;
        }
        text++;
    }
    if (*text != '\0') {
        return ERROR_MALFORMED;
    }
    *ret_us = seconds * TIME_US_PER_S + fraction_us;
    return 0;
}

/* --- options ----------------------------------------------------------------------------------------- */

enum option {
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_ORIGIN,
    OPTION_OUTPUT,
    OPTION_TO,
    OPTION_START,
    OPTION_OFFLINE,
    OPTION_CACHE_LIMIT,
    OPTION_FAST,
    OPTION_PLAIN,
    OPTION_JSON,
    OPTION_RECORD,
    OPTION_PRESET,
    OPTION_NO_PEERS,
    OPTION_NO_UPLOAD,
    OPTION_UPLOAD_LIMIT,
    OPTION_LISTEN,
    OPTION_PORT,
    OPTION_NO_PORT_MAPPING,
    OPTION_SHUFFLE,
    OPTION_REPEAT,
    OPTION_VOLUME,
    OPTION_REPLAYGAIN,
};

#define FOR(verb) (1u << (verb))
#define FOR_ALL (FOR(ARGS_VERBS) - 1u)
#define FOR_ENGINE                                                                                 \
    (FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_FETCH) | FOR(ARGS_DAEMON) | FOR(ARGS_GATEWAY))

#define FOR_NAMES                                                                                  \
    (FOR(ARGS_SEARCH) | FOR(ARGS_LIKE) | FOR(ARGS_UNLIKE) | FOR(ARGS_LIKES) | FOR(ARGS_PLAYLIST) | \
     FOR(ARGS_COMPLETE) | FOR(ARGS_INFO))

static const struct option_form {
    const char *name;
    enum option option;
    bool has_value;
    unsigned verbs; /* that take it */
} option_forms[] = {
    {"--help", OPTION_HELP, false, FOR_ALL},
    {"-h", OPTION_HELP, false, FOR_ALL},
    {"--version", OPTION_VERSION, false, FOR_ALL},
    {"--origin", OPTION_ORIGIN, true, FOR_ENGINE | FOR(ARGS_LS) | FOR_NAMES},
    {"--output", OPTION_OUTPUT, true, FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_DAEMON)},
    {"-o", OPTION_TO, true, FOR(ARGS_FETCH) | FOR(ARGS_PLAYLIST)},
    {"--start", OPTION_START, true, FOR(ARGS_PLAY)},
    {"--offline", OPTION_OFFLINE, false,
     FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_FETCH) | FOR(ARGS_GATEWAY) | FOR(ARGS_LS) |
         FOR_NAMES},
    {"--cache-limit", OPTION_CACHE_LIMIT, true, FOR_ENGINE | FOR(ARGS_CACHE)},
    {"--fast", OPTION_FAST, false, FOR(ARGS_PLAY)},
    {"--plain", OPTION_PLAIN, false, FOR(ARGS_PLAY) | FOR(ARGS_RESUME)},
    {"--json", OPTION_JSON, false, FOR_ALL},
    {"--record", OPTION_RECORD, true, FOR_ENGINE},
    {"--preset", OPTION_PRESET, true, FOR_ENGINE},
    {"--no-peers", OPTION_NO_PEERS, false, FOR_ENGINE},
    {"--no-upload", OPTION_NO_UPLOAD, false, FOR_ENGINE},
    {"--upload-limit", OPTION_UPLOAD_LIMIT, true, FOR_ENGINE},
    {"--listen", OPTION_LISTEN, true, FOR_ENGINE},
    {"--port", OPTION_PORT, true, FOR(ARGS_GATEWAY)},
    {"--no-port-mapping", OPTION_NO_PORT_MAPPING, false, FOR_ENGINE},
    {"--shuffle", OPTION_SHUFFLE, true, FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_DAEMON)},
    {"--repeat", OPTION_REPEAT, true, FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_DAEMON)},
    {"--volume", OPTION_VOLUME, true, FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_DAEMON)},
    {"--replaygain", OPTION_REPLAYGAIN, true, FOR(ARGS_PLAY) | FOR(ARGS_RESUME) | FOR(ARGS_DAEMON)},
};

#define OPTION_FORMS ((unsigned)(sizeof option_forms / sizeof option_forms[0]))
_Static_assert(sizeof option_forms / sizeof option_forms[0] <= 64, "a bit each in args.given");

/* What is being parsed. */
struct parse {
    struct args *args;
    char *text;
    uint64_t seen; /* a bit for each row of option_forms */
};

static int complain(const struct parse *parse, const char *thing, const char *rest)
{
    snprintf(parse->text, ARGS_TEXT_BYTES, "%.80s: %s", thing, rest);
    return ERROR_MALFORMED;
}

/* As complain, of an option's value. */
static int complain_value(const struct parse *parse, const char *option, const char *value,
                          const char *rest)
{
    snprintf(parse->text, ARGS_TEXT_BYTES, "%s %.80s: %s", option, value, rest);
    return ERROR_MALFORMED;
}

static int set_output(const struct parse *parse, const char *value)
{
    if (output_kind_parse(value, &parse->args->output, &parse->args->output_path) != 0) {
        return complain_value(parse, "--output", value,
                              "no such output; there are auto, null, wav:PATH and gst:ELEMENTS");
    }
    return 0;
}

static int set_port(const struct parse *parse, const char *option, const char *value,
                    uint16_t *ret_port)
{
    const char *rest = value;
    uint64_t port;
    if (take_number(&rest, UINT16_MAX, &port) != 0 || *rest != '\0' || port > UINT16_MAX) {
        return complain_value(parse, option, value, "no port; write a number up to 65535");
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static int set_preset(const struct parse *parse, const char *value)
{
    if (node_preset_find(value) == NULL) {
        return complain_value(parse, "--preset", value,
                              "no such preset; there are refrain and spotify2010");
    }
    parse->args->preset = value;
    return 0;
}

static int set_start(const struct parse *parse, const char *value)
{
    if (args_parse_position(value, &parse->args->start_us) != 0) {
        return complain_value(parse, "--start", value,
                              "no position; write it as 90, 1:30 or 1:02:03.5");
    }
    return 0;
}

static bool is_one_of(const char *value, const char *const *words)
{
    while (*words != NULL && strcmp(*words, value) != 0) {
        words++;
    }
    return *words != NULL;
}

/* How it is played. */
static int set_mode(const struct parse *parse, enum option option, const char *value)
{
    static const char *const shuffles[] = {"off", "tracks", "albums", NULL};
    static const char *const repeats[] = {"off", "all", "one", NULL};
    static const char *const gains[] = {"off", "track", "album", "auto", NULL};
    struct args *args = parse->args;
    const char *rest = value;
    uint64_t percent;
    switch ((int)option) {
    case OPTION_SHUFFLE:
        args->shuffle = value;
        return is_one_of(value, shuffles)
                   ? 0
                   : complain_value(parse, "--shuffle", value,
                                    "no such way; there are off, tracks and albums");
    case OPTION_REPEAT:
        args->repeat = value;
        return is_one_of(value, repeats)
                   ? 0
                   : complain_value(parse, "--repeat", value,
                                    "no such way; there are off, all and one");
    case OPTION_REPLAYGAIN:
        args->replaygain = value;
        return is_one_of(value, gains)
                   ? 0
                   : complain_value(parse, "--replaygain", value,
                                    "no such gain; there are off, track, album and auto");
    default:
        break;
    }
    if (take_number(&rest, OUTPUT_PERCENT_MAX, &percent) != 0 || *rest != '\0' ||
        percent > OUTPUT_PERCENT_MAX) {
        return complain_value(parse, "--volume", value, "no volume; write a number from 0 to 100");
    }
    args->volume = value;
    args->volume_percent = (uint32_t)percent;
    return 0;
}

static void set_flag(struct args *args, enum option option)
{
    switch ((int)option) {
    case OPTION_OFFLINE:
        args->offline = true;
        break;
    case OPTION_FAST:
        args->fast = true;
        break;
    case OPTION_JSON:
        args->json = true;
        break;
    case OPTION_PLAIN:
        args->plain = true;
        break;
    case OPTION_NO_PEERS:
        args->no_peers = true;
        break;
    case OPTION_NO_UPLOAD:
        args->no_upload = true;
        break;
    case OPTION_NO_PORT_MAPPING:
        args->no_port_mapping = true;
        break;
    case OPTION_HELP:
        args->help = true;
        break;
    case OPTION_VERSION:
        args->version = true;
        break;
    default:
        break;
    }
}

static int set(const struct parse *parse, enum option option, const char *value)
{
    struct args *args = parse->args;
    switch (option) {
    case OPTION_OFFLINE:
    case OPTION_PLAIN:
    case OPTION_FAST:
    case OPTION_JSON:
    case OPTION_NO_PEERS:
    case OPTION_NO_UPLOAD:
    case OPTION_NO_PORT_MAPPING:
    case OPTION_HELP:
    case OPTION_VERSION:
        set_flag(args, option);
        break;
    case OPTION_ORIGIN:
        args->origin = value;
        break;
    case OPTION_OUTPUT:
        return set_output(parse, value);
    case OPTION_TO:
        args->to_path = value;
        break;
    case OPTION_START:
        return set_start(parse, value);
    case OPTION_CACHE_LIMIT:
        return args_parse_size(value, &args->cache_limit_bytes) == 0
                   ? 0
                   : complain_value(parse, "--cache-limit", value,
                                    "no size; write it as 500M or 10G");
    case OPTION_RECORD:
        args->record_path = value;
        break;
    case OPTION_PRESET:
        return set_preset(parse, value);
    case OPTION_UPLOAD_LIMIT:
        if (args_parse_upload_limit(value, &args->upload_limit) != 0) {
            return complain_value(parse, "--upload-limit", value,
                                  "no limit; write it as 200K, or 200K@8-23 for hours of the day");
        }
        break;
    case OPTION_SHUFFLE:
    case OPTION_REPEAT:
    case OPTION_VOLUME:
    case OPTION_REPLAYGAIN:
        return set_mode(parse, option, value);
    case OPTION_LISTEN:
        return set_port(parse, "--listen", value, &args->listen_port);
    case OPTION_PORT:
        return set_port(parse, "--port", value, &args->gateway_port);
    }
    return 0;
}

/* One option at argv[*at]; *at is moved to its value when that stands apart. */
static int take_option(struct parse *parse, int argc, char *const argv[], int *at)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t name_bytes = equals != NULL ? (size_t)(equals - word) : strlen(word);
    for (unsigned i = 0; i < sizeof option_forms / sizeof option_forms[0]; i++) {
        const struct option_form *form = &option_forms[i];
        if (strlen(form->name) != name_bytes || memcmp(form->name, word, name_bytes) != 0) {
            continue;
        }
        parse->seen |= UINT64_C(1) << i;
        if (!form->has_value) {
            return equals == NULL
                       ? set(parse, form->option, NULL)
                       : complain(parse, word, "it takes no value; leave out what follows =");
        }
        if (equals == NULL && *at + 1 >= argc) {
            return complain(parse, word, "its value is missing; write it behind the option");
        }
        return set(parse, form->option, equals != NULL ? equals + 1 : argv[++*at]);
    }
    return complain(parse, word, "no such option; see \"refrain --help\"");
}

static const char *const verb_names[ARGS_VERBS] = {
    "",       "play", "fetch",  "ls",   "cache",  "daemon", "status",   "peers",    "gateway",
    "resume", "",     "search", "like", "unlike", "likes",  "playlist", "complete", "info"};

/* Of ARGS_REMOTE. */
static const char *const remote_names[] = {"next",   "prev",       "pause",  "toggle",
                                           "stop",   "seek",       "volume", "shuffle",
                                           "repeat", "replaygain", "queue",  NULL};

/* --- defaults --------------------------------------------------------------------------------------------- */

bool args_is_verb(const char *word)
{
    for (unsigned i = 1; i < ARGS_VERBS; i++) {
        if (strcmp(word, verb_names[i]) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; remote_names[i] != NULL; i++) {
        if (strcmp(word, remote_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *args_verb_name(enum args_verb verb)
{
    return verb_names[verb];
}

/* The row of an option; OPTION_FORMS: none. */
static unsigned form_of(const char *name)
{
    unsigned i = 0;
    while (i < OPTION_FORMS && strcmp(option_forms[i].name, name) != 0) {
        i++;
    }
    return i;
}

int args_set_default(struct args *args, const char *name, const char *value, char *ret_text)
{
    struct parse parse = {.args = args, .text = ret_text};
    char option[64];
    int length = snprintf(option, sizeof option, "--%s", name);
    unsigned i = length > 0 && (size_t)length < sizeof option ? form_of(option) : OPTION_FORMS;
    if (i == OPTION_FORMS || option_forms[i].option == OPTION_HELP ||
        option_forms[i].option == OPTION_VERSION) {
        return ERROR_NOT_FOUND;
    }
    const struct option_form *form = &option_forms[i];
    bool is_true = strcmp(value, "true") == 0;
    if (!form->has_value && !is_true && strcmp(value, "false") != 0) {
        return complain_value(&parse, name, value, "it is true or false");
    }
    if ((form->verbs & FOR(args->verb)) == 0 || (args->given >> i & 1u) != 0) {
        return 0;
    }
    args->given |= UINT64_C(1) << i;
    return form->has_value || is_true ? set(&parse, form->option, value) : 0;
}

static int take_verb(const struct parse *parse, const char *word)
{
    for (unsigned i = 1; i < ARGS_VERBS; i++) {
        if (verb_names[i][0] != '\0' && strcmp(word, verb_names[i]) == 0) {
            parse->args->verb = (enum args_verb)i;
            return 0;
        }
    }
    for (unsigned i = 0; remote_names[i] != NULL; i++) {
        if (strcmp(word, remote_names[i]) == 0) {
            parse->args->verb = ARGS_REMOTE;
            parse->args->remote = remote_names[i];
            return 0;
        }
    }
    return complain(parse, word, "no such verb; \"refrain --help\" lists them");
}

static int take_word(const struct parse *parse, const char *word)
{
    if (parse->args->verb == ARGS_NONE) {
        return take_verb(parse, word);
    }
    if (parse->args->operand_count == ARGS_OPERANDS_MAX) {
        return complain(parse, word, "too many targets; give at most 1024");
    }
    parse->args->operands[parse->args->operand_count++] = word;
    return 0;
}

/* --- what belongs together ------------------------------------------------------------------------------ */

/* What may stand behind a verb that takes one word, and how that is told. */
struct words {
    const char *words[5]; /* ends with NULL */
    const char *missing, *wrong, *more;
};

static const struct words words_ls = {
    {"tracks", "albums", "artists", "playlists", NULL},
    "what to list is missing; there are tracks, albums, artists and playlists",
    "it can't be listed; there are tracks, albums, artists and playlists",
    "one word too many; write \"refrain ls tracks\"",
};

static const struct words words_cache = {
    {"status", "verify", "clear", NULL},
    "what to do is missing; there are status, verify and clear",
    "no such thing to do with the cache; there are status, verify and clear",
    "one word too many; do one thing at a time",
};

static int check_word(const struct parse *parse, const char *verb, const char *first,
                      const struct words *words)
{
    if (parse->args->operand_count == 0) {
        return complain(parse, verb, words->missing);
    }
    if (parse->args->operand_count > 1) {
        return complain(parse, parse->args->operands[1], words->more);
    }
    for (unsigned i = 0; words->words[i] != NULL; i++) {
        if (strcmp(first, words->words[i]) == 0) {
            return 0;
        }
    }
    return complain_value(parse, verb, first, words->wrong);
}

static int check_operands(const struct parse *parse)
{
    const struct args *args = parse->args;
    const char *first = args->operand_count > 0 ? args->operands[0] : "";
    switch (args->verb) {
    case ARGS_PLAY:
    case ARGS_FETCH:
        if (args->operand_count == 0) {
            return complain(parse, "target",
                            "none was given; name a track, album, artist or playlist");
        }
        if (args->verb == ARGS_FETCH && (args->to_path == NULL || args->to_path[0] == '\0')) {
            return complain(parse, "fetch", "where to is missing; say it with -o PATH");
        }
        break;
    case ARGS_LS:
        return check_word(parse, "ls", first, &words_ls);
    case ARGS_CACHE:
        return check_word(parse, "cache", first, &words_cache);
    case ARGS_GATEWAY:
        break;
    case ARGS_REMOTE:
        break; /* cmd_remote.c knows how many */
    case ARGS_RESUME:
    case ARGS_DAEMON:
    case ARGS_STATUS:
    case ARGS_PEERS:
        if (args->operand_count > 0) {
            return complain(parse, first,
                            args->verb == ARGS_DAEMON
                                ? "refrain daemon takes no targets; it is told over its socket"
                                : "one word too many; see \"refrain --help\"");
        }
        break;
    case ARGS_SEARCH:
    case ARGS_LIKE:
    case ARGS_UNLIKE:
    case ARGS_LIKES:
    case ARGS_PLAYLIST:
    case ARGS_COMPLETE:
    case ARGS_INFO:
        break;
    case ARGS_NONE:
    case ARGS_VERBS:
        return complain(parse, "verb", "none was given; see \"refrain --help\"");
    }
    return 0;
}

static int check_names(const struct parse *parse)
{
    const char *thing = "";
    const char *rest = args_library_check(parse->args, &thing);
    return rest != NULL ? complain(parse, thing, rest) : 0;
}

static int check_options(const struct parse *parse)
{
    for (unsigned i = 0; i < sizeof option_forms / sizeof option_forms[0]; i++) {
        if ((parse->seen >> i & 1u) != 0 && (option_forms[i].verbs & FOR(parse->args->verb)) == 0) {
            char rest[80];
            const char *name = parse->args->verb == ARGS_REMOTE ? parse->args->remote
                                                                : verb_names[parse->args->verb];
            snprintf(rest, sizeof rest, "refrain %s does not take it; see \"refrain %s --help\"",
                     name, name);
            return complain(parse, option_forms[i].name, rest);
        }
    }
    return 0;
}

int args_parse(int argc, char *const argv[], const char *environment_origin, struct args *ret_args,
               char *ret_text)
{
    struct args args = {.output = OUTPUT_AUTO};
    struct parse parse = {.args = &args, .text = ret_text};
    bool has_environment = environment_origin != NULL && environment_origin[0] != '\0';
    if (has_environment) {
        args.origin = environment_origin;
    }
    bool options_end = false;
    int error = 0;
    for (int i = 1; i < argc && error == 0; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0' &&
                   !(args.verb == ARGS_REMOTE && argv[i][1] >= '0' && argv[i][1] <= '9')) {
            error = take_option(&parse, argc, argv, &i);
        } else {
            error = take_word(&parse, argv[i]);
        }
    }
    if (error == 0 && !args.help && !args.version) {
        error = check_operands(&parse);
        error = error == 0 ? check_names(&parse) : error;
        error = error == 0 ? check_options(&parse) : error;
    }
    if (error == 0) {
        unsigned origin = form_of("--origin");
        args.origin_is_default = (parse.seen >> origin & 1u) == 0;
        args.given = parse.seen | (has_environment ? UINT64_C(1) << origin : 0);
        *ret_args = args;
    }
    return error;
}
