/*
 * main.c: refrain-measure: the verbs and their options. docs/CLI.md has the contract.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "common/time_us.h"
#include "measure/lab/options.h"
#include "measure/replay.h"
#include "measure/report.h"
#include "measure/sim/world.h"
#include "measure/trace/command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help_text[] =
    "Usage: refrain-measure VERB [OPTIONS]\n"
    "\n"
    "  sim     simulate listeners and an origin with the very engines of the programs\n"
    "  lab     run the real programs on emulated lines and sum up what listeners experience\n"
    "  trace   replay a trace of requests through cache policies and print their hit ratios\n"
    "  replay  step a fresh node through what `refrain play --record FILE` recorded\n"
    "\n"
    "refrain-measure VERB --help tells more. Exit codes: docs/CLI.md.\n"
    "  --help      this text\n"
    "  --version   the version\n";

static const char sim_help_text[] =
    "Usage: refrain-measure sim --workload FILE [OPTIONS]\n"
    "\n"
    "Runs a workload on a virtual clock and prints waits, stutters, bytes by source and the trace\n"
    "hash: the same seed gives the same hash everywhere.\n"
    "\n"
    "  --workload FILE   what happens; measure/workload/workload.h draws the format\n"
    "  --policy NAME     refrain (default) or spotify2010; both, for a table of the two\n"
    "  --seed N          of all chance; 1 when not given\n"
    "  --seeds N         run N seeds from --seed on, one after the other\n"
    "  --no-peers        listeners take all from the origin\n"
    "  --wire            pass every message through the codec, as on a real link\n"
    "  --check           check the engines' invariants after every step (slow)\n"
    "  --trace           print every decision, one a line, to standard error\n"
    "  --json            the result as one JSON object\n";

static const char replay_help_text[] =
    "Usage: refrain-measure replay FILE\n"
    "\n"
    "Tells a fresh node what a real one was told and compares every update. Exit code 0: all were\n"
    "the same; 5: the first that was not is named.\n";

struct arguments {
    const char *verb;
    const char *file; /* what stands behind the verb */
    const char *workload;
    struct sim_options sim;
    struct lab_options lab;
    uint64_t seeds;
    bool both; /* policies, beside each other */
    bool json, help, version;
};

static int usage(const char *reason, const char *thing)
{
    fprintf(stderr, "refrain-measure: %s%s; see refrain-measure --help\n", reason, thing);
    return EXIT_CODE_USAGE;
}

static void print_decision(void *context, uint64_t now_us, uint32_t node, const char *line)
{
    (void)context;
    fprintf(stderr, "%" PRIu64 ".%06" PRIu64 " %" PRIu32 " %s\n", now_us / TIME_US_PER_S,
            now_us % TIME_US_PER_S, node, line);
}

enum {
    OPTION_WORKLOAD = 256,
    OPTION_POLICY,
    OPTION_SEED,
    OPTION_SEEDS,
    OPTION_NO_PEERS,
    OPTION_WIRE,
    OPTION_CHECK,
    OPTION_TRACE,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {{"workload", required_argument, NULL, OPTION_WORKLOAD},
                                             {"policy", required_argument, NULL, OPTION_POLICY},
                                             {"seed", required_argument, NULL, OPTION_SEED},
                                             {"seeds", required_argument, NULL, OPTION_SEEDS},
                                             {"no-peers", no_argument, NULL, OPTION_NO_PEERS},
                                             {"wire", no_argument, NULL, OPTION_WIRE},
                                             {"check", no_argument, NULL, OPTION_CHECK},
                                             {"trace", no_argument, NULL, OPTION_TRACE},
                                             {"json", no_argument, NULL, OPTION_JSON},
                                             LAB_LONG_OPTIONS,
                                             {"help", no_argument, NULL, OPTION_HELP},
                                             {"version", no_argument, NULL, OPTION_VERSION},
                                             {0}};

static int take_number(const char *text, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-') {
        return usage("a whole number is needed, not ", text);
    }
    *ret_number = number;
    return 0;
}

static int take_policy(struct arguments *arguments, const char *name)
{
    arguments->both = strcmp(name, "both") == 0;
    arguments->sim.preset = node_preset_find(arguments->both ? "refrain" : name);
    return arguments->sim.preset != NULL
               ? 0
               : usage("--policy is refrain, spotify2010 or both, not ", name);
}

static int take_option(int option, struct arguments *arguments)
{
    switch (option) {
    case OPTION_WORKLOAD:
        arguments->workload = optarg;
        return 0;
    case OPTION_POLICY:
        return take_policy(arguments, optarg);
    case OPTION_SEED:
        return take_number(optarg, &arguments->sim.seed);
    case OPTION_SEEDS:
        return take_number(optarg, &arguments->seeds);
    case OPTION_NO_PEERS:
        arguments->sim.no_peers = true;
        arguments->lab.without_peers = true;
        return 0;
    case OPTION_WIRE:
        arguments->sim.wire = true;
        return 0;
    case OPTION_CHECK:
        arguments->sim.check = true;
        return 0;
    case OPTION_TRACE:
        arguments->sim.sink = print_decision;
        return 0;
    case OPTION_JSON:
        arguments->json = true;
        return 0;
    case OPTION_HELP:
        arguments->help = true;
        return 0;
    case OPTION_VERSION:
        arguments->version = true;
        return 0;
    default:
        return lab_options_take(option, optarg, &arguments->lab);
    }
}

