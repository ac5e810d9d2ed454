/*
 * command.c: makes the list of runs, has them done, hands them to who prints.
 */
#include "measure/trace/command.h"

#include "common/exit_code.h"
#include "measure/trace/contest.h"
#include "measure/trace/options.h"
#include "measure/trace/print.h"

#include <stdio.h>
#include <stdlib.h>

static int load(const struct trace_options *options, struct history *history)
{
    char message[FORMAT_MESSAGE_BYTES_MAX] = "out of memory";
    int code = EXIT_CODE_OK;
    if (options->listener != NULL) {
        int error = listener_make(options->listener, options->plays, options->seed, history);
        code = error == 0 ? EXIT_CODE_OK : EXIT_CODE_INTERNAL;
    } else {
        code = format_read(options->path, options->format, &options->columns, history, message);
    }
    if (code != EXIT_CODE_OK) {
        fprintf(stderr, "refrain-measure: %s\n", message);
    }
    return code;
}

static int save(const struct trace_options *options, const struct history *history)
{
    char message[FORMAT_MESSAGE_BYTES_MAX];
    int code = format_write(options->out_path, options->to, history, message);
    if (code != EXIT_CODE_OK) {
        fprintf(stderr, "refrain-measure: %s\n", message);
    }
    return code;
}

static uint64_t limit_of(const struct trace_size *size, uint64_t footprint_bytes)
{
    uint64_t bytes = size->bytes;
    if (bytes == 0) {
        bytes = footprint_bytes / CONTEST_PPM * size->footprint_ppm +
                footprint_bytes % CONTEST_PPM * size->footprint_ppm / CONTEST_PPM;
    }
    return bytes > 0 ? bytes : 1;
}

static void add(struct contest_run *runs, uint32_t *count, struct contest_run run,
                uint32_t sample_ppm)
{
    run.sample_ppm = CONTEST_PPM;
    runs[(*count)++] = run;
    if (sample_ppm != 0) {
        run.sample_ppm = sample_ppm;
        runs[(*count)++] = run;
    }
}

/* The first run is the infinite cache; then, size by size, each policy, with the queue protected
 * where it is known, and sampled behind its exact one. */
static uint32_t list_runs(const struct trace_options *options, const struct history *history,
                          struct contest_run *runs)
{
    uint64_t footprint_bytes = history_footprint_bytes(history);
    uint32_t count = 0;
    add(runs, &count, (struct contest_run){.limit_bytes = footprint_bytes}, 0);
    for (uint32_t i = 0; i < options->size_count; i++) {
        uint64_t limit_bytes = limit_of(&options->sizes[i], footprint_bytes);
        for (uint32_t j = 0; j < options->policy_count; j++) {
            struct contest_run run = {.policy = options->policies[j], .limit_bytes = limit_bytes};
            add(runs, &count, run, options->sample_ppm);
            if (history->has_queue && !evict_policy_is_bound(run.policy)) {
                run.with_queue = true;
                add(runs, &count, run, options->sample_ppm);
            }
        }
    }
    return count;
}

static int compete(const struct trace_options *options, const struct history *history)
{
    /* Plain and with the queue, exact and sampled. */
    size_t capacity = 1 + (size_t)options->size_count * options->policy_count * 4;
    uint32_t warm_up =
        (uint32_t)((uint64_t)history->request_count * options->warm_up_percent / 100);
    struct contest_run *runs = calloc(capacity, sizeof *runs);
    int error = runs == NULL;
    uint32_t count = 0;
    if (error == 0) {
        count = list_runs(options, history, runs);
        error = contest_run(history, runs, count, warm_up, options->jobs);
    }
    if (error != 0) {
        fputs("refrain-measure: out of memory\n", stderr);
    } else {
        print_contest(options, history, runs, count);
    }
    free(runs);
    return error == 0 ? EXIT_CODE_OK : EXIT_CODE_INTERNAL;
}

int trace_command(int count, char **words)
{
    struct trace_options options;
    struct history history;
    int code = trace_options_parse(count, words, &options);
    if (code != 0 || options.help) {
        if (code == 0) {
            fputs(trace_help_text, stdout);
        }
        return code;
    }
    history_init(&history);
    code = load(&options, &history);
    if (code == EXIT_CODE_OK) {
        code = options.out_path != NULL ? save(&options, &history) : compete(&options, &history);
    }
    history_deinit(&history);
    return code;
}
