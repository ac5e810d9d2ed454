/*
 * options.c: reads the words behind `refrain-measure trace` and says what is wrong with them.
 */
#include "measure/trace/options.h"

#include "common/exit_code.h"
#include "measure/trace/contest.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAYS_DEFAULT 50000u
#define PLAYS_MAX 100000000u
#define WARM_UP_DEFAULT 20u

const char trace_help_text[] =
    "Usage: refrain-measure trace FILE [OPTIONS]\n"
    "       refrain-measure trace --listener NAME [OPTIONS]\n"
    "\n"
    "Replays what was asked for through caches and prints hit ratios: of requests, bytes, plays "
    "and\n"
    "first chunks, into an empty cache and behind a warm-up, beside an infinite cache and "
    "Belady's\n"
    "bound. FILE may be - for standard input, and compressed with zstd.\n"
    "\n"
    "  --format NAME     csv, oracle (oracleGeneral) or webcachesim; else by the file's name\n"
    "  --columns LIST    of a CSV file without names, as time=1,id=2,size=3; 0 = there is none\n"
    "  --listener NAME   a synthetic listener instead: albums, shuffler, radio, collector, "
    "drifter\n"
    "                    or household\n"
    "  --plays N         of the synthetic listener; 50000 when not given\n"
    "  --seed N          of the synthetic listener; 1 when not given\n"
    "  --policy LIST     as lru,s3-fifo; all when not given\n"
    "  --size LIST       as 256M,1G or 5% (of all bytes there are); 1%,2%,5%,10%,20%,50%\n"
    "  --sample SHARE    also estimate each ratio from so many of the objects, as 1%, and print "
    "the\n"
    "                    error\n"
    "  --warm-up SHARE   of the requests; 20% when not given\n"
    "  --jobs N          runs side by side; as many as there are processors when not given\n"
    "  --out FILE        write the requests to FILE and run nothing; .zst compresses\n"
    "  --to NAME         the format of --out; else by its name\n"
    "  --csv             a line for each policy and size\n"
    "  --json            one JSON object\n";

enum {
    OPTION_FORMAT = 256,
    OPTION_COLUMNS,
    OPTION_LISTENER,
    OPTION_PLAYS,
    OPTION_SEED,
    OPTION_POLICY,
    OPTION_SIZE,
    OPTION_SAMPLE,
    OPTION_WARM_UP,
    OPTION_JOBS,
    OPTION_OUT,
    OPTION_TO,
    OPTION_CSV,
    OPTION_JSON,
    OPTION_HELP
};

static const struct option long_options[] = {{"format", required_argument, NULL, OPTION_FORMAT},
                                             {"columns", required_argument, NULL, OPTION_COLUMNS},
                                             {"listener", required_argument, NULL, OPTION_LISTENER},
                                             {"plays", required_argument, NULL, OPTION_PLAYS},
                                             {"seed", required_argument, NULL, OPTION_SEED},
                                             {"policy", required_argument, NULL, OPTION_POLICY},
                                             {"size", required_argument, NULL, OPTION_SIZE},
                                             {"sample", required_argument, NULL, OPTION_SAMPLE},
                                             {"warm-up", required_argument, NULL, OPTION_WARM_UP},
                                             {"jobs", required_argument, NULL, OPTION_JOBS},
                                             {"out", required_argument, NULL, OPTION_OUT},
                                             {"to", required_argument, NULL, OPTION_TO},
                                             {"csv", no_argument, NULL, OPTION_CSV},
                                             {"json", no_argument, NULL, OPTION_JSON},
                                             {"help", no_argument, NULL, OPTION_HELP},
                                             {0}};

static int usage(const char *name, const char *wanted, const char *given)
{
    fprintf(stderr, "refrain-measure: --%s is %s, not %s; see refrain-measure trace --help\n", name,
            wanted, given);
    return EXIT_CODE_USAGE;
}