static int parse(int count, char **words, struct arguments *ret_arguments)
{
    int option = 0;
    *ret_arguments =
        (struct arguments){.sim = {.preset = &node_preset_refrain, .seed = 1}, .seeds = 1};
    lab_options_init(&ret_arguments->lab);
    while ((option = getopt_long(count, words, "", long_options, NULL)) != -1) {
        int code = take_option(option, ret_arguments);
        if (code != 0) {
            return code;
        }
    }
    ret_arguments->verb = optind < count ? words[optind] : NULL;
    ret_arguments->file = optind + 1 < count ? words[optind + 1] : NULL;
    return optind + 2 < count ? usage("too many words: ", words[optind + 2]) : 0;
}

static uint64_t wall_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * TIME_US_PER_S + (uint64_t)time.tv_nsec / 1000;
}

static int load(const struct arguments *arguments, uint64_t seed, struct workload *ret_workload)
{
    struct prng prng;
    char error[WORKLOAD_ERROR_BYTES_MAX];
    prng_init(&prng, seed);
    int code = workload_load(arguments->workload, &prng, ret_workload, error);
    if (code != 0) {
        fprintf(stderr, "refrain-measure: %s\n", error);
        return code == ERROR_IO ? EXIT_CODE_NOT_FOUND : EXIT_CODE_USAGE;
    }
    return 0;
}

/* One seed, under one policy or both. */
static int simulate_seed(const struct arguments *arguments, uint64_t seed)
{
    const struct node_preset *presets[] = {arguments->sim.preset, &node_preset_spotify2010};
    struct report_column columns[2];
    uint32_t count = arguments->both ? 2 : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct workload workload;
        int code = load(arguments, seed, &workload);
        if (code != 0) {
            return code;
        }
        columns[i].options = arguments->sim;
        columns[i].options.seed = seed;
        columns[i].options.preset = presets[i];
        uint64_t begin_us = wall_us();
        sim_run(&workload, &columns[i].options, &columns[i].result);
        columns[i].real_us = wall_us() - begin_us;
        workload_deinit(&workload);
    }
    report_print(columns, count, arguments->json);
    for (uint32_t i = 0; i < count; i++) {
        free(columns[i].result.waits);
    }
    return EXIT_CODE_OK;
}

static int simulate(const struct arguments *arguments)
{
    int code = EXIT_CODE_OK;
    if (arguments->workload == NULL || arguments->file != NULL) {
        return usage("sim needs --workload FILE", "");
    }
    for (uint64_t i = 0; i < arguments->seeds && code == EXIT_CODE_OK; i++) {
        code = simulate_seed(arguments, arguments->sim.seed + i);
    }
    return code;
}

static int experiment(struct arguments *arguments)
{
    if (arguments->lab.music == NULL || arguments->file != NULL) {
        return usage("lab needs --music FOLDER", "");
    }
    arguments->lab.seed = arguments->sim.seed;
    arguments->lab.json = arguments->json;
    return lab_run(&arguments->lab);
}

static int run_verb(struct arguments *arguments)
{
    bool is_sim = strcmp(arguments->verb, "sim") == 0;
    bool is_lab = strcmp(arguments->verb, "lab") == 0;
    if (!is_sim && !is_lab && strcmp(arguments->verb, "replay") != 0) {
        return usage("unknown verb: ", arguments->verb);
    }
    if (arguments->help) {
        fputs(is_sim ? sim_help_text : is_lab ? lab_help_text : replay_help_text, stdout);
        return EXIT_CODE_OK;
    }
    if (is_sim) {
        return simulate(arguments);
    }
    if (is_lab) {
        return experiment(arguments);
    }
    return arguments->file == NULL ? usage("replay needs a recording", "")
                                   : replay_run(arguments->file, arguments->sim.sink);
}

int main(int count, char **words)
{
    struct arguments arguments = {0};
    bool is_trace = count > 1 && strcmp(words[1], "trace") == 0;
    int code = is_trace ? 0 : parse(count, words, &arguments);
    if (code != 0) {
        return code;
    }
    if (is_trace) {
        code = trace_command(count - 1, words + 1); /* has options of its own */
    } else if (arguments.version) {
        puts("refrain-measure " REFRAIN_VERSION);
    } else if (arguments.verb != NULL) {
        code = run_verb(&arguments);
    } else if (arguments.help) {
        fputs(help_text, stdout);
    } else {
        code = usage("no verb", "");
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "refrain-measure: standard output: %s\n", strerror(errno));
        return EXIT_CODE_STORAGE;
    }
    return code;
}
