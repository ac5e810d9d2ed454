/*
 * options.h: the words behind `refrain-measure trace`.
 */
#ifndef MEASURE_TRACE_OPTIONS_H
#define MEASURE_TRACE_OPTIONS_H

#include "cache/core/evict.h"
#include "measure/trace/format.h"
#include "measure/trace/listener.h"

#define OPTIONS_SIZES_MAX 64u
#define OPTIONS_POLICIES_MAX 16u

struct trace_size {
    uint64_t bytes; /* 0: a share of the footprint instead */
    uint32_t footprint_ppm;
};

struct trace_options {
    const char *path; /* "-" = standard input; NULL with a listener */
    enum format_kind format;
    struct format_columns columns;
    const struct listener_profile *listener; /* NULL: the file */
    uint32_t plays;
    uint64_t seed;
    const struct evict_policy *policies[OPTIONS_POLICIES_MAX];
    uint32_t policy_count;
    struct trace_size sizes[OPTIONS_SIZES_MAX];
    uint32_t size_count;
    uint32_t sample_ppm;      /* also runs with so many of the objects; 0 = no */
    uint32_t warm_up_percent; /* of the requests */
    uint32_t jobs;
    const char *out_path; /* write the history there, run nothing; NULL */
    enum format_kind to;
    bool json, csv, help;
};

extern const char trace_help_text[];

/* Words behind the verb. An exit code; the reason was printed. */
int trace_options_parse(int count, char **words, struct trace_options *ret_options);

#endif