static int take_number(const char *name, const char *text, uint64_t least, uint64_t most,
                       uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < least ||
        number > most) {
        return usage(name, "a whole number within its limits", text);
    }
    *ret_number = number;
    return 0;
}

/* "5%", "0.1%": in millionths, from 1 to all. */
static bool parse_share(const char *text, uint32_t *ret_ppm)
{
    char *end = NULL;
    errno = 0;
    double share = strtod(text, &end);
    if (errno != 0 || end == text || strcmp(end, "%") != 0 || !(share > 0) || share > 100) {
        return false;
    }
    *ret_ppm = (uint32_t)(share * (CONTEST_PPM / 100.0) + 0.5);
    return *ret_ppm > 0;
}

/* "256M": powers of 1024. */
static bool parse_bytes(const char *text, uint64_t *ret_bytes)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    errno = 0;
    uint64_t bytes = strtoull(text, &end, 10);
    if (errno != 0 || end == text || text[0] == '-' || bytes == 0) {
        return false;
    }
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL) {
        end++;
        uint32_t shift = 10 * (uint32_t)(unit - units + 1);
        if (bytes > UINT64_MAX >> shift) {
            return false;
        }
        bytes <<= shift;
    }
    *ret_bytes = bytes;
    return *end == '\0';
}

static int take_sizes(char *list, struct trace_options *options)
{
    char *rest = NULL;
    options->size_count = 0;
    for (char *word = strtok_r(list, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        struct trace_size size = {0};
        if (options->size_count == OPTIONS_SIZES_MAX ||
            (!parse_share(word, &size.footprint_ppm) && !parse_bytes(word, &size.bytes))) {
            return usage("size", "a list of at most 64 sizes (256M, 5%)", word);
        }
        options->sizes[options->size_count++] = size;
    }
    return options->size_count > 0 ? 0 : usage("size", "a list of sizes", "empty");
}

static int take_policies(char *list, struct trace_options *options)
{
    char *rest = NULL;
    options->policy_count = 0;
    for (char *word = strtok_r(list, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        const struct evict_policy *policy = evict_policy_find(word);
        if (policy == NULL || options->policy_count == OPTIONS_POLICIES_MAX) {
            return usage("policy",
                         "a list of fifo, lru, clock, sieve, lfu, gdsf, arc, qd-lp, s3-fifo, "
                         "w-tinylfu, refrain and belady",
                         word);
        }
        options->policies[options->policy_count++] = policy;
    }
    return options->policy_count > 0 ? 0 : usage("policy", "a list of policies", "empty");
}

static int take_columns(char *list, struct format_columns *ret_columns)
{
    static const struct {
        const char *name;
        size_t place;
    } columns[] = {{"time", offsetof(struct format_columns, time)},
                   {"id", offsetof(struct format_columns, id)},
                   {"size", offsetof(struct format_columns, size)},
                   {"asked", offsetof(struct format_columns, asked)},
                   {"queued", offsetof(struct format_columns, queued)}};
    char *rest = NULL;
    for (char *word = strtok_r(list, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        uint64_t number = 0;
        char *value = strchr(word, '=');
        size_t i = 0;
        while (value != NULL && i < sizeof columns / sizeof columns[0] &&
               (strlen(columns[i].name) != (size_t)(value - word) ||
                memcmp(columns[i].name, word, (size_t)(value - word)) != 0)) {
            i++;
        }
        if (value == NULL || i == sizeof columns / sizeof columns[0] ||
            take_number("columns", value + 1, 0, 32, &number) != 0) {
            return usage("columns", "as time=1,id=2,size=3", word);
        }
        uint32_t column = (uint32_t)number;
        memcpy((char *)ret_columns + columns[i].place, &column, sizeof column);
    }
    return ret_columns->id != 0 ? 0 : usage("columns", "a list that names id", list);
}

static int take_format(const char *name, const char *text, enum format_kind *ret_kind)
{
    return format_find(text, ret_kind) ? 0 : usage(name, "csv, oracle or webcachesim", text);
}

/* Options whose value is a number. */
static int take_amount(int option, const char *text, struct trace_options *options)
{
    uint64_t number = 0;
    int code = 0;
    if (option == OPTION_PLAYS) {
        code = take_number("plays", text, 1, PLAYS_MAX, &number);
        options->plays = (uint32_t)number;
    } else if (option == OPTION_JOBS) {
        code = take_number("jobs", text, 1, 64, &number);
        options->jobs = (uint32_t)number;
    } else {
        code = take_number("seed", text, 0, UINT64_MAX, &options->seed);
    }
    return code;
}

static int take_share(int option, const char *text, struct trace_options *options)
{
    uint32_t ppm = 0;
    bool is_zero = strcmp(text, "0%") == 0 && option == OPTION_WARM_UP;
    if (!is_zero && !parse_share(text, &ppm)) {
        return usage(option == OPTION_SAMPLE ? "sample" : "warm-up", "a share, as 1%", text);
    }
    if (option == OPTION_SAMPLE) {
        options->sample_ppm = ppm;
    } else {
        options->warm_up_percent = ppm / (CONTEST_PPM / 100);
    }
    return 0;
}

static int take_listener(const char *name, struct trace_options *options)
{
    options->listener = listener_profile_find(name);
    return options->listener != NULL
               ? 0
               : usage("listener", "albums, shuffler, radio, collector, drifter or household",
                       name);
}

static int take(int option, char *text, struct trace_options *options)
{
    switch (option) {
    case OPTION_FORMAT:
        return take_format("format", text, &options->format);
    case OPTION_TO:
        return take_format("to", text, &options->to);
    case OPTION_COLUMNS:
        return take_columns(text, &options->columns);
    case OPTION_LISTENER:
        return take_listener(text, options);
    case OPTION_PLAYS:
    case OPTION_JOBS:
    case OPTION_SEED:
        return take_amount(option, text, options);
    case OPTION_POLICY:
        return take_policies(text, options);
    case OPTION_SIZE:
        return take_sizes(text, options);
    case OPTION_SAMPLE:
    case OPTION_WARM_UP:
        return take_share(option, text, options);
    case OPTION_OUT:
        options->out_path = text;
        return 0;
    case OPTION_CSV:
        options->csv = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_HELP:
        options->help = true;
        return 0;
    default:
        fputs("refrain-measure: see refrain-measure trace --help\n", stderr);
        return EXIT_CODE_USAGE;
    }
}

static void set_defaults(struct trace_options *options)
{
    static const uint32_t percents[] = {1, 2, 5, 10, 20, 50};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (struct trace_options){.plays = PLAYS_DEFAULT,
                                      .seed = 1,
                                      .warm_up_percent = WARM_UP_DEFAULT,
                                      .jobs = processors > 0 ? (uint32_t)processors : 1};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        options->sizes[options->size_count++].footprint_ppm = percents[i] * (CONTEST_PPM / 100);
    }
    while (evict_policies[options->policy_count] != NULL) {
        options->policies[options->policy_count] = evict_policies[options->policy_count];
        options->policy_count++;
    }
}

int trace_options_parse(int count, char **words, struct trace_options *ret_options)
{
    int option = 0;
    set_defaults(ret_options);
    optind = 1;
    while ((option = getopt_long(count, words, "", long_options, NULL)) != -1) {
        int code = take(option, optarg, ret_options);
        if (code != 0) {
            return code;
        }
    }
    if (ret_options->help) {
        return 0;
    }
    if ((optind < count) == (ret_options->listener != NULL) || optind + 1 < count) {
        fputs(
            "refrain-measure: trace needs one FILE, or --listener NAME; see refrain-measure trace "
            "--help\n",
            stderr);
        return EXIT_CODE_USAGE;
    }
    ret_options->path = optind < count ? words[optind] : NULL;
    return 0;
}
