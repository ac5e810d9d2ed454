/*
 * workload.c: the parser of workload files.
 */
#include "measure/workload/workload.h"

#include "common/error.h"
#include "common/limits.h"
#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 256u

struct parser {
    struct workload *workload;
    struct prng *prng;
    char *words[WORDS_MAX];
    uint32_t count;
    const char *reason; /* why the line can't be taken; NULL: it can */
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit times[] = {{"us", 1},
                                    {"ms", TIME_US_PER_MS},
                                    {"s", TIME_US_PER_S},
                                    {"m", 60 * TIME_US_PER_S},
                                    {"h", 3600 * TIME_US_PER_S},
                                    {NULL, 0}};
static const struct unit rates[] = {
    {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1}, {"k", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
static const struct unit numbers[] = {{"", 1}, {NULL, 0}};

/* The first reason is the one that is told. */
static void refuse(struct parser *parser, const char *reason)
{
    parser->reason = parser->reason == NULL ? reason : parser->reason;
}

/* A number with one of the units; *text moves behind it. */
static uint64_t take_number(struct parser *parser, const char **text, const struct unit *units)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(*text, &end, 10);
    if (end == *text || **text < '0' || **text > '9' || errno != 0) {
        refuse(parser, "a number is missing or too large");
        return 0;
    }
    size_t letters = strspn(end, "abcdefghijklmnopqrstuvwxyzMG");
    *text = end + letters;
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == letters && strncmp(units->name, end, letters) == 0) {
            return time_scale(number, units->factor, 1);
        }
    }
    refuse(parser, "a unit is missing or unknown; times need us, ms, s, m or h");
    return 0;
}

static uint64_t parse_number(struct parser *parser, const char *text, const struct unit *units)
{
    uint64_t number = take_number(parser, &text, units);
    if (*text != '\0') {
        refuse(parser, "something stands behind a number");
    }
    return number;
}

/* A or A..B. */
static void parse_span(struct parser *parser, const char *text, const struct unit *units,
                       uint64_t *ret_low, uint64_t *ret_high)
{
    *ret_low = take_number(parser, &text, units);
    *ret_high = *ret_low;
    if (strncmp(text, "..", 2) == 0) {
        *ret_high = parse_number(parser, text + 2, units);
    } else if (*text != '\0') {
        refuse(parser, "something stands behind a number");
    }
    if (*ret_high < *ret_low) {
        refuse(parser, "a span ends before it begins");
    }
}

/* The text behind KEY= among the words from `from` on, or NULL. */
static const char *find_value(const struct parser *parser, uint32_t from, const char *key)
{
    size_t length = strlen(key);
    for (uint32_t i = from; i < parser->count; i++) {
        if (strncmp(parser->words[i], key, length) == 0 && parser->words[i][length] == '=') {
            return parser->words[i] + length + 1;
        }
    }
    return NULL;
}

static uint64_t value_or(struct parser *parser, uint32_t from, const char *key,
                         const struct unit *units, uint64_t otherwise)
{
    const char *text = find_value(parser, from, key);
    return text == NULL ? otherwise : parse_number(parser, text, units);
}

/* Every word from `from` on must be KEY=VALUE with one of the keys (NULL-terminated). */
static void check_keys(struct parser *parser, uint32_t from, const char *const *keys)
{
    for (uint32_t i = from; i < parser->count; i++) {
        bool is_known = false;
        for (const char *const *key = keys; *key != NULL; key++) {
            size_t length = strlen(*key);
            is_known |=
                strncmp(parser->words[i], *key, length) == 0 && parser->words[i][length] == '=';
        }
        if (!is_known) {
            refuse(parser, "a word is not among this statement's KEY=VALUE");
        }
    }
}

static uint32_t parse_count(struct parser *parser, uint32_t present, uint32_t most)
{
    uint64_t count = parser->count < 2 ? 0 : parse_number(parser, parser->words[1], numbers);
    if ((count == 0 || count > most - present)) {
        refuse(parser, "the count is missing, zero or too large");
    }
    return parser->reason == NULL ? (uint32_t)count : 0;
}

static void parse_runs(struct parser *parser, struct workload_track *track)
{
    const char *text = find_value(parser, 2, "runs");
    uint32_t chunks = media_chunk_count(track->bytes);
    if (text == NULL) {
        uint32_t head = chunks < 2 ? chunks : 2;
        track->runs[0] = (struct media_run){.first = 0, .count = (uint16_t)head};
        track->runs[1] = (struct media_run){.first = chunks - 1, .count = 1};
        track->run_count = chunks > 2 ? 2 : 1;
        return;
    }
    for (track->run_count = 0; track->run_count < MEDIA_START_RUNS_MAX && *text != '\0';) {
        uint64_t first = take_number(parser, &text, numbers);
        text += *text == '+';
        uint64_t count = take_number(parser, &text, numbers);
        if (parser->reason != NULL || count == 0 || count > UINT16_MAX || first + count > chunks) {
            refuse(parser, "a run of the start set is not within the file");
            return;
        }
        track->runs[track->run_count++] =
            (struct media_run){.first = (uint32_t)first, .count = (uint16_t)count};
        text += *text == ',';
    }
}

