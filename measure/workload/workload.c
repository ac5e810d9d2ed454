/*
 * workload.c: the parser of workload files: what there is. What happens is parsed by commands.c.
 */
#include "measure/workload/workload.h"

#include "common/error.h"
#include "common/limits.h"
#include "common/time_us.h"
#include "measure/workload/grow.h"
#include "measure/workload/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of sound, in a start set that is not given; and its least chunks at the file's beginning. */
#define START_US (3 * TIME_US_PER_S)
#define START_CHUNKS_MIN 2u

static uint32_t parse_count(struct words *words, uint32_t present, uint32_t most)
{
    uint64_t count = words->count < 2 ? 0 : words_number(words, words->list[1], words_numbers);
    if ((count == 0 || count > most - present)) {
        words_refuse(words, "the count is missing, zero or too large");
    }
    return words->reason == NULL ? (uint32_t)count : 0;
}

/* What real decoders of real music read before START_US of sound come out: the chunks of that sound,
 * with the headers before it, and the file's end. */
static void default_runs(struct workload_track *track, uint32_t chunks)
{
    uint64_t bytes = time_scale(track->bytes, START_US, track->duration_us + 1);
    uint64_t head = bytes / CHUNK_BYTES + 1;
    head = head < START_CHUNKS_MIN ? START_CHUNKS_MIN : head;
    head = head < chunks ? head : chunks;
    head = head < UINT16_MAX ? head : UINT16_MAX;
    track->runs[0] = (struct media_run){.first = 0, .count = (uint16_t)head};
    track->runs[1] = (struct media_run){.first = chunks - 1, .count = 1};
    track->run_count = track->runs[0].count < chunks ? 2 : 1;
}

static void parse_runs(struct words *words, struct workload_track *track)
{
    const char *text = words_find(words, 2, "runs");
    uint32_t chunks = media_chunk_count(track->bytes);
    if (text == NULL) {
        default_runs(track, chunks);
        return;
    }
    for (track->run_count = 0; track->run_count < MEDIA_START_RUNS_MAX && *text != '\0';) {
        uint64_t first = words_take_number(words, &text, words_numbers);
        text += *text == '+';
        uint64_t count = words_take_number(words, &text, words_numbers);
        if (words->reason != NULL || count == 0 || count > UINT16_MAX || first + count > chunks) {
            words_refuse(words, "a run of the start set is not within the file");
            return;
        }
        track->runs[track->run_count++] =
            (struct media_run){.first = (uint32_t)first, .count = (uint16_t)count};
        text += *text == ',';
    }
}

static void parse_tracks(struct words *words)
{
    static const char *const keys[] = {"bytes", "bitrate", "duration", "runs", NULL};
    struct workload *workload = words->workload;
    uint32_t count = parse_count(words, workload->track_count, WORKLOAD_TRACKS_MAX);
    const char *bytes = words_find(words, 2, "bytes");
    uint64_t low = 0, high = 0;
    words_check_keys(words, 2, keys);
    words_span(words, bytes == NULL ? "" : bytes, words_numbers, &low, &high);
    if ((low == 0 || high > FILE_BYTES_MAX)) {
        words_refuse(words, "bytes must be 1 to 4294967296");
    }
    struct workload_track track = {.bitrate_bps = 1};
    track.bitrate_bps = (uint32_t)words_value_or(words, 2, "bitrate", words_rates, 160000);
    uint64_t duration_us = words_value_or(words, 2, "duration", words_times, 0);
    if (track.bitrate_bps == 0) {
        words_refuse(words, "bitrate must not be 0");
    }
    for (uint32_t i = 0; i < count && words->reason == NULL; i++) {
        track.bytes = low + prng_below(words->prng, high - low + 1);
        track.duration_us = duration_us > 0
                                ? duration_us
                                : time_scale(track.bytes, 8 * TIME_US_PER_S, track.bitrate_bps);
        parse_runs(words, &track);
        workload->tracks =
            measure_grow(workload->tracks, workload->track_count + 1, sizeof *workload->tracks);
        workload->tracks[workload->track_count++] = track;
    }
}

