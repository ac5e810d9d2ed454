/*
 * words.c: numbers with units, spans and KEY=VALUE.
 */
#include "measure/workload/words.h"

#include "common/time_us.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct words_unit words_times[] = {{"us", 1},
                                         {"ms", TIME_US_PER_MS},
                                         {"s", TIME_US_PER_S},
                                         {"m", 60 * TIME_US_PER_S},
                                         {"h", 3600 * TIME_US_PER_S},
                                         {NULL, 0}};
const struct words_unit words_rates[] = {
    {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};
const struct words_unit words_sizes[] = {
    {"", 1}, {"k", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
const struct words_unit words_numbers[] = {{"", 1}, {NULL, 0}};

void words_refuse(struct words *words, const char *reason)
{
    words->reason = words->reason == NULL ? reason : words->reason;
}

uint64_t words_take_number(struct words *words, const char **text, const struct words_unit *units)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(*text, &end, 10);
    if (end == *text || **text < '0' || **text > '9' || errno != 0) {
        words_refuse(words, "a number is missing or too large");
        return 0;
    }
    size_t letters = strspn(end, "abcdefghijklmnopqrstuvwxyzMG");
    *text = end + letters;
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == letters && strncmp(units->name, end, letters) == 0) {
            return time_scale(number, units->factor, 1);
        }
    }
    words_refuse(words, "a unit is missing or unknown; times need us, ms, s, m or h");
    return 0;
}

uint64_t words_number(struct words *words, const char *text, const struct words_unit *units)
{
    uint64_t number = words_take_number(words, &text, units);
    if (*text != '\0') {
        words_refuse(words, "something stands behind a number");
    }
    return number;
}

void words_span(struct words *words, const char *text, const struct words_unit *units,
                uint64_t *ret_low, uint64_t *ret_high)
{
    *ret_low = words_take_number(words, &text, units);
    *ret_high = *ret_low;
    if (strncmp(text, "..", 2) == 0) {
        *ret_high = words_number(words, text + 2, units);
    } else if (*text != '\0') {
        words_refuse(words, "something stands behind a number");
    }
    if (*ret_high < *ret_low) {
        words_refuse(words, "a span ends before it begins");
    }
}

const char *words_find(const struct words *words, uint32_t from, const char *key)
{
    size_t length = strlen(key);
    for (uint32_t i = from; i < words->count; i++) {
        if (strncmp(words->list[i], key, length) == 0 && words->list[i][length] == '=') {
            return words->list[i] + length + 1;
        }
    }
    return NULL;
}

uint64_t words_value_or(struct words *words, uint32_t from, const char *key,
                        const struct words_unit *units, uint64_t otherwise)
{
    const char *text = words_find(words, from, key);
    return text == NULL ? otherwise : words_number(words, text, units);
}

void words_check_keys(struct words *words, uint32_t from, const char *const *keys)
{
    for (uint32_t i = from; i < words->count; i++) {
        bool is_known = false;
        for (const char *const *key = keys; *key != NULL; key++) {
            size_t length = strlen(*key);
            is_known |= strncmp(words->list[i], *key, length) == 0 && words->list[i][length] == '=';
        }
        if (!is_known) {
            words_refuse(words, "a word is not among this statement's KEY=VALUE");
        }
    }
}

void words_places(struct words *words, const char *text, uint32_t count, const char *otherwise,
                  uint32_t *ret_first, uint32_t *ret_last)
{
    uint64_t low = 0, high = count - 1;
    if (count == 0 || strcmp(text, "all") != 0) {
        words_span(words, text, words_numbers, &low, &high);
    }
    if (high >= count) {
        words_refuse(words, otherwise);
    }
    *ret_first = (uint32_t)low;
    *ret_last = (uint32_t)high;
}

uint32_t words_choice(struct words *words, const char *text, const char *const *choices,
                      const char *reason)
{
    for (uint32_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(text, choices[i]) == 0) {
            return i;
        }
    }
    words_refuse(words, reason);
    return 0;
}
