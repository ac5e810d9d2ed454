/*
 * words.h: the words of one line of a workload file: numbers with units, spans, KEY=VALUE. What is
 * wrong is noted in `reason`, the first time; functions go on with some number then.
 */
#ifndef MEASURE_WORKLOAD_WORDS_H
#define MEASURE_WORKLOAD_WORDS_H

#include "measure/workload/workload.h"

#include <stdint.h>

#define WORDS_MAX 256u

struct words {
    struct workload *workload;
    struct prng *prng;
    char *list[WORDS_MAX];
    uint32_t count;
    const char *reason; /* why the line can't be taken; NULL: it can */
};

struct words_unit {
    const char *name; /* NULL ends a list */
    uint64_t factor;
};

extern const struct words_unit words_times[], words_rates[], words_sizes[], words_numbers[];

/* The first reason is the one that is told. */
void words_refuse(struct words *words, const char *reason);
/* A number with one of the units; *text moves behind it. */
uint64_t words_take_number(struct words *words, const char **text, const struct words_unit *units);
uint64_t words_number(struct words *words, const char *text, const struct words_unit *units);
/* A or A..B. */
void words_span(struct words *words, const char *text, const struct words_unit *units,
                uint64_t *ret_low, uint64_t *ret_high);
/* A, A..B or `all`, each below `count`. */
void words_places(struct words *words, const char *text, uint32_t count, const char *otherwise,
                  uint32_t *ret_first, uint32_t *ret_last);
/* The text behind KEY= among the words from `from` on, or NULL. */
const char *words_find(const struct words *words, uint32_t from, const char *key);
uint64_t words_value_or(struct words *words, uint32_t from, const char *key,
                        const struct words_unit *units, uint64_t otherwise);
/* Every word from `from` on must be KEY=VALUE with one of the keys (NULL-terminated). */
void words_check_keys(struct words *words, uint32_t from, const char *const *keys);
/* The place of the text in a NULL-terminated list; refused for `reason` when it is not there. */
uint32_t words_choice(struct words *words, const char *text, const char *const *choices,
                      const char *reason);

/* commands.c: an `at` line. */
void commands_parse(struct words *words);

#endif