static struct workload_host parse_line_of(struct words *words, uint32_t from,
                                          const struct workload_host *otherwise)
{
    struct workload_host host = *otherwise;
    host.up_rate = words_value_or(words, from, "up", words_rates, otherwise->up_rate * 8) / 8;
    host.down_rate = words_value_or(words, from, "down", words_rates, otherwise->down_rate * 8) / 8;
    host.delay_us = words_value_or(words, from, "delay", words_times, otherwise->delay_us);
    host.queue_bytes = words_value_or(words, from, "queue", words_sizes, otherwise->queue_bytes);
    host.cache_bytes = words_value_or(words, from, "cache", words_sizes, otherwise->cache_bytes);
    if ((host.up_rate == 0 || host.down_rate == 0)) {
        words_refuse(words, "a rate must be 8 bit/s or more");
    }
    return host;
}

static uint32_t parse_choice(struct words *words, const char *key, const char *const *choices,
                             const char *reason)
{
    const char *text = words_find(words, 2, key);
    return text == NULL ? 0 : words_choice(words, text, choices, reason);
}

static void parse_deed(struct words *words, struct workload_host *host)
{
    static const char *const deeds[] = {"honest", "silent",  "mute",   "trickle",
                                        "lies",   "rubbish", "resets", NULL};
    static const char trickle[] = "trickle:";
    const char *text = words_find(words, 2, "does");
    if (text != NULL && strncmp(text, trickle, strlen(trickle)) == 0) {
        host->deed = WORKLOAD_TRICKLE;
        host->trickle_rate = words_number(words, text + strlen(trickle), words_rates) / 8;
    } else if (text != NULL) {
        host->deed = (enum workload_deed)words_choice(
            words, text, deeds,
            "does= is honest, silent, mute, trickle:RATE, lies, rubbish or resets");
    }
    if (host->deed == WORKLOAD_TRICKLE && host->trickle_rate == 0) {
        words_refuse(words, "trickle needs a rate: does=trickle:8k");
    }
}

static void parse_listeners(struct words *words)
{
    static const char *const keys[] = {"up",  "down", "delay", "queue", "cache", "nat",
                                       "syn", "lan",  "does",  "here",  "gives", NULL};
    static const char *const nats[] = {"open",      "cone",   "address", "port",
                                       "symmetric", "mapped", NULL};
    static const char *const syns[] = {"drop", "reset", NULL};
    static const char *const truths[] = {"yes", "no", NULL};
    static const struct workload_host home = {.up_rate = 250000,
                                              .down_rate = 2500000,
                                              .delay_us = 20000,
                                              .queue_bytes = 256u << 10,
                                              .cache_bytes = UINT64_C(1) << 30};
    struct workload *workload = words->workload;
    uint32_t count = parse_count(words, workload->listener_count, WORKLOAD_LISTENERS_MAX);
    words_check_keys(words, 2, keys);
    struct workload_host host = parse_line_of(words, 2, &home);
    host.nat = (enum workload_nat)parse_choice(
        words, "nat", nats, "nat= is open, cone, address, port, symmetric or mapped");
    host.is_resetting = parse_choice(words, "syn", syns, "syn= is drop or reset") != 0;
    host.is_absent = parse_choice(words, "here", truths, "here= is yes or no") != 0;
    host.is_taking_only = parse_choice(words, "gives", truths, "gives= is yes or no") != 0;
    uint64_t lan = words_value_or(words, 2, "lan", words_numbers, 0);
    host.lan = (uint32_t)lan;
    if (lan > WORKLOAD_LANS_MAX) {
        words_refuse(words, "lan= is 1 to 1000");
    }
    parse_deed(words, &host);
    workload->listeners = measure_grow(workload->listeners, workload->listener_count + count + 1,
                                       sizeof *workload->listeners);
    for (uint32_t i = 0; i < count; i++) {
        workload->listeners[workload->listener_count++] = host;
    }
}