static void parse_tracks(struct parser *parser)
{
    static const char *const keys[] = {"bytes", "bitrate", "duration", "runs", NULL};
    struct workload *workload = parser->workload;
    uint32_t count = parse_count(parser, workload->track_count, WORKLOAD_TRACKS_MAX);
    const char *bytes = find_value(parser, 2, "bytes");
    uint64_t low = 0, high = 0;
    check_keys(parser, 2, keys);
    parse_span(parser, bytes == NULL ? "" : bytes, numbers, &low, &high);
    if ((low == 0 || high > FILE_BYTES_MAX)) {
        refuse(parser, "bytes must be 1 to 4294967296");
    }
    struct workload_track track = {.bitrate_bps = 1};
    track.bitrate_bps = (uint32_t)value_or(parser, 2, "bitrate", rates, 160000);
    uint64_t duration_us = value_or(parser, 2, "duration", times, 0);
    if (track.bitrate_bps == 0) {
        refuse(parser, "bitrate must not be 0");
    }
    for (uint32_t i = 0; i < count && parser->reason == NULL; i++) {
        track.bytes = low + prng_below(parser->prng, high - low + 1);
        track.duration_us = duration_us > 0
                                ? duration_us
                                : time_scale(track.bytes, 8 * TIME_US_PER_S, track.bitrate_bps);
        parse_runs(parser, &track);
        workload->tracks =
            measure_grow(workload->tracks, workload->track_count + 1, sizeof *workload->tracks);
        workload->tracks[workload->track_count++] = track;
    }
}

static struct workload_host parse_host(struct parser *parser, uint32_t from,
                                       const struct workload_host *otherwise)
{
    struct workload_host host = *otherwise;
    host.up_rate = value_or(parser, from, "up", rates, otherwise->up_rate * 8) / 8;
    host.down_rate = value_or(parser, from, "down", rates, otherwise->down_rate * 8) / 8;
    host.delay_us = value_or(parser, from, "delay", times, otherwise->delay_us);
    host.queue_bytes = value_or(parser, from, "queue", sizes, otherwise->queue_bytes);
    host.cache_bytes = value_or(parser, from, "cache", sizes, otherwise->cache_bytes);
    if ((host.up_rate == 0 || host.down_rate == 0)) {
        refuse(parser, "a rate must be 8 bit/s or more");
    }
    return host;
}

static void parse_listeners(struct parser *parser)
{
    static const char *const keys[] = {"up", "down", "delay", "queue", "cache", NULL};
    static const struct workload_host home = {.up_rate = 250000,
                                              .down_rate = 2500000,
                                              .delay_us = 20000,
                                              .queue_bytes = 256u << 10,
                                              .cache_bytes = UINT64_C(1) << 30};
    struct workload *workload = parser->workload;
    uint32_t count = parse_count(parser, workload->listener_count, WORKLOAD_LISTENERS_MAX);
    check_keys(parser, 2, keys);
    struct workload_host host = parse_host(parser, 2, &home);
    workload->listeners = measure_grow(workload->listeners, workload->listener_count + count + 1,
                                       sizeof *workload->listeners);
    for (uint32_t i = 0; i < count; i++) {
        workload->listeners[workload->listener_count++] = host;
    }
}

static void parse_origin(struct parser *parser)
{
    static const char *const keys[] = {"up", "down", "delay", "queue", NULL};
    check_keys(parser, 1, keys);
    parser->workload->origin = parse_host(parser, 1, &parser->workload->origin);
}

static void parse_play(struct parser *parser, struct workload_command *command)
{
    struct workload *workload = parser->workload;
    bool is_random = parser->count > 4 && strcmp(parser->words[4], "random") == 0;
    command->kind = WORKLOAD_PLAY;
    command->first_track = workload->played_count;
    for (uint32_t i = is_random ? 5 : 4; i < parser->count; i++) {
        uint64_t number = parse_number(parser, parser->words[i], numbers);
        if (is_random) {
            command->random_count = number > 10000 ? 10000 : (uint32_t)number;
            continue;
        }
        if (number >= workload->track_count) {
            refuse(parser, "no such track; `tracks` must stand before");
            return;
        }
        workload->played =
            measure_grow(workload->played, workload->played_count + 1, sizeof *workload->played);
        workload->played[workload->played_count++] = (uint32_t)number;
        command->track_count++;
    }
    if (command->track_count + command->random_count == 0 || workload->track_count == 0) {
        refuse(parser, "play what? Track numbers, or random N");
    }
}

static void parse_listener_verb(struct parser *parser, struct workload_command *command)
{
    const char *verb = parser->words[3];
    if (strcmp(verb, "play") == 0) {
        parse_play(parser, command);
    } else if (strcmp(verb, "seek") == 0 && parser->count == 5) {
        command->kind = WORKLOAD_SEEK;
        command->position_us = parse_number(parser, parser->words[4], times);
    } else if (strcmp(verb, "pause") == 0) {
        command->kind = WORKLOAD_PAUSE;
    } else if (strcmp(verb, "resume") == 0) {
        command->kind = WORKLOAD_RESUME;
    } else if (strcmp(verb, "stop") == 0) {
        command->kind = WORKLOAD_STOP;
    } else {
        refuse(parser, "a listener may play, seek TIME, pause, resume or stop");
    }
}

static void parse_at(struct parser *parser)
{
    struct workload *workload = parser->workload;
    struct workload_command command = {0};
    if (parser->count < 4) {
        refuse(parser, "`at` needs TIME, WHO and what to do");
        return;
    }
    parse_span(parser, parser->words[1], times, &command.at_us, &command.until_us);
    if (strcmp(parser->words[2], "origin") == 0) {
        bool is_stop = strcmp(parser->words[3], "stop") == 0;
        command.kind = is_stop ? WORKLOAD_ORIGIN_STOP : WORKLOAD_ORIGIN_START;
        if (!is_stop && strcmp(parser->words[3], "start") != 0) {
            refuse(parser, "the origin may stop or start");
        }
    } else {
        bool is_all = strcmp(parser->words[2], "all") == 0;
        uint64_t who =
            is_all ? WORKLOAD_EVERYBODY : parse_number(parser, parser->words[2], numbers);
        if (!is_all && parser->reason == NULL && who >= workload->listener_count) {
            refuse(parser, "no such listener; `listeners` must stand before");
        }
        command.listener = (uint32_t)who;
        parse_listener_verb(parser, &command);
    }
    workload->commands =
        measure_grow(workload->commands, workload->command_count + 1, sizeof *workload->commands);
    workload->commands[workload->command_count++] = command;
}

static void parse_statement(struct parser *parser)
{
    const char *verb = parser->words[0];
    if (strcmp(verb, "tracks") == 0) {
        parse_tracks(parser);
    } else if (strcmp(verb, "listeners") == 0) {
        parse_listeners(parser);
    } else if (strcmp(verb, "origin") == 0) {
        parse_origin(parser);
    } else if (strcmp(verb, "at") == 0) {
        parse_at(parser);
    } else if (strcmp(verb, "end") == 0 && parser->count == 2) {
        parser->workload->end_us = parse_number(parser, parser->words[1], times);
    } else {
        refuse(parser, "a statement is tracks, origin, listeners, at, or end TIME");
    }
}

static void parse_line(struct parser *parser, char *line)
{
    char *rest = NULL;
    line[strcspn(line, "#\n")] = '\0';
    parser->count = 0;
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (parser->count == WORDS_MAX) {
            refuse(parser, "more than 256 words; split the line");
            return;
        }
        parser->words[parser->count++] = word;
    }
    if (parser->count > 0) {
        parse_statement(parser);
    }
}

void workload_deinit(struct workload *workload)
{
    free(workload->tracks);
    free(workload->listeners);
    free(workload->commands);
    free(workload->played);
    *workload = (struct workload){0};
}

static void finish(struct parser *parser, const char *path, uint32_t line, char *ret_error)
{
    const struct workload *workload = parser->workload;
    if (parser->reason != NULL) {
        snprintf(ret_error, WORKLOAD_ERROR_BYTES_MAX, "%s, line %" PRIu32 ": %s", path, line,
                 parser->reason);
    } else if (workload->listener_count == 0 || workload->command_count == 0) {
        refuse(parser, "empty");
        snprintf(ret_error, WORKLOAD_ERROR_BYTES_MAX,
                 "%s: nobody does anything; add `listeners` and `at` lines", path);
    }
}

int workload_load(const char *path, struct prng *prng, struct workload *ret_workload,
                  char ret_error[WORKLOAD_ERROR_BYTES_MAX])
{
    struct workload workload = {.origin = {.up_rate = 12500000,
                                           .down_rate = 12500000,
                                           .delay_us = 5000,
                                           .queue_bytes = 1u << 20},
                                .end_us = TIME_NEVER_US};
    struct parser parser = {.workload = &workload, .prng = prng};
    char line[WORKLOAD_LINE_BYTES_MAX + 1];
    uint32_t number = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        snprintf(ret_error, WORKLOAD_ERROR_BYTES_MAX, "%s: %s; name a workload file", path,
                 strerror(errno));
        return ERROR_IO;
    }
    while (parser.reason == NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        if (strchr(line, '\n') == NULL && !feof(file)) {
            parser.reason = "longer than 1023 bytes; split it";
        } else {
            parse_line(&parser, line);
        }
    }
    fclose(file);
    finish(&parser, path, number, ret_error);
    if (parser.reason != NULL) {
        workload_deinit(&workload);
        return ERROR_MALFORMED;
    }
    *ret_workload = workload;
    return 0;
}