/* hold WHO TRACK[..TRACK] [rows=I/N] */
static void parse_hold(struct words *words)
{
    static const char *const keys[] = {"rows", NULL};
    struct workload *workload = words->workload;
    struct workload_hold hold = {.parts = 1};
    if (words->count < 3) {
        words_refuse(words, "`hold` needs WHO and tracks");
        return;
    }
    words_places(words, words->list[1], workload->listener_count,
                 "no such listener; `listeners` must stand before", &hold.listener,
                 &hold.last_listener);
    words_places(words, words->list[2], workload->track_count,
                 "no such track; `tracks` must stand before", &hold.track, &hold.last_track);
    words_check_keys(words, 3, keys);
    const char *rows = words_find(words, 3, "rows");
    if (rows != NULL) {
        uint64_t part = words_take_number(words, &rows, words_numbers);
        rows += *rows == '/';
        uint64_t parts = words_number(words, rows, words_numbers);
        if (part >= parts || parts > FILE_ROWS_MAX) {
            words_refuse(words, "rows=I/N: I counts from 0 and is less than N");
        }
        hold.part = (uint32_t)part;
        hold.parts = (uint32_t)parts;
    }
    workload->holds =
        measure_grow(workload->holds, workload->hold_count + 1, sizeof *workload->holds);
    workload->holds[workload->hold_count++] = hold;
}

static void parse_origin(struct words *words)
{
    static const char *const keys[] = {"up", "down", "delay", "queue", NULL};
    words_check_keys(words, 1, keys);
    words->workload->origin = parse_line_of(words, 1, &words->workload->origin);
}

static void parse_statement(struct words *words)
{
    const char *verb = words->list[0];
    if (strcmp(verb, "tracks") == 0) {
        parse_tracks(words);
    } else if (strcmp(verb, "listeners") == 0) {
        parse_listeners(words);
    } else if (strcmp(verb, "origin") == 0) {
        parse_origin(words);
    } else if (strcmp(verb, "hold") == 0) {
        parse_hold(words);
    } else if (strcmp(verb, "at") == 0) {
        commands_parse(words);
    } else if (strcmp(verb, "end") == 0 && words->count == 2) {
        words->workload->end_us = words_number(words, words->list[1], words_times);
    } else {
        words_refuse(words, "a statement is tracks, origin, listeners, hold, at, or end TIME");
    }
}

static void parse_line(struct words *words, char *line)
{
    char *rest = NULL;
    line[strcspn(line, "#\n")] = '\0';
    words->count = 0;
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (words->count == WORDS_MAX) {
            words_refuse(words, "more than 256 words; split the line");
            return;
        }
        words->list[words->count++] = word;
    }
    if (words->count > 0) {
        parse_statement(words);
    }
}

void workload_deinit(struct workload *workload)
{
    free(workload->tracks);
    free(workload->listeners);
    free(workload->commands);
    free(workload->holds);
    free(workload->played);
    *workload = (struct workload){0};
}

static void finish(struct words *words, const char *path, uint32_t line, char *ret_error)
{
    const struct workload *workload = words->workload;
    if (words->reason != NULL) {
        snprintf(ret_error, WORKLOAD_ERROR_BYTES_MAX, "%s, line %" PRIu32 ": %s", path, line,
                 words->reason);
    } else if (workload->listener_count == 0 || workload->command_count == 0) {
        words_refuse(words, "empty");
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
    struct words words = {.workload = &workload, .prng = prng};
    char line[WORKLOAD_LINE_BYTES_MAX + 1];
    uint32_t number = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        snprintf(ret_error, WORKLOAD_ERROR_BYTES_MAX, "%s: %s; name a workload file", path,
                 strerror(errno));
        return ERROR_IO;
    }
    while (words.reason == NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        if (strchr(line, '\n') == NULL && !feof(file)) {
            words.reason = "longer than 1023 bytes; split it";
        } else {
            parse_line(&words, line);
        }
    }
    fclose(file);
    finish(&words, path, number, ret_error);
    if (words.reason != NULL) {
        workload_deinit(&workload);
        return ERROR_MALFORMED;
    }
    *ret_workload = workload;
    return 0;
}
